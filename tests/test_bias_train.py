"""Volume bias by training: gradient descent goes where the theory says, and so does the command."""

import csv
import itertools

import numpy as np
import pytest
from problems import assert_close

import segloss_xp as sx
from segloss_xp import bias
from segloss_xp.cli import main

CALL = {"multilabel": True, "reduction": "mean"}


def descended(loss, batches, volumes, logits, chances=(1.0,), steps=400):
    """
    Adam on the logits of regions, the same for all images, of the expected loss of a batch.

    Batches are (images, R); the logits of the first two regions stay as they are.
    """
    first = second = np.zeros_like(logits)
    call = {"voxel_weights": np.asarray(volumes, float)[None], **CALL}
    for step in range(1, steps + 1):
        slope = np.zeros_like(logits)
        for chance, batch in zip(chances, batches, strict=True):
            x = np.broadcast_to(logits, batch.shape)[:, None, :].copy()
            _, gradient = sx.value_and_grad(loss, x, batch[:, None, :], **call)
            slope = slope + chance * gradient.sum(axis=(0, 1))
        slope[:2] = 0
        first = 0.9 * first + 0.1 * slope
        second = 0.999 * second + 0.001 * slope**2
        rate = 0.1 / (np.sqrt(second / (1 - 0.999**step)) + 1e-12)
        logits = logits - rate * first / (1 - 0.9**step)
    return 1 / (1 + np.exp(-logits[2:]))


def images(n, p, count, seed=0):
    """Labels (count, 2 + n) of background, disc and n sectors, each in a share p of the images."""
    rng = np.random.default_rng(seed)
    present = np.arange(count)[:, None] < round(p * count)
    chosen = rng.permuted(np.tile(present, n), axis=0)
    return np.concatenate([np.zeros((count, 1)), np.ones((count, 1)), chosen], axis=1)


@pytest.mark.parametrize(("n", "sign"), [(1, -1), (8, 1)])
def test_the_sign_flips_with_the_number_of_sectors(n, sign):
    """From even odds at p = 0.45: soft Dice loses one ring and takes 8 sectors (T37)."""
    p, outcomes = 0.45, images(n, 0.45, 400)
    volumes = (100, 1, *(1 / n,) * n)
    start = np.array([-8.0, 8.0, *(0.0,) * n])
    soft_dice = descended(sx.DiceLoss(smooth=0.0), outcomes[None], volumes, start)
    assert np.all(np.abs(soft_dice - (sign + 1) / 2) < 0.02)
    cross_entropy = descended(sx.CrossEntropyLoss(), outcomes[None], volumes, start)
    assert abs(np.mean(cross_entropy) - p) < 1e-3


@pytest.mark.parametrize(("batch", "best"), [(False, 0.0), (True, 1.0)])
def test_a_pooled_batch_of_two_is_two_regions(batch, best):
    """At p = 0.48, mu = 1, image by image it is 0 and for pairs 1 (T9)."""
    loss, volumes = sx.DiceLoss(smooth=0.0, batch=batch), (100, 1, 1)
    pairs = list(itertools.product((0, 1), repeat=2))
    batches = np.array([[[0, 1, y] for y in pair] for pair in pairs], float)
    chances = [np.prod([0.48 if y else 0.52 for y in pair]) for pair in pairs]

    def risk(x):
        p = np.broadcast_to(np.array([0.0, 1.0, x]), (2, 1, 3)).copy()
        call = {"from_logits": False, "voxel_weights": np.array([volumes], float), **CALL}
        return np.dot(chances, [loss(p, pair[:, None], **call) for pair in batches])

    starts = [np.array([-30.0, 30.0, np.log(x / (1 - x))]) for x in (0.15, 0.85)]
    ends = [descended(loss, batches, volumes, start, chances)[0] for start in starts]
    assert min(ends, key=risk) == pytest.approx(best, abs=0.01)


def test_cross_entropy_of_a_logistic_regression_has_no_bias():
    """The fit with an intercept is stationary: the probabilities add up to the labels (T31)."""
    pytest.importorskip("scipy")
    voxels = bias.GaussianVoxels(distance=1.0, prior=0.05)
    z, labels = voxels.sample(64, 4096, seed=0)
    y = labels[:, None].astype(float)
    fit = bias.PlattScaling.fit(z, y)
    assert fit.scale[0] == pytest.approx(voxels.slope, abs=0.05)
    assert fit.shift[0] == pytest.approx(voxels.intercept, abs=0.05)
    h = bias.confidence_histogram(fit(z), y, multilabel=True)
    assert abs(float(h.bias())) < 1e-6


def test_theory_of_the_experiments():
    pytest.importorskip("rich")
    pytest.importorskip("scipy")
    from segloss_xp.cli import _bias_data, _bias_result

    one, many, voxels = _bias_data.experiments(brain=False)
    theory = {
        (experiment.name, loss[0]): _bias_result.theory(experiment, loss)
        for experiment in (one, many, voxels)
        for loss in _bias_result.LOSSES
    }
    mu, p = 144 / 124, 0.45
    assert_close(theory[one.name, "soft Dice"], -mu * p / (1 + mu * p))
    assert_close(theory[many.name, "soft Dice"], mu * (1 - p) / (1 + mu * p))
    assert_close(theory[voxels.name, "soft Dice"], 0.722121, 1e-5)
    for experiment in (one, many, voxels):
        assert theory[experiment.name, "cross-entropy"] == 0
        assert theory[experiment.name, "Dice semimetric, soft labels"] == 0
    assert -0.1 < theory[one.name, "squared Dice"] < 0 < theory[many.name, "squared Dice"] < 0.1


def test_the_frameworks_agree():
    pytest.importorskip("torch")
    pytest.importorskip("jax")
    from segloss_xp.cli import _bias_data, _bias_network

    one, *_ = _bias_data.experiments(brain=False)
    found = [
        _bias_network.trained(
            framework, sx.DiceLoss(), one.train, soft=False, hidden=4, steps=3, advance=lambda: None
        ).logits(one.test.features[:4])
        for framework in ("torch", "jax")
    ]
    assert_close(*found, 1e-4)


def test_the_command(tmp_path, monkeypatch, capsys):
    """Few steps, without the brain: a table of all losses, a figure, the signs of the biases."""
    for needed in ("matplotlib", "rich", "scipy"):
        pytest.importorskip(needed)
    pytest.importorskip("torch")
    from segloss_xp.cli import _bias_train

    experiments = ("ring, p = 0.45", "ring of 16 sectors, p = 0.45")
    monkeypatch.setattr(_bias_train.importlib.util, "find_spec", _without_nilearn())
    monkeypatch.setattr(_bias_train._libraries, "installed", lambda name: name == "torch")
    figure = tmp_path / "new" / "train.png"
    assert main(["bias", "train", "--quick", "--steps", "60", "--output", str(figure)]) == 0
    assert "Without nilearn" in capsys.readouterr().out
    assert figure.stat().st_size > 10_000
    with figure.with_suffix(".csv").open(encoding="utf-8") as file:
        rows = {(row["experiment"], row["loss"]): row for row in csv.DictReader(file)}
    assert len(rows) == 3 * 5
    one, many = (float(rows[name, "soft Dice"]["hard"]) for name in experiments)
    assert one == pytest.approx(float(rows[experiments[0], "soft Dice"]["theory"]), abs=0.02)
    assert many == pytest.approx(float(rows[experiments[1], "soft Dice"]["theory"]), abs=0.02)
    for name in experiments:
        assert abs(float(rows[name, "cross-entropy"]["soft"])) < 0.1


def _without_nilearn():
    import importlib.util

    find = importlib.util.find_spec
    return lambda name, *rest: None if name == "nilearn" else find(name, *rest)


@pytest.mark.parametrize("arguments", [["--steps", "0"], ["--steps", "many"]])
def test_steps_are_a_whole_number(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(["bias", "train", *arguments])
    assert end.value.code == 2
    assert "usage" in capsys.readouterr().err
