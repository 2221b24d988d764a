"""What a voxelwise map is."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from segloss_xp._activation import Voxels


@dataclass(frozen=True)
class Map:
    """A function of the prediction and the target in one voxel, to be added up over voxels."""

    #: What `slope` differentiates by: p, log p, log(1 - p), or nothing (target alone).
    wrt: ClassVar[Literal["p", "log_p", "log_q"] | None] = "p"

    @property
    def uses_mass(self) -> bool:
        """Whether the map looks at the target of all classes together."""
        return False

    def value(self, v: Voxels) -> Any:
        """Value in every voxel and class."""
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
        return [factor * self.slope(v) for v, factor in zip(blocks, cotangents, strict=True)]
