"""The map of the losses, drawn."""

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path as File
from typing import Any

from matplotlib import rc_context
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, PathPatch, Rectangle
from matplotlib.path import Path

from segloss_xp._entry import Entry
from segloss_xp.cli._page import on_lines
from segloss_xp.cli._placement import NODE_HEIGHT, NODE_WIDTH, Placement
from segloss_xp.taxonomy import FAMILIES

_COLOURS = ("#2f6db3", "#c8553d", "#2a8c6a", "#8a5aa8", "#b8862b", "#4a7f95", "#a8497b", "#6b7a3a")
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.55, 0.2, 1.45, 0.15
_CORNER = 0.06


def draw(path: File, entries: Sequence[Entry]) -> None:
    """
    Draw the map.

    Parameters
    ----------
    path : Path
        File to write, in a format that its suffix says.
    entries : sequence of Entry
    """
    placement = Placement(entries)
    width, height = _LEFT + placement.width + _RIGHT, _TOP + placement.height + _BOTTOM
    with rc_context({"font.family": "sans-serif", "svg.fonttype": "path", "svg.hashsalt": "map"}):
        figure = Figure(figsize=(width, height), facecolor="white")
        axes: Any = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(-_LEFT, placement.width + _RIGHT)
        axes.set_ylim(placement.height + _BOTTOM, -_TOP)
        colours: dict[str, str] = dict(zip(FAMILIES, _COLOURS, strict=False))
        _draw_frame(axes, placement, colours, len(entries))
        _draw_lines(axes, placement, colours)
        for entry in entries:
            _draw_loss(axes, placement, entry, colours[entry.family])
        path.parent.mkdir(parents=True, exist_ok=True)
        metadata = {"Date": None} if path.suffix == ".svg" else {}
        figure.savefig(path, dpi=150, metadata=metadata)


def _draw_frame(axes: Any, placement: Placement, colours: dict[str, str], count: int) -> None:
    """Title, families, years."""
    title = f"{count} losses, and what they derive from"
    axes.text(0, -1.0, title, fontsize=19, weight="bold", color="0.15")
    about = "A line runs from each loss to those that derive from it, or contain it."
    axes.text(placement.width, -1.0, about, fontsize=9, color="0.4", ha="right")
    for number, year in enumerate(placement.rows):
        top, bottom = placement.year_span(year)
        if number % 2 == 0:
            band = Rectangle((-_LEFT, top - 0.06), placement.width + _LEFT + _RIGHT, bottom - top)
            band.set(facecolor="#f5f4f1", edgecolor="none", zorder=0)
            axes.add_patch(band)
        axes.text(
            -_LEFT + 0.08, top + NODE_HEIGHT / 2, str(year), color="0.45", fontsize=10, va="center"
        )
    for family in placement.families:
        left, right = placement.lane_span(family)
        colour = colours[family]
        axes.text(left, -0.42, family.capitalize(), color=colour, fontsize=14, weight="bold")
        about = _wrapped(FAMILIES[family], round(14 * (right - left)) - 2)
        axes.text(left, -0.36, about, color="0.4", fontsize=8.5, va="top", linespacing=1.1)


def _draw_lines(axes: Any, placement: Placement, colours: dict[str, str]) -> None:
    for line in placement.lines:
        colour = _shade(colours[line.parent.family], placement.entries.index(line.parent))
        for points in _routes(placement, line):
            patch = PathPatch(_rounded(points), facecolor="none", edgecolor=colour, linewidth=1.1)
            patch.set(capstyle="round", zorder=1)
            axes.add_patch(patch)
        for child in line.children:
            left, top = placement.box(child)
            _draw_head(axes, left, placement.entry_height(child, line.parent) + top, colour)


def _routes(placement: Placement, line: Any) -> Iterator[list[tuple[float, float]]]:
    left, top = placement.box(line.parent)
    start = left + NODE_WIDTH / 2, top + NODE_HEIGHT
    for child in line.children:
        x, y = placement.box(child)
        gutter = line.gutters[placement.lane[child]]
        y += placement.entry_height(child, line.parent)
        yield [start, (start[0], line.trunk), (gutter, line.trunk), (gutter, y), (x, y)]


def _rounded(points: list[tuple[float, float]]) -> Path:
    """A line with rounded corners."""
    vertices, codes = [points[0]], [Path.MOVETO]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        for end in before, after:
            length = max(abs(end[0] - corner[0]), abs(end[1] - corner[1]), 1e-9)
            share = min(_CORNER / length, 0.5)
            x, y = (c + share * (e - c) for c, e in zip(corner, end, strict=True))
            near = x, y
            if end is before:
                vertices += [near, corner]
                codes += [Path.LINETO, Path.CURVE3]
            else:
                vertices.append(near)
                codes.append(Path.CURVE3)
    return Path([*vertices, points[-1]], [*codes, Path.LINETO])


def _draw_head(axes: Any, x: float, y: float, colour: str) -> None:
    path = Path([(x, y), (x - 0.06, y - 0.03), (x - 0.06, y + 0.03), (x, y)], closed=True)
    axes.add_patch(PathPatch(path, facecolor=colour, edgecolor="none", zorder=2))


def _draw_loss(axes: Any, placement: Placement, entry: Entry, colour: str) -> None:
    left, top = placement.box(entry)
    box = FancyBboxPatch(
        (left + 0.05, top + 0.05),
        NODE_WIDTH - 0.1,
        NODE_HEIGHT - 0.1,
        boxstyle="round,pad=0.05",
        facecolor=_mixed(colour, 0.12, 0.88),
        edgecolor=colour,
        linewidth=0.8,
        zorder=3,
    )
    axes.add_patch(box)
    name = on_lines(entry.name.removesuffix("Loss"), 16)
    author = entry.source.partition(";")[0].rpartition(" ")[0]
    middle = left + NODE_WIDTH / 2
    place = {"ha": "center", "va": "center", "zorder": 4}
    size = 9 if name.count("\n") < 2 else 7.5
    axes.text(middle, top + 0.2, name, fontsize=size, color="0.1", linespacing=1.05, **place)
    axes.text(middle, top + 0.45, author, fontsize=7, color="0.4", style="italic", **place)


def _wrapped(text: str, width: int) -> str:
    return "\n".join(textwrap.wrap(text, width))


def _shade(colour: str, number: int) -> str:
    """One of several shades of a colour, so that lines beside one another are told apart."""
    return _mixed(colour, (0.75, 1.0, 1.3)[number % 3])


def _mixed(colour: str, factor: float, offset: float = 0.0) -> str:
    red, green, blue = (min(1.0, offset + factor * each) for each in to_rgb(colour))
    return to_hex((red, green, blue))
