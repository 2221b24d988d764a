"""The figure: a slice, its segmentations, and what each loss asks of the network."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

import segloss_xp as sx
from segloss_xp.cli import _scores
from segloss_xp.cli._brain import CLASSES, Slices
from segloss_xp.cli._page import Page, on_lines
from segloss_xp.cli._train import Result

_GREY, _WHITE = 1, 2
_COLOURS = ("#2f3e5c", "#7ba3c9", "#f1e4c3")
_WRONG = "#d1352b"
_DIVERGING = "RdBu_r"


def draw(path: Path, results: Sequence[Result], test: Slices, losses: Sequence[sx.Loss]) -> None:
    """
    Draw one of the test slices.

    Parameters
    ----------
    path : Path
        File to write, in a format that its suffix says.
    results : sequence of Result
        What is known of the test slices; the gradients are at the last.
    test : Slices
    losses : sequence of Loss
    """
    # The one that shows most of the ventricles.
    index = int(np.argmax(np.sum(test.soft[:, 0] * test.mask, axis=(1, 2))))
    one, logits = test[index : index + 1], results[-1].logits[index : index + 1]
    gradients = {str(loss): _gradient(loss, logits, one) for loss in losses}
    gradients = {name: each for name, each in gradients.items() if each is not None}
    columns = min(8, max(4, math.ceil(math.sqrt(1.5 * len(gradients)))))
    # A large figure is looked at from further away.
    font_size = 6 + columns
    with rc_context({"font.size": font_size}):
        page = Page(2.7 * columns, font_size)
        _heading(page, "An axial slice of the MNI152 template, not trained with")
        _draw_segmentations(page, one, [(r, r.logits[index]) for r in results[-2:]], test)
        _heading(page, f"What each loss asks of the grey-matter logit of the {results[-1].name}")
        _draw_gradients(page, gradients, one.mask[0], columns)
        page.save(path)


def _gradient(loss: sx.Loss, logits: np.ndarray, one: Slices) -> np.ndarray | None:
    """By the logit of grey matter, for soft labels if the loss takes them, else for labels."""
    for target in (one.soft, one.labels):
        try:
            _, gradient = sx.value_and_grad(
                loss, logits, target, mask=one.mask, spacing=one.spacing
            )
        except (TypeError, ValueError, ModuleNotFoundError):
            continue
        return gradient[0, _GREY]
    return None


def _draw_segmentations(
    page: Page, one: Slices, results: Sequence[tuple[Result, np.ndarray]], test: Slices
) -> None:
    mask, labels = one.mask[0], one.labels[0]
    columns = 2 + len(results)
    page.skip(3)
    image, target, *found = page.row(columns, columns, _aspect(mask))
    _show(image, one.image[0, 0], mask, "T1-weighted,\nnoise added", "gray")
    _show_classes(target, labels, mask, "Target:\nthe most probable tissue")
    for panel, (result, logits) in zip(found, results, strict=True):
        predicted = np.argmax(logits, axis=0)
        dice = _scores.dice(result.logits, test)
        title = f"{result.name}, test Dice:\n{dice[_GREY]:.2f} grey, {dice[_WHITE]:.2f} white"
        _show_classes(panel, np.where(predicted == labels, labels, len(CLASSES)), mask, title)
    names = zip((*_COLOURS, _WRONG), (*CLASSES, "wrong"), strict=True)
    page.line(3).legend(
        handles=[Patch(color=colour, label=name) for colour, name in names],
        loc="center",
        ncols=len(CLASSES) + 1,
        frameon=False,
    )


def _draw_gradients(
    page: Page, gradients: Mapping[str, np.ndarray], mask: np.ndarray, columns: int
) -> None:
    left = list(gradients.items())
    while left:
        some, left = left[:columns], left[columns:]
        page.skip(3)
        panels = page.row(columns, len(some), _aspect(mask))
        for panel, (loss, gradient) in zip(panels, some, strict=True):
            # A few voxels far off would leave the rest pale.
            sizes = np.abs(gradient[mask])
            scale = float(np.quantile(sizes, 0.995) or np.max(sizes)) or 1.0
            _show(panel, gradient, mask, _wrapped(loss, columns), _DIVERGING, limit=scale)
            panel.contour(mask, levels=[0.5], colors="0.6", linewidths=0.6)
            place = {"transform": panel.transAxes, "ha": "center", "va": "top"}
            # Of errors as thin as these, some losses see nothing.
            said = f"± {scale:.1e}" if np.any(sizes) else "0 everywhere"
            panel.text(0.5, -0.01, said, color="0.4", **place)
        page.skip(1.5)
    page.skip(1.5)
    mappable = ScalarMappable(cmap=_DIVERGING)
    mappable.set_clim(-1, 1)
    bar = page.figure.colorbar(mappable, cax=page.line(1, share=0.5), orientation="horizontal")
    bar.ax.set_axis_on()
    bar.set_ticks([-1, 0, 1], labels=["more grey matter", "as it is", "less"])
    bar.set_label("gradient for soft labels, in units of the range below each panel")
    bar.outline.set_visible(False)
    page.skip(4)


def _heading(page: Page, text: str) -> None:
    page.skip(0.5)
    page.line(2).text(0.5, 0.5, text, ha="center", va="center", fontsize="x-large")


def _show_classes(panel: Any, classes: np.ndarray, mask: np.ndarray, title: str) -> None:
    _show(panel, classes, mask, title, ListedColormap((*_COLOURS, _WRONG)))
    panel.images[0].set_clim(-0.5, len(CLASSES) + 0.5)


def _show(
    panel: Any,
    image: np.ndarray,
    mask: np.ndarray,
    title: str,
    cmap: Any,
    limit: float | None = None,
) -> None:
    low = None if limit is None else -limit
    shown = np.ma.masked_array(image, ~mask)
    panel.imshow(shown, cmap=cmap, vmin=low, vmax=limit, interpolation="nearest", aspect="auto")
    panel.set_title(title, fontsize="medium")


def _aspect(image: np.ndarray) -> float:
    return image.shape[0] / image.shape[1]


def _wrapped(loss: str, columns: int) -> str:
    """The name on lines that fit a panel: the more columns, the larger the font."""
    fits = 36 - 3 * (columns - 4)
    lines = loss.replace("()", "").replace(" + ", "\n+ ").split("\n")
    return "\n".join(_broken(line, fits) for line in lines)


def _broken(line: str, fits: int) -> str:
    if len(line) <= fits:
        return line
    return line.replace("(", "(\n") if "(" in line else on_lines(line, fits)
