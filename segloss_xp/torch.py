"""What only PyTorch has."""

import inspect
from math import prod
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from segloss_xp._array import Rule

_PLAIN = torch.Tensor, torch.nn.Parameter

_functorch: Any = torch._C._functorch  # pyright: ignore[reportAttributeAccessIssue]


def all_reduce(x: torch.Tensor, group: Any = None) -> torch.Tensor:
    """
    Sum of a tensor over the processes of a group, for the argument `all_reduce` of a loss.

    Differentiable, also under `torch.compile`. Each process gets the gradient of the sum of all
    processes' losses; DistributedDataParallel, which averages gradients, makes of it that of the
    loss of the whole batch.

    Parameters
    ----------
    x : Tensor
        What this process adds.
    group : ProcessGroup, optional
        Default: all processes.

    Returns
    -------
    Tensor
        The sum, in each process.
    """
    from torch.distributed import _functional_collectives as collectives

    everyone: Any = torch.distributed.group.WORLD
    return collectives.all_reduce(x, "sum", everyone if group is None else group)


def eager(*arrays: Any, here: bool = False) -> bool:
    """Whether operations on tensors, or None, run at once, on plain memory, maybe only `here`."""
    if tracing():
        return False
    for x in arrays:  # not by `all`, which takes half as long again, ten times a call
        if x is not None and not (is_plain(x) and (is_here(x) or not here)):
            return False
    return True


def is_plain(x: Any) -> bool:
    """Whether a tensor is memory to write to: no subclass, no transformation, no other device."""
    return (
        type(x) in _PLAIN
        and (x.is_cpu or x.is_cuda or x.is_meta)
        and not _functorch.is_functorch_wrapped_tensor(x)
        and not _functorch.is_legacy_batchedtensor(x)
    )


def is_here(x: Any) -> bool:
    """Whether a tensor is memory of this processor, not of a device that works on its own."""
    return x.is_cpu


def tracing() -> bool:
    """Whether operations are being recorded, to be run later on other data."""
    is_tracing = torch.jit.is_tracing  # pyright: ignore[reportPrivateImportUsage]
    return torch.compiler.is_compiling() or is_tracing()


def transforming() -> bool:
    """Whether a transformation of torch.func is under way; dynamo can trace the question."""
    return torch._C._are_functorch_transforms_active()  # pyright: ignore[reportAttributeAccessIssue]


class Ruled(torch.autograd.Function):
    """The function of a `Rule`, with the rule's own gradient."""

    generate_vmap_rule = True

    @staticmethod
    def forward(rule: Rule, x: Any, *constants: Any) -> Any:
        return rule.forward(x, *constants)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.rule, *arrays = inputs
        ctx.save_for_backward(*arrays)

    @staticmethod
    def backward(ctx: Any, *cotangents: Any) -> Any:
        x, *constants = ctx.saved_tensors
        gradient = ctx.rule.pullback(*cotangents, x, *constants)
        return None, gradient, *(None for _ in constants)


# PyTorch reads it at each call, and without this from the code, at a fortieth of a small call.
Ruled.forward.__signature__ = inspect.signature(Ruled.forward)  # pyright: ignore


def ruled(rule: Rule, x: Any, *constants: Any) -> Any:
    """
    `Ruled` for a compiler, told to keep nothing from forward to backward but the arguments.

    It would keep conditions, and take 10 ns to write a boolean and 4 to read it where a number
    takes a tenth. What is exported can't say so (torch 2.13).
    """
    if torch.compiler.is_exporting():
        return Ruled.apply(rule, x, *constants)
    return checkpoint(
        lambda *arrays: Ruled.apply(rule, *arrays),
        x,
        *constants,
        use_reentrant=False,
        preserve_rng_state=False,
    )


class RuledEager(Ruled):
    """`Ruled` with forward mode, which dynamo refuses to trace (torch 2.13)."""

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        Ruled.setup_context(ctx, inputs, output)
        ctx.save_for_forward(*inputs[1:])
        ctx.shape, ctx.dtype = output.shape, output.dtype

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Any:
        # The tangent map is the transpose of the pullback, which is linear in its cotangent.
        x, *constants = ctx.saved_tensors
        zero = x.new_zeros(ctx.shape, dtype=ctx.dtype)
        transpose = torch.func.vjp(lambda t: ctx.rule.pullback(t, x, *constants), zero)[1]
        return transpose(tangents[1])[0]


class RuledHere(RuledEager):
    """The same as PyTorch calls it quickest, which no transformation can take."""

    setup_context = torch.autograd.Function.setup_context

    @staticmethod
    def forward(ctx: Any, rule: Rule, x: Any, *constants: Any) -> Any:  # pyright: ignore
        output = rule.forward(x, *constants)
        RuledEager.setup_context(ctx, (rule, x, *constants), output)
        return output


def descending(x: torch.Tensor) -> torch.Tensor:
    """Order of the last axis of floats that are -1 or at least 0, largest first; stable."""
    if eager(x, here=True):
        return _by_radix(x)
    # What is exported shall run without this library.
    if torch.compiler.is_compiling() and not torch.compiler.is_exporting():
        return by_radix(x)
    return torch.argsort(x, dim=-1, descending=True, stable=True)


def _by_radix(x: torch.Tensor) -> torch.Tensor:
    # PyTorch has a radix sort, but for one long row of integers at a time (2.13).
    rows = ~x.reshape(prod(x.shape[:-1]), x.shape[-1]).view(torch.int32)
    order = torch.empty(rows.shape, dtype=torch.int64)
    for row, places in zip(rows, order, strict=True):
        torch.sort(row, stable=True, out=(torch.empty_like(row), places))
    return order.reshape(x.shape)


@torch.library.custom_op("segloss_xp::descending", mutates_args=())
def by_radix(x: torch.Tensor) -> torch.Tensor:
    """As one operator, since a compiler would have to know the number of rows."""
    return _by_radix(x)


@by_radix.register_fake
def _(x: torch.Tensor) -> torch.Tensor:
    return torch.empty(x.shape, dtype=torch.int64, device=x.device)


@by_radix.register_vmap
def _(info: Any, axes: Any, x: torch.Tensor) -> Any:
    return by_radix(x.movedim(axes[0], 0)), 0


# The compiler generates no code for complex numbers, and warns of them: it sees these from outside.


@torch.library.custom_op("segloss_xp::spectrum", mutates_args=())
def spectrum(kernel: torch.Tensor) -> torch.Tensor:
    """The frequencies, which are real, of a kernel that is even and periodic."""
    return torch.fft.rfftn(kernel).real.contiguous()


@spectrum.register_fake
def _(kernel: torch.Tensor) -> torch.Tensor:
    return kernel.new_empty((*kernel.shape[:-1], kernel.shape[-1] // 2 + 1))


@torch.library.custom_op("segloss_xp::filtered", mutates_args=())
def filtered(x: torch.Tensor, frequencies: torch.Tensor) -> torch.Tensor:
    """The array, taken as periodic, with its last axes convolved with the kernel of a spectrum."""
    axes = tuple(range(x.ndim - frequencies.ndim, x.ndim))
    lengths = [x.shape[axis] for axis in axes]
    transformed = torch.fft.rfftn(x, dim=axes) * frequencies
    return torch.fft.irfftn(transformed, s=lengths, dim=axes).contiguous()


@filtered.register_fake
def _(x: torch.Tensor, frequencies: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(x, memory_format=torch.contiguous_format)


def _keep(ctx: Any, inputs: Any, output: Any) -> None:
    ctx.save_for_backward(inputs[1])


def _filter_back(ctx: Any, cotangent: torch.Tensor) -> Any:
    # An even kernel is its own transpose.
    return filtered(cotangent, ctx.saved_tensors[0]), None


filtered.register_autograd(_filter_back, setup_context=_keep)


@filtered.register_vmap
def _(info: Any, axes: Any, x: torch.Tensor, frequencies: torch.Tensor) -> Any:
    return filtered(x.movedim(axes[0], 0), frequencies), 0
