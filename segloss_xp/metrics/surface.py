"""Measures of the distance of surfaces."""

from typing import Any

from segloss_xp._array import A, Array
from segloss_xp._grain import divide
from segloss_xp.metrics._regions import Surfaces


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
    array([[0.7]])
    """
    if not 0 <= percentile <= 100:
        raise ValueError(f"expected a percentile from 0 to 100, got {percentile}")
    s = Surfaces(prediction, target, **description)
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
    s = Surfaces(prediction, target, **description)
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
    s = Surfaces(prediction, target, **description)
    near = sum(s.size(surface & (d <= tolerance)) for surface, d in s.sides)
    return s.share(near, sum(s.size(surface) for surface in s.surfaces))
