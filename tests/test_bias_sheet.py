"""The bias sheet, against closed forms, the theory and numbers found by other means."""

from math import inf
from pathlib import Path

import numpy as np
import outcomes
import pytest

import segloss_xp as sx
from segloss_xp import bias
from segloss_xp.bias._scene import scene_for

P = (0.1, 0.3, 0.45, 0.55, 0.7, 0.9)


def row(loss, mu=1.0, n=1, p=P):
    (found,) = bias.sheet([loss], mu=[mu], n=n, p=p)
    assert found.refusal == ""
    return found


@pytest.mark.parametrize(
    "loss", [sx.CrossEntropyLoss(), sx.BrierLoss(), sx.KLDivergenceLoss()], ids=str
)
@pytest.mark.parametrize("mu", [0.25, 4.0])
@pytest.mark.parametrize("n", [1, 4])
def test_proper_losses_are_not_biased(loss, mu, n):
    found = row(loss, mu, n)
    np.testing.assert_allclose(found.x, P, atol=1e-6)
    assert found.mean == pytest.approx(0, abs=1e-7)
    assert found.mean_abs < 1e-7


@pytest.mark.parametrize(
    ("loss", "mean", "mean_abs"),
    [
        (sx.DiceLoss(), 0, 0.25),
        (sx.DiceLoss(intersection="min"), 0, 0.25),
        (sx.JaccardLoss(), 0, 0.25),
        (sx.JaccardLoss(intersection="min"), 0, 0.25),
        # The mean is 1/2 - p, where p is the switch, and the other p^2 - p + 1/2.
        (sx.TverskyLoss(alpha=0.3, beta=0.7), 0.140845, 0.269837),
        (sx.TverskyLoss(alpha=0.7, beta=0.3), -0.140845, 0.269837),
    ],
    ids=str,
)
def test_losses_that_jump(loss, mean, mean_abs):
    found = row(loss)
    np.testing.assert_array_equal(found.x, np.asarray(P) > 0.5 - mean)
    assert found.mean == pytest.approx(mean, abs=3e-4)
    assert found.mean_abs == pytest.approx(mean_abs, abs=3e-4)


def test_a_power_of_tversky_jumps_where_its_ends_are_equal():
    """p (1 - T_none)^g = (1 - p) (1 - T_all)^g."""
    ends = (0.7 / 1.7) ** 0.75, (0.3 / 1.3) ** 0.75
    switch = ends[1] / sum(ends)
    loss = sx.FocalTverskyLoss(alpha=0.3, beta=0.7, gamma=4 / 3, smooth=0)
    found = row(loss, p=(switch - 1e-6, switch + 1e-6))
    np.testing.assert_array_equal(found.x, [0, 1])
    assert found.mean == pytest.approx(0.5 - switch, abs=3e-4)


@pytest.mark.parametrize(
    ("loss", "x", "mean", "mean_abs"),
    [
        (sx.FocalLoss(), (0.3058, 0.4215, 0.4813, 0.5187, 0.5785, 0.6942), 0, 0.1305),
        (
            sx.GeneralizedCrossEntropyLoss(),
            (0.0007, 0.0560, 0.3387, 0.6613, 0.9440, 0.9993),
            0,
            0.1513,
        ),
        (
            sx.FocalTverskyLoss(alpha=0.3, beta=0.7, gamma=0.75),
            (0.0079, 0.3809, 0.8540, 0.9539, 0.9932, 0.9999),
            0.161,
            0.2027,
        ),
        (sx.LogDiceLoss(), (0, 0, 0.1102, 0.8014, 1, 1), -0.008, 0.2154),
        (
            sx.LogCoshDiceLoss(),
            (0.0618, 0.2162, 0.3610, 0.4696, 0.6444, 0.8837),
            -0.055,
            0.0550,
        ),
        (
            sx.NoiseRobustDiceLoss(),
            (0.0055, 0.0809, 0.2876, 0.5715, 0.8911, 0.9932),
            -0.021,
            0.1342,
        ),
        (
            sx.NoiseRobustDiceLoss(denominator="plain"),
            (0.0082, 0.1142, 0.3404, 0.5531, 0.8296, 0.9869),
            -0.023,
            0.1062,
        ),
        (
            sx.DiceLoss() + sx.CrossEntropyLoss(),
            (0.0024, 0.0134, 0.0607, 0.8989, 0.9747, 0.9954),
            -0.007,
            0.2197,
        ),
    ],
    ids=str,
)
def test_numbers_found_by_other_means(loss, x, mean, mean_abs):
    """With means over fewer probabilities."""
    found = row(loss)
    np.testing.assert_allclose(found.x, x, atol=1.1e-4)
    assert found.mean == pytest.approx(mean, abs=3e-3)
    assert found.mean_abs == pytest.approx(mean_abs, abs=2e-3)


def test_closed_forms():
    """T24, and the inverse of the focal loss."""
    p = np.asarray([0.2, 0.4, 0.7, 0.9])
    q, odds = 0.7, (p / (1 - p)) ** (1 / 0.3)
    found = row(sx.GeneralizedCrossEntropyLoss(q=q), p=p)
    np.testing.assert_allclose(found.x, odds / (1 + odds), atol=1e-6)
    assert found.x[2] == pytest.approx(0.943976, abs=1e-6)

    def slope(v):
        return v / ((1 - v) ** 2 - 2 * (1 - v) * v * np.log(v))

    x = row(sx.FocalLoss(), p=p).x
    np.testing.assert_allclose(slope(x) / (slope(x) + slope(1 - x)), p, atol=1e-6)
    assert x[2] == pytest.approx(0.578480, abs=1e-6)


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (sx.DiceLoss(squared=True, smooth=0), "squared_dice"),
        (sx.DicePlusPlusLoss(smooth=0), "squared_dice"),
        (sx.LogDiceLoss(smooth=0), "log_dice"),
        (sx.DiceLoss(smooth=0), "dice"),
    ],
    ids=str,
)
@pytest.mark.parametrize(("mu", "n"), [(1.0, 1), (4.0, 1), (2.0, 4)])
def test_the_theory_says_the_same(loss, name, mu, n):
    found = row(loss, mu, n, p=(0.35, 0.5, 0.6))
    for p, x in zip(found.p, found.x, strict=True):
        probabilities, s = outcomes.ring(p, mu, n)
        best = bias.minimiser(bias.Independent(p=probabilities, volumes=s), name)
        if best.kind != "tie":
            np.testing.assert_allclose(best.x[2:], x, atol=2e-6)


def test_squared_dice_is_the_least_biased_of_its_kind():
    assert row(sx.DiceLoss(squared=True)).mean_abs == pytest.approx(0.031, abs=5e-4)


@pytest.mark.parametrize(("mu", "n"), [(1.0, 4), (4.0, 16)])
def test_several_regions_are_overestimated(mu, n):
    """T13: the mean is mu (1/2 - p), where p is the switch."""
    found = row(sx.DiceLoss(smooth=0), mu, n)
    switch = bias.switch_probability(n, mu)
    assert found.mean == pytest.approx(mu * (0.5 - switch), abs=mu * 3e-4)
    limit = bias.switch_probability(inf, mu)
    assert found.mean < mu * (0.5 - limit) + mu * 3e-4


class WholeImage(sx.DiceLoss):
    """As one of those whose maps do not tell all."""

    @property
    def from_maps(self):
        return False


class Refusing(sx.Loss):
    def reduce(self, comparison, reduction):
        raise NotImplementedError("nothing to say")


@pytest.mark.parametrize(("mu", "n"), [(0.25, 1), (1.0, 4), (4.0, 3)])
def test_an_image_does_what_weights_do(mu, n):
    image, points = (
        bias.curves(loss, mu, n) for loss in (WholeImage(squared=True), sx.DiceLoss(squared=True))
    )
    pixels = n * round(4 * mu / n)
    if pixels == 4 * mu:
        np.testing.assert_allclose(image.values, points.values, atol=1e-5)
    assert image.values.shape == points.values.shape == (n + 1, image.x.size)
    best = [each.minimisers(np.asarray(P)) for each in (image, points)]
    np.testing.assert_allclose(*best, atol=1e-4 if pixels == 4 * mu else 0.02)


def test_logits_beyond_probabilities():
    """To add a number to all logits of a voxel moves the penalty on their size, and no softmax."""
    assert row(sx.NACLLoss()).logits
    for loss in (sx.MarginLabelSmoothingLoss(), sx.KLDivergenceLoss(), sx.CalibratedDiceLoss()):
        assert not row(loss).logits


@pytest.mark.parametrize("mu", [1.0, 4.0])
def test_the_boundary_loss_jumps_where_the_mean_distance_is_zero(mu):
    """On an image, where there are distances; by those that scipy measures."""
    ndimage = pytest.importorskip("scipy.ndimage")
    region = scene_for(sx.BoundaryLoss(), mu, 1).region
    assert [np.sum(region == k) for k in (-1, 0)] == [4, 4 * mu]

    def summed(truth):
        outside, inside = (ndimage.distance_transform_edt(each) for each in (~truth, truth))
        return (outside - inside)[region == 0].sum()

    absent, present = summed(region == -1), summed(region >= -1)
    switch = absent / (absent - present)
    found = row(sx.BoundaryLoss(), mu, p=(switch - 1e-6, switch + 1e-6))
    np.testing.assert_array_equal(found.x, [0, 1])
    assert found.image


def test_losses_that_look_at_places_are_shown_an_image():
    for loss in (sx.SVLSLoss(), sx.HausdorffDTLoss(), sx.DiceLoss() + sx.BoundaryLoss()):
        assert bias.curves(loss, 1.0).image
    for loss in (sx.LovaszSoftmaxLoss(), sx.TopKLoss(), sx.DiceLoss() + sx.CrossEntropyLoss()):
        assert not bias.curves(loss, 1.0).image
    # A square of the error, whose weight is the same where the ring is and where it is not.
    np.testing.assert_allclose(row(sx.HausdorffDTLoss()).x, P, atol=1e-6)


def test_a_kink_is_where_it_is():
    """The hinge has its kinks at logits of 1 and -1, not beside them."""
    x = 1 / (1 + np.exp(np.where(np.asarray(P) > 0.5, -1, 1)))
    np.testing.assert_allclose(row(sx.LovaszHingeLoss()).x, x, atol=1e-9)


def test_what_is_certain():
    """A penalty on confidence, or a surrogate that grows beyond its best, moves that too."""
    for loss in (sx.DiceLoss(), sx.CrossEntropyLoss(), sx.FocalLoss(), sx.DiceLoss(squared=True)):
        assert row(loss).keeps_certain
    for loss in (sx.ConfidencePenaltyLoss(), sx.CalibratedDiceLoss(), sx.SVLSLoss()):
        assert not row(loss).keeps_certain


def test_the_readme_says_so():
    """Its table, line by line."""
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    _, _, rest = text.partition("| loss | p = 0.1 | 0.3 | 0.45 | 0.55 | 0.7 | 0.9 |")
    lines = rest.partition("\n\n")[0].splitlines()[2:]
    assert len(lines) == 12
    for line in lines:
        name, *numbers = line.strip("| ").split(" | ")
        found = row(eval(name.strip("`"), vars(sx)))
        *x, mean, mean_abs = map(float, numbers)
        np.testing.assert_allclose(found.x, x, atol=5.1e-4)
        assert (found.mean, found.mean_abs) == pytest.approx((mean, mean_abs), abs=5.1e-4)


def test_classes():
    assert row(sx.DiceLoss()).classes == "foreground"
    assert row(sx.KLDivergenceLoss()).classes == "both"


def test_what_has_no_row_says_why():
    losses = Refusing(), sx.DiceLoss(batch=True), sx.DiceLoss(), sx.MumfordShahLoss()
    refused, pooled, good, untold = bias.sheet(losses)
    assert "needs no truth" in untold.refusal
    assert refused.refusal == "nothing to say"
    assert "batch" in pooled.refusal
    assert np.isnan(refused.mean_abs)
    assert np.isnan(refused.x).all()
    assert good.refusal == ""


def test_what_is_no_loss_is_refused():
    with pytest.raises(TypeError, match="expected a loss, got 'DiceLoss'"):
        bias.curves("DiceLoss", 1.0)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"mu": [0.0]}, ["mu > 0", "0.0"]),
        ({"p": [1.0]}, ["between 0 and 1", "1.0"]),
    ],
)
def test_what_is_out_of_range_is_refused(settings, words):
    with pytest.raises(ValueError, match="got") as raised:
        bias.sheet([sx.DiceLoss()], **settings)
    assert all(word in str(raised.value) for word in words)
