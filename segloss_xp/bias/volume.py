"""How wrong the volume of a prediction is, and within what bounds it must lie."""

from dataclasses import dataclass
from typing import Any

from segloss_xp._array import namespace
from segloss_xp.bias.uncertainty import Uncertainty, check_values


@dataclass(frozen=True, eq=False)
class VolumeBias:
    """
    Predicted volume less the expected one: positive is too much.

    Attributes
    ----------
    soft, hard : array (...)
        Of the sum of the probabilities, and of the part of them above one half.
    volume : array
        The expected volume.
    """

    soft: Any
    hard: Any
    volume: Any

    @property
    def relative_soft(self) -> Any:
        """The soft bias as a share of the expected volume."""
        return self.soft / self.volume

    @property
    def relative_hard(self) -> Any:
        """The hard bias as a share of the expected volume."""
        return self.hard / self.volume


def volume_bias(truth: Uncertainty, prediction: Any) -> VolumeBias:
    r"""
    Bias of the volume of a prediction.

    .. math:: \sum_j s_j (x_j - p_j), \quad \sum_j s_j (1_{x_j > 1/2} - p_j)

    It depends on the probabilities of the regions alone, not on how they go together.

    Parameters
    ----------
    truth : Independent, Samples or Marginals
    prediction : array (..., *shape)
        Probabilities.

    Returns
    -------
    VolumeBias
        In the unit of the volumes of the description.

    Raises
    ------
    ValueError
        If a prediction is outside [0, 1], or a shape does not fit.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp.bias as bias
    >>> truth = bias.Independent(p=np.array([1.0, 0.7]), volumes=np.array([1.0, 4.0]))
    >>> found = bias.volume_bias(truth, bias.minimiser(truth).x)
    >>> print(found.soft.round(3), found.relative_soft.round(3))
    1.2 0.316
    """
    x = truth.flat(prediction)
    xp, s, volume = namespace(x), truth.sizes, truth.volume
    hard = xp.astype(x > 0.5, x.dtype)
    return VolumeBias(xp.sum(s * x, axis=-1) - volume, xp.sum(s * hard, axis=-1) - volume, volume)


@dataclass(frozen=True)
class VolumeBounds:
    """
    Least and greatest volume of an optimal segmentation, as shares of the image.

    Attributes
    ----------
    accuracy, dice : (array, array)
        For the best accuracy, and the best Dice with the expected labels.
    """

    accuracy: tuple[Any, Any]
    dice: tuple[Any, Any]


def volume_bounds(mean: Any) -> VolumeBounds:
    r"""
    Bounds of the volume of an optimal segmentation, given the mean of the probabilities.

    .. math:: \max(0, 2m - 1) \le V_A \le \min(1, 2m), \quad m^2 \le V_D \le 1

    Parameters
    ----------
    mean : array or float
        m, the expected volume as a share of the image.

    Returns
    -------
    VolumeBounds
        All of them are reached.

    Raises
    ------
    ValueError
        If a mean is outside [0, 1].

    Notes
    -----
    An optimum for Dice is at least as large as one for accuracy. Both bounds for Dice are reached
    together: where the probability is 1 on the share :math:`m^2` of the image and m / (1 + m) on
    the rest, that share and the whole image are equally good.

    References
    ----------
    M. Nordström et al. (2022), On image segmentation with noisy labels: characterization and
    volume properties of the optimal solutions to accuracy and Dice.

    Examples
    --------
    >>> import segloss_xp.bias as bias
    >>> bias.volume_bounds(0.25)
    VolumeBounds(accuracy=(0.0, 0.5), dice=(0.0625, 1.0))
    """
    if isinstance(mean, int | float):
        if not 0 <= mean <= 1:
            raise ValueError(f"expected a mean probability from 0 to 1, got {mean}")
        accuracy = max(0.0, 2.0 * mean - 1.0), min(1.0, 2.0 * mean)
        return VolumeBounds(accuracy, (float(mean) ** 2, 1.0))
    xp = namespace(mean)
    check_values(xp, mean, (mean >= 0) & (mean <= 1), "mean probabilities from 0 to 1")
    zero, one = xp.zeros_like(mean), xp.ones_like(mean)
    accuracy = xp.where(mean > 0.5, 2 * mean - 1, zero), xp.where(mean < 0.5, 2 * mean, one)
    return VolumeBounds(accuracy, (mean * mean, one))
