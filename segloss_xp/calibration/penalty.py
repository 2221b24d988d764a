"""Cross-entropy with a penalty for being too sure."""

import math
from typing import Any

from segloss_xp._checks import check_range, one_label_a_voxel
from segloss_xp._comparison import Comparison
from segloss_xp._grain import VoxelLoss
from segloss_xp.maps import (
    EntropyOfRejection,
    LogLikelihood,
    LogRejection,
    Map,
    MarginExcess,
    NegativeEntropy,
)


class ConfidencePenaltyLoss(VoxelLoss):
    r"""
    Confidence penalty: cross-entropy less a part of the entropy of the prediction.

    .. math:: L = \frac1N \sum_i \sum_c [-g_{ic} \log p_{ic} + \alpha\, p_{ic} \log p_{ic}]

    and with ``multilabel=True``, for each channel, binary cross-entropy and binary entropy.

    Parameters
    ----------
    alpha : float
        Weight of the entropy, from 0, cross-entropy, to less than 1.
    class_weights : sequence of float, optional
        A weight for each of the C classes; a mean depends on their ratios only.

    Notes
    -----
    0 at a perfect hard prediction, and a little below 0 near it: there the entropy grows faster
    than the cross-entropy. Unreduced: (N, \*space), with ``multilabel=True`` of the shape of the
    prediction. All ignored: 0.

    References
    ----------
    G. Pereyra et al. (2017), Regularizing neural networks by penalizing confident output
    distributions.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> labels = np.array([[0, 0, 1]])
    >>> sx.ConfidencePenaltyLoss()(p, labels, from_logits=False, reduction="none").round(3)
    array([[0.073, 0.173, 0.296]])
    """

    alpha: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "alpha", 0, 1)

    def ingredients(self, comparison: Comparison) -> tuple[Map, ...]:
        of_class = LogLikelihood(), NegativeEntropy()
        if not comparison.multilabel:
            return of_class
        return *of_class, LogRejection(), EntropyOfRejection()

    def formula(self, comparison: Comparison, *maps: Any) -> Any:
        likelihood, order, *rejection = maps
        if rejection:
            likelihood, order = likelihood + rejection[0], order + rejection[1]
        return self.alpha * order - likelihood


class MarginLabelSmoothingLoss(VoxelLoss):
    r"""
    Margin-based label smoothing: cross-entropy, and a penalty where logits are far apart.

    .. math:: L = \frac1N \sum_i \sum_c \Big[-g_{ic} \log p_{ic}
        + \frac\alpha C \max(0,\ \max_k z_{ik} - z_{ic} - m)\Big]

    Parameters
    ----------
    margin : float
        Distance m from the largest logit that is not penalised.
    alpha : float
        Weight of the penalty.
    class_weights : sequence of float, optional
        A weight for each of the C classes; a mean depends on their ratios only.

    Notes
    -----
    The penalty is a mean over the classes, as in the authors' code. Distances of logits are those
    of the logarithms of the probabilities, so that ``from_logits=False`` gives the same. With
    ``margin=0`` the minimiser is that of label smoothing but for the form of the penalty.
    Unreduced: (N, \*space). All ignored: 0. Not for ``multilabel=True``.

    References
    ----------
    B. Liu et al. (2022), The devil is in the margin: margin-based label smoothing for network
    calibration.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> logits = np.array([[[3.0, 9.0, 0.0], [0.0, 0.0, 12.0]]])
    >>> labels = np.array([[0, 0, 1]])
    >>> sx.MarginLabelSmoothingLoss(margin=5)(logits, labels, reduction="none").round(3)
    array([[0.049, 0.2  , 0.35 ]])
    """

    margin: float = 10.0
    alpha: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "margin", 0, math.inf)
        check_range(self, "alpha", 0, math.inf)

    def ingredients(self, comparison: Comparison) -> tuple[Map, ...]:
        one_label_a_voxel(self, comparison)
        return LogLikelihood(), MarginExcess(self.margin)

    def formula(self, comparison: Comparison, *maps: Any) -> Any:
        likelihood, excess = maps
        return self.alpha / comparison.classes * excess - likelihood
