"""Losses that are sums."""

import segloss_xp as sx
from cases.case import Case

CASES = [
    Case(sx.DiceCELoss(), "dice_ce"),
    Case(
        sx.DiceCELoss(dice_weight=0.5, include_background=False, class_weights=(1, 2, 3)),
        "dice_ce",
        "soft",
    ),
    Case(sx.DiceBCELoss(bce_weight=2.0, batch=True), "dice_bce", "multilabel"),
    Case(sx.DiceFocalLoss(), "dice_focal"),
    Case(sx.DiceFocalLoss(alpha=(0.2, 0.7, 1.0), smooth=1.0), "dice_focal", "multilabel"),
    Case(sx.DiceTopKLoss(k=0.3), "dice_top_k"),
    Case(sx.DiceTopKLoss(k=0.5, class_weights=(1, 2, 3)), "dice_top_k", "soft"),
    Case(sx.GeneralizedDiceFocalLoss(), "generalized_dice_focal"),
    Case(
        sx.GeneralizedDiceFocalLoss(weighting="simple", gamma=0.5, dice_weight=0.5),
        "generalized_dice_focal",
        "multilabel",
    ),
    Case(sx.ComboLoss(), "combo"),
    Case(sx.ComboLoss(alpha=0.3, beta=0.8, class_weights=(1, 2, 3)), "combo", "soft"),
    Case(sx.ComboLoss(beta=0.2, batch=True), "combo", "multilabel"),
    Case(sx.ExponentialLogarithmicLoss(), "exponential_logarithmic"),
    Case(
        sx.ExponentialLogarithmicLoss(gamma=2.0, frequencies=(6, 3, 1), batch=True),
        "exponential_logarithmic",
        "soft",
    ),
    Case(sx.UnifiedFocalLoss(), "unified_focal"),
    Case(
        sx.UnifiedFocalLoss(focal_weight=0.3, delta=0.7, gamma=0.2, class_weights=(1, 2, 3)),
        "unified_focal",
        "soft",
    ),
    Case(sx.UnifiedFocalLoss(asymmetric=False), "unified_focal", "multilabel"),
    Case(sx.DeepSupervisionLoss(), "deep_supervision"),
]
