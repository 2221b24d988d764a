"""Adaptive wing loss."""

import math
from typing import Any

from segloss_xp._checks import check_range
from segloss_xp._comparison import Comparison
from segloss_xp._grain import VoxelLoss
from segloss_xp.maps import AdaptiveWing, Map


class AdaptiveWingLoss(VoxelLoss):
    r"""
    Adaptive wing: a regression loss, sharp where the target is high and smooth on the background.

    .. math::

        L = \frac1N \sum_i \sum_c \begin{cases}
        \omega \log(1 + (d_{ic} / \epsilon)^{\alpha - g_{ic}}) & d_{ic} < \theta \\
        A_{ic} d_{ic} - B_{ic} & \text{else} \end{cases}, \quad d_{ic} = |p_{ic} - g_{ic}|

    where A and B continue the first line and its slope at theta.

    Parameters
    ----------
    alpha : float
        Above 2, so that the loss is smooth at d = 0; only slightly, for a sharp foreground.
    omega : float
        Factor of the loss.
    epsilon : float
        Scale of the error within which the loss bends.
    theta : float
        Error from which on the loss is straight.
    class_weights : sequence of float, optional
        A weight for each of the C classes.

    Notes
    -----
    Made for soft targets, such as the masks of several raters averaged or resampled (SoftSeg).
    Unreduced: (N, \*space), with ``multilabel=True`` of the shape of the prediction. All ignored:
    0. The weight map of the paper, which is 10 near the foreground and 1 elsewhere, is a case of
    `voxel_weights`.

    References
    ----------
    X. Wang et al. (2019), Adaptive wing loss for robust face alignment via heatmap regression,
    with its parameters; C. Gros et al. (2021), SoftSeg.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.0, 0.5, 1.0]]])
    >>> g = np.array([[[0.0, 1.0, 0.0]]])
    >>> call = {"from_logits": False, "multilabel": True, "reduction": "none"}
    >>> sx.AdaptiveWingLoss()(p, g, **call).round(3)
    array([[[0.   , 5.36 , 8.496]]])
    """

    alpha: float = 2.1
    omega: float = 14.0
    epsilon: float = 1.0
    theta: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "alpha", 2, math.inf, open_below=True)
        for field in ("omega", "epsilon", "theta"):
            check_range(self, field, 0, math.inf, open_below=True)

    def ingredients(self, comparison: Comparison) -> tuple[Map, ...]:
        return (AdaptiveWing(self.alpha, self.omega, self.epsilon, self.theta),)

    def formula(self, comparison: Comparison, *maps: Any) -> Any:
        return maps[0]
