"""Losses that weigh the classes of a sample against each other before the ratio."""

import math
from typing import Any, Literal

from segloss_xp import _ops
from segloss_xp._array import namespace
from segloss_xp._checks import check_choice, check_range
from segloss_xp._comparison import Comparison
from segloss_xp._grain import RegionLoss, divide, reduce_samples
from segloss_xp._loss import Reduction


class GeneralizedDiceLoss(RegionLoss):
    r"""
    Generalised Dice: one score for all classes, each weighed by its volume in the target.

    .. math:: L = 1 - \frac{2 \sum_c w_c \sum_i p_{ic} g_{ic} + s}
        {\sum_c w_c \left(\sum_i p_{ic} + \sum_i g_{ic}\right) + s}, \quad
        w_c = \left(\sum_i g_{ic}\right)^{-2}

    Parameters
    ----------
    weighting : {"square", "simple", "uniform"}
        The power of the volume in the weight: -2, -1 or 0.
    include_background, batch, smooth
        See `RegionLoss`. The weights are relative to the largest of the sample, so that `smooth` is
        a number of voxels of the heaviest class, as it is in Dice.
    class_weights : sequence of float, optional
        Factors of the weights.
    absent : {"smooth", "skip", "zero"}
        Whether a class that the target does not contain counts, with the largest finite weight of
        the sample, where its own would be infinite: what is predicted of it is felt. With "skip" or
        "zero" it is left out.

    Notes
    -----
    Unreduced: one value a sample, (N, 1), and (1, 1) for ``batch=True``. The weights are constants.

    References
    ----------
    C. H. Sudre et al. (2017), Generalised Dice overlap as a deep learning loss function for highly
    unbalanced segmentations; the weights after W. R. Crum et al. (2006).

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> loss = sx.GeneralizedDiceLoss()
    >>> loss(p, np.array([[0, 0, 1]]), from_logits=False, reduction="none").round(3)
    array([[0.25]])
    """

    weighting: Literal["square", "simple", "uniform"] = "square"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "weighting", "square", "simple", "uniform")

    @property
    def grain(self) -> str:
        return "sample"

    def formula(self, tp: Any, p: Any, g: Any) -> Any:
        """Value (N, 1) from the weighted sums (N, 1) of all classes."""
        return 1.0 - self.ratio(2.0 * tp, p + g)

    def reduce(self, comparison: Comparison, reduction: Reduction) -> Any:
        tp, p, g = (self.add_up(comparison, m) for m in self.regions())
        xp = namespace(tp)
        _, counts = self.judged(comparison)
        g_alone = _ops.stop_gradient(xp, g)
        weights = self._relative(self.weighted(comparison, counts, g_alone), g_alone)
        total = xp.sum(weights, axis=1, keepdims=True)
        judged = xp.where(total > 0, xp.ones_like(total), xp.zeros_like(total))
        tp, p, g = (xp.sum(weights * each, axis=1, keepdims=True) for each in (tp, p, g))
        values = judged * self.formula(tp, p, g)
        if reduction == "none":
            return values
        return reduce_samples(comparison, values, judged, reduction, pooled=self.batch)

    def _relative(self, weights: Any, g: Any) -> Any:
        """The weights of the classes times those of their volume, relative to the largest."""
        xp = namespace(g)
        present = (g > 0) & (weights > 0)
        one = xp.ones_like(g)
        smallest = xp.min(xp.where(present, g, math.inf * one), axis=1, keepdims=True)
        share = xp.where(present, smallest, one) / xp.where(present, g, one)
        weights = weights * share ** {"square": 2, "simple": 1, "uniform": 0}[self.weighting]
        return divide(weights, xp.max(weights, axis=1, keepdims=True))


class PenaltyGeneralizedDiceLoss(GeneralizedDiceLoss):
    r"""
    Penalty on generalised Dice: flatter where much is wrong, and steeper towards a perfect score.

    .. math:: L = \frac{L_{GD}}{1 + k (1 - L_{GD})}

    with the generalised Dice loss :math:`L_{GD}`.

    Parameters
    ----------
    k : float
        At least 0, which is generalised Dice.
    weighting, include_background, class_weights, batch, absent, smooth
        As for `GeneralizedDiceLoss`.

    Notes
    -----
    Unreduced and absent classes: as for `GeneralizedDiceLoss`. From 0 to 1.

    References
    ----------
    S. Yang et al. (2019), Major vessel segmentation on X-ray coronary angiography using deep
    networks with a novel penalty loss function, with its best k as the default.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> loss = sx.PenaltyGeneralizedDiceLoss()
    >>> loss(p, np.array([[0, 0, 1]]), from_logits=False, reduction="none").round(3)
    array([[0.087]])
    """

    k: float = 2.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "k", 0, math.inf)

    def formula(self, tp: Any, p: Any, g: Any) -> Any:
        loss = super().formula(tp, p, g)
        return loss / (1.0 + self.k * (1.0 - loss))
