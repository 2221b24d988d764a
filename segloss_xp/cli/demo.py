"""The ``demo`` command: networks trained on a brain, and every loss in every library."""

import argparse
import importlib.util
import math
from pathlib import Path
from typing import Any

_NEEDED = ("nilearn", "matplotlib", "rich")
_SECONDS, _QUICK_SECONDS = 60.0, 6.0


def add_to(commands: Any) -> None:
    """Add the command to the parsers of argparse."""
    parser = commands.add_parser(
        "demo",
        help="train networks on a brain, compare all losses in all libraries, draw a figure",
        description="Train a small U-Net on the MNI152 template brain in PyTorch and in JAX, with "
        "the same loss; then compare the value and the gradient of every loss in every library "
        "found, and draw what each loss asks of the network. Nothing is downloaded.",
    )
    parser.add_argument(
        "--quick", action="store_true", help="train for a few seconds, and compare a few losses"
    )
    parser.add_argument(
        "--seconds",
        type=_positive,
        help=f"of training, all networks together (default: {_SECONDS:g}, or {_QUICK_SECONDS:g} "
        "with --quick); compilation comes on top",
    )
    parser.add_argument("--output", type=Path, default=Path("demo.png"), help="(default: demo.png)")
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="where to train; cpu also keeps GPUs out of the comparison (default: a GPU if found)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; the exit status is 1 where the libraries disagree."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise SystemExit(
            f'The demo needs {", ".join(missing)}: python -m pip install "segloss-xp[demo]"'
        )
    # They need what has just been looked for.
    from rich.console import Console

    from segloss_xp.cli import _agreement, _brain, _figure, _libraries, _losses, _scores, _train

    console = Console()
    if not console.is_terminal:
        console = Console(width=120)  # a file has no width
    train, test = _brain.load()
    test = test.noisy(_train.generator())
    console.print(
        f"MNI152 template, {' / '.join(_brain.CLASSES)}: {len(train)} axial slices to train with, "
        f"{len(test)} in bands of their own to test on; noise added."
    )

    seconds = options.seconds or (_QUICK_SECONDS if options.quick else _SECONDS)
    results = _train.all_networks(train, test, seconds, options.device, console)
    console.print(_scores.table(results, test))

    case = _agreement.Case(results[-1].logits, test)
    losses = _losses.FEW if options.quick else _losses.compared()
    rows = _agreement.compare(losses, case, _libraries.found(options.device), console)
    console.print(_agreement.table(rows, case))
    status = _agreement.report(rows, console)

    _figure.draw(options.output, results, test, losses)
    console.print(f"Figure written to {options.output}", soft_wrap=True)
    return status


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a positive number, got {text}")
    return value
