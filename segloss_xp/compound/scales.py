"""A loss of predictions at several scales."""

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import add
from typing import Any

from segloss_xp._array import Array, is_bool, is_integer, namespace, working_dtype
from segloss_xp._checks import freeze_weights
from segloss_xp._comparison import Comparison
from segloss_xp._grain import divide
from segloss_xp._layout import class_axis_of, ours
from segloss_xp._loss import Loss, Reduction
from segloss_xp._spacing import along_each
from segloss_xp.compound.dice import DiceCELoss
from segloss_xp.maps import Map


class DeepSupervisionLoss(Loss):
    r"""
    Deep supervision: a loss of the predictions at several scales, each against a target of its own.

    .. math:: L = \sum_l w_l\, L_l(x_l, g_l) \Big/ \sum_l w_l, \quad w_l = 2^{-l}

    Parameters
    ----------
    loss : Loss
        The loss at each scale.
    weights : sequence of float, optional
        A weight :math:`w_l` for each scale, the finest first; only their ratios matter.

    Notes
    -----
    Called with a list of predictions ``[x_0, x_1, ...]`` and one target, of a scale at least as
    fine as each of them: lengths must be multiples. A lone prediction is a list of one.
    `value_and_grad` gives a list of gradients.

    Labels are taken from the voxel nearest to the centre, with its mask and weight; boolean and
    soft targets become means over what is valid, so that one-hot labels become proportions, and
    voxels count by the mean of their weights. An image becomes means too, its masked voxels left
    out. Spacing grows with the voxels; `distance` is a ``ValueError``.

    Unreduced: as the loss, for a single scale; else a ``ValueError``. Absent classes: as for the
    loss; a small one may be absent at a coarse scale. All ignored: 0.

    References
    ----------
    C.-Y. Lee et al. (2015), Deeply-supervised nets; F. Isensee et al. (2021), nnU-Net (weights).

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> fine, coarse = np.zeros((1, 2, 4)), np.zeros((1, 2, 2))
    >>> loss = sx.DeepSupervisionLoss(loss=sx.CrossEntropyLoss())
    >>> float(loss([fine, coarse], np.array([[0, 0, 1, 1]])).round(3))
    0.693
    """

    loss: Loss = DiceCELoss()
    weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.loss, Loss):
            raise TypeError(f"expected a loss, got {self.loss!r}")
        freeze_weights(self, "weights")

    @property
    def grain(self) -> str:
        return self.loss.grain

    @property
    def from_maps(self) -> bool:
        return self.loss.from_maps

    @property
    def needs_target(self) -> bool:
        return self.loss.needs_target

    def maps(self, comparison: Comparison) -> tuple[Map, ...]:
        return self.loss.maps(comparison)

    def reduce(self, comparison: Comparison, reduction: Reduction) -> Any:
        return self.loss.reduce(comparison, reduction)

    def __call__(self, prediction: Any, target: Array | None = None, **description: Any) -> Any:
        """
        Value of the loss.

        Parameters
        ----------
        prediction : sequence of array, or array
            At each scale as for any loss.
        target, **description
            As for any loss, at the scale of the target.

        Returns
        -------
        array
            Of the library of the predictions.

        Raises
        ------
        ValueError
            If a scale does not divide that of the target, and as for any loss.
        """
        if not isinstance(prediction, list | tuple):
            prediction = [prediction]
        if len(prediction) > 1 and description.get("reduction") == "none":
            raise ValueError(
                f"{len(prediction)} scales have no common unreduced grain; reduction='sample' "
                "gives one value a sample"
            )
        terms = self.scales(prediction, target, **description)
        return reduce(
            add, [weight * self.loss(*arrays, **described) for weight, arrays, described in terms]
        )

    def scales(
        self, predictions: Sequence[Any], target: Any, **description: Any
    ) -> Iterator[tuple[float, tuple[Any, Any], dict[str, Any]]]:
        """For each scale its weight, its prediction and target, and the description of them."""
        weights = self.weights or tuple(0.5**level for level in range(len(predictions)))
        if not predictions or len(weights) != len(predictions):
            raise ValueError(
                f"expected a prediction for each of the weights, and at least one; got "
                f"{len(predictions)} for weights={self.weights}"
            )
        axis = class_axis_of(predictions[0], description.get("class_axis", 1))
        if target is None:
            fine = _without(predictions[0].shape, axis)
        elif is_integer(namespace(target), target):
            fine = tuple(target.shape[1:])
        else:
            fine = _without(target.shape, axis)
        for weight, prediction in zip(weights, predictions, strict=True):
            described = _coarsened(prediction, target, axis, fine, **description)
            yield weight / sum(weights), (prediction, described.pop("target")), described


def _coarsened(
    prediction: Any,
    target: Any,
    axis: int,
    fine: tuple[int, ...],
    *,
    mask: Any = None,
    voxel_weights: Any = None,
    spacing: Any = None,
    distance: Any = None,
    image: Any = None,
    **others: Any,
) -> dict[str, Any]:
    """Target and description, from the lengths `fine` of space to those of the prediction."""
    space = _without(prediction.shape, axis)
    if len(space) != len(fine) or any(a % b for a, b in zip(fine, space, strict=True)):
        raise ValueError(
            f"expected predictions whose spatial lengths divide those of the target, {fine}; got "
            f"{space}"
        )
    steps = tuple(a // b for a, b in zip(fine, space, strict=True))
    if any(step > 1 for step in steps):
        if distance is not None:
            raise ValueError(f"distance is of the scale of the target, {fine}; got {space}")
        spacing = along_each(fine, spacing)
        spacing = tuple(each * step for each, step in zip(spacing, steps, strict=True))
        xp = namespace(prediction, target, mask, voxel_weights, image)
        target, mask, voxel_weights, image = (
            each if each is None else ours(xp, each)
            for each in (target, mask, voxel_weights, image)
        )
        mean = _Mean(xp, axis, steps, working_dtype(xp, prediction), fine, mask, voxel_weights)
        if image is not None:
            image = mean(image)
        if target is None or is_integer(xp, target):
            target, mask, voxel_weights = (
                each if each is None else _nearest(each, steps)
                for each in (target, mask, voxel_weights)
            )
        else:
            target, mask, voxel_weights = mean(target), None, mean.weight
    images = {"mask": mask, "voxel_weights": voxel_weights, "distance": distance, "image": image}
    return {"target": target, "spacing": spacing, **images, **others}


class _Mean:
    """The mean over blocks of what is valid, by its weight."""

    def __init__(
        self,
        xp: Any,
        axis: int,
        steps: tuple[int, ...],
        dtype: Any,
        fine: tuple[int, ...],
        mask: Any,
        voxel_weights: Any,
    ) -> None:
        self.xp, self._axis, self._steps, self._dtype = xp, axis, steps, dtype
        weight = None
        if mask is not None:
            weight = xp.astype(mask if is_bool(xp, mask) else mask != 0, dtype)
        if voxel_weights is not None:
            heavy = xp.astype(voxel_weights, dtype)
            # No product: what is masked may be NaN.
            weight = heavy if weight is None else xp.where(weight > 0, heavy, weight)
        if weight is not None:
            weight = xp.broadcast_to(weight, (weight.shape[0], *fine))
            weight = xp.expand_dims(weight, axis=axis)
        self._weight = weight

    def __call__(self, x: Any) -> Any:
        """Of an array with an axis of classes or channels."""
        xp, weight = self.xp, self._weight
        x = xp.astype(x, self._dtype)
        if weight is None:
            return self._over_blocks(x)
        x = xp.where(weight > 0, x, xp.zeros_like(x)) * weight
        return divide(self._over_blocks(x), self._over_blocks(weight))

    @property
    def weight(self) -> Any:
        """The mean of the weight, or None where each voxel counts 1."""
        if self._weight is None:
            return None
        return self.xp.squeeze(self._over_blocks(self._weight), axis=self._axis)

    def _over_blocks(self, x: Any) -> Any:
        shape, within, steps = [], [], iter(self._steps)
        for axis, length in enumerate(x.shape):
            step = 1 if axis in (0, self._axis) else next(steps)
            within.append(len(shape) + 1)
            shape += [length // step, step]
        return self.xp.mean(self.xp.reshape(x, tuple(shape)), axis=tuple(within))


def _without(shape: Any, axis: int) -> tuple[int, ...]:
    """The lengths of space."""
    return *shape[1:axis], *shape[axis + 1 :]


def _nearest(x: Any, steps: tuple[int, ...]) -> Any:
    """The voxel nearest to the centre of each block; an axis of length 1 stays."""
    slices = (
        slice(None) if length == 1 else slice(step // 2, None, step)
        for length, step in zip(x.shape[1:], steps, strict=True)
    )
    return x[(slice(None), *slices)]
