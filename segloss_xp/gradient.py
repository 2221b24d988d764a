"""Value and gradient of a loss, for arrays of every library."""

import importlib
import importlib.util
from functools import partial, reduce
from operator import add
from typing import Any

from segloss_xp import _tape
from segloss_xp._array import Array, name, namespace
from segloss_xp._loss import Loss
from segloss_xp.compound.scales import DeepSupervisionLoss


def value_and_grad(
    loss: Loss, prediction: Any, target: Array | None = None, **description: Any
) -> tuple[Any, Any]:
    """
    Value of a loss and its gradient by the prediction.

    PyTorch and JAX differentiate themselves. For NumPy and CuPy a loss that is a formula on maps
    has a gradient of its own; any other borrows the autodiff of PyTorch or JAX, through DLPack and
    without a copy.

    Parameters
    ----------
    loss : Loss
        Any loss, or sum of losses.
    prediction, target : array
        As for the loss; a list of predictions for `DeepSupervisionLoss`.
    **description
        The further arguments of the loss, with `reduction` "mean" or "sum". With `all_reduce`,
        NumPy and CuPy give the gradient of the loss of the whole batch, without a factor.

    Returns
    -------
    value : array
        The loss, without axes.
    gradient : array
        Of the shape and dtype of the prediction; a list of such for a list of predictions.

    Raises
    ------
    ValueError
        If the reduction leaves more than one value.
    ModuleNotFoundError
        If neither PyTorch nor JAX is there to borrow from, and the loss needs one.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> logits = np.zeros((1, 2, 3))
    >>> value, gradient = sx.value_and_grad(sx.CrossEntropyLoss(), logits, np.array([[0, 0, 1]]))
    >>> gradient.round(3)
    array([[[-0.167, -0.167,  0.167],
            [ 0.167,  0.167, -0.167]]])
    """
    reduction = description.get("reduction", "mean")
    if reduction not in ("mean", "sum"):
        raise ValueError(f"a gradient needs reduction 'mean' or 'sum', got {reduction!r}")
    if isinstance(prediction, list | tuple):
        if not isinstance(loss, DeepSupervisionLoss):
            raise TypeError(
                f"{loss!r} takes one prediction, got {len(prediction)}; DeepSupervisionLoss(loss="
                "...) takes one at each scale"
            )
        return _at_scales(loss, prediction, target, **description)
    described = (description.get(key) for key in ("mask", "voxel_weights", "distance", "image"))
    xp = namespace(prediction, target, *described)
    match name(xp):
        case "torch":
            import torch

            leaf: Any = prediction.detach().requires_grad_()  # pyright: ignore[reportAttributeAccessIssue]
            with torch.enable_grad():
                value: Any = loss(leaf, target, **description)
            (gradient,) = torch.autograd.grad(value, leaf)
            return value.detach(), gradient
        case "jax":
            import jax

            return jax.value_and_grad(lambda x: loss(x, target, **description))(
                xp.asarray(prediction)
            )
        case _ if loss.from_maps:
            try:
                return _on_maps(loss, prediction, target, **description)
            except NotImplementedError:  # an own formula, with a function that the tape has not
                return _borrowed(xp, loss, prediction, target, **description)
        case _:
            return _borrowed(xp, loss, prediction, target, **description)


def _at_scales(loss: DeepSupervisionLoss, predictions: Any, target: Any, **description: Any) -> Any:
    """Scale by scale: the loss is linear in its terms, and each has a prediction of its own."""
    values, gradients = [], []
    for weight, arguments, described in loss.scales(predictions, target, **description):
        value, gradient = value_and_grad(loss.loss, *arguments, **described)
        values.append(weight * value)
        gradients.append(weight * gradient)
    return reduce(add, values), type(predictions)(gradients)


def _on_maps(
    loss: Loss, prediction: Any, target: Any, reduction: Any = "mean", **description: Any
) -> Any:
    """The derivative of the formula by the maps, and the maps' own rule from there."""
    c = loss.compare(prediction, target, **description)
    x = c.prediction = _tape.Node(c.prediction)
    if c.all_reduce is not None:
        c.all_reduce = partial(_tape.through, c.all_reduce)
    value = loss.reduce(c, reduction)
    return value.value, c.unflatten(_tape.gradient(value, x))


def _borrowed(xp: Any, loss: Loss, *arrays: Any, **description: Any) -> Any:
    """Through the autodiff of another library, that shares the memory of the arrays."""
    lender = next((each for each in ("torch", "jax") if importlib.util.find_spec(each)), None)
    if lender is None:
        raise ModuleNotFoundError(
            f"the gradient of {loss!r} for {name(xp)} arrays is borrowed from PyTorch or JAX, and "
            "neither is installed"
        )
    lib: Any = importlib.import_module("torch" if lender == "torch" else "jax.numpy")

    def lend(x: Any) -> Any:
        if not hasattr(x, "shape"):
            return x
        # Negative strides end the process inside torch.from_dlpack (pytorch#188023).
        x = xp.asarray(x, copy=None, order="C")
        try:
            return lib.from_dlpack(x)
        except BufferError:  # not lent: an array that must not be written to
            return lib.from_dlpack(xp.asarray(x, copy=True))

    lent = {key: lend(value) for key, value in description.items()}
    results = value_and_grad(loss, *(lend(array) for array in arrays), **lent)
    return tuple(xp.from_dlpack(result) for result in results)
