"""What an array is, which library it belongs to, and the precision it is summed in."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import array_api_compat


class Array(Protocol):
    """What the losses ask of an array: a shape, a dtype and arithmetic."""

    @property
    def shape(self) -> Any: ...
    @property
    def dtype(self) -> Any: ...
    @property
    def ndim(self) -> int: ...
    def __add__(self, other: Any, /) -> Any: ...
    def __radd__(self, other: Any, /) -> Any: ...
    def __sub__(self, other: Any, /) -> Any: ...
    def __rsub__(self, other: Any, /) -> Any: ...
    def __mul__(self, other: Any, /) -> Any: ...
    def __rmul__(self, other: Any, /) -> Any: ...
    def __truediv__(self, other: Any, /) -> Any: ...
    def __rtruediv__(self, other: Any, /) -> Any: ...
    def __pow__(self, other: Any, /) -> Any: ...
    def __neg__(self) -> Any: ...
    def __gt__(self, other: Any, /) -> Any: ...
    def __ge__(self, other: Any, /) -> Any: ...
    def __lt__(self, other: Any, /) -> Any: ...
    def __getitem__(self, key: Any, /) -> Any: ...


class Rule(Protocol):
    """A function of arrays and its gradient by the first, written by hand."""

    @property
    def forward(self) -> Callable[..., Any]:
        """Value at ``(x, *constants)``, with the sample axis of `x` first."""
        ...

    @property
    def pullback(self) -> Callable[..., Any]:
        """From ``(cotangent, x, *constants)``, the gradient by `x` of cotangent times value."""
        ...


A = TypeVar("A", bound=Array)
AllReduce = Callable[[Any], Any]

_by_class: dict[type, Any] = {}


def _namespace_of(array: Any) -> Any:
    # torch first and uncached: a dictionary of classes would be a guard that dynamo
    # recompiles for whenever another library shows up.
    if hasattr(array, "__torch_function__"):
        import array_api_compat.torch as xp  # pyright: ignore[reportMissingImports]

        return xp
    kind = type(array)
    if kind not in _by_class:
        if not hasattr(array, "dtype"):
            raise TypeError(f"expected an array of NumPy, CuPy, PyTorch or JAX, got {kind!r}")
        _by_class[kind] = array_api_compat.array_namespace(array)
    return _by_class[kind]


def name(xp: Any) -> str:
    """Name of the library behind a namespace: ``"numpy"``, ``"torch"``, ``"jax"``, ..."""
    return xp.__name__.removeprefix("array_api_compat.").partition(".")[0]


def namespace(*arrays: Any) -> Any:
    """
    Array API namespace of the arrays; ``None`` is passed over.

    NumPy arguments follow JAX ones, as JAX users expect; any other mixture is a ``TypeError``.
    """
    found = None
    for array in arrays:
        if array is None:
            continue
        xp = _namespace_of(array)
        if found is None or (name(found), name(xp)) == ("numpy", "jax"):
            found = xp
        elif xp is not found and (name(found), name(xp)) != ("jax", "numpy"):
            raise TypeError(
                f"all arrays must come from one library, got {name(found)} and {name(xp)}"
            )
    return found


def is_floating(xp: Any, array: Any) -> bool:
    """Whether the dtype is real floating."""
    return _is(xp, array, "real floating")


def is_integer(xp: Any, array: Any) -> bool:
    """Whether the dtype is an integer, signed or not."""
    return _is(xp, array, "integral")


def is_bool(xp: Any, array: Any) -> bool:
    """Whether the dtype is boolean."""
    return _is(xp, array, "bool")


def _is(xp: Any, array: Any, kind: str) -> bool:
    try:
        return xp.isdtype(array.dtype, kind)
    except (TypeError, ValueError):  # dtypes from outside the standard, such as ml_dtypes on NumPy
        return False


def working_dtype(xp: Any, array: Any) -> Any:
    """Dtype in which an array is summed: its own, but float32 for half precision."""
    return xp.float32 if xp.finfo(array.dtype).bits < 32 else array.dtype
