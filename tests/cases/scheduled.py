"""Compounds with a share that grows."""

import segloss_xp as sx
from cases.case import Case

CASES = [
    Case(sx.DiceBoundaryLoss(), "dice_boundary"),
    Case(sx.DiceHausdorffLoss(include_background=False, one_sided=True), "dice_hausdorff"),
]
