"""The network and its training in JAX."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import segloss_xp as sx
from segloss_xp.cli import _unet


class Operations:
    """Of the U-Net, channels last, which XLA is faster with on a processor."""

    def convolve(self, x: Any, kernel: Any) -> Any:
        layout = "NHWC", "OIHW", "NHWC"
        return jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=layout)

    def normalise(self, x: Any) -> Any:
        mean = x.mean(axis=(1, 2), keepdims=True)
        variance = ((x - mean) ** 2).mean(axis=(1, 2), keepdims=True)
        return (x - mean) / jnp.sqrt(variance + 1e-5)

    def scale(self, x: Any, factor: Any, shift: Any) -> Any:
        return x * factor + shift

    def relu(self, x: Any) -> Any:
        return jax.nn.relu(x)

    def halve(self, x: Any) -> Any:
        n, h, w, c = x.shape
        return x.reshape(n, h // 2, 2, w // 2, 2, c).max(axis=(2, 4))

    def double(self, x: Any) -> Any:
        return x.repeat(2, axis=1).repeat(2, axis=2)

    def join(self, x: Any, y: Any) -> Any:
        return jnp.concatenate((x, y), axis=-1)


class Network:
    """
    The U-Net, to be trained with a loss.

    Parameters
    ----------
    loss : Loss
    weights : dict of str to numpy.ndarray
        Initial weights.
    device : {"cpu", "cuda"}
    """

    def __init__(self, loss: sx.Loss, weights: dict[str, np.ndarray], device: str) -> None:
        self._loss, self._device = loss, jax.devices(device)[0]
        self._weights = jax.device_put(weights, self._device)
        self._moments = jax.tree.map(jnp.zeros_like, (self._weights, self._weights))
        self._steps = 0

    def step(
        self, image: np.ndarray, labels: np.ndarray, mask: np.ndarray, *, rate: float
    ) -> float:
        """One step of Adam on a batch; the loss before it."""
        self._steps += 1
        batch = jax.device_put((_channels_last(image), labels, mask), self._device)
        value, self._weights, self._moments = _step(
            self._loss, self._weights, self._moments, batch, rate, self._steps
        )
        return float(value)

    def logits(self, image: np.ndarray) -> np.ndarray:
        """Output for images (N, 1, H, W)."""
        image = jax.device_put(_channels_last(image), self._device)
        # Laid out anew, as those of PyTorch are, so that times with either are the same.
        return np.ascontiguousarray(np.moveaxis(np.asarray(_logits(self._weights, image)), -1, 1))


_logits = jax.jit(partial(_unet.logits, Operations()))


# A loss is immutable and hashable, so that it can be a static argument.
@partial(jax.jit, static_argnums=0, donate_argnums=(1, 2))
def _step(
    loss: sx.Loss, weights: Any, moments: Any, batch: Any, rate: Any, steps: Any
) -> tuple[Any, Any, Any]:
    image, labels, mask = batch

    def objective(weights: Any) -> Any:
        return loss(_logits(weights, image), labels, mask=mask, class_axis=-1)

    value, slopes = jax.value_and_grad(objective)(weights)
    return value, *adam(weights, moments, slopes, rate, steps)


def adam(weights: Any, moments: Any, slopes: Any, rate: Any, steps: Any) -> tuple[Any, Any]:
    """The update of Kingma and Ba (2015), algorithm 1."""
    first, second = moments
    first = jax.tree.map(lambda m, s: 0.9 * m + 0.1 * s, first, slopes)
    second = jax.tree.map(lambda v, s: 0.999 * v + 0.001 * s**2, second, slopes)

    def moved(w: Any, m: Any, v: Any) -> Any:
        return w - rate * (m / (1 - 0.9**steps)) / (jnp.sqrt(v / (1 - 0.999**steps)) + 1e-8)

    return jax.tree.map(moved, weights, first, second), (first, second)


def _channels_last(image: np.ndarray) -> np.ndarray:
    return np.moveaxis(image, 1, -1)
