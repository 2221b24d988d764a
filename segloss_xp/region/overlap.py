"""Losses on the overlap of regions: Dice and its kin."""

import math
from typing import Any, Literal

from segloss_xp._checks import check_choice, check_range
from segloss_xp._grain import RegionLoss
from segloss_xp.maps import Intersection, Map, Minimum, Predicted, Reach, Truth


class _OverlapLoss(RegionLoss):
    """A region loss that offers the three readings of the intersection of soft regions."""

    intersection: Literal["product", "min", "mixed"] = "product"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "intersection", "product", "min", "mixed")

    def regions(self) -> tuple[Map, ...]:
        match self.intersection:
            case "product":
                return Intersection(), Predicted(), Truth()
            case "min":
                return Minimum(), Predicted(), Truth()
            case "mixed":
                # Such that p - TP and g - TP are what of p is beyond g, and of g beyond p.
                return Intersection(), Reach(), Reach(missed=True)


class DiceLoss(_OverlapLoss):
    r"""
    Soft Dice.

    .. math:: L_c = 1 - \frac{2 \sum_i p_i g_i + s}{\sum_i p_i + \sum_i g_i + s}

    and with ``squared=True`` the form of V-Net, :math:`\sum p^2 + \sum g^2` in the denominator.

    Parameters
    ----------
    squared : bool
        Whether the denominator adds up squares.
    intersection : {"product", "min", "mixed"}
        :math:`\sum p g`, or, unless squared, :math:`\sum \min(p, g)`, the Dice semimetric, which
        for soft labels too has its minimum, 0, at p = g. So has its second form, "mixed",
        :math:`1 - 2 \sum p g / (2 \sum p g + \sum |p - g|)`. For hard labels all are one.
    include_background, class_weights, batch, absent, smooth
        See `RegionLoss`.

    Notes
    -----
    Unreduced: (N, C), without the background (N, C - 1), and (1, C) for ``batch=True``. An absent
    class gives close to 1 where anything is predicted, and 0 where nothing is.

    Where the target is uncertain, its minimiser is not the probability and its volume is biased.

    References
    ----------
    F. Milletari et al. (2016), V-Net (squared); M. Drozdzal et al. (2016), The
    importance of skip connections; Z. Wang et al. (2023), Dice semimetric losses.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> sx.DiceLoss()(p, np.array([[0, 0, 1]]), from_logits=False, reduction="none").round(3)
    array([[0.15, 0.3 ]])
    """

    squared: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.squared and self.intersection != "product":
            raise ValueError(
                "squared=True, which is 0 at p = g as it is for hard labels only, has no form with "
                f"intersection={self.intersection!r}; got both"
            )

    def regions(self) -> tuple[Map, ...]:
        overlap, *sizes = super().regions()
        return (overlap, Predicted(2), Truth(2)) if self.squared else (overlap, *sizes)

    def formula(self, tp: Any, p: Any, g: Any) -> Any:
        return 1.0 - self.ratio(2.0 * tp, p + g)


class JaccardLoss(_OverlapLoss):
    r"""
    Soft Jaccard, or intersection over union.

    .. math:: L_c = 1 - \frac{\sum_i p_i g_i + s}{\sum_i p_i + \sum_i g_i - \sum_i p_i g_i + s}

    Parameters
    ----------
    intersection : {"product", "min", "mixed"}
        :math:`\sum p g`, or :math:`\sum \min(p, g)`, the Jaccard metric loss, 0 at p = g, or its
        second form, :math:`1 - \sum p g / (\sum p g + \sum |p - g|)`.
    include_background, class_weights, batch, absent, smooth
        See `RegionLoss`.

    Notes
    -----
    Unreduced and absent classes: as for `DiceLoss`, of which it is the increasing function
    2 D / (1 + D) but for the smoothing; and as biased in volume.

    References
    ----------
    M. A. Rahman and Y. Wang (2016), Optimizing intersection-over-union; Z. Wang et al. (2023),
    Jaccard metric losses.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> sx.JaccardLoss()(p, np.array([[0, 0, 1]]), from_logits=False, reduction="none").round(3)
    array([[0.261, 0.462]])
    """

    def formula(self, tp: Any, p: Any, g: Any) -> Any:
        return 1.0 - self.ratio(tp, p + g - tp)


class TverskyLoss(_OverlapLoss):
    r"""
    Tversky loss: false positives and false negatives weighed apart.

    .. math:: L_c = 1 - \frac{TP + s}{TP + \alpha FP + \beta FN + s}

    with :math:`TP = \sum p g`, :math:`FP = \sum p - TP`, :math:`FN = \sum g - TP`.

    Parameters
    ----------
    alpha, beta : float
        Weight of the false positives and of the false negatives. One half each is Dice, which has
        half the smoothing then; one each is Jaccard.
    intersection : {"product", "min", "mixed"}
        What TP adds up: :math:`p g`, or :math:`\min(p, g)`, for which the loss is 0 at p = g. Mixed
        takes TP of the first, FP and FN of the second.
    include_background, class_weights, batch, absent, smooth
        See `RegionLoss`.

    Notes
    -----
    Unreduced and absent classes: as for `DiceLoss`.

    References
    ----------
    S. S. M. Salehi et al. (2017), Tversky loss function for image segmentation, with its best
    alpha and beta as the default.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> sx.TverskyLoss()(p, np.array([[0, 0, 1]]), from_logits=False, reduction="none").round(3)
    array([[0.15, 0.3 ]])
    """

    alpha: float = 0.3
    beta: float = 0.7

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "alpha", 0, math.inf)
        check_range(self, "beta", 0, math.inf)

    def formula(self, tp: Any, p: Any, g: Any) -> Any:
        return 1.0 - self.ratio(tp, tp + self.alpha * (p - tp) + self.beta * (g - tp))


class FBetaLoss(_OverlapLoss):
    r"""
    Asymmetric similarity: one minus a soft F score, in which recall counts beta times as much.

    .. math:: L_c = 1 - \frac{(1 + \beta^2) TP + s}{(1 + \beta^2) TP + \beta^2 FN + FP + s}

    Parameters
    ----------
    beta : float
        The larger, the more false negatives weigh; 1 is Dice.
    intersection : {"product", "min", "mixed"}
        As for `TverskyLoss`.
    include_background, class_weights, batch, absent, smooth
        See `RegionLoss`.

    Notes
    -----
    But for the smoothing, `TverskyLoss` with :math:`\alpha = 1 / (1 + \beta^2)` and
    :math:`\beta^2 / (1 + \beta^2)`. Unreduced and absent classes: as for `DiceLoss`.

    References
    ----------
    S. R. Hashemi et al. (2019), Asymmetric loss functions and deep densely-connected networks,
    with its best beta as the default.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> sx.FBetaLoss()(p, np.array([[0, 0, 1]]), from_logits=False, reduction="none").round(3)
    array([[0.15, 0.3 ]])
    """

    beta: float = 1.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "beta", 0, math.inf)

    def formula(self, tp: Any, p: Any, g: Any) -> Any:
        squared = self.beta**2
        return 1.0 - self.ratio((1.0 + squared) * tp, squared * g + p)
