"""The map of the losses, drawn."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path as File
from typing import Any

from matplotlib import rc_context
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, PathPatch, Rectangle
from matplotlib.path import Path

from segloss_xp._entry import Entry
from segloss_xp.cli._layout import NODE_HEIGHT, NODE_WIDTH, Layout
from segloss_xp.taxonomy import FAMILIES

_COLOURS = ("#2f6db3", "#c8553d", "#2a8c6a", "#8a5aa8", "#b8862b", "#4a7f95", "#a8497b", "#6b7a3a")
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.55, 0.2, 1.25, 0.2
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
    layout = Layout(entries)
    width, height = _LEFT + layout.width + _RIGHT, _TOP + layout.height + _BOTTOM
    with rc_context({"font.family": "sans-serif", "svg.fonttype": "path", "svg.hashsalt": "map"}):
        figure = Figure(figsize=(width, height), facecolor="white")
        axes: Any = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(-_LEFT, layout.width + _RIGHT)
        axes.set_ylim(layout.height + _BOTTOM, -_TOP)
        colours = dict(zip(FAMILIES, _COLOURS, strict=False))
        _draw_frame(axes, layout, colours, len(entries))
        _draw_lines(axes, layout, colours)
        for entry in entries:
            _draw_loss(axes, layout, entry, colours[entry.family])
        path.parent.mkdir(parents=True, exist_ok=True)
        metadata = {"Date": None} if path.suffix == ".svg" else {}
        figure.savefig(path, dpi=150, metadata=metadata)
