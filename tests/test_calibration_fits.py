"""Recalibration: what a fit promises on its data, what it recovers, and every library."""

import numpy as np
import pytest
from backends import chosen
from problems import assert_close, softmax

import segloss_xp as sx
from segloss_xp import bias

pytest.importorskip("scipy")

BACKENDS = chosen()


def problem(classes=3, voxels=4000, factor=2.5, seed=0):
    """Logits `factor` times too large for the labels that are drawn from them."""
    rng = np.random.default_rng(seed)
    true = rng.normal(size=(2, classes, voxels))
    p = softmax(true)
    labels = (rng.random((2, 1, voxels)) > np.cumsum(p, axis=1)[:, :-1]).sum(axis=1)
    return factor * true, labels


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def test_temperature_is_found():
    logits, labels = problem(voxels=100_000)
    assert bias.TemperatureScaling.fit(logits, labels).temperature == pytest.approx(2.5, abs=0.02)


@pytest.mark.parametrize("multilabel", [False, True])
def test_temperature_is_the_most_likely(multilabel):
    logits, labels = problem()
    target = np.stack([labels == c for c in range(3)], axis=1) if multilabel else labels
    call = {"multilabel": multilabel, "voxel_weights": 0.5 + (labels == 1)}
    scaling = bias.TemperatureScaling.fit(logits, target, **call)
    best = sx.CrossEntropyLoss()(scaling(logits), target, **call)
    for factor in (1 - 1e-4, 1 + 1e-4):
        other = bias.TemperatureScaling(temperature=factor * scaling.temperature)
        assert sx.CrossEntropyLoss()(other(logits), target, **call) > best
    assert np.array_equal(np.argmax(scaling(logits), 1), np.argmax(logits, 1))


def test_temperature_of_what_is_always_right():
    """More likely the colder, so that a bound is what is left."""
    logits, labels = np.array([[[3.0, -2.0], [0.0, 0.0]]]), np.array([[0, 1]])
    assert bias.TemperatureScaling.fit(logits, labels).temperature == pytest.approx(1e-4)
    assert bias.TemperatureScaling.fit(logits, 1 - labels).temperature == pytest.approx(1e4)


def test_platt_scaling_removes_the_bias():
    """With an intercept the probabilities add up to the labels, in each channel (T31)."""
    logits, labels = problem()
    y = np.stack([labels == c for c in range(3)], axis=1)
    scaling = bias.PlattScaling.fit(logits, y)
    for c in range(3):
        error = sigmoid(scaling(logits))[:, c] - y[:, c]
        assert abs(np.mean(error)) < 1e-6
        assert abs(np.mean(error * logits[:, c])) < 1e-6


def test_temperature_does_not_remove_the_bias():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(1, 1, 5000)) + 1
    y = rng.random(z.shape) < sigmoid(z - 1)
    call = {"multilabel": True}
    scaled = bias.TemperatureScaling.fit(z, y, **call)(z)
    assert bias.confidence_histogram(scaled, y, **call).bias() > 0.05


def test_vector_scaling():
    """It finds the factors and shifts that were put in, and leaves no class a bias."""
    logits, labels = problem(voxels=100_000, factor=1.0)
    scale, shift = np.array([0.5, 2.0, 1.0]), np.array([1.0, 0.0, -1.0])
    spoilt = (logits - shift[:, None]) / scale[:, None]
    scaling = bias.VectorScaling.fit(spoilt, labels)
    assert np.abs(np.array(scaling.scale) - scale).max() < 0.03
    assert np.abs(np.array(scaling.shift) - np.mean(scaling.shift) - shift).max() < 0.05
    p = softmax(scaling(spoilt))
    for c in range(3):
        assert abs(np.mean(p[:, c] - (labels == c))) < 1e-6


def test_histogram_binning():
    """On its own data the calibration error is 0 for the same bins."""
    logits, labels = problem()
    p, y = softmax(logits)[:, 1:2], (labels == 1)[:, None]
    call = {"bins": 10, "from_logits": False, "multilabel": True}
    h = bias.confidence_histogram(p, y, **call)
    binned = bias.HistogramBinning.fit(h)(p)
    assert h.ece() > 0.05
    for b in range(10):
        inside = (p >= b / 10) & ((p < (b + 1) / 10) | (b == 9))
        assert_close(binned[inside], np.full(inside.sum(), np.mean(y[inside])))
    assert abs(bias.confidence_histogram(binned, y, **call).bias()) < 1e-12
    classes = bias.confidence_histogram(
        softmax(logits), labels, kind="class-wise", from_logits=False
    )
    assert_close(
        bias.HistogramBinning.fit(classes)(softmax(logits)).sum(axis=1), np.ones((2, 4000))
    )


def test_isotonic_regression():
    isotonic = pytest.importorskip("sklearn.isotonic")
    logits, labels = problem(voxels=300)
    p, y = softmax(logits)[:, 1:2], (labels == 1)[:, None]
    found = bias.IsotonicRegression.fit(p, y, multilabel=True)
    assert abs(np.mean(found(p) - y)) < 1e-12
    assert np.all(np.diff(found(np.sort(p, axis=None)[None, None])) >= -1e-15)
    truth = isotonic.IsotonicRegression(out_of_bounds="clip").fit(p.ravel(), y.ravel())
    grid = np.linspace(0, 1, 101)
    assert_close(found(grid[None, None])[0, 0], truth.predict(grid))


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda b: b.name)
@pytest.mark.parametrize("axis", [1, -1])
def test_every_library(backend, axis):
    """What is fitted in NumPy applies to any array, of either precision."""
    pytest.importorskip("sklearn")
    logits, labels = problem(voxels=200)
    p = softmax(logits)
    h = bias.confidence_histogram(logits, labels, kind="class-wise")
    fitted = [
        (bias.TemperatureScaling.fit(logits, labels), logits, {}),
        (bias.VectorScaling.fit(logits, labels), logits, {"class_axis": axis}),
        (bias.HistogramBinning.fit(h), p, {"class_axis": axis}),
        (bias.IsotonicRegression.fit(p, labels), p, {"class_axis": axis}),
    ]
    for recalibration, x, call in fitted:
        expected = np.moveaxis(recalibration(x), 1, axis)
        found = backend._transformed(lambda x, r=recalibration, c=call: r(x, **c))(
            backend.array(np.moveaxis(x, 1, axis))
        )
        assert_close(backend.to_numpy(found), expected)
        assert hash(recalibration) == hash(eval(repr(recalibration), vars(bias)))


def test_masks_and_labels():
    """What does not count has no part in a fit, whatever it holds."""
    logits, labels = problem(voxels=300)
    mask = np.random.default_rng(0).random(labels.shape) < 0.6
    dirty = np.where(mask[:, None], logits, np.nan)
    expected = bias.TemperatureScaling.fit(
        np.moveaxis(logits, 1, -1)[mask][..., None], labels[mask][:, None]
    ).temperature
    for target, call in (
        (labels, {"mask": mask}),
        (np.where(mask, labels, 99), {}),
        (np.where(mask, labels, -1), {"ignore_index": -1}),
        (np.stack([labels == c for c in range(3)], axis=1), {"voxel_weights": mask * 0.5}),
    ):
        found = bias.TemperatureScaling.fit(dirty, target, **call).temperature
        assert found == pytest.approx(expected, rel=1e-10)
    with pytest.raises(ValueError, match="positive temperature, got 0"):
        bias.TemperatureScaling(temperature=0.0)
    with pytest.raises(ValueError, match="got none"):
        bias.TemperatureScaling.fit(logits, labels, mask=mask & False)
    with pytest.raises(ValueError, match="expected 3 classes, got 2"):
        bias.VectorScaling(scale=(1, 1, 1), shift=(0, 0, 0))(logits[:, :2])


def test_volumes():
    """The mean error is 0 on what was fitted, with an intercept and without."""
    rng = np.random.default_rng(0)
    true = rng.uniform(1, 9, 40)
    predicted = 1.4 * true + rng.normal(size=40) + 2
    line = bias.VolumeRecalibration.fit(predicted, true)
    slope, intercept = np.polyfit(predicted, true, 1)
    assert_close([line.slope, line.intercept], [slope, intercept], 1e-10)
    assert abs(np.mean(line(predicted) - true)) < 1e-12
    through = bias.VolumeRecalibration.fit(predicted, true, intercept=False)
    assert through.intercept == 0
    assert_close(through.slope, true.sum() / predicted.sum())
    assert abs(np.mean(through(predicted) - true)) < 1e-12
    for arguments, message in (
        (([1.0, 2.0], [1.0]), r"got shapes \(2,\) and \(1,\)"),
        (([], []), r"got shapes \(0,\)"),
        (([2.0, 2.0], [1.0, 3.0]), "that differ, got 2 times 2.0"),
    ):
        with pytest.raises(ValueError, match=message):
            bias.VolumeRecalibration.fit(*arguments)


def test_bootstrap():
    rng = np.random.default_rng(0)
    values = rng.normal(3, 2, size=400)
    interval = bias.bootstrap_mean(values)
    assert interval.mean == pytest.approx(np.mean(values))
    half = 1.96 * np.std(values) / 20
    assert interval.low == pytest.approx(np.mean(values) - half, abs=0.02)
    assert interval.high == pytest.approx(np.mean(values) + half, abs=0.02)
    assert bias.bootstrap_mean(values, seed=0) == interval
    with pytest.raises(ValueError, match="level from 0 to 1, got 95"):
        bias.bootstrap_mean(values, level=95)
    with pytest.raises(ValueError, match="one resample or more, got 0"):
        bias.bootstrap_mean(values, resamples=0)
    with pytest.raises(ValueError, match=r"got shape \(0,\)"):
        bias.bootstrap_mean([])
