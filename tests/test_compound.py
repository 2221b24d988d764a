"""The losses that are sums: equal to their terms, right at their corners, at every scale."""

from math import log
from typing import Any, NamedTuple

import numpy as np
import pytest
from backends import Backend
from problems import assert_close, assert_finite, one_hot, problem, softmax, waves

import segloss_xp as sx

P = {"from_logits": False}
CHANNELS = {"from_logits": False, "multilabel": True}
SUMMED = ("mean", "sum", "sample")
WEIGHTS = (1, 2, 3)

LOSSES = [
    sx.DiceCELoss(),
    sx.DiceFocalLoss(),
    sx.DiceTopKLoss(),
    sx.GeneralizedDiceFocalLoss(),
    sx.ComboLoss(),
    sx.ComboLoss(beta=0.9),
    sx.ExponentialLogarithmicLoss(),
    sx.ExponentialLogarithmicLoss(gamma=2.0, frequencies=(5, 2, 1)),
    sx.UnifiedFocalLoss(),
    sx.UnifiedFocalLoss(gamma=0.9),
    sx.UnifiedFocalLoss(asymmetric=False),
    sx.DeepSupervisionLoss(),
]
every_loss = pytest.mark.parametrize("loss", LOSSES, ids=str)

# A compound, the sum that it is, and the targets that it takes.
SHARED: dict[str, Any] = {"include_background": False, "class_weights": WEIGHTS}
SUMS = [
    (sx.DiceCELoss(), sx.DiceLoss() + sx.CrossEntropyLoss(), ("labels", "soft", "multilabel")),
    (
        sx.DiceCELoss(dice_weight=0.3, ce_weight=2.0, batch=True, smooth=1.0, **SHARED),
        0.3 * sx.DiceLoss(batch=True, smooth=1.0, **SHARED)
        + 2 * sx.CrossEntropyLoss(class_weights=WEIGHTS),
        ("labels", "multilabel"),
    ),
    (sx.DiceBCELoss(), sx.DiceLoss() + sx.CrossEntropyLoss(), ("multilabel",)),
    (
        sx.DiceFocalLoss(gamma=3.0, alpha=0.3, **SHARED),
        sx.DiceLoss(**SHARED) + 0.5 * sx.FocalLoss(gamma=3.0, alpha=0.3, class_weights=WEIGHTS),
        ("labels", "multilabel"),
    ),
    (
        sx.DiceTopKLoss(k=0.4, batch=True),
        sx.DiceLoss(batch=True) + sx.TopKLoss(k=0.4, batch=True),
        ("labels",),
    ),
    (
        sx.GeneralizedDiceFocalLoss(focal_weight=0.5, weighting="simple"),
        sx.GeneralizedDiceLoss(weighting="simple") + 0.5 * sx.FocalLoss(),
        ("labels", "multilabel"),
    ),
    (
        sx.ComboLoss(alpha=1.0),
        0.5 * sx.CrossEntropyLoss(),
        ("multilabel",),
    ),
    (sx.ComboLoss(alpha=0.0), sx.DiceLoss(smooth=1.0), ("labels", "soft", "multilabel")),
    (
        sx.ExponentialLogarithmicLoss(gamma=1.0),
        0.8 * sx.LogDiceLoss(smooth=1.0) + 0.2 * sx.CrossEntropyLoss(),
        ("labels", "soft"),
    ),
    (
        sx.UnifiedFocalLoss(focal_weight=0.3, delta=0.7, gamma=0.2, asymmetric=False),
        0.3 * sx.FocalLoss(gamma=0.2, alpha=0.7)
        + 0.7 * sx.FocalTverskyLoss(gamma=1.25, alpha=0.3, beta=0.7),
        ("labels", "soft", "multilabel"),
    ),
    *(
        (
            sx.UnifiedFocalLoss(focal_weight=0.4, delta=0.5, gamma=0.0, asymmetric=asymmetric),
            0.2 * sx.CrossEntropyLoss() + 0.6 * sx.TverskyLoss(alpha=0.5, beta=0.5),
            ("labels", "soft"),
        )
        for asymmetric in (False, True)
    ),
    *(
        (
            sx.UnifiedFocalLoss(delta=0.7, gamma=0.0, include_background=background),
            sx.UnifiedFocalLoss(
                delta=0.7, gamma=0.0, include_background=background, asymmetric=False
            ),
            ("labels", "soft"),
        )
        for background in (False, True)
    ),
    (
        sx.DeepSupervisionLoss(loss=sx.DiceLoss() + sx.FocalLoss()),
        sx.DiceLoss() + sx.FocalLoss(),
        ("labels", "soft", "multilabel"),
    ),
]


@pytest.mark.parametrize(
    ("this", "that", "kind"),
    [
        pytest.param(this, that, kind, id=f"{this}={that}-{kind}")
        for this, that, kinds in SUMS
        for kind in kinds
    ],
)
def test_a_compound_is_its_sum(this: sx.Loss, that: sx.Loss, kind: str):
    for described in (False, True):
        prediction, target, keywords = problem(kind, described=described)
        for reduction in SUMMED:
            call = {"reduction": reduction, **keywords}
            assert_close(this(prediction, target, **call), that(prediction, target, **call))
        by_this = sx.value_and_grad(this, prediction, target, **keywords)[1]
        assert_close(by_this, sx.value_and_grad(that, prediction, target, **keywords)[1])


def test_a_compound_is_a_term_like_any_other():
    prediction, labels, _ = problem("labels")
    total = 2 * sx.DiceCELoss() + sx.JaccardLoss()
    assert str(total) == "2.0 * DiceCELoss() + JaccardLoss()"
    want = 2 * sx.DiceCELoss()(prediction, labels) + sx.JaccardLoss()(prediction, labels)
    assert_close(total(prediction, labels), want)


# Closed forms.


def of_the_true_class() -> tuple[np.ndarray, ...]:
    prediction, labels, _ = problem("labels")
    return prediction, labels, np.sum(softmax(prediction) * one_hot(labels, 3), axis=1)


def test_exponential_cross_entropy_is_weighed_by_the_root_of_rarity():
    prediction, labels, p = of_the_true_class()
    w = np.sqrt(9 / np.array([6, 2, 1]))[labels]
    for gamma in (0.3, 1.0, 2.0):
        loss = sx.ExponentialLogarithmicLoss(
            dice_weight=0.0, ce_weight=1.0, gamma=gamma, frequencies=(6, 2, 1)
        )
        assert_close(loss(prediction, labels), np.mean(w * (-np.log(p)) ** gamma))


def test_only_ratios_of_frequencies_matter():
    prediction, labels, _ = problem("labels")
    counts, shares = (
        sx.ExponentialLogarithmicLoss(frequencies=each)
        for each in ((6e6, 2e6, 1e6), (6 / 9, 2 / 9, 1 / 9))
    )
    assert_close(counts(prediction, labels), shares(prediction, labels))


def test_combo_of_a_softmax_is_combo_of_its_probabilities_as_channels():
    prediction, labels, _ = problem("labels")
    for beta in (0.0, 0.3, 1.0):
        loss = sx.ComboLoss(alpha=0.7, beta=beta, class_weights=WEIGHTS)
        of_channels = loss(softmax(prediction), one_hot(labels, 3), **CHANNELS)
        assert_close(loss(prediction, labels), of_channels)


@pytest.mark.parametrize("beta", [0.1, 0.5, 0.8])
def test_combo_of_two_classes_has_no_beta(beta: float):
    prediction, labels, _ = problem("labels", classes=2)
    entropy = 0.5 * sx.CrossEntropyLoss()
    assert_close(
        sx.ComboLoss(alpha=1.0, beta=beta)(prediction, labels), entropy(prediction, labels)
    )


def test_the_asymmetric_powers_are_of_the_rare_classes_and_of_the_background():
    prediction, labels, p = of_the_true_class()
    for gamma in (0.0, 0.3, 0.9):
        loss = sx.UnifiedFocalLoss(focal_weight=1.0, delta=0.6, gamma=gamma)
        want = np.where(labels == 0, 0.4 * (1 - p) ** gamma, 0.6) * -np.log(p)
        assert_close(loss(prediction, labels), np.mean(want))
        loss = sx.UnifiedFocalLoss(focal_weight=0.0, delta=0.6, gamma=gamma)
        each = sx.TverskyLoss(alpha=0.4, beta=0.6)(prediction, labels, reduction="none")
        each[:, 1:] **= 1 - gamma
        assert_close(loss(prediction, labels), np.mean(each))


# mlyg/unified-focal-loss 411c9c5, loss_functions.py in float64, with one line of it indented so
# that it can be read. Its weight is that of the Tversky term, and it smooths by 1e-7.
@pytest.mark.parametrize(
    ("parameters", "value"),
    [
        ({}, 0.5550958717339356),
        ({"gamma": 0.3}, 0.537722404818906),
        ({"focal_weight": 0.8}, 0.5206654181397617),
        ({"asymmetric": False}, 0.5845365148435082),
        ({"asymmetric": False, "gamma": 0.3, "delta": 0.7}, 0.5481201359163881),
    ],
    ids=str,
)
def test_unified_focal_is_that_of_the_authors(eager: Backend, parameters: Any, value: float):
    loss = sx.UnifiedFocalLoss(smooth=1e-7, **parameters)
    assert_close(eager.value(loss, *waves(2, 2, 5, 6, factor=2.0)), value)


# Perfection, and the way there.


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@every_loss
def test_perfect_is_zero_with_a_finite_gradient(loss: sx.Loss, dtype):
    labels = np.arange(12).reshape(1, 3, 4) % 3
    for prediction, call in [(one_hot(labels, 3), P), (2e3 * one_hot(labels, 3) - 1e3, {})]:
        value, gradient = sx.value_and_grad(loss, prediction.astype(dtype), labels, **call)
        np.testing.assert_allclose(value, 0, atol=1e-6 if dtype == np.float32 else 1e-14)
        assert_finite(gradient)
        assert call or np.all(gradient == 0)


@pytest.mark.parametrize("wrong", range(10))
@every_loss
def test_a_voxel_that_moves_to_its_label_costs_less(loss: sx.Loss, wrong: int):
    p, labels, _ = problem("labels", from_logits=False, samples=1, seed=wrong)
    truth = one_hot(labels, 3)
    at = (0, slice(None), *np.unravel_index(wrong, labels.shape[1:]))
    p = p.copy()
    p[at] = 0.9 * np.roll(truth[at], 1) + 0.1 / 3
    values = []
    for step in np.linspace(0, 1, 6):
        q = p.copy()
        q[at] = (1 - step) * p[at] + step * truth[at]
        values.append(loss(q, labels, **P))
    assert np.all(np.diff(values) < 0)


CORNERS = [(present, p) for present in (0, 1) for p in (0.0, 0.5, 1.0)]
LABELS = np.array([[present] * 3 for present, _ in CORNERS])
CERTAIN = np.array([[[1 - p] * 3, [p] * 3, [0.0] * 3] for _, p in CORNERS])
LOGITS = np.select([CERTAIN == 0, CERTAIN == 1], [-1e4, 1e4], 0.0)


@every_loss
def test_corners_are_finite(differentiating: Backend, loss: sx.Loss):
    for prediction, call in [(CERTAIN.astype(np.float32), P), (LOGITS.astype(np.float32), {})]:
        assert_finite(*differentiating.value_and_grad(loss, prediction, LABELS, **call))


# p = 1 - 2e-9 is 1 in single precision, but its odds are not lost, nor what they are raised to.
@pytest.mark.parametrize("gamma", [0.3, 1.0, 2.0])
def test_powers_keep_the_digits_of_near_certainty(differentiating: Backend, gamma: float):
    loss = sx.ExponentialLogarithmicLoss(gamma=gamma, dice_weight=0.0, ce_weight=1.0)
    logits = np.array([[[20.0, 3.0], [0.0, -1.0], [-1.0, -30.0]]], np.float32)
    value, gradient = differentiating.value_and_grad(loss, logits, np.array([[0, 0]]))
    x = logits[0].astype(np.float64)
    u = np.log1p(np.exp(x[1] - x[0]) + np.exp(x[2] - x[0]))
    assert_close(value, np.mean(u**gamma), 2e-6)
    shares = np.exp(x[1:]) / np.exp(x[1:]).sum(axis=0)
    slope = gamma * u ** (gamma - 1) * -np.expm1(-u) / 2
    want = np.concatenate([-slope[None], slope * shares])
    np.testing.assert_allclose(gradient[0], want, rtol=5e-6)


# Certain and wrong: 1 - p is lost, but neither the value nor the slope of its logarithm.
@pytest.mark.parametrize("logit", [10.0, 40.0, 1e4])
def test_the_rest_of_a_softmax_keeps_its_digits(differentiating: Backend, logit: float):
    loss = sx.ComboLoss(alpha=1.0, beta=0.0)
    logits = np.array([[[logit], [0.0], [1.0]]], np.float32)
    value, gradient = differentiating.value_and_grad(loss, logits, np.array([[1]]))
    rest = log(1 + np.e)
    total = logit + np.log1p(np.exp(rest - logit))
    share = np.exp(np.array([0.0, 1.0]) - rest)
    p = np.exp(np.array([logit, 0.0, 1.0]) - total)
    want = -(rest - total) - np.log1p(-p[2])
    assert_close(value, want / 3, 2e-6)
    by_first = np.array([p[0], *(p[1:] - share)])
    by_third = np.array([p[0] - p[0] / (1 - p[2]), p[1] - p[1] / (1 - p[2]), p[2]])
    assert_close(gradient[0, :, 0], (by_first + by_third) / 3, 2e-6)


# What other libraries get wrong. Each line: what they do, and the value that is right.


class Peer(NamedTuple):
    loss: sx.Loss
    prediction: Any
    target: Any
    value: Any
    keywords: dict[str, Any] = {}  # noqa: RUF012 - never written to


NOTHING = np.zeros((1, 2, 2))
PEERS = {
    # MONAI's focal term takes a sigmoid of each logit of the softmax.
    "focal of a softmax": Peer(
        sx.DiceFocalLoss(dice_weight=0.0, focal_weight=1.0), NOTHING, np.array([[0, 1]]), log(2) / 4
    ),
    # MONAI normalises the weights of the classes in cross-entropy, and not in Dice.
    "class weights of one term": Peer(
        sx.DiceCELoss(class_weights=(2, 6), smooth=0.0),
        NOTHING,
        np.array([[0, 0]]),
        log(2) + (1 / 3 + 3 * 1) / 4,
    ),
    # ComboLoss for Keras has a sign wrong: beside the class its loss falls as p grows.
    "combo beside the class": Peer(
        sx.ComboLoss(alpha=1.0), np.array([[[0.9]]]), np.zeros((1, 1, 1)), -log(0.1) / 2, CHANNELS
    ),
    # SegLoss takes the logarithm of the mean Dice; here Dice is 5/6 and 3/4, smoothed by 1.
    "logarithm of the mean": Peer(
        sx.ExponentialLogarithmicLoss(dice_weight=1.0, ce_weight=0.0),
        np.array([[[1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]]),
        np.array([[0, 0, 1, 1]]),
        ((-log(5 / 6)) ** 0.3 + (-log(3 / 4)) ** 0.3) / 2,
        P,
    ),
    # SegLoss takes no power of cross-entropy, and PyMIC another root of another frequency.
    "power and weights of cross-entropy": Peer(
        sx.ExponentialLogarithmicLoss(dice_weight=0.0, ce_weight=1.0, frequencies=(3, 1)),
        NOTHING,
        np.array([[0, 1]]),
        ((4 / 3) ** 0.5 + 4**0.5) / 2 * log(2) ** 0.3,
    ),
    # MONAI fails on a batch of background alone.
    "unified focal of background": Peer(
        sx.UnifiedFocalLoss(smooth=0.0),
        NOTHING,
        np.array([[0, 0]]),
        0.5 * 0.4 * 0.5**0.5 * log(2) + 0.5 * (1 - 1 / 1.6 + 1) / 2,
    ),
    # MONAI takes logits for probabilities: 2.48. And it has two classes only.
    "unified focal of logits": Peer(
        sx.UnifiedFocalLoss(smooth=0.0),
        np.zeros((1, 3, 3)),
        np.array([[0, 1, 2]]),
        0.5 * log(3) * (2 * 0.6 + 0.4 * (2 / 3) ** 0.5) / 3
        + 0.5 * (2 / 3 + 2 * (2 / 3) ** 0.5) / 3,
    ),
    # MONAI's masked Dice masks the logits, so that hidden voxels are predicted with one half.
    "masked before the activation": Peer(
        sx.DiceCELoss(smooth=0.0),
        np.zeros((1, 2, 4)),
        np.array([[0, 1, 1, 0]]),
        0.5 + log(2),
        {"mask": np.array([[True, True, False, False]])},
    ),
    # nnU-Net's wrapper without weights fails.
    "deep supervision without weights": Peer(
        sx.DeepSupervisionLoss(loss=sx.CrossEntropyLoss()), NOTHING, np.array([[0, 1]]), log(2)
    ),
}


@pytest.mark.parametrize("peer", PEERS.values(), ids=PEERS.keys())
def test_defect_of_others(eager: Backend, peer: Peer):
    value = eager.value(peer.loss, peer.prediction, peer.target, **peer.keywords)
    np.testing.assert_allclose(value, peer.value, rtol=1e-12, atol=1e-15, equal_nan=False)


# MONAI makes a one-hot array of a prediction of one channel, which has no gradient.
def test_unified_focal_of_one_channel_has_a_gradient(differentiating: Backend):
    loss = sx.UnifiedFocalLoss(asymmetric=False)
    logits, target = np.array([[[0.5, -0.5]]]), np.array([[[1.0, 0.0]]])
    _, gradient = differentiating.value_and_grad(loss, logits, target, multilabel=True)
    assert gradient[0, 0, 0] < 0 < gradient[0, 0, 1]


@pytest.mark.parametrize(
    ("loss", "kind", "message"),
    [
        (sx.DiceBCELoss(), "labels", "multilabel=False; DiceCELoss"),
        (sx.ExponentialLogarithmicLoss(), "multilabel", "one label a voxel"),
        (sx.UnifiedFocalLoss(), "multilabel", "asymmetric=False"),
    ],
)
def test_forms_that_do_not_exist(loss: sx.Loss, kind: str, message: str):
    prediction, target, keywords = problem(kind)
    with pytest.raises(ValueError, match=message):
        loss(prediction, target, **keywords)


@pytest.mark.parametrize(
    ("kind", "parameters", "message"),
    [
        (sx.DiceCELoss, {"ce_weight": -1.0}, r"ce_weight from 0.*-1\.0"),
        (sx.DiceCELoss, {"smooth": -1.0}, "smooth"),
        (sx.DiceFocalLoss, {"gamma": -1.0}, "gamma"),
        (sx.DiceTopKLoss, {"k": 0.0}, "k from 0"),
        (sx.GeneralizedDiceFocalLoss, {"weighting": "cube"}, "cube"),
        (sx.ComboLoss, {"alpha": 1.5}, r"alpha.*1\.5"),
        (sx.ComboLoss, {"beta": -0.5}, r"beta.*-0\.5"),
        (sx.ExponentialLogarithmicLoss, {"gamma": 0.0}, "gamma"),
        (sx.ExponentialLogarithmicLoss, {"frequencies": (1, 0)}, r"frequencies > 0.*0\.0"),
        (sx.ExponentialLogarithmicLoss, {"smooth": 0.0}, "smooth"),
        (sx.UnifiedFocalLoss, {"gamma": 1.0}, "gamma below 1"),
        (sx.UnifiedFocalLoss, {"delta": 2.0}, "delta"),
        (sx.DeepSupervisionLoss, {"weights": (1, -1)}, "weights"),
    ],
)
def test_parameters_are_checked_at_once(kind: type[sx.Loss], parameters: Any, message: str):
    with pytest.raises(ValueError, match=message):
        kind(**parameters)


# Deep supervision.

DEEP = sx.DeepSupervisionLoss()


def scales(kind: str, **keywords: Any) -> tuple[list[np.ndarray], np.ndarray, dict[str, Any]]:
    """Predictions at three scales, the last of them coarser along one axis than the other."""
    prediction, target, call = problem(kind, space=(8, 4), **keywords)
    coarse = [
        problem(kind, space=space, seed=1, **keywords).prediction for space in [(4, 2), (2, 2)]
    ]
    return [prediction, *coarse], target, call


@pytest.mark.parametrize("kind", ["labels", "soft", "multilabel"])
def test_scales_are_weighed_by_halves(eager: Backend, kind: str):
    xs, target, call = scales(kind)
    if kind == "labels":
        targets = [target, target[:, 1::2, 1::2], target[:, 2::4, 1::2]]
    else:
        means = [target.reshape(2, 3, n, 8 // n, 2, 2).mean(axis=(3, 5)) for n in (4, 2)]
        targets = [target, *means]
    each = [sx.DiceCELoss()(x, t, **call) for x, t in zip(xs, targets, strict=True)]
    arrays = [eager.array(x) for x in xs]
    for predictions in (arrays, tuple(arrays)):
        got = eager.to_numpy(DEEP(predictions, eager.array(target), **call))
        assert_close(got, (4 * each[0] + 2 * each[1] + each[2]) / 7)
    weighted = sx.DeepSupervisionLoss(weights=(2, 1, 0))
    got = eager.to_numpy(weighted(arrays, eager.array(target), **call))
    assert_close(got, (2 * each[0] + each[1]) / 3)


def test_masks_and_weights_come_along():
    xs, labels, _ = scales("labels")
    rng = np.random.default_rng(0)
    mask, weights = rng.random(labels.shape) < 0.7, rng.random(labels.shape)
    got = DEEP(xs, labels, mask=mask, voxel_weights=weights, ignore_index=2, reduction="sample")
    cuts = [slice(None)] * 3, [slice(None), slice(1, None, 2), slice(1, None, 2)]
    cuts = *cuts, [slice(None), slice(2, None, 4), slice(1, None, 2)]
    want = [
        sx.DiceCELoss()(
            x,
            labels[tuple(cut)],
            mask=mask[tuple(cut)],
            voxel_weights=weights[tuple(cut)],
            ignore_index=2,
            reduction="sample",
        )
        for x, cut in zip(xs, cuts, strict=True)
    ]
    assert_close(got, (4 * want[0] + 2 * want[1] + want[2]) / 7)
    thin = np.array([1.0, 0.0, 2.0, 1.0])[None, None]
    wide = np.broadcast_to(thin, labels.shape)
    assert_close(DEEP(xs, labels, voxel_weights=thin), DEEP(xs, labels, voxel_weights=wide))


def test_soft_targets_become_means_over_what_is_valid():
    xs, target, _ = scales("soft")
    mask = np.random.default_rng(0).random((2, 8, 4)) < 0.5
    dirty = np.where(mask[:, None], target, np.nan)
    for x, step in [(xs[1], (2, 2)), (xs[2], (4, 2))]:
        blocks = (2, 8 // step[0], step[0], 4 // step[1], step[1])
        w = mask.reshape(blocks).mean(axis=(2, 4))
        g = (target * mask[:, None]).reshape(2, 3, *blocks[1:]).mean(axis=(3, 5))
        g = g / np.where(w > 0, w, 1)[:, None]
        want = sx.DiceCELoss()(x, g, voxel_weights=w)
        got = sx.DeepSupervisionLoss(weights=(1,))([x], dirty, mask=mask)
        assert_close(got, want)
        assert_close(
            sx.DeepSupervisionLoss(weights=(1,))([x], target, voxel_weights=mask.astype(float)),
            want,
        )


def test_classes_may_come_last_at_every_scale():
    for kind in ("labels", "soft"):
        xs, target, _ = scales(kind)
        last = [np.moveaxis(x, 1, -1) for x in xs]
        t = target if kind == "labels" else np.moveaxis(target, 1, -1)
        assert_close(DEEP(last, t, class_axis=-1), DEEP(xs, target))


def test_spacing_grows_with_the_voxels():
    xs, labels, _ = scales("labels")
    loss = sx.HausdorffDTLoss()
    got = sx.DeepSupervisionLoss(loss=loss, weights=(1,))(xs[2:], labels, spacing=(1.0, 3.0))
    assert_close(got, loss(xs[2], labels[:, 2::4, 1::2], spacing=(4.0, 6.0)))


def test_a_gradient_at_every_scale(differentiating: Backend):
    for kind in ("labels", "soft"):
        xs, target, _ = scales(kind, dtype="float32")
        arrays = [differentiating.array(x) for x in xs]
        value, gradients = sx.value_and_grad(DEEP, arrays, differentiating.array(target))
        assert isinstance(gradients, list)
        assert_close(differentiating.to_numpy(value), DEEP(xs, target), 2e-6)
        _, want = sx.value_and_grad(DEEP, xs, target)
        for gradient, x, right in zip(gradients, xs, want, strict=True):
            got = differentiating.to_numpy(gradient)
            assert (got.shape, got.dtype) == (x.shape, x.dtype)
            assert_close(got, right, 2e-6)
    # The weight of a scale is a factor of its gradient.
    _, alone = sx.value_and_grad(sx.DiceCELoss(), xs[0], target)
    assert_close(want[0], 4 / 7 * alone.astype(np.float64), 2e-6)


def test_gradients_of_scales_are_those_of_autodiff():
    torch = pytest.importorskip("torch")
    xs, labels, _ = scales("labels")
    leaves = [torch.tensor(x, requires_grad=True) for x in xs]
    target = torch.tensor(labels)
    torch.compiler.reset()
    run = torch.compile(DEEP, fullgraph=True, backend="aot_eager")
    for function in (DEEP, run):
        value = function(leaves, target)
        gradients = torch.autograd.grad(value, leaves)
        want, by_scale = sx.value_and_grad(DEEP, xs, labels)
        assert_close(value.detach(), want)
        for gradient, right in zip(gradients, by_scale, strict=True):
            assert_close(gradient, right)


def test_scales_are_a_pytree(jax):
    xs, labels, _ = scales("labels")
    value, gradients = jax.jit(jax.value_and_grad(DEEP))([jax.numpy.asarray(x) for x in xs], labels)
    want, by_scale = sx.value_and_grad(DEEP, xs, labels)
    assert_close(value, want)
    for gradient, right in zip(gradients, by_scale, strict=True):
        assert_close(gradient, right)


def test_scales_that_do_not_fit():
    xs, labels, _ = scales("labels")
    with pytest.raises(ValueError, match=r"divide those of the target, \(8, 4\); got \(3, 2\)"):
        DEEP([xs[0], xs[1][:, :, :3]], labels)
    with pytest.raises(ValueError, match=r"got 3 for weights=\(1.0, 1.0\)"):
        sx.DeepSupervisionLoss(weights=(1, 1))(xs, labels)
    with pytest.raises(ValueError, match="at least one; got 0"):
        DEEP([], labels)
    with pytest.raises(ValueError, match="3 scales have no common unreduced grain"):
        sx.DeepSupervisionLoss(loss=sx.DiceLoss())(xs, labels, reduction="none")
    with pytest.raises(ValueError, match="distance is of the scale of the target"):
        sx.DeepSupervisionLoss(loss=sx.BoundaryLoss())(xs, labels, distance=np.zeros(xs[0].shape))
    with pytest.raises(TypeError, match=r"takes one prediction, got 3; DeepSupervisionLoss"):
        sx.value_and_grad(sx.DiceLoss(), xs, labels)
    with pytest.raises(TypeError, match="expected a loss"):
        sx.DeepSupervisionLoss(loss=0.5)
