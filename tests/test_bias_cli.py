"""The commands of the volume bias."""

import csv
import subprocess
import sys

import pytest

import segloss_xp as sx
from segloss_xp import bias
from segloss_xp.cli import _bias_figure, _bias_sheet, _losses, main


@pytest.fixture
def installed():
    for package in {*_bias_figure.NEEDED, *_bias_sheet.NEEDED}:
        pytest.importorskip(package)


@pytest.mark.parametrize("loss", ["DiceLoss", "CrossEntropyLoss"])
def test_the_figure(installed, tmp_path, capsys, loss):
    output = tmp_path / "new" / "figure.png"
    assert main(["bias", "figure", "--loss", loss, "--output", str(output)]) == 0
    assert output.read_bytes().startswith(b"\x89PNG")
    assert output.name in capsys.readouterr().out
    with output.with_suffix(".csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 9 * 99
    for row in rows:
        n, mu, p, x, wrong = (float(row[k]) for k in ("regions", "mu", "p", "x", "bias"))
        switch = bias.switch_probability(n, mu)
        best = p if loss == "CrossEntropyLoss" else float(p > switch)
        if abs(p - switch) > 1e-3:
            assert x == pytest.approx(best, abs=2e-6)
        assert wrong == pytest.approx(mu * (x - p), abs=1e-5)
        if (loss, n) == ("DiceLoss", 1):
            least = mu * min(p, 1 - p) / (2 + mu)
            assert float(row["expected loss"]) == pytest.approx(least, abs=1e-5)


def test_the_sheet(installed, tmp_path, capsys, monkeypatch):
    losses = sx.DiceLoss(), sx.BrierLoss(), sx.DiceLoss(batch=True)
    losses += sx.BoundaryLoss(), sx.ConfidencePenaltyLoss()
    monkeypatch.setattr(_losses, "collected", lambda: losses)
    output = tmp_path / "new" / "sheet.png"
    arguments = ["bias", "sheet", "--mu", "1", "4", "--regions", "4", "--output", str(output)]
    assert main(arguments) == 0
    assert output.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert "DiceLoss(batch=True) is left out" in printed
    assert "NonAdjacencyLoss is left out: it needs a parameter" in printed
    assert "ConfidencePenaltyLoss †" in printed
    assert "BoundaryLoss *" in printed
    with output.with_suffix(".csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = {(row["loss"].partition("(")[0], row["mu"]): row for row in rows[:-2]}
    assert [row["loss"] for row in rows[::2]] == [
        "BrierLoss()",
        "ConfidencePenaltyLoss()",
        "BoundaryLoss()",
        "DiceLoss()",
        "DiceLoss(batch=True)",
    ]
    assert [row["mu"] for row in rows] == ["1.0", "4.0"] * 5
    switch = bias.switch_probability(4, 1.0)
    assert float(found["DiceLoss", "1.0"]["mean"]) == pytest.approx(0.5 - switch, abs=3e-4)
    assert found["BrierLoss", "4.0"]["x at p=0.45"] == "0.450000"
    for name, image, keeps in (
        ("BrierLoss", "False", "True"),
        ("BoundaryLoss", "True", "True"),
        ("ConfidencePenaltyLoss", "False", "False"),
    ):
        row = found[name, "1.0"]
        assert (row["image"], row["keeps_certain"]) == (image, keeps)


@pytest.mark.parametrize(
    "arguments",
    [
        ["bias"],
        ["bias", "figure", "--loss", "VoxelLoss"],
        ["bias", "figure", "--loss", "math"],
        ["bias", "sheet", "--mu", "0"],
    ],
    ids=" ".join,
)
def test_what_the_parser_does_not_know_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_no_half_region(installed):
    with pytest.raises(SystemExit, match="got 0"):
        main(["bias", "sheet", "--regions", "0"])


def test_a_missing_package_is_named_with_what_to_install(monkeypatch):
    monkeypatch.setattr(_bias_figure, "NEEDED", ("a_package_that_nobody_has",))
    with pytest.raises(SystemExit, match=r'nobody_has.*pip install "segloss-xp\[bias\]"'):
        main(["bias", "figure"])


def test_the_package_does_not_import_its_theory():
    code = "import sys, segloss_xp; sys.exit('segloss_xp.bias' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
