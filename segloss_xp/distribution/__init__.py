"""Losses on the distribution of a voxel's label: cross-entropy and its kin."""

from segloss_xp._entry import Entry
from segloss_xp.distribution.likelihood import (
    BrierLoss,
    CrossEntropyLoss,
    FocalLoss,
    KLDivergenceLoss,
    PolyLoss,
)
from segloss_xp.distribution.robust import GeneralizedCrossEntropyLoss, SymmetricCrossEntropyLoss

LOSSES = (
    Entry(
        CrossEntropyLoss,
        "−Σ g log p; with multilabel also −Σ (1−g) log(1−p)",
        "Ronneberger 2015; Szegedy 2016",
    ),
    Entry(FocalLoss, "−Σ α g (1−p)^γ log p", "Lin 2017", (CrossEntropyLoss,)),
    Entry(PolyLoss, "Σ g (−log p + ε (1−p))", "Leng 2022", (CrossEntropyLoss,)),
    Entry(KLDivergenceLoss, "Σ g log(g / p)", "Kullback 1951", (CrossEntropyLoss,)),
    Entry(BrierLoss, "Σ (p−g)²", "Brier 1950"),
    Entry(GeneralizedCrossEntropyLoss, "Σ g (1−p^q) / q", "Zhang 2018", (CrossEntropyLoss,)),
    Entry(
        SymmetricCrossEntropyLoss,
        "−α Σ g log p − β Σ p log g",
        "Wang 2019",
        (CrossEntropyLoss,),
    ),
)
