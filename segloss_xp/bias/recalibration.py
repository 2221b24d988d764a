"""Volumes: what a prediction holds, how far that is off on average, and a line that mends it."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np


@dataclass(frozen=True, kw_only=True)
class VolumeRecalibration:
    r"""
    A line from the predicted volume to the true one: :math:`V = a + b \hat V`.

    Parameters
    ----------
    slope, intercept : float
        b and a.

    Notes
    -----
    With an intercept it is the least-squares line, and the mean error of the volumes that it was
    fitted on is 0. Least squares draw large and small volumes to the mean: after it, small ones
    are over- and large ones underestimated all the more, the worse the prediction. Through the
    origin, the slope is the ratio of the total volumes; the mean error is 0 too.

    References
    ----------
    J. Bertels et al. (2021), Theoretical analysis and experimental validation of volume bias of
    soft Dice optimized segmentation maps in the context of inherent uncertainty.

    Examples
    --------
    >>> from segloss_xp import bias
    >>> bias.VolumeRecalibration.fit([1.0, 2.0, 3.0], [2.0, 3.0, 4.0])
    VolumeRecalibration(slope=1.0, intercept=1.0)
    >>> bias.VolumeRecalibration.fit([1.0, 2.0, 4.0], [2.0, 4.0, 8.0], intercept=False)(10.0)
    20.0
    """

    slope: float = 1.0
    intercept: float = 0.0

    def __call__(self, volume: Any) -> Any:
        """Volumes, of any library, recalibrated."""
        return self.slope * volume + self.intercept

    @classmethod
    def fit(cls, predicted: Any, true: Any, *, intercept: bool = True) -> Self:
        """
        Fit the line.

        Parameters
        ----------
        predicted, true : array of one axis
            Volumes of the same images. What NumPy can read.
        intercept : bool
            Whether the line need not pass through the origin.
        """
        x, y = (np.asarray(each, np.float64) for each in (predicted, true))
        if x.shape != y.shape or x.ndim != 1 or not x.size:
            raise ValueError(
                f"expected as many predicted as true volumes, got shapes {x.shape} and {y.shape}"
            )
        if not intercept:
            if not np.sum(x):
                raise ValueError("expected predicted volumes that add up to more than 0")
            return cls(slope=float(np.sum(y) / np.sum(x)))
        across = x - np.mean(x)
        if not np.any(across):
            raise ValueError(
                f"expected predicted volumes that differ, got {x.size} times {x[0]}; "
                "intercept=False needs one only"
            )
        slope = float(np.sum(across * y) / np.sum(across * across))
        return cls(slope=slope, intercept=float(np.mean(y) - slope * np.mean(x)))


class Interval(NamedTuple):
    """A mean and the bounds of its confidence interval."""

    mean: float
    low: float
    high: float


def bootstrap_mean(
    values: Any, *, level: float = 0.95, resamples: int = 10_000, seed: Any = 0
) -> Interval:
    """
    Mean of values, a volume error an image say, with its bootstrap percentile interval.

    Parameters
    ----------
    values : array of one axis
        What NumPy can read.
    level : float
        Share of the resampled means within the interval.
    resamples : int
        Number of times that as many values are drawn with replacement.
    seed : int or numpy.random.Generator
        Of the draws.

    Returns
    -------
    Interval
        Of ``mean``, ``low`` and ``high``.

    References
    ----------
    B. Efron (1979), Bootstrap methods: another look at the jackknife.

    Examples
    --------
    >>> from segloss_xp import bias
    >>> bias.bootstrap_mean([2.0, 2.0, 2.0])
    Interval(mean=2.0, low=2.0, high=2.0)
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not values.size:
        raise ValueError(f"expected one value or more along one axis, got shape {values.shape}")
    if not 0 < level < 1:
        raise ValueError(f"expected a level from 0 to 1, got {level!r}")
    if resamples < 1:
        raise ValueError(f"expected one resample or more, got {resamples!r}")
    rng = np.random.default_rng(seed)
    # How often each value is drawn, so that memory does not grow with their order.
    shares = rng.multinomial(values.size, np.full(values.size, 1 / values.size), size=resamples)
    means = shares @ values / values.size
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(np.mean(values)), float(low), float(high))
