"""Every loss, in every setting worth a test: a line here puts a new one through the whole suite."""

from dataclasses import dataclass
from typing import Any, Literal

import segloss_xp as sx


@dataclass(frozen=True)
class Case:
    """A loss, the name of its reference in `reference.py`, and the kind of target it is given."""

    loss: Any
    reference: str
    target: Literal["labels", "onehot", "soft", "multilabel"] = "labels"

    def __str__(self) -> str:
        return f"{self.loss}-{self.target}"


CASES = [
    Case(sx.CrossEntropyLoss(), "cross_entropy"),
    Case(sx.CrossEntropyLoss(), "cross_entropy", "soft"),
    Case(sx.CrossEntropyLoss(), "cross_entropy", "multilabel"),
    Case(sx.CrossEntropyLoss(class_weights=(1, 2, 3), label_smoothing=0.1), "cross_entropy"),
    Case(
        sx.CrossEntropyLoss(class_weights=(1, 2, 3), label_smoothing=0.1, pos_weight=(2, 1, 0.5)),
        "cross_entropy",
        "multilabel",
    ),
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
    Case(sx.FocalLoss(), "focal"),
    Case(sx.FocalLoss(gamma=0.5), "focal", "soft"),
    Case(sx.FocalLoss(gamma=0.0, alpha=0.25), "focal"),
    Case(sx.FocalLoss(alpha=(0.2, 0.7, 1.5), class_weights=(1, 2, 3)), "focal"),
    Case(sx.FocalLoss(gamma=0.5), "focal", "multilabel"),
    Case(sx.FocalLoss(alpha=0.25, class_weights=(1, 2, 3)), "focal", "multilabel"),
    Case(sx.FocalLoss(gamma=3.0, alpha=(0.2, 0.7, 1.0)), "focal", "multilabel"),
    Case(sx.PolyLoss(), "poly"),
    Case(sx.PolyLoss(epsilon=-1.0, class_weights=(1, 2, 3)), "poly", "soft"),
    Case(sx.BrierLoss(), "brier"),
    Case(sx.BrierLoss(class_weights=(1, 2, 3)), "brier", "soft"),
    Case(sx.BrierLoss(class_weights=(1, 2, 3)), "brier", "multilabel"),
    Case(sx.KLDivergenceLoss(class_weights=(1, 2, 3)), "kl_divergence"),
    Case(sx.KLDivergenceLoss(), "kl_divergence", "soft"),
    Case(sx.GeneralizedCrossEntropyLoss(), "generalized_cross_entropy"),
    Case(sx.GeneralizedCrossEntropyLoss(q=0.1), "generalized_cross_entropy", "soft"),
    Case(
        sx.GeneralizedCrossEntropyLoss(q=1.0, class_weights=(1, 2, 3)),
        "generalized_cross_entropy",
    ),
    Case(sx.SymmetricCrossEntropyLoss(), "symmetric_cross_entropy"),
    Case(
        sx.SymmetricCrossEntropyLoss(alpha=6.0, beta=0.1, floor=-6.0, class_weights=(1, 2, 3)),
        "symmetric_cross_entropy",
        "soft",
    ),
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
