"""Products of arrays, and their sums over voxels, in the way that is best for the library."""

from functools import partial, reduce
from operator import mul
from typing import Any

from segloss_xp import _ops
from segloss_xp._array import name
from segloss_xp._execution import loops


class Product:
    """
    The value of a map that is a product of arrays (n, C or 1, v), not multiplied.

    So NumPy adds it up in one pass; of no arrays it is 1, and counted. One that has the target or a
    field itself among them is not multiplied by a mask, which these know. Booleans choose between
    what the others give, and 0. It has no arithmetic: what takes it for an array raises.
    """

    __slots__ = ("factors",)

    def __init__(self, *factors: Any) -> None:
        self.factors = factors


def factors(value: Any) -> tuple[Any, ...]:
    """The arrays whose product the value of a map is."""
    return value.factors if isinstance(value, Product) else (value,)


def multiplied(xp: Any, value: Any) -> Any:
    """The value of a map as an array, a product of one factor or more."""
    return product(xp, *value.factors) if isinstance(value, Product) else value


def product(xp: Any, *factors: Any) -> Any:
    """The product of one array or more."""
    return reduce(partial(_times, xp), factors)


def sum_of_slopes(xp: Any, a: Any, b: Any) -> Any:
    """The sum of slopes, or products with the same booleans: in one pass, and none before it."""
    if not isinstance(a, Product):
        a, b = b, a
    if not isinstance(a, Product):
        return a + b
    (inside, chosen), (other, *both) = a.factors, factors(b)
    return Product(inside + other, chosen) if both else xp.where(chosen, inside + other, other)


def _times(xp: Any, a: Any, b: Any) -> Any:
    # What has no dtype is a number of Python.
    if getattr(b, "dtype", None) == xp.bool:
        return _ops.only(b, a)
    return _ops.only(a, b) if getattr(a, "dtype", None) == xp.bool else a * b


def sum_of_products(xp: Any, *factors: Any) -> Any:
    """The sum over axis 2, the last, of the product of the arrays."""
    match name(xp):
        case "numpy":
            *others, last = factors
            each = [reduce(mul, others), last] if others else [last]
            # Where a stride is not positive there is no BLAS, and 1024 are added up one by one.
            each = [x if x.strides[-1] > 0 else x.copy() for x in each]
            return _dot_in_steps(xp, 1024, *each)
        case "jax" if loops(xp):
            return _dot_in_steps(xp, 256, reduce(mul, factors))
        case _:
            return xp.sum(product(xp, *factors), axis=2)


def _dot_in_steps(xp: Any, size: int, *arrays: Any) -> Any:
    """The sum over the last axis of an array, or of a product, by sums of pieces of a size."""
    # As a whole, BLAS and XLA add up one by one, and lose digits.
    length = arrays[0].shape[-1]
    pieces = length // size
    if not pieces:
        return _dot(xp, *arrays)
    whole = pieces * size
    cut = (xp.reshape(x[..., :whole], (*x.shape[:-1], pieces, size)) for x in arrays)
    total = _dot(xp, _dot(xp, *cut))
    return total if whole == length else total + _dot(xp, *(x[..., whole:] for x in arrays))


def _dot(xp: Any, x: Any, y: Any = None) -> Any:
    """The sum over the last axis of the product of the arrays, or of one alone."""
    match name(xp):
        case "jax":  # one alone
            # XLA adds up along a last axis one by one, where there is but one sample: five times
            # the time of a product with ones (JAX 0.10).
            from jax.numpy import matmul, ones

            return matmul(x, ones(x.shape[-1], dtype=x.dtype), precision="highest")
        case _:
            # A third of the time of a product and a sum; with ones, half that of a sum (NumPy 2.4).
            return xp.vecdot(x, xp.ones(x.shape[-1], dtype=x.dtype) if y is None else y)
