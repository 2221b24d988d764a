"""Maps of how sure the prediction is."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from segloss_xp._products import Product
from segloss_xp._voxels import Voxels
from segloss_xp.maps.base import Field, Map


class LogProbability(Map):
    """The logarithm log p, whatever the target."""

    wrt: ClassVar[Literal["log_p"]] = "log_p"

    def value(self, v: Voxels) -> Any:
        return v.log_p

    def slope(self, v: Voxels) -> Any:
        return v.xp.ones_like(v.x)


class NegativeEntropy(Map):
    """The negative entropy p log p of a class, 0 where p is."""

    wrt: ClassVar[Literal["log_p"]] = "log_p"

    def value(self, v: Voxels) -> Any:
        return Product(v.p, v.log_p)

    def slope(self, v: Voxels) -> Any:
        return v.p * (v.log_p + 1.0)


class EntropyOfRejection(Map):
    """The same of not being in a channel, (1 - p) log(1 - p)."""

    wrt: ClassVar[Literal["log_q"]] = "log_q"

    def value(self, v: Voxels) -> Any:
        return Product(1.0 - v.p, v.log_q)

    def slope(self, v: Voxels) -> Any:
        return (1.0 - v.p) * (v.log_q + 1.0)


@dataclass(frozen=True)
class LogitDistance(Map):
    """The distance |z - t|^power of the logit from a field t."""

    wrt: ClassVar[Literal["z"]] = "z"
    field: Field
    power: Literal[1, 2] = 1

    @property
    def fields(self) -> tuple[Field, ...]:
        return (self.field,)

    def value(self, v: Voxels) -> Any:
        off = v.z - v.fields[self.field]
        return off * off if self.power == 2 else v.xp.where(off < 0, -off, off)

    def slope(self, v: Voxels) -> Any:
        off = v.z - v.fields[self.field]
        if self.power == 2:
            return 2.0 * off
        return v.xp.astype(off > 0, off.dtype) - v.xp.astype(off < 0, off.dtype)


@dataclass(frozen=True)
class BinShare(Map):
    """
    The share that a bin has of p, by linear interpolation between the centres of equal bins.

    Below the first centre, and above the last, all of p is in one bin.
    """

    number: int
    bins: int

    def value(self, v: Voxels) -> Any:
        return self._share(v)[0]

    def slope(self, v: Voxels) -> Any:
        return self._share(v)[1]

    def _share(self, v: Voxels) -> tuple[Any, Any]:
        """The share, and its slope by p."""
        xp = v.xp
        u = self.bins * v.p - (self.number + 0.5)
        one, zero = xp.ones_like(u), xp.zeros_like(u)
        below, above = u < 0, u > 0
        if self.number == 0:
            below = below & (u > 0)
        if self.number == self.bins - 1:
            above = above & (u < 0)
        far = (below & (u <= -1.0)) | (above & (u >= 1.0))
        share = xp.where(below, 1.0 + u, xp.where(above, 1.0 - u, one))
        slope = xp.where(below, self.bins * one, xp.where(above, -self.bins * one, zero))
        return xp.where(far, zero, share), xp.where(far, zero, slope)


@dataclass(frozen=True)
class BinGap(BinShare):
    """The gap p - g, times the share that a bin has of p."""

    def value(self, v: Voxels) -> Any:
        return Product(self._share(v)[0], v.p - v.g)

    def slope(self, v: Voxels) -> Any:
        share, slope = self._share(v)
        return share + slope * (v.p - v.g)
