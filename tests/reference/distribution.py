"""The losses on the distribution of a voxel's label, over the voxels that count, of weight w."""

import numpy as np

from reference.common import (
    class_loss,
    counted,
    each_class,
    reduced,
    region_loss,
    voxel_loss,
)


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
        w, positive = each_class(class_weights, len(p)), each_class(pos_weight, len(p))
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

    return voxel_loss(voxel, prediction, target, multilabel=multilabel, **call)


def focal(prediction, target, *, gamma=2.0, alpha=None, multilabel=False, **call):
    """- sum_c alpha_c g_c (1 - p_c)^gamma log p_c (Lin 2017), in channels for both outcomes.

    One alpha is that of the foreground, and 1 - alpha that of class 0, or of the other outcome.
    """

    def term(c, p, g):
        found = -g * (1 - p) ** gamma * np.log(p)
        if not multilabel:
            a = 1 - alpha if isinstance(alpha, float) and c == 0 else each_class(alpha, c + 1)[c]
            return a * found
        spared = -(1 - g) * p**gamma * np.log(1 - p)
        if alpha is None:
            return found + spared
        a = each_class(alpha, c + 1)[c]
        return a * found + (1 - a) * spared

    return class_loss(term, prediction, target, multilabel=multilabel, **call)


def poly(prediction, target, *, epsilon=2.0, gamma=0.0, **call):
    """sum_c g_c (- (1 - p_c)^gamma log p_c + epsilon (1 - p_c)^(gamma + 1)) (Leng 2022)."""

    def term(_, p, g):
        return g * (-((1 - p) ** gamma) * np.log(p) + epsilon * (1 - p) ** (gamma + 1))

    return class_loss(term, prediction, target, **call)


def brier(prediction, target, **call):
    """sum_c (p_c - g_c)^2 (Brier 1950)."""
    return class_loss(lambda _, p, g: (p - g) ** 2, prediction, target, **call)


def kl_divergence(prediction, target, **call):
    """sum_c g_c log (g_c / p_c), 0 where g_c is (Kullback and Leibler 1951)."""

    def term(_, p, g):
        return g * np.log(g / p) if g > 0 else 0 * p

    return class_loss(term, prediction, target, **call)


def generalized_cross_entropy(prediction, target, *, q=0.7, **call):
    """sum_c g_c (1 - p_c^q) / q (Zhang and Sabuncu 2018)."""
    return class_loss(lambda _, p, g: g * (1 - p**q) / q, prediction, target, **call)


def symmetric_cross_entropy(prediction, target, *, alpha=0.1, beta=1.0, floor=-4.0, **call):
    """- sum_c (alpha g_c log p_c + beta p_c log g_c), log 0 being `floor` (Wang 2019).

    As the authors clip g, the floor holds below exp(floor) too.
    """

    def term(_, p, g):
        reverse = max(np.log(g), floor) if g > 0 else floor
        return -alpha * g * np.log(p) - beta * p * reverse

    return class_loss(term, prediction, target, **call)


def reverse_cross_entropy(prediction, target, *, floor, **call):
    """- sum_c p_c log g_c, log 0 being `floor` (Wang 2019)."""
    return symmetric_cross_entropy(prediction, target, alpha=0.0, floor=floor, **call)


def normalized_cross_entropy(prediction, target, *, class_weights=None, **call):
    """sum_c g_c log p_c / sum_c log p_c (Ma 2020)."""

    def voxel(p, g):
        w = each_class(class_weights, len(p))
        total = sum(np.log(each) for each in p)
        value = sum(w[c] * g[c] * np.log(p[c]) for c in range(len(p))) / total
        return [(sum(w[c] * g[c] for c in range(len(p))), value)]

    return voxel_loss(voxel, prediction, target, **call)


def mean_absolute_error(prediction, target, *, multilabel=False, **call):
    """sum_c |p_c - g_c| / 2 (Ghosh 2017, Ma 2020), in a channel |p - g|."""

    def term(_, p, g):
        return _distance(p, g) * (1 if multilabel else 0.5)

    return class_loss(term, prediction, target, multilabel=multilabel, **call)


def bi_tempered(prediction, target, *, t1=0.8, t2=1.2, class_weights=None, **call):
    """The divergence of temperature t1 from the softmax of temperature t2 (Amid 2019).

    Its activations are log p, as the logits are but for a shift. A class weight is its label's.
    """

    def log_t(x):
        if t1 == 1:
            return np.log(x) if x != 0 else 0.0  # times 0
        return (x ** (1 - t1) - 1) / (1 - t1)

    def exp_t(x):
        return np.exp(x) if t2 == 1 else (1 + (1 - t2) * x) ** (1 / (1 - t2))

    def slope(x):
        return exp_t(x) ** t2

    def voxel(p, g):
        w, a = each_class(class_weights, len(p)), np.log(p)
        low, high = -1.0, 1e6
        while True:
            shift = (low + high) / 2
            if shift in (low, high):
                break
            low, high = (shift, high) if sum(exp_t(a.real - shift)) > 1 else (low, shift)
        for _ in range(3):  # by Newton to the last digit, and into the complex plane
            shift = shift + (sum(exp_t(a - shift)) - 1) / sum(slope(a - shift))
        q, classes = exp_t(a - shift), range(len(p))
        apart = sum(g[c] * (log_t(g[c]) - log_t(q[c])) for c in classes)
        mass = sum((g[c] ** (2 - t1) - q[c] ** (2 - t1)) / (2 - t1) for c in classes)
        weight = sum(w[c] * g[c] for c in classes)
        return [(weight, weight / sum(g) * (apart - mass))]

    return voxel_loss(voxel, prediction, target, **call)


def adaptive_wing(prediction, target, *, alpha=2.1, omega=14.0, epsilon=1.0, theta=0.5, **call):
    """sum_c omega log(1 + (d_c / epsilon)^(alpha - g_c)), d = |p - g|, to theta (Wang 2019)."""

    def term(_, p, g):
        d = _distance(p, g)
        if d.real < theta:
            return omega * np.log(1 + (d / epsilon) ** (alpha - g))
        power = (theta / epsilon) ** (alpha - g)
        a = omega / (1 + power) * (alpha - g) * (theta / epsilon) ** (alpha - g - 1) / epsilon
        return a * d - (theta * a - omega * np.log(1 + power))

    return class_loss(term, prediction, target, **call)


def proportion(prediction, target, *, distance="l1", smooth=1e-5, **call):
    """|mean p - mean g|, or the term of KL, g log(g / p) - g + p of both (Liu 2022)."""
    true, predicted = smooth if isinstance(smooth, tuple) else (smooth, smooth)

    def region(voxels):
        size = sum(w for w, p, g in voxels)
        p, g = sum(w * p for w, p, g in voxels), sum(w * g for w, p, g in voxels)
        if size == 0:
            return 0.0
        if distance == "l1":
            return _distance(p, g) / size
        p, g = p + predicted, g + true
        return (g * np.log(g / p) - g + p) / size

    return region_loss(region, prediction, target, **call)


def top_k(prediction, target, *, k=0.1, **call):
    """The mean cross-entropy of the floor(k N) voxels where it is largest, or one (Wu 2016)."""

    def chosen(costs):
        count = max(1, int(len(costs) * round(k * 10000)) // 10000)
        return sorted(costs, reverse=True)[:count]

    return _selected(chosen, prediction, target, **call)


def ohem(prediction, target, *, threshold=0.7, min_kept=0.0, **call):
    """The mean cross-entropy of the voxels of p < threshold, or of a least share (Wu 2016)."""

    def chosen(costs):
        hard = [cost for cost in costs if np.exp(-cost) < threshold]
        count = max(1, int(len(costs) * round(min_kept * 10000)) // 10000) if min_kept else 0
        return hard if len(hard) >= count else sorted(costs, reverse=True)[:count]

    return _selected(chosen, prediction, target, **call)


def _selected(
    chosen,
    prediction,
    target,
    *,
    batch=False,
    class_weights=None,
    multilabel=False,
    reduction="mean",
    **call,
):
    """Cross-entropy over those whose cost is chosen; no two of them cost the same."""
    samples, classes, space = counted(prediction, target, multilabel=multilabel, **call)
    w, channels = each_class(class_weights, classes), range(classes)
    items = []
    for voxels in samples:
        sample = {}
        for i, v in voxels.items():
            g = v.g
            if multilabel:
                for c in channels:
                    cost = -g[c] * np.log(v.p[c]) - (1 - g[c]) * np.log(1 - v.p[c])
                    sample[c, *i] = v.weight * w[c], cost
            else:
                weight = sum(w[c] * g[c] for c in channels)
                cost = -sum(w[c] * g[c] * np.log(v.p[c]) for c in channels)
                sample[0, *i] = v.weight * weight, cost / weight if weight else 0.0
        items.append({i: item for i, item in sample.items() if item[0] > 0})
    rows = [[cost.real for _, cost in sample.values()] for sample in items]
    if batch:
        rows = [[cost for row in rows for cost in row]] * len(rows)
    kept = [
        {i: (w, w * cost) for i, (w, cost) in sample.items() if cost.real in chosen(row)}
        for sample, row in zip(items, rows, strict=True)
    ]
    if reduction == "none":
        shape = (len(samples), classes if multilabel else 1, *space)
        unreduced = np.zeros(shape, dtype=np.result_type(prediction, 1.0))
        for n, sample in enumerate(kept):
            for i, (_, value) in sample.items():
                unreduced[(n, *i)] = value
        axis = call.get("class_axis", 1)
        return np.moveaxis(unreduced, 1, axis) if multilabel else unreduced[:, 0]
    pairs = [list(sample.values()) for sample in kept]
    if batch and reduction == "sample":
        together = [pair for sample in pairs for pair in sample]
        return np.repeat(reduced([together], reduction), len(samples))
    return reduced(pairs, reduction)


def _distance(p, g):
    return p - g if p.real > g else g - p
