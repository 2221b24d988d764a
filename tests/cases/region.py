"""Losses on regions."""

import segloss_xp as sx
from cases.case import Case

CASES = [
    Case(sx.DiceLoss(), "dice"),
    Case(sx.DiceLoss(), "dice", "multilabel"),
    Case(sx.DiceLoss(squared=True, include_background=False), "dice"),
    Case(sx.DiceLoss(squared=True), "dice", "soft"),
    Case(sx.DiceLoss(intersection="min"), "dice", "soft"),
    Case(sx.DiceLoss(batch=True, class_weights=(1, 2, 3), smooth=(0.0, 1.0)), "dice"),
    Case(sx.DiceLoss(absent="skip"), "dice"),
    Case(sx.DiceLoss(absent="zero", smooth=0.0), "dice"),
    Case(sx.JaccardLoss(), "jaccard"),
    Case(sx.JaccardLoss(intersection="min", include_background=False), "jaccard", "soft"),
    Case(sx.TverskyLoss(), "tversky"),
    Case(sx.TverskyLoss(alpha=0.8, beta=0.1, batch=True), "tversky", "multilabel"),
    Case(sx.FBetaLoss(), "f_beta"),
    Case(sx.FBetaLoss(beta=0.5, intersection="min", batch=True), "f_beta", "soft"),
    Case(sx.FBetaLoss(beta=2.0, smooth=(0.0, 1.0)), "f_beta", "multilabel"),
    Case(sx.FocalTverskyLoss(), "focal_tversky"),
    Case(sx.FocalTverskyLoss(gamma=3.0, alpha=0.6, beta=0.2), "focal_tversky", "multilabel"),
    Case(
        sx.FocalTverskyLoss(gamma=0.75, intersection="min", class_weights=(1, 2, 3)),
        "focal_tversky",
        "soft",
    ),
    Case(sx.LogDiceLoss(include_background=False, absent="skip"), "log_dice"),
    Case(sx.LogDiceLoss(squared=True, batch=True), "log_dice", "multilabel"),
    Case(sx.LogDiceLoss(intersection="min", smooth=1.0), "log_dice", "soft"),
    Case(sx.LogCoshDiceLoss(), "log_cosh_dice"),
    Case(sx.LogCoshDiceLoss(squared=True, include_background=False), "log_cosh_dice", "soft"),
    Case(sx.SensitivitySpecificityLoss(), "sensitivity_specificity"),
    Case(sx.SensitivitySpecificityLoss(sensitivity=0.7), "sensitivity_specificity", "soft"),
    Case(
        sx.SensitivitySpecificityLoss(sensitivity=0.5, smooth=1.0, batch=True),
        "sensitivity_specificity",
        "multilabel",
    ),
    Case(sx.NoiseRobustDiceLoss(), "noise_robust_dice"),
    Case(sx.NoiseRobustDiceLoss(gamma=1.0, denominator="plain"), "noise_robust_dice", "soft"),
    Case(
        sx.NoiseRobustDiceLoss(gamma=1.2, class_weights=(1, 2, 3)),
        "noise_robust_dice",
        "multilabel",
    ),
    Case(sx.DicePlusPlusLoss(), "dice_plus_plus"),
    Case(sx.DicePlusPlusLoss(gamma=3.0, absent="zero"), "dice_plus_plus", "soft"),
    Case(sx.DicePlusPlusLoss(gamma=1.5, batch=True), "dice_plus_plus", "multilabel"),
    Case(sx.MCCLoss(), "mcc"),
    Case(sx.MCCLoss(smooth=0.1, absent="skip"), "mcc", "soft"),
    Case(sx.MCCLoss(batch=True, include_background=False), "mcc", "multilabel"),
]
