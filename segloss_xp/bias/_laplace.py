"""
Means over independent labels of ratios and logarithms, by their Laplace transforms.

For labels y that are 1 with probability p, independent of one another, the transform of an affine
function D = d0 + sum d y is a product over the regions, and

    1 / D = int_0^inf exp(-D u) du,      log D - log N = int_0^inf (exp(-N u) - exp(-D u)) du / u,

so that a mean over 2^R outcomes costs R operations a node of the quadrature. The trapezoidal rule
in log u is used, whose error, about exp(-pi^2 / step), does not depend on the scale of D.
"""

import math
from collections.abc import Iterator
from typing import Any

from segloss_xp import _ops
from segloss_xp._array import namespace
from segloss_xp.bias._ratio import Ratio

# The error is |Gamma(1 + 2 pi i / step)|, here 2e-15, and some times that for a slope.
STEP = 0.27
# Nodes in units of 1 / E[D]: below them, D u is nothing; above them, exp(-D u) is nothing even
# where D is 1e-12 of its mean.
LOW, HIGH = 1e-17, 4e13

# Entries of an array of nodes by regions, worked on at a time.
_CHUNK = 1 << 20


def nodes(xp: Any, low: float, high: float, *, like: Any) -> Any:
    """Values of u from `low` to `high`, a step apart in their logarithm."""
    count = math.ceil((math.log(high) - math.log(low)) / STEP) + 1
    values = [low * math.exp(STEP * k) for k in range(count)]
    return _ops.constant(xp, values, like.dtype, like=like)


def chunks(nodes: Any, entries: int) -> Iterator[Any]:
    """The nodes, as many at a time as fit with so many entries each."""
    size = max(1, _CHUNK // max(entries, 1))
    count = nodes.shape[0]
    for k in range(0, count, size):
        yield nodes[k : min(k + size, count)]


def tilt(xp: Any, p: Any, exponent: Any) -> tuple[Any, Any]:
    """
    The transform of a label and its probability under the tilted law.

    Parameters
    ----------
    xp : namespace
    p : array
    exponent : array
        d u, not negative.

    Returns
    -------
    log_factor : array
        log(1 - p + p exp(-d u)).
    tilted : array
        p exp(-d u) / (1 - p + p exp(-d u)).
    """
    # Where exp would underflow the product of the factors is nothing, or 1 - p is all that counts.
    most = -0.9 * math.log(float(xp.finfo(exponent.dtype).smallest_normal))
    hit = p * xp.exp(-xp.clip(exponent, max=most))
    factor = (1.0 - p) + hit
    return xp.log(factor), hit / factor


def trapezoid(xp: Any, integrand: Any) -> Any:
    """Integral over log u, of values at the nodes in the last axis."""
    return STEP * xp.sum(integrand, axis=-1)


def mean_ratio(p: Any, ratio: Ratio, count: Any = 1.0) -> Any:
    """
    Mean of a ratio over independent labels, but for what 0 / 0 adds.

    Parameters
    ----------
    p : array, (R,)
    ratio : Ratio
        With arrays (..., R) and (...).
    count : float or array (R,)
        How many equal regions each entry stands for.

    Returns
    -------
    array, (...)
    """
    xp = namespace(ratio.n)
    p, r = _positive(xp, p, ratio, count)
    total = xp.zeros_like(r.d0)
    for v in _scaled(xp, p, r, count):
        log_factor, tilted = tilt(xp, p[..., None, :], r.d[..., None, :] * v[..., None])
        log_weight = xp.sum(count * log_factor, axis=-1) - r.d0[..., None] * v
        bracket = r.n0[..., None] + xp.sum(count * r.n[..., None, :] * tilted, axis=-1)
        total = total + trapezoid(xp, v * xp.exp(log_weight) * bracket)
    return total


def mean_ratio_slopes(p: Any, ratio: Ratio) -> Ratio:
    """Slopes of the mean of a ratio by all four parts."""
    xp = namespace(ratio.n)
    q, r = _positive(xp, p, ratio, 1.0)
    by_n0, by_d0 = xp.zeros_like(r.n0), xp.zeros_like(r.d0)
    by_n, by_d = xp.zeros_like(r.n), xp.zeros_like(r.d)
    for v in _scaled(xp, q, r, 1.0):
        log_factor, tilted = tilt(xp, q[..., None, :], r.d[..., None, :] * v[..., None])
        n = r.n[..., None, :]
        weight = v * xp.exp(xp.sum(log_factor, axis=-1) - r.d0[..., None] * v)
        bracket = r.n0[..., None] + xp.sum(n * tilted, axis=-1)
        by_n0 = by_n0 + trapezoid(xp, weight)
        by_d0 = by_d0 - trapezoid(xp, v * weight * bracket)
        by_n = by_n + STEP * xp.sum(weight[..., None] * tilted, axis=-2)
        rise = (v * weight)[..., None] * tilted * (bracket[..., None] + n * (1.0 - tilted))
        by_d = by_d - STEP * xp.sum(rise, axis=-2)
    return Ratio(by_n0, _turned(ratio, by_n0, by_n), by_d0, _turned(ratio, by_d0, by_d))


def mean_log(p: Any, ratio: Ratio) -> Any:
    """Mean of log D - log N over independent labels, where neither can be 0."""
    xp = namespace(ratio.n)
    value = xp.zeros_like(ratio.d0)
    for v in _scaled(xp, p, ratio, 1.0):
        above = _transform(xp, p, ratio.n0, ratio.n, v)[0]
        below = _transform(xp, p, ratio.d0, ratio.d, v)[0]
        value = value + trapezoid(xp, above - below)
    return value


def mean_log_slopes(p: Any, ratio: Ratio) -> Ratio:
    """Slopes of the mean of log D - log N by all four parts."""
    xp = namespace(ratio.n)
    found = []
    for sign, c0, c in ((-1.0, ratio.n0, ratio.n), (1.0, ratio.d0, ratio.d)):
        by_constant, by_slopes = xp.zeros_like(c0), xp.zeros_like(c)
        for v in _scaled(xp, p, ratio, 1.0):
            transform, tilted = _transform(xp, p, c0, c, v)
            weight = sign * v * transform
            by_constant = by_constant + trapezoid(xp, weight)
            by_slopes = by_slopes + STEP * xp.sum(weight[..., None] * tilted, axis=-2)
        found += [by_constant, by_slopes]
    return Ratio(*found)


def nothing(p: Any, constant: Any, slopes: Any) -> Any:
    """Probability that an affine function, not negative, is 0."""
    xp = namespace(slopes)
    one = xp.ones_like(slopes)
    # Least where the label is 0 if the slope is positive, and 1 if it is negative.
    kept = xp.where(slopes > 0, one - p, xp.where(slopes < 0, p * one, one))
    least = constant + xp.sum(xp.where(slopes < 0, slopes, xp.zeros_like(slopes)), axis=-1)
    return xp.where(least <= 0, xp.prod(kept, axis=-1), xp.zeros_like(constant))


def _positive(xp: Any, p: Any, ratio: Ratio, count: Any) -> tuple[Any, Ratio]:
    """The same ratio of labels turned round, y to 1 - y, wherever d is negative."""
    flipped = ratio.d < 0
    zero = xp.zeros_like(ratio.d)
    n0 = ratio.n0 + xp.sum(count * xp.where(flipped, ratio.n, zero), axis=-1)
    d0 = ratio.d0 + xp.sum(count * xp.where(flipped, ratio.d, zero), axis=-1)
    return xp.where(flipped, 1.0 - p, p + zero), Ratio(
        n0,
        xp.where(flipped, -ratio.n, ratio.n),
        d0,
        xp.where(flipped, -ratio.d, ratio.d),
    )


def _turned(ratio: Ratio, by_constant: Any, by_slopes: Any) -> Any:
    """Slopes by what stood before the labels were turned round."""
    xp = namespace(by_slopes)
    return xp.where(ratio.d < 0, by_constant[..., None] - by_slopes, by_slopes)


def _transform(xp: Any, p: Any, constant: Any, slopes: Any, u: Any) -> tuple[Any, Any]:
    """Mean of exp(-C u) for an affine C with slopes that are not negative; the tilted labels."""
    log_factor, tilted = tilt(xp, p, slopes[..., None, :] * u[..., None])
    return xp.exp(xp.sum(log_factor, axis=-1) - constant[..., None] * u), tilted


def _scaled(xp: Any, p: Any, ratio: Ratio, count: Any) -> Iterator[Any]:
    """Nodes (..., Q) for a ratio, some at a time."""
    # The integral does not depend on the scale, so neither does its gradient.
    mean = _ops.stop_gradient(xp, ratio.d0 + xp.sum(count * p * ratio.d, axis=-1))
    mean = xp.where(mean > 0, mean, xp.ones_like(mean))
    entries = math.prod(ratio.d.shape)
    for v in chunks(nodes(xp, LOW, HIGH, like=ratio.d), entries):
        yield v / mean[..., None]
