"""Distances of NumPy arrays, by the fastest library that is installed."""

from typing import Any

from segloss_xp._execution import importable


def squared_distance(
    mask: Any, spacing: tuple[float, ...], dtype: Any, limit: float | None = None
) -> Any:
    """Squared distance of each True voxel of (B, *space) to the nearest False one."""
    return _provider().squared_distance(mask, spacing, dtype, limit)


def squared_label_distance(
    labels: Any, spacing: tuple[float, ...], dtype: Any, limit: float | None = None
) -> Any:
    """Squared distance of each voxel of (B, *space) to the nearest of another label."""
    return _provider().squared_label_distance(labels, spacing, dtype, limit)


def _provider() -> Any:
    if importable("numba"):
        from segloss_xp.distance import _numba as provider
    elif importable("scipy.ndimage"):
        from segloss_xp.distance import _scipy as provider
    else:
        from segloss_xp.distance import _windowed as provider
    return provider
