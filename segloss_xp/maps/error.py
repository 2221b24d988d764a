"""Maps of the difference of prediction and target."""

from dataclasses import dataclass
from typing import Any

from segloss_xp import _ops
from segloss_xp._activation import Voxels
from segloss_xp.maps.base import Map


class SquaredError(Map):
    """The square (p - g)^2."""

    def value(self, v: Voxels) -> Any:
        return (v.p - v.g) * (v.p - v.g)

    def slope(self, v: Voxels) -> Any:
        return 2.0 * (v.p - v.g)


class SquaredAgreement(Map):
    """The square (1 - p - g)^2: 1 where a hard prediction is right, 0 where it is wrong."""

    def value(self, v: Voxels) -> Any:
        return (1.0 - v.p - v.g) * (1.0 - v.p - v.g)

    def slope(self, v: Voxels) -> Any:
        return -2.0 * (1.0 - v.p - v.g)


@dataclass(frozen=True)
class PoweredError(Map):
    """The power |p - g|^gamma, gamma >= 1 (Wang et al. 2020)."""

    gamma: float

    def value(self, v: Voxels) -> Any:
        return _ops.power(v.xp, self._size(v), self.gamma)

    def slope(self, v: Voxels) -> Any:
        slope = self.gamma * _ops.power(v.xp, self._size(v), self.gamma - 1.0)
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
