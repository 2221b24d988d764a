"""Time of value and gradient beside other libraries: `python benchmarks/losses.py [--quick]`.

All take turns in one process, round after round, so that a change of the machine's pace meets all
alike; the table gives the median over the rounds and its ratio to the fastest peer.
"""

import argparse
import importlib.metadata
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import monai.losses
import numpy as np
import torch

import segloss_xp as sx

SHAPES = {"2-D": (8, 4, 256, 256), "3-D": (2, 4, 128, 128, 128)}
Run = Callable[[], Any]


def torch_runs(name: str, loss: Callable[..., Any], x: Any, y: Any) -> dict[str, Run]:
    """Value and gradient of a PyTorch loss."""

    def run() -> None:
        leaf = x.detach().requires_grad_()
        torch.autograd.grad(loss(leaf, y), leaf)

    return {name: run}


def peers() -> dict[str, dict[str, Callable[..., Any]]]:
    """For each of our losses the same of others."""
    one_hot = {"to_onehot_y": True, "softmax": True}

    def monai_loss(loss: Any) -> Callable[..., Any]:
        return lambda x, y: loss(x, y[:, None])

    return {
        "Dice + CE": {"MONAI": monai_loss(monai.losses.DiceCELoss(**one_hot))},
        "Dice": {"MONAI": monai_loss(monai.losses.DiceLoss(**one_hot))},
        "Tversky": {"MONAI": monai_loss(monai.losses.TverskyLoss(alpha=0.3, beta=0.7, **one_hot))},
        "CE": {"torch": torch.nn.functional.cross_entropy},
    }


OURS = {
    "Dice + CE": sx.DiceLoss() + sx.CrossEntropyLoss(),
    "Dice": sx.DiceLoss(),
    "Tversky": sx.TverskyLoss(),
    "CE": sx.CrossEntropyLoss(),
}


def contestants(what: str, shape: tuple[int, ...]) -> tuple[dict[str, Run], dict[str, Run]]:
    """Those of other libraries, and ours."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape).astype(np.float32)
    y = rng.integers(0, shape[1], (shape[0], *shape[2:]))
    tx, ty, jx, jy = torch.from_numpy(x), torch.from_numpy(y), jnp.asarray(x), jnp.asarray(y)
    theirs: dict[str, Run] = {}
    for name, loss in peers()[what].items():
        theirs |= torch_runs(name, loss, tx, ty)
    loss = OURS[what]
    jitted = jax.jit(jax.value_and_grad(loss))
    torch.compiler.reset()
    ours = {
        **torch_runs("torch", loss, tx, ty),
        **torch_runs("torch compiled", torch.compile(loss, fullgraph=True, dynamic=False), tx, ty),
        "JAX jit": lambda: jax.block_until_ready(jitted(jx, jy)),
        "NumPy": lambda: sx.value_and_grad(loss, x, y),
    }
    return theirs, ours


def measure(runs: dict[str, Run], rounds: int) -> dict[str, float]:
    """Median milliseconds of each, in turns."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            times[name].append(1e3 * (time.perf_counter() - start))
    return {name: statistics.median(each) for name, each in times.items()}


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds, small volumes")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("torch", "jax", "numpy", "monai")
    )
    print(f"{versions}; {platform.machine()}, {options.threads} threads for torch; float32\n")
    for what in OURS:
        for label, shape in SHAPES.items():
            size = tuple(min(n, 64) if options.quick else n for n in shape)
            theirs, ours = contestants(what, size)
            times = measure(theirs | ours, 3 if options.quick else options.rounds)
            fastest = min(times[name] for name in theirs)
            print(f"**{what}**, {label} {size}\n\n| | ms | speed |\n|---|---|---|")
            for name, ms in times.items():
                who = name if name in theirs else f"segloss_xp, {name}"
                print(f"| {who} | {ms:.1f} | {fastest / ms:.1f}x |")
            print(flush=True)


if __name__ == "__main__":
    main()
