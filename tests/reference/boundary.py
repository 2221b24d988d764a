"""The losses on distances: each distance is the least of all, to every voxel of the other side."""

import math

import numpy as np

from reference.common import counted, each_class, over, reduced


def boundary(prediction, target, **call):
    """sum phi p / N, phi negative inside (Kervadec 2019)."""

    def region(p, g, inside, weight, spacing):
        d = to_other_side(inside, spacing)
        signed = {i: -d[i] if inside[i] else d[i] for i in d}
        return mean({i: signed[i] * p[i] for i in p}, weight)

    return surface_loss(region, prediction, target, **call)


def hausdorff_dt(prediction, target, *, alpha=2.0, one_sided=False, log=False, **call):
    """sum (p - g)^2 (d^alpha + e^alpha) / N, e that of the prediction (Karimi 2020)."""

    def region(p, g, inside, weight, spacing):
        d = to_other_side(inside, spacing)
        e = to_other_side({i: p[i].real > 0.5 for i in p}, spacing)
        far = {i: d[i] ** alpha + (0 if one_sided else e[i] ** alpha) for i in p}
        value = mean({i: (p[i] - g[i]) ** 2 * far[i] for i in p}, weight)
        return np.log(1 + value) if log else value

    return surface_loss(region, prediction, target, **call)


def signed_distance(prediction, target, *, absolute=1.0, **call):
    """1/3 - sum s t / (sum s t + sum s^2 + sum t^2) + lambda mean |s - t| (Xue 2020)."""

    def region(p, g, inside, weight, spacing):
        s = relative(inside, spacing)
        t = {i: 1 - 2 * p[i] for i in p}
        both = sum(weight[i] * s[i] * t[i] for i in p)
        squares = sum(weight[i] * (s[i] ** 2 + t[i] ** 2) for i in p)
        apart = {i: t[i] - s[i] if t[i].real > s[i] else s[i] - t[i] for i in p}
        return 1 / 3 - over(both, both + squares) + absolute * mean(apart, weight)

    return surface_loss(region, prediction, target, **call)


def weighted_hausdorff(
    prediction, target, *, alpha=-1.0, include_background=False, spacing=None, **call
):
    """Ribera 2019, eq. 5."""
    space = np.delete(
        prediction.shape[1:], call.get("class_axis", 1) - 1 if call.get("class_axis", 1) > 0 else -1
    )
    diagonal = math.dist(
        [0] * len(space),
        [(n - 1) * w for n, w in zip(space, spacing or (1,) * len(space), strict=True)],
    )

    def region(p, g, inside, weight, spacing):
        points = [i for i in inside if inside[i]]
        if not points or len(points) == len(inside):
            return 0.0

        def d(i, j):
            return math.dist(*([n * w for n, w in zip(x, spacing, strict=True)] for x in (i, j)))

        far = sum(weight[i] * p[i] * min(d(i, j) for j in points) for i in p)
        first = far / (sum(weight[i] * p[i] for i in p) + 1e-6)
        second = [
            mean({i: (p[i] * d(i, j) + (1 - p[i]) * diagonal + 1e-6) ** alpha for i in p}, weight)
            ** (1 / alpha)
            for j in points
        ]
        return first + sum(second) / len(points)

    return surface_loss(
        region, prediction, target, include_background=include_background, spacing=spacing, **call
    )


def generalized_surface(
    prediction,
    target,
    *,
    include_background=True,
    class_weights=None,
    weighting="volume",
    spacing=None,
    reduction="mean",
    **call,
):
    """1 - sum w sum (d (1 - p - g))^2 / sum w sum d^2, w = 1 / (1 + V^2) (Celaya 2024)."""
    samples, classes, space = counted(prediction, target, **call)
    unreduced, sums = [], []
    for voxels in samples:
        above = below = 0.0
        for c in range(0 if include_background else 1, classes):
            p, g, inside, weight = region_of(voxels, c)
            d = to_other_side(inside, spacing or (1,) * len(space))
            w = each_class(class_weights, classes)[c]
            if weighting == "volume":
                w = w / (1 + sum(weight[i] * g[i] for i in g) ** 2)
            above = above + w * sum(weight[i] * (d[i] * (1 - p[i] - g[i])) ** 2 for i in p)
            below = below + w * sum(weight[i] * d[i] ** 2 for i in p)
        value = 1 - above / below if below else 0.0
        unreduced.append(value)
        sums.append([(1.0 if voxels else 0.0, value)])
    return np.array(unreduced) if reduction == "none" else reduced(sums, reduction)


def region_wise(prediction, target, **call):
    """sum p z / N, z = -d / max d inside, 1 outside (Valverde 2023); soft, by the share of each."""

    def voxel(p, g, s):
        return p * (1 - g) + p * g * s

    def maps(found, inside, spacing):
        return relative(inside, spacing)

    return mapped_loss(voxel, maps, prediction, target, **call)


def distance_penalized(prediction, target, **call):
    """(1 + Phi) times the cross-entropy, Phi = 1 - d / max d (Caliva 2019)."""

    def maps(found, inside, spacing):
        return {i: 2 - abs(s) for i, s in relative(inside, spacing).items()}

    return mapped_loss(cross_entropy(call), maps, prediction, target, **call)


def shape_aware(prediction, target, **call):
    """(1 + E) times the cross-entropy of wrong voxels (Al Arif 2017)."""

    def maps(found, inside, spacing):
        d = to_other_side(inside, spacing)
        curve = [
            i
            for i in found
            if found[i]
            and any(
                found.get((*i[:axis], i[axis] + step, *i[axis + 1 :])) is False
                for axis in range(len(i))
                for step in (-1, 1)
            )
        ]
        error = sum(d[i] for i in curve) / len(curve) if curve else 0.0
        return {i: 1 + (error if found[i] != inside[i] else 0.0) for i in found}

    return mapped_loss(cross_entropy(call), maps, prediction, target, **call)


def cross_entropy(call):
    def voxel(p, g, weight):
        value = -g * np.log(p)
        if call.get("multilabel"):
            value = value - (1 - g) * np.log(1 - p)
        return weight * value

    return voxel


def to_other_side(inside, spacing):
    """Least distance of each voxel to one of the other side; 0 where there is none."""
    place = {i: [n * w for n, w in zip(i, spacing, strict=True)] for i in inside}
    return {
        i: min((math.dist(place[i], place[j]) for j in inside if inside[j] != inside[i]), default=0)
        for i in inside
    }


def relative(inside, spacing):
    """The signed distance as a share of the largest on the same side."""
    d = to_other_side(inside, spacing)
    most = {side: max((d[i] for i in d if inside[i] == side), default=0) for side in (True, False)}
    share = {i: d[i] / most[inside[i]] if most[inside[i]] else 1.0 for i in d}
    return {i: -share[i] if inside[i] else share[i] for i in d}


def mean(values, weight):
    return over(sum(weight[i] * values[i] for i in values), sum(weight[i] for i in values))


def region_of(voxels, c):
    """p, g, whether inside, and weight of the voxels of a class, by their place."""
    return (
        {i: v.p[c] for i, v in voxels.items()},
        {i: v.g[c] for i, v in voxels.items()},
        {i: v.g[c] > 0.5 for i, v in voxels.items()},
        {i: v.weight for i, v in voxels.items()},
    )


def surface_loss(
    region,
    prediction,
    target,
    *,
    include_background=True,
    class_weights=None,
    batch=False,
    absent="smooth",
    smooth=None,
    spacing=None,
    reduction="mean",
    **call,
):
    """From the value of a region, given the maps of its voxels; in a batch, side by side."""
    samples, classes, space = counted(prediction, target, **call)
    spacing = spacing or (1.0,) * len(space)
    first, shape = 0 if include_background else 1, (len(samples), classes)
    values = np.zeros(shape, dtype=np.result_type(prediction, 1.0))
    weights = np.zeros(shape)
    for n, voxels in enumerate(samples):
        for c in range(first, classes):
            p, g, inside, weight = region_of(voxels, c)
            present = any(each > 0 for each in g.values())
            if not voxels or (absent != "smooth" and not present):
                weights[n, c] = 0.0 if absent == "skip" or not voxels else 1.0
                continue
            values[n, c] = region(p, g, inside, weight, spacing)
            weights[n, c] = 1.0
    raise NotImplementedError
