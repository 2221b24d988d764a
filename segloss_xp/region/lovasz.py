"""The Lovász extension of the Jaccard loss."""

from itertools import product
from math import prod
from typing import Any, ClassVar, Literal

from segloss_xp import _execution, _ops, _order
from segloss_xp._array import is_bool, is_integer, namespace
from segloss_xp._checks import channels_only
from segloss_xp._comparison import Comparison
from segloss_xp._grain import ClassLoss
from segloss_xp._pieces import split
from segloss_xp._sums import Sums
from segloss_xp.maps import AbsoluteError, ChargedError, ChargedHinge, Hinge, Majority, Map

# Up to this many classes are sorted one by one, which needs least memory.
_ONE_BY_ONE = 16

# Entries at a time where operations run one by one: a few arrays of this size stay in a cache.
_BLOCK = 1 << 15


class _LovaszLoss(ClassLoss):
    """
    The errors of a class, sorted, times what each adds to the Jaccard loss of those before it.

    What they add depends on their order only. So it is a constant of the prediction, a *charge* of
    each voxel, and the loss is a sum of errors by their charge like any other.
    """

    absent: Literal["smooth", "skip", "zero"] = "skip"

    _error: ClassVar[Map]
    _charged: ClassVar[Map]

    def presence(self) -> Map:
        return Majority()

    def values(self, comparison: Comparison, valued: Any) -> Any:
        c = comparison
        if self.batch and c.all_reduce is not None:
            raise ValueError(
                f"{self!r} sorts the voxels of the batch, which do not add up over devices; got "
                "all_reduce: take batch=False"
            )
        counted = c.counted
        charges = self._charges(c, counted)
        rule = Sums((self._charged,), c.rule.activation)
        total = rule(c.prediction, charges, counted)[:, 0, self._first(c) :]
        if not self.batch:
            return total
        return namespace(total).sum(total, axis=0, keepdims=True)

    def _charges(self, c: Comparison, counted: Any) -> Any:
        """What each voxel adds to the Jaccard loss, negative in voxels of the class, (N, C, V)."""
        xp = c.xp
        weight = None if c.weight is None or is_bool(xp, c.weight) else c.weight
        true = c.inside
        # Boolean, since a soft target counts as the class that it mostly is.
        target = c.target if is_integer(xp, c.target) else true
        errors = c.constant_value(self._error, target, counted)
        if counted is not None:
            true = true & counted
            errors = xp.where(counted, errors, -xp.ones_like(errors))
        if self.batch:
            errors, true, weight = (_pooled(xp, each) for each in (errors, true, weight))
        active = self._active(errors)
        if _execution.eager(xp, errors):
            charges = self._over_errors(xp, errors, true, weight, self._first(c))
        else:
            count = c.classes if c.classes <= _ONE_BY_ONE else 1
            pairs = zip(split(errors, count), split(true, count), strict=True)
            charges = xp.concat([_charge(e, t, weight) for e, t in pairs], axis=1)
        if active is not None:
            charges = xp.where(active, charges, xp.zeros_like(charges))
        return _unpooled(xp, charges, c.samples) if self.batch else charges

    def _over_errors(self, xp: Any, errors: Any, true: Any, weight: Any, first: int) -> Any:
        """The charges written over the errors, of no more rows at a time than are best sorted."""
        samples, classes, _ = errors.shape
        host = _execution.on_host(xp, errors)
        if prod(errors.shape) <= _BLOCK:  # the calls would take most of the time
            rows = [(slice(0, samples), slice(first, classes))]
        elif host:
            rows = list(product(range(samples), range(first, classes)))
        else:
            rows = [(slice(0, samples), k) for k in range(first, classes)]
        weight = None if weight is None else xp.broadcast_to(weight, errors.shape)
        errors[:, :first, :] = 0.0
        for n, k in rows:
            # Of a class that is absent nothing is wanted, unless it be "smooth".
            if host and self.absent != "smooth" and not xp.any(true[n, k, :]):
                errors[n, k, :] = 0.0
            else:
                size = None if weight is None else weight[n, k, :]
                errors[n, k, :] = _charge(errors[n, k, :], true[n, k, :], size)
        return errors

    def _active(self, errors: Any) -> Any:
        """Where an error has a slope; None if everywhere."""
        return None


class LovaszSoftmaxLoss(_LovaszLoss):
    r"""
    Lovász-softmax: the convex closure of the Jaccard loss, at the errors of the probabilities.

    .. math:: L_c = \sum_{k=1}^V e_{(k)}
        \left(\Delta_c(\{(1), \dots, (k)\}) - \Delta_c(\{(1), \dots, (k-1)\})\right), \quad
        \Delta_c(M) = \frac{|M|}{|\{y = c\} \cup M|}

    with the errors :math:`e_i = |p_{ic} - [y_i = c]|` in falling order.

    Parameters
    ----------
    include_background, class_weights
        See `RegionLoss`.
    batch : bool
        Whether to sort the voxels of all samples together, as if the batch were one image. Those
        of one device: it can't be had with `all_reduce`.
    absent : {"skip", "smooth", "zero"}
        What a class counts that the target does not contain: nothing ("present" in the paper); the
        value of the formula, which is the largest error ("all"); or zero.

    Notes
    -----
    Unreduced: (N, C), without the background (N, C - 1), and (1, C) for ``batch=True``. From 0 to
    1, and the Jaccard loss itself where the prediction is hard. A weight is a multiplicity: a voxel
    of weight 2 counts as two in every set. A soft target counts as hard: the class is where it is
    more than one half.

    The gradient takes the order as given; where errors are equal, in the order of the voxels, it
    is one of the subgradients. No part of the sums over devices or tiles: a sort needs all voxels.

    References
    ----------
    M. Berman et al. (2018), The Lovász-softmax loss: a tractable surrogate for the optimization of
    the intersection-over-union measure in neural networks.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> loss = sx.LovaszSoftmaxLoss()
    >>> loss(p, np.array([[0, 0, 1]]), from_logits=False, reduction="none").round(3)
    array([[0.2, 0.3]])
    """

    _error: ClassVar[Map] = AbsoluteError()
    _charged: ClassVar[Map] = ChargedError()


class LovaszHingeLoss(_LovaszLoss):
    r"""
    Lovász hinge: the convex closure of the Jaccard loss, at the hinges of the logits.

    .. math:: L_c = \sum_{k=1}^V m_{(k)}
        \left(\Delta_c(\{(1), \dots, (k)\}) - \Delta_c(\{(1), \dots, (k-1)\})\right), \quad
        \Delta_c(M) = \frac{|M|}{|\{g = 1\} \cup M|}

    with the hinges :math:`m_i = \max(0, 1 - z_i (2 g_i - 1))` of the logit z in falling order.

    Parameters
    ----------
    include_background, class_weights
        See `RegionLoss`.
    batch : bool
        As for `LovaszSoftmaxLoss`.
    absent : {"smooth", "skip", "zero"}
        What a channel counts that the target does not contain: the value of the formula, which is
        the largest hinge, as in the paper; nothing; or zero.

    Notes
    -----
    For channels only: needs ``multilabel=True``. Not bounded. Probabilities, with
    ``from_logits=False``, count by their log-odds. Unreduced, weights, soft targets and gradient:
    as for `LovaszSoftmaxLoss`.

    References
    ----------
    M. Berman et al. (2018), The Lovász-softmax loss; J. Yu and M. B. Blaschko (2015), Learning
    submodular losses with the Lovász hinge.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> logits, truth = np.array([[[2.0, 0.5, -1.5]]]), np.array([[[True, True, False]]])
    >>> float(sx.LovaszHingeLoss()(logits, truth, multilabel=True))
    0.25
    """

    absent: Literal["smooth", "skip", "zero"] = "smooth"

    _error: ClassVar[Map] = Hinge()
    _charged: ClassVar[Map] = ChargedHinge()

    def maps(self, comparison: Comparison) -> tuple[Map, ...]:
        channels_only(self, comparison)
        return super().maps(comparison)

    def _active(self, errors: Any) -> Any:
        return errors > 0


def _charge(errors: Any, true: Any, weight: Any) -> Any:
    """
    What each voxel adds to the Jaccard loss of the voxels of larger error, (..., V).

    Negative where the voxel is of the class. An error below 0 marks a voxel that does not count.
    """
    xp = namespace(errors)
    order = _order.descending(xp, errors)
    true = _order.reorder(xp, true, order)
    # Counts are integers: floating ones would stop at 2**24.
    if weight is None:
        size = None
        found = _order.cumulative_sum(xp, xp.astype(true, xp.int32))
        passed = _order.cumulative_sum(xp, xp.ones_like(found))
    else:
        weight = xp.astype(weight, _ops.longest(xp, weight), copy=False)
        size = _order.reorder(xp, xp.broadcast_to(weight, errors.shape), order)
        found = _order.cumulative_sum(xp, xp.where(true, size, xp.zeros_like(size)))
        passed = _order.cumulative_sum(xp, size)
    total = found[..., -1:]
    if _execution.on_host(xp, errors):
        steps = xp.empty_like(errors)
        for start in range(0, errors.shape[-1], _BLOCK):
            v = slice(start, start + _BLOCK)
            part = None if size is None else size[..., v]
            steps[..., v] = _steps(
                true[..., v], found[..., v], passed[..., v], part, total, errors.dtype
            )
    else:
        steps = _steps(true, found, passed, size, total, errors.dtype)
    return _order.restore(xp, steps, order)


def _steps(true: Any, found: Any, passed: Any, size: Any, total: Any, dtype: Any) -> Any:
    """The charges in falling order of the errors, from what there is of the class up to each."""
    xp = namespace(true)
    other = xp.astype(~true, dtype)
    size = 1.0 if size is None else xp.astype(size, dtype, copy=False)
    left = xp.astype(total - found, dtype)
    union = xp.astype(passed - found + total, dtype)
    before = union - other * size
    # Of an absent class, whose steps are 0 / 0, the first voxel is the whole loss.
    whole = xp.astype(before <= 0, dtype)
    # A voxel of the class leaves less of it; any other makes the union larger.
    step = (1.0 - other + other * left / (union + whole)) * size / (before + whole) + whole
    return (2.0 * other - 1.0) * step


def _pooled(xp: Any, x: Any) -> Any:
    """All samples as one, (1, C, N V)."""
    if x is None:
        return None
    return xp.reshape(xp.permute_dims(x, (1, 0, 2)), (1, x.shape[1], -1))


def _unpooled(xp: Any, x: Any, samples: int) -> Any:
    return xp.permute_dims(xp.reshape(x, (x.shape[1], samples, -1)), (1, 0, 2))
