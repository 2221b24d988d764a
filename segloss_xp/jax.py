"""What only JAX has."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from jax import lax

from segloss_xp._array import Rule


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _ruled(rule: Rule, x: Any, *constants: Any) -> Any:
    return rule.forward(x, *constants)


@_ruled.defjvp
def _(rule: Rule, primals: Any, tangents: Any) -> Any:
    # custom_vjp would refuse forward mode (jvp, hessian). The transpose of the hand-written
    # pullback is the tangent map; reverse mode transposes it back, at no cost.
    x, *constants = primals
    value = _ruled(rule, x, *constants)
    transpose = jax.linear_transpose(lambda t: rule.pullback(t, x, *constants), value)
    return value, transpose(tangents[0])[0]


# The function of a `Rule`, with the rule's own gradient. Compiled also where the caller does not:
# one operation at a time would be slow.
ruled = jax.jit(_ruled, static_argnums=0)


def sum_over_pieces(function: Callable[..., Any], size: int, *arrays: Any) -> Any:
    """The function of arrays cut up along their last axis, added up; None is passed on."""
    whole, rest = _pieces(size, arrays)

    def add(total: Any, start: Any) -> Any:
        return total + function(*_piece(start, size, arrays)), None

    first = function(*_piece(0, size, arrays))
    total, _ = lax.scan(add, first, jax.numpy.arange(size, whole, size))
    return total if rest is None else total + function(*rest)


def join_pieces(function: Callable[..., Any], size: int, *arrays: Any) -> Any:
    """The function of arrays cut up along their last axis, put together along its own."""
    whole, rest = _pieces(size, arrays)

    def apply(_: None, start: Any) -> Any:
        return None, function(*_piece(start, size, arrays))

    # Stacked, not written into one array: transposed, that would touch all of it in each turn.
    _, pieces = lax.scan(apply, None, jax.numpy.arange(0, whole, size))
    joined = jax.numpy.moveaxis(pieces, 0, -2)
    joined = jax.numpy.reshape(joined, (*joined.shape[:-2], -1))
    if rest is None:
        return joined
    return jax.numpy.concatenate([joined, function(*rest)], axis=-1)


def _pieces(size: int, arrays: tuple[Any, ...]) -> tuple[int, tuple[Any, ...] | None]:
    """The length of all whole pieces, and what is left at the end."""
    length = arrays[0].shape[-1]
    whole = length - length % size
    rest = tuple(None if x is None else x[..., whole:] for x in arrays)
    return whole, None if whole == length else rest


def _piece(start: Any, size: int, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(
        None if x is None else lax.dynamic_slice_in_dim(x, start, size, x.ndim - 1) for x in arrays
    )
