"""What `varimol predict` says when it is done."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from varimol import tables
from varimol.cli import app


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """`predict` for two drugs, one that the training data hold and one far from them, and ABL1."""
    sequence = tables.proteins().set_index("symbol").loc["ABL1", "sequence"]
    imatinib = "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1"
    (tmp_path / "drugs.tsv").write_text(f"drug_id\tsmiles\nimatinib\t{imatinib}\nethanol\tCCO\n")
    (tmp_path / "targets.tsv").write_text(f"target_id\tsequence\nABL1\t{sequence}\nother\t{sequence[::-1]}\n")
    (tmp_path / "pairs.tsv").write_text("drug_id\ttarget_id\nimatinib\tABL1\nethanol\tABL1\n")
    files = [
        text
        for name in ("pairs", "drugs", "targets")
        for text in (f"--{name}", str(tmp_path / f"{name}.tsv"))
    ]
    return ["predict", "kinase-affinity", *files, "--endpoint", "pkd", "--out", str(tmp_path / "p.tsv")]


def test_predict__says_how_many_rows_abstain_and_why(words: list[str], tmp_path: Path) -> None:
    shifts = str(tmp_path / "s.tsv")
    sequence = tables.proteins().set_index("symbol").loc["ABL1", "sequence"]
    other = f"other:{sequence[-1]}1{'A' if sequence[-1] != 'A' else 'G'}"
    done = CliRunner().invoke(app, [*words, "--variant", other, "--shifts", shifts])
    assert done.exit_code == 0, done.stderr
    rows, unused, empty = done.stdout.splitlines()
    assert rows.startswith(f"{tmp_path / 'p.tsv'}: 2 rows, 1 abstains: the nearest training molecule")
    assert unused == f"{tmp_path / 'p.tsv'}: {other} is in no row: no pair has that target"
    assert empty == f"{shifts}: no rows: the targets that carry a variant are in no pair: other"


def test_predict__is_silent_when_quiet(words: list[str], tmp_path: Path) -> None:
    shifts = ["--shifts", str(tmp_path / "s.tsv"), "--endpoint", "kiba_score"]
    done = CliRunner().invoke(app, [*words, "--variant", "ABL1:T315I", *shifts, "--quiet"])
    assert done.exit_code == 0 and done.output == ""
    assert (tmp_path / "s.tsv").exists()


def test_screen__says_how_many_rows_abstain_and_why(words: list[str], tmp_path: Path) -> None:
    asked = ["screen", str(tmp_path / "drugs.tsv"), "--targets", str(tmp_path / "targets.tsv")]
    done = CliRunner().invoke(app, [*asked, "--out", str(tmp_path / "hits")])
    assert done.exit_code == 0, done.stderr
    assert (
        done.stdout.startswith(f"{tmp_path / 'hits'}: 4 rows, ") and " abstain, most often (" in done.stdout
    )
    again = CliRunner().invoke(app, [*asked, "--out", str(tmp_path / "hits"), "--quiet"])
    assert again.exit_code == 0 and again.output == ""
