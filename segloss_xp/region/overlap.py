"""Losses on the overlap of regions: Dice and its kin."""

import math
from typing import Any, Literal

from segloss_xp import _ops
from segloss_xp._array import namespace
from segloss_xp._grain import RegionLoss, check_choice, check_range
from segloss_xp.maps import Intersection, Map, Minimum, Predicted, Truth


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
        :math:`\sum p g`, or, unless squared, :math:`\sum \min(p, g)`, the Dice semimetric, which
        for soft labels too has its minimum, 0, at p = g.
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
        if self.squared and self.intersection == "min":
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
    intersection : {"product", "min"}
        What TP adds up: :math:`p g`, or :math:`\min(p, g)`, for which the loss is 0 at p = g.
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
    intersection : {"product", "min"}
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


class FocalTverskyLoss(TverskyLoss):
    r"""
    Focal Tversky: a power of the Tversky loss of each class, taken before the mean.

    .. math:: L_c = (1 - TI_c)^{1 / \gamma}, \quad
        TI_c = \frac{TP + s}{TP + \alpha FP + \beta FN + s}

    Parameters
    ----------
    gamma : float
        Above 1 it turns towards the classes that are segmented badly.
    alpha, beta : float
        Weight of the false positives and of the false negatives, as for `TverskyLoss`.
    intersection : {"product", "min"}
        As for `TverskyLoss`.
    include_background, class_weights, batch, absent, smooth
        See `RegionLoss`.

    Notes
    -----
    The gradient at a perfect score, infinite in the formula, is 0. Unreduced and absent classes: as
    for `DiceLoss`.

    References
    ----------
    N. Abraham and N. M. Khan (2019), A novel focal Tversky loss function, eq. 4, with its gamma,
    and its weights, there named the other way round, as the default.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> loss = sx.FocalTverskyLoss()
    >>> loss(p, np.array([[0, 0, 1]]), from_logits=False, reduction="none").round(3)
    array([[0.241, 0.405]])
    """

    gamma: float = 4 / 3

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "gamma", 0, math.inf, open_below=True)

    def formula(self, tp: Any, p: Any, g: Any) -> Any:
        loss = super().formula(tp, p, g)
        return _ops.power(namespace(loss), loss, 1.0 / self.gamma)


class LogDiceLoss(DiceLoss):
    r"""
    Logarithmic Dice: the steeper, the less is found.

    .. math:: L_c = -\log \frac{2 \sum_i p_i g_i + s}{\sum_i p_i + \sum_i g_i + s}

    Parameters
    ----------
    squared, intersection
        As for `DiceLoss`.
    include_background, class_weights, batch, absent, smooth
        See `RegionLoss`. With ``smooth=0`` the value is infinite where nothing is found.

    Notes
    -----
    Unreduced and absent classes: as for `DiceLoss`, of which it is -log(1 - L).

    References
    ----------
    K. C. L. Wong et al. (2018), 3D segmentation with exponential logarithmic loss, eq. 2, with
    gamma = 1.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> sx.LogDiceLoss()(p, np.array([[0, 0, 1]]), from_logits=False, reduction="none").round(3)
    array([[0.163, 0.357]])
    """

    def formula(self, tp: Any, p: Any, g: Any) -> Any:
        # Not by way of 1 - D: a small score would be lost in it.
        score = self.ratio(2.0 * tp, p + g)
        return -namespace(score).log(score)


class LogCoshDiceLoss(DiceLoss):
    r"""
    Log-cosh Dice: half the square of the Dice loss where that is small.

    .. math:: L_c = \log \cosh\left(1 -
        \frac{2 \sum_i p_i g_i + s}{\sum_i p_i + \sum_i g_i + s}\right)

    Parameters
    ----------
    squared, intersection
        As for `DiceLoss`.
    include_background, class_weights, batch, absent, smooth
        See `RegionLoss`.

    Notes
    -----
    Unreduced and absent classes: as for `DiceLoss`. Its gradient vanishes towards a perfect score.

    References
    ----------
    S. Jadon (2020), A survey of loss functions for semantic segmentation.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> sx.LogCoshDiceLoss()(p, np.array([[0, 0, 1]]), from_logits=False, reduction="none").round(4)
    array([[0.0112, 0.0443]])
    """

    def formula(self, tp: Any, p: Any, g: Any) -> Any:
        loss = super().formula(tp, p, g)
        xp = namespace(loss)
        # cosh x - 1 = expm1(x)^2 / (2 exp(x)), which keeps the digits of a small loss.
        return xp.log1p(xp.expm1(loss) ** 2 / (2.0 * xp.exp(loss)))
