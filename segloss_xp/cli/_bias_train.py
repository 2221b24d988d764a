"""The ``bias train`` command: the bias of volumes by training, and what mends it."""

import argparse
import csv
import importlib.util
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from segloss_xp.cli import _libraries

NEEDED = ("matplotlib", "rich", "scipy")

_STEPS, _QUICK_STEPS = 700, 100


def add_to(commands: Any) -> argparse.ArgumentParser:
    """Add the command to the parsers of argparse."""
    parser = commands.add_parser(
        "train",
        help="train networks where the truth is uncertain, and measure their volumes",
        description="Train small networks in PyTorch and in JAX, with cross-entropy, soft Dice and "
        "repaired losses, on images whose uncertainty is known: ambiguous rings, voxels of a "
        "normal feature and, with nilearn, grey matter drawn from the probability maps of MNI152. "
        "Compare the error of their volumes with theory, before and after recalibration. Nothing "
        "is downloaded.",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="fewer steps, and JAX on the rings alone if PyTorch is there too",
    )
    parser.add_argument(
        "--steps", type=_whole, help=f"of training (default: {_STEPS}, quick {_QUICK_STEPS})"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("train.png"), help="figure (default: train.png)"
    )
    parser.add_argument("--csv", type=Path, help="table (default: beside the figure)")
    return parser


def run(options: argparse.Namespace) -> int:
    """Train, print what came of it, write and draw it."""
    from rich.console import Console

    from segloss_xp.cli import _bias_data, _bias_network, _bias_train_figure

    console = Console()
    if not console.is_terminal:
        console = Console(width=130)  # a file has no width
    frameworks = [name for name in _bias_network.FRAMEWORKS if _libraries.installed(name)]
    if not frameworks:
        raise SystemExit("Training needs PyTorch or JAX: pip install torch, or jax")
    brain = importlib.util.find_spec("nilearn") is not None
    if not brain:
        console.print("Without nilearn there is no brain: python -m pip install nilearn")
    experiments = list(_bias_data.experiments(brain=brain))
    steps = options.steps or (_QUICK_STEPS if options.quick else _STEPS)
    results = list(_results(experiments, frameworks, steps, options.quick, console))
    for experiment in experiments:
        console.print(_table(experiment.name, results))
    table = options.csv or options.output.with_suffix(".csv")
    write(table, results)
    _bias_train_figure.draw(options.output, experiments, results)
    console.print(f"Table written to {table}, figure to {options.output}", soft_wrap=True)
    return 0


def _results(
    experiments: Sequence[Any], frameworks: Sequence[str], steps: int, quick: bool, console: Any
) -> Iterator[Any]:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from segloss_xp.cli import _bias_network, _bias_result

    runs = [
        (experiment, framework, loss)
        for experiment in experiments
        for framework in (frameworks[:1] if quick and experiment.rings is None else frameworks)
        for loss in _bias_result.LOSSES
    ]
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=len(runs) * steps)
        for experiment, framework, loss in runs:
            shown = f"{experiment.name}: {loss[0]}, {_bias_network.FRAMEWORKS[framework]}"
            progress.update(task, description=f"{shown:70}")
            network = _bias_network.trained(
                framework,
                loss[1],
                experiment.train,
                soft=loss[2],
                hidden=experiment.hidden,
                steps=steps,
                advance=lambda: progress.advance(task),
            )
            yield _bias_result.evaluate(experiment, framework, loss, network.logits)


def write(path: Path, results: Sequence[Any]) -> None:
    """Write the results as comma-separated values."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kinds = list(results[0].histograms)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        bounds = [
            f"{kind} {part}".rstrip()
            for kind in ("soft", "hard", "soft after line")
            for part in ("", "low", "high")
        ]
        errors = [f"{measure} {kind}" for kind in kinds for measure in ("ECE", "bias")]
        out.writerow(["experiment", "framework", "loss", "theory", *bounds, "Dice", *errors])
        for r in results:
            of_histograms = (m for h in r.histograms.values() for m in (h.ece(), h.bias()))
            numbers = (r.theory, *r.soft, *r.hard, *r.line, r.dice, *of_histograms)
            shown = ("" if math.isnan(x) else f"{x:.6f}" for x in numbers)
            out.writerow([r.experiment, r.framework, r.loss, *shown])


def _table(experiment: str, results: Sequence[Any]) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from segloss_xp.cli import _bias_network

    shown = Table(
        title=f"{experiment}: error of the volume, in % of the true one",
        caption="Between the bounds are 95 % of bootstrap means over images. The line is fitted to "
        "the volumes of training images. ECE is of the probabilities, before and after Platt.",
        box=SIMPLE_HEAD,
        padding=0,
        pad_edge=False,
    )
    # As narrow as that, it fits into the 80 columns of a terminal.
    shown.add_column("loss")
    shown.add_column("in", no_wrap=True)
    headings = ("theory", "sum\nof p", "bounds", "p > ½", "line", "Dice", "ECE", "Platt")
    for heading in headings:
        shown.add_column(heading, justify="right", no_wrap=True)
    for r in results:
        if r.experiment == experiment:
            shown.add_row(
                r.loss,
                _bias_network.FRAMEWORKS[r.framework],
                "" if math.isnan(r.theory) else f"{100 * r.theory:+.1f}",
                f"{100 * r.soft.mean:+.1f}",
                f"{100 * r.soft.low:+.1f} {100 * r.soft.high:+.1f}",
                f"{100 * r.hard.mean:+.1f}",
                f"{100 * r.line.mean:+.1f}",
                f"{r.dice:.3f}",
                f"{r.histograms['as trained'].ece():.3f}",
                f"{r.histograms['Platt'].ece():.3f}",
            )
    return shown


def _whole(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a number of steps from 1, got {text}")
    return value
