"""Losses on the distribution of a voxel's label that bear with noisy labels."""

import math
from typing import Any

from segloss_xp._checks import check_range, one_label_a_voxel
from segloss_xp._comparison import Comparison
from segloss_xp._grain import VoxelLoss
from segloss_xp.maps import LogLikelihood, Map, PoweredMiss, ReverseLikelihood


class GeneralizedCrossEntropyLoss(VoxelLoss):
    r"""
    Generalised cross-entropy, between cross-entropy (q to 0) and the absolute error (q = 1).

    .. math:: L = \frac1N \sum_i \sum_c g_{ic}\, (1 - p_{ic}^q) / q

    Parameters
    ----------
    q : float
        In (0, 1]: the larger, the less a wrong label weighs.
    class_weights : sequence of float, optional
        A weight for each of the C classes; a mean depends on their ratios only.

    Notes
    -----
    Unreduced: (N, \*space). An absent class adds nothing. All ignored: 0. Not for
    ``multilabel=True``.

    References
    ----------
    Z. Zhang and M. R. Sabuncu (2018), Generalized cross entropy loss for training deep neural
    networks with noisy labels, eq. 6.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> labels = np.array([[0, 0, 1]])
    >>> sx.GeneralizedCrossEntropyLoss()(p, labels, from_logits=False, reduction="none").round(3)
    array([[0.102, 0.207, 0.316]])
    """

    q: float = 0.7

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "q", 0, 1, open_below=True)

    def ingredients(self, comparison: Comparison) -> tuple[Map, ...]:
        one_label_a_voxel(self, comparison)
        return (PoweredMiss(self.q),)

    def formula(self, comparison: Comparison, *maps: Any) -> Any:
        return maps[0] / self.q


class SymmetricCrossEntropyLoss(VoxelLoss):
    r"""
    Symmetric cross-entropy: cross-entropy, and cross-entropy with the roles exchanged.

    .. math:: L = \frac1N \sum_i \sum_c [-\alpha\, g_{ic} \log p_{ic} - \beta\, p_{ic} \log g_{ic}]

    Parameters
    ----------
    alpha, beta : float
        Weights of the cross-entropy and of its reverse.
    floor : float
        What stands for log 0 in the reverse, negative; log g is nowhere less.
    class_weights : sequence of float, optional
        A weight for each of the C classes; a mean depends on their ratios only.

    Notes
    -----
    Unreduced: (N, \*space). All ignored: 0. Not for ``multilabel=True``.

    References
    ----------
    Y. Wang et al. (2019), Symmetric cross entropy for robust learning with noisy labels, with its
    alpha and beta for CIFAR-10.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> labels = np.array([[0, 0, 1]])
    >>> sx.SymmetricCrossEntropyLoss()(p, labels, from_logits=False, reduction="none").round(3)
    array([[0.411, 0.822, 1.236]])
    """

    alpha: float = 0.1
    beta: float = 1.0
    floor: float = -4.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "alpha", 0, math.inf)
        check_range(self, "beta", 0, math.inf)
        check_range(self, "floor", -80, 0)

    def ingredients(self, comparison: Comparison) -> tuple[Map, ...]:
        one_label_a_voxel(self, comparison)
        return LogLikelihood(), ReverseLikelihood(self.floor)

    def formula(self, comparison: Comparison, *maps: Any) -> Any:
        likelihood, reverse = maps
        return -self.alpha * likelihood - self.beta * reverse
