"""The reliability diagram."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from segloss_xp.bias.calibration import ConfidenceHistogram

_GAP, _LINE, _BARS = "#d1352b", "#2f3e5c", "#7ba3c9"


def draw_reliability(
    histogram: ConfidenceHistogram,
    axes: Any = None,
    *,
    names: Sequence[str] | None = None,
    title: str = "",
) -> Any:
    """
    Draw a reliability diagram: what happened against how sure the prediction was.

    Points are the bins, their area grows with the share of the observations; the bars below are
    these shares, on a scale of their own. On the diagonal, a prediction is as sure as it should be;
    above it, volumes are underestimated.

    Parameters
    ----------
    histogram : ConfidenceHistogram
        Of any library.
    axes : matplotlib.axes.Axes, optional
        To draw in; default: a new figure.
    names : sequence of str, optional
        Of the classes, for a histogram of more than one.
    title : str
        Above the diagram.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import numpy as np
    >>> from segloss_xp import bias
    >>> p, y = np.array([[[0.2, 0.7]]]), np.array([[[0.0, 1.0]]])
    >>> h = bias.confidence_histogram(p, y, from_logits=False, multilabel=True)
    >>> axes = bias.draw_reliability(h, title="two voxels")  # doctest: +SKIP
    """
    h = ConfidenceHistogram(*(_host(each) for each in histogram))
    classes = h.count.shape[0]
    if names is not None and len(names) != classes:
        raise ValueError(f"expected {classes} names, got {len(names)}: {names}")
    axes = _new_axes() if axes is None else axes
    share, confidence, outcome = h.reliability()
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    for k in range(classes):
        used = h.count[k] > 0
        colour = _LINE if classes == 1 else f"C{k}"
        name = None if names is None else names[k]
        x, y = confidence[k][used], outcome[k][used]
        if classes == 1:
            axes.bar(
                (np.arange(h.bins) + 0.5) / h.bins,
                0.18 * share[k] / np.max(share[k], initial=1e-300),
                width=0.92 / h.bins,
                color=_BARS,
                alpha=0.35,
                zorder=0,
            )
            axes.vlines(
                x,
                np.minimum(x, y),
                np.maximum(x, y),
                color=_GAP,
                linewidth=1.5,
                zorder=2,
                clip_on=False,
            )
        axes.plot(x, y, color=colour, linewidth=1.2, zorder=3, label=name, clip_on=False)
        axes.scatter(
            x, y, s=12 + 60 * np.sqrt(share[k][used]), color=colour, zorder=4, clip_on=False
        )
    text = f"ECE {h.ece():.3f}\nbias {h.bias():+.3f}"
    axes.text(0.04, 0.96, text, transform=axes.transAxes, va="top", color="0.25")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="predicted probability", ylabel="observed share")
    axes.set(aspect="equal", title=title)
    axes.set_xticks([0, 0.5, 1], labels=["0", "½", "1"])
    axes.set_yticks([0, 0.5, 1], labels=["0", "½", "1"])
    axes.spines[["top", "right"]].set_visible(False)
    if names is not None:
        axes.legend(frameon=False, loc="lower right")
    return axes


def _host(x: Any) -> np.ndarray:
    for fetch in ("detach", "cpu", "get"):
        x = getattr(x, fetch)() if hasattr(x, fetch) else x
    return np.asarray(x, np.float64)


def _new_axes() -> Any:
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "drawing needs matplotlib: python -m pip install matplotlib"
        ) from error
    return Figure(figsize=(3.4, 3.6), layout="constrained").subplots()
