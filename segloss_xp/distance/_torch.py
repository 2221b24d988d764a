"""Distances of PyTorch tensors, as one operator that the compiler does not look into."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import torch

from segloss_xp.distance import _generic, _numpy


def squared_distance(
    mask: Any, spacing: tuple[float, ...], dtype: Any, limit: float | None = None
) -> Any:
    """Squared distance of each True voxel of (B, *space) to the nearest False one."""
    return operator(mask, spacing, dtype, limit, labels=False)


def squared_label_distance(
    labels: Any, spacing: tuple[float, ...], dtype: Any, limit: float | None = None
) -> Any:
    """Squared distance of each voxel of (B, *space) to the nearest of another label."""
    return operator(labels, spacing, dtype, limit, labels=True)


@torch.library.custom_op("segloss_xp::squared_distance", mutates_args=())
def operator(
    x: torch.Tensor,
    spacing: Sequence[float],
    dtype: torch.dtype,
    limit: float | None,
    labels: bool,
) -> torch.Tensor:
    """Either of the above, by what suits the device."""
    how = (tuple(spacing), dtype, limit)
    match x.device.type:
        case "cpu":
            precision = "float64" if dtype == torch.float64 else "float32"
            run = _numpy.squared_label_distance if labels else _numpy.squared_distance
            return torch.from_numpy(run(x.numpy(), tuple(spacing), precision, limit))
        case "cuda" if find_spec("triton") and (not labels or x.dtype == torch.bool):
            from segloss_xp.distance import _triton

            if labels:
                return _generic.both_sides(_triton.squared_distance, x, *how)
            return _triton.squared_distance(x, *how)
        case _:
            run = _generic.squared_label_distance if labels else _generic.squared_distance
            return run(x, *how)


@operator.register_fake
def _(x: Any, spacing: Any, dtype: Any, limit: Any, labels: Any) -> Any:
    return x.new_empty(x.shape, dtype=dtype)


@operator.register_vmap
def _(info: Any, axes: Any, x: Any, *how: Any) -> Any:
    x = x.movedim(axes[0], 0)
    return operator(x.flatten(0, 1), *how).unflatten(0, x.shape[:2]), 0
