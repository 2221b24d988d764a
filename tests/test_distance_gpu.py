"""Distances on a GPU; where there is none, the same kernels by an interpreter or in C++."""

import ctypes
import importlib
import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from distances import SHAPES, SPACING, assert_right, samples, spacings

TESTS = Path(__file__).parent


def check(run, dtype, shapes=SHAPES):
    """All masks of some shapes, with and without a limit."""
    for shape in shapes:
        mask = samples(shape)
        for spacing in spacings(shape):
            for limit in (None, 2.5):
                d = run(mask, spacing, dtype, limit)
                assert d.dtype == dtype
                assert_right(d, mask, spacing, limit)


def by_triton(device):
    import torch

    from segloss_xp.distance import _triton

    def run(mask, spacing, dtype, limit):
        # In Fortran's order, which the kernels do not know.
        mask = torch.tensor(mask.T.copy(), device=device).permute(*reversed(range(mask.ndim)))
        d = _triton.squared_distance(mask, spacing, getattr(torch, dtype), limit)
        assert d.device == mask.device
        return d.cpu().numpy()

    return run


def test_triton_interpreted():
    """In a process of its own, as the interpreter replaces the compiler for good."""
    pytest.importorskip("triton")
    code = """
import test_distance_gpu as t
run = t.by_triton("cpu")
t.check(run, "float32", [(9,), (37, 5), (2, 1, 7)])
t.check(run, "float64", [(2, 3, 4, 2)])
assert run(t.np.ones((0, 3, 4), bool), (1.0, 1.0), "float32", None).shape == (0, 3, 4)
"""
    path = os.pathsep.join([str(TESTS), str(TESTS.parent), *sys.path])
    environment = {**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": path}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


@pytest.mark.filterwarnings("ignore:TRITON_DEFAULT_FP_FUSION")
@pytest.mark.parametrize("real", ["fp32", "fp64"])
@pytest.mark.parametrize("inner", ["i32", "constexpr"])
def test_triton_compiles(real, inner, tmp_path, monkeypatch):
    """The compiler takes less than the interpreter, and a number that is 1 is built in."""
    triton = pytest.importorskip("triton", minversion="3.3")
    if os.environ.get("TRITON_INTERPRET") == "1":
        pytest.skip("no compiler while kernels are interpreted")
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from segloss_xp.distance import _triton

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    pointer = f"*{real}"
    sweep = ["*u8", pointer, "i32", "i32", pointer, "constexpr", "constexpr"]
    spread = [pointer, pointer, "i32", "i32", inner, "i32", pointer, "constexpr", "constexpr"]
    numbers = {(7,): 16, (8,): 64} | ({(4,): 1} if inner == "constexpr" else {})
    for kernel, kinds, constants in (
        (_triton._sweep, sweep, {(5,): 16, (6,): 128}),
        (_triton._spread, spread, numbers),
    ):
        signature = dict(zip(kernel.arg_names, kinds, strict=True))
        compiled = triton.compile(
            ASTSource(kernel, signature, constants), GPUTarget("cuda", 80, 32)
        )
        assert "ptx" in compiled.asm


CPLUSPLUS = shutil.which("g++") or shutil.which("c++")

# CUDA's dialect of C++, and a loop over the threads.
THREADS = """
#include <cmath>
using std::fmax; using std::fmin;
#define __global__
struct Index { int x, y; };
static Index blockIdx, blockDim, threadIdx;
"""

KINDS = {
    "float": np.float32,
    "double": np.float64,
    "int": np.int32,
    "long long": np.int64,
}


class Kernel:
    """What `cupy.RawKernel` does, on NumPy arrays, one thread after another."""

    built = itertools.count()
    folder: Path

    def __init__(self, source, name):
        declaration = source.partition(f"void {name}(")[2].partition(")")[0]
        names = [each.split()[-1] for each in declaration.split(",")]
        loop = f"""
extern "C" void launch(int bx, int by, int threads, {declaration}) {{
    blockDim.x = threads;
    for (blockIdx.y = 0; blockIdx.y < by; blockIdx.y++)
        for (blockIdx.x = 0; blockIdx.x < bx; blockIdx.x++)
            for (threadIdx.x = 0; threadIdx.x < threads; threadIdx.x++)
                {name}({", ".join(each.lstrip("*") for each in names)});
}}
"""
        path = self.folder / f"{name}{next(self.built)}"
        path.with_suffix(".cpp").write_text(THREADS + source + loop)
        command = [CPLUSPLUS, "-O1", "-shared", "-fPIC", "-w"]
        subprocess.run([*command, path.with_suffix(".cpp"), "-o", f"{path}.so"], check=True)
        self.launch = ctypes.CDLL(f"{path}.so").launch
        real = "double" if "typedef double real" in source else "float"
        self.types = []
        for each in declaration.replace("real", real).split(","):
            kind = real if "*" in each else " ".join(each.split()[:-1])
            self.types.append(np.dtype(KINDS[kind]))

    def __call__(self, grid, block, arguments):
        assert len(grid) <= 2
        assert max(grid[1:], default=0) < 2**16
        values = []
        for argument, dtype in zip(arguments, self.types, strict=True):
            assert argument.dtype == dtype
            if argument.ndim:
                assert argument.flags.c_contiguous
                values.append(argument.ctypes.data_as(ctypes.c_void_p))
            else:
                values.append(np.ctypeslib.as_ctypes_type(dtype)(argument.item()))
        self.launch(grid[0], grid[1] if len(grid) > 1 else 1, block[0], *values)


def edt(image, *, sampling, return_distances, return_indices):
    """CuPy's own, with what it makes up where there is no background."""
    scipy = pytest.importorskip("scipy.ndimage")
    assert image.ndim in (2, 3)
    if image.all():
        return np.full((image.ndim, *image.shape), 7, np.int32)
    return scipy.distance_transform_edt(image, sampling, return_distances, return_indices)


@pytest.fixture
def emulated(monkeypatch, tmp_path):
    """The adapter of CuPy, on NumPy arrays."""
    if CPLUSPLUS is None:
        pytest.skip("no C++ compiler")
    cupy = ModuleType("cupy")
    for name in ("arange", "ascontiguousarray", "dtype", "empty_like", "inf", "int32", "int64"):
        setattr(cupy, name, getattr(np, name))
    for name in ("stack", "where", "zeros"):
        setattr(cupy, name, getattr(np, name))
    ndimage = ModuleType("cupyx.scipy.ndimage")
    cupy.RawKernel, ndimage.distance_transform_edt = Kernel, edt
    Kernel.folder = tmp_path
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setitem(sys.modules, "cupyx.scipy.ndimage", ndimage)
    monkeypatch.delitem(sys.modules, "segloss_xp.distance._cupy", raising=False)
    adapter = importlib.import_module("segloss_xp.distance._cupy")
    yield adapter
    del sys.modules["segloss_xp.distance._cupy"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cupy_emulated(emulated, dtype):
    check(emulated.squared_distance, dtype)
    assert emulated.squared_distance(np.ones((0, 3), bool), (1.0,), dtype).shape == (0, 3)
    mask = np.asfortranarray(samples((3, 5, 4)))[::-1, :, ::2]
    assert_right(emulated.squared_distance(mask, SPACING[:3], dtype), mask, SPACING[:3])


def test_cupy_huge(emulated, monkeypatch):
    """CuPy's own algorithm takes what is much like a cube, alone; it never sees the rest."""
    monkeypatch.setattr(emulated, "_HUGE", 0)
    monkeypatch.setattr(emulated, "_by_pairs", None)
    for dtype in ("float32", "float64"):
        check(emulated.squared_distance, dtype, [(5, 4), (4, 5, 5)])
    with pytest.raises(TypeError):
        emulated.squared_distance(samples((2, 20)), (1.0, 1.0), "float32")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("library", ["torch", "cupy"])
def test_on_gpu(library, dtype):
    """Without a word to the host until the result is there."""
    cuda = pytest.importorskip(library).cuda
    if not cuda.is_available():
        pytest.skip("no GPU")
    if library == "torch":
        pytest.importorskip("triton")
        import torch

        check(by_triton("cuda"), dtype)
        mask = torch.ones((2, 6, 5, 4), dtype=torch.bool, device="cuda")
        torch.cuda.set_sync_debug_mode("error")
        try:
            importlib.import_module("segloss_xp.distance._triton").squared_distance(
                mask, SPACING[:3], getattr(torch, dtype)
            )
        finally:
            torch.cuda.set_sync_debug_mode("default")
    else:
        import cupy

        from segloss_xp.distance import _cupy

        check(lambda m, *how: _cupy.squared_distance(cupy.asarray(m), *how).get(), dtype)
        mask = np.random.default_rng(0).random((2, 320, 320, 320)) < 0.999
        pairs = _cupy._by_pairs(cupy.asarray(mask), SPACING[:3], cupy.dtype(dtype), [319] * 3)
        own = [_cupy._by_features(cupy.asarray(m), SPACING[:3], cupy.dtype(dtype)) for m in mask]
        cupy.testing.assert_allclose(pairs, cupy.stack(own), rtol=1.2e-6)
