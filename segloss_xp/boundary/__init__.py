"""Losses on the distance to the surface of a region."""

from segloss_xp._entry import Entry
from segloss_xp.boundary.active import ActiveBoundaryLoss
from segloss_xp.boundary.contour import BoundaryDoULoss, PerimeterLoss, SurfaceDiceLoss
from segloss_xp.boundary.erosion import HausdorffCVLoss, HausdorffERLoss
from segloss_xp.boundary.generalized import GeneralizedSurfaceLoss
from segloss_xp.boundary.level_set import (
    ActiveContourLoss,
    ElasticInteractionLoss,
    MumfordShahLoss,
)
from segloss_xp.boundary.likelihood import DistancePenalizedCrossEntropyLoss, ShapeAwareLoss
from segloss_xp.boundary.points import WeightedHausdorffLoss
from segloss_xp.boundary.regression import SignedDistanceLoss
from segloss_xp.boundary.shape import CentroidLoss
from segloss_xp.boundary.surface import BoundaryLoss, HausdorffDTLoss, RegionWiseLoss
from segloss_xp.distribution.likelihood import CrossEntropyLoss
from segloss_xp.region.overlap import DiceLoss, JaccardLoss

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
    Entry(HausdorffERLoss, "Σ_k k^α Σ((p−g)² ⊖ₖ B) / N", "Karimi 2020", (HausdorffDTLoss,)),
    Entry(
        HausdorffCVLoss,
        "Σ_r r^α Σ(p−g)² ((S(B∗(1−g)) + S(B∗p)) p + (S(B∗g) + S(B∗(1−p))) g) / N",
        "Karimi 2020",
        (HausdorffDTLoss,),
    ),
    Entry(
        BoundaryDoULoss,
        "(Σp² + Σg² − 2Σpg) / (Σp² + Σg² − (1+α)Σpg), α = 1 − 2 C/S",
        "Sun 2023",
        (JaccardLoss,),
    ),
    Entry(SurfaceDiceLoss, "1 − 2Σδ(∂p)δ(∂g) / (Σδ(∂p) + Σδ(∂g))", "Celaya 2024", (DiceLoss,)),
    Entry(PerimeterLoss, "(Σcontour(p) − Σcontour(g))² / N", "El Jurdi 2021"),
    Entry(CentroidLoss, "|Σpx / Σp − Σgx / Σg|²", "Kervadec 2021"),
    Entry(
        ActiveContourLoss,
        "Σ|∇p| / N + λ(μ Σp(1−g)² + Σ(1−p)g²) / N",
        "Chen 2019",
    ),
    Entry(MumfordShahLoss, "Σp(x−μ)² / N + λ Σ|∇p| / N, μ = Σpx / Σp", "Kim 2020"),
    Entry(ElasticInteractionLoss, "Σ|k| |F(g − αp)|² / N²", "Lan 2020"),
    Entry(
        ActiveBoundaryLoss,
        "Σ_B min(d,θ)/θ (log Σ_j exp D_ij − Σ_j t_ij D_ij) / |B|, D_ij = KL(p_i‖p_j)",
        "Wang 2022",
        (CrossEntropyLoss,),
    ),
)
