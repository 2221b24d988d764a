"""Losses that know how far classes are apart."""

import math
from typing import Any

from segloss_xp._array import namespace
from segloss_xp._checks import check_smooth, one_label_a_voxel
from segloss_xp._comparison import Comparison
from segloss_xp._grain import reduce_samples, smoothed
from segloss_xp._loss import Loss, Reduction
from segloss_xp.maps import Cost, Map, Truth, Volume


class GeneralizedWassersteinDiceLoss(Loss):
    r"""
    Generalised Wasserstein Dice: an error counts by the distance of the two classes.

    .. math:: L = 1 - \frac{2 \sum_i \alpha_i (1 - W_i) + s}
        {2 \sum_i \alpha_i (1 - W_i) + \sum_i W_i + s}, \quad
        W_i = \sum_m M_{l_i m} p_{im}, \quad \alpha_i = M_{l_i 0}

    with the label :math:`l_i` of the voxel, and class 0 as the background.

    Parameters
    ----------
    distances : sequence of sequences of float, optional
        The matrix M, from 0 on the diagonal, a row for each true class and a column for each
        predicted one; it is scaled to a maximum of 1. By default all classes are 1 apart.
    batch : bool
        Whether to pool the sums over the samples, as if the batch were one image.
    smooth : float or (float, float)
        Added to the numerator and the denominator.

    Notes
    -----
    Unreduced: one value a sample, (N, 1), and (1, 1) for ``batch=True``. From 0 to 1. For two
    classes it is the Dice loss of the foreground. A voxel of several labels, or soft ones, adds
    the share of each. Where all is background, it is close to 1 if anything else is predicted.

    For one label a voxel: not with ``multilabel=True``.

    References
    ----------
    L. Fidon et al. (2017), Generalised Wasserstein Dice score for imbalanced multi-class
    segmentation using holistic convolutional networks.

    Examples
    --------
    Taking class 1 for class 2 is half as bad as taking it for the background.

    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> loss = sx.GeneralizedWassersteinDiceLoss(distances=((0, 1, 1), (1, 0, 0.5), (1, 0.5, 0)))
    >>> truth = np.array([[0, 1, 2]])
    >>> p = np.eye(3)[:, [0, 2, 2]][None]
    >>> loss(p, truth, from_logits=False, reduction="none").round(3)
    array([[0.143]])
    """

    distances: tuple[tuple[float, ...], ...] | None = None
    batch: bool = False
    smooth: float | tuple[float, float] = 1e-5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_smooth(self.smooth)
        if self.distances is not None:
            object.__setattr__(self, "distances", _checked(self.distances))

    @property
    def grain(self) -> str:
        return "sample"

    @property
    def from_maps(self) -> bool:
        return True

    def maps(self, comparison: Comparison) -> tuple[Map, ...]:
        one_label_a_voxel(self, comparison)
        return *self._costs(comparison.classes), Truth(), Volume()

    def reduce(self, comparison: Comparison, reduction: Reduction) -> Any:
        c = comparison
        wrong, lost = self._costs(c.classes)
        # A voxel of weight alpha is found but for its distance to what is predicted.
        alpha = c.constant([row[0] for row in self._scaled(c.classes)], "distances")
        terms = alpha * c.sums[Truth()] - c.sums[lost], c.sums[wrong], c.sums[Volume()]
        found, errors, volume = (c.pool(each) if self.batch else each for each in terms)
        xp = namespace(found)
        found, errors = (xp.sum(each, axis=1, keepdims=True) for each in (found, errors))
        volume = volume[:, :1]
        judged = xp.where(volume > 0, xp.ones_like(volume), xp.zeros_like(volume))
        values = judged * (1.0 - smoothed(2.0 * found, 2.0 * found + errors, self.smooth))
        if reduction == "none":
            return values
        return reduce_samples(c, values, judged, reduction, pooled=self.batch)

    def _costs(self, classes: int) -> tuple[Map, Map]:
        """What an error costs: as such, and as what is lost of the weight of the voxel."""
        distances = self._scaled(classes)
        return Cost(distances), Cost(tuple(tuple(row[0] * d for d in row) for row in distances))

    def _scaled(self, classes: int) -> tuple[tuple[float, ...], ...]:
        if self.distances is None:
            every = range(classes)
            return tuple(tuple(float(true != other) for other in every) for true in every)
        if len(self.distances) != classes:
            raise ValueError(
                f"expected distances of {classes} classes, got {len(self.distances)}: "
                f"{self.distances}"
            )
        most = max(map(max, self.distances))
        return tuple(tuple(d / most for d in row) for row in self.distances)


def _checked(given: Any) -> tuple[tuple[float, ...], ...]:
    matrix = tuple(tuple(float(d) for d in row) for row in given)
    if (
        any(len(row) != len(matrix) for row in matrix)
        or any(row[c] != 0 for c, row in enumerate(matrix))
        or not all(0 <= d < math.inf for row in matrix for d in row)
        or not any(map(any, matrix))
    ):
        raise ValueError(
            f"expected distances, a square matrix of numbers >= 0 with 0 on its diagonal and not "
            f"all 0, got {given!r}"
        )
    return matrix
