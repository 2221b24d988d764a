"""How the cost of Dice + CE grows with voxels and with classes: slopes of log time by log size."""

from functools import partial

import jax.numpy as jnp
import numpy as np
import torch
from harness import (
    RESULTS,
    Benchmark,
    Contestant,
    data,
    jax_contestant,
    torch_contestant,
)
from matplotlib import pyplot as plt
from peers import SUBJECTS

import segloss_xp as sx

LOSS = SUBJECTS["Dice + CE"]
VOXELS = {edge**3: (1, 4, edge, edge, edge) for edge in (16, 32, 64, 96, 128)}
CLASSES = {n: (1, n, 48, 48, 48) for n in (2, 4, 8, 16, 32, 64, 105)}


def contestants(shape: tuple[int, ...]) -> list[Contestant]:
    """Ours in each form, and MONAI."""
    x, y = data(shape)
    tx, ty, jx, jy = torch.from_numpy(x), torch.from_numpy(y), jnp.asarray(x), jnp.asarray(y)
    torch.compiler.reset()
    compiled = torch.compile(LOSS.ours, fullgraph=True, dynamic=False)
    return [
        torch_contestant("MONAI", "torch", LOSS.torch["MONAI"], tx, ty),
        torch_contestant("segloss_xp", "torch", LOSS.ours, tx, ty),
        torch_contestant("segloss_xp", "torch compiled", compiled, tx, ty),
        jax_contestant("segloss_xp", "JAX jit", LOSS.ours, jx, jy),
        Contestant("segloss_xp", "NumPy", partial(sx.value_and_grad, LOSS.ours, x, y)),
    ]


def main() -> None:
    b = Benchmark("scaling", "Dice + CE, value and gradient, by the number of voxels and classes")
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    series = {"voxels": VOXELS, "classes": CLASSES}
    for panel, (what, shapes) in zip(panels, series.items(), strict=True):
        if not b.wanted(what):
            continue
        sizes = list(shapes)[: 3 if b.options.quick else None]
        for size in sizes:
            b.compare(contestants(shapes[size]), of=what, number=size)
        rows = [row for row in b.rows if row["of"] == what]
        for library, form in dict.fromkeys((row["library"], row["form"]) for row in rows):
            mine = [row for row in rows if (row["library"], row["form"]) == (library, form)]
            times = [row["ms"] for row in mine]
            # The largest alone, where calls cost nothing beside.
            slope = np.polyfit(np.log(sizes[-3:]), np.log(times[-3:]), 1)[0]
            for row in mine:
                row["slope"] = float(slope)
            name = library if library != "segloss_xp" else f"segloss_xp, {form}"
            panel.loglog(sizes, times, marker="o", label=f"{name}: slope {slope:.2f}")
        panel.set(xlabel=f"number of {what}", ylabel="ms, value and gradient")
        panel.legend(frameon=False, fontsize="small")
        panel.spines[["top", "right"]].set_visible(False)
    if b.stem == "scaling-1":
        figure.savefig(RESULTS.parent / "figures" / "scaling.png", dpi=150)
    b.save()


if __name__ == "__main__":
    main()
