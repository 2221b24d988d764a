"""Where predictions jump, how wrong the volume is, and its bounds."""

from math import comb, inf, sqrt

import numpy as np
import outcomes
import pytest
from backends import Backend

import segloss_xp as sx
from segloss_xp import bias

DICE = {
    0.25: (0.5, 0.486079, 0.479106, 0.473878, 0.472571, 0.472245, 0.472136),
    1.0: (0.5, 0.457453, 0.435795, 0.419586, 0.415555, 0.414549, 0.414214),
    4.0: (0.5, 0.409333, 0.359044, 0.321145, 0.312014, 0.309764, 0.309017),
    16.0: (0.5, 0.370786, 0.287334, 0.216082, 0.200069, 0.196392, 0.195194),
}


@pytest.mark.parametrize("mu", DICE)
def test_dice(mu):
    """T4 and T5."""
    for n, expected in zip((1, 2, 4, 16, 64, 256, inf), DICE[mu], strict=True):
        assert bias.switch_probability(n, mu) == pytest.approx(expected, abs=1e-6)
    assert bias.switch_probability(inf, mu) == pytest.approx((sqrt(1 + mu) - 1) / mu, abs=1e-14)


def test_others():
    """T7, and one of Jaccard."""
    for alpha, beta, mu, one, limit in (
        (0.3, 0.7, 1.0, 0.359155, 0.254619),
        (0.7, 0.3, 1.0, 0.640845, 0.594110),
        (0.3, 0.7, 4.0, 0.425373, 0.194297),
    ):
        for n, expected in ((1, one), (inf, limit)):
            actual = bias.switch_probability(n, mu, "tversky", alpha=alpha, beta=beta)
            assert actual == pytest.approx(expected, abs=1e-6)
    assert bias.switch_probability(2, 1.0, "jaccard") == pytest.approx(0.458619, abs=1e-6)
    for n in (1, inf):
        jaccard = bias.switch_probability(n, 1.7, "jaccard", certain=0.6)
        dice = bias.switch_probability(n, 1.7, certain=0.6)
        assert jaccard == pytest.approx(dice, abs=1e-14)


def gain(n, p, mu, a, b, certain, background):
    """Score with all regions predicted less that with none, by the binomial law."""
    h, total = mu / n, 0.0
    for k in range(n + 1):
        chance = comb(n, k) * p**k * (1 - p) ** (n - k)
        there, absent = h * k, h * (n - k)
        none = certain / (certain + b * there) if certain + there else 1.0
        total += chance * ((certain + there) / (certain + there + a * absent) - none)
        if background is not None:
            none = (background + absent) / (background + absent + a * there)
            total += chance * (background / (background + b * absent) - none)
    return total


@pytest.mark.parametrize("certain", [1.0, 0.3, 0.0])
@pytest.mark.parametrize("background", [None, 1.0, 100.0])
@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (1.0, 1.0), (0.3, 0.7), (1.5, 0.4)])
def test_the_two_risks_are_equal(a, b, certain, background):
    for n in (1, 2, 5, 20):
        for mu in (0.25, 3.0):
            p = bias.switch_probability(
                n, mu, "tversky", alpha=a, beta=b, certain=certain, background=background
            )
            assert gain(n, p - 1e-9, mu, a, b, certain, background) < 0
            assert gain(n, p + 1e-9, mu, a, b, certain, background) > 0


def test_two_regions_have_a_closed_form():
    for mu in (0.3, 1.0, 5.0):
        p, h = bias.switch_probability(2, mu), mu / 2
        right = 4 * p * (1 - p) * h / ((2 + 3 * h) * (2 + h))
        assert (1 - 2 * p) / (1 + h) == pytest.approx(right, abs=1e-14)


def test_symmetry_and_limits():
    for n in (1, 4, inf):
        assert bias.switch_probability(n, 2.0, background=1.0) == pytest.approx(0.5, abs=1e-12)
        far = bias.switch_probability(n, 2.0, background=1e9)
        assert far == pytest.approx(bias.switch_probability(n, 2.0), abs=1e-6)
    assert bias.switch_probability(1, 2.0, certain=0.0) == 0.5
    assert bias.switch_probability(inf, 2.0, certain=0.0) == 0
    many = bias.switch_probability(10**6, 1.0)
    assert many == pytest.approx(bias.switch_probability(inf, 1.0), abs=1e-6)
    smoothed = bias.switch_probability(4, 1.0, certain=1.25)
    truth = [outcomes.ring(smoothed, 1.0, 4)]
    for p, s in truth:
        ends = np.asarray([[0, 1, 0, 0, 0, 0], [0, 1, 1, 1, 1, 1]], dtype=float)
        none, every = bias.risk(bias.Independent(p=p, volumes=s), ends, smooth=0.5)
        assert none == pytest.approx(every, abs=1e-12)


def test_a_batch_is_as_good_as_regions():
    """Dice pooled over two images jumps where that of two regions does."""
    switch = bias.switch_probability(2, 1.0)
    loss = sx.DiceLoss(batch=True, smooth=0)
    weights = np.ones((2, 2))

    def risk(x, p):
        images = np.asarray([[[1.0, x]], [[1.0, x]]])
        total = 0.0
        for a in (0, 1):
            for b in (0, 1):
                truth = np.asarray([[[1, a]], [[1, b]]]) > 0
                chance = (p if a else 1 - p) * (p if b else 1 - p)
                settings = {"from_logits": False, "multilabel": True, "voxel_weights": weights}
                total += chance * loss(images, truth, **settings)
        return total

    # Two of everything: the ratio of the volumes is the same.
    assert risk(0.0, switch) == pytest.approx(risk(1.0, switch), abs=1e-12)


def test_where_gradients_part():
    """T3: at p = 1/2 the risk is stationary at the switch of ever more regions."""
    for mu, expected in ((0.25, 0.472136), (1.0, 0.414214), (4.0, 0.309017)):
        assert bias.switch_probability(inf, mu) == pytest.approx(expected, abs=1e-6)
        x = bias.switch_probability(inf, mu)
        slope = 0.0
        for label in (0, 1):
            prediction = np.asarray([[[1.0, x]]])
            _, gradient = sx.value_and_grad(
                sx.DiceLoss(smooth=0),
                prediction,
                np.asarray([[[1, label]]]) > 0,
                from_logits=False,
                multilabel=True,
                voxel_weights=np.asarray([[1.0, mu]]),
            )
            slope += 0.5 * gradient[0, 0, 1]
        assert slope == pytest.approx(0, abs=1e-12)


def test_gradient_by_the_volume():
    torch = pytest.importorskip("torch")
    mu = torch.tensor([0.5, 4.0], dtype=torch.float64, requires_grad=True)
    for n in (1, 4, inf):
        for background in (None, 10.0):
            p = bias.switch_probability(n, mu, background=background)
            (gradient,) = torch.autograd.grad(p.sum(), mu)
            for k, each in enumerate((0.5, 4.0)):
                ends = (
                    bias.switch_probability(n, each + step, background=background)
                    for step in (1e-4, -1e-4)
                )
                up, down = ends
                assert float(gradient[k]) == pytest.approx((up - down) / 2e-4, abs=1e-7)


def test_every_library(eager: Backend):
    mu = np.asarray([[0.25, 1.0], [4.0, 16.0]])
    for n in (1, 4, inf):
        actual = eager.to_numpy(bias.switch_probability(n, eager.array(mu), background=10.0))
        expected = [[bias.switch_probability(n, float(m), background=10.0) for m in r] for r in mu]
        np.testing.assert_allclose(actual, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "settings", "words"),
    [
        ((1.5, 1.0), {}, ["whole", "1.5"]),
        ((0, 1.0), {}, ["whole", "0"]),
        ((1, -1.0), {}, ["mu > 0", "-1.0"]),
        ((1, 1.0), {"certain": -1.0}, ["certain", "-1.0"]),
        ((1, 1.0, "log_dice"), {}, ["switches", "log_dice"]),
        ((1, 1.0, "tversky"), {"alpha": 0.2, "beta": 0.2}, ["alpha + beta >= 1", "0.2"]),
    ],
)
def test_what_does_not_switch_is_refused(arguments, settings, words):
    with pytest.raises(ValueError, match="expected") as raised:
        bias.switch_probability(*arguments, **settings)
    assert all(word in str(raised.value) for word in words)


def test_weights_of_less_than_one_do_not_jump():
    """Why a sum of weights below 1 has no switch."""
    p, s = outcomes.ring(0.5, 0.5)
    weights = {"alpha": 0.2, "beta": 0.2}
    found = bias.minimiser(bias.Independent(p=p, volumes=s), "tversky", **weights)
    assert found.kind == "interior"


def test_volume_bias():
    """T13."""
    for p, expected in ((0.3, -1.2), (0.7, 1.2)):
        probabilities, s = outcomes.ring(p, 4.0)
        truth = bias.Independent(p=probabilities, volumes=s)
        wrong = bias.volume_bias(truth, bias.minimiser(truth).x)
        assert wrong.soft == pytest.approx(expected, abs=1e-12)
        assert wrong.hard == pytest.approx(expected, abs=1e-12)
        assert wrong.relative_soft == pytest.approx(expected / (1 + 4 * p), abs=1e-12)
        honest = bias.volume_bias(truth, probabilities)
        assert honest.soft == 0
        assert honest.relative_hard == pytest.approx(expected / (1 + 4 * p), abs=1e-12)
    switch = bias.switch_probability(4, 1.0)
    assert 0.5 - switch == pytest.approx(0.064205, abs=1e-6)


def test_volume_bounds():
    """Of random probabilities, and none of them is wider than it must be."""
    rng = np.random.default_rng(10)
    for _ in range(200):
        p = rng.beta(*rng.uniform(0.2, 3, 2), 40)
        bounds = bias.volume_bounds(float(p.mean()))
        accuracy = np.mean(p > 0.5)
        dice = float(bias.minimiser(bias.Marginals(p=p)).x.mean())
        assert bounds.accuracy[0] - 1e-12 <= accuracy <= bounds.accuracy[1] + 1e-12
        assert bounds.dice[0] - 1e-12 <= dice <= bounds.dice[1] + 1e-12
        assert accuracy <= dice + 1e-12
    m = np.asarray([0.2, 0.8])
    np.testing.assert_allclose(bias.volume_bounds(m).accuracy, [[0, 0.6], [0.4, 1]], atol=1e-15)
    for wrong in (1.5, np.asarray([0.2, 1.5])):
        with pytest.raises(ValueError, match=r"from 0 to 1, got .*1\.5"):
            bias.volume_bounds(wrong)
