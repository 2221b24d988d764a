"""The losses on distances: each distance is the least of all, to every voxel of the other side."""

import math

import numpy as np
from distances import to_another

from reference.common import counted, each_class, over, reduced


def boundary(prediction, target, **call):
    """sum phi p / N, phi negative inside (Kervadec 2019)."""

    def maps(inside, found, spacing):
        d = to_other_side(inside, spacing)
        return {i: -d[i] if inside[i] else d[i] for i in d}

    def region(voxels):
        return mean((w, p * phi) for w, p, g, phi in voxels)

    return surface_loss(maps, region, prediction, target, **call)


def hausdorff_dt(prediction, target, *, alpha=2.0, one_sided=False, log=False, **call):
    """sum (p - g)^2 (d^alpha + e^alpha) / N, e that of the prediction (Karimi 2020)."""

    def maps(inside, found, spacing):
        d, e = to_other_side(inside, spacing), to_other_side(found, spacing)
        return {i: d[i] ** alpha + (0 if one_sided else e[i] ** alpha) for i in d}

    def region(voxels):
        value = mean((w, (p - g) ** 2 * far) for w, p, g, far in voxels)
        return np.log(1 + value) if log else value

    return surface_loss(maps, region, prediction, target, **call)


def signed_distance(prediction, target, *, absolute=1.0, **call):
    """1/3 - sum s t / (sum s t + sum s^2 + sum t^2) + lambda mean |s - t| (Xue 2020)."""

    def maps(inside, found, spacing):
        return relative(inside, spacing)

    def region(voxels):
        both = sum(w * s * (1 - 2 * p) for w, p, g, s in voxels)
        squares = sum(w * (s**2 + (1 - 2 * p) ** 2) for w, p, g, s in voxels)
        apart = [(w, 1 - 2 * p - s) for w, p, g, s in voxels]
        apart = [(w, each if each.real > 0 else -each) for w, each in apart]
        return 1 / 3 - over(both, both + squares) + absolute * mean(apart)

    return surface_loss(maps, region, prediction, target, **call)


def weighted_hausdorff(prediction, target, *, alpha=-1.0, include_background=False, **call):
    """The average Hausdorff distance, weighted by p (Ribera 2019)."""
    lengths = counted(prediction, target, **without(call))[2]

    def maps(inside, found, spacing):
        place = {i: [n * w for n, w in zip(i, spacing, strict=True)] for i in inside}
        return {i: (place[i], inside[i], spacing) for i in inside}

    def region(voxels):
        points = [at for _, _, _, (at, inside, _) in voxels if inside]
        if not points or len(points) == len(voxels):
            return 0.0
        spacing = voxels[0][3][2]
        far = math.hypot(*((n - 1) * w for n, w in zip(lengths, spacing, strict=True)))
        to_points = sum(w * p * min(math.dist(x, y) for y in points) for w, p, g, (x, *_) in voxels)
        near = [
            mean(
                (w, (p * math.dist(x, y) + (1 - p) * far + 1e-6) ** alpha)
                for w, p, g, (x, *_) in voxels
            )
            ** (1 / alpha)
            for y in points
        ]
        return to_points / (sum(w * p for w, p, _, _ in voxels) + 1e-6) + sum(near) / len(near)

    call["include_background"] = include_background
    return surface_loss(maps, region, prediction, target, **call)


def generalized_surface(prediction, target, *, class_weights=None, weighting="volume", **call):
    """1 - sum w sum (d (1 - p - g))^2 / sum w sum d^2, w = 1 / (1 + V^2) (Celaya 2024)."""

    def maps(inside, found, spacing):
        return to_other_side(inside, spacing)

    def sample(regions):
        above = below = 0.0
        for c, voxels in regions.items():
            factor = class_weights[c] if class_weights else 1.0
            if weighting == "volume":
                factor = factor / (1 + sum(w * g for w, p, g, d in voxels) ** 2)
            above = above + factor * sum(w * (d * (1 - p - g)) ** 2 for w, p, g, d in voxels)
            below = below + factor * sum(w * d**2 for w, p, g, d in voxels)
        return 1 - above / below if below else 0.0

    reduction = call.pop("reduction", "mean")
    samples = mapped(maps, prediction, target, **call)
    values = [sample(regions) for regions in samples]
    if reduction == "none":
        return np.array(values)[:, None]
    weights = [1.0 if any(regions.values()) else 0.0 for regions in samples]
    return reduced([[pair] for pair in zip(weights, values, strict=True)], reduction)


def region_wise(prediction, target, **call):
    """sum p z / N, z = -d / max d inside, 1 outside (Valverde 2023); soft, by the share of each."""

    def maps(inside, found, spacing):
        return relative(inside, spacing)

    def term(p, g, s):
        return p * (1 - g) + p * g * s

    return voxel_loss(maps, term, prediction, target, **call)


def distance_penalized(prediction, target, **call):
    """(1 + Phi) times the cross-entropy, Phi = 1 - d / max d (Caliva 2019)."""

    def maps(inside, found, spacing):
        return {i: 2 - abs(s) for i, s in relative(inside, spacing).items()}

    return voxel_loss(maps, penalty(**call), prediction, target, **call)


def shape_aware(prediction, target, **call):
    """(1 + E) times the cross-entropy where it is wrong, E how far off (Al Arif 2017)."""

    def maps(inside, found, spacing):
        d = to_other_side(inside, spacing)
        curve = [i for i in found if found[i] and any(found.get(j) is False for j in beside(i))]
        error = sum(d[i] for i in curve) / len(curve) if curve else 0.0
        return {i: 1 + (error if found[i] != inside[i] else 0.0) for i in found}

    return voxel_loss(maps, penalty(**call), prediction, target, **call)


def penalty(*, multilabel=False, **call):
    def term(p, g, weight):
        return -weight * (g * np.log(p) + ((1 - g) * np.log(1 - p) if multilabel else 0.0))

    return term


def beside(i):
    for axis in range(len(i)):
        for step in (-1, 1):
            yield (*i[:axis], i[axis] + step, *i[axis + 1 :])


def to_other_side(inside, spacing):
    """Least distance of each voxel to one of the other side; 0 where there is none."""
    if not inside:
        return {}
    squares = to_another(np.array(list(inside)) * spacing, np.array(list(inside.values())))
    return {i: math.sqrt(d) if d < math.inf else 0.0 for i, d in zip(inside, squares, strict=True)}


def relative(inside, spacing):
    """The signed distance as a share of the largest on the same side; else 1, or -1 inside."""
    d = to_other_side(inside, spacing)
    most = {side: max((d[i] for i in d if inside[i] == side), default=0) for side in (True, False)}
    share = {i: d[i] / most[inside[i]] if most[inside[i]] else 1.0 for i in d}
    return {i: -share[i] if inside[i] else share[i] for i in d}


def mean(pairs):
    pairs = list(pairs)
    return over(sum(w * value for w, value in pairs), sum(w for w, _ in pairs))


def without(call, *names):
    private = ("spacing", "include_background", "class_weights", "batch", "absent", "smooth")
    return {key: each for key, each in call.items() if key not in (*private, "reduction", *names)}


def mapped(
    maps, prediction, target, *, include_background=True, spacing=None, places=False, **call
):
    """For each sample and class, the (weight, p, g, value of the map) of the voxels that count."""
    samples, classes, space = counted(prediction, target, **call)
    result = []
    for voxels in samples:
        regions = {}
        for c in range(0 if include_background else 1, classes):
            inside = {i: v.g[c] > 0.5 for i, v in voxels.items()}
            found = {i: bool(v.p[c].real > 0.5) for i, v in voxels.items()}
            values = maps(inside, found, spacing or (1.0,) * len(space))
            regions[c] = {i: (v.weight, v.p[c], v.g[c], values[i]) for i, v in voxels.items()}
        result.append(regions if places else {c: list(r.values()) for c, r in regions.items()})
    return result


def surface_loss(
    maps,
    region,
    prediction,
    target,
    *,
    class_weights=None,
    batch=False,
    absent="smooth",
    smooth=None,
    reduction="mean",
    **call,
):
    """From the value of a region: the voxels, with a map, of a class in a sample or in all."""
    samples = mapped(maps, prediction, target, **call)
    count = len(samples)
    if batch:
        samples = [{c: [v for each in samples for v in each[c]] for c in samples[0]}]
    unreduced, sums = [], []
    for regions in samples:
        pairs, values = [], []
        for c, voxels in regions.items():
            weight = class_weights[c] if class_weights else 1.0
            present = any(g > 0 for _, _, g, _ in voxels)
            value = region(voxels) if voxels and (present or absent == "smooth") else 0.0
            if not voxels or (absent == "skip" and not present):
                weight = 0.0
            values.append(value)
            pairs.append((weight, weight * value))
        unreduced.append(values)
        sums.append(pairs)
    if reduction == "none":
        return np.array(unreduced)
    result = reduced(sums, reduction)
    return np.repeat(result, count) if batch and reduction == "sample" else result


def voxel_loss(maps, term, prediction, target, *, class_weights=None, reduction="mean", **call):
    """From what a class adds to a voxel, by p, g and a map."""
    samples = mapped(maps, prediction, target, places=True, **call)
    _, classes, space = counted(prediction, target, **without(call))
    multilabel, class_axis = call.get("multilabel", False), call.get("class_axis", 1)
    shape = (len(samples), classes, *space)
    unreduced = np.zeros(shape, dtype=np.result_type(prediction, 1.0))
    sums = []
    for n, regions in enumerate(samples):
        pairs = []
        for c, voxels in regions.items():
            factor = each_class(class_weights, classes)[c]
            for i, (w, p, g, value) in voxels.items():
                unreduced[(n, c, *i)] = factor * w * term(p, g, value)
                share = 1.0 if multilabel else g
                pairs.append((factor * w * share, unreduced[(n, c, *i)]))
        sums.append(pairs)
    if reduction == "none":
        return np.moveaxis(unreduced, 1, class_axis) if multilabel else unreduced.sum(axis=1)
    return reduced(sums, reduction)
