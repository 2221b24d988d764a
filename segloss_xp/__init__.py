"""Segmentation losses, each written once and called with NumPy, CuPy, PyTorch or JAX arrays."""

from segloss_xp._grain import RegionLoss as RegionLoss
from segloss_xp._grain import VoxelLoss as VoxelLoss
from segloss_xp._labels import check_labels as check_labels
from segloss_xp._loss import Loss as Loss
from segloss_xp._loss import Sum as Sum
from segloss_xp.boundary.active import ActiveBoundaryLoss as ActiveBoundaryLoss
from segloss_xp.boundary.border import unet_weight_map as unet_weight_map
from segloss_xp.boundary.contour import BoundaryDoULoss as BoundaryDoULoss
from segloss_xp.boundary.contour import PerimeterLoss as PerimeterLoss
from segloss_xp.boundary.contour import SurfaceDiceLoss as SurfaceDiceLoss
from segloss_xp.boundary.erosion import HausdorffCVLoss as HausdorffCVLoss
from segloss_xp.boundary.erosion import HausdorffERLoss as HausdorffERLoss
from segloss_xp.boundary.generalized import GeneralizedSurfaceLoss as GeneralizedSurfaceLoss
from segloss_xp.boundary.level_set import ActiveContourLoss as ActiveContourLoss
from segloss_xp.boundary.level_set import ElasticInteractionLoss as ElasticInteractionLoss
from segloss_xp.boundary.level_set import MumfordShahLoss as MumfordShahLoss
from segloss_xp.boundary.likelihood import (
    DistancePenalizedCrossEntropyLoss as DistancePenalizedCrossEntropyLoss,
)
from segloss_xp.boundary.likelihood import ShapeAwareLoss as ShapeAwareLoss
from segloss_xp.boundary.points import WeightedHausdorffLoss as WeightedHausdorffLoss
from segloss_xp.boundary.regression import SignedDistanceLoss as SignedDistanceLoss
from segloss_xp.boundary.shape import CentroidLoss as CentroidLoss
from segloss_xp.boundary.surface import BoundaryLoss as BoundaryLoss
from segloss_xp.boundary.surface import HausdorffDTLoss as HausdorffDTLoss
from segloss_xp.boundary.surface import RegionWiseLoss as RegionWiseLoss
from segloss_xp.calibration.error import CalibrationErrorLoss as CalibrationErrorLoss
from segloss_xp.calibration.neighbourhood import NACLLoss as NACLLoss
from segloss_xp.calibration.neighbourhood import SVLSLoss as SVLSLoss
from segloss_xp.calibration.penalty import ConfidencePenaltyLoss as ConfidencePenaltyLoss
from segloss_xp.calibration.penalty import MarginLabelSmoothingLoss as MarginLabelSmoothingLoss
from segloss_xp.compound.dice import DiceBCELoss as DiceBCELoss
from segloss_xp.compound.dice import DiceCELoss as DiceCELoss
from segloss_xp.compound.dice import DiceFocalLoss as DiceFocalLoss
from segloss_xp.compound.dice import DiceTopKLoss as DiceTopKLoss
from segloss_xp.compound.dice import GeneralizedDiceFocalLoss as GeneralizedDiceFocalLoss
from segloss_xp.compound.imbalance import ComboLoss as ComboLoss
from segloss_xp.compound.imbalance import ExponentialLogarithmicLoss as ExponentialLogarithmicLoss
from segloss_xp.compound.imbalance import UnifiedFocalLoss as UnifiedFocalLoss
from segloss_xp.compound.scales import DeepSupervisionLoss as DeepSupervisionLoss
from segloss_xp.compound.scheduled import DiceBoundaryLoss as DiceBoundaryLoss
from segloss_xp.compound.scheduled import DiceHausdorffLoss as DiceHausdorffLoss
from segloss_xp.compound.scheduled import ramp as ramp
from segloss_xp.distance import distance_transform as distance_transform
from segloss_xp.distance import label_distance as label_distance
from segloss_xp.distance import signed_distance as signed_distance
from segloss_xp.distribution.active_passive import MeanAbsoluteErrorLoss as MeanAbsoluteErrorLoss
from segloss_xp.distribution.active_passive import (
    NormalizedCrossEntropyLoss as NormalizedCrossEntropyLoss,
)
from segloss_xp.distribution.active_passive import (
    ReverseCrossEntropyLoss as ReverseCrossEntropyLoss,
)
from segloss_xp.distribution.likelihood import BrierLoss as BrierLoss
from segloss_xp.distribution.likelihood import CrossEntropyLoss as CrossEntropyLoss
from segloss_xp.distribution.likelihood import FocalLoss as FocalLoss
from segloss_xp.distribution.likelihood import KLDivergenceLoss as KLDivergenceLoss
from segloss_xp.distribution.likelihood import PolyLoss as PolyLoss
from segloss_xp.distribution.proportion import ProportionLoss as ProportionLoss
from segloss_xp.distribution.robust import (
    GeneralizedCrossEntropyLoss as GeneralizedCrossEntropyLoss,
)
from segloss_xp.distribution.robust import SymmetricCrossEntropyLoss as SymmetricCrossEntropyLoss
from segloss_xp.distribution.selection import OHEMLoss as OHEMLoss
from segloss_xp.distribution.selection import TopKLoss as TopKLoss
from segloss_xp.distribution.tempered import BiTemperedLoss as BiTemperedLoss
from segloss_xp.distribution.wing import AdaptiveWingLoss as AdaptiveWingLoss
from segloss_xp.gradient import value_and_grad as value_and_grad
from segloss_xp.region.angle import TVMFDiceLoss as TVMFDiceLoss
from segloss_xp.region.angle import WeightedSoftDiceLoss as WeightedSoftDiceLoss
from segloss_xp.region.confusion import DicePlusPlusLoss as DicePlusPlusLoss
from segloss_xp.region.confusion import MCCLoss as MCCLoss
from segloss_xp.region.confusion import NoiseRobustDiceLoss as NoiseRobustDiceLoss
from segloss_xp.region.confusion import SensitivitySpecificityLoss as SensitivitySpecificityLoss
from segloss_xp.region.confusion import TverskyPlusPlusLoss as TverskyPlusPlusLoss
from segloss_xp.region.curved import FocalDiceLoss as FocalDiceLoss
from segloss_xp.region.curved import FocalTverskyLoss as FocalTverskyLoss
from segloss_xp.region.curved import LogCoshDiceLoss as LogCoshDiceLoss
from segloss_xp.region.curved import LogDiceLoss as LogDiceLoss
from segloss_xp.region.generalized import GeneralizedDiceLoss as GeneralizedDiceLoss
from segloss_xp.region.generalized import PenaltyGeneralizedDiceLoss as PenaltyGeneralizedDiceLoss
from segloss_xp.region.lovasz import LovaszHingeLoss as LovaszHingeLoss
from segloss_xp.region.lovasz import LovaszSoftmaxLoss as LovaszSoftmaxLoss
from segloss_xp.region.overlap import DiceLoss as DiceLoss
from segloss_xp.region.overlap import FBetaLoss as FBetaLoss
from segloss_xp.region.overlap import JaccardLoss as JaccardLoss
from segloss_xp.region.overlap import TverskyLoss as TverskyLoss
from segloss_xp.region.surrogate import CalibratedDiceLoss as CalibratedDiceLoss
from segloss_xp.region.wasserstein import (
    GeneralizedWassersteinDiceLoss as GeneralizedWassersteinDiceLoss,
)
from segloss_xp.taxonomy import losses as losses
from segloss_xp.topology.adjacency import NonAdjacencyLoss as NonAdjacencyLoss

__version__ = "0.1.0"
