"""What the operations of eager PyTorch read, write and hold: counted, so that no clock is asked."""

import weakref
from collections.abc import Iterator
from math import prod
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_COPY = torch.ops.aten.copy_.default


class Traffic(TorchDispatchMode):
    """
    Counts while it is entered; of tensors on the meta device too, which have no values.

    An operation reads its arguments and writes its results, each as a whole: what gathers or
    scatters may move less.

    Parameters
    ----------
    *inputs : Tensor
        What is there before, which is not counted as held.

    Attributes
    ----------
    moved : int
        Bytes read and written.
    held : int
        The most bytes alive at once.
    operations : int
        How many there were, but for views of what is there.
    """

    def __init__(self, *inputs: torch.Tensor) -> None:
        super().__init__()
        self.moved = self.held = self.operations = self._alive = 0
        self._known = weakref.WeakSet(x.untyped_storage() for x in inputs)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        written = list(_tensors(result))
        if not (func.is_view or self._idle(func, args)):
            self.operations += 1
            self.moved += sum(map(_size, [*self._read(func, args, kwargs), *written]))
        for x in written:
            self._hold(x.untyped_storage())
        return result

    @staticmethod
    def _idle(func: Any, args: Any) -> bool:
        """Whether it takes memory without writing to it, or copies a tensor to itself."""
        if func is _COPY:
            return _place(args[0]) == _place(args[1])
        return "empty" in func._schema.name

    @staticmethod
    def _read(func: Any, args: Any, kwargs: Any) -> Iterator[torch.Tensor]:
        outputs = {argument.name for argument in func._schema.arguments if argument.is_out}
        yield from _tensors(args[1:] if func is _COPY else args)
        yield from _tensors([x for name, x in kwargs.items() if name not in outputs])

    def _hold(self, storage: Any) -> None:
        if storage not in self._known:
            self._known.add(storage)
            self._alive += storage.nbytes()
            self.held = max(self.held, self._alive)
            weakref.finalize(storage, self._free, storage.nbytes())

    def _free(self, size: int) -> None:
        self._alive -= size


def _tensors(tree: Any) -> Iterator[torch.Tensor]:
    return (x for x in tree_leaves(tree) if isinstance(x, torch.Tensor))


def _place(x: torch.Tensor) -> Any:
    return x.untyped_storage(), x.storage_offset(), x.shape, x.stride()


def _size(x: torch.Tensor) -> int:
    """Bytes that are there, however often they are repeated."""
    stored = (n for n, stride in zip(x.shape, x.stride(), strict=True) if stride)
    return x.element_size() * prod(stored)
