"""Prediction and target over a block of voxels and classes, as the maps see them."""

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from operator import add
from typing import Any, ClassVar

from segloss_xp import _execution
from segloss_xp._array import namespace
from segloss_xp._pieces import split
from segloss_xp._products import Product


class Voxels:
    """
    Prediction and target over a block of voxels and classes, as the maps see them.

    The logarithms are computed from the logits, never from the probability, and each quantity
    at most once.
    """

    __slots__ = (
        *("_g", "_log_odds", "_log_p", "_log_q", "_p", "_truth", "_x"),
        *("dtype", "fields", "hidden", "mass", "one_hot", "xp"),
    )

    #: The quantities for which a block must hold all classes.
    joint: ClassVar[frozenset[str]] = frozenset()

    #: The same, hiding what has no weight not in the prediction but in what is made of it.
    late: ClassVar[type["Voxels"] | None] = None

    #: Whether `log_p_if_true` may be infinite.
    infinite: ClassVar[bool] = False

    #: The quantities that are worth being kept for the gradient, the best first.
    lasting: ClassVar[tuple[str, ...]] = ("p",)

    # What each kind of prediction has of its own.
    _probability: Callable[[], Any]
    _log_probability: Callable[[], Any]
    _log_complement: Callable[[], Any]
    _pull: Callable[..., Any]

    def __init__(self, xp: Any, x: Any, truth: Any) -> None:
        self.xp, self._x, self._truth = xp, x, truth
        self.dtype: Any = None  # of all but labels
        self.one_hot = False  # whether the target is 1 in one class at most, else 0
        self.hidden = False  # whether target and fields are 0 without weight, which else is 1
        self.mass: Any = 1.0  # the target added up over all classes
        self.fields: Mapping[Any, Any] = {}  # images that some maps look at, by their `Field`
        self._g = self._p = self._log_p = self._log_q = self._log_odds = None

    @property
    def given(self) -> Any:
        """The prediction, as this was made of it."""
        if callable(self._x):
            self._x = self._x()
        return self._x

    @property
    def x(self) -> Any:
        """The prediction, 0 where it is hidden."""
        return self.given

    @property
    def g(self) -> Any:
        """The target: 1 where the class is true, or its share."""
        if self._g is None:
            self._g = self.number(self.truth)
        return self._g

    @property
    def truth(self) -> Any:
        """The target as a factor of a `Product`; maybe booleans, where that moves less."""
        if callable(self._truth):
            self._truth = self._truth()
        return self._truth

    def number(self, x: Any) -> Any:
        """Booleans, or numbers already, as numbers in working precision."""
        return self.xp.astype(x, self.dtype) if x.dtype == self.xp.bool else x

    def slope_times(self, slope: Any, cotangent: Any) -> Any:
        """The product of a slope and its cotangent; not multiplied, if booleans of the target."""
        if isinstance(slope, int | float):
            # To multiply by 1 would be one more pass, of six for the boundary loss.
            return cotangent if slope == 1 else cotangent * slope
        if slope is self._truth and slope.dtype == self.xp.bool:
            return Product(cotangent, slope)
        return cotangent * slope

    def with_weight(self, factors: tuple[Any, ...], weight: Any) -> tuple[Any, ...]:
        """The factors of a product, and the weight, unless the product is 0 where that is."""
        if weight is None:
            return factors
        if any(each is zero for each in factors for zero in self._zeros()):
            return factors
        return (weight, *factors) if factors else (self.number(weight),)

    def _zeros(self) -> tuple[Any, ...]:
        """What is 0 without weight."""
        return (self._truth, self._g, *self.fields.values()) if self.hidden else ()

    @property
    def p(self) -> Any:
        """Probability of the class."""
        if self._p is None:
            self._p = self._probability()
        return self._p

    def vanishes(self, slopes: Mapping[str, Any]) -> bool:
        """Whether a gradient by these slopes is 0 where the prediction is hidden."""
        return False

    def kept(self, quantity: str) -> Any:
        """A quantity as it is left."""
        return getattr(self, quantity)

    def leave(self, quantity: str, room: Any) -> None:
        """Write a quantity into an array, which from then on may be the quantity itself."""
        value = self.kept(quantity)
        if value is not room:
            room[...] = value

    def know(self, quantity: str, value: Any) -> None:
        """Take a quantity as it was left."""
        setattr(self, f"_{quantity}", value)

    @property
    def log_p(self) -> Any:
        """Logarithm of the probability; finite where that is 0, so that 0 log 0 is 0."""
        if self._log_p is None:
            self._log_p = self._log_probability()
        return self._log_p

    @property
    def log_p_if_true(self) -> Any:
        """The same as a factor beside `truth`: where that is not true it may be anything."""
        return self.log_p

    @property
    def log_q(self) -> Any:
        """Logarithm of one minus the probability."""
        if self._log_q is None:
            self._log_q = self._log_complement()
        return self._log_q

    @property
    def log_odds(self) -> Any:
        """Logarithm of the odds p / (1 - p): what is exact at both ends."""
        if self._log_odds is None:
            self._log_odds = self._odds()
        return self._log_odds

    @property
    def z(self) -> Any:
        """The logit, as it was given."""
        return self.x

    def _odds(self) -> Any:
        return self.log_p - self.log_q

    @classmethod
    def blocks(cls, xp: Any, x: Any, truths: list[Any]) -> list[Any]:
        """The prediction that `x` makes, (n, C, v), in one block for each target in `truths`."""
        parts = [x] if len(truths) == 1 else split(x(), len(truths))
        return [cls(xp, part, truth) for part, truth in zip(parts, truths, strict=True)]

    @classmethod
    def pull(cls, blocks: list[Any], slopes: list[dict[str, Any]], kept: str = "") -> list[Any]:
        """
        Slopes by `x`, block by block, from slopes by what the maps name in `wrt`.

        They may be written over the quantity that a single block has `kept`.
        """
        return [v._pull(**slope) for v, slope in zip(blocks, slopes, strict=True)]


def over_classes(blocks: Iterable[Any]) -> Any:
    """The sum over all classes of what comes in blocks of them."""
    first, *rest = blocks
    xp = namespace(first)
    # Along a single axis XLA takes ten times as long for products of one sample (JAX 0.10).
    axis = (0, 1) if first.shape[0] == 1 and _execution.loops(xp) else 1
    return reduce(add, (xp.sum(x, axis=axis, keepdims=True) for x in (first, *rest)))
