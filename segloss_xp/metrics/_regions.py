"""What the measures see: hard regions, and their surfaces."""

from typing import Any

from segloss_xp import _ops, _stencil
from segloss_xp._array import is_bool, namespace, working_dtype
from segloss_xp._comparison import Comparison
from segloss_xp._grain import divide
from segloss_xp.distance import distance_transform


class Regions:
    """The hard regions of prediction and target (N, C, V), and the voxels that count."""

    def __init__(self, prediction: Any, target: Any, **description: Any) -> None:
        if given := {"voxel_weights", "distance", "all_reduce"} & set(description):
            raise TypeError(f"a metric takes no {', '.join(sorted(given))}")
        xp = namespace(prediction)
        if is_bool(xp, prediction):
            prediction = xp.astype(prediction, xp.zeros(1).dtype)
            description |= {"from_logits": False, "multilabel": True}
        c = self.comparison = Comparison(prediction, target, **description)
        self.xp = c.xp
        self.spacing = c.spacing
        self.prediction, self.target, self.counted = _decided(c), c.inside, c.counted

    def floating(self, count: Any) -> Any:
        """A count as a floating number of the precision of the prediction."""
        return self.xp.astype(count, working_dtype(self.xp, self.comparison.prediction))

    def share(self, part: Any, whole: Any) -> Any:
        """The quotient of two counts, and 1 for 0 / 0."""
        return divide(self.floating(part), self.floating(whole), empty=1.0)

    def size(self, region: Any) -> Any:
        """The number of its voxels that count (N, C)."""
        region = region if self.counted is None else region & self.counted
        return self.xp.sum(self.xp.astype(region, self.xp.int32), axis=2, dtype=self.xp.int32)

    def table(self) -> tuple[Any, ...]:
        """True and false positives, false and true negatives (N, C)."""
        p, g = self.prediction, self.target
        return tuple(self.size(each) for each in (p & g, p & ~g, ~p & g, ~p & ~g))


class Surfaces(Regions):
    """The surfaces of prediction and target (N, C, V), and the distances between them."""

    def __init__(self, prediction: Any, target: Any, **description: Any) -> None:
        super().__init__(prediction, target, **description)
        self.surfaces = [self._surface(each) for each in (self.prediction, self.target)]
        p, g = self.surfaces
        #: Each surface with the distance of every voxel to the other.
        self.sides = [(p, self._distance(g)), (g, self._distance(p))]

    def _surface(self, region: Any) -> Any:
        xp, c = self.xp, self.comparison
        region = region if self.counted is None else region & self.counted
        solid = c.grid(xp.astype(region, xp.float32))
        faces = 2.0 * len(c.space)
        return region & xp.reshape(_stencil.cross(xp, solid, fill=0.0) < faces, region.shape)

    def _distance(self, surface: Any) -> Any:
        axes = tuple(range(2, 2 + len(self.spacing)))
        grid = self.comparison.grid(~surface)
        dtype = working_dtype(self.xp, self.comparison.prediction)
        d = distance_transform(grid, axes=axes, spacing=self.spacing, dtype=dtype)
        return self.xp.reshape(d, surface.shape)

    def both(self, value: Any) -> Any:
        """The value where there are two surfaces; 0 where there is none, infinity for one."""
        xp = self.xp
        p, g = (self.size(each) > 0 for each in self.surfaces)
        zero = xp.zeros_like(value)
        return xp.where(p & g, value, xp.where(p | g, zero + float("inf"), zero))

    def total(self, surface: Any, d: Any) -> Any:
        """The distances of the voxels of a surface, added up; 0 where they are infinite."""
        xp = self.xp
        return xp.sum(xp.where(surface & xp.isfinite(d), d, xp.zeros_like(d)), axis=2)

    def percentile(self, surface: Any, d: Any, share: float) -> Any:
        """Percentile of the distances of a surface; the voxels off it are sorted to the end."""
        xp = self.xp
        ordered = xp.sort(xp.where(surface, d, xp.zeros_like(d) + float("inf")), axis=2)
        ordered = xp.where(xp.isfinite(ordered), ordered, xp.zeros_like(ordered))
        place = xp.arange(d.shape[2], dtype=xp.int32)
        last = self.size(surface)[:, :, None] - 1
        rank = share * xp.astype(last, d.dtype)
        low = xp.astype(rank, xp.int32)
        values = [
            xp.sum(xp.where(place == each, ordered, xp.zeros_like(ordered)), axis=2)
            for each in (low, xp.where(low < last, low + 1, last))
        ]
        beyond = (rank - xp.astype(low, d.dtype))[:, :, 0]
        return values[0] + beyond * (values[1] - values[0])


def _decided(c: Comparison) -> Any:
    """The prediction made hard (N, C, V): the most probable class, or channels above 1/2."""
    xp = c.xp
    if c.multilabel:
        return c.probability() > 0.5
    numbers = _ops.constant(xp, list(range(c.classes)), xp.int32, like=c.prediction)
    found = xp.astype(xp.argmax(c.prediction, axis=1, keepdims=True), xp.int32)
    return found == numbers[:, None]
