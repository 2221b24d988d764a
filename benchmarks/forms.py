"""Eager, compiled, jitted, NumPy: what each form of Dice + CE costs, and what a plain one does."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from by_hand import dice_ce_jax
from harness import Benchmark, Contestant, data, jax_contestant, torch_contestant
from peers import SUBJECTS
from torch.nn import functional

import segloss_xp as sx

SHAPES = {"2-D": (8, 4, 256, 256), "3-D": (2, 4, 128, 128, 128)}
LOSS = SUBJECTS["Dice + CE"]
VALUE = "NumPy value"


def plain_jax(x: Any, y: Any) -> Any:
    """As one writes it down."""
    p, g = jax.nn.softmax(x, axis=1), jax.nn.one_hot(y, x.shape[1], axis=1)
    axes = tuple(range(2, x.ndim))
    dice = (2 * (p * g).sum(axes) + 1e-5) / (p.sum(axes) + g.sum(axes) + 1e-5)
    return 1 - dice.mean() - (g * jax.nn.log_softmax(x, axis=1)).sum(1).mean()


def plain_numpy(x: Any, y: Any) -> Any:
    """The same; the value alone."""
    z = x - x.max(axis=1, keepdims=True)
    e = np.exp(z)
    total = e.sum(axis=1, keepdims=True)
    p = e / total
    g = (y[:, None] == np.arange(x.shape[1]).reshape(1, -1, *[1] * (y.ndim - 1))).astype(x.dtype)
    axes = tuple(range(2, x.ndim))
    dice = (2 * (p * g).sum(axes) + 1e-5) / (p.sum(axes) + g.sum(axes) + 1e-5)
    return 1 - dice.mean() - (g * (z - np.log(total))).sum(axis=1).mean()


def compiled(loss: Any) -> Any:
    return torch.compile(loss, dynamic=False)


def comparisons(x: np.ndarray, y: np.ndarray) -> Iterator[tuple[str, Iterable[Contestant]]]:
    """What is compared with what: others, and one form of ours."""
    tx, ty, jx, jy = torch.from_numpy(x), torch.from_numpy(y), jnp.asarray(x), jnp.asarray(y)
    torch.compiler.reset()
    alone = ("PyTorch, CE alone", functional.cross_entropy)  # less work than theirs, and ours
    ours = ("segloss_xp", LOSS.ours)

    def eager(library: str, loss: Any) -> Contestant:
        return torch_contestant(library, "torch", loss, tx, ty)

    def fused(library: str, loss: Any) -> Contestant:
        return torch_contestant(library, "torch compiled", compiled(loss), tx, ty)

    peers = [eager(*peer) for peer in LOSS.torch.items()]
    less = replace(eager(*alone), same=False)
    yield "eager", [*peers, less, eager(*ours)]
    yield "compiled", [*peers, less, fused(*ours)]
    others = (fused(*peer) for peer in LOSS.torch.items())
    yield "all compiled", [*others, replace(fused(*alone), same=False), fused(*ours)]
    jitted = {"plain form": (plain_jax, jx), "optax": (LOSS.jax["optax"], jnp.moveaxis(jx, 1, -1))}
    jitted["segloss_xp"] = LOSS.ours, jx
    hand = replace(jax_contestant("by hand", "JAX jit", dice_ce_jax, jx, jy), same=False)
    every = (jax_contestant(k, "JAX jit", loss, x, jy) for k, (loss, x) in jitted.items())
    yield "JAX", [*every, hand]
    values = {"plain form": plain_numpy, "segloss_xp": LOSS.ours}
    yield VALUE, [Contestant(k, "NumPy", partial(loss, x, y)) for k, loss in values.items()]
    both = partial(sx.value_and_grad, LOSS.ours, x, y)
    yield "NumPy value and gradient", [*peers, Contestant("segloss_xp", "NumPy", both)]


def main() -> None:
    b = Benchmark("forms", "Dice + CE, value and gradient, in each form of each library")
    for image, shape in SHAPES.items():
        x, y = data(tuple(min(n, 48) if b.options.quick else n for n in shape))
        for what, each in comparisons(x, y):
            rows = b.compare(each, x, y, gradient=what != VALUE, image=image, compared=what)
            for row in rows:
                row["ours to it"] = row["ms"] / rows[-1]["ms"]
    b.save()


if __name__ == "__main__":
    main()
