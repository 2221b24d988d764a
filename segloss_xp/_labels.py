"""Labels, where their values may be looked at."""

from segloss_xp._array import Array, is_integer, namespace


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
