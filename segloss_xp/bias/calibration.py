"""Calibration: whether what is predicted with probability p happens in a share p of the cases."""

from typing import Any, NamedTuple

from segloss_xp import _ops
from segloss_xp._array import AllReduce, Array, is_floating, namespace, working_dtype
from segloss_xp._grain import divide
from segloss_xp.bias._observations import Kind, observations


class ConfidenceHistogram(NamedTuple):
    r"""
    Sums over equal bins of the confidence, from which all measures of calibration follow.

    Bin b of B holds the confidences in :math:`[b/B, (b+1)/B)`, the last one 1 too. With the number
    :math:`n_b` of observations, the mean confidence :math:`\bar p_b` and the share
    :math:`\bar y_b` of what happened,

    .. math:: ECE = \sum_b \frac{n_b}{n} |\bar p_b - \bar y_b|, \quad
        bias = \sum_b \frac{n_b}{n} (\bar p_b - \bar y_b), \quad |bias| \le ECE.

    Every entry is a sum: histograms add up with ``+`` over images and with `all_reduce` over
    devices. K is 1, or the number of classes for ``kind="class-wise"``; a measure is the mean over
    those of the K that have an observation, and 0 where none has.

    Attributes
    ----------
    count : array of integers, (K, B)
        Number of observations; floating, their weight, where voxels have weights.
    confidence, outcome : array, (K, B)
        The confidences, and what happened (1 or 0, or a soft label), added up.
    squared_error, log_loss : array, (K,)
        The Brier score and the logarithmic score of the observations, added up.

    Notes
    -----
    Of a library's transformations it is a tuple of arrays: it can be returned from ``jax.jit`` and
    added up by ``jax.lax.psum``.

    References
    ----------
    M. Pakdaman Naeini et al. (2015), Obtaining well calibrated probabilities using Bayesian
    binning (ECE, MCE); C. Guo et al. (2017), On calibration of modern neural networks;
    T. Popordanoska et al. (2021), On the relationship between calibrated predictors and unbiased
    volume estimation.

    Examples
    --------
    >>> import numpy as np
    >>> from segloss_xp import bias
    >>> p = np.array([[[0.25, 0.25, 0.55, 0.75, 0.75]]])
    >>> y = np.array([[[0.0, 0.0, 1.0, 1.0, 1.0]]])
    >>> h = bias.confidence_histogram(p, y, bins=2, from_logits=False, multilabel=True)
    >>> print(h.count, *(round(float(m), 4) for m in (h.ece(), h.mce(), h.bias())))
    [[2 3]] 0.29 0.3167 -0.09
    """

    count: Any
    confidence: Any
    outcome: Any
    squared_error: Any
    log_loss: Any

    def __add__(self, other: Any) -> "ConfidenceHistogram":  # pyright: ignore
        if not isinstance(other, ConfidenceHistogram):
            return NotImplemented
        shapes = tuple(self.count.shape), tuple(other.count.shape)
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"expected histograms of the same classes and bins, got shapes {shapes[0]} and "
                f"{shapes[1]}"
            )
        return ConfidenceHistogram(*(a + b for a, b in zip(self, other, strict=True)))

    def __radd__(self, other: Any) -> "ConfidenceHistogram":
        return self if isinstance(other, int) and other == 0 else NotImplemented  # sum()

    @property
    def bins(self) -> int:
        """The number of bins B."""
        return self.count.shape[-1]

    @property
    def edges(self) -> tuple[float, ...]:
        """The B + 1 edges of the bins."""
        return tuple(b / self.bins for b in range(self.bins + 1))

    def of_class(self, number: int) -> "ConfidenceHistogram":
        """The histogram of one class, or of a slice of them."""
        chosen = number if isinstance(number, slice) else slice(number, number + 1 or None)
        return ConfidenceHistogram(*(each[chosen, ...] for each in self))

    def reliability(self) -> tuple[Any, Any, Any]:
        """
        Share of the observations, mean confidence and mean outcome in each bin, each (K, B).

        The means of a bin without observations are its centre and 0.
        """
        xp, n = namespace(self.confidence), self._weights()
        centres = [(b + 0.5) / self.bins for b in range(self.bins)]
        centre = _ops.constant(xp, [centres], n.dtype, like=self.confidence)
        empty = n == 0
        return (
            divide(n, xp.sum(n, axis=1, keepdims=True)),
            xp.where(empty, centre, divide(self.confidence, n)),
            divide(self.outcome, n),
        )

    def ece(self) -> Any:
        """Expected calibration error: the mean gap, bins by their share of the observations."""
        return self._mean(self._sum(self._size(self.confidence - self.outcome)), self._total())

    def mce(self) -> Any:
        """Maximum calibration error: the largest gap of a bin."""
        return self._mean(namespace(self.confidence).max(self._size(self._gap()), axis=1))

    def ace(self) -> Any:
        """
        Average calibration error: the mean gap, each bin that is not empty alike.

        The other measure of this name has bins of equal mass: `adaptive_calibration_error`.
        """
        xp, n = namespace(self.confidence), self._weights()
        used = xp.where(n > 0, xp.ones_like(n), xp.zeros_like(n))
        return self._mean(self._sum(self._size(self._gap())), self._sum(used))

    def rmsce(self) -> Any:
        """Root of the mean squared gap, bins by their share of the observations."""
        gap = self._gap()
        squares = divide(self._sum(self._weights() * gap * gap), self._total())
        return self._mean(squares**0.5)

    def bias(self) -> Any:
        """Mean confidence less mean outcome; for marginals positive where volumes are too large."""
        return self._mean(self._sum(self.confidence - self.outcome), self._total())

    def brier(self) -> Any:
        """Brier score of what was binned, the mean of (p - y)^2."""
        return self._mean(self.squared_error, self._total())

    def nll(self) -> Any:
        """Negative log-likelihood of what was binned, the mean of -y log p - (1 - y) log(1 - p)."""
        return self._mean(self.log_loss, self._total())

    def _weights(self) -> Any:
        xp = namespace(self.confidence)
        return xp.astype(self.count, self.confidence.dtype, copy=False)

    def _gap(self) -> Any:
        return divide(self.confidence - self.outcome, self._weights())

    def _total(self) -> Any:
        return self._sum(self._weights())

    @staticmethod
    def _sum(x: Any) -> Any:
        return namespace(x).sum(x, axis=1)

    @staticmethod
    def _size(x: Any) -> Any:
        return namespace(x).where(x < 0, -x, x)

    def _mean(self, numerator: Any, denominator: Any = 1.0) -> Any:
        """Mean over the classes that have observations."""
        xp, total = namespace(numerator), self._total()
        used = xp.where(total > 0, xp.ones_like(total), xp.zeros_like(total))
        return divide(xp.sum(divide(numerator, denominator * used) * used), xp.sum(used))


def confidence_histogram(
    prediction: Array,
    target: Array,
    *,
    bins: int = 15,
    kind: Kind = "marginal",
    from_logits: bool = True,
    multilabel: bool = False,
    class_axis: int = 1,
    mask: Array | None = None,
    voxel_weights: Array | None = None,
    ignore_index: int | None = None,
    all_reduce: AllReduce | None = None,
) -> ConfidenceHistogram:
    """
    Histogram of the confidence in each voxel, with what happened.

    Parameters
    ----------
    prediction, target : array
        As for a loss; see `Loss`. Soft labels count as shares of what happened.
    bins : int
        Number of bins of equal width.
    kind : {"marginal", "top-label", "class-wise"}
        What is an observation. Of the marginals, each voxel and foreground class, with the
        probability of the class; their bias is that of the volume. Of top labels, each voxel, with
        the probability of the most probable class and whether it is the right one. Class-wise, as
        marginals, but each class on its own and the background too. With ``multilabel=True`` each
        channel is foreground.
    from_logits, multilabel, class_axis, mask, voxel_weights, ignore_index, all_reduce
        As for a loss; see `Loss`.

    Returns
    -------
    ConfidenceHistogram

    Raises
    ------
    ValueError
        If a shape or a choice does not fit; if probabilities are seen to be outside [0, 1].
    TypeError
        If a dtype does not fit, or arrays of different libraries are mixed.

    Notes
    -----
    Works under ``jax.jit`` and ``torch.compile``. The logarithmic score is computed from the
    probabilities, none less than the smallest normal number; where logits are so far apart that
    probabilities round to 1, `CrossEntropyLoss` has the digits.

    Examples
    --------
    >>> import numpy as np
    >>> from segloss_xp import bias
    >>> p = np.array([[[0.45, 0.9, 0.4, 0.1], [0.55, 0.1, 0.6, 0.9]]])
    >>> labels = np.array([[0, 0, 1, 1]])
    >>> for kind in ("marginal", "top-label", "class-wise"):
    ...     h = bias.confidence_histogram(p, labels, bins=3, kind=kind, from_logits=False)
    ...     print(h.count.tolist(), round(float(h.ece()), 3))
    [[1, 2, 1]] 0.087
    [[0, 2, 2]] 0.087
    [[1, 2, 1], [1, 2, 1]] 0.087
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
        voxel_weights=voxel_weights,
        ignore_index=ignore_index,
    )
    xp = namespace(p)
    zero, nothing = xp.zeros_like(p), xp.zeros_like(used)

    def add_up(x: Any, inside: Any) -> Any:
        return xp.sum(xp.where(inside, x, nothing if x is used else zero), axis=1)

    # One pass a bin: accurate sums in every library, and no array of bins by voxels.
    everywhere = xp.ones_like(p, dtype=xp.bool)
    above, sums = everywhere, []
    for b in range(bins):
        within, above = above, p >= (b + 1) / bins if b + 1 < bins else ~everywhere
        inside = within & ~above
        sums.append([add_up(x, inside) for x in (used, _weigh(p, used), _weigh(y, used))])
    scores = [_weigh(s, used) for s in ((p - y) * (p - y), _log_score(xp, p, y))]
    parts = [xp.stack(part, axis=1) for part in zip(*sums, strict=True)]
    parts += [add_up(s, everywhere) for s in scores]
    return ConfidenceHistogram(*(parts if all_reduce is None else map(all_reduce, parts)))


def _weigh(x: Any, used: Any) -> Any:
    """Times the weight; a weight of integers is 0 or 1."""
    xp = namespace(x)
    if is_floating(xp, used):
        return x * used
    return xp.where(used > 0, x, xp.zeros_like(x))


def _log_score(xp: Any, p: Any, y: Any) -> Any:
    tiny = float(xp.finfo(working_dtype(xp, p)).smallest_normal)
    p, q = xp.clip(p, min=tiny), xp.clip(1.0 - p, min=tiny)
    return -y * xp.log(p) - (1.0 - y) * xp.log(q)
