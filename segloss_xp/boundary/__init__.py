"""Losses on the distance to the surface of a region."""

from segloss_xp._entry import Entry
from segloss_xp.boundary.generalized import GeneralizedSurfaceLoss
from segloss_xp.boundary.likelihood import DistancePenalizedCrossEntropyLoss, ShapeAwareLoss
from segloss_xp.boundary.points import WeightedHausdorffLoss
from segloss_xp.boundary.regression import SignedDistanceLoss
from segloss_xp.boundary.surface import BoundaryLoss, HausdorffDTLoss, RegionWiseLoss
from segloss_xp.distribution.likelihood import CrossEntropyLoss

LOSSES = (
    Entry(BoundaryLoss, "Σφp / N", "Kervadec 2019"),
    Entry(HausdorffDTLoss, "Σ(p−g)² (d^α + d̂^α) / N", "Karimi 2020; Celaya 2024"),
    Entry(
        GeneralizedSurfaceLoss,
        "1 − Σ w Σ(d(1−p−g))² / Σ w Σd²",
        "Celaya 2024",
        (HausdorffDTLoss,),
    ),
    Entry(
        DistancePenalizedCrossEntropyLoss,
        "−Σ(1+Φ) g log p / N",
        "Caliva 2019",
        (CrossEntropyLoss,),
    ),
    Entry(ShapeAwareLoss, "−Σ(1 + E[wrong]) g log p / N", "Al Arif 2017", (CrossEntropyLoss,)),
    Entry(RegionWiseLoss, "Σ p z / N", "Valverde 2023", (BoundaryLoss,)),
    Entry(
        SignedDistanceLoss,
        "1/3 − Σsŝ / (Σsŝ + Σs² + Σŝ²) + λ Σ|s−ŝ| / N",
        "Xue 2020",
    ),
    Entry(
        WeightedHausdorffLoss,
        "Σ p min_y d / Σp + mean_y M_α(p d + (1−p) d_max)",
        "Ribera 2019",
    ),
)
