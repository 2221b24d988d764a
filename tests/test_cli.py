import importlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import segloss_xp as sx
from segloss_xp.cli import _losses, _placement, _unet, demo, listing, main, parser
from segloss_xp.taxonomy import FAMILIES


def test_the_parser_knows_the_demo():
    options = parser().parse_args(["demo", "--quick", "--output", "there.png"])
    assert options.run is demo.run
    assert (options.quick, options.seconds, options.device) == (True, None, "auto")
    assert options.output.name == "there.png"


@pytest.mark.parametrize(
    "arguments",
    [[], ["train"], ["demo", "--seconds", "0"], ["demo", "--device", "abacus"]],
    ids=" ".join,
)
def test_what_the_parser_does_not_know_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_the_package_does_not_import_its_command_line():
    code = "import sys, segloss_xp; sys.exit('segloss_xp.cli' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_missing_package_is_named_with_what_to_install(monkeypatch):
    monkeypatch.setattr(demo, "_NEEDED", ("a_package_that_nobody_has",))
    with pytest.raises(SystemExit, match=r'nobody_has.*pip install "segloss-xp\[demo\]"'):
        main(["demo"])


def test_losses_show_up_by_themselves(monkeypatch):
    class NewLoss(sx.RegionLoss):
        def formula(self, tp, p, g):
            return p + g - 2 * tp

    monkeypatch.setattr(sx, "NewLoss", NewLoss, raising=False)
    losses = _losses.collected()
    assert NewLoss() in losses
    assert sx.DiceLoss() in losses
    assert not {type(loss) for loss in losses} & {sx.Loss, sx.RegionLoss, sx.VoxelLoss}
    assert len(set(losses)) == len(losses)


def test_the_brain():
    pytest.importorskip("nilearn")
    from segloss_xp.cli import _brain

    train, test = _brain.load()
    assert len(train) > len(test) > 10
    for slices in train, test:
        n, _, h, w = slices.image.shape
        assert h % 4 == w % 4 == 0
        assert slices.soft.shape == (n, len(_brain.CLASSES), h, w)
        assert slices.labels.shape == slices.mask.shape == (n, h, w)
        assert slices.image.dtype == slices.soft.dtype == np.float32
        assert slices.soft.min() >= 0
        np.testing.assert_allclose(slices.soft.sum(axis=1), 1, atol=1e-6)
        sx.check_labels(slices.labels, len(_brain.CLASSES))
        assert all(np.mean(slices.labels[slices.mask] == c) > 0.05 for c in range(3))
        assert not slices.labels[~slices.mask].any()
    noisy = test.noisy(np.random.default_rng(0))
    noise = noisy.image[:, 0] - test.image[:, 0]
    assert noise[test.mask].std() == pytest.approx(test.noise, rel=0.02)
    assert not noise[~test.mask].any()


def test_both_frameworks_have_the_same_network():
    pytest.importorskip("torch")
    pytest.importorskip("jax")
    from segloss_xp.cli import _jax, _torch

    rng = np.random.default_rng(0)
    image = rng.normal(size=(2, 1, 16, 24)).astype(np.float32)
    labels, mask = rng.integers(0, 3, (2, 16, 24)), rng.random((2, 16, 24)) < 0.7
    results = []
    for module in _torch, _jax:
        weights = _unet.weights(np.random.default_rng(1), 3)
        network = module.Network(_losses.COMPOUND, weights, "cpu")
        before = network.logits(image)
        assert before.shape == (2, 3, 16, 24)
        values = [network.step(image, labels, mask, rate=1e-3) for _ in range(5)]
        assert values[-1] < values[0]
        results.append((before, network.logits(image), values))
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0.01, atol=0.01)


@pytest.mark.parametrize(("error", "status"), [(0.0, 0), (1e-15, 0), (1e-8, 1), (float("nan"), 1)])
def test_a_disagreement_is_reported(error, status):
    console = pytest.importorskip("rich.console").Console(record=True, width=200)
    from segloss_xp.cli._agreement import Row, report

    row = Row(sx.DiceLoss(), {"labels": 0.5}, {"torch": 0.0, "jax": 0.0}, {"torch": 0.0})
    row.gradient_errors["jax"] = error
    assert report([row], console) == status
    assert ("DiceLoss(): jax disagrees" in console.export_text()) == bool(status)


def test_the_demo_runs(monkeypatch, tmp_path, capsys):
    for package in demo._NEEDED:
        pytest.importorskip(package)
    from segloss_xp.cli import _brain

    train, test = _brain.load()
    monkeypatch.setattr(_unet, "_CHANNELS", (4, 8))  # compiled sooner
    monkeypatch.setattr(_brain, "load", lambda: (train[::6], test[::6]))
    monkeypatch.setattr(_losses, "collected", lambda: (sx.DiceLoss(),))
    output = tmp_path / "new" / "figure.png"
    assert main(["demo", "--seconds", "0.2", "--device", "cpu", "--output", str(output)]) == 0
    assert output.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert str(output) in printed
    assert "grey matter" in printed
    assert str(sx.DiceLoss()) in printed


# The taxonomy, listed and drawn.

ROOT = Path(__file__).parents[1]
README, FIGURE = ROOT / "README.md", ROOT / "benchmarks" / "figures" / "taxonomy.svg"


def test_the_readme_lists_what_there_is():
    """Else: python -m segloss_xp list --markdown, between the marks."""
    text = README.read_text(encoding="utf-8")
    listed = text.partition("<!-- losses -->\n")[2].partition("\n<!-- /losses -->")[0]
    assert listed == listing.markdown(FAMILIES)


def test_the_readme_has_the_measured_speeds(monkeypatch):
    """Else: python benchmarks/report.py --write."""
    pytest.importorskip("tabulate")
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    report = importlib.import_module("report")
    text = README.read_text(encoding="utf-8")
    assert text.partition(report.BEGIN)[2].partition(report.END)[0] == report.markdown()


@pytest.mark.parametrize("family", FAMILIES)
def test_list(family, capsys):
    pytest.importorskip("rich")
    assert main(["list", "--family", family]) == 0
    printed = capsys.readouterr().out
    for entry in sx.losses():
        assert (f" {entry.name} " in printed) == (entry.family == family)


def test_list_as_markdown_needs_no_package(capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["list", "--markdown", "--family", "region"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0] == "### Region: the overlap of regions"
    assert len(table) == 4 + len(sx.losses("region"))
    # A bar would end the cell.
    assert all(line.replace(r"\|", "").count("|") == 5 for line in table[2:])
    with pytest.raises(SystemExit, match="rich"):
        main(["list"])
    with pytest.raises(SystemExit, match="matplotlib"):
        main(["map"])


def test_on_the_map_nothing_lies_on_anything():
    entries = sx.losses()
    placement = _placement.Placement(entries)
    width, height = _placement.NODE_WIDTH, _placement.NODE_HEIGHT
    boxes = [placement.box(entry) for entry in entries]
    for number, (left, top) in enumerate(boxes):
        assert 0 <= left <= placement.width - width + 1e-9
        assert 0 <= top <= placement.height - height + 1e-9
        for x, y in boxes[:number]:
            assert abs(x - left) >= width or abs(y - top) >= height
    for line in placement.lines:
        assert not any(top <= line.trunk <= top + height for _, top in boxes)
        for gutter in line.gutters.values():
            assert not any(left <= gutter <= left + width for left, _ in boxes)
    drawn = sum(len(line.children) for line in placement.lines)
    assert drawn == sum(len(entry.kin) for entry in entries)


def test_time_runs_down_the_map():
    placement = _placement.Placement(sx.losses())
    for one in sx.losses():
        for other in sx.losses():
            if one.year < other.year:
                assert placement.row[one] < placement.row[other]
            assert one.family == other.family or placement.lane[one] != placement.lane[other]


def test_no_loss_derives_from_a_younger_one():
    year = {entry.loss: entry.year for entry in sx.losses()}
    assert not [
        (entry.name, kin.__name__)
        for entry in sx.losses()
        for kin in entry.kin
        if year[kin] > entry.year
    ]


def test_the_map_is_drawn(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    paths = [tmp_path / "new" / name for name in ("map.png", "map.svg")]
    assert main(["map", *map(str, paths)]) == 0
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    assert "<svg" in paths[1].read_text(encoding="utf-8")
    printed = capsys.readouterr().out
    assert all(str(path) in printed for path in paths)


def test_the_figure_shows_what_there_is(tmp_path):
    """Else: python -m segloss_xp map benchmarks/figures/taxonomy.svg."""
    pytest.importorskip("matplotlib")
    assert main(["map", str(tmp_path / "map.svg")]) == 0
    written, lines = drawn(tmp_path / "map.svg")
    shown, their_lines = drawn(FIGURE)
    assert shown == written
    assert len(their_lines) == len(lines)
    np.testing.assert_allclose(their_lines, lines, rtol=0, atol=0.05)


def drawn(path: Path) -> tuple[list[str], list[float]]:
    """What is written in a figure, and the coordinates of its boxes and lines; not of letters."""
    text = path.read_text(encoding="utf-8")
    written = re.findall(r"<!-- (.*?) -->", text, re.DOTALL)
    paths = re.findall(r'<g id="patch_\d+">\s*<path d="(.*?)"', text, re.DOTALL)
    return written, [float(each) for each in re.findall(r"[-\d.]+", " ".join(paths))]
