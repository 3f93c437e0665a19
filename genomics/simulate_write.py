"""Write a simulated cohort as files: the VCF text is built from tables of bytes, a record at a time."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from genomics.simulate_sites import GRCH38_LENGTHS

if TYPE_CHECKING:
    from genomics.simulate import SimulatedCohort

FILTERED = "LowQual"
# Width of an allele number's code: numbers run from -2 (no allele) to 13.
_ALLELES = 16
HEADER = """##fileformat=VCFv4.2
##source=varimol simulator
##reference=GRCh38
##FILTER=<ID=PASS,Description="All filters passed">
##FILTER=<ID=LowQual,Description="Simulated failure of the caller's filter">
##INFO=<ID=SIM,Number=0,Type=Flag,Description="Invented variant: position and alleles are made up">
##INFO=<ID=BCSQ,Number=.,Type=String,Description="Consequence from public annotation in the layout of \
bcftools csq. Format: Consequence|gene|transcript|biotype|strand|amino_acid_change|dna_change">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Read depth">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Genotype quality">
"""


def write_cohort(cohort: SimulatedCohort, directory: str | os.PathLike[str]) -> None:
    """Write the three files of a cohort; see `SimulatedCohort.write`."""
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".simulated.tmp-{os.getpid()}"
    temporary.mkdir(exist_ok=True)
    try:
        write_vcf(cohort, temporary / "cohort.vcf.gz")
        cohort.phenotypes.to_csv(temporary / "phenotypes.tsv", sep="\t", index=False)
        text = json.dumps(cohort.truth, sort_keys=True, separators=(",", ":"))
        (temporary / "truth.json").write_text(text + "\n")
        for name in ("cohort.vcf.gz", "phenotypes.tsv", "truth.json"):
            (temporary / name).replace(folder / name)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_vcf(cohort: SimulatedCohort, path: Path) -> None:
    """Write the calls as a bgzipped VCF with GT, DP and GQ."""
    from Bio.bgzf import BgzfWriter

    with path.open("wb") as raw:
        writer = BgzfWriter(fileobj=raw, compresslevel=4)
        writer.write(_header(cohort).encode())
        for line in _lines(cohort):
            writer.write(line)
        writer.close()


def _header(cohort: SimulatedCohort) -> str:
    names = list(dict.fromkeys(cohort.records["contig"]))
    contigs = "".join(
        f"##contig=<ID={cohort.contig_prefix}{name},length={GRCH38_LENGTHS[name]},assembly=GRCh38>\n"
        if name in GRCH38_LENGTHS
        else f"##contig=<ID={cohort.contig_prefix}{name}>\n"
        for name in names
    )
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *cohort.sample_ids]
    return HEADER + contigs + "\t".join(columns) + "\n"


def _lines(cohort: SimulatedCohort) -> Iterator[bytes]:
    calls = cohort.calls
    genotype_bytes, depth_bytes, quality_bytes = _genotype_table(), _number_table(), _number_table()
    n_samples = len(cohort.sample_ids)
    text = np.zeros((n_samples, 1 + 5 + 4 + 4), np.uint8)
    text[:, 0] = ord("\t")
    for row, prefix in enumerate(_prefixes(cohort.records, cohort.contig_prefix, calls.filtered)):
        alleles = calls.genotypes[row].astype(np.int16) + 2
        text[:, 1:6] = genotype_bytes[alleles[:, 0] * _ALLELES + alleles[:, 1]]
        text[:, 6:10] = depth_bytes[calls.depth[row]]
        text[:, 10:14] = quality_bytes[calls.quality[row]]
        flat = text.ravel()
        yield prefix + flat[flat != 0].tobytes() + b"\n"


def _prefixes(records: pd.DataFrame, contig_prefix: str, filtered: np.ndarray) -> Iterator[bytes]:
    columns = (records[name].astype(str).tolist() for name in ("contig", "position", "rsid", "ref", "alt"))
    notes = _annotations(records)
    for contig, position, rsid, ref, alt, note, failed in zip(*columns, notes, filtered.tolist()):
        judged = ("12", FILTERED) if failed else ("60", "PASS")
        fields = (contig_prefix + contig, position, rsid or ".", ref, alt, *judged, note, "GT:DP:GQ")
        yield "\t".join(fields).encode()


def _annotations(records: pd.DataFrame) -> list[str]:
    """Text of each record's INFO."""
    invented = records["kind"].isin(["neighbour", "background"])
    protein = records["consequence"] + "|" + records["gene"] + "||protein_coding|" + records["strand"]
    change = records["position"].astype(str) + records["ref"] + ">" + records["alt"]
    consequence = "BCSQ=" + protein + "|" + records["amino_acid_change"] + "|" + change
    text = pd.Series(".", records.index).mask(records["consequence"] != "", consequence)
    return text.mask(invented, "SIM").astype(str).tolist()


def _genotype_table() -> np.ndarray:
    """Bytes of every pair of allele codes, zero-padded to five; two-digit numbers stay within."""
    table = np.zeros((_ALLELES * _ALLELES, 5), np.uint8)
    for first in range(1, _ALLELES):
        for second in range(_ALLELES):
            low, high = sorted((first - 2, second - 2))
            left, right = ("." if number == -1 else str(number) for number in (low, high))
            if second == 0:
                text = "." if first == 1 else str(first - 2)
            else:
                text = f"{left}/{right}"
            table[first * _ALLELES + second, : len(text)] = list(text.encode())
    return table


def _number_table() -> np.ndarray:
    """Bytes of ``:number`` for 0 to 255, zero-padded to four."""
    table = np.zeros((256, 4), np.uint8)
    for number in range(256):
        text = f":{number}".encode()
        table[number, : len(text)] = list(text)
    return table
