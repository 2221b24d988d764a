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


def brute_force(mask, spacing):
    """Squared distances of a batch, from each voxel to each background voxel of its sample."""
    out = np.empty(mask.shape)
    voxels = np.stack(np.indices(mask.shape[1:]), -1).reshape(-1, mask.ndim - 1)
    for sample, result in zip(mask, out, strict=True):
        sites = voxels[~sample.ravel()]
        steps = voxels[:, None, :] - sites[None, :, :]
        squares = np.square(steps * np.asarray(spacing)).sum(-1)
        result[...] = squares.min(1, initial=np.inf).reshape(result.shape)
    return out


def brute_force_labels(labels, spacing):
    """Squared distances of a batch, from each voxel to each of another label."""
    inside = {label: labels == label for label in np.unique(labels)}
    return sum(np.where(m, brute_force(m, spacing), 0) for m in inside.values())


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
