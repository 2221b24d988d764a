"""Images in which one region is uncertain, and what a loss says of predictions of it."""

import math
from dataclasses import dataclass

import numpy as np

from segloss_xp._loss import Loss
from segloss_xp.bias._images import Classes, classes_for, refuse, values

_BACKGROUND, _CERTAIN = 100.0, 1.0
# An image for losses that look at where a voxel is has so many pixels to the unit of volume.
_PIXELS = 4


@dataclass(frozen=True, eq=False)
class Scene:
    """
    Voxels of an image with uncertain regions.

    Attributes
    ----------
    region : array of int, (*space)
        The uncertain region from 0; -1 for certain foreground, -2 for background.
    weights : array of float, (*space), or None
    """

    region: np.ndarray
    weights: np.ndarray | None = None

    @property
    def image(self) -> bool:
        """Whether voxels lie as in an image, rather than one for each region."""
        return self.weights is None

    def values(
        self, loss: Loss, x: np.ndarray, background: float = 0.0, certain: float = 1.0
    ) -> tuple[np.ndarray, Classes]:
        """
        What a loss says where the first k regions are foreground, for each k.

        Parameters
        ----------
        loss : Loss
        x : array (G,)
            Predictions of all the uncertain regions.
        background, certain : float
            Predictions of the background and of the certain foreground.

        Returns
        -------
        values : array (n + 1, G)
        classes : {"foreground", "both"}
            Whether the loss saw a channel of the foreground, or two classes because it must.
        """
        try:
            return self._values(loss, x, background, certain, "foreground"), "foreground"
        except ValueError:
            return self._values(loss, x, background, certain, "both"), "both"

    def _values(
        self, loss: Loss, x: np.ndarray, background: float, certain: float, classes: Classes
    ) -> np.ndarray:
        region, axes = self.region, (1,) * self.region.ndim
        known = np.where(region == -1, certain, background)
        foreground = np.where(region >= 0, x.reshape(-1, *axes), known)
        weights = None
        if self.weights is not None:
            weights = np.broadcast_to(self.weights, foreground.shape)
        rows = []
        for k in range(int(region.max()) + 2):
            truth = np.broadcast_to((region < k) & (region >= -1), foreground.shape)
            rows.append(values(loss, foreground, truth, classes=classes, weights=weights))
        return np.asarray(rows, dtype=float)


def scene_for(loss: Loss, mu: float, n: int) -> Scene:
    """A voxel for each of n regions of volume mu, or an image if the loss looks at places."""
    refuse(loss)
    return _image(mu, n) if _looks_at_places(loss) else _points(mu, n)


def takes_all_alike(loss: Loss) -> bool:
    """Whether voxels count by their weight, wherever they are and however many."""
    return not (_looks_at_places(loss) or _counts_voxels(loss))


def _looks_at_places(loss: Loss) -> bool:
    """Whether the value of an image may change when its voxels are shuffled."""
    if not loss.from_maps:
        return True
    image, x = _image(1.0, 1).region, np.asarray([0.3, 0.7])
    shuffled = np.random.default_rng(0).permuted(image.ravel()).reshape(image.shape)
    one, other = (Scene(each).values(loss, x)[0] for each in (image, shuffled))
    return not np.allclose(one, other, rtol=1e-9, atol=0, equal_nan=True)


def _counts_voxels(loss: Loss) -> bool:
    """Whether a voxel may differ from several that weigh as much: where the hardest k are taken."""
    rng = np.random.default_rng(0)
    shape = 1, 64
    x, truth = rng.uniform(0.05, 0.95, shape), rng.random(shape) < 0.5
    count = rng.integers(1, 9, shape)
    several = (np.repeat(each, count[0, :], axis=1) for each in (x, truth))
    classes = classes_for(loss, x, truth)
    one = values(loss, x, truth, classes=classes, weights=count.astype(float))
    other = values(loss, *several, classes=classes)
    return not np.allclose(one, other, rtol=1e-9, atol=0, equal_nan=True)


def looks_at_logits(loss: Loss) -> bool:
    """Whether the value changes with all logits of a voxel, that is, with no probability."""
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(1, 2, 6, 6)), rng.integers(0, 2, (1, 6, 6))
    return not np.allclose(loss(logits, labels), loss(logits + 1, labels), rtol=1e-9, atol=0)


def _points(mu: float, n: int) -> Scene:
    """A voxel for each region, with its volume as its weight."""
    weights = np.asarray([_BACKGROUND, _CERTAIN, *([mu / n] * n)])
    return Scene(np.asarray([-2, -1, *range(n)]), weights)


def _image(mu: float, n: int) -> Scene:
    """The certain foreground in the middle, the regions as sectors around it."""
    core, ring = round(_PIXELS * _CERTAIN), n * max(1, round(_PIXELS * mu / n))
    side = math.ceil(math.sqrt(_PIXELS * _BACKGROUND + core + ring))
    i, j = (each - (side - 1) / 2 for each in np.indices((side, side)))
    order = np.lexsort((np.arctan2(i, j).ravel(), np.round(np.hypot(i, j).ravel(), 9)))
    region = np.full(side * side, -2)
    region[order[:core]] = -1
    around = order[core : core + ring]
    around = around[np.argsort(np.arctan2(i, j).ravel()[around], kind="stable")]
    region[around] = np.arange(ring) * n // ring
    return Scene(region.reshape(side, side))
