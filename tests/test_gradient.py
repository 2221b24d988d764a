"""`value_and_grad` where NumPy has no autodiff: own formulas, sums over devices, what is absent."""

import importlib.util
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

import segloss_xp as sx
from segloss_xp.maps import Intersection, Map

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(2, 3, 4)), np.array([[0, 1, 2, 1], [1, 1, 0, 0]])
LENDERS = ("torch", "jax")


def numeric(loss, x, y, **keywords):
    """Gradient by central differences of fourth order, good to 1e-10 here."""
    result, step = np.empty_like(x), 1e-3
    for index in np.ndindex(x.shape):
        at = []
        for shift in (-2, -1, 1, 2):
            moved = x.copy()
            moved[index] += shift * step
            at.append(float(loss(moved, y, **keywords)))
        result[index] = (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * step)
    return result


class Simple(sx.RegionLoss):
    def formula(self, tp, p, g):
        return 1 - 2 * tp / (p + g)


class PowerOfSums(sx.RegionLoss):
    def formula(self, tp, p, g):
        return 1 - ((tp + 1.0) / (p + g + 1.0)) ** (p / (p + g))


class AbsoluteVolume(sx.RegionLoss):
    def formula(self, tp, p, g):
        return abs(p - g) / (p + g)


class MeanLogit(sx.Loss):
    def reduce(self, comparison, reduction):
        xp = comparison.xp
        return xp.sum(comparison.prediction * comparison.prediction)


class Logit(Map):
    wrt: ClassVar = "z"

    def value(self, v):
        return v.z

    def slope(self, v):
        return 1.0


class LogitVolume(sx.RegionLoss):
    def regions(self):
        return (Logit(),)

    def formula(self, total):
        return total


OF_NO_TAPE = pytest.mark.parametrize(
    "loss", [PowerOfSums(), AbsoluteVolume(), MeanLogit()], ids=str
)


def leave(monkeypatch, *names):
    """As if none of the other libraries were installed."""
    find = importlib.util.find_spec
    away = {*LENDERS} - {*names}
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *_: None if name in away else find(name)
    )


@pytest.fixture(params=LENDERS)
def lender(request, monkeypatch):
    """The only library to borrow gradients from."""
    library = pytest.importorskip(request.param)
    leave(monkeypatch, request.param)
    return library


@OF_NO_TAPE
def test_nobody_to_borrow_from(monkeypatch, loss):
    leave(monkeypatch)
    with pytest.raises(ModuleNotFoundError, match="neither is installed"):
        sx.value_and_grad(loss, X, Y)


@OF_NO_TAPE
@pytest.mark.usefixtures("lender")
def test_borrowed(loss):
    """What the tape can't differentiate, PyTorch or JAX does; never half of it."""
    value, gradient = sx.value_and_grad(loss, X, Y)
    assert isinstance(gradient, np.ndarray)
    np.testing.assert_allclose(value, loss(X, Y), rtol=1e-12)
    np.testing.assert_allclose(gradient, numeric(loss, X, Y), atol=1e-8)
    # Negative strides would end the process inside DLPack.
    np.testing.assert_array_equal(sx.value_and_grad(loss, X[..., ::-1][..., ::-1], Y)[1], gradient)


@pytest.mark.parametrize(
    "loss", [sx.DiceLoss(), sx.DiceLoss(batch=True), sx.DiceLoss() + sx.CrossEntropyLoss()], ids=str
)
def test_sums_over_devices(loss):
    """Two halves of a batch, one after the other: the other half's sums are known."""
    value, gradient = sx.value_and_grad(loss, X, Y)
    for half in (slice(0, 1), slice(1, 2)):
        other = slice(1, 2) if half.start == 0 else slice(0, 1)
        seen: list[np.ndarray] = []

        def record(total, seen=seen):
            seen.append(total)
            return total

        loss(X[other], Y[other], all_reduce=record)
        totals = iter(seen)
        got = sx.value_and_grad(
            loss, X[half], Y[half], all_reduce=lambda t, totals=totals: t + next(totals)
        )
        np.testing.assert_allclose(got[0], value, rtol=1e-12)
        np.testing.assert_allclose(got[1], gradient[half], atol=1e-14)


@dataclass(frozen=True)
class Capped(Map):
    """The lesser of the probability and a limit, whose slope is a condition."""

    limit: float

    def value(self, v):
        return v.xp.where(v.p < self.limit, v.p, v.xp.full_like(v.p, self.limit))

    def slope(self, v):
        return v.p < self.limit


class Absent(Logit):
    """The logit, with the other sign, whose slope is a whole number."""

    def value(self, v):
        return -v.z

    def slope(self, v):
        return -1


class Conditions(sx.RegionLoss):
    def regions(self):
        return Intersection(), Capped(0.2), Capped(0.4), Absent()

    def formula(self, tp, low, high, away):
        return tp * tp + 2 * low * high + 0.1 * away


def test_slopes_that_are_conditions(differentiating):
    """They are not the target's, even where that is booleans."""
    mask = Y != 2
    _, gradient = differentiating.value_and_grad(Conditions(), X, Y, mask=mask)
    np.testing.assert_allclose(gradient, numeric(Conditions(), X, Y, mask=mask), atol=1e-8)


SIZES = np.stack([np.sum(c == Y, axis=1) for c in range(3)], axis=1)
DICE = 1 - (2 * 0.2 * SIZES + 1e-5) / (0.2 * Y.shape[1] + SIZES + 1e-5)
NUMBERS = [(LogitVolume(), X, X.sum(2).mean()), (sx.DiceLoss(), np.full(X.shape, 0.2), DICE.mean())]


@pytest.mark.parametrize("case", NUMBERS, ids=["z", "p"])
@pytest.mark.parametrize("multilabel", [False, True])
def test_a_slope_that_is_a_number(differentiating, case, multilabel):
    loss, x, expected = case
    target = np.stack([c == Y for c in range(3)], axis=1) if multilabel else Y
    keywords = {"multilabel": multilabel, "from_logits": isinstance(loss, LogitVolume)}
    value, gradient = differentiating.value_and_grad(loss, x, target, **keywords)
    np.testing.assert_allclose(value, expected)
    np.testing.assert_allclose(gradient, numeric(loss, x, target, **keywords), atol=1e-8)


def test_a_map_of_more_digits_leaves_the_precision():
    class Doubled(Logit):
        def value(self, v):
            return v.z * np.float64(2)

    class DoubledVolume(LogitVolume):
        def regions(self):
            return (Doubled(),)

    assert DoubledVolume()(X.astype(np.float32), Y).dtype == np.float32


def test_a_gradient_can_be_written_to():
    for x, from_logits in ((X, True), (0.2 + 0 * X, False)):
        _, gradient = sx.value_and_grad(sx.ProportionLoss(), x, Y, from_logits=from_logits)
        gradient *= 2


@pytest.mark.parametrize("loss", [sx.LogDiceLoss(smooth=0.0, absent="skip"), Simple()], ids=str)
def test_what_does_not_count_has_no_gradient(backend, loss):
    """An infinite slope of the formula, discarded, must not come back as 0 * inf."""
    if not backend.differentiates:
        pytest.skip("knows no gradients")
    y = np.array([[0, 1, 1, 1], [255, 255, 255, 255]])  # lacks class 2; all void
    _, gradient = backend.value_and_grad(loss, X, y)
    assert np.all(np.isfinite(gradient))
    assert np.all(gradient[1] == 0)


def test_numpy_data_and_a_mask_of_jax(jax):
    mask = np.array([[True, True, False, True]] * 2)
    got = sx.value_and_grad(sx.DiceLoss(), X, Y, mask=jax.numpy.asarray(mask))
    want = sx.value_and_grad(sx.DiceLoss(), X, Y, mask=mask)
    np.testing.assert_allclose(got[1], want[1], atol=1e-14)


@pytest.mark.parametrize("logit", [-18.0, -30.0, -80.0])
def test_small_probabilities_of_a_sigmoid(backend, logit):
    """The gradient of binary cross-entropy at g = 0 is p itself, whatever its size."""
    if not backend.differentiates:
        pytest.skip("knows no gradients")
    x, y = np.full((1, 1, 1), logit, dtype=np.float32), np.zeros((1, 1, 1), dtype=bool)
    _, gradient = backend.value_and_grad(sx.CrossEntropyLoss(), x, y, multilabel=True)
    np.testing.assert_allclose(gradient, np.exp(logit), rtol=1e-5)


def test_small_structures_keep_their_correlation():
    """Three voxels of ten million, one missed, in float32: 1 - sqrt(2/3), and 0 where perfect."""
    p, y = np.zeros((1, 2, 10**7), dtype=np.float32), np.zeros((1, 10**7), dtype=np.int8)
    y[0, :3] = 1
    p[:, 0], p[:, 0, :2], p[:, 1, :2] = 1, 0, 1
    got = sx.MCCLoss()(p, y, from_logits=False, reduction="none")
    np.testing.assert_allclose(got, 1 - np.sqrt(2 / 3), rtol=1e-5)
    p[:, 0, 2], p[:, 1, 2] = 0, 1
    np.testing.assert_allclose(
        sx.MCCLoss()(p, y, from_logits=False, reduction="none"), 0, atol=1e-6
    )


def test_no_slope_where_prediction_and_target_meet():
    """The kink of |p - g| at a perfect prediction."""
    p = np.array([[[1.0, 0.0], [0.0, 1.0]]])
    for gamma in (1.0, 1.5):
        _, gradient = sx.value_and_grad(
            sx.NoiseRobustDiceLoss(gamma=gamma), p, np.array([[0, 1]]), from_logits=False
        )
        np.testing.assert_array_equal(gradient, 0)
