"""The voxelwise maps that losses add up, each with its slope."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from segloss_xp._activation import Voxels


@dataclass(frozen=True)
class Map:
    """A function of the prediction and the target in one voxel, to be added up over voxels."""

    #: What `slope` differentiates by: p, log p, log(1 - p), or nothing (target alone).
    wrt: ClassVar[Literal["p", "log_p", "log_q"] | None] = "p"

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

    The target t is g, or with smoothing, (1 - smoothing) g + smoothing * share.
    """

    wrt: ClassVar[Literal["log_p"]] = "log_p"
    smoothing: float = 0.0
    share: float = 0.0

    def value(self, v: Voxels) -> Any:
        return _smoothed(v.g, self.smoothing, self.share) * v.log_p

    def slope(self, v: Voxels) -> Any:
        return _smoothed(v.g, self.smoothing, self.share)


@dataclass(frozen=True)
class LogRejection(Map):
    """The log-likelihood (1 - t) log(1 - p) of not being in a class, t as in `LogLikelihood`."""

    wrt: ClassVar[Literal["log_q"]] = "log_q"
    smoothing: float = 0.0
    share: float = 0.0

    def value(self, v: Voxels) -> Any:
        return (1.0 - _smoothed(v.g, self.smoothing, self.share)) * v.log_q

    def slope(self, v: Voxels) -> Any:
        return 1.0 - _smoothed(v.g, self.smoothing, self.share)


def _smoothed(g: Any, smoothing: float, share: float) -> Any:
    return (1.0 - smoothing) * g + smoothing * share if smoothing else g
