"""The network and its training in PyTorch."""

from typing import Any

import numpy as np
import torch
from torch.nn import functional

import segloss_xp as sx
from segloss_xp.cli import _unet


class Operations:
    """Of the U-Net, channels first."""

    def convolve(self, x: Any, kernel: Any) -> Any:
        return functional.conv2d(x, kernel, padding="same")

    def normalise(self, x: Any) -> Any:
        return functional.instance_norm(x)

    def scale(self, x: Any, factor: Any, shift: Any) -> Any:
        return x * factor[:, None, None] + shift[:, None, None]

    def relu(self, x: Any) -> Any:
        return functional.relu(x)

    def halve(self, x: Any) -> Any:
        return functional.max_pool2d(x, 2)

    def double(self, x: Any) -> Any:
        return functional.interpolate(x, scale_factor=2)

    def join(self, x: Any, y: Any) -> Any:
        return torch.cat((x, y), dim=1)


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
        self._loss, self._device = loss, device
        self._weights = {k: self._array(w).requires_grad_() for k, w in weights.items()}
        self._adam = torch.optim.Adam(self._weights.values())

    def step(
        self, image: np.ndarray, labels: np.ndarray, mask: np.ndarray, *, rate: float
    ) -> float:
        """One step of Adam on a batch; the loss before it."""
        self._adam.param_groups[0]["lr"] = rate
        self._adam.zero_grad()
        prediction = _unet.logits(Operations(), self._weights, self._array(image))
        value = self._loss(prediction, self._array(labels), mask=self._array(mask))
        value.backward()
        self._adam.step()
        return value.item()

    @torch.no_grad()
    def logits(self, image: np.ndarray) -> np.ndarray:
        """Output for images (N, 1, H, W)."""
        return _unet.logits(Operations(), self._weights, self._array(image)).cpu().numpy()

    def _array(self, x: np.ndarray) -> torch.Tensor:
        return torch.tensor(x, device=self._device)
