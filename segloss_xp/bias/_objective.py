"""What is to be made small: the expectation of a loss."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from segloss_xp.bias.uncertainty import Uncertainty


@dataclass(frozen=True, eq=False)
class Objective:
    """
    The risk of predictions (..., R) of the regions of a description.

    Parameters
    ----------
    truth : Independent, Samples or Marginals
        Law of the labels.
    """

    truth: Uncertainty

    @property
    def keeps_certain(self) -> bool:
        """Whether what is certain is best predicted as it is."""
        return False

    @property
    def jumps(self) -> bool:
        """Whether, with one uncertain region, its best prediction is proven to be 0 or 1."""
        return False

    @cached_property
    def alike(self) -> bool:
        """Whether regions that all samples label alike may be taken together."""
        raise NotImplementedError

    @property
    def most(self) -> int:
        """Number of uncertain regions up to which all binary predictions are tried."""
        raise NotImplementedError

    def prefixes(self, count: int) -> Iterable[int]:
        """How many of the most probable of `count` uncertain regions are worth a try."""
        raise NotImplementedError

    def risk(self, x: Any) -> Any:
        """The risk, (...)."""
        raise NotImplementedError

    def slopes(self, x: Any) -> Any:
        """Slopes of the risk by predictions (S, R)."""
        raise NotImplementedError
