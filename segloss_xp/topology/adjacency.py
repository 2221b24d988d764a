"""A loss on which classes may touch."""

from functools import reduce
from operator import add
from typing import Any

import numpy as np

from segloss_xp._array import namespace
from segloss_xp._checks import check_range
from segloss_xp._comparison import Comparison
from segloss_xp._grain import reduce_samples
from segloss_xp._loss import Loss, Reduction
from segloss_xp._stencil import window
from segloss_xp.maps import Predicted, Volume


class NonAdjacencyLoss(Loss):
    r"""
    Non-adjacency: what is predicted of two classes, side by side, that never touch.

    .. math:: L = \frac1N \sum_i \sum_{(a, b)} [p_{ia}\, \bar p_{ib} + p_{ib}\, \bar p_{ia}]

    where the mean :math:`\bar p` is over the voxels around i, a square or cube, i among them, and
    the sum is over the forbidden pairs.

    Parameters
    ----------
    forbidden : sequence of (int, int), or boolean matrix (C, C)
        The pairs of classes that never touch; in a matrix those that are true.
    radius : int
        Of the square or cube, in voxels.

    Notes
    -----
    A prior that needs no target: call it as ``loss(prediction)``, on images without labels too. A
    target that is given counts by its ignored voxels only. It is of little use alone, being 0 for
    one class everywhere.

    In any number of dimensions. Beyond the border the image goes on as at the border, where the
    authors' code, which says so too, has zeros; a masked voxel is of no class, neither at the
    centre nor around it. `spacing` plays no part. Unreduced: (N, \*space). A class that is not
    predicted adds nothing. All ignored: 0.

    References
    ----------
    P.-A. Ganaye et al. (2018), Semi-supervised learning for segmentation under semantic constraint;
    P.-A. Ganaye et al. (2019), Removing segmentation inconsistencies with semi-supervised
    non-adjacency constraint.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[1.0, 0.9, 0.0], [0.0, 0.1, 0.0], [0.0, 0.0, 1.0]]])
    >>> loss = sx.NonAdjacencyLoss(forbidden=((0, 2),))
    >>> loss(p, from_logits=False, reduction="none").round(3)
    array([[0. , 0.3, 0.3]])
    """

    forbidden: tuple[tuple[int, int], ...]
    radius: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range(self, "radius", 1, 100)
        given = np.asarray(self.forbidden)
        matrix = given.dtype == bool and given.ndim == 2 and given.shape[0] == given.shape[1]
        pairs = np.argwhere(given) if matrix else given
        if not (
            pairs.ndim == 2
            and pairs.shape[1] == 2
            and len(pairs)
            and np.issubdtype(pairs.dtype, np.integer)
            and np.all(pairs >= 0)
            and np.all(pairs[:, 0] != pairs[:, 1])
        ):
            raise ValueError(
                "expected forbidden pairs of different classes, at least one, or a boolean matrix "
                f"of classes by classes, got {self.forbidden!r}"
            )
        pairs = sorted({(int(min(pair)), int(max(pair))) for pair in pairs})
        object.__setattr__(self, "forbidden", tuple(pairs))

    @property
    def grain(self) -> str:
        return "voxel"

    @property
    def from_maps(self) -> bool:
        return True

    @property
    def needs_target(self) -> bool:
        return False

    def reduce(self, comparison: Comparison, reduction: Reduction) -> Any:
        c = comparison
        most = max(each for pair in self.forbidden for each in pair)
        if most >= c.classes:
            raise ValueError(
                f"{self!r} names class {most}, got a prediction of {c.classes} classes"
            )
        (p,) = c.images((Predicted(),))
        xp = namespace(p)
        radii = (self.radius,) * len(c.space)
        around = window(xp, p, radii) / (2 * self.radius + 1) ** len(c.space)
        contacts = reduce(
            add,
            (
                p[:, a, ...] * around[:, b, ...] + p[:, b, ...] * around[:, a, ...]
                for a, b in self.forbidden
            ),
        )
        weights = c.value_of_target(Volume())[:, 0, :]
        values = xp.reshape(contacts, weights.shape) * weights
        if reduction == "none":
            return c.unflatten(values)
        return reduce_samples(c, values, weights, reduction)
