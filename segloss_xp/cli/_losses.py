"""The losses that the commands show."""

from collections.abc import Iterator

import segloss_xp as sx

#: What the networks are trained with.
COMPOUND = sx.DiceLoss(include_background=False) + sx.CrossEntropyLoss()

_VARIANTS = (sx.DiceLoss(squared=True), sx.DiceLoss(intersection="min"))


#: One of each kind, where time is short.
FEW = (
    sx.CrossEntropyLoss(),
    sx.FocalLoss(),
    sx.TopKLoss(),
    sx.DiceLoss(),
    sx.GeneralizedDiceLoss(),
    sx.LovaszSoftmaxLoss(),
    sx.BoundaryLoss(),
    sx.HausdorffDTLoss(),
    sx.NACLLoss(),
    COMPOUND,
)


def collected() -> tuple[sx.Loss, ...]:
    """Every public loss that needs no parameter, some variants, and the compound."""
    return *_defaults(), *_VARIANTS, COMPOUND


def left_out() -> tuple[str, ...]:
    """Names of the losses that need a parameter."""
    shown = {type(loss) for loss in _defaults()}
    return tuple(entry.name for entry in sx.losses() if entry.loss not in shown)


def compared() -> tuple[sx.Loss, ...]:
    """Those of them that an image of a brain is not too large for."""
    # Its time and memory go with the square of the number of voxels.
    return tuple(loss for loss in collected() if not isinstance(loss, sx.WeightedHausdorffLoss))


def _defaults() -> Iterator[sx.Loss]:
    for name, value in vars(sx).items():
        # The bases live in private modules.
        if not name.endswith("Loss") or value.__module__.startswith(f"{sx.__name__}._"):
            continue
        try:
            yield value()
        except TypeError:
            continue  # a parameter without a default
