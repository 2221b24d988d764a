"""Maps that make a trained network's confidence honest, fitted on data that it has not seen."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from segloss_xp import _ops
from segloss_xp._array import namespace, working_dtype
from segloss_xp._comparison import Comparison
from segloss_xp._grain import divide
from segloss_xp.bias.calibration import ConfidenceHistogram


@dataclass(frozen=True, kw_only=True)
class TemperatureScaling:
    r"""
    Divide the logits by one number: :math:`z / T`.

    What is most probable stays so: hard segmentations, and their volumes, do not change.

    Parameters
    ----------
    temperature : float
        T, above 1 for a network that is too sure.

    References
    ----------
    C. Guo et al. (2017), On calibration of modern neural networks.

    Examples
    --------
    >>> import numpy as np
    >>> from segloss_xp import bias
    >>> logits = np.array([[[4.0, 4.0, 4.0, -4.0]]])
    >>> y = np.array([[[1.0, 1.0, 0.0, 0.0]]])
    >>> scaling = bias.TemperatureScaling.fit(logits, y, multilabel=True)
    >>> round(scaling.temperature, 4)  # right three times in four: 4 / log 3
    3.641
    """

    temperature: float = 1.0

    def __call__(self, logits: Any) -> Any:
        """The logits, recalibrated, of any library."""
        return logits / self.temperature

    @classmethod
    def fit(cls, logits: Any, target: Any, **description: Any) -> Self:
        """
        Fit the most likely temperature, from 1e-4 to 1e4.

        Parameters
        ----------
        logits, target : array
            As for a loss; see `Loss`. What NumPy can read.
        **description
            `multilabel`, `class_axis`, `mask`, `voxel_weights`, `ignore_index`: as for a loss.
        """
        brentq = _scipy_optimize().brentq
        z, y, w = _voxels(logits, target, **description)
        multilabel = description.get("multilabel", False)

        def slope(log: float) -> float:
            # The likelihood is concave in 1 / T.
            return float(np.sum(w * z * (_activate(np.exp(log) * z, multilabel) - y)))

        low, high = -4 * np.log(10), 4 * np.log(10)
        if slope(low) >= 0 or slope(high) <= 0:
            return cls(temperature=float(np.exp(-low if slope(low) >= 0 else -high)))
        root: Any = brentq(slope, low, high, xtol=1e-14)
        return cls(temperature=float(np.exp(-root)))


@dataclass(frozen=True, kw_only=True)
class VectorScaling:
    r"""
    A factor and a shift for the logits of each class: :math:`a_c z_c + b_c`.

    For channels with a sigmoid, and ``multilabel=True`` in the fit, it is Platt scaling. As it has
    a shift, the mean probability of each class is its frequency in the data that it was fitted on:
    there, the volume has no bias.

    Parameters
    ----------
    scale, shift : tuple of float
        One number for each of the C classes.

    References
    ----------
    C. Guo et al. (2017), On calibration of modern neural networks; J. Platt (1999), Probabilistic
    outputs for support vector machines.

    Examples
    --------
    >>> import numpy as np
    >>> from segloss_xp import bias
    >>> logits = np.array([[[4.0, 4.0, 4.0, -4.0, -4.0]]])
    >>> y = np.array([[[1.0, 1.0, 0.0, 0.0, 1.0]]])
    >>> scaling = bias.PlattScaling.fit(logits, y)
    >>> float((1 / (1 + np.exp(-scaling(logits)))).mean().round(4))
    0.6
    """

    scale: tuple[float, ...]
    shift: tuple[float, ...]

    def __call__(self, logits: Any, *, class_axis: int = 1) -> Any:
        """The logits, recalibrated, of any library."""
        xp = namespace(logits)
        scale, shift = (_along(xp, logits, each, class_axis) for each in (self.scale, self.shift))
        return scale * logits + shift

    @classmethod
    def fit(cls, logits: Any, target: Any, **description: Any) -> Self:
        """
        Fit the most likely factors and shifts.

        Parameters
        ----------
        logits, target : array
            As for a loss; see `Loss`. What NumPy can read.
        **description
            `multilabel`, `class_axis`, `mask`, `voxel_weights`, `ignore_index`: as for a loss.
        """
        minimize = _scipy_optimize().minimize
        z, y, w = _voxels(logits, target, **description)
        multilabel, total = description.get("multilabel", False), np.sum(w)

        def objective(parameters: np.ndarray) -> tuple[float, np.ndarray]:
            scale, shift = np.split(parameters, 2)
            scaled = scale * z + shift
            error = w * (_activate(scaled, multilabel) - y)
            value = float(np.sum(w * _log_loss(scaled, y, multilabel))) / total
            return value, np.concatenate((np.sum(error * z, axis=0), np.sum(error, axis=0))) / total

        start = np.repeat([1.0, 0.0], z.shape[1])
        found = minimize(objective, start, jac=True, method="BFGS", options={"gtol": 1e-10}).x
        scale, shift = np.split(found, 2)
        return cls(scale=tuple(map(float, scale)), shift=tuple(map(float, shift)))


class PlattScaling(VectorScaling):
    """
    `VectorScaling` of channels with a sigmoid: a logistic regression in each.

    Parameters
    ----------
    scale, shift : tuple of float
        One number for each channel.

    References
    ----------
    J. Platt (1999), Probabilistic outputs for support vector machines.
    """

    @classmethod
    def fit(cls, logits: Any, target: Any, **description: Any) -> Self:
        """
        Fit the most likely factors and shifts.

        Parameters
        ----------
        logits, target : array
            As for a loss with ``multilabel=True``; see `Loss`. What NumPy can read.
        **description
            `class_axis`, `mask`, `voxel_weights`: as for a loss.
        """
        return super().fit(logits, target, **{**description, "multilabel": True})


@dataclass(frozen=True, kw_only=True)
class HistogramBinning:
    """
    Replace a probability by the share of what happened in its bin.

    Parameters
    ----------
    shares : tuple of tuple of float, K by B
        For one channel, or for each class; equal bins as in `ConfidenceHistogram`.

    References
    ----------
    B. Zadrozny and C. Elkan (2001), Obtaining calibrated probability estimates from decision trees
    and naive Bayesian classifiers.

    Examples
    --------
    >>> import numpy as np
    >>> from segloss_xp import bias
    >>> p = np.array([[[0.9, 0.8, 0.7, 0.2]]])
    >>> y = np.array([[[1.0, 0.0, 0.0, 0.0]]])
    >>> h = bias.confidence_histogram(p, y, bins=2, from_logits=False, multilabel=True)
    >>> bias.HistogramBinning.fit(h)(p).round(3)
    array([[[0.333, 0.333, 0.333, 0.   ]]])
    """

    shares: tuple[tuple[float, ...], ...]

    def __call__(self, p: Any, *, class_axis: int = 1) -> Any:
        """
        The probabilities, recalibrated, of any library.

        Several classes are made to add up to 1 unless `fit` was given one histogram for all.
        """
        xp = namespace(p)
        result = xp.zeros_like(p)
        for b in range(len(self.shares[0])):
            share = _along(xp, p, tuple(row[b] for row in self.shares), class_axis)
            result = xp.where(p >= b / len(self.shares[0]), share, result) if b else result + share
        return result if len(self.shares) == 1 else _normalised(xp, result, class_axis)

    @classmethod
    def fit(cls, histogram: ConfidenceHistogram) -> Self:
        """
        Take the shares from a histogram; a bin without observations keeps its centre.

        Parameters
        ----------
        histogram : ConfidenceHistogram
            Of marginals, for foreground channels; class-wise, for classes that add up to 1.
        """
        h = ConfidenceHistogram(*(np.asarray(each, np.float64) for each in histogram))
        _, centre, outcome = h.reliability()
        shares = np.where(h.count > 0, outcome, centre)
        return cls(shares=tuple(tuple(map(float, row)) for row in shares))


@dataclass(frozen=True, kw_only=True)
class IsotonicRegression:
    """
    Replace a probability by a growing function of it, in pieces straight, of least squares.

    Parameters
    ----------
    knots : tuple of (tuple of float, tuple of float)
        Probabilities and what they become, for each of K classes.

    References
    ----------
    B. Zadrozny and C. Elkan (2002), Transforming classifier scores into accurate multiclass
    probability estimates.

    Examples
    --------
    >>> import numpy as np
    >>> from segloss_xp import bias
    >>> p = np.array([[[0.1, 0.2, 0.3, 0.9]]])
    >>> y = np.array([[[0.0, 1.0, 0.0, 1.0]]])
    >>> bias.IsotonicRegression.fit(p, y, multilabel=True)(p)
    array([[[0. , 0.5, 0.5, 1. ]]])
    """

    knots: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...]

    def __call__(self, p: Any, *, class_axis: int = 1) -> Any:
        """The probabilities, recalibrated, of any library; two classes or more add up to 1."""
        xp = namespace(p)
        axis = class_axis % p.ndim
        if p.shape[axis] != len(self.knots):
            raise ValueError(f"expected {len(self.knots)} classes, got {p.shape[axis]}")
        before = (slice(None),) * axis
        parts = [
            _interpolate(xp, p[(*before, k, ...)], *self.knots[k]) for k in range(len(self.knots))
        ]
        result = xp.stack(parts, axis=axis)
        return result if len(self.knots) == 1 else _normalised(xp, result, class_axis)

    @classmethod
    def fit(cls, p: Any, target: Any, **description: Any) -> Self:
        """
        Fit by pooling adjacent violators, with scikit-learn.

        Parameters
        ----------
        p, target : array
            Probabilities and a target as for a loss; see `Loss`. What NumPy can read.
        **description
            `multilabel`, `class_axis`, `mask`, `voxel_weights`, `ignore_index`: as for a loss.
        """
        try:
            from sklearn.isotonic import IsotonicRegression as Fit
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "isotonic regression needs scikit-learn: python -m pip install scikit-learn"
            ) from error
        p, y, w = _voxels(p, target, **description, from_logits=False)
        knots = []
        for k in range(p.shape[1]):
            found = Fit(y_min=0, y_max=1).fit(p[:, k], y[:, k], sample_weight=w[:, 0])
            knots.append((_floats(found.X_thresholds_), _floats(found.y_thresholds_)))
        return cls(knots=tuple(knots))


def _voxels(
    prediction: Any, target: Any, *, voxel_weights: Any = None, **description: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Prediction and target (M, C), and weights (M, 1), of the voxels that count."""
    weighted = {"voxel_weights": None if voxel_weights is None else np.asarray(voxel_weights)}
    mask = description.pop("mask", None)
    c = Comparison(
        np.asarray(prediction),
        np.asarray(target),
        mask=None if mask is None else np.asarray(mask),
        **weighted,
        **description,
    )
    labels = c.target.ndim == 2
    y = c.target[:, None, :] == np.arange(c.classes)[:, None] if labels else c.target
    w = np.ones((c.samples, 1, y.shape[2])) if c.weight is None else np.asarray(c.weight, float)
    if labels:
        w = w * np.any(y, axis=1, keepdims=True)
    used = np.broadcast_to(w > 0, w.shape)[:, 0]
    z, y, w = (np.moveaxis(each, 1, -1)[used].astype(np.float64) for each in (c.prediction, y, w))
    if not len(z):
        raise ValueError("expected one voxel or more that counts, got none")
    return z, y, w


def _scipy_optimize() -> Any:
    try:
        import scipy.optimize
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "fitting a scaling needs scipy: python -m pip install scipy"
        ) from error
    return scipy.optimize


def _activate(z: np.ndarray, multilabel: bool) -> np.ndarray:
    from scipy.special import expit, softmax

    return expit(z) if multilabel else softmax(z, axis=1)


def _log_loss(z: np.ndarray, y: np.ndarray, multilabel: bool) -> np.ndarray:
    """What each class adds to the cross-entropy."""
    from scipy.special import log_expit, log_softmax

    if multilabel:
        return -y * log_expit(z) - (1 - y) * log_expit(-z)
    return -y * log_softmax(z, axis=1)


def _floats(x: np.ndarray) -> tuple[float, ...]:
    return tuple(map(float, x))


def _along(xp: Any, x: Any, values: tuple[float, ...], class_axis: int) -> Any:
    """One number a class, or one for all, to meet `x` along its class axis."""
    axis = class_axis % x.ndim
    if len(values) not in (1, x.shape[axis]):
        raise ValueError(f"expected {len(values)} classes, got {x.shape[axis]}")
    constant = _ops.constant(xp, values, working_dtype(xp, x), like=x)
    return xp.reshape(constant, (-1,) + (1,) * (x.ndim - 1 - axis))


def _normalised(xp: Any, p: Any, class_axis: int) -> Any:
    total = xp.sum(p, axis=class_axis, keepdims=True)
    return divide(p, total + xp.zeros_like(p), empty=1.0 / p.shape[class_axis])


def _interpolate(xp: Any, x: Any, at: tuple[float, ...], values: tuple[float, ...]) -> Any:
    """The function through the points, constant beyond them."""
    at, values = at + at[-1:], values + values[-1:]  # two at least
    dtype = working_dtype(xp, x)
    knots, heights = (_ops.constant(xp, each, dtype, like=x) for each in (at, values))
    flat = xp.clip(xp.reshape(xp.astype(x, dtype, copy=False), (-1,)), min=at[0], max=at[-1])
    right = xp.clip(xp.searchsorted(knots, flat, side="right"), min=1, max=len(at) - 1)
    x0, x1 = (xp.take(knots, i, axis=0) for i in (right - 1, right))
    y0, y1 = (xp.take(heights, i, axis=0) for i in (right - 1, right))
    return xp.reshape(y0 + (y1 - y0) * divide(flat - x0, x1 - x0), tuple(x.shape))
