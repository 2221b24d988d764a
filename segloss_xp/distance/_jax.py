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


def squared_distance(
    mask: Any, spacing: tuple[float, ...], dtype: Any, limit: float | None = None
) -> Any:
    """Squared distance of each True voxel of (B, *space) to the nearest False one."""
    return _transform(mask, spacing, dtype, limit, sites=True)


def squared_label_distance(
    labels: Any, spacing: tuple[float, ...], dtype: Any, limit: float | None = None
) -> Any:
    """Squared distance of each voxel of (B, *space) to the nearest of another label."""
    return _transform(labels, spacing, dtype, limit, sites=False)


@partial(jax.jit, static_argnames=("spacing", "dtype", "limit", "sites"))
def _transform(labels: Any, spacing: tuple[float, ...], dtype: Any, limit: Any, sites: bool) -> Any:
    """From each voxel to the nearest of another label; those of label 0 are 0 where `sites`."""
    known = {"spacing": spacing, "dtype": dtype, "limit": limit, "sites": sites}

    # A loop that ends by its data would wait for the slowest of the mapped ones, in a tile that no
    # cache holds, so what vmap adds becomes more samples.
    @jax.custom_batching.custom_vmap
    def samples(labels: Any) -> Any:
        if labels.size == 0:
            return jnp.zeros(labels.shape, dtype)
        return lax.platform_dependent(
            labels, cpu=partial(_looped, **known), default=partial(_fused, **known)
        )

    @samples.def_vmap
    def _(_size: int, _mapped: list[bool], labels: Any) -> tuple[Any, bool]:
        merged = labels.reshape(math.prod(labels.shape[:2]), *labels.shape[2:])
        return samples(merged).reshape(labels.shape), True

    return samples(labels)


def _lines(f: Any, axis: int) -> Any:
    """View as (outer, n, inner); to move axes would keep XLA from fusing what follows."""
    shape = f.shape
    return f.reshape(math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :]))


def _fused(
    labels: Any, spacing: tuple[float, ...], dtype: Any, limit: float | None, *, sites: bool
) -> Any:
    """For accelerators: one reduction an axis over all pairs, none of which is kept."""
    del limit
    if not sites:
        if labels.dtype != bool:
            return _by_source(labels, spacing, dtype)
        return sum(_fused(each, spacing, dtype, None, sites=True) for each in (labels, ~labels))
    f = jnp.where(labels, jnp.inf, jnp.zeros(labels.shape, dtype))
    for axis, w in enumerate(spacing, start=1):
        g = _lines(f, axis)
        n = g.shape[1]
        i, j = (lax.broadcasted_iota(dtype, (1, n, n, 1), a) for a in (1, 2))
        f = jnp.min(g[:, None, :, :] + w * w * (i - j) ** 2, axis=2).reshape(f.shape)
    return f


def _by_source(labels: Any, spacing: tuple[float, ...], dtype: Any) -> Any:
    """The same for labels, whose pairs XLA would keep: the sources of a line, one by one."""
    f = jnp.full(labels.shape, jnp.inf, dtype)
    for axis, w in enumerate(spacing, start=1):
        f = _from_each(_lines(f, axis), _lines(labels, axis), w).reshape(f.shape)
    return f


def _from_each(f: Any, labels: Any, w: float) -> Any:
    i = lax.broadcasted_iota(f.dtype, (1, f.shape[1], 1), 1)

    def step(j: Any, out: Any) -> Any:
        there, label = (lax.dynamic_slice_in_dim(x, j, 1, axis=1) for x in (f, labels))
        steps = w * (i - lax.convert_element_type(j, f.dtype))
        return jnp.minimum(out, jnp.where(labels == label, there, 0) + steps * steps)

    return lax.fori_loop(0, f.shape[1], step, f)


def _looped(
    labels: Any, spacing: tuple[float, ...], dtype: Any, limit: float | None, *, sites: bool
) -> Any:
    """For the processor: loops over tiles that stay in its cache, ended as soon as may be."""
    f = _swept(labels, spacing[-1] ** 2, dtype, sites=sites)
    for axis, w in reversed(list(enumerate(spacing[:-1], start=1))):
        window = reach(f.shape[axis], w, limit)
        if window > 0:
            own = () if sites else (_lines(labels, axis),)
            f = _tiled((_lines(f, axis), *own), w * w, window).reshape(f.shape)
    return f


def _swept(labels: Any, square: float, dtype: Any, *, sites: bool) -> Any:
    """Squared distance within the lines of the last axis."""
    lines = labels.reshape(-1, labels.shape[-1]).T
    far = jnp.full(lines.shape[1], jnp.inf, dtype)

    def there(state: Any, label: Any) -> tuple[Any, Any]:
        steps, last = state
        steps = jnp.where(label == last, steps + 1, 1)
        return (steps, label), steps

    def back(state: Any, found: Any) -> tuple[Any, Any]:
        label, before = found
        state, after = there(state, label)
        nearest = jnp.minimum(after, before)
        if sites:
            nearest = jnp.where(label == 0, 0, nearest)
        return state, square * (nearest * nearest)

    _, before = lax.scan(there, (far, lines[0]), lines)
    _, f = lax.scan(back, (far, lines[-1]), (lines, before), reverse=True)
    return f.T.reshape(labels.shape)


def _tiled(slabs: tuple[Any, ...], square: float, window: int) -> Any:
    """The least of (outer, n, inner) plus parabola along n, tile by tile."""
    outer, n, inner = slabs[0].shape
    lines = max(1, _TILE // n)
    tile = (min(outer, max(1, lines // inner)), n, min(inner, lines))
    down, across = -(-outer // tile[0]), -(-inner // tile[2])

    def step(t: Any, out: Any) -> Any:
        # XLA moves a slice that reaches over the end back inside, which here does no harm.
        start = (t // across * tile[0], 0, t % across * tile[2])
        parts = (lax.dynamic_slice(slab, start, tile) for slab in slabs)
        return lax.dynamic_update_slice(out, _outwards(*parts, square=square, window=window), start)

    return lax.fori_loop(0, down * across, step, jnp.zeros_like(slabs[0]))


def _outwards(f: Any, labels: Any = None, *, square: float, window: int) -> Any:
    """The same for one tile, from near voxels to far ones until no farther one can be nearer."""
    outer, n, inner = shape = f.shape
    # Where a line has no background, none of its voxels may keep the loop from ending.
    without = jnp.isinf(jnp.min(f, axis=1, keepdims=True))
    if labels is not None:
        without = without & jnp.all(labels == labels[:, :1], axis=1, keepdims=True)
    margin = window + _STRIDE - 1

    def line(x: Any, **fill: Any) -> tuple[Any, Any]:
        padded = jnp.pad(x, ((0, 0), (margin, margin), (0, 0)), **fill)
        return x.reshape(outer, n * inner), padded.reshape(outer, -1)

    def shifted(padded: Any, k: Any) -> Any:
        return lax.dynamic_slice(padded, (0, (margin + k) * inner), (outer, n * inner))

    flat, padded = line(jnp.where(without, 0, f), constant_values=jnp.inf)
    if labels is None:

        def beside(k: Any) -> Any:
            return shifted(padded, k)
    else:
        # Another label beyond the end is no nearer than it is at the end.
        own, others = line(labels, mode="edge")

        def beside(k: Any) -> Any:
            return jnp.where(shifted(others, k) == own, shifted(padded, k), 0)

    def parabola(k: Any) -> Any:
        return square * lax.convert_element_type(k, f.dtype) ** 2

    def may_gain(state: tuple[Any, Any, Any]) -> Any:
        k, _, most = state
        return (k <= window) & (parabola(k) < most)

    def step(state: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
        first, out, _ = state
        for s in range(_STRIDE):
            k = first + s
            out = jnp.minimum(out, jnp.minimum(beside(-k), beside(k)) + parabola(k))
        return first + _STRIDE, out, jnp.max(out)

    _, out, _ = lax.while_loop(may_gain, step, (1, flat, jnp.max(flat)))
    return jnp.where(without, jnp.inf, out.reshape(shape))
