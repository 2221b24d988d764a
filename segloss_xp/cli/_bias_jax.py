"""The network of voxels and its training in JAX."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import segloss_xp as sx
from segloss_xp.cli import _bias_network
from segloss_xp.cli._jax import adam


class Network:
    """
    The network, to be trained with a loss.

    Parameters
    ----------
    loss : Loss
    weights : dict of str to numpy.ndarray
        Initial weights.
    """

    def __init__(self, loss: sx.Loss, weights: dict[str, np.ndarray]) -> None:
        self._loss, self._weights = loss, jax.device_put(weights)
        self._moments = jax.tree.map(jnp.zeros_like, (self._weights, self._weights))
        self._steps = 0

    def step(
        self, features: np.ndarray, target: np.ndarray, mask: np.ndarray, *, rate: float
    ) -> None:
        """One step of Adam on a batch."""
        self._steps += 1
        batch = features, target, mask
        self._weights, self._moments = _step(
            self._loss, self._weights, self._moments, batch, rate, self._steps
        )

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Output (N, 1, V) for features (N, F, V)."""
        return np.asarray(_logits(self._weights, features))


_logits = jax.jit(partial(_bias_network.logits, jnp.tanh))


@partial(jax.jit, static_argnums=0)
def _step(loss: sx.Loss, weights: Any, moments: Any, batch: Any, rate: Any, steps: Any) -> Any:
    features, target, mask = batch

    def objective(weights: Any) -> Any:
        return loss(_logits(weights, features), target, multilabel=True, mask=mask)

    return adam(weights, moments, jax.grad(objective)(weights), rate, steps)
