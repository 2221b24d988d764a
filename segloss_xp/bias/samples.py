"""Segmentations of one image by many, or drawn from any law of the labels."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from segloss_xp import _execution, _ops
from segloss_xp._array import is_bool, is_floating, namespace, working_dtype
from segloss_xp._grain import divide
from segloss_xp.bias._ratio import Ratio, minus_log
from segloss_xp.bias.uncertainty import Independent, Uncertainty, check_values

# How far a sum of weights may be from 1: they may come in single precision.
_NEAR_ONE = 1e-5


@dataclass(frozen=True, eq=False, kw_only=True)
class Samples(Uncertainty):
    r"""
    Some segmentations, each with its probability: of annotators, or drawn from any law.

    .. math:: P(y = Y_k) = w_k

    Parameters
    ----------
    labels : array (K, *shape)
        0 or 1, or boolean, for each of K samples.
    weights : array (K,), floating, optional
        Probability of each sample. Default: the same for all.
    volumes : array or float
        Volume of each region, in any unit. Default: 1, as for voxels.

    Raises
    ------
    ValueError
        If a label is neither 0 nor 1, the weights are negative or do not sum to 1, a volume is not
        positive, or a shape does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp.bias as bias
    >>> truth = bias.Samples(labels=np.array([[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 1, 0]]))
    >>> truth.marginal.round(3)
    array([1.   , 0.333, 0.667, 0.   ])
    >>> truth.compressed()[0].shape
    (4,)
    """

    labels: Any
    weights: Any = None

    def __post_init__(self) -> None:
        labels, weights = self.labels, self.weights
        volumes = None if isinstance(self.volumes, int | float) else self.volumes
        xp = namespace(labels, weights, volumes)
        if labels.ndim < 2 or labels.shape[0] < 1:
            raise ValueError(
                f"expected labels (K, *shape) of K samples, got shape {tuple(labels.shape)}"
            )
        if not is_bool(xp, labels):
            check_values(xp, labels, (labels == 0) | (labels == 1), "labels 0 or 1")
        if weights is not None:
            if tuple(weights.shape) != (labels.shape[0],) or not is_floating(xp, weights):
                raise ValueError(
                    f"expected floating weights, one for each of {labels.shape[0]} samples, got "
                    f"shape {tuple(weights.shape)} and dtype {weights.dtype}"
                )
            check_values(xp, weights, weights >= 0, "weights >= 0")
            if _execution.values_known(xp, weights):
                total = float(xp.sum(weights))
                if not abs(total - 1) <= _NEAR_ONE:
                    raise ValueError(f"expected weights that sum to 1, got a sum of {total}")
        self.check_volumes(xp)

    @classmethod
    def drawn_from(cls, truth: Independent, count: int, *, seed: int = 0) -> "Samples":
        """
        Draws from independent regions, for what can't take all their outcomes.

        Parameters
        ----------
        truth : Independent
        count : int
            Number of draws.
        seed : int
            The draws are the same for the same seed, on every library.

        Returns
        -------
        Samples

        Raises
        ------
        ValueError
            If `count` is less than 1.
        TypeError
            If the truth is not `Independent`.

        Examples
        --------
        >>> import numpy as np
        >>> import segloss_xp.bias as bias
        >>> truth = bias.Independent(p=np.array([1.0, 0.3]))
        >>> bias.Samples.drawn_from(truth, 10_000).marginal.round(2)
        array([1.  , 0.29])
        """
        if not isinstance(truth, Independent):
            raise TypeError(f"expected Independent, got {type(truth)}")
        if count < 1:
            raise ValueError(f"expected one draw or more, got {count}")
        p = truth.marginal
        uniform = np.random.default_rng(seed).random((count, p.shape[0]))
        labels = _ops.constant(namespace(p), uniform, p.dtype, like=p) < p
        return cls(labels=truth.unflat(labels), volumes=truth.volumes)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.labels.shape[1:])

    @property
    def outcomes(self) -> Any:
        """The labels (K, R), as numbers."""
        xp = namespace(self.labels)
        y = xp.astype(self.labels, self._dtype(xp), copy=False)
        return xp.reshape(y, (y.shape[0], math.prod(self.shape)))

    @property
    def probabilities(self) -> Any:
        """Probability of each sample, (K,)."""
        xp, samples = namespace(self.labels), self.labels.shape[0]
        if self.weights is None:
            return _ops.constant(xp, [1 / samples] * samples, self._dtype(xp), like=self.labels)
        return xp.astype(self.weights, self._dtype(xp), copy=False)

    @property
    def marginal(self) -> Any:
        xp = namespace(self.labels)
        return xp.sum(self.probabilities[:, None] * self.outcomes, axis=0)

    def mean_ratio(self, ratio: Ratio, empty: float) -> Any:
        above, below = self._sums(ratio)
        scores = divide(above, below, empty=empty)
        return namespace(scores).sum(self.probabilities * scores, axis=-1)

    def mean_log(self, ratio: Ratio, empty: float) -> Any:
        above, below = self._sums(ratio)
        xp, w = namespace(above), self.probabilities
        scores = divide(above, below, empty=empty)
        # A sample without a probability costs nothing, not even where the logarithm is infinite.
        scores = xp.where(w > 0, scores, xp.ones_like(scores))
        return xp.sum(w * minus_log(scores), axis=-1)

    def slopes(self, ratio: Ratio, *, logarithmic: bool) -> Ratio:
        above, below = self._sums(ratio)
        xp, w, y = namespace(above), self.probabilities, self.outcomes
        if logarithmic:
            by_above, by_below = -divide(w, above), divide(w, below)
        else:
            by_above = divide(w, below)
            by_below = -by_above * divide(above, below)

        def over_samples(slope: Any) -> tuple[Any, Any]:
            rows = [slope[..., k, None] * y[k, :] for k in range(y.shape[0])]
            return xp.sum(slope, axis=-1), sum(rows[1:], rows[0])

        return Ratio(*over_samples(by_above), *over_samples(by_below))

    def law(self) -> tuple[Any, Any]:
        return self.outcomes > 0.5, self.probabilities

    def compressed(self) -> tuple["Samples", Any]:
        """
        The same law on fewer regions: those that are labelled alike by all samples become one.

        Returns
        -------
        samples : Samples
            With a region for each pattern of labels, of the volume of all that have it.
        pattern : array of integers (R,)
            Which of them each region is part of.
        """
        xp, y, s = namespace(self.labels), self.outcomes, self.sizes
        pattern = xp.unique_inverse(y[0, :]).inverse_indices
        for k in range(1, y.shape[0]):
            # Numbered anew for each sample, so that the numbers stay small.
            code = 2 * pattern + xp.astype(y[k, :], pattern.dtype)
            pattern = xp.reshape(xp.unique_inverse(code).inverse_indices, (-1,))
        order = xp.argsort(pattern)
        step = xp.diff(xp.take(pattern, order))
        first = xp.concat([xp.zeros_like(step[:1]), xp.nonzero(step)[0] + 1])
        total = xp.cumulative_sum(xp.take(s, order), include_initial=True)
        ends = xp.concat([first[1:], xp.zeros_like(first[:1]) + order.shape[0]])
        merged = Samples(
            labels=xp.take(y, xp.take(order, first), axis=1),
            weights=self.probabilities,
            volumes=xp.take(total, ends) - xp.take(total, first),
        )
        return merged, pattern

    def _sums(self, ratio: Ratio) -> tuple[Any, Any]:
        """Numerator and denominator for each sample, (..., K)."""
        xp, y = namespace(ratio.n), self.outcomes
        # A sample at a time, so that a batch of predictions is not spread over all of them.
        return tuple(
            xp.stack(
                [c0 + xp.sum(c * y[k, :], axis=-1) for k in range(y.shape[0])],
                axis=-1,
            )
            for c0, c in ((ratio.n0, ratio.n), (ratio.d0, ratio.d))
        )

    def _dtype(self, xp: Any) -> Any:
        for each in (self.weights, self.volumes, self.labels):
            if hasattr(each, "dtype") and is_floating(xp, each):
                return working_dtype(xp, each)
        return _ops.longest(xp, self.labels)
