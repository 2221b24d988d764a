"""
Dice + CE on a GPU: `python benchmarks/gpu.py`, beside rich and tabulate.

PyTorch must be there; MONAI, JAX and CuPy are measured if they are.
"""

import importlib.util
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from harness import Benchmark, Contestant, Run, data, jax_contestant
from torch.nn import functional

import segloss_xp as sx

SHAPES = {
    "2-D": (32, 4, 512, 512),
    "3-D": (2, 4, 128, 128, 128),
    "105 classes": (1, 105, *[96] * 3),
}
LOSS = sx.DiceLoss() + sx.CrossEntropyLoss()


def plain(x: Any, y: Any) -> Any:
    """As one writes it down."""
    p = x.softmax(1)
    g = functional.one_hot(y, x.shape[1]).movedim(-1, 1).to(p.dtype)
    axes = tuple(range(2, x.ndim))
    dice = (2 * (p * g).sum(axes) + 1e-5) / (p.sum(axes) + g.sum(axes) + 1e-5)
    return 1 - dice.mean() + functional.cross_entropy(x, y)


def on_torch(library: str, form: str, loss: Any, x: Any, y: Any) -> Contestant:
    """Value and gradient, until the device is done."""

    def both() -> None:
        leaf = x.detach().requires_grad_()
        torch.autograd.grad(loss(leaf, y), leaf)
        torch.cuda.synchronize()

    return Contestant(library, form, both, peak=cuda_peak)


def cuda_peak(run: Run) -> int:
    """The most bytes that PyTorch has allocated at once on the device."""
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    run()
    return torch.cuda.max_memory_allocated() - before


def contestants(x: np.ndarray, y: np.ndarray) -> Iterator[Contestant]:
    """What is installed."""
    tx, ty = torch.from_numpy(x).cuda(), torch.from_numpy(y).cuda()
    torch.compiler.reset()
    yield on_torch("plain form", "torch", plain, tx, ty)
    yield on_torch("plain form", "torch compiled", torch.compile(plain, dynamic=False), tx, ty)
    if importlib.util.find_spec("monai"):
        from monai.losses import DiceCELoss

        monai = DiceCELoss(to_onehot_y=True, softmax=True)
        yield on_torch("MONAI", "torch", lambda x, y: monai(x, y[:, None]), tx, ty)
    yield on_torch("segloss_xp", "torch", LOSS, tx, ty)
    yield on_torch("segloss_xp", "torch compiled", torch.compile(LOSS, dynamic=False), tx, ty)
    if importlib.util.find_spec("jax"):
        # JAX would take most of the device's memory at once, also PyTorch's share.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        import jax

        if jax.default_backend() == "gpu":
            jx, jy = jax.numpy.asarray(x), jax.numpy.asarray(y)
            compiled = jax.jit(jax.value_and_grad(LOSS)).lower(jx, jy).compile()
            memory = compiled.memory_analysis()
            held = memory.temp_size_in_bytes + memory.output_size_in_bytes
            ours = jax_contestant("segloss_xp", "JAX jit", LOSS, jx, jy)
            yield replace(ours, peak=lambda _: held)
    if importlib.util.find_spec("cupy"):
        import cupy

        cx, cy = cupy.asarray(x), cupy.asarray(y)

        def both() -> None:
            sx.value_and_grad(LOSS, cx, cy)
            cupy.cuda.Device().synchronize()

        yield Contestant("segloss_xp", "CuPy", both, peak=None)


def main() -> None:
    if not torch.cuda.is_available():
        raise SystemExit("gpu.py needs a GPU that PyTorch can use, found none")
    about = f"Dice + CE, value and gradient, on {torch.cuda.get_device_name()}"
    b = Benchmark("gpu", about, device="cuda")
    for label, shape in SHAPES.items():
        x, y = data(shape)
        b.compare(contestants(x, y), x, y, image=label)
    b.save()


if __name__ == "__main__":
    main()
