"""The libraries under test, each with the ways to run a loss on NumPy data.

`SEGLOSS_XP_BACKENDS`, a comma-separated list of names, chooses some; by default all that are
installed take part, and those on a GPU where there is one.
"""

import importlib.util
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

import segloss_xp as sx

NAMES = (
    "numpy",
    "strict",
    "dask",
    "torch",
    "torch-compiled",
    "torch-device",
    "jax",
    "jax-jit",
    "cupy",
    "torch-cuda",
    "torch-cuda-compiled",
    "jax-cuda",
)


@dataclass(frozen=True)
class Backend:
    """One library, in one way of running it; as `torch-device` PyTorch, this processor a device."""

    name: str

    @property
    def library(self) -> str:
        return self.name.partition("-")[0]

    @property
    def differentiates(self) -> bool:
        """Whether `value_and_grad` works on its arrays with nothing else installed."""
        return self.library not in ("strict", "dask")

    @property
    def eager(self) -> bool:
        """Whether it runs a loss as it is, uncompiled."""
        return "-compiled" not in self.name and "-jit" not in self.name

    def array(self, x: Any) -> Any:
        """The NumPy array in this library, on its device."""
        x = np.asarray(x)
        match self.library:
            case "numpy":
                return x
            case "strict":
                import array_api_strict

                return array_api_strict.asarray(x)
            case "dask":
                import dask.array

                return dask.array.from_array(x)
            case "torch":
                import torch

                # A copy: torch warns of read-only arrays and refuses negative strides.
                return torch.tensor(x.copy(), device="cuda" if "cuda" in self.name else "cpu")
            case "jax":
                import jax

                device = jax.devices("cuda" if "cuda" in self.name else "cpu")[0]
                return jax.device_put(x, device)
            case "cupy":
                import cupy

                return cupy.asarray(x)
        raise ValueError(self.name)

    def to_numpy(self, x: Any) -> np.ndarray:
        match self.library:
            case "torch":
                return x.detach().cpu().numpy()
            case "cupy":
                return x.get()
            case "dask":
                return np.asarray(x.compute())
            case _:
                return np.asarray(x)

    def _arguments(self, keywords: dict[str, Any]) -> dict[str, Any]:
        return {
            key: self.array(value) if isinstance(value, np.ndarray) else value
            for key, value in keywords.items()
        }

    def value(self, loss: sx.Loss, prediction: Any, target: Any, **keywords: Any) -> np.ndarray:
        """The loss of NumPy arrays, as a NumPy array."""
        arrays = self._arguments(keywords)

        def run(p: Any, t: Any) -> Any:
            return loss(p, t, **arrays)

        return self.to_numpy(self._transformed(run)(self.array(prediction), self.array(target)))

    def values(
        self, loss: sx.Loss, prediction: Any, target: Any, reductions: Any, **keywords: Any
    ) -> list[np.ndarray]:
        """The loss of NumPy arrays in several reductions, compiled as one program."""
        arrays = self._arguments(keywords)

        def run(p: Any, t: Any) -> Any:
            return [loss(p, t, reduction=reduction, **arrays) for reduction in reductions]

        values = self._transformed(run)(self.array(prediction), self.array(target))
        return [self.to_numpy(value) for value in values]

    def value_and_grad(
        self, loss: sx.Loss, prediction: Any, target: Any, **keywords: Any
    ) -> tuple[np.ndarray, np.ndarray]:
        """The loss of NumPy arrays and its gradient by the prediction, as NumPy arrays."""
        arrays = self._arguments(keywords)
        prediction, target = self.array(prediction), self.array(target)
        if "compiled" in self.name:
            import torch

            prediction.requires_grad_()
            value = self._transformed(lambda p, t: loss(p, t, **arrays))(prediction, target)
            (gradient,) = torch.autograd.grad(value, prediction)
        elif "jit" in self.name:
            import jax

            run = jax.jit(jax.value_and_grad(lambda p, t: loss(p, t, **arrays)))
            value, gradient = run(prediction, target)
        else:
            value, gradient = sx.value_and_grad(loss, prediction, target, **arrays)
        return self.to_numpy(value), self.to_numpy(gradient)

    def run(self, function: Any, *arrays: Any) -> list[np.ndarray]:
        """The results of a function of NumPy arrays that gives several, as NumPy arrays."""
        results = self._transformed(function)(*(self.array(array) for array in arrays))
        return [self.to_numpy(result) for result in results]

    def _transformed(self, function: Any) -> Any:
        if "compiled" in self.name:
            import torch

            torch.compiler.reset()
            return torch.compile(function, fullgraph=True)
        if "jit" in self.name:
            import jax

            return jax.jit(function)
        return function


def _usable(name: str) -> bool:
    library = {"strict": "array_api_strict"}.get(name, name.partition("-")[0])
    if importlib.util.find_spec(library) is None:
        return False
    match name:
        case "cupy":
            import cupy

            return cupy.cuda.is_available()
        case "torch-cuda" | "torch-cuda-compiled":
            import torch

            return torch.cuda.is_available()
        case "jax-cuda":
            import jax

            return any(device.platform == "gpu" for device in jax.devices())
        case _:
            return True


def chosen() -> list[Backend]:
    """The backends to test."""
    asked = os.environ.get("SEGLOSS_XP_BACKENDS")
    if asked:
        return [Backend(name) for name in asked.split(",")]
    return [Backend(name) for name in NAMES if _usable(name)]
