from __future__ import annotations

from pathlib import Path

import pytest

from varimol import tables
from varimol.curate.allele_frequencies import count_alleles, haplotype_codes
from varimol.curate.frequencies import read_panel_records


@pytest.mark.parametrize("gene", ["NUDT15", "TPMT", "VKORC1"])
def test_allele_frequencies__counts_are_those_of_the_panel(shared_data: Path, gene: str) -> None:
    from genomics.star_alleles import read_definitions

    definition = next(read_definitions(tables.allele_definitions().query("gene == @gene")))
    records = list(read_panel_records(shared_data / "pharmacogenes/1000genomes_grch37" / f"{gene}.vcf.gz"))
    codes, in_panel = haplotype_codes(definition, records, 5008)
    carried = dict(zip(definition.alleles, count_alleles(definition, codes).sum(axis=1)))
    shipped = tables.allele_frequencies().query("gene == @gene").set_index("allele")["count"]
    counted = shipped.dropna()
    assert {allele: carried[allele] for allele in counted.index} == counted.to_dict()
    # What is not counted has an insertion or deletion of which the panel has no record.
    blind = ~in_panel & [not site.is_substitution for site in definition.sites]
    with_it = (~definition.allowed[:, blind, 0]).any(axis=1)
    assert set(shipped.index[shipped.isna()]) == {a for a, has in zip(definition.alleles, with_it) if has}
