"""
What one would write down for one loss and one kind of array: what is general costs beside it.

No masks, no soft targets, no labels of no class, no other reductions; first derivatives alone.
"""

from math import gcd, prod
from typing import Any

import jax
import jax.numpy as jnp
import torch

SMOOTH = 1e-5

# Entries that are in the cache while they are worked on: the best of 2^12 to 2^15.
PIECE = 1 << 15


def dice_ce_jax(x: Any, y: Any) -> Any:
    """Dice + CE in JAX: a loop over pieces forward, and one that writes the gradient backward."""
    n, c, *space = x.shape
    voxels = prod(space)
    overlap, predicted, true, log_p = _sums(x.reshape(n, c, voxels), y.reshape(n, voxels))
    dice = (2 * overlap + SMOOTH) / (predicted + true + SMOOTH)
    return (1 - dice).mean() - log_p.sum() / (n * voxels)


@jax.custom_vjp
def _sums(x: Any, y: Any) -> Any:
    n, c, _ = x.shape

    def add(i: Any, total: Any) -> Any:
        _, p, g, log_p = _piece(x, y, i)
        ones = jnp.ones(p.shape[2], p.dtype)  # products with it are faster than sums in XLA
        return total + jnp.stack([term @ ones for term in (p * g, p, g, log_p * g)])

    return jax.lax.fori_loop(0, _count(x), add, jnp.zeros((4, n, c), x.dtype))


def _forward(x: Any, y: Any) -> Any:
    return _sums(x, y), (x, y)


def _backward(arrays: Any, cotangents: Any) -> Any:
    x, y = arrays
    by_overlap, by_predicted, _, by_log = cotangents[..., None]

    def write(i: Any, gradient: Any) -> Any:
        start, p, g, _ = _piece(x, y, i)
        slope = p * (by_overlap * g + by_predicted) + by_log * g
        part = slope - p * slope.sum(1, keepdims=True)
        return jax.lax.dynamic_update_slice(gradient, part, (0, 0, start))

    return jax.lax.fori_loop(0, _count(x), write, jnp.zeros_like(x)), None


_sums.defvjp(_forward, _backward)


def _voxels(x: Any) -> int:
    return gcd(x.shape[2], PIECE // (x.shape[0] * x.shape[1]))


def _count(x: Any) -> int:
    return x.shape[2] // _voxels(x)


def _piece(x: Any, y: Any, i: Any) -> Any:
    n, c, _ = x.shape
    size = _voxels(x)
    x = jax.lax.dynamic_slice(x, (0, 0, i * size), (n, c, size))
    y = jax.lax.dynamic_slice(y, (0, i * size), (n, size))
    shifted = x - x.max(1, keepdims=True)
    e = jnp.exp(shifted)
    total = e.sum(1, keepdims=True)
    g = (y[:, None] == jnp.arange(c)[:, None]).astype(x.dtype)
    return i * size, e / total, g, shifted - jnp.log(total)


def dice_recorded(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Dice in PyTorch, whose operations it records and differentiates itself."""
    p, g = torch.softmax(x.flatten(2), 1), _one_hot(x, y)
    return _dice((p * g).sum(2), p.sum(2), g.sum(2))


def dice_function(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """The same, with the gradient of the sums in a function of its own."""
    return _dice(*_Sums.apply(x.flatten(2), _one_hot(x, y)).unbind(1))


class _Sums(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any, g: Any) -> Any:
        ctx.p, ctx.g = torch.softmax(x, 1), g
        return torch.stack([(ctx.p * g).sum(2), ctx.p.sum(2), g.sum(2)], 1)

    @staticmethod
    def backward(ctx: Any, cotangents: Any) -> Any:
        by_overlap, by_predicted, _ = cotangents[..., None].unbind(1)
        slope = torch.addcmul(by_predicted, by_overlap, ctx.g)
        return torch.ops.aten._softmax_backward_data(slope, ctx.p, 1, slope.dtype), None


def _one_hot(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    classes = torch.arange(x.shape[1], dtype=x.dtype)[:, None]
    return (y.flatten(1)[:, None].to(x.dtype) == classes).to(x.dtype)


def _dice(overlap: Any, predicted: Any, true: Any) -> Any:
    return 1 - ((2 * overlap + SMOOTH) / (predicted + true + SMOOTH)).mean()
