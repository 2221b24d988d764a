"""The Lovász extension: the authors' numbers, what it is an extension of, and its sort."""

import numpy as np
import pytest
from backends import Backend
from problems import assert_close, assert_finite, one_hot, problem

import segloss_xp as sx
from segloss_xp import _order
from segloss_xp.region import lovasz

CHANNELS = {"from_logits": False, "multilabel": True}


def frozen() -> tuple[np.ndarray, np.ndarray]:
    """Logits and labels that need no random numbers; class 2 is missing from the first sample."""
    x = 3 * np.sin(1.7 * np.arange(2 * 3 * 4 * 5) ** 1.3).reshape(2, 3, 4, 5)
    labels = (np.arange(40).reshape(2, 4, 5) * 7 // 3) % 3
    labels[0][labels[0] == 2] = 0
    labels[1, 0, :2] = 255
    return x, labels


@pytest.fixture(params=["together", "one by one"])
def rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How rows are sorted: together, as those of small images are, or as those of larger ones."""
    if request.param == "one by one":
        monkeypatch.setattr(lovasz, "_BLOCK", 7)


# Made with the authors' PyTorch code, https://github.com/bermanmaxim/LovaszSoftmax at 7d48792, on
# torch 2.13 in float64: lovasz_softmax(softmax(x), labels, classes, per_image, ignore=255). First
# the value, then the sum of the sizes of the slopes.
SOFTMAX = [
    ("skip", False, 0.7167417800362883, 0.20971455773298042),
    ("skip", True, 0.7460337737921435, 0.1909671221031023),
    ("smooth", False, 0.7618020540150394, 0.17453472671323858),
    ("smooth", True, 0.7460337737921435, 0.1909671221031023),
]


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(("absent", "batch", "value", "slopes"), SOFTMAX)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_of_the_authors(
    differentiating: Backend, absent: str, batch: bool, value: float, slopes: float, dtype
):
    x, labels = frozen()
    loss = sx.LovaszSoftmaxLoss(absent=absent, batch=batch)
    got, gradient = 0.0, 0.0
    # Their mean is of the means of the images.
    for part in [slice(None)] if batch else [slice(0, 1), slice(1, 2)]:
        a, b = differentiating.value_and_grad(
            loss, x[part].astype(dtype), labels[part], ignore_index=255
        )
        got, gradient = got + a, gradient + np.sum(np.abs(b))
    count = 1 if batch else 2
    np.testing.assert_allclose(got / count, value, rtol=1e-6 if dtype == np.float32 else 1e-12)
    np.testing.assert_allclose(gradient / count, slopes, rtol=1e-5 if dtype == np.float32 else 1e-9)


# The same of lovasz_hinge(x[:, 1], labels == 1, per_image, ignore=255).
HINGE = [
    (False, 2.2070852460660393, 0.8928571428571429),
    (True, 2.22604838456434, 0.8888888888888888),
]


@pytest.mark.usefixtures("rows")
@pytest.mark.parametrize(("batch", "value", "slopes"), HINGE)
def test_hinge_of_the_authors(differentiating: Backend, batch: bool, value: float, slopes: float):
    x, labels = frozen()
    loss = sx.LovaszHingeLoss(batch=batch)
    got, gradient = differentiating.value_and_grad(
        loss, x[:, 1:2], (labels == 1)[:, None], mask=labels != 255, multilabel=True
    )
    np.testing.assert_allclose(got, value, rtol=1e-12)
    np.testing.assert_allclose(np.sum(np.abs(gradient)), slopes, rtol=1e-12)


# What it extends.


def test_of_hard_predictions_it_is_the_jaccard_loss():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, size=(5, 9))
    p = one_hot(np.where(rng.random(labels.shape) < 0.6, labels, rng.integers(0, 3, (5, 9))), 3)
    for parameters in ({"absent": "skip"}, {"absent": "smooth", "batch": True}):
        got = sx.LovaszSoftmaxLoss(**parameters)(p, labels, from_logits=False, reduction="none")
        jaccard = sx.JaccardLoss(smooth=0.0, **parameters)
        assert_close(got, jaccard(p, labels, from_logits=False, reduction="none"))


def test_it_is_convex_and_positively_homogeneous_in_the_errors():
    rng = np.random.default_rng(0)
    g = rng.random((200, 1, 6)) < 0.5
    g[..., 0] = True

    def of(errors):
        p = np.where(g, 1 - errors, errors)
        return sx.LovaszSoftmaxLoss()(p, g, reduction="sample", **CHANNELS)

    a, b = rng.random((2, *g.shape))
    assert np.all(of((a + b) / 2) <= (of(a) + of(b)) / 2 + 1e-12)
    assert_close(of(0.3 * a), 0.3 * of(a))
    assert_close(of(0.5 + 0.5 * a), 0.5 + 0.5 * of(a))


def test_it_is_at_most_the_largest_error():
    p, labels, _ = problem("labels", from_logits=False)
    got = sx.LovaszSoftmaxLoss()(p, labels, from_logits=False, reduction="none")
    worst = np.max(np.abs(p - one_hot(labels, 3)), axis=(2, 3))
    assert np.all(got <= worst + 1e-15)


def test_hinge_of_wrong_voxels_bounds_the_jaccard_loss():
    rng = np.random.default_rng(0)
    z, g = rng.normal(size=(100, 1, 7)), rng.random((100, 1, 7)) < 0.5
    hinge = sx.LovaszHingeLoss()(z, g, multilabel=True, reduction="none")
    jaccard = sx.JaccardLoss(smooth=0.0)(1.0 * (z > 0), g, reduction="none", **CHANNELS)
    assert np.all(hinge >= jaccard)
    assert np.all(sx.LovaszHingeLoss()(2.0 * g - 1, g, multilabel=True, reduction="none") == 0)


@pytest.mark.parametrize("loss", [sx.LovaszSoftmaxLoss(), sx.LovaszHingeLoss()], ids=str)
def test_a_voxel_that_moves_to_its_label_costs_less(loss: sx.Loss):
    z, g, _ = problem("multilabel")
    for at in np.ndindex(z.shape[0], z.shape[1], 2):
        index = (*at, 3)
        values = []
        for step in np.linspace(-4, 0.9, 6):
            moved = z.copy()
            moved[index] = step if g[index] else -step
            values.append(loss(moved, g, multilabel=True))
        present = np.any(g[at[:2]])
        assert np.all(np.diff(values) <= 1e-15)
        assert values[-1] < values[0] or not present


# Second derivatives are those of the activation: the errors themselves have none.
def test_second_derivative_by_the_errors_is_zero():
    torch = pytest.importorskip("torch")
    p, labels, _ = problem("labels", from_logits=False)
    x = torch.tensor(p)

    def slope(x):
        return torch.func.grad(
            lambda x: sx.LovaszSoftmaxLoss()(x, torch.tensor(labels), from_logits=False)
        )(x)

    assert not torch.any(torch.func.jacfwd(slope)(x))


# Ties: any order gives the value, and the gradient is a subgradient.
def test_ties(differentiating: Backend):
    labels = np.array([[0, 1, 1, 0, 0]])
    value, gradient = differentiating.value_and_grad(
        sx.LovaszSoftmaxLoss(), np.zeros((1, 2, 5)), labels
    )
    assert_close(value, 0.5)
    assert_finite(gradient)
    rng = np.random.default_rng(0)
    for _ in range(20):
        x = 1e-3 * rng.normal(size=(1, 2, 5))
        moved = differentiating.value(sx.LovaszSoftmaxLoss(), x, labels)
        assert moved >= value + np.sum(x * gradient) - 1e-6


# What other libraries get wrong.

P, LABELS = np.array([[[0.9, 0.8, 0.3], [0.1, 0.2, 0.7]]]), np.array([[0, 0, 1]])


# kornia sorts label numbers in place of the indicator; SMP and SegLoss take no softmax of logits.
def test_value_by_hand(eager: Backend):
    # Class 0 has errors .3 (not of it), .2, .1: .3 (1/3) + .2 (1/3) + .1 (1/3). Class 1 has .3 of
    # it, and then .2 and .1 that add 0.
    value = eager.value(sx.LovaszSoftmaxLoss(), P, LABELS, from_logits=False, reduction="none")
    assert_close(value, [[0.2, 0.3]])
    value = eager.value(sx.LovaszSoftmaxLoss(), np.log(P), LABELS, reduction="none")
    assert_close(value, [[0.2, 0.3]])


# Berman's own code and SMP return an empty tensor where all is void.
def test_all_void_is_zero(differentiating: Backend):
    for absent in ("skip", "smooth", "zero"):
        value, gradient = differentiating.value_and_grad(
            sx.LovaszSoftmaxLoss(absent=absent), np.log(P), np.full((1, 3), 255), ignore_index=255
        )
        assert value == 0
        assert np.all(gradient == 0)


# SegLoss compares one channel with 0, and so wants the background: 0.99 for a near-perfect one.
def test_one_channel(eager: Backend):
    p, g = np.array([[[0.99, 0.01, 0.01]]]), np.array([[[True, False, False]]])
    assert_close(eager.value(sx.LovaszSoftmaxLoss(), p, g, **CHANNELS), 0.01)


# SegLoss counts absent classes; the paper's "present" does not.
def test_absent_classes(eager: Backend):
    p = np.array([[[0.5, 0.5], [0.25, 0.25], [0.25, 0.125]]])
    labels = np.array([[0, 1]])
    for absent, value in [("skip", (0.5 + 0.75) / 2), ("smooth", 1.5 / 3), ("zero", 1.25 / 3)]:
        got = eager.value(sx.LovaszSoftmaxLoss(absent=absent), p, labels, from_logits=False)
        assert_close(got, value)


# Sums of ones in float32 stop at 2**24; in half precision at 2**11.
def test_half_precision_counts_in_integers(eager: Backend):
    if eager.library in ("strict", "dask"):
        pytest.skip("no float16, or too slow")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1, 2, 4096)).astype(np.float16)
    labels = rng.integers(0, 2, size=(1, 4096))
    want = sx.LovaszSoftmaxLoss()(x.astype(np.float64), labels)
    assert_close(eager.value(sx.LovaszSoftmaxLoss(), x, labels), want, 2e-6)


def test_a_batch_is_not_sorted_over_devices():
    with pytest.raises(ValueError, match="all_reduce"):
        sx.LovaszSoftmaxLoss(batch=True)(np.log(P), LABELS, all_reduce=lambda x: x)
    assert sx.LovaszSoftmaxLoss()(np.log(P), LABELS, all_reduce=lambda x: x) > 0


# How it is sorted depends on the library, and on how long a row is.


def unordered(shape):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 20, size=shape).astype(np.float32) / np.float32(7)
    x = np.where(rng.random(shape) < 0.2, np.float32(-1), x)
    x[..., 0] = np.finfo(np.float32).max
    return x


@pytest.mark.parametrize("shape", [(1,), (7,), (2, 3, 50), (2, 40_000), (0, 5)])
def test_order(eager: Backend, shape):
    x = unordered(shape) if 0 not in shape else np.zeros(shape, np.float32)
    xs = eager.array(x)
    xp = sx._array.namespace(xs)
    order = _order.descending(xp, xs)
    np.testing.assert_array_equal(eager.to_numpy(order), np.argsort(-x, axis=-1, stable=True))
    there = _order.reorder(xp, xs, order)
    np.testing.assert_array_equal(eager.to_numpy(there), -np.sort(-x, axis=-1))
    np.testing.assert_array_equal(eager.to_numpy(_order.restore(xp, there, order)), x)


@pytest.mark.parametrize("numba", [False, True])
def test_order_of_long_strided_rows(monkeypatch, numba):
    if numba:
        pytest.importorskip("numba", reason="without it, as in the other case")
    else:
        monkeypatch.setattr(_order, "importable", lambda package: False)
    x = unordered((9000, 2)).T
    order = _order.descending(sx._array.namespace(x), x)
    np.testing.assert_array_equal(order, np.argsort(-x, axis=-1, stable=True))


def test_closed_form_of_long_rows(eager: Backend):
    """
    Where all errors of a class are larger than those beside it, they are the loss.

    If smaller, the loss is the mean error: with all others before them the union is full.
    """
    labels = np.random.default_rng(0).integers(0, 2, size=(1, 40_000))
    error = np.where(labels == 0, 0.75, 0.25).astype(np.float32)
    p = np.stack([np.where(labels == 0, 1 - error, error), np.where(labels, 1 - error, error)], 1)
    call = {"from_logits": False, "reduction": "none"}
    loss = sx.LovaszSoftmaxLoss()(eager.array(p), eager.array(labels), **call)
    assert_close(eager.to_numpy(loss), [[0.75, error.mean(dtype=np.float64)]], 2e-6)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "loss",
    [
        sx.LovaszSoftmaxLoss(),
        sx.LovaszSoftmaxLoss(include_background=False, absent="zero"),
        sx.LovaszSoftmaxLoss(batch=True, absent="smooth"),
        sx.LovaszHingeLoss(absent="skip"),
    ],
)
def test_rows_sorted_one_by_one(monkeypatch, eager: Backend, loss: sx.Loss, weighted: bool):
    """As those of images are that are too large to be sorted together."""
    x, labels = frozen()
    call = {"ignore_index": 255}
    if isinstance(loss, sx.LovaszHingeLoss):
        labels, call = one_hot(labels, 3), {"multilabel": True}
    if weighted:
        call["voxel_weights"] = np.linspace(0, 2, 40).reshape(2, 4, 5)
    together = eager.value(loss, x, labels, **call)
    monkeypatch.setattr(lovasz, "_BLOCK", 7)
    assert_close(eager.value(loss, x, labels, **call), together)


def test_blocks_change_nothing():
    """Volumes of several blocks of the cache, with one class missing, in two libraries."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    # Probabilities: what is rounded before the sort may sort otherwise.
    p = rng.random((2, 3, 100_000), np.float32)
    labels = rng.integers(0, 2, size=(2, 100_000))
    loss, call = sx.LovaszSoftmaxLoss(), {"from_logits": False}
    value, gradient = sx.value_and_grad(loss, p, labels, **call)
    right = sx.value_and_grad(loss, p.astype(np.float64), labels, **call)
    other = sx.value_and_grad(loss, torch.from_numpy(p), torch.from_numpy(labels), **call)
    for got in (value, other[0].numpy()):
        assert_close(got, right[0], 2e-6)
    assert_close(other[1].numpy(), gradient, 2e-6)
