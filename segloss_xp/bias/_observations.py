"""What a measure of calibration looks at: how sure a prediction is, and what happened."""

from typing import Any, Literal

from segloss_xp import _execution
from segloss_xp._comparison import Comparison
from segloss_xp.maps import Predicted, Truth, Volume

Kind = Literal["marginal", "top-label", "class-wise"]


def observations(
    prediction: Any, target: Any, kind: Kind, *, voxel_weights: Any = None, **description: Any
) -> tuple[Any, Any, Any]:
    """Confidence, outcome and weight of the observations, each (K, M)."""
    if kind not in ("marginal", "top-label", "class-wise"):
        raise ValueError(f"expected kind 'marginal', 'top-label' or 'class-wise', got {kind!r}")
    # Without the weights, that the confidences come out as they are.
    c = Comparison(prediction, target, **description)
    xp = c.xp
    p, y, used = c.values((Predicted(), Truth(), Volume()))
    used = xp.astype(used > 0, xp.int32)
    if voxel_weights is not None:
        weighted = Comparison(prediction, target, voxel_weights=voxel_weights, **description)
        used = weighted.values((Volume(),))[0]
    _check_probabilities(xp, p)
    if kind == "top-label":
        return tuple(xp.reshape(each, (1, -1)) for each in _top_label(c, p, y, used))  # pyright: ignore
    if kind == "marginal":
        first = 0 if c.multilabel else 1
        return tuple(xp.reshape(each[:, first:, :], (1, -1)) for each in (p, y, used))  # pyright: ignore
    by_class = (xp.permute_dims(each, (1, 0, 2)) for each in (p, y, used))
    return tuple(xp.reshape(each, (c.classes, -1)) for each in by_class)  # pyright: ignore


def _top_label(c: Comparison, p: Any, y: Any, used: Any) -> tuple[Any, Any, Any]:
    if c.multilabel:
        raise ValueError("the top label is of one label a voxel, got multilabel=True")
    xp = c.xp
    top = xp.astype(xp.argmax(p, axis=1, keepdims=True), p.dtype)
    numbers = c.constant([float(k) for k in range(c.classes)], "a number")[:, None]
    outcome = xp.sum(xp.where(top == numbers, y, xp.zeros_like(y)), axis=1)
    return xp.max(p, axis=1), outcome, used[:, 0, :]


def _check_probabilities(xp: Any, p: Any) -> None:
    if _execution.values_known(xp, p) and not xp.all((p >= 0) & (p <= 1)):
        raise ValueError(
            f"expected probabilities from 0 to 1, got values from {float(xp.min(p))} to "
            f"{float(xp.max(p))}; for logits pass from_logits=True"
        )
