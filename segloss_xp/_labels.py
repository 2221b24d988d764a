"""Labels: where they are classes, and which."""

from collections.abc import Callable
from functools import partial
from typing import Any

from segloss_xp import _execution, _ops
from segloss_xp._array import Array, is_bool, is_integer, namespace


def check_labels(labels: Array, classes: int, *, ignore_index: int | None = None) -> None:
    """
    Raise a ``ValueError`` unless every label is a class number or `ignore_index`.

    The losses give a label outside [0, classes) no weight, since they can't look at values that
    are traced or on a device. Call this where labels come into a program: in a data loader, say.

    Parameters
    ----------
    labels : array of integers
        Of any shape. Its values are looked at, so not a traced array.
    classes : int
        Number of classes.
    ignore_index : int, optional
        A label that is allowed besides.

    Raises
    ------
    TypeError
        If the labels are not integers.
    ValueError
        If a label is out of range; the message names the lowest and highest such label and counts
        them.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> sx.check_labels(np.array([0, 2, 255]), 3, ignore_index=255)
    >>> sx.check_labels(np.array([0, 2, 255]), 3)
    Traceback (most recent call last):
        ...
    ValueError: expected labels from 0 to 2, got 1 other (lowest 255, highest 255)
    """
    xp = namespace(labels)
    if not is_integer(xp, labels):
        raise TypeError(f"expected integer labels, got dtype {labels.dtype}")
    labels = xp.astype(labels, xp.int64)
    bad = (labels < 0) | (labels >= classes)
    if ignore_index is not None:
        bad = bad & (labels != ignore_index)
    count = int(xp.sum(xp.astype(bad, xp.int64)))
    if count:
        wrong = labels[bad]
        raise ValueError(
            f"expected labels from 0 to {classes - 1}"
            + ("" if ignore_index is None else f" or {ignore_index}")
            + f", got {count} other (lowest {int(xp.min(wrong))}, highest {int(xp.max(wrong))})"
        )


def shortened(xp: Any, labels: Any, classes: int) -> Any:
    """Labels in 8 bits, those outside [0, classes) still so; None of more without a sign."""
    if labels.dtype == xp.uint8:
        return labels
    if not xp.isdtype(labels.dtype, "signed integer"):
        return None
    most = min(classes, xp.iinfo(labels.dtype).max)
    return xp.astype(xp.clip(labels, min=-1, max=most), xp.uint8)  # -1 becomes 255


def within(xp: Any, labels: Any, classes: int, weight: Any) -> Any:
    """The weight, taken from where the label, of a dtype that holds C, is not in [0, C)."""
    inside = labels < classes
    if labels.dtype != xp.uint8:
        inside = inside & (labels >= 0)
    if weight is None:
        return inside
    if is_bool(xp, weight):
        return weight & inside
    return xp.where(inside, weight, xp.zeros_like(weight))


def indicators(
    xp: Any, labels: Any, classes: int, count: int, dtype: Any, used: Any
) -> list[Callable[[], Any]]:
    """From labels (n, 1, v), where each class is, in blocks, for those maps that look at it."""
    every = partial(_ops.constant, xp, range(classes), like=labels)
    if classes < 256 and labels.dtype == xp.uint8 and _execution.on_device(xp, labels):
        return [lambda: _ops.only(used, labels, 255) == every(labels.dtype)[:, None]]

    def numbers() -> Any:
        # Exact below 2**24 classes, vectorised everywhere, and uint8 labels meet no class number
        # that they can't hold (uint8 == 300 is true for 44).
        return _ops.only(used, xp.astype(labels, dtype, copy=False), -1.0)

    if count == 1:
        return [lambda: _ops.indicator(xp, numbers(), every(dtype)[:, None])]
    given = numbers()
    return [partial(_ops.indicator, xp, given, float(c)) for c in range(classes)]
