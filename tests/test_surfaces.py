"""What every loss on surfaces keeps to: one test a promise, over all of them."""

from typing import Any

import numpy as np
import pytest
from cases import Case, boundary, contour
from problems import Problem, assert_close, one_hot, problem, with_image

import segloss_xp as sx

CASES = [*boundary.CASES, *contour.CASES, *contour.WITH_IMAGE]
SPACING = (3.0, 0.7)

every_case = pytest.mark.parametrize("case", CASES, ids=str)
of_labels = pytest.mark.parametrize("case", [c for c in CASES if c.target == "labels"], ids=str)


def call(case: Case, **description: Any) -> Problem:
    plain = problem(case.target, space=(4, 5), **description)
    plain = with_image(plain) if case.image else plain
    return plain._replace(keywords={**plain.keywords, "spacing": SPACING})


def maps(target: np.ndarray) -> np.ndarray:
    inside = one_hot(target, 3, bool) if target.dtype.kind in "iu" else target > 0.5
    return sx.signed_distance(inside, spacing=SPACING, dtype=np.float64)


# The target of a masked voxel may be anything, and moves no surface.
@every_case
def test_masked_voxels_are_no_feature(case: Case):
    prediction, target, keywords = call(case)
    mask = np.random.default_rng(0).random((2, 4, 5)) < 0.7
    hidden = ~mask if case.target == "labels" else np.broadcast_to(~mask[:, None], target.shape)
    others = (target + 1) % 3 if case.target == "labels" else 1 - target.astype(float)
    changed = np.where(hidden, others, target).astype(target.dtype)
    got = sx.value_and_grad(case.loss, prediction, changed, mask=mask, **keywords)
    want = sx.value_and_grad(case.loss, prediction, target, mask=mask, **keywords)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.all(want[1][np.broadcast_to(~mask[:, None], prediction.shape)] == 0)


# Integers carry no distance.
@of_labels
def test_integers_truncate_nothing(case: Case):
    prediction, labels, keywords = call(case)
    want = sx.value_and_grad(case.loss, prediction, one_hot(labels, 3), **keywords)
    for dtype in (np.int8, np.uint8, np.int16, np.uint32, np.int64):
        got = sx.value_and_grad(case.loss, prediction, labels.astype(dtype), **keywords)
        for a, b in zip(got, want, strict=True):
            assert_close(a, b)


# A data loader measures as well as the loss. Those of the other cases look at no map.
of_maps = pytest.mark.parametrize("case", boundary.CASES, ids=str)


@of_maps
def test_precomputed_maps_have_the_same_gradient(case: Case):
    prediction, target, keywords = call(case)
    want = sx.value_and_grad(case.loss, prediction, target, **keywords)
    got = sx.value_and_grad(case.loss, prediction, target, distance=maps(target), **keywords)
    for a, b in zip(got, want, strict=True):
        assert_close(a, b)


@of_maps
def test_maps_are_constants_of_torch(case: Case):
    torch = pytest.importorskip("torch")
    prediction, target, keywords = call(case)
    x = torch.tensor(prediction).requires_grad_()
    d = torch.tensor(maps(target)).requires_grad_()
    value = case.loss(x, torch.tensor(target), distance=d, **keywords)
    (slope,) = torch.autograd.grad(value, d, allow_unused=True)
    assert slope is None or not slope.any()


@pytest.mark.parametrize("kind", sorted({case.target for case in boundary.CASES}))
def test_maps_are_constants_of_jax(kind: str, jax):
    cases = [case for case in boundary.CASES if case.target == kind]
    prediction, target, keywords = call(cases[0])
    loss, x = sum(case.loss for case in cases), jax.numpy.asarray(prediction)
    slope = jax.jit(jax.grad(lambda d: loss(x, target, distance=d, **keywords)))(maps(target))
    assert not np.any(slope)
