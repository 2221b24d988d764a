"""The best prediction under an uncertain truth: what a perfect network learns to say."""

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from segloss_xp import _ops
from segloss_xp._array import namespace
from segloss_xp._loss import Loss
from segloss_xp.bias import rank
from segloss_xp.bias._descent import descend
from segloss_xp.bias._named import VOXELS, Named
from segloss_xp.bias._objective import Objective
from segloss_xp.bias._ratio import LossName
from segloss_xp.bias.risk import objective
from segloss_xp.bias.samples import Samples
from segloss_xp.bias.uncertainty import Independent, Marginals, Uncertainty

_AT_A_TIME = 1 << 13
_STARTS = 12
# At an end the slope may be infinite, so that the way down starts beside it.
_INSIDE = 1e-3
# Of p (1 - p), so that what is certain can be moved.
_LEAST_UNIT = 0.01
# What is so near to 0 or 1 is tried there; what is so near to one another is alike.
_NEAR, _ALIKE = 1e-6, 1e-3


@dataclass(frozen=True, eq=False)
class Minimum:
    """
    A prediction of least risk.

    Attributes
    ----------
    x : array
        The prediction, of the shape of the description.
    risk : array
        Its risk, without axes.
    kind : {"binary", "interior", "tie"}
        Whether all of it is 0 or 1; or some of it lies between; or another prediction that was
        looked at is as good, of which this is the one of the least volume.
    certified : bool
        Whether it is proven that no prediction has a smaller risk.
    method : str
        How it was found.
    """

    x: Any
    risk: Any
    kind: Literal["binary", "interior", "tie"]
    certified: bool
    method: str


def minimiser(
    truth: Uncertainty,
    loss: LossName | Loss = "dice",
    *,
    alpha: float | None = None,
    beta: float | None = None,
    smooth: float = 0.0,
    empty: float = 1.0,
) -> Minimum:
    """
    The prediction of least risk.

    Parameters
    ----------
    truth : Independent, Samples or Marginals
        Law of the labels.
    loss : {"dice", "jaccard", "tversky", "squared_dice", "log_dice"} or Loss
        A score that has a theory, or any loss of hard labels; see `risk`.
    alpha, beta : float, optional
        Of "tversky", where both are needed.
    smooth : float
        Added to numerator and denominator, of a loss that is named.
    empty : float
        The score of 0 / 0, of a loss that is named.

    Returns
    -------
    Minimum
        Found by looking at values, so not to be traced, nor differentiable: it jumps.

    Raises
    ------
    ValueError
        If a parameter or a loss does not fit, as for `risk`, or the risk of every prediction is
        infinite.

    Notes
    -----
    *Named*, a score of marginals is a ratio of affine functions, and a threshold of the
    probabilities is the best, or with "squared_dice" a multiple of them, cut off at 1; both are
    proven. With one uncertain region, Dice, Jaccard and Tversky with ``alpha + beta >= 1`` are best
    at 0 or 1, which is proven too. Beyond that nothing is: among binary predictions of independent
    voxels the most probable ones are the best, but regions of unequal volume, or samples, can have
    their minimum in the interior. There the best binary predictions, by enumeration where that is
    possible, and other starts are followed downhill.

    *Called*, nothing is proven of a loss. Its best binary predictions, all of them or those
    of the most probable regions, the marginals and other starts are followed downhill, along
    `value_and_grad`; what is certain is moved too, as label smoothing has it. A loss that takes
    all voxels alike is given one for all that the samples label alike. In float64 the best of
    losses with a known one is found to 1e-6; of losses with kinks or jumps, as those of Hausdorff
    distances and calibration have, one near it.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp.bias as bias
    >>> truth = bias.Independent(p=np.array([0.0, 1.0, 0.45]), volumes=np.array([100.0, 1.0, 4.0]))
    >>> bias.minimiser(truth).x
    array([0., 1., 0.])
    >>> bias.minimiser(truth, "squared_dice").x.round(3)
    array([0.   , 1.   , 0.282])

    Any loss, and the bias of the volume that it makes, as a share of what is there:

    >>> import segloss_xp as sx
    >>> bias.minimiser(truth, sx.CrossEntropyLoss()).x.round(3)
    array([0.  , 1.  , 0.45])
    >>> x = bias.minimiser(truth, sx.DiceLoss() + sx.CrossEntropyLoss()).x
    >>> print(x.round(3), bias.volume_bias(truth, x).relative_soft.round(3))
    [0.    1.    0.034] -0.595
    """
    parameters = {"alpha": alpha, "beta": beta, "smooth": smooth, "empty": empty}
    goal = objective(truth, loss, **parameters)
    match truth, goal:
        case Marginals(), Named():
            found = (_multiple if goal.score.squared else _threshold)(truth, goal)
        case Samples(), _ if goal.alike:
            merged, pattern = truth.compressed()
            found = _search(replace(goal, truth=merged))
            found = replace(found, x=namespace(pattern).take(found.x, pattern))
        case _:
            found = _search(goal)
    return replace(found, x=truth.unflat(found.x))


def _threshold(truth: Marginals, goal: Named) -> Minimum:
    """The most probable regions, of marginals."""
    xp = namespace(truth.p)
    order, scores = rank.marginal_prefix_scores(truth, goal.score)
    best = scores >= xp.max(scores) - _tolerance(xp, xp.max(scores))
    count = xp.argmax(xp.astype(best, xp.int32))
    x = xp.astype(xp.argsort(order) < count, scores.dtype)
    tie = int(xp.sum(xp.astype(best, xp.int32))) > 1
    kind = "tie" if tie else "binary"
    return Minimum(x, goal.risk(x), kind, True, "threshold")


def _multiple(truth: Marginals, goal: Named) -> Minimum:
    """A multiple of the probabilities, cut off at 1, by the iteration of Dinkelbach (1967)."""
    xp, p = namespace(truth.p), truth.marginal
    x = xp.astype(p > 0, p.dtype)
    for _ in range(100):
        best = 1.0 - goal.risk(x)
        new = xp.clip(p / xp.where(best > 0, best, xp.ones_like(best)), max=1.0)
        if float(xp.max(xp.abs(new - x))) == 0:
            break
        x = new
    return Minimum(x, goal.risk(x), _kind(xp, x), True, "multiple")


def _search(goal: Objective) -> Minimum:
    """Binary predictions first, then downhill from the best and from others."""
    truth, p = goal.truth, goal.truth.marginal
    xp = namespace(p)
    uncertain = (p > 0) & (p < 1)
    free = xp.nonzero(uncertain)[0]
    count = free.shape[0]
    if count == 0 and goal.keeps_certain:
        x = xp.clip(p, max=1.0)
        return Minimum(x, goal.risk(x), "binary", True, "certain")
    inner = xp.take(p, free)
    if 0 < count <= goal.most:
        ends, method = _vertices(xp, count, like=p), "vertices"
    else:
        ends, method = _ranked(goal, inner), "ranking"
    tried, methods = [_whole(uncertain, p, ends)], [method]
    risks = [_risk(goal, tried[0])]
    inside = xp.take(truth.sizes, free)
    voxels = count > VOXELS and goal.jumps and float(xp.max(inside)) == float(xp.min(inside))
    certified = count == 1 and goal.jumps
    if not (certified or (voxels and isinstance(truth, Independent))):
        best = xp.argsort(risks[0])[: min(_STARTS // 3, risks[0].shape[0])]
        x, risk = _downhill(goal, uncertain, xp.take(tried[0], best, axis=0))
        tried.append(x)
        risks.append(risk)
        methods.append("descent")
    x, risk, kind = _best(xp, xp.concat(tried), xp.concat(risks), truth.sizes)
    return Minimum(x, risk, kind, certified, " and ".join(methods))


def _downhill(goal: Objective, uncertain: Any, first: Any) -> tuple[Any, Any]:
    """Local minima (S, R) and their risks, from some predictions and others."""
    xp, p = namespace(first), goal.truth.marginal
    moved = uncertain | (not goal.keeps_certain)
    honest, *others = _others(xp, uncertain, moved, p)
    starts = xp.concat([honest, first, *others])
    starts = xp.where(moved, xp.clip(starts, min=_INSIDE, max=1.0 - _INSIDE), starts)
    # Where the loss is infinite there is no way down.
    finite = xp.nonzero(xp.isfinite(_risk(goal, starts)))[0]
    count = int(xp.sum(xp.astype(moved, xp.int32)))
    finite = finite[: min(max(1, _STARTS * VOXELS // count), finite.shape[0])]
    if finite.shape[0] == 0:
        raise ValueError("the risk of every prediction is infinite: all may be missed")

    def value_and_slopes(x: Any) -> tuple[Any, Any]:
        return goal.risk(x), xp.where(moved, goal.slopes(x), xp.zeros_like(x))

    # In units of these, all regions are curved alike by the cross-entropy where it is best.
    units = xp.clip(p * (1.0 - p), min=_LEAST_UNIT) / goal.truth.sizes
    x, _ = descend(value_and_slopes, xp.take(starts, finite, axis=0), units)
    risk = _risk(goal, x)
    end = xp.where(x > 0.5, xp.ones_like(x), xp.zeros_like(x))
    near = xp.abs(x - end) < _NEAR
    for ended in (xp.where(near, end, x), xp.where(near | ~uncertain, end, x)):
        risk_ended = _risk(goal, ended)
        as_good = risk_ended <= risk + _tolerance(xp, risk)
        x = xp.where(as_good[:, None], ended, x)
        risk = xp.where(as_good, risk_ended, risk)
    return x, risk


def _whole(uncertain: Any, p: Any, inner: Any) -> Any:
    """Predictions (S, R): what is certain as it is, beside those (S, F) of what is not."""
    xp, (some, count) = namespace(p), inner.shape
    place = xp.cumulative_sum(xp.astype(uncertain, xp.int32)) - 1
    index = xp.where(uncertain, place, count + xp.astype(p >= 1, place.dtype))
    zero = xp.broadcast_to(xp.zeros_like(p[:1]), (some, 1))
    return xp.take(xp.concat([inner, zero, 1.0 - zero], axis=1), index, axis=1)


def _risk(goal: Objective, x: Any) -> Any:
    """Risks of predictions (S, R), some at a time; infinite where they are not a number."""
    xp, count = namespace(x), x.shape[0]
    some = (x[k : min(k + _AT_A_TIME, count), :] for k in range(0, count, _AT_A_TIME))
    risks = xp.concat([goal.risk(each) for each in some])
    return xp.where(xp.isnan(risks), math.inf * xp.ones_like(risks), risks)


def _best(xp: Any, x: Any, risks: Any, sizes: Any) -> tuple[Any, Any, Any]:
    """Of the predictions (S, F) of least risk the binary ones, and of them the smallest."""
    least = xp.min(risks)
    close = int(xp.sum(xp.astype(risks <= least + _tolerance(xp, least), xp.int32)))
    order = xp.argsort(risks)[:close]
    x, risks = xp.take(x, order, axis=0), xp.take(risks, order)
    between = xp.any((x > 0) & (x < 1), axis=-1)
    volumes = xp.sum(x * sizes, axis=-1)
    # None is larger than all, so that what lies between comes after what does not.
    chosen = xp.argmin(volumes + xp.where(between, 2 * xp.sum(sizes), 0 * volumes))
    best = xp.take(x, xp.reshape(chosen, (1,)), axis=0)
    # Two ends of a descent to one minimum are alike but for rounding, which the bend of the risk
    # turns into its root.
    alike = max(_ALIKE, 32 * float(xp.finfo(x.dtype).eps) ** 0.5)
    tie = bool(xp.any(xp.abs(x - best) > alike))
    return best[0, :], risks[chosen], "tie" if tie else _kind(xp, best)


def _vertices(xp: Any, count: int, *, like: Any) -> Any:
    """All binary predictions of so many regions."""
    ends = xp.concat([xp.zeros_like(like[:1]), xp.ones_like(like[:1])])[:, None]
    found = ends
    for _ in range(count - 1):
        zero = xp.zeros_like(found[:, :1])
        halves = [xp.concat([found, end], axis=1) for end in (zero, 1.0 - zero)]
        found = xp.concat(halves)
    return found


def _ranked(goal: Objective, inner: Any) -> Any:
    """The k most probable of the uncertain regions, for some k."""
    xp, count = namespace(inner), inner.shape[0]
    position = xp.argsort(xp.argsort(inner, descending=True))
    numbers = _ops.constant(xp, list(goal.prefixes(count)), position.dtype, like=inner)
    return xp.astype(position[None, :] < numbers[:, None], inner.dtype)


def _others(xp: Any, uncertain: Any, moved: Any, p: Any) -> list[Any]:
    """Where else to start: the probabilities, the middle, and some points by chance."""
    draws = np.random.default_rng(0).uniform(0, 1, (_STARTS // 3, p.shape[0]))
    by_chance = _ops.constant(xp, draws, p.dtype, like=p)
    honest = xp.clip(p, max=1.0)
    middle = xp.where(moved, 0.5 * xp.ones_like(p), honest)
    return [honest[None, :], middle[None, :], xp.where(uncertain, by_chance, honest)]


def _kind(xp: Any, x: Any) -> Any:
    return "binary" if bool(xp.all((x == 0) | (x == 1))) else "interior"


def _tolerance(xp: Any, risks: Any) -> Any:
    """Of risks that are equal but for rounding."""
    return 64 * float(xp.finfo(risks.dtype).eps) * xp.clip(xp.abs(risks), min=1.0)
