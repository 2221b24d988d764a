"""Sums over devices and processes: the value and the gradient of the whole batch."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import segloss_xp as sx

ROOT = Path(__file__).parents[1]
LOSSES = [
    sx.DiceLoss(batch=True, class_weights=(1, 2, 3)),
    sx.DiceLoss(absent="skip"),
    sx.DiceLoss(batch=True) + 0.5 * sx.CrossEntropyLoss(class_weights=(1, 2, 3)),
]
pytestmark = pytest.mark.parallel


def data():
    """Eight samples of unequal content: the mean over devices is not the mean of their means."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(8, 3, 8, 2)).astype(np.float32)
    labels = np.minimum(rng.integers(0, 3, size=(8, 8, 2)), np.arange(8)[:, None, None])
    mask = rng.random((8, 8, 2)) < np.linspace(0.2, 1, 8)[:, None, None]
    return logits, labels, mask


def close(actual, expected):
    actual, expected = np.asarray(actual), np.asarray(expected)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=2e-6 * np.max(np.abs(expected)))


def in_new_process(function, **environment):
    """Run a function of this file where JAX and PyTorch have not been set up yet."""
    code = f"import test_parallel; test_parallel.{function.__name__}()"
    path = os.pathsep.join((str(ROOT / "tests"), str(ROOT)))
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": path, "JAX_PLATFORMS": "cpu"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def meshes():
    """Eight devices, with shardings that are inferred, or part of the types as is the default."""
    import jax

    for kind in (jax.sharding.AxisType.Auto, jax.sharding.AxisType.Explicit):
        yield jax.make_mesh((8,), ("data",), axis_types=(kind,))


def jitted_over_shardings():
    import jax
    from jax.sharding import NamedSharding, PartitionSpec

    for loss in LOSSES:
        run = jax.value_and_grad(lambda x, t, m, loss=loss: loss(x, t, mask=m))
        expected = run(*data())
        # Over the samples, and over the first spatial axis.
        for mesh, axes in product(meshes(), (("data",), (None, "data"))):
            voxels = NamedSharding(mesh, PartitionSpec(*axes))
            classes = NamedSharding(mesh, PartitionSpec(axes[0], None, *axes[1:]))
            value, gradient = jax.jit(run)(*jax.device_put(data(), (classes, voxels, voxels)))
            close(value, expected[0])
            close(gradient, expected[1])
            assert gradient.sharding.is_equivalent_to(classes, gradient.ndim)


def soft_targets_over_shardings():
    """Each voxel counts 1, without a mask that would say on which device it is."""
    import jax
    from jax.sharding import NamedSharding, PartitionSpec

    logits, labels, _ = data()
    target = np.moveaxis(np.eye(3, dtype=np.float32)[labels], -1, 1)
    run = jax.value_and_grad(LOSSES[1] + sx.CrossEntropyLoss())
    expected = run(logits, target)
    for mesh in meshes():
        over_space = NamedSharding(mesh, PartitionSpec(None, None, "data"))
        value, gradient = jax.jit(run)(*jax.device_put((logits, target), over_space))
        close(value, expected[0])
        close(gradient, expected[1])


def summed_in_shard_map():
    import jax
    from jax.sharding import NamedSharding, PartitionSpec

    each, whole = PartitionSpec("data"), PartitionSpec()
    for loss in LOSSES:

        def local(x, t, m, loss=loss):
            return loss(x, t, mask=m, all_reduce=lambda s: jax.lax.psum(s, "data"))

        run = jax.value_and_grad(lambda x, t, m, loss=loss: loss(x, t, mask=m))
        expected = run(*data())
        for mesh in meshes():
            parts = {"mesh": mesh, "in_specs": (each, each, each)}
            outside = jax.value_and_grad(jax.shard_map(local, **parts, out_specs=whole))
            inside = jax.shard_map(jax.value_and_grad(local), **parts, out_specs=(whole, each))
            arrays = jax.device_put(data(), NamedSharding(mesh, each))
            for value, gradient in jax.jit(lambda *a: (outside(*a), inside(*a)))(*arrays):  # noqa: B023
                close(value, expected[0])
                close(gradient, expected[1])


def distributed_data_parallel():
    import torch

    rank = int(os.environ["RANK"])
    torch.distributed.init_process_group(
        "gloo",
        store=torch.distributed.FileStore(os.environ["STORE"], 2),
        rank=rank,
        world_size=2,
        timeout=timedelta(minutes=1),
    )
    from segloss_xp.torch import all_reduce

    def network():
        torch.manual_seed(0)
        return torch.nn.Conv2d(3, 3, 3, padding=1)

    logits, labels, mask = (torch.tensor(each) for each in data())
    own = slice(0, 3) if rank == 0 else slice(3, 8)
    compiled = torch.compile(LOSSES[-1], fullgraph=True, backend="aot_eager")
    for loss, run in zip((*LOSSES, LOSSES[-1]), (*LOSSES, compiled), strict=True):
        alone = network()
        expected = loss(alone(logits), labels, mask=mask)
        expected.backward()
        model = torch.nn.parallel.DistributedDataParallel(network())
        value = run(model(logits[own]), labels[own], mask=mask[own], all_reduce=all_reduce)
        value.backward()
        close(value.detach(), expected.detach())
        for ours, theirs in zip(model.parameters(), alone.parameters(), strict=True):
            close(ours.grad, theirs.grad)
    torch.distributed.barrier()
    # All is checked; as it winds up, gloo may abort over a thread that still runs (PyTorch 2.13).
    os._exit(0)


@pytest.mark.parametrize(
    "function", [jitted_over_shardings, soft_targets_over_shardings, summed_in_shard_map]
)
def test_eight_devices(function):
    pytest.importorskip("jax", minversion="0.7")
    in_new_process(function, XLA_FLAGS="--xla_force_host_platform_device_count=8")


def test_two_processes(tmp_path):
    pytest.importorskip("torch")
    with ThreadPoolExecutor() as pool:
        store = str(tmp_path / "store")
        runs = [
            pool.submit(in_new_process, distributed_data_parallel, STORE=store, RANK=str(rank))
            for rank in range(2)
        ]
        for run in runs:
            run.result()
