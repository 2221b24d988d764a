"""Time and memory of losses beside other libraries: `python benchmarks/losses.py [--quick]`."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax.numpy as jnp
import numpy as np
import torch
from harness import (
    Benchmark,
    Contestant,
    data,
    jax_contestant,
    shape_of,
    torch_contestant,
)
from peers import SUBJECTS, Subject, boundary, hausdorff
from scipy.ndimage import gaussian_filter

import segloss_xp as sx

SHAPES = {"2-D": (8, 4, 256, 256), "3-D": (2, 4, 128, 128, 128)}
CLASSES = {2: (2, 2, 128, 128, 128), 32: (2, 32, 64, 64, 64), 105: (1, 105, 64, 64, 64)}
QUICK = 48
Shape = tuple[int, ...]


def contestants(subject: Subject, x: Any, y: Any, **call: Any) -> Iterator[Contestant]:
    """Those of other libraries, and ours on each."""
    tx, ty, jx, jy = torch.from_numpy(x), torch.from_numpy(y), jnp.asarray(x), jnp.asarray(y)
    for name, loss in subject.torch.items():
        yield torch_contestant(name, "torch", loss, tx, ty)
    for name, loss in subject.jax.items():
        yield jax_contestant(name, "JAX jit", loss, jnp.moveaxis(jx, 1, -1), jy)
    torch.compiler.reset()

    tcall = {key: torch.from_numpy(value) for key, value in call.items()}
    jcall = {key: jnp.asarray(value) for key, value in call.items()}
    eager = partial(subject.ours, **tcall)
    compiled = torch.compile(eager, fullgraph=True, dynamic=False)
    yield torch_contestant("segloss_xp", "torch", eager, tx, ty)
    yield torch_contestant("segloss_xp", "torch compiled", compiled, tx, ty)
    yield jax_contestant("segloss_xp", "JAX jit", partial(subject.ours, **jcall), jx, jy)
    both = partial(sx.value_and_grad, subject.ours, x, y, **call)
    yield Contestant("segloss_xp", "NumPy", both, partial(subject.ours, x, y, **call))


def blobs(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Logits and labels whose classes are blobs, as those of organs are."""
    rng = np.random.default_rng(0)
    smooth = gaussian_filter(rng.normal(size=shape), 6, axes=tuple(range(2, len(shape))))
    smooth /= np.std(smooth)
    noisy = 4 * smooth + 0.3 * rng.normal(size=shape)
    return noisy.astype(np.float32), smooth.argmax(axis=1)


def main() -> None:
    b = Benchmark("losses", "Value and gradient of losses beside other libraries")

    def compare(loss: str, label: str, subject: Subject, x: Any, y: Any, **call: Any) -> None:
        each = contestants(subject, x, y, **call)
        b.compare(each, x, y, loss=loss, shape=shape_of(x.shape), image=label)

    def sized(shape: Shape) -> Shape:
        return (*shape[:2], *(min(n, QUICK) if b.options.quick else n for n in shape[2:]))

    for label, shape in SHAPES.items():
        x, y = data(sized(shape))
        for loss, subject in SUBJECTS.items():
            compare(loss, label, subject, x, y)
        x, y = blobs(sized(shape if label == "2-D" else (2, 4, 96, 96, 96)))
        channels = np.arange(x.shape[1]).reshape(1, -1, *[1] * (y.ndim - 1))
        maps = sx.signed_distance(y[:, None] == channels)
        plain = {"plain form": boundary(torch.from_numpy(maps))}
        compare("boundary", label, Subject(sx.BoundaryLoss(), plain), x, y, distance=maps)
        compare("Hausdorff", label, Subject(sx.HausdorffDTLoss(), {"MONAI": hausdorff()}), x, y)
    for classes, shape in CLASSES.items():
        x, y = data(sized(shape))
        compare("Dice + CE", f"{classes} classes", SUBJECTS["Dice + CE"], x, y)
    b.save()


if __name__ == "__main__":
    main()
