"""The losses that the commands show."""

from collections.abc import Iterator

import segloss_xp as sx

#: What the networks are trained with.
COMPOUND = sx.DiceLoss(include_background=False) + sx.CrossEntropyLoss()

_VARIANTS = (sx.DiceLoss(squared=True), sx.DiceLoss(intersection="min"))


def collected() -> tuple[sx.Loss, ...]:
    """Every public loss that needs no parameter, some variants, and the compound."""
    return *_defaults(), *_VARIANTS, COMPOUND


def _defaults() -> Iterator[sx.Loss]:
    for name, value in vars(sx).items():
        # The bases live in private modules.
        if not name.endswith("Loss") or value.__module__.startswith(f"{sx.__name__}._"):
            continue
        try:
            yield value()
        except TypeError:
            continue  # a parameter without a default
