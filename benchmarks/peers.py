"""
The losses that are compared, and who has them: with equal settings, as their users call them.

Labels are of 64 bits, as loaders give them and PyTorch's cross-entropy takes them; in JAX of 32, as
is its default. Those for JAX take channels last, as optax does: it is given such arrays. SMP's
Dice, Tversky and Lovász pool the batch, where the others take each image by itself. SMP's focal
loss is left out, since it is another: a sigmoid of each class.
"""

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import kornia.losses as kornia
import monai.losses as monai
import optax
import torch
from nnunetv2.training.loss.compound_losses import DC_and_CE_loss
from nnunetv2.training.loss.dice import MemoryEfficientSoftDiceLoss
from torch.nn import functional

import segloss_xp as sx

# The losses need none of the encoders that the package itself imports.
_spec = importlib.util.find_spec("segmentation_models_pytorch")
if _spec:
    sys.modules.setdefault(_spec.name, importlib.util.module_from_spec(_spec))
import segmentation_models_pytorch.losses as smp  # noqa: E402

Function = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Subject:
    """A loss of ours, and the same of others: for PyTorch, and for JAX with channels last."""

    ours: sx.Loss
    torch: dict[str, Function] = field(default_factory=dict)
    jax: dict[str, Function] = field(default_factory=dict)


def _monai(kind: Any, **settings: Any) -> Function:
    loss = kind(to_onehot_y=True, softmax=True, **settings)
    return lambda x, y: loss(x, y[:, None])


def _nnunet_dice() -> Function:
    loss = MemoryEfficientSoftDiceLoss(lambda x: x.softmax(1), ddp=False, smooth=1e-5)
    return lambda x, y: loss(x, y[:, None])


def _nnunet() -> Function:
    dice = {"batch_dice": False, "do_bg": True, "smooth": 1e-5, "ddp": False}
    loss = DC_and_CE_loss(dice, {}, dice_class=MemoryEfficientSoftDiceLoss)
    return lambda x, y: loss(x, y[:, None])


def _optax_ce(x: Any, y: Any) -> Any:
    return optax.softmax_cross_entropy_with_integer_labels(x, y).mean()


def _optax_dice(x: Any, y: Any) -> Any:
    import jax

    return optax.losses.dice_loss(x, jax.nn.one_hot(y, x.shape[-1])).mean()


_monai_focal = monai.FocalLoss(to_onehot_y=True, use_softmax=True, gamma=2.0)
_smp_dice = smp.DiceLoss("multiclass")
_smp_ce = smp.SoftCrossEntropyLoss(smooth_factor=0.0)


def _plane(loss: Function, **settings: Any) -> Function:
    # kornia takes images alone; the shape of a volume does not matter to these losses.
    return lambda x, y: loss(x.flatten(3), y.flatten(2), **settings)


_kornia_dice = _plane(kornia.dice_loss, average="macro")


SUBJECTS = {
    "cross-entropy": Subject(
        sx.CrossEntropyLoss(),
        {"PyTorch": functional.cross_entropy, "SMP": _smp_ce},
        {"optax": _optax_ce},
    ),
    "Dice": Subject(
        sx.DiceLoss(),
        {
            "MONAI": _monai(monai.DiceLoss),
            "nnU-Net": _nnunet_dice(),
            "SMP": _smp_dice,
            "kornia": _kornia_dice,
        },
        {"optax": _optax_dice},
    ),
    "Dice + CE": Subject(
        sx.DiceLoss() + sx.CrossEntropyLoss(),
        {
            "MONAI": _monai(monai.DiceCELoss),
            "nnU-Net": _nnunet(),
            "SMP": lambda x, y: _smp_dice(x, y) + _smp_ce(x, y),
            "kornia": lambda x, y: _kornia_dice(x, y) + functional.cross_entropy(x, y),
        },
        {"optax": lambda x, y: _optax_dice(x, y) + _optax_ce(x, y)},
    ),
    "Tversky": Subject(
        sx.TverskyLoss(alpha=0.3, beta=0.7),
        {
            "MONAI": _monai(monai.TverskyLoss, alpha=0.3, beta=0.7),
            "SMP": smp.TverskyLoss("multiclass", alpha=0.3, beta=0.7),
            "kornia": _plane(kornia.tversky_loss, alpha=0.3, beta=0.7),
        },
    ),
    "focal": Subject(
        sx.FocalLoss(gamma=2.0),
        {
            "MONAI": lambda x, y: _monai_focal(x, y[:, None]),
            "kornia": _plane(kornia.focal_loss, alpha=None, gamma=2.0, reduction="mean"),
        },
    ),
    "generalised Dice": Subject(
        sx.GeneralizedDiceLoss(), {"MONAI": _monai(monai.GeneralizedDiceLoss)}
    ),
    "Lovász-softmax": Subject(
        sx.LovaszSoftmaxLoss(),
        # SMP's is the code of the loss's authors.
        {"SMP": smp.LovaszLoss("multiclass"), "kornia": _plane(kornia.lovasz_softmax_loss)},
    ),
}


def boundary(distance: torch.Tensor) -> Function:
    """The boundary loss as its authors write it, from precomputed distances."""
    return lambda x, y: (x.softmax(1) * distance).mean()


def hausdorff() -> Function:
    """MONAI's Hausdorff loss by distance transforms."""
    loss = monai.HausdorffDTLoss(include_background=True, softmax=True, to_onehot_y=True)
    return lambda x, y: loss(x, y[:, None].float())
