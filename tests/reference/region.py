"""The losses on regions: the formula over the (weight, p, g) of the voxels that count."""

import numpy as np

from reference.common import over, ratio, region_loss


def dice(prediction, target, *, squared=False, intersection="product", smooth=1e-5, **call):
    """1 - 2 sum p g / (sum p + sum g) (Drozdzal 2016); squared, p^2 and g^2 (Milletari 2016)."""

    def region(voxels):
        return 1 - _dice(voxels, squared, intersection, smooth)

    return region_loss(region, prediction, target, **call)


def jaccard(prediction, target, *, intersection="product", smooth=1e-5, **call):
    """1 - sum p g / (sum p + sum g - sum p g) (Rahman and Wang 2016)."""

    def region(voxels):
        both = sum(w * _overlap(p, g, intersection) for w, p, g in voxels)
        either = sum(w * (p + g - _overlap(p, g, intersection)) for w, p, g in voxels)
        return 1 - ratio(both, either, smooth)

    return region_loss(region, prediction, target, **call)


def tversky(
    prediction, target, *, alpha=0.3, beta=0.7, intersection="product", smooth=1e-5, **call
):
    """1 - TP / (TP + alpha FP + beta FN) (Salehi 2017)."""

    def region(voxels):
        tp, fp, fn = _table(voxels, intersection)
        return 1 - ratio(tp, tp + alpha * fp + beta * fn, smooth)

    return region_loss(region, prediction, target, **call)


def f_beta(prediction, target, *, beta=1.5, intersection="product", smooth=1e-5, **call):
    """1 - (1 + b^2) TP / ((1 + b^2) TP + b^2 FN + FP) (Hashemi 2019)."""

    def region(voxels):
        tp, fp, fn = _table(voxels, intersection)
        tp = (1 + beta**2) * tp
        return 1 - ratio(tp, tp + beta**2 * fn + fp, smooth)

    return region_loss(region, prediction, target, **call)


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
        missing = 1 - ratio(tp, tp + alpha * fp + beta * fn, smooth)
        return missing ** (1 / gamma)

    return region_loss(region, prediction, target, **call)


def log_dice(prediction, target, *, squared=False, intersection="product", smooth=1e-5, **call):
    """- log(2 sum p g / (sum p + sum g)) (Wong 2018)."""

    def region(voxels):
        return -np.log(_dice(voxels, squared, intersection, smooth))

    return region_loss(region, prediction, target, **call)


def log_cosh_dice(
    prediction, target, *, squared=False, intersection="product", smooth=1e-5, **call
):
    """log cosh(1 - 2 sum p g / (sum p + sum g)) (Jadon 2020)."""

    def region(voxels):
        return np.log(np.cosh(1 - _dice(voxels, squared, intersection, smooth)))

    return region_loss(region, prediction, target, **call)


def sensitivity_specificity(prediction, target, *, sensitivity=0.05, smooth=1e-5, **call):
    """r sum (g - p)^2 g / sum g + (1 - r) sum (g - p)^2 (1 - g) / sum (1 - g) (Brosch 2015)."""

    def region(voxels):
        inside = sum(w * (g - p) ** 2 * g for w, p, g in voxels)
        outside = sum(w * (g - p) ** 2 * (1 - g) for w, p, g in voxels)
        positive = sum(w * g for w, p, g in voxels) + smooth
        negative = sum(w * (1 - g) for w, p, g in voxels) + smooth
        return sensitivity * over(inside, positive) + (1 - sensitivity) * over(outside, negative)

    return region_loss(region, prediction, target, **call)


def noise_robust_dice(prediction, target, *, gamma=1.5, denominator="squared", smooth=1e-5, **call):
    """sum |p - g|^gamma / (sum p^2 + sum g^2) (Wang 2020); plain, / (sum p + sum g)."""
    power = 2 if denominator == "squared" else 1

    def region(voxels):
        apart = sum(w * (p - g if p.real > g else g - p) ** gamma for w, p, g in voxels)
        return over(apart, sum(w * (p**power + g**power) for w, p, g in voxels) + smooth)

    return region_loss(region, prediction, target, **call)


def dice_plus_plus(prediction, target, *, gamma=2.0, smooth=1e-5, **call):
    """1 - 2 TP / (2 TP + sum (p (1 - g))^gamma + sum ((1 - p) g)^gamma) (Yeung 2022)."""

    def region(voxels):
        both = 2 * sum(w * p * g for w, p, g in voxels)
        fp = sum(w * (p * (1 - g)) ** gamma for w, p, g in voxels)
        fn = sum(w * ((1 - p) * g) ** gamma for w, p, g in voxels)
        return 1 - ratio(both, both + fp + fn, smooth)

    return region_loss(region, prediction, target, **call)


def mcc(prediction, target, *, smooth=1e-5, **call):
    """1 - (TP TN - FP FN) / sqrt((TP + FP) (TP + FN) (TN + FP) (TN + FN)) (Abhishek 2021)."""

    def region(voxels):
        tp, fp, fn = _table(voxels, "product")
        tn = sum(w * (1 - p) * (1 - g) for w, p, g in voxels)
        size = sum(w for w, p, g in voxels)
        margins = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
        if fp == fn == 0:
            return 0.0  # perfect, though the class be everywhere or nowhere
        return 1 - over(tp * tn - fp * fn, margins + smooth * size**2)

    return region_loss(region, prediction, target, **call)


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
    return ratio(2 * both, size, smooth)
