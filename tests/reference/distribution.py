"""The losses on the distribution of a voxel's label, over the voxels that count, of weight w."""

import numpy as np

from reference.common import class_loss, each_class, voxel_loss


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


def poly(prediction, target, *, epsilon=2.0, **call):
    """sum_c g_c (- log p_c + epsilon (1 - p_c)) (Leng 2022)."""

    def term(_, p, g):
        return g * (-np.log(p) + epsilon * (1 - p))

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
