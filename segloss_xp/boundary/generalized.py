"""The generalised surface loss: one ratio over all classes."""

from typing import Any, Literal

from segloss_xp._array import namespace
from segloss_xp._checks import check_choice, freeze_weights
from segloss_xp._comparison import Comparison
from segloss_xp._grain import divide, reduce_samples
from segloss_xp._loss import Loss, Reduction
from segloss_xp.boundary.fields import Square, TargetDistance
from segloss_xp.maps import Map, SquaredAgreement, Truth, Volume, Weighted


class GeneralizedSurfaceLoss(Loss):
    r"""
    Generalised surface loss: a Hausdorff loss between 0 and 1.

    .. math:: L = 1 - \frac{\sum_c w_c \sum_i d_{ic}^2 (1 - p_{ic} - g_{ic})^2}
        {\sum_c w_c \sum_i d_{ic}^2}, \qquad w_c = \frac1{1 + V_c^2}

    with the distance :math:`d` to the surface of the target and the volume :math:`V = \sum_i g_i`
    in voxels.

    Parameters
    ----------
    include_background : bool
        Whether class 0 counts.
    class_weights : sequence of float, optional
        Factors of the weights of the C classes.
    weighting : {"volume", "uniform"}
        Whether :math:`w_c` is as above or 1.

    Notes
    -----
    Without units: only the ratios of the spacings matter. Unreduced: (N, 1), for the classes share
    a ratio. A class that is nowhere or everywhere in a sample has no surface and adds nothing; a
    sample of such classes alone is 0. `distance` may hold the maps of `signed_distance`.

    References
    ----------
    A. Celaya et al. (2024), A generalized surface loss for reducing the Hausdorff distance in
    medical imaging segmentation.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3, 0.1], [0.1, 0.2, 0.7, 0.9]]])
    >>> labels = np.array([[0, 0, 1, 1]])
    >>> sx.GeneralizedSurfaceLoss()(p, labels, from_logits=False, reduction="none").round(3)
    array([[0.239]])
    """

    include_background: bool = True
    class_weights: tuple[float, ...] | None = None
    weighting: Literal["volume", "uniform"] = "volume"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "weighting", "volume", "uniform")
        freeze_weights(self, "class_weights")

    @property
    def grain(self) -> str:
        return "sample"

    @property
    def from_maps(self) -> bool:
        return True

    def maps(self, comparison: Comparison) -> tuple[Map, ...]:
        square = Square(TargetDistance(self.include_background))
        return Weighted(SquaredAgreement(), square), Weighted(Volume(), square), Truth(), Volume()

    def reduce(self, comparison: Comparison, reduction: Reduction) -> Any:
        c = comparison
        first = 0 if self.include_background else 1
        if c.classes == first:
            raise ValueError(f"{self!r} has no class left: the only one is the background")
        agreement, most, g, volume = (c.sums[m][:, first:] for m in self.maps(c))
        xp = namespace(agreement)
        weights = xp.ones_like(g)
        if self.weighting == "volume":
            weights = weights / (1.0 + g * g)
        if self.class_weights is not None:
            weights = weights * c.constant(self.class_weights, "class_weights")[first:]
        totals = (xp.sum(weights * each, axis=1, keepdims=True) for each in (agreement, most))
        values = 1.0 - divide(*totals, empty=1.0)
        if reduction == "none":
            return values
        counts = xp.where(volume[:, :1] > 0, xp.ones_like(values), xp.zeros_like(values))
        return reduce_samples(c, values, counts, reduction)
