"""The weighted Hausdorff distance, between all pairs of voxels."""

import math
from dataclasses import dataclass
from itertools import product
from typing import Any

from segloss_xp import _ops
from segloss_xp._array import namespace
from segloss_xp._checks import check_range, freeze_weights
from segloss_xp._comparison import Comparison
from segloss_xp._grain import divide, reduce_samples
from segloss_xp._loss import Loss, Reduction
from segloss_xp.boundary.fields import OutsideDistance
from segloss_xp.maps import Map, Predicted, Volume, Weighted

# Pairs of voxels, for all samples and classes, that are held at once.
_PAIRS = 1 << 22


class WeightedHausdorffLoss(Loss):
    r"""
    Weighted Hausdorff distance: the average Hausdorff distance of a probability map to a set.

    .. math:: L_c = \frac{\sum_x p_x \min_{y \in Y} d(x, y)}{\sum_x p_x + \varepsilon}
        + \frac1{|Y|} \sum_{y \in Y} \left( \frac1N \sum_x
        \left( p_x\, d(x, y) + (1 - p_x)\, d_{\max} + \varepsilon \right)^\alpha \right)^{1/\alpha}

    over the voxels Y of the class, with the diagonal :math:`d_{\max}` of the image and
    :math:`\varepsilon = 10^{-6}`.

    Parameters
    ----------
    alpha : float
        Exponent of the generalised mean, below 0; the lower, the closer to a minimum.
    include_background : bool
        Whether class 0 counts: mostly it does not, the target being a few points.
    class_weights : sequence of float, optional
        A weight for each of the C classes; a mean depends on their ratios only.

    Notes
    -----
    In units of the spacing. Looks at each pair of voxels: time grows with the square of their
    number, for images of some 10 000 voxels; memory does not, as pairs are held a few at a time, in
    the gradient too. Not a formula on sums: NumPy and CuPy borrow its gradient.

    The diagonal is the largest distance of two voxels, between their centres; the authors' code
    takes that of the corners of the image, and an alpha of -9 unless told otherwise.

    Unreduced: (N, C). A class that is nowhere or everywhere in a sample has no surface, and is 0.
    Near 0 at the perfect prediction, but for the mean, which sees the other voxels too. `distance`
    may hold the maps of `signed_distance`, for the first term.

    References
    ----------
    J. Ribera et al. (2019), Locating objects without bounding boxes.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3, 0.1], [0.1, 0.2, 0.7, 0.9]]])
    >>> labels = np.array([[0, 0, 1, 0]])
    >>> loss = sx.WeightedHausdorffLoss()
    >>> loss(p, labels, from_logits=False, reduction="none").round(3)
    array([[2.18]])
    """

    alpha: float = -1.0
    include_background: bool = False
    class_weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "alpha", -math.inf, 0)
        if self.alpha == 0:
            raise ValueError(f"expected alpha below 0, got {self.alpha!r}")
        freeze_weights(self, "class_weights")

    @property
    def grain(self) -> str:
        return "class"

    def maps(self, comparison: Comparison) -> tuple[Map, ...]:
        field = OutsideDistance(self.include_background)
        return Weighted(Predicted(), field), Predicted(), Volume()

    def reduce(self, comparison: Comparison, reduction: Reduction) -> Any:
        c = comparison
        first = 0 if self.include_background else 1
        if c.classes == first:
            raise ValueError(f"{self!r} has no class left: the only one is the background")
        far, mass, volume = (c.sums[m][:, first:] for m in self.maps(c))
        xp = namespace(far)
        to_target = far / (mass + _TINY)
        p, w = (each[:, first:, :] for each in c.values((Predicted(), Volume())))
        true = c.inside[:, first:, :]
        counted = c.counted
        true = xp.astype(true if counted is None else true & counted, p.dtype)
        rule = _MeanDistances(self.alpha, c.space, c.spacing)
        total = _ops.differentiable(xp, rule, divide(p, w), w, true)
        number = xp.sum(true, axis=2)
        surface = (number > 0) & (number < xp.sum(xp.astype(w > 0, p.dtype), axis=2))
        values = to_target + divide(total, number)
        values = xp.where(surface, values, xp.zeros_like(values))
        if reduction == "none":
            return values
        counts = xp.where(volume > 0, xp.ones_like(volume), xp.zeros_like(volume))
        if self.class_weights is not None:
            counts = counts * c.constant(self.class_weights, "class_weights")[first:]
        return reduce_samples(c, counts * values, counts, reduction)


_TINY = 1e-6


@dataclass(frozen=True)
class _MeanDistances:
    """
    The generalised mean, over voxels x, of their distance from y, added up over the voxels y.

    From the prediction (N, C, V), the weight of the voxels x, and that of the voxels y. The
    gradient by the prediction is written by hand, so that no more pairs need be held than forward.
    """

    alpha: float
    space: tuple[int, ...]
    spacing: tuple[float, ...]

    def forward(self, p: Any, weight: Any, true: Any) -> Any:
        """The sums (N, C)."""
        xp = namespace(p)
        total = xp.zeros_like(p[:, :, 0])
        for some, short in self._pairs(p):
            mean = self._mean(xp, self._distance(p, short), weight)
            total = total + xp.sum(true[:, :, some] * mean, axis=2)
        return total

    def pullback(self, cotangent: Any, p: Any, weight: Any, true: Any) -> Any:
        """Gradient by the prediction of the inner product of the sums with `cotangent`."""
        xp = namespace(p)
        slope = xp.zeros_like(p)
        for some, short in self._pairs(p):
            d = self._distance(p, short)
            mean = self._mean(xp, d, weight)[:, :, None, :]
            by_distance = true[:, :, None, some] * (mean / d) ** (1.0 - self.alpha)
            slope = slope - xp.sum(by_distance * short, axis=3)
        share = divide(weight, xp.sum(weight, axis=2, keepdims=True))
        return cotangent[:, :, None] * share * slope

    def _mean(self, xp: Any, d: Any, weight: Any) -> Any:
        """The mean over x, (N, C, Y)."""
        # As a multiple of the least distance, of which no power overflows.
        least = _ops.stop_gradient(xp, xp.min(d, axis=2, keepdims=True))
        powers = xp.sum(weight[:, :, :, None] * (d / least) ** self.alpha, axis=2)
        total = xp.sum(weight, axis=2)[:, :, None]
        return least[:, :, 0, :] * divide(powers, total, empty=1.0) ** (1.0 / self.alpha)

    def _distance(self, p: Any, short: Any) -> Any:
        """The distance, weighted by p, and the diagonal by 1 - p: (N, C, V, Y)."""
        return self._diagonal() + _TINY - p[:, :, :, None] * short

    def _diagonal(self) -> float:
        return math.hypot(*((n - 1) * w for n, w in zip(self.space, self.spacing, strict=True)))

    def _pairs(self, p: Any) -> Any:
        """Slices of the voxels y, and by how much x is nearer than the diagonal, (V, Y)."""
        xp, (samples, classes, voxels) = namespace(p), p.shape
        step = max(1, _PAIRS // max(1, samples * classes * voxels))
        steps = (range(n) for n in self.space)
        places = [[i * w for i, w in zip(x, self.spacing, strict=True)] for x in product(*steps)]
        at = _ops.constant(xp, places, p.dtype, like=p)
        for start in range(0, voxels, step):
            some = slice(start, min(start + step, voxels))
            offset = at[:, None, :] - at[None, some, :]
            yield some, self._diagonal() - xp.sqrt(xp.sum(offset * offset, axis=2))
