"""The losses of the distribution, besides their references: identities, corners, others' code."""

from dataclasses import replace
from math import log
from typing import Any, NamedTuple

import numpy as np
import pytest
from backends import Backend
from problems import REDUCTIONS, assert_close, assert_finite, one_hot, problem, softmax, waves

import segloss_xp as sx

P = {"from_logits": False}
CHANNELS = {"from_logits": False, "multilabel": True}
WEIGHTS = (1, 2, 3)

NCE, MAE, RCE = (
    sx.NormalizedCrossEntropyLoss(),
    sx.MeanAbsoluteErrorLoss(),
    sx.ReverseCrossEntropyLoss(),
)
VOXEL = [
    NCE,
    MAE,
    RCE,
    sx.BiTemperedLoss(t1=0.5, t2=1.0),
    sx.AdaptiveWingLoss(),
    sx.AdaptiveWingLoss(alpha=2.5, theta=0.1, epsilon=0.2),
    sx.PolyLoss(gamma=0.5),
    sx.PolyLoss(gamma=2.0, epsilon=-1.0),
]
SELECTIONS = [
    sx.TopKLoss(),
    sx.TopKLoss(k=0.5, batch=True),
    sx.OHEMLoss(),
    sx.OHEMLoss(threshold=0.1, min_kept=0.2),
]
PRIORS = [sx.ProportionLoss(), sx.ProportionLoss(distance="kl")]
# A softmax of heavy tail: the loss is 0 at infinity only.
HEAVY = [sx.BiTemperedLoss(), sx.BiTemperedLoss(t1=0.2, t2=4.0)]

every_loss = pytest.mark.parametrize("loss", [*VOXEL, *SELECTIONS, *PRIORS, *HEAVY], ids=str)


# One loss is another.

EQUAL = [
    *(
        (loss, sx.CrossEntropyLoss(class_weights=w), kinds)
        for w in (None, WEIGHTS)
        for loss, kinds in [
            (sx.TopKLoss(k=1.0, class_weights=w), ("labels", "soft", "multilabel")),
            (sx.OHEMLoss(threshold=1.0, class_weights=w), ("labels", "soft", "multilabel")),
            (sx.OHEMLoss(threshold=0.01, min_kept=1.0, class_weights=w), ("labels",)),
            (sx.BiTemperedLoss(t1=1.0, t2=1.0, class_weights=w), ("labels",)),
            (sx.PolyLoss(epsilon=0.0, gamma=0.0, class_weights=w), ("labels", "soft")),
        ]
    ),
    (sx.PolyLoss(epsilon=0.0, gamma=2.0), sx.FocalLoss(), ("labels", "soft")),
    (
        sx.PolyLoss(epsilon=1.0, gamma=1.0),
        # Of two classes: the Brier score is 2 (1 - p)^2.
        sx.FocalLoss(gamma=1.0) + 0.5 * sx.BrierLoss(),
        ("two",),
    ),
    (sx.TopKLoss(k=0.2), sx.OHEMLoss(threshold=1e-9, min_kept=0.2), ("labels", "multilabel")),
    (MAE, sx.GeneralizedCrossEntropyLoss(q=1.0), ("labels",)),
    (RCE, -log(1e-4) * MAE, ("labels",)),
    *(
        (
            sx.SymmetricCrossEntropyLoss(alpha=0.7, beta=0.3, floor=-5.0, class_weights=w),
            0.7 * sx.CrossEntropyLoss(class_weights=w)
            + 0.3 * sx.ReverseCrossEntropyLoss(floor=-5.0, class_weights=w),
            ("labels", "soft"),
        )
        for w in (None, WEIGHTS)
    ),
]


@pytest.mark.parametrize(
    ("this", "that", "kind"),
    [
        pytest.param(this, that, kind, id=f"{this}={that}-{kind}")
        for this, that, kinds in EQUAL
        for kind in kinds
    ],
)
def test_one_loss_is_another(this: sx.Loss, that: sx.Loss, kind: str):
    prediction, target, keywords = problem("labels", classes=2) if kind == "two" else problem(kind)
    for reduction in REDUCTIONS:
        call = {"reduction": reduction, **keywords}
        assert_close(this(prediction, target, **call), that(prediction, target, **call))
    by_this = sx.value_and_grad(this, prediction, target, **keywords)[1]
    assert_close(by_this, sx.value_and_grad(that, prediction, target, **keywords)[1])


def test_bi_tempered_of_temperature_1_is_the_divergence():
    prediction, g, _ = problem("soft")
    g = g / g.sum(axis=1, keepdims=True)
    got = sx.BiTemperedLoss(t1=1.0, t2=1.0)(prediction, g, reduction="none")
    assert_close(got, sx.KLDivergenceLoss()(prediction, g, reduction="none"))


def test_bi_tempered_of_temperature_0_is_half_the_squared_error():
    prediction, target, _ = problem("soft")
    got = sx.BiTemperedLoss(t1=0.0, t2=1.0)(prediction, target)
    assert_close(got, 0.5 * sx.BrierLoss()(prediction, target))


# Temperature 2: 1 / (1 + lambda - a), whose two classes solve a quadratic equation.
def test_bi_tempered_of_temperature_2_in_closed_form():
    prediction, labels, _ = problem("labels", classes=2)
    a = prediction[:, 1] - prediction[:, 0]
    shift = a / 2 + np.sqrt(1 + a**2 / 4)  # lambda less the logit of class 0
    q = np.where(labels == 1, 1 / (1 + shift - a), 1 / (1 + shift))
    got = sx.BiTemperedLoss(t1=1.0, t2=2.0)(prediction, labels, reduction="none")
    assert_close(got, -np.log(q))


@pytest.mark.parametrize("classes", [2, 3, 30])
@pytest.mark.parametrize("t2", [1.001, 1.2, 2.0, 4.0, 10.0])
def test_the_tempered_softmax_adds_up_to_1(t2: float, classes: int):
    """With t1 = 1 the loss of a label is minus the logarithm of its probability."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4, classes, 50)) * np.array([0.0, 1.0, 30.0, 1e4])[:, None, None]
    loss = sx.BiTemperedLoss(t1=1.0, t2=t2)
    each = [loss(logits, np.full((4, 50), c), reduction="none") for c in range(classes)]
    assert_close(np.exp(-np.stack(each)).sum(axis=0), np.ones((4, 50)))


@pytest.mark.parametrize("t1", [0.0, 0.5, 0.9])
def test_bi_tempered_is_bounded(t1: float):
    hopeless = np.array([[[1e30], [-1e30]]])
    for t2 in (1.0, 1.2):
        value = sx.BiTemperedLoss(t1=t1, t2=t2)(hopeless, np.array([[1]]))
        # -log_t1 of 0; what the mass takes off for the label it adds for the other class.
        assert_close(value, 1 / (1 - t1))


@pytest.mark.parametrize("loss", HEAVY, ids=str)
def test_heavy_tails_reach_zero_slowly(loss: sx.Loss):
    far = np.array([[[-1.0], [1.0]]])
    values = [loss(scale * far, np.array([[1]])) for scale in (0, 1, 10, 1e3, 1e9, 1e30)]
    assert np.all(np.diff(values) < 0)
    assert values[-1] < 1e-8


# Sums over the labels.


@pytest.mark.parametrize(("loss", "total"), [(NCE, 1), (MAE, 2), (RCE, -2 * log(1e-4))], ids=str)
def test_losses_of_all_labels_add_up(loss: sx.Loss, total: float):
    prediction, labels, _ = problem("labels")
    each = [loss(prediction, np.full_like(labels, c), reduction="none") for c in range(3)]
    assert_close(sum(each), np.full(labels.shape, total))


# Ma 2020: labels that are wrong with one probability for all change but the scale.
@pytest.mark.parametrize(("loss", "total"), [(NCE, 1), (MAE, 2), (RCE, -2 * log(1e-4))], ids=str)
def test_noise_does_not_move_the_minimiser(loss: sx.Loss, total: float):
    prediction, labels, _ = problem("labels")
    noisy = [(0.7, labels), (0.15, (labels + 1) % 3), (0.15, (labels + 2) % 3)]
    got = sum(share * loss(prediction, y) for share, y in noisy)
    assert_close(got, 0.55 * loss(prediction, labels) + 0.15 * total)


@pytest.mark.parametrize("kind", ["labels", "soft", "multilabel"])
def test_mean_absolute_error_is_the_total_variation(kind: str):
    p, g, keywords = problem(kind, from_logits=False)
    want = np.abs(p - (one_hot(g, 3) if kind == "labels" else g))
    want = want if kind == "multilabel" else want.sum(axis=1) / 2
    assert_close(MAE(p, g, reduction="none", **keywords), want)


# Selection.


def costs(prediction: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return -np.log(np.sum(softmax(prediction) * one_hot(labels, 3), axis=1))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_cross_entropy_alone_is_pytorchs_own(reduction: str):
    """And the sums' where a label is not of the classes, or another loss wants sums as well."""
    torch = pytest.importorskip("torch")
    given = problem("labels")
    x = torch.tensor(given.prediction, requires_grad=True)
    y = torch.tensor(given.target)
    loss = sx.CrossEntropyLoss()

    def outcome(function, y):
        value = function(x, y, reduction=reduction)
        return value.detach(), torch.autograd.grad(value, x)[0]

    theirs = outcome(torch.nn.functional.cross_entropy, y)
    assert all(map(torch.equal, outcome(loss, y), theirs))
    for ours, their in zip(outcome(loss + 0 * sx.DiceLoss(), y), theirs, strict=True):
        assert_close(ours, their)

    y[..., 0] = -100  # which PyTorch ignores
    theirs = outcome(torch.nn.functional.cross_entropy, y)
    for outside in (-100, -1, x.shape[1]):
        y[..., 0] = outside
        for ours, their in zip(outcome(loss, y), theirs, strict=True):
            assert_close(ours, their)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "uint64"])
def test_cross_entropy_of_labels_without_a_sign(eager: Backend, dtype: str):
    x, y, _ = problem("labels")
    value = eager.value(sx.CrossEntropyLoss(), x, y.astype(dtype))
    assert_close(value, sx.CrossEntropyLoss()(x, y))


@pytest.mark.parametrize("classes", [200, 256, 300])
@pytest.mark.parametrize("dtype", ["int8", "int16", ">i2"])
def test_labels_below_zero_of_many_classes(eager: Backend, dtype: str, classes: int):
    """They are no class, though without a sign their bits might be."""
    if eager.library != "numpy":
        dtype = dtype.replace(">i2", "int16")
    x = np.sin(np.arange(2 * classes * 6.0)).reshape(2, classes, 6)
    y = np.array([[0, 5, -1, 7, -128, 3], [-2, 1, 2, 3, 4, 5]])
    loss = sx.CrossEntropyLoss(label_smoothing=0.1) + sx.DiceLoss()
    value = eager.value(loss, x, y.astype(dtype))
    assert_close(value, loss(x, np.maximum(y, 0), mask=y >= 0))


def test_another_formula_of_cross_entropy(eager: Backend):
    class Twice(sx.CrossEntropyLoss):
        def formula(self, comparison, *maps):
            return 2 * super().formula(comparison, *maps)

    x, y, _ = problem("labels")
    value = eager.value(Twice(), x, y)
    assert_close(value, 2 * sx.CrossEntropyLoss()(x, y))


def test_a_true_class_that_is_ruled_out_costs_the_same_everywhere(eager: Backend):
    x, y = np.asarray([[[0.0, -np.inf], [1.0, 0.0]]]), np.asarray([[1, 0]])
    value = eager.value(sx.CrossEntropyLoss(), x, y)
    assert_close(value, np.asarray(np.finfo(float).max / 2))


@pytest.mark.parametrize("k", [0.01, 0.1, 0.29, 0.5, 0.999])
def test_top_k_is_the_mean_of_the_largest(k: float):
    prediction, labels, _ = problem("labels", space=(10, 10))
    mask = np.ones(labels.shape, bool)
    mask[0, 5:] = False
    cost = [row[m] for row, m in zip(costs(prediction, labels), mask, strict=True)]
    largest = [np.sort(row)[::-1][: max(1, round(k * 1000) * row.size // 1000)] for row in cost]
    got = sx.TopKLoss(k=k)(prediction, labels, mask=mask, reduction="sample")
    assert_close(got, [row.mean() for row in largest])
    assert_close(sx.TopKLoss(k=k)(prediction, labels, mask=mask), np.concatenate(largest).mean())
    together = np.concatenate(cost)
    together = np.sort(together)[::-1][: max(1, round(k * 1000) * together.size // 1000)]
    batch = sx.TopKLoss(k=k, batch=True)
    assert_close(batch(prediction, labels, mask=mask), together.mean())
    assert_close(batch(prediction, labels, mask=mask, reduction="sample"), [together.mean()] * 2)


def test_a_share_of_the_valid_voxels_is_counted_exactly(eager: Backend):
    """0.29 of 100 is 29, though 0.29 * 100 is less in floating point."""
    rng = np.random.default_rng(0)
    prediction, labels = rng.normal(size=(1, 3, 200)), rng.integers(0, 3, size=(1, 200))
    labels[0, 100:] = 255
    got = eager.value(sx.TopKLoss(k=0.29), prediction, labels, reduction="none")
    assert np.count_nonzero(got) == 29


@pytest.mark.parametrize("batch", [False, True])
def test_ties_share_the_last_places(differentiating: Backend, batch: bool):
    """Two of five: the worst, and one place for three that are equally bad."""
    logits = np.zeros((1, 2, 5))
    logits[0, 0] = [3.0, 1.0, 1.0, 1.0, -2.0]
    labels, loss = np.ones((1, 5), int), sx.TopKLoss(k=0.4, batch=batch)
    cost = np.log1p(np.exp(logits[0, 0]))
    value, gradient = differentiating.value_and_grad(loss, logits, labels)
    assert_close(value, (cost[0] + cost[1]) / 2)
    slope = 1 / (1 + np.exp(-logits[0, 0])) * np.array([1, 1 / 3, 1 / 3, 1 / 3, 0]) / 2
    assert_close(gradient, np.stack([slope, -slope])[None])
    unreduced = differentiating.value(loss, logits, labels, reduction="none")
    assert_close(unreduced, [cost * [1, 1 / 3, 1 / 3, 1 / 3, 0]])


def test_ohem_takes_what_is_below_the_threshold(eager: Backend):
    p = np.array([[0.95, 0.69, 0.71, 0.2, 0.05]])
    labels = np.ones((1, 5), int)
    call = np.stack([1 - p, p], axis=1), labels
    got = eager.value(sx.OHEMLoss(), *call, reduction="none", **P)
    assert_close(got, np.where(p < 0.7, -np.log(p), 0))
    assert_close(eager.value(sx.OHEMLoss(), *call, **P), -np.log([0.69, 0.2, 0.05]).mean())
    # Four fifths: the threshold gives way.
    got = eager.value(sx.OHEMLoss(min_kept=0.8), *call, reduction="none", **P)
    assert_close(got, np.where(p < 0.9, -np.log(p), 0))
    got = eager.value(sx.OHEMLoss(min_kept=0.2), *call, reduction="none", **P)
    assert_close(got, np.where(p < 0.7, -np.log(p), 0))


def test_nothing_hard_is_zero(differentiating: Backend):
    logits = np.array([[[5.0, 4.0], [-5.0, -4.0]]])
    labels = np.zeros((1, 2), int)
    for result in differentiating.value_and_grad(sx.OHEMLoss(), logits, labels):
        assert np.all(result == 0)
    value, gradient = differentiating.value_and_grad(sx.OHEMLoss(min_kept=0.1), logits, labels)
    assert_close(value, np.log1p(np.exp(-8)))
    assert np.array_equal(gradient[0, 0] != 0, [False, True])


@pytest.mark.parametrize("loss", SELECTIONS, ids=str)
def test_weights_are_no_part_of_the_selection(loss: sx.Loss):
    prediction, labels, _ = problem("labels", space=(10, 3))
    weights = np.random.default_rng(0).uniform(0.1, 9, size=labels.shape)
    chosen = loss(prediction, labels, reduction="none") > 0
    weighted = replace(loss, class_weights=WEIGHTS)(
        prediction, labels, voxel_weights=weights, reduction="none"
    )
    assert np.array_equal(weighted > 0, chosen)
    w = weights * np.array(WEIGHTS)[labels] * chosen
    want = np.sum(w * costs(prediction, labels)) / np.sum(w)
    got = replace(loss, class_weights=WEIGHTS)(prediction, labels, voxel_weights=weights)
    assert_close(got, want)
    # What has no weight does not take a place.
    foreground = replace(loss, class_weights=(0, 1, 1))(prediction, labels)
    assert_close(foreground, loss(prediction, labels, mask=labels > 0))


# Active and passive losses.


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_the_losses_of_all_labels_add_up_to_a_constant(eager: Backend, classes: int):
    """T27: why symmetric label noise leaves their minimiser where it is."""
    p = softmax(2 * np.random.default_rng(0).normal(size=(2, classes, 7)))
    for loss, total in (
        (NCE, 1.0),
        (MAE, classes - 1.0),
        (RCE, (classes - 1) * 9.210340),
    ):
        each = [
            eager.value(loss, p, np.full((2, 7), c), reduction="none", **P) for c in range(classes)
        ]
        np.testing.assert_allclose(np.sum(each, axis=0), total, atol=1e-6 * classes)


# Adaptive wing.


@pytest.mark.parametrize(
    ("d", "g", "value"),
    [(0.5, 0, 2.935235), (0.5, 1, 5.360458), (1, 0, 8.495946), (1, 1, 10.259383)],
)
def test_adaptive_wing_of_ivadomed(eager: Backend, d: float, g: float, value: float):
    """What AdapWingLoss of ivadomed gives, run in 2026: a sum there, one voxel here (T26)."""
    p = np.full((1, 1, 1), float(abs(g - d)))
    got = eager.value(sx.AdaptiveWingLoss(), p, np.full((1, 1, 1), float(g)), **CHANNELS)
    np.testing.assert_allclose(got, value, atol=5e-7)


@pytest.mark.parametrize("g", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("loss", [sx.AdaptiveWingLoss(), sx.AdaptiveWingLoss(epsilon=0.3)], ids=str)
def test_adaptive_wing_is_smooth_at_theta(loss: sx.AdaptiveWingLoss, g: float):
    side = 1 if g < 0.5 else -1
    at = [
        sx.value_and_grad(
            loss, np.full((1, 1, 1), g + side * (0.5 + e)), np.full((1, 1, 1), g), **CHANNELS
        )
        for e in (-1e-9, 1e-9)
    ]
    for below, above in zip(*at, strict=True):
        np.testing.assert_allclose(below, above, rtol=1e-7)
    value, gradient = at[0]
    assert gradient * side > 0
    assert value > 0


def test_slope_of_adaptive_wing_at_theta(differentiating: Backend):
    """T26: where both branches meet, from either side."""
    for d in (0.5 - 1e-9, 0.5, 0.5 + 1e-9):
        p, g = np.full((1, 1, 1), 1 - d), np.ones((1, 1, 1))
        slope = differentiating.value_and_grad(sx.AdaptiveWingLoss(), p, g, **CHANNELS)[1]
        np.testing.assert_allclose(-slope, 9.79785, atol=5e-6)


# Proportions.


def test_proportions_know_no_place():
    p, labels, _ = problem("labels", from_logits=False)
    order = np.random.default_rng(0).permutation(5)
    for loss in PRIORS:
        assert_close(loss(p[..., order], labels, **P), loss(p, labels, **P))


def test_proportions_in_closed_form():
    p, labels, _ = problem("labels", from_logits=False)
    size, true = p.mean(axis=(2, 3)), one_hot(labels, 3).mean(axis=(2, 3))
    got = sx.ProportionLoss()(p, labels, reduction="none", **P)
    assert_close(got, np.abs(size - true))
    divergence = sx.ProportionLoss(distance="kl", smooth=1e-30)
    got = divergence(p, labels, reduction="none", **P).sum(axis=1)
    want = np.sum(np.where(true > 0, true * np.log(np.where(true > 0, true, 1) / size), 0), axis=1)
    assert_close(got, want)


def test_small_divergences_in_single_precision():
    """Of a millionth in a proportion of a half, (1e-6)^2 / 2 / 0.5 for each class."""
    p = np.array([[[0.5 + 2**-20] * 4, [0.5 - 2**-20] * 4]], np.float32)
    loss = sx.ProportionLoss(distance="kl")
    got = loss(p, np.array([[0, 0, 1, 1]]), **P)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, 2.0**-40, rtol=0.1)


# Perfection, and the way there.


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", [*VOXEL, *SELECTIONS, *PRIORS], ids=str)
def test_perfect_is_zero_however_small_the_class(loss: sx.Loss, dtype):
    labels = np.zeros((1, 16, 16), int)
    labels[0, :8] = 1
    labels[0, 10, 10] = 2
    for prediction, call in [(one_hot(labels, 3), P), (2e3 * one_hot(labels, 3) - 1e3, {})]:
        value, gradient = sx.value_and_grad(loss, prediction.astype(dtype), labels, **call)
        np.testing.assert_allclose(value, 0, atol=1e-6 if dtype == np.float32 else 1e-14)
        assert_finite(gradient)


@pytest.mark.parametrize("loss", [*VOXEL, *HEAVY, sx.TopKLoss(k=1.0)], ids=str)
def test_a_voxel_that_moves_to_its_label_costs_less(loss: sx.Loss):
    p, labels, _ = problem("labels", from_logits=False, samples=1)
    truth = one_hot(labels, 3)
    for wrong in range(10):
        at = (0, slice(None), *np.unravel_index(wrong, labels.shape[1:]))
        q, values = p.copy(), []
        for step in np.linspace(0, 1, 6):
            q[at] = (1 - step) * (0.9 * np.roll(truth[at], 1) + 0.1 / 3) + step * truth[at]
            values.append(loss(q, labels, **P))
        assert np.all(np.diff(values) < 0)


@pytest.mark.parametrize("loss", [sx.TopKLoss(k=0.3), sx.OHEMLoss(min_kept=0.3)], ids=str)
def test_a_selected_voxel_that_moves_to_its_label_adds_less(loss: sx.Loss):
    """To the sum: a mean over fewer may rise as the mildest of them leaves."""
    p, labels, _ = problem("labels", from_logits=False, samples=1)
    q, values = p.copy(), []
    for step in np.linspace(0, 1, 6):
        q[0, :, 0, 0] = (1 - step) * 0.01 + step * one_hot(labels, 3)[0, :, 0, 0]
        values.append(loss(q, labels, reduction="sum", **P))
    assert np.all(np.diff(values) <= 0)
    assert values[-1] < values[0]


@pytest.mark.parametrize("loss", PRIORS, ids=str)
def test_a_region_that_grows_to_its_size_costs_less(loss: sx.Loss):
    labels = np.array([[0, 0, 0, 1]])
    for start in (0.0, 0.9):
        values = []
        for step in np.linspace(0, 1, 6):
            p = np.full((1, 1, 4), (1 - step) * start + step * 0.25)
            values.append(loss(np.concatenate([1 - p, p], axis=1), labels, **P))
        assert np.all(np.diff(values) < 0)
        np.testing.assert_allclose(values[-1], 0, atol=1e-15)


# Corners.

CORNERS = [(present, p) for present in (0, 1) for p in (0.0, 0.5, 1.0)]
LABELS = np.array([[present] * 3 for present, _ in CORNERS])
CERTAIN = np.array([[[1 - p] * 3, [p] * 3] for _, p in CORNERS])
LOGITS = np.select([CERTAIN == 0, CERTAIN == 1], [-1e4, 1e4], 0.0)


@every_loss
def test_corners_are_finite(differentiating: Backend, loss: sx.Loss):
    for prediction, call in [(CERTAIN, P), (LOGITS, {})]:
        x, nothing = prediction.astype(np.float32), np.zeros(LABELS.shape, bool)
        assert_finite(*differentiating.value_and_grad(loss, x, LABELS, **call))
        for result in differentiating.value_and_grad(loss, x, LABELS, mask=nothing, **call):
            assert np.all(result == 0)


@pytest.mark.parametrize("loss", [NCE, *HEAVY, sx.BiTemperedLoss(t1=0.0, t2=1.0)], ids=str)
def test_classes_that_are_ruled_out_are_finite(differentiating: Backend, loss: sx.Loss):
    """Also the label itself, whose cost is bounded."""
    for ruled_out in ([0], [1, 2]):
        logits = np.zeros((1, 3, 2), np.float32)
        logits[:, ruled_out] = -np.inf
        value, gradient = differentiating.value_and_grad(loss, logits, np.array([[0, 1]]))
        assert_finite(value, gradient)
        assert 0 < value < 1e4


@pytest.mark.parametrize("loss", [sx.TopKLoss(), sx.OHEMLoss()], ids=str)
def test_a_hopeless_voxel_keeps_its_slope(differentiating: Backend, loss: sx.Loss):
    logits = np.array([[[1e4], [-1e4]]], np.float32)
    value, gradient = differentiating.value_and_grad(loss, logits, np.array([[1]]))
    assert_close(gradient, np.array([[[1.0], [-1.0]]]), 2e-6)
    assert_close(value, 2e4, 2e-6)


@pytest.mark.parametrize("loss", [NCE, RCE, sx.BiTemperedLoss()], ids=str)
def test_no_such_loss_of_channels(loss: sx.Loss):
    prediction, target, keywords = problem("multilabel")
    with pytest.raises(ValueError, match="multilabel"):
        loss(prediction, target, **keywords)


@pytest.mark.parametrize(
    ("kind", "parameters", "message"),
    [
        (sx.TopKLoss, {"k": 0.0}, "expected k from 0 to 1, got 0.0"),
        (sx.TopKLoss, {"k": 10}, "expected k from 0 to 1, got 10"),
        (sx.OHEMLoss, {"threshold": 0.0}, "expected threshold from 0 to 1, got 0.0"),
        (sx.OHEMLoss, {"min_kept": 100_000}, "expected min_kept from 0 to 1, got 100000"),
        (sx.ReverseCrossEntropyLoss, {"floor": 1.0}, "expected floor from -80 to 0, got 1.0"),
        (sx.BiTemperedLoss, {"t1": 1.2}, "expected t1 from 0 to 1, got 1.2"),
        (sx.BiTemperedLoss, {"t2": 0.8}, "expected t2 from 1 to 10, got 0.8"),
        (sx.AdaptiveWingLoss, {"alpha": 2.0}, "expected alpha from 2 to inf, got 2.0"),
        (sx.AdaptiveWingLoss, {"theta": 0.0}, "expected theta from 0 to inf, got 0.0"),
        (sx.ProportionLoss, {"distance": "l2"}, "expected distance to be one of .* got 'l2'"),
        (
            sx.ProportionLoss,
            {"distance": "kl", "smooth": 0.0},
            "expected smooth > 0 with distance='kl'.*got 0.0",
        ),
        (sx.PolyLoss, {"gamma": -1.0}, "expected gamma from 0 to inf, got -1.0"),
    ],
)
def test_bad_parameters(kind: type[sx.Loss], parameters: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        kind(**parameters)


# What the authors' code gives.

ACTIVATIONS = np.array([[-0.5, 0.1, 2.0], [0.1, 1.5, -5.0], [4.0, -3.0, -6.0]]).T[None]
SOFT = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1], [0.2, 0.8, 0.0]]).T[None]
HARD = np.array([[2, 0, 1]])
AUTHORS = [
    # google/bi-tempered-loss 1c65c77, jax/loss.py in float64, with 200 iterations for its 5.
    *(
        (sx.BiTemperedLoss(t1=t1, t2=t2), target, values)
        for t1, t2, target, values in [
            (0.5, 1.5, SOFT, [0.023019142245938977, 0.18972909140017336, 0.9387492238722316]),
            (0.5, 1.5, HARD, [0.18156117229431415, 0.7629630393187491, 1.4951858577715489]),
            (0.8, 1.2, SOFT, [0.09560391827702486, 0.3746250868009793, 1.953070329649626]),
            (0.8, 1.2, HARD, [0.19054518830942088, 1.1736447060897965, 2.9084907828796056]),
            (0.2, 4.0, SOFT, [0.022941464087157158, 0.06678378428669379, 0.22872683773711275]),
            (0.2, 4.0, HARD, [0.3828300699888325, 0.395510250996049, 0.4465104868131274]),
        ]
    ),
    # HanxunH/Active-Passive-Losses 04bce53, loss.py with float64 for all of its float32.
    (NCE, HARD, [0.04146361071102235, 0.1893342301150436, 0.4117514648794531]),
    (MAE, HARD, [0.1880834144355985, 0.8024221742719719, 0.9990889901277027]),
    (RCE, HARD, [1.7323122652753207, 7.39058134706605, 9.201949660970094]),
]


@pytest.mark.parametrize(("loss", "target", "values"), AUTHORS, ids=str)
def test_authors_numbers(loss: sx.Loss, target: np.ndarray, values: list[float]):
    # Theirs add 1e-10 to g in the logarithm, or clip p.
    got = loss(ACTIVATIONS, target, reduction="none")
    np.testing.assert_allclose(got, [values], rtol=0, atol=1e-9)


def test_authors_proportions():
    """by-liu/SegLossBias 81fb0a4, compound_losses.py, with float64 for its float32."""
    for distance, value in [("l1", 0.05850391803220752 * 3), ("kl", 0.017543608135823202)]:
        loss = sx.ProportionLoss(distance=distance, smooth=1e-12)
        got = loss(ACTIVATIONS, HARD, reduction="none").sum()
        np.testing.assert_allclose(got, value, rtol=1e-7)  # they add 1e-10


# abhuse/polyloss-pytorch b9b2fb3, polyloss.py; HanxunH/Active-Passive-Losses 04bce53, loss.py.
@pytest.mark.parametrize(
    ("loss", "value"),
    [
        (sx.PolyLoss(), 2.4873484275501765),
        (sx.GeneralizedCrossEntropyLoss(), 0.7075172520402918),
        (sx.SymmetricCrossEntropyLoss(floor=log(1e-4)), 5.538899647887457),
    ],
    ids=str,
)
def test_authors_means(eager: Backend, loss: sx.Loss, value: float):
    assert_close(eager.value(loss, *waves(2, 3, 5, 6, factor=2.0)), value)


def test_adaptive_wing_is_that_of_softseg():
    """ivadomed/ivadomed 46248ae, losses.py, which adds up the voxels."""
    x, _ = waves(2, 2, 6, 6, factor=2.0)
    g = np.abs(np.sin(np.arange(72).reshape(2, 1, 6, 6) ** 1.1))
    value = sx.AdaptiveWingLoss()(x[:, :1], g, multilabel=True)
    assert_close(value, 3.547913988224001)


def test_authors_active_passive():
    """NCEandRCE of the same file, with alpha = beta = 1."""
    np.testing.assert_allclose((NCE + RCE)(ACTIVATIONS, HARD), 6.322464193005662, rtol=1e-12)


# What other libraries get wrong. Each line: what they do, and the value that is right.


class Peer(NamedTuple):
    loss: sx.Loss
    prediction: Any
    target: Any
    value: Any
    keywords: dict[str, Any] = {}  # noqa: RUF012 - never written to


P_OF_1 = np.array([[[0.9, 0.8, 0.7, 0.4], [0.1, 0.2, 0.3, 0.6]]])
PEERS = {
    # nnU-Net and SegLoss take 0 of 4 voxels, whose mean is NaN.
    "top 10 percent of 4 voxels": Peer(sx.TopKLoss(), P_OF_1, np.zeros((1, 4), int), -log(0.4), P),
    # They count ignored voxels: two places, one of which nothing is left for.
    "ignored voxels in the count": Peer(
        sx.TopKLoss(k=0.5), P_OF_1, np.array([[0, 0, 255, 255]]), -log(0.8), P
    ),
    # They take the places from the whole batch, here both from the second sample.
    "places of the whole batch": Peer(
        sx.TopKLoss(k=0.5),
        np.array([[[0.9, 0.8], [0.1, 0.2]], [[0.3, 0.4], [0.7, 0.6]]]),
        np.zeros((2, 2), int),
        -(log(0.8) + log(0.3)) / 2,
        P,
    ),
    # SegLoss compares the largest probability with the threshold, not that of the label.
    "confident and wrong": Peer(
        sx.OHEMLoss(), np.array([[[0.9, 0.9], [0.1, 0.1]]]), np.array([[0, 1]]), -log(0.1), P
    ),
    # ivadomed adds up the voxels.
    "adaptive wing is a mean": Peer(
        sx.AdaptiveWingLoss(),
        np.full((1, 1, 4), 0.25),
        np.zeros((1, 1, 4)),
        14 * np.log1p(0.25**2.1),
        CHANNELS,
    ),
    # Five fixed-point iterations leave 0.1 percent of a softmax of temperature 4.
    "the tempered softmax adds up to 1": Peer(
        sx.BiTemperedLoss(t1=1.0, t2=4.0), np.zeros((1, 3, 1)), np.array([[0]]), log(3)
    ),
}


@pytest.mark.parametrize("peer", PEERS.values(), ids=PEERS.keys())
def test_defect_of_others(eager: Backend, peer: Peer):
    value = eager.value(peer.loss, peer.prediction, peer.target, **peer.keywords)
    np.testing.assert_allclose(value, peer.value, rtol=1e-12, equal_nan=False)
