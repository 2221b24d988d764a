"""Maps of the log-likelihood of the label, and of powers of its probability."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from segloss_xp import _ops
from segloss_xp._products import Product, product
from segloss_xp._voxels import Voxels, over_classes
from segloss_xp.maps.base import Map


@dataclass(frozen=True)
class LogLikelihood(Map):
    """
    The log-likelihood t log p of a class.

    The target t is g, of which the share `smoothing` is spread over the `outcomes`: all the classes
    of a voxel, or with ``outcomes=None`` the two of a channel.
    """

    wrt: ClassVar[Literal["log_p"]] = "log_p"
    smoothing: float = 0.0
    outcomes: int | None = None

    @property
    def uses_mass(self) -> bool:
        return bool(self.smoothing) and self.outcomes is not None

    def value(self, v: Voxels) -> Any:
        return Product(self.slope(v), v.log_p if self.smoothing else v.log_p_if_true)

    def slope(self, v: Voxels) -> Any:
        if not self.smoothing:
            return v.truth
        spread = 0.5 if self.outcomes is None else v.mass / self.outcomes
        return (1.0 - self.smoothing) * v.g + self.smoothing * spread


@dataclass(frozen=True)
class LogRejection(Map):
    """The log-likelihood (1 - t) log(1 - p) of not being in a channel, t as in `LogLikelihood`."""

    wrt: ClassVar[Literal["log_q"]] = "log_q"
    smoothing: float = 0.0

    def value(self, v: Voxels) -> Any:
        return Product(self.slope(v), v.log_q)

    def slope(self, v: Voxels) -> Any:
        if not self.smoothing:
            return 1.0 - v.g
        return 1.0 - 0.5 * self.smoothing - (1.0 - self.smoothing) * v.g


class LogComplement(Map):
    """The logarithm log(1 - p), whatever the target."""

    wrt: ClassVar[Literal["log_q"]] = "log_q"

    def value(self, v: Voxels) -> Any:
        return v.log_q

    def slope(self, v: Voxels) -> Any:
        return v.xp.ones_like(v.x)


class OfLikelihood(Map):
    """
    A function of the log-likelihood, g h(log p).

    Where a voxel has one label, h is computed for that class alone.
    """

    wrt: ClassVar[Literal["log_p"]] = "log_p"

    def at(self, xp: Any, log_p: Any) -> Any:
        """The function h."""
        raise NotImplementedError

    def slope_at(self, xp: Any, log_p: Any) -> Any:
        """Its derivative."""
        raise NotImplementedError

    def values(self, blocks: list[Any]) -> list[Any]:
        logs = self._logs(blocks)
        return [Product(v.truth, self.at(v.xp, log)) for v, log in zip(blocks, logs, strict=True)]

    def pull(self, blocks: list[Any], cotangents: list[Any]) -> list[Any]:
        each = zip(blocks, self._logs(blocks), cotangents, strict=True)
        return [product(v.xp, x, v.truth, self.slope_at(v.xp, log)) for v, log, x in each]

    @staticmethod
    def _logs(blocks: list[Any]) -> list[Any]:
        if not blocks[0].one_hot:
            return [v.log_p for v in blocks]
        terms = [product(v.xp, v.truth, v.log_p_if_true) for v in blocks]
        total = over_classes(terms)
        return [_ops.finite(v.xp, total) if v.infinite else total for v in blocks]


@dataclass(frozen=True)
class FocalLikelihood(OfLikelihood):
    """The modulated log-likelihood g (1 - p)^gamma log p (Lin et al. 2017)."""

    gamma: float

    def at(self, xp: Any, log_p: Any) -> Any:
        return _ops.power(xp, _complement(xp, log_p), self.gamma) * log_p

    def slope_at(self, xp: Any, log_p: Any) -> Any:
        return _focal_slope(xp, xp.exp(log_p), log_p, self.gamma)


@dataclass(frozen=True)
class FocalRejection(Map):
    """The same for not being in a class, (1 - g) p^gamma log(1 - p)."""

    wrt: ClassVar[Literal["log_q"]] = "log_q"
    gamma: float

    def value(self, v: Voxels) -> Any:
        p = _complement(v.xp, v.log_q)
        return Product(1.0 - v.g, _ops.power(v.xp, p, self.gamma) * v.log_q)

    def slope(self, v: Voxels) -> Any:
        return (1.0 - v.g) * _focal_slope(v.xp, 1.0 - v.p, v.log_q, self.gamma)


@dataclass(frozen=True)
class PoweredMiss(OfLikelihood):
    """The miss g (1 - p^q), 0 < q (Zhang and Sabuncu 2018, eq. 6)."""

    power: float

    def at(self, xp: Any, log_p: Any) -> Any:
        return _complement(xp, self.power * log_p)

    def slope_at(self, xp: Any, log_p: Any) -> Any:
        return -self.power * xp.exp(self.power * log_p)


@dataclass(frozen=True)
class PoweredShortfall(OfLikelihood):
    """The shortfall g (1 - p)^power, power >= 1, of what was to be 1 (Leng et al. 2022)."""

    power: float

    def at(self, xp: Any, log_p: Any) -> Any:
        return _ops.power(xp, _complement(xp, log_p), self.power)

    def slope_at(self, xp: Any, log_p: Any) -> Any:
        q = _ops.power(xp, _complement(xp, log_p), self.power - 1.0)
        return -self.power * xp.exp(log_p) * q


@dataclass(frozen=True)
class PoweredSurprise(Map):
    """The power g (-log p)^gamma, gamma > 0 (Wong et al. 2018)."""

    wrt: ClassVar[Literal["log_odds"]] = "log_odds"
    gamma: float

    # From the odds, since a power below 1 magnifies what log p loses near p = 1.
    def value(self, v: Voxels) -> Any:
        return Product(v.g, _ops.power(v.xp, self._surprise(v), self.gamma))

    def slope(self, v: Voxels) -> Any:
        # By the log-odds, -gamma u^(gamma - 1) (1 - p) with u = -log p; (1 - p) / u is 1 at p = 1.
        u = self._surprise(v)
        one = v.xp.ones_like(u)
        ratio = v.xp.where(u > 0, _complement(v.xp, -u) / v.xp.where(u > 0, u, one), one)
        return -self.gamma * v.g * (_ops.power(v.xp, u, self.gamma) * ratio)

    def _surprise(self, v: Voxels) -> Any:
        # Not of a class that is not there: ruled out by a logit of -inf, its power would overflow.
        return v.xp.where(v.g > 0, -_ops.log_sigmoid(v.xp, v.log_odds), v.xp.zeros_like(v.g))


@dataclass(frozen=True)
class ReverseLikelihood(Map):
    """The log-likelihood p log g of the target under the prediction, log g at least `floor`."""

    floor: float

    def value(self, v: Voxels) -> Any:
        return Product(v.p, self.slope(v))

    def slope(self, v: Voxels) -> Any:
        return v.xp.log(v.xp.clip(v.g, min=math.exp(self.floor)))


class Divergence(Map):
    """The divergence g log(g / p), 0 where g is."""

    wrt: ClassVar[Literal["log_p"]] = "log_p"

    def value(self, v: Voxels) -> Any:
        tiny = float(v.xp.finfo(v.g.dtype).smallest_normal)
        return Product(v.g, v.xp.log(v.xp.clip(v.g, min=tiny)) - v.log_p)

    def slope(self, v: Voxels) -> Any:
        return -v.g


def _complement(xp: Any, log: Any) -> Any:
    """One minus the exponential, exact where that is small."""
    return -_ops.expm1(xp, log)


def _focal_slope(xp: Any, p: Any, log_p: Any, gamma: float) -> Any:
    # By log p, (1 - p)^gamma - gamma p (1 - p)^(gamma - 1) log p.
    q = _complement(xp, log_p)
    if gamma >= 1:
        return _ops.power(xp, q, gamma - 1.0) * (q - gamma * p * log_p)
    # As log p / (1 - p) is -1 at p = 1, the slope is finite here too.
    one = xp.ones_like(q)
    ratio = xp.where(q > 0, log_p / xp.where(q > 0, q, one), -one)
    return _ops.power(xp, q, gamma) * (1.0 - gamma * p * ratio)
