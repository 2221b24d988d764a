"""Distances in NumPy alone: the minimum over a window that ends where it can't matter."""

from math import inf, prod
from typing import Any

import numpy as np

from segloss_xp.distance._generic import along_last, beside_another
from segloss_xp.distance._window import reach

# Numbers of a tile, which stays in the cache.
TILE = 1 << 16


def squared_distance(
    mask: Any, spacing: tuple[float, ...], dtype: Any, limit: float | None = None
) -> Any:
    """Squared distance of each True voxel of (B, *space) to the nearest False one."""
    d = np.where(mask, np.asarray(inf, dtype), np.asarray(0, dtype))
    return _transform(d, spacing, limit, None)


def squared_label_distance(
    labels: Any, spacing: tuple[float, ...], dtype: Any, limit: float | None = None
) -> Any:
    """Squared distance of each voxel of (B, *space) to the nearest of another label."""
    return _transform(beside_another(np, labels, dtype), spacing, limit, labels)


def _transform(d: Any, spacing: tuple[float, ...], limit: float | None, labels: Any) -> Any:
    shape = d.shape
    if d.size == 0:
        return d
    d = np.ascontiguousarray(along_last(np, d, spacing[-1]))
    for axis in range(d.ndim - 2, 0, -1):
        outer, n, inner = prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])
        f = d.reshape(outer, n, inner)
        g = None if labels is None else labels.reshape(outer, n, inner)
        slabs = max(1, TILE // (n * inner))
        columns = inner if slabs > 1 else max(16, TILE // n)
        for o in range(0, outer, slabs):
            for c in range(0, inner, columns):
                tile = slice(o, o + slabs), slice(None), slice(c, c + columns)
                f[tile] = _tile(f[tile], spacing[axis - 1], limit, None if g is None else g[tile])
    return d


def _tile(f: Any, w: float, limit: float | None, labels: Any) -> Any:
    n = f.shape[1]
    d = f.copy()
    for k in range(1, reach(n, w, limit) + 1):
        far = np.asarray((k * w) ** 2, f.dtype)
        # Nothing beyond is nearer than this. To look at the maximum costs as much as a step.
        if k % 4 == 1 and far >= d.max():
            break
        lower, upper = (slice(None), slice(None, n - k)), (slice(None), slice(k, None))
        for here, there in ((lower, upper), (upper, lower)):
            near = f[there]
            if labels is not None:
                near = np.where(labels[here] == labels[there], near, 0)
            np.minimum(d[here], near + far, out=d[here])
    return d
