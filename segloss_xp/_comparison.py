"""A prediction against a target: checked once, laid out once, summed once."""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any

from segloss_xp import _execution, _ops
from segloss_xp._activation import Probability, Sigmoid, Softmax
from segloss_xp._array import Array, is_bool, is_floating, is_integer, namespace, working_dtype
from segloss_xp._labels import shortened, within
from segloss_xp._layout import Layout
from segloss_xp._spacing import along_each
from segloss_xp._sums import Sums, Values
from segloss_xp.maps import Field, Map, Truth, Volume


class Comparison(Layout):
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
    xp, samples, classes, space
        Of the `Layout`.
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
        xp = namespace(prediction, target, mask, voxel_weights, distance, image)
        super().__init__(xp, prediction, class_axis)
        if self.classes == 1 and not multilabel:
            raise ValueError(
                f"one class leaves nothing to choose: the prediction has shape "
                f"{self._shape} and class axis {self._axis}; for a single channel with a sigmoid "
                "pass multilabel=True"
            )
        self.multilabel, self.all_reduce = multilabel, all_reduce
        self.spacing = along_each(self.space, spacing)
        self.prediction = self.of_classes(prediction)
        self.target = self._given_target(target, ignore_index)
        self.weight = self._combined_weight(mask, voxel_weights, ignore_index)
        # Where Python can see the labels, they are looked at once; else by whoever adds up.
        self._seen = _execution.on_host(xp, self.target)
        self._checked = self._seen
        if is_integer(xp, self.target):
            self._check_labels()
        self.distance = None if distance is None else self.of_distance(distance)
        dtype = working_dtype(xp, self.prediction)
        self.image: Any = None if image is None else self.of_image(image, dtype)
        self._activation = Probability if not from_logits else Sigmoid if multilabel else Softmax
        self._sums: Mapping[Map, Any] = _Planned()
        self._fields: dict[Field, Any] = {}
        self.plan(())

    @property
    def exclusive(self) -> bool:
        """Whether at most one class of a voxel can be more probable than 1/2."""
        return self._activation is Softmax

    @property
    def whole(self) -> bool:
        """Whether each voxel, of one or more, is seen to count 1, and no other device has any."""
        counting = self.weight is None and self.all_reduce is None
        return self._seen and counting and 0 not in self._shape

    @property
    def inside(self) -> Any:
        """Where the target is the class (N, C, V), soft ones by more than 1/2, as booleans."""
        xp = self.xp
        if is_bool(xp, self.target):
            return self.target
        if is_floating(xp, self.target):
            return self.target > 0.5
        # As floating numbers, which labels of eight bits do not meet by wrapping around.
        numbers = self.constant(range(self.classes), "a number")
        return xp.astype(self.target, numbers.dtype)[:, None, :] == numbers[:, None]

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
        planned = dict.fromkeys(maps)
        # A voxel of labels counts where it is of one class or another. Dice + CE of 4 classes takes
        # 16 sums then, as many as PyTorch's compiler puts into one loop (2.13).
        self._by_class = {Volume(), Truth()} <= planned.keys() and is_integer(self.xp, self.target)
        if self._by_class:
            del planned[Volume()]
        self.rule = self._rule(Sums, planned)

    @property
    def sums(self) -> Mapping[Map, Any]:
        """The sum of each planned map over the voxels, (N, C)."""
        if self.rule.maps and not self._sums:
            sums = self.rule(*self.arguments(self.rule))
            each = _ops.unstack(namespace(sums), sums)
            self._sums = found = _Planned(zip(self.rule.maps, each, strict=True))
            if self._by_class:
                true, xp = found[Truth()], namespace(sums)
                found[Volume()] = xp.zeros_like(true) + xp.sum(true, axis=1, keepdims=True)
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
        (voxels,) = self._activation.blocks(xp, lambda: x, [None])
        return voxels.p

    def value_of_target(self, m: Map) -> Any:
        """A map of the target alone, not of a field, times the weight of the voxel, (N, C, V)."""
        return self.constant_value(m, self.target, self.weight)

    def constant_value(self, m: Map, target: Any, weight: Any) -> Any:
        """A map that looks at no field, with another target and weight, (N, C, V); a constant."""
        rule = self._rule(Values, (m,))
        return rule.forward(self._constant_prediction(), target, weight)[:, 0, ...]

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
        rule = self._rule(Values, maps)
        prediction, target, _, *images = self.arguments(rule)
        stacked = rule(prediction, target, weight, *images)
        return [stacked[:, k, ...] for k in range(len(rule.maps))]

    def _rule(self, kind: type[Sums], maps: Iterable[Map]) -> Sums:
        return kind(tuple(maps), self._activation, self._checked)

    def _check_labels(self) -> None:
        """Take the weight from labels outside [0, C), where that is best done once."""
        xp, classes = self.xp, self.classes
        if self._seen:
            if not _ops.all_within(xp, self.target, classes):
                labels = xp.astype(self.target, xp.int64)[:, None, :]
                self.weight = within(xp, labels, classes, self.weight)
        elif _execution.on_device(xp, self.target) and classes < 256:
            short = shortened(xp, self.target, classes)
            if short is not None:
                self.target, self._checked = short, True
                self.weight = within(xp, short[:, None, :], classes, self.weight)

    def _given_target(self, target: Any, ignore_index: int | None) -> Any:
        xp = self.xp
        if target is None:
            # Any labels that are valid: the losses that need no target look at none.
            found = xp.zeros_like(self.prediction[:, 0, :], dtype=xp.int32)
        else:
            found = self.of_target(target)
        if ignore_index is not None and (target is None or not is_integer(xp, found)):
            got = "None" if target is None else f"dtype {found.dtype}; use mask"
            raise ValueError(f"ignore_index={ignore_index} needs a target of labels, got {got}")
        return found

    def _combined_weight(self, mask: Any, voxel_weights: Any, ignore_index: int | None) -> Any:
        """Weight (N, 1, V) of the voxels, or None where each counts 1."""
        xp, parts = self.xp, []
        if mask is not None:
            mask = self.of_voxels(mask, "mask")
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
        weights = self.of_voxels(voxel_weights, "voxel_weights")
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


class _Planned(dict[Map, Any]):
    """Sums by their maps."""

    def __missing__(self, m: Map) -> Any:
        raise KeyError(
            f"{m!r} is not added up: a loss names the maps whose sums it takes in `regions`, "
            f"`ingredients` or `maps`; named were {list(self)}"
        )
