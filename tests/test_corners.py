"""Where losses break: certainty, nothing valid, junk, half precision; and where others did."""

from dataclasses import replace
from math import inf, log, nan
from typing import Any, NamedTuple

import numpy as np
import pytest
from array_api_compat import array_namespace
from backends import Backend, chosen
from cases import CASES, Case
from problems import (
    REDUCTIONS,
    Problem,
    assert_close,
    assert_finite,
    expected,
    one_hot,
    problem,
    reductions,
)

import segloss_xp as sx

KINDS = sorted({case.target for case in CASES})
every_case = pytest.mark.parametrize("case", CASES, ids=str)


def together(kind: str, library: str = "") -> sx.Loss:
    """All losses of a kind of target; every other for JAX, which compiles each operation."""
    cases = CASES[::2] if library == "jax" else CASES
    return sum(case.loss for case in cases if case.target == kind)


def on_host(prediction: Any, target: Any, loss: sx.Loss, **keywords: Any) -> list[np.ndarray]:
    """All that NumPy has to say: the loss in every reduction, and its gradient."""
    values = [loss(prediction, target, reduction=each, **keywords) for each in reductions(loss)]
    return [*values, sx.value_and_grad(loss, prediction, target, **keywords)[1]]


# Certainty: the whole volume is one class, and what is predicted is 0, 1/2 or 1.

CERTAIN = [(present, p) for present in (False, True) for p in (0.0, 0.5, 1.0)]


def certain(kind: str, *, present: bool, p: float, logits: bool, dtype: Any) -> Problem:
    """Class 1 everywhere or nowhere, predicted with probability p; else class 0, never class 2."""
    labels = np.full((2, 3), int(present))
    target = (
        labels if kind == "labels" else one_hot(labels, 3, bool if kind == "multilabel" else dtype)
    )
    x = np.broadcast_to(np.array([1 - p, p, 0.0])[:, None], (2, 3, 3))
    keywords = {"multilabel": kind == "multilabel", "from_logits": logits}
    if logits:
        unsure = 0.0 if kind == "multilabel" else 1e4
        x = np.select([x == 0, x == 1], [-1e4, 1e4], unsure)
    return Problem(x.astype(dtype), target, keywords)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("logits", [True, False], ids=["logits", "probabilities"])
@every_case
def test_certainty_is_finite(case: Case, logits: bool, dtype):
    for present, p in CERTAIN:
        call = certain(case.target, present=present, p=p, logits=logits, dtype=dtype)
        assert_finite(*on_host(*call[:2], case.loss, **call.keywords))
        # A bound by logarithms has no value at certainty.
        if isinstance(case.loss, sx.RegionLoss) and not isinstance(
            case.loss, sx.CalibratedDiceLoss
        ):
            truth = certain(case.target, present=present, p=p, logits=False, dtype=np.float64)
            for reduction in REDUCTIONS:
                value = case.loss(*call[:2], reduction=reduction, **call.keywords)
                # Parallel vectors are at an angle of 0 but for the rounding of their cosine.
                assert_close(value, expected(case, truth, reduction=reduction), 1e-6, 1e-6)


# The slope of log p at 0 is infinite: whatever stands in for it must survive weights and sums.
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("logits", [True, False], ids=["logits", "probabilities"])
@every_case
def test_certainty_is_finite_however_weighted(case: Case, logits: bool, dtype):
    for present, p in CERTAIN:
        call = certain(case.target, present=present, p=p, logits=logits, dtype=dtype)
        keywords = {**call.keywords, "reduction": "sum"}
        assert_finite(*sx.value_and_grad(10 * case.loss, *call[:2], **keywords))


@pytest.mark.parametrize("logits", [True, False], ids=["logits", "probabilities"])
@pytest.mark.parametrize("kind", KINDS)
def test_certainty_is_finite_everywhere(differentiating: Backend, kind: str, logits: bool):
    loss = together(kind, differentiating.library)
    for present, p in CERTAIN:
        call = certain(kind, present=present, p=p, logits=logits, dtype=np.float32)
        got = differentiating.value_and_grad(loss, *call[:2], **call.keywords)
        assert_finite(*got)
        assert_close(got[0], loss(*call[:2], **call.keywords), 2e-6)


# Softmax: 1e4 against -1e4. Channels: two of three are wrong, each by 1e4.
@pytest.mark.parametrize(("kind", "value"), [("labels", 2e4), ("multilabel", 2e4 / 3)])
def test_certainty_costs_its_logit(eager: Backend, kind: str, value: float):
    call = certain(kind, present=True, p=0.0, logits=True, dtype=np.float32)
    assert_close(eager.value(sx.CrossEntropyLoss(), *call[:2], **call.keywords), value, 2e-6)


# Nothing valid.


@pytest.mark.parametrize("way", ["mask", "weight", "void", "ignored"])
@every_case
def test_nothing_valid_is_zero(case: Case, way: str):
    prediction, target, keywords = problem(case.target)
    if way in ("void", "ignored") and case.target != "labels":
        pytest.skip("labels only")
    nothing = {
        "mask": {"mask": np.zeros((2, 2, 5), bool)},
        "weight": {"voxel_weights": np.zeros((2, 2, 5))},
        "void": {},
        "ignored": {"ignore_index": 1},
    }[way]
    target = {"void": np.full((2, 2, 5), 255), "ignored": np.ones((2, 2, 5), int)}.get(way, target)
    for result in on_host(prediction, target, case.loss, **nothing, **keywords):
        assert np.all(np.asarray(result) == 0)


NO_VOXELS = {"labels": np.zeros((2, 0), int), "soft": np.zeros((2, 3, 0))}


@pytest.mark.parametrize("target", NO_VOXELS.values(), ids=NO_VOXELS)
def test_no_voxels(differentiating: Backend, target: np.ndarray):
    loss = sx.DiceLoss() + sx.CrossEntropyLoss()
    value, gradient = differentiating.value_and_grad(loss, np.zeros((2, 3, 0)), target)
    assert value == 0
    assert gradient.shape == (2, 3, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_valid_is_zero_everywhere(differentiating: Backend, kind: str):
    prediction, target, keywords = problem(kind, dtype="float32")
    keywords = {**keywords, "mask": np.zeros((2, 2, 5), bool)}
    loss = together(kind, differentiating.library)
    for result in differentiating.value_and_grad(loss, prediction, target, **keywords):
        assert np.all(result == 0)


# What is hidden may hold anything.


def hidden(kind: str, way: str) -> tuple[Problem, np.ndarray]:
    """A call with the voxels (N, *space) that it does not look at."""
    prediction, target, keywords = problem(kind, dtype="float32")
    out = np.random.default_rng(0).random((2, 2, 5)) < 0.4
    if way == "mask":
        keywords = {**keywords, "mask": ~out}
    elif way == "weight":
        keywords = {**keywords, "voxel_weights": np.where(out, 0, 1.5).astype(np.float32)}
    else:
        target = np.where(out, {"void": -1, "ignored": 2}[way], target)
        if way == "ignored":
            out, keywords = target == 2, {**keywords, "ignore_index": 2}
    return Problem(prediction, target, keywords), out


HIDDEN = [
    (kind, way)
    for kind in KINDS
    for way in ("mask", "weight", "void", "ignored")
    if kind == "labels" or way in ("mask", "weight")
]


@pytest.mark.parametrize("junk", [nan, inf, -inf])
@pytest.mark.parametrize(("kind", "way"), HIDDEN)
def test_hidden_junk_changes_nothing(kind: str, way: str, junk: float):
    (prediction, target, keywords), out = hidden(kind, way)
    out = np.broadcast_to(out[:, None], prediction.shape)
    dirty = np.where(out, np.float32(junk), prediction)
    soft = np.where(out, np.float32(junk), target) if kind != "labels" else target
    for case in CASES:
        if case.target == kind:
            clean = on_host(prediction, target, case.loss, **keywords)
            for got, want in zip(on_host(dirty, soft, case.loss, **keywords), clean, strict=True):
                np.testing.assert_array_equal(got, want)
            assert np.all(clean[-1][out] == 0)


@pytest.mark.parametrize(("kind", "way"), HIDDEN)
def test_hidden_junk_changes_nothing_anywhere(differentiating: Backend, kind: str, way: str):
    (prediction, target, keywords), out = hidden(kind, way)
    out = np.broadcast_to(out[:, None], prediction.shape)
    loss, results = together(kind, differentiating.library), []
    for junk in (0.0, nan, -inf):
        dirty = np.where(out, np.float32(junk), prediction)
        soft = np.where(out, np.float32(junk), target) if kind != "labels" else target
        results.append(differentiating.value_and_grad(loss, dirty, soft, **keywords))
        assert_finite(*results[-1])
    for value, gradient in results[1:]:
        np.testing.assert_array_equal(value, results[0][0])
        np.testing.assert_array_equal(gradient, results[0][1])


# A class that is ruled out, where it is not the true one.


@every_case
def test_minus_infinity_rules_a_class_out(case: Case):
    if getattr(case.loss, "label_smoothing", 0):
        pytest.skip("a smoothed target wants a little of every class")
    if isinstance(case.loss, (sx.MarginLabelSmoothingLoss, sx.NACLLoss, sx.SVLSLoss)):
        pytest.skip("logits far apart cost their distance")
    if isinstance(case.loss, sx.NormalizedCrossEntropyLoss) or getattr(case.loss, "t2", 1) > 1:
        pytest.skip("how improbable the others are counts, and is not the same for -1e4 and -inf")
    prediction, target, keywords = problem(case.target)
    out = np.zeros((len(prediction), *prediction.shape[2:]), bool)
    out[0] = True
    if case.target == "labels":  # in a sample that has the class, too
        out |= target != 2
    low, lowest = prediction.copy(), prediction.copy()
    low[:, 2][out], lowest[:, 2][out] = -1e4, -inf
    got = on_host(lowest, target, case.loss, **keywords)
    assert_finite(*got)
    for a, b in zip(got, on_host(low, target, case.loss, **keywords), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind", KINDS)
def test_minus_infinity_rules_a_class_out_everywhere(differentiating: Backend, kind: str):
    prediction, target, keywords = problem(kind, dtype="float32")
    prediction = prediction.copy()
    prediction[0, 2] = -inf
    loss = sx.CrossEntropyLoss() + sx.DiceLoss(squared=True)
    assert_finite(*differentiating.value_and_grad(loss, prediction, target, **keywords))


# All corners in one program, for the compilers.
@pytest.mark.parametrize(
    "backend", [each for each in chosen() if not each.eager], ids=lambda backend: backend.name
)
def test_corners_compiled(backend: Backend):
    calls = [
        certain("labels", present=present, p=p, logits=True, dtype=np.float32)
        for present, p in CERTAIN
    ]
    prediction = np.concatenate([call.prediction for call in calls])
    target = np.concatenate([call.target for call in calls])
    mask = np.ones(target.shape, bool)
    prediction[0, :, 0], mask[0, 0] = nan, False
    prediction[1, :, 0], target[1, 0] = -inf, 255
    mask[3] = False
    prediction[5, 2] = -inf
    loss = 0.5 * sx.CrossEntropyLoss() + sx.DiceLoss(absent="skip")
    value, gradient = backend.value_and_grad(loss, prediction, target, mask=mask)
    assert_finite(value, gradient)
    want = sx.value_and_grad(loss, prediction, target, mask=mask)
    assert_close(value, want[0], 2e-6)
    assert_close(gradient, want[1], 2e-6)


# Volumes in half precision: their sums overflow it.
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_volumes_are_summed_in_float32(eager: Backend, dtype: str):
    loss = sx.CrossEntropyLoss() + sx.DiceLoss(squared=True)
    xp = array_namespace(eager.array(np.zeros(1)))
    if not hasattr(xp, dtype):
        pytest.skip(f"no {dtype}")
    rng = np.random.default_rng(0)
    half = xp.astype(eager.array(rng.normal(size=(1, 2, 64, 64, 64))), getattr(xp, dtype))
    single, double = xp.astype(half, xp.float32), xp.astype(half, xp.float64)
    target = eager.array(rng.integers(0, 2, size=(1, 64, 64, 64)))
    value = eager.to_numpy(loss(half, target))
    assert_finite(value)
    assert_close(value, eager.to_numpy(loss(single, target)), 2e-6)
    assert_close(value, eager.to_numpy(loss(double, target)), 2e-6)
    if eager.differentiates:
        # That of the float32 volume, rounded: for float16 it is subnormal.
        _, gradient = sx.value_and_grad(loss, half, target)
        _, want = sx.value_and_grad(loss, single, target)
        gradient, want = (
            eager.to_numpy(xp.astype(xp.astype(each, getattr(xp, dtype)), xp.float32))
            for each in (gradient, want)
        )
        assert np.any(want != 0)
        assert_close(gradient, want, float(xp.finfo(getattr(xp, dtype)).eps))


# Memory of any layout.
@pytest.mark.parametrize(
    "layout",
    [
        np.asfortranarray,
        lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
        lambda x: np.ascontiguousarray(x[..., ::-1])[..., ::-1],
        lambda x: np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape),
    ],
    ids=["fortran", "strided", "reversed", "read-only"],
)
@every_case
def test_any_memory_layout(case: Case, layout):
    prediction, target, keywords = problem(case.target, described=True)
    other = {key: layout(x) if isinstance(x, np.ndarray) else x for key, x in keywords.items()}
    before = prediction.tobytes()
    got = on_host(layout(prediction), layout(target), case.loss, **other)
    for a, b in zip(got, on_host(prediction, target, case.loss, **keywords), strict=True):
        assert_close(a, b)
    assert prediction.tobytes() == before


@pytest.mark.parametrize("kind", KINDS)
def test_any_memory_layout_in_torch(kind: str):
    torch = pytest.importorskip("torch")
    prediction, target, keywords = problem(kind)
    want = sx.value_and_grad(together(kind), prediction, target, **keywords)
    for layout in (np.asfortranarray, lambda x: np.repeat(x, 2, axis=-1)[..., ::2]):
        x, t = torch.from_numpy(layout(prediction)), torch.from_numpy(layout(target))
        got = sx.value_and_grad(together(kind), x, t, **keywords)
        assert_close(got[0].numpy(), want[0])
        assert_close(got[1].numpy(), want[1])


# Absent classes. Class 2 is not in the target, yet a quarter of the prediction.

ABSENT = Problem(
    np.repeat(np.array([[0.5], [0.25], [0.25]]), 4, axis=1)[None],
    np.array([[0, 0, 1, 1]]),
    {"from_logits": False},
)
PRESENT = 1 - 2 * 1 / (2 + 2), 1 - 2 * 0.5 / (1 + 2)


@pytest.mark.parametrize(
    ("absent", "value", "unreduced"),
    [
        ("smooth", (sum(PRESENT) + 1) / 3, (*PRESENT, 1)),
        ("skip", sum(PRESENT) / 2, (*PRESENT, 0)),
        ("zero", sum(PRESENT) / 3, (*PRESENT, 0)),
    ],
)
def test_absent_classes(eager: Backend, absent: str, value: float, unreduced):
    loss = sx.DiceLoss(absent=absent, smooth=0.0)
    assert_close(eager.value(loss, *ABSENT[:2], **ABSENT.keywords), value)
    got = eager.value(loss, *ABSENT[:2], reduction="none", **ABSENT.keywords)
    assert_close(got, [unreduced])


@pytest.mark.parametrize("loss", [sx.DiceLoss, sx.JaccardLoss, sx.TverskyLoss])
def test_absent_classes_push_false_positives_down_or_not_at_all(differentiating: Backend, loss):
    def by_p(absent: str) -> np.ndarray:
        _, gradient = differentiating.value_and_grad(
            loss(absent=absent), *ABSENT[:2], **ABSENT.keywords
        )
        assert_finite(gradient)
        return gradient[0, 2]

    assert np.all(by_p("smooth") > 0)
    assert np.all(by_p("skip") == 0)
    assert np.all(by_p("zero") == 0)


@pytest.mark.parametrize("absent", ["smooth", "skip", "zero"])
def test_only_background_and_found_is_zero(differentiating: Backend, absent: str):
    labels = np.zeros((1, 4), int)
    loss = sx.DiceLoss(include_background=False, absent=absent, smooth=0.0)
    value, gradient = differentiating.value_and_grad(
        loss, one_hot(labels, 3), labels, from_logits=False
    )
    assert value == 0
    assert_finite(gradient)


# What other libraries get wrong. Each line: what they do, and the value that is right.


class Peer(NamedTuple):
    loss: sx.Loss
    prediction: Any
    target: Any
    value: Any
    keywords: dict[str, Any] = {}  # noqa: RUF012 - never written to


HALF = np.full((1, 2, 4), 0.5)
P = {"from_logits": False}
PEERS = {
    # SMP divides by all voxels, ignored ones too: half of it.
    "ignored voxels in the divisor": Peer(
        sx.CrossEntropyLoss(),
        np.zeros((1, 2, 4)),
        np.array([[0, 1, 255, 255]]),
        log(2),
        {"ignore_index": 255},
    ),
    # PyTorch divides 0 by 0.
    "NaN if all are ignored": Peer(
        sx.CrossEntropyLoss(), np.zeros((1, 2, 4)), np.full((1, 4), 255), 0, {"ignore_index": 255}
    ),
    # Keras and optax divide a weighted cross-entropy by the number of voxels: 2 log 2.
    "weights missing from the divisor": Peer(
        sx.CrossEntropyLoss(class_weights=(1, 3)), np.zeros((1, 2, 2)), np.array([[0, 1]]), log(2)
    ),
    # SegLoss drops the weights of its WCE: 1.5 log 2.
    "weights ignored": Peer(
        sx.CrossEntropyLoss(class_weights=(1, 3)),
        np.array([[[0.5, 0.75], [0.5, 0.25]]]),
        np.array([[0, 1]]),
        (log(2) + 3 * log(4)) / 4,
        P,
    ),
    # MONAI's DiceCELoss(sigmoid=True) takes a softmax over overlapping channels: 2 log 2.
    "softmax for sigmoid": Peer(
        sx.CrossEntropyLoss(), np.zeros((1, 2, 1)), np.ones((1, 2, 1)), log(2), {"multilabel": True}
    ),
    # SMP smooths a binary target by e where e / 2 is the share of the other outcome.
    "smoothing twice as strong": Peer(
        sx.CrossEntropyLoss(label_smoothing=0.2),
        np.full((1, 1, 1), 0.8),
        np.ones((1, 1, 1)),
        -0.9 * log(0.8) - 0.1 * log(0.2),
        {"multilabel": True, **P},
    ),
    # SMP takes log p for a logit if told that it got probabilities: 0.231 at a perfect prediction.
    "activation on probabilities": Peer(
        sx.CrossEntropyLoss(), np.eye(2)[None], np.array([[0, 1]]), 0, P
    ),
    # MONAI's focal loss scores a background dropped before the softmax: p would be 1/2, not 1/3.
    "background dropped before the softmax": Peer(
        sx.DiceLoss(include_background=False, smooth=0.0, absent="skip"),
        np.zeros((1, 3, 4)),
        np.ones((1, 4), int),
        1 - 2 * (4 / 3) / (4 / 3 + 4),
    ),
    # A masked logit is 0, which is a probability of 1/2 and not nothing: 0.6 for 1/3.
    "logits masked before the activation": Peer(
        sx.DiceLoss(include_background=False, smooth=0.0),
        np.log([[[0.5, 0.1, 0.1], [0.5, 0.9, 0.9]]]),
        np.array([[1, 0, 0]]),
        1 - 2 * 0.5 / (0.5 + 1),
        {"mask": np.array([[True, False, False]])},
    ),
    # MONAI: 1/2 for a prediction that is the soft target.
    "soft truth is not zero": Peer(sx.DiceLoss(intersection="min"), HALF, HALF, 0, P),
    # Unnormalised class weights scale the loss.
    "weights that scale": Peer(
        sx.DiceLoss(class_weights=(2, 2), smooth=0.0), HALF, np.array([[0, 0, 1, 1]]), 0.5, P
    ),
    # SMP sets absent classes to 0 and counts them in the mean: 1/3.
    "absent classes dilute": Peer(
        sx.DiceLoss(absent="skip", smooth=0.0),
        np.concatenate([HALF, 0 * HALF[:, :1]], axis=1),
        np.array([[0, 0, 1, 1]]),
        0.5,
        P,
    ),
    # kornia and Keras smooth the denominator only, so that an absent class costs 1: 1/3.
    "absent classes cost 1": Peer(
        sx.DiceLoss(), one_hot(np.array([[0, 1]]), 3), np.array([[0, 1]]), 0, P
    ),
    # kornia adds up the classes before the ratio: 1 - mean p_t = 0.5.
    "micro average": Peer(
        sx.DiceLoss(smooth=0.0), HALF, np.array([[0, 0, 0, 1]]), 1 - (3 / 5 + 1 / 3) / 2, P
    ),
    # SegLoss squares elsewhere than V-Net.
    "another square": Peer(
        sx.DiceLoss(squared=True, smooth=0.0),
        np.full((1, 1, 1), 0.5),
        np.ones((1, 1, 1)),
        1 - 2 * 0.5 / (0.25 + 1),
        {"multilabel": True, **P},
    ),
    # nnU-Net and SegLoss return the negative score.
    "sign": Peer(sx.JaccardLoss(smooth=0.0), HALF, np.array([[0, 0, 1, 1]]), 1 - 1 / 3, P),
    # kornia's Tversky depends on alpha + beta only; Keras had them swapped. Here FP 2, FN 0 ...
    "alpha weighs false positives": Peer(
        sx.TverskyLoss(alpha=0.3, beta=0.7, smooth=0.0),
        np.array([[[1.0, 1.0, 1.0, 0.0]]]),
        np.array([[[1.0, 0.0, 0.0, 0.0]]]),
        1 - 1 / (1 + 0.3 * 2),
        {"multilabel": True, **P},
    ),
    # ... and here FP 0, FN 2.
    "beta weighs false negatives": Peer(
        sx.TverskyLoss(alpha=0.3, beta=0.7, smooth=0.0),
        np.array([[[1.0, 0.0, 0.0, 0.0]]]),
        np.array([[[1.0, 1.0, 1.0, 0.0]]]),
        1 - 1 / (1 + 0.7 * 2),
        {"multilabel": True, **P},
    ),
}


@pytest.mark.parametrize("peer", PEERS.values(), ids=PEERS.keys())
def test_defect_of_others(eager: Backend, peer: Peer):
    value = eager.value(peer.loss, peer.prediction, peer.target, **peer.keywords)
    np.testing.assert_allclose(value, peer.value, rtol=1e-12, atol=1e-15, equal_nan=False)


# One-hot or labels by the shape: nnU-Net and SegLoss take labels for one-hot where C is a length.
def test_the_dtype_decides_not_the_shape(eager: Backend):
    labels = np.array([[[0, 1], [1, 1]], [[1, 0], [0, 0]]])
    prediction = np.random.default_rng(0).normal(size=(2, 2, 2, 2))
    loss = sx.CrossEntropyLoss()
    want = eager.value(loss, prediction, one_hot(labels, 2))
    assert_close(eager.value(loss, prediction, labels), want)
    for target in (labels.astype(float), one_hot(labels, 2, int)):
        with pytest.raises(ValueError, match="shape"):
            eager.value(loss, prediction, target)


# SMP returns 0 for an empty image and mask with a zero gradient for what is predicted there.
def test_false_positives_on_empty_images_are_removed(differentiating: Backend):
    for smooth in (1e-5, 1.0):
        loss = replace(sx.DiceLoss(include_background=False), smooth=smooth)
        value, gradient = differentiating.value_and_grad(
            loss, np.zeros((1, 2, 4)), np.zeros((1, 4), int)
        )
        assert value > 0
        assert np.all(gradient[:, 1] > 0)
        assert np.all(gradient[:, 0] < 0)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("left_out", [False, True])
def test_a_value_of_numpy_is_a_number(reduction, left_out):
    x, y = np.zeros((2, 3, 4), np.float32), np.zeros((2, 4), np.int64)
    mask = np.full(y.shape, not left_out)
    for loss in (sx.DiceLoss(), sx.CrossEntropyLoss()):
        alone = loss(x, y, mask=mask, reduction=reduction)
        everywhere = loss(x, y, mask=mask, reduction=reduction, all_reduce=np.copy)
        with_gradient = sx.value_and_grad(loss, x, y, mask=mask, reduction=reduction)[0]
        assert {type(each) for each in (alone, everywhere, with_gradient)} == {np.float32}
