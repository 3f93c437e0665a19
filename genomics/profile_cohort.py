"""Genotype profiles from variant calls: a germline cohort, or tumours with their normals."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float32

from genomics.block import FILL
from genomics.contigs import canonical_contig
from genomics.errors import InputError
from genomics.gene_names import check_aliases, current_names, shown
from genomics.profile_pairs import decided_by_filters, header_pairs, pair_columns, somatic_alleles
from genomics.profile_scales import to_relative_log2
from genomics.profile_variants import AlleleCalls, alters_protein, read_alleles
from genomics.profiles import GenotypeProfiles
from genomics.star_copy_number import REGION_COLUMNS, read_copy_numbers
from genomics.star_find import index_records

if TYPE_CHECKING:
    from genomics.cohort import Cohort

MAX_FREQUENCY = 0.01
_BLOCK_CELLS = 16_000_000


def profiles_from_cohort(
    cohort: Cohort,
    genes: Collection[str] | None = None,
    *,
    max_frequency: float | None = MAX_FREQUENCY,
    frequencies: Mapping[str, float] | None = None,
    pairs: Mapping[str, str] | None = None,
    assessed: Collection[str] = (),
    regions: pd.DataFrame | None = None,
    aliases: Mapping[str, str] | None = None,
    min_gq: float | None = None,
) -> GenotypeProfiles:
    """Make profiles of the patients of a cohort whose variants carry their consequences.

    ``mutation`` is 1 where a variant of high or moderate impact is carried that is rarer than
    `max_frequency`, and ``burden`` counts the copies of all such alleles. Of a tumour with its normal only
    alleles that the normal lacks count, however frequent. A gene is missing where no record
    of the file is annotated with it (unless it is in `assessed`), and in a sample where a call is missing
    that could change the value. Each allele counts for the gene of its most severe consequence.

    ``copy_number`` comes from symbolic records that cover a gene (``<DEL>``, ``<DUP>``, ``<CNV>``) and is
    missing without one; it is log2(copies / 2 + 1), so a gene on the X of a man is 0.58. Copies that a file
    writes as such are read where the store holds ``FORMAT/CN``: name it among the fields to `ingest`.

    Use `GenotypeProfiles.aligned_to` to get the columns of a training table.

    Parameters
    ----------
    cohort
        A store with consequences from INFO/ANN, CSQ or BCSQ.
    genes
        Symbols to keep; by default all that are annotated, assessed or in `regions`.
    max_frequency
        An allele of this frequency or more does not count; None counts all. For pairs only where
        `frequencies` are given.
    frequencies
        Population frequency by variant_id; an allele that is not in it counts as rare. By default the
        frequency in the cohort itself.
    pairs
        Normal of each tumour; the profiles are the tumours'. By default as the header of Mutect2 says; an
        empty mapping reads every sample as germline.
    assessed
        Genes that the assay reads in full: no record in one of them means no variant.
    regions
        gene, contig, start, end (1-based, closed, on the cohort's build) of genes, for copy numbers.
    aliases
        Present symbol of each former one.
    min_gq
        A call of lower genotype quality counts as missing, where its record gives qualities.

    Returns
    -------
    GenotypeProfiles
        Blocks mutation, burden and copy_number.

    Raises
    ------
    InputError
        The calls carry no consequences or no genotypes, no gene is known, a pair names no sample, or the cohort is too small
        to tell frequencies.
    """
    names = dict(aliases or {})
    check_aliases(names)
    variants = _annotated(cohort, names)
    samples = pairs if pairs is not None else header_pairs(cohort)
    columns = _gene_columns(variants, genes, assessed, regions, names)
    if not columns:
        raise _no_gene(cohort, genes, variants)
    _require_frequencies(cohort, max_frequency, frequencies, samples)
    damaging = variants[variants["gene"].isin(set(columns)) & variants["consequence"].map(alters_protein)]
    _require_genotypes(cohort, damaging["record"].to_numpy())
    counted = _Counted.empty(columns, len(samples) or cohort.n_samples)
    limit = max_frequency if frequencies is not None or not samples else None
    _count(cohort, damaging, counted, samples, limit, frequencies, min_gq)
    known = {*variants["gene"], *(names.get(gene, gene) for gene in assessed)}
    blocks = counted.blocks(np.array([gene in known for gene in columns]))
    ids = list(samples) or [str(name) for name in cohort.sample_ids]
    blocks["copy_number"] = _copy_numbers(cohort, columns, ids, regions, names, min_gq)
    remarks = _remarks(counted, columns, known, blocks["copy_number"], samples)
    return GenotypeProfiles.of(ids, {name: (columns, block) for name, block in blocks.items()}, None, remarks)


@dataclass
class _Counted:
    """What has been counted so far, genes by samples, and how many alleles were looked at."""

    genes: list[str]
    carried: Bool[np.ndarray, "genes samples"]
    open: Bool[np.ndarray, "genes samples"]
    uncounted: Bool[np.ndarray, "genes samples"]
    copies: Float32[np.ndarray, "genes samples"]
    n_alleles: int = 0
    n_common: int = 0
    n_failed: int = 0

    @classmethod
    def empty(cls, genes: list[str], n_samples: int) -> _Counted:
        shape = (len(genes), n_samples)
        flags = [np.zeros(shape, bool) for _ in range(3)]
        return cls(genes, flags[0], flags[1], flags[2], np.zeros(shape, np.float32))

    def add(self, gene: np.ndarray, calls: AlleleCalls, rare: np.ndarray) -> None:
        """Count the alleles that are rare; `gene` numbers the gene of each."""
        kept = gene[rare]
        np.logical_or.at(self.carried, kept, calls.carried[rare])
        np.logical_or.at(self.open, kept, calls.open[rare])
        np.logical_or.at(self.uncounted, kept, calls.uncounted[rare])
        np.add.at(self.copies, kept, calls.copies[rare])

    def blocks(self, known: Bool[np.ndarray, " genes"]) -> dict[str, Float32[np.ndarray, "samples genes"]]:
        """Values of each block; NaN where nothing decides, and for a gene that is not known."""
        mutation = np.where(self.open & ~self.carried, np.nan, self.carried)
        burden = np.where(self.uncounted, np.nan, self.copies)
        for values in (mutation, burden):
            values[~known] = np.nan
        return {"mutation": mutation.T.astype(np.float32), "burden": burden.T.astype(np.float32)}


def _annotated(cohort: Cohort, aliases: Mapping[str, str]) -> pd.DataFrame:
    """Variants with a gene, under its present symbol; a variant written twice once, where it passed."""
    if not cohort.n_samples:
        raise InputError("the file has no samples", file=cohort.path, expected="calls of patients")
    variants = cohort.variants
    rows = variants[variants["consequence_gene"] != ""]
    if not len(rows):
        raise InputError(
            "the calls carry no consequences",
            file=cohort.path,
            field="consequence_gene",
            expected="variants annotated in INFO/ANN, CSQ or BCSQ",
            hint="annotate the file with VEP, SnpEff or bcftools csq",
        )
    rows = rows.sort_values("filter_pass", ascending=False, kind="stable").drop_duplicates("variant_id")
    rows = rows.sort_values(["record", "alt_index"])
    return rows.assign(gene=[aliases.get(gene, gene) for gene in rows["consequence_gene"]])


def _gene_columns(
    variants: pd.DataFrame,
    genes: Collection[str] | None,
    assessed: Collection[str],
    regions: pd.DataFrame | None,
    aliases: Mapping[str, str],
) -> list[str]:
    found = {*variants["gene"], *(aliases.get(gene, gene) for gene in assessed)}
    if regions is not None:
        found |= {aliases.get(gene, gene) for gene in regions["gene"]}
    if genes is None:
        return sorted(found)
    wanted, _ = current_names(sorted(set(genes)), aliases, file="genes")
    return sorted(wanted) if found.intersection(wanted) else []


def _no_gene(cohort: Cohort, genes: Collection[str] | None, variants: pd.DataFrame) -> InputError:
    return InputError(
        f"no record of the file is annotated with one of the {len(genes or ())} genes",
        file=cohort.path,
        field="consequence_gene",
        expected=f"symbols such as {shown(list(genes or ())[:3])}, found {shown(set(variants['gene']))}",
        hint="annotate with HGNC symbols",
    )


def _require_frequencies(
    cohort: Cohort,
    max_frequency: float | None,
    frequencies: Mapping[str, float] | None,
    pairs: Mapping[str, str],
) -> None:
    if max_frequency is None or frequencies is not None or pairs:
        return
    if 1 / (2 * cohort.n_samples) >= max_frequency:
        raise InputError(
            f"{cohort.n_samples} samples cannot tell frequencies below {max_frequency:g}",
            file=cohort.path,
            field="max_frequency",
            expected=f"more than {1 / (2 * max_frequency):.0f} samples, or frequencies of a population",
            hint="pass frequencies, name the normal of each tumour as pairs, or count every allele: max_frequency=None "
            "(--max-frequency 1)",
        )


def _require_genotypes(cohort: Cohort, records: np.ndarray) -> None:
    """Raise where no call has a genotype, as in Strelka's somatic calls; most files are read to the first block."""
    size = max(1, _BLOCK_CELLS // max(1, cohort.n_samples * cohort.ploidy))
    blocks = (np.unique(records[start : start + size]) for start in range(0, len(records), size))
    if len(records) and not any((cohort.genotypes(block) != FILL).any() for block in blocks):
        raise InputError(
            "no sample has a genotype in any variant of high or moderate impact",
            file=cohort.path,
            field="GT",
            expected="calls with FORMAT/GT",
            hint="Strelka's somatic calls have none: write one from its INFO/SGT",
        )


def _count(
    cohort: Cohort,
    damaging: pd.DataFrame,
    counted: _Counted,
    pairs: Mapping[str, str],
    max_frequency: float | None,
    frequencies: Mapping[str, float] | None,
    min_gq: float | None,
) -> None:
    """Count block by block, so that memory does not grow with the records."""
    number = {gene: row for row, gene in enumerate(counted.genes)}
    tumours, normals = pair_columns(cohort, pairs)
    decided = decided_by_filters(cohort)
    size = max(1, _BLOCK_CELLS // max(1, cohort.n_samples * cohort.ploidy))
    for start in range(0, len(damaging), size):
        rows = damaging.iloc[start : start + size]
        calls = read_alleles(cohort, rows, min_gq)
        rare = np.ones(len(rows), bool)
        if max_frequency is not None:
            rare = ~(_frequency(rows, calls, frequencies) >= max_frequency)
        if pairs:
            calls = somatic_alleles(calls, tumours, normals, decided[rows["record"].to_numpy()])
        counted.add(rows["gene"].map(number).to_numpy(), calls, rare)
        counted.n_alleles += len(rows)
        counted.n_common += int((~rare).sum())
        counted.n_failed += int((~rows["filter_pass"].to_numpy(dtype=bool)).sum())


def _frequency(rows: pd.DataFrame, calls: AlleleCalls, frequencies: Mapping[str, float] | None) -> np.ndarray:
    if frequencies is None:
        return calls.frequency
    return np.array([frequencies.get(name, 0.0) for name in rows["variant_id"]], dtype=np.float64)


def _copy_numbers(
    cohort: Cohort,
    genes: list[str],
    ids: list[str],
    regions: pd.DataFrame | None,
    aliases: Mapping[str, str],
    min_gq: float | None,
) -> Float32[np.ndarray, "samples genes"]:
    values = pd.DataFrame(np.nan, index=ids, columns=genes)
    if regions is not None:
        _require_regions(regions)
        named = regions.assign(
            gene=[aliases.get(gene, gene) for gene in regions["gene"]],
            contig=regions["contig"].map(canonical_contig),
        )
        named = named[named["gene"].isin(set(genes))].drop_duplicates("gene")
        chosen = cohort.select(samples=ids)
        quality = None if min_gq is None else int(min_gq)
        table = read_copy_numbers(chosen, index_records(chosen), named, min_gq=quality)
        numbers = table["copy_number"].to_numpy().reshape(len(ids), len(named))  # by sample, then by gene
        values[named["gene"].tolist()] = numbers
    return np.asarray(to_relative_log2(values.to_numpy(dtype=np.float64)), dtype=np.float32)


def _require_regions(regions: pd.DataFrame) -> None:
    for name in REGION_COLUMNS:
        if name not in regions.columns:
            raise InputError("the regions lack a column", field=name, expected=", ".join(REGION_COLUMNS))


def _remarks(
    counted: _Counted,
    genes: list[str],
    known: Collection[str],
    copies: Float32[np.ndarray, "samples genes"],
    pairs: Mapping[str, str],
) -> list[str]:
    kind = "somatic" if pairs else "germline"
    remarks = [
        f"{kind}: {counted.n_alleles} alleles of high or moderate impact, "
        f"{counted.n_common} too frequent, {counted.n_failed} of records that failed their filters"
    ]
    unknown = [gene for gene in genes if gene not in known]
    if unknown:
        remarks.append(f"mutation, burden: {len(unknown)} of {len(genes)} genes missing ({shown(unknown)})")
    told = int((~np.isnan(copies)).any(axis=0).sum())
    remarks.append(f"copy_number: told by symbolic records for {told} of {len(genes)} genes")
    return remarks
