"""From the network's output to probabilities, and the slopes back."""

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from operator import add
from typing import Any, ClassVar

from segloss_xp import _execution, _ops
from segloss_xp._array import namespace
from segloss_xp._pieces import split


class Voxels:
    """
    Prediction and target over a block of voxels and classes, as the maps see them.

    The logarithms are computed from the logits, never from the probability, and each quantity
    at most once.
    """

    __slots__ = (
        *("_log_odds", "_log_p", "_log_q", "_p", "_target", "_x"),
        *("fields", "hidden", "mass", "one_hot", "xp"),
    )

    #: The quantities for which a block must hold all classes.
    joint: ClassVar[frozenset[str]] = frozenset()

    #: The quantities that are worth being kept for the gradient, the best first.
    lasting: ClassVar[tuple[str, ...]] = ("p",)

    # What each kind of prediction has of its own.
    _probability: Callable[[], Any]
    _log_probability: Callable[[], Any]
    _log_complement: Callable[[], Any]
    _pull: Callable[..., Any]

    def __init__(self, xp: Any, x: Any, g: Any) -> None:
        self.xp, self._x, self._target = xp, x, g
        self.one_hot = False  # whether the target is 1 in one class at most, else 0
        self.hidden = False  # whether target and fields are 0 without weight, which else is 1
        self.mass: Any = 1.0  # the target added up over all classes
        self.fields: Mapping[Any, Any] = {}  # images that some maps look at, by their `Field`
        self._p = self._log_p = self._log_q = self._log_odds = None

    @property
    def x(self) -> Any:
        """The prediction."""
        if callable(self._x):
            self._x = self._x()
        return self._x

    @property
    def g(self) -> Any:
        """The target: 1 where the class is true, or its share."""
        if callable(self._target):
            self._target = self._target()
        return self._target

    def with_weight(self, factors: tuple[Any, ...], weight: Any) -> tuple[Any, ...]:
        """The factors of a product, and the weight, unless the product is 0 where that is."""
        zeros = (self._target, *self.fields.values()) if self.hidden else ()
        if weight is None or any(each is zero for each in factors for zero in zeros):
            return factors
        return weight, *factors

    @property
    def p(self) -> Any:
        """Probability of the class."""
        if self._p is None:
            self._p = self._probability()
        return self._p

    def leave(self, quantity: str, room: Any) -> None:
        """Write a quantity into an array, which from then on may be the quantity itself."""
        value = getattr(self, quantity)
        if value is not room:
            room[...] = value

    def know(self, quantity: str, value: Any) -> None:
        """Take a quantity as it was left."""
        setattr(self, f"_{quantity}", value)

    @property
    def log_p(self) -> Any:
        """Logarithm of the probability; finite where that is 0, so that 0 log 0 is 0."""
        if self._log_p is None:
            self._log_p = self._log_probability()
        return self._log_p

    @property
    def log_q(self) -> Any:
        """Logarithm of one minus the probability."""
        if self._log_q is None:
            self._log_q = self._log_complement()
        return self._log_q

    @property
    def log_odds(self) -> Any:
        """Logarithm of the odds p / (1 - p): what is exact at both ends."""
        if self._log_odds is None:
            self._log_odds = self._odds()
        return self._log_odds

    @property
    def z(self) -> Any:
        """The logit, as it was given."""
        return self.x

    def _odds(self) -> Any:
        return self.log_p - self.log_q

    @classmethod
    def blocks(cls, xp: Any, x: Any, g: list[Any]) -> list[Any]:
        """The prediction that `x` makes, (n, C, v), in one block for each target in `g`."""
        parts = [x] if len(g) == 1 else split(x(), len(g))
        return [cls(xp, part, target) for part, target in zip(parts, g, strict=True)]

    @classmethod
    def pull(cls, blocks: list[Any], slopes: list[dict[str, Any]], kept: str = "") -> list[Any]:
        """
        Slopes by `x`, block by block, from slopes by what the maps name in `wrt`.

        They may be written over the quantity that a single block has `kept`.
        """
        return [v._pull(**slope) for v, slope in zip(blocks, slopes, strict=True)]


class Softmax(Voxels):
    """p = exp(x) / sum of exp(x) over the classes."""

    __slots__ = ("_parts",)

    joint = frozenset({"log_q", "log_odds"})
    lasting = "p", "log_p"

    def __init__(self, xp: Any, x: Any, g: Any, parts: tuple[Any, Any, Any] | None = None) -> None:
        super().__init__(xp, x, g)
        self._parts = parts

    @classmethod
    def blocks(cls, xp: Any, x: Any, g: list[Any]) -> list[Any]:
        if len(g) == 1:
            return [cls(xp, x, g[0])]
        classes = split(x(), len(g))
        # The softmax does not depend on the shift, and a differentiable maximum would cost the
        # backward pass a multiple of the rest.
        top = _ops.stop_gradient(xp, reduce(xp.maximum, classes))
        shifted = [each - top for each in classes]
        exponential = [_ops.exp(xp, each) for each in shifted]
        total = reduce(add, exponential)
        return [
            cls(xp, each, target, (s, e, total))
            for each, target, s, e in zip(classes, g, shifted, exponential, strict=True)
        ]

    @property
    def parts(self) -> tuple[Any, Any, Any]:
        """The logits, shifted; the exponential of that; and its sum over the classes."""
        if self._parts is None:
            xp = self.xp
            shifted = self.x - _ops.stop_gradient(xp, xp.max(self.x, axis=1, keepdims=True))
            exponential = _ops.exp(xp, shifted)
            self._parts = shifted, exponential, xp.sum(exponential, axis=1, keepdims=True)
        return self._parts

    def leave(self, quantity: str, room: Any) -> None:
        log = quantity == "log_p"
        found = _ops.softmax(self.xp, self.x, log=log, room=room)
        if found is not None:
            self.know(quantity, _ops.finite(self.xp, found) if log else found)
        super().leave(quantity, room)

    @classmethod
    def pull(cls, blocks: list[Any], slopes: list[dict[str, Any]], kept: str = "") -> list[Any]:
        first, named, xp = slopes[0], slopes[0].keys(), blocks[0].xp
        parts = []
        if named & cls.joint:
            kept = ""  # it is asked for again
        by_softmax = named & {"p", "log_p"}
        alone = None
        if len(blocks) == len(by_softmax) == 1:
            (by,) = by_softmax
            alone = blocks[0]._pull_alone(by, first[by], over=by == kept)
        if alone is not None:
            parts.append([alone])
        elif by_softmax:
            by_log = super().pull(blocks, slopes)
            mean = over_classes(by_log)
            pairs = zip(blocks, by_log, strict=True)
            parts.append([_ops.add_product(xp, s, v.p, -mean, over=kept == "p") for v, s in pairs])
        if named & cls.joint:
            parts.append([v._pull_odds(**s) for v, s in zip(blocks, slopes, strict=True)])
        if "z" in named:
            parts.append([s["z"] for s in slopes])
        return [_total(*each) for each in zip(*parts, strict=True)]

    def _probability(self) -> Any:
        p = None if self._parts else _ops.softmax(self.xp, self.x)
        if p is None:
            shifted, exponential, total = self.parts
            p = exponential / total
            self._parts = shifted, None, total  # no one asks for it again
        return p

    def _log_probability(self) -> Any:
        log_p = None if self._parts else _ops.softmax(self.xp, self.x, log=True)
        if log_p is None:
            shifted, _, total = self.parts
            log_p = shifted - self.xp.log(total)
        return _ops.finite(self.xp, log_p)

    def _log_complement(self) -> Any:
        return _ops.finite(self.xp, _ops.log_sigmoid(self.xp, -self.log_odds))

    def _odds(self) -> Any:
        leads, log_rest, _ = self._rest()
        behind = self.log_p - self.xp.log1p(-self.xp.where(leads, 0.5 * self.p, self.p))
        return self.xp.where(leads, self.x - log_rest, behind)

    def _rest(self) -> tuple[Any, Any, Any]:
        """Where a class has more than half; of all others, log of the sum of exp(x), and shares."""
        xp = self.xp
        leads = self.p > 0.5
        none = -float(xp.finfo(self.x.dtype).max)
        others = xp.where(leads, xp.full_like(self.x, none), self.x)
        top = _ops.stop_gradient(xp, xp.max(others, axis=1, keepdims=True))
        e = xp.exp(others - top)
        total = xp.sum(e, axis=1, keepdims=True)
        return leads, top + xp.log(total), e / total

    def _pull_alone(self, by: str, slope: Any, *, over: bool) -> Any:
        """From the slope by one quantity, kept or not to the same last bit; None if not eager."""
        known = getattr(self, f"_{by}")
        if not _execution.eager(self.xp, self.x if known is None else known, slope):
            return None
        known, log = getattr(self, by), by == "log_p"
        return _ops.softmax_pullback(self.xp, known, slope, log=log, over=over)

    def _pull(self, p: Any = None, log_p: Any = None, **others: Any) -> Any:
        # By log p, whose own slope by x is delta - p: `pull` takes off the mean.
        if log_p is None or p is None:
            return _total(log_p, _times(p, self.p))
        return _ops.add_product(self.xp, log_p, self.p, p)

    def _pull_odds(self, log_q: Any = None, log_odds: Any = None, **others: Any) -> Any:
        # The logit of a class falls with another by that one's share of all but the class. In a
        # class that leads, 1 - p may have lost its digits; the shares of the rest have not.
        xp = self.xp
        slope = _total(log_odds, _times(log_q, -self.p))
        leads, _, share = self._rest()
        zero = xp.zeros_like(slope)
        behind = xp.where(leads, zero, slope / (1.0 - xp.where(leads, 0.5 * self.p, self.p)))
        leading = xp.sum(xp.where(leads, slope, zero), axis=1, keepdims=True)
        spread = self.p * (xp.sum(behind, axis=1, keepdims=True) - behind)
        return slope - spread - xp.where(leads, zero, leading * share)


class Sigmoid(Voxels):
    """p = 1 / (1 + exp(-x)), a channel at a time."""

    __slots__ = ()

    def _probability(self) -> Any:
        return _ops.sigmoid(self.xp, self.x)

    def _log_probability(self) -> Any:
        return _ops.finite(self.xp, _ops.log_sigmoid(self.xp, self.x))

    def _log_complement(self) -> Any:
        return _ops.finite(self.xp, _ops.log_sigmoid(self.xp, -self.x))

    def _odds(self) -> Any:
        most = float(self.xp.finfo(self.x.dtype).max)
        return self.xp.clip(self.x, min=-most, max=most)

    def _pull(
        self,
        p: Any = None,
        log_p: Any = None,
        log_q: Any = None,
        log_odds: Any = None,
        z: Any = None,
    ) -> Any:
        q = 1.0 - self.p
        by_p = _total(_times(p, self.p * q), _times(log_p, q), _times(log_q, -self.p))
        return _total(by_p, log_odds, z)


class Probability(Voxels):
    """
    Probabilities as they are.

    The logarithm of 0 is that of the smallest normal number; its slope is no more than the
    reciprocal of the machine epsilon, so that sums of gradients do not overflow. As logits serve
    the logarithms: those of a softmax, but for a shift.
    """

    __slots__ = ()

    lasting = ()

    @property
    def z(self) -> Any:
        return self.log_p

    def _probability(self) -> Any:
        return self.x

    def _log_probability(self) -> Any:
        return self.xp.log(self._at_least("smallest_normal", self.x))

    def _log_complement(self) -> Any:
        return self.xp.log(self._at_least("smallest_normal", 1.0 - self.x))

    def _pull(
        self,
        p: Any = None,
        log_p: Any = None,
        log_q: Any = None,
        log_odds: Any = None,
        z: Any = None,
    ) -> Any:
        by_log_p = 1.0 / self._at_least("eps", self.x)
        by_log_q = -1.0 / self._at_least("eps", 1.0 - self.x)
        by_logs = _times(_total(log_p, z), by_log_p), _times(log_q, by_log_q)
        return _total(p, *by_logs, _times(log_odds, by_log_p - by_log_q))

    def _at_least(self, limit: str, p: Any) -> Any:
        return self.xp.clip(p, min=float(getattr(self.xp.finfo(p.dtype), limit)))


def over_classes(blocks: Iterable[Any]) -> Any:
    """The sum over all classes of what comes in blocks of them."""
    first, *rest = blocks
    xp = namespace(first)
    # Along a single axis XLA takes ten times as long for products of one sample (JAX 0.10).
    axis = (0, 1) if first.shape[0] == 1 and _execution.loops(xp) else 1
    return reduce(add, (xp.sum(x, axis=axis, keepdims=True) for x in (first, *rest)))


def _times(slope: Any, factor: Any) -> Any:
    return None if slope is None else slope * factor


def _total(*terms: Any) -> Any:
    given = [term for term in terms if term is not None]
    return reduce(add, given) if given else None
