"""The array libraries found on this machine."""

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import segloss_xp as sx


@dataclass(frozen=True)
class Library:
    """An array library on a device: ``"torch"``, ``"torch-cuda"``, ..."""

    name: str

    @property
    def package(self) -> str:
        """Name of the package."""
        return self.name.removesuffix("-cuda")

    def array(self, x: np.ndarray) -> Any:
        """The NumPy array in this library, on its device."""
        match self.package:
            case "torch":
                import torch

                return torch.tensor(x, device="cuda" if self.name.endswith("cuda") else "cpu")
            case "jax":
                import jax

                kind = "cuda" if self.name.endswith("cuda") else "cpu"
                return jax.device_put(x, jax.devices(kind)[0])
            case "cupy":
                import cupy

                return cupy.asarray(x)
            case _:
                return x

    def numpy(self, x: Any) -> np.ndarray:
        """An array of this library in NumPy; waits for it to be computed."""
        match self.package:
            case "torch":
                return x.cpu().numpy()
            case "cupy":
                return x.get()
            case _:
                return np.asarray(x)

    def value_and_grad(
        self, loss: sx.Loss, spacing: tuple[float, ...], *, compiled: bool = False
    ) -> Callable[..., Any]:
        """Value and gradient from prediction, target and mask; `compiled` by JAX, or as it is."""

        def run(prediction: Any, target: Any, mask: Any) -> Any:
            return sx.value_and_grad(loss, prediction, target, mask=mask, spacing=spacing)

        if compiled and self.package == "jax":
            import jax

            return jax.jit(run)
        return run

    def wait(self, results: Any) -> None:
        """Return when the results have been computed."""
        match self.name:
            case "torch-cuda":
                import torch

                torch.cuda.synchronize()
            case "cupy":
                import cupy

                cupy.cuda.get_current_stream().synchronize()
            case "jax" | "jax-cuda":
                import jax

                jax.block_until_ready(results)


def found(device: str = "auto") -> tuple[Library, ...]:
    """NumPy and what else is installed, unless `device` is "cpu" also on a GPU."""
    names = ["numpy", *(name for name in ("torch", "jax") if installed(name))]
    if device != "cpu":
        names += ["cupy"] * (installed("cupy") and on_gpu("cupy"))
        names += [f"{name}-cuda" for name in names if name in ("torch", "jax") and on_gpu(name)]
    return tuple(map(Library, names))


def installed(package: str) -> bool:
    """Whether the package can be imported; JAX is set up for this program."""
    if importlib.util.find_spec(package) is None:
        return False
    if package == "jax":
        # It would take most of the memory of the GPU, which it shares with the other libraries.
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        import jax

        # The agreement is checked in double precision.
        jax.config.update("jax_enable_x64", True)
    return True


def on_gpu(package: str) -> bool:
    """Whether the package, which is installed, sees a GPU."""
    match package:
        case "torch":
            import torch

            return torch.cuda.is_available()
        case "jax":
            import jax

            return any(device.platform == "gpu" for device in jax.devices())
        case _:
            import cupy

            return cupy.cuda.is_available()
