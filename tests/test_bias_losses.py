"""Facts of the theory that losses of the library must show."""

import numpy as np
import pytest

import segloss_xp as sx

CHANNEL = {"from_logits": False, "multilabel": True, "reduction": "sample"}


def value(loss, x, y, **keywords):
    """Loss (N,) of rows of one channel."""
    return loss(x[:, None], y[:, None], **CHANNEL, **keywords)


def test_hard_labels_make_kin_equal():
    """T21."""
    rng = np.random.default_rng(0)
    x, y = rng.random((50, 20)), (rng.random((50, 20)) < 0.4).astype(float)
    y[:, 0] = 1
    plain, squared = sx.DiceLoss(smooth=0), sx.DiceLoss(squared=True, smooth=0)
    for one, other in (
        (sx.DicePlusPlusLoss(gamma=2.0, smooth=0), squared),
        (sx.DicePlusPlusLoss(gamma=1.0, smooth=0), plain),
        (sx.DiceLoss(intersection="min", smooth=0), plain),
        (sx.JaccardLoss(intersection="min", smooth=0), sx.JaccardLoss(smooth=0)),
        (sx.NoiseRobustDiceLoss(gamma=1.0, denominator="plain", smooth=0), plain),
        (sx.NoiseRobustDiceLoss(gamma=2.0, smooth=0), squared),
    ):
        np.testing.assert_allclose(value(one, x, y), value(other, x, y), rtol=1e-12, atol=1e-14)


def test_semimetrics_on_soft_labels():
    """T22: Bray and Curtis, and Ruzicka; both 0 at x = y, where the product is not."""
    rng = np.random.default_rng(1)
    x, y = rng.random((50, 20)), rng.random((50, 20))
    dice, jaccard = (loss(intersection="min", smooth=0) for loss in (sx.DiceLoss, sx.JaccardLoss))
    bray_curtis = np.abs(x - y).sum(1) / (x + y).sum(1)
    np.testing.assert_allclose(value(dice, x, y), bray_curtis, rtol=1e-12)
    ruzicka = 1 - np.minimum(x, y).sum(1) / np.maximum(x, y).sum(1)
    np.testing.assert_allclose(value(jaccard, x, y), ruzicka, rtol=1e-12)
    for loss in (dice, jaccard):
        np.testing.assert_allclose(value(loss, x, x), 0, atol=1e-14)
    half = np.full((1, 4), 0.5)
    np.testing.assert_allclose(value(sx.DiceLoss(smooth=0), half, half), 0.5, rtol=1e-14)


def test_jaccard_is_a_metric_and_dice_is_none():
    """T23."""
    rng = np.random.default_rng(2)
    dice, jaccard = (loss(intersection="min", smooth=0) for loss in (sx.DiceLoss, sx.JaccardLoss))
    x, y, z = rng.random((3, 10_000, 4)) ** rng.integers(1, 6, (3, 10_000, 1))
    around = value(jaccard, x, y) + value(jaccard, y, z)
    assert np.all(value(jaccard, x, z) <= around + 1e-14)
    one, two = np.asarray([[1.0, 0.0]]), np.asarray([[0.0, 1.0]])
    both = one + two
    np.testing.assert_allclose(value(dice, one, two), 1)
    np.testing.assert_allclose(value(dice, one, both) + value(dice, both, two), 2 / 3)


@pytest.mark.parametrize("p", [0.41, 0.42])
def test_soft_labels(p):
    """T25: Dice of a soft label jumps at the square root of 2 less 1; the semimetrics are at p."""
    x = np.linspace(0, 1, 1001)
    prediction = np.stack([np.ones_like(x), x], axis=1)
    label = np.broadcast_to(np.asarray([1.0, p]), prediction.shape)

    def best(loss):
        return x[np.argmin(value(loss, prediction, label))]

    assert best(sx.DiceLoss(smooth=0)) == round(p - 0.415 + 0.5)
    for loss in (sx.DiceLoss, sx.JaccardLoss):
        assert best(loss(intersection="min", smooth=0)) == pytest.approx(p, abs=1e-9)
