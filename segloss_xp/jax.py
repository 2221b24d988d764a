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
    (first, *others), rest = _pieces(size, arrays)
    total = function(*(_cut(x, first, size) for x in arrays))
    if others:

        def add(total: Any, start: Any) -> Any:
            return total + function(*(_cut(x, start, size) for x in arrays)), None

        total, _ = lax.scan(add, total, jax.numpy.asarray(others))
    return total if rest is None else total + function(*rest)


def join_pieces(function: Callable[..., Any], size: int, *arrays: Any) -> Any:
    """The function of arrays cut up along their last axis, put together along its own."""
    starts, rest = _pieces(size, arrays)

    def apply(_: None, start: Any) -> Any:
        return None, function(*(_cut(x, start, size) for x in arrays))

    # Stacked, not written into one array: transposed, that would touch all of it in each turn.
    _, pieces = lax.scan(apply, None, jax.numpy.asarray(starts))
    joined = jax.numpy.moveaxis(pieces, 0, -2)
    joined = jax.numpy.reshape(joined, (*joined.shape[:-2], -1))
    if rest is None:
        return joined
    return jax.numpy.concatenate([joined, function(*rest)], axis=-1)


def _pieces(size: int, arrays: tuple[Any, ...]) -> tuple[list[int], tuple[Any, ...] | None]:
    """Where whole pieces begin, and what is left at the end."""
    length = arrays[0].shape[-1]
    whole = length - length % size
    rest = tuple(None if x is None else x[..., whole:] for x in arrays)
    return list(range(0, whole, size)), None if whole == length else rest


def _cut(x: Any, start: Any, size: int) -> Any:
    return None if x is None else lax.dynamic_slice_in_dim(x, start, size, x.ndim - 1)
