"""Regression of the signed distance map."""

import math
from typing import Any

from segloss_xp._checks import check_range
from segloss_xp._grain import RegionLoss, divide
from segloss_xp.boundary.fields import RelativeDistance, Square
from segloss_xp.maps import Map, SignedDeviation, SignedPrediction, Volume, Weighted


class SignedDistanceLoss(RegionLoss):
    r"""
    Regression of the signed distance map: a product term, and the mean absolute error.

    .. math:: L_c = \frac13 - \frac{\sum_i s_i \hat s_i}
        {\sum_i s_i \hat s_i + \sum_i s_i^2 + \sum_i \hat s_i^2}
        + \frac{\lambda}{N} \sum_i |s_i - \hat s_i|, \qquad \hat s = 1 - 2p

    with s the signed distance to the surface of the target as a share of the largest on the same
    side: -1 in the deepest voxel, 1 in the farthest.

    Parameters
    ----------
    absolute : float
        The weight :math:`\lambda` of the mean absolute error.
    include_background, class_weights, batch, absent
        See `RegionLoss`.
    smooth
        Without effect: there is always something to predict.

    Notes
    -----
    The prediction is read as a map through :math:`\hat s = 1 - 2p`, so that one network serves this
    loss and any other. Of logits x with ``multilabel=True`` this is -tanh(x / 2). For a network
    that ends in the map itself, s negative inside, pass p = (1 - s) / 2 and ``from_logits=False``.

    Without units: only the ratios of the spacings matter. 0 if the maps agree; the third makes it
    so, the paper leaves it out. Unreduced: (N, C). A class that is nowhere in a sample has s = 1,
    one that is everywhere s = -1. Voxels next to the surface are a voxel away from it; others set
    those inside to 0. `distance` may hold the maps of `signed_distance`.

    References
    ----------
    Y. Xue et al. (2020), Shape-aware organ segmentation by predicting signed distance maps, eq. 4.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3, 0.1], [0.1, 0.2, 0.7, 0.9]]])
    >>> labels = np.array([[0, 0, 1, 1]])
    >>> loss = sx.SignedDistanceLoss()
    >>> loss(p, labels, from_logits=False, reduction="none").round(3)
    array([[0.155, 0.155]])
    """

    absolute: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "absolute", 0, math.inf)

    def regions(self) -> tuple[Map, ...]:
        s = RelativeDistance(self.include_background)
        return (
            Weighted(SignedPrediction(), s),
            SignedPrediction(2),
            Weighted(Volume(), Square(s)),
            SignedDeviation(s),
            Volume(),
        )

    def formula(self, both: Any, predicted: Any, true: Any, apart: Any, volume: Any) -> Any:
        product = 1.0 / 3.0 - divide(both, both + predicted + true)
        return product + self.absolute * apart / volume
