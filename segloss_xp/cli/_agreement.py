"""Every loss in every library: whether they agree, and how long they take."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import track
from rich.table import Table

import segloss_xp as sx
from segloss_xp.cli._brain import Slices
from segloss_xp.cli._libraries import Library

TOLERANCE = 1e-9
_TIMED_RUNS, _TIMED_SECONDS = 15, 0.2


@dataclass(frozen=True)
class Case:
    """A prediction of the test slices, as logits, and the slices."""

    logits: np.ndarray
    test: Slices

    def arguments(self, target: str, dtype: type) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Prediction, target ("labels" or "soft") and mask."""
        truth = self.test.labels if target == "labels" else self.test.soft.astype(dtype)
        return self.logits.astype(dtype), truth, self.test.mask


@dataclass
class Row:
    """
    What is found for a loss.

    Attributes
    ----------
    values : dict of str to float
        Value for each target that the loss takes.
    value_errors, gradient_errors : dict of str to float
        For each library its largest relative disagreement with NumPy.
    seconds : dict of str to float
        For each library the median time of a value with its gradient, in single precision.
    refusal : str
        Why the loss takes no target here, or nothing.
    """

    loss: sx.Loss
    values: dict[str, float] = field(default_factory=dict)
    value_errors: dict[str, float] = field(default_factory=dict)
    gradient_errors: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    refusal: str = ""

    @property
    def disagreeing(self) -> list[str]:
        """The libraries off by more than the tolerance."""
        errors = self.value_errors, self.gradient_errors
        # Said with "not", since a NaN is no agreement.
        return [k for k in self.value_errors if not all(each[k] <= TOLERANCE for each in errors)]


def compare(
    losses: Sequence[sx.Loss], case: Case, libraries: Sequence[Library], console: Console
) -> list[Row]:
    """Compare the libraries, the first of which is NumPy, loss by loss."""
    quiet = not console.is_terminal
    shown = track(losses, "Comparing", console=console, transient=True, disable=quiet)
    return [_compare(loss, case, libraries) for loss in shown]


def _compare(loss: sx.Loss, case: Case, libraries: Sequence[Library]) -> Row:
    row = Row(loss)
    reference, *others = libraries
    for target in ("labels", "soft"):
        arguments = case.arguments(target, np.float64)
        try:
            value, gradient = _run(reference, loss, case, arguments)
        except (TypeError, ValueError, ModuleNotFoundError) as refusal:
            row.refusal = str(refusal)
            continue
        row.values[target] = float(value)
        for library in others:
            results = _run(library, loss, case, arguments)
            errors = row.value_errors, row.gradient_errors
            for known, result, expected in zip(errors, results, (value, gradient), strict=True):
                off = _disagreement(result, expected)
                known[library.name] = float(np.maximum(known.get(library.name, 0.0), off))
    if row.values:
        arguments = case.arguments(next(iter(row.values)), np.float32)
        row.seconds = {each.name: _time(each, loss, case, arguments) for each in libraries}
    return row


def _run(library: Library, loss: sx.Loss, case: Case, arguments: Any) -> tuple[Any, ...]:
    run = library.value_and_grad(loss, case.test.spacing)
    return tuple(map(library.numpy, run(*map(library.array, arguments))))


def _disagreement(result: np.ndarray, expected: np.ndarray) -> float:
    """Largest difference, relative to the largest value; NaN if there is a NaN."""
    scale = max(float(np.max(np.abs(expected))), np.finfo(np.float64).tiny)
    return float(np.max(np.abs(result - expected))) / scale


def _time(library: Library, loss: sx.Loss, case: Case, arguments: Any) -> float:
    run = library.value_and_grad(loss, case.test.spacing, compiled=True)
    arrays = [*map(library.array, arguments)]
    library.wait(run(*arrays))
    times: list[float] = []
    while len(times) < 3 or (len(times) < _TIMED_RUNS and sum(times) < _TIMED_SECONDS):
        start = perf_counter()
        library.wait(run(*arrays))
        times.append(perf_counter() - start)
    return median(times)


def table(rows: Sequence[Row], case: Case) -> Table:
    """Values, largest disagreements and times."""
    shape = " × ".join(map(str, case.logits.shape))
    shown = Table(
        title=f"Every loss in every library, on logits {shape}",
        caption="Values for labels and for soft labels, and the largest relative disagreement of "
        "value and gradient (∇), in float64. Median time of value and gradient in float32, in ms; "
        "PyTorch eager, JAX under jit.",
        box=SIMPLE_HEAD,
    )
    shown.add_column("loss", overflow="fold")
    timed = next((row.seconds for row in rows if row.seconds), {})
    for heading in ("labels", "soft", "off", "off, ∇", *timed):
        shown.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        values = (f"{row.values[t]:.4f}" if t in row.values else "–" for t in ("labels", "soft"))
        errors = (_worst(each) for each in (row.value_errors, row.gradient_errors))
        times = (_milliseconds(row.seconds, name) for name in timed)
        shown.add_row(
            str(row.loss), *values, *errors, *times, style="red" if row.disagreeing else None
        )
    return shown


def _worst(errors: dict[str, float]) -> str:
    return f"{np.max(list(errors.values())):.0e}" if errors else "–"


def _milliseconds(seconds: dict[str, float], name: str) -> str:
    return f"{1e3 * seconds[name]:.1f}" if name in seconds else "–"


def report(rows: Sequence[Row], console: Console) -> int:
    """Say whether the libraries agree; 0 if they do, else 1."""
    wrong = [row for row in rows if row.disagreeing]
    for row in wrong:
        console.print(f"{row.loss}: {', '.join(row.disagreeing)} disagrees with NumPy", style="red")
    for row in rows:
        if not row.values:
            console.print(f"{row.loss} is left out: {row.refusal}", style="yellow")
    if not wrong and any(row.value_errors for row in rows):
        console.print(f"All libraries agree to {TOLERANCE:g} in double precision.", style="green")
    return 1 if wrong else 0
