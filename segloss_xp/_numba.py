"""Loops that Numba compiles: what it is told, and a sort."""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

# A digit of the sort: three of them hold 32 bits, and the counts of one stay in the first cache.
_BITS = 11


def compiled(kernel: Callable[..., Any]) -> Any:
    """The kernel as machine code, which is kept on disk where that can be written to."""
    # All freedoms of floating point but that of taking infinity for finite.
    options: Any = {"nogil": True, "fastmath": {"nnan", "nsz", "arcp", "contract", "reassoc"}}
    try:
        return numba.njit(kernel, cache=True, **options)
    except RuntimeError:  # there is no place to keep it: all is read-only
        return numba.njit(kernel, **options)


def argsort(keys: Any) -> Any:
    """Order of the last axis of 32-bit integers, least first; stable."""
    order = np.empty(keys.shape, np.int64)
    length = keys.shape[-1]
    _radix_sort(keys.reshape(-1, length), order.reshape(-1, length))
    return order


@compiled
def _radix_sort(keys: Any, order: Any) -> None:
    rows, length = keys.shape
    pair, sorted_pair = np.empty(length, np.uint64), np.empty(length, np.uint64)
    last = np.uint64((1 << _BITS) - 1)
    place = np.empty((3, 1 << _BITS), np.int64)
    for row in range(rows):
        place[:] = 0
        for i in range(length):
            key = np.uint64(np.int64(keys[row, i]) + 2**31)
            pair[i] = key << np.uint64(32) | np.uint64(i)
            for digit in range(3):
                place[digit, key >> np.uint64(_BITS * digit) & last] += 1
        for digit in range(3):
            start = 0
            for value in range(1 << _BITS):
                count = place[digit, value]
                place[digit, value] = start
                start += count
            for i in range(length):
                value = pair[i] >> np.uint64(32 + _BITS * digit) & last
                sorted_pair[place[digit, value]] = pair[i]
                place[digit, value] += 1
            pair, sorted_pair = sorted_pair, pair
        for i in range(length):
            order[row, i] = np.int64(pair[i] & np.uint64(0xFFFFFFFF))
