"""Small cohorts for the tests, written as VCF and ingested."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.genomics.star_cohorts import ingest_records

_COLUMNS = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]
_ANN = " | ".join(
    ["Allele", "Annotation", "Annotation_Impact", "Gene_Name", "Gene_ID", "Feature_Type", "Feature_ID"]
    + ["Transcript_BioType", "Rank", "HGVS.c", "HGVS.p", "cDNA.pos / cDNA.length", "CDS.pos / CDS.length"]
    + ["AA.pos / AA.length", "Distance", "ERRORS / WARNINGS / INFO"]
)
_CALLS = {0: "0/0", 1: "0/1", 2: "1/1", -1: "./."}


def _vcf_text(
    dosage: np.ndarray,
    contigs: list[str],
    positions: list[int],
    samples: list[str],
    gq: np.ndarray | None,
    haploid: np.ndarray | None,
    filters: list[str] | None,
    info: list[str] | None,
    refs: list[str] | None,
    alts: list[str] | None,
) -> str:
    header = ["##fileformat=VCFv4.2", '##FILTER=<ID=LowQual,Description="low">']
    header += [f"##contig=<ID={name}>" for name in dict.fromkeys(contigs)]
    header += ['##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">']
    header += ['##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Quality">'] if gq is not None else []
    header += [f"##INFO=<ID=ANN,Number=.,Type=String,Description=\"Functional annotations: '{_ANN}'\">"]
    lines = [*header, "\t".join([*_COLUMNS, *samples])]
    for i in range(len(dosage)):
        calls = []
        for j, copies in enumerate(dosage[i]):
            call = _CALLS[int(copies)]
            if haploid is not None and haploid[i, j]:
                call = {0: "0", 1: "1", -1: "."}[int(copies)]
            calls.append(call if gq is None else f"{call}:{gq[i, j]}")
        fixed = [contigs[i], str(positions[i]), ".", refs[i] if refs else "A", alts[i] if alts else "G", "."]
        fixed += [
            filters[i] if filters else "PASS",
            info[i] if info else ".",
            "GT" if gq is None else "GT:GQ",
        ]
        lines.append("\t".join(fixed + calls))
    return "\n".join(lines) + "\n"


@pytest.fixture
def cohort_of(tmp_path: Path) -> Callable[..., Any]:
    """Return a function that ingests records given as text: contig, position, ref, alt, calls..."""
    return partial(ingest_records, tmp_path)


@pytest.fixture
def make_cohort(tmp_path: Path) -> Callable[..., Any]:
    """Return a function that ingests dosages (n_variants, n_samples; -1 missing) as a cohort."""

    def make(
        dosage: np.ndarray,
        *,
        contigs: list[str] | None = None,
        positions: list[int] | None = None,
        samples: list[str] | None = None,
        gq: np.ndarray | None = None,
        haploid: np.ndarray | None = None,
        filters: list[str] | None = None,
        info: list[str] | None = None,
        refs: list[str] | None = None,
        alts: list[str] | None = None,
        name: str = "cohort",
    ) -> Any:
        from genomics.ingest import ingest

        n_variants, n_samples = dosage.shape
        path = tmp_path / f"{name}.vcf"
        path.write_text(
            _vcf_text(
                dosage,
                contigs or ["1"] * n_variants,
                positions or list(range(1000, 1000 + 10 * n_variants, 10)),
                samples or [f"s{j}" for j in range(n_samples)],
                gq,
                haploid,
                filters,
                info,
                refs,
                alts,
            )
        )
        return ingest(path, tmp_path / f"{name}.vcz")

    return make
