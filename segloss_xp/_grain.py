"""The two natural grains of a loss: a value for each region, or for each voxel."""

import math
from typing import Any, Literal

from segloss_xp import _ops
from segloss_xp._array import is_integer, namespace
from segloss_xp._checks import check_choice, check_smooth, freeze_weights
from segloss_xp._comparison import Comparison
from segloss_xp._loss import Loss, Reduction
from segloss_xp._voxels import over_classes
from segloss_xp.maps import Intersection, Map, Predicted, Truth, Volume

# The least number that is more than 0 in single precision, on processors that know no smaller ones.
_LEAST = 2.0**-126


class ClassLoss(Loss):
    """
    A loss that has a value for each sample and class.

    With ``reduction="none"`` it gives these values, not weighted. A sample that is masked as a
    whole has the value 0 and does not count in a mean.

    Parameters
    ----------
    include_background : bool
        Whether class 0 counts. It is left out after the activation, so that it still takes part
        in the softmax.
    class_weights : sequence of float, optional
        A weight for each of the C classes; a mean depends on their ratios only.
    batch : bool
        Whether to pool the sums over the samples, as if the batch were one image.
    absent : {"smooth", "skip", "zero"}
        What a class counts that the target does not contain: the value of the smoothed formula,
        whose gradient still removes false positives; nothing, neither in a mean nor in its
        divisor; or zero.
    """

    include_background: bool = True
    class_weights: tuple[float, ...] | None = None
    batch: bool = False
    absent: Literal["smooth", "skip", "zero"] = "smooth"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "absent", "smooth", "skip", "zero")
        freeze_weights(self, "class_weights")

    @property
    def grain(self) -> str:
        return "class"

    @property
    def from_maps(self) -> bool:
        return True

    def regions(self) -> tuple[Map, ...]:
        """The maps whose sums the values take, without which there are none in `sums`."""
        return ()

    def presence(self) -> Map:
        """The map whose sum is positive where a class is present."""
        return Truth()

    def values(self, comparison: Comparison, valued: Any) -> Any:
        """Value for each sample and class; what it is where not `valued` does not matter."""
        raise NotImplementedError

    def maps(self, comparison: Comparison) -> tuple[Map, ...]:
        volume = () if comparison.whole else (Volume(),)
        presence = () if self.absent == "smooth" else (self.presence(),)
        return *self.regions(), *volume, *presence

    def add_up(self, comparison: Comparison, m: Map) -> Any:
        """The sum of a map in each class that counts, of each sample or of the batch."""
        return self.pooled(comparison, comparison.sums[m])

    def pooled(self, comparison: Comparison, total: Any) -> Any:
        """Of a sum (N, C), the classes that count, for each sample or for the batch."""
        if first := self._first(comparison):
            total = total[:, first:]
        return comparison.pool(total) if self.batch else total

    def judged(self, comparison: Comparison) -> tuple[Any, Any]:
        """Where there is a value, and where it counts in a mean: settled conditions."""
        counts = valued = True
        if not comparison.whole:
            # Where every voxel is left out there is nothing to judge.
            counts = valued = _ops.settled(self.add_up(comparison, Volume()) > 0)
        if self.absent != "smooth":
            present = self.add_up(comparison, self.presence()) > 0
            valued = _ops.settled(present if valued is True else valued & present)
            counts = valued if self.absent == "skip" else counts
        return valued, counts

    def weighted(self, comparison: Comparison, counts: Any, like: Any) -> Any:
        """What counts, as the weight that each value has in a mean, of the shape of `like`."""
        weights = _ops.only(counts, namespace(like).ones_like(like))
        if self.class_weights is None:
            return weights
        constant = comparison.constant(self.class_weights, "class_weights")
        return weights * constant[self._first(comparison) :]

    def reduce(self, comparison: Comparison, reduction: Reduction) -> Any:
        valued, counts = self.judged(comparison)
        values = _ops.only(valued, self.values(comparison, valued))
        if reduction == "none":
            return values
        if comparison.whole and counts is True and self.class_weights is None:
            return reduce_alike(comparison, values, values.shape[1], reduction)
        weights = self.weighted(comparison, counts, values)
        return reduce_samples(comparison, weights * values, weights, reduction, pooled=self.batch)

    def _first(self, comparison: Comparison) -> int:
        first = 0 if self.include_background else 1
        if comparison.classes == first:
            raise ValueError(f"{self!r} has no class left: the only one is the background")
        return first


class RegionLoss(ClassLoss):
    """
    A loss that is a formula on sums over regions: a value for each sample and class.

    With ``reduction="none"`` it gives these values, not weighted. A sample that is masked as a
    whole has the value 0 and does not count in a mean.

    To write your own, subclass it and give the `formula`; change `regions` for other sums.

    Parameters
    ----------
    include_background : bool
        Whether class 0 counts. It is left out after the activation, so that it still takes part
        in the softmax.
    class_weights : sequence of float, optional
        A weight for each of the C classes; a mean depends on their ratios only.
    batch : bool
        Whether to pool the sums over the samples, as if the batch were one image.
    absent : {"smooth", "skip", "zero"}
        What a class counts that the target does not contain: the value of the smoothed formula,
        whose gradient still removes false positives; nothing, neither in a mean nor in its
        divisor; or zero.
    smooth : float or (float, float)
        Added to the numerator and the denominator of a ratio.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> class F2Loss(sx.RegionLoss):
    ...     def formula(self, tp, p, g):
    ...         return 1 - self.ratio(5 * tp, 4 * g + p)
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> F2Loss()(p, np.array([[0, 0, 1]]), from_logits=False, reduction="none").round(3)
    array([[0.15, 0.3 ]])
    """

    smooth: float | tuple[float, float] = 1e-5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_smooth(self.smooth)

    def regions(self) -> tuple[Map, ...]:
        """The maps whose sums the formula takes: TP, P and G unless a subclass says otherwise."""
        return Intersection(), Predicted(), Truth()

    def totals(self, comparison: Comparison) -> tuple[Any, ...]:
        """The sums (N, C) that the formula takes: those of the `regions`."""
        return tuple(comparison.sums[m] for m in self.regions())

    def formula(self, *sums: Any, **unused: Any) -> Any:
        """Value (N, C) for each sample and class, from the sums (N, C) of the `regions`."""
        raise NotImplementedError

    def ratio(self, numerator: Any, denominator: Any) -> Any:
        """
        The smoothed ratio; 0 / 0, where there is nothing to find and nothing found, is 1.

        The denominator is not negative before it is smoothed.
        """
        return smoothed(numerator, denominator, self.smooth)

    @property
    def above(self) -> float:
        """What is added to a numerator alone."""
        return self.smooth[0] if isinstance(self.smooth, tuple) else self.smooth

    @property
    def below(self) -> float:
        """What is added to a denominator alone."""
        return self.smooth[1] if isinstance(self.smooth, tuple) else self.smooth

    def values(self, comparison: Comparison, valued: Any) -> Any:
        sums = [self.pooled(comparison, total) for total in self.totals(comparison)]
        # An infinite slope of the formula is kept from what has no value.
        return self.formula(*(_ops.only(valued, each, 1.0) for each in sums))


class NeighbourhoodLoss(RegionLoss):
    """
    A region loss whose sums are of images that take in the neighbours of each voxel.

    Such sums do not follow from those of voxelwise maps: NumPy and CuPy borrow their gradient.
    Subclasses give the `totals`. Voxels without weight are no neighbours, as if beyond the border.
    """

    @property
    def from_maps(self) -> bool:
        return False

    def regions(self) -> tuple[Map, ...]:
        return (Volume(),)


class VoxelLoss(Loss):
    """
    A loss with a value for each voxel: a formula, linear in voxelwise maps, added up over classes.

    Being linear, the formula serves the maps of one voxel and their sums over voxels alike. With
    ``multilabel=True`` there is a value for each voxel and channel. A mean is over the valid
    voxels by their weight, and by the weight of their class; ``reduction="none"`` gives the values
    times these weights, 0 where a voxel is left out.

    Parameters
    ----------
    class_weights : sequence of float, optional
        A weight for each of the C classes; a mean depends on their ratios only.
    """

    class_weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        freeze_weights(self, "class_weights")

    @property
    def grain(self) -> str:
        return "voxel"

    @property
    def from_maps(self) -> bool:
        return True

    def ingredients(self, comparison: Comparison) -> tuple[Map, ...]:
        """The maps that the formula takes; no other sums are there for it."""
        raise NotImplementedError

    def formula(self, comparison: Comparison, *maps: Any) -> Any:
        """What each class (N, C, ...) adds to the loss, linear in the maps (N, C, ...)."""
        raise NotImplementedError

    def delegated(self, comparison: Comparison, reduction: Reduction) -> Any:
        """The value by the array library's own function, where that is the best; else None."""

    def maps(self, comparison: Comparison) -> tuple[Map, ...]:
        ingredients = self.ingredients(comparison)
        return ingredients if self._alike(comparison) else (*ingredients, self._counted(comparison))

    def reduce(self, comparison: Comparison, reduction: Reduction) -> Any:
        c = comparison
        if (own := self.delegated(c, reduction)) is not None:
            return own
        maps = self.ingredients(c)
        if reduction == "none":
            values = self._weighted(c, self.formula(c, *c.values(maps)))
            return c.unflatten(values if c.multilabel else over_classes([values])[:, 0, :])
        values = self._weighted(c, self.formula(c, *(c.sums[m] for m in maps)))
        counted = self._counted(c)
        if self._alike(c):
            each = math.prod(c.space) * (c.classes if counted == Volume() else 1)
            return reduce_alike(c, values, each, reduction)
        return reduce_samples(c, values, self._weighted(c, c.sums[counted]), reduction)

    def _alike(self, comparison: Comparison) -> bool:
        """Whether each voxel is seen to count 1 in a mean, or each channel of it."""
        c, one = comparison, self._counted(comparison) == Volume()
        return c.whole and self.class_weights is None and (one or is_integer(c.xp, c.target))

    def _counted(self, comparison: Comparison) -> Map:
        return Volume() if comparison.multilabel else Truth()

    def _weighted(self, comparison: Comparison, x: Any) -> Any:
        if self.class_weights is None:
            return x
        return x * per_class(comparison, self.class_weights, "class_weights", x.ndim)


def reduce_samples(
    comparison: Comparison, values: Any, weights: Any, reduction: Reduction, *, pooled: bool = False
) -> Any:
    """Reduce the weighted values and weights (N, K, ...); `pooled` if N is 1 for all devices."""
    sample = reduction == "sample"
    axes = tuple(range(1, values.ndim)) if sample else None
    totals = (namespace(x).sum(x, axis=axes) for x in (values, weights))
    total, number = totals if sample or pooled else map(comparison.everywhere, totals)
    value = total if reduction == "sum" else divide(total, number)
    if sample:
        return comparison.xp.broadcast_to(value, (comparison.samples,)) if pooled else value
    return value[()]  # NumPy's number, of what has no axis


def reduce_alike(comparison: Comparison, values: Any, each: int, reduction: Reduction) -> Any:
    """Likewise of values (N or 1, K), of a comparison that is whole and rows that weigh `each`."""
    xp = namespace(values)
    if reduction == "sample":
        mean = xp.sum(values, axis=1) / each
        alone = mean.shape[0] == comparison.samples
        return mean if alone else comparison.xp.broadcast_to(mean, (comparison.samples,))
    total = xp.sum(values)
    return total if reduction == "sum" else total / (each * values.shape[0])


def smoothed(numerator: Any, denominator: Any, smooth: float | tuple[float, float]) -> Any:
    """The smoothed ratio to what is not negative; 0 / 0, nothing found of nothing, is 1."""
    above, below = smooth if isinstance(smooth, tuple) else (smooth, smooth)
    numerator, denominator = numerator + above, denominator + below
    if below >= _LEAST:
        return numerator / denominator
    return divide(numerator, denominator, empty=1.0)


def divide(numerator: Any, denominator: Any, *, empty: float = 0) -> Any:
    """The quotient, and `empty` where the denominator is 0, with a finite gradient."""
    some = _ops.settled(denominator)
    # The inner choice keeps 0 / 0 out of the gradient of the outer one.
    return _ops.only(some, numerator / _ops.only(some, denominator, 1.0), empty)


def per_class(comparison: Comparison, values: tuple[float, ...], what: str, ndim: int) -> Any:
    """One number a class, to multiply an array (N, C, ...) of `ndim` axes."""
    constant = comparison.constant(values, what)
    return comparison.xp.reshape(constant, (1, -1) + (1,) * (ndim - 2))
