"""What fits share: the voxels that count, and numbers to meet the classes of an array."""

from typing import Any

import numpy as np

from segloss_xp import _ops
from segloss_xp._array import working_dtype
from segloss_xp._comparison import Comparison


def voxels(
    prediction: Any, target: Any, *, voxel_weights: Any = None, **description: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Prediction and target (M, C), and weights (M, 1), of the voxels that count."""
    weighted = {"voxel_weights": None if voxel_weights is None else np.asarray(voxel_weights)}
    mask = description.pop("mask", None)
    c = Comparison(
        np.asarray(prediction),
        np.asarray(target),
        mask=None if mask is None else np.asarray(mask),
        **weighted,
        **description,
    )
    labels = c.target.ndim == 2
    y = c.target[:, None, :] == np.arange(c.classes)[:, None] if labels else c.target
    w = np.ones((c.samples, 1, y.shape[2])) if c.weight is None else np.asarray(c.weight, float)
    used = np.broadcast_to(w > 0, w.shape)[:, 0]
    z, y, w = (np.moveaxis(each, 1, -1)[used].astype(np.float64) for each in (c.prediction, y, w))
    if not len(z):
        raise ValueError("expected one voxel or more that counts, got none")
    return z, y, w


def along(xp: Any, x: Any, values: tuple[float, ...], class_axis: int) -> Any:
    """One number a class, or one for all, to meet `x` along its class axis."""
    axis = class_axis % x.ndim
    if len(values) not in (1, x.shape[axis]):
        raise ValueError(f"expected {len(values)} classes, got {x.shape[axis]}")
    constant = _ops.constant(xp, values, working_dtype(xp, x), like=x)
    return xp.reshape(constant, (-1,) + (1,) * (x.ndim - 1 - axis))
