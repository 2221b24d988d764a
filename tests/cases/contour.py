"""Losses on contours, level sets and shape."""

import segloss_xp as sx
from cases.case import Case

CASES = [
    Case(sx.BoundaryDoULoss(), "boundary_dou"),
    Case(sx.BoundaryDoULoss(most=0.5, batch=True, absent="skip"), "boundary_dou", "multilabel"),
    Case(sx.PerimeterLoss(), "perimeter"),
    Case(sx.PerimeterLoss(include_background=False, batch=True), "perimeter", "multilabel"),
    Case(sx.SurfaceDiceLoss(), "surface_dice"),
    Case(sx.SurfaceDiceLoss(tolerance=1, absent="skip"), "surface_dice", "soft"),
    Case(sx.HausdorffERLoss(erosions=2), "hausdorff_er"),
    Case(
        sx.HausdorffERLoss(alpha=1.0, erosions=1, include_background=False, batch=True),
        "hausdorff_er",
        "multilabel",
    ),
    Case(sx.HausdorffCVLoss(radii=(1, 2.5)), "hausdorff_cv"),
    Case(
        sx.HausdorffCVLoss(alpha=1.0, radii=(1.5,), class_weights=(1, 2, 3)),
        "hausdorff_cv",
        "multilabel",
    ),
    Case(sx.ActiveContourLoss(), "active_contour"),
    Case(
        sx.ActiveContourLoss(weight=5.0, outside=0.5, class_weights=(1, 2, 3)),
        "active_contour",
        "soft",
    ),
    Case(sx.ElasticInteractionLoss(), "elastic_interaction"),
    Case(sx.ElasticInteractionLoss(alpha=0.35), "elastic_interaction", "multilabel"),
    Case(sx.CentroidLoss(), "centroid"),
    Case(sx.CentroidLoss(include_background=False, batch=True), "centroid", "multilabel"),
    Case(sx.ActiveBoundaryLoss(reach=2.0, share=0.35), "active_boundary"),
    Case(
        sx.ActiveBoundaryLoss(
            share=0.15, label_smoothing=0.0, detach=False, class_weights=(1, 2, 3)
        ),
        "active_boundary",
        "multilabel",
    ),
]

WITH_IMAGE = [
    Case(sx.MumfordShahLoss(), "mumford_shah", image=True),
    Case(sx.MumfordShahLoss(length=0.0, batch=True), "mumford_shah", "multilabel", image=True),
]
