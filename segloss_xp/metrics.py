r"""
Measures of a hard segmentation, for each sample and class.

A prediction is made hard: the most probable class of a voxel, or with ``multilabel=True`` every
channel above one half. Overlap and volume are counted in integers. Surface distances are exact, in
the units of `spacing`, between the centres of surface voxels: those of a region that share a face
with a voxel outside it, where what lies beyond the border, or is masked, is outside.

All take what a loss takes: labels or one-hot targets, `mask`, `ignore_index`, `class_axis`. All give
an array (N, C); none is differentiable.
"""

from math import prod
from typing import Any

from segloss_xp import _stencil
from segloss_xp._array import A, Array, is_bool, namespace, working_dtype
from segloss_xp._comparison import Comparison
from segloss_xp._grain import divide
from segloss_xp.distance import distance_transform


def dice(prediction: A, target: Array, **description: Any) -> A:
    r"""
    Dice similarity coefficient.

    .. math:: \frac{2 TP}{2 TP + FP + FN}

    Parameters
    ----------
    prediction, target : array
        As for a loss, or both boolean masks (N, C, \*space).
    **description
        Of these: `from_logits`, `multilabel`, `class_axis`, `mask`, `ignore_index`.

    Returns
    -------
    array, (N, C)
        1 where the class is neither in the target nor in the prediction.

    Examples
    --------
    >>> import numpy as np
    >>> from segloss_xp import metrics
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> metrics.dice(p, np.array([[0, 1, 1]])).round(3)
    array([[0.667, 0.667]])
    """
    r = _Regions(prediction, target, **description)
    tp, fp, fn, _ = r.table()
    return r.share(2 * tp, 2 * tp + fp + fn)


def jaccard(prediction: A, target: Array, **description: Any) -> A:
    r"""
    Jaccard index, or intersection over union.

    .. math:: \frac{TP}{TP + FP + FN}

    Parameters
    ----------
    prediction, target : array
        As for a loss, or both boolean masks (N, C, \*space).
    **description
        Of these: `from_logits`, `multilabel`, `class_axis`, `mask`, `ignore_index`.

    Returns
    -------
    array, (N, C)
        1 where the class is neither in the target nor in the prediction.
    """
    r = _Regions(prediction, target, **description)
    tp, fp, fn, _ = r.table()
    return r.share(tp, tp + fp + fn)


def sensitivity(prediction: A, target: Array, **description: Any) -> A:
    r"""
    Sensitivity, or recall: the share of the target that is found.

    .. math:: \frac{TP}{TP + FN}

    Parameters
    ----------
    prediction, target : array
        As for a loss, or both boolean masks (N, C, \*space).
    **description
        Of these: `from_logits`, `multilabel`, `class_axis`, `mask`, `ignore_index`.

    Returns
    -------
    array, (N, C)
        1 where the target lacks the class.
    """
    r = _Regions(prediction, target, **description)
    tp, _, fn, _ = r.table()
    return r.share(tp, tp + fn)


def specificity(prediction: A, target: Array, **description: Any) -> A:
    r"""
    Specificity: the share of what is not the class that is left alone.

    .. math:: \frac{TN}{TN + FP}

    Parameters
    ----------
    prediction, target : array
        As for a loss, or both boolean masks (N, C, \*space).
    **description
        Of these: `from_logits`, `multilabel`, `class_axis`, `mask`, `ignore_index`.

    Returns
    -------
    array, (N, C)
        1 where the target is the class everywhere.
    """
    r = _Regions(prediction, target, **description)
    _, fp, _, tn = r.table()
    return r.share(tn, tn + fp)


def precision(prediction: A, target: Array, **description: Any) -> A:
    r"""
    Precision, or positive predictive value: the share of the prediction that is right.

    .. math:: \frac{TP}{TP + FP}

    Parameters
    ----------
    prediction, target : array
        As for a loss, or both boolean masks (N, C, \*space).
    **description
        Of these: `from_logits`, `multilabel`, `class_axis`, `mask`, `ignore_index`.

    Returns
    -------
    array, (N, C)
        1 where the class is not predicted.
    """
    r = _Regions(prediction, target, **description)
    tp, fp, _, _ = r.table()
    return r.share(tp, tp + fp)


def volume(prediction: A, **description: Any) -> A:
    r"""
    Volume of each class of the prediction, made hard.

    Parameters
    ----------
    prediction : array
        As for a loss, or boolean masks (N, C, \*space): those of a target, say.
    **description
        Of these: `from_logits`, `multilabel`, `class_axis`, `mask`, `spacing`.

    Returns
    -------
    array, (N, C)
        In the units of `spacing` to the power of the number of spatial axes, or voxels.
    """
    r = _Regions(prediction, namespace(prediction).zeros_like(prediction), **description)
    return r.floating(r.size(r.prediction)) * prod(r.spacing)


def volume_difference(
    prediction: A, target: Array, *, relative: bool = False, **description: Any
) -> A:
    r"""
    Volume of the prediction less that of the target: positive where too much is predicted.

    Parameters
    ----------
    prediction, target : array
        As for a loss, or both boolean masks (N, C, \*space).
    relative : bool
        Whether to divide by the volume of the target.
    **description
        Of these: `from_logits`, `multilabel`, `class_axis`, `mask`, `ignore_index`, `spacing`.

    Returns
    -------
    array, (N, C)
        In the units of `spacing` to the power of the number of spatial axes, or voxels. Relative
        to an absent class it is infinite, or 0 where none is predicted.

    Examples
    --------
    >>> import numpy as np
    >>> from segloss_xp import metrics
    >>> p = np.array([[[[0.9, 0.8, 0.3]], [[0.1, 0.2, 0.7]]]])
    >>> metrics.volume_difference(p, np.array([[[0, 1, 1]]]), spacing=(2.0, 0.5))
    array([[ 1., -1.]])
    """
    r = _Regions(prediction, target, **description)
    tp, fp, fn, _ = r.table()
    difference = r.floating(fp - fn)
    if not relative:
        return difference * prod(r.spacing)
    zero = r.xp.zeros_like(difference)
    infinite = r.xp.where(difference > 0, zero + float("inf"), zero)
    return r.xp.where(tp + fn > 0, divide(difference, r.floating(tp + fn)), infinite)


def hausdorff_distance(
    prediction: A, target: Array, *, percentile: float = 100.0, **description: Any
) -> A:
    r"""
    Hausdorff distance of the surfaces, or a percentile of it: 95 is HD95.

    .. math:: \max\left(P_q \{d(x, \partial g)\}_{x \in \partial p},
        P_q \{d(y, \partial p)\}_{y \in \partial g}\right)

    Parameters
    ----------
    prediction, target : array
        As for a loss, or both boolean masks (N, C, \*space).
    percentile : float
        Percentile q of the distances from each of the surfaces, interpolated linearly.
    **description
        Of these: `from_logits`, `multilabel`, `class_axis`, `mask`, `ignore_index`, `spacing`.

    Returns
    -------
    array, (N, C)
        In the units of `spacing`. 0 where both regions are empty, infinite where one is.

    References
    ----------
    D. P. Huttenlocher et al. (1993), Comparing images using the Hausdorff distance.

    Examples
    --------
    >>> import numpy as np
    >>> from segloss_xp import metrics
    >>> p = np.array([[[[True, True, True, False]]]])
    >>> metrics.hausdorff_distance(p, p[..., ::-1], spacing=(1.0, 0.7)).round(3)
    array([[0.7]], dtype=float32)
    """
    if not 0 <= percentile <= 100:
        raise ValueError(f"expected a percentile from 0 to 100, got {percentile}")
    s = _Surfaces(prediction, target, **description)
    there, back = (s.percentile(*side, percentile / 100) for side in s.sides)
    return s.both(s.xp.where(there > back, there, back))


def average_surface_distance(prediction: A, target: Array, **description: Any) -> A:
    r"""
    Average symmetric surface distance (ASSD).

    .. math:: \frac{\sum_{x \in \partial p} d(x, \partial g) + \sum_{y \in \partial g}
        d(y, \partial p)}{|\partial p| + |\partial g|}

    Parameters
    ----------
    prediction, target : array
        As for a loss, or both boolean masks (N, C, \*space).
    **description
        Of these: `from_logits`, `multilabel`, `class_axis`, `mask`, `ignore_index`, `spacing`.

    Returns
    -------
    array, (N, C)
        In the units of `spacing`. 0 where both regions are empty, infinite where one is.

    References
    ----------
    T. Heimann et al. (2009), Comparison and evaluation of methods for liver segmentation from CT
    datasets.
    """
    s = _Surfaces(prediction, target, **description)
    totals = [s.total(*side) for side in s.sides]
    count = sum(s.size(surface) for surface in s.surfaces)
    return s.both(divide(totals[0] + totals[1], s.floating(count)))


def surface_dice(prediction: A, target: Array, *, tolerance: float, **description: Any) -> A:
    r"""
    Normalised surface Dice (NSD): the share of the surfaces within a tolerance of the other.

    .. math:: \frac{|\{x \in \partial p : d(x, \partial g) \le \tau\}| +
        |\{y \in \partial g : d(y, \partial p) \le \tau\}|}{|\partial p| + |\partial g|}

    Parameters
    ----------
    prediction, target : array
        As for a loss, or both boolean masks (N, C, \*space).
    tolerance : float
        :math:`\tau`, in the units of `spacing`.
    **description
        Of these: `from_logits`, `multilabel`, `class_axis`, `mask`, `ignore_index`, `spacing`.

    Returns
    -------
    array, (N, C)
        1 where both regions are empty, 0 where one is.

    References
    ----------
    S. Nikolov et al. (2021), Clinically applicable segmentation of head and neck anatomy for
    radiotherapy; here every surface voxel counts 1, whatever the area of its faces.
    """
    if not tolerance >= 0:
        raise ValueError(f"expected a tolerance >= 0, got {tolerance}")
    s = _Surfaces(prediction, target, **description)
    near = sum(s.size(surface & (d <= tolerance)) for surface, d in s.sides)
    return s.share(near, sum(s.size(surface) for surface in s.surfaces))


class _Regions:
    """The hard regions of prediction and target (N, C, V), and the voxels that count."""

    def __init__(self, prediction: Any, target: Any, **description: Any) -> None:
        if given := {"voxel_weights", "distance", "all_reduce"} & set(description):
            raise TypeError(f"a metric takes no {', '.join(sorted(given))}")
        xp = namespace(prediction)
        if is_bool(xp, prediction):
            prediction = xp.astype(prediction, xp.zeros(1).dtype)
            description |= {"from_logits": False, "multilabel": True}
        c = self.comparison = Comparison(prediction, target, **description)
        self.xp = c.xp
        self.prediction, self.target, self.counted = c.decided(), c.regions(), c.counted()

    @property
    def spacing(self) -> tuple[float, ...]:
        return self.comparison.spacing or (1.0,) * len(self.comparison.space)

    def floating(self, count: Any) -> Any:
        """A count as a floating number of the precision of the prediction."""
        return self.xp.astype(count, working_dtype(self.xp, self.comparison.prediction))

    def share(self, part: Any, whole: Any) -> Any:
        """The quotient of two counts, and 1 for 0 / 0."""
        return divide(self.floating(part), self.floating(whole), empty=1.0)

    def size(self, region: Any) -> Any:
        """The number of its voxels that count (N, C)."""
        region = region if self.counted is None else region & self.counted
        return self.xp.sum(self.xp.astype(region, self.xp.int32), axis=2, dtype=self.xp.int32)

    def table(self) -> tuple[Any, ...]:
        """True and false positives, false and true negatives (N, C)."""
        p, g = self.prediction, self.target
        return tuple(self.size(each) for each in (p & g, p & ~g, ~p & g, ~p & ~g))


class _Surfaces(_Regions):
    """The surfaces of prediction and target (N, C, V), and the distances between them."""

    def __init__(self, prediction: Any, target: Any, **description: Any) -> None:
        super().__init__(prediction, target, **description)
        self.surfaces = [self._surface(each) for each in (self.prediction, self.target)]
        p, g = self.surfaces
        #: Each surface with the distance of every voxel to the other.
        self.sides = [(p, self._distance(g)), (g, self._distance(p))]

    def _surface(self, region: Any) -> Any:
        xp, c = self.xp, self.comparison
        region = region if self.counted is None else region & self.counted
        solid = c.grid(xp.astype(region, xp.float32))
        faces = 2.0 * len(c.space)
        return region & xp.reshape(_stencil.cross(xp, solid, fill=0.0) < faces, region.shape)

    def _distance(self, surface: Any) -> Any:
        axes = tuple(range(2, 2 + len(self.spacing)))
        grid = self.comparison.grid(~surface)
        dtype = working_dtype(self.xp, self.comparison.prediction)
        d = distance_transform(grid, axes=axes, spacing=self.spacing, dtype=dtype)
        return self.xp.reshape(d, surface.shape)

    def both(self, value: Any) -> Any:
        """The value where there are two surfaces; 0 where there is none, infinity for one."""
        xp = self.xp
        p, g = (self.size(each) > 0 for each in self.surfaces)
        zero = xp.zeros_like(value)
        return xp.where(p & g, value, xp.where(p | g, zero + float("inf"), zero))

    def total(self, surface: Any, d: Any) -> Any:
        """The distances of the voxels of a surface, added up; 0 where they are infinite."""
        xp = self.xp
        return xp.sum(xp.where(surface & xp.isfinite(d), d, xp.zeros_like(d)), axis=2)

    def percentile(self, surface: Any, d: Any, share: float) -> Any:
        """Percentile of the distances of a surface; the voxels off it are sorted to the end."""
        xp = self.xp
        ordered = xp.sort(xp.where(surface, d, xp.zeros_like(d) + float("inf")), axis=2)
        ordered = xp.where(xp.isfinite(ordered), ordered, xp.zeros_like(ordered))
        place = xp.arange(d.shape[2], dtype=xp.int32)
        last = self.size(surface)[:, :, None] - 1
        rank = share * xp.astype(last, d.dtype)
        low = xp.astype(rank, xp.int32)
        values = [
            xp.sum(xp.where(place == each, ordered, xp.zeros_like(ordered)), axis=2)
            for each in (low, xp.where(low < last, low + 1, last))
        ]
        beyond = (rank - xp.astype(low, d.dtype))[:, :, 0]
        return values[0] + beyond * (values[1] - values[0])
