"""A network that sees one voxel at a time, and its training in any framework."""

import importlib
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

import segloss_xp as sx
from segloss_xp.cli._bias_data import Data

FRAMEWORKS = {"torch": "PyTorch", "jax": "JAX"}

_BATCH = 16
# A logistic regression starts far from where it goes.
_RATE, _RATE_OF_REGRESSION = 0.03, 0.5


class Network(Protocol):
    """A network in some framework."""

    def step(
        self, features: np.ndarray, target: np.ndarray, mask: np.ndarray, *, rate: float
    ) -> None:
        """One training step on a batch."""
        ...

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Output (N, 1, V) for features (N, F, V)."""
        ...


def weights(features: int, hidden: int) -> dict[str, np.ndarray]:
    """Initial weights, the same in every framework, that predict 1/2 or near it."""
    rng = np.random.default_rng(7)
    sizes = (features, hidden, 1) if hidden else (features, 1)
    result = {}
    for k, (before, after) in enumerate(pairwise(sizes)):
        scale = 1.0 if k + 2 < len(sizes) else 0.1
        kernel = scale * rng.standard_normal((before, after)) / np.sqrt(before)
        shift = rng.standard_normal(after) if k + 2 < len(sizes) else np.zeros(after)
        result |= {f"w{k}": kernel.astype(np.float32), f"b{k}": shift.astype(np.float32)}
    return result


def logits(tanh: Callable[[Any], Any], weights: dict[str, Any], x: Any) -> Any:
    """Output (N, 1, V) for features (N, F, V)."""
    last = len(weights) // 2 - 1
    x = x.swapaxes(1, 2)
    for k in range(last):
        x = tanh(x @ weights[f"w{k}"] + weights[f"b{k}"])
    return (x @ weights[f"w{last}"] + weights[f"b{last}"]).swapaxes(1, 2)


def trained(
    framework: str,
    loss: sx.Loss,
    data: Data,
    *,
    soft: bool,
    hidden: int,
    steps: int,
    advance: Callable[[], None],
) -> Network:
    """
    Train a network.

    Parameters
    ----------
    framework : {"torch", "jax"}
    loss : Loss
    data : Data
    soft : bool
        Whether the target is the probabilities rather than the labels drawn from them.
    hidden, steps : int
    advance : callable
        Called after each step.
    """
    module = importlib.import_module(f"segloss_xp.cli._bias_{framework}")
    network: Network = module.Network(loss, weights(data.features.shape[1], hidden))
    rng = np.random.default_rng(1)
    first = _RATE if hidden else _RATE_OF_REGRESSION
    for step in range(steps):
        batch = data[rng.choice(len(data), _BATCH, replace=False)]
        target = batch.soft if soft else batch.labels
        network.step(batch.features, target, batch.mask, rate=first * (1 - step / steps))
        advance()
    return network
