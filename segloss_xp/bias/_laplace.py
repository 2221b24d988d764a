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
_STEP = 0.27
# Nodes in units of 1 / E[D]: below them, D u is nothing; above them, exp(-D u) is nothing even
# where D is 1e-12 of its mean.
_LOW, _HIGH = 1e-17, 4e13

# Entries of an array of nodes by regions, worked on at a time.
_CHUNK = 1 << 20


def nodes(xp: Any, low: float, high: float, *, like: Any) -> Any:
    """Values of u from `low` to `high`, a step apart in their logarithm."""
    count = math.ceil((math.log(high) - math.log(low)) / _STEP) + 1
    values = [low * math.exp(_STEP * k) for k in range(count)]
    return _ops.constant(xp, values, like.dtype, like=like)


def chunks(nodes: Any, entries: int) -> Iterator[Any]:
    """The nodes, as many at a time as fit with so many entries each."""
    size = max(1, _CHUNK // max(entries, 1))
    for k in range(0, nodes.shape[0], size):
        yield nodes[k : k + size]


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
    return _STEP * xp.sum(integrand, axis=-1)


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


def mean_ratio_slopes(p: Any, ratio: Ratio) -> tuple[Any, Ratio]:
    """The mean of a ratio, and its slopes by n, d0 and d; that by n0 is not looked for."""
    xp = namespace(ratio.n)
    flipped = ratio.d < 0
    sign = xp.where(flipped, -xp.ones_like(ratio.d), xp.ones_like(ratio.d))
    p, r = _positive(xp, p, ratio, 1.0)
    value, by_d0 = xp.zeros_like(r.d0), xp.zeros_like(r.d0)
    by_n, by_d, by_n0 = xp.zeros_like(r.n), xp.zeros_like(r.d), xp.zeros_like(r.d0)
    for v in _scaled(xp, p, r, 1.0):
        log_factor, tilted = tilt(xp, p[..., None, :], r.d[..., None, :] * v[..., None])
        n = r.n[..., None, :]
        weight = v * xp.exp(xp.sum(log_factor, axis=-1) - r.d0[..., None] * v)
        bracket = r.n0[..., None] + xp.sum(n * tilted, axis=-1)
        value = value + trapezoid(xp, weight * bracket)
        by_n0 = by_n0 + trapezoid(xp, weight)
        by_d0 = by_d0 - trapezoid(xp, v * weight * bracket)
        by_n = by_n + _STEP * xp.sum(weight[..., None] * tilted, axis=-2)
        rise = (v * weight)[..., None] * tilted * (bracket[..., None] + n * (1.0 - tilted))
        by_d = by_d - _STEP * xp.sum(rise, axis=-2)
    # Back from the labels that were turned round.
    zero = xp.zeros_like(by_n)
    by_n = sign * by_n + xp.where(flipped, by_n0[..., None], zero)
    by_d = sign * by_d + xp.where(flipped, by_d0[..., None], zero)
    return value, Ratio(by_n0, by_n, by_d0, by_d)


def mean_log(p: Any, ratio: Ratio) -> Any:
    """Mean of log D - log N over independent labels, where neither can be 0."""
    return mean_log_slopes(p, ratio)[0]


def mean_log_slopes(p: Any, ratio: Ratio) -> tuple[Any, Ratio]:
    """The mean of log D - log N, and its slopes by all four parts."""
    xp = namespace(ratio.n)
    value = xp.zeros_like(ratio.d0)
    slopes = []
    for sign, c0, c in ((1.0, ratio.n0, ratio.n), (-1.0, ratio.d0, ratio.d)):
        flipped = c < 0
        turn = xp.where(flipped, -xp.ones_like(c), xp.ones_like(c))
        # A ratio of 1 to the function: its transform is all that is needed.
        q, r = _positive(xp, p, Ratio(xp.zeros_like(c0), xp.zeros_like(c), c0, c), 1.0)
        by_0, by_c = xp.zeros_like(c0), xp.zeros_like(c)
        for v in _scaled(xp, p, ratio, 1.0):
            log_factor, tilted = tilt(xp, q[..., None, :], r.d[..., None, :] * v[..., None])
            transform = xp.exp(xp.sum(log_factor, axis=-1) - r.d0[..., None] * v)
            value = value + sign * trapezoid(xp, transform)
            by_0 = by_0 - sign * trapezoid(xp, v * transform)
            by_c = by_c - sign * _STEP * xp.sum((v * transform)[..., None] * tilted, axis=-2)
        by_c = turn * by_c + xp.where(flipped, by_0[..., None], xp.zeros_like(by_c))
        slopes.append((by_0, by_c))
    (by_n0, by_n), (by_d0, by_d) = slopes
    return value, Ratio(by_n0, by_n, by_d0, by_d)


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


def _scaled(xp: Any, p: Any, ratio: Ratio, count: Any) -> Iterator[Any]:
    """Nodes (..., Q) for a ratio, some at a time."""
    # The integral does not depend on the scale, so neither does its gradient.
    mean = _ops.stop_gradient(xp, ratio.d0 + xp.sum(count * p * ratio.d, axis=-1))
    mean = xp.where(mean > 0, mean, xp.ones_like(mean))
    entries = math.prod(ratio.d.shape)
    for v in chunks(nodes(xp, _LOW, _HIGH, like=ratio.d), entries):
        yield v / mean[..., None]
