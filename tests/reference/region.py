"""The losses on regions: the formula over the (weight, p, g) of the voxels that count."""

import numpy as np

from reference.common import each_class, over, ratio, region_loss, sample_loss


def dice(prediction, target, *, squared=False, intersection="product", smooth=1e-5, **call):
    """1 - 2 sum p g / (sum p + sum g) (Drozdzal 2016); squared, p^2 and g^2 (Milletari 2016)."""

    def region(voxels):
        return 1 - _dice(voxels, squared, intersection, smooth)

    return region_loss(region, prediction, target, **call)


def jaccard(prediction, target, *, intersection="product", smooth=1e-5, **call):
    """1 - sum p g / (sum p + sum g - sum p g) (Rahman and Wang 2016)."""

    def region(voxels):
        tp, fp, fn = _table(voxels, intersection)
        return 1 - ratio(tp, tp + fp + fn, smooth)

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


def tversky_plus_plus(prediction, target, *, alpha=0.3, beta=0.7, gamma=2.0, smooth=1e-5, **call):
    """1 - TP / (TP + alpha sum (p (1 - g))^gamma + beta sum ((1 - p) g)^gamma) (Yeung 2022)."""

    def region(voxels):
        both = sum(w * p * g for w, p, g in voxels)
        fp = sum(w * (p * (1 - g)) ** gamma for w, p, g in voxels)
        fn = sum(w * ((1 - p) * g) ** gamma for w, p, g in voxels)
        return 1 - ratio(both, both + alpha * fp + beta * fn, smooth)

    return region_loss(region, prediction, target, **call)


def focal_dice(
    prediction, target, *, beta=2.0, squared=False, intersection="product", smooth=1e-5, **call
):
    """1 - D^(1 / beta) (Wang and Chung 2018)."""

    def region(voxels):
        return 1 - _dice(voxels, squared, intersection, smooth) ** (1 / beta)

    return region_loss(region, prediction, target, **call)


def generalized_dice(prediction, target, **call):
    """1 - 2 sum_c w_c sum p g / sum_c w_c (sum p + sum g), w = (sum g)^-2 (Sudre 2017)."""
    return _generalized_dice(lambda loss: loss, prediction, target, **call)


def penalty_generalized_dice(prediction, target, *, k=2.5, **call):
    """L / (1 + k (1 - L)), L the generalised Dice loss (Yang 2019)."""
    return _generalized_dice(lambda loss: loss / (1 + k * (1 - loss)), prediction, target, **call)


def _generalized_dice(
    bend,
    prediction,
    target,
    *,
    weighting="square",
    include_background=True,
    class_weights=None,
    absent="smooth",
    smooth=1e-5,
    **call,
):
    power = {"square": 2, "simple": 1, "uniform": 0}[weighting]

    def sample(voxels):
        classes = range(0 if include_background else 1, len(voxels[0].p))
        volumes = {c: sum(v.weight * v.g[c] for v in voxels) for c in classes}
        present = [volume for volume in volumes.values() if volume > 0]
        above = below = most = 0.0
        if absent != "smooth" and not present:
            return None
        for c, volume in volumes.items():
            if volume > 0:
                weight = (min(present) / volume) ** power
            else:
                weight = 1.0 if absent == "smooth" else 0.0
            weight *= each_class(class_weights, c + 1)[c]
            most = max(most, weight)
            above += weight * sum(2 * v.weight * v.p[c] * v.g[c] for v in voxels)
            below += weight * sum(v.weight * (v.p[c] + v.g[c]) for v in voxels)
        # Smoothing aside, the scale of the weights drops out.
        return bend(1 - ratio(above / most, below / most, smooth))

    return sample_loss(sample, prediction, target, **call)


def generalized_wasserstein_dice(prediction, target, *, distances=None, smooth=1e-5, **call):
    """1 - 2 TP / (2 TP + sum W), TP = sum alpha (1 - W), W = sum_m M_lm p_m (Fidon 2017)."""

    def sample(voxels):
        classes = range(len(voxels[0].p))
        given = distances or [[float(a != b) for b in classes] for a in classes]
        m = [[d / max(max(row) for row in given) for d in row] for row in given]
        tp = errors = 0.0
        for v in voxels:
            for true in classes:
                w = sum(m[true][c] * v.p[c] for c in classes)
                tp += v.weight * v.g[true] * m[true][0] * (1 - w)
                errors += v.weight * v.g[true] * w
        return 1 - ratio(2 * tp, 2 * tp + errors, smooth)

    return sample_loss(sample, prediction, target, **call)


def lovasz_softmax(prediction, target, *, absent="skip", **call):
    """The Lovasz extension of the Jaccard loss at the errors |p - g| (Berman 2018)."""

    def region(voxels):
        return _lovasz([(w, 1 - p if g > 0.5 else p, g > 0.5) for w, p, g in voxels])

    return region_loss(region, prediction, _hard(target), absent=absent, **call)


def lovasz_hinge(prediction, target, *, absent="smooth", **call):
    """The same at the hinges max(0, 1 - z (2 g - 1)) of the logits z (Berman 2018)."""

    def region(voxels):
        hinges = []
        for w, p, g in voxels:
            z = np.log(p / (1 - p))
            hinge = 1 - z if g > 0.5 else 1 + z
            hinges.append((w, hinge if hinge.real > 0 else 0.0, g > 0.5))
        return _lovasz(hinges)

    return region_loss(region, prediction, _hard(target), absent=absent, **call)


def _hard(target):
    return target if np.issubdtype(target.dtype, np.integer) else target > 0.5


def _lovasz(voxels):
    """sum_k e_k (J(S_k) - J(S_k-1)), S_k the k worst, J(S) = |S| / |truth and S together|."""
    truth = {i for i, (_, _, true) in enumerate(voxels) if true}

    def jaccard(wrong):
        size = sum(voxels[i][0] for i in wrong)
        return size / sum(voxels[i][0] for i in truth | wrong) if size else 0.0

    worst = sorted(range(len(voxels)), key=lambda i: -np.real(voxels[i][1]))
    return sum(
        voxels[i][1] * (jaccard(set(worst[: k + 1])) - jaccard(set(worst[:k])))
        for k, i in enumerate(worst)
    )


def tvmf_dice(prediction, target, *, kappa=32.0, smooth=1e-5, **call):
    """(1 - phi)^2, phi = (1 + cos) / (1 + kappa (1 - cos)) - 1 (Kato and Hotta 2024)."""

    def region(voxels):
        s = smooth
        both = sum(w * p * g for w, p, g in voxels) + s
        norms = [sum(w * p**2 for w, p, _ in voxels) + s, sum(w * g**2 for w, _, g in voxels) + s]
        if norms == [0, 0]:
            return 0.0
        cosine = over(both, np.sqrt(norms[0] * norms[1]))
        return (1 - ((1 + cosine) / (1 + kappa * (1 - cosine)) - 1)) ** 2

    return region_loss(region, prediction, target, **call)


def weighted_soft_dice(prediction, target, *, background=0.85, foreground=0.15, smooth=1.0, **call):
    """1 - 2 sum p' g' / (sum p'^2 + sum g'^2), p' = w (2 p - 1), g' = w (2 g - 1) (Chen 2018)."""

    def region(voxels):
        above, below = smooth, smooth
        for w, p, g in voxels:
            v = background * (1 - g) + foreground * g
            p_, g_ = v * (2 * p - 1), v * (2 * g - 1)
            above += 2 * w * p_ * g_
            below += w * (p_**2 + g_**2)
        return 1 - above / below

    return region_loss(region, prediction, target, **call)


def calibrated_dice(prediction, target, *, smooth=1e-5, **call):
    """1 - 2 sum g (1 - phi(z)) / sum (phi(-z) + g), phi(z) = log2(1 + exp(-z)) (Nordstrom 2020)."""

    def phi(z):
        return np.log(1 + np.exp(-z)) / np.log(2)

    def region(voxels):
        above = below = 0.0
        for w, p, g in voxels:
            z = np.log(p / (1 - p))
            above += 2 * w * g * (1 - phi(z))
            below += w * (phi(-z) + g)
        return 1 - ratio(above, below, smooth)

    return region_loss(region, prediction, target, **call)


def _overlap(p, g, intersection):
    if intersection == "min":
        return p if p.real < g else g  # Wang 2023: min(p, g)
    return p * g


def _table(voxels, intersection):
    # Wang 2023: the first kind of metric; mixed, the second, has the errors of the first.
    least = "min" if intersection == "mixed" else intersection
    tp = sum(w * _overlap(p, g, intersection) for w, p, g in voxels)
    fp = sum(w * (p - _overlap(p, g, least)) for w, p, g in voxels)
    fn = sum(w * (g - _overlap(p, g, least)) for w, p, g in voxels)
    return tp, fp, fn


def _dice(voxels, squared, intersection, smooth):
    if intersection == "mixed":
        tp, fp, fn = _table(voxels, intersection)
        return ratio(2 * tp, 2 * tp + fp + fn, smooth)
    power = 2 if squared else 1
    both = sum(w * _overlap(p, g, intersection) for w, p, g in voxels)
    size = sum(w * p**power for w, p, g in voxels) + sum(w * g**power for w, p, g in voxels)
    return ratio(2 * both, size, smooth)
