"""Losses that weigh a region by its distance to the surface of the target."""

import math
from typing import Any

from segloss_xp._array import namespace
from segloss_xp._checks import check_range
from segloss_xp._comparison import Comparison
from segloss_xp._grain import RegionLoss, VoxelLoss
from segloss_xp.boundary.fields import HausdorffDistance, RelativeDistance, TargetDistance
from segloss_xp.maps import (
    FalsePositive,
    Intersection,
    Map,
    Predicted,
    SquaredError,
    Volume,
    Weighted,
)


class BoundaryLoss(RegionLoss):
    r"""
    Boundary loss: the prediction times the signed distance to the surface of the target.

    .. math:: L_c = \frac1N \sum_i \varphi_{ic}\, p_{ic}

    with the distance :math:`\varphi` negative inside. To first order, it is the distance between
    the surfaces of prediction and target.

    Parameters
    ----------
    include_background, class_weights, batch, absent
        See `RegionLoss`.
    smooth
        Without effect: the formula has no ratio.

    Notes
    -----
    In units of the spacing. May be negative, and is lowest at the perfect prediction: mind that
    where values are compared or logarithms are taken. Not meant to be alone, see `ramp`.

    Unreduced: (N, C). A class that is nowhere or everywhere in a sample has no surface, and there
    the term vanishes: 0, with gradient 0. `distance` may hold the maps of `signed_distance`, made
    by a data loader; with ``inner_offset=1`` there, they are those of the authors' code.

    References
    ----------
    H. Kervadec et al. (2019), Boundary loss for highly unbalanced segmentation.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3, 0.1], [0.1, 0.2, 0.7, 0.9]]])
    >>> labels = np.array([[0, 0, 1, 1]])
    >>> loss = sx.BoundaryLoss()
    >>> loss(p, labels, from_logits=False, reduction="none").round(3)
    array([[-0.525, -0.525]])
    >>> loss(p, labels, from_logits=False, reduction="none", spacing=(2.0,)).round(3)
    array([[-1.05, -1.05]])
    """

    def regions(self) -> tuple[Map, ...]:
        return Weighted(Predicted(), TargetDistance(self.include_background)), Volume()

    def formula(self, moment: Any, volume: Any) -> Any:
        return moment / volume


class HausdorffDTLoss(RegionLoss):
    r"""
    Hausdorff distance by distance transforms: squared errors, the more the farther off.

    .. math:: L_c = \frac1N \sum_i (p_{ic} - g_{ic})^2 \left(d_{ic}^\alpha + \hat d_{ic}^\alpha
        \right)

    with the distances :math:`d` to the surface of the target and :math:`\hat d` to that of the
    prediction, where it exceeds 1/2.

    Parameters
    ----------
    alpha : float
        Exponent of the distance, more than 0.
    one_sided : bool
        Whether to leave out the distance of the prediction, which has to be computed in each call.
    log : bool
        Whether to return :math:`\log(1 + L_c)`.
    include_background, class_weights, batch, absent
        See `RegionLoss`.
    smooth
        Without effect: the formula has no ratio.

    Notes
    -----
    In units of the spacing to the power of alpha. The distances are constants: the gradient is that
    of the squared errors.

    Unreduced: (N, C). A class that is nowhere or everywhere in a sample has no surface, and its
    distances are 0; so an absent class costs what the surface of its prediction says. `distance`
    may hold the maps of `signed_distance`, made by a data loader; the loss takes their size.

    References
    ----------
    D. Karimi and S. E. Salcudean (2020), Reducing the Hausdorff distance in medical image
    segmentation with convolutional neural networks; A. Celaya et al. (2024), A generalized
    surface loss for reducing the Hausdorff distance in medical imaging segmentation (one-sided with
    precomputed distances).

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3, 0.1], [0.1, 0.2, 0.7, 0.9]]])
    >>> labels = np.array([[0, 0, 1, 1]])
    >>> sx.HausdorffDTLoss()(p, labels, from_logits=False, reduction="none").round(3)
    array([[0.105, 0.105]])
    """

    alpha: float = 2.0
    one_sided: bool = False
    log: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "alpha", 0, math.inf, open_below=True)

    def regions(self) -> tuple[Map, ...]:
        field = HausdorffDistance(self.alpha, self.one_sided, self.include_background)
        return Weighted(SquaredError(), field), Volume()

    def formula(self, error: Any, volume: Any) -> Any:
        mean = error / volume
        return namespace(mean).log1p(mean) if self.log else mean


class RegionWiseLoss(VoxelLoss):
    r"""
    Rectified region-wise loss: inside, the share of the way to the depth of the region.

    .. math:: L = \frac1N \sum_i \sum_c p_{ic}\, z_{ic}, \qquad z_{ic} =
        \begin{cases} -d_{ic} / \max_j d_{jc} & \text{inside } c \\ 1 & \text{outside} \end{cases}

    with the distance :math:`d` to the surface, and its largest value inside the class.

    Parameters
    ----------
    class_weights : sequence of float, optional
        A weight for each of the C classes; a mean depends on their ratios only.

    Notes
    -----
    May be negative. Without units: only the ratios of the spacings matter. A sum over the classes;
    the authors' code takes their mean. Unreduced: (N, \*space), with ``multilabel=True`` of the
    shape of the prediction. A class that is everywhere in a sample has z = -1, an absent one z = 1.
    `distance` may hold the maps of `signed_distance`.

    References
    ----------
    J. M. Valverde and J. Tohka (2023), Region-wise loss for biomedical image segmentation.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3, 0.1], [0.1, 0.2, 0.7, 0.9]]])
    >>> labels = np.array([[0, 0, 1, 1]])
    >>> sx.RegionWiseLoss()(p, labels, from_logits=False, reduction="none").round(3)
    array([[-0.8 , -0.2 , -0.05, -0.8 ]])
    """

    def ingredients(self, comparison: Comparison) -> tuple[Map, ...]:
        return FalsePositive(), Weighted(Intersection(), RelativeDistance())

    def formula(self, comparison: Comparison, *maps: Any) -> Any:
        outside, inside = maps
        return outside + inside
