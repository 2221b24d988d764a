"""Measures of hard segmentations, against loops over voxels and pairs of voxels."""

from itertools import product

import numpy as np
import pytest
from backends import Backend
from problems import assert_close, one_hot

from segloss_xp import metrics

SPACING = (2.0, 0.7, 1.1)
OVERLAP = ("dice", "jaccard", "sensitivity", "specificity", "precision")


def table(p: np.ndarray, g: np.ndarray) -> tuple[int, int, int, int]:
    pairs = list(zip(p.ravel(), g.ravel(), strict=True))
    return tuple(pairs.count(each) for each in ((1, 1), (1, 0), (0, 1), (0, 0)))


def overlap(p: np.ndarray, g: np.ndarray) -> tuple[float, ...]:
    tp, fp, fn, tn = table(p, g)
    parts = (
        (2 * tp, 2 * tp + fp + fn),
        (tp, tp + fp + fn),
        (tp, tp + fn),
        (tn, tn + fp),
        (tp, tp + fp),
    )
    return tuple(part / whole if whole else 1.0 for part, whole in parts)


def surface(region: np.ndarray) -> list[tuple[int, ...]]:
    """The voxels that share a face with the outside, or with the border."""

    def inside(place: tuple[int, ...]) -> bool:
        return all(0 <= i < n for i, n in zip(place, region.shape, strict=True)) and region[place]

    found = []
    for place in zip(*np.nonzero(region), strict=True):
        beside = [
            tuple(i + step * (axis == a) for a, i in enumerate(place))
            for axis, step in product(range(region.ndim), (-1, 1))
        ]
        if not all(inside(each) for each in beside):
            found.append(place)
    return found


def distances(p: np.ndarray, g: np.ndarray, spacing: tuple[float, ...]) -> tuple[list, list]:
    a, b = (np.array(surface(each), float).reshape(-1, p.ndim) * spacing for each in (p, g))
    if not len(a) or not len(b):
        return len(a) * [np.inf], len(b) * [np.inf]
    apart = np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1))
    return list(apart.min(1)), list(apart.min(0))


def expected(p: np.ndarray, g: np.ndarray, spacing: tuple[float, ...]) -> dict[str, float]:
    there, back = distances(p, g, spacing)
    both, size = there + back, int(p.sum()) - int(g.sum())
    near = sum(each <= 1.5 for each in both)
    hausdorff = {
        f"hausdorff {q}": max(
            (np.inf if np.inf in d else np.percentile(d, q) for d in (there, back) if len(d)),
            default=0.0,
        )
        for q in (100, 95, 50)
    }
    return hausdorff | {
        "average": sum(both) / len(both) if both else 0.0,
        "surface dice": near / len(both) if both else 1.0,
        "volume difference": size * np.prod(spacing),
    }


def measured(p, g, **keywords):
    return {
        f"hausdorff {q}": metrics.hausdorff_distance(p, g, percentile=q, **keywords)
        for q in (100, 95, 50)
    } | {
        "average": metrics.average_surface_distance(p, g, **keywords),
        "surface dice": metrics.surface_dice(p, g, tolerance=1.5, **keywords),
        "volume difference": metrics.volume_difference(p, g, **keywords),
    }


def masks(seed: int, shape: tuple[int, ...] = (2, 3, 4, 5, 6)) -> np.ndarray:
    """Some are blobs, some noise; the last of the second sample is empty."""
    rng = np.random.default_rng(seed)
    noise = rng.random(shape)
    noise[0] = (noise[0] + np.roll(noise[0], 1, -1) + np.roll(noise[0], 1, -2)) / 3
    found = noise > 0.55
    found[1, -1] = False
    return found


@pytest.mark.parametrize("spacing", [None, SPACING], ids=["unit", "anisotropic"])
def test_measures(eager: Backend, spacing):
    p, g = masks(1), masks(2)
    p[1, 2, 0, 0, 0] = True  # found where there is nothing
    p[1, 0] = g[1, 0] = False
    arrays = eager.array(p), eager.array(g)
    found = measured(*arrays, spacing=spacing)
    shares = [getattr(metrics, name)(*arrays) for name in OVERLAP]
    for n, c in np.ndindex(2, 3):
        for share, want in zip(shares, overlap(p[n, c], g[n, c]), strict=True):
            assert_close(eager.to_numpy(share)[n, c], want, 1e-6)
        for name, want in expected(p[n, c], g[n, c], spacing or (1.0,) * 3).items():
            np.testing.assert_allclose(eager.to_numpy(found[name])[n, c], want, rtol=1e-6)


@pytest.mark.parametrize("axis", [1, -1])
@pytest.mark.parametrize("multilabel", [False, True])
def test_predictions_are_made_hard(eager: Backend, axis: int, multilabel: bool):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, 3, 4, 5))
    labels = rng.integers(0, 3, (2, 4, 5))
    target = one_hot(labels, 3, bool)
    hard = logits > 0 if multilabel else one_hot(np.argmax(logits, axis=1), 3, bool)
    want = metrics.dice(hard, target)
    given = target if multilabel else labels
    if multilabel:
        given = np.moveaxis(given, 1, axis)
    logits = np.moveaxis(logits, 1, axis)
    keywords = {"class_axis": axis, "multilabel": multilabel}
    found = metrics.dice(eager.array(logits), eager.array(given), **keywords)
    assert_close(eager.to_numpy(found), want, 1e-6)


def test_what_is_masked_is_as_good_as_cropped(eager: Backend):
    p, g = masks(3), masks(4)
    mask = np.zeros((2, 4, 5, 6), bool)
    mask[:, 1:, :4, 1:5] = True
    inside = (slice(None), slice(None), slice(1, None), slice(4), slice(1, 5))
    whole = measured(eager.array(p), eager.array(g), mask=eager.array(mask), spacing=SPACING)
    part = measured(eager.array(p[inside]), eager.array(g[inside]), spacing=SPACING)
    for name, want in part.items():
        np.testing.assert_allclose(
            eager.to_numpy(whole[name]), eager.to_numpy(want), rtol=1e-6, err_msg=name
        )


def test_ignored_labels_are_left_out(eager: Backend):
    labels = np.array([[0, 0, 1, 1, 255]])
    logits = np.array([[[2.0, -2, 2, -2, 5], [0, 0, 0, 0, 0]]])
    found = metrics.jaccard(eager.array(logits), eager.array(labels), ignore_index=255)
    assert_close(eager.to_numpy(found), np.full((1, 2), 1 / 3), 1e-6)


def test_empty_regions_have_the_values_that_are_documented():
    some, none = np.ones((1, 1, 2, 2), bool), np.zeros((1, 1, 2, 2), bool)
    for p, g, share, distance in (
        (none, none, 1, 0),
        (some, none, 0, np.inf),
        (none, some, 0, np.inf),
    ):
        assert metrics.dice(p, g) == metrics.jaccard(p, g) == share
        assert metrics.surface_dice(p, g, tolerance=1) == share
        assert metrics.hausdorff_distance(p, g, percentile=95) == distance
        assert metrics.average_surface_distance(p, g) == distance
    assert metrics.volume_difference(some, none, relative=True) == np.inf
    assert metrics.volume_difference(none, none, relative=True) == 0
    assert metrics.volume_difference(none, some, relative=True) == -1


def test_volumes_have_units():
    p = masks(5)
    want = p.sum((2, 3, 4)) * np.prod(SPACING)
    np.testing.assert_allclose(metrics.volume(p, spacing=SPACING), want)


def test_measures_compile():
    jax = pytest.importorskip("jax")
    p, g = masks(1), masks(2)
    want = measured(p, g, spacing=SPACING)
    found = jax.jit(lambda *masks: measured(*masks, spacing=SPACING))(p, g)
    for name in want:
        np.testing.assert_allclose(found[name], want[name], rtol=1e-6)


def test_measures_compile_in_torch():
    """As one graph, whatever the code that is made of it."""
    torch = pytest.importorskip("torch")
    p, g = (torch.from_numpy(masks(seed)) for seed in (1, 2))
    torch.compiler.reset()
    compiled = torch.compile(measured, fullgraph=True, backend="eager")
    want = measured(p, g, spacing=SPACING)
    for name, found in compiled(p, g, spacing=SPACING).items():
        torch.testing.assert_close(found, want[name], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: metrics.hausdorff_distance(p, p, percentile=101), "from 0 to 100, got 101"),
        (lambda p: metrics.surface_dice(p, p, tolerance=-1), "tolerance >= 0, got -1"),
        (lambda p: metrics.dice(p, p, voxel_weights=p), "takes no voxel_weights"),
        (lambda p: metrics.dice(p, p[:, :1]), "shape of the prediction"),
    ],
)
def test_errors(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call(masks(0))
