"""The losses against overconfidence, over the voxels that count, of weight w."""

import numpy as np

from reference.common import class_loss, counted, each_class, reduced, region_loss, voxel_loss


def confidence_penalty(prediction, target, *, alpha=0.1, multilabel=False, **call):
    """- sum_c g_c log p_c - alpha H(p) (Pereyra 2017); in channels, of both outcomes."""

    def term(_, p, g):
        value = -g * np.log(p) + alpha * p * np.log(p)
        if multilabel:
            value += -(1 - g) * np.log(1 - p) + alpha * (1 - p) * np.log(1 - p)
        return value

    return class_loss(term, prediction, target, multilabel=multilabel, **call)


def margin_label_smoothing(
    prediction, target, *, margin=10.0, alpha=0.1, class_weights=None, **call
):
    """- sum_c g_c log p_c + alpha mean_c max(0, max_k z_k - z_c - m) (Liu 2022)."""

    def voxel(p, g):
        classes, w = range(len(p)), each_class(class_weights, len(p))
        z = [np.log(each) for each in p]  # the logits but for a constant
        top = max(z, key=np.real)
        value = 0
        for c in classes:
            excess = top - z[c] - margin
            penalty = alpha / len(p) * excess if np.real(excess) > 0 else 0
            value += w[c] * (-g[c] * z[c] + penalty)
        return [(sum(w[c] * g[c] for c in classes), value)]

    return voxel_loss(voxel, prediction, target, **call)


def svls(prediction, target, *, sigma=1.0, class_weights=None, **call):
    """- sum_c (K * g)_c log p_c (Islam 2021); K of neighbours as far as 1, the centre their sum."""

    def gaussian(offset):
        return np.exp(-sum(each**2 for each in offset) / (2 * sigma**2))

    def term(n, i, c, samples, space, logits):
        neighbours = sum(gaussian(o) for o in offsets(3, space) if any(o))
        above = below = 0.0
        for o in offsets(3, space):
            j = tuple(
                min(max(a + b, 0), length - 1) for a, b, length in zip(i, o, space, strict=True)
            )
            if j not in samples[n]:
                continue
            k = gaussian(o) if any(o) else neighbours
            above += k * samples[n][j].g[c]
            below += k
        return -above / below * np.log(samples[n][i].p[c])

    return in_place(term, prediction, target, class_weights, **call)


def nacl(prediction, target, *, size=3, distance="l1", alpha=0.1, class_weights=None, **call):
    """- sum_c g_c log p_c + alpha mean_c |z_c - tau_c|^r (Murugesan 2023), tau of a window."""

    def term(n, i, c, samples, space, logits):
        window = [
            samples[n][j].g[c]
            for o in offsets(size, space)
            if (j := tuple(a + b for a, b in zip(i, o, strict=True))) in samples[n]
        ]
        off = logits[(n, c, *i)] - sum(window) / len(window)
        size_of_it = off**2 if distance == "l2" else off if np.real(off) > 0 else -off
        v = samples[n][i]
        return -v.g[c] * np.log(v.p[c]) + alpha / len(v.p) * size_of_it

    return in_place(term, prediction, target, class_weights, **call)


def calibration_error(prediction, target, *, bins=20, smooth=0.01, **call):
    """The mean gap of soft bins (Barfoot 2025), a bin of n voxels weighing n / (n + s)."""
    s = smooth[1] if isinstance(smooth, tuple) else smooth

    def region(voxels):
        counts, gaps = [0.0] * bins, [0.0] * bins
        for w, p, g in voxels:
            for b, share in shares(p, bins):
                counts[b] += w * share
                gaps[b] += w * share * (p - g)
        errors = [d if np.real(d) > 0 else -d for d in gaps]
        above = sum(e / (n + s) for e, n in zip(errors, counts, strict=True) if n != 0)
        below = sum(n / (n + s) for n in counts if n != 0)
        return above / below if voxels else 0.0

    return region_loss(region, prediction, target, **call)


def shares(p, bins):
    """The one or two bins whose centres p is next to, and the share of each."""
    u = bins * p - 0.5
    left = int(np.floor(np.real(u)))
    if left < 0:
        return [(0, 1.0)]
    if left >= bins - 1:
        return [(bins - 1, 1.0)]
    return [(left, 1 - (u - left)), (left + 1, u - left)]


def offsets(size, space):
    """Steps from the centre of a window to its voxels."""
    reach = size // 2
    return [tuple(k - reach for k in index) for index in np.ndindex((size,) * len(space))]


def in_place(term, prediction, target, class_weights, *, reduction="mean", **call):
    """From what class c adds in voxel i of sample n, given where all others are."""
    samples, classes, space = counted(prediction, target, **call)
    w = each_class(class_weights, classes)
    logits = np.moveaxis(prediction, call.get("class_axis", 1), 1)
    logits = logits.astype(np.result_type(logits, np.float64))
    if not call.get("from_logits", True):
        logits = np.log(logits)
    unreduced = np.zeros((len(samples), *space), dtype=np.result_type(prediction, 1.0))
    sums = []
    for n, voxels in enumerate(samples):
        pairs = []
        for i, v in voxels.items():
            value = sum(w[c] * term(n, i, c, samples, space, logits) for c in range(classes))
            unreduced[(n, *i)] = v.weight * value
            weight = sum(w[c] * v.g[c] for c in range(classes))
            pairs.append((v.weight * weight, v.weight * value))
        sums.append(pairs)
    return unreduced if reduction == "none" else reduced(sums, reduction)
