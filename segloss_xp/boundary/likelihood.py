"""Cross-entropy with the weight of a voxel from its distance to a surface."""

from typing import Any

from segloss_xp._comparison import Comparison
from segloss_xp._grain import VoxelLoss
from segloss_xp.boundary.fields import Nearness, ShapeError
from segloss_xp.maps import Field, LogLikelihood, LogRejection, Map, Weighted


class _WeightedCrossEntropy(VoxelLoss):
    """Cross-entropy times a field, with ``multilabel=True`` the binary one of each channel."""

    def weight(self) -> Field:
        """The factor of a voxel and class."""
        raise NotImplementedError

    def ingredients(self, comparison: Comparison) -> tuple[Map, ...]:
        field = self.weight()
        likelihood = Weighted(LogLikelihood(), field)
        return (
            (likelihood, Weighted(LogRejection(), field))
            if comparison.multilabel
            else (likelihood,)
        )

    def formula(self, comparison: Comparison, *maps: Any) -> Any:
        return -sum(maps[1:], start=maps[0])


class DistancePenalizedCrossEntropyLoss(_WeightedCrossEntropy):
    r"""
    Cross-entropy that weighs up to twice as much near the surface of the target.

    .. math:: L = -\frac1N \sum_i \sum_c (1 + \Phi_{ic})\, g_{ic} \log p_{ic}, \qquad
        \Phi_{ic} = 1 - d_{ic} / \max_j d_{jc}

    and with ``multilabel=True``, for each channel, :math:`1 + \Phi` times the binary cross-entropy.
    The distance d is that to the surface of the class; its largest value is taken on the side of
    the surface that the voxel is on.

    Parameters
    ----------
    class_weights : sequence of float, optional
        A weight for each of the C classes; a mean depends on their ratios only.

    Notes
    -----
    Without units: only the ratios of the spacings matter. Unreduced: (N, \*space), with
    ``multilabel=True`` of the shape of the prediction. The divisor is that of `CrossEntropyLoss`.
    A class that is nowhere or everywhere in a sample has no surface, and :math:`\Phi = 0` there.
    `distance` may hold the maps of `signed_distance`.

    The paper subtracts the distance from its largest value; here it is a share of that, so that the
    weight does not depend on the size of an object.

    References
    ----------
    F. Caliva et al. (2019), Distance map loss penalty term for semantic segmentation.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3, 0.1], [0.1, 0.2, 0.7, 0.9]]])
    >>> labels = np.array([[0, 0, 1, 1]])
    >>> loss = sx.DistancePenalizedCrossEntropyLoss()
    >>> loss(p, labels, from_logits=False, reduction="none").round(3)
    array([[0.105, 0.335, 0.535, 0.105]])
    """

    def weight(self) -> Field:
        return Nearness()


class ShapeAwareLoss(_WeightedCrossEntropy):
    r"""
    Cross-entropy that weighs wrong voxels by how far the shapes are apart.

    .. math:: L = -\frac1N \sum_i \sum_c (1 + E_c\, [i \text{ is wrong}])\, g_{ic} \log p_{ic}

    and with ``multilabel=True``, for each channel, the same weight times the binary cross-entropy.
    E is the mean distance of the boundary voxels of the prediction, where it exceeds 1/2, to the
    surface of the target; a voxel is wrong in a class that holds it in one of the two alone.

    Parameters
    ----------
    class_weights : sequence of float, optional
        A weight for each of the C classes; a mean depends on their ratios only.

    Notes
    -----
    E is in units of the spacing, and a constant. Boundary voxels are those with a face to the
    outside; the border of the image is none. Unreduced: (N, \*space), with ``multilabel=True`` of
    the shape of the prediction. The divisor is that of `CrossEntropyLoss`. A class that is nowhere
    or everywhere, in the target or in the prediction, has E = 0. `distance` may hold the maps of
    `signed_distance`.

    References
    ----------
    S. M. M. R. Al Arif et al. (2017), Shape-aware deep convolutional neural network for vertebrae
    segmentation.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.7, 0.1], [0.1, 0.2, 0.3, 0.9]]])
    >>> labels = np.array([[0, 0, 1, 1]])
    >>> sx.ShapeAwareLoss()(p, labels, from_logits=False, reduction="none").round(3)
    array([[0.105, 0.223, 3.612, 0.105]])
    """

    def weight(self) -> Field:
        return ShapeError()
