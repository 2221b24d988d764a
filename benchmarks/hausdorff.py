"""Time of the Hausdorff loss and its gradient beside MONAI's: `python benchmarks/hausdorff.py`.

Both take turns in one process, on smooth masks, at equal values; the table gives the median over
the rounds.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import monai.losses
import numpy as np
import torch
from scipy.ndimage import gaussian_filter

import segloss_xp as sx


def data(shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Logits and labels whose classes are blobs."""
    rng = np.random.default_rng(0)
    n, classes, *space = shape
    fields = [
        [gaussian_filter(rng.normal(size=space), 6) for _ in range(classes)] for _ in range(n)
    ]
    field = np.asarray(fields) / np.std(fields)
    noisy = 4 * field + 0.3 * rng.normal(size=shape)
    return torch.tensor(noisy, dtype=torch.float32), torch.tensor(field.argmax(axis=1))


def contestants(y: Any) -> dict[str, Callable[[Any], Any]]:
    one_hot = {"include_background": True, "softmax": True, "to_onehot_y": True}
    theirs, classes = monai.losses.HausdorffDTLoss(**one_hot), int(y.max()) + 1
    inside = torch.nn.functional.one_hot(y, classes).movedim(-1, 1).bool()
    distance = sx.signed_distance(inside)
    return {
        "MONAI": lambda x: theirs(x, y[:, None].float()),
        "segloss_xp": lambda x: sx.HausdorffDTLoss()(x, y),
        "segloss_xp, target's maps precomputed": lambda x: sx.HausdorffDTLoss()(
            x, y, distance=distance
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", type=int, nargs="+", default=(2, 4, 96, 96, 96))
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    x, y = data(tuple(options.shape))
    losses = contestants(y)
    walls: dict[str, list[float]] = {name: [] for name in losses}
    values = {}
    for name, loss in losses.items():
        loss(x)  # Numba compiles
        leaf = x.detach().requires_grad_()
        values[name] = float(loss(leaf).detach())
    for _ in range(options.rounds):
        for name, loss in losses.items():
            leaf = x.detach().requires_grad_()
            start = time.perf_counter()
            torch.autograd.grad(loss(leaf), leaf)
            walls[name].append(time.perf_counter() - start)
    slowest = statistics.median(walls["MONAI"])
    print(f"value and gradient, {tuple(options.shape)}, {torch.get_num_threads()} threads")
    for name, wall in walls.items():
        median = statistics.median(wall)
        print(f"{name:40} {median:7.3f} s {slowest / median:5.1f}x   value {values[name]:.7f}")


if __name__ == "__main__":
    main()
