"""Calibration with bins of equal mass."""

from typing import Any

from segloss_xp._array import Array, namespace
from segloss_xp._grain import divide
from segloss_xp.bias._observations import Kind, observations


def adaptive_calibration_error(
    prediction: Array,
    target: Array,
    *,
    bins: int = 15,
    kind: Kind = "marginal",
    from_logits: bool = True,
    multilabel: bool = False,
    class_axis: int = 1,
    mask: Array | None = None,
    ignore_index: int | None = None,
) -> Any:
    r"""
    Adaptive calibration error: the mean gap of bins of equal mass.

    .. math:: ACE = \frac1{KB} \sum_k \sum_b |\bar p_{kb} - \bar y_{kb}|

    Parameters
    ----------
    prediction, target : array
        As for a loss; see `Loss`.
    bins : int
        Number of bins: the observations in the order of their confidence are cut into as many runs
        of the same length, but for one.
    kind : {"marginal", "top-label", "class-wise"}
        What is an observation: see `confidence_histogram`.
    from_logits, multilabel, class_axis, mask, ignore_index
        As for a loss; see `Loss`.

    Returns
    -------
    array
        The error; 0 where there is no observation.

    Notes
    -----
    Such bins depend on the data, so that the errors of parts do not add up to that of the whole.
    Equal confidences may fall into two bins.

    References
    ----------
    J. Nixon et al. (2019), Measuring calibration in deep learning.

    Examples
    --------
    >>> import numpy as np
    >>> from segloss_xp import bias
    >>> p = np.array([[[0.1, 0.2, 0.7, 0.8]]])
    >>> y = np.array([[[0.0, 1.0, 1.0, 1.0]]])
    >>> error = bias.adaptive_calibration_error
    >>> float(error(p, y, bins=2, from_logits=False, multilabel=True).round(4))
    0.3
    """
    if not isinstance(bins, int) or bins < 1:
        raise ValueError(f"expected a number of bins of at least 1, got {bins!r}")
    p, y, used = observations(
        prediction,
        target,
        kind,
        from_logits=from_logits,
        multilabel=multilabel,
        class_axis=class_axis,
        mask=mask,
        ignore_index=ignore_index,
    )
    xp = namespace(p)
    errors = [_equal_mass(xp, p[k, :], y[k, :], used[k, :], bins) for k in range(p.shape[0])]
    totals, filled = (xp.stack(each) for each in zip(*errors, strict=True))
    return divide(xp.sum(totals), xp.sum(filled))


def _equal_mass(xp: Any, p: Any, y: Any, used: Any, bins: int) -> tuple[Any, Any]:
    """Sum of the gaps of bins of equal mass, and the number of bins that are not empty."""
    valid = used > 0
    # What does not count comes last.
    order = xp.argsort(xp.where(valid, p, 2.0 * xp.ones_like(p)), stable=True)
    gap = xp.where(valid, p - y, xp.zeros_like(p))
    gap = xp.take(gap, order, axis=0)
    total = xp.sum(xp.astype(valid, xp.int32))
    rank = xp.cumulative_sum(xp.astype(xp.ones_like(valid), xp.int32), axis=0) - 1
    errors, filled = [], []
    for b in range(bins):
        inside = (rank >= total * b // bins) & (rank < total * (b + 1) // bins)
        size = xp.astype(xp.sum(xp.astype(inside, xp.int32)), p.dtype)
        mean = divide(xp.sum(xp.where(inside, gap, xp.zeros_like(gap))), size)
        errors.append(xp.where(mean < 0, -mean, mean))
        filled.append(xp.where(size > 0, xp.ones_like(size), xp.zeros_like(size)))
    return xp.sum(xp.stack(errors)), xp.sum(xp.stack(filled))
