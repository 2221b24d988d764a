"""Exact Euclidean distances, batched, in the units of the spacing, for arrays of every library.

Each adapter has a function ``squared_distance(mask, spacing, dtype, limit)``: from a boolean array
(B, *space), the squared distance of each True voxel to the nearest False voxel of its sample, and
infinity in a sample without any. Where `limit` is given, distances beyond it may be too long. An
adapter may have a ``squared_label_distance(labels, ...)`` besides, to the nearest voxel of another
label.
"""

from collections.abc import Sequence
from math import inf, prod
from typing import Any

import numpy as np

from segloss_xp import _ops
from segloss_xp._array import A, is_bool, is_integer, name, namespace
from segloss_xp._spacing import along_each
from segloss_xp.distance import _generic


def distance_transform(
    mask: A,
    *,
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    squared: bool = False,
    max_distance: float | None = None,
    dtype: Any = None,
) -> A:
    r"""
    Exact Euclidean distance of each True voxel to the nearest False voxel.

    .. math:: d(x) = \min_{y : m_y = 0} \lVert x - y \rVert

    The distance is 0 at a False voxel, and infinite in a sample that has none. What lies beyond
    the border is neither. It is a constant to automatic differentiation.

    Parameters
    ----------
    mask : array of booleans or integers
        Integers count as True unless 0.
    axes : int or sequence of int, optional
        The spatial axes; along any other the samples are independent. Default: all but the first
        two, (N, C, D, H, W) or (N, C, H, W). For a single image or volume, and for a mask with one
        spatial axis, they must be named: ``axes=(0, 1, 2)``.
    spacing : float or sequence of float, optional
        Distance between voxel centres, one number for all axes or one for each of `axes`.
        Default: 1.
    squared : bool
        Whether to return squared distances, which are exact whole numbers on a grid of spacing 1.
    max_distance : float, optional
        Clip distances to this, in units of `spacing`. Saves time on a GPU and in JAX.
    dtype : dtype, optional
        float32 or float64 of the library of `mask`. Default: float32.

    Returns
    -------
    array
        Distances in units of `spacing`, of the shape of `mask`.

    Raises
    ------
    TypeError
        If the mask is floating.
    ValueError
        If the axes, the spacing, the maximal distance or the dtype make no sense.

    Notes
    -----
    NumPy arrays and PyTorch tensors on the processor are measured by Numba where that is installed,
    else by SciPy, else by NumPy. There are as many threads as processors, or as the environment
    variable OMP_NUM_THREADS says. JAX compiles a transform of its own, without a callback; where
    programs run on the processor alone, Numba's can be had by ``jax.pure_callback(lambda mask:
    distance_transform(np.asarray(mask)), like, mask)``.

    References
    ----------
    P. F. Felzenszwalb, D. P. Huttenlocher, "Distance transforms of sampled functions", Theory of
    Computing 8, 2012.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> mask = np.array([[1, 1, 1, 0], [1, 1, 1, 1]])
    >>> sx.distance_transform(mask, axes=(0, 1), spacing=(1.0, 2.0), squared=True)
    array([[36., 16.,  4.,  0.],
           [37., 17.,  5.,  1.]], dtype=float32)
    """
    grid = _Grid(mask, 2, axes, spacing, max_distance, dtype)
    d = _adapter(grid.xp).squared_distance(grid.mask(), grid.spacing, grid.dtype, grid.limit)
    return grid.unflatten(grid.length(d, squared))


def signed_distance(
    mask: A,
    *,
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    inner_offset: float = 0.0,
    empty: float = 0.0,
    max_distance: float | None = None,
    dtype: Any = None,
) -> A:
    r"""
    Signed distance map of a mask: positive outside, negative inside.

    .. math::
        \phi(x) = \begin{cases}
            \min_{y : m_y = 0} \lVert x - y \rVert \cdot (-1) + o & m_x = 1 \\
            \min_{y : m_y = 1} \lVert x - y \rVert & m_x = 0
        \end{cases}

    Both sides are measured to the nearest voxel of the other side, so that the values on the two
    sides of the surface are -1 and 1 at spacing 1 and `inner_offset` o = 0.

    Parameters
    ----------
    mask : array of booleans or integers
        Integers count as True unless 0.
    axes : int or sequence of int, optional
        The spatial axes, as for `distance_transform`. Default: all but the first two.
    spacing : float or sequence of float, optional
        Distance between voxel centres, one number for all axes or one for each of `axes`.
        Default: 1.
    inner_offset : float
        Added to the values inside, in units of `spacing`. 1 gives the map of Kervadec's boundary
        loss at spacing 1, in which the voxels inside the surface are 0.
    empty : float
        Value throughout a sample whose mask is all False or all True, which has no surface.
    max_distance : float, optional
        Clip distances, on either side and before the offset, to this, in units of `spacing`.
    dtype : dtype, optional
        float32 or float64 of the library of `mask`. Default: float32.

    Returns
    -------
    array
        Signed distances in units of `spacing`, of the shape of `mask`.

    Raises
    ------
    TypeError
        If the mask is floating.
    ValueError
        If the axes, the spacing, the maximal distance or the dtype make no sense.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> mask = np.array([[0, 0, 1, 1, 1], [0, 0, 0, 0, 0]])
    >>> sx.signed_distance(mask, axes=1, spacing=0.5)
    array([[ 1. ,  0.5, -0.5, -1. , -1.5],
           [ 0. ,  0. ,  0. ,  0. ,  0. ]], dtype=float32)
    """
    grid = _Grid(mask, 2, axes, spacing, max_distance, dtype)
    xp, inside = grid.xp, grid.mask()
    d = grid.length(grid.squared_label_distance(inside), squared=False)
    one, offset, nothing = (
        _ops.constant(xp, value, grid.dtype, like=d) for value in (1.0, inner_offset, empty)
    )
    # In place, where the library has that, as a volume may take much of the memory.
    d *= xp.where(inside, -one, one)
    if inner_offset != 0:
        d += xp.where(inside, offset, 0.0 * offset)
    each = xp.reshape(inside, (inside.shape[0], prod(inside.shape[1:])))
    surface = xp.any(each, axis=1) & ~xp.all(each, axis=1)
    surface = xp.reshape(surface, (inside.shape[0],) + (1,) * len(grid.spacing))
    return grid.unflatten(xp.where(surface, d, nothing))


def label_distance(
    labels: A,
    *,
    axes: int | Sequence[int] | None = None,
    spacing: float | Sequence[float] | None = None,
    squared: bool = False,
    max_distance: float | None = None,
    dtype: Any = None,
) -> A:
    r"""
    Exact Euclidean distance of each voxel to the nearest voxel of another label.

    .. math:: d(x) = \min_{y : l_y \neq l_x} \lVert x - y \rVert

    For each class, this is the distance inside it, at the price of one transform for all. It is
    infinite in a sample of a single label.

    Parameters
    ----------
    labels : array of integers or booleans
        Any labels, the background among them.
    axes : int or sequence of int, optional
        The spatial axes; along any other the samples are independent. Default: all but the first,
        (N, D, H, W) or (N, H, W). With fewer than two of them they must be named.
    spacing : float or sequence of float, optional
        Distance between voxel centres, one number for all axes or one for each of `axes`.
        Default: 1.
    squared : bool
        Whether to return squared distances, which are exact whole numbers on a grid of spacing 1.
    max_distance : float, optional
        Clip distances to this, in units of `spacing`.
    dtype : dtype, optional
        float32 or float64 of the library of `labels`. Default: float32.

    Returns
    -------
    array
        Distances in units of `spacing`, of the shape of `labels`.

    Raises
    ------
    TypeError
        If the labels are floating.
    ValueError
        If the axes, the spacing, the maximal distance or the dtype make no sense.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> sx.label_distance(np.array([0, 0, 0, 1, 1, 2]), axes=0)
    array([3., 2., 1., 1., 1., 1.], dtype=float32)
    """
    grid = _Grid(labels, 1, axes, spacing, max_distance, dtype)
    return grid.unflatten(grid.length(grid.squared_label_distance(grid.flat), squared))


def _adapter(xp: Any) -> Any:
    """The adapter of a library; those of PyTorch and JAX choose by the device themselves."""
    match name(xp):
        case "numpy":
            from segloss_xp.distance import _numpy as adapter
        case "torch":
            from segloss_xp.distance import _torch as adapter
        case "jax":
            from segloss_xp.distance import _jax as adapter
        case "cupy":
            from segloss_xp.distance import _cupy as adapter
        case "dask":
            from segloss_xp.distance import _dask as adapter
        case _:
            return _generic
    return adapter


class _Grid:
    """An array whose spatial axes have been found, laid out as (B, *space)."""

    def __init__(
        self, x: Any, leading: int, axes: Any, spacing: Any, limit: float | None, dtype: Any
    ) -> None:
        xp = self.xp = namespace(x)
        if not (is_bool(xp, x) or is_integer(xp, x)):
            raise TypeError(f"expected an array of booleans or integers, got dtype {x.dtype}")
        if limit is not None and not 0 < limit < inf:
            raise ValueError(f"expected a positive max_distance, got {limit}")
        self.limit = None if limit is None else float(limit)
        self.dtype = xp.float32 if dtype is None else dtype
        if self.dtype not in (xp.float32, xp.float64):
            raise ValueError(f"expected float32 or float64 of {name(xp)}, got dtype {dtype!r}")
        shape = tuple(x.shape)
        axes = _check_axes(axes, shape, leading)
        spacing = along_each(tuple(shape[axis] for axis in axes), spacing)
        # In the order of memory, whatever that of the caller.
        self.spacing = tuple(spacing[axes.index(axis)] for axis in sorted(axes))
        batch = [axis for axis in range(len(shape)) if axis not in axes]
        self._order = (*batch, *sorted(axes))
        self._shape = tuple(shape[axis] for axis in self._order)
        x = _ops.stop_gradient(xp, x)
        if self._moved:
            x = xp.permute_dims(x, self._order)
        space = self._shape[len(batch) :]
        self.flat = xp.reshape(x, (prod(self._shape[: len(batch)]), *space))

    @property
    def _moved(self) -> bool:
        return self._order != tuple(range(len(self._order)))

    def mask(self) -> Any:
        """The array as booleans."""
        return self.flat if is_bool(self.xp, self.flat) else self.flat != 0

    def squared_label_distance(self, labels: Any) -> Any:
        """By the adapter's own function, where it has one."""
        adapter, how = _adapter(self.xp), (self.spacing, self.dtype, self.limit)
        if hasattr(adapter, "squared_label_distance"):
            return adapter.squared_label_distance(labels, *how)
        if is_bool(self.xp, labels):
            return _generic.both_sides(adapter.squared_distance, labels, *how)
        return _generic.squared_label_distance(labels, *how)

    def length(self, d: Any, squared: bool) -> Any:
        """From the adapter's squared distances, which nobody else holds."""
        if not squared:
            # In place where that is safe, as a volume may take much of the memory.
            d = np.sqrt(d, out=d) if name(self.xp) == "numpy" else self.xp.sqrt(d)
        if self.limit is None:
            return d
        return self.xp.clip(d, max=self.limit**2 if squared else self.limit)

    def unflatten(self, d: Any) -> Any:
        """From (B, *space) back to the layout of the array."""
        d = self.xp.reshape(d, self._shape)
        if not self._moved:
            return d
        back = tuple(self._order.index(axis) for axis in range(len(self._order)))
        return self.xp.permute_dims(d, back)


def _check_axes(axes: Any, shape: tuple[int, ...], leading: int) -> tuple[int, ...]:
    ndim = len(shape)
    if axes is None:
        if ndim < leading + 2:
            raise ValueError(
                f"expected at least two spatial axes after the first {leading}, got shape {shape}; "
                "name the spatial axes, such as axes="
                f"{tuple(range(ndim))} for a single image or volume"
            )
        return tuple(range(leading, ndim))
    given = (axes,) if isinstance(axes, int) else tuple(axes)
    found = tuple(axis + ndim if axis < 0 else axis for axis in given)
    if not found or len(set(found)) < len(found) or not all(0 <= axis < ndim for axis in found):
        raise ValueError(
            f"expected different axes of an array of shape {shape}, at least one, got axes={axes}"
        )
    return found
