"""The terms of active-passive losses: each robust to noisy labels by itself."""

import math
from typing import Any

from segloss_xp._checks import check_range, one_label_a_voxel
from segloss_xp._comparison import Comparison
from segloss_xp._grain import VoxelLoss
from segloss_xp.maps import Map, NormalizedLikelihood, PoweredError, ReverseLikelihood


class NormalizedCrossEntropyLoss(VoxelLoss):
    r"""
    Normalised cross-entropy: the label's share in the cross-entropies of all labels.

    .. math:: L = \frac1N \sum_i \frac{\sum_c g_{ic} \log p_{ic}}{\sum_c \log p_{ic}}

    Parameters
    ----------
    class_weights : sequence of float, optional
        A weight for each of the C classes; a mean depends on their ratios only.

    Notes
    -----
    The active term of an active-passive loss: it asks for the label alone. The passive one asks for
    the other labels to be improbable, and the two learn faster together:
    ``alpha * NormalizedCrossEntropyLoss() + beta * MeanAbsoluteErrorLoss()``, or with
    `ReverseCrossEntropyLoss`; alpha and beta of the paper are 1 for 10 classes.

    The losses of a voxel for each of the C labels add up to 1, so that labels which are wrong with
    one probability for all do not move the minimiser. Unreduced: (N, \*space). An absent class adds
    nothing. All ignored: 0. Not for ``multilabel=True``.

    References
    ----------
    X. Ma et al. (2020), Normalized loss functions for deep learning with noisy labels.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> labels = np.array([[0, 0, 1]])
    >>> sx.NormalizedCrossEntropyLoss()(p, labels, from_logits=False, reduction="none").round(3)
    array([[0.044, 0.122, 0.229]])
    >>> active_passive = sx.NormalizedCrossEntropyLoss() + sx.MeanAbsoluteErrorLoss()
    >>> active_passive(p, labels, from_logits=False, reduction="none").round(3)
    array([[0.144, 0.322, 0.529]])
    """

    def ingredients(self, comparison: Comparison) -> tuple[Map, ...]:
        one_label_a_voxel(self, comparison)
        return (NormalizedLikelihood(),)

    def formula(self, comparison: Comparison, *maps: Any) -> Any:
        return maps[0]


class MeanAbsoluteErrorLoss(VoxelLoss):
    r"""
    Mean absolute error: the probability that is not where it should be.

    .. math:: L = \frac1N \sum_i \frac12 \sum_c |p_{ic} - g_{ic}|

    which is :math:`1 - p` of the label; with ``multilabel=True``, :math:`|p - g|` for each channel.

    Parameters
    ----------
    class_weights : sequence of float, optional
        A weight for each of the C classes.

    Notes
    -----
    Half of the sum over the classes, as a probability that one class lacks another has (Ma et al.,
    whose formula is the whole sum, train with the half). A passive term of an active-passive loss:
    see `NormalizedCrossEntropyLoss`. Unreduced: (N, \*space), with ``multilabel=True`` of the shape
    of the prediction. All ignored: 0. The slope at p = g is 0.

    References
    ----------
    A. Ghosh et al. (2017), Robust loss functions under label noise for deep neural networks; X. Ma
    et al. (2020), Normalized loss functions for deep learning with noisy labels.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> labels = np.array([[0, 0, 1]])
    >>> sx.MeanAbsoluteErrorLoss()(p, labels, from_logits=False, reduction="none").round(3)
    array([[0.1, 0.2, 0.3]])
    """

    def ingredients(self, comparison: Comparison) -> tuple[Map, ...]:
        return (PoweredError(1.0),)

    def formula(self, comparison: Comparison, *maps: Any) -> Any:
        return maps[0] if comparison.multilabel else 0.5 * maps[0]


class ReverseCrossEntropyLoss(VoxelLoss):
    r"""
    Reverse cross-entropy: cross-entropy with prediction and target exchanged.

    .. math:: L = -\frac1N \sum_i \sum_c p_{ic} \log g_{ic}

    Parameters
    ----------
    floor : float
        What stands for log 0, negative; log g is nowhere less. By default log 0.0001.
    class_weights : sequence of float, optional
        A weight for each of the C classes.

    Notes
    -----
    For labels it is -`floor` times the absolute error. A passive term of an active-passive loss:
    see `NormalizedCrossEntropyLoss`; with cross-entropy it is `SymmetricCrossEntropyLoss`.
    Unreduced: (N, \*space). All ignored: 0. Not for ``multilabel=True``.

    References
    ----------
    Y. Wang et al. (2019), Symmetric cross entropy for robust learning with noisy labels; X. Ma
    et al. (2020), Normalized loss functions for deep learning with noisy labels, with the floor of
    their experiments.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> labels = np.array([[0, 0, 1]])
    >>> sx.ReverseCrossEntropyLoss()(p, labels, from_logits=False, reduction="none").round(3)
    array([[0.921, 1.842, 2.763]])
    """

    floor: float = math.log(1e-4)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "floor", -80, 0)

    def ingredients(self, comparison: Comparison) -> tuple[Map, ...]:
        one_label_a_voxel(self, comparison)
        return (ReverseLikelihood(self.floor),)

    def formula(self, comparison: Comparison, *maps: Any) -> Any:
        return -maps[0]
