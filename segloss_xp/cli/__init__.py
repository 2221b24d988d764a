"""The command line: one module a command, each with `add_to` for its arguments and its run."""

import argparse
from collections.abc import Sequence

import segloss_xp
from segloss_xp.cli import bias, demo, drawing, listing

_COMMANDS = (demo, listing, drawing, bias)


def parser() -> argparse.ArgumentParser:
    """Parser of the command line; the chosen command is left in ``run``."""
    top = argparse.ArgumentParser(prog="python -m segloss_xp", description=segloss_xp.__doc__)
    top.add_argument("--version", action="version", version=segloss_xp.__version__)
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_to(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the name of the program; those of the process by default.

    Returns
    -------
    int
        Exit status.
    """
    options = parser().parse_args(arguments)
    return options.run(options)
