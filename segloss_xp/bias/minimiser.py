"""The best prediction under an uncertain truth: what a perfect network learns to say."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from segloss_xp import _ops
from segloss_xp._array import namespace
from segloss_xp.bias import rank
from segloss_xp.bias._descent import descend
from segloss_xp.bias._ratio import LossName, Score
from segloss_xp.bias.risk import expected_loss, loss_and_slopes
from segloss_xp.bias.samples import Samples
from segloss_xp.bias.uncertainty import Independent, Marginals, Uncertainty

# Up to so many uncertain regions all 2^R binary predictions are tried: of samples, whose risk is
# a sum over them, and of independent regions, whose risk is an integral.
_MOST_OF_SAMPLES, _MOST_INDEPENDENT = 20, 10
_AT_A_TIME = 1 << 13
# Equal regions beyond this number are voxels, for which the ranking is left as it is.
_VOXELS = 512
_STARTS = 12
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
    loss: LossName = "dice",
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
    loss : {"dice", "jaccard", "tversky", "squared_dice", "log_dice"}
    alpha, beta : float, optional
        Of "tversky", where both are needed.
    smooth : float
        Added to numerator and denominator.
    empty : float
        The score of 0 / 0.

    Returns
    -------
    Minimum
        Found by looking at values, so not to be traced, nor differentiable: it jumps.

    Raises
    ------
    ValueError
        If a parameter does not fit, or the risk of every prediction is infinite.

    Notes
    -----
    Of *marginals* the score is a ratio of affine functions, and a threshold of the probabilities
    is the best, or with "squared_dice" a multiple of them, cut off at 1; both are proven. With
    *one uncertain region*, Dice, Jaccard and Tversky with ``alpha + beta >= 1`` are best at 0 or
    1, which is proven too. Beyond that nothing is: among binary predictions of independent voxels
    the most probable ones are the best, but regions of unequal volume, or samples, can have their
    minimum in the interior. There the best binary predictions, by enumeration where that is
    possible, and other starts are followed downhill.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp.bias as bias
    >>> truth = bias.Independent(p=np.array([0.0, 1.0, 0.45]), volumes=np.array([100.0, 1.0, 4.0]))
    >>> bias.minimiser(truth).x
    array([0., 1., 0.])
    >>> bias.minimiser(truth, "squared_dice").x.round(3)
    array([0.   , 1.   , 0.282])
    """
    score = Score(loss=loss, alpha=alpha, beta=beta, smooth=smooth, empty=empty)
    match truth:
        case Marginals():
            found = _multiple(truth, score) if score.squared else _threshold(truth, score)
        case Samples():
            merged, pattern = truth.compressed()
            found = _search(merged, score, _MOST_OF_SAMPLES)
            found = _with(found, namespace(pattern).take(found.x, pattern))
        case Independent():
            found = _search(truth, score, _MOST_INDEPENDENT)
        case _:
            raise TypeError(f"expected Independent, Samples or Marginals, got {type(truth)}")
    return _with(found, truth.unflat(found.x))


def _with(found: Minimum, x: Any) -> Minimum:
    return Minimum(x, found.risk, found.kind, found.certified, found.method)


def _threshold(truth: Marginals, score: Score) -> Minimum:
    """The most probable regions, of marginals."""
    xp = namespace(truth.p)
    order, scores = rank.marginal_prefix_scores(truth, score)
    best = scores >= xp.max(scores) - _tolerance(xp, scores)
    count = xp.argmax(xp.astype(best, xp.int32))
    x = xp.astype(xp.argsort(order) < count, scores.dtype)
    tie = int(xp.sum(xp.astype(best, xp.int32))) > 1
    kind = "tie" if tie else "binary"
    return Minimum(x, expected_loss(truth, x, score), kind, True, "threshold")


def _multiple(truth: Marginals, score: Score) -> Minimum:
    """A multiple of the probabilities, cut off at 1, by the iteration of Dinkelbach (1967)."""
    xp, p = namespace(truth.p), truth.marginal
    x = xp.astype(p > 0, p.dtype)
    for _ in range(100):
        best = 1.0 - expected_loss(truth, x, score)
        new = xp.clip(p / xp.where(best > 0, best, xp.ones_like(best)), max=1.0)
        if float(xp.max(xp.abs(new - x))) == 0:
            break
        x = new
    return Minimum(x, expected_loss(truth, x, score), _kind(xp, x), True, "multiple")


@dataclass(frozen=True, eq=False)
class _Free:
    """The uncertain regions of a description; the others are predicted as they are."""

    truth: Uncertainty
    score: Score
    free: Any
    index: Any

    @classmethod
    def of(cls, truth: Uncertainty, score: Score) -> "_Free":
        p = truth.marginal
        xp = namespace(p)
        uncertain = (p > 0) & (p < 1)
        free = xp.nonzero(uncertain)[0]
        place = xp.cumulative_sum(xp.astype(uncertain, free.dtype)) - 1
        certain = free.shape[0] + xp.astype(p >= 1, free.dtype)
        return cls(truth, score, free, xp.where(uncertain, place, certain))

    def whole(self, x: Any) -> Any:
        """Predictions (..., R), from those of the uncertain regions."""
        xp = namespace(x)
        zero = xp.zeros_like(x[..., :1])
        return xp.take(xp.concat([x, zero, 1.0 - zero], axis=-1), self.index, axis=-1)

    def risk(self, x: Any) -> Any:
        """Risk of predictions (S, F) of the uncertain regions, some at a time."""
        count = x.shape[0]
        some = (x[k : min(k + _AT_A_TIME, count), :] for k in range(0, count, _AT_A_TIME))
        parts = [expected_loss(self.truth, self.whole(each), self.score) for each in some]
        return namespace(x).concat(parts)

    def risk_and_slopes(self, x: Any) -> tuple[Any, Any]:
        """The same, with its slopes."""
        value, slopes = loss_and_slopes(self.truth, self.whole(x), self.score)
        return value, namespace(x).take(slopes, self.free, axis=-1)


def _search(truth: Uncertainty, score: Score, most: int) -> Minimum:
    """Binary predictions first, then downhill from the best and from others."""
    problem = _Free.of(truth, score)
    xp, p = namespace(truth.marginal), truth.marginal
    inner = xp.take(p, problem.free)
    count = inner.shape[0]
    if count == 0:
        x = xp.zeros_like(p) + p
        return Minimum(x, expected_loss(truth, x, score), "binary", True, "certain")
    tried, methods = [], []
    if count <= most:
        tried.append(_vertices(xp, count, like=p))
        methods.append("vertices")
    else:
        tried.append(_ranked(problem, inner))
        methods.append("ranking")
    risks = [problem.risk(tried[0])]
    sizes = xp.take(truth.sizes, problem.free)
    voxels = count > _VOXELS and score.jumps and float(xp.max(sizes)) == float(xp.min(sizes))
    certified = count == 1 and score.jumps
    if not (certified or (voxels and isinstance(truth, Independent))):
        first = xp.argsort(risks[0])
        first = first[: min(_STARTS // 3, first.shape[0])]
        starts = xp.concat([xp.take(tried[0], first, axis=0), *_others(xp, inner, count)])
        # Where the loss is infinite there is no way down.
        finite = xp.nonzero(xp.isfinite(problem.risk(starts)))[0]
        finite = finite[: min(max(1, _STARTS * _VOXELS // count), finite.shape[0])]
        if finite.shape[0] == 0:
            raise ValueError("the risk of every prediction is infinite: all may be missed")
        x, _ = descend(problem.risk_and_slopes, xp.take(starts, finite, axis=0))
        end = xp.where(x > 0.5, xp.ones_like(x), xp.zeros_like(x))
        ended = xp.where(xp.abs(x - end) < _NEAR, end, x)
        as_good = problem.risk(ended) <= problem.risk(x) + _tolerance(xp, x)
        tried.append(xp.where(as_good[:, None], ended, x))
        risks.append(problem.risk(tried[-1]))
        methods.append("descent")
    x, risk, kind = _best(xp, xp.concat(tried), xp.concat(risks), sizes)
    return Minimum(problem.whole(x), risk, kind, certified, " and ".join(methods))


def _best(xp: Any, x: Any, risks: Any, sizes: Any) -> tuple[Any, Any, Any]:
    """Of the predictions (S, F) of least risk the binary ones, and of them the smallest."""
    least = xp.min(risks)
    close = int(xp.sum(xp.astype(risks <= least + _tolerance(xp, risks), xp.int32)))
    order = xp.argsort(risks)[:close]
    x, risks = xp.take(x, order, axis=0), xp.take(risks, order)
    between = xp.any((x > 0) & (x < 1), axis=-1)
    volumes = xp.sum(x * sizes, axis=-1)
    # None is larger than all, so that what lies between comes after what does not.
    chosen = xp.argmin(volumes + xp.where(between, 2 * xp.sum(sizes), 0 * volumes))
    best = xp.take(x, xp.reshape(chosen, (1,)), axis=0)
    # Two ends of a descent to one minimum are alike but for rounding.
    tie = bool(xp.any(xp.abs(x - best) > _ALIKE))
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


def _ranked(problem: _Free, inner: Any) -> Any:
    """The k most probable of the uncertain regions: for every k if they are few, else the best."""
    xp, truth, count = namespace(inner), problem.truth, inner.shape[0]
    order = xp.argsort(inner, descending=True)
    position = xp.argsort(order)
    if count <= _VOXELS:
        numbers = _ops.constant(xp, list(range(count + 1)), position.dtype, like=inner)
        return xp.astype(position[None, :] < numbers[:, None], inner.dtype)
    p = truth.marginal
    whole = xp.argsort(p, descending=True)
    scores = rank.prefix_scores(xp.take(p, whole), xp.take(truth.sizes, whole), problem.score)
    certain = xp.sum(xp.astype(p >= 1, position.dtype))
    return xp.astype(position < xp.argmax(scores) - certain, inner.dtype)[None, :]


def _others(xp: Any, inner: Any, count: int) -> list[Any]:
    """Where else to start: the probabilities, their middle, and some points by chance."""
    draws = np.random.default_rng(0).uniform(0, 1, (_STARTS // 3, count))
    by_chance = _ops.constant(xp, draws.tolist(), inner.dtype, like=inner)
    return [inner[None, :], 0.5 * xp.ones_like(inner)[None, :], by_chance]


def _kind(xp: Any, x: Any) -> Any:
    return "binary" if bool(xp.all((x == 0) | (x == 1))) else "interior"


def _tolerance(xp: Any, risks: Any) -> float:
    """Of risks that are equal but for rounding."""
    return 64 * float(xp.finfo(risks.dtype).eps)
