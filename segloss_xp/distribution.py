"""Losses on the distribution of a voxel's label: cross-entropy and its kin."""

import math
from typing import Any

from segloss_xp._comparison import Comparison
from segloss_xp._grain import VoxelLoss, freeze_weights, per_class
from segloss_xp._maps import LogLikelihood, LogRejection, Map


class CrossEntropyLoss(VoxelLoss):
    r"""
    Cross-entropy.

    .. math:: L = -\sum_i w_{y_i} \sum_c g_{ic} \log p_{ic} \Big/ \sum_i w_{y_i}

    and with ``multilabel=True``, for each channel, the binary cross-entropy

    .. math:: -w_+ g \log p - (1 - g) \log(1 - p).

    Parameters
    ----------
    class_weights : sequence of float, optional
        A weight :math:`w_c` for each of the C classes, or channels.
    label_smoothing : float
        Share :math:`\varepsilon` of the target that is spread evenly over the C classes, or over
        the two outcomes of a channel.
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
    Inception architecture, section 7 (label smoothing).

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
        if not 0 <= self.label_smoothing <= 1:
            raise ValueError(f"expected label_smoothing in [0, 1], got {self.label_smoothing!r}")
        if isinstance(self.pos_weight, int | float):
            if not 0 < self.pos_weight < math.inf:
                raise ValueError(f"expected pos_weight > 0, got {self.pos_weight!r}")
        else:
            freeze_weights(self, "pos_weight")

    def ingredients(self, comparison: Comparison) -> tuple[Map, ...]:
        outcomes = 2 if comparison.multilabel else comparison.classes
        smoothing = self.label_smoothing, 1 / outcomes if self.label_smoothing else 0.0
        if comparison.multilabel:
            return LogLikelihood(*smoothing), LogRejection(*smoothing)
        if self.pos_weight is not None:
            raise ValueError(f"pos_weight={self.pos_weight!r} needs multilabel=True")
        return (LogLikelihood(*smoothing),)

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
