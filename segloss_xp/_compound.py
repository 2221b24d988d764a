"""Sums of losses that have a name."""

import math
from dataclasses import fields
from typing import Any, ClassVar, TypeVar

from segloss_xp._checks import check_range, freeze_weights
from segloss_xp._comparison import Comparison
from segloss_xp._grain import RegionLoss
from segloss_xp._loss import Loss, Reduction, Sum
from segloss_xp.maps import Map

R = TypeVar("R", bound=RegionLoss)


class Compound(Loss):
    """A loss that is nothing but the weighted sum of its `terms`; one pass serves them all."""

    _sum: ClassVar[Sum]  # of each object, not of the class; no field, so that it is not compared

    def __post_init__(self) -> None:
        super().__post_init__()
        # Built once, and here, so that the terms check what they are given at once.
        object.__setattr__(self, "_sum", Sum(terms=self.terms))

    @property
    def terms(self) -> tuple[tuple[float, Loss], ...]:
        """Weights and losses, as of a `Sum`."""
        raise NotImplementedError

    @property
    def grain(self) -> str:
        return self._sum.grain

    @property
    def from_maps(self) -> bool:
        return self._sum.from_maps

    @property
    def needs_target(self) -> bool:
        return self._sum.needs_target

    def maps(self, comparison: Comparison) -> tuple[Map, ...]:
        return self._sum.maps(comparison)

    def reduce(self, comparison: Comparison, reduction: Reduction) -> Any:
        return self._sum.reduce(comparison, reduction)


class RegionCompound(Compound):
    """
    A compound of a loss on regions and a loss on voxels.

    Parameters
    ----------
    include_background : bool
        Whether class 0 counts in the loss on regions.
    class_weights : sequence of float, optional
        A weight for each of the C classes, in all terms; a mean depends on their ratios only.
    batch : bool
        Whether the loss on regions pools its sums over the samples.
    smooth : float or (float, float)
        Added to the numerator and the denominator of the loss on regions.
    """

    include_background: bool = True
    class_weights: tuple[float, ...] | None = None
    batch: bool = False
    smooth: float | tuple[float, float] = 1e-5

    def __post_init__(self) -> None:
        freeze_weights(self, "class_weights")
        super().__post_init__()
        for field in fields(self):
            if field.name.endswith("_weight"):
                check_range(self, field.name, 0, math.inf)

    def region(self, kind: type[R], **parameters: Any) -> R:
        """The loss on regions, of a kind, with the parameters that all such compounds have."""
        return kind(
            include_background=self.include_background,
            class_weights=self.class_weights,
            batch=self.batch,
            smooth=self.smooth,
            **parameters,
        )
