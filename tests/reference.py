"""
Each loss again, in loops over samples, classes and voxels, straight from its formula.

Shares no code with the package. Everything is float64, or complex: each loss is analytic in the
prediction (a minimum away from its kink), which is what `gradient` lives on.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

# The losses: the formula of the paper, over the voxels that count, each with its weight w.


def cross_entropy(
    prediction,
    target,
    *,
    label_smoothing=0.0,
    class_weights=None,
    pos_weight=None,
    multilabel=False,
    **call,
):
    """- sum_i sum_c w_c t_ic log p_ic / sum_i sum_c w_c g_ic; multi-label: binary in each channel.

    With t = (1 - e) g + e / C (Szegedy 2016), or e / 2 for the two outcomes of a channel. Where the
    target is soft, or smoothed, the class weights stand inside the sum, as in PyTorch.
    """

    def smoothed(g, outcomes):
        return (1 - label_smoothing) * g + label_smoothing / outcomes

    def voxel(p, g):
        classes = range(len(p))
        w, positive = _each(class_weights, len(p)), _each(pos_weight, len(p))
        if multilabel:
            t = [smoothed(g[c], 2) for c in classes]
            loss = [
                -positive[c] * t[c] * np.log(p[c]) - (1 - t[c]) * np.log(1 - p[c]) for c in classes
            ]
            return [(w[c], w[c] * loss[c]) for c in classes]
        t = [smoothed(g[c], len(p)) for c in classes]
        return [
            (sum(w[c] * g[c] for c in classes), -sum(w[c] * t[c] * np.log(p[c]) for c in classes))
        ]

    return _voxel_loss(voxel, prediction, target, multilabel=multilabel, **call)


def focal(prediction, target, *, gamma=2.0, alpha=None, multilabel=False, **call):
    """- sum_c alpha_c g_c (1 - p_c)^gamma log p_c (Lin 2017), in channels for both outcomes.

    One alpha is that of the foreground, and 1 - alpha that of class 0, or of the other outcome.
    """

    def term(c, p, g):
        found = -g * (1 - p) ** gamma * np.log(p)
        if not multilabel:
            a = 1 - alpha if isinstance(alpha, float) and c == 0 else _each(alpha, c + 1)[c]
            return a * found
        spared = -(1 - g) * p**gamma * np.log(1 - p)
        if alpha is None:
            return found + spared
        a = _each(alpha, c + 1)[c]
        return a * found + (1 - a) * spared

    return _class_loss(term, prediction, target, multilabel=multilabel, **call)


def poly(prediction, target, *, epsilon=2.0, **call):
    """sum_c g_c (- log p_c + epsilon (1 - p_c)) (Leng 2022)."""

    def term(_, p, g):
        return g * (-np.log(p) + epsilon * (1 - p))

    return _class_loss(term, prediction, target, **call)


def brier(prediction, target, **call):
    """sum_c (p_c - g_c)^2 (Brier 1950)."""
    return _class_loss(lambda _, p, g: (p - g) ** 2, prediction, target, **call)


def kl_divergence(prediction, target, **call):
    """sum_c g_c log (g_c / p_c), 0 where g_c is (Kullback and Leibler 1951)."""

    def term(_, p, g):
        return g * np.log(g / p) if g > 0 else 0 * p

    return _class_loss(term, prediction, target, **call)


def generalized_cross_entropy(prediction, target, *, q=0.7, **call):
    """sum_c g_c (1 - p_c^q) / q (Zhang and Sabuncu 2018)."""
    return _class_loss(lambda _, p, g: g * (1 - p**q) / q, prediction, target, **call)


def symmetric_cross_entropy(prediction, target, *, alpha=0.1, beta=1.0, floor=-4.0, **call):
    """- sum_c (alpha g_c log p_c + beta p_c log g_c), log 0 being `floor` (Wang 2019).

    As the authors clip g, the floor holds below exp(floor) too.
    """

    def term(_, p, g):
        reverse = max(np.log(g), floor) if g > 0 else floor
        return -alpha * g * np.log(p) - beta * p * reverse

    return _class_loss(term, prediction, target, **call)


def dice(prediction, target, *, squared=False, intersection="product", smooth=1e-5, **call):
    """1 - 2 sum p g / (sum p + sum g) (Drozdzal 2016); squared, p^2 and g^2 (Milletari 2016)."""

    def region(voxels):
        return 1 - _dice(voxels, squared, intersection, smooth)

    return _region_loss(region, prediction, target, **call)


def jaccard(prediction, target, *, intersection="product", smooth=1e-5, **call):
    """1 - sum p g / (sum p + sum g - sum p g) (Rahman and Wang 2016)."""

    def region(voxels):
        both = sum(w * _overlap(p, g, intersection) for w, p, g in voxels)
        either = sum(w * (p + g - _overlap(p, g, intersection)) for w, p, g in voxels)
        return 1 - _ratio(both, either, smooth)

    return _region_loss(region, prediction, target, **call)


def tversky(
    prediction, target, *, alpha=0.3, beta=0.7, intersection="product", smooth=1e-5, **call
):
    """1 - TP / (TP + alpha FP + beta FN) (Salehi 2017)."""

    def region(voxels):
        tp, fp, fn = _table(voxels, intersection)
        return 1 - _ratio(tp, tp + alpha * fp + beta * fn, smooth)

    return _region_loss(region, prediction, target, **call)


def f_beta(prediction, target, *, beta=1.5, intersection="product", smooth=1e-5, **call):
    """1 - (1 + b^2) TP / ((1 + b^2) TP + b^2 FN + FP) (Hashemi 2019)."""

    def region(voxels):
        tp, fp, fn = _table(voxels, intersection)
        tp = (1 + beta**2) * tp
        return 1 - _ratio(tp, tp + beta**2 * fn + fp, smooth)

    return _region_loss(region, prediction, target, **call)


def focal_tversky(
    prediction,
    target,
    *,
    gamma=4 / 3,
    alpha=0.3,
    beta=0.7,
    intersection="product",
    smooth=1e-5,
    **call,
):
    """(1 - TI)^(1 / gamma), TI = TP / (TP + alpha FP + beta FN) (Abraham and Khan 2019)."""

    def region(voxels):
        tp, fp, fn = _table(voxels, intersection)
        missing = 1 - _ratio(tp, tp + alpha * fp + beta * fn, smooth)
        return missing ** (1 / gamma)

    return _region_loss(region, prediction, target, **call)


def log_dice(prediction, target, *, squared=False, intersection="product", smooth=1e-5, **call):
    """- log(2 sum p g / (sum p + sum g)) (Wong 2018)."""

    def region(voxels):
        return -np.log(_dice(voxels, squared, intersection, smooth))

    return _region_loss(region, prediction, target, **call)


def log_cosh_dice(
    prediction, target, *, squared=False, intersection="product", smooth=1e-5, **call
):
    """log cosh(1 - 2 sum p g / (sum p + sum g)) (Jadon 2020)."""

    def region(voxels):
        return np.log(np.cosh(1 - _dice(voxels, squared, intersection, smooth)))

    return _region_loss(region, prediction, target, **call)


def sensitivity_specificity(prediction, target, *, sensitivity=0.05, smooth=1e-5, **call):
    """r sum (g - p)^2 g / sum g + (1 - r) sum (g - p)^2 (1 - g) / sum (1 - g) (Brosch 2015)."""

    def region(voxels):
        inside = sum(w * (g - p) ** 2 * g for w, p, g in voxels)
        outside = sum(w * (g - p) ** 2 * (1 - g) for w, p, g in voxels)
        positive = sum(w * g for w, p, g in voxels) + smooth
        negative = sum(w * (1 - g) for w, p, g in voxels) + smooth
        return sensitivity * _over(inside, positive) + (1 - sensitivity) * _over(outside, negative)

    return _region_loss(region, prediction, target, **call)


def noise_robust_dice(prediction, target, *, gamma=1.5, denominator="squared", smooth=1e-5, **call):
    """sum |p - g|^gamma / (sum p^2 + sum g^2) (Wang 2020); plain, / (sum p + sum g)."""
    power = 2 if denominator == "squared" else 1

    def region(voxels):
        apart = sum(w * (p - g if p.real > g else g - p) ** gamma for w, p, g in voxels)
        return _over(apart, sum(w * (p**power + g**power) for w, p, g in voxels) + smooth)

    return _region_loss(region, prediction, target, **call)


def dice_plus_plus(prediction, target, *, gamma=2.0, smooth=1e-5, **call):
    """1 - 2 TP / (2 TP + sum (p (1 - g))^gamma + sum ((1 - p) g)^gamma) (Yeung 2022)."""

    def region(voxels):
        both = 2 * sum(w * p * g for w, p, g in voxels)
        fp = sum(w * (p * (1 - g)) ** gamma for w, p, g in voxels)
        fn = sum(w * ((1 - p) * g) ** gamma for w, p, g in voxels)
        return 1 - _ratio(both, both + fp + fn, smooth)

    return _region_loss(region, prediction, target, **call)


def mcc(prediction, target, *, smooth=1e-5, **call):
    """1 - (TP TN - FP FN) / sqrt((TP + FP) (TP + FN) (TN + FP) (TN + FN)) (Abhishek 2021)."""

    def region(voxels):
        tp, fp, fn = _table(voxels, "product")
        tn = sum(w * (1 - p) * (1 - g) for w, p, g in voxels)
        size = sum(w for w, p, g in voxels)
        margins = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
        if fp == fn == 0:
            return 0.0  # perfect, though the class be everywhere or nowhere
        return 1 - _over(tp * tn - fp * fn, margins + smooth * size**2)

    return _region_loss(region, prediction, target, **call)


def _each(value, classes):
    return value if isinstance(value, tuple) else [1.0 if value is None else value] * classes


def _overlap(p, g, intersection):
    if intersection == "product":
        return p * g
    return p if p.real < g else g  # Wang 2023: min(p, g)


def _table(voxels, intersection):
    tp = sum(w * _overlap(p, g, intersection) for w, p, g in voxels)
    fp = sum(w * (p - _overlap(p, g, intersection)) for w, p, g in voxels)
    fn = sum(w * (g - _overlap(p, g, intersection)) for w, p, g in voxels)
    return tp, fp, fn


def _dice(voxels, squared, intersection, smooth):
    power = 2 if squared else 1
    both = sum(w * _overlap(p, g, intersection) for w, p, g in voxels)
    size = sum(w * p**power for w, p, g in voxels) + sum(w * g**power for w, p, g in voxels)
    return _ratio(2 * both, size, smooth)


def _over(above, below):
    return above / below if below != 0 else 0.0  # nothing to be wrong about


def _ratio(above, below, smooth):
    s, t = smooth if isinstance(smooth, tuple) else (smooth, smooth)
    return 1.0 if below + t == 0 else (above + s) / (below + t)  # nothing to find, nothing found


def gradient(loss: Callable, prediction, target, **call):
    """Gradient of a reference by the complex step: exact but for rounding, 1e-15 of its norm."""
    step = 1e-30
    result = np.empty(prediction.shape)
    for index in np.ndindex(prediction.shape):
        aside = prediction.astype(complex)
        aside[index] += 1j * step
        result[index] = loss(aside, target, **call).imag / step
    return result


# What all losses share: which voxels count, the probabilities, and the reductions.


class Voxel(NamedTuple):
    """A voxel that counts: its weight, and probability and target of each class."""

    weight: float
    p: list[Any]
    g: list[float]


def _samples(
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


def _voxel_loss(voxel, prediction, target, *, reduction="mean", **call):
    """From the (weight, value) pairs of a voxel, one or one a channel; its value is weighted."""
    samples, classes, space = _samples(prediction, target, **call)
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
    return _reduced(sums, reduction)


def _class_loss(term, prediction, target, *, class_weights=None, multilabel=False, **call):
    """From what a class c adds, by its p and g; a voxel counts with the weight of its class."""

    def voxel(p, g):
        classes, w = range(len(p)), _each(class_weights, len(p))
        pairs = [(w[c], w[c] * term(c, p[c], g[c])) for c in classes]
        if multilabel:
            return pairs
        return [(sum(w[c] * g[c] for c in classes), sum(value for _, value in pairs))]

    return _voxel_loss(voxel, prediction, target, multilabel=multilabel, **call)


def _region_loss(
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
    samples, classes, _ = _samples(prediction, target, **call)
    voxels = [list(each.values()) for each in samples]
    if batch:
        voxels = [[v for sample in voxels for v in sample]]
    unreduced, sums = [], []
    for sample in voxels:
        pairs, values = [], []
        for c in range(0 if include_background else 1, classes):
            weight = _each(class_weights, classes)[c]
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
    result = _reduced(sums, reduction)
    return np.repeat(result, len(samples)) if batch and reduction == "sample" else result


def _reduced(samples, reduction):
    """From the (weight, weight times value) pairs of each sample."""
    weights = [sum(weight for weight, _ in pairs) for pairs in samples]
    values = [sum(value for _, value in pairs) for pairs in samples]
    if reduction == "sum":
        return sum(values)
    if reduction == "mean":
        values, weights = [sum(values)], [sum(weights)]
    means = np.array([v / w if w else 0.0 for v, w in zip(values, weights, strict=True)])
    return means[0] if reduction == "mean" else means
