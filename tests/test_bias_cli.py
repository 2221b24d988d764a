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


def test_the_sheet(installed, tmp_path, capsys, monkeypatch):
    losses = sx.DiceLoss(), sx.BrierLoss(), sx.DiceLoss(batch=True)
    monkeypatch.setattr(_losses, "collected", lambda: losses)
    output = tmp_path / "new" / "sheet.png"
    arguments = ["bias", "sheet", "--mu", "1", "4", "--regions", "4", "--output", str(output)]
    assert main(arguments) == 0
    assert output.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert "DiceLoss(batch=True) is left out" in printed
    with output.with_suffix(".csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(each["loss"], each["mu"]) for each in rows] == [
        ("BrierLoss()", "1.0"),
        ("BrierLoss()", "4.0"),
        ("DiceLoss()", "1.0"),
        ("DiceLoss()", "4.0"),
        ("DiceLoss(batch=True)", "1.0"),
        ("DiceLoss(batch=True)", "4.0"),
    ]
    switch = bias.switch_probability(4, 1.0)
    assert float(rows[2]["mean"]) == pytest.approx(0.5 - switch, abs=3e-4)
    assert rows[0]["x at p=0.45"] == "0.450000"


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
