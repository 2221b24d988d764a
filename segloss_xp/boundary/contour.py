"""Losses on the contour: its share of the region, its length, its overlap within a tolerance."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from segloss_xp._array import namespace, working_dtype
from segloss_xp._checks import check_range
from segloss_xp._grain import NeighbourhoodLoss, RegionLoss
from segloss_xp._stencil import cross, dilate, erode
from segloss_xp.maps import Field, Intersection, Map, Predicted, Truth, Volume, Weighted

if TYPE_CHECKING:
    from segloss_xp._comparison import Comparison


@dataclass(frozen=True)
class Rim(Field):
    """
    Ones in the voxels of the target that touch what is not the target with a face, else zeros.

    The border of the image is not the target, nor are voxels without weight.
    """

    def of(self, comparison: "Comparison") -> Any:
        c, xp = comparison, comparison.xp
        inside, counted = c.inside, c.counted
        if counted is not None:
            inside = inside & counted
        inside = c.grid(xp.astype(inside, working_dtype(xp, c.prediction)))
        surrounded = cross(xp, inside, fill=0.0) == 2.0 * len(c.space)
        return c.flat(xp.where(surrounded, xp.zeros_like(inside), inside))


class BoundaryDoULoss(RegionLoss):
    r"""
    Boundary difference over union: a Jaccard loss that sees less of the inside of large regions.

    .. math:: L_c = \frac{\sum_i p_{ic}^2 + \sum_i g_{ic}^2 - 2 \sum_i p_{ic} g_{ic}}
        {\sum_i p_{ic}^2 + \sum_i g_{ic}^2 - (1 + \alpha_c) \sum_i p_{ic} g_{ic}}, \qquad
        \alpha_c = 1 - 2\,\frac{C_c}{S_c}

    with the number :math:`C_c` of voxels of the target that touch another region or the border of
    the image with a face, and the number :math:`S_c` of all its voxels; :math:`\alpha_c` is kept
    from 0 to `most`.

    Parameters
    ----------
    most : float
        The largest :math:`\alpha`, below 1.
    include_background, class_weights, batch, absent, smooth
        See `RegionLoss`. The smoothing is that of one minus the loss, ours: that of the authors'
        code has an absent class that is not found cost 1.

    Notes
    -----
    Counts voxels: the spacing has no effect. In volumes, :math:`C_c` is that of faces, as the
    authors say. Soft targets: the region is where they exceed 1/2, and counts by its value.

    Unreduced: (N, C), from 0 to 1. A class that is absent from the target and the prediction costs
    0; predicted where absent, up to 1. Per sample, unless `batch`; the authors' code pools the
    batch.

    References
    ----------
    F. Sun et al. (2023), Boundary difference over union loss for medical image segmentation.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3, 0.1], [0.1, 0.2, 0.7, 0.9]]])
    >>> labels = np.array([[0, 0, 1, 1]])
    >>> sx.BoundaryDoULoss()(p, labels, from_logits=False, reduction="none").round(3)
    array([[0.081, 0.086]])
    """

    most: float = 0.8

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "most", 0, 1)

    def regions(self) -> tuple[Map, ...]:
        return (
            Intersection(),
            Predicted(power=2),
            Truth(power=2),
            Truth(),
            Weighted(Truth(), Rim()),
        )

    def formula(self, both: Any, p: Any, g: Any, size: Any, rim: Any) -> Any:
        xp = namespace(both)
        zero, most = xp.zeros_like(rim), self.most * xp.ones_like(rim)
        present = size > 0
        alpha = 1.0 - 2.0 * rim / xp.where(present, size, xp.ones_like(size))
        alpha = xp.where(present & (alpha > 0), alpha, zero)
        alpha = xp.where(alpha < self.most, alpha, most)
        return 1.0 - self.ratio((1.0 - alpha) * both, p + g - (1.0 + alpha) * both)


class PerimeterLoss(NeighbourhoodLoss):
    r"""
    Perimeter loss: the squared error of the length of the contour.

    .. math:: L_c = \frac1{|\Omega|} \left( \sum_i c(p)_i - \sum_i c(g)_i \right)^2, \qquad
        c(x) = \delta(\epsilon(x)) - \epsilon(x)

    with the greyscale erosion :math:`\epsilon` and dilation :math:`\delta` by boxes of three voxels
    along each axis, and the number :math:`|\Omega|` of voxels.

    Parameters
    ----------
    include_background, class_weights, batch, absent
        See `RegionLoss`.
    smooth
        Without effect: the formula has no ratio.

    Notes
    -----
    With `spacing`, a voxel of the contour counts :math:`s^{d-1}` and one of the image :math:`s^d`,
    for the geometric mean s of the spacing in d dimensions: ours, and exact if all are equal. So
    the loss is without a unit in images, and a length in volumes.

    Unreduced: (N, C). What is thinner than three voxels has no contour. Nor has the border of the
    image, or a class that is nowhere or everywhere. Erosion and dilation are differentiable but
    where voxels tie.

    References
    ----------
    R. El Jurdi et al. (2021), A surprisingly effective perimeter-based loss for medical image
    segmentation.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3, 0.1, 0.1], [0.1, 0.2, 0.7, 0.9, 0.9]]])
    >>> labels = np.array([[0, 0, 1, 1, 1]])
    >>> sx.PerimeterLoss()(p, labels, from_logits=False, reduction="none").round(3)
    array([[0.018, 0.008]])
    """

    def totals(self, comparison: "Comparison") -> tuple[Any, ...]:
        c = comparison
        p, g, counted = c.images((Predicted(), Truth(), Volume()))
        spacing = c.spacing
        step = math.prod(spacing) ** (1.0 / len(spacing))
        surface, volume = step ** (len(spacing) - 1), step ** len(spacing)
        lengths = (surface * c.integrate(_contour(c.xp, each, counted)) for each in (p, g))
        return *lengths, volume * c.sums[Volume()]

    def formula(self, length: Any, true: Any, volume: Any) -> Any:
        return (length - true) * (length - true) / volume


class SurfaceDiceLoss(NeighbourhoodLoss):
    r"""
    Surface Dice loss by dilation: a Dice loss on contours that may be apart by a tolerance.

    .. math:: L_c = 1 - \frac{2 \sum_i \delta(\partial p)_i\, \delta(\partial g)_i}
        {\sum_i \delta(\partial p)_i + \sum_i \delta(\partial g)_i}, \qquad
        \partial x = x - \epsilon(x)

    with the greyscale erosion :math:`\epsilon` by boxes of three voxels along each axis, and the
    dilation :math:`\delta` by boxes that reach :math:`\lceil \tau / s_a \rceil` voxels to each side
    along the axis a of spacing :math:`s_a`.

    Parameters
    ----------
    tolerance : float, optional
        The tolerance :math:`\tau` in units of the spacing; by default 1.25 times the largest
        spacing.
    include_background, class_weights, batch, absent, smooth
        See `RegionLoss`.

    Notes
    -----
    The box stands for an ellipsoid, and reaches at least as far as the tolerance. The authors' code
    leaves out the background. Unreduced: (N, C), from 0 to 1. The border of the image is no
    contour. A class without contour in target and prediction, nowhere or everywhere, costs 0.
    Erosion and dilation are differentiable but where voxels tie.

    References
    ----------
    A. Celaya et al. (2024), MIST: a simple and scalable end-to-end 3D medical imaging segmentation
    framework: the surface Dice dilation loss of its code.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3, 0.1, 0.1], [0.1, 0.2, 0.7, 0.9, 0.9]]])
    >>> labels = np.array([[0, 0, 1, 1, 1]])
    >>> sx.SurfaceDiceLoss(tolerance=1)(p, labels, from_logits=False, reduction="none").round(3)
    array([[0.362, 0.375]])
    """

    tolerance: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tolerance is not None:
            check_range(self, "tolerance", 0, math.inf)

    def totals(self, comparison: "Comparison") -> tuple[Any, ...]:
        c, xp = comparison, comparison.xp
        p, g, counted = c.images((Predicted(), Truth(), Volume()))
        spacing = c.spacing
        reach = 1.25 * max(spacing) if self.tolerance is None else self.tolerance
        # Rounding takes no tolerance of three voxels for one of four.
        radii = [math.ceil(reach / step - 1e-9) for step in spacing]
        near_p, near_g = (
            dilate(xp, each - _eroded(xp, each, counted), radii) * counted for each in (p, g)
        )
        return c.integrate(near_p * near_g), c.integrate(near_p), c.integrate(near_g)

    def formula(self, both: Any, p: Any, g: Any) -> Any:
        return 1.0 - self.ratio(2.0 * both, p + g)


def _eroded(xp: Any, x: Any, counted: Any) -> Any:
    """The erosion by a box of three voxels along each axis, 0 where nothing counts."""
    # An uncounted voxel is as high as any, so that none erodes for it.
    return erode(xp, x + (1.0 - counted), (1,) * (x.ndim - 2)) * counted


def _contour(xp: Any, x: Any, counted: Any) -> Any:
    """What a dilation of the erosion brings back beyond it."""
    core = _eroded(xp, x, counted)
    return dilate(xp, core, (1,) * (x.ndim - 2)) * counted - core
