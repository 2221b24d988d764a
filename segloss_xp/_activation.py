"""From the network's output to probabilities, and the slopes back."""

from collections.abc import Mapping
from functools import partial, reduce
from operator import add
from typing import Any

from segloss_xp import _execution, _ops
from segloss_xp._array import is_bool
from segloss_xp._pieces import split
from segloss_xp._products import Product
from segloss_xp._voxels import Voxels, over_classes


class Softmax(Voxels):
    """p = exp(x) / sum of exp(x) over the classes."""

    __slots__ = ("_parts",)

    joint = frozenset({"log_q", "log_odds"})
    lasting = "p", "log_p"

    def __init__(
        self, xp: Any, x: Any, truth: Any, parts: tuple[Any, Any, Any] | None = None
    ) -> None:
        super().__init__(xp, x, truth)
        self._parts = parts

    @classmethod
    def blocks(cls, xp: Any, x: Any, truths: list[Any]) -> list[Any]:
        if len(truths) == 1:
            return [cls(xp, x, truths[0])]
        classes = split(x(), len(truths))
        # The softmax does not depend on the shift, and a differentiable maximum would cost the
        # backward pass a multiple of the rest.
        top = _ops.stop_gradient(xp, reduce(xp.maximum, classes))
        shifted = [each - top for each in classes]
        exponential = [_ops.exp(xp, each) for each in shifted]
        total = reduce(add, exponential)
        return [
            cls(xp, each, truth, (s, e, total))
            for each, truth, s, e in zip(classes, truths, shifted, exponential, strict=True)
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
        found = self._by_library(quantity, room)
        if found is not None:
            self.know(quantity, found)
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
            less = partial(_ops.add_product, xp, minus=True, over=kept == "p")
            mean = over_classes(by_log)
            parts.append([less(s, v.p, mean) for v, s in zip(blocks, by_log, strict=True)])
        if named & cls.joint:
            parts.append([v._pull_odds(**s) for v, s in zip(blocks, slopes, strict=True)])
        if "z" in named:
            parts.append([s["z"] for s in slopes])
        return [_total(*each) for each in zip(*parts, strict=True)]

    def _by_library(self, quantity: str, room: Any = None) -> Any:
        """The softmax or its log, maybe in the room; None if the library has no own."""
        log = quantity == "log_p"
        found = _ops.softmax(self.xp, self.x, log=log, room=room)
        return _ops.finite(self.xp, found) if log and found is not None else found

    def _probability(self) -> Any:
        p = None if self._parts else self._by_library("p")
        if p is None:
            shifted, exponential, total = self.parts
            p = exponential / total
            self._parts = shifted, None, total  # no one asks for it again
        return p

    def _log_probability(self) -> Any:
        log_p = None if self._parts else self._by_library("log_p")
        if log_p is None:
            shifted, _, total = self.parts
            log_p = _ops.finite(self.xp, shifted - self.xp.log(total))
        return log_p

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
        if not _execution.eager(self.xp, self.given if known is None else known, slope):
            return None
        log = by == "log_p"
        return _ops.softmax_pullback(self.xp, self.kept(by), slope, log=log, over=over)

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


class LateSoftmax(Softmax):
    """
    A softmax of all voxels, of which those that are not `used` are hidden in what is made of it.

    On a device that is a pass less than to hide them before. Then p is 0 there, and needs no
    weight; nor does log p, where booleans of the target choose from it.
    """

    __slots__ = ("_log_softmax", "_shown", "used")

    infinite = True

    def __init__(self, xp: Any, x: Any, truth: Any) -> None:
        super().__init__(xp, x, truth)
        self._log_softmax = self._shown = None
        self.used: Any = True

    @property
    def x(self) -> Any:
        if self._shown is None:
            self._shown = _ops.only(self.used, self.given)
        return self._shown

    @property
    def log_p_if_true(self) -> Any:
        # Only booleans pass over what it may be; a field that is 0 makes NaN of what is infinite.
        passed = is_bool(self.xp, self.truth) and not self.fields
        return self.kept("log_p") if passed else self.log_p

    def vanishes(self, slopes: Mapping[str, Any]) -> bool:
        # As p does, and what has the target for a factor.
        others = slopes.keys() - {"p"}
        chosen = (by == "log_p" and isinstance(slopes[by], Product) for by in others)
        return "p" in slopes and all(chosen)

    def kept(self, quantity: str) -> Any:
        if quantity != "log_p":
            return super().kept(quantity)
        if self._log_softmax is None:
            self._log_softmax = self._by_library("log_p")
        return self._log_softmax

    def know(self, quantity: str, value: Any) -> None:
        if quantity == "log_p":
            self._log_softmax = value
        else:
            super().know(quantity, value)

    def _zeros(self) -> tuple[Any, ...]:
        return *super()._zeros(), self._p

    def _by_library(self, quantity: str, room: Any = None) -> Any:
        log = quantity == "log_p"
        every = _ops.softmax(self.xp, self.given, log=log, room=room)
        return every if log else _ops.erase(every, self.used, room)

    def _log_probability(self) -> Any:
        return _ops.only(self.used, _ops.finite(self.xp, self.kept("log_p")))


Softmax.late = LateSoftmax


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


def _times(slope: Any, factor: Any) -> Any:
    return None if slope is None else slope * factor


def _total(*terms: Any) -> Any:
    given = [term for term in terms if term is not None]
    return reduce(add, given) if given else None
