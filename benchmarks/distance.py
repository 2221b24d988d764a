"""Signed distance maps beside other libraries: `python benchmarks/distance.py [--quick]`."""

import importlib.util
from collections.abc import Iterator
from math import prod

import jax
import jax.numpy as jnp
import numpy as np
import torch
from harness import Benchmark, Contestant, shape_of
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


def contestants(mask: np.ndarray, threads: int) -> Iterator[Contestant]:
    """Distances inside and outside: of all that are installed, and ours in each form."""
    samples = mask.reshape(-1, *mask.shape[2:])
    tmask, jmask = torch.from_numpy(mask), jnp.asarray(mask)

    def scipy() -> list[np.ndarray]:
        return [distance_transform_edt(~m) - distance_transform_edt(m) for m in samples]

    yield Contestant("SciPy", "NumPy", scipy)
    if importlib.util.find_spec("monai"):
        from monai.transforms.utils import distance_transform_edt as monai

        channels = tmask.flatten(0, 1)
        yield Contestant("MONAI", "torch", lambda: monai(~channels) - monai(channels))
    if importlib.util.find_spec("edt"):
        import edt

        yield Contestant("edt", "NumPy", lambda: [edt.sdf(m, parallel=threads) for m in samples])
    if importlib.util.find_spec("kornia") and mask.size <= SLOW:
        from kornia.contrib import distance_transform as kornia

        f = tmask.float()
        yield Contestant("kornia (inexact)", "torch", lambda: kornia(f) - kornia(1 - f), same=False)
    torch.compiler.reset()
    compiled = torch.compile(sx.signed_distance, fullgraph=True, dynamic=False)
    jitted = jax.jit(sx.signed_distance)
    yield Contestant("segloss_xp", "NumPy", lambda: sx.signed_distance(mask))
    yield Contestant("segloss_xp", "torch", lambda: sx.signed_distance(tmask))
    yield Contestant("segloss_xp", "torch compiled", lambda: compiled(tmask))
    yield Contestant("segloss_xp", "JAX jit", lambda: jax.block_until_ready(jitted(jmask)))


def main() -> None:
    b = Benchmark("distance", "Distances inside and outside of objects")
    for shape in QUICK if b.options.quick else SHAPES:
        b.compare(contestants(objects(shape), b.options.threads), masks=shape_of(shape))
    b.save()


if __name__ == "__main__":
    main()
