"""Sums of losses that have a name."""

from segloss_xp._entry import Entry
from segloss_xp.boundary.surface import BoundaryLoss, HausdorffDTLoss
from segloss_xp.compound.scheduled import DiceBoundaryLoss, DiceHausdorffLoss
from segloss_xp.region.overlap import DiceLoss

LOSSES = (
    Entry(DiceBoundaryLoss, "(1−α) Dice + α boundary", "Kervadec 2019", (DiceLoss, BoundaryLoss)),
    Entry(DiceHausdorffLoss, "(1−α) Dice + α HD", "Karimi 2020", (DiceLoss, HausdorffDTLoss)),
)
