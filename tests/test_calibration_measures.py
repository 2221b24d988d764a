"""Calibration measures against loops over the observations, closed forms and known numbers."""

import numpy as np
import pytest
from backends import chosen
from problems import assert_close, softmax

import segloss_xp as sx
from segloss_xp import bias
from segloss_xp.bias import ConfidenceHistogram, confidence_histogram

BACKENDS = chosen()
KINDS = ("marginal", "top-label", "class-wise")
MEASURES = ("ece", "mce", "ace", "rmsce", "bias", "brier", "nll")


def observations(p, g, w, kind):
    """Confidence, outcome and weight of each observation (N, C, V), by class."""
    samples, classes, voxels = p.shape
    rows = [[] for _ in range(classes if kind == "class-wise" else 1)]
    for n in range(samples):
        for v in range(voxels):
            if w[n, v] == 0:
                continue
            if kind == "top-label":
                c = max(range(classes), key=lambda c, n=n, v=v: p[n, c, v])
                rows[0].append((p[n, c, v], g[n, c, v], w[n, v]))
                continue
            for c in range(classes):
                if kind == "class-wise":
                    rows[c].append((p[n, c, v], g[n, c, v], w[n, v]))
                elif c or classes == 1:
                    rows[0].append((p[n, c, v], g[n, c, v], w[n, v]))
    return rows


def measured(rows, bins):
    """Every measure, from its definition."""
    results = []
    for row in rows:
        if not row:
            continue
        total = sum(w for _, _, w in row)
        gaps, shares = [], []
        for b in range(bins):
            last = b + 1 == bins
            members = [
                (p, y, w) for p, y, w in row if p >= b / bins and (last or p < (b + 1) / bins)
            ]
            if members:
                n = sum(w for _, _, w in members)
                gaps.append(sum(w * (p - y) for p, y, w in members) / n)
                shares.append(n / total)
        sizes = [abs(gap) for gap in gaps]
        pairs = list(zip(shares, gaps, strict=True))
        results.append(
            {
                "ece": sum(s * abs(gap) for s, gap in pairs),
                "mce": max(sizes),
                "ace": sum(sizes) / len(sizes),
                "rmsce": sum(s * gap**2 for s, gap in pairs) ** 0.5,
                "bias": sum(s * gap for s, gap in pairs),
                "brier": sum(w * (p - y) ** 2 for p, y, w in row) / total,
                "nll": -sum(w * (y * np.log(p) + (1 - y) * np.log(1 - p)) for p, y, w in row)
                / total,
            }
        )
    return {m: sum(r[m] for r in results) / len(results) for m in MEASURES}


def problem(seed=0, classes=3, soft=False, dtype=np.float64):
    rng = np.random.default_rng(seed)
    shape = (2, classes, 4, 6)
    p = softmax(2 * rng.normal(size=shape)).astype(dtype)
    target = (
        softmax(rng.normal(size=shape)).astype(dtype)
        if soft
        else rng.integers(0, classes, (2, 4, 6))
    )
    return p, target, rng.random((2, 4, 6)) < 0.7, rng.integers(0, 3, (2, 4, 6)).astype(dtype)


def flat(p, target, w):
    p = p.reshape(*p.shape[:2], -1)
    g = target if target.ndim == 4 else np.stack([target == c for c in range(p.shape[1])], axis=1)
    return p, g.reshape(p.shape).astype(float), np.asarray(w, float).reshape(len(p), -1)


def values(h, backend):
    return {m: backend.to_numpy(getattr(h, m)()) for m in MEASURES}


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda b: b.name)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weighted", [False, True])
def test_measures(backend, kind, weighted):
    p, target, mask, w = problem(soft=weighted)
    call = {"mask": mask} | ({"voxel_weights": w} if weighted else {})
    arrays = {k: backend.array(v) for k, v in call.items()}

    def run(p, target):
        h = confidence_histogram(p, target, bins=5, kind=kind, from_logits=False, **arrays)
        return [getattr(h, m)() for m in MEASURES]

    found = backend._transformed(run)(backend.array(p), backend.array(target))
    expected = measured(observations(*flat(p, target, mask * w if weighted else mask), kind), 5)
    for m, value in zip(MEASURES, found, strict=True):
        # The class-wise bias cancels: probabilities add up to 1 and so do labels.
        assert_close(backend.to_numpy(value), expected[m], least=1.0)


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda b: b.name)
def test_float32(backend):
    p, target, mask, _ = problem(dtype=np.float32)
    arrays = (backend.array(each) for each in (p, target))
    h = confidence_histogram(*arrays, from_logits=False, mask=backend.array(mask))
    expected = measured(observations(*flat(p.astype(np.float64), target, mask), "marginal"), 15)
    for m, value in values(h, backend).items():
        assert_close(value, expected[m], 1e-5, least=1.0)


def test_counts_are_integers():
    p, target, _, w = problem()
    h = confidence_histogram(p, target, from_logits=False)
    assert h.count.dtype.kind == "i"
    assert h.count.sum() == 2 * target.size
    assert confidence_histogram(p, target, from_logits=False, voxel_weights=w).count.dtype == float


def test_layouts():
    """Logits, channels last, an ignored label and a mask are the same observations."""
    p, target, mask, _ = problem()
    h = confidence_histogram(p, target, from_logits=False, kind="class-wise", mask=mask)
    labels = np.where(mask, target, 7)
    same = confidence_histogram(
        np.moveaxis(np.log(p), 1, -1), labels, kind="class-wise", class_axis=-1, ignore_index=7
    )
    for a, b in zip(h, same, strict=True):
        assert_close(a, b)
    broken = np.where(mask[:, None], p, np.nan)
    for a, b in zip(
        h,
        confidence_histogram(broken, target, from_logits=False, kind="class-wise", mask=mask),
        strict=True,
    ):
        assert_close(a, b)


def test_adds_up():
    """Over images, by all_reduce over devices, and with sum()."""
    p, target, _, w = problem()
    call = {"from_logits": False, "kind": "class-wise"}
    whole = confidence_histogram(p, target, **call, voxel_weights=w)
    parts = [
        confidence_histogram(p[n : n + 1], target[n : n + 1], **call, voxel_weights=w[n : n + 1])
        for n in range(2)
    ]
    other = iter(parts[1])
    reduced = confidence_histogram(
        p[:1], target[:1], **call, voxel_weights=w[:1], all_reduce=lambda x: x + next(other)
    )
    for total in (sum(parts), parts[0] + parts[1], reduced):
        assert isinstance(total, ConfidenceHistogram)
        for a, b in zip(total, whole, strict=True):
            assert_close(a, b)
    assert_close(whole.of_class(1).ece(), parts[0].of_class(1).__add__(parts[1].of_class(1)).ece())
    assert_close(whole.ece(), np.mean([whole.of_class(c).ece() for c in range(3)]))


def test_survives_jit():
    jax = pytest.importorskip("jax")
    p, target, *_ = problem()
    h = jax.jit(lambda p: confidence_histogram(p, target, from_logits=False))(p.astype(np.float32))
    assert isinstance(h, ConfidenceHistogram)
    assert float((h + h).ece()) == pytest.approx(float(h.ece()))


def binary(p, y, **keywords):
    call = {"from_logits": False, "multilabel": True, **keywords}
    return confidence_histogram(np.array([[p]], float), np.array([[y]], float), **call)


def test_documented_examples():
    """The examples in the documentation of torchmetrics' calibration error (T32)."""
    h = binary([0.25, 0.25, 0.55, 0.75, 0.75], [0, 0, 1, 1, 1], bins=2)
    assert [round(float(m), 4) for m in (h.ece(), h.rmsce(), h.mce())] == [0.29, 0.2918, 0.3167]
    p = np.array([[0.25, 0.20, 0.55], [0.55, 0.05, 0.40], [0.10, 0.30, 0.60], [0.90, 0.05, 0.05]])
    h = confidence_histogram(
        p[:, :, None], np.array([[0], [1], [2], [0]]), bins=3, kind="top-label", from_logits=False
    )
    assert [round(float(m), 4) for m in (h.ece(), h.rmsce(), h.mce())] == [0.2, 0.2082, 0.2333]


def test_both_ends_belong_to_a_bin():
    """What is predicted with 0 counts (T34), and 1 is in the last bin, not in one beyond (T35)."""
    assert_close(binary([0, 0, 0, 0, 1, 1], [0, 0, 1, 1, 1, 1]).ece(), 1 / 3)
    assert_close(binary([1, 1, 0.9, 0.9], [1, 0, 1, 1], bins=2).ece(), 0.2)


def test_bins_close_below():
    for bins in (7, 10, 15, 100):
        edges = [b / bins for b in range(bins + 1)]
        assert binary(edges, edges, bins=bins).count.tolist() == [[1] * (bins - 1) + [2]]
        assert binary(edges, edges, bins=bins).edges == tuple(edges)


@pytest.mark.parametrize("seed", range(5))
def test_bias_is_at_most_the_calibration_error(seed):
    """|bias| <= ECE for any number of bins, with equality at one (T33)."""
    rng = np.random.default_rng(seed)
    p = rng.random(200)
    y = rng.random(200) < p ** rng.uniform(0.3, 3)
    for bins in (1, 2, 10, 15):
        h = binary(p, y, bins=bins)
        assert abs(h.bias()) <= h.ece() + 1e-15
        assert_close(h.bias(), np.mean(p - y))
    assert_close(binary(p, y, bins=1).ece(), abs(np.mean(p - y)))


@pytest.mark.parametrize(("mu", "p"), [(1.0, 0.3), (4.0, 0.6), (0.25, 0.5)])
def test_saturated_map(mu, p):
    """Foreground and ring predicted 0 or 1: ECE mu min(p, 1 - p) / (1 + mu), and of p itself 0."""
    hard, weights = float(p > 0.5), np.array([[1.0, mu]])
    soft = np.array([[[1.0, p]]])
    call = {"from_logits": False, "multilabel": True, "voxel_weights": weights}
    h = confidence_histogram(np.array([[[1.0, hard]]]), soft, **call)
    assert_close(h.ece(), mu * min(p, 1 - p) / (1 + mu))
    assert_close(confidence_histogram(soft, soft, **call).ece(), 0.0)


def test_scores_are_those_of_the_losses():
    """The Brier score of a voxel is the sum over classes; channels have the same likelihood."""
    p, target, *_ = problem()
    h = confidence_histogram(p, target, from_logits=False, kind="class-wise")
    assert_close(3 * h.brier(), sx.BrierLoss()(p, target, from_logits=False))
    y = np.random.default_rng(0).random(p.shape) < p
    call = {"from_logits": False, "multilabel": True}
    h = confidence_histogram(p, y, kind="class-wise", **call)
    assert_close(h.nll(), sx.CrossEntropyLoss()(p, y, **call))


def test_reliability_diagram_is_that_of_scikit_learn():
    calibration = pytest.importorskip("sklearn.calibration")
    rng = np.random.default_rng(0)
    p = rng.random(500) ** 2
    y = rng.random(500) < p
    share, confidence, outcome = binary(p, y, bins=10).reliability()
    # Not at edges, which scikit-learn counts below.
    true, predicted = calibration.calibration_curve(y, p, n_bins=10)
    used = share[0] > 0
    assert_close(outcome[0][used], true)
    assert_close(confidence[0][used], predicted)
    assert_close(share.sum(), 1.0)


def test_nothing_to_observe():
    p, target, mask, _ = problem()
    for kind in KINDS:
        h = confidence_histogram(p, target, from_logits=False, kind=kind, mask=mask & False)
        assert all(float(getattr(h, m)()) == 0 for m in MEASURES)
    centres = h.reliability()[1][0]
    assert_close(centres, (np.arange(15) + 0.5) / 15)


def adaptive(p, y, bins):
    """Gaps of runs of the sorted observations, one after the other."""
    pairs, errors = sorted(zip(p, y, strict=True)), []
    for b in range(bins):
        run = pairs[len(p) * b // bins : len(p) * (b + 1) // bins]
        if run:
            errors.append(abs(sum(a - b for a, b in run) / len(run)))
    return sum(errors) / len(errors)


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda b: b.name)
@pytest.mark.parametrize("bins", [1, 4, 60])
def test_adaptive(backend, bins):
    if backend.library == "dask":
        pytest.skip("sorts in full only what it can hold, and has no argsort")
    rng = np.random.default_rng(0)
    p, y, mask = rng.random((2, 1, 30)), rng.random((2, 1, 30)) < 0.3, rng.random((2, 30)) < 0.8
    call = {"from_logits": False, "multilabel": True, "mask": backend.array(mask)}

    def run(p, y):
        return bias.adaptive_calibration_error(p, y, bins=bins, **call)

    found = backend._transformed(run)(backend.array(p), backend.array(y))
    assert_close(
        backend.to_numpy(found), adaptive(p[mask[:, None]], y[mask[:, None]].astype(float), bins)
    )


def test_errors():
    p, target, *_ = problem()
    with pytest.raises(ValueError, match=r"from 0 to 1, got values from .*from_logits=True"):
        confidence_histogram(3 * p, target, from_logits=False)
    with pytest.raises(ValueError, match="kind 'marginal', 'top-label' or 'class-wise', got 'top'"):
        confidence_histogram(p, target, kind="top")
    with pytest.raises(ValueError, match="at least 1, got 0"):
        confidence_histogram(p, target, bins=0)
    with pytest.raises(ValueError, match="one label a voxel"):
        confidence_histogram(p, p > 0.5, multilabel=True, kind="top-label")
    with pytest.raises(ValueError, match=r"got shapes \(1, 15\) and \(1, 3\)"):
        confidence_histogram(p, target) + confidence_histogram(p, target, bins=3)
    with pytest.raises(TypeError):
        confidence_histogram(p, target) + 1


def test_drawing():
    pytest.importorskip("matplotlib")
    p, target, *_ = problem()
    h = confidence_histogram(p, target, from_logits=False, kind="class-wise")
    axes = bias.draw_reliability(h, names=("a", "b", "c"), title="three")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b", "c"]
    axes = bias.draw_reliability(h.of_class(0))
    points = axes.collections[-1].get_offsets()
    assert len(points) == np.sum(h.count[0] > 0)
    with pytest.raises(ValueError, match="expected 3 names, got 1"):
        bias.draw_reliability(h, names=("a",))
