"""The ``bias`` command: how wrong a loss makes a volume, in theory and in training."""

import argparse
import importlib.util
from typing import Any

from segloss_xp.cli import _bias_figure, _bias_sheet, _bias_train

_SUBCOMMANDS = (
    _bias_figure,
    _bias_sheet,
    _bias_train,
)


def add_to(commands: Any) -> None:
    """Add the command, and its own, to the parsers of argparse."""
    parser = commands.add_parser(
        "bias",
        help="how wrong a loss makes the volume of what is uncertain",
        description="How wrong a loss makes the volume of what is uncertain.",
    )
    subcommands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for each in _SUBCOMMANDS:
        subparser = each.add_to(subcommands)
        subparser.set_defaults(run=run, subcommand=each)


def run(options: argparse.Namespace) -> int:
    """Run the chosen subcommand, if what it needs is installed."""
    needed = options.subcommand.NEEDED
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise SystemExit(
            f'This needs {", ".join(missing)}: python -m pip install "segloss-xp[bias]"'
        )
    return options.subcommand.run(options)
