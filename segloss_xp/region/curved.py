"""Losses that bend the overlap of each class: powers and logarithms of it."""

import math
from typing import Any

from segloss_xp import _ops
from segloss_xp._array import namespace
from segloss_xp._checks import check_range
from segloss_xp.region.overlap import DiceLoss, TverskyLoss


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
    intersection : {"product", "min", "mixed"}
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
    K. C. L. Wong et al. (2018), 3D segmentation with exponential logarithmic loss for highly
    unbalanced object sizes, with gamma = 1.

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
        return xp.log1p(_ops.expm1(xp, loss) ** 2 / (2.0 * xp.exp(loss)))


class FocalDiceLoss(DiceLoss):
    r"""
    Focal Dice: a root of the Dice score, so that classes with a low one weigh more.

    .. math:: L_c = 1 - D_c^{1 / \beta}, \quad
        D_c = \frac{2 \sum_i p_i g_i + s}{\sum_i p_i + \sum_i g_i + s}

    Parameters
    ----------
    beta : float
        At least 1, which is Dice.
    squared, intersection
        As for `DiceLoss`.
    include_background, class_weights, batch, absent, smooth
        See `RegionLoss`.

    Notes
    -----
    Unreduced and absent classes: as for `DiceLoss`. At a score of 0, which needs ``smooth=0``, the
    gradient, infinite in the formula, is 0.

    References
    ----------
    P. Wang and A. C. S. Chung (2018), Focal Dice loss and image dilation for brain tumor
    segmentation, with its best beta as the default.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> sx.FocalDiceLoss()(p, np.array([[0, 0, 1]]), from_logits=False, reduction="none").round(3)
    array([[0.078, 0.163]])
    """

    beta: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "beta", 1, math.inf)

    def formula(self, tp: Any, p: Any, g: Any) -> Any:
        score = self.ratio(2.0 * tp, p + g)
        return 1.0 - _ops.power(namespace(score), score, 1.0 / self.beta)
