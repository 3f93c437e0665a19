"""Star alleles of a cohort against the shipped tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from genomics import star_alleles
from genomics.ingest import ingest
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
