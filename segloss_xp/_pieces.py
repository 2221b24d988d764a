"""How arrays (n, C, v) are cut up: by classes, and by what is worked on at a time."""

from collections.abc import Iterator
from functools import cache
from math import prod
from typing import Any

from segloss_xp import _execution

# Voxels times classes that one thread works on at a time where operations run one by one: a few
# arrays of this size stay in a core's cache. Up to it, they are kept from forward to backward.
_CACHED = 1 << 18

# The same on a device: to launch the operations takes about as long as a piece its memory.
_LAUNCHED = 1 << 23

# Voxels times samples and classes that a compiled loop works on at a time, but no fewer voxels
# than the least, below which a piece is scraps of memory.
_LOOPED, _LEAST_LOOPED = 1 << 15, 64


def split(x: Any, count: int) -> list[Any]:
    """The array (n, C or 1, v) as one block, or as one for each of `count` = C classes."""
    if count == 1 or x.shape[1] == 1:
        return [x] * count
    return [x[:, c : c + 1, :] for c in range(count)]


def voxels_of_loop(xp: Any, x: Any) -> int:
    """Voxels that a compiled loop works on at a time; 0 where it is better to have no loop."""
    if not _execution.loops(xp):
        return 0
    samples, classes, voxels = x.shape
    size = max(_LEAST_LOOPED, _LOOPED // max(1, samples * classes))
    return size if voxels > size else 0


def is_small(x: Any) -> bool:
    """Whether a few arrays like this one may be kept from forward to backward."""
    return prod(x.shape) <= _CACHED


def is_piece(xp: Any, x: Any) -> bool:
    """Whether an array is a piece by itself, where operations run one by one."""
    return prod(x.shape) <= _entries(xp, x)


def pieces(xp: Any, x: Any) -> Iterator[tuple[slice, slice]]:
    """Slices of samples and of voxels, where operations run one by one."""
    if _execution.on_host(xp, x):
        _keep_what_is_freed(xp)
    samples, classes, voxels = x.shape
    size = max(1, _entries(xp, x) // classes)
    step = max(1, size // max(voxels, 1))
    for n in range(0, samples, step):
        for v in range(0, voxels, size):
            # Beyond the end the standard knows no slice.
            yield slice(n, min(n + step, samples)), slice(v, min(v + size, voxels))


def piece(n: slice, v: slice, *arrays: Any) -> tuple[Any, ...]:
    """That of arrays (n, v) or (n, C or 1, v), or of None."""
    return tuple(
        each if each is None else each[n, v] if each.ndim == 2 else each[n, :, v] for each in arrays
    )


def _entries(xp: Any, x: Any) -> int:
    return _CACHED * _execution.threads(xp) if _execution.on_host(xp, x) else _LAUNCHED


@cache
def _keep_what_is_freed(xp: Any) -> None:
    """
    Free a large block of memory, once.

    From then on glibc keeps blocks up to this size when they are freed. Otherwise it may return
    those of each piece to the system, and get them back by page faults, at three times the time.
    """
    xp.empty(31 << 20, dtype=xp.uint8, device="cpu")
