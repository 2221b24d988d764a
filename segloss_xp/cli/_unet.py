"""A small U-Net, written once over the few operations that a framework gives it."""

from itertools import pairwise
from typing import Any, Protocol

import numpy as np

_CHANNELS = (12, 24, 48)


class Operations(Protocol):
    """What a framework gives; where its channels are is its own affair."""

    def convolve(self, x: Any, kernel: Any) -> Any:
        """Convolution with a kernel (out, in, height, width), of the same size as `x`."""
        ...

    def normalise(self, x: Any) -> Any:
        """Mean 0 and variance 1 for each image and channel."""
        ...

    def scale(self, x: Any, factor: Any, shift: Any) -> Any:
        """A factor and a shift for each channel."""
        ...

    def relu(self, x: Any) -> Any:
        """The positive part."""
        ...

    def halve(self, x: Any) -> Any:
        """Largest of each two by two pixels."""
        ...

    def double(self, x: Any) -> Any:
        """Each pixel two by two times."""
        ...

    def join(self, x: Any, y: Any) -> Any:
        """The channels of both."""
        ...


def weights(rng: np.random.Generator, classes: int) -> dict[str, np.ndarray]:
    """
    Initial weights, after He et al. (2015).

    Parameters
    ----------
    rng : numpy.random.Generator
    classes : int
        Number of channels at the end.

    Returns
    -------
    dict of str to numpy.ndarray
        Arrays of float32 by name.
    """
    found: dict[str, np.ndarray] = {}

    def convolution(name: str, inputs: int, outputs: int, size: int = 3) -> None:
        spread = np.sqrt(2 / (inputs * size * size))
        shape = outputs, inputs, size, size
        found[f"{name}.kernel"] = np.float32(spread) * rng.standard_normal(shape, dtype=np.float32)
        found[f"{name}.factor"] = np.ones(outputs, np.float32)
        found[f"{name}.shift"] = np.zeros(outputs, np.float32)

    def block(name: str, inputs: int, outputs: int) -> None:
        convolution(f"{name}.0", inputs, outputs)
        convolution(f"{name}.1", outputs, outputs)

    for level, (inputs, outputs) in enumerate(pairwise((1, *_CHANNELS))):
        block(f"down{level}", inputs, outputs)
    for level, (here, below) in enumerate(pairwise(_CHANNELS)):
        block(f"up{level}", here + below, here)
    convolution("head", _CHANNELS[0], classes, size=1)
    return found


def logits(do: Operations, weights: dict[str, Any], x: Any) -> Any:
    """
    Output of the network.

    Parameters
    ----------
    do : Operations
    weights : dict of str to array
        As `weights` makes them, in the framework's own arrays.
    x : array
        Images with one channel and sides divisible by 4.

    Returns
    -------
    array
        One channel a class.
    """

    def block(name: str, x: Any) -> Any:
        for name_ in (f"{name}.0", f"{name}.1"):
            x = do.normalise(do.convolve(x, weights[f"{name_}.kernel"]))
            x = do.relu(do.scale(x, weights[f"{name_}.factor"], weights[f"{name_}.shift"]))
        return x

    skipped = []
    for level in range(len(_CHANNELS)):
        x = block(f"down{level}", do.halve(x) if level else x)
        skipped.append(x)
    skipped.pop()
    for level in reversed(range(len(skipped))):
        x = block(f"up{level}", do.join(do.double(x), skipped[level]))
    x = do.convolve(x, weights["head.kernel"])
    return do.scale(x, weights["head.factor"], weights["head.shift"])
