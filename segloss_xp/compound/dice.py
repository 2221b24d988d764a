"""Dice and a loss on voxels: the one sees the region as a whole, the other every voxel."""

from typing import Literal

from segloss_xp._checks import freeze_weights
from segloss_xp._comparison import Comparison
from segloss_xp._compound import RegionCompound
from segloss_xp._loss import Loss
from segloss_xp.distribution.likelihood import CrossEntropyLoss, FocalLoss
from segloss_xp.distribution.selection import TopKLoss
from segloss_xp.maps import Map
from segloss_xp.region.generalized import GeneralizedDiceLoss
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
    F. Isensee et al. (2020), nnU-Net for brain tumor segmentation (region-based training).

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


class DiceTopKLoss(RegionCompound):
    r"""
    Dice and top-k cross-entropy.

    .. math:: L = w_D L_{Dice} + w_K L_{TopK}

    Parameters
    ----------
    dice_weight, topk_weight : float
        Weights :math:`w_D` and :math:`w_K` of the terms.
    k : float
        Share of the voxels that count in cross-entropy, the hardest.
    include_background : bool
        Whether class 0 counts in Dice.
    class_weights : sequence of float, optional
        A weight for each of the C classes, in both terms; a mean depends on their ratios only.
    batch : bool
        Whether Dice pools its sums over the samples, and the hardest voxels are those of all.
    smooth
        Of Dice: see `RegionLoss`.

    Notes
    -----
    Unreduced: the terms have no common grain, so ``reduction="none"`` is a ``ValueError``. Absent
    classes: as for `DiceLoss`. All ignored: 0. For devices the promises are those of `TopKLoss`.

    References
    ----------
    J. Ma et al. (2021), Loss odyssey in medical image segmentation, where it is among the best.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> float(sx.DiceTopKLoss()(p, np.array([[0, 0, 1]]), from_logits=False).round(3))
    0.582
    """

    dice_weight: float = 1.0
    topk_weight: float = 1.0
    k: float = 0.1

    @property
    def terms(self) -> tuple[tuple[float, Loss], ...]:
        hardest = TopKLoss(k=self.k, batch=self.batch, class_weights=self.class_weights)
        return (self.dice_weight, self.region(DiceLoss)), (self.topk_weight, hardest)


class GeneralizedDiceFocalLoss(RegionCompound):
    r"""
    Generalised Dice and focal loss.

    .. math:: L = w_G L_{GDL} + w_F L_{Focal}

    Parameters
    ----------
    dice_weight, focal_weight : float
        Weights :math:`w_G` and :math:`w_F` of the terms.
    weighting : {"square", "simple", "uniform"}
        Of the classes in generalised Dice: see `GeneralizedDiceLoss`.
    gamma : float
        Exponent of the focal loss.
    include_background : bool
        Whether class 0 counts in generalised Dice.
    class_weights : sequence of float, optional
        A weight for each of the C classes, in both terms; a mean depends on their ratios only.
    batch, smooth
        Of generalised Dice: see `GeneralizedDiceLoss`.

    Notes
    -----
    The focal loss is that of a softmax, or with ``multilabel=True`` of sigmoids, as Dice is.
    Unreduced: the terms have no common grain, so ``reduction="none"`` is a ``ValueError``. Absent
    classes: as for `GeneralizedDiceLoss` and `FocalLoss`. All ignored: 0.

    References
    ----------
    M. J. Cardoso et al. (2022), MONAI: an open-source framework for deep learning in healthcare,
    which has the loss; C. H. Sudre et al. (2017), Generalised Dice overlap.

    Examples
    --------
    >>> import numpy as np
    >>> import segloss_xp as sx
    >>> p = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    >>> labels = np.array([[0, 0, 1]])
    >>> float(sx.GeneralizedDiceFocalLoss()(p, labels, from_logits=False).round(3))
    0.264
    """

    dice_weight: float = 1.0
    focal_weight: float = 1.0
    weighting: Literal["square", "simple", "uniform"] = "square"
    gamma: float = 2.0

    @property
    def terms(self) -> tuple[tuple[float, Loss], ...]:
        dice = self.region(GeneralizedDiceLoss, weighting=self.weighting)
        focal = FocalLoss(gamma=self.gamma, class_weights=self.class_weights)
        return (self.dice_weight, dice), (self.focal_weight, focal)
