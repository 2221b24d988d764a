"""Compounds made against the imbalance of the classes, with terms of their own."""

from typing import Any

from segloss_xp import _ops
from segloss_xp._array import namespace
from segloss_xp._checks import check_range, freeze_weights
from segloss_xp._comparison import Comparison
from segloss_xp._compound import RegionCompound
from segloss_xp._grain import RegionLoss, VoxelLoss, per_class
from segloss_xp._loss import Loss
from segloss_xp.distribution.likelihood import FocalLoss
from segloss_xp.maps import (
    FalseNegative,
    FalsePositive,
    FocalLikelihood,
    Intersection,
    LogLikelihood,
    LogRejection,
    Map,
    PoweredSurprise,
    Volume,
)
from segloss_xp.region.curved import FocalTverskyLoss
from segloss_xp.region.overlap import DiceLoss, TverskyLoss


class ComboLoss(RegionCompound):
    r"""
    Combo loss: Dice and a cross-entropy whose two kinds of error are weighed apart.

    .. math:: L = -\frac{\alpha}{N C} \sum_i \sum_c [\beta\, g_{ic} \log p_{ic}
        + (1 - \beta) (1 - g_{ic}) \log(1 - p_{ic})] + (1 - \alpha) L_{Dice}

    Parameters
    ----------
    alpha : float
        Share of the cross-entropy, from 0 to 1.
    beta : float
        From 0 to 1: above one half false negatives cost more, below it false positives.
    include_background : bool
        Whether class 0 counts in Dice.
    class_weights : sequence of float, optional
        A weight for each of the C classes, in both terms; a mean depends on their ratios only.
    batch, smooth
        Of Dice: see `RegionLoss`.

    Notes
    -----
    Cross-entropy is that of each class against the rest, with a softmax too, whose 1 - p is the sum
    of the others. The paper subtracts Dice; here it is 1 - Dice, so that perfect is 0. Unreduced:
    the terms have no common grain, so ``reduction="none"`` is a ``ValueError``. Absent classes: as
    for `DiceLoss`. All ignored: 0.

    References
    ----------
    S. A. Taghanaki et al. (2019), Combo loss: handling input and output imbalance in multi-organ
    segmentation, with its alpha and smoothing.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> float(sx.ComboLoss()(p, np.array([[0, 0, 1]]), from_logits=False).round(3))
    0.137
    """

    alpha: float = 0.5
    beta: float = 0.5
    smooth: float | tuple[float, float] = 1.0

    def __post_init__(self) -> None:
        check_range(self, "alpha", 0, 1)
        check_range(self, "beta", 0, 1)
        super().__post_init__()

    @property
    def terms(self) -> tuple[tuple[float, Loss], ...]:
        entropy = _OneAgainstTheRest(beta=self.beta, class_weights=self.class_weights)
        return (self.alpha, entropy), (1.0 - self.alpha, self.region(DiceLoss))


class _OneAgainstTheRest(VoxelLoss):
    """Binary cross-entropy of every class, whether it is a channel of its own or not."""

    beta: float

    def ingredients(self, comparison: Comparison) -> tuple[Map, ...]:
        return LogLikelihood(), LogRejection()

    def formula(self, comparison: Comparison, *maps: Any) -> Any:
        likelihood, rejection = maps
        return -self.beta * likelihood - (1.0 - self.beta) * rejection

    def _counted(self, comparison: Comparison) -> Map:
        return Volume()


class ExponentialLogarithmicLoss(RegionCompound):
    r"""
    Exponential logarithmic loss: powers of the logarithm of Dice, and of cross-entropy.

    .. math:: L = w_D\, \frac1C \sum_c (-\log D_c)^\gamma
        + w_C\, \frac1N \sum_i w_{l(i)} (-\log p_{i\,l(i)})^\gamma,
        \quad w_l = \left(\sum_k f_k / f_l\right)^{1/2}

    Parameters
    ----------
    dice_weight, ce_weight : float
        Weights :math:`w_D` and :math:`w_C` of the terms.
    gamma : float
        Exponent, above 0: below 1 it turns towards what is nearly right, above 1 towards the rest.
    frequencies : sequence of float, optional
        Frequency or number of voxels :math:`f_l` of each of the C labels in the training data, none
        of them 0. Without it all :math:`w_l` are 1: they are not taken from the batch, which would
        make the loss of a sample depend on its company.
    include_background : bool
        Whether class 0 counts in the Dice term.
    class_weights : sequence of float, optional
        A weight for each of the C classes, in both terms; a mean depends on their ratios only, so
        it is not :math:`w_l`, which scales the loss.
    batch : bool
        See `RegionLoss`.
    smooth : float
        Added to the numerator and the denominator of Dice, above 0.

    Notes
    -----
    Not for ``multilabel=True``. The gradient by the logits is finite for every gamma, and 0 at
    p = 1 and at D = 1, where that of the formula is infinite for gamma < 1. Unreduced: the terms
    have no common grain, so ``reduction="none"`` is a ``ValueError``. An absent class counts in the
    Dice term by its smoothed score. All ignored: 0.

    References
    ----------
    K. C. L. Wong et al. (2018), 3D segmentation with exponential logarithmic loss for highly
    unbalanced object sizes, with its weights, gamma and smoothing.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> loss = sx.ExponentialLogarithmicLoss(frequencies=(2, 1))
    >>> float(loss(p, np.array([[0, 0, 1]]), from_logits=False).round(3))
    0.649
    """

    dice_weight: float = 0.8
    ce_weight: float = 0.2
    gamma: float = 0.3
    frequencies: tuple[float, ...] | None = None
    smooth: float = 1.0

    def __post_init__(self) -> None:
        check_range(self, "gamma", 0, 100, open_below=True)
        check_range(self, "smooth", 0, float("inf"), open_below=True)
        freeze_weights(self, "frequencies")
        if self.frequencies is not None and not all(self.frequencies):
            raise ValueError(f"expected frequencies > 0, got {self.frequencies!r}")
        super().__post_init__()

    @property
    def terms(self) -> tuple[tuple[float, Loss], ...]:
        entropy = _PoweredCrossEntropy(
            gamma=self.gamma, frequencies=self.frequencies, class_weights=self.class_weights
        )
        dice = self.region(_PoweredLogDice, gamma=self.gamma)
        return (self.dice_weight, dice), (self.ce_weight, entropy)

    def maps(self, comparison: Comparison) -> tuple[Map, ...]:
        if comparison.multilabel:
            raise ValueError(f"{self!r} is for one label a voxel, got multilabel=True")
        return super().maps(comparison)


class _PoweredLogDice(RegionLoss):
    """The power (-log D)^gamma of each class."""

    gamma: float

    def regions(self) -> tuple[Map, ...]:
        return Intersection(), FalsePositive(), FalseNegative()

    def formula(self, tp: Any, fp: Any, fn: Any) -> Any:
        # -log D = log(1 + errors / (2 TP + s)): a power below 1 magnifies what 1 - D would lose.
        surprise = namespace(tp).log1p((fp + fn) / (2.0 * tp + self.above))
        return _ops.power(namespace(tp), surprise, self.gamma)


class _PoweredCrossEntropy(VoxelLoss):
    """The power (-log p)^gamma of the true class, weighted by its frequency."""

    gamma: float
    frequencies: tuple[float, ...] | None = None

    def ingredients(self, comparison: Comparison) -> tuple[Map, ...]:
        return (PoweredSurprise(self.gamma),)

    def formula(self, comparison: Comparison, *maps: Any) -> Any:
        if self.frequencies is None:
            return maps[0]
        total = sum(self.frequencies)
        weights = tuple((total / each) ** 0.5 for each in self.frequencies)
        return maps[0] * per_class(comparison, weights, "frequencies", maps[0].ndim)


class UnifiedFocalLoss(RegionCompound):
    r"""
    Unified focal loss: focal loss and focal Tversky, of one exponent and one weight of errors.

    .. math:: L = \lambda L_F + (1 - \lambda) L_{FT}

    Asymmetric, with the background 0 and the rare classes r > 0,

    .. math:: L_F = -\frac1N \sum_i \Big[\delta \sum_r g_{ir} \log p_{ir}
        + (1 - \delta)\, g_{i0} (1 - p_{i0})^\gamma \log p_{i0}\Big], \quad
        L_{FT} = \frac1C \Big[1 - TI_0 + \sum_r (1 - TI_r)^{1 - \gamma}\Big]

    with :math:`TI = TP / (TP + \delta FN + (1 - \delta) FP)`; symmetric, both powers are taken of
    all classes.

    Parameters
    ----------
    focal_weight : float
        Share :math:`\lambda` of the focal loss, from 0 to 1.
    delta : float
        From 0 to 1: weight of the rare classes, and of false negatives.
    gamma : float
        From 0 to below 1: how far the background is suppressed, and rare classes enhanced.
    asymmetric : bool
        Whether rare classes keep all of their cross-entropy, and the background all of its Tversky
        loss.
    include_background : bool
        Whether class 0 counts in the Tversky term.
    class_weights : sequence of float, optional
        A weight for each of the C classes, in both terms; a mean depends on their ratios only.
    batch, smooth
        Of the Tversky term: see `RegionLoss`.

    Notes
    -----
    For any number of classes. The authors' code has two, the same numbers, and its weight for the
    Tversky term, a mean over the classes. With ``gamma=0`` it is cross-entropy and Tversky. The
    symmetric form is `FocalLoss` and `FocalTverskyLoss`, with the exponents of that code; with
    those that the paper is quoted for, 1 - gamma and gamma, gamma = 0 would leave a constant, and
    at gamma = 1/2 they agree. With ``multilabel=True`` the symmetric form alone: channels have no
    common background. Unreduced: the terms have no common grain, so ``reduction="none"`` is a
    ``ValueError``. Absent classes: as for `DiceLoss`. All ignored: 0. The gradient at a perfect
    score, infinite in the formula, is 0.

    References
    ----------
    M. Yeung et al. (2022), Unified focal loss: generalising Dice and cross entropy-based losses to
    handle class imbalanced medical image segmentation, with its lambda, delta and gamma.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> float(sx.UnifiedFocalLoss()(p, np.array([[0, 0, 1]]), from_logits=False).round(3))
    0.219
    """

    focal_weight: float = 0.5
    delta: float = 0.6
    gamma: float = 0.5
    asymmetric: bool = True

    def __post_init__(self) -> None:
        check_range(self, "focal_weight", 0, 1)
        check_range(self, "delta", 0, 1)
        check_range(self, "gamma", 0, 1)
        if self.gamma == 1:
            raise ValueError(f"expected gamma below 1, got {self.gamma!r}")
        super().__post_init__()

    @property
    def terms(self) -> tuple[tuple[float, Loss], ...]:
        focal, tversky = (
            (_AsymmetricFocal, _AsymmetricFocalTversky)
            if self.asymmetric
            else (FocalLoss, FocalTverskyLoss)
        )
        weighed = {"alpha": 1.0 - self.delta, "beta": self.delta, "gamma": 1.0 / (1.0 - self.gamma)}
        return (
            (
                self.focal_weight,
                focal(gamma=self.gamma, alpha=self.delta, class_weights=self.class_weights),
            ),
            (1.0 - self.focal_weight, self.region(tversky, **weighed)),
        )

    def maps(self, comparison: Comparison) -> tuple[Map, ...]:
        if self.asymmetric and comparison.multilabel:
            raise ValueError(
                f"{self!r} tells the background from the rest, got multilabel=True, whose channels "
                "have none in common; asymmetric=False"
            )
        return super().maps(comparison)


class _AsymmetricFocal(VoxelLoss):
    """Cross-entropy of the rare classes, focal loss of the background."""

    alpha: float
    gamma: float

    def ingredients(self, comparison: Comparison) -> tuple[Map, ...]:
        return LogLikelihood(), FocalLikelihood(self.gamma)

    def formula(self, comparison: Comparison, *maps: Any) -> Any:
        whole, focal = maps
        rare = comparison.classes - 1
        whole_weights = 0.0, *(self.alpha,) * rare
        focal_weights = 1.0 - self.alpha, *(0.0,) * rare
        return -whole * per_class(
            comparison, whole_weights, "delta", whole.ndim
        ) - focal * per_class(comparison, focal_weights, "delta", focal.ndim)


class _AsymmetricFocalTversky(FocalTverskyLoss):
    """Focal Tversky of the rare classes, Tversky of the background."""

    def formula(self, tp: Any, p: Any, g: Any) -> Any:
        powered = super().formula(tp, p, g)
        if not self.include_background:
            return powered
        plain = TverskyLoss.formula(self, tp, p, g)
        return namespace(plain).concat([plain[:, :1], powered[:, 1:]], axis=1)
