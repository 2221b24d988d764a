"""
What eager PyTorch moves and holds for a loss on a device: counted, on PyTorch's meta device.

Counted are the operations' arguments and results as they are dispatched; that needs no device, and
is the same on every machine. Who looks at values can't be counted, and is left out.
"""

from collections.abc import Iterator
from typing import Any

import torch
from counter import Traffic
from harness import Benchmark, shape_of
from peers import SUBJECTS, boundary

import segloss_xp as sx

SHAPES = {
    "2-D": (32, 4, 512, 512),
    "3-D": (2, 4, 128, 128, 128),
    "105 classes": (1, 105, *[96] * 3),
}


def losses(shape: tuple[int, ...]) -> Iterator[tuple[str, str, Any]]:
    """Each loss, by whom, and the function."""
    for name, subject in SUBJECTS.items():
        for library, loss in subject.torch.items():
            yield name, library, loss
        yield name, "segloss_xp", subject.ours
    distance = torch.empty(shape, device="meta")
    ours = sx.BoundaryLoss()
    yield "boundary", "plain form", boundary(distance)
    yield "boundary", "segloss_xp", lambda x, y: ours(x, y, distance=distance)


def main() -> None:
    b = Benchmark("traffic", "Eager PyTorch on a device: bytes by bytes of the logits, counted")
    for image, shape in SHAPES.items():
        for name, library, loss in losses(shape):
            x = torch.empty(shape, device="meta", requires_grad=True)
            y = torch.empty((shape[0], *shape[2:]), device="meta", dtype=torch.int64)
            size = x.numel() * x.element_size()
            try:
                with Traffic(x, y) as both:
                    torch.autograd.grad(loss(x, y), x)
            except RuntimeError:  # it looks at values
                continue
            row = {"loss": name, "image": image, "shape": shape_of(shape), "library": library}
            row |= {"moved": both.moved / size, "held": both.held / size}
            b.rows.append(row | {"operations": both.operations})
    b.save()


if __name__ == "__main__":
    main()
