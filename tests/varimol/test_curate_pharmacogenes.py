from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest

from varimol import tables
from varimol.curate import guidance, pharmacogene_sources, pharmacogenes


def test_curate__gives_the_shipped_bytes(shared_data: Path, tmp_path: Path) -> None:
    pharmacogenes.main([str(shared_data / "pharmacogenes"), str(tmp_path)])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"{name}.tsv" for name in pharmacogenes.TABLES
    )
    for name in pharmacogenes.TABLES:
        shipped = tables.data_file("pharmacogenes", f"{name}.tsv").read_bytes()
        assert (tmp_path / f"{name}.tsv").read_bytes() == shipped, name


def test_guidance__says_it_in_other_words(shared_data: Path) -> None:
    path = shared_data / "pharmacogenes" / "pypgx_tables" / "recommendation-table.csv"
    with path.open(newline="") as handle:
        published = {row["Recommendation"] for row in csv.DictReader(handle)}
    ours = tables.guidance()
    assert set(ours["action"]) <= set(guidance.ACTIONS)
    for sentence in set(ours["recommendation"]):
        assert len(sentence) < 120
        assert not any(sentence.rstrip(".") in text for text in published), sentence


def test_guidance__keeps_the_row_of_its_source(shared_data: Path) -> None:
    path = shared_data / "pharmacogenes" / "pypgx_tables" / "recommendation-table.csv"
    source = pd.read_csv(path, keep_default_na=False)
    ours = tables.guidance()
    assert sorted(ours["source_row"]) == list(range(1, len(source) + 1))
    rows = source.iloc[ours["source_row"].astype(int) - 1]
    assert (rows["Drug"].to_numpy() == ours["drug"].to_numpy()).all()
    assert (rows["Gene1"].to_numpy() == ours["gene"].to_numpy()).all()
    unsaid = rows["Recommendation"].to_numpy() == "None"
    assert (ours.loc[unsaid, "action"] == "no recommendation").all()


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("Reduce starting dose by 50% followed by titration of dose", "reduce dose"),
        ("Avoid moderate and strong CYP2D6 inhibitors. Initiate therapy", "standard"),
        ("Prescribe <=20mg as a starting dose", "limit dose"),
        ("Based on TPMT status, start with normal starting dose (e.g., 2-3 mg/kg/day)", "standard"),
        ("None", "no recommendation"),
    ],
)
def test_classify__published_wording(text: str, action: str) -> None:
    assert guidance.classify(text)[0] == action


def test_classify__unread_sentence_stops_the_curation() -> None:
    with pytest.raises(ValueError, match="no rule reads"):
        guidance.classify("Double the dose on Tuesdays.")


def test_write_tsv__leaves_nothing_under_the_name_when_it_fails(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown"):
        pharmacogene_sources.write_tsv(tmp_path / "t.tsv", ["a"], [{"a": 1}, {"unknown": 2}])
    assert not (tmp_path / "t.tsv").exists()
