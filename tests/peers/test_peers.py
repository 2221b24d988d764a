"""Other libraries at equal settings, value and gradient; and where they are not what they say."""

import importlib.util
import sys
from functools import partial

import numpy as np
import pytest
from problems import assert_close, assert_finite, one_hot, problem, softmax

import segloss_xp as sx

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]  # their warnings are theirs

S = 1e-5
WEIGHTS = (0.5, 1.0, 3.0)


def load(peer):
    """The module of a peer, or skip."""
    package = peer.partition(".")[0]
    if package == "segmentation_models_pytorch":
        spec = importlib.util.find_spec(package)
        if spec is None:
            pytest.skip(f"{package} is not installed")
        # The losses need none of the encoders that the package itself imports.
        sys.modules.setdefault(package, importlib.util.module_from_spec(spec))
    return pytest.importorskip(peer)


def last(x):
    """Classes last, as optax has them."""
    import jax.numpy as jnp

    return jnp.moveaxis(x, 1, -1)


def hot(t):
    import jax

    return jax.nn.one_hot(t, 3)


def per_channel(values, like):
    return like.new_tensor(values).reshape(-1, 1, 1)


def nnunet(x, t, *, batch=False, s=S):
    """1 - (2 TP + s) / (2 TP + FP + FN + s), as its authors write it."""
    p, g = x.softmax(1), x.new_tensor(one_hot(t.numpy(), 3))
    axes = (0, 2, 3) if batch else (2, 3)
    tp, fp, fn = ((a * b).sum(axes) for a, b in ((p, g), (p, 1 - g), (1 - p, g)))
    return (1 - (2 * tp + s) / (2 * tp + fp + fn + s)).mean()


def sample_means(loss):
    """The mean of the means of the samples, where the classes present differ among them."""
    return lambda x, t, **call: loss(x, t, reduction="sample", **call).mean()


# The library, the target, what it computes, what we do, and the arguments of our call.
PARITY = {
    "torch cross_entropy": (
        "torch.nn.functional",
        "labels",
        lambda f, x, t: f.cross_entropy(x, t),
        sx.CrossEntropyLoss(),
        {},
    ),
    "torch cross_entropy weight label_smoothing": (
        "torch.nn.functional",
        "labels",
        lambda f, x, t: f.cross_entropy(x, t, x.new_tensor(WEIGHTS), label_smoothing=0.1),
        sx.CrossEntropyLoss(class_weights=WEIGHTS, label_smoothing=0.1),
        {},
    ),
    "torch cross_entropy weight ignore_index": (
        "torch.nn.functional",
        "labels",
        lambda f, x, t: f.cross_entropy(x, t, x.new_tensor(WEIGHTS), ignore_index=1),
        sx.CrossEntropyLoss(class_weights=WEIGHTS),
        {"ignore_index": 1},
    ),
    "torch cross_entropy label_smoothing ignore_index": (
        "torch.nn.functional",
        "labels",
        lambda f, x, t: f.cross_entropy(x, t, ignore_index=1, label_smoothing=0.2),
        sx.CrossEntropyLoss(label_smoothing=0.2),
        {"ignore_index": 1},
    ),
    "torch cross_entropy soft": (
        "torch.nn.functional",
        "soft",
        lambda f, x, t: f.cross_entropy(x, t, label_smoothing=0.1),
        sx.CrossEntropyLoss(label_smoothing=0.1),
        {},
    ),
    "torch cross_entropy none": (
        "torch.nn.functional",
        "labels",
        lambda f, x, t: f.cross_entropy(x, t, x.new_tensor(WEIGHTS), reduction="none"),
        sx.CrossEntropyLoss(class_weights=WEIGHTS),
        {"reduction": "none"},
    ),
    "torch binary_cross_entropy": (
        "torch.nn.functional",
        "multilabel",
        lambda f, x, t: f.binary_cross_entropy_with_logits(x, t.double()),
        sx.CrossEntropyLoss(),
        {"multilabel": True},
    ),
    "torch binary_cross_entropy pos_weight": (
        "torch.nn.functional",
        "multilabel",
        lambda f, x, t: f.binary_cross_entropy_with_logits(
            x, t.double(), pos_weight=per_channel(WEIGHTS, x)
        ),
        sx.CrossEntropyLoss(pos_weight=WEIGHTS),
        {"multilabel": True},
    ),
    "torch binary_cross_entropy weight none": (
        "torch.nn.functional",
        "multilabel",
        lambda f, x, t: f.binary_cross_entropy_with_logits(
            x, t.double(), per_channel(WEIGHTS, x), reduction="none"
        ),
        sx.CrossEntropyLoss(class_weights=WEIGHTS),
        {"multilabel": True, "reduction": "none"},
    ),
    "monai DiceLoss": (
        "monai.losses",
        "labels",
        lambda m, x, t: m.DiceLoss(softmax=True, to_onehot_y=True)(x, t[:, None]),
        sx.DiceLoss(),
        {},
    ),
    # Its own one-hot form is float32, whose norms are as precise.
    "monai DiceLoss squared_pred batch": (
        "monai.losses",
        "onehot",
        lambda m, x, t: m.DiceLoss(softmax=True, squared_pred=True, batch=True)(x, t.double()),
        sx.DiceLoss(squared=True, batch=True),
        {},
    ),
    "monai DiceLoss include_background ignore_index": (
        "monai.losses",
        "labels",
        lambda m, x, t: m.DiceLoss(
            softmax=True, to_onehot_y=True, include_background=False, ignore_index=255
        )(x, t.where(t != 1, 255)[:, None]),
        sx.DiceLoss(include_background=False),
        {"ignore_index": 1},
    ),
    "monai DiceLoss smooth none": (
        "monai.losses",
        "multilabel",
        lambda m, x, t: m.DiceLoss(sigmoid=True, smooth_nr=0.5, smooth_dr=2.0, reduction="none")(
            x, t.double()
        )[..., 0, 0],
        sx.DiceLoss(smooth=(0.5, 2.0)),
        {"multilabel": True, "reduction": "none"},
    ),
    "monai DiceLoss soft": (
        "monai.losses",
        "soft",
        lambda m, x, t: m.DiceLoss(softmax=True)(x, t),
        sx.DiceLoss(),
        {},
    ),
    "monai DiceLoss soft_label": (
        "monai.losses",
        "soft",
        lambda m, x, t: m.DiceLoss(softmax=True, soft_label=True)(x, t),
        sx.DiceLoss(intersection="min"),
        {},
    ),
    # It adds `smooth` to twice the intersection and twice the union.
    "monai DiceLoss jaccard": (
        "monai.losses",
        "labels",
        lambda m, x, t: m.DiceLoss(softmax=True, to_onehot_y=True, jaccard=True)(x, t[:, None]),
        sx.JaccardLoss(smooth=S / 2),
        {},
    ),
    "monai DiceLoss jaccard soft_label": (
        "monai.losses",
        "soft",
        lambda m, x, t: m.DiceLoss(softmax=True, jaccard=True, soft_label=True)(x, t),
        sx.JaccardLoss(intersection="min", smooth=S / 2),
        {},
    ),
    "monai TverskyLoss": (
        "monai.losses",
        "labels",
        lambda m, x, t: m.TverskyLoss(softmax=True, to_onehot_y=True, alpha=0.2, beta=0.9)(
            x, t[:, None]
        ),
        sx.TverskyLoss(alpha=0.2, beta=0.9),
        {},
    ),
    "monai TverskyLoss batch include_background": (
        "monai.losses",
        "multilabel",
        lambda m, x, t: m.TverskyLoss(
            sigmoid=True, batch=True, include_background=False, alpha=0.2, beta=0.9
        )(x, t.double()),
        sx.TverskyLoss(alpha=0.2, beta=0.9, batch=True, include_background=False),
        {"multilabel": True},
    ),
    "monai DiceCELoss": (
        "monai.losses",
        "labels",
        lambda m, x, t: m.DiceCELoss(softmax=True, to_onehot_y=True, lambda_ce=0.5)(x, t[:, None]),
        sx.DiceLoss() + 0.5 * sx.CrossEntropyLoss(),
        {},
    ),
    "monai DiceCELoss label_smoothing include_background": (
        "monai.losses",
        "labels",
        lambda m, x, t: m.DiceCELoss(
            softmax=True, to_onehot_y=True, include_background=False, label_smoothing=0.1
        )(x, t[:, None]),
        sx.DiceLoss(include_background=False) + sx.CrossEntropyLoss(label_smoothing=0.1),
        {},
    ),
    # Its Dice is of the batch, and halves what is smoothed.
    "smp DiceLoss": (
        "segmentation_models_pytorch.losses",
        "labels",
        lambda m, x, t: m.DiceLoss("multiclass", smooth=1.0)(x, t),
        sx.DiceLoss(batch=True, smooth=2.0),
        {},
    ),
    "smp DiceLoss class_weights ignore_index": (
        "segmentation_models_pytorch.losses",
        "labels",
        lambda m, x, t: m.DiceLoss("multiclass", ignore_index=255, class_weights=list(WEIGHTS))(
            x, t.where(t != 1, 255)
        ),
        sx.DiceLoss(batch=True, smooth=0.0, absent="zero", class_weights=WEIGHTS),
        {"ignore_index": 1},
    ),
    "smp DiceLoss multilabel soft": (
        "segmentation_models_pytorch.losses",
        "soft",
        lambda m, x, t: m.DiceLoss("multilabel")(x, t),
        sx.DiceLoss(batch=True, smooth=0.0, intersection="min"),
        {"multilabel": True},
    ),
    "smp JaccardLoss": (
        "segmentation_models_pytorch.losses",
        "labels",
        lambda m, x, t: m.JaccardLoss("multiclass", smooth=1.0)(x, t),
        sx.JaccardLoss(batch=True, smooth=1.0),
        {},
    ),
    "smp TverskyLoss": (
        "segmentation_models_pytorch.losses",
        "multilabel",
        lambda m, x, t: m.TverskyLoss("multilabel", alpha=0.2, beta=0.9, smooth=1.0)(x, t),
        sx.TverskyLoss(batch=True, smooth=1.0, alpha=0.2, beta=0.9),
        {"multilabel": True},
    ),
    "smp SoftCrossEntropyLoss": (
        "segmentation_models_pytorch.losses",
        "labels",
        lambda m, x, t: m.SoftCrossEntropyLoss(smooth_factor=0.1)(x, t),
        sx.CrossEntropyLoss(label_smoothing=0.1),
        {},
    ),
    # Its factor is the share of each of the two outcomes, not of both.
    "smp SoftBCEWithLogitsLoss": (
        "segmentation_models_pytorch.losses",
        "multilabel",
        lambda m, x, t: m.SoftBCEWithLogitsLoss(smooth_factor=0.1)(x, t.double()),
        sx.CrossEntropyLoss(label_smoothing=0.2),
        {"multilabel": True},
    ),
    "kornia dice_loss macro": (
        "kornia.losses",
        "labels",
        lambda m, x, t: m.dice_loss(x, t, "macro", eps=S, weight=x.new_tensor(WEIGHTS)),
        sample_means(sx.DiceLoss(absent="skip", smooth=(0.0, S), class_weights=WEIGHTS)),
        {},
    ),
    "kornia tversky_loss": (
        "kornia.losses",
        "labels",
        lambda m, x, t: m.tversky_loss(x, t.where(t != 1, -100), 0.2, 0.9, eps=S),
        sample_means(sx.TverskyLoss(alpha=0.2, beta=0.9, absent="skip", smooth=(0.0, S))),
        {"ignore_index": 1},
    ),
    "nnU-Net": ("torch", "labels", lambda m, x, t: nnunet(x, t), sx.DiceLoss(), {}),
    "nnU-Net batch_dice": (
        "torch",
        "labels",
        lambda m, x, t: nnunet(x, t, batch=True, s=1.0),
        sx.DiceLoss(batch=True, smooth=1.0),
        {},
    ),
    "optax softmax_cross_entropy": (
        "optax",
        "soft",
        lambda m, x, t: m.softmax_cross_entropy(last(x), last(t)),
        sx.CrossEntropyLoss(),
        {"reduction": "none"},
    ),
    "optax softmax_cross_entropy smooth_labels": (
        "optax",
        "labels",
        lambda m, x, t: m.softmax_cross_entropy(last(x), m.smooth_labels(hot(t), 0.1)).mean(),
        sx.CrossEntropyLoss(label_smoothing=0.1),
        {},
    ),
    "optax softmax_cross_entropy_with_integer_labels": (
        "optax",
        "labels",
        lambda m, x, t: m.softmax_cross_entropy_with_integer_labels(last(x), t),
        sx.CrossEntropyLoss(),
        {"reduction": "none"},
    ),
    "optax sigmoid_binary_cross_entropy": (
        "optax",
        "multilabel",
        lambda m, x, t: m.sigmoid_binary_cross_entropy(x, t),
        sx.CrossEntropyLoss(),
        {"multilabel": True, "reduction": "none"},
    ),
    # Its Dice halves what is smoothed.
    "optax dice_loss": (
        "optax",
        "labels",
        lambda m, x, t: m.losses.dice_loss(last(x), hot(t)),
        sx.DiceLoss(smooth=2.0),
        {"reduction": "sample"},
    ),
    "optax dice_loss alpha beta ignore_background": (
        "optax",
        "labels",
        lambda m, x, t: m.losses.dice_loss(
            last(x), hot(t), alpha=0.2, beta=0.9, ignore_background=True, reduction="none"
        ),
        sx.TverskyLoss(alpha=0.2, beta=0.9, smooth=1.0, include_background=False),
        {"reduction": "none"},
    ),
}


def both(peer, theirs, ours, x, t):
    """Values of both and, of a sum over them with some weights, the gradients."""
    if peer == "optax":
        import jax
        import jax.numpy as jnp

        x, t = jnp.asarray(x), jnp.asarray(t)

        def weighted(f):
            return lambda x: jnp.sum(jnp.cos(jnp.arange(f(x, t).size)) * jnp.ravel(f(x, t)))

        return [(f(x, t), jax.jit(jax.grad(weighted(f)))(x)) for f in (theirs, ours)]
    import torch

    t, results = torch.tensor(t), []
    for f in (theirs, ours):
        leaf = torch.tensor(x).requires_grad_()
        value = f(leaf, t)
        weights = torch.cos(torch.arange(value.numel(), dtype=value.dtype))
        (gradient,) = torch.autograd.grad((weights * value.flatten()).sum(), leaf)
        results.append((value.detach(), gradient))
    return results


def data(kind, **keywords):
    x, t, _ = problem(kind, samples=3, space=(4, 5), **keywords)
    return x, t / t.sum(axis=1, keepdims=True) if kind == "soft" else t


@pytest.mark.parametrize("name", PARITY)
def test_parity(name):
    peer, kind, theirs, ours, call = PARITY[name]
    functions = partial(theirs, load(peer)), partial(ours, **call)
    (value, gradient), (our_value, our_gradient) = both(peer, *functions, *data(kind))
    assert_close(our_value, value)
    assert_close(our_gradient, gradient)


def surprise(x, t):
    """- log p of the label."""
    return -np.log(np.take_along_axis(softmax(x), t[:, None], 1)[:, 0])


def dice(p, g, axes=(2, 3)):
    """For each class, 1 - (2 sum p g + s) / (sum p + sum g + s)."""
    return 1 - (2 * (p * g).sum(axes) + S) / (p.sum(axes) + g.sum(axes) + S)


def halved(t):
    """Labels without the last class."""
    return t.clip(0, 1) if isinstance(t, np.ndarray) else t.clamp(0, 1)


# The library, the target, what it gives, what that amounts to, what we give, and what is right.
DIFFERENT = {
    "torch divides one-hot targets by voxels, labels by their weights": (
        "torch.nn.functional",
        "onehot",
        lambda f, x, t: f.cross_entropy(x, t.double(), x.new_tensor(WEIGHTS)),
        lambda x, t: (np.take(WEIGHTS, t.argmax(1)) * surprise(x, t.argmax(1))).mean(),
        sx.CrossEntropyLoss(class_weights=WEIGHTS),
        lambda x, t: np.average(surprise(x, t.argmax(1)), weights=np.take(WEIGHTS, t.argmax(1))),
    ),
    "monai does not normalise weights": (
        "monai.losses",
        "labels",
        lambda m, x, t: m.DiceLoss(softmax=True, to_onehot_y=True, weight=x.new_tensor(WEIGHTS))(
            x, t[:, None]
        ),
        lambda x, t: (np.array(WEIGHTS) * dice(softmax(x), one_hot(t, 3))).mean(),
        sx.DiceLoss(class_weights=WEIGHTS),
        lambda x, t: np.average(dice(softmax(x), one_hot(t, 3)).mean(0), weights=WEIGHTS),
    ),
    "monai is not 0 at soft labels that are met": (
        "monai.losses",
        "soft",
        lambda m, x, t: m.DiceLoss()(t, t),
        lambda x, t: dice(t, t).mean(),
        lambda x, t: sx.DiceLoss(intersection="min")(t, t, from_logits=False),
        lambda x, t: 0.0,
    ),
    "monai takes a softmax for the cross-entropy of channels": (
        "monai.losses",
        "multilabel",
        lambda m, x, t: m.DiceCELoss(sigmoid=True, lambda_dice=0.0)(x, t.double()),
        lambda x, t: -(t * np.log(softmax(x))).sum(1).mean(),
        partial(sx.CrossEntropyLoss(), multilabel=True),
        lambda x, t: np.log1p(np.exp(np.where(t, -x, x))).mean(),
    ),
    "smp divides by the voxels that it ignores": (
        "segmentation_models_pytorch.losses",
        "labels",
        lambda m, x, t: m.SoftCrossEntropyLoss(smooth_factor=0.0, ignore_index=1)(x, t),
        lambda x, t: np.where(t == 1, 0, surprise(x, t)).mean(),
        partial(sx.CrossEntropyLoss(), ignore_index=1),
        lambda x, t: surprise(x, t)[t != 1].mean(),
    ),
    "smp counts an absent class as perfect": (
        "segmentation_models_pytorch.losses",
        "labels",
        lambda m, x, t: m.DiceLoss("multiclass", smooth=S / 2)(x, halved(t)),
        lambda x, t: dice(softmax(x), one_hot(halved(t), 3), (0, 2, 3))[:2].sum() / 3,
        lambda x, t: sx.DiceLoss(batch=True, absent="skip")(x, halved(t)),
        lambda x, t: dice(softmax(x), one_hot(halved(t), 3), (0, 2, 3))[:2].mean(),
    ),
    "kornia by default gives the probability of an error": (
        "kornia.losses",
        "labels",
        lambda m, x, t: m.dice_loss(x, t),
        lambda x, t: 1 - np.exp(-surprise(x, t)).mean(),
        sx.DiceLoss(),
        lambda x, t: dice(softmax(x), one_hot(t, 3)).mean(),
    ),
    "optax does not normalise weights": (
        "optax",
        "labels",
        lambda m, x, t: m.losses.dice_loss(
            last(x), hot(t), smooth=S / 2, class_weights=np.array(WEIGHTS)
        ).mean(),
        lambda x, t: (np.array(WEIGHTS) * dice(softmax(x), one_hot(t, 3))).mean(),
        sx.DiceLoss(class_weights=WEIGHTS),
        lambda x, t: np.average(dice(softmax(x), one_hot(t, 3)).mean(0), weights=WEIGHTS),
    ),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_difference(name):
    peer, kind, theirs, theirs_in_numpy, ours, right = DIFFERENT[name]
    module, (x, t) = load(peer), data(kind)
    if peer == "optax":
        arrays = x, t
    else:
        import torch

        arrays = torch.tensor(x), torch.tensor(t)
    value, our_value = float(theirs(module, *arrays)), float(ours(*arrays))
    assert_close(value, theirs_in_numpy(x, t), 1e-9)
    np.testing.assert_allclose(our_value, right(x, t), rtol=0, atol=1e-12)
    assert abs(value - our_value) > 0.01


@pytest.mark.parametrize(
    ("peer", "theirs", "value"),
    [
        ("torch.nn.functional", lambda f, x, t: f.cross_entropy(x, t, ignore_index=1), np.nan),
        ("kornia.losses", lambda m, x, t: m.dice_loss(x, t, ignore_index=1), 1.0),
    ],
    ids=["torch", "kornia"],
)
def test_nothing_to_look_at(peer, theirs, value):
    """A batch of ignored voxels: no loss, and no gradient."""
    torch = pytest.importorskip("torch")
    x, t = torch.zeros(2, 3, 4, 4), torch.ones(2, 4, 4, dtype=torch.int64)
    np.testing.assert_equal(float(theirs(load(peer), x, t)), value)
    for loss in (sx.CrossEntropyLoss(), sx.DiceLoss(), sx.DiceLoss(absent="skip")):
        for result in sx.value_and_grad(loss, x, t, ignore_index=1):
            assert not result.any()


@pytest.mark.parametrize(
    ("peer", "theirs"),
    [
        ("torch.nn.functional", lambda f, x, t: f.cross_entropy(x, t)),
        (
            "monai.losses",
            lambda m, x, t: m.DiceLoss(softmax=True, to_onehot_y=True)(x, t[:, None]),
        ),
        ("segmentation_models_pytorch.losses", lambda m, x, t: m.DiceLoss("multiclass")(x, t)),
        (
            "optax",
            lambda m, x, t: m.losses.dice_loss(
                last(x.numpy()), hot(t.numpy()).astype("float16")
            ).mean(),
        ),
    ],
    ids=["torch", "monai", "smp", "optax"],
)
def test_half_precision(peer, theirs):
    """A slice of 512 x 512 voxels overflows what is summed in float16."""
    torch = pytest.importorskip("torch")
    x = torch.zeros(1, 3, 512, 512, dtype=torch.float16)
    t = torch.zeros(1, 512, 512, dtype=torch.int64)
    t[:, ::2], t[:, ::3] = 1, 2
    value = float(theirs(load(peer), x, t))
    assert np.isnan(value) or value == 1.0
    for loss in (sx.CrossEntropyLoss(), sx.DiceLoss()):
        half, gradient = sx.value_and_grad(loss, x, t)
        assert_finite(half, gradient)
        assert_close(half, loss(x.double(), t), 1e-6)


def test_what_they_refuse():
    torch = pytest.importorskip("torch")
    x, t = map(torch.tensor, data("labels"))
    with pytest.raises(TypeError):
        load("segmentation_models_pytorch.losses").SoftCrossEntropyLoss()(x, t)
    monai = load("monai.losses").DiceLoss(softmax=True, to_onehot_y=True)
    with pytest.raises(RuntimeError, match="vmap"):
        torch.func.vmap(lambda x, t: monai(x[None], t[None, None]))(x, t)
    with pytest.raises(torch._dynamo.exc.UserError, match="data-dependent"):
        torch.compile(monai, fullgraph=True, backend="eager")(x, t[:, None])
    # `test_transforms_torch.py` asks the same of ours.


def test_probabilities_under_jit():
    optax, jax = load("optax"), pytest.importorskip("jax")
    x, t = data("labels")
    p = softmax(x)
    with pytest.raises(jax.errors.TracerBoolConversionError):
        jax.jit(lambda p: optax.losses.dice_loss(last(p), hot(t), apply_softmax=False))(p)
    ours = partial(sx.DiceLoss(), from_logits=False)
    assert_close(jax.jit(ours)(p, t), dice(p, one_hot(t, 3)).mean())
