from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from genomics.cohort import Cohort
from genomics.errors import InputError
from genomics.ingest import ingest
from genomics.star_alleles import read_definitions
from genomics.star_build import count_strands, detect_build, require_sites
from genomics.star_find import index_records

# Places and bases of dbSNP; the last one is palindromic, and CYP2C19's is another base on GRCh37.
SITES = pd.DataFrame(
    [
        ("CYP2C19", "rs12248560", "10", 94761900, "C", 96521657, "C", "T"),
        ("CYP2C19", "rs4244285", "10", 94781859, "G", 96541616, "G", "A"),
        ("CYP2C19", "rs3758581", "10", 94842866, "A", 96602623, "G", "G"),
        ("TPMT", "rs1800460", "6", 18138997, "C", 18139228, "C", "T"),
        ("TPMT", "rs1142345", "6", 18130687, "T", 18130918, "T", "C"),
        ("TPMT", "rs1800462", "6", 18143724, "C", 18143955, "C", "G"),
    ],
    columns=["gene", "rsid", "contig", "position_grch38", "ref_grch38", "position_grch37", "ref_grch37", "alt"],
).assign(allele="*2", optional="0")  # fmt: skip


def cohort_on(make_cohort: Callable[..., Any], places: list[tuple[str, int, str]], name: str = "c") -> Cohort:
    contigs, positions, refs = map(list, zip(*sorted(places, key=lambda place: (len(place[0]), *place))))
    return make_cohort(
        np.ones((len(places), 1), dtype=int),
        contigs=contigs,
        positions=positions,
        refs=refs,
        alts=["G" if ref == "A" else "A" for ref in refs],
        name=name,
    )


def places_on(build: str) -> list[tuple[str, int, str]]:
    return list(
        SITES[["contig", f"position_{build}", f"ref_{build}"]].itertuples(index=False, name=None)
    )  # fmt: skip


@pytest.mark.parametrize(("build", "counts"), [("grch37", (6, 0)), ("grch38", (0, 6))])
def test_detect_build__counts_the_sites_of_each(
    make_cohort: Callable[..., Any], build: str, counts: tuple[int, int]
) -> None:
    found = detect_build(cohort_on(make_cohort, places_on(build)), SITES)
    assert found.build == build.replace("grch", "GRCh")
    assert (found.n_grch37, found.n_grch38) == counts


def test_detect_build__wrong_label_is_refused_with_the_counts(make_cohort: Callable[..., Any]) -> None:
    cohort = cohort_on(make_cohort, places_on("grch37"))
    with pytest.raises(
        InputError,
        match=r"^c.vcz, field build: .* on GRCh37, not on GRCh38.*"
        r"6 known sites stand where GRCh37 has them \(such as \d+:\d+\), 0 where GRCh38 does;",
    ):
        detect_build(cohort, SITES, asked="GRCh38")


def test_detect_build__header_is_heard_where_the_records_do_not_tell(tmp_path: Path, make_vcf: Any) -> None:
    header = ["##contig=<ID=10,length=135534747>"]
    path = make_vcf(["10 5 . A G . PASS . GT 0/1"], samples=["A"], header=header)
    cohort = ingest(path, tmp_path / "calls.vcz")
    assert cohort.build == "GRCh37"
    with pytest.raises(
        InputError,
        match=r"mine.vcf, field build: .*GRCh37, not on GRCh38, as given \(the header.*0 known sites",
    ):
        detect_build(cohort, SITES, asked="GRCh38", file="/a/b/mine.vcf")


def test_detect_build__label_of_the_store_is_held_to_its_records(tmp_path: Path, make_vcf: Any) -> None:
    records = [f"{c} {p} . {r} {'G' if r == 'A' else 'A'} . PASS . GT 0/1" for c, p, r in places_on("grch37")]
    path = make_vcf(sorted(records), samples=["A"])
    cohort = ingest(path, tmp_path / "labelled.vcz", build="GRCh38")
    with pytest.raises(InputError, match=r"labelled.vcz, field build: the records are on GRCh37"):
        detect_build(cohort, SITES)


def test_detect_build__mixture_is_refused_with_the_counts(make_cohort: Callable[..., Any]) -> None:
    places = places_on("grch37")[:3] + places_on("grch38")[3:]
    with pytest.raises(
        InputError, match=r"a mix of builds.*3 known sites.*GRCh37 has them.*, 3 where GRCh38"
    ):
        detect_build(cohort_on(make_cohort, places), SITES)


def test_detect_build__no_known_site_leaves_it_open(make_cohort: Callable[..., Any]) -> None:
    cohort = cohort_on(make_cohort, [("10", 5, "A")])
    assert detect_build(cohort, SITES).build == "unknown"
    assert detect_build(cohort, SITES, asked="GRCh38").build == "GRCh38"


def test_detect_build__missing_column_is_named(make_cohort: Callable[..., Any]) -> None:
    with pytest.raises(InputError, match="field ref_grch37"):
        detect_build(cohort_on(make_cohort, [("10", 5, "A")]), SITES.drop(columns="ref_grch37"))


def test_count_strands__complements_at_plain_sites_are_counted(make_cohort: Callable[..., Any]) -> None:
    genes = list(read_definitions(SITES.astype({"position_grch38": "Int64", "position_grch37": "Int64"})))
    other = {"A": "T", "C": "G", "G": "C", "T": "A"}
    flipped = [
        (c, p, other[r]) if i in (0, 3, 5) else (c, p, r) for i, (c, p, r) in enumerate(places_on("grch38"))
    ]
    cohort = cohort_on(make_cohort, flipped)
    counts = count_strands(cohort, index_records(cohort), genes, "GRCh38")
    # The palindromic site shows nothing.
    assert (counts.n_same, counts.n_other, counts.is_mixed) == (3, 2, True)
    assert "2 of 5 records" in counts.warning and "rs12248560" in counts.warning
    plain = cohort_on(make_cohort, places_on("grch38"), name="plain")
    counts = count_strands(plain, index_records(plain), genes, "GRCh38")
    assert (counts.n_same, counts.n_other, counts.warning) == (5, 0, "")


@pytest.mark.parametrize("build", ["grch37", "grch38"])
def test_require_sites__one_record_is_enough(make_cohort: Callable[..., Any], build: str) -> None:
    for number, place in enumerate(places_on(build)):
        require_sites(cohort_on(make_cohort, [("21", 5, "A"), place], name=f"c{number}"), SITES)


def test_require_sites__none_names_the_file_and_what_was_looked_for(make_cohort: Callable[..., Any]) -> None:
    # The right place on another contig, and near a site.
    cohort = cohort_on(make_cohort, [("7", 94761900, "C"), ("10", 94781859 + 300, "A")])
    with pytest.raises(InputError) as told:
        require_sites(cohort, SITES, file="patient.vcf.gz")
    assert str(told.value) == (
        "patient.vcf.gz: none of 2 records lies at a site of a pharmacogene: they are on contigs 7, 10; expected"
        " records at sites such as rs12248560 of CYP2C19, which is 10:94761900 on GRCh38 and 96521657 on GRCh37;"
        " the file has none of these genes, or is on another build"
    )
    require_sites(cohort, SITES, margin=10_000)
    far = cohort_on(make_cohort, [("10", 94_700_000, "A")], name="far")
    with pytest.raises(InputError, match="lies within 10,000 bases of a site"):
        require_sites(far, SITES, margin=10_000)


def test_require_sites__long_records_reach_the_sites_within(tmp_path: Path, make_vcf: Any) -> None:
    header = ['##INFO=<ID=END,Number=1,Type=Integer,Description="End">']
    record = "10 94700000 . A <DEL> . PASS END=94761900 GT 0/1"
    for end, is_far in (("94761900", False), ("94761800", True)):
        path = make_vcf([record.replace("94761900", end)], name=f"{end}.vcf", samples=["A"], header=header)
        cohort = ingest(path, tmp_path / f"{end}.vcz", build="GRCh38")
        if is_far:
            with pytest.raises(InputError, match="none of 1 records"):
                require_sites(cohort, SITES)
        else:
            require_sites(cohort, SITES)


def test_require_sites__file_without_records(tmp_path: Path, make_vcf: Any) -> None:
    cohort = ingest(make_vcf([], samples=["A"]), tmp_path / "empty.vcz", build="GRCh38")
    with pytest.raises(
        InputError, match=r"empty\.vcz: there are no records; expected records at sites such as rs"
    ):
        require_sites(cohort, SITES)
