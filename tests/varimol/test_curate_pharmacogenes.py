from __future__ import annotations

import csv
import gzip
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from varimol import tables
from varimol.curate import guidance, pharmacogene_sources, pharmacogenes
from varimol.curate.pharmacogene_definitions import carried_bases

TABLES = [
    "genes",
    "disagreements",
    "allele_definitions",
    "allele_functions",
    "phenotype_rules",
    "build_sites",
    "guidance",
]


def test_curate__gives_the_shipped_bytes(shared_data: Path, tmp_path: Path) -> None:
    pharmacogenes.main([str(shared_data / "pharmacogenes"), str(tmp_path)])
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{name}.tsv" for name in TABLES)
    for name in TABLES:
        shipped = tables.data_file("pharmacogenes", f"{name}.tsv").read_bytes()
        assert (tmp_path / f"{name}.tsv").read_bytes() == shipped, name


def test_definitions__positions_by_distance_hold_rsids_of_the_grch37_panel(shared_data: Path) -> None:
    """Positions that no list gives are checked against rsIDs in calls made on GRCh37."""
    table = tables.allele_definitions()
    table = table[(table["position_grch37_from"] == "distance") & (table["rsid"] != "")]
    place = dict(zip(table["rsid"], table["position_grch37"]))
    agree = Counter()
    for gene in ("CYP2B6", "CYP2C9", "CYP3A4", "CYP4F2", "NAT2", "SLCO1B1"):
        path = shared_data / "pharmacogenes" / "1000genomes_grch37" / f"{gene}.vcf.gz"
        with gzip.open(path, "rt") as lines:
            for line in lines:
                fields = line[:200].split("\t", 3)
                for rsid in fields[2].split(";") if len(fields) > 3 else []:
                    if rsid in place:
                        agree[int(fields[1]) == place[rsid]] += 1
    assert agree[True] >= 10 and agree[False] == 0


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


def test_phenotype_tables__two_answers_for_one_pair_stop_the_curation(tmp_path: Path) -> None:
    folder = tmp_path / "pharmcat" / "phenotype"
    folder.mkdir(parents=True)
    allele = '{"name": "%s", "functionValue": "Normal function", "activityValue": null}'
    row = '{"diplotypekey": {"%s": 2}, "activityScore": null, "phenotype": "%s"}'
    (folder / "G.json").write_text(
        '{"gene": "G", "version": "1", "activityValues": {}, "namedAlleles": ['
        + ", ".join(allele % name for name in ("*1", "*2"))
        + '], "diplotypes": ['
        + ", ".join([row % ("*1", "Normal"), row % ("*2", "Poor")])
        + "]}"
    )
    with pytest.raises(ValueError, match="two phenotypes"):
        pharmacogenes.phenotype_tables(tmp_path, ["G"])


def test_carried_bases__ambiguity_letters() -> None:
    assert carried_bases("R", "A") == (["G"], True)
    assert carried_bases("Y", "G") == (["C", "T"], False)
    assert carried_bases(None, "G") == ([], True)


def test_write_tsv__leaves_nothing_under_the_name_when_it_fails(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown"):
        pharmacogene_sources.write_tsv(tmp_path / "t.tsv", ["a"], [{"a": 1}, {"unknown": 2}])
    assert not (tmp_path / "t.tsv").exists()
