"""Losses on the overlap of regions: Dice and its kin."""

from segloss_xp._entry import Entry
from segloss_xp.region.angle import TVMFDiceLoss, WeightedSoftDiceLoss
from segloss_xp.region.confusion import (
    DicePlusPlusLoss,
    MCCLoss,
    NoiseRobustDiceLoss,
    SensitivitySpecificityLoss,
    TverskyPlusPlusLoss,
)
from segloss_xp.region.curved import FocalDiceLoss, FocalTverskyLoss, LogCoshDiceLoss, LogDiceLoss
from segloss_xp.region.generalized import GeneralizedDiceLoss, PenaltyGeneralizedDiceLoss
from segloss_xp.region.lovasz import LovaszHingeLoss, LovaszSoftmaxLoss
from segloss_xp.region.overlap import DiceLoss, FBetaLoss, JaccardLoss, TverskyLoss
from segloss_xp.region.surrogate import CalibratedDiceLoss
from segloss_xp.region.wasserstein import GeneralizedWassersteinDiceLoss

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
    Entry(
        TverskyPlusPlusLoss,
        "1 − TP / (TP + α Σ(p(1−g))^γ + β Σ((1−p)g)^γ)",
        "Yeung 2023",
        (TverskyLoss, DicePlusPlusLoss),
    ),
    Entry(FocalDiceLoss, "1 − D^(1/β)", "Wang 2018", (DiceLoss,)),
    Entry(
        GeneralizedDiceLoss,
        "1 − 2 Σ_c w_c Σpg / Σ_c w_c (Σp + Σg), w = 1/(Σg)²",
        "Sudre 2017; Crum 2006",
        (DiceLoss,),
    ),
    Entry(PenaltyGeneralizedDiceLoss, "L / (1 + k(1−L))", "Yang 2019", (GeneralizedDiceLoss,)),
    Entry(
        GeneralizedWassersteinDiceLoss,
        "1 − 2 Σ α(1−W) / (2 Σ α(1−W) + ΣW), W = Σ_m M_lm p_m",
        "Fidon 2017",
        (DiceLoss,),
    ),
    Entry(
        LovaszSoftmaxLoss,
        "Σ_k e_(k) (Δ(k) − Δ(k−1)), e = |p − g|, Δ the Jaccard loss",
        "Berman 2018",
        (JaccardLoss,),
    ),
    Entry(
        LovaszHingeLoss,
        "Σ_k m_(k) (Δ(k) − Δ(k−1)), m = max(0, 1 − z(2g−1))",
        "Berman 2018; Yu 2015",
        (JaccardLoss, LovaszSoftmaxLoss),
    ),
    Entry(TVMFDiceLoss, "(1 − φ(cos θ))², cos θ = Σpg / (‖p‖ ‖g‖)", "Kato 2024", (DiceLoss,)),
    Entry(
        WeightedSoftDiceLoss,
        "Σw²(p−g)² / Σw²((p−½)² + (g−½)²)",
        "Chen 2018",
        (DiceLoss,),
    ),
    Entry(
        CalibratedDiceLoss,
        "1 − 2Σg(1 + log2 p) / (Σg − Σlog2(1−p))",
        "Nordström 2020; Bao 2020",
        (DiceLoss,),
    ),
)
