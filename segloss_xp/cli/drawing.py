"""The ``map`` command: the taxonomy as a picture."""

import argparse
import importlib.util
from pathlib import Path
from typing import Any


def add_to(commands: Any) -> None:
    """Add the command to the parsers of argparse."""
    parser = commands.add_parser(
        "map",
        help="draw the losses by family and year, and who derives from whom",
        description="Draw the taxonomy: a column for each family, time from top to bottom, and a "
        "line from each loss to those that derive from it.",
    )
    parser.add_argument(
        "output",
        type=Path,
        nargs="*",
        default=[Path("taxonomy.svg")],
        help="files, in formats that their suffixes say (default: taxonomy.svg)",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    if importlib.util.find_spec("matplotlib") is None:
        raise SystemExit('The map needs matplotlib: python -m pip install "segloss-xp[demo]"')
    import segloss_xp as sx
    from segloss_xp.cli import _map

    for path in options.output:
        _map.draw(path, sx.losses())
        print(f"Map written to {path}")
    return 0
