"""The ``bias figure`` command: the theory in one figure."""

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import segloss_xp as sx
from segloss_xp import bias

NEEDED = ("matplotlib", "rich")

_REGIONS = (1, 4, 16)
_MU = (0.25, 1.0, 4.0)
_SHOWN_MU = 1.0
_COLOURS = ("#2a9d8f", "#264653", "#e07a3f")
_PROBABILITIES = np.linspace(0.1, 0.9, 9)
_TABULATED = np.linspace(0.01, 0.99, 99)


def add_to(commands: Any) -> argparse.ArgumentParser:
    """Add the command to the parsers of argparse."""
    parser = commands.add_parser(
        "figure",
        help="draw loss, best prediction and volume bias where the truth is uncertain",
        description="Draw the expected loss against the prediction of an uncertain region, the "
        "best prediction, and the bias of the volume, for one region and for several that are "
        "independent.",
    )
    parser.add_argument(
        "--loss",
        type=loss_of,
        default=sx.DiceLoss(),
        metavar="NAME",
        help="any loss with default parameters, such as TverskyLoss (default: DiceLoss)",
    )
    parser.add_argument(
        "--output", type=Path, default=Path("bias.png"), help="figure (default: bias.png)"
    )
    parser.add_argument("--csv", type=Path, help="table (default: beside the figure)")
    return parser


def loss_of(name: str) -> sx.Loss:
    """The loss of that name, with its default parameters."""
    found = getattr(sx, name, None)
    try:
        loss = found() if name.endswith("Loss") and found is not None else None
    except TypeError:
        loss = None
    if loss is None or type(loss) in (sx.Loss, sx.RegionLoss, sx.VoxelLoss):
        raise argparse.ArgumentTypeError(
            f"expected the name of a loss that needs no parameter, got {name!r}"
        )
    return loss


def run(options: argparse.Namespace) -> int:
    """Compute the curves, write and draw them."""
    from rich.console import Console
    from rich.progress import track

    console = Console()
    kinds = [(n, mu) for n in _REGIONS for mu in _MU]
    quiet = not console.is_terminal
    try:
        curves = {
            kind: bias.curves(options.loss, mu=kind[1], n=kind[0])
            for kind in track(kinds, "Computing", console=console, transient=True, disable=quiet)
        }
    except (TypeError, ValueError, NotImplementedError, ModuleNotFoundError) as refusal:
        raise SystemExit(f"{options.loss!r} has no such figure: {refusal}") from None
    table = options.csv or options.output.with_suffix(".csv")
    write(table, curves)
    draw(options.output, options.loss, curves)
    console.print(f"Table written to {table}, figure to {options.output}", soft_wrap=True)
    return 0


def write(path: Path, curves: dict[tuple[int, float], bias.Curves]) -> None:
    """Write the best predictions, what they cost, and the bias, as comma-separated values."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["regions", "mu", "p", "x", "expected loss", "bias"])
        for (n, mu), each in curves.items():
            best = each.minimisers(_TABULATED), each.risk(_TABULATED).min(axis=1)
            for p, x, risk in zip(_TABULATED, *best, strict=True):
                numbers = f"{p:g}", f"{x:.6f}", f"{risk:.6f}", f"{mu * (x - p):.6f}"
                out.writerow([n, mu, *numbers])


def draw(path: Path, loss: sx.Loss, curves: dict[tuple[int, float], bias.Curves]) -> None:
    """
    Draw a row of panels for each number of regions.

    Parameters
    ----------
    path : Path
        File to write, in a format that its suffix says.
    loss : Loss
    curves : dict
        For each number of regions and volume.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    style: Any = {"font.size": 11, "axes.spines.top": False, "axes.spines.right": False}
    with rc_context(style):
        figure: Any = Figure(figsize=(12.5, 10.5), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.12, h_pad=0.1)
        panels = figure.subplots(
            len(_REGIONS), 3, sharex="col", sharey="col", width_ratios=(1, 1, 1)
        )
        p = np.linspace(0.0005, 0.9995, 1999)
        for row, n in zip(panels, _REGIONS, strict=True):
            _draw_risk(row[0], curves[n, _SHOWN_MU])
            best = {mu: curves[n, mu].minimisers(p) for mu in _MU}
            _draw_best(row[1], p, best)
            _draw_bias(row[2], p, best)
            regions = "1 region" if n == 1 else f"{n} independent regions"
            row[0].set_ylabel(f"{regions}\n\nexpected loss")
        for panel, text in zip(panels[0], _titles(), strict=True):
            panel.set_title(text, loc="left", fontsize="medium", pad=10)
        for panel, text in zip(
            panels[-1],
            (
                "prediction of the uncertain regions",
                "probability p of foreground",
                "probability p of foreground",
            ),
            strict=True,
        ):
            panel.set_xlabel(text)
        _colourbar(figure, panels[:, 0])
        figure.suptitle(
            f"{loss!r}: what it makes of a foreground that is uncertain",
            fontsize="x-large",
            ha="left",
            x=0.06,
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=130)


def _titles() -> Sequence[str]:
    return (
        f"Expected loss, volume μ = {_SHOWN_MU:g};\nthe best prediction dotted",
        "Best prediction; it is p itself for\ncross-entropy (dashed)",
        "Bias of the volume, in units of the certain\nforeground; 0 for cross-entropy (dashed)",
    )


def _draw_risk(panel: Any, curves: bias.Curves) -> None:
    from matplotlib import colormaps

    risk, best = curves.risk(_PROBABILITIES), curves.minimisers(_PROBABILITIES)
    for p, values, x in zip(_PROBABILITIES, risk, best, strict=True):
        colour = colormaps["viridis"](0.95 * p)
        shown = np.isfinite(values)
        panel.plot(curves.x[shown], values[shown], color=colour, linewidth=1.8)
        least = np.interp(x, curves.x[shown], values[shown])
        dot = {"color": colour, "markersize": 7, "markeredgecolor": "white"}
        panel.plot([x], [least], "o", clip_on=False, zorder=3, **dot)
    # Where a loss has no end, the rest is to be seen.
    panel.set_ylim(0, 1.08 * min(np.nanmax(risk), 8 * float(np.median(np.min(risk, axis=1)))))


def _colourbar(figure: Any, panels: Any) -> None:
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    colours = ListedColormap([colormaps["viridis"](0.95 * p) for p in np.linspace(0, 1, 256)])
    mappable = ScalarMappable(Normalize(0, 1), colours)
    bar = figure.colorbar(mappable, ax=panels, location="bottom", aspect=35, shrink=0.9, pad=0.01)
    bar.set_label("probability p of foreground")
    bar.outline.set_visible(False)


def _draw_best(panel: Any, p: np.ndarray, best: dict[float, np.ndarray]) -> None:
    panel.plot([0, 1], [0, 1], color="0.55", linewidth=1.2, dashes=(4, 3), zorder=1)
    for (mu, x), colour in zip(best.items(), _COLOURS, strict=True):
        (jumps,) = np.nonzero(np.abs(np.diff(x)) > 0.5)
        where = "".join(f", jump at {(p[k] + p[k + 1]) / 2:.3f}" for k in jumps)
        panel.plot(p, x, color=colour, linewidth=2, label=f"μ = {mu:g}{where}")
    panel.set_ylim(-0.05, 1.62)
    panel.set_yticks(np.linspace(0, 1, 6))
    panel.legend(frameon=False, loc="upper left", fontsize="small", handlelength=1.2)


def _draw_bias(panel: Any, p: np.ndarray, best: dict[float, np.ndarray]) -> None:
    panel.axhline(0, color="0.55", linewidth=1.2, dashes=(4, 3), zorder=1)
    for (mu, x), colour in zip(best.items(), _COLOURS, strict=True):
        wrong = mu * (x - p)
        panel.plot(p, wrong, color=colour, linewidth=2)
    # Points that are not seen, lest what is nothing but rounding look like something.
    panel.plot([0, 0], [-0.1 * max(best), 0.1 * max(best)], alpha=0)
    panel.text(0.02, 0.98, "too large", transform=panel.transAxes, color="0.4", va="top")
    panel.text(0.02, 0.02, "too small", transform=panel.transAxes, color="0.4", va="bottom")
