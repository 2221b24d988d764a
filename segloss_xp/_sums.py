"""Sums of maps over voxels: one pass over the prediction forward, and one backward."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial, reduce
from math import prod
from operator import mul
from typing import Any

from segloss_xp import _execution, _ops
from segloss_xp._activation import Voxels, split
from segloss_xp._array import is_bool, is_integer, namespace, working_dtype
from segloss_xp.maps.base import Field, Map, factors

# Voxels times classes that one thread works on at a time where operations run one by one: a few
# arrays of this size stay in a core's cache.
_CACHED = 1 << 18

# Up to this many classes a compiler that fuses sums is given one expression a class, which it fuses
# best; beyond it the program grows too long.
_UNROLLED = 16

# Voxels times samples and classes that a compiled loop works on at a time, but no fewer voxels
# than the least, below which a piece is scraps of memory.
_LOOPED, _LEAST_LOOPED = 1 << 15, 64


@dataclass(frozen=True)
class Sums:
    """
    The sums over voxels of some maps, for a kind of prediction.

    Called with a prediction (N, C, V), a target and a weight (N, 1, V) or None, it gives an array
    (N, K, C) for K maps. The target is an integer array (N, V) of labels, where what is outside
    [0, C) has no weight, or a floating or boolean array (N, C, V). The `fields` that the maps look
    at follow, in that order. The gradient by the prediction is written by hand and recomputes what
    it is not given; all else is constant. Where the weight is 0 nothing is looked at; if that is
    so of labels outside [0, C) already, they are `checked`.
    """

    maps: tuple[Map, ...]
    activation: type[Voxels]
    checked: bool = False

    @property
    def fields(self) -> tuple[Field, ...]:
        """Those that the maps look at, each once."""
        return tuple(dict.fromkeys(field for m in self.maps for field in m.fields))

    def __call__(self, x: Any, target: Any, weight: Any, *fields: Any) -> Any:
        if all(m.wrt is None for m in self.maps):
            x = _ops.stop_gradient(namespace(x), x)
            return self.forward(x, target, weight, *fields)
        xp, rule = namespace(x), self
        if _execution.recorded(xp, x):
            rule = _Once(self)
            if self.checked and is_integer(xp, target) and x.shape[1] <= 256:
                # Read again by the gradient: 8 bits of 64 are enough, as others have no weight.
                target = xp.astype(target, xp.uint8, copy=False)
        return _ops.differentiable(xp, rule, x, target, weight, *fields)

    def forward(self, x: Any, *constants: Any, room: Any = None) -> Any:
        """The sums (N, K, C); into the `room`, an array like `x`, goes what is `kept`."""
        xp = namespace(x)
        if size := self._piece(xp, x):
            return _execution.sum_over_pieces(partial(self._add_up, xp), size, x, *constants)
        if not _execution.on_host(xp, x, *constants):
            return self._add_up(xp, x, *constants)
        if _is_small(xp, x):
            out = self._add_up(xp, x, *constants, room=room)
        else:
            out = self._out(xp, x)
            for n, v in _chunks(xp, x):
                place = None if room is None else room[n, :, v]
                self._put(out, n, v, self._add_up(xp, *_chunk(n, v, x, *constants), room=place))
        return xp.astype(out, working_dtype(xp, x), copy=False)

    def pullback(self, cotangent: Any, x: Any, *constants: Any, room: Any = None) -> Any:
        """
        Gradient by the prediction of the inner product of the sums with `cotangent`.

        It is written over what is `kept`, if there is the `room` of forward.
        """
        xp = namespace(x)
        if size := self._piece(xp, x):
            pull_back = partial(self._pull_back, xp)
            joined = _execution.join_pieces(pull_back, size, cotangent, x, *constants)
            return _ops.narrow(xp, joined, x.dtype)
        # Second derivatives differentiate this very expression, so it must not be cut up in place.
        if not _execution.on_host(xp, cotangent, x, *constants) or _execution.recording(xp):
            return _ops.narrow(xp, self._pull_back(xp, cotangent, x, *constants), x.dtype)
        out = xp.empty_like(x) if room is None else room
        if _is_small(xp, x):
            gradient = self._pull_back(xp, cotangent, x, *constants, room=room)
            out[...] = _ops.narrow(xp, gradient, x.dtype)
            return out
        for n, v in _chunks(xp, x):
            part, chunk = self._part(cotangent, n, v), _chunk(n, v, x, *constants)
            place = None if room is None else room[n, :, v]
            # Under no name, lest it be held while the next is computed.
            out[n, :, v] = _ops.narrow(xp, self._pull_back(xp, part, *chunk, room=place), x.dtype)
        return out

    @property
    def kept(self) -> str:
        """The quantity that forward had best leave to the gradient, if any."""
        computed = {m.wrt for m in self.maps}
        return next((each for each in self.activation.lasting if each in computed), "")

    def _piece(self, xp: Any, x: Any) -> int:
        """Voxels that a compiled loop works on at a time; 0 where it is better to have no loop."""
        if not _execution.loops(xp):
            return 0
        samples, classes, voxels = x.shape
        size = max(_LEAST_LOOPED, _LOOPED // max(1, samples * classes))
        return size if voxels > size else 0

    def _out(self, xp: Any, x: Any) -> Any:
        shape = x.shape[0], len(self.maps), x.shape[1]
        dtype = xp.result_type(working_dtype(xp, x), xp.float64)
        return xp.zeros(shape, dtype=dtype, device=x.device)

    @staticmethod
    def _put(out: Any, n: slice, v: slice, part: Any) -> None:
        total = out[n, ...]
        total += part

    @staticmethod
    def _part(cotangent: Any, n: slice, v: slice) -> Any:
        return cotangent[n, ...]

    @staticmethod
    def _over_voxels(xp: Any, x: Any, *factors: Any) -> Any:
        if factors:
            return _ops.sum_of_products(xp, *factors)
        return xp.full_like(xp.sum(x[:, :1, :0], axis=2), x.shape[2])  # of voxels, if any

    @staticmethod
    def _for_voxels(cotangent: Any) -> Any:
        return cotangent[:, :, None]

    def _add_up(self, xp: Any, x: Any, *constants: Any, room: Any = None) -> Any:
        blocks, weight = self._blocks(xp, x, *constants)
        if room is not None:
            blocks[0].leave(self.kept, room)
        weights = () if weight is None else (weight,)
        results = (
            [
                self._over_voxels(xp, v.x, *weights, *factors(value))
                for v, value in zip(blocks, m.values(blocks), strict=True)
            ]
            for m in self.maps
        )
        return xp.stack([_join(xp, result, x.shape[1]) for result in results], axis=1)

    def _pull_back(self, xp: Any, cotangent: Any, x: Any, *constants: Any, room: Any = None) -> Any:
        if all(m.wrt is None for m in self.maps):
            return xp.zeros_like(x)
        blocks, weight = self._blocks(xp, x, *constants)
        if room is not None:
            blocks[0].know(self.kept, room)
        slopes: list[dict[str, Any]] = [{} for _ in blocks]
        for k, m in enumerate(self.maps):
            if m.wrt is None:
                continue
            cotangents = split(self._for_voxels(cotangent[:, k, ...]), len(blocks))
            for slope, term in zip(slopes, m.pull(blocks, cotangents), strict=True):
                slope[m.wrt] = slope[m.wrt] + term if m.wrt in slope else term
        parts = self.activation.pull(blocks, slopes, "" if room is None else self.kept)
        if weight is not None:
            parts = [part * weight for part in parts]
        gradient = _join(xp, parts, x.shape[1])
        return gradient if gradient.shape == x.shape else xp.broadcast_to(gradient, x.shape)

    def _blocks(
        self, xp: Any, x: Any, target: Any, weight: Any, *fields: Any
    ) -> tuple[list[Any], Any]:
        """Prediction and target in working precision, by classes; also the voxels' weight."""
        dtype = working_dtype(xp, x)
        classes = x.shape[1]
        # Labels are compared as floating numbers: exact below 2**24 classes, vectorised everywhere,
        # and uint8 labels meet no class number that they can't hold (uint8 == 300 is true for 44).
        labels = is_integer(xp, target)
        if not labels:
            target = xp.astype(target, dtype, copy=False)
        elif self.checked:
            target = target[:, None, :]  # which not all maps look at
        else:
            target = xp.astype(target[:, None, :], dtype)
            weight = within(xp, target, classes, weight)
        if weight is not None:
            used = _ops.settled(weight if is_bool(xp, weight) else weight > 0)
            # No product: what has no weight may be NaN or infinite.
            x = _ops.only(used, x)
            target = target if labels else _ops.only(used, target)
            fields = tuple(_ops.only(used, field) for field in fields)
            weight = xp.astype(weight, dtype, copy=False)
        x = xp.astype(x, dtype, copy=False)
        apart = not any(m.wrt in self.activation.joint for m in self.maps)
        count = classes if apart and classes <= _UNROLLED and _execution.fuses(xp) else 1
        if not labels:
            targets = split(target, count)
        elif count == 1:
            targets = [partial(_one_hot, xp, target, classes, dtype)]
        else:
            targets = [partial(_ops.indicator, xp, target, float(c)) for c in range(classes)]
        blocks = self.activation.blocks(xp, x, targets)
        for v in blocks:
            v.one_hot = labels
        if not labels and any(m.uses_mass for m in self.maps):
            mass = xp.sum(target, axis=1, keepdims=True)
            for v in blocks:
                v.mass = mass
        if fields:
            parts = [split(xp.astype(field, dtype, copy=False), count) for field in fields]
            for v, *images in zip(blocks, *parts, strict=True):
                v.fields = dict(zip(self.fields, images, strict=True))
        return blocks, weight


@dataclass(frozen=True)
class Values(Sums):
    """The maps themselves, times the weight of the voxel, (N, K, C, V); else as `Sums`."""

    def _out(self, xp: Any, x: Any) -> Any:
        samples, classes, voxels = x.shape
        shape = samples, len(self.maps), classes, voxels
        return xp.empty(shape, dtype=working_dtype(xp, x), device=x.device)

    @staticmethod
    def _put(out: Any, n: slice, v: slice, part: Any) -> None:
        out[n, :, :, v] = part

    def _piece(self, xp: Any, x: Any) -> int:
        return 0

    @staticmethod
    def _part(cotangent: Any, n: slice, v: slice) -> Any:
        return cotangent[n, ..., v]

    @staticmethod
    def _over_voxels(xp: Any, x: Any, *factors: Any) -> Any:
        return reduce(mul, factors) if factors else xp.ones_like(x[:, :1, :])

    @staticmethod
    def _for_voxels(cotangent: Any) -> Any:
        return cotangent


class _Once:
    """
    Sums whose gradient may be asked for: forward leaves what can be kept to the pullback.

    It lies where the gradient will, and waits for it from forward to backward: an array like the
    prediction. A second pullback computes it anew.
    """

    def __init__(self, sums: Sums) -> None:
        self.sums = sums
        self._room: Any = None

    def forward(self, x: Any, *constants: Any) -> Any:
        xp = namespace(x)
        alike = x.dtype == working_dtype(xp, x)
        if self.sums.kept and alike and _execution.on_host(xp, x, *constants):
            self._room = xp.empty_like(x)
        return self.sums.forward(x, *constants, room=self._room)

    def pullback(self, cotangent: Any, x: Any, *constants: Any) -> Any:
        recording = _execution.recording(namespace(x))
        room, self._room = None if recording else self._room, None
        return self.sums.pullback(cotangent, x, *constants, room=room)


def within(xp: Any, labels: Any, classes: int, weight: Any) -> Any:
    """The weight, taken from where the label, of a dtype that holds C, is not in [0, C)."""
    inside = (labels >= 0) & (labels < classes)
    if weight is None:
        return inside
    if is_bool(xp, weight):
        return weight & inside
    return xp.where(inside, weight, xp.zeros_like(weight))


def _one_hot(xp: Any, labels: Any, classes: int, dtype: Any) -> Any:
    """Labels (n, 1, v) as (n, C, v)."""
    numbers = _ops.constant(xp, list(range(classes)), dtype, like=labels)
    return _ops.indicator(xp, xp.astype(labels, dtype, copy=False), numbers[:, None])


def _join(xp: Any, blocks: list[Any], classes: int) -> Any:
    if len(blocks) > 1:
        return xp.concat(blocks, axis=1)
    (block,) = blocks
    if block.shape[1] == classes:
        return block
    return xp.broadcast_to(block, (block.shape[0], classes, *block.shape[2:]))


def _is_small(xp: Any, x: Any) -> bool:
    """Whether an array is a chunk by itself."""
    return prod(x.shape) <= _CACHED * _execution.threads(xp)


def _chunks(xp: Any, x: Any) -> Iterator[tuple[slice, slice]]:
    """Slices of samples and of voxels that hold about a cache's worth each."""
    _keep_what_is_freed(xp)
    samples, classes, voxels = x.shape
    size = max(1, _CACHED * _execution.threads(xp) // classes)
    step = max(1, size // max(voxels, 1))
    for n in range(0, samples, step):
        for v in range(0, voxels, size):
            yield slice(n, n + step), slice(v, v + size)


@cache
def _keep_what_is_freed(xp: Any) -> None:
    """
    Free a large block of memory, once.

    From then on glibc keeps blocks up to this size when they are freed. Otherwise it may return
    those of each chunk to the system, and get them back by page faults, at three times the time.
    """
    xp.empty(31 << 20, dtype=xp.uint8, device="cpu")


def _chunk(n: slice, v: slice, *arrays: Any) -> tuple[Any, ...]:
    return tuple(
        each if each is None else each[n, v] if each.ndim == 2 else each[n, :, v] for each in arrays
    )
