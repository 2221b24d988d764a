"""Surface measures beside those of MONAI and MedPy, whose surfaces are the same, and others."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from segloss_xp import metrics

torch = pytest.importorskip("torch")
monai = pytest.importorskip("monai.metrics")
pytestmark = pytest.mark.peers

SPACING = (2.0, 0.7, 1.1)


def blobs(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=(2, 3, 12, 14, 10))
    return gaussian_filter(noise, (0, 0, 2, 2, 2)) > 0.02


@pytest.mark.filterwarnings("ignore")
def test_monai():
    p, g = blobs(1), blobs(2)
    theirs = {"y_pred": torch.tensor(p), "y": torch.tensor(g), "include_background": True}
    theirs["spacing"] = SPACING
    pairs = [
        (
            metrics.hausdorff_distance(p, g, percentile=q, spacing=SPACING),
            monai.compute_hausdorff_distance(percentile=q, **theirs),
        )
        for q in (100, 95)
    ]
    pairs.append(
        (
            metrics.average_surface_distance(p, g, spacing=SPACING),
            monai.compute_average_surface_distance(symmetric=True, **theirs),
        )
    )
    pairs.append(
        (
            metrics.surface_dice(p, g, tolerance=1.5, spacing=SPACING),
            monai.compute_surface_dice(class_thresholds=[1.5] * 3, **theirs),
        )
    )
    for ours, want in pairs:
        np.testing.assert_allclose(ours, want.numpy(), rtol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_medpy():
    """Its other measures pool, or average, the two directions in ways of their own."""
    binary = pytest.importorskip("medpy.metric.binary")
    p, g = blobs(3), blobs(4)
    ours = metrics.hausdorff_distance(p, g, spacing=SPACING)
    counts = metrics.dice(p, g), metrics.volume_difference(p, g, relative=True)
    for at in np.ndindex(2, 3):
        np.testing.assert_allclose(ours[at], binary.hd(p[at], g[at], SPACING), rtol=1e-6)
        np.testing.assert_allclose(counts[0][at], binary.dc(p[at], g[at]), rtol=1e-6)
        np.testing.assert_allclose(counts[1][at], binary.ravd(p[at], g[at]), rtol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_surface_distance():
    """Its surfaces lie between voxels: as far apart as ours where one is the other, moved."""
    theirs = pytest.importorskip("surface_distance")
    p, g = np.zeros((2, 1, 1, 14, 16, 12), bool)
    p[0, 0, 3:9, 4:10, 2:8], g[0, 0, 3:9, 6:12, 2:8] = True, True
    surfaces = theirs.compute_surface_distances(p[0, 0], g[0, 0], SPACING)
    for q in (100, 95):
        ours = metrics.hausdorff_distance(p, g, percentile=q, spacing=SPACING)
        want = theirs.compute_robust_hausdorff(surfaces, q)
        np.testing.assert_allclose(ours[0, 0], want, rtol=1e-6)
