"""Squared distances of JAX arrays, without a callback to the host: any transform, any export.

Along the last axis a sweep there and back counts voxels. Along each other axis a voxel takes the
least of ``f[j] + (spacing * (i - j)) ** 2`` over the voxels j of its line, as the squares of the
other axes are in f already.
"""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from segloss_xp.distance._window import reach

# Voxels of a tile, which a core's cache holds three times.
_TILE = 1 << 15

# Voxels on either side that are looked at between two questions whether any farther may count.
_STRIDE = 8


@partial(jax.jit, static_argnames=("spacing", "dtype", "limit"))
def squared_distance(
    mask: Any, spacing: tuple[float, ...], dtype: Any, limit: float | None = None
) -> Any:
    """Squared distance of each True voxel of (B, *space) to the nearest False one."""
    known = {"spacing": spacing, "dtype": dtype, "limit": limit}

    # A loop that ends by its data would wait for the slowest of the mapped ones, in a tile that no
    # cache holds, so what vmap adds becomes more samples.
    @jax.custom_batching.custom_vmap
    def samples(mask: Any) -> Any:
        if mask.size == 0:
            return jnp.zeros(mask.shape, dtype)
        return lax.platform_dependent(
            mask, cpu=partial(_looped, **known), default=partial(_fused, **known)
        )

    @samples.def_vmap
    def _(_size: int, _mapped: list[bool], mask: Any) -> tuple[Any, bool]:
        merged = mask.reshape(math.prod(mask.shape[:2]), *mask.shape[2:])
        return samples(merged).reshape(mask.shape), True

    return samples(mask)


def _lines(f: Any, axis: int) -> Any:
    """View as (outer, n, inner); to move axes would keep XLA from fusing what follows."""
    shape = f.shape
    return f.reshape(math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :]))


def _fused(mask: Any, spacing: tuple[float, ...], dtype: Any, limit: float | None) -> Any:
    """For accelerators: one reduction an axis over all pairs, none of which is kept."""
    del limit
    f = jnp.where(mask, jnp.inf, jnp.zeros(mask.shape, dtype))
    for axis, w in enumerate(spacing, start=1):
        g = _lines(f, axis)
        n = g.shape[1]
        i, j = (lax.broadcasted_iota(dtype, (1, n, n, 1), a) for a in (1, 2))
        f = jnp.min(g[:, None, :, :] + w * w * (i - j) ** 2, axis=2).reshape(f.shape)
    return f


def _looped(mask: Any, spacing: tuple[float, ...], dtype: Any, limit: float | None) -> Any:
    """For the processor: loops over tiles that stay in its cache, ended as soon as may be."""
    f = _swept(mask, spacing[-1] ** 2, dtype)
    for axis, w in reversed(list(enumerate(spacing[:-1], start=1))):
        window = reach(f.shape[axis], w, limit)
        if window > 0:
            f = _tiled(_lines(f, axis), w * w, window).reshape(f.shape)
    return f


def _swept(mask: Any, square: float, dtype: Any) -> Any:
    """Squared distance within the lines of the last axis."""
    lines = mask.reshape(-1, mask.shape[-1]).T
    far = jnp.full(lines.shape[1], jnp.inf, dtype)

    def there(steps: Any, foreground: Any) -> tuple[Any, Any]:
        steps = jnp.where(foreground, steps + 1, 0)
        return steps, steps

    def back(steps: Any, before: Any) -> tuple[Any, Any]:
        steps = jnp.minimum(steps + 1, before)
        return steps, square * (steps * steps)

    _, before = lax.scan(there, far, lines)
    _, f = lax.scan(back, far, before, reverse=True)
    return f.T.reshape(mask.shape)


def _tiled(f: Any, square: float, window: int) -> Any:
    """The least of (outer, n, inner) plus parabola along n, tile by tile."""
    outer, n, inner = f.shape
    lines = max(1, _TILE // n)
    tile = (min(outer, max(1, lines // inner)), n, min(inner, lines))
    down, across = -(-outer // tile[0]), -(-inner // tile[2])

    def step(t: Any, out: Any) -> Any:
        # XLA moves a slice that reaches over the end back inside, which here does no harm.
        start = (t // across * tile[0], 0, t % across * tile[2])
        part = _outwards(lax.dynamic_slice(f, start, tile), square, window)
        return lax.dynamic_update_slice(out, part, start)

    return lax.fori_loop(0, down * across, step, jnp.zeros_like(f))


def _outwards(f: Any, square: float, window: int) -> Any:
    """The same for one tile, from near voxels to far ones until no farther one can be nearer."""
    outer, n, inner = f.shape
    # Where a line has no background, none of its voxels may keep the loop from ending.
    without = jnp.isinf(jnp.min(f, axis=1, keepdims=True))
    flat = jnp.where(without, 0, f).reshape(outer, n * inner)
    margin = (window + _STRIDE - 1) * inner
    padded = jnp.pad(flat, ((0, 0), (margin, margin)), constant_values=jnp.inf)

    def parabola(k: Any) -> Any:
        return square * lax.convert_element_type(k, f.dtype) ** 2

    def may_gain(state: tuple[Any, Any, Any]) -> Any:
        k, _, most = state
        return (k <= window) & (parabola(k) < most)

    def step(state: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
        first, out, _ = state
        for s in range(_STRIDE):
            k = first + s
            before, after = (
                lax.dynamic_slice(padded, (0, margin + shift * inner), flat.shape)
                for shift in (-k, k)
            )
            out = jnp.minimum(out, jnp.minimum(before, after) + parabola(k))
        return first + _STRIDE, out, jnp.max(out)

    _, out, _ = lax.while_loop(may_gain, step, (1, flat, jnp.max(flat)))
    return jnp.where(without, jnp.inf, out.reshape(f.shape))
