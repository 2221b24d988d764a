"""What must hold whatever the numbers: the meaning of the arguments, and how losses are related."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from backends import Backend
from cases import CASES, Case
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import assert_close, one_hot, problem, reductions, softmax

import segloss_xp as sx

REGION = [case for case in CASES if case.loss.grain == "class"]
LABELS = [case for case in CASES if case.target == "labels"]
# It looks at the logits themselves.
OF_PROBABILITIES = [case for case in CASES if not isinstance(case.loss, sx.NACLLoss)]
WEIGHTED = [case for case in CASES if hasattr(case.loss, "class_weights")]
OVERLAPS = [sx.DiceLoss(), sx.JaccardLoss(), sx.TverskyLoss(alpha=0.2, beta=0.9)]

every_case = pytest.mark.parametrize("case", CASES, ids=str)
every_case_of_probabilities = pytest.mark.parametrize("case", OF_PROBABILITIES, ids=str)
# Cut out or repeated voxels change the distances between the others.
every_local_case = pytest.mark.parametrize("case", [c for c in CASES if c.local], ids=str)
every_region_loss = pytest.mark.parametrize("case", REGION, ids=str)
every_weighted_case = pytest.mark.parametrize("case", WEIGHTED, ids=str)
every_case_of_labels = pytest.mark.parametrize("case", LABELS, ids=str)

# Arguments of `problem`, besides the kind of target.
shapes = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32 - 1),
        "samples": st.integers(1, 3),
        "space": st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple),
    }
)


def whatever(test: Any) -> Any:
    """Run the test on a few problems of any `shape`."""
    return given(shape=shapes)(settings(deadline=None, max_examples=8, derandomize=True)(test))


def values(loss: sx.Loss, prediction: Any, target: Any, **keywords: Any) -> dict[str, np.ndarray]:
    return {
        reduction: np.asarray(loss(prediction, target, reduction=reduction, **keywords))
        for reduction in reductions(loss)
    }


def assert_same(these: dict[str, np.ndarray], those: dict[str, np.ndarray]) -> None:
    for reduction, value in these.items():
        assert_close(value, those[reduction])


def signed(loss: sx.Loss) -> bool:
    """Whether it is lowest, rather than 0, at the perfect prediction."""
    return isinstance(loss, sx.BoundaryLoss | sx.DiceBoundaryLoss | sx.RegionWiseLoss)


def region(loss: sx.Loss) -> bool:
    return loss.grain in ("class", "sample")


# The same data, said in other words.


@every_case_of_labels
@whatever
def test_labels_are_their_one_hot_form(case: Case, shape):
    prediction, labels, _ = problem("labels", **shape)
    of_labels = values(case.loss, prediction, labels)
    for dtype in (bool, np.float32, np.float64):
        assert_same(values(case.loss, prediction, one_hot(labels, 3, dtype)), of_labels)


@pytest.mark.parametrize("case", [case for case in CASES if case.target == "multilabel"], ids=str)
@whatever
def test_labels_are_their_one_hot_form_in_channels_too(case: Case, shape):
    prediction, labels, _ = problem("labels", **shape)
    assert_same(
        values(case.loss, prediction, labels, multilabel=True),
        values(case.loss, prediction, one_hot(labels, 3), multilabel=True),
    )


@every_local_case
@whatever
def test_masked_is_cropped(case: Case, shape):
    prediction, target, keywords = problem(case.target, **shape)
    length = shape["space"][-1]
    kept = np.random.default_rng(shape["seed"]).random(length) < 0.6
    kept[0] = True
    cropped = values(case.loss, prediction[..., kept], target[..., kept], **keywords)
    thin = kept.reshape((1,) * len(shape["space"]) + (-1,))
    for mask in (thin, np.broadcast_to(thin, (shape["samples"], *shape["space"]))):
        masked = values(case.loss, prediction, target, mask=mask, **keywords)
        if "none" in masked and not region(case.loss):
            assert np.all(masked["none"][..., ~kept] == 0)
            masked["none"] = masked["none"][..., kept]
        assert_same(masked, cropped)


@every_case_of_labels
@pytest.mark.parametrize("ignored", [0, 1, 2, 7, -1, 255])
@whatever
def test_ignored_is_masked(case: Case, ignored: int, shape):
    prediction, labels, _ = problem("labels", **shape)
    rng = np.random.default_rng(shape["seed"])
    out = rng.random(labels.shape) < 0.3
    marked = np.where(out, ignored, labels)
    valid, seen = marked != ignored, rng.random(labels.shape) < 0.7
    for mask, description in [(valid, {}), (valid & seen, {"mask": seen})]:
        masked = values(case.loss, prediction, labels, mask=mask)
        got = values(case.loss, prediction, marked, ignore_index=ignored, **description)
        assert_same(got, masked)
        if not 0 <= ignored < 3:
            assert_same(values(case.loss, prediction, marked, **description), masked)


# A float target has no label for the void: all zeros say it, and the mean must agree.
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@whatever
def test_a_voxel_of_no_class_counts_nothing_in_cross_entropy(smoothing: float, shape):
    prediction, labels, _ = problem("labels", **shape)
    rng = np.random.default_rng(shape["seed"])
    void = rng.random(labels.shape) < 0.3
    loss = sx.CrossEntropyLoss(label_smoothing=smoothing)
    target = one_hot(np.where(void, 255, labels), 3)
    assert_same(values(loss, prediction, target), values(loss, prediction, labels, mask=~void))


@every_local_case
@whatever
def test_weight_is_multiplicity(case: Case, shape):
    if getattr(case.loss, "k", 0) or getattr(case.loss, "min_kept", 0):
        pytest.skip("a share of the voxels is counted, whatever their weights")
    prediction, target, keywords = problem(case.target, **shape)
    length = shape["space"][-1]
    times = np.random.default_rng(shape["seed"]).integers(0, 4, size=length)
    times[0] += 1
    weights = times.astype(np.float64).reshape((1,) * len(shape["space"]) + (-1,))
    weighted = values(case.loss, prediction, target, voxel_weights=weights, **keywords)
    repeated = values(
        case.loss, np.repeat(prediction, times, -1), np.repeat(target, times, -1), **keywords
    )
    if not region(case.loss):
        weighted.pop("none", None)
    assert_same(weighted, repeated)


@every_case
@whatever
def test_zero_weight_is_masked(case: Case, shape):
    prediction, target, keywords = problem(case.target, **shape)
    mask = np.random.default_rng(shape["seed"]).random((shape["samples"], *shape["space"])) < 0.5
    assert_same(
        values(case.loss, prediction, target, voxel_weights=mask.astype(float), **keywords),
        values(case.loss, prediction, target, mask=mask, **keywords),
    )


@every_case
@whatever
def test_class_axis_may_be_anywhere(case: Case, shape):
    prediction, target, keywords = problem(case.target, **shape)
    want = values(case.loss, prediction, target, **keywords)
    for axis in (*range(2, prediction.ndim), -1):
        x = np.moveaxis(prediction, 1, axis)
        t = target if case.target == "labels" else np.moveaxis(target, 1, axis)
        got = values(case.loss, x, t, class_axis=axis, **keywords)
        if "none" in got and got["none"].ndim == x.ndim and not region(case.loss):
            got["none"] = np.moveaxis(got["none"], axis, 1)
        assert_same(got, want)


@every_case
@whatever
def test_classes_may_be_renamed(case: Case, shape):
    prediction, target, keywords = problem(case.target, **shape)
    order = np.random.default_rng(shape["seed"]).permutation(3)
    background = isinstance(getattr(case.loss, "alpha", None), float) and not region(case.loss)
    kinds = sx.GeneralizedWassersteinDiceLoss | sx.UnifiedFocalLoss
    background = background or isinstance(case.loss, kinds)
    if background or not getattr(case.loss, "include_background", True):
        order = np.array([0, 2, 1])
    renamed = {
        field: tuple(np.array(weights)[order])
        for field in ("class_weights", "pos_weight", "alpha", "frequencies")
        if isinstance(weights := getattr(case.loss, field, None), tuple)
    }
    if distances := getattr(case.loss, "distances", None):
        renamed["distances"] = np.array(distances)[np.ix_(order, order)].tolist()
    if forbidden := getattr(case.loss, "forbidden", None):
        renamed["forbidden"] = tuple(tuple(np.argsort(order)[list(each)]) for each in forbidden)
    t = np.argsort(order)[target] if case.target == "labels" else target[:, order]
    got = values(replace(case.loss, **renamed), prediction[:, order], t, **keywords)
    want = values(case.loss, prediction, target, **keywords)
    if case.loss.grain == "class":
        want["none"] = want["none"][
            :, order[order > 0] - 1 if want["none"].shape[1] == 2 else order
        ]
    elif case.loss.grain == "voxel" and case.target == "multilabel" and "none" in want:
        want["none"] = want["none"][:, order]
    assert_same(got, want)


@pytest.mark.parametrize(
    "case", [case for case in OF_PROBABILITIES if case.target != "multilabel"], ids=str
)
@whatever
def test_a_softmax_knows_no_shift(case: Case, shape):
    prediction, target, _ = problem(case.target, **shape)
    shift = np.random.default_rng(shape["seed"]).integers(-50, 50, size=prediction[:, :1].shape)
    assert_same(
        values(case.loss, prediction + shift, target), values(case.loss, prediction, target)
    )


@every_case_of_probabilities
@whatever
def test_logits_are_probabilities_before_the_activation(case: Case, shape):
    prediction, target, keywords = problem(case.target, **shape)
    p = 1 / (1 + np.exp(-prediction)) if keywords else softmax(prediction)
    assert_same(
        values(case.loss, p, target, from_logits=False, **keywords),
        values(case.loss, prediction, target, **keywords),
    )


# Reductions.


# A compound pools the sums of one term alone.
@pytest.mark.parametrize(
    "case",
    [case for case in CASES if "," not in case.loss.grain or not getattr(case.loss, "batch", 0)],
    ids=str,
)
@whatever
def test_a_sample_is_the_mean_of_that_sample(case: Case, shape):
    prediction, target, keywords = problem(case.target, **shape)
    each = case.loss(prediction, target, reduction="sample", **keywords)
    if getattr(case.loss, "batch", False):
        want = [case.loss(prediction, target, **keywords)] * len(prediction)
    else:
        want = [
            case.loss(prediction[n : n + 1], target[n : n + 1], **keywords)
            for n in range(len(prediction))
        ]
    assert_close(each, want)


@pytest.mark.parametrize("loss", [sx.CrossEntropyLoss(), *OVERLAPS], ids=str)
@whatever
def test_samples_of_one_size_average_to_the_mean(loss: sx.Loss, shape):
    prediction, labels, _ = problem("labels", **shape)
    each = loss(prediction, labels, reduction="sample")
    assert_close(np.mean(each), loss(prediction, labels))


@pytest.mark.parametrize("case", [case for case in REGION if case.local], ids=str)
@whatever
def test_a_batch_is_one_long_sample(case: Case, shape):
    prediction, target, keywords = problem(case.target, **shape)
    together = values(replace(case.loss, batch=True), prediction, target, **keywords)
    alone = values(
        replace(case.loss, batch=False),
        np.concatenate(list(prediction), axis=-1)[None],
        np.concatenate(list(target), axis=-1)[None],
        **keywords,
    )
    assert_close(together.pop("sample"), np.repeat(alone["sample"], len(prediction)))
    assert_same(together, alone)


@every_weighted_case
@whatever
def test_only_the_ratios_of_class_weights_matter_to_a_mean(case: Case, shape):
    prediction, target, keywords = problem(case.target, **shape)

    def weighted(*weights: float) -> dict[str, np.ndarray]:
        return values(replace(case.loss, class_weights=weights), prediction, target, **keywords)

    once, thrice = weighted(1, 0.5, 2), weighted(3, 1.5, 6)
    assert_close(thrice["mean"], once["mean"])
    assert_close(thrice["sample"], once["sample"])
    # Inside a ratio it is the ratios in any reduction.
    if case.loss.grain != "sample, voxel":
        assert_close(thrice["sum"], (1 if case.loss.grain == "sample" else 3) * once["sum"])
    assert_same(
        weighted(1, 1, 1),
        values(replace(case.loss, class_weights=None), prediction, target, **keywords),
    )


@every_region_loss
@whatever
def test_a_class_of_weight_zero_is_left_out(case: Case, shape):
    prediction, target, keywords = problem(case.target, **shape)
    weightless = replace(case.loss, class_weights=(0, 1, 1), include_background=True)
    left_out = replace(case.loss, class_weights=None, include_background=False)
    got = values(weightless, prediction, target, **keywords)
    got["none"] = got["none"][:, 1:]
    assert_same(got, values(left_out, prediction, target, **keywords))


@every_case
@whatever
def test_sum_of_losses(case: Case, shape):
    prediction, target, keywords = problem(case.target, **shape)
    other = {
        "class": sx.JaccardLoss(smooth=0.1),
        "sample": sx.GeneralizedDiceLoss(smooth=0.1),
        "voxel": sx.CrossEntropyLoss(),
    }.get(case.loss.grain, sx.CrossEntropyLoss())
    shared = ("include_background", "batch")
    same = [each for each in shared if hasattr(case.loss, each) and hasattr(other, each)]
    other = replace(other, **{field: getattr(case.loss, field) for field in same})
    stranger = sx.CrossEntropyLoss() if region(case.loss) else sx.DiceLoss(absent="skip")
    mine = values(case.loss, prediction, target, **keywords)
    theirs = values(other, prediction, target, **keywords)
    if case.loss.grain != other.grain:
        pytest.skip("no loss of this grain to add")
    both = {r: 2 * mine[r] + 0.5 * theirs[r] for r in reductions(case.loss)}
    assert_same(values(2 * case.loss + other * 0.5, prediction, target, **keywords), both)
    assert_same(values(0.5 * (4 * case.loss + other), prediction, target, **keywords), both)
    for reduction in ("mean", "sum", "sample"):
        value = sum([case.loss, stranger])(prediction, target, reduction=reduction, **keywords)
        alone = stranger(prediction, target, reduction=reduction, **keywords)
        assert_close(value, mine[reduction] + alone)


def test_a_sum_needs_a_common_grain():
    prediction, labels, _ = problem("labels")
    with pytest.raises(
        ValueError, match=r"CrossEntropyLoss\(\) \(2, 2, 5\), DiceLoss\(\) \(2, 3\)"
    ):
        (sx.CrossEntropyLoss() + sx.DiceLoss())(prediction, labels, reduction="none")


@every_case
@whatever
def test_gradients_of_sums(case: Case, shape):
    prediction, target, keywords = problem(case.target, **shape)

    def of(loss: sx.Loss, reduction: str = "mean") -> Any:
        return sx.value_and_grad(loss, prediction, target, reduction=reduction, **keywords)

    mean, by_mean = of(case.loss)
    total, by_total = of(case.loss, "sum")
    # The correlation of one voxel is constant: its gradient is what rounding leaves of terms of 1.
    if "," not in case.loss.grain:  # else the terms have divisors of their own
        assert_close(mean * by_total, total * by_mean, least=1.0)
    other, by_other = of(sx.DiceLoss(smooth=1.0) + sx.CrossEntropyLoss())
    both, by_both = of(2 * case.loss + (sx.DiceLoss(smooth=1.0) + sx.CrossEntropyLoss()))
    assert_close(both, 2 * mean + other)
    assert_close(by_both, 2 * by_mean + by_other)


# Values and relations of the losses.


@pytest.mark.parametrize("case", [case for case in CASES if not signed(case.loss)], ids=str)
@whatever
def test_values_are_in_range(case: Case, shape):
    prediction, target, keywords = problem(case.target, **shape)
    if isinstance(case.loss, sx.KLDivergenceLoss):  # whose target must be a distribution
        target = target / target.sum(axis=1, keepdims=True) if case.target == "soft" else target
    finest = reductions(case.loss)[-1]
    unreduced = case.loss(prediction, target, reduction=finest, **keywords)
    assert np.all(unreduced >= 0) or isinstance(case.loss, sx.ConfidencePenaltyLoss)
    distances = sx.HausdorffDTLoss, sx.WeightedHausdorffLoss, sx.DiceHausdorffLoss
    lengths = (sx.HausdorffERLoss, sx.HausdorffCVLoss, sx.PerimeterLoss, sx.CentroidLoss)
    energies = sx.ActiveContourLoss, sx.ElasticInteractionLoss
    unbounded = sx.LogDiceLoss, sx.NoiseRobustDiceLoss, sx.SignedDistanceLoss
    unbounded = (
        *unbounded,
        sx.ProportionLoss,
        sx.NonAdjacencyLoss,
        sx.LovaszHingeLoss,
        sx.CalibratedDiceLoss,
        *distances,
    )
    unbounded = *unbounded, *lengths, *energies
    most = {sx.MCCLoss: 2, sx.WeightedSoftDiceLoss: 2, sx.TVMFDiceLoss: 4}.get(type(case.loss), 1)
    # But for rounding: the steps of a Lovász extension add up to 1.
    most += 1e-15
    assert not region(case.loss) or isinstance(case.loss, unbounded) or np.all(unreduced <= most)


@pytest.mark.parametrize(
    "case",
    [
        case
        for case in CASES
        if case.target != "soft"
        # Which no prediction satisfies: blurred labels, or a penalty for certainty.
        and not isinstance(case.loss, sx.NACLLoss | sx.SVLSLoss | sx.MarginLabelSmoothingLoss)
        # A map of distances is no hard prediction; and all voxels take part in its mean.
        and not isinstance(case.loss, sx.SignedDistanceLoss | sx.WeightedHausdorffLoss)
        # It looks at the prediction alone.
        and not isinstance(case.loss, sx.NonAdjacencyLoss)
        # The contour has a length, an energy of its own, and voxels around that point to it.
        and not isinstance(case.loss, sx.ActiveContourLoss | sx.ActiveBoundaryLoss)
        and case.loss != sx.ElasticInteractionLoss(alpha=0.35)
        and not signed(case.loss)
        and not isinstance(case.loss, sx.CalibratedDiceLoss)
    ],
    ids=str,
)
@whatever
def test_perfect_is_zero(case: Case, shape):
    if getattr(case.loss, "t2", 1) > 1:
        pytest.skip("a heavy tail is 0 at infinity only")
    _, target, keywords = problem(case.target, **shape)
    truth = one_hot(target, 3) if case.target == "labels" else target.astype(np.float64)
    changes = {"smooth": 0.0 if isinstance(case.loss, sx.MCCLoss) else 1e-5, "label_smoothing": 0.0}
    loss = replace(
        case.loss, **{key: each for key, each in changes.items() if hasattr(case.loss, key)}
    )
    for reduction in reductions(loss):
        of_p = loss(truth, target, reduction=reduction, from_logits=False, **keywords)
        of_logits = loss(2e3 * truth - 1e3, target, reduction=reduction, **keywords)
        np.testing.assert_allclose(of_p, 0, atol=1e-15)
        np.testing.assert_allclose(of_logits, 0, atol=1e-15)


@pytest.mark.parametrize("intersection", ["product", "min"])
@pytest.mark.parametrize("kind", ["labels", "soft", "multilabel"])
@whatever
def test_tversky_contains_dice_and_jaccard(kind: str, intersection: str, shape):
    prediction, target, keywords = problem(kind, **shape)

    def of(loss: type[sx.Loss], **parameters: Any) -> dict[str, np.ndarray]:
        loss = loss(intersection=intersection, **parameters)
        return values(loss, prediction, target, **keywords)

    for s in (0.0, 1e-5, 1.0):
        # Dice counts TP twice, and so twice the smoothing.
        assert_same(
            of(sx.TverskyLoss, alpha=0.5, beta=0.5, smooth=s), of(sx.DiceLoss, smooth=2 * s)
        )
        assert_same(of(sx.TverskyLoss, alpha=1, beta=1, smooth=s), of(sx.JaccardLoss, smooth=s))


@pytest.mark.parametrize("intersection", ["product", "min"])
@pytest.mark.parametrize("kind", ["labels", "soft", "multilabel"])
@whatever
def test_jaccard_is_2d_over_1_plus_d(kind: str, intersection: str, shape):
    prediction, target, keywords = problem(kind, **shape)
    how = {"intersection": intersection, "smooth": 0.0}
    d = sx.DiceLoss(**how)(prediction, target, reduction="none", **keywords)
    j = sx.JaccardLoss(**how)(prediction, target, reduction="none", **keywords)
    assert_close(j, 2 * d / (1 + d))


@pytest.mark.parametrize("loss", OVERLAPS, ids=str)
@whatever
def test_only_min_is_zero_at_soft_truth(loss: sx.Loss, shape):
    target = problem("soft", **shape).target
    target = target / target.sum(axis=1, keepdims=True)
    exact = replace(loss, intersection="min")(target, target, reduction="none", from_logits=False)
    np.testing.assert_allclose(exact, 0, atol=1e-15)
    inexact = loss(target, target, reduction="none", from_logits=False)
    present = target.sum(axis=tuple(range(2, target.ndim))) > 0
    assert np.all(inexact[present] > 0)


@whatever
def test_squared_dice_is_a_relative_distance(shape):
    p, g, _ = problem("soft", from_logits=False, **shape)
    space = tuple(range(2, p.ndim))
    value = sx.DiceLoss(squared=True, smooth=0.0)(p, g, reduction="none", from_logits=False)
    assert_close(value, ((p - g) ** 2).sum(space) / (p**2 + g**2).sum(space))


@pytest.mark.parametrize("loss", OVERLAPS, ids=str)
@whatever
def test_smooth_may_be_a_pair(loss: sx.Loss, shape):
    prediction, labels, _ = problem("labels", **shape)
    number, pair = replace(loss, smooth=0.3), replace(loss, smooth=(0.3, 0.3))
    assert_same(values(number, prediction, labels), values(pair, prediction, labels))
    p, g = softmax(prediction), one_hot(labels, 3)
    space = tuple(range(2, p.ndim))
    tp, fp, fn = ((a * b).sum(space) for a, b in [(p, g), (p, 1 - g), (1 - p, g)])
    above, below = {
        sx.DiceLoss: (2 * tp, 2 * tp + fp + fn),
        sx.JaccardLoss: (tp, tp + fp + fn),
        sx.TverskyLoss: (tp, tp + 0.2 * fp + 0.9 * fn),
    }[type(loss)]
    unequal = replace(loss, smooth=(0.25, 2.0))(prediction, labels, reduction="none")
    assert_close(unequal, 1 - (above + 0.25) / (below + 2.0))


# The conventions of the data once more, with every library.

COMPOUND = 2 * sx.CrossEntropyLoss(class_weights=(1, 2, 3)) + sx.DiceLoss(squared=True)


def test_dtypes_of_labels_agree(eager: Backend):
    prediction, labels, _ = problem("labels")
    want = eager.value(COMPOUND, prediction, labels)
    for dtype in (np.uint8, np.int16, np.int32):
        assert_close(eager.value(COMPOUND, prediction, labels.astype(dtype)), want)
    assert_close(eager.value(COMPOUND, prediction, one_hot(labels, 3, bool)), want)


@pytest.mark.parametrize(
    ("void", "dtypes"),
    [
        (255, (np.uint8, np.int64)),
        (-1, (np.int8, np.int32)),
        (-100, (np.int8, np.int16, np.int64)),
    ],
)
def test_labels_of_no_class_are_ignored(eager: Backend, void: int, dtypes):
    prediction, labels, _ = problem("labels")
    valid = np.random.default_rng(0).random(labels.shape) < 0.5
    want = eager.value(COMPOUND, prediction, labels, mask=valid)
    for dtype in dtypes:
        marked = np.where(valid, labels, void).astype(dtype)
        assert_close(eager.value(COMPOUND, prediction, marked), want)
        assert_close(eager.value(COMPOUND, prediction, marked, ignore_index=void), want)


# In eight bits 300 is 44: compared as such, class 300 would find itself in every voxel of class 44.
def test_labels_of_eight_bits_do_not_wrap(eager: Backend):
    labels = np.array([[44, 44, 0, 200]])
    prediction = np.random.default_rng(0).normal(size=(1, 301, 4))
    prediction[0, 44, :2] = 20.0
    for loss in (sx.CrossEntropyLoss(), sx.DiceLoss()):
        want = eager.value(loss, prediction, labels)
        assert_close(eager.value(loss, prediction, labels.astype(np.uint8)), want)
    unreduced = eager.value(sx.DiceLoss(), prediction, labels.astype(np.uint8), reduction="none")
    assert unreduced[0, 44] < 0.01
    assert unreduced[0, 300] > 0.99
