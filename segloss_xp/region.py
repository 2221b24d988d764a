"""Losses on the overlap of regions: Dice and its kin."""

from typing import Any, Literal

from segloss_xp._grain import RegionLoss, check_choice
from segloss_xp._maps import Intersection, Map, Minimum, Predicted, Truth


class _OverlapLoss(RegionLoss):
    """A region loss that offers both readings of the intersection of soft regions."""

    intersection: Literal["product", "min"] = "product"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "intersection", "product", "min")

    def regions(self) -> tuple[Map, ...]:
        overlap = Minimum() if self.intersection == "min" else Intersection()
        return overlap, Predicted(), Truth()


class DiceLoss(_OverlapLoss):
    r"""
    Soft Dice.

    .. math:: L_c = 1 - \frac{2 \sum_i p_i g_i + s}{\sum_i p_i + \sum_i g_i + s}

    and with ``squared=True`` the form of V-Net, :math:`\sum p^2 + \sum g^2` in the denominator.

    Parameters
    ----------
    squared : bool
        Whether the denominator adds up squares.
    intersection : {"product", "min"}
        :math:`\sum p g`, or :math:`\sum \min(p, g)`, the Dice semimetric: for soft labels only the
        latter has its minimum, 0, at p = g.
    include_background, class_weights, batch, absent, smooth
        See `RegionLoss`.

    Notes
    -----
    Unreduced: (N, C), without the background (N, C - 1), and (1, C) for ``batch=True``. An absent
    class gives close to 1 where anything is predicted, and 0 where nothing is.

    Where the target is uncertain, its minimiser is not the probability and its volume is biased.

    References
    ----------
    F. Milletari et al. (2016), V-Net, section 3 (squared); M. Drozdzal et al. (2016), The
    importance of skip connections, eq. 1; Z. Wang et al. (2023), Dice semimetric losses, eq. 10.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> sx.DiceLoss()(p, np.array([[0, 0, 1]]), from_logits=False, reduction="none").round(3)
    array([[0.15, 0.3 ]])
    """

    squared: bool = False

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
    intersection : {"product", "min"}
        :math:`\sum p g`, or :math:`\sum \min(p, g)`, the Jaccard metric loss, 0 at p = g.
    include_background, class_weights, batch, absent, smooth
        See `RegionLoss`.

    Notes
    -----
    Unreduced and absent classes: as for `DiceLoss`, of which it is the increasing function
    2 D / (1 + D) but for the smoothing; and as biased in volume.

    References
    ----------
    M. A. Rahman and Y. Wang (2016), Optimizing intersection-over-union, eq. 3; Z. Wang et al.
    (2023), Jaccard metric losses, eq. 6.

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
        Weight of the false positives and of the false negatives. One half each is Dice, one each
        is Jaccard.
    intersection : {"product", "min"}
        What TP adds up: :math:`p g`, or :math:`\min(p, g)`, for which the loss is 0 at p = g.
    include_background, class_weights, batch, absent, smooth
        See `RegionLoss`.

    Notes
    -----
    Unreduced and absent classes: as for `DiceLoss`.

    References
    ----------
    S. S. M. Salehi et al. (2017), Tversky loss function for image segmentation, eq. 4, with its
    best alpha and beta as the default.

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
        if not (0 <= self.alpha < float("inf") and 0 <= self.beta < float("inf")):
            raise ValueError(f"expected alpha, beta >= 0, got {self.alpha!r}, {self.beta!r}")

    def formula(self, tp: Any, p: Any, g: Any) -> Any:
        return 1.0 - self.ratio(tp, tp + self.alpha * (p - tp) + self.beta * (g - tp))
