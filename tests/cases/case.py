"""What a case is."""

from dataclasses import dataclass
from typing import Any, Literal

# In the names of losses on distances.
DISTANT = (
    "Boundary",
    "DistancePenalized",
    "GeneralizedSurface",
    "Hausdorff",
    "RegionWise",
    "ShapeAware",
    "SignedDistance",
)


@dataclass(frozen=True)
class Case:
    """A loss, the name of its reference in `reference.py`, and the kind of target it is given."""

    loss: Any
    reference: str
    target: Literal["labels", "onehot", "soft", "multilabel"] = "labels"

    @property
    def local(self) -> bool:
        """Whether voxels do not know where they are: distances between them play no part."""
        return not any(each in str(self.loss) for each in DISTANT)

    def __str__(self) -> str:
        return f"{self.loss}-{self.target}"
