"""Maps that count: what is predicted, what is true, and what of both."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from segloss_xp import _ops
from segloss_xp._products import Product
from segloss_xp._voxels import Voxels
from segloss_xp.maps.base import Map


class Intersection(Map):
    """The product p g."""

    def value(self, v: Voxels) -> Any:
        return Product(v.p, v.truth)

    def slope(self, v: Voxels) -> Any:
        return v.truth


class Minimum(Map):
    """The lesser of p and g (Wang et al. 2023): g itself where the prediction is right."""

    def value(self, v: Voxels) -> Any:
        return v.xp.where(v.p < v.g, v.p, v.g)

    def slope(self, v: Voxels) -> Any:
        return v.xp.astype(v.p < v.g, v.p.dtype)


@dataclass(frozen=True)
class Reach(Map):
    """The product p g and what p has beyond g, or g beyond p, `missed` (Wang et al. 2023)."""

    missed: bool = False

    def value(self, v: Voxels) -> Any:
        return v.p * v.g + v.xp.where(self._beyond(v), self._side * (v.p - v.g), 0.0 * v.p)

    def slope(self, v: Voxels) -> Any:
        return v.g + self._side * v.xp.astype(self._beyond(v), v.p.dtype)

    @property
    def _side(self) -> float:
        return -1.0 if self.missed else 1.0

    def _beyond(self, v: Voxels) -> Any:
        return v.p < v.g if self.missed else v.p > v.g


@dataclass(frozen=True)
class Predicted(Map):
    """The prediction p, or its square."""

    power: Literal[1, 2] = 1

    def value(self, v: Voxels) -> Any:
        return Product(*(v.p,) * self.power)

    def slope(self, v: Voxels) -> Any:
        return 1.0 if self.power == 1 else 2.0 * v.p


@dataclass(frozen=True)
class Truth(Map):
    """The target g, or its square."""

    wrt: ClassVar[None] = None
    power: Literal[1, 2] = 1

    def value(self, v: Voxels) -> Any:
        return Product(*(v.g,) * self.power)


class Majority(Map):
    """One where the target is more than one half."""

    wrt: ClassVar[None] = None

    def value(self, v: Voxels) -> Any:
        return v.xp.astype(v.g > 0.5, v.g.dtype)


class Volume(Map):
    """One in each voxel: the number of valid voxels, or their weight."""

    wrt: ClassVar[None] = None

    def value(self, v: Voxels) -> Any:
        return Product()  # the same for all classes


@dataclass(frozen=True)
class FalsePositive(Map):
    """The power (p (1 - g))^gamma, gamma >= 1 (Yeung et al. 2023)."""

    gamma: float = 1.0

    # Factor by factor: a power of the product has no second derivative where g = 1.
    def value(self, v: Voxels) -> Any:
        return Product(_ops.power(v.xp, v.p, self.gamma), _ops.power(v.xp, 1.0 - v.g, self.gamma))

    def slope(self, v: Voxels) -> Any:
        return (
            self.gamma
            * _ops.power(v.xp, v.p, self.gamma - 1.0)
            * _ops.power(v.xp, 1.0 - v.g, self.gamma)
        )


@dataclass(frozen=True)
class FalseNegative(Map):
    """The power ((1 - p) g)^gamma, gamma >= 1 (Yeung et al. 2023)."""

    gamma: float = 1.0

    def value(self, v: Voxels) -> Any:
        return Product(_ops.power(v.xp, 1.0 - v.p, self.gamma), _ops.power(v.xp, v.g, self.gamma))

    def slope(self, v: Voxels) -> Any:
        return (
            -self.gamma
            * _ops.power(v.xp, 1.0 - v.p, self.gamma - 1.0)
            * _ops.power(v.xp, v.g, self.gamma)
        )


class TrueNegative(Map):
    """The product (1 - p) (1 - g)."""

    def value(self, v: Voxels) -> Any:
        return Product(1.0 - v.p, 1.0 - v.g)

    def slope(self, v: Voxels) -> Any:
        return v.g - 1.0
