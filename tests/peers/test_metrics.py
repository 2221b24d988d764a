"""Surface measures beside those of MONAI, whose surfaces are the same."""

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
