"""What a loss is: a callable, immutable description that adds up with others."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, dataclass_transform

import numpy as np

from segloss_xp._array import A, AllReduce, Array, namespace
from segloss_xp._comparison import Comparison
from segloss_xp.maps import Map

Reduction = Literal["mean", "sum", "sample", "none"]


@dataclass_transform(frozen_default=True, kw_only_default=True)
@dataclass(frozen=True, kw_only=True, repr=False)
class Loss:
    """
    A segmentation loss: its parameters are its fields, the data are arguments of the call.

    Subclasses become frozen, keyword-only dataclasses by themselves: hashable, so a static
    argument under ``jax.jit``; equal if their parameters are; printed as their own constructor.
    Losses add up and take factors: ``DiceLoss() + 0.5 * CrossEntropyLoss()``, ``sum(losses)``.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclass(frozen=True, kw_only=True, repr=False)(cls)

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, _plain(getattr(self, field.name)))

    @property
    def grain(self) -> str:
        """What the unreduced values stand for: each "class" of a sample, each "voxel", ..."""
        return "loss"

    @property
    def from_maps(self) -> bool:
        """Whether a mean or sum depends on the prediction through maps alone, summed or not."""
        return False

    @property
    def needs_target(self) -> bool:
        """Whether the loss compares with a target, rather than judge the prediction alone."""
        return True

    def maps(self, comparison: Comparison) -> tuple[Map, ...]:
        """The maps whose sums the loss needs."""
        return ()

    def __call__(
        self,
        prediction: A,
        target: Array | None = None,
        *,
        reduction: Reduction = "mean",
        from_logits: bool = True,
        multilabel: bool = False,
        class_axis: int = 1,
        mask: Array | None = None,
        voxel_weights: Array | None = None,
        ignore_index: int | None = None,
        spacing: float | Sequence[float] | None = None,
        distance: Array | None = None,
        image: Array | None = None,
        all_reduce: AllReduce | None = None,
    ) -> A:
        """
        Value of the loss.

        Parameters
        ----------
        prediction : array, (N, C, *space), floating
            Logits, or probabilities with ``from_logits=False``. Half precision is summed in, and
            the loss returned in, float32; its gradient has the dtype of the prediction, in which
            that of a mean over a volume is tiny: scale the loss.
        target : array
            Labels (N, *space) if integer; if boolean or floating, one-hot, overlapping or soft
            labels of the shape of the prediction. A constant: no gradient reaches it. A label
            outside [0, C) is ignored; `check_labels` raises for it. Some losses need none.
        reduction : {"mean", "sum", "sample", "none"}
            The mean over what is valid, the sum, one value a sample (N,), or the unreduced values
            at the grain that the loss states.
        from_logits : bool
            Whether the prediction is to pass through a softmax over the classes, or with
            `multilabel` a sigmoid.
        multilabel : bool
            Whether each class is a channel of its own: several may be present in a voxel, or none.
        class_axis : int
            Axis of the classes in the prediction; -1 for channels last.
        mask : array of bool, (N, *space), optional
            Voxels to look at; an axis may have length 1. The others add nothing to the value or
            the gradient, whatever they hold, NaN included.
        voxel_weights : array, (N, *space), floating, optional
            Weights of the voxels in all sums, not negative. A constant, as the target is.
        ignore_index : int, optional
            Label of voxels to leave out, as if masked.
        spacing : float or sequence of float, optional
            Distance between voxel centres, one number for all spatial axes or one for each, in a
            unit of your choice. Default: 1.
        distance : array of the shape of the prediction, optional
            Signed distance maps of the target, precomputed.
        image : array of numbers, (N, K, *space), optional
            What is to be segmented, of K channels along `class_axis`, for losses that look at it.
            A constant.
        all_reduce : callable, optional
            Adds up an array over all devices and returns the total to each, differentiably. Given
            one, pooled sums and means are those of the whole, sharded batch.

        Returns
        -------
        array
            Of the library of the prediction.

        Raises
        ------
        ValueError
            If a shape, a number of classes or a value does not fit.
        TypeError
            If a dtype does not fit, or arrays of different libraries are mixed.
        """
        if reduction not in ("mean", "sum", "sample", "none"):
            raise ValueError(
                f"expected reduction 'mean', 'sum', 'sample' or 'none', got {reduction!r}"
            )
        comparison = self.compare(
            prediction,
            target,
            from_logits=from_logits,
            multilabel=multilabel,
            class_axis=class_axis,
            mask=mask,
            voxel_weights=voxel_weights,
            ignore_index=ignore_index,
            spacing=spacing,
            distance=distance,
            image=image,
            all_reduce=all_reduce,
        )
        return self.reduce(comparison, reduction)

    def compare(self, prediction: Any, target: Any, **description: Any) -> Comparison:
        """The comparison of a prediction with a target, with the maps that the loss needs."""
        if target is None and self.needs_target:
            raise TypeError(f"{self!r} needs a target, got None")
        comparison = Comparison(prediction, target, **description)
        comparison.plan(self.maps(comparison))
        return comparison

    def reduce(self, comparison: Comparison, reduction: Reduction) -> Any:
        """Value of the loss on a comparison."""
        raise NotImplementedError

    def __repr__(self) -> str:
        changed = (
            f"{field.name}={getattr(self, field.name)!r}"
            for field in fields(self)
            if getattr(self, field.name) != field.default
        )
        return f"{type(self).__name__}({', '.join(changed)})"

    def __add__(self, other: "Loss") -> "Sum":
        if not isinstance(other, Loss):
            return NotImplemented
        return Sum(terms=_terms(self) + _terms(other))

    def __radd__(self, other: Any) -> "Loss":
        return self if isinstance(other, int) and other == 0 else NotImplemented  # sum()

    def __mul__(self, factor: Any) -> "Sum":
        # Also an array without axes, which a compiled step can take as an argument.
        if not isinstance(factor, int | float) and getattr(factor, "ndim", None) != 0:
            return NotImplemented
        factor = float(factor) if isinstance(factor, int | float) else factor
        return Sum(terms=tuple((factor * w, loss) for w, loss in _terms(self)))

    __rmul__ = __mul__


def _plain(value: Any) -> Any:
    """Tuples for lists and Python's numbers for NumPy's, which print and hash as themselves."""
    if isinstance(value, tuple | list):
        return tuple(_plain(each) for each in value)
    # A tuple of types, not their union, which dynamo can't trace (torch 2.13).
    scalar = isinstance(value, (np.generic, np.ndarray)) and value.ndim == 0
    return value.item() if scalar else value


def _scaled(weight: Any, value: Any) -> Any:
    if isinstance(weight, int | float):
        return value if weight == 1 else value * weight
    return value * namespace(weight).astype(weight, value.dtype, copy=False)


def _terms(loss: Loss) -> tuple[tuple[float, Loss], ...]:
    return loss.terms if isinstance(loss, Sum) else ((1.0, loss),)


class Sum(Loss):
    """
    A weighted sum of losses, as ``+`` and ``*`` make it; one pass over the data serves all terms.

    Parameters
    ----------
    terms : tuple of (float, Loss)
        Weights and losses. A weight may be an array without axes, traced or not; such a sum is made
        where it is used, as it can't be a static argument. See `ramp`.

    Notes
    -----
    With ``reduction="none"`` the terms must have the same grain.
    """

    terms: tuple[tuple[float, Loss], ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.terms:
            raise ValueError("expected one loss or more to add up, got none")

    @property
    def grain(self) -> str:
        return ", ".join(sorted({loss.grain for _, loss in self.terms}))

    @property
    def from_maps(self) -> bool:
        return all(loss.from_maps for _, loss in self.terms)

    @property
    def needs_target(self) -> bool:
        return any(loss.needs_target for _, loss in self.terms)

    def maps(self, comparison: Comparison) -> tuple[Map, ...]:
        return tuple(m for _, loss in self.terms for m in loss.maps(comparison))

    def reduce(self, comparison: Comparison, reduction: Reduction) -> Any:
        values = [loss.reduce(comparison, reduction) for _, loss in self.terms]
        shapes = {tuple(value.shape) for value in values}
        if len(shapes) > 1 or (reduction == "none" and "," in self.grain):
            grains = ", ".join(
                f"{loss} {tuple(value.shape)}"
                for (_, loss), value in zip(self.terms, values, strict=True)
            )
            raise ValueError(
                f"the terms have no common unreduced grain: {grains}; "
                "reduction='sample' gives one value a sample for all"
            )
        first, *others = (
            _scaled(weight, value) for (weight, _), value in zip(self.terms, values, strict=True)
        )
        return sum(others, start=first)

    def __repr__(self) -> str:
        return " + ".join(
            repr(loss)
            if isinstance(weight, int | float) and weight == 1 and len(self.terms) > 1
            else f"{weight!r} * {loss!r}"
            for weight, loss in self.terms
        )
