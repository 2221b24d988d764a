"""
Distance maps of target and prediction: constant images that the losses of this family look at.

All of them measure, for each class, from a voxel to the nearest voxel on the other side of the
surface, in units of the spacing. Soft values are inside where they exceed 1/2. Voxels that are
masked, ignored or without weight are on neither side; what a field is there does not matter. A
class that is nowhere or everywhere among the others has no surface.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, prod
from typing import TYPE_CHECKING, Any

from segloss_xp import _ops
from segloss_xp._array import is_integer, working_dtype
from segloss_xp.distance import distance_transform, label_distance
from segloss_xp.maps import Field

if TYPE_CHECKING:
    from segloss_xp._comparison import Comparison


@dataclass(frozen=True)
class TargetDistance(Field):
    """
    Signed distance of the target, negative inside; 0 without a surface.

    What the call is given as `distance` is taken as it is. Without the background, the map of
    class 0 is 0.
    """

    background: bool = True

    def of(self, comparison: "Comparison") -> Any:
        c, xp = comparison, comparison.xp
        if c.distance is None:
            inside = c.inside
            partition = inside if is_integer(xp, c.target) else None
            d = _distance(c, inside, partition, background=self.background)
            return xp.where(inside, -d, d)
        return xp.astype(c.distance, working_dtype(xp, c.prediction), copy=False)


@dataclass(frozen=True)
class OutsideDistance(Field):
    """Distance to the target, 0 inside; 0 without a surface."""

    background: bool = True

    def of(self, comparison: "Comparison") -> Any:
        d = comparison.field(TargetDistance(self.background))
        return comparison.xp.where(d > 0, d, comparison.xp.zeros_like(d))


@dataclass(frozen=True)
class PredictedDistance(Field):
    """Distance, without a sign, of the prediction where it exceeds 1/2; 0 without a surface."""

    background: bool = True

    def of(self, comparison: "Comparison") -> Any:
        c, xp = comparison, comparison.xp
        found = c.probability(c.counted) > 0.5
        partition = None
        if c.exclusive:
            none = ~xp.any(found, axis=1, keepdims=True)
            partition = xp.concat([found, none], axis=1)
        return _distance(c, found, partition, background=self.background)


@dataclass(frozen=True)
class RelativeDistance(Field):
    """
    Signed distance of the target as a share of the largest on the same side, from -1 to 1.

    Without a surface, -1 inside and 1 outside.
    """

    background: bool = True

    def of(self, comparison: "Comparison") -> Any:
        c, xp = comparison, comparison.xp
        d, inside = _size(xp, c.field(TargetDistance(self.background))), c.inside
        counted, one, zero = c.counted, xp.ones_like(d), xp.zeros_like(d)
        sides = (side if counted is None else side & counted for side in (inside, ~inside))
        deepest, farthest = (
            xp.max(xp.where(side, d, zero), axis=2, keepdims=True) for side in sides
        )
        most = xp.where(inside, deepest, farthest)
        share = xp.where(most > 0, d / xp.where(most > 0, most, one), one)
        return xp.where(inside, -share, share)


@dataclass(frozen=True)
class HausdorffDistance(Field):
    """The power alpha of the distance of the target, and that of the prediction on top."""

    alpha: float
    one_sided: bool = False
    background: bool = True

    def of(self, comparison: "Comparison") -> Any:
        c, xp = comparison, comparison.xp
        fields = [TargetDistance(self.background), PredictedDistance(self.background)]
        first, *second = (c.field(each) for each in fields[: 1 if self.one_sided else 2])
        return sum((self._raised(xp, d) for d in second), start=self._raised(xp, first))

    def _raised(self, xp: Any, d: Any) -> Any:
        # A square is several times cheaper than a power.
        return d * d if self.alpha == 2 else _ops.power(xp, _size(xp, d), self.alpha)


@dataclass(frozen=True)
class Nearness(Field):
    """From 1, in the deepest and the farthest voxel, to 2, next to the surface."""

    def of(self, comparison: "Comparison") -> Any:
        return 2.0 - _size(comparison.xp, comparison.field(RelativeDistance()))


@dataclass(frozen=True)
class ShapeError(Field):
    """
    One, and more where target and prediction disagree.

    There, the mean distance of the boundary of the prediction to the surface of the target is
    added.
    """

    def of(self, comparison: "Comparison") -> Any:
        c, xp = comparison, comparison.xp
        counted = c.counted
        found = c.probability(counted) > 0.5
        d = _size(xp, c.field(TargetDistance()))
        zero, one = xp.zeros_like(d), xp.ones_like(d)
        curve = _boundary(c, found, counted)
        along, curve = xp.where(curve, d, zero), xp.where(curve, one, zero)
        total, length = (xp.sum(each, axis=2, keepdims=True) for each in (along, curve))
        mean = total / xp.where(length > 0, length, xp.ones_like(length))
        return one + xp.where(found != c.inside, mean, zero)


@dataclass(frozen=True)
class Square(Field):
    """The square of another field."""

    field: Field

    def of(self, comparison: "Comparison") -> Any:
        value = comparison.field(self.field)
        return value * value


def _size(xp: Any, signed: Any) -> Any:
    return xp.where(signed < 0, -signed, signed)


def _distance(c: "Comparison", inside: Any, partition: Any, *, background: bool) -> Any:
    """
    From each voxel to the nearest that counts on the other side; 0 where there is none.

    The partition is the regions, and others after them if there are, where each voxel that counts
    is in one alone; otherwise None.
    """
    xp, counted, first = c.xp, c.counted, 0 if background else 1
    if counted is None:
        inside = inside[:, first:, :]
        d = _measured(c, label_distance, inside)
    elif partition is not None:
        # One transform a region is enough: what is nearest outside of it is in another.
        d = _measured(c, distance_transform, ~(partition & counted))
        outside = xp.where(partition, xp.full_like(d, inf), d)
        outside = xp.min(outside, axis=1, keepdims=True)
        d = xp.where(inside, outside, d[:, : c.classes, :])[:, first:, :]
    else:
        inside = inside[:, first:, :]
        far = xp.concat([~(inside & counted), inside | ~counted], axis=1)
        d = _measured(c, distance_transform, far)
        half = inside.shape[1]
        d = xp.where(inside, d[:, half:, :], d[:, :half, :])
    usable = xp.isfinite(d) if counted is None else xp.isfinite(d) & counted
    d = xp.where(usable, d, xp.zeros_like(d))
    return d if background else xp.concat([xp.zeros_like(d[:, :1, :]), d], axis=1)


def _measured(c: "Comparison", distance: Callable[..., Any], x: Any) -> Any:
    """The distance function on the grid of (N, K, V)."""
    axes, dtype = tuple(range(2, 2 + len(c.space))), working_dtype(c.xp, c.prediction)
    return c.flat(distance(c.grid(x), axes=axes, spacing=c.spacing, dtype=dtype))


def _boundary(c: "Comparison", inside: Any, counted: Any) -> Any:
    """The voxels inside that share a face with one outside; both must count."""
    xp, outside = c.xp, ~inside
    if counted is not None:
        inside, outside = inside & counted, outside & counted
    shape = (*inside.shape[:2], *c.space)
    inside, outside = xp.reshape(inside, shape), xp.reshape(outside, shape)
    found = xp.zeros_like(inside)
    for axis in range(2, len(shape)):
        before, after, one = (
            (slice(None),) * axis + (part, ...) for part in (slice(-1), slice(1, None), slice(1))
        )
        none = xp.zeros_like(inside[one])
        found = found | xp.concat([inside[before] & outside[after], none], axis=axis)
        found = found | xp.concat([none, inside[after] & outside[before]], axis=axis)
    return xp.reshape(found, (*shape[:2], prod(c.space)))
