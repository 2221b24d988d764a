"""Cross-entropy that is less sure where the labels of neighbours differ."""

import math
from dataclasses import dataclass
from typing import Any, Literal

from segloss_xp import _stencil
from segloss_xp._checks import check_choice, check_range, one_label_a_voxel
from segloss_xp._comparison import Comparison
from segloss_xp._grain import VoxelLoss, divide
from segloss_xp.maps import (
    Field,
    LogitDistance,
    LogLikelihood,
    LogProbability,
    Map,
    Truth,
    Volume,
    Weighted,
)


class SVLSLoss(VoxelLoss):
    r"""
    Spatially varying label smoothing: cross-entropy with labels that a Gaussian has blurred.

    .. math:: L = -\frac1N \sum_i \sum_c (K * g)_{ic} \log p_{ic}

    where K is a Gaussian on the voxel and its neighbours, with the centre set to the sum of the
    neighbours, divided by its sum: half of the label stays in its place.

    Parameters
    ----------
    sigma : float
        Standard deviation of the Gaussian, in voxels.
    class_weights : sequence of float, optional
        A weight for each of the C classes; a mean depends on their ratios only.

    Notes
    -----
    A voxel among its like keeps its label whole. At the border the image is continued by its
    outermost voxels; the voxels that are left out have no part in the average of the others.
    Unreduced: (N, \*space). All ignored: 0. Not for ``multilabel=True``. Distances are
    in voxels, whatever the `spacing`.

    References
    ----------
    M. Islam and B. Glocker (2021), Spatially varying label smoothing: capturing uncertainty from
    expert annotations.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> labels = np.array([[0, 0, 1]])
    >>> sx.SVLSLoss()(p, labels, from_logits=False, reduction="none").round(2)
    array([[0.11, 0.57, 0.57]])
    """

    sigma: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "sigma", 0, math.inf, open_below=True)

    def ingredients(self, comparison: Comparison) -> tuple[Map, ...]:
        one_label_a_voxel(self, comparison)
        return (Weighted(LogProbability(), BlurredTarget(self.sigma)),)

    def formula(self, comparison: Comparison, *maps: Any) -> Any:
        return -maps[0]


class NACLLoss(VoxelLoss):
    r"""
    Neighbour-aware calibration: cross-entropy, and logits drawn to the frequencies around.

    .. math:: L = \frac1N \sum_i \sum_c \Big[-g_{ic} \log p_{ic}
        + \frac\alpha C |z_{ic} - \tau_{ic}|^r\Big]

    where :math:`\tau_{ic}` is the share of class c in the labels of a window around voxel i.

    Parameters
    ----------
    size : int
        Length of the window along each axis, odd.
    distance : {"l1", "l2"}
        The power r, 1 or 2.
    alpha : float
        Weight of the penalty.
    class_weights : sequence of float, optional
        A weight for each of the C classes; a mean depends on their ratios only.

    Notes
    -----
    The frequencies are of the voxels in the window that are in the image and not left out, so that
    they add up to 1 at the border too. The penalty is a mean over the classes, as in the authors'
    code. It looks at the logits themselves, which a softmax does not: a shift of all changes it.
    With ``from_logits=False`` the logarithms of the probabilities are taken for logits.
    Unreduced: (N, \*space). All ignored: 0. Not for ``multilabel=True``. Distances are
    in voxels, whatever the `spacing`.

    References
    ----------
    B. Murugesan et al. (2023), Trust your neighbours: penalty-based constraints for model
    calibration.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> logits = np.array([[[3.0, 1.0, 0.0], [0.0, 0.0, 2.0]]])
    >>> labels = np.array([[0, 0, 1]])
    >>> sx.NACLLoss()(logits, labels, reduction="none").round(3)
    array([[0.149, 0.347, 0.227]])
    """

    size: int = 3
    distance: Literal["l1", "l2"] = "l1"
    alpha: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "alpha", 0, math.inf)
        check_choice(self, "distance", "l1", "l2")
        if not isinstance(self.size, int) or self.size < 1 or self.size % 2 == 0:
            raise ValueError(f"expected an odd size of the window, at least 1, got {self.size!r}")

    def ingredients(self, comparison: Comparison) -> tuple[Map, ...]:
        one_label_a_voxel(self, comparison)
        power: Literal[1, 2] = 1 if self.distance == "l1" else 2
        return LogLikelihood(), LogitDistance(WindowFrequency(self.size), power)

    def formula(self, comparison: Comparison, *maps: Any) -> Any:
        likelihood, distance = maps
        return self.alpha / comparison.classes * distance - likelihood


@dataclass(frozen=True)
class WindowFrequency(Field):
    """The share of each class in a window of the target, among the voxels that count."""

    size: int

    def of(self, comparison: Comparison) -> Any:
        target, valid = _images(comparison)
        radii = (self.size // 2,) * len(comparison.space)
        found, counted = (
            _stencil.window(comparison.xp, x, radii, fill=0.0) for x in (target, valid)
        )
        return _flat(comparison, divide(found, counted))


@dataclass(frozen=True)
class BlurredTarget(Field):
    """The target blurred among the voxels that count, half of it being that of the voxel itself."""

    sigma: float

    def of(self, comparison: Comparison) -> Any:
        target, valid = _images(comparison)
        # In units of the weight of the centre.
        beside = math.exp(-0.5 / self.sigma**2)
        neighbours = (1 + 2 * beside) ** (target.ndim - 2) - 1

        def blur(x: Any) -> Any:
            y = x
            for axis in _stencil.spatial_axes(x):
                before, at, after = _stencil.shifts(comparison.xp, y, axis, 1)
                y = at + beside * (before + after)
            return y + (neighbours - 1.0) * x

        return _flat(comparison, divide(blur(target), blur(valid)))


def _images(c: Comparison) -> tuple[Any, Any]:
    """The target, and 1 where voxels count, each (N, C, *space); 0 elsewhere."""
    xp = c.xp
    target, weight = (c.grid(c.value_of_target(m)) for m in (Truth(), Volume()))
    valid = xp.where(weight > 0, xp.ones_like(weight), xp.zeros_like(weight))
    return divide(target, weight), valid


def _flat(c: Comparison, x: Any) -> Any:
    return c.xp.reshape(x, c.prediction.shape)
