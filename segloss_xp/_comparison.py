"""A prediction against a target: checked once, laid out once, summed once."""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from math import prod
from typing import Any

from segloss_xp import _execution, _ops
from segloss_xp._activation import Probability, Sigmoid, Softmax
from segloss_xp._array import (
    Array,
    is_bool,
    is_floating,
    is_integer,
    name,
    namespace,
    working_dtype,
)
from segloss_xp._spacing import along_each
from segloss_xp._sums import Sums, Values, within
from segloss_xp.maps import Field, Map, Volume


class Comparison:
    """
    What the losses of one call see: a prediction, a target, and all that is derived from them.

    Everything is laid out as (N, C, V), samples by classes by voxels. The sums that the losses
    plan for are computed together, at most once.

    Parameters
    ----------
    prediction, target : array
        As given to the loss.
    **description
        As given to the loss: see `Loss.__call__`.

    Attributes
    ----------
    samples, classes : int
        N and C.
    space : tuple of int
        Lengths of the spatial axes.
    multilabel : bool
        Whether the classes are channels of their own, which may overlap.
    spacing : tuple of float
        Distance between voxel centres along each spatial axis.
    distance : array or None
        Precomputed signed distance maps (N, C, V).
    image : array or None
        The image itself (N, K, V), of K channels.
    """

    def __init__(
        self,
        prediction: Array,
        target: Array | None,
        *,
        from_logits: bool = True,
        multilabel: bool = False,
        class_axis: int = 1,
        mask: Array | None = None,
        voxel_weights: Array | None = None,
        ignore_index: int | None = None,
        spacing: Any = None,
        distance: Array | None = None,
        image: Array | None = None,
        all_reduce: Any = None,
    ) -> None:
        xp = self.xp = namespace(prediction, target, mask, voxel_weights, distance, image)
        self.multilabel, self.all_reduce = multilabel, all_reduce
        self._axis = class_axis_of(prediction, class_axis)
        _check_prediction(xp, prediction, self._axis, multilabel=multilabel)
        self._shape = tuple(prediction.shape)
        self.samples, self.classes = self._shape[0], self._shape[self._axis]
        self.space = self._shape[1 : self._axis] + self._shape[self._axis + 1 :]
        self.spacing = along_each(self.space, spacing)
        self.prediction = self._flat(ours(xp, prediction))
        self.target = self._flat_target(target, ignore_index)
        self.weight = self._combined_weight(mask, voxel_weights, ignore_index)
        # Where the labels can be seen, once for all; else by whoever adds up.
        self._checked = is_integer(xp, self.target) and _execution.on_host(xp, self.target)
        if self._checked and not _ops.all_within(xp, self.target, self.classes):
            labels = xp.astype(self.target, xp.int64)[:, None, :]
            self.weight = within(xp, labels, self.classes, self.weight)
        self.distance = None if distance is None else self._flat_distance(ours(xp, distance))
        self.image: Any = None if image is None else self._flat_image(ours(xp, image))
        self._activation = Probability if not from_logits else Sigmoid if multilabel else Softmax
        self._sums: Mapping[Map, Any] = {}
        self._fields: dict[Field, Any] = {}
        self.plan(())

    @property
    def exclusive(self) -> bool:
        """Whether at most one class of a voxel can be more probable than 1/2."""
        return self._activation is Softmax

    @property
    def plain(self) -> bool:
        """Whether logits of a softmax are compared with labels, each voxel counting 1."""
        exact = self._activation is Softmax and is_integer(self.xp, self.target)
        return exact and self.weight is None and self.all_reduce is None

    @property
    def counted(self) -> Any:
        """Which voxels have weight (N, 1, V), as booleans, or None where all are seen to."""
        xp, weight = self.xp, self.weight
        if is_integer(xp, self.target) and not self._checked:
            labels = xp.astype(self.target, working_dtype(xp, self.prediction))[:, None, :]
            weight = within(xp, labels, self.classes, weight)
        used = weight if weight is None or is_bool(xp, weight) else weight > 0
        seen = used is not None and _execution.on_host(xp, used)
        return None if seen and xp.all(used) else used

    def plan(self, maps: Iterable[Map]) -> None:
        """Say which maps will be summed, each named once or more."""
        self.rule = Sums(tuple(dict.fromkeys(maps)), self._activation, self._checked)

    @property
    def sums(self) -> Mapping[Map, Any]:
        """The sum of each planned map over the voxels, (N, C)."""
        if not self._sums:
            sums = self.rule(*self.arguments(self.rule))
            self._sums = dict(zip(self.rule.maps, _ops.unstack(namespace(sums), sums), strict=True))
        return self._sums

    def arguments(self, rule: Sums) -> tuple[Any, ...]:
        """What the rule is called with."""
        images = (self.field(field) for field in rule.fields)
        return self.prediction, self.target, self.weight, *images

    def field(self, field: Field) -> Any:
        """A field of these data, computed at most once; a constant."""
        if field not in self._fields:
            self._fields[field] = _ops.stop_gradient(self.xp, field.of(self))
        return self._fields[field]

    def values(self, maps: Iterable[Map]) -> list[Any]:
        """The maps themselves, times the weight of the voxel, each (N, C, V)."""
        return self._values(maps, self.weight)

    def images(self, maps: Iterable[Map]) -> list[Any]:
        """The maps themselves, each (N, C, *space); 0 in voxels without weight."""
        return [self.grid(values) for values in self._values(maps, self.counted)]

    def integrate(self, image: Any) -> Any:
        """The sum over the voxels of an image (N, C, *space), by their weight: (N, C)."""
        return self.xp.sum(self.flat(image) * self.value_of_target(Volume()), axis=2)

    def probability(self, counted: Any = None) -> Any:
        """The probability of each class (N, C, V), a constant; anything where not `counted`."""
        xp, x = self.xp, self._constant_prediction()
        x = xp.astype(x, working_dtype(xp, x), copy=False)
        if counted is not None:
            x = xp.where(counted, x, xp.zeros_like(x))
        (voxels,) = self._activation.blocks(xp, x, [None])
        return voxels.p

    def value_of_target(self, m: Map) -> Any:
        """A map of the target alone, times the weight of the voxel, (N, C, V)."""
        rule = Values((m,), self._activation, self._checked)
        return rule.forward(self._constant_prediction(), self.target, self.weight)[:, 0, ...]

    def _constant_prediction(self) -> Any:
        return _ops.stop_gradient(namespace(self.prediction), self.prediction)

    def pool(self, x: Any) -> Any:
        """Sum over the samples, of all devices, keeping the axis with length 1."""
        return self.everywhere(namespace(x).sum(x, axis=0, keepdims=True))

    def everywhere(self, x: Any) -> Any:
        """Sum over the devices."""
        if self.all_reduce is None:
            return x
        # An array with an axis: NumPy's sums are numbers, which no buffer of MPI takes.
        xp = namespace(x)
        return xp.reshape(self.all_reduce(xp.reshape(x, (-1,))), x.shape)

    def constant(self, values: Sequence[float], what: str) -> Any:
        """One number a class, as an array (C,) of the working precision."""
        if len(values) != self.classes:
            raise ValueError(
                f"expected {what} for each of {self.classes} classes, got {len(values)}: {values}"
            )
        dtype = working_dtype(self.xp, self.prediction)
        return _ops.constant(self.xp, values, dtype, like=self.prediction)

    def _values(self, maps: Iterable[Map], weight: Any) -> list[Any]:
        maps = tuple(maps)
        rule = Values(maps, self._activation, self._checked)
        prediction, target, _, *images = self.arguments(rule)
        stacked = rule(prediction, target, weight, *images)
        return [stacked[:, k, ...] for k in range(len(maps))]

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
        x = self.grid(x)
        order = list(range(len(self._shape)))
        order.insert(self._axis, order.pop(1))
        return self.xp.permute_dims(x, tuple(order))

    def _flat(self, x: Any) -> Any:
        if self._axis != 1:
            order = list(range(len(self._shape)))
            order.insert(1, order.pop(self._axis))
            x = self.xp.permute_dims(x, tuple(order))
        return self.flat(x)

    def _flat_target(self, target: Any, ignore_index: int | None) -> Any:
        xp = self.xp
        if target is None:
            if ignore_index is not None:
                raise ValueError(f"ignore_index={ignore_index} needs a target of labels, got None")
            # Any labels that are valid: the losses that need no target look at none.
            return xp.zeros_like(self.prediction[:, 0, :], dtype=xp.int32)
        target = ours(xp, target)
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
        if ignore_index is not None:
            raise ValueError(
                f"ignore_index={ignore_index} needs a target of integer labels, got dtype "
                f"{target.dtype}; use mask"
            )
        return self._flat(target)

    def _combined_weight(self, mask: Any, voxel_weights: Any, ignore_index: int | None) -> Any:
        """Weight (N, 1, V) of the voxels, or None where each counts 1."""
        xp, parts = self.xp, []
        if mask is not None:
            mask = self._flat_voxels(mask, "mask")
            if not (is_bool(xp, mask) or is_integer(xp, mask)):
                raise TypeError(
                    f"expected a mask of booleans, got dtype {mask.dtype}; "
                    "weights go into voxel_weights"
                )
            parts.append(mask if is_bool(xp, mask) else mask != xp.zeros_like(mask))
        # A label outside [0, C) has no weight anyway.
        if ignore_index is not None and 0 <= ignore_index < self.classes:
            labels = xp.astype(self.target, xp.int32, copy=False)[:, None, :]
            parts.append(labels != ignore_index)
        used = reduce(lambda a, b: a & b, parts) if parts else None
        if voxel_weights is None:
            return used
        weights = self._flat_voxels(voxel_weights, "voxel_weights")
        if not is_floating(xp, weights):
            raise TypeError(f"expected floating voxel_weights, got dtype {weights.dtype}")
        weights = xp.astype(weights, working_dtype(xp, self.prediction), copy=False)
        if used is not None:
            weights = xp.where(used, weights, xp.zeros_like(weights))
        if _execution.values_known(xp, weights) and not xp.all(
            (weights >= 0) & (weights < float("inf"))
        ):
            raise ValueError(
                f"expected voxel_weights that are finite and not negative, got values from "
                f"{float(xp.min(weights))} to {float(xp.max(weights))}"
            )
        return weights

    def _flat_voxels(self, x: Any, what: str) -> Any:
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

    def _flat_distance(self, distance: Any) -> Any:
        if tuple(distance.shape) != self._shape:
            raise ValueError(
                f"distance holds one map a class, of the shape of the prediction {self._shape}; "
                f"got {tuple(distance.shape)}"
            )
        return self._flat(distance)

    def _flat_image(self, image: Any) -> Any:
        xp, shape, axis = self.xp, tuple(image.shape), self._axis
        channels = shape[axis : axis + 1]
        if shape != (*self._shape[:axis], *channels, *self._shape[axis + 1 :]):
            raise ValueError(
                f"expected an image with channels on axis {axis}, of the samples and spatial axes "
                f"of the prediction of shape {self._shape}; got {shape}"
            )
        if not (is_floating(xp, image) or is_integer(xp, image)):
            raise TypeError(f"expected an image of numbers, got dtype {image.dtype}")
        return self._flat(xp.astype(image, working_dtype(xp, self.prediction), copy=False))


def ours(xp: Any, x: Any) -> Any:
    """The array in the common library: NumPy arguments follow JAX ones."""
    return x if namespace(x) is xp else xp.asarray(x)


def class_axis_of(prediction: Any, class_axis: int) -> int:
    ndim = prediction.ndim
    axis = class_axis + ndim if class_axis < 0 else class_axis
    if ndim < 2 or not 1 <= axis < ndim:
        raise ValueError(
            f"expected a prediction with a sample axis, 0, and a class axis, got shape "
            f"{tuple(prediction.shape)} and class_axis={class_axis}"
        )
    return axis


def _check_prediction(xp: Any, prediction: Any, axis: int, *, multilabel: bool) -> None:
    if not is_floating(xp, prediction):
        raise TypeError(
            f"expected a prediction of floating numbers that {name(xp)} can compute with, "
            f"got dtype {prediction.dtype}"
        )
    if prediction.shape[axis] == 1 and not multilabel:
        raise ValueError(
            f"one class leaves nothing to choose: the prediction has shape "
            f"{tuple(prediction.shape)} and class axis {axis}; for a single channel with a sigmoid "
            "pass multilabel=True"
        )
