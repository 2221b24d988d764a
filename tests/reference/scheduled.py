"""The compounds of a loss on regions and one on distances: (1 - alpha) A + alpha B."""

from reference.boundary import boundary, hausdorff_dt
from reference.region import dice


def dice_boundary(prediction, target, *, alpha=0.01, spacing=None, **call):
    far = boundary(prediction, target, spacing=spacing, **call)
    return (1 - alpha) * dice(prediction, target, **call) + alpha * far


def dice_hausdorff(prediction, target, *, alpha=0.5, one_sided=False, spacing=None, **call):
    far = hausdorff_dt(prediction, target, one_sided=one_sided, spacing=spacing, **call)
    return (1 - alpha) * dice(prediction, target, **call) + alpha * far
