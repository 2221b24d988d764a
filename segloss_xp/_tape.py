"""Reverse-mode differentiation of small formulas, for the libraries that have none."""

from collections.abc import Callable
from typing import Any

from segloss_xp._array import Rule, namespace


class Node:
    """An array that remembers how it was computed, so that a formula can be differentiated."""

    def __init__(self, value: Any, parents: tuple[tuple["Node", Callable[[Any], Any]], ...] = ()):
        self.value = value
        self.parents = parents

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def ndim(self) -> int:
        return self.value.ndim

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    @property
    def device(self) -> Any:
        return self.value.device

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        return _TAPE

    def __add__(self, other: Any) -> Any:
        return _call("add", self, other)

    def __sub__(self, other: Any) -> Any:
        return _call("subtract", self, other)

    def __rsub__(self, other: Any) -> Any:
        return _call("subtract", other, self)

    def __mul__(self, other: Any) -> Any:
        return _call("multiply", self, other)

    def __truediv__(self, other: Any) -> Any:
        return _call("divide", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return _call("divide", other, self)

    def __pow__(self, other: Any) -> Any:
        return _call("pow", self, other)

    def __neg__(self) -> Any:
        return _call("multiply", self, -1.0)

    def __getitem__(self, key: Any) -> Any:
        return _call("getitem", self, key)

    def __eq__(self, other: Any) -> Any:
        return self.value == _value(other)

    def __ne__(self, other: Any) -> Any:
        return self.value != _value(other)

    def __gt__(self, other: Any) -> Any:
        return self.value > _value(other)

    def __ge__(self, other: Any) -> Any:
        return self.value >= _value(other)

    def __lt__(self, other: Any) -> Any:
        return self.value < _value(other)

    def __le__(self, other: Any) -> Any:
        return self.value <= _value(other)

    def __abs__(self) -> Any:
        return _call("abs", self)

    __radd__ = __add__
    __rmul__ = __mul__
    __hash__ = object.__hash__
    __array_ufunc__ = None  # so that NumPy leaves array * Node to the Node


def gradient(output: Node, source: Node) -> Any:
    """Derivative of a scalar by the array that it was computed from."""
    order: list[Node] = []
    seen: set[Node] = set()

    def visit(node: Node) -> None:
        if node not in seen:
            seen.add(node)
            for parent, _ in node.parents:
                visit(parent)
            order.append(node)

    visit(output)
    xp = namespace(output.value)
    cotangents = {output: xp.ones_like(output.value)}
    for node in reversed(order):
        cotangent = cotangents.get(node)
        for parent, pull in node.parents:
            term = _fit(pull(cotangent), parent.shape)
            cotangents[parent] = cotangents[parent] + term if parent in cotangents else term
    return cotangents[source] if source in cotangents else xp.zeros_like(source.value)


def ruled(rule: Rule, x: Node, *constants: Any) -> Node:
    """The function of a `Rule`, with the rule's own gradient."""
    return Node(
        rule.forward(x.value, *constants),
        ((x, lambda t: rule.pullback(t, x.value, *constants)),),
    )


def cast(x: Node, dtype: Any) -> Node:
    """The array in another dtype, and its cotangent in the first."""
    xp = namespace(x.value)
    return Node(xp.astype(x.value, dtype), ((x, lambda t: xp.astype(t, x.dtype)),))


def through(total: Callable[[Any], Any], x: Any) -> Any:
    """A sum over devices, which depends on the part of this one as that part itself does."""
    return Node(total(x.value), ((x, lambda t: t),)) if isinstance(x, Node) else total(x)


def _value(x: Any) -> Any:
    return x.value if isinstance(x, Node) else x


def _fit(cotangent: Any, shape: tuple[int, ...]) -> Any:
    """Add up what was broadcast from `shape`."""
    xp = namespace(cotangent)
    extra = cotangent.ndim - len(shape)
    axes = tuple(range(extra)) + tuple(
        extra + i for i, n in enumerate(shape) if n == 1 and cotangent.shape[extra + i] != 1
    )
    return xp.reshape(xp.sum(cotangent, axis=axes), shape) if axes else cotangent


def _sum(xp: Any, x: Any, *, axis: Any = None, keepdims: bool = False) -> Any:
    kept = xp.sum(x, axis=axis, keepdims=True)
    value = kept if keepdims else xp.sum(x, axis=axis)
    return value, (lambda t: xp.broadcast_to(xp.reshape(t, kept.shape), x.shape),)


def _getitem(xp: Any, x: Any, key: Any) -> Any:
    def pull(t: Any) -> Any:
        out = xp.zeros_like(x)
        out[key] = t
        return out

    return x[key], (pull,)


def _where(xp: Any, condition: Any, a: Any, b: Any) -> Any:
    def pull_a(t: Any) -> Any:
        return xp.where(condition, t, xp.zeros_like(t))

    def pull_b(t: Any) -> Any:
        return xp.where(condition, xp.zeros_like(t), t)

    return xp.where(condition, a, b), (None, pull_a, pull_b)


def _unary(function: str, slope: Callable[[Any, Any, Any], Any]) -> Any:
    def rule(xp: Any, x: Any) -> Any:
        y = getattr(xp, function)(x)
        return y, (lambda t: t * slope(xp, x, y),)

    return rule


# Value, and for each argument the map from the value's cotangent to its own.
_RULES: dict[str, Callable[..., Any]] = {
    "add": lambda xp, a, b: (a + b, (lambda t: t, lambda t: t)),
    "subtract": lambda xp, a, b: (a - b, (lambda t: t, lambda t: -t)),
    "multiply": lambda xp, a, b: (a * b, (lambda t: t * b, lambda t: t * a)),
    "divide": lambda xp, a, b: (a / b, (lambda t: t / b, lambda t: -t * a / (b * b))),
    "pow": lambda xp, a, b: (a**b, (lambda t: t * b * a ** (b - 1), None)),
    "reshape": lambda xp, x, shape: (xp.reshape(x, shape), (lambda t: xp.reshape(t, x.shape),)),
    "sum": _sum,
    "getitem": _getitem,
    "where": _where,
    "exp": _unary("exp", lambda xp, x, y: y),
    "log": _unary("log", lambda xp, x, y: 1 / x),
    "log1p": _unary("log1p", lambda xp, x, y: 1 / (1 + x)),
    "expm1": _unary("expm1", lambda xp, x, y: y + 1),
    "sqrt": _unary("sqrt", lambda xp, x, y: 0.5 / y),
    "cosh": _unary("cosh", lambda xp, x, y: xp.sinh(x)),
    "tanh": _unary("tanh", lambda xp, x, y: 1 - y * y),
}

# Of no derivative: functions of shape, dtype and plain numbers.
_CONSTANT = frozenset({"zeros_like", "ones_like", "full_like"})


def _concat(parts: Any, axis: int) -> Any:
    """Of arrays that are given as a list, unlike the arguments of all other functions."""
    xp = namespace(*(_value(part) for part in parts))
    value = xp.concat([_value(part) for part in parts], axis=axis)
    parents, start = [], 0
    for part in parts:
        key = (slice(None),) * axis + (slice(start, start := start + part.shape[axis]),)
        if isinstance(part, Node):
            parents.append((part, lambda t, key=key: t[key]))
    return Node(value, tuple(parents))


def _call(function: str, *arguments: Any, **keywords: Any) -> Any:
    if function == "concat":
        return _concat(*arguments, **keywords)
    values = [_value(argument) for argument in arguments]
    xp = namespace(*(value for value in values if hasattr(value, "shape")))
    if function in _CONSTANT or not any(isinstance(argument, Node) for argument in arguments):
        return getattr(xp, function)(*values, **keywords)
    if function not in _RULES:
        raise NotImplementedError(f"the derivative of {function} is not known to the tape")
    value, pulls = _RULES[function](xp, *values, **keywords)
    nodes = [(x, pull) for x, pull in zip(arguments, pulls, strict=False) if isinstance(x, Node)]
    if any(pull is None for _, pull in nodes):
        raise NotImplementedError(f"{function} is not differentiated by all of its arguments here")
    return Node(value, tuple(nodes))


class _Tape:
    """Array API namespace of nodes: the library of the values does the work."""

    __name__ = "tape"

    def __getattr__(self, function: str) -> Callable[..., Any]:
        return lambda *arguments, **keywords: _call(function, *arguments, **keywords)


_TAPE = _Tape()
