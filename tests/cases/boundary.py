"""Losses on distances to surfaces."""

import segloss_xp as sx
from cases.case import Case

CASES = [
    Case(sx.BoundaryLoss(), "boundary"),
    Case(sx.BoundaryLoss(include_background=False, absent="skip"), "boundary", "soft"),
    Case(sx.BoundaryLoss(batch=True, class_weights=(1, 2, 3)), "boundary", "multilabel"),
    Case(sx.HausdorffDTLoss(), "hausdorff_dt"),
    Case(sx.HausdorffDTLoss(alpha=1.5, log=True), "hausdorff_dt", "soft"),
    Case(
        sx.HausdorffDTLoss(alpha=1.0, one_sided=True, include_background=False),
        "hausdorff_dt",
        "multilabel",
    ),
    Case(sx.RegionWiseLoss(), "region_wise"),
    Case(sx.RegionWiseLoss(class_weights=(1, 2, 3)), "region_wise", "multilabel"),
    Case(sx.GeneralizedSurfaceLoss(), "generalized_surface"),
    Case(
        sx.GeneralizedSurfaceLoss(
            include_background=False, class_weights=(1, 2, 3), weighting="uniform"
        ),
        "generalized_surface",
        "soft",
    ),
    Case(sx.DistancePenalizedCrossEntropyLoss(), "distance_penalized"),
    Case(
        sx.DistancePenalizedCrossEntropyLoss(class_weights=(1, 2, 3)),
        "distance_penalized",
        "multilabel",
    ),
    Case(sx.ShapeAwareLoss(), "shape_aware"),
    Case(sx.ShapeAwareLoss(class_weights=(1, 2, 3)), "shape_aware", "multilabel"),
    Case(sx.SignedDistanceLoss(), "signed_distance"),
    Case(sx.SignedDistanceLoss(absolute=0.3, batch=True), "signed_distance", "multilabel"),
    Case(sx.WeightedHausdorffLoss(), "weighted_hausdorff"),
    Case(
        sx.WeightedHausdorffLoss(alpha=-2.5, include_background=True, class_weights=(1, 2, 3)),
        "weighted_hausdorff",
        "multilabel",
    ),
]
