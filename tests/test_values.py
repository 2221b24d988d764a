"""Every loss, on every backend, against `reference.py`; and what its results are made of."""

from functools import lru_cache, reduce
from operator import add
from typing import Any

import numpy as np
import pytest
from array_api_compat import array_namespace
from backends import Backend, chosen
from cases import CASES, WITH_IMAGE, Case
from problems import (
    REDUCTIONS,
    TOLERANCE,
    assert_close,
    expected,
    expected_gradient,
    problem,
    reductions,
    with_image,
)

import segloss_xp as sx

ALL = (*CASES, *WITH_IMAGE)
# The last of each loss, which is least like its default.
ONE_OF_EACH = {type(case.loss): case for case in ALL}.values()

# (from_logits, described, dtype): see `problem`.
Setting = tuple[bool, bool, str]
SETTINGS: list[Setting] = [
    (logits, described, dtype)
    for logits in (True, False)
    for described in (False, True)
    for dtype in TOLERANCE
]


def settings(backend: Backend, what: str) -> list[Setting]:
    """All settings, but one or none where each costs a compilation or a task graph."""
    if "compiled" in backend.name:
        return []  # `test_together` and `test_reductions_compiled` are what it can afford
    match backend.library, backend.eager, what:
        case "dask", _, _:
            return [(True, True, "float64")]
        case "jax", True, "values":
            return [(True, True, "float64")]
        case "jax", True, "gradients":
            return [(False, False, "float32")]
        case "jax", False, "values":
            return [(True, False, "float32")]
        case "jax", False, "gradients":
            return [(False, True, "float64")]
        case _:
            return SETTINGS


def cases(backend: Backend) -> Any:
    """All cases; one of each loss where each operation costs a compilation of its own."""
    return ONE_OF_EACH if (backend.library, backend.eager) == ("jax", True) else ALL


def everywhere(what: str) -> Any:
    """Parametrise by backend and case, each in the settings that the backend can afford."""
    return pytest.mark.parametrize(
        ("backend", "case", "setting"),
        [
            pytest.param(
                backend,
                case,
                setting,
                id="-".join(
                    (
                        backend.name,
                        str(case),
                        "logits" if setting[0] else "probabilities",
                        "described" if setting[1] else "plain",
                        setting[2],
                    )
                ),
            )
            for backend in chosen()
            if backend.differentiates or what == "values"
            for case in cases(backend)
            for setting in settings(backend, what)
        ],
    )


def call(kind: str, setting: Setting, *, image: bool = False) -> Any:
    from_logits, described, dtype = setting
    plain = problem(kind, from_logits=from_logits, described=described, dtype=dtype)
    return with_image(plain) if image else plain


@lru_cache
def truth(case: Case, setting: Setting, reduction: str) -> Any:
    return expected(case, call(case.target, setting, image=case.image), reduction=reduction)


@lru_cache
def true_gradient(case: Case, setting: Setting) -> np.ndarray:
    return expected_gradient(case, call(case.target, setting, image=case.image))


@everywhere("values")
def test_value(backend: Backend, case: Case, setting: Setting):
    prediction, target, keywords = call(case.target, setting, image=case.image)
    values = backend.values(case.loss, prediction, target, reductions(case.loss), **keywords)
    for reduction, value in zip(reductions(case.loss), values, strict=True):
        assert value.dtype == setting[2]
        assert_close(value, truth(case, setting, reduction), TOLERANCE[setting[2]])


# Half the tolerance of a value, so that any two backends agree to the whole.
@everywhere("gradients")
def test_gradient(backend: Backend, case: Case, setting: Setting):
    prediction, target, keywords = call(case.target, setting, image=case.image)
    value, gradient = backend.value_and_grad(case.loss, prediction, target, **keywords)
    assert value.dtype == gradient.dtype == setting[2]
    assert_close(value, truth(case, setting, "mean"), TOLERANCE[setting[2]])
    assert_close(gradient, true_gradient(case, setting), TOLERANCE[setting[2]] / 2)


# For compilers of whole programs: one for all losses of a kind of target, or what can be afforded.

compilers = pytest.mark.parametrize(
    "backend", [each for each in chosen() if not each.eager], ids=lambda each: each.name
)


@compilers
@pytest.mark.parametrize("kind", sorted({case.target for case in CASES}))
def test_together(backend: Backend, kind: str):
    setting = (True, True, "float32")
    cases = [case for case in CASES if case.target == kind]
    if "compiled" in backend.name and len(cases) > 5:
        cases = cases[1::3]
    prediction, target, keywords = call(kind, setting)
    loss = reduce(add, (case.loss for case in cases))
    value, gradient = backend.value_and_grad(loss, prediction, target, **keywords)
    assert_close(value, sum(truth(case, setting, "mean") for case in cases), 2e-6)
    assert_close(gradient, sum(true_gradient(case, setting) for case in cases), 1e-6)


@compilers
@pytest.mark.parametrize(
    "case",
    [
        Case(sx.CrossEntropyLoss(class_weights=(1, 2, 3)), "cross_entropy", "multilabel"),
        Case(sx.DiceLoss(absent="skip", include_background=False), "dice"),
    ],
    ids=str,
)
def test_reductions_compiled(backend: Backend, case: Case):
    setting, reductions = (False, True, "float32"), ("sample", "none")
    prediction, target, keywords = call(case.target, setting)
    values = backend.values(case.loss, prediction, target, reductions, **keywords)
    for reduction, value in zip(reductions, values, strict=True):
        assert_close(value, truth(case, setting, reduction), 2e-6)


# Where the conventions are PyTorch's, PyTorch is a second reference.
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    ("theirs", "ours", "target"),
    [
        ({}, {}, "labels"),
        ({"ignore_index": 1}, {}, "labels"),
        ({"weight": (1.0, 2.0, 3.0)}, {"class_weights": (1, 2, 3)}, "labels"),
        (
            {"weight": (1.0, 2.0, 3.0), "label_smoothing": 0.1},
            {"class_weights": (1, 2, 3), "label_smoothing": 0.1},
            "labels",
        ),
        ({}, {}, "soft"),
        ({"label_smoothing": 0.2}, {"label_smoothing": 0.2}, "soft"),
        ({}, {}, "multilabel"),
        ({"pos_weight": (2.0, 1.0, 0.5)}, {"pos_weight": (2, 1, 0.5)}, "multilabel"),
    ],
)
def test_cross_entropy_is_that_of_pytorch(theirs, ours, target, reduction):
    torch = pytest.importorskip("torch")
    prediction, truth, keywords = problem(target)
    theirs = {
        key: torch.tensor(value, dtype=torch.float64) if isinstance(value, tuple) else value
        for key, value in theirs.items()
    }
    if "ignore_index" in theirs:
        keywords = {**keywords, "ignore_index": theirs["ignore_index"]}
    # Classes last, which the weights of channels broadcast over.
    x = torch.tensor(np.moveaxis(prediction, 1, -1).copy())
    if target == "labels":
        want = torch.nn.functional.cross_entropy(
            x.reshape(-1, 3), torch.tensor(truth).reshape(-1), reduction=reduction, **theirs
        )
        want = want.reshape(truth.shape) if reduction == "none" else want
    elif target == "soft":
        t = torch.tensor(np.moveaxis(truth, 1, -1).copy())
        # Its divisor is the number of voxels; in `problem` the targets of one do not add up to 1.
        t = t / t.sum(-1, keepdim=True)
        truth = np.moveaxis(t.numpy(), -1, 1)
        want = torch.nn.functional.cross_entropy(
            x.reshape(-1, 3), t.reshape(-1, 3), reduction=reduction, **theirs
        )
        want = want.reshape(t.shape[:-1]) if reduction == "none" else want
    else:
        t = torch.tensor(np.moveaxis(truth, 1, -1).astype(np.float64))
        want = torch.nn.functional.binary_cross_entropy_with_logits(
            x, t, reduction=reduction, **theirs
        )
        want = want.movedim(-1, 1) if reduction == "none" else want
    value = sx.CrossEntropyLoss(**ours)(prediction, truth, reduction=reduction, **keywords)
    assert_close(value, want.numpy())


GRAINS = [
    (sx.CrossEntropyLoss(), "labels", (2, 2, 5)),
    (sx.CrossEntropyLoss(), "multilabel", (2, 3, 2, 5)),
    (sx.DiceLoss(), "labels", (2, 3)),
    (sx.JaccardLoss(include_background=False), "labels", (2, 2)),
    (sx.TverskyLoss(batch=True), "labels", (1, 3)),
]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_results_are_of_the_library_shape_and_dtype_promised(eager: Backend, dtype: str):
    xp = array_namespace(eager.array(np.zeros(1)))
    if not hasattr(xp, dtype):
        pytest.skip(f"no {dtype}")
    working = xp.float64 if dtype == "float64" else xp.float32
    for loss, kind, grain in GRAINS if dtype == "float32" else GRAINS[::2]:
        call = problem(kind, dtype="float32")
        prediction = xp.astype(eager.array(call.prediction), getattr(xp, dtype))
        target = eager.array(call.target)
        for reduction, shape in zip(REDUCTIONS, [(), (), (2,), grain], strict=True):
            value = loss(prediction, target, reduction=reduction, **call.keywords)
            assert array_namespace(value) is xp
            assert (value.dtype, tuple(value.shape)) == (working, shape)
        if eager.differentiates:
            value, gradient = sx.value_and_grad(loss, prediction, target, **call.keywords)
            assert array_namespace(value) is array_namespace(gradient) is xp
            assert (value.dtype, tuple(value.shape)) == (working, ())
            assert (gradient.dtype, gradient.shape) == (prediction.dtype, prediction.shape)


def test_a_batch_of_no_samples(eager: Backend):
    if eager.library == "dask":
        pytest.skip("dask's maximum of nothing has the wrong shape (2026.8)")
    value = eager.value(sx.DiceLoss(), np.zeros((0, 3, 4)), np.zeros((0, 4), int))
    assert_close(value, np.zeros(()))
