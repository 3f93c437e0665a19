"""Star alleles of a cohort against the shipped tables."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from genomics import star_alleles
from genomics.errors import InputError
from genomics.ingest import ingest
from varimol import star_calls, tables
from varimol.commands import stars
from varimol.star_calls import call_stars

# rs1800460 and rs1142345 of TPMT on GRCh38.
TPMT = ["6 18130687 . T C . PASS . GT 0/1 0/0", "6 18138997 . C T . PASS . GT 0/1 0/0"]


@pytest.fixture
def cohort_of(tmp_path: Path, make_vcf: Callable[..., Path]) -> Callable[..., Any]:
    """Return a function that ingests records on GRCh38."""

    def make(records: list[str], samples: tuple[str, ...] = ("A", "B")) -> Any:
        return ingest(make_vcf(records, samples=samples), tmp_path / "calls.vcz", build="GRCh38")

    return make


def top(diplotypes: pd.DataFrame, gene: str, sample: str) -> pd.Series:
    rows = diplotypes[(diplotypes["gene"] == gene) & (diplotypes["sample_id"] == sample)]
    return rows.iloc[0]


def test_call_stars__reads_each_gene_once(
    cohort_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    times: Counter[str] = Counter()
    read_gene = star_alleles._read_gene

    def count(gene: str, table: pd.DataFrame) -> star_alleles.StarGene:
        times[gene] += 1
        return read_gene(gene, table)

    monkeypatch.setattr(star_alleles, "_read_gene", count)
    found = call_stars(cohort_of(TPMT), "array")
    assert top(found.diplotypes, "TPMT", "A")["diplotype"] == "*1/*3A"
    assert set(times) == set(found.diplotypes["gene"]) and set(times.values()) == {1}


# rs1050829 and rs1050828 of G6PD on GRCh38.
G6PD = ["X 154535277 . T C . PASS . GT 1/1 1/1", "X 154536002 . C T . PASS . GT 1/1 1/1"]


def test_call_stars__sexes_tell_the_copies_on_x(cohort_of: Callable[..., Any], tmp_path: Path) -> None:
    table = tmp_path / "sexes.tsv"
    table.write_text("sample_id\tsex\nB\tfemale\nA\tM\n")
    found = call_stars(cohort_of(G6PD), "array", sexes=table).diplotypes
    assert top(found, "G6PD", "A")["diplotype"] == "A- 202A_376G"
    assert top(found, "G6PD", "B")["diplotype"] == "A- 202A_376G/A- 202A_376G"
    assert "stated to be male" in top(found, "G6PD", "A")["assumptions"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sample_id\tsex\nC\t1\n", r"sexes.tsv, field --sexes: no sample of the cohort.*such as A"),
        ("sample_id\tgender\nA\t1\n", r"sexes.tsv, field header: a column is missing"),
        ("sample_id\tsex\nA\t1\nA\t2\n", r"sexes.tsv, record A, field sex: two sexes"),
    ],
)
def test_call_stars__sexes_that_cannot_be_used_are_refused(
    cohort_of: Callable[..., Any], tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "sexes.tsv").write_text(text)
    with pytest.raises(InputError, match=said):
        call_stars(cohort_of(G6PD), "array", sexes=tmp_path / "sexes.tsv")


@pytest.mark.parametrize(
    ("records", "build", "said"),
    [
        (
            ["6 18130918 . T C . PASS . GT 0/1 0/0", "6 18139228 . C T . PASS . GT 0/1 0/0"],
            "GRCh38",
            r"mine.vcf, field build: the records are on GRCh37, not on GRCh38, as given .*; 2 known sites stand "
            r"where GRCh37 has them \(such as 6:18130918\), 0 where GRCh38 does; expected --build GRCh37",
        ),
        (
            TPMT,
            "GRCh37",
            r"mine.vcf, field build: .*0 known sites.*2 where GRCh38 does \(such as 6:18130687\)",
        ),
    ],
)
def test_stars__wrong_build_names_the_file_and_a_site(
    tmp_path: Path, make_vcf: Callable[..., Path], records: list[str], build: str, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        stars(make_vcf(records, name="mine.vcf"), tmp_path / "out", assay="array", build=build)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(("option", "value"), [("assay", "chip"), ("build", "hg19")])
def test_stars__unknown_choice_is_refused_before_the_file_is_read(
    tmp_path: Path, option: str, value: str
) -> None:
    given: dict[str, Any] = {option: value}
    with pytest.raises(InputError, match=rf"field --{option}: '{value}' is not known; expected one of"):
        stars(tmp_path / "not-there.vcf", tmp_path / "out", **given)


def test_stars__sites_beyond_those_named_are_counted(tmp_path: Path, make_vcf: Callable[..., Path]) -> None:
    stars(make_vcf(TPMT), tmp_path / "out", assay="array", build="GRCh38")
    table = pd.read_csv(tmp_path / "out" / "diplotypes.tsv", sep="\t", dtype=str, keep_default_na=False)
    defined = tables.allele_definitions().query("gene == 'TPMT'").dropna(subset=["position_grch38"])
    n_sites = len(defined.drop_duplicates(["position_grch38", "ref_grch38"]))
    text = top(table, "TPMT", "A")["sites_missing"]
    names, more = re.fullmatch(r"(.*) and (\d+) more", text).groups()  # type: ignore[union-attr]
    assert len(names.split(",")) == 20 and 20 + int(more) == n_sites - len(TPMT)
    assert top(table, "CYP2C9", "A")["sites_missing"] == "all 83 sites"


def test_call_stars__names_carriers_elsewhere_in_small_cohorts_alone(
    cohort_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two variants that no definition knows, in an exon of TPMT and in an intron.
    records = [
        TPMT[0],
        "6 18133850 . A C . PASS . GT 0/1 1/1",
        "6 18135000 . G T . PASS . GT 0/1 0/0",
        TPMT[1],
    ]
    cohort = cohort_of(records)
    found = call_stars(cohort, "array")
    assert found.undocumented["place"].tolist() == ["exon", "elsewhere"]
    assert found.undocumented_carriers[["sample_id", "position", "copies"]].values.tolist() == [
        ["A", 18133850, 1], ["A", 18135000, 1], ["B", 18133850, 2],
    ]  # fmt: skip
    monkeypatch.setattr(star_calls, "CARRIERS_NAMED", 1)
    few = call_stars(cohort, "array")
    assert few.undocumented_carriers["position"].tolist() == [18133850, 18133850]
    assert few.undocumented.equals(found.undocumented)
