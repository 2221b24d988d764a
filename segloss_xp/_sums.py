"""Sums of maps over voxels: one pass over the prediction forward, and one backward."""

from dataclasses import dataclass
from functools import partial
from operator import is_
from typing import Any

from segloss_xp import _execution, _ops
from segloss_xp._array import is_bool, is_integer, namespace, working_dtype
from segloss_xp._labels import indicators, within
from segloss_xp._pieces import is_piece, is_small, piece, pieces, split, voxels_of_loop
from segloss_xp._products import factors, multiplied, product, sum_of_products, sum_of_slopes
from segloss_xp._voxels import Voxels
from segloss_xp.maps.base import Field, Map

# Up to this many classes a compiler that fuses sums is given one expression a class, which it fuses
# best; beyond it the program grows too long.
_UNROLLED = 16


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
        if size := self._voxels_of_loop(xp, x):
            return _execution.sum_over_pieces(partial(self._forward, xp), size, x, *constants)
        if not _execution.eager(xp, x, *constants):
            return self._forward(xp, x, *constants)
        if is_piece(xp, x):
            out = self._forward(xp, x, *constants, room=room)
        else:
            out = self._out(xp, x)
            for n, v in pieces(xp, x):
                place = None if room is None else room[n, :, v]
                self._put(out, n, v, self._forward(xp, *piece(n, v, x, *constants), room=place))
        return xp.astype(out, working_dtype(xp, x), copy=False)

    def pullback(self, cotangent: Any, x: Any, *constants: Any, room: Any = None) -> Any:
        """
        Gradient by the prediction of the inner product of the sums with `cotangent`.

        It is written over what is `kept`, if there is the `room` of forward.
        """
        xp = namespace(x)
        if size := self._voxels_of_loop(xp, x):
            of_piece = partial(self._pullback, xp)
            joined = _execution.join_pieces(of_piece, size, cotangent, x, *constants)
            return _ops.narrow(xp, joined, x.dtype)
        # Second derivatives differentiate this very expression, so it must not be cut up in place.
        if not _execution.eager(xp, cotangent, x, *constants) or _execution.recording(xp):
            return _ops.narrow(xp, self._pullback(xp, cotangent, x, *constants), x.dtype)
        out = xp.empty_like(x) if room is None else room
        for n, v in pieces(xp, x):
            part, arrays = self._part(cotangent, n, v), piece(n, v, x, *constants)
            place = None if room is None else room[n, :, v]
            # Under no name, lest it be held while the next is computed.
            out[n, :, v] = _ops.narrow(xp, self._pullback(xp, part, *arrays, room=place), x.dtype)
        return out

    @property
    def kept(self) -> str:
        """The quantity that forward had best leave to the gradient, if any."""
        computed = {m.wrt for m in self.maps}
        return next((each for each in self.activation.lasting if each in computed), "")

    _voxels_of_loop = staticmethod(voxels_of_loop)

    def _out(self, xp: Any, x: Any) -> Any:
        shape = x.shape[0], len(self.maps), x.shape[1]
        dtype = xp.result_type(working_dtype(xp, x), _ops.longest(xp, x))
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
            return sum_of_products(xp, *factors)
        none = xp.astype(x[:, :1, :0], working_dtype(xp, x), copy=False)
        return xp.full_like(xp.sum(none, axis=2), x.shape[2])  # of voxels, if any

    @staticmethod
    def _for_voxels(cotangent: Any) -> Any:
        return cotangent[..., None]

    def _forward(self, xp: Any, x: Any, *constants: Any, room: Any = None) -> Any:
        blocks, weight = self.blocks(xp, x, *constants)
        if room is not None:
            blocks[0].leave(self.kept, room)
        return self.sums_of(xp, x, blocks, weight)

    def _pullback(self, xp: Any, cotangent: Any, x: Any, *constants: Any, room: Any = None) -> Any:
        if all(m.wrt is None for m in self.maps):
            return xp.zeros_like(x)
        blocks, weight = self.blocks(xp, x, *constants)
        if room is not None:
            blocks[0].know(self.kept, room)
        return self.gradient_of(xp, cotangent, x, blocks, weight, room)

    def sums_of(self, xp: Any, x: Any, blocks: list[Any], weight: Any) -> Any:
        """The sums of what is in the blocks."""
        results = (
            [
                self._over_voxels(xp, x, *v.with_weight(factors(value), weight))
                for v, value in zip(blocks, m.values(blocks), strict=True)
            ]
            for m in self.maps
        )
        sums = xp.stack([_join(xp, result, x.shape[1]) for result in results], axis=1)
        return _ops.finite(xp, sums) if blocks[0].infinite else sums

    def gradient_of(
        self, xp: Any, cotangent: Any, x: Any, blocks: list[Any], weight: Any, room: Any
    ) -> Any:
        """The gradient from what is in the blocks, maybe over what is `kept` there, the room."""
        slopes: list[dict[str, Any]] = [{} for _ in blocks]
        cotangents = _ops.unstack(xp, self._for_voxels(cotangent))
        for m, each in zip(self.maps, cotangents, strict=True):
            if m.wrt is None:
                continue
            terms = m.pull(blocks, split(each, len(blocks)))
            for slope, term in zip(slopes, terms, strict=True):
                slope[m.wrt] = sum_of_slopes(xp, slope[m.wrt], term) if m.wrt in slope else term
        vanishes = blocks[0].vanishes(slopes[0])
        slopes = [{by: multiplied(xp, slope) for by, slope in each.items()} for each in slopes]
        parts = self.activation.pull(blocks, slopes, "" if room is None else self.kept)
        if weight is not None and not vanishes:
            parts = [_weigh(part, weight, over=part is room) for part in parts]
        gradient = _join(xp, parts, x.shape[1])
        return gradient if gradient.shape == x.shape else xp.broadcast_to(gradient, x.shape)

    def blocks(
        self, xp: Any, x: Any, target: Any, weight: Any, *fields: Any
    ) -> tuple[list[Any], Any]:
        """Prediction and target in working precision, by classes; also the voxels' weight."""
        dtype = working_dtype(xp, x)
        classes = x.shape[1]
        labels, given = is_integer(xp, target), weight
        if labels:
            target = target[:, None, :]
        if labels and not self.checked:
            target = xp.astype(target, dtype)
            if classes > _UNROLLED:
                target = _ops.written(xp, target)
            weight = within(xp, target, classes, weight)
        used, hidden = True, weight is None or is_bool(xp, weight)
        if weight is not None:
            used = _ops.settled(weight if hidden else weight > 0)
            fields = tuple(_ops.only(used, field) for field in fields)
        apart = not any(m.wrt in self.activation.joint for m in self.maps)
        count = classes if apart and classes <= _UNROLLED and _execution.fuses(xp) else 1
        if labels:
            # What is no class is not `used` anyway.
            targets = indicators(xp, target, classes, count, dtype, given is None or used)
        else:
            target = _ops.only(used, xp.astype(target, dtype, copy=False))
            targets = split(target, count)
        late = hidden and used is not True and self._late(xp, x, target, used, *fields)
        prediction = partial(_only, xp, True if late else used, x, dtype)
        blocks = (late or self.activation).blocks(xp, prediction, targets)
        mass = 1.0
        if not labels and any(m.uses_mass for m in self.maps):
            mass = xp.sum(target, axis=1, keepdims=True)
        images = [split(xp.astype(field, dtype, copy=False), count) for field in fields]
        names = self.fields if fields else ()
        for v, *parts in zip(blocks, *images, strict=True):
            v.dtype, v.one_hot, v.hidden, v.mass = dtype, labels, hidden, mass
            v.fields = dict(zip(names, parts, strict=True))
            if late:
                v.used = used
        if hidden and used is True:
            weight = None
        elif not late:
            weight = xp.astype(weight, dtype, copy=False)
        return blocks, weight

    def _late(self, xp: Any, *arrays: Any) -> type[Voxels] | None:
        """The activation that writes over what is hidden, where that moves less."""
        plainly = _execution.on_device(xp, *arrays) and not _execution.recording(xp)
        return self.activation.late if plainly else None


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

    @staticmethod
    def _voxels_of_loop(xp: Any, x: Any) -> int:
        return 0

    @staticmethod
    def _part(cotangent: Any, n: slice, v: slice) -> Any:
        return cotangent[n, ..., v]

    @staticmethod
    def _over_voxels(xp: Any, x: Any, *factors: Any) -> Any:
        if factors:
            return product(xp, *factors)
        return xp.ones_like(x[:, :1, :], dtype=working_dtype(xp, x))

    @staticmethod
    def _for_voxels(cotangent: Any) -> Any:
        return cotangent


class _Once:
    """
    Sums whose gradient may be asked for: forward leaves to the pullback what can be kept.

    Of a small prediction that is all it has looked at, up to five arrays like it. Of a larger one
    it is what fits where the gradient will lie, one such array, which waits for it from forward to
    backward. A second pullback computes it anew.
    """

    def __init__(self, sums: Sums) -> None:
        self.sums = sums
        self._kept: Any = None
        self._room: Any = None

    def forward(self, x: Any, *constants: Any) -> Any:
        xp, sums = namespace(x), self.sums
        if _execution.eager(xp, x, *constants):
            dtype = working_dtype(xp, x)
            if is_small(x):
                blocks, weight = sums.blocks(xp, x, *constants)
                self._kept = (x, *constants), blocks, weight
                return xp.astype(sums.sums_of(xp, x, blocks, weight), dtype, copy=False)
            if sums.kept and x.dtype == dtype:
                self._room = xp.empty_like(x)
        return sums.forward(x, *constants, room=self._room)

    def pullback(self, cotangent: Any, x: Any, *constants: Any) -> Any:
        xp, sums = namespace(x), self.sums
        kept, room = self._kept, self._room
        self._kept = self._room = None
        if (
            kept is None
            or _execution.recording(xp)
            or not _execution.eager(xp, cotangent)
            # Copies, by hooks of PyTorch: what the blocks were made of may have changed by now.
            or not all(map(is_, kept[0], (x, *constants)))
        ):
            return sums.pullback(cotangent, x, *constants, room=room)
        _, blocks, weight = kept
        if sums.kept:
            room = blocks[0].kept(sums.kept)
        gradient = sums.gradient_of(xp, cotangent, x, blocks, weight, room)
        if gradient is room and room.dtype == x.dtype:
            return room
        out = xp.empty_like(x)
        out[...] = _ops.narrow(xp, gradient, x.dtype)  # of a single number, repeated, maybe
        return out


def _only(xp: Any, used: Any, x: Any, dtype: Any) -> Any:
    # No product: what has no weight may be NaN or infinite.
    return xp.astype(_ops.only(used, x), dtype, copy=False)


def _weigh(x: Any, weight: Any, *, over: bool) -> Any:
    """The product, or what booleans choose, maybe written over `x`."""
    if is_bool(namespace(x), weight):
        return _ops.erase(x, weight) if over else _ops.only(weight, x)
    if over:
        x *= weight
        return x
    return x * weight


def _join(xp: Any, blocks: list[Any], classes: int) -> Any:
    if len(blocks) > 1:
        return xp.concat(blocks, axis=1)
    (block,) = blocks
    if block.shape[1] == classes:
        return block
    return xp.broadcast_to(block, (block.shape[0], classes, *block.shape[2:]))
