"""Projected gradient descent in the unit box, from several starts at once."""

from collections.abc import Callable
from typing import Any

from segloss_xp._array import namespace

_STEPS, _IDLE = 400, 8
_SHARE = 0.9  # of the way to an end that a step may go
_DECREASE = 1e-4  # of what the slope promises


def descend(
    value_and_slopes: Callable[[Any], tuple[Any, Any]], x: Any, units: Any
) -> tuple[Any, Any]:
    """
    Local minima in [0, 1]^F.

    Parameters
    ----------
    value_and_slopes : callable
        From points (S, F), the values (S,) and the slopes (S, F).
    x : array (S, F)
        Where to start.
    units : array (F,)
        Slopes count by these: the curvatures, inverted, as far as they are known.

    Returns
    -------
    x : array (S, F)
    values : array (S,)

    Notes
    -----
    Steps of the length that Barzilai and Borwein (1988) take from the last two slopes, shortened
    until the value falls.
    """
    xp = namespace(x)
    eps = float(xp.finfo(x.dtype).eps)
    value, slopes = value_and_slopes(x)
    length = 1.0 / (xp.max(xp.abs(units * slopes), axis=-1) + eps)
    idle = 0
    for _ in range(_STEPS):
        # An end is neared, not reached: from where the slope is infinite there is no way back.
        move = xp.clip(-length[:, None] * units * slopes, min=-_SHARE * x, max=_SHARE * (1.0 - x))
        if float(xp.max(xp.abs(move))) <= 4 * eps or idle == _IDLE:
            break
        new_value, new_slopes = value_and_slopes(x + move)
        promised = xp.sum(slopes * move, axis=-1)
        # Near the minimum rounding is all that is left of a decrease.
        rounding = 4 * eps * xp.clip(xp.abs(value), min=1.0)
        falls = new_value <= value + _DECREASE * promised + rounding
        gains = falls & (value - new_value > rounding)
        idle = 0 if bool(xp.any(gains)) else idle + 1
        bend = xp.sum(move * (new_slopes - slopes), axis=-1)
        bent = bend > 0
        squares = xp.sum(move * move / units, axis=-1)
        longer = xp.where(bent, squares / xp.where(bent, bend, xp.ones_like(bend)), 4.0 * length)
        length = xp.where(falls, longer, length / 4.0)
        x = xp.where(falls[:, None], x + move, x)
        value = xp.where(falls, new_value, value)
        slopes = xp.where(falls[:, None], new_slopes, slopes)
    return x, value
