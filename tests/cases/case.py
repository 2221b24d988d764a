"""What a case is."""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Case:
    """A loss, the name of its reference, the kind of target it is given, and whether the image."""

    loss: Any
    reference: str
    target: Literal["labels", "onehot", "soft", "multilabel"] = "labels"
    image: bool = False

    def __str__(self) -> str:
        return f"{self.loss}-{self.target}"
