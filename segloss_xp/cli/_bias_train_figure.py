"""The figure of the trained networks: predictions, errors of the volume, reliability."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from segloss_xp import bias
from segloss_xp.cli._bias_data import Experiment
from segloss_xp.cli._bias_network import FRAMEWORKS
from segloss_xp.cli._bias_result import LOSSES, Result

_NAMES = tuple(name for name, *_ in LOSSES)
_COLOURS = ("#264653", "#d1352b", "#e9a03b", "#7f5aa2", "#2a9d8f")
_MARKERS = {"torch": "o", "jax": "s"}


def draw(path: Path, experiments: Sequence[Experiment], results: Sequence[Result]) -> None:
    """
    Draw the results.

    Parameters
    ----------
    path : Path
        File to write, in a format that its suffix says.
    experiments : sequence of Experiment
    results : sequence of Result
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    style: Any = {"font.size": 11, "axes.spines.top": False, "axes.spines.right": False}
    with rc_context(style):
        figure: Any = Figure(figsize=(15, 16.5), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.06, h_pad=0.06)
        shown = [each for each in experiments if each.hidden]
        heights = (2.0 * len(shown), 4.4, 6.6)
        predictions, errors, reliability = figure.subfigures(3, 1, height_ratios=heights)
        _draw_predictions(predictions, shown, results)
        _draw_errors(errors, experiments, results)
        _draw_reliability(reliability, experiments[-1], results)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=120)


def _draw_predictions(
    figure: Any, experiments: Sequence[Experiment], results: Sequence[Result]
) -> None:
    figure.suptitle("What a network predicts of what it cannot know", fontsize="x-large")
    rows = figure.subplots(len(experiments), 3 + len(_NAMES), squeeze=False)
    for row, experiment in zip(rows, experiments, strict=True):
        test = experiment.test
        n = int(np.argmax(test.volumes)) if experiment.rings is None else 0
        truth = (test.features[n, 0], test.labels[n, 0], test.soft[n, 0])
        found = [
            1 / (1 + np.exp(-_first(results, experiment, name).logits[n, 0])) for name in _NAMES
        ]
        mask = test.mask[n].reshape(experiment.space)
        for k, (panel, values) in enumerate(zip(row, (*truth, *found), strict=True)):
            image = np.ma.masked_array(values.reshape(experiment.space), ~mask)
            limits = {} if k == 0 else {"vmin": 0, "vmax": 1}
            cmap = "gray" if k < 2 else "magma"
            panel.imshow(image, cmap=cmap, interpolation="nearest", **limits)
            panel.set_xticks([])
            panel.set_yticks([])
            for spine in panel.spines.values():
                spine.set_visible(False)
        row[0].set_ylabel(experiment.name.replace(", ", "\n").replace(" of ", "\nof "))
    titles = (
        "image",
        "one truth",
        "probability",
        *(name.replace(" + ", "\n+ ") for name in _NAMES),
    )
    for panel, title in zip(rows[0], titles, strict=True):
        panel.set_title(title.replace(", ", ",\n").replace("Dice semi", "Dice\nsemi"), fontsize=11)


def _draw_errors(figure: Any, experiments: Sequence[Experiment], results: Sequence[Result]) -> None:
    figure.suptitle("Error of the volume, as a share of the true one", fontsize="x-large")
    panels = figure.subplots(1, len(experiments), sharey=True)
    for panel, experiment in zip(panels, experiments, strict=True):
        panel.axvline(0, color="0.6", linewidth=1)
        frameworks = sorted({r.framework for r in results if r.experiment == experiment.name})
        for r in results:
            if r.experiment == experiment.name:
                place = frameworks[::-1].index(r.framework) - (len(frameworks) - 1) / 2
                _draw_error(panel, r, _NAMES.index(r.loss) + 0.26 * place)
        panel.set_title(experiment.name.replace(", ", ",\n", 1), fontsize="medium", loc="left")
        panel.tick_params(axis="y", length=0)
        panel.spines["left"].set_visible(False)
        panel.xaxis.set_major_formatter(lambda x, _: f"{100 * x:+.0f} %" if round(x, 6) else "0")
        panel.margins(x=0.08)
    panels[0].set_yticks(range(len(_NAMES)), labels=[_wrapped(name) for name in _NAMES])
    for label, colour in zip(panels[0].get_yticklabels(), _COLOURS, strict=True):
        label.set_color(colour)
    panels[0].set_ylim(len(_NAMES) - 0.5, -0.5)
    _legend(figure, {r.framework for r in results})


def _draw_error(panel: Any, r: Result, y: float) -> None:
    colour, marker = _COLOURS[_NAMES.index(r.loss)], _MARKERS[r.framework]
    panel.plot([r.soft.low, r.soft.high], [y, y], color=colour, linewidth=2, zorder=2)
    style = {"markersize": 7, "color": colour, "zorder": 3}
    panel.plot([r.hard.mean], [y], marker, markerfacecolor="white", **style)
    panel.plot([r.soft.mean], [y], marker, **style)
    if not math.isnan(r.theory):
        panel.plot([r.theory] * 2, [y - 0.2, y + 0.2], color="black", linewidth=1.4, zorder=4)


def _legend(figure: Any, frameworks: set[str]) -> None:
    from matplotlib.lines import Line2D

    def entry(label: str, marker: str = "o", **style: Any) -> Any:
        return Line2D([], [], linestyle="", marker=marker, color="0.3", label=label, **style)

    handles = [
        entry("sum of the probabilities, 95 % of bootstrap means"),
        entry("voxels above ½", markerfacecolor="white"),
        entry("theory, of a perfect network", "|", markersize=11, markeredgewidth=1.5),
        *(entry(FRAMEWORKS[name], _MARKERS[name]) for name in FRAMEWORKS if name in frameworks),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)


def _draw_reliability(figure: Any, experiment: Experiment, results: Sequence[Result]) -> None:
    figure.suptitle(f"Reliability: {experiment.name}", fontsize="x-large")
    kinds = ("as trained", "Platt")
    rows = figure.subplots(len(kinds), len(_NAMES), sharex=True, sharey=True)
    for row, kind in zip(rows, kinds, strict=True):
        for panel, name in zip(row, _NAMES, strict=True):
            found = _first(results, experiment, name)
            bias.draw_reliability(found.histograms[kind], panel)
            panel.set(xlabel="", ylabel="")
    for panel, name, colour in zip(rows[0], _NAMES, _COLOURS, strict=True):
        panel.set_title(_wrapped(name), color=colour, fontsize="medium")
    for panel in rows[-1]:
        panel.set_xlabel("predicted probability")
    for row, text in zip(rows, ("as trained", "after Platt scaling"), strict=True):
        row[0].set_ylabel(f"{text}\n\nobserved share")


def _first(results: Sequence[Result], experiment: Experiment, loss: str) -> Result:
    """Of the frameworks, which agree."""
    return next(r for r in results if (r.experiment, r.loss) == (experiment.name, loss))


def _wrapped(name: str) -> str:
    return name.replace(", ", ",\n").replace(" + ", "\n+ ")
