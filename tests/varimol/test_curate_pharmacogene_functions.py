from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from varimol import tables
from varimol.curate.pharmacogene_functions import (
    named_structures,
    pharmcat_phenotypes,
    renamed_functions,
    score_bands,
)
from varimol.curate.pharmacogene_names import Renamed


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


# Alleles with a function and without a definition, where the source does not mark them as structural.
WITHOUT_DEFINITION = {
    # Left out by the definitions' publisher: ignoredPositions, ignoredAlleles.
    ("G6PD", "Villeurbanne"),
    ("G6PD", "Mediterranean Haplotype"),
    # PharmVar's hybrid, which PyPGx lists by its gene conversion.
    ("CYP2D6", "*57"),
    # The undeleted allele of a gene that is told by its deletion alone.
    ("GSTT1", "*A"),
    ("UGT2B17", "*1"),
    # Only the functions' publisher lists it: bases lost, and how many are won is open.
    ("MT-RNR1", "m.961T>del+Cn"),
}


def _pypgx_alleles(shared_data: Path) -> list[dict[str, str]]:
    path = shared_data / "pharmacogenes" / "pypgx_tables" / "allele-table.csv"
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


def test_allele_functions__each_has_a_definition_or_a_reason(shared_data: Path) -> None:
    structural = {
        (row["Gene"], row["StarAllele"]) for row in _pypgx_alleles(shared_data) if row["SV"] == "TRUE"
    }
    names = tables.disagreements().query("field == 'name'")
    renamed = set(zip(names["gene"], names["second_value"]))
    definitions, functions = tables.allele_definitions(), tables.allele_functions()
    defined = set(zip(definitions["gene"], definitions["allele"]))
    lost = set(zip(functions["gene"], functions["allele"])) - defined - structural
    several = {(gene, name) for gene, name in lost if gene == "CYP2D6" and re.search(r"x\d|\+", name)}
    assert len(several) == 8
    assert lost - several == WITHOUT_DEFINITION | {("RYR1", "c.7039_7041delGAG")}
    assert ("RYR1", "c.7039_7041delGAG") in renamed


def test_allele_functions__follow_the_variant_whatever_its_name(shared_data: Path) -> None:
    """Position and bases as the two sources write them, of every allele that is one variant."""
    ours = tables.allele_functions().set_index(["gene", "allele"])["function"]
    function = {
        (row["Gene"], row["GRCh38Core"]): row["Function"]
        for row in _pypgx_alleles(shared_data)
        if row["SV"] == "FALSE" and row["StarAllele"] != "Mediterranean Haplotype"
    }
    n_found = 0
    for gene in ("CYP2D6", "CYP4F2", "G6PD", "RYR1"):
        path = (
            shared_data / "pharmacogenes" / "pharmcat" / "definition" / "alleles" / f"{gene}_translation.json"
        )
        data = json.loads(path.read_text())
        for allele in data["namedAlleles"]:
            sites = [(site, base) for site, base in zip(data["variants"], allele["alleles"]) if base]
            if len(sites) != 1:
                continue
            (site, base), contig = sites[0], data["chromosome"].removeprefix("chr")
            bases = site["cpicToVcfAlleleMap"].get(base, base)
            variant = f"{contig}-{site['position']}-{site['ref']}-{bases}"
            if (gene, variant) in function:
                told = function[gene, variant]
                # PyPGx gives two alleles of G6PD no class, and the phenotype of a man who carries them.
                classless = gene == "G6PD" and told == "Unknown Function"
                assert ours[gene, allele["name"]] == told or classless, allele["name"]
                n_found += 1
    assert n_found > 200
    assert ours["RYR1", "c.7042_7044delGAG"] == "Malignant Hyperthermia Associated"


def test_renamed_functions__a_name_of_its_own_stands() -> None:
    rows = [{"gene": "G", "allele": name, "function": name} for name in ("old", "both")]
    renamed = [Renamed("G", "old", "new"), Renamed("G", "old", "both"), Renamed("H", "old", "new")]
    assert renamed_functions(rows, renamed) == [{"gene": "G", "allele": "new", "function": "old"}]


def test_named_structures__only_those_of_several_copies(shared_data: Path) -> None:
    names = named_structures(shared_data / "pharmacogenes", "CYP2D6")
    assert {"*4x2", "*68+*4", "*36x3+*10"} <= set(names) and "*5" not in names


def test_score_bands__other_wording_stops_the_curation(tmp_path: Path) -> None:
    (tmp_path / "pypgx_tables").mkdir()
    table = "Gene,Phenotype,Equation\nCYP2D6,Poor Metabolizer,score near 0\n"
    (tmp_path / "pypgx_tables" / "equation-table.csv").write_text(table)
    with pytest.raises(ValueError, match=r"equation-table\.csv row 1.*no band of scores"):
        score_bands(tmp_path, set())
