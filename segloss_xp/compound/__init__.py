"""Losses that are sums of others: what a region and a voxel say, together."""

from segloss_xp._entry import Entry
from segloss_xp.boundary import BoundaryLoss, HausdorffDTLoss
from segloss_xp.compound.dice import (
    DiceBCELoss,
    DiceCELoss,
    DiceFocalLoss,
    DiceTopKLoss,
    GeneralizedDiceFocalLoss,
)
from segloss_xp.compound.imbalance import (
    ComboLoss,
    ExponentialLogarithmicLoss,
    UnifiedFocalLoss,
)
from segloss_xp.compound.scales import DeepSupervisionLoss
from segloss_xp.compound.scheduled import DiceBoundaryLoss, DiceHausdorffLoss
from segloss_xp.distribution import CrossEntropyLoss, FocalLoss, TopKLoss
from segloss_xp.region import DiceLoss, FocalTverskyLoss, GeneralizedDiceLoss, LogDiceLoss

LOSSES = (
    Entry(DiceCELoss, "Dice + CE", "Isensee 2021", (DiceLoss, CrossEntropyLoss)),
    Entry(DiceBCELoss, "Dice + BCE", "Isensee 2020", (DiceLoss, CrossEntropyLoss)),
    Entry(DiceFocalLoss, "Dice + ½ focal", "Zhu 2019", (DiceLoss, FocalLoss)),
    Entry(DiceTopKLoss, "Dice + top-k", "Ma 2021", (DiceLoss, TopKLoss)),
    Entry(
        GeneralizedDiceFocalLoss,
        "generalised Dice + focal",
        "Cardoso 2022; Sudre 2017",
        (GeneralizedDiceLoss, FocalLoss),
    ),
    Entry(DiceBoundaryLoss, "(1−α) Dice + α boundary", "Kervadec 2019", (DiceLoss, BoundaryLoss)),
    Entry(DiceHausdorffLoss, "(1−α) Dice + α HD", "Karimi 2020", (DiceLoss, HausdorffDTLoss)),
    Entry(
        ComboLoss,
        "−α Σ (β g log p + (1−β) (1−g) log(1−p)) / C + (1−α) Dice",
        "Taghanaki 2019",
        (DiceLoss, CrossEntropyLoss),
    ),
    Entry(
        ExponentialLogarithmicLoss,
        "0.8 (−log D)^γ + 0.2 Σ w g (−log p)^γ",
        "Wong 2018",
        (LogDiceLoss, CrossEntropyLoss),
    ),
    Entry(
        UnifiedFocalLoss,
        "λ focal(γ) + (1−λ) (1−TI)^(1−γ)",
        "Yeung 2022",
        (FocalLoss, FocalTverskyLoss),
    ),
    Entry(DeepSupervisionLoss, "Σ 2^−l L(x_l, g_l) / Σ 2^−l", "Lee 2015; Isensee 2021"),
)
