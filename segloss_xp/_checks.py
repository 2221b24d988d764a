"""What a loss may be given: its parameters, and the kind of classes."""

import math

import numpy as np

from segloss_xp._comparison import Comparison
from segloss_xp._loss import Loss


def freeze_weights(loss: Loss, field: str) -> None:
    """Make a field of weights a tuple of floats, none negative or NaN and not all 0."""
    given = getattr(loss, field)
    if given is None:
        return
    weights = tuple(float(each) for each in np.ravel(np.asarray(given, dtype=np.float64)))
    if not all(0 <= each < math.inf for each in weights) or not any(weights):
        raise ValueError(f"expected {field} >= 0, not all of them 0, got {given!r}")
    object.__setattr__(loss, field, weights)


def check_smooth(smooth: float | tuple[float, ...]) -> None:
    """Raise a ``ValueError`` unless it is not negative, or a pair of such."""
    pair = smooth if isinstance(smooth, tuple) else (smooth, smooth)
    if len(pair) != 2 or not all(0 <= each < math.inf for each in pair):
        raise ValueError(f"expected smooth >= 0, or a pair of such, got {smooth!r}")


def check_choice(loss: Loss, field: str, *choices: str) -> None:
    """Raise a ``ValueError`` unless the field is one of the choices."""
    given = getattr(loss, field)
    if given not in choices:
        raise ValueError(f"expected {field} to be one of {choices}, got {given!r}")


def check_range(
    loss: Loss, field: str, least: float, most: float, *, open_below: bool = False
) -> None:
    """Raise a ``ValueError`` unless a finite number from `least` to `most` is given."""
    given = getattr(loss, field)
    inside = math.isfinite(given) and least <= given <= most
    if not inside or (open_below and given == least):
        raise ValueError(f"expected {field} from {least} to {most}, got {given!r}")


def one_label_a_voxel(loss: Loss, comparison: Comparison) -> None:
    """Raise a ``ValueError`` where classes may overlap, for a loss that has no such form."""
    if comparison.multilabel:
        raise ValueError(f"{loss!r} is for one label a voxel, got multilabel=True")


def channels_only(loss: Loss, comparison: Comparison) -> None:
    """Raise a ``ValueError`` where classes exclude one another, for a loss of channels."""
    if not comparison.multilabel:
        raise ValueError(f"{loss!r} is for channels with a sigmoid: pass multilabel=True")
