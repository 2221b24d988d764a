"""The losses on how regions lie."""

import numpy as np
import pytest
from backends import Backend
from problems import assert_close, assert_finite, one_hot, problem, softmax, waves

import segloss_xp as sx

P = {"from_logits": False}
APART = sx.NonAdjacencyLoss(forbidden=((0, 2),))


def hard(*labels: int) -> np.ndarray:
    return one_hot(np.array([labels]), 3)


@pytest.mark.parametrize("radius", [1, 2])
@pytest.mark.parametrize("space", [(7,), (5, 4), (3, 4, 5), (1, 6)], ids=str)
def test_it_is_a_product_with_the_mean_around(eager: Backend, space: tuple[int, ...], radius: int):
    """In any number of dimensions; the mean as scipy has it, its border being the nearest voxel."""
    ndimage = pytest.importorskip("scipy.ndimage")
    p = problem("labels", space=space, from_logits=False).prediction
    size = (0, 0, *(2 * radius + 1,) * len(space))
    around = ndimage.uniform_filter(p, [max(each, 1) for each in size], mode="nearest")
    loss = sx.NonAdjacencyLoss(forbidden=((0, 1), (1, 2)), radius=radius)
    want = sum(p[:, a] * around[:, b] + p[:, b] * around[:, a] for a, b in [(0, 1), (1, 2)])
    assert_close(eager.to_numpy(loss(eager.array(p), reduction="none", **P)), want)
    assert_close(eager.to_numpy(loss(eager.array(p), **P)), np.mean(want))


def test_it_is_that_of_the_authors(eager: Backend):
    """trypag/NonAdjLoss d545ecc, loss.py: in images, where nothing is predicted at their border."""
    p = softmax(waves(2, 3, 6, 7, factor=2.0)[0])
    p[:, :, [0, -1], :] = p[:, :, :, [0, -1]] = 0
    assert_close(eager.to_numpy(APART(eager.array(p), **P)), 0.07258940192518515)


def test_it_needs_no_target(eager: Backend):
    prediction, labels, _ = problem("labels")
    x = eager.array(prediction)
    for reduction in ("mean", "sum", "sample", "none"):
        want = APART(prediction, labels, reduction=reduction)
        assert_close(eager.to_numpy(APART(x, reduction=reduction)), want)
    for other in (np.zeros_like(labels), one_hot(labels, 3), softmax(prediction)):
        assert_close(eager.to_numpy(APART(x, eager.array(other))), APART(prediction))


def test_a_gradient_without_a_target(differentiating: Backend):
    prediction, labels, _ = problem("labels")
    x = differentiating.array(prediction)
    got = sx.value_and_grad(APART, x)
    for result, right in zip(got, sx.value_and_grad(APART, prediction, labels), strict=True):
        assert_close(differentiating.to_numpy(result), right)


def test_most_losses_need_a_target():
    prediction, labels, _ = problem("labels")
    for loss in (sx.DiceLoss(), sx.DiceCELoss(), sx.DiceLoss() + APART, sx.DeepSupervisionLoss()):
        for call in (loss, lambda x, loss=loss: sx.value_and_grad(loss, x)):
            with pytest.raises(TypeError, match="needs a target, got None"):
                call(prediction)
    both = (sx.CrossEntropyLoss() + 0.1 * APART)(prediction, labels)
    assert_close(both, sx.CrossEntropyLoss()(prediction, labels) + 0.1 * APART(prediction))
    with pytest.raises(ValueError, match="ignore_index=2 needs a target of labels, got None"):
        APART(prediction, ignore_index=2)


def test_at_several_scales_too():
    x = problem("labels", space=(4, 4)).prediction
    loss = sx.DeepSupervisionLoss(loss=APART)
    mask = np.ones((2, 4, 4), bool)
    mask[:, :, :2] = False
    want = (2 * APART(x, mask=mask) + APART(x[:, :, ::2, ::2], mask=mask[:, 1::2, 1::2])) / 3
    assert_close(loss([x, x[:, :, ::2, ::2]], mask=mask), want)


# Counted by hand: in a row, one of three neighbours, seen from both sides.
@pytest.mark.parametrize(
    ("labels", "value"),
    [
        ((0, 0, 0, 0), 0.0),
        ((0, 1, 1, 2), 0.0),
        ((0, 1, 2, 1), 0.0),
        ((0, 0, 2, 2), 2 / 3 / 4),
        ((0, 2, 0, 2), 6 / 3 / 4),
    ],
)
def test_hard_labels(labels: tuple[int, ...], value: float):
    assert_close(APART(hard(*labels), **P), value)


# NonAdjLoss goes on with zeros beyond the border, so that what lies there costs less: 0.61.
def test_the_border_is_repeated(eager: Backend):
    p = np.full((1, 2, 3, 3), 0.5)
    loss = sx.NonAdjacencyLoss(forbidden=((0, 1),))
    assert_close(eager.to_numpy(loss(eager.array(p), **P)), 0.5)


def test_a_masked_voxel_touches_nothing():
    p = hard(0, 2, 0, 0)
    mask = np.array([[True, False, True, True]])
    for call in ({"mask": mask}, {"voxel_weights": mask.astype(float)}):
        assert APART(p, **call, **P) == 0
        dirty = np.where(mask[:, None], p, np.nan)
        value, gradient = sx.value_and_grad(APART, dirty, **call, **P)
        assert value == 0
        assert_finite(gradient)
        assert np.all(gradient[..., 1] == 0)
    ignored = np.array([[0, 255, 0, 0]])
    assert APART(p, ignored, ignore_index=255, **P) == 0
    # Weights are those of the centre.
    weights = np.array([[1.0, 3.0, 1.0, 1.0]])
    assert_close(APART(p, voxel_weights=weights, **P), (1 + 3 * 2 + 1) / 3 / 6)
    nothing = np.zeros((1, 4), bool)
    value, gradient = sx.value_and_grad(APART, p, mask=nothing, **P)
    assert value == 0
    assert np.all(gradient == 0)


def test_channels_of_their_own():
    prediction, target, call = problem("multilabel")
    p = 1 / (1 + np.exp(-prediction))
    assert_close(APART(prediction, target, **call), APART(p, **P))
    value = APART(prediction, reduction="none", **call)
    assert value.shape == (2, 2, 5)


def test_it_pushes_apart(differentiating: Backend):
    logits = 2 * (hard(0, 0, 2, 2) - 0.5)
    _, gradient = differentiating.value_and_grad(APART, logits, np.zeros((1, 4), int))
    # Class 1 in between would satisfy it.
    assert np.all(gradient[0, 1] < 0)
    assert np.argmin(gradient[0, 1]) in (1, 2)


def test_forms_of_the_forbidden():
    matrix = np.zeros((3, 3), bool)
    matrix[0, 2] = matrix[2, 1] = True
    pairs = sx.NonAdjacencyLoss(forbidden=((0, 2), (1, 2)))
    for given in (matrix, matrix | matrix.T, matrix.tolist(), [[2, 0], [1, 2], [2, 1]]):
        loss = sx.NonAdjacencyLoss(forbidden=given)
        assert loss == pairs
        assert hash(loss) == hash(pairs)
        assert repr(loss) == "NonAdjacencyLoss(forbidden=((0, 2), (1, 2)))"


@pytest.mark.parametrize(
    "forbidden",
    [(), ((0, 0),), ((0, -1),), ((0, 1, 2),), (0, 1), ((0.5, 1),), np.zeros((2, 2), bool)],
    ids=str,
)
def test_what_forbids_nothing_is_refused(forbidden):
    with pytest.raises(ValueError, match="forbidden pairs of different classes"):
        sx.NonAdjacencyLoss(forbidden=forbidden)


def test_classes_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match="names class 3, got a prediction of 3 classes"):
        sx.NonAdjacencyLoss(forbidden=((0, 3),))(problem("labels").prediction)
    with pytest.raises(ValueError, match="radius"):
        sx.NonAdjacencyLoss(forbidden=((0, 1),), radius=0)
