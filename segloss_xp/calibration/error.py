"""The calibration error itself as a loss."""

from typing import Any

from segloss_xp._array import namespace
from segloss_xp._grain import RegionLoss, divide
from segloss_xp.maps import BinGap, BinShare, Map


class CalibrationErrorLoss(RegionLoss):
    r"""
    Average calibration error with soft bins, the mean L1-ACE.

    .. math:: L_c = \sum_b \frac{|\sum_i m_b(p_i) (p_i - g_i)|}{n_b + s}
        \Big/ \sum_b \frac{n_b}{n_b + s}, \quad n_b = \sum_i m_b(p_i)

    where :math:`m_b(p)` is the share that bin b has of p, by linear interpolation between the
    centres of the bins. As s goes to 0 it is the mean gap of the bins that are not empty.

    Parameters
    ----------
    bins : int
        Number B of bins of equal width.
    include_background, class_weights, batch, absent
        See `RegionLoss`.
    smooth : float
        Number of voxels s in a bin from which on it counts: bins of fewer fade out. Of a pair, the
        second.

    Notes
    -----
    To be added to another loss: it is 0 for any calibrated prediction, a constant one too.
    Unreduced: (N, C). Of an absent class, the mean over the bins of the mean of p in them.
    The authors leave out the bins of less than 0.01 voxels, and count absent classes as 0.

    References
    ----------
    T. Barfoot et al. (2024), Average calibration error: a differentiable loss for improved
    reliability in image segmentation; and (2025) with soft bins, Average calibration losses for
    reliable uncertainty in medical image segmentation.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> loss = sx.CalibrationErrorLoss(bins=5)
    >>> loss(p, np.array([[0, 0, 1]]), from_logits=False, reduction="none").round(3)
    array([[0.211, 0.211]])
    """

    bins: int = 20
    smooth: float | tuple[float, float] = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.bins, int) or self.bins < 1:
            raise ValueError(f"expected a number of bins of at least 1, got {self.bins!r}")

    def regions(self) -> tuple[Map, ...]:
        kinds: tuple[type[BinShare], ...] = (BinShare, BinGap)
        return tuple(kind(b, self.bins) for kind in kinds for b in range(self.bins))

    def formula(self, *sums: Any) -> Any:
        shares, gaps = sums[: self.bins], sums[self.bins :]
        s = self.below
        xp = namespace(shares[0])
        errors = [divide(xp.where(d < 0, -d, d), n + s) for n, d in zip(shares, gaps, strict=True)]
        filled = [divide(n, n + s) for n in shares]
        return divide(sum(errors[1:], start=errors[0]), sum(filled[1:], start=filled[0]))
