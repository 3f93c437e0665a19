from __future__ import annotations

import csv
from pathlib import Path

import pytest

from varimol import tables
from varimol.curate.pharmacogene_functions import named_structures, pharmcat_phenotypes, score_bands


def test_pharmcat_phenotypes__two_answers_for_one_pair_stop_the_curation(tmp_path: Path) -> None:
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
        pharmcat_phenotypes(tmp_path)


def test_pharmcat_phenotypes__mitochondrial_rules_are_of_one_copy() -> None:
    rules = tables.phenotype_rules().query("gene == 'MT-RNR1'")
    assert (rules["key_2"] == "").all() and len(rules) == 3
    functions = tables.allele_functions().query("gene == 'MT-RNR1'").set_index("allele")["function"]
    phenotype = rules.set_index("key_1")["phenotype"]
    assert phenotype[functions["m.1555A>G"]] == "increased risk of aminoglycoside-induced hearing loss"
    assert phenotype[functions["m.827A>G"]] == "normal risk of aminoglycoside-induced hearing loss"


def test_phenotype_rules__cyp2d6_follow_the_bands_of_the_score(shared_data: Path) -> None:
    """The bands once more, from their text as Python reads it."""
    path = shared_data / "pharmacogenes" / "pypgx_tables" / "equation-table.csv"
    with path.open(newline="") as handle:
        equations = [row for row in csv.DictReader(handle) if row["Gene"] == "CYP2D6"]
    rules = tables.phenotype_rules().query("gene == 'CYP2D6'")
    assert len(rules) == 21
    for rule in rules.itertuples():
        score = float(rule.key_1) + float(rule.key_2)
        told = [row["Phenotype"] for row in equations if eval(row["Equation"], {"score": score})]
        assert rule.activity_score == score and told == [rule.phenotype]


def test_phenotype_scores__bands_meet() -> None:
    bands = tables.phenotype_scores().sort_values("minimum")
    assert bands["gene"].unique().tolist() == ["CYP2D6"] and bands["minimum"].iloc[0] == 0
    assert bands["below"].iloc[:-1].tolist() == bands["minimum"].iloc[1:].tolist()
    assert bands["below"].isna().tolist() == [False, False, False, True]


@pytest.mark.parametrize(
    ("allele", "activity"),
    [("*1", 1.0), ("*4", 0.0), ("*5", 0.0), ("*4x2", 0.0), ("*2x2", 2.0), ("*1x3", 3.0), ("*36+*10", 0.25)],
)
def test_allele_functions__cyp2d6_copies_add_up(allele: str, activity: float) -> None:
    functions = tables.allele_functions().query("gene == 'CYP2D6'").set_index("allele")
    assert functions.loc[allele, "activity_value"] == activity


def test_allele_functions__every_allele_of_the_sources_once(shared_data: Path) -> None:
    path = shared_data / "pharmacogenes" / "pypgx_tables" / "allele-table.csv"
    with path.open(newline="") as handle:
        theirs = {(row["Gene"], row["StarAllele"]) for row in csv.DictReader(handle)} - {("G6PD", "MALE")}
    ours = tables.allele_functions()
    assert not ours.duplicated(["gene", "allele"]).any()
    from_pypgx = ours[ours["source"].str.startswith("PyPGx")]
    genes = set(from_pypgx["gene"])
    single = {key for key in zip(from_pypgx["gene"], from_pypgx["allele"]) if not key[1].count("+")}
    assert {key for key in theirs if key[0] in genes} <= single
    assert len(genes) + len(set(ours["gene"]) - genes) == len({gene for gene, _ in theirs})


def test_named_structures__only_those_of_several_copies(shared_data: Path) -> None:
    names = named_structures(shared_data / "pharmacogenes", "CYP2D6")
    assert {"*4x2", "*68+*4", "*36x3+*10"} <= set(names) and "*5" not in names


def test_score_bands__other_wording_stops_the_curation(tmp_path: Path) -> None:
    (tmp_path / "pypgx_tables").mkdir()
    table = "Gene,Phenotype,Equation\nCYP2D6,Poor Metabolizer,score near 0\n"
    (tmp_path / "pypgx_tables" / "equation-table.csv").write_text(table)
    with pytest.raises(ValueError, match=r"equation-table\.csv row 1.*no band of scores"):
        score_bands(tmp_path, set())
