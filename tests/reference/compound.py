"""The losses that are sums: their terms, from the papers, and the sums of these."""

import numpy as np

from reference.common import class_loss, counted, each_class, ratio, reduced, region_loss
from reference.distribution import cross_entropy, focal, top_k
from reference.region import dice, focal_tversky, generalized_dice


def _data(call, *own):
    """What describes the data and the reduction, without the parameters named."""
    return {key: value for key, value in call.items() if key not in own}


def dice_ce(prediction, target, *, dice_weight=1.0, ce_weight=1.0, class_weights=None, **call):
    """w_D Dice + w_C CE (Isensee 2021)."""
    entropy = _data(call, "include_background", "batch", "smooth")
    return dice_weight * dice(
        prediction, target, class_weights=class_weights, **call
    ) + ce_weight * cross_entropy(prediction, target, class_weights=class_weights, **entropy)


def dice_bce(prediction, target, *, bce_weight=1.0, **call):
    """w_D Dice + w_B BCE (Isensee 2020), the binary cross-entropy of each channel."""
    return dice_ce(prediction, target, ce_weight=bce_weight, **call)


def dice_focal(
    prediction,
    target,
    *,
    dice_weight=1.0,
    focal_weight=0.5,
    gamma=2.0,
    alpha=None,
    class_weights=None,
    **call,
):
    """w_D Dice + w_F focal (Zhu 2019)."""
    other = _data(call, "include_background", "batch", "smooth")
    return dice_weight * dice(
        prediction, target, class_weights=class_weights, **call
    ) + focal_weight * focal(
        prediction, target, gamma=gamma, alpha=alpha, class_weights=class_weights, **other
    )


def dice_top_k(
    prediction, target, *, dice_weight=1.0, topk_weight=1.0, k=0.1, class_weights=None, **call
):
    """w_D Dice + w_K top-k (Ma 2021)."""
    other = _data(call, "include_background", "smooth")
    return dice_weight * dice(
        prediction, target, class_weights=class_weights, **call
    ) + topk_weight * top_k(prediction, target, k=k, class_weights=class_weights, **other)


def generalized_dice_focal(
    prediction,
    target,
    *,
    dice_weight=1.0,
    focal_weight=1.0,
    weighting="square",
    gamma=2.0,
    class_weights=None,
    **call,
):
    """w_G GDL + w_F focal, as MONAI has it."""
    other = _data(call, "include_background", "batch", "smooth")
    return dice_weight * generalized_dice(
        prediction, target, weighting=weighting, class_weights=class_weights, **call
    ) + focal_weight * focal(prediction, target, gamma=gamma, class_weights=class_weights, **other)


def combo(prediction, target, *, alpha=0.5, beta=0.5, class_weights=None, smooth=1.0, **call):
    """- alpha <beta g log p + (1 - beta) (1 - g) log(1 - p)> + (1 - alpha) (1 - Dice).

    Taghanaki 2019: the mean is over voxels and classes alike.
    """

    def term(_, p, g):
        return -beta * g * np.log(p) - (1 - beta) * (1 - g) * np.log(1 - p)

    other = _data(call, "include_background", "batch")
    # Of classes as of channels: all of them count, whatever the label.
    entropy = _mean_over_classes(term, prediction, target, class_weights, **other)
    region = dice(prediction, target, class_weights=class_weights, smooth=smooth, **call)
    return alpha * entropy + (1 - alpha) * region


def exponential_logarithmic(
    prediction,
    target,
    *,
    dice_weight=0.8,
    ce_weight=0.2,
    gamma=0.3,
    frequencies=None,
    class_weights=None,
    smooth=1.0,
    **call,
):
    """w_D <(- log D)^gamma> + w_C <w_l (- log p_l)^gamma> (Wong 2018), w_l = sqrt(sum f / f_l)."""
    """w_D <(-log D_c)^gamma> + w_C <w_l (-log p_l)^gamma>, w_l = sqrt(sum f / f_l) (Wong 2018)."""

    def region(voxels):
        both = 2 * sum(w * p * g for w, p, g in voxels)
        size = sum(w * (p + g) for w, p, g in voxels)
        return (-np.log(ratio(both, size, smooth))) ** gamma

    def term(c, p, g):
        w = np.sqrt(sum(frequencies) / frequencies[c]) if frequencies else 1.0
        return w * g * (-np.log(p)) ** gamma

    other = _data(call, "include_background", "batch")
    dices = region_loss(region, prediction, target, class_weights=class_weights, **call)
    entropy = class_loss(term, prediction, target, class_weights=class_weights, **other)
    return dice_weight * dices + ce_weight * entropy


def unified_focal(
    prediction,
    target,
    *,
    focal_weight=0.5,
    delta=0.6,
    gamma=0.5,
    asymmetric=True,
    class_weights=None,
    **call,
):
    """lambda F + (1 - lambda) FT (Yeung 2022), the powers of which are of some classes alone."""
    other = _data(call, "include_background", "batch", "smooth")
    if not asymmetric:
        return focal_weight * focal(
            prediction, target, gamma=gamma, alpha=delta, class_weights=class_weights, **other
        ) + (1 - focal_weight) * focal_tversky(
            prediction,
            target,
            gamma=1 / (1 - gamma),
            alpha=1 - delta,
            beta=delta,
            class_weights=class_weights,
            **call,
        )

    def term(c, p, g):
        if c == 0:
            return -(1 - delta) * (1 - p) ** gamma * g * np.log(p)
        return -delta * g * np.log(p)

    def tversky(exponent, background):
        def region(voxels):
            tp = sum(w * p * g for w, p, g in voxels)
            fp = sum(w * p * (1 - g) for w, p, g in voxels)
            fn = sum(w * (1 - p) * g for w, p, g in voxels)
            index = ratio(tp, tp + delta * fn + (1 - delta) * fp, call.get("smooth", 1e-5))
            return (1 - index) ** exponent

        weights = list(each_class(class_weights, _classes(prediction, call)))
        weights = [w if (c == 0) == background else 0.0 for c, w in enumerate(weights)]
        parts = _data(call, "smooth", "reduction")
        return region_loss(
            region, prediction, target, class_weights=tuple(weights), reduction="none", **parts
        )

    first = 0 if call.get("include_background", True) else 1
    unreduced = tversky(1 - gamma, background=False)
    if first == 0:
        unreduced[:, 0] = tversky(1.0, background=True)[:, 0]
    given = _given(unreduced)
    parts = _data(call, "smooth")
    regions = region_loss(given, prediction, target, class_weights=class_weights, **parts)
    entropy = class_loss(term, prediction, target, class_weights=class_weights, **other)
    return focal_weight * entropy + (1 - focal_weight) * regions


def deep_supervision(prediction, target, *, loss, weights=None, **call):
    """Of a single scale it is the loss at that scale."""
    return dice_ce(prediction, target, **call)


def _given(unreduced):
    """A region's value, looked up in the order in which regions are asked for."""
    values = iter(unreduced.ravel())
    return lambda voxels: next(values)


def _classes(prediction, call):
    return prediction.shape[call.get("class_axis", 1)]


def _mean_over_classes(term, prediction, target, class_weights, **call):
    """The mean of a term over voxels and classes, whatever the class of the voxel."""
    if call.get("multilabel", False):
        return class_loss(term, prediction, target, class_weights=class_weights, **call)
    reduction = call.pop("reduction", "mean")
    samples, classes, _ = counted(prediction, target, **call)
    w = each_class(class_weights, classes)
    sums = [
        [
            (v.weight * w[c], v.weight * w[c] * term(c, v.p[c], v.g[c]))
            for v in voxels.values()
            for c in range(classes)
        ]
        for voxels in samples
    ]
    return reduced(sums, reduction)
