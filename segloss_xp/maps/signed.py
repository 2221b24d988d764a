"""Maps of the prediction as a signed distance: 1 - 2p, from 1 outside to -1 inside."""

from dataclasses import dataclass
from typing import Any, Literal

from segloss_xp._products import Product
from segloss_xp._voxels import Voxels
from segloss_xp.maps.base import Field, Map


@dataclass(frozen=True)
class SignedPrediction(Map):
    """The prediction 1 - 2p, or its square."""

    power: Literal[1, 2] = 1

    def value(self, v: Voxels) -> Any:
        s = 1.0 - 2.0 * v.p
        return Product(*(s,) * self.power)

    def slope(self, v: Voxels) -> Any:
        return -2.0 if self.power == 1 else -4.0 * (1.0 - 2.0 * v.p)


@dataclass(frozen=True)
class SignedDeviation(Map):
    """The absolute difference of the prediction 1 - 2p and a field."""

    field: Field

    @property
    def fields(self) -> tuple[Field, ...]:
        return (self.field,)

    def value(self, v: Voxels) -> Any:
        apart = self._apart(v)
        return v.xp.where(apart > 0, apart, -apart)

    def slope(self, v: Voxels) -> Any:
        apart = self._apart(v)
        above, below = (v.xp.astype(each, apart.dtype) for each in (apart > 0, apart < 0))
        return 2.0 * (below - above)

    def _apart(self, v: Voxels) -> Any:
        return 1.0 - 2.0 * v.p - v.fields[self.field]
