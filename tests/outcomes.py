"""Expectations over all outcomes, in plain loops: an oracle for the theory of volume bias."""

from itertools import product
from math import log

import numpy as np

LOSSES = {
    "dice": {},
    "jaccard": {},
    "tversky": {"alpha": 0.3, "beta": 0.7},
    "squared_dice": {},
    "log_dice": {},
}


def loss(name, x, y, s, *, alpha=None, beta=None, smooth=0.0, empty=1.0):
    """A loss of one prediction for one labelling of regions of volumes `s`."""
    tp = fp = fn = squares = 0.0
    for xj, yj, sj in zip(x, y, s, strict=True):
        tp += sj * xj * yj
        fp += sj * xj * (1 - yj)
        fn += sj * (1 - xj) * yj
        squares += sj * (xj * xj + yj)
    above, below = {
        "dice": lambda: (2 * tp, 2 * tp + fp + fn),
        "log_dice": lambda: (2 * tp, 2 * tp + fp + fn),
        "jaccard": lambda: (tp, tp + fp + fn),
        "tversky": lambda: (tp, tp + alpha * fp + beta * fn),
        "squared_dice": lambda: (2 * tp, squares),
    }[name]()
    score = (above + smooth) / (below + smooth) if below + smooth > 0 else empty
    if name == "log_dice":
        return -log(score) if score > 0 else float("inf")
    return 1 - score


def independent(p):
    """Every labelling of independent regions with its probability."""
    for y in product((0, 1), repeat=len(p)):
        chance = 1.0
        for pj, yj in zip(p, y, strict=True):
            chance *= pj if yj else 1 - pj
        if chance > 0:
            yield y, chance


def risk(name, outcomes, x, s, **parameters):
    """The expected loss, over outcomes with their probabilities."""
    return sum(w * loss(name, x, y, s, **parameters) for y, w in outcomes)


def problem(seed, most=7):
    """Probabilities, some of them 0 or 1, volumes of several magnitudes, and a prediction."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, most + 1))
    p = rng.random(count)
    p[rng.random(count) < 0.15] = 1.0
    p[rng.random(count) < 0.1] = 0.0
    x = rng.random(count)
    if seed % 3 == 0:
        x = np.round(x)
    if seed % 5 == 0:
        x = x * 1e-6
    return p, np.exp(2 * rng.normal(size=count)), x


def ring(p, mu, n=1, certain=1.0, background=100.0):
    """Probabilities and volumes of background, certain foreground and n uncertain regions."""
    volumes = [background, *([certain] if certain else []), *([mu / n] * n)]
    return np.asarray([0.0, *([1.0] if certain else []), *([p] * n)]), np.asarray(volumes)
