"""Losses on distances: identities, missing surfaces, masks, and the defects of others."""

from math import exp, hypot, log, sqrt
from typing import Any, NamedTuple

import numpy as np
import pytest
from backends import Backend
from cases import Case
from cases.boundary import CASES
from problems import (
    REDUCTIONS,
    assert_close,
    assert_finite,
    expected,
    one_hot,
    problem,
    softmax,
    waves,
)

import segloss_xp as sx

P = {"from_logits": False}
CHANNELS = {"from_logits": False, "multilabel": True}
SPACING = {1: (0.7,), 2: (3.0, 0.7), 3: (3.0, 0.7, 1.3)}
each = pytest.mark.parametrize("case", CASES, ids=str)


def maps(target: np.ndarray, classes: int = 3, **keywords: Any) -> np.ndarray:
    inside = one_hot(target, classes, bool) if target.dtype != bool else target
    axes = tuple(range(2, inside.ndim))
    return sx.signed_distance(inside, axes=axes, dtype=np.float64, **keywords)


# The reference, with spacing and in one to three dimensions.


@each
@pytest.mark.parametrize("space", [(7,), (4, 3), (3, 2, 2)], ids=str)
def test_spacing(case: Case, space):
    prediction, target, keywords = problem(case.target, space=space, seed=3)
    spacing = SPACING[len(space)]
    call = problem(case.target, space=space, seed=3)
    for reduction in ("mean", "none"):
        how = {"reduction": reduction, "spacing": spacing}
        got = case.loss(prediction, target, **keywords, **how)
        assert_close(got, expected(case, call, **how))


@pytest.mark.parametrize("kind", ["labels", "soft", "multilabel"])
def test_spacing_everywhere(backend: Backend, kind: str):
    cases = [case for case in CASES if case.target == kind]
    if "compiled" in backend.name:
        cases = cases[:1]  # a minute for all of them
    prediction, target, keywords = problem(kind, space=(4, 3), described=True, dtype="float32")
    loss = sum(case.loss for case in cases)
    keywords = {**keywords, "spacing": SPACING[2]}
    want = sum(
        expected(case, problem(kind, space=(4, 3), described=True), spacing=SPACING[2])
        for case in cases
    )
    # The boundary loss is a mean of distances of both signs.
    assert_close(backend.value(loss, prediction, target, **keywords), want, 2e-6, least=1.0)
    if backend.differentiates:
        _, gradient = backend.value_and_grad(loss, prediction, target, **keywords)
        by_numpy = sx.value_and_grad(loss, prediction.astype(np.float64), target, **keywords)[1]
        assert_close(gradient, by_numpy, 2e-6)


UNITS = [
    (sx.BoundaryLoss(), 1),
    (sx.HausdorffDTLoss(), 2),
    (sx.HausdorffDTLoss(alpha=0.5), 0.5),
    (sx.GeneralizedSurfaceLoss(), 0),
    (sx.RegionWiseLoss(), 0),
    (sx.DistancePenalizedCrossEntropyLoss(), 0),
    (sx.SignedDistanceLoss(), 0),
]


@pytest.mark.parametrize(("loss", "power"), UNITS, ids=str)
def test_units(loss: sx.Loss, power: float):
    prediction, labels, _ = problem("labels", space=(5, 6))
    one = loss(prediction, labels, spacing=(2.0, 1.0))
    assert_close(loss(prediction, labels, spacing=(6.0, 3.0)), 3.0**power * one)
    assert_close(loss(prediction, labels, spacing=(1.0, 1.0)), loss(prediction, labels))
    assert_close(loss(prediction, labels, spacing=1), loss(prediction, labels))


# Precomputed maps.


@each
@pytest.mark.parametrize("described", [False, True])
def test_precomputed_is_computed(case: Case, described: bool):
    prediction, target, keywords = problem(case.target, space=(4, 5), described=described)
    keywords = {k: v for k, v in keywords.items() if k not in ("mask", "voxel_weights")}
    if case.target == "labels":
        inside, keywords = one_hot(target, 3, bool), {**keywords, "ignore_index": None}
        target = np.minimum(target, 2)
        inside = one_hot(target, 3, bool)
    else:
        inside = np.moveaxis(target, keywords.get("class_axis", 1), 1) > 0.5
    distance = maps(inside, spacing=(3.0, 0.7))
    distance = np.moveaxis(distance, 1, keywords.get("class_axis", 1))
    for reduction in REDUCTIONS:
        call = {**keywords, "reduction": reduction, "spacing": (3.0, 0.7)}
        want = case.loss(prediction, target, **call)
        assert_close(case.loss(prediction, target, distance=distance, **call), want)


def test_precomputed_everywhere(backend: Backend):
    prediction, labels, _ = problem("labels", space=(4, 5), dtype="float32")
    loss = sx.BoundaryLoss() + sx.HausdorffDTLoss()
    distance = maps(labels).astype(np.float32)
    want = loss(prediction, labels)
    assert_close(backend.value(loss, prediction, labels, distance=distance), want, 2e-6)


def test_a_precomputed_map_may_be_of_any_dtype_and_hidden_junk():
    prediction, labels, _ = problem("labels", space=(4, 5), dtype="float32")
    distance = np.round(maps(labels))
    want = sx.BoundaryLoss()(prediction, labels, distance=distance)
    for dtype in (np.int8, np.int64, np.float16, np.float64):
        got = sx.BoundaryLoss()(prediction, labels, distance=distance.astype(dtype))
        assert got.dtype == np.float32
        assert_close(got, want, 2e-6)
    mask = np.random.default_rng(0).random(labels.shape) < 0.5
    dirty = np.where(mask[:, None], distance, np.nan)
    for case in CASES:
        if case.target == "labels":
            got = case.loss(prediction, labels, mask=mask, distance=dirty)
            assert_close(got, case.loss(prediction, labels, mask=mask, distance=distance), 2e-6)


# Identities.


def test_boundary_is_linear_in_the_prediction():
    _, labels, _ = problem("labels")
    p, q = (softmax(problem("labels", seed=seed).prediction) for seed in (1, 2))
    loss = sx.BoundaryLoss()
    got = loss(0.3 * p + 0.7 * q, labels, reduction="none", **P)
    a, b = (loss(each, labels, reduction="none", **P) for each in (p, q))
    assert_close(got, 0.3 * a + 0.7 * b)


# With Kervadec's map, no hard prediction is below the truth; without an offset, neither.
def test_boundary_is_lowest_at_the_truth():
    labels = problem("labels", space=(6, 6)).target
    truth = one_hot(labels, 3)
    lowest = sx.BoundaryLoss()(truth, labels, reduction="none", **P)
    for seed in range(5):
        other = one_hot(np.random.default_rng(seed).integers(0, 3, labels.shape), 3)
        assert np.all(sx.BoundaryLoss()(other, labels, reduction="none", **P) >= lowest)


def test_boundary_of_kervadecs_map():
    prediction, labels, _ = problem("labels", space=(6, 6))
    distance = maps(labels, inner_offset=1.0)
    got = sx.BoundaryLoss()(prediction, labels, distance=distance, reduction="none")
    assert_close(got, np.mean(softmax(prediction) * distance, axis=(2, 3)))


# Of two classes, one is the other's complement.
def test_hausdorff_of_two_classes_is_that_of_either():
    prediction, labels, _ = problem("labels", classes=2, space=(5, 5))
    none = sx.HausdorffDTLoss()(prediction, labels, reduction="none")
    assert_close(none[:, 0], none[:, 1])


def test_hausdorff_of_hard_masks_is_symmetric():
    a, b = (problem("labels", seed=seed, space=(5, 6)).target[1:] for seed in (1, 2))
    loss = sx.HausdorffDTLoss()
    assert_close(loss(one_hot(a, 3), b, **P), loss(one_hot(b, 3), a, **P))


def test_hausdorff_two_sided_is_one_sided_both_ways():
    a, b = (problem("labels", seed=seed, space=(5, 6)).target for seed in (1, 2))
    one = sx.HausdorffDTLoss(one_sided=True)
    both = one(one_hot(a, 3), b, **P) + one(one_hot(b, 3), a, **P)
    assert_close(sx.HausdorffDTLoss()(one_hot(a, 3), b, **P), both)


def test_logarithmic_hausdorff():
    prediction, labels, _ = problem("labels")
    plain = sx.HausdorffDTLoss()(prediction, labels, reduction="none")
    log_form = sx.HausdorffDTLoss(log=True)(prediction, labels, reduction="none")
    assert_close(log_form, np.log(1 + plain))


def test_generalised_surface_is_1_where_all_is_wrong():
    labels = problem("labels", classes=2, space=(5, 6)).target[1:]
    loss = sx.GeneralizedSurfaceLoss()
    assert loss(one_hot(labels, 2), labels, **P) == 0
    assert loss(one_hot(1 - labels, 2), labels, **P) == 1


def test_distance_penalty_is_a_weight_on_cross_entropy():
    prediction, labels, _ = problem("labels", space=(6, 6))
    d = np.abs(maps(labels))
    own = one_hot(labels, 3, bool)
    most = np.max(np.where(own, d, 0), axis=(2, 3), keepdims=True)
    phi = np.sum(np.where(own, 1 - d / np.where(most > 0, most, 1), 0), axis=1)
    plain = sx.CrossEntropyLoss()(prediction, labels, reduction="none")
    got = sx.DistancePenalizedCrossEntropyLoss()(prediction, labels, reduction="none")
    assert_close(got, (1 + phi) * plain)


def test_shape_aware_of_right_voxels_is_cross_entropy():
    labels = problem("labels").target
    p = 0.7 * one_hot(labels, 3) + 0.1
    got = sx.ShapeAwareLoss()(p, labels, reduction="none", **P)
    assert_close(got, sx.CrossEntropyLoss()(p, labels, reduction="none", **P))


def test_signed_distance_is_zero_at_its_own_map():
    labels = problem("labels", space=(5, 6)).target
    signed = maps(labels)
    inside = one_hot(labels, 3, bool)
    axes = {"axis": (2, 3), "keepdims": True}
    deepest, farthest = -np.min(signed, **axes), np.max(signed, **axes)
    scale = np.where(inside, deepest, farthest)
    s = np.where(scale > 0, signed / np.where(scale > 0, scale, 1), np.where(inside, -1, 1))
    got = sx.SignedDistanceLoss()((1 - s) / 2, labels, reduction="none", **P)
    np.testing.assert_allclose(got, 0, atol=1e-15)


def test_weighted_hausdorff_of_points_is_their_average_distance():
    """As alpha falls, the mean is the minimum; the prediction is one point, as is the target."""
    labels, p = np.zeros((1, 5, 5), int), np.zeros((1, 2, 5, 5))
    labels[0, 1, 1] = p[0, 1, 4, 3] = 1
    p[0, 0] = 1 - p[0, 1]
    loss = sx.WeightedHausdorffLoss(alpha=-200.0)
    got = loss(p, labels, spacing=(1.0, 2.0), **P)
    # All voxels but one are at the diagonal: 24 of 25 count next to nothing.
    d = hypot(3, 4)
    np.testing.assert_allclose(got, d + d * 25 ** (1 / 200), rtol=1e-4)


@pytest.mark.parametrize("pairs", [1, 100])
def test_weighted_hausdorff_in_pieces(monkeypatch, pairs: int):
    from segloss_xp.boundary import points

    prediction, target, keywords = problem("multilabel", space=(3, 4))
    loss = sx.WeightedHausdorffLoss(include_background=True)
    want = sx.value_and_grad(loss, prediction, target, **keywords)
    monkeypatch.setattr(points, "_PAIRS", pairs)
    got = sx.value_and_grad(loss, prediction, target, **keywords)
    assert_close(got[0], want[0])
    assert_close(got[1], want[1])


# Surfaces that are not there: class 1 nowhere or everywhere, whatever is predicted.


@pytest.mark.parametrize("present", [0, 1])
def test_without_a_surface(differentiating: Backend, present: int):
    labels = np.full((1, 3, 4), present)
    sure = one_hot(labels, 2).astype(np.float32)
    for p in (sure, 1 - sure, np.full_like(sure, 0.5), 0.8 * sure + 0.1):
        for loss in (sx.BoundaryLoss(), sx.GeneralizedSurfaceLoss(), sx.WeightedHausdorffLoss()):
            value, gradient = differentiating.value_and_grad(loss, p, labels, **P)
            assert value == 0
            assert np.all(gradient == 0)
        for case in CASES:
            if case.target == "labels":
                got = differentiating.value_and_grad(case.loss, p, labels, **P)
                assert_finite(*got)


def test_without_a_surface_hausdorff_sees_that_of_the_prediction():
    labels, p = np.zeros((1, 5), int), np.array([[[0.0, 0, 1, 1, 1], [1, 1, 0, 0, 0]]])
    # Distances of the prediction: 2 1 1 2 3; it is wrong in the first two voxels.
    got = sx.HausdorffDTLoss()(p, labels, reduction="none", **P)
    assert_close(got, [[(4 + 1) / 5] * 2])
    assert sx.HausdorffDTLoss(one_sided=True)(p, labels, **P) == 0


def test_without_a_surface_penalties_are_cross_entropy():
    prediction = problem("labels").prediction
    labels = np.ones((2, 2, 5), int)
    for loss in (sx.DistancePenalizedCrossEntropyLoss(), sx.ShapeAwareLoss()):
        want = sx.CrossEntropyLoss()(prediction, labels, reduction="none")
        assert_close(loss(prediction, labels, reduction="none"), want)


def test_absent_classes_may_be_skipped():
    labels = np.array([[0, 0, 1, 1]])
    p = softmax(problem("labels", samples=1, space=(4,)).prediction)
    each = sx.BoundaryLoss()(p, labels, reduction="none", **P)[0]
    assert each[2] == 0
    assert_close(sx.BoundaryLoss(absent="skip")(p, labels, **P), np.mean(each[:2]), least=1.0)
    assert_close(sx.BoundaryLoss()(p, labels, **P), np.mean(each), least=1.0)


# Thin and small: one voxel, one line, one plane; a length of 1.
@pytest.mark.parametrize("at", [(2, 2, 2), (2, 2), (2,)], ids=["voxel", "line", "plane"])
def test_one_voxel_thin(at):
    inside = np.zeros((1, 1, 5, 5, 5), bool)
    inside[(0, 0, *at)] = True
    i = np.arange(5.0) - 2
    axes = np.meshgrid(*[i * w for w in (1.0, 2.0, 3.0)], indexing="ij")[: len(at)]
    d = np.sqrt(sum(x**2 for x in axes))
    d = np.where(inside[0, 0], -1.0, d)  # one step along the first axis is out
    p = np.random.default_rng(0).random(inside.shape)
    got = sx.BoundaryLoss()(p, inside, spacing=(1.0, 2.0, 3.0), **CHANNELS)
    assert_close(got, np.mean(p * d))


@each
def test_lengths_of_1(case: Case):
    for space in [(1,), (1, 1), (1, 4, 1)]:
        prediction, target, keywords = problem(case.target, space=space)
        assert_finite(*sx.value_and_grad(case.loss, prediction, target, **keywords))


# What is hidden is on neither side of a surface.


def test_masked_voxels_are_no_feature(eager: Backend):
    # Voxel 2 is masked: to voxel 3, the next inside is 2 away, and to voxel 1 the next outside is.
    inside = np.array([[[False, True, True, False, False]]])
    mask = np.array([[True, True, False, True, True]])
    p = np.array([[[0.1, 0.2, 0.3, 0.4, 0.5]]])
    for hidden in (False, True):
        inside[0, 0, 2] = hidden
        got = eager.value(sx.BoundaryLoss(), p, inside, mask=mask, **CHANNELS)
        assert_close(got, (0.1 * 1 - 0.2 * 1 + 0.4 * 2 + 0.5 * 3) / 4)
    mask[0, 0] = False
    got = eager.value(sx.BoundaryLoss(), p, inside, mask=mask, **CHANNELS)
    assert_close(got, (-0.2 * 2 + 0.4 * 2 + 0.5 * 3) / 3)


def test_masked_predictions_are_no_feature(eager: Backend):
    p = np.array([[[0.9, 0.1, 0.9, 0.1]]])
    inside = np.array([[[True, False, False, False]]])
    mask = np.array([[True, True, False, True]])
    # Distances of both: 1 1 - 3.
    got = eager.value(sx.HausdorffDTLoss(), p, inside, mask=mask, **CHANNELS)
    assert_close(got, 2 * 0.01 * (1 + 1 + 9) / 3)


def test_labels_of_no_class_are_no_feature(backend: Backend):
    prediction, labels, _ = problem("labels", space=(4, 5), dtype="float32")
    out = np.random.default_rng(1).random(labels.shape) < 0.3
    marked = np.where(out, 255, labels).astype(np.uint8)
    loss = sx.BoundaryLoss() + sx.HausdorffDTLoss()
    want = loss(prediction, labels, mask=~out)
    assert_close(backend.value(loss, prediction, marked), want, 2e-6)


# Precision.


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(eager: Backend, dtype: str):
    from array_api_compat import array_namespace

    xp = array_namespace(eager.array(np.zeros(1)))
    if not hasattr(xp, dtype):
        pytest.skip(f"no {dtype}")
    # Squared distances beyond 65504.
    labels = np.zeros((1, 4, 600), int)
    labels[:, :, :2] = 1
    x = xp.astype(
        eager.array(np.random.default_rng(0).normal(size=(1, 2, 4, 600))), getattr(xp, dtype)
    )
    loss = sx.BoundaryLoss() + sx.HausdorffDTLoss()
    got, want = (
        eager.to_numpy(loss(a, eager.array(labels))) for a in (x, xp.astype(x, xp.float64))
    )
    assert got.dtype == np.float32
    assert_finite(got)
    assert_close(got, want, 5e-5 if dtype == "bfloat16" else 5e-6)


def test_boundary_memory_layouts():
    prediction, labels, _ = problem("labels", space=(4, 5))
    want = sx.HausdorffDTLoss()(prediction, labels)
    x = np.asfortranarray(np.moveaxis(prediction, 1, -1))
    assert_close(sx.HausdorffDTLoss()(x, np.asfortranarray(labels), class_axis=-1), want)


# The weight map of the U-Net.


def test_unet_weight_map(backend: Backend):
    rng = np.random.default_rng(0)
    instances = np.zeros((2, 6, 7), np.int16)
    instances[0, 1:3, 1:3], instances[0, 1:3, 4:6], instances[0, 5, 2] = 1, 2, 3
    instances[1, 2, 2] = 2  # alone, and not number 1
    spacing = (1.5, 0.5)
    want = np.ones(instances.shape)
    for n, y, x in np.ndindex(instances.shape):
        if instances[n, y, x]:
            want[n, y, x] = 3.0
            continue
        d = sorted(
            min(hypot((y - a) * 1.5, (x - b) * 0.5) for a, b in np.argwhere(instances[n] == k))
            for k in np.unique(instances[n])
            if k
        )
        if len(d) > 1:
            want[n, y, x] += 10 * exp(-((d[0] + d[1]) ** 2) / (2 * 2.0**2))
    how = {"sigma": 2.0, "spacing": spacing, "class_weights": (1.0, 3.0)}

    def run(a):
        return sx.unet_weight_map(a, count=3, **how)

    got = backend.to_numpy(backend._transformed(run)(backend.array(instances)))
    assert_close(got, want, 2e-6)
    assert got.dtype == np.float32
    if backend.eager:
        default = sx.unet_weight_map(backend.array(instances), **how)
        assert_close(backend.to_numpy(default), want, 2e-6)
    weights = want.astype(np.float64)
    x = rng.normal(size=(2, 2, 6, 7))
    labels = (instances > 0).astype(np.int64)
    plain = sx.CrossEntropyLoss()(x, labels, reduction="none")
    got = sx.CrossEntropyLoss()(x, labels, voxel_weights=weights, reduction="none")
    assert_close(got, weights * plain)


def test_unet_weight_map_errors():
    with pytest.raises(TypeError, match="float64"):
        sx.unet_weight_map(np.zeros((1, 3)))
    for sigma in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match=f"sigma, got {sigma}"):
            sx.unet_weight_map(np.zeros((1, 3), int), sigma=sigma)


# Schedules.


def test_ramp():
    assert [sx.ramp(step, 10, 20) for step in (0, 10, 15, 20, 90)] == [0, 0, 0.5, 1, 1]
    assert sx.ramp(5, 0, 10, first=3.0, last=1.0) == 2.0
    with pytest.raises(ValueError, match="start=3 and stop=3"):
        sx.ramp(1, 3, 3)


def test_ramp_of_arrays(eager: Backend):
    got = [sx.ramp(eager.array(np.float32(s)), 10, 20, first=0.5) for s in (0, 15, 90)]
    assert_close([eager.to_numpy(each) for each in got], [0.5, 0.75, 1.0], 1e-6)


ALPHAS = (0.1, 0.5, 0.9)


DICE, BOUNDARY = sx.DiceLoss(), sx.BoundaryLoss()


def blend(prediction: Any, labels: Any, alpha: Any) -> Any:
    return sx.Sum(terms=((1.0 - alpha, DICE), (alpha, BOUNDARY)))(prediction, labels)


@pytest.mark.parametrize(
    "function",
    [
        blend,
        lambda x, t, a: sx.DiceBoundaryLoss(alpha=a)(x, t),
    ],
    ids=["sum", "named"],
)
def test_a_changing_share_is_compiled_once(jax, function):
    prediction, labels, _ = problem("labels", dtype="float32")
    want = [float(function(prediction, labels, a)) for a in ALPHAS]
    traced = []

    def run(x, t, a):
        traced.append(a)
        return function(x, t, a)

    compiled = jax.jit(jax.value_and_grad(run))
    for a, value in zip(ALPHAS, want, strict=True):
        got, _ = compiled(prediction, labels, np.float32(a))
        assert got.dtype == np.float32
        assert_close(got, value, 2e-6)
    assert len(traced) == 1


def test_a_changing_share_is_compiled_once_by_torch():
    torch = pytest.importorskip("torch")
    from torch._dynamo.testing import CompileCounterWithBackend

    prediction, labels, _ = problem("labels", dtype="float32")
    x, t = torch.tensor(prediction).requires_grad_(), torch.tensor(labels)
    torch.compiler.reset()
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(blend, fullgraph=True, backend=counter)
    counts = []
    for a in ALPHAS:
        value = compiled(x, t, torch.tensor(a, dtype=torch.float64))
        counts.append(counter.frame_count)
        assert value.dtype == torch.float32
        (gradient,) = torch.autograd.grad(value, x)
        loss = (1 - a) * sx.DiceLoss() + a * sx.BoundaryLoss()
        want = sx.value_and_grad(loss, prediction, labels)
        assert_close(value.detach().numpy(), want[0], 2e-6)
        assert_close(gradient.numpy(), want[1], 2e-6)
    assert len(set(counts)) == 1


def test_a_share_is_a_number_to_numpy():
    loss = (1 - np.asarray(0.25)) * sx.DiceLoss() + np.float32(0.25) * sx.BoundaryLoss()
    assert repr(loss) == "0.75 * DiceLoss() + 0.25 * BoundaryLoss()"
    hash(loss)
    prediction, labels, _ = problem("labels")
    assert_close(loss(prediction, labels), sx.DiceBoundaryLoss(alpha=0.25)(prediction, labels))


# What other libraries get wrong. Each line: what they do, and the value that is right.


class Peer(NamedTuple):
    loss: sx.Loss
    prediction: Any
    target: Any
    value: Any
    keywords: dict[str, Any] = {}  # noqa: RUF012 - never written to


CORNER = np.zeros((1, 1, 3, 3), bool)
CORNER[0, 0, 0, 0] = True
FULL = np.ones((1, 1, 3, 3), bool)
ONES = np.ones((1, 1, 3, 3))
LINE = np.array([[[False, False, True, True, False]]])
PEERS = {
    # boundary-loss keeps the integers of the target: the distances sqrt 2, sqrt 5 and sqrt 8 are
    # 1, 2 and 2 there.
    "integers truncate distances": Peer(
        sx.BoundaryLoss(),
        ONES,
        CORNER,
        (-1 + 2 * (1 + 2 + sqrt(5)) + sqrt(2) + sqrt(8)) / 9,
        CHANNELS,
    ),
    # MONAI's Hausdorff loss does the same with an integer target. Labels of eight bits here.
    "integer labels truncate distances": Peer(
        sx.HausdorffDTLoss(alpha=1.0, one_sided=True, include_background=False),
        np.full((1, 2, 3, 3), 0.5),
        CORNER[0].astype(np.uint8),
        0.25 * (1 + 2 * (1 + 2 + sqrt(5)) + sqrt(2) + sqrt(8)) / 9,
        P,
    ),
    # boundary-loss takes 1 off the inside whatever the spacing: -2 and -1 for -3 and -3 + 1 here.
    "minus one whatever the spacing": Peer(
        sx.BoundaryLoss(),
        np.ones((1, 1, 5)),
        LINE,
        (6 + 3 - 3 - 3 + 3) / 5,
        {"spacing": (3.0,), **CHANNELS},
    ),
    # SciPy's distance of a mask without background is that to a corner outside the image: 1,
    # sqrt 2, sqrt 5, ...
    "phantom corner of a full class": Peer(sx.BoundaryLoss(), ONES, FULL, 0.0, CHANNELS),
    "phantom corner of a full prediction": Peer(
        sx.HausdorffDTLoss(),
        ONES,
        CORNER,
        (2 * (1 + 4 + 5) + 2 + 8) / 9,
        CHANNELS,
    ),
    # SegLoss: NaN, of an empty class.
    "an empty class": Peer(sx.BoundaryLoss(), ONES, ~FULL, 0.0, CHANNELS),
    # SegLoss's DPCE multiplies and then returns the mean of plain cross-entropy: log 2. Here Phi
    # is 0 in the first voxel, the deepest of its class, and 1 - 1/3 in the last but one.
    "a penalty that is not used": Peer(
        sx.DistancePenalizedCrossEntropyLoss(),
        np.zeros((1, 2, 4)),
        np.array([[0, 0, 0, 1]]),
        log(2) * (1 + (1 + 1 / 3) + (1 + 2 / 3) + 1) / 4,
    ),
    # MONAI drops class 0 unless told otherwise.
    "background counts": Peer(
        sx.HausdorffDTLoss(one_sided=True),
        np.array([[[0.5, 0.5, 0.5], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]]),
        np.array([[0, 1, 2]]),
        # Distances 1 1 2, 1 1 1 and 2 1 1.
        (0.25 * (1 + 1 + 4) + 1 + 1) / 9,
        P,
    ),
}


@pytest.mark.parametrize("peer", PEERS.values(), ids=PEERS.keys())
def test_defect_of_others(eager: Backend, peer: Peer):
    value = eager.value(peer.loss, peer.prediction, peer.target, **peer.keywords)
    np.testing.assert_allclose(value, peer.value, rtol=1e-12, atol=1e-15, equal_nan=False)


# Some squeeze the batch axis, and take the depth for it: samples are independent, one or many.
def test_a_batch_of_one_is_a_batch():
    prediction, labels, _ = problem("labels", samples=3, space=(4, 5))
    for case in CASES:
        if case.target == "labels" and not getattr(case.loss, "batch", False):
            together = case.loss(prediction, labels, reduction="none")
            alone = [
                case.loss(prediction[n : n + 1], labels[n : n + 1], reduction="none")
                for n in range(3)
            ]
            assert_close(np.concatenate(alone), together)


# MONAI 1.5.2 at equal settings, on masks that are neither empty nor full.
@pytest.mark.parametrize("alpha", [1.0, 2.0])
def test_hausdorff_is_that_of_monai(alpha: float):
    losses = pytest.importorskip("monai.losses")
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, size=(2, 6, 7, 5))
    x = torch.tensor(4 * one_hot(labels, 3) + 2 * rng.normal(size=(2, 3, 6, 7, 5)))
    t = torch.tensor(labels)
    theirs = losses.HausdorffDTLoss(alpha, include_background=True, softmax=True)
    leaf = x.requires_grad_()
    want = theirs(leaf, torch.tensor(one_hot(labels, 3)))
    (slope,) = torch.autograd.grad(want, leaf)
    got = sx.value_and_grad(sx.HausdorffDTLoss(alpha=alpha), x, t)
    # Its distances are float32.
    assert_close(got[0].numpy(), want.detach().numpy(), 1e-7)
    assert_close(got[1].numpy(), slope.numpy(), 1e-6)


# What the authors' code gives in float64, on `waves(2, 3, 4, 5, 6, factor=2.0)`.
AUTHORS = [
    # aecelaya/gen-surf-loss 2115cca, runtime/loss.py, with our distances; the first without what is
    # added to its denominator.
    (sx.GeneralizedSurfaceLoss(), 0.5646391445889305),
    (sx.HausdorffDTLoss(one_sided=True), 0.31439283206114177),
    (sx.BoundaryLoss(), 0.11882100449380985),
    # jmlipman/RegionWiseLoss 9c5b66d, rwexp_loss.py, which is a mean over the classes.
    (sx.RegionWiseLoss(), 0.3261238094600788),
]


@pytest.mark.parametrize(("loss", "value"), AUTHORS, ids=str)
def test_numbers_of_the_authors(eager: Backend, loss: sx.Loss, value: float):
    assert_close(eager.value(loss, *waves(2, 3, 4, 5, 6, factor=2.0)), value)


@pytest.mark.parametrize(("alpha", "value"), [(-1, 7.1165914552194804), (-9, 4.467742900233395)])
def test_weighted_hausdorff_is_that_of_the_authors(eager: Backend, alpha: float, value: float):
    """
    javiribera/locating-objects-without-bboxes e51f75e, object-locator/losses.py.

    With the largest distance of two voxels for its diagonal of the image.
    """
    p = softmax(waves(2, 3, 6, 7, factor=2.0)[0])[:1, 1:2]
    points = np.zeros((1, 1, 6, 7), bool)
    points[0, 0, [1, 4, 4], [2, 5, 1]] = True
    loss = sx.WeightedHausdorffLoss(alpha=alpha, include_background=True)
    assert_close(eager.value(loss, p, points, **CHANNELS), value)


def disc() -> tuple[np.ndarray, np.ndarray]:
    """Logits and labels of a disc, which is neither empty nor at the border."""
    y, x = np.mgrid[:16, :16]
    labels = ((y - 7) ** 2 + (x - 8.3) ** 2 < 22).astype(np.int64)[None]
    logits = waves(1, 2, 16, 16, factor=1.0)[0]
    logits[:, 1] += 4 * labels - 2
    return logits, labels


def test_boundary_is_that_of_the_authors(eager: Backend):
    """LIVIAETS/boundary-loss 171c32d, losses.py, on the distances of its utils.py in float64."""
    logits, labels = disc()
    keywords = {"distance": maps(labels, 2, inner_offset=1.0)}
    assert_close(eager.value(sx.BoundaryLoss(), logits, labels, **keywords), -0.5055394080888289)


def test_signed_distance_is_that_of_others(eager: Backend):
    """JunMa11/SegWithDistMap 153dabf, train_LA_AAAISDF.py, less its zeros on the boundary."""
    logits, labels = disc()
    loss = sx.SignedDistanceLoss()
    value = eager.value(loss, softmax(logits)[:, 1:], labels[:, None] == 1, **CHANNELS)
    assert_close(value, 0.43236063231666716, 1e-7)  # it adds 1e-5 to the ratio
