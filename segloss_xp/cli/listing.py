"""The ``list`` command: the losses, family by family."""

import argparse
import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import MISSING
from typing import Any

import segloss_xp as sx
from segloss_xp._entry import Entry
from segloss_xp.taxonomy import FAMILIES


def add_to(commands: Any) -> None:
    """Add the command to the parsers of argparse."""
    parser = commands.add_parser(
        "list",
        help="list the losses by family, with formula and source",
        description="List the losses by family: name, formula, own parameters, source.",
    )
    parser.add_argument("--family", choices=tuple(FAMILIES), help="one family only")
    parser.add_argument("--markdown", action="store_true", help="as in the README")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    families = [options.family] if options.family else list(FAMILIES)
    if options.markdown:
        print(markdown(families))
        return 0
    if importlib.util.find_spec("rich") is None:
        raise SystemExit(
            'The list needs rich: python -m pip install "segloss-xp[demo]"; or pass --markdown'
        )
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console = Console(width=140)  # a file has no width
    for family in families:
        entries = sx.losses(family)
        table = Table(
            title=f"{family.capitalize()} [dim]· {FAMILIES[family]} · {len(entries)}[/dim]",
            title_justify="left",
            title_style="bold",
            box=box.SIMPLE_HEAD,
            expand=True,
        )
        table.add_column("loss", style="cyan", no_wrap=True)
        table.add_column("formula, for each sample and class", ratio=5)
        table.add_column("parameters", style="dim", ratio=3)
        table.add_column("source", ratio=2)
        for entry in entries:
            cells = entry.name, entry.formula, ", ".join(_set(entry)), entry.source
            table.add_row(*(Text(cell) for cell in cells))
        console.print(table, highlight=False)
    return 0


def markdown(families: Iterable[str]) -> str:
    """The tables of the README."""
    return "\n".join(line for family in families for line in _table(family)).strip()


def _table(family: str) -> Iterator[str]:
    yield f"### {family.capitalize()}: {FAMILIES[family]}"
    yield ""
    yield "| loss | formula | parameters | source |"
    yield "|---|---|---|---|"
    for entry in sx.losses(family):
        formula = entry.formula.replace("|", r"\|").replace("*", r"\*").replace("_", r"\_")
        parameters = " ".join(f"`{name}`" for name in entry.parameters)
        yield f"| `{entry.name}` | {formula} | {parameters} | {entry.source} |"
    yield ""


def _set(entry: Entry) -> Iterator[str]:
    """The parameters as a call would set them to what they are by default."""
    for name, default in entry.parameters.items():
        yield name if default is MISSING else f"{name}={default!r}"
