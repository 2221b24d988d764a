"""Losses on contours, level sets and shape: closed forms, corners, units; and where others err."""

from dataclasses import replace
from math import pi, sqrt
from typing import Any

import numpy as np
import pytest
from backends import Backend, chosen
from cases import Case, contour
from problems import (
    Problem,
    assert_close,
    assert_finite,
    expected,
    problem,
    softmax,
    waves,
    with_image,
)

import segloss_xp as sx

CASES = [*contour.CASES, *contour.WITH_IMAGE]
CHANNELS = {"from_logits": False, "multilabel": True}

every_case = pytest.mark.parametrize("case", CASES, ids=str)


def call(case: Case, **description: Any) -> Problem:
    plain = problem(case.target, **description)
    return with_image(plain) if case.image else plain


def channel(*rows: Any) -> np.ndarray:
    """One sample of one channel."""
    return np.array(rows, float)[None, None]


def of(loss: sx.Loss, p: np.ndarray, g: np.ndarray, **keywords: Any) -> float:
    """The loss of channels, which are one."""
    return float(loss(p, g, **CHANNELS, **keywords))


def block(space: tuple[int, ...], start: int, stop: int) -> np.ndarray:
    x = np.zeros((1, 1, *space))
    x[(..., *(slice(start, stop),) * len(space))] = 1
    return x


# In volumes, with voxels that are not cubes; and where neighbours are cut off.


@every_case
def test_volumes_with_spacing(case: Case):
    data = call(case, samples=1, space=(2, 3, 2))
    keywords = {**data.keywords, "spacing": (3.0, 0.7, 1.1)}
    value = case.loss(*data[:2], reduction="none", **keywords)
    assert_close(value, expected(case, data, reduction="none", spacing=keywords["spacing"]))


@pytest.mark.parametrize(
    "case", [c for c in CASES if not isinstance(c.loss, sx.ElasticInteractionLoss)], ids=str
)
@pytest.mark.parametrize("kept", [slice(0, 3), slice(2, 5)], ids=["first", "last"])
def test_masked_is_beyond_the_border(case: Case, kept: slice):
    prediction, target, keywords = call(case)
    mask = np.zeros((1, 1, 5), bool)
    mask[..., kept] = True
    cut = {
        key: each[..., kept] if isinstance(each, np.ndarray) else each
        for key, each in keywords.items()
    }
    for reduction in ("mean", "sum", "sample"):
        masked = case.loss(prediction, target, reduction=reduction, mask=mask, **keywords)
        cropped = case.loss(prediction[..., kept], target[..., kept], reduction=reduction, **cut)
        assert_close(masked, cropped)


@pytest.mark.parametrize(
    ("loss", "power"),
    [
        (sx.BoundaryDoULoss(), 0),
        (sx.HausdorffERLoss(erosions=2), 0),
        (sx.ElasticInteractionLoss(), -1),
        (sx.CentroidLoss(), 2),
        (sx.PerimeterLoss(), 1),  # an area, squared, by a volume
        (sx.SurfaceDiceLoss(), 0),
    ],
    ids=str,
)
def test_units(loss: sx.Loss, power: int):
    data = problem("labels", space=(3, 3, 3))
    once = loss(*data[:2], reduction="none", spacing=(1.0, 1.0, 1.0))
    thrice = loss(*data[:2], reduction="none", spacing=(3.0, 3.0, 3.0))
    assert_close(thrice, 3.0**power * once)


def test_units_of_parameters():
    prediction, target, _ = problem("labels", space=(4, 5))
    for loss, larger, power in [
        (sx.HausdorffCVLoss(radii=(1, 2)), sx.HausdorffCVLoss(radii=(3, 6)), 2),
        (sx.ActiveBoundaryLoss(reach=2.0), sx.ActiveBoundaryLoss(reach=6.0), 0),
        (sx.SurfaceDiceLoss(tolerance=1.0), sx.SurfaceDiceLoss(tolerance=3.0), 0),
    ]:
        want = 3.0**power * loss(prediction, target, reduction="sample")
        assert_close(larger(prediction, target, reduction="sample", spacing=(3.0, 3.0)), want)


@pytest.mark.parametrize(
    "loss",
    [
        each.loss
        for each in contour.CASES
        # Forward differences look one way.
        if not isinstance(each.loss, sx.ActiveContourLoss | sx.ActiveBoundaryLoss)
        and each.loss.class_weights is None
    ],
    ids=str,
)
def test_turned_images_have_the_same_loss(loss: sx.Loss):
    prediction, target, _ = problem("labels", space=(3, 4))
    want = loss(prediction, target, reduction="sample", spacing=(1.0, 1.5))
    flipped = loss(prediction[:, :, ::-1], target[:, ::-1], reduction="sample", spacing=(1.0, 1.5))
    assert_close(flipped, want)
    turned = (np.swapaxes(each, -1, -2) for each in (prediction, target))
    assert_close(loss(*turned, reduction="sample", spacing=(1.5, 1.0)), want)


@every_case
@pytest.mark.parametrize("share", [0, 1], ids=["empty", "full"])
def test_classes_that_are_nowhere_or_everywhere(case: Case, share: int):
    prediction, target, keywords = call(case)
    target = np.zeros_like(target)
    if case.target == "labels":
        target[:] = share
    else:
        target[:, 1] = share
    for logits in (prediction, 1e4 * (np.arange(3) == share)[:, None, None] + 0 * prediction):
        values = case.loss(logits, target, reduction="none", **keywords)
        assert_finite(values, *sx.value_and_grad(case.loss, logits, target, **keywords))


# All at once, where compilation is dear.


@pytest.mark.parametrize(
    "backend", [each for each in chosen() if not each.eager], ids=lambda each: each.name
)
def test_compiled(backend: Backend):
    loss = (
        sx.MumfordShahLoss()
        + sx.ActiveBoundaryLoss(share=0.35)
        + sx.ElasticInteractionLoss()
        + sx.HausdorffCVLoss(radii=(1.5,))
        + sx.SurfaceDiceLoss(tolerance=1.0)
    )
    prediction, target, keywords = with_image(problem("labels", described=True, dtype="float32"))
    keywords = {**keywords, "spacing": (1.5, 1.0)}
    value, gradient = backend.value_and_grad(loss, prediction, target, **keywords)
    want = sx.value_and_grad(loss, prediction, target, **keywords)
    assert_close(value, want[0], 2e-6)
    assert_close(gradient, want[1], 2e-6)


# Numbers of others.


def test_boundary_dou_is_that_of_the_authors():
    """Their code, commit 9f1185c, in double precision; it smooths alpha, too, by 1e-5."""
    y, x = np.mgrid[:32, :32]
    labels = np.where((y - 15) ** 2 + (x - 17) ** 2 < 121, 1, 0)
    labels[20:, :9] = 2
    onehot = np.stack([labels == c for c in range(3)])
    logits = np.random.default_rng(0).normal(size=(1, 3, 32, 32)).round(2) + 2 * onehot
    got = sx.BoundaryDoULoss(smooth=0.0)(logits.round(2), labels[None], reduction="none")
    assert_close(got, [[0.2862901673081014, 0.49219700522115434, 0.499114181025994]], 1e-7)


def test_erosion_is_that_of_kornia():
    """Of kornia 0.9.0, while something outlasts the erosions: then it stretches nothing."""
    for space, box, erosions, want in [
        ((25, 25), (slice(2, 23), slice(3, 21)), 5, 19.15156495919036),
        ((9, 9, 9), (slice(1, 8),) * 3, 3, 2.0890953838370967),
    ]:
        g = np.zeros((1, 1, *space))
        g[(0, 0, *box)] = 1
        # Its kernel is of float32.
        assert_close(of(sx.HausdorffERLoss(erosions=erosions), np.zeros_like(g), g), want, 1e-7)


def ball(*space: int, squared: float, factor: float) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of two classes, and labels, of a ball; as authors' code has them, below."""
    middle = {2: (7, 8.3), 3: (3, 4, 3.6)}[len(space)]
    squares = [(x - m) ** 2 for x, m in zip(np.indices(space), middle, strict=True)]
    labels = (sum(squares) < squared).astype(np.int64)[None]
    logits = waves(1, 2, *space, factor=1.0)[0]
    logits[:, 1] += factor * (labels - 0.5)
    return softmax(logits), labels


def test_perimeter_is_that_of_the_authors(eager: Backend):
    """rosanajurdi/Prior-based-Losses-for-Medical-Image-Segmentation eab8b9c, in float64."""
    p, labels = ball(16, 16, squared=22, factor=4)
    value = eager.value(sx.PerimeterLoss(), p[:, 1:], labels[:, None] == 1, **CHANNELS)
    assert_close(value, 0.17265776357006773)


@pytest.mark.parametrize(
    ("spacing", "value"),
    [((1.0, 1.0, 1.0), 0.04834736532915351), ((0.7, 1.0, 1.3), 0.04577486247770768)],
)
def test_surface_dice_is_that_of_the_authors(eager: Backend, spacing: Any, value: float):
    """mist-medical/MIST f727791, surface_dice_dilation.py in float64."""
    loss = sx.SurfaceDiceLoss(smooth=(0.0, 1e-6))
    keywords = {"from_logits": False, "spacing": spacing}
    assert_close(eager.value(loss, *ball(7, 8, 9, squared=8, factor=3), **keywords), value, 1e-11)


@pytest.mark.parametrize(
    ("alpha", "value"), [(1.0, 0.042030551746562304), (0.35, 0.08311467696250235)]
)
def test_elastic_energy_is_that_of_the_authors(eager: Backend, alpha: float, value: float):
    """
    charrywhite/elastic_interaction_based_loss 25caa6e, unet/elastic_loss.py in float64.

    Of the background against the target, as its training takes it; times 2 pi / 16.
    """
    p, labels = ball(16, 16, squared=22, factor=4)
    loss = sx.ElasticInteractionLoss(alpha=alpha)
    assert_close(eager.value(loss, p[:, 1:], labels[:, None] == 1, **CHANNELS), value)


def test_active_contour_is_that_of_the_authors_but_for_the_length(eager: Backend):
    """xuuuuuuchen/Active-Contour-Loss f76737b, where nothing has a contour; less its 1e-4."""
    _, labels = waves(2, 2, 6, 6)
    p = np.full((2, 1, 6, 6), 0.3)
    value = eager.value(sx.ActiveContourLoss(), p, labels[:, None] == 1, **CHANNELS)
    assert_close(value, 0.49444444444444446)


def test_mumford_shah_is_that_of_the_authors_but_for_the_length(eager: Backend):
    """jongcye/CNN_MumfordShah_Loss 4e48c90, models/loss.py, divided by 2 * 72."""
    x, _ = waves(2, 2, 6, 6, factor=2.0)
    image = waves(2, 3, 6, 6, factor=1.0)[0][:, :2]
    loss = sx.MumfordShahLoss(length=0.0)
    value = loss(eager.array(x), image=eager.array(image))
    assert_close(eager.to_numpy(value), 0.42393267288754416)


def test_active_boundary_is_that_of_the_authors(eager: Backend):
    """
    wangchi95/active-boundary-loss 1511507, abl.py in float64, with distances not cut to integers.

    Where neighbours diverge alike both ways, none are equally near, and the boundary is away from
    the border. Its distance lacks a whole 1.
    """
    y, x = np.mgrid[:20, :22]
    labels = (2.3 * y + x < 9.5).astype(np.int64)[None]
    wide = (y - 12) ** 2 / 9 + (x - 14.3) ** 2 / 14 < 1
    deep = (y - 12) ** 2 / 3 + (x - 14.6) ** 2 / 3 < 1
    p = np.full((3, 3), 0.1) + 0.7 * np.eye(3)
    p = np.moveaxis(p[wide.astype(int) + deep], -1, 0)[None]
    near, far = (
        eager.value(
            sx.ActiveBoundaryLoss(share=1.0, label_smoothing=0.0, reach=reach),
            p,
            labels,
            from_logits=False,
        )
        for reach in (1.0, 20.0)
    )
    assert_close(near, 2.16334338714464)
    assert_close(far - near / 20.0, 1.2557635811510248)


# Boundary difference over union.


def test_boundary_dou_weighs_the_inside_by_the_boundary():
    g = block((14, 14), 2, 12)
    for most, alpha in [(0.8, 1 - 2 * 36 / 100), (0.1, 0.1)]:
        p = block((14, 14), 2, 11)
        both, union = 81, 100
        want = 1 - (1 - alpha) * both / (union - alpha * both)
        assert_close(of(sx.BoundaryDoULoss(most=most, smooth=0.0), p, g), want)


def test_boundary_dou_of_volumes_counts_faces():
    g = block((9, 9, 9), 1, 8)
    alpha = 1 - 2 * (7**3 - 5**3) / 7**3
    assert alpha < 0  # which the authors' code lets through, and with it more than 1 in the ratio
    p = block((9, 9, 9), 1, 7)
    want = 1 - 6**3 / 7**3
    assert_close(of(sx.BoundaryDoULoss(smooth=0.0), p, g), want)


def test_boundary_dou_counts_the_border():
    g = np.ones((1, 1, 10, 10))
    alpha = 1 - 2 * 36 / 100
    p = np.full_like(g, 0.5)
    want = 1 - (1 - alpha) * 50 / (25 + 100 - (1 + alpha) * 50)
    assert_close(of(sx.BoundaryDoULoss(smooth=0.0), p, g), want)


def test_an_absent_class_that_is_not_found_costs_nothing():
    # The authors' code smooths the ratio itself: 1.
    assert of(sx.BoundaryDoULoss(), np.zeros((1, 1, 4, 4)), np.zeros((1, 1, 4, 4))) == 0


def test_boundary_dou_is_of_each_sample():
    # The authors' code takes the boundary and the sums over the batch.
    data = problem("labels", space=(4, 5))
    each = [sx.BoundaryDoULoss()(data[0][n : n + 1], data[1][n : n + 1]) for n in range(2)]
    assert_close(sx.BoundaryDoULoss()(*data[:2]), np.mean(each))


# Hausdorff losses.


def test_erosion_in_volumes():
    # SegLoss's kernel of volumes is one of images: here each voxel has six neighbours.
    g = block((7, 7, 7), 2, 5)
    once = (1 + 6 * 5 / 7 + 12 * 3 / 7 + 8 * 1 / 7) / 7**3
    assert_close(of(sx.HausdorffERLoss(erosions=1), np.zeros_like(g), g), once)


def test_erosion_has_a_gradient():
    # SegLoss erodes in NumPy: none.
    g = block((7, 7), 1, 6)
    _, gradient = sx.value_and_grad(sx.HausdorffERLoss(), np.full_like(g, 0.1), g, **CHANNELS)
    assert np.all(gradient[0, 0, 2:5, 2:5] < 0)


@pytest.mark.parametrize("loss", [sx.HausdorffERLoss(), sx.HausdorffCVLoss(radii=(1, 2, 3, 4))])
def test_larger_errors_cost_more_a_voxel(loss: sx.Loss):
    sizes = [2, 4, 6, 8]
    values = [of(loss, np.zeros((1, 1, 12, 12)), block((12, 12), 2, 2 + n)) / n**2 for n in sizes]
    assert values == sorted(values)
    assert len({*values}) == len(values)


def test_erosion_is_continuous():
    # kornia stretches each image to its maximum: the last step here is one from 0 to all.
    g = block((5, 5), 0, 5)
    for size in (1e-3, 1e-6, 1e-9):
        p = 1 - np.full_like(g, sqrt(0.5 + size))
        assert of(sx.HausdorffERLoss(erosions=1), p, g) < 3 * size


def test_convolution_of_one_voxel():
    g = channel([0.0] * 4 + [1.0] + [0.0] * 4)
    # Missed: a ball around it is of the prediction's outside, never of the target.
    want = (2**2 + 4**2) / 9
    assert_close(of(sx.HausdorffCVLoss(radii=(2, 4)), np.zeros_like(g), g), want)
    assert_close(of(sx.HausdorffCVLoss(radii=(2, 4)), g, np.zeros_like(g)), want)


def test_balls_are_of_the_spacing():
    g = block((9, 9), 3, 6)
    p = np.zeros_like(g)
    thin = sx.HausdorffCVLoss(radii=(1,))
    # Rows far apart: each is an image of its own.
    rows = [of(thin, p[:, :, i], g[:, :, i]) for i in range(9)]
    assert_close(of(thin, p, g, spacing=(10.0, 1.0)), np.mean(rows))


# Contours.


def test_perimeter_of_squares():
    # What the erosion takes of a square of n, and the dilation gives back: its rim.
    p, g = block((12, 12), 2, 8), block((12, 12), 2, 10)
    want = ((36 - 16) - (64 - 36)) ** 2 / 144
    assert_close(of(sx.PerimeterLoss(), p, g), want)
    assert of(sx.PerimeterLoss(), np.roll(g, 1, axis=2), g) == 0


def test_the_surface_is_as_near_as_the_tolerance():
    g = np.zeros((1, 1, 20, 12))
    g[..., 4:12, 3:9] = 1
    loss = sx.SurfaceDiceLoss(tolerance=2.0, smooth=0.0)
    moved = of(loss, np.roll(g, 1, axis=2), g, spacing=(1.0, 4.0))
    assert 0 < moved < of(loss, np.roll(g, 2, axis=2), g, spacing=(1.0, 4.0))
    # Rounding makes no voxel more of a tolerance of three: 0.3 / 0.1 is a bit less, 0.6 / 0.2 too.
    for step in (0.1, 0.2, 0.07, 0.7, 1 / 3):
        exact = of(
            sx.SurfaceDiceLoss(tolerance=3 * step), g, np.roll(g, 2, axis=3), spacing=(step, step)
        )
        assert_close(exact, of(sx.SurfaceDiceLoss(tolerance=3), g, np.roll(g, 2, axis=3)))


def test_the_image_has_no_surface_at_its_border():
    for loss in (sx.SurfaceDiceLoss(), sx.PerimeterLoss()):
        assert of(loss, np.ones((1, 1, 5, 5)), np.zeros((1, 1, 5, 5))) == 0


# Level sets.


def test_active_contour_at_the_perfect_prediction_is_a_length():
    # Chen's code crops the differences to 256 x 256 less two: here all edges are in.
    g = np.zeros((1, 1, 6, 8))
    g[..., 3:] = 1
    rounded = sqrt(1 + 1e-6) - 1e-3
    assert_close(of(sx.ActiveContourLoss(), g, g), 6 * rounded / 48)
    half = sqrt(0.25 + 1e-6) - 1e-3
    assert_close(of(sx.ActiveContourLoss(), g, g, spacing=(1.0, 2.0)), 6 * half / 48)


def test_active_contour_of_a_flat_image():
    p, g = np.full((1, 1, 4, 4), 0.25), np.zeros((1, 1, 4, 4))
    assert_close(of(sx.ActiveContourLoss(weight=3.0, outside=0.5), p, g), 3 * 0.5 * 0.25)
    assert_close(of(sx.ActiveContourLoss(weight=3.0, outside=0.5), 1 - p, g + 1), 3 * 0.25)


class TestMumfordShah:
    IMAGE = np.array([5.0, 5.0, 7.0, 9.0])[None, None]
    P = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]])[None]

    def test_is_the_variance_of_classes(self, eager: Backend):
        value = eager.value(
            sx.MumfordShahLoss(length=0),
            self.P,
            np.zeros((1, 4), int),
            image=self.IMAGE,
            from_logits=False,
            reduction="none",
        )
        assert_close(value, [[0, 2 / 4]])

    def test_an_empty_class_is_nothing(self, differentiating: Backend):
        # PyMIC divides 0 by 0.
        p = np.stack([np.ones((1, 4)), np.zeros((1, 4))], axis=1)
        value, gradient = differentiating.value_and_grad(
            sx.MumfordShahLoss(), p, np.zeros((1, 4), int), image=self.IMAGE, from_logits=False
        )
        assert_finite(gradient)
        assert_close(value, np.var(self.IMAGE) / 2)

    def test_needs_no_target(self):
        for loss in (sx.MumfordShahLoss(), sx.MumfordShahLoss(length=0)):
            value, gradient = sx.value_and_grad(loss, self.P, None, image=self.IMAGE)
            assert value == loss(self.P, np.ones((1, 4), int), image=self.IMAGE)
            assert np.any(gradient != 0)
        with pytest.raises((TypeError, ValueError), match="target"):
            sx.MumfordShahLoss(absent="skip")(self.P, image=self.IMAGE)

    @pytest.mark.parametrize("batch", [False, True])
    def test_intensities_far_from_0(self, batch: bool):
        loss = sx.MumfordShahLoss(length=0, batch=batch)
        data = with_image(problem("labels", dtype="float32", samples=3))
        image = data.keywords["image"]
        far = (image + np.float32(1000)).astype(np.float32)
        near = (far - np.float32(1000)).astype(np.float64)
        got = sx.value_and_grad(loss, *data[:2], image=far)
        want = sx.value_and_grad(loss, data[0].astype(np.float64), data[1], image=near)
        for a, b in zip(got, want, strict=True):
            assert_close(a, b, 1e-4)  # an intensity of 1000 has four digits behind the point

    def test_masked_pixels_may_be_anything(self):
        data = with_image(problem("labels"))
        mask = np.random.default_rng(0).random(data.target.shape) < 0.6
        image = data.keywords["image"]
        junk = np.where(mask[:, None], image, np.nan)
        for loss in (sx.MumfordShahLoss(), sx.MumfordShahLoss(length=0, batch=True)):
            got = sx.value_and_grad(loss, *data[:2], image=junk, mask=mask)
            want = sx.value_and_grad(loss, *data[:2], image=image, mask=mask)
            for a, b in zip(got, want, strict=True):
                np.testing.assert_array_equal(a, b)

    def test_images_of_integers(self):
        pixels = np.array([[[200, 210, 90, 80]]], np.uint8)
        loss = sx.MumfordShahLoss()
        assert_close(loss(self.P, image=pixels), loss(self.P, image=pixels.astype(float)))

    @pytest.mark.parametrize(
        ("image", "error", "message"),
        [
            (None, ValueError, "needs the image"),
            (np.zeros((1, 4)), ValueError, r"\(1, 2, 4\).*\(1, 4\)"),
            (np.zeros((1, 1, 5)), ValueError, r"\(1, 2, 4\).*\(1, 1, 5\)"),
            (np.zeros((1, 1, 4), bool), TypeError, "bool"),
        ],
    )
    def test_errors(self, image: Any, error: type, message: str):
        with pytest.raises(error, match=message):
            sx.MumfordShahLoss()(self.P, image=image)


def test_elastic_energy_of_a_wave():
    n = 12
    wave = 0.5 + 0.5 * np.cos(2 * pi * 2 * np.arange(n) / n)
    # Of two waves: |k| = 2 pi 2 / 12, and the mean of cos^2 is 1/2.
    want = 2 * pi * 2 / n * 0.25 / 2
    loss = sx.ElasticInteractionLoss()
    assert_close(of(loss, wave[None, None], np.zeros((1, 1, n))), want)
    # No matter how long the image is, or what is along the other axis.
    twice = np.tile(wave, 2)
    assert_close(of(loss, twice[None, None], np.zeros((1, 1, 2 * n))), want)
    wide = np.tile(wave, (5, 1))
    assert_close(of(loss, wide[None, None], np.zeros((1, 1, 5, n)), spacing=(7.0, 1.0)), want)


def test_elastic_energy_at_the_perfect_prediction():
    g = block((8, 9), 2, 6)
    alone = of(sx.ElasticInteractionLoss(), np.zeros_like(g), g)
    assert alone > 0
    assert of(sx.ElasticInteractionLoss(), g, g) == 0
    assert_close(of(sx.ElasticInteractionLoss(alpha=0.35), g, g), 0.65**2 * alone)


def test_elastic_gradient_is_that_of_the_value():
    # The authors' code scales it by something else.
    rng = np.random.default_rng(0)
    p, g = rng.random((1, 1, 4, 5)), block((4, 5), 1, 3)
    loss = sx.ElasticInteractionLoss(alpha=0.35)
    _, gradient = sx.value_and_grad(loss, p, g, **CHANNELS)
    step = 1e-4 * rng.normal(size=p.shape)
    # A quadratic form: central differences are exact.
    change = of(loss, p + step, g) - of(loss, p - step, g)
    assert_close(change, 2 * np.sum(gradient * step), 1e-9)


# Shape.


def test_centroids():
    g = np.zeros((1, 1, 9, 9))
    g[..., 2:5, 3:6] = 1
    p = np.roll(g, (3, 2), axis=(2, 3))
    assert_close(of(sx.CentroidLoss(), p, g), 3**2 + 2**2)
    assert_close(of(sx.CentroidLoss(), p, g, spacing=(0.5, 2.0)), 1.5**2 + 4.0**2)
    assert_close(of(sx.CentroidLoss(), 0.3 * p, g), 13)


def test_centroids_are_those_of_the_authors(eager: Backend):
    """HKervadec/shape_descriptors 8673827, soft_centroid of utils.py in float64; squared apart."""
    value = eager.value(sx.CentroidLoss(), *waves(2, 3, 6, 7, factor=2.0))
    assert_close(value, 1.2191071475125577, 1e-11)  # they add 1e-10 to the sizes


@pytest.mark.parametrize(("p", "g"), [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0)])
def test_nothing_has_no_centroid(differentiating: Backend, p: float, g: float):
    value, gradient = differentiating.value_and_grad(
        sx.CentroidLoss(), np.full((1, 1, 3, 3), p), np.full((1, 1, 3, 3), g), **CHANNELS
    )
    assert value == 0
    assert_finite(gradient)


# The active boundary.


def edge(n: int, at: int) -> np.ndarray:
    """Labels of a step."""
    return (np.arange(n) >= at)[None, None].astype(np.int64).repeat(5, axis=1)


def test_active_boundary_moves_to_the_target():
    n = 12
    labels = edge(n, 4)
    p = np.where(edge(n, 8) > 0, 0.9, 0.1)
    p = np.stack([1 - p, p], axis=1)
    loss = sx.ActiveBoundaryLoss(share=0.1)
    value, gradient = sx.value_and_grad(loss, p, labels, from_logits=False)
    assert value > 0
    # The voxels before the boundary are to differ from those before them.
    assert np.all(gradient[0, 1, :, 7] < 0)
    assert np.all(gradient[0, 1, :, :6] == 0)
    nearer = loss(np.roll(p, -2, axis=3), labels, from_logits=False)
    assert nearer < value


def test_active_boundary_without_boundaries():
    # The authors' code returns None where none is predicted.
    flat, step = np.full((1, 2, 5, 12), 0.5), edge(12, 4)
    loss = sx.ActiveBoundaryLoss()
    for p, labels in [(flat, step), (np.stack([1 - step, step], 1) * 0.8 + 0.1, 0 * step)]:
        value, gradient = sx.value_and_grad(loss, p, labels, from_logits=False)
        assert value == 0
        assert np.all(gradient == 0)


def test_active_boundary_distances_are_not_truncated():
    # Those of the authors' code are integers.
    labels = edge(12, 4)
    p = np.stack([1 - edge(12, 8), edge(12, 8)], axis=1) * 0.8 + 0.1
    loss = replace(sx.ActiveBoundaryLoss(share=0.1), label_smoothing=0.0)
    once = loss(p, labels, from_logits=False, spacing=(1.0, 1.0))
    assert_close(loss(p, labels, from_logits=False, spacing=(0.3, 0.3)), 0.3 * once)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
def test_active_boundary_is_a_share_of_the_image(share: int):
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(1, 2, 10, 10)), rng.integers(0, 2, size=(1, 10, 10))
    values = sx.ActiveBoundaryLoss(share=share)(x, labels, reduction="none")
    assert 0 < np.sum(values > 0) <= 9 * np.ceil(100 * share)


def test_detached_neighbours():
    data = problem("labels", space=(4, 5))
    loss = sx.ActiveBoundaryLoss(share=0.3)
    free = replace(loss, detach=False)
    assert free(*data[:2]) == loss(*data[:2])
    assert np.any(sx.value_and_grad(free, *data[:2])[1] != sx.value_and_grad(loss, *data[:2])[1])


@pytest.mark.parametrize(
    ("loss", "parameters"),
    [
        (sx.BoundaryDoULoss, {"most": 1.5}),
        (sx.SurfaceDiceLoss, {"tolerance": -1.0}),
        (sx.HausdorffERLoss, {"erosions": 0}),
        (sx.HausdorffERLoss, {"alpha": -1.0}),
        (sx.HausdorffCVLoss, {"radii": ()}),
        (sx.HausdorffCVLoss, {"radii": (1.0, 0.0)}),
        (sx.ActiveContourLoss, {"weight": -1.0}),
        (sx.ActiveContourLoss, {"outside": -1.0}),
        (sx.MumfordShahLoss, {"length": -1.0}),
        (sx.ElasticInteractionLoss, {"alpha": 0.0}),
        (sx.ActiveBoundaryLoss, {"reach": 0.0}),
        (sx.ActiveBoundaryLoss, {"share": 0.0}),
        (sx.ActiveBoundaryLoss, {"label_smoothing": 2.0}),
    ],
    ids=str,
)
def test_parameters_out_of_range(loss: type, parameters: dict[str, Any]):
    ((name, value),) = parameters.items()
    with pytest.raises(ValueError, match=name) as caught:
        loss(**parameters)
    assert repr(value) in str(caught.value)
