"""Threads for work that releases the lock of the interpreter."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

_pools: dict[tuple[int, int], ThreadPoolExecutor] = {}


def _count() -> int:
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    # The processors that this process may use; macOS and Windows don't say.
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1


def spread(work: Callable[[int, int], None], total: int, least: int = 1) -> None:
    """Call ``work(start, stop)`` for parts of ``range(total)``, each of `least` or more."""
    threads = _count()
    parts = min(total // max(1, least), 4 * threads)
    if threads == 1 or parts < 2:
        work(0, total)
        return
    # Threads do not survive a fork, so a child has a pool of its own.
    key = (os.getpid(), threads)
    pool = _pools.get(key) or _pools.setdefault(key, ThreadPoolExecutor(threads))
    cuts = [total * part // parts for part in range(parts + 1)]
    list(pool.map(work, cuts[:-1], cuts[1:]))
