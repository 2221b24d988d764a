"""How well the networks do on the test slices."""

from collections.abc import Sequence

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from segloss_xp.cli._brain import CLASSES, Slices
from segloss_xp.cli._train import Result


def dice(logits: np.ndarray, test: Slices) -> list[float]:
    """Dice of each class, over all slices as one volume."""
    return [2 * both / (found + true) for both, found, true in _volumes(logits, test)]


def volume_error(logits: np.ndarray, test: Slices) -> list[float]:
    """Volume found of each class, relative to the true one, less 1."""
    return [found / true - 1 for _, found, true in _volumes(logits, test)]


def table(results: Sequence[Result], test: Slices) -> Table:
    """Scores of each network."""
    shown = Table(title="Dice, and error of the volume, on the test slices", box=SIMPLE_HEAD)
    shown.add_column("model")
    shown.add_column("steps", justify="right")
    shown.add_column("loss", justify="right")
    for name in CLASSES:
        shown.add_column(name, justify="right")
    for result in results:
        trained = (str(result.steps), f"{result.loss:.3f}") if result.steps else ("", "")
        scores = zip(dice(result.logits, test), volume_error(result.logits, test), strict=True)
        shown.add_row(result.name, *trained, *(f"{d:.3f} {v:+6.1%}" for d, v in scores))
    return shown


def _volumes(logits: np.ndarray, test: Slices) -> list[tuple[int, int, int]]:
    """Voxels of each class in both, in the prediction and in the truth."""
    predicted, labels = np.argmax(logits, axis=1)[test.mask], test.labels[test.mask]
    return [
        (
            int(np.sum((predicted == c) & (labels == c))),
            int(np.sum(predicted == c)),
            int(np.sum(labels == c)),
        )
        for c in range(len(CLASSES))
    ]
