"""Distances of Dask arrays: the samples of a block by NumPy, a sample never split over blocks."""

from functools import partial
from typing import Any

import numpy as np

from segloss_xp.distance import _numpy


def squared_distance(
    mask: Any, spacing: tuple[float, ...], dtype: Any, limit: float | None = None
) -> Any:
    """Squared distance of each True voxel of (B, *space) to the nearest False one."""
    return _by_block(_numpy.squared_distance, mask, spacing, dtype, limit)


def squared_label_distance(
    labels: Any, spacing: tuple[float, ...], dtype: Any, limit: float | None = None
) -> Any:
    """Squared distance of each voxel of (B, *space) to the nearest of another label."""
    return _by_block(_numpy.squared_label_distance, labels, spacing, dtype, limit)


def _by_block(distance: Any, x: Any, spacing: Any, dtype: Any, limit: Any) -> Any:
    whole = x.rechunk(dict.fromkeys(range(1, x.ndim), -1))
    run = partial(distance, spacing=spacing, dtype=dtype, limit=limit)
    return whole.map_blocks(run, dtype=dtype, meta=np.empty((0,) * x.ndim, dtype))
