"""Every loss, in every setting worth a test: a line here puts a new one through the whole suite."""

from dataclasses import dataclass
from typing import Any, Literal

import segloss_xp as sx


@dataclass(frozen=True)
class Case:
    """A loss, the name of its reference in `reference.py`, and the kind of target it is given."""

    loss: Any
    reference: str
    target: Literal["labels", "onehot", "soft", "multilabel"] = "labels"

    def __str__(self) -> str:
        return f"{self.loss}-{self.target}"


CASES = [
    Case(sx.CrossEntropyLoss(), "cross_entropy"),
    Case(sx.CrossEntropyLoss(), "cross_entropy", "soft"),
    Case(sx.CrossEntropyLoss(), "cross_entropy", "multilabel"),
    Case(sx.CrossEntropyLoss(class_weights=(1, 2, 3), label_smoothing=0.1), "cross_entropy"),
    Case(
        sx.CrossEntropyLoss(class_weights=(1, 2, 3), label_smoothing=0.1, pos_weight=(2, 1, 0.5)),
        "cross_entropy",
        "multilabel",
    ),
    Case(sx.DiceLoss(), "dice"),
    Case(sx.DiceLoss(), "dice", "multilabel"),
    Case(sx.DiceLoss(squared=True, include_background=False), "dice"),
    Case(sx.DiceLoss(squared=True), "dice", "soft"),
    Case(sx.DiceLoss(intersection="min"), "dice", "soft"),
    Case(sx.DiceLoss(batch=True, class_weights=(1, 2, 3), smooth=(0.0, 1.0)), "dice"),
    Case(sx.DiceLoss(absent="skip"), "dice"),
    Case(sx.DiceLoss(absent="zero", smooth=0.0), "dice"),
    Case(sx.JaccardLoss(), "jaccard"),
    Case(sx.JaccardLoss(intersection="min", include_background=False), "jaccard", "soft"),
    Case(sx.TverskyLoss(), "tversky"),
    Case(sx.TverskyLoss(alpha=0.8, beta=0.1, batch=True), "tversky", "multilabel"),
]
