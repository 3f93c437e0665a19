from __future__ import annotations

import csv
from pathlib import Path

import pytest

from varimol import tables
from varimol.curate.pharmacogene_drugs import pair_levels, pair_rows

HEADER = "Gene,Drug,RxNorm,ATC,Guideline,CPICLevel,CPICLevelStatus,PharmGKBLevel,FDALabel,PMID\n"


def test_gene_drugs__every_row_of_the_source(shared_data: Path) -> None:
    path = shared_data / "pharmacogenes" / "pypgx_tables" / "cpic-table.csv"
    with path.open(newline="") as handle:
        theirs = {(r["Gene"], r["Drug"], r["CPICLevel"], r["PMID"]) for r in csv.DictReader(handle)}
    ours = tables.gene_drugs()
    assert set(zip(ours["gene"], ours["drug"], ours["cpic_level"], ours["pmid"])) == theirs
    assert len(ours) == len(theirs) == 518
    assert (ours["drug"] == ours["drug"].str.lower()).all()


def test_gene_drugs__level_and_guideline_of_known_pairs() -> None:
    pairs = tables.gene_drugs().set_index(["gene", "drug"]).sort_index()
    assert pairs.loc[("HLA-B", "abacavir"), ["cpic_level", "pmid"]].tolist() == ["A", "24561393;22378157"]
    assert pairs.loc[("MT-RNR1", "gentamicin"), "cpic_level"] == "A"


def test_guidance__carries_the_level_of_its_pair() -> None:
    guidance, pairs = tables.guidance(), tables.gene_drugs()
    levels = dict(zip(zip(pairs["gene"], pairs["drug"]), pairs["cpic_level"]))
    for row in guidance.drop_duplicates(["gene", "gene_2", "drug"]).itertuples():
        known = [levels[key] for key in ((row.gene, row.drug), (row.gene_2, row.drug)) if key in levels]
        assert row.cpic_level == (known[0] if known else "")
    assert set(guidance.loc[guidance["cpic_level"] == "", "drug"]) == {"ribavirin"}
    assert (guidance["drug"] == guidance["drug"].str.lower()).all()


def test_pair_levels__second_gene_where_the_first_has_no_pair() -> None:
    pairs = [{"gene": "B", "drug": "x", "cpic_level": "C", "guideline": "", "pmid": ""}]
    assert pair_levels(pairs, "A", "B", "x")["cpic_level"] == "C"
    assert pair_levels(pairs, "A", "", "x") == {"cpic_level": "", "guideline": "", "pmid": ""}


def test_pair_rows__the_same_pair_twice_stops_the_curation(tmp_path: Path) -> None:
    (tmp_path / "pypgx_tables").mkdir()
    row = "TPMT,azathioprine,1256,,,A,Final,1A,,1\n"
    (tmp_path / "pypgx_tables" / "cpic-table.csv").write_text(HEADER + row + row)
    with pytest.raises(ValueError, match="row 2: TPMT and azathioprine stand twice"):
        pair_rows(tmp_path)
