"""The ``bias sheet`` command: which loss keeps a volume right, for every loss there is."""

import argparse
import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import segloss_xp as sx
from segloss_xp import bias
from segloss_xp.cli import _losses

NEEDED = ("matplotlib", "rich")

_MU = (0.25, 1.0, 4.0)
_NOTES = {
    "*": "looks at where voxels are: of one small image, a disc with the uncertain around it",
    "†": "moves the prediction of what is certain too, which is not counted here",
    "‡": "looks at logits beyond their softmax: of those that are log p",
}
# The end of the colours: few losses are further off.
_MOST = 0.7
_GRID = np.linspace(0.0025, 0.9975, 200)


def add_to(commands: Any) -> argparse.ArgumentParser:
    """Add the command to the parsers of argparse."""
    parser = commands.add_parser(
        "sheet",
        help="tabulate the best prediction and the volume bias of every loss",
        description="For every loss, what a perfect network predicts where the truth is "
        "uncertain, and the bias of the volume that comes of it; as a table and a figure.",
    )
    parser.add_argument(
        "--mu",
        type=_positive,
        nargs="+",
        default=_MU,
        help="volumes of what is uncertain, in units of the certain foreground (default: 0.25 1 4)",
    )
    parser.add_argument(
        "--regions", type=int, default=1, help="into which it falls, independent (default: 1)"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("sheet.png"), help="figure (default: sheet.png)"
    )
    parser.add_argument("--csv", type=Path, help="table (default: beside the figure)")
    return parser


def run(options: argparse.Namespace) -> int:
    """Compute the sheet, print it, write and draw it."""
    from rich.console import Console
    from rich.progress import track

    console = Console()
    if not console.is_terminal:
        console = Console(width=130)  # a file has no width
    losses = list(dict.fromkeys(_losses.collected()))
    p = (*bias.PROBABILITIES, *_GRID)
    rows: list[bias.Bias] = []
    quiet = not console.is_terminal
    for loss in track(losses, "Losses", console=console, transient=True, disable=quiet):
        try:
            rows += bias.sheet([loss], mu=options.mu, n=options.regions, p=p)
        except ValueError as error:
            raise SystemExit(str(error)) from None
    rows = ordered(rows)
    console.print(_table(rows))
    for loss, refusal in dict.fromkeys((row.loss, row.refusal) for row in rows if row.refusal):
        console.print(f"{loss} is left out: {refusal}", style="yellow")
    for name in _losses.left_out():
        console.print(f"{name} is left out: it needs a parameter", style="yellow")
    table = options.csv or options.output.with_suffix(".csv")
    write(table, rows)
    console.print(f"Table written to {table}", soft_wrap=True)
    if shown := [row for row in rows if not row.refusal]:
        draw(options.output, shown)
        console.print(f"Figure written to {options.output}", soft_wrap=True)
    return 0


def ordered(rows: Sequence[bias.Bias]) -> list[bias.Bias]:
    """The losses with the smallest mean absolute bias first, those without a row last."""
    total: dict[sx.Loss, float] = {}
    for row in rows:
        total[row.loss] = total.get(row.loss, 0.0) + row.mean_abs / row.mu
    worst = {loss: math.inf if math.isnan(each) else round(each, 9) for loss, each in total.items()}
    return sorted(rows, key=lambda row: (worst[row.loss], str(row.loss), row.mu))


def write(path: Path, rows: Sequence[bias.Bias]) -> None:
    """Write the rows as comma-separated values."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = len(bias.PROBABILITIES)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        best = [f"x at p={p:g}" for p in bias.PROBABILITIES]
        means = "mean", "mean_abs"
        seen = "classes", "image", "keeps_certain", "logits"
        out.writerow(["loss", "mu", "regions", *best, *means, *seen, "refusal"])
        for row in rows:
            values = (f"{x:.6f}" for x in (*row.x[:shown], row.mean, row.mean_abs))
            seen = row.classes, row.image, row.keeps_certain, row.logits
            out.writerow([str(row.loss), row.mu, row.n, *values, *seen, row.refusal])


def draw(path: Path, rows: Sequence[bias.Bias]) -> None:
    """
    Draw the error of the best prediction of each loss over the probability.

    Parameters
    ----------
    path : Path
        File to write, in a format that its suffix says.
    rows : sequence of Bias
        With `p` and `x` on a grid after the probabilities that are tabulated.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    losses = list(dict.fromkeys(row.loss for row in rows))
    volumes = sorted({row.mu for row in rows})
    with rc_context({"font.size": 10.5}):
        height = 0.3 * len(losses) + 3
        figure: Any = Figure(figsize=(4.5 + 3.6 * len(volumes), height), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.12, h_pad=0.1)
        panels = np.atleast_1d(figure.subplots(1, len(volumes), sharey=True))
        image = None
        for panel, mu in zip(panels, volumes, strict=True):
            image = _draw_strips(panel, [row for row in rows if row.mu == mu])
            panel.set_title(f"uncertain volume μ = {mu:g}", loc="left", fontsize="medium")
        panels[0].set_yticks(range(len(losses)), labels=list(_marked(rows).values()))
        bar = figure.colorbar(
            image, ax=panels, location="bottom", aspect=50, shrink=0.6, pad=0.3 / height
        )
        bar.set_ticks([-_MOST, 0, _MOST])
        bar.set_label("best prediction less probability: too small (blue), right, too large (red)")
        bar.outline.set_visible(False)
        notes = "\n".join(f"{mark} {text}" for mark, text in _NOTES.items())
        figure.supxlabel(notes, x=0.02, ha="left", fontsize="small")
        regions = "a region" if rows[0].n == 1 else f"{rows[0].n} independent regions"
        figure.suptitle(
            "Which loss keeps a volume right?\n"
            f"The prediction of a perfect network for {regions} of probability p",
            fontsize="large",
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=130)


def _draw_strips(panel: Any, rows: Sequence[bias.Bias]) -> Any:
    shown = len(bias.PROBABILITIES)
    wrong = np.stack([row.x[shown:] - row.p[shown:] for row in rows])
    extent = (0, 1, len(rows) - 0.5, -0.5)
    image = panel.imshow(
        wrong,
        cmap="RdBu_r",
        vmin=-_MOST,
        vmax=_MOST,
        aspect="auto",
        extent=extent,
        interpolation="nearest",
    )
    for k in range(1, len(rows)):
        panel.axhline(k - 0.5, color="white", linewidth=3)
    panel.set_ylim(len(rows) - 0.5, -1.2)
    means = [f"{_signed(row.mean)}  {row.mean_abs:.3f}" for row in rows]
    beside = panel.secondary_yaxis("right")
    beside.set_ticks(range(-1, len(rows)), labels=["  mean mean|·|", *means])
    beside.tick_params(length=0, labelfontfamily="monospace", labelsize="small")
    beside.spines["right"].set_visible(False)
    panel.set_xticks([0, 0.5, 1], labels=["0", "½", "1"])
    panel.set_xlabel("probability p of foreground")
    panel.tick_params(length=0)
    for spine in panel.spines.values():
        spine.set_visible(False)
    return image


def _signed(x: float) -> str:
    """The number without a sign if it is nothing."""
    return " 0.000" if abs(x) < 5e-4 else f"{x:+.3f}"


def _marked(rows: Sequence[bias.Bias]) -> dict[sx.Loss, str]:
    """A short name of each loss, with the marks of its notes at any volume."""
    names: dict[sx.Loss, str] = {}
    for loss in dict.fromkeys(row.loss for row in rows):
        own = [row for row in rows if row.loss == loss]
        noted = (
            any(row.image for row in own),
            not all(row.keeps_certain for row in own),
            any(row.logits for row in own),
        )
        marks = "".join(mark for mark, applies in zip(_NOTES, noted, strict=True) if applies)
        name = str(loss).replace("()", "").replace("include_background=False", "foreground")
        names[loss] = f"{name} {marks}".rstrip()
    return names


def _table(rows: Sequence[bias.Bias]) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    shown = Table(
        title="Best prediction of a region by its probability, and bias of its volume",
        caption="Mean of the bias and of its absolute value over the probability, in units of the "
        "certain foreground, as μ is.\n" + "\n".join(f"{mark} {_NOTES[mark]}" for mark in _NOTES),
        box=SIMPLE_HEAD,
        padding=0,
        pad_edge=False,
    )
    shown.add_column("loss", overflow="fold")
    # As narrow as that, it fits into the 80 columns of a terminal.
    best = (f"p={p:g}".replace("0.", ".") for p in bias.PROBABILITIES)
    headings = (*best, "mean", "mean\n|·|")
    for heading in ("μ", *headings):
        shown.add_column(heading, justify="right", no_wrap=True)
    last, names = None, _marked(rows)
    for row in rows:
        if row.refusal:
            continue
        best = (f"{x:.3f}" for x in row.x[: len(bias.PROBABILITIES)])
        name = "" if row.loss == last else names[row.loss]
        last = row.loss
        shown.add_row(name, f"{row.mu:g}", *best, _signed(row.mean), f"{row.mean_abs:.3f}")
    return shown


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a positive number, got {text}")
    return value
