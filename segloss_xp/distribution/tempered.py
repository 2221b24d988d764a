"""Bi-tempered logistic loss."""

from typing import Any

from segloss_xp._checks import check_range, one_label_a_voxel
from segloss_xp._comparison import Comparison
from segloss_xp._grain import VoxelLoss
from segloss_xp.maps import Map, TemperedDivergence


class BiTemperedLoss(VoxelLoss):
    r"""
    Bi-tempered logistic loss: cross-entropy of bounded value, after a softmax of heavy tail.

    .. math::

        L = \frac1N \sum_i \sum_c g_{ic} (\log_{t_1} g_{ic} - \log_{t_1} q_{ic})
        - \frac{g_{ic}^{2 - t_1} - q_{ic}^{2 - t_1}}{2 - t_1}

        q_{ic} = \exp_{t_2}(a_{ic} - \lambda_i), \quad \sum_c q_{ic} = 1

    with :math:`\log_t x = (x^{1 - t} - 1) / (1 - t)` and its inverse :math:`\exp_t`, which are the
    logarithm and the exponential for t = 1.

    Parameters
    ----------
    t1 : float
        Temperature of the divergence, from 0 to 1: the lower, the less an outlier can cost. A voxel
        of one label costs at most 1 / (1 - t1).
    t2 : float
        Temperature of the softmax, from 1 to 10: the higher, the heavier its tail.
    class_weights : sequence of float, optional
        A weight for each of the C classes; a mean depends on their ratios only. That of a voxel is
        the weight of its label, or the mean by a soft target.

    Notes
    -----
    The logits are the activations a. Probabilities, with ``from_logits=False``, are taken for those
    of an ordinary softmax: log p is the activation then, which differs from the logits by a shift
    that q does not know. So the two say the same, and the tempered softmax is never left out.

    With t1 = t2 = 1 it is cross-entropy, for soft targets less their entropy. For t2 > 1 a loss of
    0 takes infinite logits: the probability of the others falls as a power of the distance, not
    exponentially. Unreduced: (N, \*space). An absent class adds nothing. All ignored: 0. Not for
    ``multilabel=True``.

    References
    ----------
    E. Amid et al. (2019), Robust bi-tempered logistic loss based on Bregman divergences, with the
    temperatures of its experiments on images.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> logits = np.log(np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]]))
    >>> labels = np.array([[0, 0, 1]])
    >>> sx.BiTemperedLoss()(logits, labels, reduction="none").round(3)
    array([[0.094, 0.181, 0.282]])
    >>> sx.BiTemperedLoss(t1=1.0, t2=1.0)(logits, labels, reduction="none").round(3)
    array([[0.105, 0.223, 0.357]])
    """

    t1: float = 0.8
    t2: float = 1.2

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "t1", 0, 1)
        check_range(self, "t2", 1, 10)

    def ingredients(self, comparison: Comparison) -> tuple[Map, ...]:
        one_label_a_voxel(self, comparison)
        return (TemperedDivergence(self.t1, self.t2),)

    def formula(self, comparison: Comparison, *maps: Any) -> Any:
        return maps[0]
