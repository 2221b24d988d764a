"""The network of voxels and its training in PyTorch."""

import numpy as np
import torch

import segloss_xp as sx
from segloss_xp.cli import _bias_network


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
        self._loss = loss
        self._weights = {k: torch.tensor(w).requires_grad_() for k, w in weights.items()}
        self._adam = torch.optim.Adam(self._weights.values())

    def step(
        self, features: np.ndarray, target: np.ndarray, mask: np.ndarray, *, rate: float
    ) -> None:
        """One step of Adam on a batch."""
        self._adam.param_groups[0]["lr"] = rate
        self._adam.zero_grad()
        x, target_, mask_ = (torch.tensor(each) for each in (features, target, mask))
        prediction = _bias_network.logits(torch.tanh, self._weights, x)
        self._loss(prediction, target_, multilabel=True, mask=mask_).backward()
        self._adam.step()

    @torch.no_grad()
    def logits(self, features: np.ndarray) -> np.ndarray:
        """Output (N, 1, V) for features (N, F, V)."""
        return _bias_network.logits(torch.tanh, self._weights, torch.tensor(features)).numpy()
