"""Sites and haplotypes of the demo: positions moved between builds, names, and what ships."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomics.simulate_haplotypes import parse_alleles
from varimol import tables
from varimol.curate.frequencies import (
    POPULATIONS,
    definition_alleles,
    gene_haplotypes,
    name_haplotype,
    offset_between,
    read_anchors,
    read_panel_records,
    trim,
)

# 1000 Genomes phase 3, as dbSNP and Ensembl state them: frequency of ALT by superpopulation.
PUBLISHED = {
    "rs4244285": (0.1702, 0.1052, 0.3125, 0.1451, 0.3579),
    "rs12248560": (0.2352, 0.1196, 0.0149, 0.2237, 0.1360),
    "rs1799853": (0.0083, 0.0994, 0.0010, 0.1243, 0.0348),
    "rs9923231": (0.0545, 0.4107, 0.8849, 0.3877, 0.1452),
}


@given(
    position=st.integers(1, 10**8),
    left=st.text("ACGT", max_size=5),
    ref=st.text("ACGT", min_size=1, max_size=5),
    alt=st.text("ACGT", min_size=1, max_size=5),
    right=st.text("ACGT", max_size=5),
)
def test_trim__does_not_change_the_sequence(position: int, left: str, ref: str, alt: str, right: str) -> None:
    at, short_ref, short_alt = trim(position, left + ref + right, left + alt + right)
    start = at - position
    whole = left + ref + right
    assert whole[start : start + len(short_ref)] == short_ref
    assert whole[:start] + short_alt + whole[start + len(short_ref) :] == left + alt + right


@given(st.dictionaries(st.integers(1, 1000), st.just(7), min_size=1), st.integers(1, 1000))
def test_offset_between__only_inside_the_anchors(anchors: dict[int, int], position: int) -> None:
    inside = min(anchors) <= position <= max(anchors)
    assert offset_between(anchors, position) == (7 if inside else None)


@pytest.mark.parametrize("rsid", sorted(PUBLISHED))
def test_shipped__published_frequencies(rsid: str) -> None:
    sites = tables.site_frequencies().set_index("rsid")
    assert sites.loc[rsid, POPULATIONS].to_numpy(float) == pytest.approx(PUBLISHED[rsid], abs=1e-4)


def test_shipped__haplotypes_agree_with_their_sites() -> None:
    sites = tables.site_frequencies()
    haplotypes = tables.haplotype_frequencies().astype(dict.fromkeys(POPULATIONS, float))
    sums = haplotypes.groupby("gene")[POPULATIONS].sum()
    assert np.allclose(sums, 1, atol=1e-3)
    for site in sites[sites["kind"] == "definition"].itertuples(index=False):
        part = haplotypes[haplotypes["gene"] == site.gene]
        carried = np.array(
            [parse_alleles(text).get((site.position, site.ref)) == site.alt for text in part["alleles"]]
        )
        from_haplotypes = part.loc[carried, POPULATIONS].sum().to_numpy()
        assert from_haplotypes == pytest.approx(
            np.array([getattr(site, name) for name in POPULATIONS]), abs=0.05
        ), site.rsid


def test_shipped__every_defining_site_is_there() -> None:
    sites = tables.site_frequencies()
    defined = tables.allele_definitions()
    defined = defined[defined["gene"].isin(tables.haplotype_frequencies()["gene"])]
    defined = defined.dropna(subset=["position_grch38"])
    shipped = set(zip(sites["contig"], sites["position"].astype(int)))
    wanted = set(zip(defined["contig"], defined["position_grch38"].astype(int)))
    assert len(wanted) > 700
    assert wanted <= shipped


def definition(folder: Path, gene: str) -> dict[str, Any]:
    path = folder / "pharmacogenes" / "pharmcat" / "definition" / "alleles" / f"{gene}_translation.json"
    return json.loads(path.read_text())  # type: ignore[no-any-return]


def alleles_at(table: dict[str, Any], changes: dict[int, str]) -> tuple[int, ...]:
    return tuple(
        [site["ref"], *site["alts"]].index(changes.get(site["position"], site["ref"]))
        for site in table["variants"]
    )


def test_name_haplotype__reference_base_of_cyp2c19_is_not_star_1(shared_data: Path) -> None:
    table = definition(shared_data, "CYP2C19")
    assert name_haplotype(table, alleles_at(table, {})) == "*38"
    assert name_haplotype(table, alleles_at(table, {94842866: "G"})) == "*1"
    star_2 = {94842866: "G", 94781859: "A", 94775367: "G"}
    assert name_haplotype(table, alleles_at(table, star_2)) == "*2"
    assert name_haplotype(table, alleles_at(table, {94781859: "A", 94780653: "A"})) == ""


def test_name_haplotype__joins_variants_of_dpyd(shared_data: Path) -> None:
    table = definition(shared_data, "DPYD")
    both = alleles_at(table, {97573863: "T", 97579893: "C", 97883329: "G"})
    assert name_haplotype(table, both) == "c.1129-5923C>G, c.1236G>A (HapB3) + c.85T>C (*9A)"


def test_haplotypes__of_a_real_gene(shared_data: Path) -> None:
    folder = shared_data / "pharmacogenes"
    table = definition(shared_data, "TPMT")
    records = list(read_panel_records(folder / "1000genomes_grch37" / "TPMT.vcf.gz"))
    offset = set(read_anchors(folder / "pypgx_tables" / "variant-table.csv")["TPMT"].values())
    assert offset == {-231}
    n_haplotypes = len(records[0].haplotypes)
    alleles = definition_alleles(table, records, -231, n_haplotypes)
    named, covered = gene_haplotypes(table, alleles, np.array(POPULATIONS)[np.arange(n_haplotypes) % 5])
    assert covered > 0.999
    shipped = tables.haplotype_frequencies()
    expected = shipped.loc[shipped["gene"] == "TPMT", ["haplotype", "alleles"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(named[["haplotype", "alleles"]], expected, check_dtype=False)
