"""How a library runs its operations: one by one, here or on a device, recorded, or compiled."""

import importlib
from functools import cache
from typing import Any

from segloss_xp._array import name


def eager(xp: Any, *arrays: Any) -> bool:
    """Whether each operation runs at once, on plain memory, which may be that of a device."""
    match name(xp):
        case "numpy" | "cupy" | "array_api_strict":
            return True
        case "torch":
            import segloss_xp.torch

            return segloss_xp.torch.eager(*arrays)
        case _:
            return False


def on_host(xp: Any, *arrays: Any) -> bool:
    """Whether that is so on this processor, where to look at values is to wait for no device."""
    match name(xp):
        case "numpy":
            return True
        case "torch":
            import segloss_xp.torch

            return segloss_xp.torch.eager(*arrays, here=True)
        case _:
            return False


def on_device(xp: Any, *arrays: Any) -> bool:
    """Whether that is so on another, where operations take the time that they move memory."""
    match name(xp):
        case "torch":
            return eager(xp, *arrays) and not on_host(xp, *arrays)
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


def recorded(xp: Any, x: Any) -> bool:
    """Whether a gradient by this very array, operation by operation, may be asked for."""
    match name(xp):
        case "torch":
            from segloss_xp.torch import transforming

            plainly = not (compiling(xp) or transforming())
            return plainly and x.requires_grad and recording(xp)
        case "tape":
            return True
        case _:
            return False


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


def compiled_here(xp: Any, x: Any) -> bool:
    """Whether a compiler is recording operations on a tensor of this processor."""
    return compiling(xp) and x.device.type == "cpu"


def loops(xp: Any) -> bool:
    """Whether a compiler fuses no sums, and writes out what they share: XLA on a processor."""
    match name(xp):
        case "jax":
            import jax

            # Over the parts of several devices a loop would fetch all from each.
            return jax.default_backend() == "cpu" and jax.device_count() == 1
        case _:
            return False


def fuses(xp: Any) -> bool:
    """Whether a compiler fuses sums with what they add up, and with one another."""
    return compiling(xp) and not loops(xp)


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


@cache
def importable(package: str) -> bool:
    """Whether NumPy can be helped by a package."""
    # Installed is not enough: Numba refuses to be imported beside a NumPy newer than it knows.
    try:
        importlib.import_module(package)
    except ImportError:
        return False
    return True


def sum_over_pieces(function: Any, size: int, *arrays: Any) -> Any:
    """The function of arrays cut up along their last axis, added up, where there are `loops`."""
    from segloss_xp.jax import sum_over_pieces

    return sum_over_pieces(function, size, *arrays)


def join_pieces(function: Any, size: int, cotangent: Any, *arrays: Any) -> Any:
    """``function(cotangent, *arrays)``, linear in that, of arrays cut up likewise; joined."""
    from segloss_xp.jax import join_pieces

    return join_pieces(function, size, cotangent, *arrays)
