"""What the losses on regions reduce to, and what others get wrong of them."""

from math import inf, log, log2
from typing import Any, NamedTuple

import numpy as np
import pytest
from backends import Backend
from problems import REDUCTIONS, assert_close, assert_finite, one_hot, problem, softmax, waves

import segloss_xp as sx

P = {"from_logits": False}
CHANNELS = {"from_logits": False, "multilabel": True}
D = ((0, 1, 0.8), (1, 0, 0.3), (0.8, 0.3, 0))

# The metrics of soft labels, as their paper has them.


def soft() -> tuple[np.ndarray, ...]:
    p, g, _ = problem("soft", from_logits=False)
    return p, g, p[:, 0], g[:, 0]


def of_class_0(loss: sx.Loss, p: np.ndarray, g: np.ndarray) -> np.ndarray:
    return loss(p, g, reduction="none", **CHANNELS)[:, 0]


def total(x: np.ndarray) -> np.ndarray:
    return np.sum(x, axis=(1, 2))


def test_first_and_second_dice_semimetric():
    p, g, x, y = soft()
    apart = total(np.abs(x - y))
    bray_curtis = apart / total(x + y)
    first, second = (sx.DiceLoss(intersection=how, smooth=0.0) for how in ("min", "mixed"))
    assert_close(of_class_0(first, p, g), bray_curtis)
    assert_close(of_class_0(second, p, g), 1 - 2 * total(x * y) / (2 * total(x * y) + apart))


def test_first_and_second_jaccard_metric():
    p, g, x, y = soft()
    first, second = (sx.JaccardLoss(intersection=how, smooth=0.0) for how in ("min", "mixed"))
    least, most = total(np.minimum(x, y)), total(np.maximum(x, y))
    both, apart = total(x * y), total(np.abs(x - y))
    assert_close(of_class_0(first, p, g), 1 - least / most)
    assert_close(of_class_0(second, p, g), 1 - both / (both + apart))


@pytest.mark.parametrize("how", ["min", "mixed"])
@pytest.mark.parametrize("loss", [sx.DiceLoss, sx.JaccardLoss, sx.TverskyLoss, sx.FBetaLoss])
def test_soft_truth_is_zero(loss, how: str):
    _, g, _, _ = soft()
    got = loss(intersection=how)(g, g, reduction="none", **CHANNELS)
    np.testing.assert_allclose(got, 0, atol=1e-15)


# The triangle inequality, which the two of Jaccard keep and those of Dice do not.
@pytest.mark.parametrize("how", ["min", "mixed"])
def test_jaccard_metrics_are_metrics(how: str):
    x, y, z = np.random.default_rng(0).random((3, 500, 1, 4)) ** 2

    def distance(a, b):
        loss = sx.JaccardLoss(intersection=how, smooth=0.0)
        return loss(a, b, reduction="none", **CHANNELS)[:, 0]

    assert np.all(distance(x, z) <= distance(x, y) + distance(y, z) + 1e-12)
    assert_close(distance(x, y), distance(y, x))


# Generalised Dice and its weights.


def test_generalised_dice_of_equal_volumes_is_dice_of_all():
    p, _, _ = problem("labels", from_logits=False, space=(6,))
    labels = np.array([[0, 1, 2, 2, 1, 0], [2, 2, 1, 1, 0, 0]])
    wrong = 1 - np.sum(p * one_hot(labels, 3), axis=1).mean()
    for weighting in ("square", "simple", "uniform"):
        loss = sx.GeneralizedDiceLoss(weighting=weighting, smooth=0.0)
        assert_close(loss(p, labels, **P), wrong)


def test_generalised_dice_does_not_know_the_size_of_a_class():
    """A class drawn three times as large, prediction and all, weighs what it did, if simple."""
    p, labels, _ = problem("labels", samples=1, from_logits=False, space=(12,))
    loss = sx.GeneralizedDiceLoss(weighting="simple", smooth=0.0)
    once = loss(p, labels, **P)
    assert_close(loss(np.repeat(p, 3, 2), np.repeat(labels, 3, 1), **P), once)


# Sudre's weight of a class that is absent is infinite: elsewhere it takes all, or has no gradient.
@pytest.mark.parametrize("weighting", ["square", "simple", "uniform"])
@pytest.mark.parametrize(
    "loss", [sx.GeneralizedDiceLoss, sx.PenaltyGeneralizedDiceLoss], ids=lambda loss: loss.__name__
)
def test_absent_classes_are_felt(differentiating: Backend, loss, weighting: str):
    p = np.repeat(np.array([[0.5], [0.25], [0.25]]), 4, axis=1)[None]
    labels = np.array([[0, 0, 0, 1]])
    value, gradient = differentiating.value_and_grad(loss(weighting=weighting), p, labels, **P)
    assert 0.1 < value < 1
    assert_finite(gradient)
    assert np.all(gradient[0, 2] > 0.01)
    skipped = differentiating.value_and_grad(
        loss(weighting=weighting, absent="skip"), p, labels, **P
    )
    assert np.all(skipped[1][0, 2] == 0)


# Nothing but background, and that not counted: MONAI gives 0, without a gradient.
def test_only_background_is_felt(differentiating: Backend):
    loss = sx.GeneralizedDiceLoss(include_background=False)
    value, gradient = differentiating.value_and_grad(
        loss, np.zeros((1, 3, 4)), np.zeros((1, 4), int)
    )
    assert value > 0.99
    assert np.all(gradient[:, 1:] > 0)
    skipped = differentiating.value_and_grad(
        sx.GeneralizedDiceLoss(include_background=False, absent="skip"),
        np.zeros((1, 3, 4)),
        np.zeros((1, 4), int),
    )
    assert skipped[0] == 0
    assert np.all(skipped[1] == 0)


def test_large_classes_are_not_lost_in_the_smoothing():
    """Weights of 1e-10 beside a smoothing of 1e-5 would turn the loss to 0."""
    p, labels = np.full((1, 2, 10**5), 0.5, np.float32), np.arange(10**5)[None] % 2
    assert_close(sx.GeneralizedDiceLoss()(p, labels, **P), 0.5, 2e-6)


# Generalised Wasserstein Dice.


@pytest.mark.parametrize("smooth", [0.0, 0.1])
@pytest.mark.parametrize("kind", ["labels", "soft"])
def test_wasserstein_dice_of_two_classes_is_dice_of_the_foreground(kind: str, smooth: float):
    prediction, target, keywords = problem(kind, classes=2, space=(3, 4))
    if kind == "soft":  # of which the two must add up to 1
        target = np.stack([1 - target[:, 1], target[:, 1]], axis=1)
    for batch in (False, True):
        this = sx.GeneralizedWassersteinDiceLoss(smooth=smooth, batch=batch)
        that = sx.DiceLoss(smooth=smooth, batch=batch, include_background=False)
        for reduction in REDUCTIONS:
            call = {"reduction": reduction, **keywords}
            assert_close(this(prediction, target, **call), that(prediction, target, **call))


def test_wasserstein_dice_forgives_by_distance():
    truth = np.array([[0, 1, 2]])
    near, far = np.array([[0, 2, 2]]), np.array([[0, 0, 2]])
    loss = sx.GeneralizedWassersteinDiceLoss(distances=D)
    values = [float(loss(one_hot(each, 3), truth, **P)) for each in (truth, near, far)]
    np.testing.assert_allclose(values[0], 0, atol=1e-15)
    assert values[0] < values[1] < values[2]


@pytest.mark.parametrize(
    "distances", [((0, 1), (1, 0, 1)), ((0, 1), (1, 1)), ((0, -1), (1, 0)), ((0, 0), (0, 0))]
)
def test_bad_distances(distances):
    with pytest.raises(ValueError, match="square matrix"):
        sx.GeneralizedWassersteinDiceLoss(distances=distances)
    with pytest.raises(ValueError, match="square matrix"):
        sx.GeneralizedWassersteinDiceLoss(distances=((0, inf), (1, 0)))


def test_distances_of_other_classes():
    prediction, labels, _ = problem("labels")
    with pytest.raises(ValueError, match="distances of 3 classes, got 2"):
        sx.GeneralizedWassersteinDiceLoss(distances=((0, 1), (1, 0)))(prediction, labels)
    with pytest.raises(ValueError, match="one label a voxel"):
        sx.GeneralizedWassersteinDiceLoss()(prediction, labels, multilabel=True)


# The angle.


def test_tvmf_dice_of_kappa_0_is_one_minus_the_cosine_squared():
    p, g, x, y = soft()
    cosine = total(x * y) / np.sqrt(total(x**2) * total(y**2))
    loss = sx.TVMFDiceLoss(kappa=0.0, smooth=0.0)
    assert_close(of_class_0(loss, p, g), (1 - cosine) ** 2)
    for kappa in (1.0, 32.0):
        phi = (1 + cosine) / (1 + kappa * (1 - cosine)) - 1
        loss = sx.TVMFDiceLoss(kappa=kappa, smooth=0.0)
        assert_close(of_class_0(loss, p, g), (1 - phi) ** 2)


def test_weighted_soft_dice_of_equal_weights_is_a_relative_distance():
    p, g, x, y = soft()
    loss = sx.WeightedSoftDiceLoss(background=1.0, foreground=1.0, smooth=0.0)
    want = total((x - y) ** 2) / total((x - 0.5) ** 2 + (y - 0.5) ** 2)
    assert_close(of_class_0(loss, p, g), want)
    assert_close(of_class_0(loss, 1.0 - g, g), 2 * np.ones(2), 1e-12)


# The surrogate.


def test_calibrated_dice_bounds_the_score_of_the_thresholded_prediction():
    """T29: the surrogate is never above the Dice of what is above a logit of 0."""
    rng = np.random.default_rng(0)
    z = rng.normal(size=(500, 1, 6)) * rng.uniform(0.1, 5, size=(500, 1, 1))
    g = rng.random(z.shape) < 0.5
    bound = sx.CalibratedDiceLoss(smooth=0.0)(z, g, multilabel=True, reduction="none")
    dice = sx.DiceLoss(smooth=0.0)(1.0 * (z > 0), g, reduction="none", **CHANNELS)
    assert np.all(bound >= dice)
    assert np.all(bound >= 0)


def test_calibrated_dice_is_least_near_0_6():
    """What its documentation says of a voxel of the class."""
    p = np.linspace(0.01, 0.99, 99)[:, None, None]
    values = sx.CalibratedDiceLoss(smooth=0.0)(p, np.ones(p.shape, bool), **CHANNELS, **EACH)
    np.testing.assert_allclose([values.min(), p[values.argmin()].item()], [0.6, 0.83], atol=0.02)


EACH = {"reduction": "sample"}


def test_calibrated_dice_is_quasi_convex():
    rng = np.random.default_rng(0)
    loss = sx.CalibratedDiceLoss(smooth=0.0)
    g = rng.random((300, 1, 5)) < 0.6
    g[..., 0] = True
    a, b = rng.normal(size=(2, *g.shape)) + 2 * (2 * g - 1)
    of_a, of_b, middle = (loss(z, g, multilabel=True, **EACH) for z in (a, b, (a + b) / 2))
    low = (of_a < 1) & (of_b < 1)
    assert np.any(low)
    assert np.all(middle[low] <= np.maximum(of_a, of_b)[low] + 1e-12)


@pytest.mark.parametrize("loss", [sx.CalibratedDiceLoss(), sx.LovaszHingeLoss()], ids=str)
def test_for_channels_only(loss: sx.Loss):
    prediction, labels, _ = problem("labels")
    with pytest.raises(ValueError, match="multilabel=True"):
        loss(prediction, labels)


@pytest.mark.parametrize("loss", [sx.CalibratedDiceLoss(), sx.LovaszHingeLoss()], ids=str)
def test_channels_at_their_corners(differentiating: Backend, loss: sx.Loss):
    g = np.array([[[True, True, False, False]], [[True] * 4], [[False] * 4]])
    z = np.array([[[1e4, -1e4, 1e4, -1e4]]] * 3, np.float32)
    nothing = np.zeros((3, 4), bool)
    for prediction, logits in [(z, True), ((z > 0).astype(np.float32), False)]:
        call = {"multilabel": True, "from_logits": logits}
        assert_finite(*differentiating.value_and_grad(loss, prediction, g, **call))
        value, gradient = differentiating.value_and_grad(loss, prediction, g, mask=nothing, **call)
        assert value == 0
        assert np.all(gradient == 0)


# What the authors' code gives in float64, on `waves(2, 3, 5, 6, factor=2.0)`.
AUTHORS = [
    # LucasFidon/GeneralizedWassersteinDiceLoss 4aa35ab; the background is 1 from all others.
    (
        sx.GeneralizedWassersteinDiceLoss(
            distances=((0, 1, 1), (1, 0, 0.5), (1, 0.5, 0)), smooth=1e-16
        ),
        0.42467167539837375,
    ),
    # usagisukisuki/Adaptive_t-vMF_Dice_loss 75ed575, ACDC/loss.py and SegLoss/wsdiceloss.py.
    (sx.TVMFDiceLoss(kappa=2.0, batch=True, smooth=0.0), 1.3646251276972505),
    (sx.TVMFDiceLoss(batch=True, smooth=0.0), 3.5937441342614336),
    (sx.WeightedSoftDiceLoss(batch=True), 0.42722115200087046),
    # HiLab-git/PyMIC 8bcebd6, pymic/loss/seg/dice.py; the first is of the authors.
    (
        sx.NoiseRobustDiceLoss(denominator="plain", batch=True, smooth=1e-5),
        0.4464448830813598,
    ),
    (sx.FocalDiceLoss(batch=True, smooth=1e-5), 0.3627993680103646),
]


@pytest.mark.parametrize(("loss", "value"), AUTHORS, ids=str)
def test_numbers_of_the_authors(eager: Backend, loss: sx.Loss, value: float):
    assert_close(eager.value(loss, *waves(2, 3, 5, 6, factor=2.0)), value)


# mlyg/DicePlusPlus 881ecb9, which takes 1e-7 off p and g.
@pytest.mark.parametrize(
    ("loss", "value"),
    [
        (sx.DicePlusPlusLoss(smooth=1e-7), 0.4773472357995077),
        (sx.TverskyPlusPlusLoss(smooth=1e-7), 0.4865349293086478),
    ],
    ids=str,
)
def test_calibrated_dice_of_the_authors(eager: Backend, loss: sx.Loss, value: float):
    assert_close(eager.value(loss, *waves(2, 3, 5, 6, factor=2.0)), value, 2e-7)


# zifuwanggg/JDTLosses 68ce8ac, losses/jdt_loss.py with mIoUI=1, which halves the smoothing of Dice.
@pytest.mark.parametrize(
    ("loss", "value"),
    [
        (sx.JaccardLoss(intersection="min", smooth=1e-3), 0.6470310929784479),
        (sx.DiceLoss(intersection="min", smooth=2e-3), 0.47916377388672016),
    ],
    ids=str,
)
def test_metric_losses_of_the_authors(eager: Backend, loss: sx.Loss, value: float):
    x, _ = waves(2, 3, 5, 6, factor=2.0)
    assert_close(eager.value(loss, x, softmax(-x / 3)), value)


# nabsabraham/focal-tversky-unet 347d391, losses.py: one channel, and one score for the batch;
# kakumarabhishek/MCC-Loss 8576601, loss.py, which adds 1e-7 under the root.
@pytest.mark.parametrize(
    ("loss", "value"),
    [
        (sx.FocalTverskyLoss(batch=True, smooth=1.0), 0.615319862116658),
        (sx.MCCLoss(), 1.0838002173262618),
        (sx.MCCLoss(batch=True), 1.0835247817686084),
    ],
    ids=str,
)
def test_channels_of_the_authors(eager: Backend, loss: sx.Loss, value: float):
    x, _ = waves(2, 1, 5, 6, factor=2.0)
    g = np.arange(x.size).reshape(x.shape) ** 2 // 7 % 2 == 1
    assert_close(eager.value(loss, x, g, multilabel=True), value)


def test_a_product_is_no_array():
    """Taken for one, it raises: two tuples would add up to a longer product."""

    class Twice(sx.maps.Intersection):
        def value(self, v):
            return 2 * super().value(v)

    class Loss(sx.RegionLoss):
        def regions(self):
            return (Twice(),)

        def formula(self, tp):
            return -tp

    with pytest.raises(TypeError, match="Product"):
        Loss()(np.zeros((1, 2, 3)), np.zeros((1, 3), int))


# What other libraries get wrong. Each line: what they do, and the value that is right.


class Peer(NamedTuple):
    loss: sx.Loss
    prediction: Any
    target: Any
    value: Any
    keywords: dict[str, Any] = P


# Half of class 0 and all of class 1 are found: volumes 4 and 1, of 5 voxels.
SOME = np.array([[[1, 1, 0, 0, 0], [0, 0, 1, 1, 1]]], np.float64)
FIVE = np.array([[0, 0, 0, 0, 1]])
SQUARE = 1 - 2 * (2 / 16 + 1) / (6 / 16 + 4)
PEERS = {
    # SegLoss returns the negative score; optax weighs the scores of the classes, not their sums.
    "generalised Dice": Peer(sx.GeneralizedDiceLoss(smooth=0.0), SOME, FIVE, SQUARE),
    "generalised Dice by the volume": Peer(
        sx.GeneralizedDiceLoss(smooth=0.0, weighting="simple"),
        SOME,
        FIVE,
        1 - 2 * (2 / 4 + 1) / (6 / 4 + 4),
    ),
    # SegLoss gives an absent class a weight of 1e20, and so a loss of 0; optax gives it all weight.
    "generalised Dice of an absent class": Peer(
        sx.GeneralizedDiceLoss(smooth=0.0),
        np.array([[[1, 1, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]]], np.float64),
        np.array([[0, 0, 0, 1, 1]]),
        1 - 2 * (3 * 4 / 9 + 1) / (6 * 4 / 9 + 3 + 1),
    ),
    # SegLoss feeds it the negative score: -1/6 for a perfect prediction ...
    "penalty of a perfect prediction": Peer(
        sx.PenaltyGeneralizedDiceLoss(), one_hot(FIVE, 2), FIVE, 0
    ),
    # ... and here -(1 - L) / (1 + 2.5 (2 - L)).
    "penalty": Peer(
        sx.PenaltyGeneralizedDiceLoss(smooth=0.0), SOME, FIVE, SQUARE / (1 + 2.5 * (1 - SQUARE))
    ),
    # MONAI 1.5 pairs each sample with the errors of all. Dice losses 1/2 and 0.
    "Wasserstein Dice of two samples": Peer(
        sx.GeneralizedWassersteinDiceLoss(smooth=0.0),
        one_hot(np.array([[1, 1, 1], [0, 1, 1]]), 2),
        np.array([[1, 0, 0], [0, 1, 1]]),
        0.25,
    ),
    # The authors' later code and MONAI have an alpha of 1 for all but the background. Class 1 is
    # 1/2 from it: TP is 1/2 + 1, W the 1/2 of the last voxel.
    "Wasserstein Dice of a class near the background": Peer(
        sx.GeneralizedWassersteinDiceLoss(
            smooth=0.0, distances=((0, 0.5, 1), (0.5, 0, 1), (1, 1, 0))
        ),
        one_hot(np.array([[0, 1, 2, 1]]), 3),
        np.array([[0, 1, 2, 0]]),
        1 - 3 / (3 + 0.5),
    ),
    # PyMIC: 1 - D^(1/beta); ivadomed has another loss of that name. D = 2/3.
    "focal Dice": Peer(
        sx.FocalDiceLoss(smooth=0.0),
        np.array([[[1.0, 1, 0]]]),
        np.array([[[1.0, 0, 0]]]),
        1 - (2 / 3) ** 0.5,
        CHANNELS,
    ),
    # Yeung's delta of 0.7 is on the false negatives: here 2, and no false positive.
    "Tversky++": Peer(
        sx.TverskyPlusPlusLoss(smooth=0.0),
        np.array([[[1, 0.5, 0.5, 0]]]),
        np.array([[[1.0, 1, 1, 0]]]),
        1 - 2 / (2 + 0.7 * 2 * 0.25),
        CHANNELS,
    ),
    # MONAI and all that multiply: 1/2 for a prediction that is the soft target.
    "second metric of soft truth": Peer(
        sx.JaccardLoss(intersection="mixed"), np.full((1, 2, 4), 0.5), np.full((1, 2, 4), 0.5), 0
    ),
    # The larger weight is on the background. (p - g)^2: 1/4 of each.
    "weights of weighted soft Dice": Peer(
        sx.WeightedSoftDiceLoss(),
        np.array([[[0.5, 0.5]]]),
        np.array([[[True, False]]]),
        1 - 1 / (0.15**2 + 0.85**2 + 1),
        CHANNELS,
    ),
    "calibrated Dice": Peer(
        sx.CalibratedDiceLoss(smooth=0.0),
        np.array([[[log(3), -log(3)]]]),
        np.array([[[True, False]]]),
        1 - 2 * (1 - log2(4 / 3)) / (2 + log2(4 / 3) + 1),
        {"multilabel": True},
    ),
}


@pytest.mark.parametrize("peer", PEERS.values(), ids=PEERS.keys())
def test_defect_of_others(eager: Backend, peer: Peer):
    value = eager.value(peer.loss, peer.prediction, peer.target, **peer.keywords)
    np.testing.assert_allclose(value, peer.value, rtol=1e-12, atol=1e-15, equal_nan=False)
