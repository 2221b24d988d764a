"""Segmentation losses, each written once and called with NumPy, CuPy, PyTorch or JAX arrays."""

from segloss_xp._comparison import check_labels as check_labels
from segloss_xp._grain import RegionLoss as RegionLoss
from segloss_xp._grain import VoxelLoss as VoxelLoss
from segloss_xp._loss import Loss as Loss
from segloss_xp._loss import Sum as Sum
from segloss_xp.distribution import CrossEntropyLoss as CrossEntropyLoss
from segloss_xp.gradient import value_and_grad as value_and_grad
from segloss_xp.region import DiceLoss as DiceLoss
from segloss_xp.region import JaccardLoss as JaccardLoss
from segloss_xp.region import TverskyLoss as TverskyLoss

__version__ = "0.1.0"
