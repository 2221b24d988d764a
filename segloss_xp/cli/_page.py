"""A figure laid out from the top down, as one writes a page."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure


class Page:
    """
    A figure of a given width, as high as what is put on it.

    Parameters
    ----------
    width : float
        In inches.
    font_size : float
        In points. Heights are given in lines of this size.
    """

    def __init__(self, width: float, font_size: float) -> None:
        self.figure: Any = Figure()
        self._width, self._line, self._height = width, 1.2 * font_size / 72, 0.0
        self._boxes: list[tuple[Any, tuple[float, float, float, float]]] = []

    def skip(self, lines: float) -> None:
        """Leave space."""
        self._height += lines * self._line

    def row(self, columns: int, count: int, aspect: float) -> Sequence[Any]:
        """The first `count` of a row of panels, with `aspect` of height to width."""
        gap = 0.2
        width = (self._width - gap) / columns
        inner = width - gap
        lefts = [gap + k * width for k in range(count)]
        panels = [self._box(left, inner, inner * aspect) for left in lefts]
        self._height += inner * aspect
        return panels

    def line(self, lines: float, share: float = 1.0) -> Any:
        """One panel amid the page, over a share of its width."""
        width, height = share * self._width, lines * self._line
        panel = self._box((self._width - width) / 2, width, height)
        self._height += height
        return panel

    def save(self, path: Path) -> None:
        """Write the page, in a format that the suffix says."""
        self.figure.set_size_inches(self._width, self._height)
        for panel, (left, top, width, height) in self._boxes:
            bottom = self._height - top - height
            across, up = left / self._width, bottom / self._height
            panel.set_position((across, up, width / self._width, height / self._height))
        path.parent.mkdir(parents=True, exist_ok=True)
        self.figure.savefig(path, dpi=130)

    def _box(self, left: float, width: float, height: float) -> Any:
        panel = self.figure.add_axes((0, 0, 1, 1))
        panel.set_axis_off()
        self._boxes.append((panel, (left, self._height, width, height)))
        return panel


def on_lines(name: str, width: int) -> str:
    """The name of a class, broken between its words into lines of that many letters."""
    lines = [""]
    for word in re.split(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", name):
        if len(lines[-1] + word) > width:
            lines.append("")
        lines[-1] += word
    return "\n".join(lines)
