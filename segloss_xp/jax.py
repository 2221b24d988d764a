"""What only JAX has."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from segloss_xp._array import Rule

try:
    from jax import enable_x64
except ImportError:  # JAX 0.6
    from jax.experimental import enable_x64  # pyright: ignore[reportAttributeAccessIssue]


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _ruled(rule: Rule, x: Any, *constants: Any) -> Any:
    return rule.forward(x, *constants)


@_ruled.defjvp
def _(rule: Rule, primals: Any, tangents: Any) -> Any:
    # custom_vjp would refuse forward mode (jvp, hessian). The transpose of the hand-written
    # pullback is the tangent map; reverse mode transposes it back, at no cost.
    x, constants = primals[0], lax.stop_gradient(primals[1:])
    value = _ruled(rule, x, *constants)
    transpose = jax.linear_transpose(lambda t: rule.pullback(t, x, *constants), value)
    return value, transpose(tangents[0])[0]


# The function of a `Rule`, with the rule's own gradient. Compiled also where the caller does not:
# one operation at a time would be slow.
ruled = jax.jit(_ruled, static_argnums=0)


def argsort(keys: Any) -> Any:
    """Order of the last axis of 32-bit integers, least first; stable."""
    # XLA sorts one array of numbers six times as fast as two, of keys and of indices (JAX 0.10).
    with enable_x64(True):
        index = jax.numpy.arange(keys.shape[-1], dtype=jax.numpy.int64)
        pairs = lax.sort(keys.astype(jax.numpy.int64) << 32 | index)
        return (pairs & (2**31 - 1)).astype(jax.numpy.int32)


def sum_over_pieces(function: Callable[..., Any], size: int, *arrays: Any) -> Any:
    """The function of arrays cut up along their last axis, added up; None is passed on."""
    whole, rest = _pieces(size, arrays)

    def plus(state: Any, part: Any) -> Any:
        # Kahan's sum: thousands of pieces, added up plainly, lose the last digits of all.
        total, excess = state
        part = part - excess
        higher = total + part
        return higher, jax.numpy.where(jax.numpy.isfinite(higher), (higher - total) - part, 0)

    def add(state: Any, start: Any) -> Any:
        return plus(state, function(*_piece(start, size, arrays))), None

    # From the first piece: what is carried varies over a mesh as the others do.
    first = plus((0.0, 0.0), function(*_piece(0, size, arrays)))
    state, _ = lax.scan(add, first, jax.numpy.arange(size, whole, size))
    return (state if rest is None else plus(state, function(*rest)))[0]


def join_pieces(function: Callable[..., Any], size: int, cotangent: Any, *arrays: Any) -> Any:
    """``function(cotangent, *arrays)`` of arrays cut up along their last axis, put together."""
    # A leaf for each array, since None is none to a primitive.
    leaves, tree = jax.tree.flatten(arrays)
    return _joined.bind(
        cotangent,
        *leaves,
        function=lambda t, *each: function(t, *jax.tree.unflatten(tree, each)),
        size=size,
        like=jax.typeof(cotangent),
        transposed=False,
    )


# A function that is linear in its first argument and knows how it is best transposed. JAX would
# transpose a loop that writes into one array by touching all of that in each turn, and maps no
# `linear_call` (JAX 0.10).
_joined = Primitive("segloss_xp_joined")


def _transpose(function: Callable[..., Any], like: Any) -> Callable[..., Any]:
    return lambda t, *arrays: jax.linear_transpose(lambda x: function(x, *arrays), like)(t)[0]


def _in_pieces(
    t: Any, *arrays: Any, function: Callable[..., Any], size: int, like: Any, transposed: bool
) -> Any:
    if transposed:
        return sum_over_pieces(_transpose(function, like), size, t, *arrays)
    length = arrays[0].shape[-1]

    def write(i: Any, joined: Any) -> Any:
        # A last piece that would reach beyond the end is moved back, here and there, by JAX.
        piece = function(t, *_piece(i * size, size, arrays))
        return lax.dynamic_update_slice_in_dim(joined, piece, i * size, -1)

    # The first piece, longer, varies and is spread over devices as the others are.
    first = function(t, *_piece(0, size, arrays))
    joined = jax.numpy.pad(first, [(0, 0)] * (first.ndim - 1) + [(0, length - size)])
    return lax.fori_loop(1, -(-length // size), write, joined)


_joined.def_impl(_in_pieces)
mlir.register_lowering(_joined, mlir.lower_fun(_in_pieces, multiple_results=False))


@_joined.def_abstract_eval
def _(*avals: Any, **known: Any) -> Any:
    return jax.make_jaxpr(partial(_in_pieces, **known))(*avals).out_avals[0]


def _joined_jvp(primals: Any, tangents: Any, **known: Any) -> Any:
    t, x, *constants = primals
    value = _joined.bind(*primals, **known)
    by_t, by_x, *_ = tangents
    parts = []
    if not isinstance(by_t, ad.Zero):
        parts.append(_joined.bind(by_t, x, *constants, **known))
    if not isinstance(by_x, ad.Zero):
        function = known["function"]
        if known["transposed"]:
            function = _transpose(function, known["like"])
        parts.append(jax.jvp(lambda x: function(t, x, *constants), (x,), (by_x,))[1])
    return value, sum(parts[1:], parts[0])


def _joined_transpose(cotangent: Any, t: Any, *arrays: Any, transposed: bool, **known: Any) -> Any:
    del t
    back = _joined.bind(cotangent, *arrays, transposed=not transposed, **known)
    return back, *(None for _ in arrays)


def _joined_batch(args: Any, axes: Any, *, function: Any, like: Any, **known: Any) -> Any:
    pairs = list(zip(args, axes, strict=True))
    size = next(x.shape[axis] for x, axis in pairs if axis is not None)
    args = [x if axis is None else jax.numpy.moveaxis(x, axis, 0) for x, axis in pairs]
    mapped = [None if axis is None else 0 for axis in axes]
    if known["transposed"] and mapped[0] is None:
        # What is transposed is linear in one cotangent for each.
        args[0] = jax.numpy.broadcast_to(args[0], (size, *args[0].shape))
        mapped[0] = 0
    if mapped[0] == 0:
        like = like.update(shape=(size, *like.shape))
    return _joined.bind(*args, function=jax.vmap(function, mapped), like=like, **known), 0


ad.primitive_jvps[_joined] = _joined_jvp
ad.primitive_transposes[_joined] = _joined_transpose
batching.primitive_batchers[_joined] = _joined_batch


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
