"""What the adapters of the distance transform are tested on, and what is right."""

import numpy as np

# Relative error of a squared distance: twice that of a distance.
TOLERANCE = {"float32": 1.2e-6, "float64": 2e-13}

# Of each rank, with axes of one voxel and lines longer than a tile of the GPU's kernels.
SHAPES = [(9,), (1,), (37, 5), (1, 6), (6, 1), (3, 5, 4), (2, 1, 7), (18, 2, 3), (2, 3, 4, 2)]
SPACING = (0.7, 3.0, 1.3, 0.9)


def spacings(shape):
    return (1.0,) * len(shape), SPACING[: len(shape)]


def samples(shape):
    """Masks (B, *shape): random ones, one site, one voxel, planes, a line, none and all."""
    rng = np.random.default_rng(sum(shape))
    middle = tuple(n // 2 for n in shape)
    site, corner, line = np.ones(shape, bool), np.ones(shape, bool), np.ones(shape, bool)
    site[middle] = corner[(0,) * len(shape)] = line[middle[:-1]] = False
    planes = [np.indices(shape)[axis] != n - 1 for axis, n in enumerate(shape)]
    random = [rng.random(shape) < p for p in (0.5, 0.9, 0.97)]
    whole = [np.zeros(shape, bool), np.ones(shape, bool)]
    return np.stack([*random, site, corner, ~site, line, *planes, *whole])


def to_another(places, labels):
    """Squared distance of each place to the nearest of another label: the one oracle of all."""
    squares = np.square(places[:, None, :] - places[None, :, :]).sum(-1)
    return np.where(labels[:, None] != labels[None, :], squares, np.inf).min(1, initial=np.inf)


def brute_force_labels(labels, spacing):
    """Squared distances of a batch, from each voxel to the nearest of another label."""
    voxels = np.indices(labels.shape[1:]).reshape(labels.ndim - 1, -1).T * np.asarray(spacing)
    return np.stack([to_another(voxels, each.ravel()).reshape(each.shape) for each in labels])


def brute_force(mask, spacing):
    """Squared distances of a batch, from each True voxel to the nearest False one."""
    return np.where(mask, brute_force_labels(mask, spacing), 0)


def assert_right(d, mask, spacing, limit=None):
    """Exact on a grid of spacing 1; beyond the limit no nearer than that."""
    expected = brute_force(mask, spacing)
    assert d.shape == expected.shape
    if limit is not None:
        assert (d[expected > limit**2] > limit**2).all()
        d, expected = (
            np.where(expected > limit**2, 0, each).astype(d.dtype) for each in (d, expected)
        )
    if set(spacing) == {1.0}:
        np.testing.assert_array_equal(d, expected)
    else:
        np.testing.assert_allclose(d, expected, rtol=TOLERANCE[d.dtype.name])
