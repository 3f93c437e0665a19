"""Where the absence of a record stands for the reference."""

from __future__ import annotations

from genomics.star_absence import assumable_sites
from genomics.star_alleles import read_definitions
from varimol import tables


def test_assumable_sites__of_the_shipped_definitions() -> None:
    left_open = {
        (gene.name, site.name, build)
        for gene in read_definitions(tables.allele_definitions())
        for build in ("GRCh37", "GRCh38")
        for site, may in zip(gene.sites, assumable_sites(gene, build), strict=True)
        if not may
    }
    assert left_open == {
        ("CYP2B6", "rs2279343", "GRCh37"), ("CYP2B6", "rs2279343", "GRCh38"),
        ("CYP2C19", "rs3758581", "GRCh38"),  # the reference base is *38's
        ("F5", "rs6025", "GRCh37"),  # the reference base is Leiden's
    }  # fmt: skip
