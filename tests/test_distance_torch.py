"""Distances under the transformations of PyTorch."""

import numpy as np
import pytest

import segloss_xp as sx

torch = pytest.importorskip("torch")


@pytest.fixture
def mask():
    return torch.rand((2, 3, 7, 6), generator=torch.Generator().manual_seed(0)) < 0.9


def same(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=0, atol=0)


@pytest.mark.parametrize("labels", [False, True])
def test_operator(mask, labels):
    from segloss_xp.distance._torch import operator

    for x in (mask.flatten(0, 1), mask[:, 0].mT):
        for dtype in (torch.float32, torch.float64):
            torch.library.opcheck(operator, (x, (1.0, 0.5), dtype, 2.0, labels))


def test_functional_form_on_the_device(mask):
    """What a device gets that has no kernels."""
    from segloss_xp.distance import _generic, _torch

    x = mask.flatten(0, 1)
    for function in ("squared_distance", "squared_label_distance"):
        run, expected = getattr(_generic, function), getattr(_torch, function)
        same(run(x, (1.0, 2.0), torch.float32), expected(x, (1.0, 2.0), torch.float32))


def test_strides(mask):
    same(sx.distance_transform(mask.mT), sx.distance_transform(mask).mT)


def test_compiles_whole_and_once_for_all_shapes(mask):
    torch.compiler.reset()
    compilations = []

    def count(graph, inputs):
        compilations.append(graph)
        return graph.forward

    compiled = torch.compile(sx.signed_distance, fullgraph=True, dynamic=True, backend=count)
    for shape in (mask.shape, (2, 2, 5, 6), (4, 5, 11, 3)):
        x = torch.rand(shape) < 0.8
        same(compiled(x, spacing=(3.0, 0.5)), sx.signed_distance(x, spacing=(3.0, 0.5)))
    assert len(compilations) == 1


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_vmap(mask, axis):
    def run(x):
        return sx.signed_distance(x, axes=(-2, -1)), sx.label_distance(x, axes=(0, 2))

    for actual, *expected in zip(
        torch.func.vmap(run, in_dims=axis)(mask), *map(run, mask.unbind(axis)), strict=True
    ):
        same(actual, torch.stack(expected))


def test_vmap_of_vmap(mask):
    run = torch.func.vmap(torch.func.vmap(lambda x: sx.distance_transform(x, axes=(0, 1))))
    same(run(mask), sx.distance_transform(mask))


def test_export(mask):
    class Map(torch.nn.Module):
        def forward(self, x):
            return sx.signed_distance(x, spacing=0.5)

    n, h = torch.export.Dim("n"), torch.export.Dim("h")
    program = torch.export.export(Map(), (mask,), dynamic_shapes={"x": {0: n, 2: h}})
    for x in (mask, torch.cat([mask, ~mask], 0)[:, :, :4]):
        same(program.module()(x), Map()(x))


def test_is_a_constant_to_autograd():
    x = torch.linspace(-1, 2, 24).reshape(1, 1, 4, 6).requires_grad_()
    weight = sx.signed_distance(x > 0)
    assert not weight.requires_grad
    (gradient,) = torch.autograd.grad((x * weight).sum(), x)
    same(gradient, weight)
    same(torch.func.grad(lambda x: (x * sx.signed_distance(x > 0)).sum())(x), weight)


def test_shares_memory_with_numpy():
    mask = np.random.default_rng(0).random((2, 1, 8, 8)) < 0.9
    expected = sx.distance_transform(mask)
    same(sx.distance_transform(torch.from_numpy(mask)), torch.from_numpy(expected))
