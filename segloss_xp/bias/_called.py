"""The risk of any loss, called on images of what may be true."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from segloss_xp import _ops
from segloss_xp._array import namespace
from segloss_xp._grain import VoxelLoss
from segloss_xp._loss import Loss
from segloss_xp.bias import _images
from segloss_xp.bias._objective import Objective
from segloss_xp.bias._scene import takes_all_alike
from segloss_xp.bias.uncertainty import Marginals

# Images that all binary predictions together may take, and prefixes that are tried.
_IMAGES, _PREFIXES = 1 << 14, 64
# Voxels of images that are looked at at a time.
_AT_A_TIME = 1 << 18


@dataclass(frozen=True, eq=False)
class Law:
    """
    What may be true, as images.

    Attributes
    ----------
    labels : array (K, R)
        Boolean, or soft labels.
    chances : array (K,)
        Probability of each.
    weights : array (K, R) or None
        Of the voxels.
    """

    labels: Any
    chances: Any
    weights: Any = None


@dataclass(frozen=True, eq=False)
class Called(Objective):
    """
    The risk of a loss that is called on an image of the shape of the description.

    Parameters
    ----------
    truth : Independent, Samples or Marginals
        Law of the labels.
    loss : Loss
    """

    loss: Loss

    def __post_init__(self) -> None:
        _images.refuse(self.loss)

    @cached_property
    def alike(self) -> bool:
        return takes_all_alike(self.loss)

    @property
    def most(self) -> int:
        return (_IMAGES // self.law.chances.shape[0]).bit_length() - 1

    def prefixes(self, count: int) -> Iterable[int]:
        return np.unique(np.linspace(0, count, _PREFIXES, dtype=int)).tolist()

    @cached_property
    def classes(self) -> _images.Classes:
        """Whether the loss sees a channel of the foreground, or two classes because it must."""
        x = 0.5 * self._image(
            namespace(self.truth.marginal).ones_like(self.truth.marginal)[None, :]
        )
        return _images.classes_for(self.loss, x, x > 0)

    @cached_property
    def law(self) -> Law:
        """The images that are looked at."""
        truth = self.truth
        if not isinstance(truth, Marginals) and self.alike and _adds_up(self.loss):
            xp = namespace(truth.marginal)
            # Weights of voxels, through which there is no gradient: rather none than a part of it.
            constants = (_ops.stop_gradient(xp, each) for each in (truth.marginal, truth.sizes))
            return _all_or_none(*constants)
        labels, chances = truth.law()
        unit = isinstance(truth.volumes, int | float) and truth.volumes == 1
        if unit:
            return Law(labels, chances)
        xp = namespace(chances)
        return Law(labels, chances, xp.broadcast_to(truth.sizes, tuple(labels.shape)))

    def risk(self, x: Any) -> Any:
        xp = namespace(x)
        if 0 in x.shape:
            return xp.sum(x, axis=-1)
        flat = xp.reshape(x, (-1, x.shape[-1]))
        return xp.reshape(self._expectation(_images.values, flat), tuple(x.shape[:-1]))

    def slopes(self, x: Any) -> Any:
        return self._expectation(_images.slopes, x)

    def _expectation(self, of: Callable[..., Any], x: Any) -> Any:
        """Of what is said of predictions (S, R), some images at a time; (S, 1) or (S, R)."""
        xp, law = namespace(x), self.law
        outcomes, count = law.chances.shape[0], x.shape[0]
        images = max(1, _AT_A_TIME // max(1, x.shape[1]))
        step = max(1, images // outcomes)
        return xp.concat(
            [
                sum(
                    self._part(of, x[k : min(k + step, count), :], j, min(j + images, outcomes))
                    for j in range(0, outcomes, images)
                )
                for k in range(0, max(count, 1), step)
            ]
        )

    def _part(self, of: Callable[..., Any], x: Any, start: int, stop: int) -> Any:
        """What some of the outcomes add."""
        xp, law = namespace(x), self.law
        shape = (stop - start, *x.shape)

        def spread(each: Any) -> Any:
            each = each[start:stop, None, :]
            return self._image(xp.reshape(xp.broadcast_to(each, shape), (-1, shape[-1])))

        foreground = self._image(xp.reshape(xp.broadcast_to(x, shape), (-1, shape[-1])))
        said = of(
            self.loss,
            foreground,
            spread(law.labels),
            classes=self.classes,
            weights=None if law.weights is None else spread(law.weights),
        )
        said = xp.reshape(said, (*shape[:2], -1))
        chances = law.chances[start:stop, None, None]
        # What has no probability costs nothing, not even where the loss is infinite.
        said = xp.where(chances > 0, said, xp.zeros_like(said))
        return xp.sum(chances * said, axis=0)

    def _image(self, x: Any) -> Any:
        """From regions (N, R) to images (N, *shape)."""
        return self.truth.unflat(x)


def _adds_up(loss: Loss) -> bool:
    """Whether the loss is a mean over voxels of what it says of each alone."""
    return all(
        isinstance(each, VoxelLoss)
        and type(each).reduce is VoxelLoss.reduce
        and each.class_weights is None
        for each in _images.parts(loss)
    )


def _all_or_none(p: Any, volumes: Any) -> Law:
    """
    A law with the same mean over labels of what adds up over voxels.

    Of two images, all foreground and none, in which a voxel weighs as much as it is probable that
    it is labelled so.
    """
    xp = namespace(p)
    p = xp.clip(p, max=1.0)
    weights = xp.stack([volumes * p, volumes * (1.0 - p)])
    total = xp.sum(weights, axis=1)
    labels = xp.stack([p >= 0, p < 0])
    return Law(labels, total / xp.sum(volumes), weights)
