"""Distances in linear time, compiled by Numba.

Each axis is cut into runs of one label. A run sees its own voxels, and its two neighbours as
voxels at distance 0: whatever is beyond them is farther. The squared distances of a run are the
lower envelope of the parabolas that stand on them (Felzenszwalb and Huttenlocher 2012).
"""

from math import prod
from typing import Any

import numpy as np

from segloss_xp._numba import compiled
from segloss_xp.distance._threads import spread

# Columns that are copied together, as they share lines of the cache.
COLUMNS = 16
# Voxels below which a thread is not worth its while.
FEW = 1 << 14


def squared_distance(
    mask: Any, spacing: tuple[float, ...], dtype: Any, limit: float | None = None
) -> Any:
    """Squared distance of each True voxel of (B, *space) to the nearest False one."""
    return _transform(mask, spacing, dtype, sites=True)


def squared_label_distance(
    labels: Any, spacing: tuple[float, ...], dtype: Any, limit: float | None = None
) -> Any:
    """Squared distance of each voxel of (B, *space) to the nearest of another label."""
    return _transform(labels, spacing, dtype, sites=False)


def _transform(labels: Any, spacing: tuple[float, ...], dtype: Any, *, sites: bool) -> Any:
    shape, size = labels.shape, labels.size
    d = np.empty(shape, dtype)
    if size == 0:
        return d
    # Nothing but equality matters, so that labels of one size share a compiled kernel.
    labels = np.ascontiguousarray(labels).view(f"u{labels.dtype.itemsize}")
    for axis in range(len(shape) - 1, 0, -1):
        outer, n, inner = prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])
        x, f, w = labels.reshape(outer, n, inner), d.reshape(outer, n, inner), spacing[axis - 1]
        if axis == len(shape) - 1:
            rows = x[:, :, 0], f[:, :, 0], w, sites
            spread(lambda a, b, rows=rows: _sweep(*rows, a, b), outer, FEW // n)
        elif n > 1:
            slabs, blocks = (x, f, w, sites), outer * -(-inner // COLUMNS)
            spread(lambda a, b, slabs=slabs: _envelope(*slabs, a, b), blocks, FEW // (n * COLUMNS))
    return d


@compiled
def _sweep(labels: Any, f: Any, w: Any, sites: Any, start: Any, stop: Any) -> None:
    """Squared distance on rows `start` to `stop`: those of label 0 are 0 where they are `sites`."""
    n = labels.shape[1]
    for row in range(start, stop):
        d, last = np.inf, labels[row, 0]
        for i in range(n):
            d = d + 1.0 if labels[row, i] == last else 1.0
            last = labels[row, i]
            f[row, i] = d
        d = np.inf
        for i in range(n - 1, -1, -1):
            d = d + 1.0 if labels[row, i] == last else 1.0
            last = labels[row, i]
            nearest = w * min(d, np.float64(f[row, i]))
            f[row, i] = 0.0 if sites and last == 0 else nearest * nearest


@compiled
def _run(f: Any, square: Any, begin: Any, end: Any, foot: Any, height: Any, since: Any) -> None:
    """The run `begin` to `end` of the line `f`, in place.

    The other arrays are room for the parabolas of the envelope: where each stands, how high, and
    twice where it takes over from the one before.
    """
    k = -1
    for q in range(max(begin - 1, 0), min(end + 1, len(f))):
        g = f[q] if begin <= q < end else f.dtype.type(0)
        if g == np.inf:
            continue
        s = -np.inf
        while k >= 0:
            rise = np.float64(g) - np.float64(height[k])
            s = (q + foot[k]) + rise / (square * (q - foot[k]))
            if s > since[k]:
                break
            k -= 1
        k += 1
        foot[k], height[k], since[k] = q, g, s if k else -np.inf
    if k < 0:
        return
    since[k + 1] = np.inf
    k = 0
    for q in range(begin, end):
        while since[k + 1] < 2 * q:
            k += 1
        away = f.dtype.type(q - foot[k])
        f[q] = f.dtype.type(square) * away * away + height[k]


@compiled
def _envelope(labels: Any, f: Any, w: Any, sites: Any, start: Any, stop: Any) -> None:
    """Along the middle axis, in place, for the blocks of columns `start` to `stop`."""
    _, n, inner = f.shape
    blocks = -(-inner // COLUMNS)
    column, label = np.empty((COLUMNS, n), f.dtype), np.empty((COLUMNS, n), labels.dtype)
    foot, height, since = np.empty(n, np.int64), np.empty(n, f.dtype), np.empty(n + 1)
    for block in range(start, stop):
        outer, first = block // blocks, block % blocks * COLUMNS
        width = min(COLUMNS, inner - first)
        for i in range(n):
            for c in range(width):
                column[c, i] = f[outer, i, first + c]
                label[c, i] = labels[outer, i, first + c]
        for c in range(width):
            end = 0
            while end < n:
                begin, mine = end, label[c, end]
                while end < n and label[c, end] == mine:
                    end += 1
                if not (sites and mine == 0):
                    _run(column[c], w * w, begin, end, foot, height, since)
        for i in range(n):
            for c in range(width):
                f[outer, i, first + c] = column[c, i]
