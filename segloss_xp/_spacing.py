"""The distance between voxel centres."""

from math import inf
from numbers import Real
from typing import Any


def along_each(space: tuple[int, ...], spacing: Any) -> tuple[float, ...]:
    """The spacing along each axis of these lengths: one for all, one for each, or None for 1."""
    if spacing is None or isinstance(spacing, Real):
        found = (1.0 if spacing is None else float(spacing),) * len(space)
    else:
        found = tuple(float(each) for each in spacing)
    if len(found) != len(space) or not all(0 < each < inf for each in found):
        raise ValueError(
            f"expected a positive spacing, or one for each of the {len(space)} spatial axes of "
            f"lengths {space}, got {spacing}"
        )
    return found
