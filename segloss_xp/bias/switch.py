"""The probability from which on a perfect network predicts a region that is uncertain."""

import math
from typing import Any

import numpy as np

from segloss_xp import _execution, _ops
from segloss_xp._array import namespace
from segloss_xp.bias import _laplace
from segloss_xp.bias._ratio import LossName, Ratio, Score

_BISECTIONS, _DIFFERENCE = 60, 1e-5


def switch_probability(
    n: float,
    mu: Any,
    loss: LossName = "dice",
    *,
    alpha: float | None = None,
    beta: float | None = None,
    certain: float = 1.0,
    background: float | None = None,
) -> Any:
    r"""
    Probability at which the best prediction of n equal, independent regions jumps from 0 to 1.

    Regions of one probability p and of volume mu in all lie beside a foreground that is certain.
    For cross-entropy the best prediction is p, at any p. For Dice, Jaccard and Tversky it is 0 up
    to the switch probability and 1 beyond it. Where that is below one half, volumes are biased
    upwards in the mean over p: by

    .. math:: \int_0^1 \mu (1_{p > p_c} - p) \, dp = \mu (\tfrac{1}{2} - p_c)

    Parameters
    ----------
    n : int or math.inf
        Number of the regions.
    mu : float or array, > 0
        Volume of all of them together, in the unit of `certain`.
    loss : {"dice", "jaccard", "tversky"}
    alpha, beta : float, optional
        Of "tversky", where both are needed.
    certain : float
        Volume of the certain foreground; 0 for none.
    background : float, optional
        Volume of the certain background, where its class counts as much as the foreground, in the
        mean of two scores. Default: only the foreground counts.

    Returns
    -------
    float, or array of the shape of `mu`
        Differentiable by `mu`.

    Raises
    ------
    ValueError
        If `n` is not a whole number from 1, a volume is out of range, or the loss has no switch.

    Notes
    -----
    For a score TP / (TP + a FP + b FN), beside a certain foreground of volume c,

    .. math:: p_c(1) = \frac{a (c + b \mu)}{a (c + b \mu) + b (c + a \mu)}, \quad
        p_c(\infty) = \frac{2 a c}{(a + b) c + \sqrt{(a + b)^2 c^2 + 4 a b c \mu}}

    so that for Dice one region switches at 1/2 whatever its volume, and ever more of them at
    :math:`(\sqrt{1 + \mu} - 1) / \mu` for c = 1. With a background class of that volume, or with
    other n, the two risks are equalled by bisection. That all of the n regions are predicted or
    none is a theorem for n = 1 and in the limit, where a + b >= 1, and is what is always found
    for others. Smoothing of the Dice by s is a certain foreground that is larger by s / 2.

    References
    ----------
    J. Bertels et al. (2021), Theoretical analysis and experimental validation of volume bias of
    soft Dice optimized segmentation maps in the context of inherent uncertainty.

    Examples
    --------
    >>> import math
    >>> import segloss_xp.bias as bias
    >>> [round(bias.switch_probability(n, 1.0), 4) for n in (1, 4, 16, math.inf)]
    [0.5, 0.4358, 0.4196, 0.4142]
    """
    score = Score(loss=loss, alpha=alpha, beta=beta)
    if not score.jumps:
        raise ValueError(
            "expected a loss that switches, 'dice', 'jaccard', or 'tversky' with alpha + beta >= "
            f"1, got {loss!r} with alpha={alpha}, beta={beta}"
        )
    if not (n == math.inf or (n >= 1 and n == int(n))):
        raise ValueError(f"expected n to be a whole number from 1, or infinite, got {n}")
    for what, volume in (("certain", certain), ("background", background)):
        if volume is not None and not 0 <= volume < math.inf:
            raise ValueError(f"expected {what} >= 0, got {volume}")
    if isinstance(mu, int | float):
        return float(_switch(n, np.asarray([float(mu)]), score, certain, background)[0])
    return _switch(n, mu, score, certain, background)


def _switch(n: float, mu: Any, score: Score, c: float, background: float | None) -> Any:
    xp = namespace(mu)
    if _execution.values_known(xp, mu) and not xp.all((mu > 0) & (mu < math.inf)):
        raise ValueError(
            f"expected mu > 0, got values from {float(xp.min(mu))} to {float(xp.max(mu))}"
        )
    a, b = score.weights
    if background is None and n == 1:
        above, below = a * (c + b * mu), b * (c + a * mu)
        return above / (above + below)
    if background is None and n == math.inf:
        if c == 0:
            return 0.0 * mu
        root = ((a + b) ** 2 * c * c + 4 * a * b * c * mu) ** 0.5
        return 2 * a * c / ((a + b) * c + root)

    def gain(p: Any, mu: Any) -> Any:
        """What the score gains when all regions are predicted rather than none."""
        gained = _gain(n, p, mu, score, c)
        if background is None:
            return gained
        # The other class gains when they are left, and has them where this one has not.
        return gained - _gain(n, 1.0 - p, mu, score, background)

    low, high, held = xp.zeros_like(mu), xp.ones_like(mu), _ops.stop_gradient(xp, mu)
    for _ in range(_BISECTIONS):
        p = (low + high) / 2
        positive = gain(p, held) > 0
        low, high = xp.where(positive, low, p), xp.where(positive, p, high)
    p = (low + high) / 2
    # A step of Newton, of no length, has the gradient of the root.
    up, down = p + _DIFFERENCE * (1.0 - p), p - _DIFFERENCE * p
    rise = (gain(up, held) - gain(down, held)) / _DIFFERENCE
    return p - gain(p, mu) / _ops.stop_gradient(xp, rise)


def _gain(n: float, p: Any, mu: Any, score: Score, c: float) -> Any:
    """Expected score with all n regions predicted, less that with none."""
    xp = namespace(mu)
    a, b = score.weights
    if n == math.inf:
        found = c + mu * p
        missed = c / (c + b * mu * p) if c > 0 else xp.zeros_like(found)
        return found / (found + a * mu * (1.0 - p)) - missed
    each = (mu / n)[..., None]
    zero = xp.zeros_like(mu)
    all_of_them = Ratio(c + zero, each, c + a * mu, (1 - a) * each)
    none = Ratio(c + zero, 0.0 * each, c + zero, b * each)
    p = p[..., None]
    gained = _laplace.mean_ratio(p, all_of_them, float(n)) - _laplace.mean_ratio(p, none, float(n))
    return gained if c > 0 else gained - (1.0 - p[..., 0]) ** n
