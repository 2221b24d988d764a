"""Exact risks under uncertain labels, against enumeration, chance and closed forms."""

import itertools
import time
from math import inf

import numpy as np
import outcomes
import pytest
from backends import Backend

import segloss_xp as sx
from segloss_xp import bias

every_loss = pytest.mark.parametrize(("name", "parameters"), outcomes.LOSSES.items())


@every_loss
@pytest.mark.parametrize("smooth", [0.0, 1e-5, 1.0])
def test_independent_regions_are_enumerated(name, parameters, smooth):
    for seed in range(20):
        p, s, x = outcomes.problem(seed)
        expected = outcomes.risk(name, outcomes.independent(p), x, s, smooth=smooth, **parameters)
        truth = bias.Independent(p=p, volumes=s)
        actual = bias.risk(truth, x, name, smooth=smooth, **parameters)
        np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("alpha", "beta"), [(1.7, 0.2), (0.1, 3.0), (2.0, 2.0)])
def test_tversky_weights_may_be_large(alpha, beta):
    weights = {"alpha": alpha, "beta": beta}
    for seed in range(20):
        p, s, x = outcomes.problem(seed)
        expected = outcomes.risk("tversky", outcomes.independent(p), x, s, **weights)
        actual = bias.risk(bias.Independent(p=p, volumes=s), x, "tversky", **weights)
        np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-13)


@every_loss
@pytest.mark.parametrize("smooth", [0.0, 0.5])
def test_samples_and_marginals(name, parameters, smooth):
    rng = np.random.default_rng(0)
    for _ in range(10):
        y, w = rng.integers(0, 2, (4, 6)), rng.dirichlet(np.ones(4))
        s, x = np.exp(rng.normal(size=6)), rng.random(6)
        truth = bias.Samples(labels=y, weights=w, volumes=s)
        settings = {"smooth": smooth, **parameters}
        expected = outcomes.risk(name, zip(y, w, strict=True), x, s, **settings)
        np.testing.assert_allclose(bias.risk(truth, x, name, **settings), expected, rtol=1e-13)
        merged, pattern = truth.compressed()
        np.testing.assert_allclose(merged.outcomes[:, pattern], y)
        inside = np.bincount(pattern, weights=s * x) / np.bincount(pattern, weights=s)
        if name != "squared_dice":  # of which it keeps the minimum only
            actual = bias.risk(merged, inside, name, **settings)
            np.testing.assert_allclose(actual, expected, rtol=1e-13)
        p = w @ y
        np.testing.assert_allclose(truth.marginal, p)
        expected = outcomes.loss(name, x, p, s, **settings)
        actual = bias.risk(bias.Marginals(p=p, volumes=s), x, name, **settings)
        np.testing.assert_allclose(actual, expected, rtol=1e-13)


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("dice", sx.DiceLoss),
        ("jaccard", sx.JaccardLoss),
        ("tversky", sx.TverskyLoss),
        ("squared_dice", lambda smooth: sx.DiceLoss(squared=True, smooth=smooth)),
        ("log_dice", sx.LogDiceLoss),
    ],
)
def test_the_losses_are_those_of_the_library(name, loss):
    rng = np.random.default_rng(1)
    y, s, x = rng.integers(0, 2, (1, 9)), np.exp(rng.normal(size=9)), rng.random(9)
    weights = {"alpha": 0.3, "beta": 0.7} if name == "tversky" else {}
    actual = bias.risk(bias.Samples(labels=y, volumes=s), x, name, smooth=0.1, **weights)
    expected = loss(smooth=0.1, **weights)(
        x[None, None],
        y[None] > 0,
        from_logits=False,
        multilabel=True,
        voxel_weights=s[None],
    )
    np.testing.assert_allclose(actual, expected, rtol=1e-13)


def test_by_hand():
    """T12."""
    half = bias.Independent(p=np.asarray([0.5, 0.5]))
    x = np.asarray([[1.0, 1.0], [0.5, 0.5]])
    np.testing.assert_allclose(1 - bias.risk(half, x), [7 / 12, 5 / 12], rtol=1e-12)
    np.testing.assert_allclose(1 - bias.risk(half, x[0], "jaccard"), 1 / 2, rtol=1e-12)
    other = bias.Independent(p=np.asarray([0.75, 0.25]))
    x = np.asarray([[1.0, 0.0], [1.0, 1.0]])
    np.testing.assert_allclose(1 - bias.risk(other, x), [11 / 16, 29 / 48], rtol=1e-12)


def test_smoothing_is_certain_foreground():
    """T10: Dice smoothed by 1/2 is Dice with 1/4 more of what is certain."""
    x = np.asarray([0.0, 1.0, 0.3, 0.3])
    (p, s), (_, larger) = outcomes.ring(0.4, 1.0, 2), outcomes.ring(0.4, 1.0, 2, certain=1.25)
    smoothed = bias.risk(bias.Independent(p=p, volumes=s), x, smooth=0.5)
    plain = bias.risk(bias.Independent(p=p, volumes=larger), x)
    np.testing.assert_allclose(smoothed, plain, rtol=0, atol=1e-12)


@pytest.mark.parametrize("mu", [0.25, 1.0, 4.0])
@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.8])
def test_one_region(mu, p):
    r"""Both ends of the curve; T2: the smaller is mu min(p, 1 - p) / (2 + mu)."""
    probabilities, s = outcomes.ring(p, mu)
    ends = np.asarray([[0.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    risks = bias.risk(bias.Independent(p=probabilities, volumes=s), ends)
    np.testing.assert_allclose(risks, [mu * p / (2 + mu), mu * (1 - p) / (2 + mu)], rtol=1e-12)


@pytest.mark.parametrize(
    ("mu", "p", "least"), [(1.0, 0.3, 0.1), (1.0, 0.5, 0.1666667), (0.25, 0.1, 0.0111111)]
)
def test_the_least_risk(mu, p, least):
    """T2, in numbers."""
    probabilities, s = outcomes.ring(p, mu)
    found = bias.minimiser(bias.Independent(p=probabilities, volumes=s))
    assert found.risk == pytest.approx(least, abs=1e-6)


@pytest.mark.parametrize("name", ["dice", "jaccard", "squared_dice"])
@pytest.mark.parametrize("empty", [1.0, 0.0])
def test_the_empty_prediction(name, empty):
    """Nothing predicted is right only if nothing is there."""
    truth = bias.Independent(p=np.asarray([0.2, 0.5]), volumes=np.asarray([1.0, 3.0]))
    x = np.zeros(2)
    np.testing.assert_allclose(bias.risk(truth, x, name, empty=empty), 1 - 0.4 * empty, rtol=1e-13)
    nothing = bias.Independent(p=np.zeros(2))
    assert bias.risk(nothing, x, name, empty=empty) == 1 - empty
    assert bias.risk(nothing, x, name, smooth=1.0) == pytest.approx(0, abs=1e-13)
    assert bias.risk(nothing, np.ones(2), name) == 1


def test_nothing_found_costs_log_dice_all():
    truth = bias.Independent(p=np.asarray([0.2, 0.5]))
    assert bias.risk(truth, np.asarray([1.0, 1.0]), "log_dice") == inf  # both may be absent
    certain = bias.Independent(p=np.asarray([1.0, 0.5]))
    assert bias.risk(certain, np.asarray([0.0, 1.0]), "log_dice") == inf
    assert bias.risk(certain, np.asarray([1.0, 1.0]), "log_dice") < 1


def test_many_voxels_against_chance():
    """T39: a hundred thousand voxels, in less than five seconds, within 4 standard errors."""
    rng = np.random.default_rng(2)
    p = rng.beta(0.4, 1.0, 100_000)
    x = p**0.5
    start = time.perf_counter()
    exact = 1 - bias.risk(bias.Independent(p=p), x)
    assert time.perf_counter() - start < 5
    draws = []
    for _ in range(400):
        y = rng.random(p.size) < p
        draws.append(2 * x[y].sum() / (x.sum() + y.sum()))
    assert abs(np.mean(draws) - exact) < 4 * np.std(draws) / 20
    ratio_of_means = bias.risk(bias.Marginals(p=p), x)
    assert 1 - ratio_of_means == pytest.approx(exact, abs=1e-4)


@every_loss
def test_voxels_against_chance(name, parameters):
    rng = np.random.default_rng(5)
    p = rng.beta(0.5, 1.0, 2000)
    s, x = rng.uniform(0.5, 2.0, p.size), rng.random(p.size)
    draws = []
    for y in rng.random((1000, p.size)) < p:
        tp, volume = np.sum(s * x * y), np.sum(s * y)
        fp, fn = np.sum(s * x) - tp, volume - tp
        a, b = parameters.get("alpha", 1.0), parameters.get("beta", 1.0)
        score = {
            "dice": 2 * tp / (2 * tp + fp + fn),
            "log_dice": 2 * tp / (2 * tp + fp + fn),
            "squared_dice": 2 * tp / (np.sum(s * x * x) + volume),
        }.get(name, tp / (tp + a * fp + b * fn))
        draws.append(-np.log(score) if name == "log_dice" else 1 - score)
    exact = bias.risk(bias.Independent(p=p, volumes=s), x, name, **parameters)
    assert abs(np.mean(draws) - exact) < 4 * np.std(draws) / np.sqrt(len(draws))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_library(eager: Backend, dtype):
    """T40."""
    if eager.library == "dask":
        pytest.skip("its arrays are too lazy to be chosen from")
    tolerance = {"float64": 1e-12, "float32": 1e-5}[dtype]
    p, s, x = (each.astype(dtype) for each in outcomes.problem(4))
    y = np.asarray([[1, 0, 1], [1, 1, 0]])
    w = np.asarray([0.25, 0.75]).astype(dtype)
    to = eager.array
    for name, parameters in outcomes.LOSSES.items():
        settings = {"smooth": 0.5, **parameters}
        for exact, ours, prediction in (
            (
                bias.Independent(p=p.astype(float), volumes=s.astype(float)),
                bias.Independent(p=to(p), volumes=to(s)),
                x,
            ),
            (
                bias.Marginals(p=p.astype(float), volumes=s.astype(float)),
                bias.Marginals(p=to(p), volumes=to(s)),
                x,
            ),
            (
                bias.Samples(labels=y, weights=w.astype(float)),
                bias.Samples(labels=to(y), weights=to(w)),
                np.asarray([0.9, 0.2, 0.5], dtype),
            ),
        ):
            expected = bias.risk(exact, prediction.astype(float), name, **settings)
            actual = eager.to_numpy(bias.risk(ours, to(prediction), name, **settings))
            assert actual.dtype == dtype
            np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


def numeric(function, x, step=1e-5):
    slopes = np.zeros_like(x)
    for k in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[k] += step
        down[k] -= step
        slopes[k] = (function(up) - function(down)) / (2 * step)
    return slopes


@every_loss
def test_gradients_by_autodiff(name, parameters):
    """By prediction, probabilities and volumes."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    given = [rng.uniform(0.1, 0.9, 4) for _ in range(3)]
    settings = {"smooth": 0.2, **parameters}

    def risk(x, p, s):
        return bias.risk(bias.Independent(p=p, volumes=s), x, name, **settings)

    leaves = [torch.tensor(each, requires_grad=True) for each in given]
    gradients = torch.autograd.grad(risk(*leaves), leaves)
    for k, gradient in enumerate(gradients):
        expected = numeric(lambda v, k=k: risk(*given[:k], v, *given[k + 1 :]), given[k])
        np.testing.assert_allclose(gradient, expected, rtol=1e-7, atol=1e-8)


def test_gradients_are_finite_where_all_is_certain():
    torch = pytest.importorskip("torch")
    p = torch.tensor([0.0, 1.0, 0.5], dtype=torch.float64, requires_grad=True)
    x = torch.tensor([0.0, 1.0, 1.0], dtype=torch.float64, requires_grad=True)
    for name in ("dice", "log_dice"):
        value = bias.risk(bias.Independent(p=p), x, name)
        for gradient in torch.autograd.grad(value, (p, x)):
            assert torch.all(torch.isfinite(gradient))


def test_under_jit():
    jax = pytest.importorskip("jax")

    @jax.jit
    @jax.grad
    def slope(x, p):
        return bias.risk(bias.Independent(p=p), x)

    x, p = np.asarray([0.7, 0.2]), np.asarray([0.6, 0.3])
    expected = numeric(lambda v: bias.risk(bias.Independent(p=p), v), x)
    np.testing.assert_allclose(slope(x, p), expected, rtol=1e-8)


def test_shapes():
    truth = bias.Independent(p=np.full((2, 3), 0.5), volumes=2.0)
    assert bias.risk(truth, np.full((5, 4, 2, 3), 0.5)).shape == (5, 4)
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(3, 2\)"):
        bias.risk(truth, np.ones((3, 2)))
    with pytest.raises(ValueError, match="int64"):
        bias.risk(truth, np.ones((2, 3), dtype=np.int64))


HALF, LABELS = np.asarray([0.5, 0.5]), np.asarray([[1, 0], [1, 1]])


@pytest.mark.parametrize(
    ("build", "error", "words"),
    [
        (lambda: bias.Independent(p=HALF + 0.6), ValueError, ["from 0 to 1", "1.1"]),
        (lambda: bias.Marginals(p=HALF - 0.75), ValueError, ["from 0 to 1", "-0.25"]),
        (lambda: bias.Independent(p=HALF * np.nan), ValueError, ["from 0 to 1", "nan"]),
        (lambda: bias.Independent(p=HALF > 0), TypeError, ["floating", "bool"]),
        (lambda: bias.Independent(p=HALF, volumes=0.0), ValueError, ["> 0", "0.0"]),
        (lambda: bias.Independent(p=HALF, volumes=-HALF), ValueError, ["> 0", "-0.5"]),
        (lambda: bias.Independent(p=HALF, volumes=np.ones(3)), ValueError, ["(2,)", "(3,)"]),
        (lambda: bias.Samples(labels=LABELS[0]), ValueError, ["(K, *shape)", "(2,)"]),
        (lambda: bias.Samples(labels=LABELS * 2), ValueError, ["0 or 1", "2.0"]),
        (lambda: bias.Samples(labels=LABELS, weights=HALF * 0.9), ValueError, ["sum to 1", "0.9"]),
        (
            lambda: bias.Samples(labels=LABELS, weights=np.asarray([1.5, -0.5])),
            ValueError,
            [">= 0", "-0.5"],
        ),
        (lambda: bias.Samples(labels=LABELS, weights=np.ones(3) / 3), ValueError, ["2", "(3,)"]),
        (lambda: bias.Samples(labels=LABELS, volumes=np.ones(5)), ValueError, ["(2,)", "(5,)"]),
    ],
)
def test_what_is_no_description_is_refused(build, error, words):
    with pytest.raises(error) as raised:
        build()
    assert all(word in str(raised.value) for word in words)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"loss": "hinge"}, ["dice", "hinge"]),
        ({"loss": "dice", "alpha": 0.3}, ["Tversky", "0.3"]),
        ({"loss": "tversky", "alpha": 0.3}, ["alpha > 0", "None"]),
        ({"loss": "tversky", "alpha": 0.3, "beta": 0.0}, ["beta > 0", "0.0"]),
        ({"loss": "dice", "smooth": -1.0}, ["smooth >= 0", "-1.0"]),
        ({"loss": "dice", "empty": 2.0}, ["from 0 to 1", "2.0"]),
    ],
)
def test_what_is_no_loss_is_refused(settings, words):
    with pytest.raises(ValueError, match="got") as raised:
        bias.risk(bias.Independent(p=HALF), HALF, **settings)
    assert all(word in str(raised.value) for word in words)


@pytest.mark.parametrize("function", [bias.risk, bias.volume_bias])
def test_what_is_no_prediction_is_refused(function):
    for wrong in (HALF + 0.75, HALF - 0.75, HALF * np.nan):
        with pytest.raises(ValueError, match="expected predictions from 0 to 1, got values from"):
            function(bias.Independent(p=HALF), wrong)


AS_NAMED = {
    "dice": sx.DiceLoss,
    "jaccard": sx.JaccardLoss,
    "tversky": sx.TverskyLoss,
    "squared_dice": lambda **settings: sx.DiceLoss(squared=True, **settings),
    "log_dice": sx.LogDiceLoss,
}


def called_risk(loss, outcomes, x, s=None):
    """The expected loss, called on one image at a time."""
    total = 0.0
    for y, w in outcomes:
        target = np.asarray(y).reshape(1, 1, *x.shape) > 0
        settings = {} if s is None else {"voxel_weights": s[None]}
        total += w * loss(x[None, None], target, from_logits=False, multilabel=True, **settings)
    return total


@every_loss
@pytest.mark.parametrize("smooth", [0.0, 0.3])
def test_a_loss_is_called_as_its_name_says(name, parameters, smooth, eager: Backend):
    if eager.library == "dask":
        pytest.skip("its arrays are too lazy to be chosen from")
    rng, to = np.random.default_rng(7), eager.array
    y, w, s = rng.integers(0, 2, (4, 6)), rng.dirichlet(np.ones(4)), np.exp(rng.normal(size=6))
    y[:, 0] = 1
    p = np.append(1.0, rng.random(5))
    x = to(rng.random((2, 3, 6)))
    loss = AS_NAMED[name](smooth=smooth, **parameters)
    truths = [
        bias.Samples(labels=to(y), weights=to(w), volumes=to(s)),
        bias.Samples(labels=to(y)),
        bias.Samples(labels=to(y), volumes=4.0),
        bias.Independent(p=to(p), volumes=to(s)),
    ]
    if name != "squared_dice":  # which takes the square of a soft label, not its mean square
        truths.append(bias.Marginals(p=to(p), volumes=to(s)))
    for truth in truths:
        expected = bias.risk(truth, x, name, smooth=smooth, **parameters)
        actual = bias.risk(truth, x, loss)
        assert tuple(actual.shape) == (2, 3)
        np.testing.assert_allclose(
            eager.to_numpy(actual), eager.to_numpy(expected), rtol=1e-12, atol=1e-13
        )


@pytest.mark.parametrize("absent", ["smooth", "skip", "zero"])
def test_where_nothing_is_there(absent):
    """Of two regions that may both be absent."""
    p, s, x = np.asarray([0.2, 0.5]), np.asarray([1.0, 3.0]), np.asarray([0.3, 0.6])
    loss = sx.DiceLoss(absent=absent, smooth=0)
    here = {"smooth": 1.0, "skip": 0.0, "zero": 0.0}[absent]
    expected = sum(
        w * (outcomes.loss("dice", x, y, s) if any(y) else here) for y, w in outcomes.independent(p)
    )
    actual = bias.risk(bias.Independent(p=p, volumes=s), x, loss)
    assert actual == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize(
    "loss",
    [
        sx.CrossEntropyLoss(),
        sx.BrierLoss(),
        sx.FocalLoss() + 0.5 * sx.AdaptiveWingLoss(),
        sx.DiceLoss() + sx.CrossEntropyLoss(),
        sx.LovaszSoftmaxLoss(),
        sx.TopKLoss(k=0.4),
        sx.CrossEntropyLoss(class_weights=(3.0,)),
    ],
    ids=str,
)
def test_any_loss_of_independent_regions_is_enumerated(loss):
    for seed in range(4):
        p, s, x = outcomes.problem(seed, most=5)
        expected = called_risk(loss, outcomes.independent(p), x, s)
        actual = bias.risk(bias.Independent(p=p, volumes=s), x, loss)
        assert actual == pytest.approx(expected, rel=1e-12, abs=1e-13)


def test_means_over_voxels_are_not_enumerated():
    """Of as many voxels as there may be, however they go together."""
    rng = np.random.default_rng(8)
    p, x = rng.random((60, 50)), rng.random((60, 50))
    expected = -np.mean(p * np.log(x) + (1 - p) * np.log(1 - x))
    actual = bias.risk(bias.Independent(p=p), x, sx.CrossEntropyLoss())
    assert actual == pytest.approx(expected, rel=1e-13)
    labels = rng.integers(0, 2, (3, 60, 50))
    p = labels.mean(axis=0)
    expected = np.mean(p * (1 - x) ** 2 + (1 - p) * x**2)
    # Of two classes, whose errors are alike, or of one.
    factor = sx.BrierLoss()(
        np.asarray([[[0.0]]]), np.asarray([[[1.0]]]), from_logits=False, multilabel=True
    )
    actual = bias.risk(bias.Samples(labels=labels), x, sx.BrierLoss())
    assert actual == pytest.approx(factor * expected, rel=1e-13)


def test_a_power_of_a_mean_is_enumerated():
    """It has a loss inside, but is no mean over voxels itself."""

    class Squared(sx.Loss):
        loss: sx.Loss

        def maps(self, comparison):
            return self.loss.maps(comparison)

        def reduce(self, comparison, reduction):
            return self.loss.reduce(comparison, reduction) ** 2

    p, x = np.array([0.2, 0.6, 0.9]), np.array([0.3, 0.5, 0.8])
    inner = sx.BrierLoss()
    every = itertools.product([0, 1], repeat=3)
    expected = sum(
        np.prod(np.where(y, p, 1 - p))
        * inner(x[None, None], np.array(y)[None, None] > 0, from_logits=False, multilabel=True) ** 2
        for y in every
    )
    actual = bias.risk(bias.Independent(p=p), x, Squared(loss=inner))
    assert actual == pytest.approx(expected, rel=1e-12)


def test_no_predictions_have_no_risk():
    truth = bias.Independent(p=np.array([0.2, 0.6]))
    assert bias.risk(truth, np.zeros((0, 2)), sx.BrierLoss()).shape == (0,)
    assert bias.risk(truth, np.zeros((3, 0, 2)), sx.DiceLoss()).shape == (3, 0)


def test_a_loss_that_looks_at_places_sees_the_image():
    rng = np.random.default_rng(9)
    y, w, x = rng.integers(0, 2, (3, 4, 5)), rng.dirichlet(np.ones(3)), rng.random((4, 5))
    for loss in (sx.BoundaryLoss(), sx.HausdorffDTLoss(), sx.DiceLoss() + sx.BoundaryLoss()):
        expected = called_risk(loss, zip(y, w, strict=True), x)
        actual = bias.risk(bias.Samples(labels=y, weights=w), x, loss)
        assert actual == pytest.approx(expected, rel=1e-12)


def test_losses_of_one_label_a_voxel_see_two_classes():
    rng = np.random.default_rng(10)
    y, x = rng.integers(0, 2, (3, 6)), rng.random(6)
    loss = sx.GeneralizedWassersteinDiceLoss()
    both = np.stack([1 - x, x])[None]
    expected = np.mean([loss(both, each[None], from_logits=False) for each in y])
    assert bias.risk(bias.Samples(labels=y), x, loss) == pytest.approx(expected, rel=1e-13)


def test_what_is_impossible_costs_nothing():
    class Infinite(sx.DiceLoss):
        """Infinite where anything is there."""

        def formula(self, *sums):
            found = super().formula(*sums)
            return found + np.where(sums[2] > 0, inf, 0.0)

    labels, x = np.asarray([[1, 0], [0, 0]]), np.asarray([0.5, 0.5])
    never = bias.Samples(labels=labels, weights=np.asarray([0.0, 1.0]))
    assert np.isfinite(bias.risk(never, x, Infinite()))
    perhaps = bias.Samples(labels=labels, weights=np.asarray([0.1, 0.9]))
    assert bias.risk(perhaps, x, Infinite()) == inf


def test_soft_labels_are_for_losses_that_take_them():
    truth = bias.Marginals(p=np.asarray([0.2, 0.7]))
    x = np.asarray([0.3, 0.6])
    expected = -np.mean(truth.p * np.log(x) + (1 - truth.p) * np.log(1 - x))
    assert bias.risk(truth, x, sx.CrossEntropyLoss()) == pytest.approx(expected, rel=1e-13)


def test_draws():
    p = np.asarray([[0.0, 0.25, 1.0], [0.5, 0.9, 0.1]])
    truth = bias.Independent(p=p, volumes=2.0)
    drawn = bias.Samples.drawn_from(truth, 20_000, seed=1)
    assert drawn.shape == (2, 3)
    assert drawn.volumes == 2.0
    error = np.abs(drawn.marginal.reshape(2, 3) - p)
    assert np.all(error <= 4 * np.sqrt(p * (1 - p) / 20_000) + 1e-12)
    x = np.random.default_rng(1).random((2, 3))
    loss = sx.DiceLoss(smooth=0)
    exact = bias.risk(truth, x)
    assert bias.risk(drawn, x, loss) == pytest.approx(exact, abs=0.01)
    again = bias.Samples.drawn_from(truth, 20_000, seed=1)
    np.testing.assert_array_equal(drawn.labels, again.labels)
    with pytest.raises(ValueError, match="one draw or more, got 0"):
        bias.Samples.drawn_from(truth, 0)
    with pytest.raises(TypeError, match="Independent"):
        bias.Samples.drawn_from(drawn, 3)


def test_losses_that_have_no_risk():
    truth, x = bias.Independent(p=np.full(13, 0.5)), np.full(13, 0.5)
    with pytest.raises(ValueError, match=r"got 13: describe them by draws"):
        bias.risk(truth, x, sx.DiceLoss())
    for loss in (
        sx.DiceLoss(batch=True),
        sx.CrossEntropyLoss() + sx.DiceLoss(batch=True),
        sx.DiceTopKLoss(batch=True),
        sx.DeepSupervisionLoss(loss=sx.DiceCELoss(batch=True)),
    ):
        with pytest.raises(ValueError, match="pools a batch"):
            bias.risk(truth, x, loss)
    with pytest.raises(ValueError, match="needs no truth"):
        bias.risk(truth, x, sx.MumfordShahLoss())
    for given in ({"alpha": 0.3}, {"beta": 0.3}, {"smooth": 1.0}, {"empty": 0.0}):
        with pytest.raises(ValueError, match="those of a loss that is named") as raised:
            bias.risk(truth, x, sx.DiceLoss(), **given)
        assert str(given) in str(raised.value)
    with pytest.raises(ValueError, match="expected loss to be one of"):
        bias.risk(truth, x, sx.DiceLoss)
    with pytest.raises(TypeError, match="Independent, Samples or Marginals"):
        bias.risk(x, x, sx.DiceLoss())


def test_any_loss_is_differentiable(differentiating: Backend):
    """By central differences."""
    if differentiating.library not in ("torch", "jax"):
        pytest.skip("it has no gradients of its own")
    to, rng = differentiating.array, np.random.default_rng(11)
    y, w, x = rng.integers(0, 2, (3, 5)), rng.dirichlet(np.ones(3)), rng.random(5)
    loss = sx.DiceLoss() + sx.CrossEntropyLoss()

    def risk(x):
        return bias.risk(bias.Samples(labels=to(y), weights=to(w)), x, loss)

    if differentiating.library == "torch":
        leaf = to(x).requires_grad_()
        risk(leaf).backward()
        gradient = leaf.grad
    else:
        import jax

        gradient = jax.jit(jax.grad(risk))(to(x))
    steps = 1e-5 * np.eye(5)
    expected = [
        float(differentiating.to_numpy(risk(to(x + e)) - risk(to(x - e)))) / 2e-5 for e in steps
    ]
    np.testing.assert_allclose(differentiating.to_numpy(gradient), expected, rtol=1e-7)
