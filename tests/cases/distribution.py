"""Losses on the distribution of a voxel's label."""

import segloss_xp as sx
from cases.case import Case

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
    Case(sx.FocalLoss(), "focal"),
    Case(sx.FocalLoss(gamma=0.5), "focal", "soft"),
    Case(sx.FocalLoss(gamma=0.0, alpha=0.25), "focal"),
    Case(sx.FocalLoss(alpha=(0.2, 0.7, 1.5), class_weights=(1, 2, 3)), "focal"),
    Case(sx.FocalLoss(gamma=0.5), "focal", "multilabel"),
    Case(sx.FocalLoss(alpha=0.25, class_weights=(1, 2, 3)), "focal", "multilabel"),
    Case(sx.FocalLoss(gamma=3.0, alpha=(0.2, 0.7, 1.0)), "focal", "multilabel"),
    Case(sx.PolyLoss(), "poly"),
    Case(sx.PolyLoss(epsilon=-1.0, class_weights=(1, 2, 3)), "poly", "soft"),
    Case(sx.PolyLoss(epsilon=0.5, gamma=2.0), "poly"),
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
    Case(sx.NormalizedCrossEntropyLoss(), "normalized_cross_entropy"),
    Case(
        sx.NormalizedCrossEntropyLoss(class_weights=(1, 2, 3)), "normalized_cross_entropy", "soft"
    ),
    Case(sx.MeanAbsoluteErrorLoss(class_weights=(1, 2, 3)), "mean_absolute_error", "soft"),
    Case(sx.MeanAbsoluteErrorLoss(), "mean_absolute_error", "multilabel"),
    Case(sx.ReverseCrossEntropyLoss(), "reverse_cross_entropy"),
    Case(
        sx.ReverseCrossEntropyLoss(floor=-4.0, class_weights=(1, 2, 3)),
        "reverse_cross_entropy",
        "soft",
    ),
    Case(sx.BiTemperedLoss(), "bi_tempered"),
    Case(sx.BiTemperedLoss(t1=1.0, t2=4.0, class_weights=(1, 2, 3)), "bi_tempered", "soft"),
    Case(sx.BiTemperedLoss(t1=0.0, t2=1.0), "bi_tempered", "soft"),
    Case(sx.AdaptiveWingLoss(), "adaptive_wing"),
    Case(
        sx.AdaptiveWingLoss(alpha=3.0, omega=8.0, epsilon=0.5, theta=0.3, class_weights=(1, 2, 3)),
        "adaptive_wing",
        "soft",
    ),
    Case(sx.AdaptiveWingLoss(), "adaptive_wing", "multilabel"),
    Case(sx.ProportionLoss(), "proportion"),
    Case(sx.ProportionLoss(distance="kl", smooth=0.1), "proportion", "multilabel"),
    Case(sx.ProportionLoss(distance="kl", batch=True), "proportion", "soft"),
    Case(sx.TopKLoss(k=0.4), "top_k"),
    Case(sx.TopKLoss(class_weights=(1, 2, 3)), "top_k", "soft"),
    Case(sx.TopKLoss(k=0.25, batch=True, class_weights=(1, 2, 3)), "top_k", "multilabel"),
    Case(sx.OHEMLoss(threshold=0.4), "ohem"),
    Case(sx.OHEMLoss(threshold=0.1, min_kept=0.3, class_weights=(1, 2, 3)), "ohem", "soft"),
    Case(sx.OHEMLoss(threshold=0.05, min_kept=0.2, batch=True), "ohem", "multilabel"),
]
