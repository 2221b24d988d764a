"""Losses on the distribution of a voxel's label: cross-entropy and its kin."""

import math
from typing import Any

from segloss_xp import _ops
from segloss_xp._checks import check_range, freeze_weights, one_label_a_voxel
from segloss_xp._comparison import Comparison
from segloss_xp._grain import VoxelLoss, per_class
from segloss_xp._loss import Reduction
from segloss_xp.maps import (
    Divergence,
    FocalLikelihood,
    FocalRejection,
    LogLikelihood,
    LogRejection,
    Map,
    PoweredShortfall,
    SquaredError,
)


class CrossEntropyLoss(VoxelLoss):
    r"""
    Cross-entropy.

    .. math:: L = -\sum_i \sum_c w_c\, g_{ic} \log p_{ic} \Big/ \sum_i \sum_c w_c\, g_{ic}

    and with ``multilabel=True``, for each channel, the binary cross-entropy

    .. math:: -w_+ g \log p - (1 - g) \log(1 - p).

    Parameters
    ----------
    class_weights : sequence of float, optional
        A weight :math:`w_c` for each of the C classes, or channels.
    label_smoothing : float
        Share of the target that is spread evenly over the C classes, or over the two outcomes of a
        channel; in the numerator only, as in PyTorch.
    pos_weight : float or sequence of float, optional
        With ``multilabel=True``: factor :math:`w_+` of the positive part, for all channels or for
        each.

    Notes
    -----
    Unreduced: (N, \*space), with ``multilabel=True`` of the shape of the prediction. A voxel counts
    in the divisor with the weight of its class, so that labels and their one-hot form agree; a
    voxel of no class counts nothing. An absent class adds nothing. All ignored: 0.

    Its minimiser is the true probability, so it does not bias volumes.

    References
    ----------
    O. Ronneberger et al. (2015), U-Net (class weights); C. Szegedy et al. (2016), Rethinking the
    Inception architecture (label smoothing).

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> logits = np.log(np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]]))
    >>> labels = np.array([[0, 0, 1]])
    >>> sx.CrossEntropyLoss()(logits, labels, reduction="none").round(3)
    array([[0.105, 0.223, 0.357]])
    >>> float(sx.CrossEntropyLoss()(logits, labels).round(3))
    0.228
    """

    label_smoothing: float = 0.0
    pos_weight: float | tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "label_smoothing", 0, 1)
        if isinstance(self.pos_weight, int | float):
            check_range(self, "pos_weight", 0, math.inf)
        else:
            freeze_weights(self, "pos_weight")

    def ingredients(self, comparison: Comparison) -> tuple[Map, ...]:
        smoothing = self.label_smoothing
        if comparison.multilabel:
            return LogLikelihood(smoothing), LogRejection(smoothing)
        if self.pos_weight is not None:
            raise ValueError(f"pos_weight={self.pos_weight!r} needs multilabel=True")
        # Without smoothing it is one map for all losses, whatever the number of classes.
        return (LogLikelihood(smoothing, comparison.classes) if smoothing else LogLikelihood(),)

    def delegated(self, comparison: Comparison, reduction: Reduction) -> Any:
        c = comparison
        own = type(self) is CrossEntropyLoss  # another formula, in a subclass, is not known there
        alone = own and not set(c.rule.maps) - set(self.maps(c))
        # Labels: of a softmax, what is soft is not alike.
        plain = c.exclusive and self._alike(c) and not self.label_smoothing
        if alone and plain and reduction in ("mean", "sum"):
            return _ops.cross_entropy(c.xp, c.prediction, c.target, reduction)
        return None

    def formula(self, comparison: Comparison, *maps: Any) -> Any:
        likelihood, *rejection = maps
        if not rejection:
            return -likelihood
        if isinstance(self.pos_weight, tuple):
            likelihood = likelihood * per_class(
                comparison, self.pos_weight, "pos_weight", likelihood.ndim
            )
        elif self.pos_weight is not None:
            likelihood = likelihood * self.pos_weight
        return -likelihood - rejection[0]


class FocalLoss(VoxelLoss):
    r"""
    Focal loss: cross-entropy that turns away from what is easy.

    .. math:: L = -\frac1N \sum_i \sum_c \alpha_c\, g_{ic} (1 - p_{ic})^\gamma \log p_{ic}

    and with ``multilabel=True``, for each channel,

    .. math:: -\alpha\, g (1 - p)^\gamma \log p - (1 - \alpha) (1 - g)\, p^\gamma \log(1 - p).

    Parameters
    ----------
    gamma : float
        Exponent of the modulation; 0 is cross-entropy.
    alpha : float or sequence of float, optional
        Weight of the foreground classes, the background having 1 - alpha; or a weight for each
        class. In a channel of ``multilabel=True`` it weighs the positive part, 1 - alpha the other.
        It scales the loss: unlike `class_weights` it does not count in the divisor.
    class_weights : sequence of float, optional
        A weight for each of the C classes; a mean depends on their ratios only.

    Notes
    -----
    Unreduced: (N, \*space), with ``multilabel=True`` of the shape of the prediction. An absent
    class adds nothing. All ignored: 0. The gradient is finite at p = 1 for every gamma.

    References
    ----------
    T.-Y. Lin et al. (2017), Focal loss for dense object detection.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> labels = np.array([[0, 0, 1]])
    >>> sx.FocalLoss()(p, labels, from_logits=False, reduction="none").round(4)
    array([[0.0011, 0.0089, 0.0321]])
    """

    gamma: float = 2.0
    alpha: float | tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "gamma", 0, math.inf)
        if isinstance(self.alpha, int | float):
            check_range(self, "alpha", 0, 1)
        else:
            freeze_weights(self, "alpha")

    def ingredients(self, comparison: Comparison) -> tuple[Map, ...]:
        likelihood = FocalLikelihood(self.gamma)
        return (likelihood, FocalRejection(self.gamma)) if comparison.multilabel else (likelihood,)

    def formula(self, comparison: Comparison, *maps: Any) -> Any:
        likelihood, *rejection = maps
        alpha = self.alpha
        if rejection and isinstance(alpha, tuple) and max(alpha) > 1:
            raise ValueError(f"with multilabel=True alpha is a share, at most 1; got {alpha}")
        if alpha is None:
            return -likelihood - rejection[0] if rejection else -likelihood
        if isinstance(alpha, tuple) or not rejection:
            if not isinstance(alpha, tuple):
                alpha = (1 - alpha, *(alpha,) * (comparison.classes - 1))
            alpha = per_class(comparison, alpha, "alpha", likelihood.ndim)
        return -likelihood * alpha - (rejection[0] * (1.0 - alpha) if rejection else 0.0)


class PolyLoss(VoxelLoss):
    r"""
    Poly-1: cross-entropy with the first coefficient of its expansion in 1 - p changed.

    .. math:: L = \frac1N \sum_i \sum_c g_{ic}
        [-(1 - p_{ic})^\gamma \log p_{ic} + \epsilon (1 - p_{ic})^{\gamma + 1}]

    Parameters
    ----------
    epsilon : float
        What is added to the first coefficient, at least -1.
    gamma : float
        Exponent of the modulation: 0 for cross-entropy, more for Poly-1 of the focal loss.
    class_weights : sequence of float, optional
        A weight for each of the C classes; a mean depends on their ratios only.

    Notes
    -----
    Unreduced: (N, \*space). An absent class adds nothing. All ignored: 0. Not for
    ``multilabel=True``.

    References
    ----------
    Z. Leng et al. (2022), PolyLoss, with the epsilon of its image classification.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> labels = np.array([[0, 0, 1]])
    >>> sx.PolyLoss()(p, labels, from_logits=False, reduction="none").round(3)
    array([[0.305, 0.623, 0.957]])
    """

    epsilon: float = 2.0
    gamma: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "epsilon", -1, math.inf)
        check_range(self, "gamma", 0, math.inf)

    def ingredients(self, comparison: Comparison) -> tuple[Map, ...]:
        one_label_a_voxel(self, comparison)
        likelihood = FocalLikelihood(self.gamma) if self.gamma else LogLikelihood()
        return likelihood, PoweredShortfall(self.gamma + 1.0)

    def formula(self, comparison: Comparison, *maps: Any) -> Any:
        likelihood, shortfall = maps
        return -likelihood + self.epsilon * shortfall


class BrierLoss(VoxelLoss):
    r"""
    Brier score: the squared error of the probabilities.

    .. math:: L = \frac1N \sum_i \sum_c (p_{ic} - g_{ic})^2

    Parameters
    ----------
    class_weights : sequence of float, optional
        A weight for each of the C classes.

    Notes
    -----
    Unreduced: (N, \*space), with ``multilabel=True`` of the shape of the prediction. All ignored:
    0. Its minimiser is the true probability, so it does not bias volumes.

    References
    ----------
    G. W. Brier (1950), Verification of forecasts expressed in terms of probability.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> labels = np.array([[0, 0, 1]])
    >>> sx.BrierLoss()(p, labels, from_logits=False, reduction="none").round(3)
    array([[0.02, 0.08, 0.18]])
    """

    def ingredients(self, comparison: Comparison) -> tuple[Map, ...]:
        return (SquaredError(),)

    def formula(self, comparison: Comparison, *maps: Any) -> Any:
        return maps[0]


class KLDivergenceLoss(VoxelLoss):
    r"""
    Kullback-Leibler divergence of the prediction from a soft target.

    .. math:: L = \frac1N \sum_i \sum_c g_{ic} \log(g_{ic} / p_{ic})

    Parameters
    ----------
    class_weights : sequence of float, optional
        A weight for each of the C classes.

    Notes
    -----
    Cross-entropy less the entropy of the target: its gradient is that of `CrossEntropyLoss`, its
    value 0 at p = g, and not negative where the target adds up to 1 and without class weights.
    Unreduced: (N, \*space). All ignored: 0. Not for ``multilabel=True``.

    References
    ----------
    S. Kullback and R. A. Leibler (1951), On information and sufficiency.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> g = np.array([[[0.9, 1.0, 0.6], [0.1, 0.0, 0.4]]])
    >>> sx.KLDivergenceLoss()(p, g, from_logits=False, reduction="none").round(3)
    array([[0.   , 0.223, 0.192]])
    """

    def ingredients(self, comparison: Comparison) -> tuple[Map, ...]:
        one_label_a_voxel(self, comparison)
        return (Divergence(),)

    def formula(self, comparison: Comparison, *maps: Any) -> Any:
        return maps[0]
