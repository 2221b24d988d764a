"""The active boundary loss: the predicted boundary moves, step by step, to that of the target."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

from segloss_xp import _ops, _order
from segloss_xp._array import working_dtype
from segloss_xp._checks import check_range
from segloss_xp._grain import VoxelLoss, reduce_samples
from segloss_xp._stencil import dilate, neighbours, shifts, spatial_axes
from segloss_xp.distance import distance_transform
from segloss_xp.maps import (
    Field,
    LogComplement,
    LogProbability,
    Map,
    Predicted,
    Truth,
    Volume,
)

if TYPE_CHECKING:
    from segloss_xp._comparison import Comparison
    from segloss_xp._loss import Reduction

# The least divergence of neighbours on a predicted boundary, and the largest that tells directions
# apart.
_LEAST, _MOST = 1e-5, 20.0


@dataclass(frozen=True)
class EdgeDistance(Field):
    """
    Distance to the edges of the target: voxels that differ from the next one along an axis.

    For each channel, or for all classes together. Without an edge, or in voxels without weight,
    infinite.
    """

    channels: bool

    def of(self, comparison: "Comparison") -> Any:
        c, xp = comparison, comparison.xp
        inside, counted = c.grid(c.inside), c.counted
        counted = None if counted is None else c.grid(counted)
        edges = xp.zeros_like(inside)
        for axis in spatial_axes(inside):
            differs = inside != shifts(xp, inside, axis, 1)[2]
            if counted is not None:
                differs = differs & counted & shifts(xp, counted, axis, 1)[2]
            edges = edges | differs
        if not self.channels:
            edges = xp.any(edges, axis=1, keepdims=True)
        dtype, axes = working_dtype(xp, c.prediction), tuple(spatial_axes(edges))
        d = distance_transform(~edges, axes=axes, spacing=c.spacing, dtype=dtype)
        if counted is not None:
            d = xp.where(counted, d, _ops.constant(xp, math.inf, dtype, like=d))
        return c.flat(d)


class ActiveBoundaryLoss(VoxelLoss):
    r"""
    Active boundary loss: voxels of the predicted boundary differ most towards that of the target.

    .. math:: L = \frac1{|B|} \sum_{i \in B} \frac{\min(M_i, \theta)}\theta
        \left( \log \sum_j e^{D_{ij}} - \sum_j t_{ij}\, D_{ij} \right), \qquad
        D_{ij} = \mathrm{KL}(p_i \Vert p_j)

    over the neighbours j of a voxel, diagonal ones too: a cross-entropy of directions. The
    predicted boundary B is where the prediction diverges most from the next voxel along an axis,
    and the voxels around. The distance to the edge of the target is M, and :math:`t_i` one for the
    neighbours where it is least.

    Parameters
    ----------
    reach : float
        The distance :math:`\theta` from which on all count the same, in units of the spacing.
    share : float
        The largest share of the voxels that the boundary takes, before the voxels around it.
    label_smoothing : float
        Share of :math:`t` that is spread evenly over all neighbours.
    detach : bool
        Whether the neighbours are constants for the gradient, as in the paper, against conflicts.
    class_weights
        See `VoxelLoss`.

    Notes
    -----
    Not a formula on sums: NumPy and CuPy borrow its gradient. Unreduced: (N, \*space), with
    ``multilabel=True`` of the shape of the prediction, 0 off the boundary and where no neighbour is
    nearer to the target; a mean is over the others. Without an edge in the target, 0. Does not use
    `distance`.

    Divergences are as the paper writes them. The authors' code has those of directions the other
    way round, adds up those along the axes to find the boundary, and takes a whole 1 off the
    distance; its smoothed :math:`t` adds up to less than 1. From it: the voxels around, and a limit
    of 20 to divergences, which it computes and drops. Ours: neighbours that are equally near share
    :math:`t`; what is beyond the border or masked is no neighbour; the share is of each sample, and
    exact. Not quite 0 at the perfect prediction.

    References
    ----------
    C. Wang et al. (2022), Active boundary loss for semantic segmentation.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.9, 0.9, 0.9, 0.1, 0.1], [0.1, 0.1, 0.1, 0.1, 0.9, 0.9]]])
    >>> labels = np.array([[0, 0, 1, 1, 1, 1]])
    >>> sx.ActiveBoundaryLoss(reach=2)(p, labels, from_logits=False, reduction="none").round(3)
    array([[0.   , 0.   , 0.347, 1.741, 0.335, 0.   ]])
    """

    reach: float = 20.0
    share: float = 0.01
    label_smoothing: float = 0.2
    detach: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "reach", 0, math.inf, open_below=True)
        check_range(self, "share", 0, 1, open_below=True)
        check_range(self, "label_smoothing", 0, 1)

    @property
    def from_maps(self) -> bool:
        return False

    def maps(self, comparison: "Comparison") -> tuple[Map, ...]:
        return ()

    def reduce(self, comparison: "Comparison", reduction: "Reduction") -> Any:
        c, xp = comparison, comparison.xp
        p, log_p, counted = c.images((Predicted(), LogProbability(), Volume()))
        outcomes = [(p, log_p)]
        if c.multilabel:
            outcomes.append((counted - p, c.images((LogComplement(),))[0]))
        far = c.grid(c.field(EdgeDistance(c.multilabel)))
        boundary = self._boundary(c, outcomes, counted)
        inf = _ops.constant(xp, math.inf, far.dtype, like=far)
        around = neighbours(xp, far, fill=math.inf)
        nearest = reduce(xp.minimum, around)
        # Rounding makes no difference between neighbours, and inf none between voxels.
        directed = (nearest < (1.0 - 1e-6) * far) & (far < inf) & (boundary > 0)
        value = self._cross_entropy(c, outcomes, counted, around, nearest)
        ratio = xp.where(directed, far, xp.zeros_like(far)) / self.reach
        ratio = xp.where(ratio < 1.0, ratio, xp.ones_like(ratio))
        value = c.flat(xp.where(directed, ratio * value, xp.zeros_like(value)))
        weight = c.value_of_target(Volume() if c.multilabel else Truth())
        weight = self._weighted(c, weight)
        if not c.multilabel:
            weight = xp.sum(weight, axis=1, keepdims=True)
        if reduction == "none":
            return c.unflatten(weight * value if c.multilabel else (weight * value)[:, 0, :])
        weight = weight * xp.astype(c.flat(directed), weight.dtype)
        return reduce_samples(c, weight * value, weight, reduction)

    def _boundary(self, c: "Comparison", outcomes: Sequence[Any], counted: Any) -> Any:
        """Ones on the predicted boundary (N, C or 1, *space), else zeros."""
        xp = c.xp
        fixed = [tuple(_ops.stop_gradient(xp, x) for x in pair) for pair in outcomes]
        jump: Any = None
        for axis in spatial_axes(counted):
            after = [shifts(xp, log, axis, 1)[2] for _, log in fixed]
            both = counted * shifts(xp, counted, axis, 1)[2]
            this = _divergence(c, fixed, after, both)
            jump = this if jump is None else xp.maximum(jump, this)
        counted = counted if c.multilabel else counted[:, :1, ...]
        jump, counts = c.flat(jump), c.flat(counted)
        # The first that is too many; 0, which is no jump, where none is.
        rows, number = (xp.reshape(each, (-1, each.shape[2])) for each in (jump, counts))
        rows = xp.concat([rows, xp.zeros_like(rows[:, :1])], axis=1)
        most = xp.ceil(self.share * xp.sum(number, axis=1, keepdims=True))
        few = math.ceil(self.share * math.prod(c.space)) + 1
        limit = _order.kth_largest(xp, rows, xp.astype(most, xp.int32) + 1, few)
        limit = xp.reshape(limit, (*jump.shape[:2], 1))
        sharp = xp.astype((jump > limit) & (jump > _LEAST), jump.dtype)
        return dilate(xp, c.grid(sharp), (1,) * len(c.space)) * counted

    def _cross_entropy(
        self, c: "Comparison", outcomes: Sequence[Any], counted: Any, around: Any, nearest: Any
    ) -> Any:
        """That of the direction (N, C or 1, *space); finite where there is none."""
        xp = c.xp
        logs = [_ops.stop_gradient(xp, log) if self.detach else log for _, log in outcomes]
        logs = zip(*(neighbours(xp, log, fill=0.0) for log in logs), strict=True)
        there = neighbours(xp, counted, fill=0.0)
        divergences = [
            _divergence(c, outcomes, log, counted * also)
            for log, also in zip(logs, there, strict=True)
        ]
        there = there if c.multilabel else [each[:, :1, ...] for each in there]
        best = [
            xp.astype(d <= (1.0 + 1e-6) * nearest, d.dtype) * n
            for d, n in zip(around, there, strict=True)
        ]
        # The largest is taken off, for an exact 0 where there is one direction.
        top = _ops.stop_gradient(xp, reduce(xp.maximum, divergences))
        divergences = [d - top for d in divergences]
        shares = [self._shares(xp, each) for each in (best, there)]
        smoothing = self.label_smoothing
        hit = reduce(
            add,
            (
                ((1.0 - smoothing) * b * shares[0] + smoothing * n * shares[1]) * d
                for b, n, d in zip(best, there, divergences, strict=True)
            ),
        )
        total = reduce(add, (n * xp.exp(d) for n, d in zip(there, divergences, strict=True)))
        return xp.log(xp.where(total > 0, total, xp.ones_like(total))) - hit

    @staticmethod
    def _shares(xp: Any, parts: Sequence[Any]) -> Any:
        """One over the sum, or over 1 where that is 0."""
        total = reduce(add, parts)
        return 1.0 / xp.where(total > 0, total, xp.ones_like(total))


def _divergence(c: "Comparison", outcomes: Any, others: Any, both: Any) -> Any:
    """KL of the outcomes from those of other voxels, by their logarithms; 0 unless both count."""
    xp = c.xp
    total = reduce(
        add, (p * (log - other) for (p, log), other in zip(outcomes, others, strict=True))
    )
    if not c.multilabel:
        total, both = xp.sum(total, axis=1, keepdims=True), both[:, :1, ...]
    total = xp.where(total < _MOST, total, _MOST * xp.ones_like(total))
    return xp.where(both > 0, total, xp.zeros_like(total))
