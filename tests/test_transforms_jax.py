"""The losses under the transforms of JAX: the same numbers as in plain loops."""

from functools import partial

import numpy as np
import pytest
from cases import CASES
from problems import TOLERANCE, assert_close, problem, reductions

import segloss_xp as sx
from segloss_xp import _pieces

jax = pytest.importorskip("jax")
import jax.numpy as jnp  # noqa: E402
from jax.test_util import check_grads  # noqa: E402

from segloss_xp.jax import sum_over_pieces  # noqa: E402

LOSS = sx.DiceLoss() + sx.CrossEntropyLoss()

each = pytest.mark.parametrize("case", CASES, ids=str)
# Where a case costs a second: the last of each loss, which is least like its default.
each_loss = pytest.mark.parametrize("case", {type(c.loss): c for c in CASES}.values(), ids=str)
# Where it costs several: labels, soft targets and channels; a loss of voxels and of regions.
few = pytest.mark.parametrize("case", CASES[:9:4], ids=str)
# By log p, by p of a softmax, by p of a sigmoid.
looped = [CASES[1], *(c for c in CASES if c.loss == sx.DiceLoss())]


def arrays(case, *, space=(3, 2), **keywords):
    """Logits, target, and the loss of both."""
    logits, target, call = problem(case.target, space=space, **keywords)
    return jnp.asarray(logits), jnp.asarray(target), partial(case.loss, **call)


def by_numpy(case, *, space=(3, 2), samples=2, **keywords):
    """What NumPy makes of the same, without a program for each operation."""
    logits, target, call = problem(case.target, space=space, samples=samples)
    return case.loss(logits, target, **call, **keywords)


def stacked(case, count):
    prediction, target, losses = zip(*(arrays(case, seed=s) for s in range(count)), strict=True)
    return jnp.stack(prediction), jnp.stack(target), losses[0]


@few
def test_jit(case):
    x, t, loss = arrays(case)
    value, gradient = jax.jit(jax.value_and_grad(loss))(x, t)
    assert_close(value, loss(x, t))
    assert_close(gradient, jax.grad(loss)(x, t))


@each_loss
def test_one_sample(case):
    """Whose classes XLA adds up in another way."""
    x, t, loss = arrays(case, samples=1)
    values = jax.jit(lambda x: [loss(x, t, reduction=r) for r in reductions(case.loss)])(x)
    for reduction, value in zip(reductions(case.loss), values, strict=True):
        assert_close(value, by_numpy(case, samples=1, reduction=reduction))
    if case.loss.grain == "voxel":
        _, slope = sx.value_and_grad(case.loss, np.asarray(x), np.asarray(t), **loss.keywords)
        assert_close(jax.jit(jax.grad(loss))(x, t), slope)


@each_loss
def test_static_argument(case):
    """Equal losses are one loss to the cache of jit."""
    x, t, loss = arrays(case)
    traced = []

    @partial(jax.jit, static_argnums=0)
    def run(criterion, x, t):
        traced.append(criterion)
        return criterion(x, t, **loss.keywords)

    for criterion in (case.loss, eval(repr(case.loss), vars(sx))):
        assert_close(run(criterion, x, t), by_numpy(case))
    assert len(traced) == 1


@few
@pytest.mark.parametrize("in_axes", [(0, 0), (0, None), (None, 0)], ids=str)
def test_vmap(case, in_axes):
    x, t, loss = stacked(case, 3)
    x, t = (a if axis == 0 else a[0] for a, axis in zip((x, t), in_axes, strict=True))
    pairs = [
        tuple(a if axis is None else a[i] for a, axis in zip((x, t), in_axes, strict=True))
        for i in range(3)
    ]
    functions = loss, jax.grad(loss), partial(loss, reduction="sample")
    batched = jax.jit(lambda x, t: [jax.vmap(f, in_axes)(x, t) for f in functions])(x, t)
    looped = jax.jit(lambda pairs: [jnp.stack([f(*pair) for pair in pairs]) for f in functions])
    for actual, expected in zip(batched, looped(pairs), strict=True):
        assert_close(actual, expected)


@each_loss
def test_forward_mode(case):
    x, t, loss = arrays(case)
    run = partial(loss, target=t, reduction="sample")
    tangent = jnp.cos(jnp.arange(x.size, dtype=x.dtype)).reshape(x.shape)

    @jax.jit
    def transformed(x):
        value, push = jax.linearize(run, x)
        pairs = jax.jvp(run, (x,), (tangent,)), (value, push(tangent))
        return jax.jacrev(run)(x), jax.jacfwd(run)(x), pairs

    rows, columns, pairs = transformed(x)
    assert_close(columns, rows)
    for value, slope in pairs:
        assert_close(value, by_numpy(case, reduction="sample"))
        assert_close(slope, jnp.sum(rows * tangent, axis=(1, 2, 3, 4)))


@few
def test_check_grads(case):
    """Against differences, to the second order, in both modes; JAX's own tolerance of float64."""
    x, t, loss = arrays(case, space=(2,))
    check_grads(jax.jit(partial(loss, target=t)), (x,), order=2, modes=("fwd", "rev"))


@few
def test_hessian(case):
    x, t, loss = arrays(case, space=(2,))
    run = partial(loss, target=t)
    modes = jax.jacfwd, jax.jacrev
    first, *others = jax.jit(lambda x: [a(b(run))(x) for a in modes for b in modes])(x)
    for other in others:
        assert_close(other, first)


@few
def test_checkpoint(case):
    x, t, loss = arrays(case)
    again = jax.jit(jax.grad(jax.checkpoint(loss)))
    assert_close(again(x, t), jax.jit(jax.grad(loss))(x, t))


@each
def test_eval_shape(case):
    x, t, loss = arrays(case)
    for reduction in reductions(case.loss):
        shape = jax.eval_shape(partial(loss, reduction=reduction), x, t)
        value = by_numpy(case, reduction=reduction)
        assert (shape.shape, shape.dtype) == (value.shape, value.dtype)


@few
def test_scan(case):
    """A sum over a stream of batches, and its gradient by a parameter of them all."""
    xs, ts, loss = stacked(case, 3)

    def total(scale):
        def step(carry, pair):
            return carry + loss(scale * pair[0], pair[1]), None

        return jax.lax.scan(step, jnp.zeros((), xs.dtype), (xs, ts))[0]

    def unrolled(scale):
        return sum(loss(scale * x, t) for x, t in zip(xs, ts, strict=True))

    expected = jax.jit(jax.value_and_grad(unrolled))(1.5)
    for actual, right in zip(jax.jit(jax.value_and_grad(total))(1.5), expected, strict=True):
        assert_close(actual, right)


@few
def test_numpy_beside_jax(case):
    x, t, loss = arrays(case)
    value = loss(x, np.asarray(t), voxel_weights=np.ones((2, 3, 2)), mask=np.ones((2, 3, 2), bool))
    assert isinstance(value, jax.Array)
    assert_close(value, loss(x, t))
    assert_close(jax.jit(lambda x: loss(x, np.asarray(t)))(x), loss(x, t))
    assert isinstance(loss(np.asarray(x), t), jax.Array)


@pytest.fixture
def x32():
    """JAX as it is unless told otherwise: float32 and int32 only."""
    jax.config.update("jax_enable_x64", False)
    yield
    jax.config.update("jax_enable_x64", True)


@few
@pytest.mark.usefixtures("x32")
def test_without_x64(case):
    x, t, loss = arrays(case)
    value, gradient = jax.jit(jax.value_and_grad(loss))(x, t)
    assert (value.dtype, gradient.dtype) == (jnp.float32, jnp.float32)
    logits, target, _ = problem(case.target, space=(3, 2), dtype="float32")
    right = sx.value_and_grad(case.loss, logits.astype(np.float64), target, **loss.keywords)
    for actual, expected in zip((value, gradient), right, strict=True):
        assert_close(actual, expected, TOLERANCE["float32"])


@few
def test_half_precision(case):
    """Half precision in, float32 out, and a gradient in half precision."""
    x, t, loss = arrays(case)
    half = x.astype(jnp.bfloat16)
    value, gradient = jax.jit(jax.value_and_grad(loss))(half, t)
    assert (value.dtype, gradient.dtype) == (jnp.float32, jnp.bfloat16)
    assert_close(value, loss(half.astype(jnp.float32), t), TOLERANCE["float32"])


@pytest.mark.parametrize("size", [6, 24], ids=["voxel by voxel", "with a rest"])
@pytest.mark.parametrize("case", looped, ids=str)
def test_loop(case, size, monkeypatch):
    """A few voxels at a time, as with many voxels on a processor."""
    if jax.device_count() > 1:
        pytest.skip("no loop over the parts of several devices")
    xs, ts, loss = stacked(case, 2)

    def transformed():
        def alone(x, t):
            run = partial(loss, target=t)
            value, slope = jax.value_and_grad(run)(x)
            rows = jax.jacrev(partial(run, reduction="sample"))(x)
            pushed = (jax.jvp(f, (x,), (slope,))[1] for f in (run, jax.grad(run)))
            return value, slope, rows, *pushed

        jax.clear_caches()
        return jax.jit(lambda: [alone(xs[0], ts[0]), jax.vmap(alone)(xs, ts)])()

    expected = transformed()
    monkeypatch.setattr(_pieces, "_LOOPED", size)
    monkeypatch.setattr(_pieces, "_LEAST_LOOPED", 1)
    jax.tree.map(assert_close, transformed(), expected)


def test_infinite_sum_of_pieces():
    x = jnp.full(40, 1e38, jnp.float32)
    assert sum_over_pieces(jnp.sum, 3, x) == np.inf


def test_target_and_weights_are_constants():
    """Also in the gradient: nothing of it is differentiated by them, in a loop or without."""
    rng = np.random.default_rng(0)
    for voxels in 20, 40_000:
        x = jnp.asarray(rng.normal(size=(1, 2, voxels)))
        t = jnp.asarray(rng.random((1, 2, voxels)))
        w = jnp.asarray(rng.random((1, voxels)))

        def slope(t, w, x=x):
            return jax.grad(lambda x: LOSS(x, t, voxel_weights=w))(x)

        assert not np.any(jax.jvp(slope, (t, w), (t, w))[1])


def test_loop_over_explicit_shards():
    if jax.device_count() > 1 or not hasattr(jax, "set_mesh"):
        pytest.skip("no loop over the parts of several devices, or no such mesh")
    rng = np.random.default_rng(0)
    x, t = (
        jnp.asarray(rng.normal(size=(2, 2, 40_000))),
        jnp.asarray(rng.integers(0, 2, (2, 40_000))),
    )
    expected = jax.grad(LOSS)(x, t)
    mesh = jax.make_mesh((1,), ("data",), axis_types=(jax.sharding.AxisType.Explicit,))
    with jax.set_mesh(mesh):
        sharded = jax.device_put((x, t), jax.sharding.NamedSharding(mesh, jax.P("data")))
        assert_close(jax.jit(jax.grad(LOSS))(*sharded), expected)


def test_sums_of_a_loop_on_a_mesh(monkeypatch):
    """Of one device: what a loop carries varies over the mesh. In JAX 0.6 too."""
    if jax.device_count() > 1:
        pytest.skip("no loop over the parts of several devices")
    try:
        from jax import shard_map
    except ImportError:
        from jax.experimental.shard_map import shard_map
    monkeypatch.setattr(_pieces, "_LOOPED", 6)
    monkeypatch.setattr(_pieces, "_LEAST_LOOPED", 1)
    x, t, loss = arrays(CASES[0])
    mesh = jax.sharding.Mesh(np.asarray(jax.devices()), ("data",))
    parts = jax.sharding.PartitionSpec("data")
    each = partial(loss, reduction="none")
    mapped = shard_map(each, mesh=mesh, in_specs=(parts, parts), out_specs=parts)
    assert_close(jax.jit(mapped)(x, t), each(x, t))


def test_loop_on_a_mesh(monkeypatch):
    """The same with its gradient, which JAX 0.6 itself has not."""
    if jax.device_count() > 1 or not hasattr(jax, "shard_map"):
        pytest.skip("no loop over the parts of several devices, or another shard_map")
    monkeypatch.setattr(_pieces, "_LOOPED", 6)
    monkeypatch.setattr(_pieces, "_LEAST_LOOPED", 1)
    x, t, loss = arrays(CASES[0])

    def both(x, t):
        return jax.value_and_grad(partial(loss, target=t))(x)

    def on_each(x, t):
        value, slope = both(x, t)
        return jax.lax.pmean(value, "data"), slope

    axis_types = (jax.sharding.AxisType.Auto,)
    mesh, parts = jax.make_mesh((1,), ("data",), axis_types=axis_types), jax.P("data")
    specs = {"in_specs": (parts, parts), "out_specs": (jax.P(), parts)}
    mapped = jax.jit(jax.shard_map(on_each, mesh=mesh, **specs))
    jax.tree.map(assert_close, mapped(x, t), both(x, t))
