"""The experiments of training: data whose uncertainty is known, for a network of voxels."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from segloss_xp import bias

_SEED = 2019


@dataclass(frozen=True)
class Data:
    """
    Samples of voxels, foreground or not.

    Attributes
    ----------
    features : numpy.ndarray, (N, F, V), float32
        What the network sees of each voxel.
    labels : numpy.ndarray, (N, 1, V), bool
        Drawn once from `soft`.
    soft : numpy.ndarray, (N, 1, V), float32
        Probability to be foreground.
    mask : numpy.ndarray, (N, V), bool
    """

    features: np.ndarray
    labels: np.ndarray
    soft: np.ndarray
    mask: np.ndarray

    def __len__(self) -> int:
        return len(self.features)

    def __getitem__(self, chosen: Any) -> "Data":
        return Data(*(each[chosen] for each in self._arrays()))

    def _arrays(self) -> tuple[np.ndarray, ...]:
        return self.features, self.labels, self.soft, self.mask

    @property
    def volumes(self) -> np.ndarray:
        """Number of foreground voxels of each sample, (N,)."""
        return self.measure(self.labels)

    def measure(self, p: np.ndarray) -> np.ndarray:
        """Sum over the voxels that count of something (N, 1, V)."""
        return np.asarray(np.sum(p[:, 0] * self.mask, axis=1, dtype=np.float64))


@dataclass(frozen=True)
class Experiment:
    """
    A question to a loss.

    Attributes
    ----------
    name : str
    train, test : Data
    space : tuple of int
        The shape that the voxels of a sample have.
    hidden : int
        Units of the hidden layer of the network; 0 for a logistic regression.
    rings : AmbiguousRings or None
    voxels : GaussianVoxels or None
        The law of the data, where it is a simulation.
    """

    name: str
    train: Data
    test: Data
    space: tuple[int, ...]
    hidden: int = 16
    rings: bias.AmbiguousRings | None = field(default=None, kw_only=True)
    voxels: bias.GaussianVoxels | None = field(default=None, kw_only=True)


def experiments(*, brain: bool) -> Iterator[Experiment]:
    """All of them; that on the brain if asked for."""
    for sectors in (1, 16):
        yield _rings(bias.AmbiguousRings(p=0.45, sectors=sectors))
    yield _voxels(bias.GaussianVoxels(distance=1.0, prior=0.05))
    if brain:
        yield _brain()


def _rings(rings: bias.AmbiguousRings) -> Experiment:
    soft = np.asarray(rings.probabilities, np.float32)[rings.regions]

    def drawn(seed: int, images: int) -> Data:
        image, labels = rings.sample(images, seed=seed, stratified=True)
        return _data(image - 1, labels[:, None] > 0, np.broadcast_to(soft, image.shape))

    sectors = "ring" if rings.sectors == 1 else f"ring of {rings.sectors} sectors"
    shape = soft.shape
    name = f"{sectors}, p = {rings.p:g}"
    return Experiment(name, drawn(_SEED, 400), drawn(_SEED + 1, 100), shape, rings=rings)


def _voxels(voxels: bias.GaussianVoxels) -> Experiment:
    def drawn(seed: int) -> Data:
        z, labels = voxels.sample(48, 4096, seed=seed)
        return _data(z, labels[:, None] > 0, voxels.posterior(z))

    name = f"normal feature, d = {voxels.distance:g}, π = {voxels.prior:g}"
    return Experiment(name, drawn(_SEED), drawn(_SEED + 1), (64, 64), hidden=0, voxels=voxels)


def _brain() -> Experiment:
    """Grey matter in the slices of the demo, each a subject drawn from the probability maps."""
    from scipy.ndimage import gaussian_filter

    from segloss_xp.cli import _brain

    rng = np.random.default_rng(_SEED)

    def drawn(slices: _brain.Slices) -> Data:
        slices = slices.noisy(rng)
        image = slices.image[:, 0]
        blurred = [gaussian_filter(image, (0, s, s)) for s in (1, 2, 4)]
        along = np.linspace(-1, 1, len(image), dtype=np.float32)[:, None, None]
        place = np.broadcast_to(along, image.shape)
        features = np.stack([image, *blurred, place], axis=1)
        grey = slices.soft[:, 1:2]
        # Neighbours go together, as they do from one subject to another.
        field = gaussian_filter(rng.standard_normal(grey.shape), (0, 0, 2, 2), mode="wrap")
        rank = np.argsort(np.argsort(field.reshape(len(field), -1), axis=1), axis=1)
        uniform = ((rank + 0.5) / rank.shape[1]).reshape(grey.shape)
        return _data(features, uniform < grey, grey, slices.mask)

    train, test = _brain.load()
    space = train.image.shape[2:]
    return Experiment("grey matter of MNI152", drawn(train), drawn(test), space)


def _data(
    features: np.ndarray, labels: np.ndarray, soft: np.ndarray, mask: np.ndarray | None = None
) -> Data:
    def flat(x: np.ndarray) -> np.ndarray:
        return x.reshape(*x.shape[:2], -1)

    n, voxels = len(features), flat(labels).shape[2]
    used = np.ones((n, voxels), bool) if mask is None else mask.reshape(n, -1)
    return Data(
        flat(features).astype(np.float32), flat(labels), flat(soft).astype(np.float32), used
    )
