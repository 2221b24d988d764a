"""Distances: exact, for each library and each way of computing them on the processor."""

import importlib
import os
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
from backends import Backend
from distances import SHAPES, SPACING, brute_force, brute_force_labels, samples, spacings
from hypothesis import given, settings
from hypothesis import strategies as st

import segloss_xp as sx
from segloss_xp import _execution
from segloss_xp.distance import _numpy, _threads

DTYPES = {"float32": 6e-7, "float64": 1e-13}  # and the relative error of a distance


def close(actual, expected, dtype="float32"):
    """Whether distances, not their squares, are as close as the dtype allows."""
    assert actual.shape == expected.shape
    assert actual.dtype == dtype
    np.testing.assert_allclose(actual, expected, rtol=DTYPES[dtype], atol=0)


PROVIDERS = ("_numba", "_scipy", "_windowed", "_generic")


@pytest.fixture(params=PROVIDERS)
def provider(request, monkeypatch):
    """Each way to compute the distances of NumPy arrays."""
    if request.param in ("_numba", "_scipy"):
        pytest.importorskip(request.param.removeprefix("_"))
    module = importlib.import_module(f"segloss_xp.distance.{request.param}")
    monkeypatch.setattr(_numpy, "_provider", lambda: module)
    return module


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_exact(provider, shape, dtype):
    masks = samples(shape)
    labels = masks + len(shape) * np.roll(masks, 1, axis=-1).astype(np.int16)
    axes = tuple(range(1, masks.ndim))
    for spacing in spacings(shape):
        how = {"axes": axes, "spacing": spacing, "dtype": np.dtype(dtype)}
        for function, x, squares in (
            (sx.distance_transform, masks, brute_force(masks, spacing)),
            (sx.label_distance, labels, brute_force_labels(labels, spacing)),
        ):
            close(function(x, **how), np.sqrt(squares), dtype)
            if set(spacing) == {1.0}:
                d = function(x, **how, squared=True)
                assert d.dtype == dtype
                np.testing.assert_array_equal(d, squares)


@pytest.mark.parametrize("spacing", [(1, 1, 1), SPACING[:3], (1e-3, 1e3, 1)], ids=str)
@pytest.mark.parametrize("density", [0.5, 0.99, 0.9999])
def test_equals_scipy(provider, spacing, density):
    scipy = pytest.importorskip("scipy.ndimage")
    mask = np.random.default_rng(0).random((40, 33, 37)) < density
    mask[0, 0, 0] = False
    expected = scipy.distance_transform_edt(mask, spacing)
    for dtype in DTYPES:
        d = sx.distance_transform(mask, axes=(0, 1, 2), spacing=spacing, dtype=np.dtype(dtype))
        close(d, expected, dtype)


def test_along_long_axes(provider):
    """Whole numbers are exact up to 2**24; near ties on far voxels need all their digits."""
    mask = np.ones((3, 700), bool)
    mask[0, 0] = mask[2, 699] = False
    for shape in (mask, mask.T):
        how = {"axes": (0, 1), "squared": True}
        d = sx.distance_transform(shape, **how)
        i, j = np.indices(shape.shape) if shape is mask else np.indices(shape.shape)[::-1]
        expected = np.minimum(i**2 + j**2, (2 - i) ** 2 + (699 - j) ** 2)
        np.testing.assert_array_equal(d, expected)


@pytest.mark.parametrize(
    ("function", "maps"),
    [(sx.distance_transform, 1), (sx.label_distance, 1), (sx.signed_distance, 2)],
)
def test_memory(function, maps):
    """No more than so many times the result is ever there."""
    pytest.importorskip("numba")
    mask = np.random.default_rng(0).random((2, 48, 40, 56)) < 0.9
    run = partial(function, axes=(1, 2, 3))
    run(mask)
    tracemalloc.start()
    try:
        d = run(mask)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert d.nbytes <= peak < (maps + 0.1) * d.nbytes


sizes = st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple)


@given(
    shape=sizes,
    seed=st.integers(0, 2**32 - 1),
    density=st.sampled_from([0.3, 0.8, 0.95]),
    classes=st.integers(1, 4),
    spacing=st.lists(st.sampled_from([0.25, 0.5, 1.0, 2.0, 8.0]), min_size=3, max_size=3),
)
@settings(deadline=None, max_examples=60, derandomize=True)
def test_properties(shape, seed, density, classes, spacing):
    """The oracle; and neither the order nor the direction of the axes matters."""
    rng = np.random.default_rng(seed)
    mask, labels = rng.random(shape) < density, rng.integers(0, classes, shape)
    axes, spacing = tuple(range(len(shape))), tuple(spacing[: len(shape)])
    how = {"axes": axes, "spacing": spacing, "squared": True}
    d = sx.distance_transform(mask, **how)
    np.testing.assert_array_equal(d, brute_force(mask[None], spacing)[0])
    l = sx.label_distance(labels, **how)  # noqa: E741
    np.testing.assert_array_equal(l, brute_force_labels(labels[None], spacing)[0])
    np.testing.assert_array_equal(np.where(mask, sx.label_distance(mask, **how), 0), d)
    for order in permutations(axes):
        turned = {**how, "spacing": [spacing[axis] for axis in order]}
        np.testing.assert_array_equal(
            sx.distance_transform(mask.transpose(order), **turned), d.transpose(order)
        )
    flipped = mask[(slice(None, None, -1),) * mask.ndim]
    np.testing.assert_array_equal(np.flip(sx.distance_transform(flipped, **how)), d)


def test_any_memory_layout(provider):
    mask = np.random.default_rng(0).random((4, 12, 10)) < 0.9
    frozen = mask.copy()
    frozen.flags.writeable = False
    wide = np.repeat(np.repeat(mask, 2, axis=1), 3, axis=2)
    for function in (sx.distance_transform, sx.signed_distance, sx.label_distance):
        run = partial(function, axes=(1, 2), spacing=(0.5, 2))
        expected = run(mask)
        for same in (
            frozen,
            np.asfortranarray(mask),
            wide[:, ::2, ::3],
            mask[::-1, :, ::-1].copy()[::-1, :, ::-1],
            np.broadcast_to(mask[None], (2, *mask.shape))[1],
            mask.astype(np.uint8),
            mask.astype(np.int64),
            mask.astype(">i4"),
        ):
            np.testing.assert_array_equal(run(same), expected)
        assert np.array_equal(frozen, mask)


def test_any_nonzero_integer_is_true():
    mask = np.array([[0, 2, -1, 256, 0]])
    np.testing.assert_array_equal(sx.distance_transform(mask, axes=1), [[0, 1, 2, 1, 0]])


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"])
def test_labels_of_any_integer_dtype(provider, dtype):
    last = np.iinfo(dtype).max
    labels = np.array([[last, last, last, last - 1, 0, 0]], dtype)
    np.testing.assert_array_equal(sx.label_distance(labels, axes=1), [[3, 2, 1, 1, 1, 2]])


@pytest.mark.parametrize("batch", [1, 2])
def test_batch_axes_anywhere(provider, batch):
    mask = np.random.default_rng(0).random((3, 4, 5, 2)) < 0.8
    for axes in permutations(range(-4, 0), 4 - batch):
        rest = [axis for axis in range(-4, 0) if axis not in axes]
        spacing = SPACING[: len(axes)]
        for function in (sx.distance_transform, sx.signed_distance):
            d = function(mask, axes=axes, spacing=spacing).transpose(*rest, *axes)
            for sample in product(*(range(mask.shape[axis]) for axis in rest)):
                alone = mask.transpose(*rest, *axes)[sample]
                close(d[sample], function(alone, axes=range(len(axes)), spacing=spacing))


def test_default_axes():
    mask = np.random.default_rng(0).random((2, 3, 4, 5, 6)) < 0.8
    for x in (mask, mask[:, :, 0]):
        space = tuple(range(2, x.ndim))
        for function in (sx.distance_transform, sx.signed_distance):
            np.testing.assert_array_equal(function(x), function(x, axes=space))
    labels = mask[:, 0].astype(int)
    np.testing.assert_array_equal(
        sx.label_distance(labels), sx.label_distance(labels, axes=(1, 2, 3))
    )


def test_nothing_to_measure(provider):
    for shape in ((0, 2, 3, 4), (2, 0, 3, 4), (2, 2, 0, 4), (2, 2, 3, 0)):
        for function in (sx.distance_transform, sx.signed_distance, sx.label_distance):
            d = function(np.ones(shape, bool), axes=(2, 3))
            assert d.shape == shape
            assert d.dtype == np.float32


def test_without_the_other_side(provider):
    mask = np.zeros((3, 1, 4, 5), bool)
    mask[1] = True
    mask[2, 0, 0, 0] = True
    d = sx.distance_transform(mask)
    assert (d[0] == 0).all()
    assert np.isposinf(d[1]).all()
    assert np.isposinf(sx.label_distance(mask, axes=(2, 3))[:2]).all()
    assert (sx.distance_transform(mask, max_distance=2)[1] == 2).all()
    assert (sx.signed_distance(mask)[:2] == 0).all()
    signed = sx.signed_distance(mask, empty=7, inner_offset=0.5, max_distance=2)
    assert (signed[:2] == 7).all()
    assert signed[2, 0, 0, 0] == -0.5
    assert signed[2, 0, 3, 4] == 2


def test_clipped(provider):
    masks = samples((7, 9))
    for limit in (0.5, 1.0, 2.5, 100.0):
        how = {"axes": (1, 2), "spacing": (0.7, 1.1)}
        for function in (sx.distance_transform, sx.label_distance):
            d = function(masks, **how)
            clipped = np.minimum(d, np.float32(limit))
            np.testing.assert_array_equal(function(masks, **how, max_distance=limit), clipped)
            squares = function(masks, **how, squared=True)
            np.testing.assert_array_equal(
                function(masks, **how, squared=True, max_distance=limit),
                np.minimum(squares, np.float32(limit**2)),
            )
        signed = np.clip(sx.signed_distance(masks, **how), -limit, np.float32(limit))
        np.testing.assert_array_equal(sx.signed_distance(masks, **how, max_distance=limit), signed)


@pytest.mark.parametrize("spacing", [None, 0.5, SPACING[:3]], ids=str)
def test_signed(provider, spacing):
    masks = samples((5, 6, 4))
    how = {"axes": (1, 2, 3), "spacing": spacing}
    d = sx.signed_distance(masks, **how, inner_offset=0.25)
    outside, inside = (sx.distance_transform(m, **how) for m in (~masks, masks))
    expected = np.where(masks, 0.25 - inside, outside)
    np.testing.assert_array_equal(d, np.where(np.isfinite(expected), expected, 0))


def test_map_of_the_boundary_loss():
    """Kervadec's: the distance outside, and that inside less 1."""
    scipy = pytest.importorskip("scipy.ndimage")
    mask = np.random.default_rng(0).random((16, 16)) < 0.5
    far, near = scipy.distance_transform_edt(~mask), scipy.distance_transform_edt(mask)
    expected = far * ~mask - (near - 1) * mask
    close(sx.signed_distance(mask, axes=(0, 1), inner_offset=1), expected.astype(np.float32))


LIBRARY_CASES = {
    "volumes": ((2, 2, 6, 5, 7), {"spacing": SPACING[:3]}),
    "images": ((3, 1, 1, 9), {"spacing": 0.5, "max_distance": 1.5}),
    "channels last": ((2, 8, 6, 3), {"axes": (1, 2), "spacing": (1.0, 2.0)}),
}


@pytest.mark.parametrize("case", LIBRARY_CASES)
def test_every_library(backend: Backend, case):
    shape, how = LIBRARY_CASES[case]
    rng = np.random.default_rng(0)
    mask, labels = rng.random(shape) < 0.9, rng.integers(0, 3, shape)
    mask[0, ..., 0], labels[0, ..., 0] = True, 1
    axes = how.get("axes", tuple(range(2, len(shape))))

    def run(mask, labels):
        return (
            sx.distance_transform(mask, **how),
            sx.distance_transform(labels, **{**how, "squared": True}),
            sx.signed_distance(mask, **how, inner_offset=0.5, empty=-3.0),
            sx.label_distance(labels, **{**how, "axes": axes}),
        )

    for actual, expected in zip(backend.run(run, mask, labels), run(mask, labels), strict=True):
        close(actual, expected)


def test_double_precision(backend: Backend):
    mask = samples((5, 4, 6))

    def run(mask):
        xp = sx._array.namespace(mask)
        return (sx.distance_transform(mask, axes=(1, 2, 3), spacing=SPACING[:3], dtype=xp.float64),)

    (actual,), (expected,) = backend.run(run, mask), run(mask)
    close(actual, expected, "float64")


@pytest.mark.parametrize(
    ("error", "match", "arguments"),
    [
        (TypeError, "booleans or integers, got dtype float64", {"mask": np.ones((1, 1, 2, 2))}),
        (
            ValueError,
            r"after the first 2, got shape \(4, 4, 4\)",
            {"mask": np.ones((4, 4, 4), int)},
        ),
        (ValueError, r"got axes=\(1, -3\)", {"axes": (1, -3)}),
        (ValueError, r"got axes=4", {"axes": 4}),
        (ValueError, r"got axes=\(\)", {"axes": ()}),
        (ValueError, r"got \(1, 2, 3\)", {"spacing": (1, 2, 3)}),
        (ValueError, "got 0", {"spacing": 0}),
        (ValueError, "got inf", {"spacing": float("inf")}),
        (ValueError, "max_distance, got -1", {"max_distance": -1}),
        (ValueError, "got dtype 'float16'", {"dtype": "float16"}),
    ],
)
def test_errors(error, match, arguments):
    with pytest.raises(error, match=match):
        sx.distance_transform(**{"mask": np.ones((1, 2, 3, 4), bool), **arguments})


def test_default_axes_of_labels():
    with pytest.raises(ValueError, match=r"after the first 1, got shape \(4, 4\)"):
        sx.label_distance(np.ones((4, 4), int))


@pytest.mark.parametrize("threads", ["1", "3", ""])
@pytest.mark.parametrize("total", [0, 1, 2, 50])
def test_spread(threads, total, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    for least in (0, 1, 7):
        done = []
        _threads.spread(lambda a, b, done=done: done.extend(range(a, b)), total, least)
        assert sorted(done) == list(range(total))


def test_an_error_in_a_thread_is_raised(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with pytest.raises(ZeroDivisionError):
        _threads.spread(lambda a, b: 1 // 0, 10)


def test_several_threads_at_once(provider, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    masks = [np.random.default_rng(i).random((6, 24, 24)) < 0.9 for i in range(8)]
    run = partial(sx.distance_transform, axes=(1, 2))
    with ThreadPoolExecutor(4) as pool:
        for mask, d in zip(masks, pool.map(run, masks), strict=True):
            np.testing.assert_array_equal(d, run(mask))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_survives_fork():
    """Of a process that has used its threads, as the workers of a data loader are."""
    code = """
import os, signal, numpy as np, segloss_xp as sx
mask = np.random.default_rng(0).random((8, 64, 64)) < 0.9
d = sx.distance_transform(mask, axes=(1, 2))
child = os.fork()
if child == 0:
    signal.alarm(30)
    os._exit(not np.array_equal(sx.distance_transform(mask, axes=(1, 2)), d))
assert os.waitpid(child, 0)[1] == 0
"""
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "2",
        "PYTHONPATH": str(Path(sx.__file__).parents[1]),
    }
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)


def test_falls_back(monkeypatch):
    """On SciPy without Numba, on NumPy without both."""
    pytest.importorskip("scipy")
    monkeypatch.setattr(_numpy, "importable", _execution.importable.__wrapped__)
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "segloss_xp.distance._numba", raising=False)
    assert _numpy._provider().__name__.endswith("_scipy")
    monkeypatch.setitem(sys.modules, "scipy.ndimage", None)
    monkeypatch.delitem(sys.modules, "segloss_xp.distance._scipy", raising=False)
    assert _numpy._provider().__name__.endswith("_windowed")
