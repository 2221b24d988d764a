"""The losses on neighbourhoods: all neighbours of a voxel are looked up by their place."""

import math
from itertools import product

import numpy as np

from reference.boundary import mapped, without
from reference.common import counted, each_class, over, ratio, reduced


def boundary_dou(prediction, target, *, most=0.8, smooth=1e-5, **call):
    """One minus the smoothed (1 - a) I / (P + G - (1 + a) I), a = 1 - 2 C / S (Sun 2023)."""

    def sums(voxels, spacing):
        region = [i for i, (_, _, g) in voxels.items() if g > 0.5]
        rim = [i for i in region if any(j not in region for j in beside(i))]
        terms = [(w * p * g, w * p**2, w * g**2, w * g) for w, p, g in voxels.values()]
        curve = sum(voxels[i][0] * voxels[i][2] for i in rim)
        return *add(terms, 4), curve

    def formula(both, p, g, size, rim):
        alpha = min(max(1 - 2 * rim / size, 0), most) if size else 0.0
        return 1 - ratio((1 - alpha) * both, p + g - (1 + alpha) * both, smooth)

    return shape_loss(sums, formula, prediction, target, **call)


def perimeter(prediction, target, **call):
    """The squared difference of the sums of contours, by the volume (El Jurdi 2021)."""

    def sums(voxels, spacing):
        step = math.prod(spacing) ** (1 / len(spacing))
        d = len(spacing)

        def length(which):
            x = {i: v[which] for i, v in voxels.items()}
            core = least(x, (1,) * d)
            back = greatest(core, (1,) * d)
            return step ** (d - 1) * sum(voxels[i][0] * (back[i] - core[i]) for i in x)

        return length(1), length(2), step**d * sum(w for w, _, _ in voxels.values())

    def formula(p, g, volume):
        return (p - g) ** 2 / volume

    return shape_loss(sums, formula, prediction, target, **call)


def surface_dice(prediction, target, *, tolerance=None, smooth=1e-5, **call):
    """1 - 2 sum d(p) d(g) / (sum d(p) + sum d(g)), d the dilated x - erosion of x."""

    def sums(voxels, spacing):
        reach = 1.25 * max(spacing) if tolerance is None else tolerance
        radii = [math.ceil(reach / s - 1e-9) for s in spacing]

        def near(which):
            x = {i: v[which] for i, v in voxels.items()}
            core = least(x, (1,) * len(spacing))
            return greatest({i: x[i] - core[i] for i in x}, radii)

        p, g = near(1), near(2)
        return add([(w * p[i] * g[i], w * p[i], w * g[i]) for i, (w, _, _) in voxels.items()], 3)

    def formula(both, p, g):
        return 1 - ratio(2 * both, p + g, smooth)

    return shape_loss(sums, formula, prediction, target, **call)


def hausdorff_er(prediction, target, *, alpha=2.0, erosions=10, **call):
    """sum_k k^alpha sum of (p - g)^2 eroded k times, by the volume (Karimi 2020)."""

    def sums(voxels, spacing):
        error = {i: (p - g) ** 2 for i, (_, p, g) in voxels.items()}
        total = 0.0
        for k in range(1, erosions + 1):
            mean = {
                i: (error[i] + sum(error.get(j, 0) for j in beside(i))) / (1 + 2 * len(spacing))
                for i in error
            }
            error = {i: half(each) for i, each in mean.items()}
            total = total + k**alpha * sum(voxels[i][0] * error[i] for i in error)
        return total, sum(w for w, _, _ in voxels.values())

    return shape_loss(sums, lambda total, volume: total / volume, prediction, target, **call)


def hausdorff_cv(prediction, target, *, alpha=2.0, radii=(3, 6, 9, 12, 15, 18), **call):
    """Errors by how well balls of growing radius agree with them (Karimi 2020)."""

    def sums(voxels, spacing):
        total = 0.0
        for radius in radii:
            for i, (w, p, g) in voxels.items():
                ball = [voxels[j] for j in voxels if apart(i, j, spacing) <= radius + 1e-9]
                mean_p = sum(p for _, p, _ in ball) / len(ball)
                mean_g = sum(g for _, _, g in ball) / len(ball)
                wrong = (half(1 - mean_g) + half(mean_p)) * p
                missed = (half(mean_g) + half(1 - mean_p)) * g
                total = total + radius**alpha * w * (p - g) ** 2 * (wrong + missed)
        return total, sum(w for w, _, _ in voxels.values())

    return shape_loss(sums, lambda total, volume: total / volume, prediction, target, **call)


def active_contour(prediction, target, *, weight=1.0, outside=1.0, **call):
    """Length and errors inside and outside (Chen 2019)."""

    def sums(voxels, spacing):
        terms = [(w * p * (1 - g) ** 2, w * (1 - p) * g**2, w) for w, p, g in voxels.values()]
        return variation(voxels, spacing), *add(terms, 3)

    def formula(length, wrong, missed, volume):
        return (length + weight * (outside * wrong + missed)) / volume

    return shape_loss(sums, formula, prediction, target, **call)


def mumford_shah(prediction, target, *, length=1e-3, image, batch=False, **call):
    """Variances of the image within classes, and the length of contours (Kim and Ye 2020)."""
    x = np.moveaxis(image, call.get("class_axis", 1), -1)
    members = []

    def sums(voxels, spacing, n):
        members.append([(w, p, x[n][i]) for i, (w, p, _) in voxels.items()])
        where = len(members) - 1
        return Group([where]), variation(voxels, spacing), sum(w for w, _, _ in voxels.values())

    def formula(group, curve, volume):
        some = [member for where in group.numbers for member in members[where]]
        mass = sum(w * p for w, p, _ in some)
        total = 0.0
        for k in range(x.shape[-1]):
            mean = over(sum(w * p * y[k] for w, p, y in some), mass)
            total = total + sum(w * p * (y[k] - mean) ** 2 for w, p, y in some)
        return (total + length * curve) / volume

    return shape_loss(sums, formula, prediction, target, batch=batch, numbered=True, **call)


class Group:
    """Numbers of members, which add up as sums do."""

    def __init__(self, numbers):
        self.numbers = numbers

    def __add__(self, other):
        return Group(self.numbers + other.numbers)


def elastic_interaction(prediction, target, *, alpha=1.0, **call):
    """sum |k| |F(g - alpha p)|^2 / N^2 (Lan 2020), by sines and cosines."""
    lengths = counted(prediction, target, **without(call, "image"))[2]

    def sums(voxels, spacing):
        wave = {i: math.sqrt(w) * (g - alpha * p) for i, (w, p, g) in voxels.items()}
        energy = 0.0
        if len({*wave.values()}) == 1 and len(wave) == math.prod(lengths):
            return 0.0, sum(w for w, _, _ in voxels.values())  # flat: not even by rounding
        for m in product(*(range(n) for n in lengths)):
            low = [a if a <= n - a else a - n for a, n in zip(m, lengths, strict=True)]
            k = [2 * math.pi * a / n / s for a, n, s in zip(low, lengths, spacing, strict=True)]
            phase = {
                i: sum(a * b * s for a, b, s in zip(k, i, spacing, strict=True)) for i in voxels
            }
            even = sum(wave[i] * math.cos(phase[i]) for i in voxels)
            odd = sum(wave[i] * math.sin(phase[i]) for i in voxels)
            energy = energy + math.hypot(*k) * (even**2 + odd**2) / math.prod(lengths)
        return energy, sum(w for w, _, _ in voxels.values())

    return shape_loss(sums, lambda energy, volume: energy / volume, prediction, target, **call)


def centroid(prediction, target, **call):
    """The squared distance between the centroids (Kervadec 2021)."""

    def sums(voxels, spacing):
        places = {i: [a * s for a, s in zip(i, spacing, strict=True)] for i in voxels}
        terms = [
            (w * p, w * g, *(w * p * a for a in places[i]), *(w * g * a for a in places[i]))
            for i, (w, p, g) in voxels.items()
        ]
        return add(terms, 2 + 2 * len(spacing))

    def formula(p, g, *moments):
        if p == 0 or g == 0:
            return 0.0
        d = len(moments) // 2
        return sum((a / p - b / g) ** 2 for a, b in zip(moments[:d], moments[d:], strict=True))

    return shape_loss(sums, formula, prediction, target, **call)


def active_boundary(
    prediction,
    target,
    *,
    reach=20.0,
    share=0.01,
    label_smoothing=0.2,
    detach=True,
    class_weights=None,
    spacing=None,
    reduction="mean",
    **call,
):
    """Cross-entropy of the direction of the target's edge, by divergences (Wang 2022)."""
    samples, classes, space = counted(prediction, target, **call)
    multilabel, class_axis = call.get("multilabel", False), call.get("class_axis", 1)
    spacing = spacing or (1.0,) * len(space)
    channels = classes if multilabel else 1
    unreduced = np.zeros((len(samples), channels, *space), dtype=np.result_type(prediction, 1.0))
    factors = each_class(class_weights, classes)
    sums = []
    for n, voxels in enumerate(samples):
        pairs = []
        for c in range(channels):
            p = {i: [v.p[c], 1 - v.p[c]] if multilabel else v.p for i, v in voxels.items()}
            which = [c] if multilabel else range(classes)
            inside = {i: tuple(v.g[k] > 0.5 for k in which) for i, v in voxels.items()}
            edge = [
                i for i in voxels if any(inside.get(j, inside[i]) != inside[i] for j in after(i))
            ]
            far = {i: min((apart(i, j, spacing) for j in edge), default=math.inf) for i in voxels}
            jump = {
                i: max((kl(p[i], p[j]).real for j in after(i) if j in voxels), default=0)
                for i in voxels
            }
            most = math.ceil(share * len(voxels))
            limit = ([*sorted(jump.values(), reverse=True), *[0] * (most + 1)])[most]
            sharp = [i for i in voxels if jump[i] > max(limit, 1e-5)]
            for i, v in voxels.items():
                around = [j for j in box(i, (1,) * len(i)) if j in voxels and j != i]
                near = min((far[j] for j in around), default=math.inf)
                if (
                    not any(j in sharp for j in (*around, i))
                    or not edge
                    or near >= far[i] * (1 - 1e-6)
                ):
                    continue
                fixed = {j: [q.real for q in p[j]] if detach else p[j] for j in around}
                d = {j: kl(p[i], fixed[j]) for j in around}
                best = [j for j in around if far[j] <= near * (1 + 1e-6)]
                hit = (1 - label_smoothing) * sum(d[j] for j in best) / len(best)
                hit = hit + label_smoothing * sum(d.values()) / len(d)
                value = np.log(sum(np.exp(each) for each in d.values())) - hit
                weight = v.weight * (
                    factors[c]
                    if multilabel
                    else sum(f * g for f, g in zip(factors, v.g, strict=True))
                )
                unreduced[(n, c, *i)] = weight * min(far[i], reach) / reach * value
                pairs.append((weight, unreduced[(n, c, *i)]))
        sums.append(pairs)
    if reduction == "none":
        return np.moveaxis(unreduced, 1, class_axis) if multilabel else unreduced[:, 0]
    return reduced(sums, reduction)


def kl(p, q):
    value = sum(a * (np.log(a) - np.log(b)) for a, b in zip(p, q, strict=True) if a != 0)
    return value if value.real < 20 else 20.0


def half(x):
    """0 up to a half, and on to 1 where x is 1."""
    return 2 * x - 1 if x.real > 0.5 else 0.0


def apart(i, j, spacing):
    return math.dist(*([a * s for a, s in zip(k, spacing, strict=True)] for k in (i, j)))


def after(i):
    return [(*i[:axis], i[axis] + 1, *i[axis + 1 :]) for axis in range(len(i))]


def beside(i):
    return [(*i[:a], i[a] + step, *i[a + 1 :]) for a in range(len(i)) for step in (-1, 1)]


def box(i, radii):
    steps = (range(-r, r + 1) for r in radii)
    return [tuple(a + b for a, b in zip(i, step, strict=True)) for step in product(*steps)]


def least(x, radii):
    return {i: min((x[j] for j in box(i, radii) if j in x), key=np.real) for i in x}


def greatest(x, radii):
    return {i: max((x[j] for j in box(i, radii) if j in x), key=np.real) for i in x}


def variation(voxels, spacing):
    total = 0.0
    for i, (w, p, _) in voxels.items():
        steps = [
            (voxels[j][1] - p) / s for j, s in zip(after(i), spacing, strict=True) if j in voxels
        ]
        total = total + w * (np.sqrt(sum(step**2 for step in steps) + 1e-6) - 1e-3)
    return total


def add(terms, count):
    return tuple(sum(term[k] for term in terms) for k in range(count))


def shape_loss(
    sums,
    formula,
    prediction,
    target,
    *,
    class_weights=None,
    batch=False,
    absent="smooth",
    smooth=None,
    reduction="mean",
    spacing=None,
    numbered=False,
    **call,
):
    """From sums over the voxels (weight, p, g) of a class, by their place, and the formula."""
    _, classes, space = counted(prediction, target, **without(call))
    samples = mapped(lambda inside, *_: inside, prediction, target, places=True, **call)
    spacing = spacing or (1.0,) * len(space)
    count = len(samples)
    totals = []
    for n, regions in enumerate(samples):
        row = {}
        for c, voxels in regions.items():
            known = {i: (w, p, g) for i, (w, p, g, _) in voxels.items()}
            extra = (n,) if numbered else ()
            present = any(g > 0 for _, _, g in known.values())
            row[c] = (bool(known), present, sums(known, spacing, *extra))
        totals.append(row)
    if batch:
        totals = [{c: pooled([row[c] for row in totals]) for c in totals[0]}]
    unreduced, all_pairs = [], []
    for row in totals:
        values, pairs = [], []
        for c, (some, present, parts) in row.items():
            weight = each_class(class_weights, classes)[c]
            value = formula(*parts) if some and (present or absent == "smooth") else 0.0
            if not some or (absent == "skip" and not present):
                weight = 0.0
            values.append(value)
            pairs.append((weight, weight * value))
        unreduced.append(values)
        all_pairs.append(pairs)
    if reduction == "none":
        return np.array(unreduced)
    result = reduced(all_pairs, reduction)
    return np.repeat(result, count) if batch and reduction == "sample" else result


def pooled(rows):
    some, present, parts = zip(*rows, strict=True)
    total = parts[0]
    for more in parts[1:]:
        total = tuple(a + b for a, b in zip(total, more, strict=True))
    return any(some), any(present), total
