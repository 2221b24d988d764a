"""The scores of the theory: ratios of two affine functions of the labels."""

import math
from dataclasses import dataclass
from typing import Any, Literal

from segloss_xp._array import namespace

LossName = Literal["dice", "jaccard", "tversky", "squared_dice", "log_dice"]
_NAMES = ("dice", "jaccard", "tversky", "squared_dice", "log_dice")


@dataclass(frozen=True)
class Ratio:
    """(n0 + sum n y) / (d0 + sum d y), for labels y; arrays (...) and (..., R)."""

    n0: Any
    n: Any
    d0: Any
    d: Any


@dataclass(frozen=True, kw_only=True)
class Score:
    """
    A score of overlap, as a loss of that name defines it.

    Parameters
    ----------
    loss : {"dice", "jaccard", "tversky", "squared_dice", "log_dice"}
    alpha, beta : float, optional
        Weight of false positives and of false negatives, of the Tversky loss alone.
    smooth : float
        Added to numerator and denominator.
    empty : float
        The score where both are 0.
    """

    loss: LossName
    alpha: float | None = None
    beta: float | None = None
    smooth: float = 0.0
    empty: float = 1.0

    def __post_init__(self) -> None:
        if self.loss not in _NAMES:
            raise ValueError(f"expected loss to be one of {_NAMES}, got {self.loss!r}")
        given = self.alpha, self.beta
        if self.loss != "tversky" and given != (None, None):
            raise ValueError(
                f"alpha and beta are those of the Tversky loss; got alpha={self.alpha}, "
                f"beta={self.beta} and loss={self.loss!r}"
            )
        if self.loss == "tversky" and not all(w is not None and 0 < w < math.inf for w in given):
            raise ValueError(
                "the Tversky loss needs alpha > 0 and beta > 0, "
                f"got alpha={self.alpha}, beta={self.beta}"
            )
        if not 0 <= self.smooth < math.inf:
            raise ValueError(f"expected smooth >= 0, got {self.smooth}")
        if not 0 <= self.empty <= 1:
            raise ValueError(f"expected the score of the empty from 0 to 1, got {self.empty}")

    @property
    def logarithmic(self) -> bool:
        """Whether the loss is -log of the score rather than 1 less the score."""
        return self.loss == "log_dice"

    @property
    def squared(self) -> bool:
        """Whether the denominator adds up squares."""
        return self.loss == "squared_dice"

    @property
    def weights(self) -> tuple[float, float]:
        """Weight of false positives and of false negatives, per true positive."""
        if self.loss == "tversky":
            return float(self.alpha or 0), float(self.beta or 0)
        return (1.0, 1.0) if self.loss == "jaccard" else (0.5, 0.5)

    @property
    def smoothing(self) -> float:
        """What is added, per true positive: Dice counts each of them twice."""
        return self.smooth if self.loss in ("jaccard", "tversky") else self.smooth / 2

    @property
    def jumps(self) -> bool:
        """
        Whether, with one uncertain region, the best prediction of it is proven to be 0 or 1.

        With weights a and b that holds for a + b >= 1. The derivative of the mean score by the
        prediction changes its sign once at the most, and then from - to +.
        """
        return not (self.logarithmic or self.squared) and sum(self.weights) >= 1

    def ratio(self, x: Any, volumes: Any) -> Ratio:
        """The score of predictions (..., R), as a ratio in the labels."""
        xp = namespace(x)
        alpha, beta = self.weights
        n = volumes * x
        if self.squared:
            d0, d = xp.sum(volumes * x * x, axis=-1) / 2, volumes / 2 + xp.zeros_like(x)
        else:
            d0, d = alpha * xp.sum(n, axis=-1), volumes * ((1 - alpha) * x + beta * (1.0 - x))
        return Ratio(self.smoothing + xp.zeros_like(d0), n, self.smoothing + d0, d)

    def by_prediction(self, x: Any, volumes: Any, slopes: Ratio) -> Any:
        """Slopes by the predictions, from those by the parts of the ratio."""
        alpha, beta = self.weights
        if self.squared:
            return volumes * (slopes.n + x * slopes.d0[..., None])
        by_d = alpha * slopes.d0[..., None] + (1 - alpha - beta) * slopes.d
        return volumes * (slopes.n + by_d)


def minus_log(score: Any) -> Any:
    """Minus the logarithm of a score; infinite at 0, where it has no slope."""
    xp = namespace(score)
    zero = score == 0
    found = -xp.log(xp.where(zero, xp.ones_like(score), score))
    return xp.where(zero, math.inf * xp.ones_like(found), found)
