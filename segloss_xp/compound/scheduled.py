"""A region loss and a loss on distances, whose share grows as training goes on."""

from typing import Any

from segloss_xp._array import namespace
from segloss_xp._checks import check_range, freeze_weights
from segloss_xp._compound import Compound
from segloss_xp._loss import Loss
from segloss_xp.boundary.surface import BoundaryLoss, HausdorffDTLoss
from segloss_xp.region.overlap import DiceLoss


def ramp(step: Any, start: float, stop: float, *, first: float = 0.0, last: float = 1.0) -> Any:
    """
    Number that goes from `first` to `last` in a straight line between two steps, and stays there.

    Parameters
    ----------
    step : int, float, or array without axes
        The step or epoch; an array gives an array, so that the schedule can be compiled.
    start, stop : float
        The steps between which the number changes.
    first, last : float
        The number before and after.

    Returns
    -------
    float or array
        The number at the step.

    Raises
    ------
    ValueError
        If `stop` is not after `start`.

    Notes
    -----
    A loss is a static argument of a compiled function, which is compiled again for each new number
    in it. So give the number as an array, an argument like the data, and make the sum inside::

        dice, boundary = sx.DiceLoss(), sx.BoundaryLoss()

        @jax.jit  # or torch.compile
        def step(logits, labels, a):
            return sx.Sum(terms=((1 - a, dice), (a, boundary)))(logits, labels)

        step(logits, labels, jnp.asarray(sx.ramp(epoch, 0, 100)))  # or torch.tensor

    That is one pass over the data and one compilation. Where nothing is compiled, it is
    ``(1 - a) * dice + a * boundary``.

    Examples
    --------
    >>> import segloss_xp as sx
    >>> [sx.ramp(epoch, 0, 100, first=0.01, last=0.99) for epoch in (0, 50, 100, 150)]
    [0.01, 0.5, 0.99, 0.99]
    """
    if not start < stop:
        raise ValueError(f"expected stop after start, got start={start} and stop={stop}")
    share = (step - start) / (stop - start)
    if hasattr(share, "shape"):
        share = namespace(share).clip(share, min=0.0, max=1.0)
    else:
        share = min(max(share, 0.0), 1.0)
    return first * (1.0 - share) + last * share


class _Blend(Compound):
    """The sum (1 - alpha) A + alpha B of two losses on regions."""

    alpha: float
    include_background: bool = True
    class_weights: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        freeze_weights(self, "class_weights")
        super().__post_init__()
        if isinstance(self.alpha, int | float):
            check_range(self, "alpha", 0, 1)

    @property
    def terms(self) -> tuple[tuple[Any, Loss], ...]:
        first, second = self.pair()
        return (1.0 - self.alpha, first), (self.alpha, second)

    @property
    def shared(self) -> dict[str, Any]:
        """The parameters of both losses."""
        fields = ("include_background", "class_weights")
        return {field: getattr(self, field) for field in fields}

    def pair(self) -> tuple[Loss, Loss]:
        """The two losses."""
        raise NotImplementedError


class DiceBoundaryLoss(_Blend):
    r"""
    Dice loss and boundary loss.

    .. math:: L = (1 - \alpha) L_{Dice} + \alpha L_{boundary}

    Parameters
    ----------
    alpha : float, or array without axes
        Share of the boundary loss; the paper has it grow by 0.01 an epoch, from 0.01. See `ramp`,
        which also says why it is an array in a compiled function.
    include_background, class_weights
        See `RegionLoss`.

    Notes
    -----
    May be negative, as `BoundaryLoss`. Unreduced: (N, C). Of an absent class, Dice alone counts.

    References
    ----------
    H. Kervadec et al. (2019), Boundary loss for highly unbalanced segmentation.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> logits, labels = np.zeros((1, 2, 4)), np.array([[0, 0, 0, 1]])
    >>> for epoch in (0, 50):
    ...     alpha = sx.ramp(epoch, 0, 100, first=0.01, last=0.99)
    ...     print(sx.DiceBoundaryLoss(alpha=alpha)(logits, labels).round(3))
    0.528
    0.267
    """

    alpha: float = 0.01

    def pair(self) -> tuple[Loss, Loss]:
        return DiceLoss(**self.shared), BoundaryLoss(**self.shared)


class DiceHausdorffLoss(_Blend):
    r"""
    Dice loss and Hausdorff loss by distance transforms.

    .. math:: L = (1 - \alpha) L_{Dice} + \alpha L_{HD}

    Parameters
    ----------
    alpha : float, or array without axes
        Share of the Hausdorff loss. See `ramp`, which also says why it is an array in a compiled
        function.
    include_background, class_weights
        See `RegionLoss`.
    one_sided : bool
        Whether to leave out the distance of the prediction, as in `HausdorffDTLoss`.

    Notes
    -----
    The Hausdorff loss is in squared units of the spacing, and mostly much larger than Dice. The
    paper keeps the two of one size. Unreduced: (N, C). Of an absent class, see the two losses.

    References
    ----------
    D. Karimi and S. E. Salcudean (2020), Reducing the Hausdorff distance in medical image
    segmentation with convolutional neural networks.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> logits, labels = np.zeros((1, 2, 4)), np.array([[0, 0, 0, 1]])
    >>> float(sx.DiceHausdorffLoss(alpha=0.1)(logits, labels).round(3))
    0.574
    """

    alpha: float = 0.5
    one_sided: bool = False

    def pair(self) -> tuple[Loss, Loss]:
        return DiceLoss(**self.shared), HausdorffDTLoss(one_sided=self.one_sided, **self.shared)
