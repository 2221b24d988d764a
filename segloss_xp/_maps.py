"""The voxelwise maps that losses add up, each with its slope."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from segloss_xp._activation import Voxels


@dataclass(frozen=True)
class Map:
    """A function of the prediction and the target in one voxel, to be added up over voxels."""

    #: What `slope` differentiates by: p, log p, log(1 - p), or nothing (target alone).
    wrt: ClassVar[Literal["p", "log_p", "log_q"] | None] = "p"

    @property
    def uses_mass(self) -> bool:
        """Whether the map looks at the target of all classes together."""
        return False

    def value(self, v: Voxels) -> Any:
        """Value in every voxel and class."""
        raise NotImplementedError

    def slope(self, v: Voxels) -> Any:
        """Derivative of the value by `wrt`."""
        raise NotImplementedError


class Intersection(Map):
    """The product p g."""

    def value(self, v: Voxels) -> Any:
        return v.p * v.g

    def slope(self, v: Voxels) -> Any:
        return v.g


class Minimum(Map):
    """The lesser of p and g (Wang et al. 2023): g itself where the prediction is right."""

    def value(self, v: Voxels) -> Any:
        return v.xp.where(v.p < v.g, v.p, v.g)

    def slope(self, v: Voxels) -> Any:
        return v.xp.astype(v.p < v.g, v.p.dtype)


@dataclass(frozen=True)
class Predicted(Map):
    """The prediction p, or its square."""

    power: Literal[1, 2] = 1

    def value(self, v: Voxels) -> Any:
        return v.p if self.power == 1 else v.p * v.p

    def slope(self, v: Voxels) -> Any:
        return 1.0 if self.power == 1 else 2.0 * v.p


@dataclass(frozen=True)
class Truth(Map):
    """The target g, or its square."""

    wrt: ClassVar[None] = None
    power: Literal[1, 2] = 1

    def value(self, v: Voxels) -> Any:
        return v.g if self.power == 1 else v.g * v.g


class Volume(Map):
    """One in each voxel: the number of valid voxels, or their weight."""

    wrt: ClassVar[None] = None

    def value(self, v: Voxels) -> Any:
        return v.xp.ones_like(v.g)


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
        return self.slope(v) * v.log_p

    def slope(self, v: Voxels) -> Any:
        if not self.smoothing:
            return v.g
        spread = 0.5 if self.outcomes is None else v.mass / self.outcomes
        return (1.0 - self.smoothing) * v.g + self.smoothing * spread


@dataclass(frozen=True)
class LogRejection(Map):
    """The log-likelihood (1 - t) log(1 - p) of not being in a channel, t as in `LogLikelihood`."""

    wrt: ClassVar[Literal["log_q"]] = "log_q"
    smoothing: float = 0.0

    def value(self, v: Voxels) -> Any:
        return self.slope(v) * v.log_q

    def slope(self, v: Voxels) -> Any:
        if not self.smoothing:
            return 1.0 - v.g
        return 1.0 - 0.5 * self.smoothing - (1.0 - self.smoothing) * v.g


@dataclass(frozen=True)
class FocalLikelihood(Map):
    """The modulated log-likelihood g (1 - p)^gamma log p (Lin et al. 2017, eq. 4)."""

    wrt: ClassVar[Literal["log_p"]] = "log_p"
    gamma: float

    def value(self, v: Voxels) -> Any:
        return v.g * (_power(v, _complement(v, v.log_p), self.gamma) * v.log_p)

    def slope(self, v: Voxels) -> Any:
        return v.g * _focal_slope(v, v.p, v.log_p, self.gamma)


@dataclass(frozen=True)
class FocalRejection(Map):
    """The same for not being in a class, (1 - g) p^gamma log(1 - p)."""

    wrt: ClassVar[Literal["log_q"]] = "log_q"
    gamma: float

    def value(self, v: Voxels) -> Any:
        return (1.0 - v.g) * (_power(v, _complement(v, v.log_q), self.gamma) * v.log_q)

    def slope(self, v: Voxels) -> Any:
        return (1.0 - v.g) * _focal_slope(v, 1.0 - v.p, v.log_q, self.gamma)


@dataclass(frozen=True)
class PoweredMiss(Map):
    """The miss g (1 - p^q), 0 < q (Zhang and Sabuncu 2018, eq. 6)."""

    wrt: ClassVar[Literal["log_p"]] = "log_p"
    power: float

    def value(self, v: Voxels) -> Any:
        return -v.g * v.xp.expm1(self.power * v.log_p)

    def slope(self, v: Voxels) -> Any:
        return -self.power * v.g * v.xp.exp(self.power * v.log_p)


@dataclass(frozen=True)
class ReverseLikelihood(Map):
    """The log-likelihood p log g of the target under the prediction, log g at least `floor`."""

    floor: float

    def value(self, v: Voxels) -> Any:
        return v.p * self.slope(v)

    def slope(self, v: Voxels) -> Any:
        return v.xp.log(v.xp.clip(v.g, min=math.exp(self.floor)))


class SquaredError(Map):
    """The square (p - g)^2."""

    def value(self, v: Voxels) -> Any:
        return (v.p - v.g) * (v.p - v.g)

    def slope(self, v: Voxels) -> Any:
        return 2.0 * (v.p - v.g)


class Divergence(Map):
    """The divergence g log(g / p), 0 where g is."""

    wrt: ClassVar[Literal["log_p"]] = "log_p"

    def value(self, v: Voxels) -> Any:
        tiny = float(v.xp.finfo(v.g.dtype).smallest_normal)
        return v.g * (v.xp.log(v.xp.clip(v.g, min=tiny)) - v.log_p)

    def slope(self, v: Voxels) -> Any:
        return -v.g


def _complement(v: Voxels, log: Any) -> Any:
    """One minus the exponential, exact where that is small."""
    return -v.xp.expm1(log)


def _focal_slope(v: Voxels, p: Any, log_p: Any, gamma: float) -> Any:
    # By log p, (1 - p)^gamma - gamma p (1 - p)^(gamma - 1) log p; log p / (1 - p) is -1 at p = 1,
    # so that for gamma < 1 too the slope is finite.
    q = _complement(v, log_p)
    one = v.xp.ones_like(q)
    ratio = v.xp.where(q > 0, log_p / v.xp.where(q > 0, q, one), -one)
    return _power(v, q, gamma) * (1.0 - gamma * p * ratio)


def _power(v: Voxels, base: Any, exponent: float) -> Any:
    """The power of what is not negative but for rounding; at 0 all its slopes are 0."""
    if exponent in (0, 1):
        return base if exponent else v.xp.ones_like(base)
    positive = base > 0
    raised = v.xp.where(positive, base, v.xp.ones_like(base)) ** exponent
    return v.xp.where(positive, raised, v.xp.zeros_like(base))


@dataclass(frozen=True)
class PoweredError(Map):
    """The power |p - g|^gamma, gamma >= 1 (Wang et al. 2020)."""

    gamma: float

    def value(self, v: Voxels) -> Any:
        return _power(v, self._size(v), self.gamma)

    def slope(self, v: Voxels) -> Any:
        slope = self.gamma * _power(v, self._size(v), self.gamma - 1.0)
        side = v.xp.astype(v.p > v.g, v.p.dtype) - v.xp.astype(v.p < v.g, v.p.dtype)
        return side * slope

    @staticmethod
    def _size(v: Voxels) -> Any:
        return v.xp.where(v.p > v.g, v.p - v.g, v.g - v.p)


@dataclass(frozen=True)
class SquaredErrorWithin(Map):
    """The squared error (p - g)^2 times g, where the class is, or 1 - g, `outside`."""

    outside: bool = False

    def value(self, v: Voxels) -> Any:
        return self._place(v) * (v.p - v.g) * (v.p - v.g)

    def slope(self, v: Voxels) -> Any:
        return 2.0 * self._place(v) * (v.p - v.g)

    def _place(self, v: Voxels) -> Any:
        return 1.0 - v.g if self.outside else v.g


@dataclass(frozen=True)
class FalsePositive(Map):
    """The power (p (1 - g))^gamma, gamma >= 1 (Yeung et al. 2023)."""

    gamma: float = 1.0

    # Factor by factor: a power of the product has no second derivative where g = 1.
    def value(self, v: Voxels) -> Any:
        return _power(v, v.p, self.gamma) * _power(v, 1.0 - v.g, self.gamma)

    def slope(self, v: Voxels) -> Any:
        return self.gamma * _power(v, v.p, self.gamma - 1.0) * _power(v, 1.0 - v.g, self.gamma)


@dataclass(frozen=True)
class FalseNegative(Map):
    """The power ((1 - p) g)^gamma, gamma >= 1 (Yeung et al. 2023)."""

    gamma: float = 1.0

    def value(self, v: Voxels) -> Any:
        return _power(v, 1.0 - v.p, self.gamma) * _power(v, v.g, self.gamma)

    def slope(self, v: Voxels) -> Any:
        return -self.gamma * _power(v, 1.0 - v.p, self.gamma - 1.0) * _power(v, v.g, self.gamma)


class TrueNegative(Map):
    """The product (1 - p) (1 - g)."""

    def value(self, v: Voxels) -> Any:
        return (1.0 - v.p) * (1.0 - v.g)

    def slope(self, v: Voxels) -> Any:
        return v.g - 1.0
