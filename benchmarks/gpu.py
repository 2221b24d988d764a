"""Dice + CE on a GPU: `python benchmarks/gpu.py`, with what is there of PyTorch, JAX and CuPy."""

import importlib.util
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from harness import Benchmark, Contestant, data, jax_contestant
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

    def peak() -> int:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        both()
        return torch.cuda.max_memory_allocated() - before

    return Contestant(library, form, both, peak=peak)


def contestants(x: np.ndarray, y: np.ndarray) -> Iterator[Contestant]:
    """What is installed."""
    tx, ty = torch.from_numpy(x).cuda(), torch.from_numpy(y).cuda()
    torch.compiler.reset()
    yield on_torch("plain form", "torch", plain, tx, ty)
    yield on_torch("plain form", "torch compiled", torch.compile(plain, dynamic=False), tx, ty)
    if importlib.util.find_spec("monai"):
        from peers import SUBJECTS

        yield on_torch("MONAI", "torch", SUBJECTS["Dice + CE"].torch["MONAI"], tx, ty)
    yield on_torch("segloss_xp", "torch", LOSS, tx, ty)
    yield on_torch("segloss_xp", "torch compiled", torch.compile(LOSS, dynamic=False), tx, ty)
    if importlib.util.find_spec("jax"):
        import jax

        if jax.default_backend() == "gpu":
            jx, jy = jax.numpy.asarray(x), jax.numpy.asarray(y)
            yield jax_contestant("segloss_xp", "JAX jit", LOSS, jx, jy)
    if importlib.util.find_spec("cupy"):
        import cupy

        cx, cy = cupy.asarray(x), cupy.asarray(y)

        def both() -> None:
            sx.value_and_grad(LOSS, cx, cy)
            cupy.cuda.Device().synchronize()

        yield Contestant("segloss_xp", "CuPy", both)


def main() -> None:
    if not torch.cuda.is_available():
        raise SystemExit("gpu.py needs a GPU that PyTorch can use, found none")
    about = f"Dice + CE, value and gradient, on {torch.cuda.get_device_name()}"
    b = Benchmark("gpu", about, device="cuda")
    for label, shape in SHAPES.items():
        x, y = data(shape)
        b.compare(contestants(x, y), bytes_of_logits=x.nbytes, image=label)
    b.save()


if __name__ == "__main__":
    main()
