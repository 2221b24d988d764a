"""Training, the same for every framework, until the time is up."""

import importlib
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from segloss_xp.cli import _brain, _libraries, _losses, _unet

_FRAMEWORKS = {"torch": "PyTorch", "jax": "JAX"}
_BATCH = 4
_RATE = 5e-3


class Network(Protocol):
    """A network in some framework."""

    def step(
        self, image: np.ndarray, labels: np.ndarray, mask: np.ndarray, *, rate: float
    ) -> float:
        """One training step on a batch; the loss before it."""
        ...

    def logits(self, image: np.ndarray) -> np.ndarray:
        """Output for images (N, 1, H, W)."""
        ...


@dataclass(frozen=True)
class Result:
    """What a classifier says of the test slices, as logits (N, 3, H, W)."""

    name: str
    logits: np.ndarray
    steps: int = 0
    loss: float = float("nan")


def generator() -> np.random.Generator:
    """Random numbers, the same in every run and for every framework."""
    return np.random.default_rng(2015)


def all_networks(
    train: _brain.Slices, test: _brain.Slices, seconds: float, device: str, console: Console
) -> list[Result]:
    """
    Train a network in each framework found.

    Parameters
    ----------
    train, test : Slices
    seconds : float
        For all of them together.
    device : {"auto", "cpu", "cuda"}
    console : rich.console.Console
        Shows the progress.

    Returns
    -------
    list of Result
        Thresholds of the intensity first, for comparison, then the networks.
    """
    frameworks = [name for name in _FRAMEWORKS if _libraries.installed(name)]
    results = [Result("intensity classifier", _intensity_logits(train, test))]
    if not frameworks:
        console.print("Neither PyTorch nor JAX is installed: no network to train.")
    with _progress(console) as progress:
        for name in frameworks:
            network = _network(name, device)
            steps, loss = _fit(
                network, train, seconds / len(frameworks), progress, _FRAMEWORKS[name]
            )
            results.append(
                Result(f"{_FRAMEWORKS[name]} U-Net", network.logits(test.image), steps, loss)
            )
    return results


def _network(framework: str, device: str) -> Network:
    if device == "auto":
        device = "cuda" if _libraries.on_gpu(framework) else "cpu"
    elif device == "cuda" and not _libraries.on_gpu(framework):
        raise SystemExit(f"{_FRAMEWORKS[framework]} finds no GPU: try --device auto")
    module = importlib.import_module(f"segloss_xp.cli._{framework}")
    initial = _unet.weights(generator(), len(_brain.CLASSES))
    return module.Network(_losses.COMPOUND, initial, device)


def _fit(
    network: Network, train: _brain.Slices, seconds: float, progress: Progress, name: str
) -> tuple[int, float]:
    """Train for some seconds from the end of the first step, which compiles; steps and loss."""
    rng = generator()
    task = progress.add_task(name, total=seconds, loss="of the first step to come")
    start, spent, steps, recent = 0.0, 0.0, 0, []
    while spent < seconds:
        batch = train[rng.choice(len(train), _BATCH, replace=False)].noisy(rng)
        rate = _RATE * (1 - spent / seconds)
        recent.append(network.step(batch.image, batch.labels, batch.mask, rate=rate))
        recent, steps = recent[-20:], steps + 1
        start = start or perf_counter()
        spent = perf_counter() - start
        loss = float(np.mean(recent))
        progress.update(task, completed=min(spent, seconds), loss=f"{loss:.3f}  step {steps}")
    return steps, float(np.mean(recent))


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:8}"),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("loss {task.fields[loss]}"),
        console=console,
    )


def _intensity_logits(train: _brain.Slices, test: _brain.Slices) -> np.ndarray:
    """Logarithm, but for a constant, of a normal density of the intensity for each class."""
    train = train.noisy(generator())
    logits = []
    for c in range(len(_brain.CLASSES)):
        voxels = train.image[:, 0][train.mask & (train.labels == c)]
        z = (test.image[:, 0] - voxels.mean()) / voxels.std()
        logits.append(np.log(voxels.size / voxels.std()) - z**2 / 2)
    return np.stack(logits, axis=1).astype(np.float32)
