"""How losses reduce to one another and to closed forms, and what they do at their corners."""

from math import log
from typing import Any, NamedTuple

import numpy as np
import pytest
from backends import Backend
from problems import REDUCTIONS, assert_close, assert_finite, one_hot, problem, softmax

import segloss_xp as sx
from segloss_xp import _pieces

P = {"from_logits": False}
CHANNELS = {"from_logits": False, "multilabel": True}
KINDS = ("labels", "soft", "multilabel")
D = ((0, 1, 0.8), (1, 0, 0.3), (0.8, 0.3, 0))

VOXEL = [
    sx.FocalLoss(),
    sx.FocalLoss(gamma=0.5),
    sx.FocalLoss(gamma=0.0, alpha=0.25),
    sx.PolyLoss(),
    sx.PolyLoss(epsilon=-1.0),
    sx.BrierLoss(),
    sx.KLDivergenceLoss(),
    sx.GeneralizedCrossEntropyLoss(),
    sx.GeneralizedCrossEntropyLoss(q=0.1),
    sx.SymmetricCrossEntropyLoss(),
]
# Not noise-robust Dice of any gamma: against p^2 below, p^1.5 above grows as p falls. Nor an angle,
# which does not know whether one voxel is found better, or all others worse.
MONOTONE_REGION = [
    sx.FBetaLoss(),
    sx.FocalTverskyLoss(),
    sx.FocalTverskyLoss(gamma=0.75),
    sx.LogDiceLoss(),
    sx.LogDiceLoss(squared=True),
    sx.LogCoshDiceLoss(),
    sx.SensitivitySpecificityLoss(),
    sx.NoiseRobustDiceLoss(gamma=1.0, denominator="plain"),
    sx.NoiseRobustDiceLoss(gamma=2.0),
    sx.DicePlusPlusLoss(),
    sx.DicePlusPlusLoss(gamma=3.5),
    sx.MCCLoss(),
    sx.TverskyPlusPlusLoss(),
    sx.FocalDiceLoss(),
    sx.GeneralizedDiceLoss(),
    sx.GeneralizedDiceLoss(weighting="simple", absent="skip"),
    sx.PenaltyGeneralizedDiceLoss(),
    sx.GeneralizedWassersteinDiceLoss(),
    sx.LovaszSoftmaxLoss(),
    sx.LovaszSoftmaxLoss(absent="smooth", batch=True),
    sx.WeightedSoftDiceLoss(),
]
REGION = [
    *MONOTONE_REGION,
    sx.NoiseRobustDiceLoss(),
    sx.NoiseRobustDiceLoss(gamma=1.0),
    sx.TVMFDiceLoss(),
]

every_loss = pytest.mark.parametrize("loss", [*VOXEL, *REGION], ids=str)


def region_sums(kind: str, seed: int = 0) -> tuple[Any, ...]:
    """Prediction and target of some channels, and how to add up over space."""
    p, g, _ = problem(kind, seed=seed, from_logits=False)
    return p, one_hot(g, 3) if kind == "labels" else g, lambda x: np.sum(x, axis=(2, 3))


# One loss is another.

WEIGHTS = (1, 2, 3)
EQUAL = [
    *(
        (sx.FocalLoss(gamma=0.0, class_weights=w), sx.CrossEntropyLoss(class_weights=w), KINDS)
        for w in (None, WEIGHTS)
    ),
    (sx.FocalLoss(alpha=(2, 2, 2)), 2 * sx.FocalLoss(), ("labels", "soft")),
    (sx.FocalLoss(alpha=0.5), 0.5 * sx.FocalLoss(), KINDS),
    (sx.PolyLoss(epsilon=0.0), sx.CrossEntropyLoss(), ("labels", "soft")),
    (
        sx.PolyLoss(epsilon=3.0, class_weights=WEIGHTS),
        sx.CrossEntropyLoss(class_weights=WEIGHTS)
        + 3 * sx.GeneralizedCrossEntropyLoss(q=1.0, class_weights=WEIGHTS),
        ("labels", "soft"),
    ),
    (
        sx.SymmetricCrossEntropyLoss(alpha=0.7, beta=0.0, class_weights=WEIGHTS),
        0.7 * sx.CrossEntropyLoss(class_weights=WEIGHTS),
        ("labels", "soft"),
    ),
    (
        sx.SymmetricCrossEntropyLoss(alpha=0.7, beta=0.3, floor=-5.0),
        0.7 * sx.CrossEntropyLoss() + 1.5 * sx.GeneralizedCrossEntropyLoss(q=1.0),
        ("labels",),
    ),
    (sx.KLDivergenceLoss(), sx.CrossEntropyLoss(), ("labels",)),
    *(
        (
            sx.FBetaLoss(beta=b, smooth=0.0, intersection=how),
            sx.TverskyLoss(
                alpha=1 / (1 + b**2), beta=b**2 / (1 + b**2), smooth=0.0, intersection=how
            ),
            KINDS,
        )
        for b in (0.5, 1.5, 2.0)
        for how in ("product", "min")
    ),
    *(
        (loss(smooth=s), sx.DiceLoss(smooth=s), KINDS)
        for loss in (
            lambda **s: sx.FBetaLoss(beta=1.0, **s),
            lambda **s: sx.DicePlusPlusLoss(gamma=1.0, **s),
        )
        for s in (0.0, 0.1, (0.5, 2.0))
    ),
    *(
        (
            sx.FocalTverskyLoss(gamma=1.0, alpha=0.2, beta=0.9, smooth=s),
            sx.TverskyLoss(alpha=0.2, beta=0.9, smooth=s),
            KINDS,
        )
        for s in (0.0, 0.1)
    ),
    *(
        (
            sx.NoiseRobustDiceLoss(gamma=2.0, smooth=s),
            sx.DiceLoss(squared=True, smooth=s),
            KINDS,
        )
        for s in (0.0, 0.1)
    ),
    *(
        (
            sx.DicePlusPlusLoss(gamma=2.0, smooth=s),
            sx.DiceLoss(squared=True, smooth=s),
            ("labels", "multilabel"),
        )
        for s in (0.0, 0.1)
    ),
    *(
        (
            sx.TverskyPlusPlusLoss(alpha=0.2, beta=0.9, gamma=1.0, smooth=s),
            sx.TverskyLoss(alpha=0.2, beta=0.9, smooth=s),
            KINDS,
        )
        for s in (0.0, 0.1)
    ),
    (
        sx.TverskyPlusPlusLoss(alpha=0.5, beta=0.5, smooth=0.1),
        sx.DicePlusPlusLoss(smooth=0.2),
        KINDS,
    ),
    (sx.FocalDiceLoss(beta=1.0, squared=True), sx.DiceLoss(squared=True), KINDS),
    (sx.PenaltyGeneralizedDiceLoss(k=0.0), sx.GeneralizedDiceLoss(), KINDS),
    *(
        (loss(intersection="mixed"), loss(), ("labels", "multilabel"))
        for loss in (sx.DiceLoss, sx.JaccardLoss, sx.TverskyLoss, sx.FBetaLoss)
    ),
    (
        sx.GeneralizedWassersteinDiceLoss(distances=[[2 * d for d in row] for row in D]),
        sx.GeneralizedWassersteinDiceLoss(distances=D),
        ("labels", "soft"),
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
    prediction, target, keywords = problem(kind)
    for reduction in REDUCTIONS:
        call = {"reduction": reduction, **keywords}
        assert_close(this(prediction, target, **call), that(prediction, target, **call))
    by_this = sx.value_and_grad(this, prediction, target, **keywords)[1]
    assert_close(by_this, sx.value_and_grad(that, prediction, target, **keywords)[1])


# One is a function of another, region by region.
@pytest.mark.parametrize(
    ("this", "that", "inverse"),
    [
        (sx.LogDiceLoss(smooth=0.1), sx.DiceLoss(smooth=0.1), lambda x: 1 - np.exp(-x)),
        (sx.LogDiceLoss(squared=True), sx.DiceLoss(squared=True), lambda x: 1 - np.exp(-x)),
        (sx.LogCoshDiceLoss(), sx.DiceLoss(), lambda x: np.arccosh(np.exp(x))),
        (sx.FocalTverskyLoss(gamma=2.0), sx.TverskyLoss(), np.square),
    ],
    ids=lambda each: str(each) if isinstance(each, sx.Loss) else "inverse",
)
@pytest.mark.parametrize("kind", ["labels", "soft", "multilabel"])
def test_one_loss_is_a_function_of_another(this: sx.Loss, that: sx.Loss, inverse, kind: str):
    prediction, target, keywords = problem(kind)
    each = this(prediction, target, reduction="none", **keywords)
    assert_close(inverse(each), that(prediction, target, reduction="none", **keywords))
    assert_close(this(prediction, target, **keywords), np.mean(each))


# Closed forms.


def of_the_true_class() -> tuple[np.ndarray, ...]:
    prediction, labels, _ = problem("labels")
    return prediction, labels, np.sum(softmax(prediction) * one_hot(labels, 3), axis=1)


def test_focal_is_a_weight_on_cross_entropy():
    prediction, labels, p = of_the_true_class()
    for gamma in (0.5, 1.0, 2.0, 5.0):
        got = sx.FocalLoss(gamma=gamma)(prediction, labels, reduction="none")
        assert_close(got, -((1 - p) ** gamma) * np.log(p))


def test_focal_alpha_weighs_foreground_against_background():
    prediction, labels, p = of_the_true_class()
    alpha = np.where(labels == 0, 0.75, 0.25)
    got = sx.FocalLoss(alpha=0.25)(prediction, labels, reduction="none")
    assert_close(got, -alpha * (1 - p) ** 2 * np.log(p))
    assert_close(sx.FocalLoss(alpha=0.25)(prediction, labels), np.mean(got))


def test_generalised_cross_entropy_of_q_1_is_the_absolute_error():
    prediction, labels, p = of_the_true_class()
    loss = sx.GeneralizedCrossEntropyLoss(q=1.0)
    assert_close(loss(prediction, labels), np.mean(1 - p))
    assert_close(
        loss(prediction, labels), np.abs(softmax(prediction) - one_hot(labels, 3)).mean() * 1.5
    )


# 1 - exp(-q x) is between q x - (q x)^2 / 2 and q x.
@pytest.mark.parametrize("q", [0.1, 1e-2, 1e-3])
def test_generalised_cross_entropy_of_small_q_tends_to_cross_entropy(q: float):
    prediction, labels, p = of_the_true_class()
    short = -np.log(p) - sx.GeneralizedCrossEntropyLoss(q=q)(prediction, labels, reduction="none")
    assert np.all(short >= 0)
    assert np.all(short <= q / 2 * np.log(p) ** 2)


def test_reverse_cross_entropy_of_labels_is_the_absolute_error():
    prediction, labels, p = of_the_true_class()
    for floor in (-4.0, -2.0):
        loss = sx.SymmetricCrossEntropyLoss(alpha=0.0, beta=1.0, floor=floor)
        assert_close(loss(prediction, labels, reduction="none"), -floor * (1 - p))


def test_kullback_leibler_is_cross_entropy_less_entropy():
    prediction, g, _ = problem("soft")
    g = g / g.sum(axis=1, keepdims=True)
    entropy = -np.sum(np.where(g > 0, g * np.log(np.where(g > 0, g, 1)), 0), axis=1)
    kl = sx.KLDivergenceLoss()(prediction, g, reduction="none")
    assert_close(kl, sx.CrossEntropyLoss()(prediction, g, reduction="none") - entropy)
    assert np.all(kl >= 0)
    np.testing.assert_allclose(sx.KLDivergenceLoss()(g, g, reduction="none", **P), 0, atol=1e-15)


@pytest.mark.parametrize("loss", [sx.BrierLoss(), sx.KLDivergenceLoss()], ids=str)
def test_proper_scores_are_least_at_the_true_probability(loss: sx.Loss):
    logits = problem("soft").prediction
    _, gradient = sx.value_and_grad(loss, logits, softmax(logits))
    np.testing.assert_allclose(gradient, 0, atol=1e-16)


def test_brier_of_two_classes_is_twice_the_squared_error():
    prediction, labels, _ = problem("labels", classes=2, from_logits=False)
    error = (prediction[:, 1] - labels) ** 2
    brier = sx.BrierLoss()
    assert_close(brier(prediction, labels, reduction="none", **P), 2 * error)
    assert_close(brier(prediction, labels, **P), np.mean(2 * error))
    channel = prediction[:, 1:], (labels == 1)[:, None]
    assert_close(brier(*channel, **CHANNELS), np.mean(error))


@pytest.mark.parametrize("kind", ["labels", "soft", "multilabel"])
def test_noise_robust_dice_of_gamma_1_is_the_bray_curtis_dissimilarity(kind: str):
    p, g, total = region_sums(kind)
    loss = sx.NoiseRobustDiceLoss(gamma=1.0, denominator="plain", smooth=0.0)
    want = total(np.abs(p - g)) / total(p + g)
    assert_close(loss(p, g, reduction="none", **CHANNELS), want)


@pytest.mark.parametrize("kind", ["labels", "multilabel"])
def test_sensitivity_and_specificity_are_the_mean_errors_inside_and_outside(kind: str):
    p, g, total = region_sums(kind)
    inside, outside = (
        total(abs(p - g) ** 2 * part) / np.maximum(total(part), 1) for part in (1.0 * g, 1.0 - g)
    )
    for r, want in [(1.0, inside), (0.0, outside), (0.25, 0.25 * inside + 0.75 * outside)]:
        loss = sx.SensitivitySpecificityLoss(sensitivity=r, smooth=0.0)
        assert_close(loss(p, g, reduction="none", **CHANNELS), want)


def hard() -> tuple[np.ndarray, np.ndarray]:
    """Two volumes of channels, neither of them constant."""
    rng = np.random.default_rng(0)
    g = rng.random((2, 3, 4, 5)) < 0.4
    return np.where(rng.random(g.shape) < 0.3, ~g, g).astype(np.float64), g


def test_mcc_is_the_correlation_of_hard_volumes():
    p, g = hard()
    want = [
        [1 - np.corrcoef(p[n, c].ravel(), g[n, c].ravel())[0, 1] for c in range(3)]
        for n in range(2)
    ]
    assert_close(sx.MCCLoss(smooth=0.0)(p, g, reduction="none", **CHANNELS), want)


def test_mcc_does_not_know_a_class_from_its_complement():
    for p, g in (hard(), problem("multilabel", from_logits=False)[:2]):
        for smooth in (0.0, 0.1):
            loss = sx.MCCLoss(smooth=smooth)
            value = loss(p, g, reduction="none", **CHANNELS)
            assert_close(loss(1 - p, ~g, reduction="none", **CHANNELS), value)
            assert_close(loss(1 - p, g, reduction="none", **CHANNELS), 2 - value)


# Perfection, and the way there.


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("missing", [False, True], ids=["present", "absent"])
@every_loss
def test_perfect_is_zero_however_small_the_class(loss: sx.Loss, missing: bool, dtype):
    labels = np.zeros((1, 64, 64), int)
    labels[0, :32] = 1
    labels[0, 40, 40] = 0 if missing else 2
    for prediction, call in [(one_hot(labels, 3), P), (2e3 * one_hot(labels, 3) - 1e3, {})]:
        value, gradient = sx.value_and_grad(loss, prediction.astype(dtype), labels, **call)
        np.testing.assert_allclose(value, 0, atol=1e-6 if dtype == np.float32 else 1e-14)
        assert_finite(gradient)


@pytest.mark.parametrize("wrong", range(10))
@pytest.mark.parametrize("loss", [*VOXEL, *MONOTONE_REGION], ids=str)
def test_a_voxel_that_moves_to_its_label_costs_less(loss: sx.Loss, wrong: int):
    p, labels, _ = problem("labels", from_logits=False, samples=1, seed=wrong)
    truth = one_hot(labels, 3)
    p = (p + truth) / 2  # better than chance: MCC turns around there
    at = (0, slice(None), *np.unravel_index(wrong, labels.shape[1:]))
    p[at] = 0.9 * np.roll(truth[at], 1) + 0.1 / 3
    values = []
    for step in np.linspace(0, 1, 6):
        q = p.copy()
        q[at] = (1 - step) * p[at] + step * truth[at]
        values.append(loss(q, labels, **P))
    assert np.all(np.diff(values) < 0)


# Corners: class 1 is nowhere or everywhere; its probability is 0, 1/2 or 1.

CORNERS = [(present, p) for present in (0, 1) for p in (0.0, 0.5, 1.0)]
LABELS = np.array([[present] * 3 for present, _ in CORNERS])
CERTAIN = np.array([[[1 - p] * 3, [p] * 3] for _, p in CORNERS])
LOGITS = np.select([CERTAIN == 0, CERTAIN == 1], [-1e4, 1e4], 0.0)


@every_loss
def test_corners_are_finite(differentiating: Backend, loss: sx.Loss):
    nothing = np.zeros(LABELS.shape, bool)
    for prediction, call in [(CERTAIN.astype(np.float32), P), (LOGITS.astype(np.float32), {})]:
        assert_finite(*differentiating.value_and_grad(loss, prediction, LABELS, **call))
        value, gradient = differentiating.value_and_grad(
            loss, prediction, LABELS, mask=nothing, **call
        )
        assert value == 0
        assert np.all(gradient == 0)


# The slope -1 of a hopeless -log p; 1 - p is 1, whatever its power.
def test_more_than_is_worked_on_at_a_time(differentiating: Backend):
    """One sample in several pieces, the last of them shorter; p is 3/4 for class 0 everywhere."""
    voxels, first = 300_001, 100_000
    y = np.where(np.arange(voxels) < first, 0, 1)[None]
    logits = np.zeros((1, 2, voxels))
    logits[:, 0] = log(3)
    found, sizes = (0.75 * first, 0.25 * (voxels - first)), (first, voxels - first)
    totals = 0.75 * voxels + sizes[0], 0.25 * voxels + sizes[1]
    dice = sum(1 - 2 * tp / total for tp, total in zip(found, totals, strict=True)) / 2
    entropy = -(sizes[0] * log(0.75) + sizes[1] * log(0.25)) / voxels

    def slope(label: int) -> float:
        """By the logit of class 0, of a voxel of the label."""
        by_p = [
            (tp - (label == c) * total) / total**2
            for c, (tp, total) in enumerate(zip(found, totals, strict=True))
        ]
        return 0.75 * 0.25 * (by_p[0] - by_p[1]) + (0.75 - (label == 0)) / voxels

    loss = sx.DiceLoss(smooth=0.0) + sx.CrossEntropyLoss()
    value, gradient = differentiating.value_and_grad(loss, logits, y)
    assert_close(value, dice + entropy)
    by_first = np.where(y == 0, slope(0), slope(1))
    assert_close(gradient, np.stack([by_first, -by_first], axis=1))


@pytest.mark.parametrize(
    ("loss", "slope"),
    [
        *((sx.FocalLoss(gamma=gamma), 1.0) for gamma in (0.0, 0.5, 2.0, 5.0)),
        (sx.FocalLoss(alpha=0.25), 0.25),
        (sx.PolyLoss(), 1.0),
        (sx.KLDivergenceLoss(), 1.0),
        (sx.SymmetricCrossEntropyLoss(alpha=0.3), 0.3),
    ],
    ids=str,
)
def test_a_hopeless_voxel_keeps_its_slope(differentiating: Backend, loss: sx.Loss, slope: float):
    logits = np.array([[[1e4], [-1e4]]], np.float32)
    value, gradient = differentiating.value_and_grad(loss, logits, np.array([[1]]))
    assert_close(gradient, slope * np.array([[[1.0], [-1.0]]]), 2e-6)
    assert_close(value, slope * 2e4, 1e-3)


@pytest.mark.parametrize(
    "loss",
    [
        sx.PolyLoss(),
        sx.KLDivergenceLoss(),
        sx.GeneralizedCrossEntropyLoss(),
        sx.SymmetricCrossEntropyLoss(),
    ],
    ids=str,
)
def test_no_such_loss_of_channels(loss: sx.Loss):
    prediction, target, keywords = problem("multilabel")
    with pytest.raises(ValueError, match="multilabel"):
        loss(prediction, target, **keywords)


# What other libraries get wrong. Each line: what they do, and the value that is right.


class Peer(NamedTuple):
    loss: sx.Loss
    prediction: Any
    target: Any
    value: Any
    keywords: dict[str, Any] = {}  # noqa: RUF012 - never written to


def channel(*values: float) -> np.ndarray:
    return np.array([[values]], np.float64)


# Half of a volume, a quarter of it missed and a quarter beside it: MCC is 1/2.
CHECKS = np.arange(2**17).reshape(1, 1, 512, 256) % 8
PEERS = {
    # MONAI and kornia divide by the number of classes too: log 3 / 3.
    "focal divided by C": Peer(
        sx.FocalLoss(gamma=0.0), np.zeros((1, 3, 2)), np.array([[0, 2]]), log(3)
    ),
    # SMP takes a sigmoid of each of the logits of a softmax: 2 log 2 / 4, and 4.
    "sigmoid of a softmax": Peer(sx.FocalLoss(), np.zeros((1, 2, 1)), np.array([[1]]), log(2) / 4),
    # SMP takes log p for a logit if told that it got probabilities: 0.231.
    "focal of a perfect prediction": Peer(
        sx.FocalLoss(), np.eye(2)[None], np.array([[0, 1]]), 0, P
    ),
    # Keras multiplies all classes by alpha: log 2 / 4.
    "alpha without 1 - alpha": Peer(
        sx.FocalLoss(gamma=0.0, alpha=0.25), np.zeros((1, 2, 2)), np.array([[0, 1]]), log(2) / 2
    ),
    # MONAI drops the background before the softmax: p is 1/2 and the loss log 2 / 4.
    "focal background before the softmax": Peer(
        sx.FocalLoss(class_weights=(0, 1, 1)),
        np.zeros((1, 3, 2)),
        np.array([[1, 2]]),
        (2 / 3) ** 2 * log(3),
    ),
    # SMP divides by all voxels, ignored ones too, or fails.
    "focal of ignored voxels": Peer(
        sx.FocalLoss(),
        np.zeros((1, 2, 4)),
        np.array([[0, 1, 255, 255]]),
        log(2) / 4,
        {"ignore_index": 255},
    ),
    # Polyloss elsewhere has an epsilon of 1: log 2 + 1/2.
    "epsilon": Peer(sx.PolyLoss(), np.zeros((1, 2, 1)), np.array([[1]]), log(2) + 1),
    # Keras and PyMIC have a q of 1/2.
    "q": Peer(
        sx.GeneralizedCrossEntropyLoss(),
        np.zeros((1, 2, 1)),
        np.array([[1]]),
        (1 - 0.5**0.7) / 0.7,
    ),
    # SegLoss and SMP take the power of the mean: 0.5 ** 0.75.
    "power of the mean": Peer(
        sx.FocalTverskyLoss(smooth=0.0),
        np.array([[[1.0, 0.0], [1.0, 0.0]]]),
        np.array([[[1.0, 0.0], [0.0, 1.0]]]),
        0.5,
        CHANNELS,
    ),
    # Elsewhere it is gamma that is the power, or alpha that weighs false negatives. FP 2, FN 0 ...
    "focal Tversky and false positives": Peer(
        sx.FocalTverskyLoss(smooth=0.0),
        channel(1, 1, 1, 0),
        channel(1, 0, 0, 0),
        (1 - 1 / (1 + 0.3 * 2)) ** 0.75,
        CHANNELS,
    ),
    # ... and FP 0, FN 2.
    "focal Tversky and false negatives": Peer(
        sx.FocalTverskyLoss(smooth=0.0),
        channel(1, 0, 0, 0),
        channel(1, 1, 1, 0),
        (1 - 1 / (1 + 0.7 * 2)) ** 0.75,
        CHANNELS,
    ),
    # Beta belongs to the false negatives, here two of three.
    "F beta": Peer(
        sx.FBetaLoss(beta=2.0, smooth=0.0),
        channel(1, 0, 0, 1),
        channel(1, 1, 1, 0),
        1 - 5 / (5 + 4 * 2 + 1),
        CHANNELS,
    ),
    # SMP clips the score, without a slope below: 16.1 in float32.
    "logarithm of a clipped score": Peer(
        sx.LogDiceLoss(smooth=0.0),
        np.full((1, 1, 4), 1e-9, np.float32),
        np.ones((1, 1, 4), np.float32),
        -log(2e-9),
        CHANNELS,
    ),
    # The sensitivity is weighed by r; SegLoss adds 1 to both denominators.
    "sensitivity and specificity": Peer(
        sx.SensitivitySpecificityLoss(smooth=0.0),
        channel(0, 0.5, 0, 0),
        channel(1, 0, 0, 0),
        0.05 * 1 + 0.95 * 0.25 / 3,
        CHANNELS,
    ),
    # PyMIC divides by sum p + sum g: 0.5 ** 1.5 / 1.5.
    "denominator of noise-robust Dice": Peer(
        sx.NoiseRobustDiceLoss(smooth=0.0), channel(0.5), channel(1), 0.5**1.5 / 1.25, CHANNELS
    ),
    # SMP multiplies four volumes of 65,536 voxels in half precision, and gets 1.
    "MCC overflows": Peer(
        sx.MCCLoss(smooth=0.0),
        (CHECKS < 4).astype(np.float16),
        np.isin(CHECKS, (1, 2, 3, 4)),
        0.5,
        CHANNELS,
    ),
    # SMP forgets the activation, and the root of a negative volume is NaN.
    "MCC of logits": Peer(
        sx.MCCLoss(smooth=0.0),
        np.log([[[0.75, 0.25], [0.25, 0.75]]]),
        np.array([[0, 1]]),
        0.5,
    ),
}


@pytest.mark.parametrize("peer", PEERS.values(), ids=PEERS.keys())
def test_defect_of_others(eager: Backend, peer: Peer):
    if eager.library == "strict" and peer.prediction.dtype == np.float16:
        pytest.skip("no float16")
    value = eager.value(peer.loss, peer.prediction, peer.target, **peer.keywords)
    digits = 1e-12 if value.dtype == np.float64 else 2e-6
    np.testing.assert_allclose(value, peer.value, rtol=digits, atol=1e-15, equal_nan=False)


# The slopes of these are NaN elsewhere: 0 ** -0.5 and 0 ** -0.25 at a perfect prediction.
@pytest.mark.parametrize(
    "loss",
    [sx.FocalLoss(gamma=0.5), sx.FocalTverskyLoss(), sx.FocalTverskyLoss(gamma=4.0)],
    ids=str,
)
@pytest.mark.parametrize("multilabel", [False, True])
def test_perfect_has_no_slope(differentiating: Backend, loss: sx.Loss, multilabel: bool):
    truth = np.eye(2)[None]
    for prediction, logits in [(truth, False), (2e3 * truth - 1e3, True)]:
        value, gradient = differentiating.value_and_grad(
            loss, prediction, truth, from_logits=logits, multilabel=multilabel
        )
        assert value == 0
        assert_finite(gradient)
        assert not logits or np.all(gradient == 0)


# Half the square of a small loss, and the logarithm of a small score, keep their digits.


def test_small_log_cosh_dice_in_single_precision(eager: Backend):
    p, g = np.ones((2, 1, 1, 4099), np.float32)
    p[..., :3], g[..., 3:6] = 0, 0
    small = 6 / 8192
    got = eager.value(sx.LogCoshDiceLoss(smooth=0.0), p, g, **CHANNELS)
    assert_close(got, small**2 / 2 - small**4 / 12, 2e-6)


def test_small_scores_of_log_dice_in_single_precision(differentiating: Backend):
    p = np.full((1, 1, 4), 1e-6, np.float32)
    value, gradient = differentiating.value_and_grad(
        sx.LogDiceLoss(smooth=0.0), p, np.ones((1, 1, 4)), **CHANNELS
    )
    p = p.astype(np.float64)
    assert_close(value, -np.log(2 * p / (1 + p))[0, 0, 0], 2e-6)
    assert_close(gradient, -1 / (p * (1 + p)) / 4, 2e-6)


@pytest.mark.parametrize("axis", [1, -1])
@pytest.mark.parametrize("step", [1, -1])
def test_digits_of_long_sums(axis, step):
    """In NumPy, whatever the layout: added up one by one, 2^16 times 0.1 is wrong by 1e-4."""
    p = np.broadcast_to(np.float32([0.1, 0.9]), (1, 1 << 16, 2)).copy()[:, ::step, :]
    weight = np.broadcast_to(np.float32(0.1), (1, 1 << 16))
    call = {"from_logits": False, "reduction": "none"}
    labels = np.zeros((1, 1 << 16), int)
    want = sx.DiceLoss()(np.moveaxis(p.astype(np.float64), -1, 1), labels, **call)
    for voxel_weights in None, weight:
        got = sx.DiceLoss()(
            np.moveaxis(p, -1, axis), labels, voxel_weights=voxel_weights, class_axis=axis, **call
        )
        np.testing.assert_allclose(got, want, rtol=1e-6)


def test_digits_of_long_double():
    """Where that has more digits than double precision, the sums keep some of them."""
    if np.finfo(np.longdouble).eps == np.finfo(float).eps:
        pytest.skip("a long double is a double here")
    p = np.full((1, 2, 1 << 19), np.longdouble(1) / 3)
    loss = sx.CrossEntropyLoss()(p, np.zeros((1, 1 << 19), int), **P)
    assert loss.dtype == p.dtype
    np.testing.assert_allclose(loss, np.log(np.longdouble(3)), rtol=5e-17)


def test_digits_of_many_pieces(eager: Backend, monkeypatch):
    """The mean of a number is the number, in whatever pieces it is added up."""
    for size in "_CACHED", "_LAUNCHED", "_LOOPED":
        monkeypatch.setattr(_pieces, size, 1 << 7)
    p = np.broadcast_to(np.float32([[0.1], [0.9]]), (1, 2, 1 << 16)).copy()
    for k in 0, 1:
        got = eager.value(sx.CrossEntropyLoss(), p, np.full((1, 1 << 16), k), **P)
        assert_close(got, -log(p[0, k, 0]), 5e-7)


def test_means_and_sums_of_equal_logits(eager: Backend):
    """Four classes of four voxels each, all of probability 1/4: each mean has a closed form."""
    x, labels = np.zeros((2, 4, 4, 4)), np.broadcast_to(np.arange(4)[:, None], (2, 4, 4))
    channels = {"multilabel": True}
    for loss, target, described, mean, number in (
        (sx.CrossEntropyLoss(), labels, {}, np.log(4.0), 16),
        (sx.CrossEntropyLoss(), one_hot(labels, 4, float), {}, np.log(4.0), 16),
        (sx.CrossEntropyLoss(), labels, channels, np.log(2.0), 64),
        (sx.CrossEntropyLoss(), one_hot(labels, 4, bool), channels, np.log(2.0), 64),
        (sx.DiceLoss(smooth=0.0), labels, {}, 1 - 2 * 1 / (4 + 4), 4),
        (sx.DiceLoss(smooth=0.0), labels, channels, 1 - 2 * 2 / (8 + 4), 4),
    ):
        expected = {"mean": mean, "sum": 2 * number * mean, "sample": [mean, mean]}
        for reduction, want in expected.items():
            got = eager.value(loss, x, target, reduction=reduction, **described)
            assert_close(got, np.asarray(want))
