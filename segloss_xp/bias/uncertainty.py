"""What is known of an uncertain segmentation: probabilities of its regions."""

import math
from dataclasses import dataclass
from typing import Any

from segloss_xp import _execution, _ops
from segloss_xp._array import is_floating, namespace, working_dtype
from segloss_xp._grain import divide
from segloss_xp.bias import _laplace
from segloss_xp.bias._ratio import Ratio, minus_log

# Independent regions whose outcomes are enumerated.
_MOST_REGIONS = 12


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
        volumes = volumes if namespace(volumes) is xp else xp.asarray(volumes)
        return xp.reshape(xp.astype(volumes, like.dtype, copy=False), (-1,))

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
        x = prediction if namespace(prediction) is xp else xp.asarray(prediction)
        check_values(xp, x, (x >= 0) & (x <= 1), "predictions from 0 to 1")
        x = xp.astype(x, p.dtype, copy=False)
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

    def law(self) -> tuple[Any, Any]:
        """Labels (K, R) that may be true, boolean or soft, and the probability of each, (K,)."""
        raise NotImplementedError

    def check_volumes(self, xp: Any) -> None:
        """Raise a ``ValueError`` unless the volumes are positive and as many as the regions."""
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
        check_values(xp, volumes, (volumes > 0) & (volumes < math.inf), "volumes > 0")


@dataclass(frozen=True, eq=False, kw_only=True)
class _Probabilities(Uncertainty):
    """Described by a probability for each region."""

    p: Any

    def __post_init__(self) -> None:
        volumes = None if isinstance(self.volumes, int | float) else self.volumes
        xp = namespace(self.p, volumes)
        if not is_floating(xp, self.p):
            raise TypeError(f"expected floating probabilities, got dtype {self.p.dtype}")
        check_values(xp, self.p, (self.p >= 0) & (self.p <= 1), "probabilities from 0 to 1")
        self.check_volumes(xp)

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
    but for 1e-12; those of a named loss can be differentiated by the prediction, by `p` and by
    `volumes`.

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

    def law(self) -> tuple[Any, Any]:
        p = self.marginal
        xp = namespace(p)
        uncertain = (p > 0) & (p < 1)
        count = int(xp.sum(xp.astype(uncertain, xp.int32)))
        if count > _MOST_REGIONS:
            raise ValueError(
                f"the loss is called on every outcome of the uncertain regions, of which there may "
                f"be {_MOST_REGIONS}; got {count}: describe them by draws, with "
                "Samples.drawn_from(truth, 1000)"
            )
        number = _ops.constant(xp, list(range(1 << count)), xp.int32, like=p)
        place = xp.cumulative_sum(xp.astype(uncertain, xp.int32), dtype=xp.int32) - 1
        bit = xp.bitwise_right_shift(number[:, None], xp.clip(place, min=0)) % 2
        labels = xp.where(uncertain, bit == 1, p >= 1)
        return labels, xp.prod(xp.where(labels, p, 1.0 - p), axis=1)


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
        return minus_log(self.mean_ratio(ratio, empty))

    def law(self) -> tuple[Any, Any]:
        p = self.marginal
        return p[None, :], namespace(p).ones_like(p[:1])


def _minus_log(x: float) -> float:
    return -math.log(x) if x > 0 else math.inf


def check_values(xp: Any, array: Any, right: Any, expected: str) -> None:
    """Raise a ``ValueError`` that says the range, where Python may look at the values."""
    if _execution.values_known(xp, array) and not xp.all(right):
        low, high = float(xp.min(array)), float(xp.max(array))
        raise ValueError(f"expected {expected}, got values from {low} to {high}")
