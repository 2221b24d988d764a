"""What Dice + CE moves and holds, in bytes of the logits: counted, so that no clock is asked."""

import runpy
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import segloss_xp as sx

LOSS = sx.DiceLoss() + sx.CrossEntropyLoss()
SHAPE = 2, 4, 128, 128, 64
LOGITS = 4 * np.prod(SHAPE)


def arrays():
    rng = np.random.default_rng(0)
    y = rng.integers(0, SHAPE[1], (SHAPE[0], *SHAPE[2:]))
    return rng.normal(size=SHAPE).astype(np.float32), y


@pytest.fixture
def tensors():
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as many voxels are worked on at a time as there are threads
    x, y = map(torch.from_numpy, arrays())
    yield x.requires_grad_(), y
    torch.set_num_threads(threads)


def torch_peak(run):
    """The most that PyTorch has allocated at once."""
    from torch.profiler import ProfilerActivity, profile

    run()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        kept = run()
    del kept
    events = record.profiler.kineto_results.events()
    changes = [(e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]"]
    changes.sort(key=lambda change: change[0])  # what was taken before it is freed
    return max(np.cumsum([change for _, change in changes]))


def test_numpy_holds_the_gradient_alone():
    x, y = arrays()
    sx.value_and_grad(LOSS, x, y)
    tracemalloc.start()
    kept = sx.value_and_grad(LOSS, x, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert kept[1].shape == SHAPE
    assert peak < 1.3 * LOGITS


def test_torch_holds_the_gradient_alone(tensors):
    import torch

    x, y = tensors
    assert torch_peak(lambda: torch.autograd.grad(LOSS(x, y), x)) < 1.3 * LOGITS


def test_compiled_torch_holds_the_gradient_and_labels(tensors):
    import torch

    x, y = tensors
    compiled = torch.compile(LOSS, fullgraph=True)
    assert torch_peak(lambda: torch.autograd.grad(compiled(x, y), x)) < 1.3 * LOGITS


def test_compiled_torch_holds_the_gradient_and_four_numbers_a_voxel_of_many_classes(tensors):
    """
    Its compiler would write the exponentials to memory, and read the labels again in each class.

    Beside the gradient lie the maximum and the sum of a softmax, the label, as a floating number,
    and the sum over the classes that the gradient of a softmax takes.
    """
    import torch

    x, y = tensors
    x = x.detach().reshape(1, 32, 64, 64, 64).requires_grad_()
    y = y.flatten()[: 64**3].reshape(1, 64, 64, 64)
    compiled = torch.compile(LOSS, fullgraph=True)
    peak = torch_peak(lambda: torch.autograd.grad(compiled(x, y), x))
    few = 4096  # the sums
    assert LOGITS + 4 * 4 * y.numel() <= peak < LOGITS + 4 * 4 * y.numel() + few


def test_compiled_torch_keeps_no_conditions(tensors):
    """To write and read a boolean takes its compiler ten times as long as a number."""
    import torch

    x, y = tensors
    distance = torch.ones_like(x)
    compiled = torch.compile(sx.BoundaryLoss(), fullgraph=True)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        compiled(x, y, distance=distance)
    assert any(each.numel() == x.numel() for each in kept)
    assert all(each.numel() < y.numel() for each in kept if each.dtype == torch.bool)


def torch_traffic(x, y):
    """What eager PyTorch moves and holds."""
    import torch

    counter = Path(__file__).parents[1] / "benchmarks" / "counter.py"
    with runpy.run_path(str(counter))["Traffic"](x, y) as traffic:
        torch.autograd.grad(LOSS(x, y), x)
    return traffic


def test_operations_of_eager_torch(tensors):
    """Each reads and writes what is in the cache."""
    assert torch_traffic(*tensors).moved < 40 * LOGITS


def test_operations_of_a_call():
    """Of a small image, whose time they take, and what Python does between them."""
    torch = pytest.importorskip("torch")
    x = torch.zeros((2, 4, 8, 8), requires_grad=True)
    assert torch_traffic(x, torch.zeros((2, 8, 8), dtype=torch.int64)).operations < 50


def test_operations_of_eager_torch_on_a_device():
    """What is counted by shapes alone needs no device: labels may be none of the classes there."""
    torch = pytest.importorskip("torch")
    x = torch.empty((2, 4, 256, 256, 128), device="meta", requires_grad=True)
    y = torch.empty((2, 256, 256, 128), device="meta", dtype=torch.int64)
    traffic = torch_traffic(x, y)
    assert traffic.moved < 32 * 4 * x.numel()
    assert traffic.held < 1.7 * 4 * x.numel()


def test_jax_by_its_compiler(jax):
    x, y = (jax.ShapeDtypeStruct(a.shape, a.dtype) for a in arrays())
    compiled = jax.jit(jax.value_and_grad(LOSS)).lower(x, y).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 0.1 * LOGITS
