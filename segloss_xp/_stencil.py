"""Neighbourhoods: shifts, windows and differences along the spatial axes, on every library.

All work on arrays (N, C, *space), by slices, so that they trace, map and differentiate everywhere.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from operator import add
from typing import Any

from segloss_xp import _ops


def spatial_axes(x: Any) -> range:
    """All axes but the first two."""
    return range(2, x.ndim)


def shifts(xp: Any, x: Any, axis: int, radius: int, *, fill: float | None = None) -> list[Any]:
    """
    The array moved along an axis by -radius to radius: the k-th has ``x[i + k - radius]`` at i.

    Beyond the border is the value at the border, or `fill`.
    """
    length = x.shape[axis]
    low, high = _cut(x, axis, 0, 1), _cut(x, axis, length - 1, length)
    if fill is not None:
        low = high = _ops.constant(xp, fill, x.dtype, like=x) + xp.zeros_like(low)
    padded = xp.concat([low] * radius + [x] + [high] * radius, axis=axis)
    return [_cut(padded, axis, k, k + length) for k in range(2 * radius + 1)]


def window(
    xp: Any,
    x: Any,
    radii: Sequence[int],
    combine: Callable[[Any, Any], Any] = add,
    *,
    fill: float | None = None,
) -> Any:
    """
    The sum over a box around each voxel, or what else `combine` makes of two arrays at a time.

    Beyond the border is the value at the border, or `fill`; for a maximum or minimum the former is
    no voxel at all.
    """
    for axis, radius in zip(spatial_axes(x), radii, strict=True):
        if radius:
            x = reduce(combine, shifts(xp, x, axis, radius, fill=fill))
    return x


def erode(xp: Any, x: Any, radii: Sequence[int]) -> Any:
    """The least value in a box around each voxel."""
    return window(xp, x, radii, xp.minimum)


def dilate(xp: Any, x: Any, radii: Sequence[int]) -> Any:
    """The greatest value in a box around each voxel."""
    return window(xp, x, radii, xp.maximum)


def cross(xp: Any, x: Any, *, fill: float | None = None) -> Any:
    """The sum over the voxels that share a face with each voxel, without itself."""
    pairs = (shifts(xp, x, axis, 1, fill=fill) for axis in spatial_axes(x))
    return reduce(add, (before + after for before, _, after in pairs))


def differences(xp: Any, x: Any, spacing: Sequence[float], counted: Any | None = None) -> list[Any]:
    """
    Forward differences along each spatial axis, by unit of length; 0 at the far border.

    They are 0 too where one of the two voxels is not `counted`, by an image of ones and zeros.
    """
    steps = []
    for axis, step in zip(spatial_axes(x), spacing, strict=True):
        rise = (shifts(xp, x, axis, 1)[2] - x) / step
        steps.append(rise if counted is None else rise * counted * shifts(xp, counted, axis, 1)[2])
    return steps


def neighbours(xp: Any, x: Any, *, fill: float | None = None) -> list[Any]:
    """The array moved by each step of one voxel, diagonal ones too; without itself."""
    moved = [x]
    for axis in spatial_axes(x):
        moved = [each for image in moved for each in shifts(xp, image, axis, 1, fill=fill)]
    middle = len(moved) // 2
    return moved[:middle] + moved[middle + 1 :]


def periodic(xp: Any, x: Any, lengths: Sequence[float]) -> list[Any]:
    """
    For each spatial axis of period n, the numbers 0, 1, ..., 2, 1 times its length.

    Each has the shape that broadcasts over the others: steps to the first voxel, or frequencies.
    """
    rulers = []
    for axis, length in zip(spatial_axes(x), lengths, strict=True):
        n = x.shape[axis]
        numbers = [length * min(i, n - i) for i in range(n)]
        ruler = _ops.constant(xp, numbers, x.dtype, like=x)
        rulers.append(xp.reshape(ruler, (-1,) + (1,) * (x.ndim - 1 - axis)))
    return rulers


def _cut(x: Any, axis: int, start: int, stop: int) -> Any:
    return x[(slice(None),) * axis + (slice(start, stop), ...)]
