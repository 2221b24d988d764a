"""Small calls of every kind, what the reference makes of them, and how to compare results."""

from dataclasses import fields
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import reference
from cases import Case

REDUCTIONS = ("mean", "sum", "sample", "none")

# What a result may differ by, as a share of the largest expected entry.
TOLERANCE = {"float64": 1e-12, "float32": 2e-6}


class Problem(NamedTuple):
    """The arguments of a call."""

    prediction: np.ndarray
    target: np.ndarray
    keywords: dict[str, Any]


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x)
    return e / e.sum(axis=1, keepdims=True)


def one_hot(labels: np.ndarray, classes: int, dtype: Any = np.float64) -> np.ndarray:
    return np.stack([labels == c for c in range(classes)], axis=1).astype(dtype)


def waves(*shape: int, factor: float = 6.0) -> tuple[np.ndarray, np.ndarray]:
    """Logits and labels that look like noise and need no generator, for numbers of others."""
    logits = factor * np.sin(np.arange(np.prod(shape)).reshape(shape) ** 1.3)
    space = (shape[0], *shape[2:])
    return logits, (np.arange(np.prod(space)) ** 2 // 7 % shape[1]).reshape(space)


@lru_cache
def problem(
    kind: str,
    *,
    seed: int = 0,
    samples: int = 2,
    classes: int = 3,
    space: tuple[int, ...] = (2, 5),
    dtype: str = "float64",
    from_logits: bool = True,
    described: bool = False,
) -> Problem:
    """
    A call of a loss, with a target of a kind that `Case` names.

    One sample lacks the last class. With `described`, the classes come last and some voxels are
    masked, weighted or ignored.
    """
    rng = np.random.default_rng(seed)
    shape = (samples, classes, *space)
    keywords: dict[str, Any] = {"multilabel": True} if kind == "multilabel" else {}
    prediction = rng.uniform(-3, 3, size=shape)
    if not from_logits:
        keywords["from_logits"] = False
        prediction = softmax(prediction)
    if kind == "multilabel":
        target = rng.random(shape) < 0.4
    elif kind == "soft":
        target = softmax(2 * rng.normal(size=shape)).astype(dtype)
    else:
        target = rng.integers(0, classes, size=(samples, *space))
    if kind in ("labels", "onehot"):
        target[0] %= max(1, classes - 1)
    else:
        target[0, -1] = 0
    if kind == "onehot":
        target = one_hot(target, classes, bool)
    if described:
        keywords["class_axis"] = -1
        keywords["mask"] = rng.random((samples, *space)) < 0.8
        keywords["voxel_weights"] = rng.integers(0, 5, size=(samples, *space)).astype(dtype) / 2
        prediction = np.moveaxis(prediction, 1, -1)
        if kind == "labels":
            keywords["ignore_index"] = 255
            target = np.where(rng.random(target.shape) < 0.1, 255, target).astype(np.uint8)
        else:
            target = np.moveaxis(target, 1, -1)
    result = Problem(prediction.astype(dtype), target, keywords)
    for array in (result.prediction, target, *keywords.values()):
        if isinstance(array, np.ndarray):
            array.flags.writeable = False  # no loss may write to what it is given
    return result


def with_image(call: Problem) -> Problem:
    """The same call with an image, of other intensity where other classes are predicted."""
    noise = np.random.default_rng(0).normal(scale=0.2, size=call.prediction.shape)
    image = (np.tanh(call.prediction) + noise).astype(call.prediction.dtype)
    image.flags.writeable = False
    return call._replace(keywords={**call.keywords, "image": image})


def reductions(loss: Any) -> tuple[str, ...]:
    """Those that a loss has: terms of different grains have no unreduced sum."""
    return REDUCTIONS[:-1] if "," in loss.grain else REDUCTIONS


def expected(case: Case, call: Problem, **keywords: Any) -> Any:
    """What the reference gives for a case."""
    return _reference(case)(call.prediction, call.target, **call.keywords, **keywords)


def expected_gradient(case: Case, call: Problem, **keywords: Any) -> np.ndarray:
    """The gradient of what the reference gives for a case."""
    return reference.gradient(
        _reference(case), call.prediction, call.target, **call.keywords, **keywords
    )


def _reference(case: Case) -> Any:
    parameters = {field.name: getattr(case.loss, field.name) for field in fields(case.loss)}

    def loss(prediction: np.ndarray, target: np.ndarray, **call: Any) -> Any:
        return getattr(reference, case.reference)(prediction, target, **parameters, **call)

    return loss


def assert_close(actual: Any, expected: Any, tolerance: float = 1e-12, least: float = 0.0) -> None:
    """
    Of one shape, and different by at most the tolerance times the largest expected entry.

    Where that is 0 but for rounding, `least` says how large the terms are that cancel.
    """
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape
    scale = np.max(np.abs(expected), initial=least)
    np.testing.assert_allclose(
        actual, expected, rtol=0, atol=tolerance * scale, equal_nan=False, strict=True
    )


def assert_finite(*arrays: Any) -> None:
    for array in arrays:
        assert np.all(np.isfinite(np.asarray(array, np.float64)))
