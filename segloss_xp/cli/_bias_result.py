"""What a trained network does to volumes and to probabilities, before and after recalibration."""

from collections.abc import Callable
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np

import segloss_xp as sx
from segloss_xp import bias
from segloss_xp.cli._bias_data import Data, Experiment

CE, DICE = sx.CrossEntropyLoss(), sx.DiceLoss()
SEMIMETRIC = sx.DiceLoss(intersection="min")

#: Name of a loss, the loss, and whether it is given the probabilities for target.
LOSSES = (
    ("cross-entropy", CE, False),
    ("soft Dice", DICE, False),
    ("squared Dice", sx.DiceLoss(squared=True), False),
    ("Dice + cross-entropy", DICE + CE, False),
    ("Dice semimetric, soft labels", SEMIMETRIC, True),
)

# Samples of the training data that recalibrations are fitted on.
_FITTED = 48

_CALL: dict[str, Any] = {"multilabel": True}


@dataclass(frozen=True)
class Result:
    """
    One network on the test data; volumes in shares of the mean true volume.

    Attributes
    ----------
    experiment, framework, loss : str
    logits : numpy.ndarray, (N, 1, V), float32
    soft, hard : Interval
        Error of the sum of the probabilities, and of the part of them above 1/2.
    theory : float
        Error of the sum as it should be for a perfect network; NaN where there is no formula.
    line : Interval
        Error of the sum after a line that was fitted to the volumes of the training data.
    dice : float
        Mean Dice of the part above 1/2.
    histograms : dict of str to ConfidenceHistogram
        As trained, and after each recalibration.
    """

    experiment: str
    framework: str
    loss: str
    logits: np.ndarray
    soft: bias.Interval
    hard: bias.Interval
    theory: float
    line: bias.Interval
    dice: float
    histograms: dict[str, bias.ConfidenceHistogram]


def evaluate(
    experiment: Experiment,
    framework: str,
    loss: tuple[str, sx.Loss, bool],
    logits: Callable[[np.ndarray], np.ndarray],
) -> Result:
    """Measure a network, given its output for features."""
    train, test = experiment.train[:_FITTED], experiment.test
    before, z = logits(train.features), logits(test.features)
    p, hard = _sigmoid(z), z > 0
    mean = float(np.mean(test.volumes))

    def error(volumes: np.ndarray) -> bias.Interval:
        return bias.bootstrap_mean((volumes - test.volumes) / mean, resamples=4000)

    return Result(
        experiment.name,
        framework,
        loss[0],
        z,
        error(test.measure(p)),
        error(test.measure(hard)),
        theory(experiment, loss),
        error(_line(train, train.measure(_sigmoid(before)))(test.measure(p))),
        float(np.mean(2 * test.measure(hard & test.labels) / (test.measure(hard) + test.volumes))),
        _histograms(train, test, before, z),
    )


def theory(experiment: Experiment, loss: tuple[str, sx.Loss, bool]) -> float:
    """Error of the volume for a perfect network, in shares of the expected volume."""
    _, function, soft = loss
    if function == CE or (soft and function == SEMIMETRIC):
        return 0.0
    rings, voxels = experiment.rings, experiment.voxels
    if rings is not None:
        x = _best_in_ring(rings, function)
        return rings.mu * (x - rings.p) / (1 + rings.mu * rings.p)
    if voxels is not None and function == DICE:
        return voxels.relative_volume(voxels.best_cut()) - 1
    return float("nan")


def _best_in_ring(rings: bias.AmbiguousRings, loss: sx.Loss) -> float:
    """The prediction of all sectors with the least expected loss, the rest of the image known."""
    n, x = rings.sectors, np.linspace(0, 1, 1001)
    outcomes = np.tri(n + 1, n, -1)
    chances = np.array([comb(n, k) * rings.p**k * (1 - rings.p) ** (n - k) for k in range(n + 1)])
    # A voxel for each region, of the weight of its volume; and each prediction with each outcome.
    shape = (len(x), n + 1, 1, 2 + n)
    prediction, target = np.zeros(shape), np.zeros(shape)
    prediction[..., 1] = target[..., 1] = 1
    prediction[..., 2:] = x[:, None, None, None]
    target[..., 2:] = outcomes[:, None, :]
    flat = (-1, 1, 2 + n)
    values = loss(
        prediction.reshape(flat),
        target.reshape(flat),
        from_logits=False,
        reduction="sample",
        voxel_weights=np.asarray(rings.volumes, np.float64)[None],
        **_CALL,
    )
    return float(x[np.argmin(values.reshape(shape[:2]) @ chances)])


def _line(train: Data, volumes: np.ndarray) -> bias.VolumeRecalibration:
    # Where all predictions are alike there is no slope.
    varied = np.std(volumes) > 1e-3 * np.mean(volumes)
    return bias.VolumeRecalibration.fit(volumes, train.volumes, intercept=bool(varied))


def _histograms(
    train: Data, test: Data, before: np.ndarray, z: np.ndarray
) -> dict[str, bias.ConfidenceHistogram]:
    # In double precision, where certainty does not round to 1.
    before, z = before.astype(np.float64), z.astype(np.float64)
    fit = {**_CALL, "mask": train.mask}

    def histogram(logits: np.ndarray) -> bias.ConfidenceHistogram:
        return bias.confidence_histogram(logits, test.labels, mask=test.mask, **_CALL)

    temperature = bias.TemperatureScaling.fit(before, train.labels, **fit)
    platt = bias.PlattScaling.fit(before, train.labels, mask=train.mask)
    return {
        "as trained": histogram(z),
        "temperature": histogram(temperature(z)),
        "Platt": histogram(platt(z)),
    }


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z.astype(np.float64)))
