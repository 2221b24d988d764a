"""Distances of NumPy arrays, by the fastest library that is installed."""

import importlib
from functools import cache
from typing import Any


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


@cache
def _provider() -> Any:
    # Installed is not enough: Numba refuses to be imported beside a NumPy newer than it knows.
    for package, adapter in (("numba", "_numba"), ("scipy.ndimage", "_scipy")):
        try:
            importlib.import_module(package)
        except ImportError:
            continue
        return importlib.import_module(f"segloss_xp.distance.{adapter}")
    return importlib.import_module("segloss_xp.distance._windowed")
