"""What all references share: the voxels that count, their probabilities, reductions, gradient."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


def gradient(loss: Callable, prediction, target, **call):
    """Gradient of a reference by the complex step: exact but for rounding, 1e-15 of its norm."""
    step = 1e-30
    result = np.empty(prediction.shape)
    for index in np.ndindex(prediction.shape):
        aside = prediction.astype(complex)
        aside[index] += 1j * step
        result[index] = loss(aside, target, **call).imag / step
    return result


class Voxel(NamedTuple):
    """A voxel that counts: its weight, and probability and target of each class."""

    weight: float
    p: list[Any]
    g: list[float]


def counted(
    prediction,
    target,
    *,
    from_logits=True,
    multilabel=False,
    class_axis=1,
    mask=None,
    voxel_weights=None,
    ignore_index=None,
):
    """For each sample the voxels that count, by their place; and N, C, and the lengths of space."""
    x = np.moveaxis(prediction.astype(np.result_type(prediction, np.float64)), class_axis, 1)
    count, classes, *space = x.shape
    labels = np.issubdtype(target.dtype, np.integer)
    truth = target if labels else np.moveaxis(target, class_axis, 1)
    kept = np.broadcast_to(True if mask is None else mask, (count, *space))
    weights = np.broadcast_to(1.0 if voxel_weights is None else voxel_weights, (count, *space))
    samples = []
    for n in range(count):
        voxels = {}
        for i in np.ndindex(*space):
            if labels:
                label = int(truth[n][i])
                ignored = label == ignore_index or not 0 <= label < classes
                g = [1.0 if label == c else 0.0 for c in range(classes)]
            else:
                ignored = False
                g = [float(truth[n, c][i]) for c in range(classes)]
            if ignored or not kept[n][i] or weights[n][i] == 0:
                continue
            z = [x[n, c][i] for c in range(classes)]
            if not from_logits:
                p = z
            elif multilabel:
                p = [1 / (1 + np.exp(-each)) for each in z]
            else:
                p = [np.exp(each) / sum(np.exp(other) for other in z) for each in z]
            voxels[i] = Voxel(float(weights[n][i]), p, g)
        samples.append(voxels)
    return samples, classes, space


def voxel_loss(voxel, prediction, target, *, reduction="mean", **call):
    """From the (weight, value) pairs of a voxel, one or one a channel; its value is weighted."""
    samples, classes, space = counted(prediction, target, **call)
    multilabel, class_axis = call.get("multilabel", False), call.get("class_axis", 1)
    channels = classes if multilabel else 1
    unreduced = np.zeros((len(samples), channels, *space), dtype=np.result_type(prediction, 1.0))
    sums = []
    for n, voxels in enumerate(samples):
        pairs = []
        for i, v in voxels.items():
            for c, (weight, value) in enumerate(voxel(v.p, v.g)):
                unreduced[(n, c, *i)] = v.weight * value
                pairs.append((v.weight * weight, v.weight * value))
        sums.append(pairs)
    if reduction == "none":
        return np.moveaxis(unreduced, 1, class_axis) if multilabel else unreduced[:, 0]
    return reduced(sums, reduction)


def class_loss(term, prediction, target, *, class_weights=None, multilabel=False, **call):
    """From what a class c adds, by its p and g; a voxel counts with the weight of its class."""

    def voxel(p, g):
        classes, w = range(len(p)), each_class(class_weights, len(p))
        pairs = [(w[c], w[c] * term(c, p[c], g[c])) for c in classes]
        if multilabel:
            return pairs
        return [(sum(w[c] * g[c] for c in classes), sum(value for _, value in pairs))]

    return voxel_loss(voxel, prediction, target, multilabel=multilabel, **call)


def region_loss(
    region,
    prediction,
    target,
    *,
    include_background=True,
    class_weights=None,
    batch=False,
    absent="smooth",
    reduction="mean",
    **call,
):
    """From the value of a region: the (weight, p, g) of its voxels, in one sample or in all."""
    samples, classes, _ = counted(prediction, target, **call)
    voxels = [list(each.values()) for each in samples]
    if batch:
        voxels = [[v for sample in voxels for v in sample]]
    unreduced, sums = [], []
    for sample in voxels:
        pairs, values = [], []
        for c in range(0 if include_background else 1, classes):
            weight = each_class(class_weights, classes)[c]
            value = region([(v.weight, v.p[c], v.g[c]) for v in sample])
            if absent != "smooth" and not any(v.g[c] > 0 for v in sample):
                value = 0.0
                weight = 0.0 if absent == "skip" else weight
            values.append(value)
            pairs.append((weight, weight * value))
        unreduced.append(values)
        sums.append(pairs)
    if reduction == "none":
        return np.array(unreduced)
    result = reduced(sums, reduction)
    return np.repeat(result, len(samples)) if batch and reduction == "sample" else result


def sample_loss(sample, prediction, target, *, batch=False, reduction="mean", **call):
    """From the value of a sample, or of all: the voxels that count; None if it has no value."""
    samples, *_ = counted(prediction, target, **call)
    voxels = [list(each.values()) for each in samples]
    if batch:
        voxels = [[v for sample in voxels for v in sample]]
    values = [sample(each) if each else None for each in voxels]
    if reduction == "none":
        return np.array([[0.0 if value is None else value] for value in values])
    result = reduced([[] if value is None else [(1.0, value)] for value in values], reduction)
    return np.repeat(result, len(samples)) if batch and reduction == "sample" else result


def reduced(samples, reduction):
    """From the (weight, weight times value) pairs of each sample."""
    weights = [sum(weight for weight, _ in pairs) for pairs in samples]
    values = [sum(value for _, value in pairs) for pairs in samples]
    if reduction == "sum":
        return sum(values)
    if reduction == "mean":
        values, weights = [sum(values)], [sum(weights)]
    means = np.array([v / w if w else 0.0 for v, w in zip(values, weights, strict=True)])
    return means[0] if reduction == "mean" else means


def each_class(value, classes):
    return value if isinstance(value, tuple) else [1.0 if value is None else value] * classes


def over(above, below):
    return above / below if below != 0 else 0.0  # nothing to be wrong about


def ratio(above, below, smooth):
    s, t = smooth if isinstance(smooth, tuple) else (smooth, smooth)
    return 1.0 if below + t == 0 else (above + s) / (below + t)  # nothing to find, nothing found
