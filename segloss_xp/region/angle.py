"""Losses on prediction and target as vectors: their angle, and the distance of their tips."""

import math
from typing import Any

from segloss_xp import _ops
from segloss_xp._array import namespace
from segloss_xp._checks import check_range
from segloss_xp._grain import RegionLoss, divide
from segloss_xp.maps import CenteredError, CenteredSquares, Intersection, Map, Predicted, Truth


class TVMFDiceLoss(RegionLoss):
    r"""
    t-vMF Dice: a function of the angle between prediction and target, narrower the larger kappa.

    .. math:: L_c = (1 - \varphi_c)^2, \quad
        \varphi_c = \frac{1 + \cos \theta_c}{1 + \kappa (1 - \cos \theta_c)} - 1, \quad
        \cos \theta_c = \frac{\sum_i p_i g_i + s}
        {\sqrt{\sum_i p_i^2 + s} \sqrt{\sum_i g_i^2 + s}}

    Parameters
    ----------
    kappa : float
        Concentration, at least 0, for which the similarity is the cosine itself.
    include_background, class_weights, batch, absent
        See `RegionLoss`.
    smooth : float
        As if there were one more voxel, found, of square s; of a pair, the second.

    Notes
    -----
    Unreduced: as for `DiceLoss`. From 0 to 4. An angle knows no length: with all voxels of a class
    found alike, at p = 0.6 say, it is 0, and finding one of them better raises it. An absent class
    gives close to the most, :math:`(2 - 1 / (1 + \kappa))^2`, where anything is predicted, and 0
    where nothing is.

    The paper pools over the batch, ``batch=True``, and in its adaptive form sets kappa, class by
    class, to 32 times the Dice score of the last validation: add up losses of different `kappa` and
    `class_weights` for it.

    References
    ----------
    S. Kato and K. Hotta (2024), Adaptive t-vMF Dice loss: an effective expansion of Dice loss for
    medical image segmentation.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> loss = sx.TVMFDiceLoss(kappa=2.0)
    >>> loss(p, np.array([[0, 0, 1]]), from_logits=False, reduction="none").round(3)
    array([[0.022, 0.047]])
    """

    kappa: float = 32.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "kappa", 0, math.inf)

    def regions(self) -> tuple[Map, ...]:
        return Intersection(), Predicted(2), Truth(2)

    def formula(self, both: Any, p: Any, g: Any) -> Any:
        xp, dtype = namespace(both), both.dtype
        # One minus a cosine, times kappa: what the sums hold is lost in single precision.
        longest = _ops.longest(xp, both)
        both, p, g = (_ops.cast(xp, each, longest) + self.below for each in (both, p, g))
        norms = _ops.power(xp, p * g, 0.5)
        # One that is empty is at a right angle to the other, unless both are.
        norms = xp.where((norms == 0) & (p + g > 0), xp.ones_like(norms), norms)
        # By the inverse of one minus the cosine: the slope of x / (1 + kappa x) cancels.
        some = _ops.settled(norms != both)
        inverse = norms / _ops.only(some, norms - both, 1.0)
        apart = _ops.only(some, (1.0 + 2.0 * self.kappa) / (self.kappa + inverse))
        return _ops.cast(xp, apart**2, dtype)


class WeightedSoftDiceLoss(RegionLoss):
    r"""
    Weighted soft Dice: V-Net's Dice of what is counted from -1 to 1, foreground and background.

    .. math:: L_c = 1 - \frac{2 \sum_i \tilde p_i \tilde g_i + s}
        {\sum_i \tilde p_i^2 + \sum_i \tilde g_i^2 + s}, \quad
        \tilde p_i = w_i (2 p_i - 1), \quad \tilde g_i = w_i (2 g_i - 1)

    with :math:`w_i = v_1 (1 - g_i) + v_2 g_i`.

    Parameters
    ----------
    background, foreground : float
        The weights :math:`v_1` of the voxels that are not of the class, and :math:`v_2` of those
        that are.
    include_background, class_weights, batch, absent
        See `RegionLoss`.
    smooth : float
        Added to the denominator alone; of a pair, the second. It is the form above for one number.

    Notes
    -----
    Computed as the ratio of the squared distance of the two to the sum of their squares. From 0 to
    2, where p = 1 - g. Unreduced: as for `DiceLoss`. A class that is absent has an ordinary value:
    its background is there to be found.

    References
    ----------
    X. Chen et al. (2018), Focus, segment and erase: an efficient network for multi-label brain
    tumor segmentation, with the weights and the smoothing in use since as the default.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> loss = sx.WeightedSoftDiceLoss()
    >>> loss(p, np.array([[0, 0, 1]]), from_logits=False, reduction="none").round(3)
    array([[0.139, 0.048]])
    """

    smooth: float | tuple[float, float] = 1.0
    background: float = 0.85
    foreground: float = 0.15

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "background", 0, math.inf)
        check_range(self, "foreground", 0, math.inf)

    def regions(self) -> tuple[Map, ...]:
        weights = self.background, self.foreground
        return CenteredError(*weights), CenteredSquares(*weights)

    def formula(self, error: Any, size: Any) -> Any:
        return divide(error, size + self.below / 4.0)
