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
    field = gaussian_filter(rng.normal(size=shape), 6, axes=tuple(range(2, len(shape))))
    field /= np.std(field)
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
    work: dict[str, list[float]] = {name: [] for name in losses}
    values = {}
    for name, loss in losses.items():
        loss(x)  # Numba compiles
        leaf = x.detach().requires_grad_()
        values[name] = float(loss(leaf).detach())
    for _ in range(options.rounds):
        for name, loss in losses.items():
            leaf = x.detach().requires_grad_()
            start, busy = time.perf_counter(), time.process_time()
            torch.autograd.grad(loss(leaf), leaf)
            walls[name].append(time.perf_counter() - start)
            work[name].append(time.process_time() - busy)
    slowest, most = (statistics.median(each["MONAI"]) for each in (walls, work))
    print(f"value and gradient, {tuple(options.shape)}, {torch.get_num_threads()} threads")
    print(f"{'':38} {'wall':>10} {'':6} {'processor':>10} {'':6}   value")
    for name in losses:
        wall, busy = (statistics.median(each[name]) for each in (walls, work))
        times = f"{wall:8.3f} s {slowest / wall:5.1f}x {busy:8.3f} s {most / busy:5.1f}x"
        print(f"{name:38} {times}   {values[name]:.7f}")


if __name__ == "__main__":
    main()
