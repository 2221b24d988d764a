"""Losses on the whole confusion table of a class, and on powers of its errors."""

import math
from typing import Any, Literal

from segloss_xp._array import namespace
from segloss_xp._checks import check_choice, check_range
from segloss_xp._grain import RegionLoss, divide
from segloss_xp.maps import (
    FalseNegative,
    FalsePositive,
    Intersection,
    Map,
    PoweredError,
    Predicted,
    SquaredErrorWithin,
    TrueNegative,
    Truth,
    Volume,
)


class SensitivitySpecificityLoss(RegionLoss):
    r"""
    Sensitivity and specificity: the mean squared error inside the class, and outside.

    .. math:: L_c = r \frac{\sum_i (g_i - p_i)^2 g_i}{\sum_i g_i + s}
        + (1 - r) \frac{\sum_i (g_i - p_i)^2 (1 - g_i)}{\sum_i (1 - g_i) + s}

    Parameters
    ----------
    sensitivity : float
        Weight r, from 0 to 1, of the error inside the class.
    include_background, class_weights, batch, absent
        See `RegionLoss`.
    smooth : float
        Added to the denominators alone; of a pair, the second.

    Notes
    -----
    Unreduced: as for `DiceLoss`. Of a class that is absent, or everywhere, the one error is left.

    References
    ----------
    T. Brosch et al. (2015), Deep convolutional encoder networks for multiple sclerosis lesion
    segmentation.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> loss = sx.SensitivitySpecificityLoss()
    >>> loss(p, np.array([[0, 0, 1]]), from_logits=False, reduction="none").round(3)
    array([[0.087, 0.028]])
    """

    sensitivity: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "sensitivity", 0, 1)

    def regions(self) -> tuple[Map, ...]:
        return SquaredErrorWithin(), SquaredErrorWithin(outside=True), Truth(), Volume()

    def formula(self, inside: Any, outside: Any, g: Any, volume: Any) -> Any:
        below = self.below
        r = self.sensitivity
        return r * divide(inside, g + below) + (1.0 - r) * divide(outside, volume - g + below)


class NoiseRobustDiceLoss(RegionLoss):
    r"""
    Noise-robust Dice: between the absolute error and the squares of V-Net.

    .. math:: L_c = \frac{\sum_i |p_i - g_i|^\gamma}{\sum_i p_i^2 + \sum_i g_i^2 + s}

    Parameters
    ----------
    gamma : float
        From 1 to 2: the smaller, the less a wrong label weighs; 2 is ``DiceLoss(squared=True)``.
    denominator : {"squared", "plain"}
        Whether the denominator adds up squares, as in the paper, or p and g themselves, as in the
        authors' code, over the batch.
    include_background, class_weights, batch, absent
        See `RegionLoss`.
    smooth : float
        Added to the denominator alone; of a pair, the second.

    Notes
    -----
    Unreduced: as for `DiceLoss`. Of an absent class the default has a value that grows as p falls
    towards 0, where it is 0: with gamma < 2 a small p outweighs its square in the denominator. Then
    take ``absent="skip"``, or the plain denominator.

    References
    ----------
    G. Wang et al. (2020), A noise-robust framework for automatic segmentation of COVID-19
    pneumonia lesions from CT images.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> loss = sx.NoiseRobustDiceLoss()
    >>> loss(p, np.array([[0, 0, 1]]), from_logits=False, reduction="none").round(3)
    array([[0.081, 0.185]])
    """

    gamma: float = 1.5
    denominator: Literal["squared", "plain"] = "squared"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "gamma", 1, 2)
        check_choice(self, "denominator", "squared", "plain")

    def regions(self) -> tuple[Map, ...]:
        power: Literal[1, 2] = 2 if self.denominator == "squared" else 1
        return PoweredError(self.gamma), Predicted(power), Truth(power)

    def formula(self, error: Any, p: Any, g: Any) -> Any:
        return divide(error, p + g + self.below)


class DicePlusPlusLoss(RegionLoss):
    r"""
    Dice++: Dice whose errors count by a power, so that confident ones weigh most.

    .. math:: L_c = 1 - \frac{2 \sum_i p_i g_i + s}
        {2 \sum_i p_i g_i + \sum_i (p_i (1 - g_i))^\gamma + \sum_i ((1 - p_i) g_i)^\gamma + s}

    Parameters
    ----------
    gamma : float
        At least 1, which is Dice.
    include_background, class_weights, batch, absent, smooth
        See `RegionLoss`.

    Notes
    -----
    Unreduced and absent classes: as for `DiceLoss`. For hard labels and gamma = 2 it is V-Net's.

    References
    ----------
    M. Yeung et al. (2023), Calibrating the Dice loss to handle neural network overconfidence for
    biomedical image segmentation.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> loss = sx.DicePlusPlusLoss()
    >>> loss(p, np.array([[0, 0, 1]]), from_logits=False, reduction="none").round(3)
    array([[0.04 , 0.091]])
    """

    gamma: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "gamma", 1, math.inf)

    def regions(self) -> tuple[Map, ...]:
        return Intersection(), FalsePositive(self.gamma), FalseNegative(self.gamma)

    def formula(self, tp: Any, fp: Any, fn: Any) -> Any:
        return 1.0 - self.ratio(2.0 * tp, 2.0 * tp + fp + fn)


class TverskyPlusPlusLoss(RegionLoss):
    r"""
    Tversky++: Tversky whose errors count by a power, so that confident ones weigh most.

    .. math:: L_c = 1 - \frac{\sum_i p_i g_i + s}{\sum_i p_i g_i
        + \alpha \sum_i (p_i (1 - g_i))^\gamma + \beta \sum_i ((1 - p_i) g_i)^\gamma + s}

    Parameters
    ----------
    alpha, beta : float
        Weight of the false positives and of the false negatives. One half each is
        `DicePlusPlusLoss`, which has half the smoothing then.
    gamma : float
        At least 1, which is Tversky.
    include_background, class_weights, batch, absent, smooth
        See `RegionLoss`.

    Notes
    -----
    Unreduced and absent classes: as for `DiceLoss`.

    References
    ----------
    M. Yeung et al. (2023), Calibrating the Dice loss to handle neural network overconfidence for
    biomedical image segmentation, with its weights and gamma as the default.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> loss = sx.TverskyPlusPlusLoss()
    >>> loss(p, np.array([[0, 0, 1]]), from_logits=False, reduction="none").round(3)
    array([[0.035, 0.1  ]])
    """

    alpha: float = 0.3
    beta: float = 0.7
    gamma: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "alpha", 0, math.inf)
        check_range(self, "beta", 0, math.inf)
        check_range(self, "gamma", 1, math.inf)

    def regions(self) -> tuple[Map, ...]:
        return Intersection(), FalsePositive(self.gamma), FalseNegative(self.gamma)

    def formula(self, tp: Any, fp: Any, fn: Any) -> Any:
        return 1.0 - self.ratio(tp, tp + self.alpha * fp + self.beta * fn)


class MCCLoss(RegionLoss):
    r"""
    One minus the Matthews correlation of prediction and target.

    .. math:: L_c = 1 - \frac{TP \cdot TN - FP \cdot FN}
        {\sqrt{(TP + FP) (TP + FN) (TN + FP) (TN + FN)}}

    Parameters
    ----------
    include_background, class_weights, batch, absent
        See `RegionLoss`.
    smooth : float
        Added to the denominator alone, as a share of the number of voxels squared; of a pair, the
        second.

    Notes
    -----
    Computed from shares of the volume, so that nothing overflows. From 0 to 2. Where the target or
    the prediction is the same everywhere, 0 / 0 in the formula, it is 0 if they are equal, else 1,
    and without gradient. Unreduced: as for `DiceLoss`.

    References
    ----------
    K. Abhishek and G. Hamarneh (2021), Matthews correlation coefficient loss for deep convolutional
    networks.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> sx.MCCLoss()(p, np.array([[0, 0, 1]]), from_logits=False, reduction="none").round(3)
    array([[0.45, 0.45]])
    """

    smooth: float | tuple[float, float] = 0.0

    def regions(self) -> tuple[Map, ...]:
        return Intersection(), FalsePositive(), FalseNegative(), TrueNegative()

    def formula(self, tp: Any, fp: Any, fn: Any, tn: Any) -> Any:
        # The four cells are summed apart: a small one would be lost in a difference.
        volume = tp + fp + fn + tn
        tp, fp, fn, tn = (divide(each, volume) for each in (tp, fp, fn, tn))
        spread, errors = (tp + fp) * (tn + fn) * (tp + fn) * (tn + fp), fp + fn
        xp = namespace(spread)
        one = xp.ones_like(spread)
        varied = spread > 0
        root = xp.where(varied, spread, one) ** 0.5
        correlation = (tp * tn - fp * fn) / (root + self.below)
        constant = xp.where(errors > 0, xp.zeros_like(one), one)
        return 1.0 - xp.where(varied, correlation, constant)
