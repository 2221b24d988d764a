"""What a voxelwise map is."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from segloss_xp._products import Product, factors
from segloss_xp._voxels import Voxels

if TYPE_CHECKING:
    from segloss_xp._comparison import Comparison


class Field(Hashable):
    """
    A constant image that maps look at beside the target: a distance map, say.

    A frozen dataclass of the parameters that it depends on, so that equal fields are one, and
    computed once a call.
    """

    def of(self, comparison: "Comparison") -> Any:
        """The field (N, C, V), or (N, 1, V) where it is the same for all classes."""
        raise NotImplementedError


@dataclass(frozen=True)
class Map:
    """
    A function of the prediction and the target in one voxel, to be added up over voxels.

    Voxels that are hidden come too, with p = 0 or 1 / C, and g = 0: what is made of them is not
    counted, but must be finite.
    """

    #: What `slope` differentiates by: p, log p, log(1 - p), the logarithm of the odds of a channel,
    #: the logit z, or nothing (target alone).
    wrt: ClassVar[Literal["p", "log_p", "log_q", "log_odds", "z"] | None] = "p"

    @property
    def uses_mass(self) -> bool:
        """Whether the map looks at the sum of the target over all classes."""
        return False

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields that the map looks at."""
        return ()

    def value(self, v: Voxels) -> Any:
        """Value in every voxel and class, (n, C or 1, v): an array, or a `Product`."""
        raise NotImplementedError

    def slope(self, v: Voxels) -> Any:
        """Derivative of the value by `wrt`."""
        raise NotImplementedError

    # A map of a voxel's classes together overrides these; the classes come in one block or more.

    def values(self, blocks: list[Any]) -> list[Any]:
        """Value in every voxel and class, block by block."""
        return [self.value(v) for v in blocks]

    def pull(self, blocks: list[Any], cotangents: list[Any]) -> list[Any]:
        """
        Derivative by `wrt` of the values times their cotangents, added up; block by block.

        With booleans of the target as the slope, a `Product` of both.
        """
        return [v.slope_times(self.slope(v), x) for v, x in zip(blocks, cotangents, strict=True)]


@dataclass(frozen=True)
class Weighted(Map):
    """Another map times a field."""

    inner: Map
    field: Field

    @property
    def wrt(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        """That of the other map."""
        return self.inner.wrt

    @property
    def uses_mass(self) -> bool:
        return self.inner.uses_mass

    @property
    def fields(self) -> tuple[Field, ...]:
        return *self.inner.fields, self.field

    def values(self, blocks: list[Any]) -> list[Any]:
        values = self.inner.values(blocks)
        return [
            Product(v.fields[self.field], *factors(x)) for v, x in zip(blocks, values, strict=True)
        ]

    def pull(self, blocks: list[Any], cotangents: list[Any]) -> list[Any]:
        pairs = zip(blocks, cotangents, strict=True)
        return self.inner.pull(blocks, [v.fields[self.field] * x for v, x in pairs])
