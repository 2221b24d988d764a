"""Distances in functions of the array API standard alone, for any library on any device.

Separable: after the last axis, each further axis turns the squared distances f within the slice
into ``min over j of f[j] + (w (i - j))^2``.
"""

from collections.abc import Callable
from math import inf, prod
from typing import Any

from segloss_xp import _ops
from segloss_xp._array import namespace

# Numbers that are held at once for the minimum along an axis.
BLOCK = 1 << 22


def squared_distance(
    mask: Any, spacing: tuple[float, ...], dtype: Any, limit: float | None = None
) -> Any:
    """Squared distance of each True voxel of (B, *space) to the nearest False one."""
    xp = namespace(mask)
    zero, far = (_ops.constant(xp, value, dtype, like=mask) for value in (0.0, inf))
    f = along_last(xp, xp.where(mask, far, zero), spacing[-1])
    return _along_others(xp, f, spacing, None)


def squared_label_distance(
    labels: Any, spacing: tuple[float, ...], dtype: Any, limit: float | None = None
) -> Any:
    """Squared distance of each voxel of (B, *space) to the nearest of another label."""
    xp = namespace(labels)
    f = along_last(xp, beside_another(xp, labels, dtype), spacing[-1])
    return _along_others(xp, f, spacing, labels)


def both_sides(distance: Callable[..., Any], mask: Any, *how: Any) -> Any:
    """Squared distance of each voxel to the nearest of the other value, by that of masks alone."""
    xp, n = namespace(mask), mask.shape[0]
    d = distance(xp.concat([mask, ~mask], axis=0), *how)
    return d[:n, ...] + d[n:, ...]


def beside_another(xp: Any, labels: Any, dtype: Any) -> Any:
    """1 for a voxel that is next to another label on the last axis, otherwise infinity."""
    one, far = (_ops.constant(xp, value, dtype, like=labels) for value in (1.0, inf))
    change = labels[..., 1:] != labels[..., :-1]
    none = xp.zeros_like(labels[..., :1], dtype=xp.bool)
    beside = xp.concat([change, none], axis=-1) | xp.concat([none, change], axis=-1)
    return xp.where(beside, one, far)


def along_last(xp: Any, d: Any, w: float) -> Any:
    """Squared distance on the last axis, from distances that are right where they are 0 or 1."""
    # The standard has no cumulative maximum. Lengths add up, so steps that double are enough; a
    # step across another label is no shorter than the distance to that label.
    n, s = d.shape[-1], 1
    while s < n:
        far = xp.full_like(d[..., :s], inf)
        ahead = xp.concat([d[..., s:], far], axis=-1)
        behind = xp.concat([far, d[..., : n - s]], axis=-1)
        d = xp.minimum(d, xp.minimum(ahead, behind) + s)
        s *= 2
    d = d * w
    return d * d


def _along_others(xp: Any, f: Any, spacing: tuple[float, ...], labels: Any) -> Any:
    shape = f.shape
    for axis in range(f.ndim - 2, 0, -1):
        if shape[axis] > 1:
            slabs = (prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :]))
            g = None if labels is None else xp.reshape(labels, slabs)
            f = _along_middle(xp, xp.reshape(f, slabs), spacing[axis - 1], g)
    return xp.reshape(f, shape)


def _along_middle(xp: Any, f: Any, w: float, labels: Any) -> Any:
    n = f.shape[1]
    i = _ops.constant(xp, list(range(n)), f.dtype, like=f)
    parabola = (i[:, None] - i[None, :]) * w
    parabola = parabola * parabola
    step = max(1, BLOCK // max(1, prod(f.shape)))
    parts = []
    for start in range(0, n, step):
        rows = slice(start, min(start + step, n))
        near = f[:, None, :, :]
        if labels is not None:
            same = labels[:, rows, None, :] == labels[:, None, :, :]
            near = xp.where(same, near, xp.zeros_like(near))
        parts.append(xp.min(near + parabola[None, rows, :, None], axis=2))
    return parts[0] if len(parts) == 1 else xp.concat(parts, axis=1)
