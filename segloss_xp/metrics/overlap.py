"""Measures of overlap and volume."""

from math import prod
from typing import Any

from segloss_xp._array import A, Array, namespace
from segloss_xp._grain import divide
from segloss_xp.metrics._regions import Regions


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
    r = Regions(prediction, target, **description)
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
    r = Regions(prediction, target, **description)
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
    r = Regions(prediction, target, **description)
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
    r = Regions(prediction, target, **description)
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
    r = Regions(prediction, target, **description)
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
    r = Regions(prediction, namespace(prediction).zeros_like(prediction), **description)
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
    r = Regions(prediction, target, **description)
    tp, fp, fn, _ = r.table()
    difference = r.floating(fp - fn)
    if not relative:
        return difference * prod(r.spacing)
    zero = r.xp.zeros_like(difference)
    infinite = r.xp.where(difference > 0, zero + float("inf"), zero)
    return r.xp.where(tp + fn > 0, divide(difference, r.floating(tp + fn)), infinite)
