"""Half precision: time, memory and error of Dice + CE."""

import jax.numpy as jnp
import torch
from harness import Benchmark, data, jax_contestant, torch_contestant
from peers import SUBJECTS

LOSS = SUBJECTS["Dice + CE"]


def main() -> None:
    b = Benchmark("precision", "Dice + CE, value and gradient, in half precision")
    x, y = data((2, 4, *[48 if b.options.quick else 128] * 3))
    ty, jy = torch.from_numpy(y), jnp.asarray(y)
    exact = float(LOSS.ours(x.astype("float64"), y))
    for dtype in ("float32", "bfloat16", "float16"):
        tx, jx = torch.from_numpy(x).to(getattr(torch, dtype)), jnp.asarray(x, dtype)
        torch.compiler.reset()
        losses = {"MONAI": LOSS.torch["MONAI"], "nnU-Net": LOSS.torch["nnU-Net"]}
        losses["segloss_xp"] = LOSS.ours
        runs = [torch_contestant(k, "torch", v, tx, ty) for k, v in losses.items()]
        compiled = torch.compile(LOSS.ours, fullgraph=True, dynamic=False)
        runs.append(torch_contestant("segloss_xp", "torch compiled", compiled, tx, ty))
        runs.append(jax_contestant("segloss_xp", "JAX jit", LOSS.ours, jx, jy))
        values = [float(run.forward()) for run in runs if run.forward]
        rows = b.compare(runs, bytes_of_logits=tx.nbytes, dtype=dtype)
        for row, value in zip(rows, values, strict=True):
            row["error"] = abs(value - exact) / exact
    b.save()


if __name__ == "__main__":
    main()
