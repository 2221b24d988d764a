"""What a voxelwise map is."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from segloss_xp._activation import Voxels

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


class Product:
    """
    The value of a map that is a product of arrays (n, C or 1, v), not multiplied.

    So NumPy adds it up in one pass; of no arrays it is 1, and counted. One that has the target or a
    field itself among them is not multiplied by a mask, which these know. It has no arithmetic:
    what takes it for an array raises.
    """

    __slots__ = ("factors",)

    def __init__(self, *factors: Any) -> None:
        self.factors = factors


@dataclass(frozen=True)
class Map:
    """A function of the prediction and the target in one voxel, to be added up over voxels."""

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
        """Derivative by `wrt` of the values times their cotangents, added up; block by block."""
        # To multiply by a slope of 1 would be one more pass, of six for the boundary loss.
        pairs = zip((self.slope(v) for v in blocks), cotangents, strict=True)
        return [x if isinstance(s, float) and s == 1 else x * s for s, x in pairs]


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


def factors(value: Any) -> tuple[Any, ...]:
    """The arrays whose product the value of a map is."""
    return value.factors if isinstance(value, Product) else (value,)
