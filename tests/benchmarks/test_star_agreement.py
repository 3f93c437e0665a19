"""Ours beside PyPGx: sampling, masking, naming and kinds of differences, and what the recorded run found."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from benchmarks.star_agreement import (
    ROOT,
    balanced_sample,
    call_ours,
    cut_vcf,
    defining_sites,
    draw_masks,
    judge_masked,
    run_pypgx,
)
from benchmarks.star_differences import (
    compare,
    difference_kind,
    differences,
    name_pair,
    plain_name,
    same_phenotype,
    summarise,
    variants_within,
)

PYPGX = ROOT / ".venv/peers/pypgx/bin/python"
RESULTS = ROOT / "benchmarks" / "results"
# Two variants of TPMT on GRCh37; together they are *3A, the first alone is *3C, the second alone *3B.
TPMT = [
    "6 18130918 rs1142345 T C . PASS . GT 0|0 0|1 1|0 1|1",
    "6 18131100 near T C . PASS . GT 0|0 0|0 0|0 0|0",
    "6 18139228 rs1800460 C T . PASS . GT 0|0 0|1 0|1 1|0",
]
ALLELES = ["*1", "*2", "*3A", "*3B", "*3C"]


def found_row(**values: Any) -> SimpleNamespace:
    given = {"ours": ("*1", "*1"), "theirs": ("*1", "*1"), "status": "called", "variants": ""}
    return SimpleNamespace(**{**given, "haplotype_1": "*1;", "haplotype_2": "*1;", **values})


def test_balanced_sample__equal_shares_and_seeded() -> None:
    panel = pd.DataFrame({"sample": [f"S{i}" for i in range(60)], "super_pop": list("AAABC") * 12})
    drawn = balanced_sample(panel, 30, seed=1)
    assert panel.set_index("sample").loc[drawn, "super_pop"].value_counts().to_dict() == dict.fromkeys(
        "ABC", 10
    )
    assert drawn == balanced_sample(panel, 30, seed=1) != balanced_sample(panel, 30, seed=2)
    assert panel.set_index("sample").loc[drawn[:3], "super_pop"].tolist() == list("ABC")


def test_cut_vcf__keeps_people_and_records(tmp_path: Path, vcf_text: Callable[..., str]) -> None:
    source, target = tmp_path / "TPMT.vcf.gz", tmp_path / "cut.vcf"
    source.write_bytes(gzip.compress(vcf_text(TPMT, samples="ABCD").encode()))
    cut_vcf(source, target, ["D", "B"], lambda position: position != 18131100)
    lines = [line.split("\t") for line in target.read_text().splitlines() if not line.startswith("##")]
    assert [fields[9:] for fields in lines] == [["D", "B"], ["1|1", "0|1"], ["1|0", "0|1"]]
    assert defining_sites(source, "TPMT", [18131100, 7]) == [18130918, 18131100, 18139228]


def test_draw_masks__three_tenths_anew_for_each_group() -> None:
    sites = list(range(100, 140))
    masks = draw_masks(sites, seed=1)
    assert all(len(mask) == 12 and mask <= set(sites) for mask in masks)
    assert len({frozenset(mask) for mask in masks}) == len(masks) == 5
    assert masks == draw_masks(sites, seed=1)
    assert draw_masks([7], seed=1) == [{7}] * 5


def test_plain_name__only_names_that_the_other_has() -> None:
    assert (
        plain_name(
            "ivacaftor non-responsive CFTR sequence", "ivacaftor non-responsive CFTR sequence", ["Reference"]
        )
        == "Reference"
    )
    assert plain_name("B (reference)", "B (reference)", ["B (reference)"]) == "B (reference)"
    assert plain_name("rs1 variant (T)", "rs1 reference (C)", ["Reference"]) == "rs1 variant (T)"
    assert name_pair("*3A/*1") == name_pair("*1/*3A") == ("*1", "*3A")
    assert name_pair("") == name_pair("Indeterminate") == ()


def test_variants_within__counts_copies() -> None:
    alternates = {"rs1": "G", "rs2": "T"}
    assert variants_within(("rs1", "rs1"), "rs1 G/G, rs2 C/T", alternates)
    assert not variants_within(("rs2", "rs2"), "rs1 G/G, rs2 C/T", alternates)
    assert variants_within(("Reference", "c.496A>G"), "c.85T>C (*9A), c.496A>G", {})
    assert not variants_within(("Reference", "Reference"), "c.496A>G", {})
    assert not variants_within(("Reference", "c.1A>G"), "c.85T>C (*9A), c.496A>G", {})


@pytest.mark.parametrize(
    ("changed", "candidates", "kind"),
    [
        ({}, set(), ""),
        ({"status": "abstain", "ours": ()}, set(), "we abstain"),
        ({"status": "ambiguous", "theirs": ("*1", "*2")}, {("*1", "*1"), ("*1", "*2")}, "site not observed"),
        ({"ours": ("rs1 A/G",), "theirs": ("Reference", "rs1"), "variants": "rs1 A/G"}, set(), "variants, not a pair"),
        ({"theirs": ("*1", "*9")}, set(), "allele of one table"),
        ({"theirs": ("*1", "*3B")}, set(), "defined otherwise"),
        ({"theirs": ("*1", "*2"), "haplotype_1": "*2;*1;"}, set(), "several fit"),
        ({"theirs": ("*1", "*2"), "haplotype_1": "*2;"}, set(), "other"),
        ({"ours": ("*1", "*2"), "variants": "c.1A>G", "haplotype_2": "*1;*2;"}, set(), "several fit"),
    ],
)  # fmt: skip
def test_difference_kind__each(changed: dict[str, Any], candidates: set[tuple[str, ...]], kind: str) -> None:
    facts = {"alleles": set(ALLELES), "alternates": {"rs1": "G"}, "redefined": {"*3B"}}
    assert difference_kind(found_row(**changed), candidates, facts, [*ALLELES, "*9"]) == kind


def test_judge_masked__a_change_counts_as_silent_where_it_is_called() -> None:
    whole = pd.Series({"A": ("*1", "*2"), "B": ("*1", "*2"), "C": ("*1", "*1"), "D": ()})
    less = pd.DataFrame(
        {
            "sample_id": list("ABCD"),
            "pair": [("*1", "*1"), ("*1", "*1"), ("*1", "*1"), ("*1", "*1")],
            "status": ["called", "ambiguous", "called", "called"],
            "sure": [True, True, False, True],
        }
    )
    assert judge_masked("it", whole, less) == {
        "program": "it", "people": 3, "changed": 2, "changed_called": 1, "called": 2, "changed_sure": 2,
        "sure": 2, "ambiguous": 1, "abstained": 0,
    }  # fmt: skip


def test_compare__tpmt_from_phased_calls(tmp_path: Path, vcf_text: Callable[..., str]) -> None:
    path = tmp_path / "TPMT.vcf"
    path.write_text(vcf_text(TPMT, samples="ABCD"))
    ours, spent = call_ours(path, "TPMT", "wgs")
    assert spent["wall_s"] > 0 and spent["cpu_s"] > 0
    theirs = pd.DataFrame(
        {
            "sample_id": list("ABCD"),
            "diplotype": ["*1/*1", "*1/*3A", "*3B/*3C", "*3A/*1"],
            "phenotype": [
                "Normal Metabolizer",
                "Intermediate Metabolizer",
                "Poor Metabolizer",
                "Indeterminate",
            ],
            "haplotype_1": "*1;",
            "haplotype_2": "*3A;*3C;",
        }
    )
    joined = compare(ours, theirs, {"gene": "TPMT", "alleles": ALLELES})
    assert joined["ours"].tolist() == [("*1", "*1"), ("*1", "*3A"), ("*3B", "*3C"), ("*3A", "*3C")]
    counts = summarise("TPMT", joined)
    assert (counts["same_diplotype"], counts["phenotype_pypgx"], counts["phenotype_same"]) == (3, 3, 3)
    unequal = differences("TPMT", joined)
    assert unequal[["varimol", "pypgx", "size"]].to_numpy().tolist() == [["*3A/*3C", "*1/*3A", 1]]
    assert same_phenotype(pd.Series(["Poor metabolizer"]), pd.Series(["Poor Metabolizer"])).all()


@pytest.mark.skipif(not PYPGX.exists(), reason="PyPGx's environment is not built (make benchmark-peers)")
def test_run_pypgx__same_calls_by_the_short_cut(tmp_path: Path, vcf_text: Callable[..., str]) -> None:
    path = tmp_path / "TPMT.vcf"
    path.write_text(vcf_text(TPMT, samples="ABCD"))
    calls, told = run_pypgx(PYPGX, {"cut": ("TPMT", path)}, quick=True)
    assert calls["diplotype"].tolist() == ["*1/*1", "*1/*3A", "*3B/*3C", "*3A/*3C"]
    assert (
        told["cut"]["cpu_s"] > 0 and 18130918 in told["cut"]["positions"] and "*3A" in told["cut"]["alleles"]
    )
    again, _ = run_pypgx(PYPGX, {"cut": ("TPMT", path)}, quick=False)
    pd.testing.assert_frame_equal(calls, again)


def recorded(name: str) -> pd.DataFrame:
    """Read a recorded table; skip where there is none."""
    path = RESULTS / f"{name}.tsv"
    if not path.exists():
        pytest.skip(f"{name} is not recorded here")
    return pd.read_csv(path, sep="\t", keep_default_na=False)


def test_results__every_phenotype_that_both_give_is_the_same() -> None:
    table = recorded("star_agreement").set_index("gene")
    assert len(table) == 24 and (table["people"] == 200).all()
    assert (table["called"] + table["ambiguous"] + table["abstained"] == table["people"]).all()
    assert (table["phenotype_same"] == table["phenotype_both"]).all()
    # Neither a gene that needs copy numbers nor one whose deciding site has no record is called by us.
    assert (table.loc[["CYP2D6", "IFNL3"], "abstained"] == 200).all()


def test_results__every_difference_has_its_kind() -> None:
    table = recorded("star_agreement").set_index("gene")
    unequal = recorded("star_agreement_differences")
    assert set(unequal["kind"]) <= {
        "we abstain", "site not observed", "variants, not a pair", "allele of one table", "several fit",
    }  # fmt: skip
    counted = unequal.groupby("gene")["size"].sum().reindex(table.index, fill_value=0)
    assert (counted == table["people"] - table["same_diplotype"]).all()


def test_results__ours_says_when_sites_are_missing() -> None:
    table = recorded("star_agreement_masked").set_index(["program", "gene"])
    ours, theirs = table.loc["varimol"], table.loc["PyPGx"]
    assert ours["changed_called"].sum() <= 0.01 * ours["people"].sum() < theirs["changed_called"].sum()


def test_results__short_cut_changes_no_call() -> None:
    table = recorded("star_agreement_seconds")
    assert (
        table["short_cut_same"].astype(str).eq("True").all() and (table["cpu_ratio"].astype(float) > 5).all()
    )
