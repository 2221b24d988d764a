"""Losses on descriptors of shape."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from segloss_xp import _ops
from segloss_xp._array import namespace, working_dtype
from segloss_xp._grain import RegionLoss, divide
from segloss_xp.maps import Field, Map, Predicted, Truth, Weighted

if TYPE_CHECKING:
    from segloss_xp._comparison import Comparison


@dataclass(frozen=True)
class Coordinate(Field):
    """Distance from the centre of the image along a spatial axis, in units of the spacing."""

    axis: int

    def of(self, comparison: "Comparison") -> Any:
        c, xp = comparison, comparison.xp
        n = c.space[self.axis]
        step = c.spacing[self.axis]
        values = [step * (i - (n - 1) / 2) for i in range(n)]
        x = _ops.constant(xp, values, working_dtype(xp, c.prediction), like=c.prediction)
        x = xp.reshape(x, (1, 1, -1) + (1,) * (len(c.space) - 1 - self.axis))
        return c.flat(xp.broadcast_to(x, (c.samples, 1, *c.space)))


class CentroidLoss(RegionLoss):
    r"""
    Centroid loss: the squared distance between the centroids of prediction and target.

    .. math:: L_c = \left\lVert \frac{\sum_i p_{ic}\, x_i}{\sum_i p_{ic}} -
        \frac{\sum_i g_{ic}\, x_i}{\sum_i g_{ic}} \right\rVert^2

    Parameters
    ----------
    include_background, class_weights, batch, absent
        See `RegionLoss`.
    smooth
        Without effect: a class that is nowhere is taken out of the ratio.

    Notes
    -----
    In units of the spacing, squared. The authors' code also divides by the number of voxels, and
    allows for a margin around the true value, 20 voxels in its experiments, with a barrier beyond;
    here it is the square, from the true value on. Unreduced: (N, C). A class that is nowhere in the
    target, or nowhere in the prediction, has no centroid, and is 0.

    References
    ----------
    H. Kervadec et al. (2021), Beyond pixel-wise supervision for segmentation: a few global shape
    descriptors might be surprisingly good.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]])
    >>> labels = np.array([[0, 1, 1, 1]])
    >>> loss = sx.CentroidLoss()
    >>> loss(p, labels, from_logits=False, reduction="none")
    array([[0.25, 0.25]])
    >>> loss(p, labels, from_logits=False, reduction="none", spacing=(3.0,))
    array([[2.25, 2.25]])
    """

    def maps(self, comparison: "Comparison") -> tuple[Map, ...]:
        return *super().maps(comparison), *_moments(comparison)

    def regions(self) -> tuple[Map, ...]:
        return Predicted(), Truth()

    def totals(self, comparison: "Comparison") -> tuple[Any, ...]:
        moments = (comparison.sums[m] for m in _moments(comparison))
        return *super().totals(comparison), *moments

    def formula(self, p: Any, g: Any, *moments: Any) -> Any:
        xp = namespace(p)
        squares = []
        for ours, true in zip(moments[::2], moments[1::2], strict=True):
            apart = divide(ours, p) - divide(true, g)
            squares.append(apart * apart)
        return xp.where((p > 0) & (g > 0), sum(squares), xp.zeros_like(p))


def _moments(comparison: "Comparison") -> list[Map]:
    """For each spatial axis, the prediction times the coordinate, and the target times it."""
    axes = range(len(comparison.space))
    return [Weighted(m, Coordinate(axis)) for axis in axes for m in (Predicted(), Truth())]
