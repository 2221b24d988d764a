"""Signed distance maps beside other libraries: `python benchmarks/distance.py [--quick]`.

All take turns in one process, round after round, so that a change of the machine's pace meets all
alike; the table gives the median over the rounds, its ratio to SciPy, and by how much one call
raises the peak of the process's memory. Each measures the distances inside and outside of smooth
objects that fill an eighth of each image or volume.
"""

import argparse
import ctypes
import gc
import importlib.metadata
import importlib.util
import os
import platform
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from losses import measure
from scipy.ndimage import distance_transform_edt, gaussian_filter

import segloss_xp as sx

SHAPES = [(8, 4, 256, 256), (1, 1, 128, 128, 128), (2, 3, 96, 96, 96), (1, 1, 192, 192, 128)]
QUICK = [(2, 2, 128, 128), (1, 1, 64, 64, 64)]
SLOW = 1 << 18  # Voxels beyond which kornia takes half a minute.
Run = Callable[[], Any]


def objects(shape: tuple[int, ...]) -> np.ndarray:
    """Masks of organ-like objects."""
    rng = np.random.default_rng(0)
    masks = []
    for _ in range(prod(shape[:2])):
        noise = gaussian_filter(rng.normal(size=shape[2:]), [n / 10 for n in shape[2:]])
        masks.append(noise > np.quantile(noise, 7 / 8))
    return np.reshape(masks, shape)


def contestants(mask: np.ndarray, threads: int) -> dict[str, Run]:
    """All that are installed, SciPy first and ours last."""
    samples = mask.reshape(-1, *mask.shape[2:])
    tmask, jmask = torch.from_numpy(mask), jnp.asarray(mask)

    def each(distance: Callable[..., Any]) -> Run:
        return lambda: [distance(~m) - distance(m) for m in samples]

    runs = {"SciPy": each(distance_transform_edt)}
    if importlib.util.find_spec("monai"):
        from monai.transforms.utils import distance_transform_edt as monai

        channels = tmask.flatten(0, 1)
        runs["MONAI"] = lambda: monai(~channels) - monai(channels)
    if importlib.util.find_spec("edt"):
        import edt

        runs["edt"] = lambda: [edt.sdf(m, parallel=threads) for m in samples]
    if importlib.util.find_spec("kornia") and mask.size <= SLOW:
        from kornia.contrib import distance_transform as kornia

        runs["kornia (inexact)"] = lambda: kornia(tmask.float()) - kornia((~tmask).float())
    torch.compiler.reset()
    compiled = torch.compile(sx.signed_distance, fullgraph=True, dynamic=False)
    jitted = jax.jit(sx.signed_distance)
    return runs | {
        "segloss_xp, NumPy": lambda: sx.signed_distance(mask),
        "segloss_xp, torch": lambda: sx.signed_distance(tmask),
        "segloss_xp, torch compiled": lambda: compiled(tmask),
        "segloss_xp, JAX jit": lambda: jax.block_until_ready(jitted(jmask)),
    }


def peak(run: Run) -> str:
    """Megabytes by which a call raises the most memory that was ever in use, as Linux counts it."""
    if platform.system() != "Linux":
        return ""

    def status(key: str) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(key))

    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak
    before = status("VmRSS")
    run()
    return f"{max(0, status('VmHWM') - before) / 1024:.0f}"


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds, small volumes")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    torch.set_num_threads(options.threads)
    names = ("numpy", "scipy", "numba", "torch", "jax", "monai", "edt", "kornia")
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}"
        for name in names
        if importlib.util.find_spec(name)
    )
    print(f"{versions}; {platform.machine()}, {options.threads} threads; float32\n")
    for shape in QUICK if options.quick else SHAPES:
        runs = contestants(objects(shape), options.threads)
        times = measure(runs, 3 if options.quick else options.rounds)
        print(f"**{shape}**\n\n| | ms | speed | peak MB |\n|---|---|---|---|")
        for name, ms in times.items():
            speed = times["SciPy"] / ms
            print(f"| {name} | {ms:.1f} | {speed:.1f}x | {peak(runs[name])} |")
        print(flush=True)


if __name__ == "__main__":
    main()
