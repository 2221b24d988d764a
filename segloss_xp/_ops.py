"""What the array API standard lacks, delegated to the library where that is faster or safer."""

from math import e, isfinite, log2
from typing import Any

from segloss_xp._array import Rule, is_bool, name, namespace
from segloss_xp._execution import compiled_here, compiling, eager, on_host, recording

_LOG2_E = log2(e)

# Logits that the last cache holds several times.
_SMALL = 1 << 21


def softmax(xp: Any, x: Any, *, log: bool = False, room: Any = None) -> Any:
    """Softmax over axis 1, or its log, by the library, maybe in the room; None if it has no own."""
    match name(xp):
        case "torch" if compiled_here(xp, x):
            # The exponential of the logarithm: a loop less to compute again than by a quotient.
            shifted = x - stop_gradient(xp, xp.max(x, axis=1, keepdims=True))
            log_p = shifted - xp.log(xp.sum(exp(xp, shifted), axis=1, keepdims=True))
            return log_p if log else exp(xp, log_p)
        case "torch":
            room = None if room is None or not room.is_contiguous() else room
            return xp.log_softmax(x, 1, out=room) if log else xp.softmax(x, 1, out=room)
        case _:
            return None


def sigmoid(xp: Any, x: Any) -> Any:
    """Logistic function; by way of its logarithm, whose digits and gradient last to -800."""
    match name(xp):
        case "torch":
            return xp.sigmoid(x)
        case _:
            return xp.exp(log_sigmoid(xp, x))


def log_sigmoid(xp: Any, x: Any) -> Any:
    """Logarithm of the logistic function."""
    match name(xp):
        case "torch":
            return xp.nn.functional.logsigmoid(x)
        case _:
            return -xp.logaddexp(-x, xp.zeros_like(x))


def exp(xp: Any, x: Any) -> Any:
    """The exponential of what is not positive; that of -50 may lack a digit."""
    match name(xp):
        case "torch" if compiled_here(xp, x):
            # What is made of `exp` and used twice, the compiler writes to memory, at twice the time
            # of computing it again; what is made of `exp2` not, and that is faster (torch 2.13).
            return xp.exp2(x * _LOG2_E)
        case _:
            return xp.exp(x)


def expm1(xp: Any, x: Any) -> Any:
    """The exponential less 1, exact where that is small."""
    match name(xp):
        case "torch" if compiled_here(xp, x):
            # The compiler's own is a difference (torch 2.13). Near 0 by the series of
            # x coth(x / 2): a third of the time of tanh(x / 2) (1 + exp(x)).
            near = xp.clip(x, min=-0.25, max=0.25)
            rest, square = 0.0, near * near
            for term in (23950080, -604800, 15120, -360, 6):
                rest = square * (1.0 / term + rest)
            return xp.where(near == x, 2.0 * near / (2.0 - near + rest), xp.exp(x) - 1.0)
        case _:
            return xp.expm1(x)


def softmax_pullback(xp: Any, p: Any, slope: Any, *, log: bool = False, over: bool = False) -> Any:
    """Eagerly, from the slope by a softmax `p`, or its log, that by x; maybe over `p`."""
    match name(xp):
        case "torch":
            import torch

            aten = torch.ops.aten
            back = aten._log_softmax_backward_data if log else aten._softmax_backward_data
            given = xp.broadcast_to(slope, p.shape), p, 1, p.dtype
            if over and p.is_contiguous():
                return back.out(*given, **{"out" if log else "grad_input": p})
            return back(*given)
        case _:
            slope, p = (slope, xp.exp(p)) if log else (p * slope, p)
            return add_product(xp, slope, p, xp.sum(slope, axis=1, keepdims=True), minus=True)


def add_product(xp: Any, x: Any, a: Any, b: Any, *, minus: bool = False, over: bool = False) -> Any:
    """``x + a * b``, or `minus`, in one pass where the library can; maybe over `a`."""
    match name(xp):
        case "torch":
            return xp.addcmul(x, a, b, value=-1 if minus else 1, out=a if over else None)
        case _:
            product = a * (-b if minus else b)
            product += x
            return product


def finite(xp: Any, log: Any) -> Any:
    """Logarithms of probabilities, fresh from their computation; those of 0 as small as can be."""
    least = -float(xp.finfo(log.dtype).max)
    match name(xp):
        case "numpy":  # to look is a quarter of the time of a copy (NumPy 2.4)
            fine = 0 not in log.shape and xp.min(log) >= least
            return log if fine else xp.clip(log, min=least)
        case "torch" if eager(xp, log) and not recording(xp):
            return log.clamp_(min=least)
        case _:
            return xp.clip(log, min=least)


def cross_entropy(xp: Any, x: Any, labels: Any, reduction: str) -> Any:
    """That of logits (N, C, V) and labels in [0, C), where the library's own is best; else None."""
    match name(xp):
        case "torch" if on_host(xp, x, labels) and 0 < x.numel() <= _SMALL and x.itemsize > 2:
            value = xp.nn.functional.cross_entropy(x, labels.long(), reduction=reduction)
            # Where the true class is ruled out, the sums have a finite value.
            return value if isfinite(value.detach()) else None
        case _:
            return None


def all_within(xp: Any, labels: Any, classes: int) -> bool:
    """Whether all labels, which are on the host, are in [0, classes)."""
    match name(xp):
        case _ if 0 in labels.shape:
            return True
        case "torch":
            if labels.itemsize > 1 and not labels.dtype.is_signed:  # it can't compare them
                labels = xp.astype(labels, xp.int64)
            least, most = xp.aminmax(labels)
            return int(least) >= 0 and int(most) < classes
        case _:  # what is negative is beyond the largest without a sign
            most = xp.max(labels.view(labels.dtype.str.replace("i", "u")))
            return int(most) < min(classes, xp.iinfo(labels.dtype).max + 1)


def indicator(xp: Any, labels: Any, number: Any) -> Any:
    """1 where the labels, of a floating dtype, are `number`, else 0; on a device as booleans."""
    match name(xp):
        case "torch" if on_host(xp, labels):
            # Ten times as fast as by way of booleans (torch 2.13).
            out = xp.empty(0, dtype=labels.dtype, device=labels.device)
            return xp.eq(labels, number, out=out)
        case "torch" if eager(xp, labels):
            return labels == number
        case _:
            return xp.astype(labels == number, labels.dtype)


def spectrum(xp: Any, kernel: Any) -> Any:
    """The frequencies, which are real, of a kernel (*space) that is even and periodic."""
    match name(xp):
        case "torch" if compiling(xp):
            from segloss_xp.torch import spectrum

            return spectrum(kernel)
        case _:
            return xp.real(xp.fft.rfftn(_whole(xp, kernel)))


def filtered(xp: Any, x: Any, frequencies: Any) -> Any:
    """The array (N, C, *space), taken as periodic, convolved with the kernel of a `spectrum`."""
    match name(xp):
        case "torch" if compiling(xp):
            from segloss_xp.torch import filtered

            return filtered(x, frequencies)
        case _:
            axes, lengths = tuple(range(2, x.ndim)), tuple(x.shape[2:])
            transformed = xp.fft.rfftn(_whole(xp, x), axes=axes) * _whole(xp, frequencies)
            return xp.fft.irfftn(transformed, s=lengths, axes=axes)


def _whole(xp: Any, x: Any) -> Any:
    """The array in one piece, where the library would have it in several."""
    return x.rechunk(-1) if name(xp) == "dask" else x


def stop_gradient(xp: Any, x: Any) -> Any:
    """The values of `x`, held constant by automatic differentiation."""
    match name(xp):
        case "torch":
            return x.detach()
        case "jax":
            import jax

            return jax.lax.stop_gradient(x)
        case "tape":
            return x.value
        case _:
            return x


def settled(x: Any) -> Any:
    """Where `x` is not 0, or just True where Python can see at no cost that it is so everywhere."""
    x = stop_gradient(namespace(x), x)
    xp = namespace(x)
    if on_host(xp, x) and x.all():
        return True
    return x if is_bool(xp, x) else x != 0


def only(condition: Any, x: Any, otherwise: float = 0) -> Any:
    """The array where the (settled) condition holds, elsewhere a number."""
    if condition is True:
        return x
    xp = namespace(x)
    match name(xp):
        case "torch" if on_host(xp, x):  # three times as fast as where (torch 2.13)
            return xp.masked_fill(x.contiguous(), ~condition, otherwise)
        case "torch" if eager(xp, x):  # no array full of the number
            return xp.where(condition, x, otherwise)
        case _:
            return xp.where(condition, x, xp.full_like(x, otherwise))


def erase(x: Any, condition: Any, room: Any = None) -> Any:
    """The array, 0 where the condition does not hold: in the room, or written over."""
    match name(namespace(x)):
        case "torch" if room is None or x is room:
            return x.masked_fill_(~condition, 0)
        case "torch":
            import torch  # the namespace's own has no `out`

            return torch.where(condition, x, x.new_zeros(()), out=room)
        case _:
            return only(condition, x)


def written(xp: Any, x: Any) -> Any:
    """An array that a compiler is to write to memory once, not to compute again in each class."""
    match name(xp):
        # To look at it with strides of one's own takes memory (torch 2.13).
        case "torch" if compiled_here(xp, x) and not xp.compiler.is_exporting():
            return xp.as_strided(x, x.shape, x.stride())
        case _:
            return x


def unstack(xp: Any, x: Any) -> Any:
    """The parts of the array along axis 1."""
    match name(xp):
        case "torch":  # one operation, and one backward, instead of as many as there are parts
            return xp.unbind(x, 1)
        case _:
            return [x[:, k, ...] for k in range(x.shape[1])]


def power(xp: Any, base: Any, exponent: float) -> Any:
    """The power of what is not negative but for rounding; at 0 a broken one has slopes of 0."""
    if exponent in (0, 1):
        return base if exponent else xp.ones_like(base)
    if exponent == 2:
        return base * base
    positive = settled(base > 0)
    return only(positive, only(positive, base, 1.0) ** exponent)


def narrow(xp: Any, x: Any, dtype: Any) -> Any:
    """The array in a dtype of fewer bits, or its own; what is beyond its range at the end of it."""
    # In JAX it must be linear, to be transposed.
    if x.dtype != dtype and name(xp) != "jax":
        most = float(xp.finfo(dtype).max)
        x = xp.clip(x, min=-most, max=most)
    return xp.astype(x, dtype, copy=False)


def constant(xp: Any, values: Any, dtype: Any, *, like: Any) -> Any:
    """Array of the Python numbers `values` on the device of `like`."""
    # A traced array of JAX has no device, and that of a sharded one is a sharding.
    where = {} if name(xp) in ("jax", "dask") else {"device": like.device}
    if isinstance(values, range):  # made there: to copy them would be to wait for the device
        return xp.arange(values.start, values.stop, dtype=dtype, **where)
    return xp.asarray(values, dtype=dtype, **where)


def differentiable(xp: Any, rule: Rule, x: Any, *constants: Any) -> Any:
    """``rule.forward(x, *constants)``, with ``rule.pullback`` for its gradient by `x`."""
    match name(xp):
        case "torch":
            from segloss_xp.torch import RuledEager, RuledHere, ruled, transforming

            if not compiling(xp):
                function = RuledEager if transforming() else RuledHere
                return function.apply(rule, x, *constants)
            # Where no gradient is asked for, dynamo takes the rule for the context, and it knows
            # no batching rule for any (torch 2.13).
            if transforming() or not (x.requires_grad and recording(xp)):
                return rule.forward(x, *constants)
            return ruled(rule, x, *constants)
        case "jax":
            from segloss_xp.jax import ruled

            return ruled(rule, x, *constants)
        case "tape":
            from segloss_xp._tape import ruled

            return ruled(rule, x, *constants)
        case _:
            return rule.forward(x, *constants)


def longest(xp: Any, x: Any) -> Any:
    """The floating dtype of most digits that the library has, on the device of `x`."""
    match name(xp):
        case "torch":
            return xp.float32 if x.device.type == "mps" else xp.float64
        case "jax":
            import jax

            return jax.dtypes.canonicalize_dtype(float)
        case "tape":
            return longest(namespace(x.value), x.value)
        case _:
            return xp.float64


def cast(xp: Any, x: Any, dtype: Any) -> Any:
    """The array in another dtype, differentiably."""
    match name(xp):
        case "tape":
            from segloss_xp._tape import cast

            return cast(x, dtype)
        case _:
            return xp.astype(x, dtype, copy=False)
