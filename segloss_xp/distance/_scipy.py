"""Distances by SciPy, one sample a thread."""

from typing import Any

import numpy as np
from scipy.ndimage import distance_transform_edt

from segloss_xp.distance._threads import spread


def squared_distance(
    mask: Any, spacing: tuple[float, ...], dtype: Any, limit: float | None = None
) -> Any:
    """Squared distance of each True voxel of (B, *space) to the nearest False one."""
    d = np.empty(mask.shape, dtype)

    def work(start: int, stop: int) -> None:
        for b in range(start, stop):
            d[b] = _squared(mask[b], spacing)

    spread(work, mask.shape[0])
    return d


def squared_label_distance(
    labels: Any, spacing: tuple[float, ...], dtype: Any, limit: float | None = None
) -> Any:
    """Squared distance of each voxel of (B, *space) to the nearest of another label."""
    d = np.empty(labels.shape, dtype)

    def work(start: int, stop: int) -> None:
        for b in range(start, stop):
            for label in np.unique(labels[b]):
                inside = labels[b] == label
                np.copyto(d[b], _squared(inside, spacing), "same_kind", where=inside)

    spread(work, labels.shape[0])
    return d


def _squared(mask: Any, spacing: tuple[float, ...]) -> Any:
    if mask.all():  # SciPy would measure to a voxel beyond the corner
        return np.float64(np.inf)
    # The square of a root is not exact, so the squares are taken of the ways to the nearest voxel.
    nearest = distance_transform_edt(mask, spacing, return_distances=False, return_indices=True)
    total = np.zeros(mask.shape)
    for axis, (n, w) in enumerate(zip(mask.shape, spacing, strict=True)):
        away = np.arange(n).reshape((n,) + (1,) * (mask.ndim - 1 - axis))
        total += ((nearest[axis] - away) * w) ** 2  # pyright: ignore[reportOptionalSubscript]
    return total
