"""Losses of level-set methods: a region term, and the length of the contour."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from segloss_xp import _ops
from segloss_xp._checks import check_range
from segloss_xp._grain import NeighbourhoodLoss, divide
from segloss_xp._stencil import differences, periodic
from segloss_xp.boundary.fields import Square
from segloss_xp.maps import Field, Map, Predicted, Truth, Volume, Weighted

if TYPE_CHECKING:
    from segloss_xp._comparison import Comparison

# Rounds off the corner of a length at 0, no sharper than float32 can tell probabilities apart.
_TINY = 1e-6


class ActiveContourLoss(NeighbourhoodLoss):
    r"""
    Active contour loss: errors inside and outside the target, and the length of the contour.

    .. math:: L_c = \frac1N \sum_i \left( \sqrt{|\nabla p|_i^2 + \varepsilon} -
        \sqrt\varepsilon \right) + \frac\lambda N \left( \mu \sum_i p_i (1 - g_i)^2 +
        \sum_i (1 - p_i)\, g_i^2 \right)

    with forward differences for the gradient, and :math:`\varepsilon = 10^{-6}`.

    Parameters
    ----------
    weight : float
        The weight :math:`\lambda` of the errors.
    outside : float
        The weight :math:`\mu` of errors outside the target, in those.
    include_background, class_weights, batch, absent
        See `RegionLoss`.
    smooth
        Without effect: the formula has no ratio.

    Notes
    -----
    Differences are by unit of the spacing. At the perfect prediction the loss is not 0, but the
    length of the contour by the size of the image. The sums are means as in the authors' code, and
    what is flat has length 0, ours. There is no contour at the border, or at a masked voxel. Theirs
    pairs differences of neighbouring voxels, and leaves out a strip along the border.

    Unreduced: (N, C). An absent class costs what its prediction does.

    References
    ----------
    X. Chen et al. (2019), Learning active contour models for medical image segmentation, eq. 11
    and 12.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3, 0.1], [0.1, 0.2, 0.7, 0.9]]])
    >>> labels = np.array([[0, 0, 1, 1]])
    >>> loss = sx.ActiveContourLoss()
    >>> loss(p, labels, from_logits=False, reduction="none").round(3)
    array([[0.374, 0.374]])
    >>> loss(p, labels, from_logits=False, reduction="none", spacing=(2.0,)).round(3)
    array([[0.274, 0.274]])
    """

    weight: float = 1.0
    outside: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "weight", 0, math.inf)
        check_range(self, "outside", 0, math.inf)

    def totals(self, comparison: "Comparison") -> tuple[Any, ...]:
        c = comparison
        p, g, counted = c.images((Predicted(), Truth(), Volume()))
        length = _variation(c.xp, p, counted, c.spacing)
        q, rest = counted - p, counted - g
        return (
            c.integrate(length),
            c.integrate(p * rest * rest),
            c.integrate(q * g * g),
            c.sums[Volume()],
        )

    def formula(self, length: Any, wrong: Any, missed: Any, volume: Any) -> Any:
        return (length + self.weight * (self.outside * wrong + missed)) / volume


@dataclass(frozen=True)
class Deviation(Field):
    """
    A channel of the image, less its mean in each class as predicted.

    The variance in a class does not depend on what is taken off, its digits do.
    """

    channel: int
    pooled: bool

    def of(self, comparison: "Comparison") -> Any:
        c, xp = comparison, comparison.xp
        counted = c.counted
        x, p = c.image[:, self.channel : self.channel + 1, :], c.probability(counted)
        if counted is not None:
            x, p = (xp.where(counted, each, xp.zeros_like(each)) for each in (x, p))
        total, mass = (xp.sum(each, axis=2, keepdims=True) for each in (p * x, p))
        if self.pooled:
            total, mass = c.pool(total), c.pool(mass)
        return x - divide(total, mass)


class MumfordShahLoss(NeighbourhoodLoss):
    r"""
    Mumford-Shah loss: how far the image varies within each class, and the length of its contour.

    .. math:: L_c = \frac1N \sum_i p_{ic} \sum_k (x_{ik} - \mu_{ck})^2 + \frac\lambda N \sum_i
        \left( \sqrt{|\nabla p_c|_i^2 + \varepsilon} - \sqrt\varepsilon \right), \qquad
        \mu_{ck} = \frac{\sum_i p_{ic} x_{ik}}{\sum_i p_{ic}}

    for the channels k of the `image` x, with forward differences for the gradient, and
    :math:`\varepsilon = 10^{-6}`.

    Parameters
    ----------
    length : float
        The weight :math:`\lambda` of the contour.
    include_background, class_weights, batch, absent
        See `RegionLoss`.
    smooth
        Without effect: a class that is nowhere predicted varies by 0.

    Notes
    -----
    Needs the argument `image` of the call, (N, K, \*space), and is in its units, squared. Needs no
    target, unless `absent` asks for it. Differences are by unit of the spacing; there is no contour
    at the border, or at a masked voxel. Means over the voxels, ours: the paper adds up. The length
    is that of the gradient; the authors' code adds up absolute differences along the axes.

    The means :math:`\mu` are best for the prediction, so that their own dependence on it adds
    nothing to the gradient. Without the contour, ``length=0``, a formula on sums.

    Unreduced: (N, C), 0 where each class is of one intensity, but for the length.

    References
    ----------
    B. Kim and J. C. Ye (2020), Mumford-Shah loss functional for image segmentation with deep
    learning.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> image = np.array([[[5.0, 5.0, 7.0, 7.0]]])
    >>> loss = sx.MumfordShahLoss(length=0)
    >>> for p in ([1, 1, 0, 0], [1, 0, 0, 0], [0.5, 0.5, 0.5, 0.5]):
    ...     p = np.array([[p, np.subtract(1.0, p)]])
    ...     print(loss(p, image=image, from_logits=False, reduction="none").round(3))
    [[0. 0.]]
    [[0.    0.667]]
    [[0.5 0.5]]
    """

    length: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "length", 0, math.inf)

    @property
    def from_maps(self) -> bool:
        return self.length == 0

    @property
    def needs_target(self) -> bool:
        return self.absent != "smooth"

    def maps(self, comparison: "Comparison") -> tuple[Map, ...]:
        return *super().maps(comparison), Predicted(), *_moments(self, comparison)

    def totals(self, comparison: "Comparison") -> tuple[Any, ...]:
        c = comparison
        sums = [c.sums[m] for m in (Volume(), Predicted(), *_moments(self, c))]
        if self.length == 0:
            return tuple(sums)
        p, counted = c.images((Predicted(), Volume()))
        return *sums, c.integrate(_variation(c.xp, p, counted, c.spacing))

    def formula(self, volume: Any, p: Any, *moments: Any) -> Any:
        moments, lengths = (moments, ()) if self.length == 0 else (moments[:-1], moments[-1:])
        total = sum(self.length * length for length in lengths)
        for first, second in zip(moments[::2], moments[1::2], strict=True):
            total = total + second - divide(first * first, p)
        return total / volume


class ElasticInteractionLoss(NeighbourhoodLoss):
    r"""
    Elastic interaction loss: the energy of the contours of prediction and target as dislocations.

    .. math:: L_c = \frac1{N^2} \sum_k |k| \left| F(g_c - \alpha p_c)_k \right|^2

    over the angular frequencies k of the discrete Fourier transform F, in N voxels. Contours that
    coincide annihilate; else they attract one another over any distance.

    Parameters
    ----------
    alpha : float
        Strength of the contour of the prediction against that of the target, more than 0. The paper
        also takes 0.35, so that the energy of its own, which shortens it, has less of a say; then
        the loss is not 0 at the perfect prediction, and the steepest way is still the same.
    include_background, class_weights, batch, absent
        See `RegionLoss`.
    smooth
        Without effect: the formula has no ratio.

    Notes
    -----
    Per unit of length, that of the spacing: k is in radians by this unit, where the paper takes any
    image to be 2 pi wide. The image is taken to be periodic, as the paper does. The paper squashes
    the prediction to its sharp side, here it is the probability itself.

    What is masked has no difference, and so no contour. A pair of voxels weighs the geometric mean
    of their weights. The gradient is that of the value; that of the authors' code is scaled by
    something else. Unreduced: (N, C), not negative; a class
    that is everywhere or nowhere has no contour.

    References
    ----------
    Y. Lan et al. (2020), An elastic interaction-based loss function for medical image segmentation,
    eq. 5 and 8.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> g = np.array([[[0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]])
    >>> loss = sx.ElasticInteractionLoss()
    >>> for steps in range(4):
    ...     p = np.roll(g, steps, axis=2)
    ...     print(loss(p, g, from_logits=False, multilabel=True).round(3))
    0.0
    0.262
    0.329
    0.396
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "alpha", 0, math.inf, open_below=True)

    def totals(self, comparison: "Comparison") -> tuple[Any, ...]:
        c, xp = comparison, comparison.xp
        p, g = c.images((Predicted(), Truth()))
        root = c.grid(_ops.power(xp, c.value_of_target(Volume()), 0.5))
        apart = root * (g - self.alpha * p)
        steps = [2.0 * math.pi / (n * w) for n, w in zip(c.space, c.spacing, strict=True)]
        squares = [ruler * ruler for ruler in periodic(xp, apart, steps)]
        squares[-1] = squares[-1][: c.space[-1] // 2 + 1]
        force = _ops.filtered(xp, apart, xp.sqrt(sum(squares)))
        return xp.sum(c.flat(apart * force), axis=2), c.sums[Volume()]

    def formula(self, energy: Any, volume: Any) -> Any:
        return energy / volume


def _moments(loss: MumfordShahLoss, comparison: "Comparison") -> list[Map]:
    """For each channel of the image, the maps of the prediction times it and its square."""
    if comparison.image is None:
        raise ValueError(f"{loss!r} needs the image: pass image=..., of shape (N, K, *space)")
    channels = [Deviation(k, loss.batch) for k in range(comparison.image.shape[1])]
    fields = [field for channel in channels for field in (channel, Square(channel))]
    return [Weighted(Predicted(), field) for field in fields]


def _variation(xp: Any, x: Any, counted: Any, spacing: Sequence[float]) -> Any:
    """The size of the gradient, by forward differences, with its corner at 0 rounded off."""
    squares = sum(step * step for step in differences(xp, x, spacing, counted))
    return xp.sqrt(squares + _TINY) - math.sqrt(_TINY)
