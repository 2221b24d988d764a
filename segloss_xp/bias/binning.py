"""Functions of the probabilities that make a trained network's confidence honest."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from segloss_xp import _ops
from segloss_xp._array import namespace, working_dtype
from segloss_xp._grain import divide
from segloss_xp.bias._fit import along, voxels
from segloss_xp.bias.calibration import ConfidenceHistogram


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
            share = along(xp, p, tuple(row[b] for row in self.shares), class_axis)
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
        p, y, w = voxels(p, target, **description, from_logits=False)
        knots = []
        for k in range(p.shape[1]):
            found = Fit(y_min=0, y_max=1).fit(p[:, k], y[:, k], sample_weight=w[:, 0])
            knots.append((_floats(found.X_thresholds_), _floats(found.y_thresholds_)))
        return cls(knots=tuple(knots))


def _floats(x: np.ndarray) -> tuple[float, ...]:
    return tuple(map(float, x))


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
