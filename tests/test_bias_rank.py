"""Exact RankDice and RankIoU."""

import numpy as np
import outcomes
import pytest
from backends import Backend

from segloss_xp import bias


def pattern(base, side):
    i = np.arange(side)
    return base ** -(i[:, None] + i[None, :]).astype(float)


@pytest.mark.parametrize("metric", ["dice", "jaccard"])
@pytest.mark.parametrize("smooth", [0.0, 1e-5, 2.0])
def test_all_volumes_are_enumerated(metric, smooth):
    for seed in range(6):
        p = np.sort(np.random.default_rng(seed).random(6))[::-1]
        every = list(outcomes.independent(p))
        expected = [
            1 - outcomes.risk(metric, every, np.arange(6) < k, np.ones(6), smooth=smooth)
            for k in range(7)
        ]
        shuffled = np.random.default_rng(seed).permutation(p)
        actual = bias.rank_scores(shuffled, metric, smooth=smooth)
        np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-13)


def test_no_segmentation_is_better():
    for seed in range(4):
        p = np.random.default_rng(seed).random(7) * 0.6
        every = list(outcomes.independent(p))
        for metric in ("dice", "jaccard"):
            best = max(
                1 - outcomes.risk(metric, every, [k >> j & 1 for j in range(7)], np.ones(7))
                for k in range(128)
            )
            x = bias.rank_segment(p, metric)
            actual = 1 - outcomes.risk(metric, every, x.astype(float), np.ones(7))
            assert actual == pytest.approx(best, abs=1e-13)


def dynamic_programme(p):
    """Expected Dice of the first k of sorted voxels, by the law of counts."""

    def law(chances):
        counts = np.asarray([1.0])
        for each in chances:
            counts = np.convolve(counts, [1 - each, each])
        return counts

    scores = [np.prod(1 - p)]
    without = [law(np.delete(p, j)) for j in range(p.size)]
    for k in range(1, p.size + 1):
        means = [w @ (2 / (k + 1 + np.arange(w.size))) for w in without[:k]]
        scores.append(p[:k] @ means)
    return np.asarray(scores)


def test_against_a_dynamic_programme():
    p = np.sort(np.random.default_rng(7).beta(0.5, 1, 120))[::-1]
    np.testing.assert_allclose(bias.rank_scores(p), dynamic_programme(p), rtol=1e-12)


@pytest.mark.parametrize(
    ("base", "side", "volume", "best", "half", "jaccard"),
    [
        (1.01, 64, 3820, 0.714054, 0.668496, 0.555312),
        (1.05, 28, 378, 0.549013, 0.424255, 0.378703),
        (1.05, 64, 496, 0.445647, 0.295915, 0.286902),
        (1.10, 28, 136, 0.467714, 0.334252, 0.305986),
        (1.10, 64, 136, 0.439255, 0.300853, 0.282098),
    ],
)
def test_patterns(base, side, volume, best, half, jaccard):
    """T15 and T17."""
    p = pattern(base, side)
    dice, iou = bias.rank_scores(p), bias.rank_scores(p, "jaccard")
    assert (np.argmax(dice), np.argmax(iou)) == (volume, volume)
    assert dice.max() == pytest.approx(best, abs=1e-6)
    assert iou.max() == pytest.approx(jaccard, abs=1e-6)
    assert dice[np.sum(p > 0.5)] == pytest.approx(half, abs=1e-6)
    chosen = bias.rank_segment(p)
    assert chosen.sum() == volume
    assert p[chosen].min() >= p[~chosen].max()


def test_all_voxels_may_be_the_best():
    """T16b: not one of them is above one half."""
    p = np.full((10, 10), 0.45)
    assert bias.rank_segment(p).all()
    assert bias.rank_scores(p).max() == pytest.approx(0.619061, abs=1e-6)


def test_thresholds_come_close_where_voxels_are_many():
    p = pattern(1.05, 64)
    threshold = bias.dice_threshold(p)
    assert 2 * threshold == pytest.approx(0.445752, abs=1e-6)
    np.testing.assert_array_equal(p > threshold, bias.rank_segment(p))


def test_corners():
    np.testing.assert_allclose(bias.rank_scores(np.zeros(3)), [1, 0, 0, 0], atol=1e-13)
    np.testing.assert_allclose(bias.rank_scores(np.ones(2)), [0, 2 / 3, 1], atol=1e-12)
    assert not bias.rank_segment(np.zeros(3)).any()
    assert bias.rank_segment(np.ones(3)).all()
    assert bias.rank_scores(np.zeros(3), empty=0.0)[0] == 0
    with pytest.raises(ValueError, match="'f1'"):
        bias.rank_segment(np.ones(3), "f1")
    for function in (bias.rank_scores, bias.rank_segment, bias.dice_threshold):
        with pytest.raises(ValueError, match=r"probabilities from 0 to 1, got .* to 1\.5"):
            function(np.asarray([1.5, 0.2]))
        with pytest.raises(TypeError, match="floating probabilities, got dtype int64"):
            function(np.asarray([1, 0]))


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
def test_every_library(eager: Backend, dtype, tolerance):
    """T40."""
    if eager.library == "dask":
        pytest.skip("its arrays can't be sorted")
    p = np.random.default_rng(8).random((3, 5))
    ours = eager.array(p.astype(dtype))
    for metric in ("dice", "jaccard"):
        actual = eager.to_numpy(bias.rank_scores(ours, metric))
        assert actual.dtype == dtype
        np.testing.assert_allclose(actual, bias.rank_scores(p, metric), atol=tolerance)
        chosen = eager.to_numpy(bias.rank_segment(ours, metric))
        np.testing.assert_array_equal(chosen, bias.rank_segment(p, metric))
    threshold = eager.to_numpy(bias.dice_threshold(ours))
    np.testing.assert_allclose(threshold, bias.dice_threshold(p), atol=tolerance)


def test_under_jit():
    jax = pytest.importorskip("jax")
    p = np.random.default_rng(9).random((4, 4))
    np.testing.assert_array_equal(jax.jit(bias.rank_segment)(p), bias.rank_segment(p))
