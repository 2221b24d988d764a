"""Maps of all classes of a voxel together."""

import math
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, ClassVar, Literal

from segloss_xp import _ops
from segloss_xp._pieces import split
from segloss_xp._products import Product
from segloss_xp._voxels import Voxels, over_classes
from segloss_xp.maps.base import Map


@dataclass(frozen=True)
class Cost(Map):
    """
    The cost p_m sum_l K_lm g_l of predicting class m where the classes are as in the target.

    The matrix K has a row for each class l of the target.
    """

    matrix: tuple[tuple[float, ...], ...]

    def values(self, blocks: list[Any]) -> list[Any]:
        return self.pull(blocks, [v.p for v in blocks])

    def pull(self, blocks: list[Any], cotangents: list[Any]) -> list[Any]:
        return [x * cost for x, cost in zip(cotangents, self._costs(blocks), strict=True)]

    def _costs(self, blocks: list[Any]) -> list[Any]:
        first = blocks[0]
        if len(blocks) > 1:
            columns = zip(*self.matrix, strict=True)
            return [
                sum((k * v.g for k, v in zip(column, blocks, strict=True) if k), 0.0 * first.g)
                for column in columns
            ]
        rows = (_ops.constant(first.xp, row, first.g.dtype, like=first.g) for row in self.matrix)
        every = split(first.g, len(self.matrix))
        return [reduce(add, (row[:, None] * g for row, g in zip(rows, every, strict=True)))]


class NormalizedLikelihood(Map):
    """The share of g log p in the log-likelihoods of all labels, added up (Ma et al. 2020)."""

    wrt: ClassVar[Literal["log_p"]] = "log_p"

    def values(self, blocks: list[Any]) -> list[Any]:
        total = self._total(blocks)
        return [Product(v.g, _log_p(v) / total) for v in blocks]

    def pull(self, blocks: list[Any], cotangents: list[Any]) -> list[Any]:
        total = self._total(blocks)
        direct = [factor * v.g for v, factor in zip(blocks, cotangents, strict=True)]
        shared = over_classes(
            part * (_log_p(v) / total) for v, part in zip(blocks, direct, strict=True)
        )
        return [(part - shared) / total for part in direct]

    @staticmethod
    def _total(blocks: list[Any]) -> Any:
        total = over_classes(_log_p(v) for v in blocks)
        # Probabilities given as they are may all be 1.
        return blocks[0].xp.where(total < 0, total, -blocks[0].xp.ones_like(total))


@dataclass(frozen=True)
class MarginExcess(Map):
    """How much more than the margin log p lies below the largest of a voxel (Liu et al. 2022)."""

    wrt: ClassVar[Literal["log_p"]] = "log_p"
    margin: float

    def values(self, blocks: list[Any]) -> list[Any]:
        top = self._top(blocks)
        return [self._excess(v, top) for v in blocks]

    def pull(self, blocks: list[Any], cotangents: list[Any]) -> list[Any]:
        xp, top = blocks[0].xp, self._top(blocks)
        exceeding = [
            factor * xp.astype(self._excess(v, top) > 0, v.g.dtype)
            for v, factor in zip(blocks, cotangents, strict=True)
        ]
        leading = [xp.astype(_log_p(v) >= top, v.g.dtype) for v in blocks]
        share = over_classes(exceeding) / over_classes(leading)
        return [first * share - part for first, part in zip(leading, exceeding, strict=True)]

    def _excess(self, v: Voxels, top: Any) -> Any:
        return v.xp.clip(top - _log_p(v) - self.margin, min=0.0)

    @staticmethod
    def _top(blocks: list[Any]) -> Any:
        tops = (blocks[0].xp.max(_log_p(v), axis=1, keepdims=True) for v in blocks)
        return reduce(blocks[0].xp.maximum, tops)


@dataclass(frozen=True)
class TemperedDivergence(Map):
    """
    The divergence of temperature t1 <= 1 of g from the tempered softmax of temperature t2 >= 1.

    The sum over the classes of g (log_t1 g - log_t1 q) - (g^(2 - t1) - q^(2 - t1)) / (2 - t1) (Amid
    et al. 2019), of which each class has its share of g. The tempered softmax q = exp_t2(a -
    lambda) has log p for its activations a: the logits themselves but for a shift, which it does
    not know.
    """

    wrt: ClassVar[Literal["log_p"]] = "log_p"
    t1: float
    t2: float

    def values(self, blocks: list[Any]) -> list[Any]:
        xp, power = blocks[0].xp, 2.0 - self.t1
        tiny = float(xp.finfo(blocks[0].g.dtype).smallest_normal)
        terms = []
        for v, log_q in zip(blocks, self._log_q(blocks), strict=True):
            log_g = xp.log(xp.clip(v.g, min=tiny))
            apart = v.g * (self._tempered(xp, log_g) - self._tempered(xp, log_q))
            mass = _ops.power(xp, v.g, power) - xp.exp(power * log_q)
            terms.append(apart - mass / power)
        total = over_classes(terms) / self._labels(blocks)
        return [v.g * total for v in blocks]

    def pull(self, blocks: list[Any], cotangents: list[Any]) -> list[Any]:
        # By q the divergence has the slope q^-t1 (q - g), and q by its own activation q^t2; the
        # activations of all classes share lambda, which moves as their mean weighed by q^t2.
        xp, logs = blocks[0].xp, self._log_q(blocks)
        factor = over_classes(f * v.g for v, f in zip(blocks, cotangents, strict=True))
        factor = factor / self._labels(blocks)
        direct = [
            factor * (xp.exp((self.t2 - self.t1) * log_q) * (xp.exp(log_q) - v.g))
            for v, log_q in zip(blocks, logs, strict=True)
        ]
        escort = [xp.exp(self.t2 * log_q) for log_q in logs]
        total = over_classes(escort)
        # The probabilities of a voxel that is left out are all 0.
        shared = over_classes(direct) / xp.where(total > 0, total, xp.ones_like(total))
        return [part - share * shared for part, share in zip(direct, escort, strict=True)]

    @staticmethod
    def _labels(blocks: list[Any]) -> Any:
        """The target of all classes, or 1 where it is 0."""
        total = over_classes(v.g for v in blocks)
        return blocks[0].xp.where(total > 0, total, blocks[0].xp.ones_like(total))

    def _tempered(self, xp: Any, log: Any) -> Any:
        """The logarithm of temperature t1 of the exponential."""
        u = 1.0 - self.t1
        return log if u == 0 else _ops.expm1(xp, u * log) / u

    def _log_q(self, blocks: list[Any]) -> list[Any]:
        """Logarithm of the tempered softmax."""
        xp, s = blocks[0].xp, self.t2 - 1.0
        logs = [_log_p(v) for v in blocks]
        if s == 0:
            return logs
        classes = sum(log.shape[1] for log in logs)
        # Newton's iteration for S(lambda)^-s = 1, S the sum of the q: a concave function, nearly
        # linear, so that it closes in from one side. At most about s log C steps to come near, and
        # four to all digits.
        shift = xp.zeros_like(logs[0][:, :1, :])
        for _ in range(5 + math.ceil(0.5 * s * math.log(classes))):
            shift = self._closer(xp, s, shift, [_ops.stop_gradient(xp, log) for log in logs])
        # The derivative of one step from the solution is that of the solution.
        shift = self._closer(xp, s, _ops.stop_gradient(xp, shift), logs)
        return [self._log_power(xp, s, shift, log) for log in logs]

    @staticmethod
    def _log_power(xp: Any, s: float, shift: Any, log: Any) -> Any:
        return -xp.log1p(s * (shift - log)) / s

    def _closer(self, xp: Any, s: float, shift: Any, logs: list[Any]) -> Any:
        q = [xp.exp(self._log_power(xp, s, shift, log)) for log in logs]
        total = over_classes(q)
        escort = over_classes(
            part / (1.0 + s * (shift - log)) for part, log in zip(q, logs, strict=True)
        )
        log_total = xp.log(total)
        return shift - _ops.expm1(xp, -s * log_total) / s * xp.exp((1.0 + s) * log_total) / escort


def _log_p(v: Voxels) -> Any:
    """Logarithm of the probability, of a size that sums and products of some do not overflow."""
    return v.xp.clip(v.log_p, min=-(float(v.xp.finfo(v.log_p.dtype).max) ** 0.5))
