"""Distances of JAX arrays: exact, in every transform, on the processor and as on a GPU."""

from functools import partial

import numpy as np
import pytest
from distances import SHAPES, TOLERANCE, assert_right, brute_force_labels, samples, spacings

import segloss_xp as sx

jax = pytest.importorskip("jax")
import jax.numpy as jnp  # noqa: E402
from jax import export  # noqa: E402

from segloss_xp.distance import _jax  # noqa: E402

DTYPES = ("float32", "float64")
ONES = (1.0, 1.0, 1.0)


@pytest.fixture(params=["cpu", "gpu"])
def adapter(request, monkeypatch):
    """The adapter, with what it does on a GPU in place of what it does here, too."""
    if request.param == "gpu":
        monkeypatch.setattr(_jax, "_looped", _jax._fused)
        jax.clear_caches()
    yield _jax
    if request.param == "gpu":
        jax.clear_caches()


def blobs(*shape, seed=0):
    """Thick and thin objects: smooth noise above a threshold."""
    noise = np.random.default_rng(seed).standard_normal(shape)
    for axis in range(1, len(shape)):
        for _ in range(3):
            noise = noise + np.roll(noise, 1, axis) + np.roll(noise, -1, axis)
    return noise > 0.8 * noise.std()


# Each is compiled four times.
@pytest.mark.parametrize("shape", [s for s in SHAPES if s not in ((1,), (18, 2, 3))], ids=str)
def test_exact(adapter, shape):
    mask = samples(shape)
    for spacing in spacings(shape):
        for dtype in DTYPES:
            d = adapter.squared_distance(jnp.asarray(mask), spacing, jnp.dtype(dtype))
            assert d.dtype == dtype
            assert_right(np.asarray(d), mask, spacing)


@pytest.mark.parametrize("limit", [None, 2.5])
@pytest.mark.parametrize("shape", [(37, 5), (3, 5, 4)], ids=str)
def test_exact_between_labels(adapter, shape, limit):
    """Of two values, and of several."""
    masks, spacing = samples(shape), spacings(shape)[1]
    for labels in (masks, masks + np.roll(masks, 1, axis=-1) * np.uint8(200)):
        d = adapter.squared_label_distance(jnp.asarray(labels), spacing, jnp.float64, limit)
        want = brute_force_labels(labels, spacing)
        near = want <= (limit or np.inf) ** 2
        np.testing.assert_allclose(d[near], want[near], rtol=TOLERANCE["float64"])
        assert np.all(d[~near] > (limit or np.inf) ** 2)


@pytest.mark.parametrize("limit", [0.5, 3.0, 1e9])
def test_limit(adapter, limit):
    mask = samples((5, 7, 6))
    for spacing in spacings((5, 7, 6)):
        d = adapter.squared_distance(jnp.asarray(mask), spacing, jnp.float64, limit)
        assert_right(np.asarray(d), mask, spacing, limit)


@pytest.mark.parametrize("tile", [1, 50, 1000])
def test_tiles(tile, monkeypatch):
    """Tiles that do not divide the array overlap; a line longer than a tile is one tile."""
    monkeypatch.setattr(_jax, "_TILE", tile)
    mask = samples((5, 7, 11))
    run = partial(_jax._looped, spacing=ONES, dtype=jnp.float32, limit=None)
    assert_right(np.asarray(jax.jit(partial(run, sites=True))(mask)), mask, ONES)
    both = jax.jit(partial(run, sites=False))(mask)
    np.testing.assert_array_equal(both, brute_force_labels(mask, ONES))


@pytest.mark.parametrize("spacing", [ONES, (3.0, 0.7, 1.3)], ids=str)
@pytest.mark.parametrize("inside", [True, False])
def test_equals_scipy(spacing, inside):
    scipy = pytest.importorskip("scipy.ndimage")
    mask = blobs(2, 45, 40, 51) == inside
    squares = [scipy.distance_transform_edt(sample, spacing) ** 2 for sample in mask]
    for dtype in DTYPES:
        d = np.asarray(_jax.squared_distance(jnp.asarray(mask), spacing, jnp.dtype(dtype)))
        if spacing == ONES:
            np.testing.assert_array_equal(d, np.round(squares))
        else:
            np.testing.assert_allclose(d, squares, rtol=TOLERANCE[dtype])


@pytest.mark.parametrize("shape", [(0, 3, 4), (2, 0, 4), (0, 5), (0, 0, 0)], ids=str)
def test_nothing(shape):
    d = _jax.squared_distance(jnp.zeros(shape, bool), (1.0,) * (len(shape) - 1), jnp.float32)
    assert (d.shape, d.dtype) == (shape, jnp.float32)


def distance(mask):
    return _jax.squared_distance(mask, (3.0, 0.7), jnp.float64)


@pytest.mark.parametrize("axis", [0, 1, 2, 3])
def test_vmap(axis):
    masks = jnp.asarray(np.stack([samples((6, 5)), ~samples((6, 5))]))
    expected = jnp.stack([distance(mask) for mask in masks])
    mapped = jax.vmap(distance, in_axes=axis)(jnp.moveaxis(masks, 0, axis))
    np.testing.assert_array_equal(mapped, expected)
    twice = jax.jit(jax.vmap(jax.vmap(distance)))(masks[:, :, None])
    np.testing.assert_array_equal(twice[:, :, 0], expected)


def test_scan():
    masks = jnp.asarray(np.stack([samples((6, 5)), ~samples((6, 5))]))
    _, scanned = jax.jit(lambda m: jax.lax.scan(lambda c, x: (c, distance(x)), None, m))(masks)
    np.testing.assert_array_equal(scanned, jnp.stack([distance(mask) for mask in masks]))


def test_constant_to_gradients():
    """In each mode, and within another transform."""
    x = jnp.asarray(np.random.default_rng(0).random((2, 3, 6, 5)))

    def total(x):
        return jnp.sum(distance(x > 0.3) * x)

    expected = jnp.stack([distance(sample > 0.3) for sample in x])
    batched = jax.jit(jax.vmap(jax.grad(total)))(x)
    np.testing.assert_array_equal(batched, expected)
    np.testing.assert_array_equal(jax.grad(lambda x: jnp.sum(jax.vmap(total)(x)))(x), expected)
    np.testing.assert_array_equal(jax.jacfwd(total)(x[0]), expected[0])
    np.testing.assert_array_equal(jax.grad(jax.checkpoint(total))(x[0]), expected[0])


def test_callback():
    """The adapter of NumPy, for those who want it."""
    mask = jnp.asarray(np.eye(6, dtype=bool)[None, None])
    like = jax.ShapeDtypeStruct(mask.shape, jnp.float32)

    def by_numpy(mask):
        return sx.distance_transform(np.asarray(mask))

    called = jax.jit(lambda mask: jax.pure_callback(by_numpy, like, mask))
    np.testing.assert_array_equal(called(mask), sx.distance_transform(mask))


def test_export():
    """One program for all platforms."""
    mask = jnp.asarray(samples((6, 5)))
    exported = export.export(jax.jit(distance), platforms=["cpu", "cuda"])(mask)
    np.testing.assert_array_equal(exported.call(mask), distance(mask))


@pytest.mark.parametrize(("platform", "loops"), [("cpu", True), ("cuda", False), ("tpu", False)])
def test_each_platform_has_its_own(platform, loops):
    mask = jnp.zeros((2, 6, 5), bool)
    program = export.export(jax.jit(distance), platforms=[platform])(mask).mlir_module()
    assert ("stablehlo.while" in program) == loops
    assert "stablehlo.reduce" in program
    assert "callback" not in program


@pytest.mark.parametrize("sites", [True, False])
@pytest.mark.parametrize("run", [_jax._looped, _jax._fused])
@pytest.mark.parametrize("shape", [(1, 96, 96, 96), (4, 192, 192), (1, 300, 300, 5)], ids=str)
def test_memory(run, shape, sites):
    """No array of pairs is ever there: it would be as many times the output as an axis is long."""
    spacing = (1.0,) * (len(shape) - 1)
    function = jax.jit(partial(run, spacing=spacing, dtype=jnp.float32, limit=None, sites=sites))
    labels = jax.ShapeDtypeStruct(shape, bool if sites else np.int32)
    memory = function.lower(labels).compile().memory_analysis()
    assert memory.output_size_in_bytes == 4 * np.prod(shape)
    assert memory.temp_size_in_bytes < 6 * memory.output_size_in_bytes
