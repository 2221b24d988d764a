"""What a case is."""

from dataclasses import dataclass
from typing import Any, Literal

# In the names of losses on distances or neighbours.
DISTANT = (
    "ActiveContour",
    "Boundary",
    "Centroid",
    "DistancePenalized",
    "ElasticInteraction",
    "GeneralizedSurface",
    "Hausdorff",
    "NACL",
    "Perimeter",
    "NonAdjacency",
    "RegionWise",
    "SVLS",
    "ShapeAware",
    "SignedDistance",
    "SurfaceDice",
)


@dataclass(frozen=True)
class Case:
    """A loss, the name of its reference, the kind of target it is given, and whether the image."""

    loss: Any
    reference: str
    target: Literal["labels", "onehot", "soft", "multilabel"] = "labels"
    image: bool = False

    @property
    def local(self) -> bool:
        """Whether voxels do not know where they are, nor their neighbours."""
        return not any(each in str(self.loss) for each in DISTANT)

    def __str__(self) -> str:
        return f"{self.loss}-{self.target}"
