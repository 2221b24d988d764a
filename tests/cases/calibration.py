"""Losses that keep a prediction from being surer than it is right."""

import segloss_xp as sx
from cases.case import Case

CASES = [
    Case(sx.ConfidencePenaltyLoss(), "confidence_penalty"),
    Case(
        sx.ConfidencePenaltyLoss(alpha=0.5, class_weights=(1, 2, 3)), "confidence_penalty", "soft"
    ),
    Case(sx.ConfidencePenaltyLoss(alpha=0.3), "confidence_penalty", "multilabel"),
    Case(sx.MarginLabelSmoothingLoss(margin=1.0), "margin_label_smoothing"),
    Case(
        sx.MarginLabelSmoothingLoss(margin=0.5, alpha=2.0, class_weights=(1, 2, 3)),
        "margin_label_smoothing",
        "soft",
    ),
    Case(sx.SVLSLoss(), "svls"),
    Case(sx.SVLSLoss(sigma=0.6, class_weights=(1, 2, 3)), "svls", "soft"),
    Case(sx.NACLLoss(), "nacl"),
    Case(sx.NACLLoss(size=5, distance="l2", class_weights=(1, 2, 3)), "nacl", "soft"),
    Case(sx.CalibrationErrorLoss(bins=4), "calibration_error"),
    Case(sx.CalibrationErrorLoss(bins=3, absent="skip"), "calibration_error", "soft"),
    Case(
        sx.CalibrationErrorLoss(bins=4, smooth=0.5, batch=True, include_background=False),
        "calibration_error",
        "multilabel",
    ),
]
