"""Axial slices of the MNI152 template brain, from the files that the nilearn wheel carries."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

CLASSES = ("other", "grey matter", "white matter")

# In millimetres.
_RESOLUTION = 2

# The template is a mean of 152 heads: without noise, thresholds would do. In units of its maximum;
# grey and white matter are 0.19 apart.
_NOISE = 0.06

# Test slices are whole bands of neighbours: single ones would be known from those beside them.
_BAND, _EVERY = 4, 4


@dataclass(frozen=True)
class Slices:
    """
    Axial slices, anterior up and the subject's left on the left.

    Attributes
    ----------
    image : numpy.ndarray, (N, 1, H, W), float32
        T1-weighted image, of mean 0 and standard deviation 1 in the brain of the whole volume.
    soft : numpy.ndarray, (N, 3, H, W), float32
        Probabilities of the `CLASSES`, which sum to 1.
    mask : numpy.ndarray, (N, H, W), bool
        The brain.
    noise : float
        Standard deviation of the noise, in units of the image.
    """

    image: np.ndarray
    soft: np.ndarray
    mask: np.ndarray
    noise: float
    spacing: tuple[float, float] = (_RESOLUTION, _RESOLUTION)

    def __len__(self) -> int:
        return len(self.image)

    def __getitem__(self, chosen: slice | np.ndarray) -> "Slices":
        return Slices(self.image[chosen], self.soft[chosen], self.mask[chosen], self.noise)

    @property
    def labels(self) -> np.ndarray:
        """The most probable class (N, H, W)."""
        return np.argmax(self.soft, axis=1)

    def noisy(self, rng: np.random.Generator) -> "Slices":
        """The same with fresh noise in the brain."""
        noise = rng.standard_normal(self.image.shape, dtype=np.float32) * np.float32(self.noise)
        return Slices(self.image + noise * self.mask[:, None], self.soft, self.mask, self.noise)


def load() -> tuple[Slices, Slices]:
    """Slices to train with, and slices to test on."""
    brain = _normalised(*_volumes())
    test = np.arange(len(brain)) // _BAND % _EVERY == _EVERY // 2
    return brain[~test], brain[test]


def _volumes() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """T1 image, grey and white matter, each a stack of axial slices."""
    # All three read what is installed; nilearn's functions named fetch_ would download.
    from nilearn.datasets import (
        load_mni152_gm_template,
        load_mni152_template,
        load_mni152_wm_template,
    )

    def axial(load: Callable[..., Any]) -> np.ndarray:
        volume = load(resolution=_RESOLUTION).get_fdata(dtype=np.float32)
        return volume.transpose(2, 1, 0)[:, ::-1]

    return (
        axial(load_mni152_template),
        axial(load_mni152_gm_template),
        axial(load_mni152_wm_template),
    )


def _normalised(t1: np.ndarray, grey: np.ndarray, white: np.ndarray) -> Slices:
    # The skull is stripped already, and the ventricles are far above this.
    brain = t1 > 0.05
    box = _box(brain)
    t1, grey, white, brain = (volume[box] for volume in (t1, grey, white, brain))
    scale = t1[brain].std()
    other = np.clip(1 - grey - white, 0, None)
    soft = np.stack([other, grey, white], axis=1)
    soft /= soft.sum(axis=1, keepdims=True)
    return Slices(
        image=((t1 - t1[brain].mean()) / scale)[:, None],
        soft=soft,
        mask=brain,
        noise=float(_NOISE / scale),
    )


def _box(brain: np.ndarray) -> tuple[slice, ...]:
    """The slices that show much of the brain, cut to lengths that halve three times."""
    area = brain.sum(axis=(1, 2))
    first, *_, last = np.flatnonzero(area > 0.2 * area.max())
    return slice(first, last + 1), *(_span(np.any(brain, axis=axes)) for axes in ((0, 2), (0, 1)))


def _span(used: np.ndarray) -> slice:
    """The used part of an axis and a little around it, a multiple of 8 long."""
    first, *_, last = np.flatnonzero(used)
    length = -(-(last + 1 - first) // 8) * 8
    start = int(np.clip((first + last + 1 - length) // 2, 0, len(used) - length))
    return slice(start, start + length)
