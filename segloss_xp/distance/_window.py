"""How far along an axis the nearest background is looked for."""

import math


def reach(size: int, spacing: float, limit: float | None) -> int:
    """Steps along an axis of `size` voxels beyond which all is farther than `limit`."""
    if limit is None or limit >= spacing * size:
        return size - 1
    return min(size - 1, math.ceil(limit / spacing))
