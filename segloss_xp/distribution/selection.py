"""Cross-entropy over the voxels that are hardest."""

from fractions import Fraction
from math import log
from typing import Any

from segloss_xp import _ops, _order
from segloss_xp._array import namespace
from segloss_xp._checks import check_range
from segloss_xp._comparison import Comparison
from segloss_xp._grain import VoxelLoss, divide, reduce_samples
from segloss_xp._loss import Reduction
from segloss_xp._voxels import over_classes
from segloss_xp.distribution.likelihood import CrossEntropyLoss
from segloss_xp.maps import Map


class Selection(VoxelLoss):
    """
    Cross-entropy over some of the valid voxels, or voxels and channels.

    Parameters
    ----------
    batch : bool
        Whether to select from all samples together, as if the batch were one image.
    class_weights : sequence of float, optional
        A weight for each of the C classes.
    """

    batch: bool = False

    def select(self, hardness: Any, valid: Any) -> Any:
        """Share of each voxel (M, V) that is selected, from what it costs; none if not valid."""
        raise NotImplementedError

    def maps(self, comparison: Comparison) -> tuple[Map, ...]:
        return ()

    def reduce(self, comparison: Comparison, reduction: Reduction) -> Any:
        c = comparison
        entropy = CrossEntropyLoss()
        values = self._weighted(c, entropy.formula(c, *c.values(entropy.ingredients(c))))
        weights = self._weighted(c, c.value_of_target(self._counted(c)))
        if not c.multilabel:
            values, weights = over_classes([values]), over_classes([weights])
        shape = weights.shape
        rows = (1 if self.batch else shape[0], -1)
        # Without the weights again: what counts more is not harder for it.
        hardness = divide(_ops.stop_gradient(namespace(values), values), weights)
        share = self.select(c.xp.reshape(hardness, rows), c.xp.reshape(weights > 0, rows))
        share = c.xp.reshape(share, shape)
        values, weights = values * share, weights * share
        if reduction == "none":
            return c.unflatten(values if c.multilabel else values[:, 0, :])
        if self.batch:
            each = (namespace(x).sum(x, axis=2, keepdims=True) for x in (values, weights))
            values, weights = map(c.pool, each)
        return reduce_samples(c, values, weights, reduction, pooled=self.batch)


class TopKLoss(Selection):
    r"""
    Top-k cross-entropy: over the k hardest of the valid voxels.

    .. math:: L = \frac1K \sum_{i \in T} -\sum_c g_{ic} \log p_{ic}, \quad
        K = \max(1, \lfloor k N \rfloor)

    where T holds the K of the N valid voxels in which the cross-entropy is largest.

    Parameters
    ----------
    k : float
        Share of the voxels to select, above 0; 1 is cross-entropy.
    batch : bool
        Whether to select from all samples together, as if the batch were one image; else each
        sample has its own hardest voxels.
    class_weights : sequence of float, optional
        A weight for each of the C classes; a mean depends on their ratios only.

    Notes
    -----
    Voxels that are masked, ignored or of weight 0, or whose class has the weight 0, are not counted
    in N and never selected. The selection counts voxels and looks at the cross-entropy alone;
    the weights of voxels and of classes come in afterwards, in a mean over the selection as in any
    other. Where several voxels tie for the last places they share them evenly, value and gradient,
    so that no order matters. The share k is read as a fraction of a denominator up to 10000, and
    the count is exact.

    Unreduced: (N, \*space), 0 where not selected; with ``multilabel=True`` of the shape of the
    prediction, the selection being from all channels together. All ignored: 0. The selection is
    constant to the gradient. With `all_reduce` each device selects from its own part.

    References
    ----------
    Z. Wu et al. (2016), Bridging category-level and instance-level semantic image segmentation; F.
    Isensee et al. (2021), nnU-Net, whose share of 10 percent is the default.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3, 0.6], [0.1, 0.2, 0.7, 0.4]]])
    >>> labels = np.array([[0, 0, 1, 1]])
    >>> sx.TopKLoss(k=0.5)(p, labels, from_logits=False, reduction="none").round(3)
    array([[0.   , 0.   , 0.357, 0.916]])
    """

    k: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "k", 0, 1, open_below=True)

    def select(self, hardness: Any, valid: Any) -> Any:
        return _hardest(self.k, hardness, valid)


class OHEMLoss(Selection):
    r"""
    Online hard example mining: cross-entropy over the voxels whose label is not probable enough.

    .. math:: L = \frac{1}{|T|} \sum_{i \in T} -\sum_c g_{ic} \log p_{ic}, \quad
        T = \{i : p_{i y_i} < t\}

    Parameters
    ----------
    threshold : float
        Probability t of the label, above 0, from which on a voxel is easy.
    min_kept : float
        Share of the valid voxels that are kept anyway, the hardest, where fewer are below the
        threshold: one voxel at least, or if 0 none.
    batch : bool
        Whether `min_kept` is a share of all samples together, as if the batch were one image.
    class_weights : sequence of float, optional
        A weight for each of the C classes; a mean depends on their ratios only.

    Notes
    -----
    As in `TopKLoss` the weights do not take part in the selection, what is masked, ignored or has
    no weight is not selected, and the selection is constant to the gradient. For a soft target,
    what is compared with the threshold is exp of minus the cross-entropy.

    Unreduced: (N, \*space), 0 where not selected; with ``multilabel=True`` of the shape of the
    prediction, a channel being selected where the probability of its label, on or off, is below the
    threshold. Nothing selected, or all ignored: 0. Not continuous where a voxel passes the
    threshold. With `all_reduce` each device selects from its own part.

    References
    ----------
    Z. Wu et al. (2016), Bridging category-level and instance-level semantic image segmentation
    (online bootstrapping); A. Shrivastava et al. (2016), Training region-based object
    detectors with online hard example mining (the name).

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3, 0.6], [0.1, 0.2, 0.7, 0.4]]])
    >>> labels = np.array([[0, 0, 1, 1]])
    >>> sx.OHEMLoss(threshold=0.5)(p, labels, from_logits=False, reduction="none").round(3)
    array([[0.   , 0.   , 0.   , 0.916]])
    """

    threshold: float = 0.7
    min_kept: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "threshold", 0, 1, open_below=True)
        check_range(self, "min_kept", 0, 1)

    def select(self, hardness: Any, valid: Any) -> Any:
        xp = namespace(hardness)
        hard = valid & (hardness > -log(self.threshold))
        share = xp.astype(hard, hardness.dtype)
        if not self.min_kept:
            return share
        enough = _count(xp, hard) >= _part(xp, self.min_kept, _count(xp, valid))
        return xp.where(enough, share, _hardest(self.min_kept, hardness, valid))


def _hardest(part: float, hardness: Any, valid: Any) -> Any:
    """The share of each voxel in the hardest part of those in its row that are valid."""
    xp = namespace(hardness)
    count = _part(xp, part, _count(xp, valid))
    most = max(1, _part_of(part, hardness.shape[1]))
    ranked = xp.where(valid, hardness, -float("inf") * xp.ones_like(hardness))
    last = _order.kth_largest(xp, ranked, count, most)
    above, tied = valid & (ranked > last), valid & (ranked == last)
    left, among = count - _count(xp, above), _count(xp, tied)
    among = xp.astype(xp.where(among > 0, among, xp.ones_like(among)), hardness.dtype)
    share = xp.astype(left, hardness.dtype) / among
    return xp.where(tied, share, xp.astype(above, hardness.dtype))


def _count(xp: Any, x: Any) -> Any:
    return xp.sum(xp.astype(x, xp.int32), axis=1, keepdims=True, dtype=xp.int32)


def _part(xp: Any, part: float, count: Any) -> Any:
    """The whole part of a count, at least 1."""
    whole = _part_of(part, count)
    return xp.where(whole > 0, whole, xp.ones_like(whole))


def _part_of(part: float, count: Any) -> Any:
    # In integers, and of such size that no product leaves 32 bits.
    share = Fraction(part).limit_denominator(10_000)
    rest = count % share.denominator * share.numerator // share.denominator
    return count // share.denominator * share.numerator + rest
