"""Dice and a loss on voxels: the one sees the region as a whole, the other every voxel."""

from segloss_xp._comparison import Comparison
from segloss_xp._compound import RegionCompound
from segloss_xp._grain import freeze_weights
from segloss_xp._loss import Loss
from segloss_xp.distribution.likelihood import CrossEntropyLoss, FocalLoss
from segloss_xp.maps import Map
from segloss_xp.region.overlap import DiceLoss


class DiceCELoss(RegionCompound):
    r"""
    Dice and cross-entropy.

    .. math:: L = w_D L_{Dice} + w_C L_{CE}

    Parameters
    ----------
    dice_weight, ce_weight : float
        Weights :math:`w_D` and :math:`w_C` of the terms.
    include_background : bool
        Whether class 0 counts in Dice; nnU-Net leaves it out. In cross-entropy it always does.
    class_weights : sequence of float, optional
        A weight for each of the C classes, in both terms; a mean depends on their ratios only.
    batch, smooth
        Of Dice: see `RegionLoss`.

    Notes
    -----
    It is ``dice_weight * DiceLoss(...) + ce_weight * CrossEntropyLoss(...)`` in every respect, and
    what one field can't say that sum can. Unreduced: the terms have no common grain, so
    ``reduction="none"`` is a ``ValueError``. Absent classes: as for `DiceLoss` and
    `CrossEntropyLoss`. All ignored: 0. With ``multilabel=True`` cross-entropy is binary.

    References
    ----------
    F. Isensee et al. (2021), nnU-Net: a self-configuring method for deep learning-based biomedical
    image segmentation.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> float(sx.DiceCELoss()(p, np.array([[0, 0, 1]]), from_logits=False).round(3))
    0.453
    """

    dice_weight: float = 1.0
    ce_weight: float = 1.0

    @property
    def terms(self) -> tuple[tuple[float, Loss], ...]:
        return (
            (self.dice_weight, self.region(DiceLoss)),
            (self.ce_weight, CrossEntropyLoss(class_weights=self.class_weights)),
        )


class DiceBCELoss(RegionCompound):
    r"""
    Dice and binary cross-entropy, for regions that overlap: whole tumour, tumour core, ...

    .. math:: L = w_D L_{Dice} + w_B L_{BCE}

    Parameters
    ----------
    dice_weight, bce_weight : float
        Weights :math:`w_D` and :math:`w_B` of the terms.
    include_background : bool
        Whether channel 0 counts in Dice: True, unless it is a background.
    class_weights : sequence of float, optional
        A weight for each of the C channels, in both terms; a mean depends on their ratios only.
    batch, smooth
        Of Dice: see `RegionLoss`.

    Notes
    -----
    `DiceCELoss` with ``multilabel=True``, without which it is a ``ValueError``: cross-entropy after
    a softmax would be another loss. Unreduced: the terms have no common grain. Absent classes: as
    for `DiceLoss` and `CrossEntropyLoss`. All ignored: 0.

    References
    ----------
    F. Isensee et al. (2020), nnU-Net for brain tumor segmentation, section 2.2 (region-based
    training).

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> g = np.array([[[1, 1, 0], [0, 0, 1]]], bool)
    >>> float(sx.DiceBCELoss()(p, g, from_logits=False, multilabel=True).round(3))
    0.453
    """

    dice_weight: float = 1.0
    bce_weight: float = 1.0

    @property
    def terms(self) -> tuple[tuple[float, Loss], ...]:
        return (
            (self.dice_weight, self.region(DiceLoss)),
            (self.bce_weight, CrossEntropyLoss(class_weights=self.class_weights)),
        )

    def maps(self, comparison: Comparison) -> tuple[Map, ...]:
        if not comparison.multilabel:
            raise ValueError(
                f"{self!r} is for channels that may overlap, got multilabel=False; DiceCELoss is "
                "for one label a voxel"
            )
        return super().maps(comparison)


class DiceFocalLoss(RegionCompound):
    r"""
    Dice and focal loss.

    .. math:: L = w_D L_{Dice} + w_F L_{Focal}

    Parameters
    ----------
    dice_weight, focal_weight : float
        Weights :math:`w_D` and :math:`w_F` of the terms.
    gamma : float
        Exponent of the focal loss.
    alpha : float or sequence of float, optional
        Weights of the classes in the focal loss: see `FocalLoss`.
    include_background : bool
        Whether class 0 counts in Dice.
    class_weights : sequence of float, optional
        A weight for each of the C classes, in both terms; a mean depends on their ratios only.
    batch, smooth
        Of Dice: see `RegionLoss`.

    Notes
    -----
    The focal loss is that of a softmax, or with ``multilabel=True`` of sigmoids, as Dice is.
    Unreduced: the terms have no common grain, so ``reduction="none"`` is a ``ValueError``. Absent
    classes: as for `DiceLoss` and `FocalLoss`. All ignored: 0.

    References
    ----------
    W. Zhu et al. (2019), AnatomyNet: deep learning for fast and fully automated whole-volume
    segmentation of head and neck anatomy, with its weight of the focal loss.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> float(sx.DiceFocalLoss()(p, np.array([[0, 0, 1]]), from_logits=False).round(3))
    0.232
    """

    dice_weight: float = 1.0
    focal_weight: float = 0.5
    gamma: float = 2.0
    alpha: float | tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.alpha, int | float):
            freeze_weights(self, "alpha")
        super().__post_init__()

    @property
    def terms(self) -> tuple[tuple[float, Loss], ...]:
        focal = FocalLoss(gamma=self.gamma, alpha=self.alpha, class_weights=self.class_weights)
        return (self.dice_weight, self.region(DiceLoss)), (self.focal_weight, focal)
