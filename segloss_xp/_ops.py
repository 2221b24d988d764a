"""What the array API standard lacks, delegated to the library where that is faster or safer."""

import sys
from math import prod
from typing import Any

from segloss_xp._array import Rule, name


def softmax(xp: Any, x: Any) -> Any:
    """Softmax over axis 1."""
    match name(xp):
        case "torch":
            return xp.softmax(x, 1)
        case _:
            e = xp.exp(x - stop_gradient(xp, xp.max(x, axis=1, keepdims=True)))
            return e / xp.sum(e, axis=1, keepdims=True)


def log_softmax(xp: Any, x: Any) -> Any:
    """Logarithm of the softmax over axis 1."""
    match name(xp):
        case "torch":
            return xp.log_softmax(x, 1)
        case _:
            z = x - stop_gradient(xp, xp.max(x, axis=1, keepdims=True))
            return z - xp.log(xp.sum(xp.exp(z), axis=1, keepdims=True))


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


def kth_largest(xp: Any, x: Any, k: Any, most: int) -> Any:
    """The k-th largest of each row of `x` (M, V), for integers k (M, 1) from 1 to `most`."""
    match name(xp):
        case "torch":
            return xp.gather(xp.topk(x, most, 1).values, 1, xp.astype(k, xp.int64) - 1)
        case _:
            ranked = xp.sort(x, axis=1, descending=True)[:, :most]
            there = xp.arange(1, most + 1, dtype=k.dtype) == k
            return xp.sum(xp.where(there, ranked, xp.zeros_like(ranked)), axis=1, keepdims=True)


def power(xp: Any, base: Any, exponent: float) -> Any:
    """The power of what is not negative but for rounding; at 0 all its slopes are 0."""
    if exponent in (0, 1):
        return base if exponent else xp.ones_like(base)
    positive = base > 0
    raised = xp.where(positive, base, xp.ones_like(base)) ** exponent
    return xp.where(positive, raised, xp.zeros_like(base))


def narrow(xp: Any, x: Any, dtype: Any) -> Any:
    """The array in a dtype of fewer bits, or its own; what is beyond its range at the end of it."""
    # In JAX it must be linear, to be transposed.
    if x.dtype != dtype and name(xp) != "jax":
        most = float(xp.finfo(dtype).max)
        x = xp.clip(x, min=-most, max=most)
    return xp.astype(x, dtype, copy=False)


def constant(xp: Any, values: Any, dtype: Any, *, like: Any) -> Any:
    """Array of the Python numbers `values` on the device of `like`."""
    match name(xp):
        case "jax" | "dask":
            # A traced array has no device, and that of a sharded one is a sharding.
            return xp.asarray(values, dtype=dtype)
        case _:
            return xp.asarray(values, dtype=dtype, device=like.device)


def double(xp: Any) -> Any:
    """Double precision, or what JAX holds for it unless told to keep 64 bits."""
    match name(xp):
        case "jax":
            import jax

            return jax.dtypes.canonicalize_dtype(xp.float64)
        case _:
            return xp.float64


def compiling(xp: Any) -> bool:
    """Whether the operations are being recorded for a compiler, which fuses them."""
    match name(xp):
        case "torch":
            import torch

            return torch.compiler.is_compiling()
        case "jax":
            return True
        case _:
            return False


def on_host(xp: Any, *arrays: Any) -> bool:
    """Whether each operation runs at once, on this processor, on plain memory."""
    match name(xp):
        case "numpy":
            return True
        case "torch":
            from segloss_xp.torch import is_plain

            return not compiling(xp) and all(x is None or is_plain(x) for x in arrays)
        case _:
            return False


def recording(xp: Any) -> bool:
    """Whether automatic differentiation is recording what is being computed."""
    match name(xp):
        case "torch":
            import torch

            return torch.is_grad_enabled()
        case _:
            return False


def threads(xp: Any) -> int:
    """Number of threads that an operation on the host is spread over."""
    match name(xp):
        case "torch":
            import torch

            return torch.get_num_threads()
        case _:
            return 1


def values_known(xp: Any, x: Any) -> bool:
    """Whether Python may look at the values without tracing, or waiting for a device."""
    match name(xp):
        case "array_api_strict":
            return True
        case "jax":
            from jax.core import Tracer

            return not isinstance(x, Tracer)
        case _:
            return on_host(xp, x)


def differentiable(xp: Any, rule: Rule, x: Any, *constants: Any) -> Any:
    """``rule.forward(x, *constants)``, with ``rule.pullback`` for its gradient by `x`."""
    match name(xp):
        case "torch":
            from segloss_xp.torch import Ruled, RuledEager, transforming

            if not compiling(xp):
                return RuledEager.apply(rule, x, *constants)
            # Where no gradient is asked for, dynamo takes the rule for the context, and it knows
            # no batching rule for any (torch 2.13).
            if transforming() or not (x.requires_grad and recording(xp)):
                return rule.forward(x, *constants)
            return Ruled.apply(rule, x, *constants)
        case "jax":
            from segloss_xp.jax import ruled

            return ruled(rule, x, *constants)
        case "tape":
            from segloss_xp._tape import ruled

            return ruled(rule, x, *constants)
        case _:
            return rule.forward(x, *constants)


def cumulative_sum(xp: Any, x: Any) -> Any:
    """Sum up to each place of the last axis, in the dtype of `x`."""
    match name(xp):
        case "torch":
            return xp.cumsum(x, -1, dtype=x.dtype)
        case _:
            return xp.cumulative_sum(x, axis=-1, dtype=x.dtype)


def longest(xp: Any, x: Any) -> Any:
    """The floating dtype of most digits that the library has, on the device of `x`."""
    match name(xp):
        case "torch":
            return x.dtype if x.device.type == "mps" else xp.float64
        case "jax":
            import jax

            return jax.dtypes.canonicalize_dtype(float)
        case _:
            return xp.float64


def descending(xp: Any, x: Any) -> Any:
    """Order of the last axis by value, which is at least 0 or -1, largest first; stable."""
    match name(xp):
        case "numpy" if x.dtype == xp.float32 and x.shape[-1] < 2**31:
            # Values are sorted ten times as fast as indices, so the index becomes part of them. As
            # integers the bits of floats rise with them, and those of -1 are below.
            import numpy as np

            key = np.empty(x.shape, np.int64)
            low, high = (0, 1) if sys.byteorder == "little" else (1, 0)
            halves = key.view(np.int32).reshape(*x.shape, 2)
            halves[..., low] = np.arange(x.shape[-1])
            np.invert(np.ascontiguousarray(x).view(np.int32), out=halves[..., high])
            key.sort(axis=-1)
            key &= 2**31 - 1
            return key
        case "torch" if on_host(xp, x) and x.dtype == xp.float32:
            import array_api_compat.numpy as np

            return xp.from_numpy(descending(np, x.numpy()))
    return xp.argsort(x, axis=-1, descending=True, stable=True)


def reorder(xp: Any, x: Any, order: Any) -> Any:
    """The last axis in another order."""
    match name(xp):
        case "torch":
            return xp.gather(x, -1, order)
        case "numpy":
            import numpy as np

            return np.take_along_axis(x, order, axis=-1)
        case "jax":
            import jax

            return jax.numpy.take_along_axis(x, order, axis=-1)
        case _:
            length = x.shape[-1]
            rows = xp.arange(prod(x.shape[:-1]), dtype=order.dtype)[:, None] * length
            places = xp.reshape(xp.reshape(order, (-1, length)) + rows, (-1,))
            return xp.reshape(xp.take(xp.reshape(x, (-1,)), places, axis=0), x.shape)


def restore(xp: Any, x: Any, order: Any) -> Any:
    """The last axis as it was before it was put in this order."""
    match name(xp):
        case "torch":
            return xp.scatter(xp.zeros_like(x), -1, order, x)
        case "numpy":
            import numpy as np

            out = np.empty_like(x)
            np.put_along_axis(out, order, x, axis=-1)
            return out
        case "jax":
            import jax

            out = jax.numpy.zeros_like(x)
            return jax.numpy.put_along_axis(out, order, x, axis=-1, inplace=False)
        case _:
            return reorder(xp, x, xp.argsort(order, axis=-1))
