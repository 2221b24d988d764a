"""Images of a foreground, as losses take them, and what a loss says of each."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from segloss_xp._array import is_bool, namespace
from segloss_xp._comparison import Comparison
from segloss_xp._compound import Compound
from segloss_xp._loss import Loss, Reduction, Sum
from segloss_xp.compound import DeepSupervisionLoss
from segloss_xp.gradient import value_and_grad
from segloss_xp.maps import Map

Classes = Literal["foreground", "both"]


def values(
    loss: Loss, foreground: Any, truth: Any, *, classes: Classes, weights: Any = None
) -> Any:
    """
    The loss of each image.

    Parameters
    ----------
    loss : Loss
    foreground : array (N, *space)
        Probabilities.
    truth : array (N, *space)
        Boolean, or soft labels.
    classes : {"foreground", "both"}
        Whether the loss sees a channel of the foreground, or two classes.
    weights : array (N, *space), optional
        Of the voxels.

    Returns
    -------
    array (N,)
    """
    prediction, target = _as_called(foreground, truth, classes)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        return loss(
            prediction, target, reduction="sample", **_description(classes, weights=weights)
        )


def classes_for(loss: Loss, foreground: Any, truth: Any) -> Classes:
    """A channel of the foreground, or two classes for a loss that refuses the channel."""
    try:
        values(loss, foreground, truth, classes="foreground")
    except ValueError:
        return "both"
    return "foreground"


def slopes(loss: Loss, foreground: Any, truth: Any, *, classes: Classes, weights: Any) -> Any:
    """Slopes of the loss of each image by its foreground, (N, *space)."""
    prediction, target = _as_called(foreground, truth, classes)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        _, slopes = value_and_grad(
            _EachImage(loss=loss), prediction, target, **_description(classes, weights=weights)
        )
    last = slopes[:, -1, ...]
    return last if classes == "foreground" else last - slopes[:, 0, ...]


def refuse(loss: Loss) -> None:
    """Raise an error for a loss that does not compare one image with its truth."""
    if not isinstance(loss, Loss):
        raise TypeError(f"expected a loss, got {loss!r}")
    if any(getattr(each, "batch", False) for each in parts(loss)):
        raise ValueError("it pools a batch: its bias depends on how many images are in that")
    if not loss.needs_target:
        raise ValueError("it needs no truth: what is uncertain makes no difference to it")


def parts(loss: Loss) -> Iterator[Loss]:
    """The losses that a loss adds up, itself if there are none."""
    match loss:
        case Sum() | Compound():
            for _, each in loss.terms:
                yield from parts(each)
        case DeepSupervisionLoss():
            yield from parts(loss.loss)
        case _:
            yield loss


class _EachImage(Loss):
    """The sum over images of what a loss says of each: its slopes are those of each image."""

    loss: Loss

    @property
    def from_maps(self) -> bool:
        return self.loss.from_maps

    def maps(self, comparison: Comparison) -> tuple[Map, ...]:
        return self.loss.maps(comparison)

    def reduce(self, comparison: Comparison, reduction: Reduction) -> Any:
        each = self.loss.reduce(comparison, "sample")
        return namespace(each).sum(each)


def _as_called(foreground: Any, truth: Any, classes: Classes) -> tuple[Any, Any]:
    """Prediction and target."""
    xp = namespace(foreground)
    if classes == "foreground":
        return foreground[:, None, ...], truth[:, None, ...]
    prediction = xp.stack([1.0 - foreground, foreground], axis=1)
    if is_bool(xp, truth):
        return prediction, xp.astype(truth, xp.int32)
    return prediction, xp.stack([1.0 - truth, truth], axis=1)


def _description(classes: Classes, *, weights: Any) -> dict[str, Any]:
    channel = classes == "foreground"
    return {"from_logits": False, "multilabel": channel, "voxel_weights": weights}
