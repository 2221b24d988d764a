"""What only JAX has."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from segloss_xp._array import Leaving, Rule

try:
    from jax import enable_x64
except ImportError:  # JAX 0.6
    from jax.experimental import enable_x64  # pyright: ignore[reportAttributeAccessIssue]


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _leave(rule: Rule, x: Any, *constants: Any) -> Any:
    """The value of a rule, and its room: None if it has none."""
    if isinstance(rule, Leaving):
        return rule.leave(x, *constants)
    return rule.forward(x, *constants), None


@_leave.defjvp
def _(rule: Rule, primals: Any, tangents: Any) -> Any:
    # custom_vjp would refuse forward mode (jvp, hessian). The transpose of the hand-written
    # pullback is the tangent map; reverse mode transposes it back, at no cost.
    x, constants = primals[0], lax.stop_gradient(primals[1:])
    value, room = _leave(rule, x, *constants)
    known = {} if room is None else {"room": room}
    transpose = jax.linear_transpose(lambda t: rule.pullback(t, x, *constants, **known), value)
    by_room = None
    if room is not None and isinstance(rule, Leaving):
        by_room = jax.jvp(lambda x: rule.keep(x, *constants), (x,), tangents[:1])[1]
    return (value, room), (transpose(tangents[0])[0], by_room)


@partial(jax.jit, static_argnums=0)
def ruled(rule: Rule, x: Any, *constants: Any) -> Any:
    """The function of a `Rule`, with the rule's own gradient."""
    # Compiled also where the caller does not: one operation at a time would be slow.
    return _leave(rule, x, *constants)[0]


def argsort(keys: Any) -> Any:
    """Order of the last axis of 32-bit integers, least first; stable."""
    # XLA sorts one array of numbers six times as fast as two, of keys and of indices (JAX 0.10).
    with enable_x64(True):
        index = jax.numpy.arange(keys.shape[-1], dtype=jax.numpy.int64)
        pairs = lax.sort(keys.astype(jax.numpy.int64) << 32 | index)
        return (pairs & (2**31 - 1)).astype(jax.numpy.int32)


def sum_over_pieces(
    function: Callable[..., Any],
    size: int,
    *arrays: Any,
    keep: Callable[..., Any] | None = None,
) -> Any:
    """
    The function of arrays cut up along their last axis, added up; None is passed on.

    Given another function to `keep`, also the values of that, joined.
    """

    def plus(state: Any, part: Any) -> Any:
        # Kahan's sum: thousands of pieces, added up plainly, lose the last digits of all.
        total, excess = state
        part = part - excess
        higher = total + part
        return higher, jax.numpy.where(jax.numpy.isfinite(higher), (higher - total) - part, 0)

    def add(start: Any, size: int, carried: Any) -> Any:
        state, kept = carried
        piece = _piece(start, size, arrays)
        if keep is not None:
            kept = lax.dynamic_update_slice_in_dim(kept, keep(*piece), start, -1)
        return plus(state, function(*piece)), kept

    # From the first piece: what is carried varies over a mesh as the others do.
    length, piece = arrays[0].shape[-1], _piece(0, size, arrays)
    kept = None if keep is None else _lengthened(keep(*piece), length)
    (total, _), kept = _rest(add, size, length, (plus((0.0, 0.0), function(*piece)), kept))
    return total if keep is None else (total, kept)


def join_pieces(
    function: Callable[..., Any], size: int, cotangent: Any, *arrays: Any, room: Any = None
) -> Any:
    """
    ``function(cotangent, *arrays, room)`` of arrays cut up along their last axis, joined.

    It is written over the room, if there is one.
    """
    # A leaf for each array, since None is none to a primitive.
    leaves, tree = jax.tree.flatten((room, arrays))

    def of_leaves(t: Any, *each: Any) -> Any:
        room, arrays = jax.tree.unflatten(tree, each)
        return function(t, *arrays, room=room)

    return _joined.bind(
        cotangent,
        *leaves,
        function=of_leaves,
        size=size,
        like=jax.typeof(cotangent),
        transposed=False,
        over=room is not None,
    )


# A function that is linear in its first argument and knows how it is best transposed. JAX would
# transpose a loop that writes into one array by touching all of that in each turn, and maps no
# `linear_call` (JAX 0.10).
_joined = Primitive("segloss_xp_joined")


def _transpose(function: Callable[..., Any], like: Any) -> Callable[..., Any]:
    return lambda t, *arrays: jax.linear_transpose(lambda x: function(x, *arrays), like)(t)[0]


def _in_pieces(
    t: Any,
    *arrays: Any,
    function: Callable[..., Any],
    size: int,
    like: Any,
    transposed: bool,
    over: bool,
) -> Any:
    if transposed:
        return sum_over_pieces(_transpose(function, like), size, t, *arrays)
    length = arrays[0].shape[-1]

    def write(start: Any, size: int, joined: Any) -> Any:
        given = (joined, *arrays[1:]) if over else arrays
        piece = function(t, *_piece(start, size, given))
        return lax.dynamic_update_slice_in_dim(joined, piece, start, -1)

    if over:
        joined = write(0, size, arrays[0])
    else:  # the first piece, longer, varies and is spread over devices as the others are
        joined = _lengthened(function(t, *_piece(0, size, arrays)), length)
    return _rest(write, size, length, joined)


_joined.def_impl(_in_pieces)
mlir.register_lowering(_joined, mlir.lower_fun(_in_pieces, multiple_results=False))


@_joined.def_abstract_eval
def _(*avals: Any, **known: Any) -> Any:
    return jax.make_jaxpr(partial(_in_pieces, **known))(*avals).out_avals[0]


def _joined_jvp(primals: Any, tangents: Any, **known: Any) -> Any:
    t, *arrays = primals
    by_t, *by_arrays = tangents
    value = _joined.bind(*primals, **known)
    parts = []
    if not isinstance(by_t, ad.Zero):
        parts.append(_joined.bind(by_t, *arrays, **known))
    function = known["function"]
    if known["transposed"]:
        function = _transpose(function, known["like"])
    if some := [k for k, by in enumerate(by_arrays) if not isinstance(by, ad.Zero)]:

        def of_some(*given: Any) -> Any:
            each = dict(enumerate(arrays)) | dict(zip(some, given, strict=True))
            return function(t, *each.values())

        given, by_given = ([x[k] for k in some] for x in (arrays, by_arrays))
        parts.append(jax.jvp(of_some, given, by_given)[1])
    return value, sum(parts[1:], parts[0])


def _joined_transpose(cotangent: Any, t: Any, *arrays: Any, transposed: bool, **known: Any) -> Any:
    del t
    back = _joined.bind(cotangent, *arrays, transposed=not transposed, **known)
    return back, *(None for _ in arrays)


def _joined_batch(
    args: Any, axes: Any, *, function: Any, like: Any, over: bool, **known: Any
) -> Any:
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
    # Over one room for all there is no room for each.
    known.update(function=jax.vmap(function, mapped), like=like, over=over and mapped[1] == 0)
    return _joined.bind(*args, **known), 0


ad.primitive_jvps[_joined] = _joined_jvp
ad.primitive_transposes[_joined] = _joined_transpose
batching.primitive_batchers[_joined] = _joined_batch


def _rest(step: Callable[..., Any], size: int, length: int, carried: Any) -> Any:
    """Carry on from the first piece: ``step(start, size, carried)``, the last maybe shorter."""
    whole = length - length % size
    carried = lax.fori_loop(1, whole // size, lambda i, c: step(i * size, size, c), carried)
    return carried if whole == length else step(whole, length - whole, carried)


def _lengthened(piece: Any, length: int) -> Any:
    """A first piece as an array of a length, the rest of which is to be written."""
    rest = length - piece.shape[-1]
    return jax.numpy.pad(piece, [(0, 0)] * (piece.ndim - 1) + [(0, rest)])


def _piece(start: Any, size: int, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(
        None if x is None else lax.dynamic_slice_in_dim(x, start, size, x.ndim - 1) for x in arrays
    )
