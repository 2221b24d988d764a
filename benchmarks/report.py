"""The README's table of speed and memory, and its figure; `--write` puts them there."""

import argparse
import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
README = RESULTS.parents[1] / "README.md"
BEGIN, END = "<!-- speed -->\n", "\n<!-- /speed -->"
FORMS = ("torch", "torch compiled", "JAX jit", "NumPy")
# As in the table of losses.py, where a name says which.
IMAGES = ("2-D", "3-D")


def rows(name: str) -> list[dict[str, Any]]:
    """The rows of a benchmark's results."""
    return json.loads((RESULTS / f"{name}.json").read_text())["rows"]


def summary(name: str = "losses-1") -> list[dict[str, Any]]:
    """For each loss and image: the fastest peer, and ours in each form as a ratio to it."""
    found = rows(name)
    cases = dict.fromkeys((row["loss"], row["image"]) for row in found)
    lines = []
    for loss, image in cases:
        mine = [row for row in found if (row["loss"], row["image"]) == (loss, image)]
        peers = [row for row in mine if row["library"] != "segloss_xp"]
        ours = {row["form"]: row for row in mine if row["library"] == "segloss_xp"}
        fastest = min(peers, key=lambda row: row["ms"])
        line = {"loss": loss, "image": image}
        line["fastest peer"] = f"{fastest['library']}, {fastest['ms']:.0f} ms"
        line |= {form: f"{fastest['ms'] / ours[form]['ms']:.1f}x" for form in FORMS}
        held = [row["peak / logits"] for row in (fastest, *(ours[form] for form in FORMS))]
        line["memory: theirs, ours"] = " · ".join(f"{x:.1f}" for x in held)
        lines.append(line)
    return lines


def table(rows: list[dict[str, Any]]) -> str:
    """Rows as Markdown, numbers with three digits."""
    from tabulate import tabulate

    keys = list(dict.fromkeys(key for row in rows for key in row))
    cells = [[_cell(key, row.get(key)) for key in keys] for row in rows]
    return tabulate(cells, headers=keys, tablefmt="pipe", disable_numparse=True)


def _cell(key: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        digits = f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
        return f"{digits}x" if key in ("speed", "ours to it") else digits
    return str(value)


def draw(name: str = "losses-1") -> None:
    """Bars of the speeds, one group a loss."""
    from matplotlib import pyplot as plt

    lines = summary(name)
    figure, panels = plt.subplots(1, len(IMAGES), figsize=(11, 4.2), layout="constrained")
    for panel, image in zip(panels, IMAGES, strict=True):
        mine = [line for line in lines if line["image"] == image]
        for i, form in enumerate(FORMS):
            heights = [float(line[form][:-1]) for line in mine]
            places = [j + 0.2 * (i - 1.5) for j in range(len(mine))]
            panel.bar(places, [each - 1 for each in heights], 0.2, bottom=1, label=form)
        panel.axhline(1, color="black", linewidth=0.8)
        panel.set(title=image, ylabel="times as fast as the fastest peer", yscale="log")
        panel.set_yticks([0.25, 0.5, 1, 2, 4, 8], ["1/4", "1/2", "1", "2", "4", "8"])
        panel.minorticks_off()
        panel.set_xticks(range(len(mine)), [line["loss"] for line in mine], rotation=40, ha="right")
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].legend(frameon=False)
    figure.savefig(RESULTS.parent / "figures" / "speed.png", dpi=150)


def markdown() -> str:
    """The table of the README."""
    return table(summary())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="into the README, with the figure")
    if not parser.parse_args().write:
        print(markdown())
        return
    text = README.read_text(encoding="utf-8")
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    README.write_text(text[:start] + markdown() + text[end:], encoding="utf-8")
    draw()


if __name__ == "__main__":
    main()
