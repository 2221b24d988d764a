"""Scalings of the logits that make a trained network's confidence honest."""

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from segloss_xp._array import namespace
from segloss_xp.bias._fit import along, voxels


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

    def __post_init__(self) -> None:
        if not 0 < self.temperature < math.inf:
            raise ValueError(f"expected a positive temperature, got {self.temperature!r}")

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
        z, y, w = voxels(logits, target, **description)
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
        scale, shift = (along(xp, logits, each, class_axis) for each in (self.scale, self.shift))
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
        z, y, w = voxels(logits, target, **description)
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
