"""Losses on the overlap of regions: Dice and its kin."""

from segloss_xp._entry import Entry
from segloss_xp.region.confusion import (
    DicePlusPlusLoss,
    MCCLoss,
    NoiseRobustDiceLoss,
    SensitivitySpecificityLoss,
)
from segloss_xp.region.overlap import (
    DiceLoss,
    FBetaLoss,
    FocalTverskyLoss,
    JaccardLoss,
    LogCoshDiceLoss,
    LogDiceLoss,
    TverskyLoss,
)

LOSSES = (
    Entry(DiceLoss, "1 − 2Σpg / (Σp + Σg)", "Milletari 2016; Drozdzal 2016"),
    Entry(JaccardLoss, "1 − Σpg / (Σp + Σg − Σpg)", "Rahman 2016", (DiceLoss,)),
    Entry(TverskyLoss, "1 − TP / (TP + α FP + β FN)", "Salehi 2017", (DiceLoss,)),
    Entry(
        FBetaLoss,
        "1 − (1+β²) TP / ((1+β²) TP + β² FN + FP)",
        "Hashemi 2019",
        (TverskyLoss,),
    ),
    Entry(FocalTverskyLoss, "(1 − TI)^(1/γ)", "Abraham 2019", (TverskyLoss,)),
    Entry(LogDiceLoss, "−log D", "Wong 2018", (DiceLoss,)),
    Entry(LogCoshDiceLoss, "log cosh(1 − D)", "Jadon 2020", (DiceLoss,)),
    Entry(
        SensitivitySpecificityLoss,
        "r Σ(p−g)²g / Σg + (1−r) Σ(p−g)²(1−g) / Σ(1−g)",
        "Brosch 2015",
    ),
    Entry(NoiseRobustDiceLoss, "Σ|p−g|^γ / (Σp² + Σg²)", "Wang 2020", (DiceLoss,)),
    Entry(
        DicePlusPlusLoss,
        "1 − 2TP / (2TP + Σ(p(1−g))^γ + Σ((1−p)g)^γ)",
        "Yeung 2023",
        (DiceLoss,),
    ),
    Entry(MCCLoss, "1 − Matthews correlation of p and g", "Abhishek 2021"),
)
