"""Losses on the distribution of a voxel's label: cross-entropy and its kin."""

from segloss_xp._entry import Entry
from segloss_xp.distribution.active_passive import (
    MeanAbsoluteErrorLoss,
    NormalizedCrossEntropyLoss,
    ReverseCrossEntropyLoss,
)
from segloss_xp.distribution.likelihood import (
    BrierLoss,
    CrossEntropyLoss,
    FocalLoss,
    KLDivergenceLoss,
    PolyLoss,
)
from segloss_xp.distribution.proportion import ProportionLoss
from segloss_xp.distribution.robust import GeneralizedCrossEntropyLoss, SymmetricCrossEntropyLoss
from segloss_xp.distribution.selection import OHEMLoss, TopKLoss
from segloss_xp.distribution.tempered import BiTemperedLoss
from segloss_xp.distribution.wing import AdaptiveWingLoss

LOSSES = (
    Entry(
        CrossEntropyLoss,
        "−Σ g log p; with multilabel also −Σ (1−g) log(1−p)",
        "Ronneberger 2015; Szegedy 2016",
        (KLDivergenceLoss,),
    ),
    Entry(FocalLoss, "−Σ α g (1−p)^γ log p", "Lin 2017", (CrossEntropyLoss,)),
    Entry(
        PolyLoss,
        "Σ g (−(1−p)^γ log p + ε (1−p)^(γ+1))",
        "Leng 2022",
        (CrossEntropyLoss, FocalLoss),
    ),
    Entry(
        TopKLoss,
        "mean of the k largest −log p",
        "Wu 2016; Isensee 2021",
        (CrossEntropyLoss,),
    ),
    Entry(
        OHEMLoss,
        "mean of −log p where p < t",
        "Wu 2016; Shrivastava 2016",
        (CrossEntropyLoss, TopKLoss),
    ),
    Entry(KLDivergenceLoss, "Σ g log(g / p)", "Kullback 1951"),
    Entry(BrierLoss, "Σ (p−g)²", "Brier 1950"),
    Entry(
        GeneralizedCrossEntropyLoss,
        "Σ g (1−p^q) / q",
        "Zhang 2018",
        (CrossEntropyLoss, MeanAbsoluteErrorLoss),
    ),
    Entry(
        SymmetricCrossEntropyLoss,
        "−α Σ g log p − β Σ p log g",
        "Wang 2019",
        (CrossEntropyLoss,),
    ),
    Entry(
        ReverseCrossEntropyLoss,
        "−Σ p log g",
        "Wang 2019; Ma 2020",
        (SymmetricCrossEntropyLoss,),
    ),
    Entry(
        NormalizedCrossEntropyLoss,
        "Σ g log p / Σ log p",
        "Ma 2020",
        (CrossEntropyLoss,),
    ),
    Entry(
        MeanAbsoluteErrorLoss,
        "½ Σ |p−g|; with multilabel |p−g|",
        "Ghosh 2017; Ma 2020",
    ),
    Entry(
        BiTemperedLoss,
        "Σ g (log_t₁ g − log_t₁ q) − (g^(2−t₁) − q^(2−t₁)) / (2−t₁), q = exp_t₂(a−λ)",
        "Amid 2019",
        (CrossEntropyLoss,),
    ),
    Entry(
        AdaptiveWingLoss,
        "Σ ω log(1 + (|p−g|/ε)^(α−g)), straight from |p−g| = θ on",
        "Wang 2019; Gros 2021",
    ),
    Entry(
        ProportionLoss,
        "|Σp − Σg| / N; kl, ĝ log(ĝ / p̂) − ĝ + p̂ of the means",
        "Liu 2022",
        (KLDivergenceLoss,),
    ),
)
