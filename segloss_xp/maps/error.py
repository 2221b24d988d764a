"""Maps of the difference of prediction and target."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from segloss_xp import _ops
from segloss_xp._products import Product
from segloss_xp._voxels import Voxels
from segloss_xp.maps.base import Map


class SquaredError(Map):
    """The square (p - g)^2."""

    def value(self, v: Voxels) -> Any:
        return Product(*(v.p - v.g,) * 2)

    def slope(self, v: Voxels) -> Any:
        return 2.0 * (v.p - v.g)


class SquaredAgreement(Map):
    """The square (1 - p - g)^2: 1 where a hard prediction is right, 0 where it is wrong."""

    def value(self, v: Voxels) -> Any:
        return Product(*(1.0 - v.p - v.g,) * 2)

    def slope(self, v: Voxels) -> Any:
        return -2.0 * (1.0 - v.p - v.g)


@dataclass(frozen=True)
class PoweredError(Map):
    """The power |p - g|^gamma, gamma >= 1 (Wang et al. 2020)."""

    gamma: float

    def value(self, v: Voxels) -> Any:
        return _ops.power(v.xp, _size(v), self.gamma)

    def slope(self, v: Voxels) -> Any:
        return _side(v) * self.gamma * _ops.power(v.xp, _size(v), self.gamma - 1.0)


@dataclass(frozen=True)
class SquaredErrorWithin(Map):
    """The squared error (p - g)^2 times g, where the class is, or 1 - g, `outside`."""

    outside: bool = False

    def value(self, v: Voxels) -> Any:
        return Product(self._place(v), *(v.p - v.g,) * 2)

    def slope(self, v: Voxels) -> Any:
        return 2.0 * self._place(v) * (v.p - v.g)

    def _place(self, v: Voxels) -> Any:
        return 1.0 - v.g if self.outside else v.g


@dataclass(frozen=True)
class AdaptiveWing(Map):
    """
    The adaptive wing of the error d = |p - g| (Wang et al. 2019).

    omega log(1 + (d / epsilon)^(alpha - g)) where d < theta, and from there on its tangent.
    """

    alpha: float
    omega: float
    epsilon: float
    theta: float

    def value(self, v: Voxels) -> Any:
        d, e, xp = _size(v), self.alpha - v.g, v.xp
        bend = self.omega * xp.log1p(self._raised(xp, d, e))
        at_theta = self.omega * xp.log1p((self.theta / self.epsilon) ** e)
        tangent = at_theta + self._slope_at_theta(e) * (d - self.theta)
        return xp.where(d < self.theta, bend, tangent)

    def slope(self, v: Voxels) -> Any:
        d, e, xp = _size(v), self.alpha - v.g, v.xp
        bend = self._raised(xp, d, e - 1.0) / (1.0 + self._raised(xp, d, e))
        bend = self.omega / self.epsilon * e * bend
        return _side(v) * xp.where(d < self.theta, bend, self._slope_at_theta(e))

    def _slope_at_theta(self, e: Any) -> Any:
        power = (self.theta / self.epsilon) ** e
        return self.omega / self.theta * e * power / (1.0 + power)

    def _raised(self, xp: Any, d: Any, e: Any) -> Any:
        # The inner where keeps the slope finite at 0, and beyond theta, where it does not count.
        bent = (d > 0) & (d < self.theta)
        power = (xp.where(bent, d, self.epsilon * xp.ones_like(d)) / self.epsilon) ** e
        return xp.where(bent, power, xp.zeros_like(d))


def _size(v: Voxels) -> Any:
    """The absolute error."""
    return v.xp.where(v.p > v.g, v.p - v.g, v.g - v.p)


def _side(v: Voxels) -> Any:
    return v.xp.astype(v.p > v.g, v.p.dtype) - v.xp.astype(v.p < v.g, v.p.dtype)


@dataclass(frozen=True)
class _Weighted(Map):
    """A map times w^2, with w from `background` at g = 0 to `foreground` at 1."""

    background: float
    foreground: float

    def _squared(self, v: Voxels) -> Any:
        w = self.background + (self.foreground - self.background) * v.g
        return w * w


class CenteredError(_Weighted):
    """The squared error (p - g)^2 w^2."""

    def value(self, v: Voxels) -> Any:
        return Product(self._squared(v), *(v.p - v.g,) * 2)

    def slope(self, v: Voxels) -> Any:
        return 2.0 * self._squared(v) * (v.p - v.g)


class CenteredSquares(_Weighted):
    """The squares ((p - 1/2)^2 + (g - 1/2)^2) w^2."""

    def value(self, v: Voxels) -> Any:
        p, g = v.p - 0.5, v.g - 0.5
        return Product(self._squared(v), p * p + g * g)

    def slope(self, v: Voxels) -> Any:
        return 2.0 * self._squared(v) * (v.p - 0.5)


class ChargedError(Map):
    """The error times its charge, the target: p g, or (1 - p) |g| of a negative one."""

    def value(self, v: Voxels) -> Any:
        return Product(v.p - v.xp.astype(v.g < 0, v.p.dtype), v.g)

    def slope(self, v: Voxels) -> Any:
        return v.g


class ChargedHinge(Map):
    """The hinge times its charge: (1 + z) g, or (1 - z) |g| of a negative one; z is the logit."""

    wrt: ClassVar[Literal["log_odds"]] = "log_odds"

    def value(self, v: Voxels) -> Any:
        return Product(v.log_odds + (1.0 - 2.0 * v.xp.astype(v.g < 0, v.g.dtype)), v.g)

    def slope(self, v: Voxels) -> Any:
        return v.g


class Hinge(Map):
    """The hinge of the logit z: 1 - z where the class is, 1 + z elsewhere, and at least 0."""

    wrt: ClassVar[Literal["log_odds"]] = "log_odds"

    def value(self, v: Voxels) -> Any:
        return v.xp.clip(1.0 - v.log_odds * (2.0 * v.g - 1.0), min=0.0)


class AbsoluteError(Map):
    """The absolute error |p - g|."""

    def value(self, v: Voxels) -> Any:
        return v.xp.abs(v.p - v.g)
