"""Signed distance maps beside other libraries: `python benchmarks/distance.py [--quick]`."""

import ctypes
import gc
import importlib.util
import platform
from collections.abc import Iterator
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from harness import Benchmark, Contestant, Run, shape_of
from scipy.ndimage import distance_transform_edt, gaussian_filter

import segloss_xp as sx

SHAPES = [(8, 4, 256, 256), (1, 1, 128, 128, 128), (2, 3, 96, 96, 96), (1, 1, 192, 192, 128)]
QUICK = [(2, 2, 128, 128), (1, 1, 64, 64, 64)]
SLOW = 1 << 18  # Voxels beyond which kornia takes half a minute.


def objects(shape: tuple[int, ...]) -> np.ndarray:
    """Masks of organ-like objects."""
    rng = np.random.default_rng(0)
    masks = []
    for _ in range(prod(shape[:2])):
        noise = gaussian_filter(rng.normal(size=shape[2:]), [n / 10 for n in shape[2:]])
        masks.append(noise > np.quantile(noise, 7 / 8))
    return np.reshape(masks, shape)


def runs(mask: np.ndarray, threads: int) -> Iterator[tuple[str, str, Run]]:
    """Distances inside and outside: of all that are installed, and ours in each form."""
    samples = mask.reshape(-1, *mask.shape[2:])
    tmask, jmask = torch.from_numpy(mask), jnp.asarray(mask)
    yield (
        "SciPy",
        "NumPy",
        lambda: [distance_transform_edt(~m) - distance_transform_edt(m) for m in samples],
    )
    if importlib.util.find_spec("monai"):
        from monai.transforms.utils import distance_transform_edt as monai

        channels = tmask.flatten(0, 1)
        yield "MONAI", "torch", lambda: monai(~channels) - monai(channels)
    if importlib.util.find_spec("edt"):
        import edt

        yield "edt", "NumPy", lambda: [edt.sdf(m, parallel=threads) for m in samples]
    if importlib.util.find_spec("kornia") and mask.size <= SLOW:
        from kornia.contrib import distance_transform as kornia

        floats = tmask.float()
        yield "kornia (inexact)", "torch", lambda: kornia(floats) - kornia(1 - floats)
    torch.compiler.reset()
    compiled = torch.compile(sx.signed_distance, fullgraph=True, dynamic=False)
    jitted = jax.jit(sx.signed_distance)
    yield "segloss_xp", "NumPy", lambda: sx.signed_distance(mask)
    yield "segloss_xp", "torch", lambda: sx.signed_distance(tmask)
    yield "segloss_xp", "torch compiled", lambda: compiled(tmask)
    yield "segloss_xp", "JAX jit", lambda: jax.block_until_ready(jitted(jmask))


def peak(run: Run) -> int:
    """Bytes by which a call raises the most memory that was ever in use, as Linux counts it."""

    def status(key: str) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(key))

    gc.collect()
    libc: Any = ctypes.CDLL(None)
    libc.malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak
    before = status("VmRSS")
    run()
    return max(0, status("VmHWM") - before) * 1024


def main() -> None:
    b = Benchmark("distance", "Distances inside and outside of objects")
    counted = platform.system() == "Linux"
    for shape in QUICK if b.options.quick else SHAPES:
        contestants = (
            Contestant(library, form, run, peak=partial(peak, run) if counted else None)
            for library, form, run in runs(objects(shape), b.options.threads)
        )
        b.compare(contestants, reference="SciPy", masks=shape_of(shape))
    b.save()


if __name__ == "__main__":
    main()
