"""Segmentation losses, each written once and called with NumPy, CuPy, PyTorch or JAX arrays."""

from segloss_xp._comparison import check_labels as check_labels
from segloss_xp._grain import RegionLoss as RegionLoss
from segloss_xp._grain import VoxelLoss as VoxelLoss
from segloss_xp._loss import Loss as Loss
from segloss_xp._loss import Sum as Sum
from segloss_xp.confusion import DicePlusPlusLoss as DicePlusPlusLoss
from segloss_xp.confusion import MCCLoss as MCCLoss
from segloss_xp.confusion import NoiseRobustDiceLoss as NoiseRobustDiceLoss
from segloss_xp.confusion import SensitivitySpecificityLoss as SensitivitySpecificityLoss
from segloss_xp.distance import distance_transform as distance_transform
from segloss_xp.distance import label_distance as label_distance
from segloss_xp.distance import signed_distance as signed_distance
from segloss_xp.distribution import BrierLoss as BrierLoss
from segloss_xp.distribution import CrossEntropyLoss as CrossEntropyLoss
from segloss_xp.distribution import FocalLoss as FocalLoss
from segloss_xp.distribution import KLDivergenceLoss as KLDivergenceLoss
from segloss_xp.distribution import PolyLoss as PolyLoss
from segloss_xp.gradient import value_and_grad as value_and_grad
from segloss_xp.region import DiceLoss as DiceLoss
from segloss_xp.region import FBetaLoss as FBetaLoss
from segloss_xp.region import FocalTverskyLoss as FocalTverskyLoss
from segloss_xp.region import JaccardLoss as JaccardLoss
from segloss_xp.region import LogCoshDiceLoss as LogCoshDiceLoss
from segloss_xp.region import LogDiceLoss as LogDiceLoss
from segloss_xp.region import TverskyLoss as TverskyLoss
from segloss_xp.robust import GeneralizedCrossEntropyLoss as GeneralizedCrossEntropyLoss
from segloss_xp.robust import SymmetricCrossEntropyLoss as SymmetricCrossEntropyLoss

__version__ = "0.1.0"
