"""Half precision: time, memory and error of Dice + CE, this to each one's own double precision."""

import jax.numpy as jnp
import torch
from harness import Benchmark, data, jax_contestant, torch_contestant
from peers import SUBJECTS

LOSS = SUBJECTS["Dice + CE"]


def main() -> None:
    b = Benchmark("precision", "Dice + CE, value and gradient, in half precision")
    x, y = data((2, 4, *[48 if b.options.quick else 128] * 3))
    ty, jy = torch.from_numpy(y), jnp.asarray(y)
    losses = {k: LOSS.torch[k] for k in ("MONAI", "nnU-Net")} | {"segloss_xp": LOSS.ours}
    for dtype in filter(b.wanted, ("float32", "bfloat16", "float16")):
        tx, jx = torch.from_numpy(x).to(getattr(torch, dtype)), jnp.asarray(x, dtype)
        torch.compiler.reset()
        runs = [torch_contestant(k, "torch", v, tx, ty) for k, v in losses.items()]
        compiled = torch.compile(LOSS.ours, fullgraph=True, dynamic=False)
        runs.append(torch_contestant("segloss_xp", "torch compiled", compiled, tx, ty))
        runs.append(jax_contestant("segloss_xp", "JAX jit", LOSS.ours, jx, jy))
        exact = {k: float(loss(tx.double(), ty)) for k, loss in losses.items()}
        for row, run in zip(b.compare(runs, tx, ty, dtype=dtype), runs, strict=True):
            value, own = float(run.forward()), exact[run.library]
            row["error"] = abs(value - own) / abs(own)
    b.save()


if __name__ == "__main__":
    main()
