"""Bad input raises the right exception, and says what it got and what was expected."""

import dataclasses
import re

import numpy as np
import pytest
from cases import CASES

import segloss_xp as sx

X = np.zeros((2, 3, 4, 5))
LABELS = np.zeros((2, 4, 5), dtype=np.int64)
VOXELS = np.ones((2, 4, 5))
HOT = np.zeros(X.shape, dtype=bool)
CE, DICE = sx.CrossEntropyLoss(), sx.DiceLoss()


def weights(value):
    weights = VOXELS.copy()
    weights[1, 2, 3] = value
    return weights


# Loss, prediction, target, keywords; the exception, and what its message must say.
BAD_CALLS = [
    (DICE, X[0, 0, 0], LABELS, {}, ValueError, ["(5,)", "class axis"]),
    (DICE, X, LABELS, {"class_axis": 0}, ValueError, ["(2, 3, 4, 5)", "class_axis=0"]),
    (DICE, X, LABELS, {"class_axis": 4}, ValueError, ["(2, 3, 4, 5)", "class_axis=4"]),
    (DICE, X, LABELS, {"class_axis": -4}, ValueError, ["(2, 3, 4, 5)", "class_axis=-4"]),
    (DICE, X, LABELS[0], {}, ValueError, ["(4, 5)", "(2, 4, 5)", "(2, 3, 4, 5)", "int64"]),
    (DICE, X, LABELS[:, None], {}, ValueError, ["(2, 1, 4, 5)", "labels[:, 0]", "int64"]),
    (DICE, X, HOT.astype(np.uint8), {}, ValueError, ["(2, 3, 4, 5)", "boolean", "uint8"]),
    (DICE, X, VOXELS, {}, ValueError, ["(2, 4, 5)", "(2, 3, 4, 5)", "float64", "integer"]),
    (DICE, X, HOT[:, :2], {}, ValueError, ["(2, 2, 4, 5)", "(2, 3, 4, 5)", "bool"]),
    (DICE, X, LABELS, {"class_axis": -1}, ValueError, ["(2, 4, 5)", "(2, 3, 4)", "axis 3"]),
    (DICE, X, X.astype(complex), {}, TypeError, ["complex128", "integer", "floating"]),
    (DICE, X.astype(np.int32), LABELS, {}, TypeError, ["int32", "floating", "numpy"]),
    (DICE, HOT, LABELS, {}, TypeError, ["bool", "floating"]),
    (DICE, X.tolist(), LABELS, {}, TypeError, ["list", "NumPy", "JAX"]),
    (DICE, X, LABELS.tolist(), {}, TypeError, ["list", "NumPy", "JAX"]),
    (DICE, X[:, :1], LABELS, {}, ValueError, ["(2, 1, 4, 5)", "axis 1", "multilabel=True"]),
    (DICE, X, LABELS, {"reduction": "max"}, ValueError, ["'max'", "'mean'", "'none'"]),
    (DICE, X, LABELS, {"reduction": None}, ValueError, ["None", "'sample'"]),
    (DICE, X, HOT, {"ignore_index": 255}, ValueError, ["255", "bool", "mask"]),
    (DICE, X, X, {"ignore_index": 0}, ValueError, ["ignore_index=0", "float64", "mask"]),
    (DICE, X, LABELS, {"mask": VOXELS}, TypeError, ["mask", "float64", "voxel_weights"]),
    (DICE, X, LABELS, {"mask": VOXELS[0] > 0}, ValueError, ["mask", "(4, 5)", "(2, 4, 5)"]),
    (DICE, X, LABELS, {"mask": HOT}, ValueError, ["mask", "(2, 3, 4, 5)", "(2, 4, 5)"]),
    (DICE, X, LABELS, {"voxel_weights": LABELS}, TypeError, ["voxel_weights", "int64"]),
    (DICE, X, LABELS, {"voxel_weights": VOXELS[:, :2]}, ValueError, ["(2, 2, 5)", "(2, 4, 5)"]),
    (DICE, X, LABELS, {"voxel_weights": weights(-1)}, ValueError, ["voxel_weights", "-1"]),
    (DICE, X, LABELS, {"voxel_weights": weights(np.nan)}, ValueError, ["voxel_weights", "nan"]),
    (DICE, X, LABELS, {"voxel_weights": weights(np.inf)}, ValueError, ["voxel_weights", "inf"]),
    (DICE, X, LABELS, {"spacing": (1.0,)}, ValueError, ["2", "(1.0,)", "(4, 5)"]),
    (DICE, X, LABELS, {"spacing": (1, 1, 1)}, ValueError, ["2", "(1, 1, 1)", "(4, 5)"]),
    (DICE, X, LABELS, {"spacing": (1, -1)}, ValueError, ["positive", "(1, -1)"]),
    (DICE, X, LABELS, {"spacing": (1, 0)}, ValueError, ["positive", "(1, 0)"]),
    (DICE, X, LABELS, {"spacing": 0}, ValueError, ["positive", "got 0"]),
    (DICE, X, LABELS, {"spacing": (1, np.nan)}, ValueError, ["positive", "nan"]),
    (DICE, X, LABELS, {"distance": VOXELS}, ValueError, ["distance", "(2, 4, 5)", "(2, 3, 4, 5)"]),
    (
        sx.DiceLoss(class_weights=(1, 2)),
        X,
        LABELS,
        {},
        ValueError,
        ["class_weights", "3 classes", "got 2", "(1.0, 2.0)"],
    ),
    (
        sx.CrossEntropyLoss(class_weights=(1, 2)),
        X,
        LABELS,
        {},
        ValueError,
        ["class_weights", "3 classes", "got 2", "(1.0, 2.0)"],
    ),
    (
        sx.CrossEntropyLoss(pos_weight=(1, 2)),
        X,
        HOT,
        {"multilabel": True},
        ValueError,
        ["pos_weight", "3 classes", "got 2"],
    ),
    (sx.CrossEntropyLoss(pos_weight=2.0), X, LABELS, {}, ValueError, ["2.0", "multilabel=True"]),
    (
        sx.DiceLoss(include_background=False),
        X[:, :1],
        HOT[:, :1],
        {"multilabel": True},
        ValueError,
        ["include_background=False", "background"],
    ),
    (
        DICE + CE,
        X,
        LABELS,
        {"reduction": "none"},
        ValueError,
        ["DiceLoss() (2, 3)", "CrossEntropyLoss() (2, 4, 5)", "'sample'"],
    ),
    (sx.Loss(), X, LABELS, {}, NotImplementedError, []),
]


def parts(messages):
    """A pattern that finds each of the messages, in any order."""
    return "(?s)" + "".join(f"(?=.*{re.escape(message)})" for message in messages)


@pytest.mark.parametrize("bad", BAD_CALLS, ids=lambda bad: " ".join(bad[-1]) or "abstract")
def test_bad_call(bad):
    loss, prediction, target, keywords, error, messages = bad
    with pytest.raises(error, match=parts(messages)):
        loss(prediction, target, **keywords)


BAD_PARAMETERS = [
    (sx.DiceLoss, {"smooth": -1.0}, ["smooth", "-1.0"]),
    (sx.DiceLoss, {"smooth": float("nan")}, ["smooth", "nan"]),
    (sx.DiceLoss, {"smooth": float("inf")}, ["smooth", "inf"]),
    (sx.DiceLoss, {"smooth": (1.0, -1.0)}, ["smooth", "(1.0, -1.0)"]),
    (sx.DiceLoss, {"smooth": (1.0, 1.0, 1.0)}, ["smooth", "pair", "(1.0, 1.0, 1.0)"]),
    (sx.DiceLoss, {"absent": "ignore"}, ["absent", "'skip'", "'ignore'"]),
    (sx.DiceLoss, {"intersection": "max"}, ["intersection", "'min'", "'max'"]),
    (sx.DiceLoss, {"class_weights": (1, -2)}, ["class_weights", "(1, -2)"]),
    (sx.DiceLoss, {"class_weights": (1, float("nan"))}, ["class_weights", "nan"]),
    (sx.DiceLoss, {"class_weights": (0, 0)}, ["class_weights", "(0, 0)"]),
    (sx.CrossEntropyLoss, {"class_weights": [1, float("inf")]}, ["class_weights", "inf"]),
    (sx.CrossEntropyLoss, {"label_smoothing": 1.5}, ["label_smoothing", "0", "1.5"]),
    (sx.CrossEntropyLoss, {"label_smoothing": -0.1}, ["label_smoothing", "-0.1"]),
    (sx.CrossEntropyLoss, {"pos_weight": -1.0}, ["pos_weight", "-1.0"]),
    (sx.CrossEntropyLoss, {"pos_weight": (1.0, -1.0)}, ["pos_weight", "-1.0"]),
    (sx.CrossEntropyLoss, {"pos_weight": float("nan")}, ["pos_weight", "nan"]),
    (sx.TverskyLoss, {"alpha": -0.1}, ["alpha", "0", "-0.1"]),
    (sx.TverskyLoss, {"beta": float("nan")}, ["beta", "0", "nan"]),
]


@pytest.mark.parametrize("bad", BAD_PARAMETERS, ids=lambda bad: " ".join(bad[-1]))
def test_bad_parameter(bad):
    kind, parameters, messages = bad
    with pytest.raises(ValueError, match=parts(messages)):
        kind(**parameters)


def test_mixed_libraries():
    torch = pytest.importorskip("torch")
    prediction, labels, voxels = (torch.tensor(each) for each in (X, LABELS, VOXELS))
    for arguments, keywords in [
        ((X, labels), {}),
        ((prediction, LABELS), {}),
        ((prediction, labels), {"mask": VOXELS > 0}),
        ((X, LABELS), {"voxel_weights": voxels}),
        ((prediction, labels), {"distance": X}),
    ]:
        with pytest.raises(TypeError, match=parts(["one library", "torch", "numpy"])):
            DICE(*arguments, **keywords)
    jnp = pytest.importorskip("jax.numpy")
    with pytest.raises(TypeError, match=parts(["one library", "torch", "jax"])):
        DICE(jnp.asarray(X), labels)


def test_bfloat16_on_numpy():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    with pytest.raises(TypeError, match=parts(["numpy", "bfloat16"])):
        DICE(X.astype(ml_dtypes.bfloat16), LABELS)


def test_gradient_of_many_values():
    for reduction in ("sample", "none"):
        with pytest.raises(ValueError, match=parts(["'mean' or 'sum'", repr(reduction)])):
            sx.value_and_grad(DICE, X, LABELS, reduction=reduction)


def test_check_labels(eager):
    labels = eager.array(np.array([[0, 1], [2, 255]], dtype=np.uint8))
    assert sx.check_labels(labels, 3, ignore_index=255) is None
    assert sx.check_labels(labels, 256) is None
    signed = eager.array(np.array([-100, -1, 0, 7]))
    for bad, classes, options, messages in [
        (labels, 2, {}, ["0 to 1", "2 other", "lowest 2", "highest 255"]),
        (labels, 2, {"ignore_index": 255}, ["0 to 1 or 255", "1 other", "lowest 2", "highest 2"]),
        (signed, 8, {}, ["2 other", "lowest -100", "highest -1"]),
        (signed, 5, {"ignore_index": -100}, ["2 other", "lowest -1", "highest 7"]),
    ]:
        with pytest.raises(ValueError, match=parts(messages)):
            sx.check_labels(bad, classes, **options)
    for array in (np.zeros(3), np.zeros(3, bool)):
        with pytest.raises(TypeError, match=parts(["integer", str(array.dtype)])):
            sx.check_labels(eager.array(array), 2)


LOSSES = [
    *dict.fromkeys(case.loss for case in CASES),
    DICE + CE,
    0.5 * DICE + 2 * CE + sx.JaccardLoss(batch=True),
    3 * (DICE + 0.1 * CE),
    CE * 0.25,
    1 * DICE,
    -2 * CE,
]


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_equality_and_repr(loss):
    again = eval(repr(loss), vars(sx))
    assert again == loss
    assert hash(again) == hash(loss)
    assert repr(again) == repr(loss)
    assert type(again) is type(loss)
    assert sum(other == loss for other in LOSSES) == 1
    assert dataclasses.replace(loss) == loss


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_frozen_and_keyword_only(loss):
    first, *_ = dataclasses.fields(loss)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(loss, first.name, getattr(loss, first.name))
    with pytest.raises(TypeError, match="positional"):
        type(loss)(getattr(loss, first.name))
    with pytest.raises(TypeError, match="unexpected keyword"):
        type(loss)(smoothing=1.0)


def test_weights_become_floats():
    """Whatever they were, so that losses are hashable and equal."""
    for given in ((1, 2), [1, 2], np.array([1, 2]), np.array([[1.0], [2.0]])):
        for kind in (sx.DiceLoss, sx.CrossEntropyLoss):
            assert kind(class_weights=given) == kind(class_weights=(1.0, 2.0))
            assert hash(kind(class_weights=given)) == hash(kind(class_weights=(1.0, 2.0)))
    assert sx.CrossEntropyLoss(pos_weight=[1, 2]).pos_weight == (1.0, 2.0)
    assert sx.DiceLoss(smooth=[0, 1]).smooth == (0, 1)
    assert hash(sx.DiceLoss(smooth=[0, 1])) == hash(sx.DiceLoss(smooth=(0, 1)))


def test_numbers_of_numpy():
    """They print as they would without NumPy, so that a printed loss can be read back."""
    tenth = np.float64(0.1)
    for loss, same in [
        (DICE * tenth, DICE * 0.1),
        (tenth * DICE, 0.1 * DICE),
        (sx.DiceLoss(smooth=tenth), sx.DiceLoss(smooth=0.1)),
        (sx.DiceLoss(smooth=(tenth, 1)), sx.DiceLoss(smooth=(0.1, 1))),
        (sx.TverskyLoss(alpha=tenth, beta=tenth), sx.TverskyLoss(alpha=0.1, beta=0.1)),
        (sx.CrossEntropyLoss(label_smoothing=tenth), sx.CrossEntropyLoss(label_smoothing=0.1)),
        (sx.CrossEntropyLoss(pos_weight=tenth), sx.CrossEntropyLoss(pos_weight=0.1)),
    ]:
        assert loss == same
        assert repr(loss) == repr(same)


def test_arithmetic_of_losses():
    assert sx.Sum(terms=((1.0, DICE), (1.0, CE))) == DICE + CE
    assert sum([DICE, CE]) == DICE + CE
    assert sum([DICE]) == DICE
    assert 2 * DICE == DICE * 2 == sx.Sum(terms=((2.0, DICE),))
    assert 2 * (DICE + 0.5 * CE) == 2 * DICE + CE
    assert (DICE + CE) + sx.JaccardLoss() == DICE + (CE + sx.JaccardLoss())
    assert DICE + CE != CE + DICE
    assert str(DICE + 0.5 * CE) == "DiceLoss() + 0.5 * CrossEntropyLoss()"


@pytest.mark.parametrize("loss", [DICE, DICE + CE], ids=str)
def test_no_arithmetic_with_others(loss):
    for other in ("2", None, [1.0], 1j):
        for operation in (lambda a, b: a * b, lambda a, b: b * a):
            with pytest.raises(TypeError):
                operation(loss, other)
    for other in (1, 0.5, "loss", None):
        with pytest.raises(TypeError):
            loss + other
        with pytest.raises(TypeError):
            other + loss
    with pytest.raises(TypeError):
        DICE * CE


def test_forms_that_do_not_exist():
    with pytest.raises(ValueError, match=r"squared=True.*intersection='min'"):
        sx.DiceLoss(squared=True, intersection="min")
    x, t = np.zeros((1, 2, 3)), np.zeros((1, 2, 3), dtype=bool)
    with pytest.raises(ValueError, match=r"share, at most 1; got \(3.0, 3.0\)"):
        sx.FocalLoss(alpha=(3, 3))(x, t, multilabel=True)


def test_grains_are_not_told_by_their_shape():
    """Three classes, three voxels: (N, C) looks like (N, V) and is not."""
    x, y = np.zeros((2, 3, 3)), np.zeros((2, 3), dtype=int)
    with pytest.raises(ValueError, match="no common unreduced grain"):
        (sx.DiceLoss() + sx.CrossEntropyLoss())(x, y, reduction="none")


def test_a_sum_that_was_not_named():
    """Whatever else is added up, with a mask or without."""

    class Own(sx.RegionLoss):
        def totals(self, comparison):
            return *super().totals(comparison), comparison.sums[sx.maps.Predicted(2)]

    for mask in (None, VOXELS > 0):
        with pytest.raises(KeyError, match=r"Predicted\(power=2\) is not added up"):
            Own()(X, LABELS, mask=mask)
