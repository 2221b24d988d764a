"""What is known of an uncertain segmentation: three descriptions of the law of its labels."""

import math
from dataclasses import dataclass
from typing import Any

from segloss_xp import _ops
from segloss_xp._array import is_bool, is_floating, namespace, working_dtype
from segloss_xp._grain import divide
from segloss_xp.bias import _laplace
from segloss_xp.bias._ratio import Ratio

# How far a sum of weights may be from 1: they may come in single precision.
_NEAR_ONE = 1e-5


@dataclass(frozen=True, eq=False, kw_only=True)
class Uncertainty:
    """
    Regions of known volume whose labels are uncertain; the base of the descriptions.

    A region may be a voxel. Whatever the description, `marginal` are the probabilities of the
    regions (R,), and `sizes` their volumes (R,); what is asked for a prediction of the shape of
    the description, after any batch axes, has the batch axes.

    Parameters
    ----------
    volumes : array or float
        Volume of each region, of the shape of the description, or of all.
    """

    volumes: Any = 1.0

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the regions."""
        raise NotImplementedError

    @property
    def marginal(self) -> Any:
        """Probability of each region to be foreground, (R,)."""
        raise NotImplementedError

    @property
    def sizes(self) -> Any:
        """Volume of each region, (R,)."""
        like = self.marginal
        xp = namespace(like)
        volumes = self.volumes
        if isinstance(volumes, int | float):
            return float(volumes) * xp.ones_like(like)
        return xp.reshape(xp.astype(xp.asarray(volumes), like.dtype, copy=False), (-1,))

    @property
    def volume(self) -> Any:
        """The expected volume of the foreground."""
        p = self.marginal
        return namespace(p).sum(p * self.sizes)

    def flat(self, prediction: Any) -> Any:
        """A prediction (..., *shape) as (..., R), in the precision of the description."""
        p = self.marginal
        xp = namespace(p, prediction)
        shape = tuple(prediction.shape)
        batch = shape[: len(shape) - len(self.shape)]
        if shape[len(batch) :] != self.shape or not is_floating(xp, prediction):
            raise ValueError(
                f"expected a floating prediction of shape {self.shape}, after any batch axes; got "
                f"shape {shape} and dtype {prediction.dtype}"
            )
        x = xp.astype(xp.asarray(prediction), p.dtype, copy=False)
        return xp.reshape(x, (*batch, math.prod(self.shape)))

    def unflat(self, x: Any) -> Any:
        """From (..., R) back to (..., *shape)."""
        return namespace(x).reshape(x, (*x.shape[:-1], *self.shape))

    def mean_ratio(self, ratio: Ratio, empty: float) -> Any:
        """Expectation of a ratio, with 0 / 0 as `empty`; (...)."""
        raise NotImplementedError

    def mean_log(self, ratio: Ratio, empty: float) -> Any:
        """Expectation of minus the logarithm of a ratio; (...)."""
        raise NotImplementedError

    def slopes(self, ratio: Ratio, *, logarithmic: bool) -> Ratio:
        """Slopes of one of these expectations by the parts of the ratio."""
        raise NotImplementedError

    def _check_volumes(self, xp: Any) -> None:
        volumes = self.volumes
        if isinstance(volumes, int | float):
            if not 0 < volumes < math.inf:
                raise ValueError(f"expected volumes > 0, got {volumes}")
            return
        if tuple(volumes.shape) != self.shape:
            raise ValueError(
                f"expected volumes of the shape of the regions, {self.shape}, "
                f"got {tuple(volumes.shape)}"
            )
        _check_values(xp, volumes, (volumes > 0) & (volumes < math.inf), "volumes > 0")


@dataclass(frozen=True, eq=False, kw_only=True)
class _Probabilities(Uncertainty):
    """Described by a probability for each region."""

    p: Any

    def __post_init__(self) -> None:
        volumes = None if isinstance(self.volumes, int | float) else self.volumes
        xp = namespace(self.p, volumes)
        if not is_floating(xp, self.p):
            raise TypeError(f"expected floating probabilities, got dtype {self.p.dtype}")
        _check_values(xp, self.p, (self.p >= 0) & (self.p <= 1), "probabilities from 0 to 1")
        self._check_volumes(xp)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.p.shape)

    @property
    def marginal(self) -> Any:
        xp = namespace(self.p)
        return xp.reshape(xp.astype(self.p, working_dtype(xp, self.p), copy=False), (-1,))


class Independent(_Probabilities):
    r"""
    Regions that are foreground or not as a whole, independent of one another.

    .. math:: P(y) = \prod_j p_j^{y_j} (1 - p_j)^{1 - y_j}

    Parameters
    ----------
    p : array, floating
        Probability of each region, of any shape; float64 is recommended.
    volumes : array or float
        Volume of each region, in any unit. Default: 1, as for voxels.

    Raises
    ------
    ValueError
        If a probability is outside [0, 1], a volume is not positive, or a shape does not fit.

    Notes
    -----
    Expectations over the 2^R outcomes cost O(R) operations, by a Laplace transform, and are exact
    but for 1e-12; they can be differentiated by the prediction, by `p` and by `volumes`.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp.bias as bias
    >>> truth = bias.Independent(p=np.array([1.0, 0.45]), volumes=np.array([1.0, 4.0]))
    >>> print(bias.risk(truth, np.array([1.0, 0.0])).round(3))
    0.3
    """

    def mean_ratio(self, ratio: Ratio, empty: float) -> Any:
        nothing = _laplace.nothing(self.marginal, ratio.d0, ratio.d)
        return _laplace.mean_ratio(self.marginal, ratio) + empty * nothing

    def mean_log(self, ratio: Ratio, empty: float) -> Any:
        xp, p = namespace(ratio.n), self.marginal
        empty_both = _laplace.nothing(p, ratio.d0, ratio.d)
        missed = _laplace.nothing(p, ratio.n0, ratio.n) - empty_both
        finite = _laplace.mean_log(p, ratio)
        never = math.inf * xp.ones_like(finite)
        if empty < 1:
            finite = finite + xp.where(empty_both > 0, _minus_log(empty) * empty_both, 0.0 * finite)
        return xp.where(missed > 0, never, finite)

    def slopes(self, ratio: Ratio, *, logarithmic: bool) -> Ratio:
        rule = _laplace.mean_log_slopes if logarithmic else _laplace.mean_ratio_slopes
        return rule(self.marginal, ratio)


class Marginals(_Probabilities):
    r"""
    Regions of which only the probabilities are known: a ratio of expectations is taken.

    .. math:: D(x, E y) = \frac{2 \sum_j s_j x_j p_j}{\sum_j s_j x_j + \sum_j s_j p_j}

    This is the Dice of a soft label, of a batch without end, and the limit of that of independent
    voxels for ever more of them; it is not the expectation of the Dice.

    Parameters
    ----------
    p : array, floating
        Probability of each region, of any shape.
    volumes : array or float
        Volume of each region, in any unit. Default: 1, as for voxels.

    Raises
    ------
    ValueError
        If a probability is outside [0, 1], a volume is not positive, or a shape does not fit.

    References
    ----------
    M. Nordström et al. (2022), On image segmentation with noisy labels: characterization and
    volume properties of the optimal solutions to accuracy and Dice.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp.bias as bias
    >>> truth = bias.Marginals(p=np.array([1.0, 0.45]), volumes=np.array([1.0, 4.0]))
    >>> print(bias.risk(truth, np.array([1.0, 0.0])).round(3))
    0.474
    """

    def mean_ratio(self, ratio: Ratio, empty: float) -> Any:
        xp, p = namespace(ratio.n), self.marginal
        above = ratio.n0 + xp.sum(ratio.n * p, axis=-1)
        return divide(above, ratio.d0 + xp.sum(ratio.d * p, axis=-1), empty=empty)

    def mean_log(self, ratio: Ratio, empty: float) -> Any:
        return -namespace(ratio.n).log(self.mean_ratio(ratio, empty))


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
            _check_values(xp, labels, (labels == 0) | (labels == 1), "labels 0 or 1")
        if weights is not None:
            if tuple(weights.shape) != (labels.shape[0],) or not is_floating(xp, weights):
                raise ValueError(
                    f"expected floating weights, one for each of {labels.shape[0]} samples, got "
                    f"shape {tuple(weights.shape)} and dtype {weights.dtype}"
                )
            _check_values(xp, weights, weights >= 0, "weights >= 0")
            if _ops.values_known(xp, weights):
                total = float(xp.sum(weights))
                if not abs(total - 1) <= _NEAR_ONE:
                    raise ValueError(f"expected weights that sum to 1, got a sum of {total}")
        self._check_volumes(xp)

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
        # Nothing is lost on a sample without a probability, where the logarithm may be infinite.
        return -xp.sum(w * xp.log(xp.where(w > 0, scores, xp.ones_like(scores))), axis=-1)

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
        return _ops.double(xp)


def _minus_log(x: float) -> float:
    return -math.log(x) if x > 0 else math.inf


def _check_values(xp: Any, array: Any, right: Any, expected: str) -> None:
    """Raise a ``ValueError`` that says the range, where Python may look at the values."""
    if _ops.values_known(xp, array) and not xp.all(right):
        low, high = float(xp.min(array)), float(xp.max(array))
        raise ValueError(f"expected {expected}, got values from {low} to {high}")
