"""Hausdorff losses without distances: errors that outlast erosions, or lie deep within balls."""

import math
from typing import TYPE_CHECKING, Any

from segloss_xp import _ops
from segloss_xp._checks import check_range
from segloss_xp._grain import NeighbourhoodLoss
from segloss_xp._stencil import cross, periodic
from segloss_xp.maps import Predicted, SquaredError, Truth, Volume

if TYPE_CHECKING:
    from segloss_xp._comparison import Comparison


class HausdorffERLoss(NeighbourhoodLoss):
    r"""
    Hausdorff distance by erosion: squared errors, the more the more erosions they outlast.

    .. math:: L_c = \frac1N \sum_{k=1}^K k^\alpha \sum_i \left( (p_c - g_c)^2 \ominus_k B
        \right)_i

    where each of the k erosions takes the mean over a voxel and its neighbours by a face, and then
    a soft threshold at 1/2.

    Parameters
    ----------
    alpha : float
        Exponent of the number of erosions.
    erosions : int
        The number K of erosions.
    include_background, class_weights, batch, absent
        See `RegionLoss`.
    smooth
        Without effect: the formula has no ratio.

    Notes
    -----
    In voxels to the power of alpha: the spacing has no effect. The soft threshold is
    :math:`\max(2x - 1, 0)`, ours: what is wrong all around stays so. Others subtract 1/2 and
    stretch each image to its maximum, which is discontinuous. Beyond the border there is no error.

    Unreduced: (N, C). An absent class costs what its prediction does.

    References
    ----------
    D. Karimi and S. E. Salcudean (2020), Reducing the Hausdorff distance in medical image
    segmentation with convolutional neural networks.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.zeros((1, 1, 9))
    >>> for width in (1, 3, 5):
    ...     g = np.array([[[1.0] * width + [0.0] * (9 - width)]])
    ...     print(sx.HausdorffERLoss()(p, g, from_logits=False, multilabel=True).round(3))
    0.0
    0.235
    1.827
    """

    alpha: float = 2.0
    erosions: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "alpha", 0, math.inf)
        check_range(self, "erosions", 1, math.inf)

    def totals(self, comparison: "Comparison") -> tuple[Any, ...]:
        c, xp = comparison, comparison.xp
        (error,) = c.images((SquaredError(),))
        total = xp.zeros_like(error)
        for k in range(1, self.erosions + 1):
            around = error + cross(xp, error, fill=0.0)
            error = _thresholded(xp, around / (1 + 2 * len(c.space)))
            total = total + k**self.alpha * error
        return c.integrate(total), c.sums[Volume()]

    def formula(self, error: Any, volume: Any) -> Any:
        return error / volume


class HausdorffCVLoss(NeighbourhoodLoss):
    r"""
    Hausdorff distance by convolution: squared errors, the more the larger the ball they fill.

    .. math:: L_c = \frac1N \sum_{r \in R} r^\alpha \sum_i (p - g)^2 \left[ \left(
        S(B_r * \bar g) + S(B_r * p) \right) p + \left( S(B_r * g) + S(B_r * \bar p) \right) g
        \right]

    in each class, with the mean :math:`B_r *` over a ball of radius r, the soft threshold S at 1/2,
    :math:`\bar p = 1 - p` and :math:`\bar g = 1 - g`.

    Parameters
    ----------
    alpha : float
        Exponent of the radius.
    radii : tuple of float
        The radii R, in units of the spacing.
    include_background, class_weights, batch, absent
        See `RegionLoss`.
    smooth
        Without effect: the formula has no ratio.

    Notes
    -----
    In units of the spacing to the power of alpha. The soft threshold is :math:`\max(2x - 1, 0)`,
    ours. A mean is over the voxels of the ball that are in the image and count. The convolutions
    are by Fourier transforms, whatever the radius; the image is padded.

    Unreduced: (N, C). An absent class costs what its prediction does.

    References
    ----------
    D. Karimi and S. E. Salcudean (2020), Reducing the Hausdorff distance in medical image
    segmentation with convolutional neural networks.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.zeros((1, 1, 9))
    >>> loss = sx.HausdorffCVLoss(radii=(1, 2, 3))
    >>> for width in (1, 3, 5):
    ...     g = np.array([[[1.0] * width + [0.0] * (9 - width)]])
    ...     print(loss(p, g, from_logits=False, multilabel=True).round(3))
    1.556
    6.381
    13.186
    """

    alpha: float = 2.0
    radii: tuple[float, ...] = (3.0, 6.0, 9.0, 12.0, 15.0, 18.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "alpha", 0, math.inf)
        radii = tuple(float(each) for each in self.radii)
        if not radii or not all(0 < each < math.inf for each in radii):
            raise ValueError(f"expected radii > 0, got {self.radii!r}")
        object.__setattr__(self, "radii", radii)

    def totals(self, comparison: "Comparison") -> tuple[Any, ...]:
        c, xp = comparison, comparison.xp
        p, g, counted, error = c.images((Predicted(), Truth(), Volume(), SquaredError()))
        classes = c.classes
        stacked = xp.concat([p, g, counted[:, :1, ...]], axis=1)
        total = xp.zeros_like(p)
        for radius in self.radii:
            mean = _ball_sum(xp, stacked, radius, c.spacing)
            number, counts = mean[:, 2 * classes :, ...], counted[:, :1, ...] > 0
            number = xp.where(counts, number, xp.ones_like(number))
            near_p = mean[:, :classes, ...] / number
            near_g = mean[:, classes : 2 * classes, ...] / number
            wrong = _thresholded(xp, 1.0 - near_g) + _thresholded(xp, near_p)
            missed = _thresholded(xp, near_g) + _thresholded(xp, 1.0 - near_p)
            total = total + radius**self.alpha * error * (wrong * p + missed * g)
        return c.integrate(total), c.sums[Volume()]

    def formula(self, error: Any, volume: Any) -> Any:
        return error / volume


def _thresholded(xp: Any, x: Any) -> Any:
    """0 up to a half, and from there on to 1 where x is 1."""
    above = 2.0 * x - 1.0
    return xp.where(above > 0, above, xp.zeros_like(above))


def _ball_sum(xp: Any, x: Any, radius: float, spacing: tuple[float, ...]) -> Any:
    """The sum over a ball around each voxel, with zeros beyond the border."""
    space = x.shape[2:]
    nothing = xp.zeros_like(x[(slice(1),) * x.ndim])
    for axis, step in enumerate(spacing, 2):
        # As far as a ball reaches, and no farther than the other end of the image.
        more = min(math.floor(radius / step + 1e-9), x.shape[axis] - 1)
        shape = (*x.shape[:axis], more, *x.shape[axis + 1 :])
        x = xp.concat([x, xp.broadcast_to(nothing, shape)], axis=axis)
    squares = (ruler * ruler for ruler in periodic(xp, x, spacing))
    ball = xp.astype(sum(squares) <= radius * radius * (1.0 + 1e-6), x.dtype)
    x = _ops.filtered(xp, x, _ops.spectrum(xp, ball))
    return x[(slice(None), slice(None), *(slice(n) for n in space))]
