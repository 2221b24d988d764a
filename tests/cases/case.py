"""What a case is."""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Case:
    """A loss, the name of its reference in `reference.py`, and the kind of target it is given."""

    loss: Any
    reference: str
    target: Literal["labels", "onehot", "soft", "multilabel"] = "labels"

    def __str__(self) -> str:
        return f"{self.loss}-{self.target}"
