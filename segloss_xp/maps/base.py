"""What a voxelwise map is."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from segloss_xp._activation import Voxels


@dataclass(frozen=True)
class Map:
    """A function of the prediction and the target in one voxel, to be added up over voxels."""

    #: What `slope` differentiates by: p, log p, log(1 - p), the logit, or nothing (target alone).
    wrt: ClassVar[Literal["p", "log_p", "log_q", "logit"] | None] = "p"

    @property
    def uses_mass(self) -> bool:
        """Whether the map looks at the sum of the target over all classes."""
        return False

    @property
    def uses_every(self) -> bool:
        """Whether the map looks at the target of other classes."""
        return False

    def value(self, v: Voxels) -> Any:
        """Value in every voxel and class."""
        raise NotImplementedError

    def slope(self, v: Voxels) -> Any:
        """Derivative of the value by `wrt`."""
        raise NotImplementedError
