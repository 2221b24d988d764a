"""Eager, compiled, jitted, NumPy: what each form of Dice + CE costs, and what a plain one does."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from harness import Benchmark, Contestant, data, jax_contestant, torch_contestant
from peers import SUBJECTS
from torch.nn import functional

import segloss_xp as sx

SHAPES = {"2-D": (8, 4, 256, 256), "3-D": (2, 4, 128, 128, 128)}
LOSS = SUBJECTS["Dice + CE"]


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


def main() -> None:
    b = Benchmark("forms", "Dice + CE, value and gradient, in each form of each library")
    for label, shape in SHAPES.items():
        x, y = data(tuple(min(n, 48) if b.options.quick else n for n in shape))
        tx, ty, jx, jy = torch.from_numpy(x), torch.from_numpy(y), jnp.asarray(x), jnp.asarray(y)
        facts = {"bytes_of_logits": x.nbytes, "image": label}
        torch.compiler.reset()
        eager = {
            "PyTorch, CE alone": functional.cross_entropy,
            "MONAI": LOSS.torch["MONAI"],
            "nnU-Net": LOSS.torch["nnU-Net"],
            "segloss_xp": LOSS.ours,
        }
        for form, made in {"torch": lambda loss: loss, "torch compiled": compiled}.items():
            runs = [torch_contestant(k, form, made(v), tx, ty) for k, v in eager.items()]
            b.compare(runs, reference="MONAI", **facts)
        jitted = {"plain form": plain_jax, "optax": LOSS.jax["optax"], "segloss_xp": LOSS.ours}
        b.compare([jax_contestant(k, "JAX jit", v, jx, jy) for k, v in jitted.items()], **facts)
        values = {"plain form": plain_numpy, "segloss_xp": LOSS.ours}
        alone = [Contestant(k, "NumPy, value", partial(v, x, y)) for k, v in values.items()]
        b.compare(alone, **facts)
        monai = torch_contestant("MONAI", "torch", LOSS.torch["MONAI"], tx, ty)
        ours = partial(sx.value_and_grad, LOSS.ours, x, y)
        b.compare([monai, Contestant("segloss_xp", "NumPy", ours)], **facts)
    b.save()


if __name__ == "__main__":
    main()
