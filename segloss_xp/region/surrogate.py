"""Bounds of the Dice score of a thresholded prediction."""

import math
from typing import Any

from segloss_xp._checks import channels_only
from segloss_xp._comparison import Comparison
from segloss_xp._grain import RegionLoss
from segloss_xp.maps import LogComplement, LogLikelihood, Map, Truth


class CalibratedDiceLoss(RegionLoss):
    r"""
    Calibrated surrogate of Dice: a bound on one minus the Dice score of the thresholded prediction.

    .. math:: L_c = 1 - \frac{2 \sum_i g_i (1 - \phi(z_i)) + s}
        {\sum_i \phi(-z_i) + \sum_i g_i + s}, \quad \phi(z) = \log_2(1 + e^{-z})

    with the logit z of the channel, so that :math:`\phi(z) = -\log_2 p` and
    :math:`\phi(-z) = -\log_2(1 - p)`.

    Parameters
    ----------
    include_background, class_weights, batch, absent, smooth
        See `RegionLoss`.

    Notes
    -----
    As :math:`\phi(z) \ge [z \le 0]`, the numerator is at most twice the true positives of
    :math:`[z > 0]` and the denominator at least their number and that of g: but for the smoothing
    the loss is never below one minus the Dice score, and so not negative. The numerator is concave
    and the denominator convex in z, and the loss quasi-convex wherever it is below 1. It is
    unbounded above, and 0 only of an empty class: for a voxel of the class it is least, 0.6, near
    p = 0.83, since it is a bound also where logits grow without end.

    For channels only: needs ``multilabel=True``. Unreduced: as for `DiceLoss`. An absent class
    gives close to 1, and 0 as p tends to 0.

    References
    ----------
    After M. Nordström et al. (2020), Calibrated surrogate maximization of Dice: derived anew from
    the bounds that it and H. Bao and M. Sugiyama (2020) build on.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p, g = np.array([[[0.9, 0.8, 0.2]]]), np.array([[[True, True, False]]])
    >>> loss = sx.CalibratedDiceLoss()
    >>> float(loss(p, g, from_logits=False, multilabel=True).round(3))
    0.617
    """

    def maps(self, comparison: Comparison) -> tuple[Map, ...]:
        channels_only(self, comparison)
        return super().maps(comparison)

    def regions(self) -> tuple[Map, ...]:
        return LogLikelihood(), LogComplement(), Truth()

    def formula(self, log_p: Any, log_q: Any, g: Any) -> Any:
        bit = math.log(2.0)
        return 1.0 - self.ratio(2.0 * (g + log_p / bit), g - log_q / bit)
