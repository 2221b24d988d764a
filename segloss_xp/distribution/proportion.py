"""The size of regions, wherever they are."""

from typing import Any, Literal

from segloss_xp._array import namespace
from segloss_xp._checks import check_choice
from segloss_xp._grain import RegionLoss
from segloss_xp.maps import Map, Predicted, Truth, Volume


class ProportionLoss(RegionLoss):
    r"""
    Region-size prior: the difference of the proportions of a class, predicted and true.

    .. math:: L_c = |\hat p_c - \hat g_c|, \quad
        \hat p_c = \frac1N \sum_i p_{ic}, \; \hat g_c = \frac1N \sum_i g_{ic}

    or with ``distance="kl"`` the term of a class in the Kullback-Leibler divergence,

    .. math:: L_c = \hat g_c \log(\hat g_c / \hat p_c) - \hat g_c + \hat p_c.

    Parameters
    ----------
    distance : {"l1", "kl"}
        Absolute difference, or Kullback-Leibler divergence of the prediction from the target.
    include_background, class_weights, batch, absent
        See `RegionLoss`.
    smooth : float or (float, float)
        Added to the volumes true and predicted in the divergence, in voxels; more than 0 there.

    Notes
    -----
    A prior for sizes, that does not see places: a term beside another loss, as in
    ``CrossEntropyLoss() + 0.1 * ProportionLoss(distance="kl")``.

    Unreduced: (N, C), or (1, C) with `batch`. The terms of the divergence, none of them negative,
    add up to it where the proportions add up to 1; a mean is that over the classes, as the paper's
    of the absolute differences, of which the divergence is C times as much. An absent class costs
    what is predicted of it. All ignored: 0. The slope of the absolute difference at 0 is 0.

    References
    ----------
    B. Liu et al. (2022), The hidden label-marginal biases of segmentation losses.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.4], [0.1, 0.2, 0.6]]])
    >>> labels = np.array([[1, 1, 0]])
    >>> sx.ProportionLoss()(p, labels, from_logits=False, reduction="none").round(3)
    array([[0.367, 0.367]])
    """

    distance: Literal["l1", "kl"] = "l1"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, "distance", "l1", "kl")
        if self.distance == "kl" and min(self.above, self.below) == 0:
            raise ValueError(
                f"expected smooth > 0 with distance='kl', which takes logarithms; "
                f"got {self.smooth!r}"
            )

    def regions(self) -> tuple[Map, ...]:
        return Predicted(), Truth(), Volume()

    def formula(self, p: Any, g: Any, volume: Any) -> Any:
        xp = namespace(p)
        if self.distance == "l1":
            return xp.where(p > g, p - g, xp.where(p < g, g - p, xp.zeros_like(g))) / volume
        true, predicted = self.above, self.below
        p = p + predicted
        ratio, excess = (g + true) / p, (g + true - p) / p
        # Near 0 the divergence keeps its digits in log1p, and far from it in log.
        near = excess > -0.5
        log = xp.where(near, xp.log1p(xp.where(near, excess, xp.zeros_like(g))), xp.log(ratio))
        return p * (ratio * log - excess) / volume
