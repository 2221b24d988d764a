"""Squared distances of CuPy arrays: two kernels for the whole batch, CuPy's own for huge samples.

A thread of the first walks one line there and back. One of the second holds a few voxels of a line
of an array (outer, n, inner) and visits the others from near to far, until no farther one can be
nearer.
"""

from functools import cache
from math import prod
from typing import Any

import cupy

from segloss_xp.distance._window import reach

# Pairs of voxels of a sample, along its axes, beyond which CuPy's own algorithm, whose time grows
# with the number of voxels alone, is faster: those of a cube of 350 voxels a side.
_HUGE = 3e10

_THREADS = 128

# Voxels of a thread.
_ROWS = 16

_SOURCE = r"""
extern "C" __global__ void sweep(real* f, long long lines, int n, real square)
{
    // From 0 or infinity, in (n, lines), to the squared distance within the line.
    long long line = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (line >= lines) return;
    real steps = f[line];
    for (int i = 1; i < n; i++) {
        real* voxel = f + i * lines + line;
        steps = fmin(steps + 1, *voxel);
        *voxel = steps;
    }
    for (int i = n - 1; i >= 0; i--) {
        real* voxel = f + i * lines + line;
        steps = fmin(steps + 1, *voxel);
        *voxel = square * (steps * steps);
    }
}

extern "C" __global__ void spread(
    const real* __restrict__ f, real* __restrict__ out,
    long long lines, int n, long long inner, int window, real square)
{
    // The least of f plus parabola along the lines of (outer, n, inner).
    const int STRIDE = 4;
    long long line = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    int first = blockIdx.y * ROWS;
    if (line >= lines) return;
    long long base = line / inner * n * inner + line % inner;
    f += base;
    out += base;

    real least[ROWS], parabola[ROWS + STRIDE];
    #pragma unroll
    for (int r = 0; r < ROWS; r++) {
        parabola[r] = square * ((real)r * (real)r);
        // What is outside is 0, which no farther voxel can lower: it does not prolong the loop.
        least[r] = first + r < n ? f[(first + r) * inner] : 0;
    }
    #pragma unroll
    for (int s = 0; s < ROWS; s++) {
        if (first + s >= n) break;
        real there = f[(first + s) * inner];
        #pragma unroll
        for (int r = 0; r < ROWS; r++)
            least[r] = fmin(least[r], there + parabola[r < s ? s - r : r - s]);
    }
    for (int k = 1; k <= window; k += STRIDE) {
        real most = 0;
        #pragma unroll
        for (int r = 0; r < ROWS; r++) most = fmax(most, least[r]);
        if (square * ((real)k * (real)k) >= most) break;
        #pragma unroll
        for (int r = 0; r < ROWS + STRIDE; r++)
            parabola[r] = square * ((real)(k + r) * (real)(k + r));
        #pragma unroll
        for (int s = 0; s < STRIDE; s++) {
            int before = first - k - s, after = first + ROWS - 1 + k + s;
            if (before >= 0) {
                real there = f[before * inner];
                #pragma unroll
                for (int r = 0; r < ROWS; r++)
                    least[r] = fmin(least[r], there + parabola[s + r]);
            }
            if (after < n) {
                real there = f[after * inner];
                #pragma unroll
                for (int r = 0; r < ROWS; r++)
                    least[r] = fmin(least[r], there + parabola[s + ROWS - 1 - r]);
            }
        }
    }
    #pragma unroll
    for (int r = 0; r < ROWS; r++)
        if (first + r < n) out[(first + r) * inner] = least[r];
}
"""


@cache
def _kernel(name: str, dtype: str) -> Any:
    real = {"float32": "float", "float64": "double"}[dtype]
    return cupy.RawKernel(f"#define ROWS {_ROWS}\ntypedef {real} real;\n{_SOURCE}", name)


def squared_distance(
    mask: Any, spacing: tuple[float, ...], dtype: Any, limit: float | None = None
) -> Any:
    """Squared distance of each True voxel of (B, *space) to the nearest False one."""
    dtype, space = cupy.dtype(dtype), mask.shape[1:]
    windows = [reach(n, w, limit) for n, w in zip(space, spacing, strict=True)]
    if mask.size == 0:
        return cupy.zeros(mask.shape, dtype)
    huge = prod(space) * sum(windows[:-1]) > _HUGE
    if huge and len(space) in (2, 3) and _near_cube(space):
        return cupy.stack([_by_features(sample, spacing, dtype) for sample in mask])
    return _by_pairs(mask, spacing, dtype, windows)


def _by_pairs(mask: Any, spacing: tuple[float, ...], dtype: Any, windows: list[int]) -> Any:
    shape, n = mask.shape, mask.shape[-1]
    lines = mask.size // n
    # Lines side by side, so that the threads of a warp read neighbours.
    f = cupy.where(mask.reshape(lines, n).T, dtype.type(cupy.inf), dtype.type(0))
    f = cupy.ascontiguousarray(f)
    arguments = f, cupy.int64(lines), cupy.int32(n), dtype.type(spacing[-1] ** 2)
    _kernel("sweep", dtype.name)((-(-lines // _THREADS),), (_THREADS,), arguments)
    f = cupy.ascontiguousarray(f.T).reshape(shape)
    for axis in range(len(shape) - 2, 0, -1):
        window = windows[axis - 1]
        if window == 0:
            continue
        n, inner = shape[axis], prod(shape[axis + 1 :])
        lines = mask.size // n
        out = cupy.empty_like(f)
        numbers = cupy.int64(lines), cupy.int32(n), cupy.int64(inner), cupy.int32(window)
        _kernel("spread", dtype.name)(
            (-(-lines // _THREADS), -(-n // _ROWS)),
            (_THREADS,),
            (f, out, *numbers, dtype.type(spacing[axis - 1] ** 2)),
        )
        f = out
    return f


def _near_cube(space: tuple[int, ...]) -> bool:
    """Whether the cube that CuPy's own algorithm fills the sample up to has few voxels more."""
    return max(space) ** len(space) <= 2 * prod(space)


def _by_features(mask: Any, spacing: tuple[float, ...], dtype: Any) -> Any:
    """By the place of the nearest background voxel, as a square of a root would not be exact."""
    from cupyx.scipy.ndimage import distance_transform_edt

    nearest: Any = distance_transform_edt(
        mask, sampling=spacing, return_distances=False, return_indices=True
    )
    d = cupy.zeros(mask.shape, dtype)
    for axis, w in enumerate(spacing):
        here = cupy.arange(mask.shape[axis]).reshape(-1, *(1,) * (mask.ndim - axis - 1))
        d += (nearest[axis] - here).astype(dtype) ** 2 * dtype.type(w * w)
    # Without background the places are made up.
    return cupy.where(mask.all(), dtype.type(cupy.inf), d)
