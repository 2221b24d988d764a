"""Simulated images: what is drawn has the probabilities that it is said to have."""

import math

import numpy as np
import pytest
from backends import chosen
from problems import assert_close

import segloss_xp as sx
from segloss_xp import bias

BACKENDS = chosen()

# d, prior: best cut, its Dice and volume ratio; volume ratio and Dice of the posterior cut at 1/2
GAUSSIAN = {
    (1, 0.05): (1.450429, 0.239667, 1.722121, 0.012690, 0.014326),
    (1, 0.2): (0.728188, 0.478023, 1.540113, 0.306240, 0.287435),
    (2, 0.05): (1.947098, 0.518357, 1.010563, 0.445948, 0.440382),
    (2, 0.2): (1.392921, 0.708480, 1.055388, 0.801377, 0.688942),
    (3, 0.05): (2.327483, 0.773028, 0.938799, 0.822249, 0.766034),
}


@pytest.mark.parametrize("case", GAUSSIAN)
def test_gaussian_targets(case):
    """The closed forms (T30)."""
    distance, prior = case
    voxels = bias.GaussianVoxels(distance=distance, prior=prior)
    cut, half = voxels.best_cut(), voxels.cut(0.5)
    found = cut, voxels.dice(cut), voxels.relative_volume(cut)
    found += voxels.relative_volume(half), voxels.dice(half)
    assert_close(found, GAUSSIAN[case], 1e-6)
    assert voxels.posterior(cut) == pytest.approx(voxels.dice(cut) / 2, rel=1e-12)
    for other in (cut - 1e-3, cut + 1e-3):
        assert voxels.dice(other) < voxels.dice(cut)


def test_gaussian_samples():
    voxels = bias.GaussianVoxels(distance=2, prior=0.2)
    z, labels = voxels.sample(4, 100_000, seed=0)
    assert labels.mean() == pytest.approx(0.2, abs=0.005)
    assert z[:, 0][labels == 1].mean() == pytest.approx(2, abs=0.02)
    assert z[:, 0][labels == 0].std() == pytest.approx(1, abs=0.02)
    call = {"from_logits": False, "multilabel": True}
    p = voxels.posterior(z)
    h = bias.confidence_histogram(p, labels[:, None].astype(float), **call)
    assert h.ece() < 0.005
    cut = voxels.best_cut()
    found = z[:, 0] > cut
    dice = 2 * np.sum(found & (labels == 1)) / (np.sum(found) + np.sum(labels))
    assert dice == pytest.approx(voxels.dice(cut), abs=0.005)


def test_soft_dice_prefers_the_best_cut():
    """Of all logistic maps of the feature, the cut at t* has the least soft Dice loss."""
    voxels = bias.GaussianVoxels(distance=1, prior=0.2)
    z, labels = voxels.sample(1, 200_000, seed=1)
    y = labels[:, None].astype(float)
    loss = sx.DiceLoss(smooth=0.0)

    def at(slope, cut):
        return float(loss(slope * (z - cut), y, multilabel=True))

    best = at(100, voxels.best_cut())
    assert best == pytest.approx(1 - voxels.dice(voxels.best_cut()), abs=3e-3)
    assert best < min(at(1, 0.7), at(4, 0.7), at(100, 0.4), at(100, 1.1), at(1, voxels.cut(0.5)))


@pytest.mark.parametrize("sectors", [1, 4, 16])
def test_rings(sectors):
    rings = bias.AmbiguousRings(p=0.45, sectors=sectors)
    assert rings.volumes == (756, 124, *(144 // sectors,) * sectors)
    assert rings.mu == pytest.approx(1.1613, abs=1e-4)
    image, labels = rings.sample(400, seed=0, stratified=True)
    for region, p in enumerate(rings.probabilities):
        inside = rings.regions == region
        assert np.mean(labels[:, inside]) == pytest.approx(p, abs=1e-12)
        # All of a region or nothing.
        assert np.all(labels[:, inside] == labels[:, inside][:, :1])
    assert image[:, 0, rings.regions == 0].mean() == pytest.approx(0, abs=1e-3)
    assert image[:, 0, rings.regions == 1].mean() == pytest.approx(2, abs=1e-3)
    assert image[:, 0, rings.regions > 1].std() == pytest.approx(0.05, abs=1e-3)


def test_ring_sectors_are_independent():
    rings = bias.AmbiguousRings(p=0.45, sectors=4)
    for stratified in (False, True):
        _, labels = rings.sample(20_000, seed=0, stratified=stratified)
        first = [labels[:, rings.regions == region][:, 0] for region in range(2, 6)]
        assert np.mean(first) == pytest.approx(0.45, abs=0.01)
        off = np.corrcoef(first)[np.triu_indices(4, 1)]
        assert np.abs(off).max() < 0.03


def test_the_risk_of_the_rings():
    """Nothing, all, or p in the ring: the loss of this library on draws, and in closed form."""
    rings = bias.AmbiguousRings(p=0.45)
    mu = rings.mu
    _, labels = rings.sample(20, seed=0, stratified=True)
    y = labels[:, None].astype(float)
    expected = {0.0: 0.45 * mu / (2 + mu), 1.0: 0.55 * mu / (2 + mu)}
    for x, risk in expected.items():
        p = np.broadcast_to(np.where(rings.regions > 1, x, rings.regions == 1), y.shape).copy()
        loss = sx.DiceLoss(smooth=0.0)(p, y, from_logits=False, multilabel=True)
        assert_close(loss, risk)
        volume = (p - y).sum() / (20 * 124)
        assert_close(volume, mu * (x - 0.45))


def test_annotators():
    """The marginals are normal in the signed distance, for any spacing."""
    pytest.importorskip("scipy")
    grid = np.mgrid[-10:11, -20:21]
    disc = np.hypot(2 * grid[0], grid[1]) < 12
    drawn, p = bias.annotators(disc, 3000, amplitude=1.5, spacing=(2.0, 1.0), seed=0)
    assert drawn.shape == (3000, 21, 41)
    assert drawn.dtype == bool
    error = np.abs(drawn.mean(axis=0) - p)
    assert error.max() < 5 * 0.5 / math.sqrt(3000)
    # Half a voxel inside along the fine axis: Phi(1/2 / 1.5).
    assert p[10, 20 + 11] == pytest.approx(0.5 + 0.5 * math.erf(0.5 / 1.5 / math.sqrt(2)))
    assert np.array_equal(p > 0.5, disc)
    # Neighbours are displaced together.
    edge = drawn[:, 10, 20 + 11], drawn[:, 9, 20 + 11], drawn[:, 10, 20 - 11]
    correlation = np.corrcoef(edge)[0]
    assert correlation[1] > 0.3
    assert abs(correlation[2]) < 0.1


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda b: b.name)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_library(backend, dtype):
    """Draws are those of NumPy, in the library, on the device and of the dtype of `like`."""
    pytest.importorskip("scipy")
    like = backend.array(np.zeros(1, dtype))
    draws = (
        lambda **k: bias.AmbiguousRings(p=0.5, sectors=3).sample(2, seed=5, **k),
        lambda **k: bias.GaussianVoxels(distance=1, prior=0.3).sample(2, 10, seed=5, **k),
        lambda **k: bias.annotators(np.eye(6) > 0, 2, amplitude=1.0, seed=5, **k),
    )
    for draw in draws:
        for found, expected in zip(draw(like=like), draw(), strict=True):
            assert type(found) is type(like)
            array = backend.to_numpy(found)
            assert array.dtype.kind == expected.dtype.kind
            assert np.array_equal(array, expected.astype(array.dtype))
            if array.dtype.kind == "f":
                assert array.dtype == dtype


def test_errors():
    for make, message in (
        (lambda: bias.AmbiguousRings(p=1.2), "p from 0 to 1, got 1.2"),
        (lambda: bias.AmbiguousRings(p=0.5, core=9.0, ring=8.0), "0 < core < ring, got 9.0 and 8"),
        (lambda: bias.AmbiguousRings(p=0.5, sectors=0), "from 1 to 144 sectors, got 0"),
        (lambda: bias.GaussianVoxels(distance=0.0, prior=0.5), "positive distance, got 0.0"),
        (lambda: bias.GaussianVoxels(distance=1.0, prior=1.0), "between 0 and 1, got 1.0"),
        (lambda: bias.GaussianVoxels(distance=1.0, prior=0.5).cut(1.5), "0 and 1, got 1.5"),
        (lambda: bias.annotators(np.zeros((3, 3)), 2, amplitude=1.0), "one of them only"),
        (lambda: bias.annotators(np.eye(3), 2, amplitude=0.0), "> 0, got 0.0 and 3.0"),
        (lambda: bias.annotators(np.eye(3), 2, amplitude=1.0, spacing=(1.0,)), "2 spatial axes"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
    with pytest.raises(TypeError, match="to be like, got int64"):
        bias.AmbiguousRings(p=0.5).sample(1, like=np.zeros(1, np.int64))
