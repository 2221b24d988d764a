"""How the axes of a prediction lie, and those of what comes with it: checked, and laid out once."""

from math import prod
from typing import Any

from segloss_xp._array import is_bool, is_floating, is_integer, name, namespace


class Layout:
    """
    The axes of a prediction, and the way from there to (N, C, V) and back.

    Parameters
    ----------
    xp : namespace
        The array library.
    prediction : array
        As given to the loss.
    class_axis : int
        As given to the loss.

    Attributes
    ----------
    xp : namespace
        The array library.
    samples, classes : int
        N and C.
    space : tuple of int
        Lengths of the spatial axes.
    """

    def __init__(self, xp: Any, prediction: Any, class_axis: int) -> None:
        self.xp = xp
        self._axis = class_axis_of(prediction, class_axis)
        self._shape = tuple(prediction.shape)
        if not is_floating(xp, prediction):
            raise TypeError(
                f"expected a prediction of floating numbers that {name(xp)} can compute with, "
                f"got dtype {prediction.dtype}"
            )
        self.samples, self.classes = self._shape[0], self._shape[self._axis]
        self.space = self._shape[1 : self._axis] + self._shape[self._axis + 1 :]

    def flat(self, x: Any) -> Any:
        """From (N, K, *space) to (N, K, V)."""
        return self.xp.reshape(x, (*x.shape[:2], prod(self.space)))

    def grid(self, x: Any) -> Any:
        """From (N, K, V) to (N, K, *space)."""
        return namespace(x).reshape(x, (*x.shape[:2], *self.space))

    def unflatten(self, x: Any) -> Any:
        """From (N, V) back to (N, *space), or from (N, C, V) to the prediction's layout."""
        if x.ndim == 2:
            return self.xp.reshape(x, (self.samples, *self.space))
        return self.xp.moveaxis(self.grid(x), 1, self._axis)

    def of_classes(self, x: Any) -> Any:
        """From the prediction's layout to (N, C, V)."""
        x = ours(self.xp, x)
        return self.flat(x if self._axis == 1 else self.xp.moveaxis(x, self._axis, 1))

    def of_target(self, target: Any) -> Any:
        """Labels as (N, V), or one image a class as (N, C, V)."""
        xp, target = self.xp, ours(self.xp, target)
        shape = tuple(target.shape)
        if is_integer(xp, target):
            if shape != (self.samples, *self.space):
                raise ValueError(
                    f"an integer target is labels without a class axis, here of shape "
                    f"{(self.samples, *self.space)} for a prediction of shape {self._shape} with "
                    f"class axis {self._axis}; got shape {shape} and dtype {target.dtype} (take "
                    "labels[:, 0] of labels with a channel; make a one-hot target boolean)"
                )
            return xp.reshape(target, (self.samples, prod(self.space)))
        if not (is_floating(xp, target) or is_bool(xp, target)):
            raise TypeError(
                f"expected a target of integer labels, or of boolean or floating values a class, "
                f"got dtype {target.dtype}"
            )
        if shape != self._shape:
            raise ValueError(
                f"a boolean or floating target has the shape of the prediction, here "
                f"{self._shape}; got shape {shape} and dtype {target.dtype} "
                "(a target of labels is an integer array)"
            )
        return self.of_classes(target)

    def of_voxels(self, x: Any, what: str) -> Any:
        """An image for all classes, of a mask or weights, as (N, 1, V)."""
        x = ours(self.xp, x)
        shape, full = tuple(x.shape), (self.samples, *self.space)
        if len(shape) != len(full) or any(
            a not in (1, b) for a, b in zip(shape, full, strict=True)
        ):
            raise ValueError(
                f"expected a {what} of shape {full}, or of length 1 along some axes, for a "
                f"prediction of shape {self._shape} with class axis {self._axis}; got {shape}"
            )
        x = self.xp.reshape(self.xp.broadcast_to(x, full), (self.samples, prod(self.space)))
        # Not by reshape, which arrays of JAX with explicit sharding refuse to split.
        return x[:, None, :]

    def of_distance(self, distance: Any) -> Any:
        """Distance maps, one a class, as (N, C, V)."""
        if tuple(distance.shape) != self._shape:
            raise ValueError(
                f"distance holds one map a class, of the shape of the prediction {self._shape}; "
                f"got {tuple(distance.shape)}"
            )
        return self.of_classes(distance)

    def of_image(self, image: Any, dtype: Any) -> Any:
        """The image itself, of K channels, as (N, K, V) of a dtype."""
        xp, shape, axis = self.xp, tuple(image.shape), self._axis
        channels = shape[axis : axis + 1]
        if shape != (*self._shape[:axis], *channels, *self._shape[axis + 1 :]):
            raise ValueError(
                f"expected an image with channels on axis {axis}, of the samples and spatial axes "
                f"of the prediction of shape {self._shape}; got {shape}"
            )
        if not (is_floating(xp, image) or is_integer(xp, image)):
            raise TypeError(f"expected an image of numbers, got dtype {image.dtype}")
        return self.of_classes(xp.astype(ours(xp, image), dtype, copy=False))


def ours(xp: Any, x: Any) -> Any:
    """The array in the common library: NumPy arguments follow JAX ones."""
    return x if namespace(x) is xp else xp.asarray(x)


def class_axis_of(prediction: Any, class_axis: int) -> int:
    """The axis of the classes, counted from the front."""
    ndim = prediction.ndim
    axis = class_axis + ndim if class_axis < 0 else class_axis
    if ndim < 2 or not 1 <= axis < ndim:
        raise ValueError(
            f"expected a prediction with a sample axis, 0, and a class axis, got shape "
            f"{tuple(prediction.shape)} and class_axis={class_axis}"
        )
    return axis
