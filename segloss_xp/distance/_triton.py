"""Squared distances of PyTorch tensors on a GPU: two kernels, and no word to the host between them.

A program of the first holds whole lines of the last axis. One of the second holds a tile of an
array (outer, n, inner) and visits the other voxels of its lines from near to far, until no farther
one can be nearer.
"""

from collections.abc import Callable
from math import prod
from typing import Any, cast

import torch
import triton
import triton.language as tl

from segloss_xp.distance._window import reach

# Voxels of a program of the first kernel, unless a line is longer.
_SWEPT = 2048

# Voxels of a tile along the lines, and lines of a tile.
_ROWS = 16
_LINES = 64

# Voxels on either side that are looked at between two questions whether any farther may count.
_STRIDE = tl.constexpr(4)

# A kernel is called as no Python function is: with a grid, and with numbers for its constants.
_jit = cast(Callable[[Any], Any], triton.jit)


def squared_distance(
    mask: Any, spacing: tuple[float, ...], dtype: Any, limit: float | None = None
) -> Any:
    """Squared distance of each True voxel of (B, *space) to the nearest False one."""
    shape = mask.shape
    f = torch.empty(shape, dtype=dtype, device=mask.device)
    if f.numel() == 0:
        return f
    # A kernel takes Python's numbers for float32, and a number that is copied to the device waits.
    squares = [torch.full((1,), w * w, dtype=dtype, device=mask.device) for w in spacing]
    with torch.cuda.device_of(mask):
        n = shape[-1]
        width = triton.next_power_of_2(n)
        lines = f.numel() // n
        height = max(1, _SWEPT // width)
        _sweep[(triton.cdiv(lines, height),)](
            mask.contiguous().view(torch.uint8), f, lines, n, squares[-1], height, width
        )
        for axis in range(f.ndim - 2, 0, -1):
            n, inner = shape[axis], prod(shape[axis + 1 :])
            window = reach(n, spacing[axis - 1], limit)
            if window == 0:
                continue
            lines = f.numel() // n
            width = min(_LINES, triton.next_power_of_2(lines))
            out = torch.empty_like(f)
            _spread[(triton.cdiv(lines, width), triton.cdiv(n, _ROWS))](
                f, out, lines, n, inner, window, squares[axis - 1], _ROWS, width
            )
            f = out
    return f


@_jit
def _larger(a, b):
    return tl.maximum(a, b)


@_jit
def _smaller(a, b):
    return tl.minimum(a, b)


@_jit
def _sweep(mask, out, lines, n, square, HEIGHT: tl.constexpr, WIDTH: tl.constexpr):  # noqa: N803
    """Squared distance within each line of (lines, n)."""
    line = tl.program_id(0) * HEIGHT + tl.arange(0, HEIGHT)[:, None]
    x = tl.arange(0, WIDTH)[None, :]
    inside = (line < lines) & (x < n)
    at = line.to(tl.int64) * n + x
    background = tl.load(mask + at, mask=inside, other=1) == 0
    place = tl.broadcast_to(x.to(tl.float32), [HEIGHT, WIDTH])
    before = tl.associative_scan(tl.where(background, place, -float("inf")), 1, _larger)
    after = tl.associative_scan(
        tl.where(background, place, float("inf")), 1, _smaller, reverse=True
    )
    steps = tl.minimum(place - before, after - place).to(out.dtype.element_ty)
    tl.store(out + at, steps * steps * tl.load(square), mask=inside)


@_jit
def _spread(
    f,
    out,
    lines,
    n,
    inner,
    window,
    square,
    ROWS: tl.constexpr,  # noqa: N803
    LINES: tl.constexpr,  # noqa: N803
):
    """The least of f plus parabola along the lines of (outer, n, inner)."""
    line = tl.program_id(0).to(tl.int64) * LINES + tl.arange(0, LINES)
    first = tl.program_id(1).to(tl.int64) * ROWS
    real = line < lines
    base = line // inner * n * inner + line % inner
    row = first + tl.arange(0, ROWS)
    here = row.to(f.dtype.element_ty)
    inside = (row < n)[:, None] & real[None, :]
    at = base[None, :] + (row * inner)[:, None]
    w2 = tl.load(square)
    # What is outside is 0, which no farther voxel can lower, so that it does not prolong the loop.
    least = tl.load(f + at, mask=inside, other=0.0)
    for own in range(ROWS):
        least = tl.minimum(least, _from_row(f, base, real, first + own, here, n, inner, w2))
    k = 1
    most = tl.max(tl.max(least, 1), 0)
    while (k <= window) & (w2 * k * k < most):
        for s in tl.static_range(_STRIDE):  # pyright: ignore[reportGeneralTypeIssues]
            before, after = first - k - s, first + ROWS - 1 + k + s
            least = tl.minimum(least, _from_row(f, base, real, before, here, n, inner, w2))
            least = tl.minimum(least, _from_row(f, base, real, after, here, n, inner, w2))
        k += _STRIDE
        most = tl.max(tl.max(tl.where(inside, least, 0.0), 1), 0)
    tl.store(out + at, least, mask=inside)


@_jit
def _from_row(f, base, real, row, here, n, inner, w2):
    """What the tile would be if its lines had no other row than this one."""
    inside = real & (base * 0 + row >= 0) & (base * 0 + row < n)
    there = tl.load(f + base + row * inner, mask=inside, other=float("inf"))
    steps = here - row.to(here.dtype)
    return there[None, :] + (steps * steps * w2)[:, None]
