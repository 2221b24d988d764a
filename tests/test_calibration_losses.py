"""The losses against overconfidence: numbers of their authors' code, closed forms, neighbours."""

from math import log

import numpy as np
import pytest
from backends import Backend
from cases import Case
from problems import (
    assert_close,
    expected,
    expected_gradient,
    one_hot,
    problem,
    softmax,
    waves,
)

import segloss_xp as sx

# The kernel and the pooling of mobarakol/SVLS f94b76b, svls.py, on the processor in float64;
# by-liu/MbLS 2c92990, logit_margin_l1.py. On `waves(2, 3, 3, 4, 5)`.
AUTHORS = [
    (sx.SVLSLoss(), 3.4979169173143676),
    (sx.SVLSLoss(sigma=0.7), 3.491980295469929),
    (sx.MarginLabelSmoothingLoss(margin=3, alpha=0.5), 4.332372805079529),
]


@pytest.mark.parametrize(("loss", "value"), AUTHORS, ids=str)
def test_numbers_of_the_authors(eager: Backend, loss, value):
    assert_close(eager.value(loss, *waves(2, 3, 3, 4, 5)), value)


# cai4cai/Average-Calibration-Losses 5ad8418, softl1ace.py, in its float32.
@pytest.mark.parametrize(("bins", "value"), [(10, 0.27760377526), (20, 0.28014564514)])
def test_calibration_error_is_that_of_the_authors(eager: Backend, bins, value):
    loss = sx.CalibrationErrorLoss(bins=bins, smooth=0.0)
    assert_close(eager.value(loss, *waves(2, 3, 20, 25, factor=2.0)), value, 1e-6)


def penalty(loss, logits, labels, **call):
    """What is added to cross-entropy, for alpha = 1."""
    of = {"reduction": "none", **call}
    return loss(logits, labels, **of) - sx.CrossEntropyLoss()(logits, labels, **of)


def test_nacl_inside_is_that_of_the_authors():
    """Bala93/MarginLoss 2ac015c, spatial_adaptive_margin.py, away from its border of class 0."""
    logits, labels = waves(2, 3, 3, 4, 5)
    found = penalty(sx.NACLLoss(alpha=1.0), logits[:, :, 1], labels[:, 1])
    assert_close(found[:, 1:-1, 1:-1].mean(), 3.9018592232635485)


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("space", [(6,), (4, 5), (3, 4, 2)])
def test_frequencies_add_up_to_one_at_the_border(size, space):
    """Of large logits of sum S it is S - 1, and not MONAI's S - 4 / 9 in a corner."""
    _, labels = waves(1, 3, *space)
    logits = np.full((1, 3, *space), 5.0)
    found = penalty(sx.NACLLoss(size=size, alpha=3.0), logits, labels)
    assert_close(found, np.full(labels.shape, 15.0 - 1.0))


def test_monai_loses_frequencies_at_the_border():
    losses = pytest.importorskip("monai.losses")
    torch = pytest.importorskip("torch")
    frequencies = losses.NACLLoss(classes=3, dim=2).get_constr_target(
        torch.zeros((1, 4, 4), dtype=torch.int64)
    )
    assert_close(frequencies[0, :, 0, 0].sum(), 4 / 9, 1e-6)


def test_nacl_at_the_frequencies_is_cross_entropy():
    """Logits that are the frequencies cost nothing: thirds in a window of 3, halves at the ends."""
    labels = np.array([[0, 0, 1, 1, 0]])
    tau = np.array([[1, 2 / 3, 1 / 3, 1 / 3, 1 / 2]])
    logits = np.stack([tau, 1 - tau], axis=1)
    for distance in ("l1", "l2"):
        loss = sx.NACLLoss(distance=distance, alpha=1.0)
        assert_close(penalty(loss, logits, labels), np.zeros((1, 5)), least=1.0)
        # And the mean over classes of the distance elsewhere.
        found = penalty(loss, logits + np.array([[[0.5], [-1.0]]]), labels)
        assert_close(found, np.full((1, 5), 0.75 if distance == "l1" else 0.625))


def test_masked_neighbours_have_no_part(differentiating: Backend):
    """Neither in frequencies nor in blurred labels, whatever they hold."""
    logits, labels = waves(1, 3, 4, 5)
    mask = np.ones(labels.shape, bool)
    mask[0, 1, 2] = mask[0, 0, 0] = mask[0, 3, 4] = False
    for loss in (sx.NACLLoss(size=5), sx.SVLSLoss(), sx.NACLLoss(distance="l2")):
        results = []
        for label, junk in ((0, 0.0), (1, np.nan), (2, np.inf), (99, -np.inf)):
            dirty = np.where(mask[:, None], logits, junk)
            other = np.where(mask, labels, label)
            results.append(differentiating.value_and_grad(loss, dirty, other, mask=mask))
        for value, gradient in results[1:]:
            np.testing.assert_array_equal(value, results[0][0])
            np.testing.assert_array_equal(gradient, results[0][1])


def test_half_of_a_lone_label_stays():
    """SVLS: among others, a label keeps 1/2; among its like, all of it; in 1-D by hand."""
    for space in ((5,), (5, 5), (5, 5, 5)):
        labels = np.zeros((1, *space), int)
        centre = (0,) + (2,) * len(space)
        labels[centre] = 1
        p = np.broadcast_to(np.array([0.25, 0.75]).reshape(2, *(1,) * len(space)), (2, *space))
        found = sx.SVLSLoss()(p[None], labels, from_logits=False, reduction="none")
        assert found[centre] == pytest.approx(-0.5 * log(0.25) - 0.5 * log(0.75))
        assert found[(0,) * labels.ndim] == pytest.approx(-log(0.25))
    g = 0.75, 0.25  # beside another label, of 1/4 in the kernel
    found = sx.SVLSLoss()(
        np.array([[[0.9, 0.3], [0.1, 0.7]]]),
        np.array([[0, 1]]),
        from_logits=False,
        reduction="none",
    )
    assert_close(found[0, 0], -g[0] * log(0.9) - g[1] * log(0.1))


def test_a_narrow_gaussian_is_half_cross_entropy():
    """As sigma goes to 0 all of the blur is from the nearest neighbours: half a voxel's label."""
    logits, labels = waves(1, 2, 6)
    blurred = one_hot(labels, 2)
    beside = np.pad(blurred, ((0, 0), (0, 0), (1, 1)), mode="edge")
    blurred = 0.5 * blurred + 0.25 * (beside[..., :-2] + beside[..., 2:])
    want = sx.CrossEntropyLoss()(logits, blurred)
    for sigma in (0.2, 1.0, 5.0):  # in 1-D the two neighbours are alike, whatever sigma
        assert_close(sx.SVLSLoss(sigma=sigma)(logits, labels), want)


def test_penalties_of_nothing_are_cross_entropy():
    logits, labels = waves(2, 3, 3, 4)
    want = sx.CrossEntropyLoss()(logits, labels)
    for loss in (
        sx.NACLLoss(alpha=0.0),
        sx.MarginLabelSmoothingLoss(alpha=0.0),
        sx.MarginLabelSmoothingLoss(margin=100.0),
        sx.ConfidencePenaltyLoss(alpha=0.0),
    ):
        assert_close(loss(logits, labels), want)


def test_margin_of_zero():
    """The mean distance from the largest logit: for two classes half their distance."""
    logits, labels = waves(2, 2, 3, 4)
    found = penalty(sx.MarginLabelSmoothingLoss(margin=0.0, alpha=1.0), logits, labels)
    assert_close(found, np.abs(logits[:, 0] - logits[:, 1]) / 2)


def test_confidence_penalty_is_the_entropy():
    stats = pytest.importorskip("scipy.stats")
    logits, labels = waves(2, 3, 3, 4)
    p = softmax(logits)
    found = penalty(sx.ConfidencePenaltyLoss(alpha=0.5), logits, labels)
    assert_close(found, -0.5 * stats.entropy(p, axis=1), least=1.0)
    # At even odds log C of it.
    even = sx.ConfidencePenaltyLoss(alpha=0.5)(0 * logits, labels)
    assert_close(even, 0.5 * log(3))
    y = labels[:, None] > 0
    of_channel = sx.ConfidencePenaltyLoss(alpha=0.5)(logits[:, :1], y, multilabel=True)
    of_two = sx.ConfidencePenaltyLoss(alpha=0.5)(
        np.concatenate([0 * logits[:, :1], logits[:, :1]], axis=1), y[:, 0].astype(int)
    )
    assert_close(of_channel, of_two)


# In float64 only: of so many bins with so few voxels the gradient has no digits in float32.
@pytest.mark.parametrize("kind", ["labels", "soft", "multilabel"])
@pytest.mark.parametrize("bins", [1, 2, 20])
def test_calibration_error_of_few_and_many_bins(differentiating: Backend, kind, bins):
    case = Case(sx.CalibrationErrorLoss(bins=bins), "calibration_error", kind)
    call = problem(kind)
    value, gradient = differentiating.value_and_grad(
        case.loss, call.prediction, call.target, **call.keywords
    )
    assert_close(value, expected(case, call))
    assert_close(gradient, expected_gradient(case, call))


def test_one_bin_is_the_bias():
    """Of one bin the error is that of the volume, per voxel."""
    logits, labels = waves(1, 3, 4, 5)
    found = sx.CalibrationErrorLoss(bins=1, smooth=0.0)(logits, labels, reduction="none")
    want = np.abs(np.mean(softmax(logits) - one_hot(labels, 3), axis=(2, 3)))
    assert_close(found, want)


def test_what_is_calibrated_costs_nothing():
    """A constant prediction of the frequency too; and an absent class, the mean of p."""
    labels = np.array([[0, 1, 1, 1]])
    p = np.broadcast_to(np.array([0.25, 0.75, 0.0])[:, None], (1, 3, 4))
    for bins in (1, 3, 20):
        loss = sx.CalibrationErrorLoss(bins=bins)
        assert_close(loss(p, labels, from_logits=False), 0.0, least=1.0)
        q = np.broadcast_to(np.array([0.2, 0.6, 0.2])[:, None], (1, 3, 4))
        absent = loss(q, labels, from_logits=False, reduction="none")[0, 2]
        assert_close(absent, 0.2, 1e-2)


def test_smooth_fades_out_bins():
    """Bins of 1 and 3 voxels, gaps 0.1 and 0.2: weights n / (n + s)."""
    p = np.array([[[0.1, 0.8, 0.8, 0.8]]])
    y = np.array([[[0.0, 1.0, 1.0, 1.0]]])
    call = {"from_logits": False, "multilabel": True, "reduction": "none"}
    for s in (0.0, 0.5, 2.0):
        # In two bins each is whole: the centres are 1/4 and 3/4.
        found = sx.CalibrationErrorLoss(bins=2, smooth=s)(p, y, **call)
        weights = np.array([1 / (1 + s), 3 / (3 + s)])
        assert_close(found, [[np.sum(weights * [0.1, 0.2]) / np.sum(weights)]])


def test_errors():
    for make, message in (
        (lambda: sx.NACLLoss(size=4), "an odd size of the window, at least 1, got 4"),
        (lambda: sx.NACLLoss(distance="l3"), "one of .*'l1', 'l2'.*, got 'l3'"),
        (lambda: sx.SVLSLoss(sigma=0.0), "expected sigma from 0"),
        (lambda: sx.ConfidencePenaltyLoss(alpha=1.5), "expected alpha from 0 to 1, got 1.5"),
        (lambda: sx.MarginLabelSmoothingLoss(margin=-1.0), "expected margin from 0"),
        (lambda: sx.CalibrationErrorLoss(bins=0), "number of bins of at least 1, got 0"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
    x = np.zeros((1, 2, 3))
    for loss in (sx.NACLLoss(), sx.SVLSLoss(), sx.MarginLabelSmoothingLoss()):
        with pytest.raises(ValueError, match="one label a voxel"):
            loss(x, x > 0, multilabel=True)
