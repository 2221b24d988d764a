"""What a perfect network learns to say, against grids, enumeration and closed forms."""

from math import sqrt

import numpy as np
import outcomes
import pytest
from backends import Backend
from cases import CASES

import segloss_xp as sx
from segloss_xp import bias


def best_of_ring(p, mu, loss="dice", n=1, **parameters):
    probabilities, s = outcomes.ring(p, mu, n)
    found = bias.minimiser(bias.Independent(p=probabilities, volumes=s), loss, **parameters)
    np.testing.assert_array_equal(found.x[:2], [0, 1])
    return found


@pytest.mark.parametrize("mu", [0.25, 1.0, 4.0])
def test_one_region_jumps_at_one_half(mu):
    """T1 and T2."""
    for p, x in ((0.1, 0), (0.3, 0), (0.49, 0), (0.51, 1), (0.9, 1)):
        found = best_of_ring(p, mu)
        assert found.x[2] == x
        assert found.risk == pytest.approx(mu * min(p, 1 - p) / (2 + mu), abs=1e-12)
        assert (found.kind, found.certified) == ("binary", True)
        if p in (0.49, 0.51) and mu >= 1:
            assert found.risk == pytest.approx({1.0: 0.163333, 4.0: 0.326667}[mu], abs=1e-6)
    tie = best_of_ring(0.5, mu)
    assert (tie.kind, tie.x[2]) == ("tie", 0)
    assert tie.risk == pytest.approx(mu / 2 / (2 + mu), abs=1e-12)


@pytest.mark.parametrize("mu", [0.25, 1.0, 4.0])
@pytest.mark.parametrize("n", [2, 4, 8])
def test_several_regions_jump_at_the_switch_probability(n, mu):
    switch = bias.switch_probability(n, mu)
    assert set(best_of_ring(switch - 1e-6, mu, n=n).x[2:]) == {0}
    assert set(best_of_ring(switch + 1e-6, mu, n=n).x[2:]) == {1}
    assert best_of_ring(switch, mu, n=n).kind == "tie"


@pytest.mark.parametrize(
    ("p", "x"), [(0.45, 0.1102427), (0.5, 0.4142136), (0.55, 0.8014079), (0.42, 0), (0.58, 1)]
)
def test_log_dice(p, x):
    """T19."""
    found = best_of_ring(p, 1.0, "log_dice")
    assert found.x[2] == pytest.approx(x, abs=1e-6)
    assert found.kind == ("binary" if x in (0, 1) else "interior")


@pytest.mark.parametrize("mu", [0.25, 1.0, 4.0])
def test_log_dice_is_interior_between_two_probabilities(mu):
    low, high = (2 + mu) / (4 + 3 * mu), 2 * (1 + mu) / (4 + 3 * mu)
    for p, kind in (
        (low - 1e-3, "binary"),
        (low + 1e-3, "interior"),
        (high - 1e-3, "interior"),
        (high + 1e-3, "binary"),
    ):
        assert best_of_ring(p, mu, "log_dice").kind == kind


@pytest.mark.parametrize(("p", "mu"), [(0.1, 1.0), (0.45, 1.0), (0.45, 4.0), (0.7, 0.25)])
@pytest.mark.parametrize("loss", ["squared_dice", "log_dice"])
def test_one_region_on_a_grid(loss, p, mu):
    x = np.linspace(0, 1, 20_001)
    probabilities, s = outcomes.ring(p, mu)
    risks = p * np.asarray([outcomes.loss(loss, (0, 1, each), (0, 1, 1), s) for each in x]) + (
        1 - p
    ) * np.asarray([outcomes.loss(loss, (0, 1, each), (0, 1, 0), s) for each in x])
    found = bias.minimiser(bias.Independent(p=probabilities, volumes=s), loss)
    assert found.x[2] == pytest.approx(x[np.argmin(risks)], abs=1e-4)
    assert found.risk <= risks.min() + 1e-14


def test_unequal_regions_may_have_their_minimum_inside():
    p, s = np.asarray([1.0, 0.5568, 0.2428]), np.asarray([0.02, 3.538, 1.295])
    found = bias.minimiser(bias.Independent(p=p, volumes=s))
    assert (found.kind, found.certified) == ("interior", False)
    every = list(outcomes.independent(p))
    grid = np.linspace(0, 1, 501)
    risks = [outcomes.risk("dice", every, (1, 1, x), s) for x in grid]
    assert found.x[:2] == pytest.approx([1, 1])
    assert found.x[2] == pytest.approx(grid[np.argmin(risks)], abs=2e-3)
    vertices = [outcomes.risk("dice", every, (1, a, b), s) for a in (0, 1) for b in (0, 1)]
    assert found.risk < min(vertices) - 1e-5


def test_two_annotators_may_have_their_minimum_inside():
    labels, w = np.asarray([[1, 1, 0], [1, 0, 1]]), np.asarray([0.77, 0.23])
    s = np.asarray([1.0, 40.0, 4.0])
    found = bias.minimiser(bias.Samples(labels=labels, weights=w, volumes=s))
    assert (found.kind, found.certified) == ("interior", False)
    every = list(zip(labels, w, strict=True))
    assert found.risk == pytest.approx(outcomes.risk("dice", every, found.x, s), abs=1e-14)
    vertices = [outcomes.risk("dice", every, (1, a, b), s) for a in (0, 1) for b in (0, 1)]
    assert found.risk < min(vertices) - 1e-5
    grid = np.linspace(0, 1, 101)
    risks = [outcomes.risk("dice", every, (1, a, b), s) for a in grid for b in grid]
    assert min(risks) - 1e-4 < found.risk <= min(risks)


@pytest.mark.parametrize(("loss", "parameters"), outcomes.LOSSES.items())
def test_nothing_is_better(loss, parameters):
    """No binary prediction, and none of many others."""
    rng = np.random.default_rng(4)
    for seed in range(6):
        p, s, _ = outcomes.problem(seed, most=5)
        p, s = np.append(p, 1.0), np.append(s, 1.0)
        y, w = rng.integers(0, 2, (3, p.size)), rng.dirichlet(np.ones(3))
        y[:, -1] = 1
        for truth in (
            bias.Independent(p=p, volumes=s),
            bias.Samples(labels=y, weights=w, volumes=s),
            bias.Marginals(p=p, volumes=s),
        ):
            found = bias.minimiser(truth, loss, **parameters)
            np.testing.assert_allclose(
                bias.risk(truth, found.x, loss, **parameters), found.risk, rtol=1e-12, atol=1e-14
            )
            others = np.concatenate(
                [
                    [[bool(k >> j & 1) for j in range(p.size)] for k in range(2**p.size)],
                    rng.random((300, p.size)),
                    np.clip(found.x + rng.normal(scale=0.01, size=(300, p.size)), 0, 1),
                ]
            )
            risks = bias.risk(truth, others, loss, **parameters)
            assert found.risk <= np.min(risks) + 1e-12


def test_voxels_are_ranked():
    i = np.arange(28)
    p = 1.05 ** -(i[:, None] + i[None, :]).astype(float)
    found = bias.minimiser(bias.Independent(p=p))
    assert (found.method, found.kind) == ("ranking", "binary")
    np.testing.assert_array_equal(found.x, bias.rank_segment(p))


def test_annotators_of_many_voxels():
    """The minimiser sees patterns, however many voxels there are."""
    rng = np.random.default_rng(5)
    few = rng.integers(0, 2, (3, 8))
    pattern = rng.integers(0, 8, 5000)
    labels = few[:, pattern].reshape(3, 50, 100)
    found = bias.minimiser(bias.Samples(labels=labels))
    assert found.x.shape == (50, 100)
    counts = np.bincount(pattern, minlength=8).astype(float)
    small = bias.minimiser(bias.Samples(labels=few, volumes=counts))
    assert found.risk == pytest.approx(small.risk, abs=1e-13)
    assert (
        len({tuple(each) for each in few.T}) == bias.Samples(labels=labels).compressed()[0].shape[0]
    )


def test_marginals():
    """T18 and T25: the tie of Nordström's bounds, and a soft label of one region."""
    m = 0.3
    p = np.asarray([1.0, m / (1 + m)])
    truth = bias.Marginals(p=p, volumes=np.asarray([m * m, 1 - m * m]))
    risks = bias.risk(truth, np.asarray([[1.0, 0.0], [1.0, 1.0]]))
    np.testing.assert_allclose(1 - risks, 2 * m / (1 + m), rtol=1e-14)
    assert 2 * m / (1 + m) == pytest.approx(0.461538, abs=1e-6)
    assert bias.dice_threshold(p, truth.volumes) == pytest.approx(0.230769, abs=1e-6)
    found = bias.minimiser(truth)
    assert (found.kind, found.certified, found.x.tolist()) == ("tie", True, [1, 0])
    bounds = bias.volume_bounds(m).dice
    assert bounds == pytest.approx((0.09, 1))
    for p, x in ((0.41, 0), (0.42, 1), (sqrt(2) - 1 - 1e-9, 0), (sqrt(2) - 1 + 1e-9, 1)):
        assert bias.minimiser(bias.Marginals(p=np.asarray([1.0, p]))).x[1] == x


def test_the_best_of_squared_dice_for_marginals_is_a_multiple_cut_off():
    p = np.random.default_rng(6).random(50)
    found = bias.minimiser(bias.Marginals(p=p), "squared_dice")
    best = 1 - found.risk
    np.testing.assert_allclose(found.x, np.minimum(p / best, 1), rtol=1e-12)
    assert (found.kind, found.certified) == ("interior", True)


def test_corners():
    certain = bias.minimiser(bias.Independent(p=np.asarray([0.0, 1.0])))
    assert (certain.x.tolist(), certain.method, float(certain.risk)) == (
        [0, 1],
        "certain",
        pytest.approx(0, abs=1e-13),
    )
    # Without certain foreground, nothing is as good as it is probable that nothing is there.
    alone = bias.minimiser(bias.Independent(p=np.asarray([0.4])))
    assert (alone.x.tolist(), float(alone.risk)) == ([0], pytest.approx(0.4, abs=1e-13))
    assert bias.minimiser(bias.Independent(p=np.asarray([0.4])), empty=0.0).x.tolist() == [1]
    with pytest.raises(ValueError, match="infinite"):
        bias.minimiser(bias.Independent(p=np.asarray([0.4])), "log_dice")
    with pytest.raises(TypeError, match="Independent"):
        bias.minimiser(np.asarray([0.4]))


def test_every_library(eager: Backend):
    if eager.library == "dask":
        pytest.skip("its arrays are too lazy to be chosen from")
    to = eager.array
    p, s = np.asarray([1.0, 0.5568, 0.2428]), np.asarray([0.02, 3.538, 1.295])
    labels, w = np.asarray([[1, 1, 0], [1, 0, 1]]), np.asarray([0.77, 0.23])
    regions = bias.Independent(p=p, volumes=s), bias.Independent(p=to(p), volumes=to(s))
    samples = (
        bias.Samples(labels=labels, weights=w),
        bias.Samples(labels=to(labels), weights=to(w)),
    )
    marginals = bias.Marginals(p=p, volumes=s), bias.Marginals(p=to(p), volumes=to(s))
    losses = [
        ("dice", regions),
        ("squared_dice", samples),
        ("jaccard", marginals),
        ("squared_dice", marginals),
    ]
    if eager.library != "strict":  # which `value_and_grad` does not take
        losses += [
            (sx.DiceLoss() + sx.CrossEntropyLoss(), regions),
            (sx.FocalLoss(), samples),
            (sx.BoundaryLoss(), samples),
        ]
    for loss, (exact, ours) in losses:
        expected, actual = bias.minimiser(exact, loss), bias.minimiser(ours, loss)
        np.testing.assert_allclose(eager.to_numpy(actual.x), expected.x, atol=1e-6)
        np.testing.assert_allclose(eager.to_numpy(actual.risk), expected.risk, atol=1e-12)
        assert (actual.kind, actual.method) == (expected.kind, expected.method)


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("dice", sx.DiceLoss(smooth=0)),
        ("jaccard", sx.JaccardLoss(smooth=0)),
        ("squared_dice", sx.DiceLoss(squared=True, smooth=0)),
        ("log_dice", sx.LogDiceLoss(smooth=0)),
    ],
)
def test_a_loss_that_is_called_has_the_minimum_of_its_name(name, loss):
    rng = np.random.default_rng(8)
    for seed in range(6):
        p, s, _ = outcomes.problem(seed, most=4)
        p, s = np.append(p, 1.0), np.append(s, 1.0)
        y, w = rng.integers(0, 2, (3, p.size)), rng.dirichlet(np.ones(3))
        y[:, -1] = 1
        for truth in (
            bias.Independent(p=p, volumes=s),
            bias.Samples(labels=y, weights=w, volumes=s),
        ):
            expected, actual = bias.minimiser(truth, name), bias.minimiser(truth, loss)
            assert actual.risk == pytest.approx(expected.risk, abs=1e-10)
            np.testing.assert_allclose(actual.x, expected.x, atol=1e-5)
            assert not actual.certified


@pytest.mark.parametrize(
    "loss",
    [sx.CrossEntropyLoss(), sx.BrierLoss(), sx.KLDivergenceLoss(), sx.PolyLoss(epsilon=0.0)],
    ids=str,
)
def test_proper_losses_are_best_at_the_marginals(loss):
    """Of 6,000 voxels by one annotator or four."""
    rng = np.random.default_rng(9)
    p = rng.random((60, 100))
    labels = rng.integers(0, 2, (4, 60, 100))
    for truth, marginal in (
        (bias.Independent(p=p), p),
        (bias.Samples(labels=labels), labels.mean(axis=0)),
    ):
        found = bias.minimiser(truth, loss)
        np.testing.assert_allclose(found.x, marginal, atol=1e-6)
        assert bias.volume_bias(truth, found.x).relative_soft == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    "loss",
    [sx.TopKLoss(k=0.5), sx.OHEMLoss(threshold=0.5, min_kept=0.3), sx.DiceTopKLoss(k=0.3)],
    ids=str,
)
def test_losses_that_count_voxels_are_given_each(loss):
    """Not one for all that the samples label alike, of which half is another half."""
    patterns = np.array([[0, 1, 1, 0, 1], [1, 1, 0, 0, 0], [1, 0, 1, 0, 1]])
    truth = bias.Samples(labels=np.repeat(patterns, [60, 20, 6, 10, 4], axis=1))
    found = bias.minimiser(truth, loss)
    assert found.risk == pytest.approx(bias.risk(truth, found.x, loss), rel=1e-12)
    assert found.risk <= bias.risk(truth, truth.marginal, loss)


def test_focal_loss_is_best_where_its_slopes_cancel():
    """-p log(x) (1 - x)^2 - (1 - p) log(1 - x) x^2 has no slope."""
    p = np.linspace(0.05, 0.95, 19)
    x = bias.minimiser(bias.Independent(p=p), sx.FocalLoss(gamma=2.0, alpha=None)).x

    def slope(x):
        return (1 - x) ** 2 / x - 2 * (1 - x) * np.log(x)

    np.testing.assert_allclose(p * slope(x), (1 - p) * slope(1 - x), rtol=1e-4)


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize(
    "loss",
    [
        sx.DiceLoss() + sx.CrossEntropyLoss(),
        sx.DiceFocalLoss(),
        sx.LogCoshDiceLoss(),
        sx.FocalTverskyLoss(),
        sx.TVMFDiceLoss(),
        sx.MCCLoss(),
    ],
    ids=str,
)
def test_the_sheet_says_the_same(loss, n):
    """Which holds that what is certain is predicted so, and that equal regions are alike."""
    (row,) = bias.sheet([loss], mu=[1.5], n=n, p=(0.2, 0.42, 0.7))
    for p, x in zip(row.p, row.x, strict=True):
        probabilities, s = outcomes.ring(p, 1.5, n)
        truth = bias.Independent(p=probabilities, volumes=s)
        at = np.asarray([0.0, 1.0, *([x] * n)])
        found = bias.minimiser(truth, loss)
        assert found.risk <= bias.risk(truth, at, loss) + 1e-9
        if row.keeps_certain:
            # The sheet takes the gain of a millionth for none, here 3e-5 of the foreground's x.
            np.testing.assert_allclose(found.x[:2], [0, 1], atol=1e-4)
        if row.keeps_certain and n == 1:
            assert found.x[2] == pytest.approx(x, abs=1e-4)


def test_boundary_loss_takes_the_sign_of_the_mean_distance():
    """It is linear: foreground is best where the distance, a mean over annotators, is negative."""
    rng = np.random.default_rng(10)
    labels = rng.integers(0, 2, (3, 6, 7))
    found = bias.minimiser(bias.Samples(labels=labels), sx.BoundaryLoss())
    loss, zero = sx.BoundaryLoss(), np.zeros((1, 1, 6, 7))
    mean = np.zeros((6, 7))
    for index in np.ndindex(6, 7):
        one = zero.copy()
        one[0, 0][index] = 1.0
        for y in labels > 0:
            target = y[None, None]
            more, less = (loss(x, target, from_logits=False, multilabel=True) for x in (one, zero))
            mean[index] += (more - less) / 3
    clear = np.abs(mean) > 1e-9
    np.testing.assert_array_equal(found.x[clear], (mean < 0)[clear])


def test_patterns_of_annotators_stand_for_their_voxels():
    rng = np.random.default_rng(11)
    few = rng.integers(0, 2, (3, 8))
    pattern = rng.integers(0, 8, 5000)
    loss = sx.DiceLoss() + sx.CrossEntropyLoss()
    truth = bias.Samples(labels=few[:, pattern].reshape(3, 50, 100))
    found = bias.minimiser(truth, loss)
    counts = np.bincount(pattern, minlength=8).astype(float)
    small = bias.minimiser(bias.Samples(labels=few, volumes=counts), loss)
    np.testing.assert_allclose(found.x.ravel(), small.x[pattern], atol=1e-5)
    assert bias.risk(truth, found.x, loss) == pytest.approx(found.risk, rel=1e-6)


FOUR = bias.Independent(p=np.asarray([0.0, 1.0, 0.3, 0.6]), volumes=np.asarray([4, 1, 1, 0.5]))


# Losses with jumps, or with kinks at half of all places, have no way down.
ROUGH = sx.CalibrationErrorLoss, sx.HausdorffCVLoss


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_loss_has_a_best_prediction_or_says_why_not(case):
    refused = "pools a batch|needs no truth|classes, got 3|needs multilabel=True"
    try:
        found = bias.minimiser(FOUR, case.loss)
    except ValueError:
        with pytest.raises(ValueError, match=refused):
            bias.risk(FOUR, FOUR.p, case.loss)
        return
    assert found.x.shape == (4,)
    assert np.min(found.x) >= 0
    assert np.max(found.x) <= 1
    rng = np.random.default_rng(12)
    others = [rng.random((100, 4)), rng.integers(0, 2, (8, 4)), FOUR.p[None]]
    if not isinstance(case.loss, ROUGH):
        others.append(np.clip(found.x + rng.normal(scale=0.01, size=(100, 4)), 0, 1))
    risks = bias.risk(FOUR, np.concatenate(others), case.loss)
    assert found.risk <= np.nanmin(risks) + 1e-6 * abs(np.nanmin(risks)) + 1e-9
