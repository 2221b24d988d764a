"""Losses that keep a prediction from being surer than it is right."""

from segloss_xp._entry import Entry
from segloss_xp.calibration.error import CalibrationErrorLoss
from segloss_xp.calibration.neighbourhood import NACLLoss, SVLSLoss
from segloss_xp.calibration.penalty import ConfidencePenaltyLoss, MarginLabelSmoothingLoss
from segloss_xp.distribution.likelihood import CrossEntropyLoss

LOSSES = (
    Entry(
        ConfidencePenaltyLoss,
        "−Σ g log p + α Σ p log p",
        "Pereyra 2017",
        (CrossEntropyLoss,),
    ),
    Entry(
        MarginLabelSmoothingLoss,
        "−Σ g log p + α ⟨(max z − z − m)₊⟩",
        "Liu 2022",
        (CrossEntropyLoss,),
    ),
    Entry(SVLSLoss, "−Σ (K∗g) log p", "Islam 2021", (CrossEntropyLoss,)),
    Entry(
        NACLLoss,
        "−Σ g log p + α ⟨|z − τ|⟩, τ = share of the class in a window",
        "Murugesan 2023",
        (CrossEntropyLoss,),
    ),
    Entry(CalibrationErrorLoss, "⟨|⟨p⟩ − ⟨g⟩| of a bin⟩ over soft bins", "Barfoot 2024"),
)
