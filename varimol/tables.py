"""The tables that ship with varimol, each read once and handed out as a copy.

Every table carries its source and version in columns, or has a section in ``varimol/data/SOURCES.md``.
`genomics` and `chem` never read these files: their functions take the tables as arguments.

Examples
--------
>>> from varimol import tables
>>> sites = tables.build_sites().set_index("rsid")
>>> int(sites.loc["rs4244285", "position_grch38"]), int(sites.loc["rs4244285", "position_grch37"])
(94781859, 96541616)
"""

from __future__ import annotations

import os
from functools import cache
from importlib.resources import as_file, files
from importlib.resources.abc import Traversable
from pathlib import Path

import pandas as pd

FOLDER_VARIABLE = "VARIMOL_PHARMACOGENES"
"""Environment variable that names a folder of newer pharmacogene tables, read when varimol first needs them."""
BUILDS = ("GRCh37", "GRCh38")
# Activity of an allele whose function is given in words alone.
_ACTIVITY = {
    "no function": 0.0,
    "malignant hyperthermia associated": 0.0,
    "decreased function": 0.5,
    "normal function": 1.0,
}
_POPULATIONS = ("AFR", "AMR", "EAS", "EUR", "SAS")
_POSITIONS = ("position_grch37", "position_grch38")
_WHOLE_NUMBERS = (
    "position", "start", "end", "start_grch38", "end_grch38", "start_grch37", "end_grch37", "copy_number",
    "structural_variants", "shift",
)  # fmt: skip


def data_file(*parts: str) -> Traversable:
    """Locate a shipped file below ``varimol/data``.

    A pharmacogene table is looked for in the folder of `FOLDER_VARIABLE` first, where that is set.

    Raises
    ------
    FileNotFoundError
        If this installation does not hold the file.
    """
    folder = os.environ.get(FOLDER_VARIABLE) if parts[0] == "pharmacogenes" else None
    if folder and Path(folder, *parts[1:]).is_file():
        return Path(folder, *parts[1:])
    path = files("varimol").joinpath("data")
    for part in parts:
        path = path.joinpath(part)
    if not path.is_file():
        raise FileNotFoundError(f"varimol/data/{'/'.join(parts)} is not part of this installation")
    return path


@cache
def _read_tsv(*parts: str, numeric: tuple[str, ...] = ()) -> pd.DataFrame:
    """Read a TSV table: text columns hold ``''`` where empty, ``numeric`` ones NaN or NA."""
    with data_file(*parts).open("rb") as handle:
        table = pd.read_csv(handle, sep="\t", dtype=str, keep_default_na=False, na_filter=False)
    for column in numeric:
        table[column] = pd.to_numeric(table[column].replace("", None))
    for column in table.columns.intersection([*_POSITIONS, *_WHOLE_NUMBERS]):
        table[column] = pd.to_numeric(table[column].replace("", None)).astype("Int64")
    return table


@cache
def _read_parquet(*parts: str) -> pd.DataFrame:
    """Read a Parquet table."""
    with as_file(data_file(*parts)) as path:
        return pd.read_parquet(path)


def genes(build: str) -> pd.DataFrame:
    """Genes of one build.

    Parameters
    ----------
    build
        ``GRCh37`` or ``GRCh38``.

    Returns
    -------
    pandas.DataFrame
        symbol, contig (canonical), start and end (1-based, closed), biotype.

    Raises
    ------
    ValueError
        If the build is not one of the two.
    """
    if build not in BUILDS:
        raise ValueError(f"build {build!r}: expected one of {', '.join(BUILDS)}")
    table = _read_parquet("genes.parquet")
    return table[table["build"] == build].drop(columns="build").reset_index(drop=True)


def build_sites() -> pd.DataFrame:
    """Single-base sites with positions and reference bases on both builds, for build detection.

    Returns
    -------
    pandas.DataFrame
        rsid, contig (canonical), position_grch37, position_grch38, ref_grch37, ref_grch38.
    """
    table = _read_tsv("pharmacogenes", "build_sites.tsv")
    return table.astype(dict.fromkeys(_POSITIONS, "int64"))


def proteins() -> pd.DataFrame:
    """Protein sequences by gene symbol and accession, with isoform, domain and source."""
    return _read_parquet("proteins.parquet").copy()


def drugs() -> pd.DataFrame:
    """Approved drugs with names, structures, source and licence."""
    return _read_tsv("drugs.tsv").copy()


def pharmacogenes() -> pd.DataFrame:
    """Pharmacogenes: where each lies and by what kind of call it is read.

    Returns
    -------
    pandas.DataFrame
        gene, contig (canonical), strand, start_grch38, end_grch38, start_grch37, end_grch37 (1-based, closed;
        NA for genes that no source places), method (diplotype, lowest_function, genotype or outside, see
        `varimol.curate.pharmacogene_genes`), copy_number (1: no confident call without it),
        structural_variants (1: alleles are known that small variants do not show), ploidy (autosome, X or MT;
        empty where the contig is), reference_allele, source, source_row, source_version.

    Examples
    --------
    >>> genes = pharmacogenes().set_index("gene")
    >>> genes.loc["DPYD", "method"], int(genes.loc["CYP2D6", "copy_number"]), genes.loc["HLA-B", "method"]
    ('lowest_function', 1, 'outside')
    """
    return _read_tsv("pharmacogenes", "genes.tsv").copy()


def pharmacogene_exons() -> pd.DataFrame:
    """Exons of the pharmacogenes on both builds, of one transcript each.

    Returns
    -------
    pandas.DataFrame
        gene, build (GRCh37 or GRCh38), contig (canonical), start, end (1-based, closed), source, source_row,
        source_version.

    Examples
    --------
    >>> exons = pharmacogene_exons().query("gene == 'NUDT15' and build == 'GRCh38'")
    >>> exons[["start", "end"]].to_numpy().tolist()[0]
    [48037726, 48037904]
    """
    return _read_tsv("pharmacogenes", "exons.tsv").copy()


POPULATIONS = ("AFR", "AMR", "EAS", "EUR", "SAS")
"""Super-populations of 1000 Genomes."""


def allele_definitions() -> pd.DataFrame:
    """Star alleles: one row per (allele, defining variant).

    Returns
    -------
    pandas.DataFrame
        gene, allele, contig, position_grch38, ref_grch38, position_grch37, ref_grch37 (the bases that the two
        reference sequences carry), position_grch37_from (``listed`` or ``distance``), alt (what the allele
        carries, on either build), optional (1: the allele is seen with and without it), rsid, source,
        source_version, frequency (of the allele in the super-population of 1000 Genomes where it is most
        common, NaN where the gene was not counted), frequency_AFR to frequency_SAS (in each super-population),
        activity (0 none, 0.5 reduced, 1 normal; NaN where it is not known), method, copy_number and ploidy of
        the gene (`pharmacogenes`). At a site without a row an allele carries ``ref_grch38``. An allele
        without any variant has one row without a position.

    See Also
    --------
    genomics.call_diplotypes : calls patients against this table.
    """
    table = _read_tsv("pharmacogenes", "allele_definitions.tsv")
    functions = allele_functions()
    by_function = functions["function"].str.lower().map(_ACTIVITY)
    functions["activity"] = functions["activity_value"].fillna(by_function)
    counted = allele_frequencies().rename(columns={name: f"frequency_{name}" for name in POPULATIONS})
    shares = ["frequency", "optional_variants", *(f"frequency_{name}" for name in POPULATIONS)]
    for more in (counted[["gene", "allele", *shares]], functions[["gene", "allele", "activity"]]):
        table = table.merge(more, on=["gene", "allele"], how="left")
    return table.merge(pharmacogenes()[["gene", "method", "copy_number", "ploidy"]], on="gene", how="left")


def disagreements() -> pd.DataFrame:
    """Where the sources of the pharmacogene tables say different things of the same allele.

    Returns
    -------
    pandas.DataFrame
        gene, allele, field (see `varimol.curate.pharmacogene_disagreements`), first_source, first_value,
        second_source, second_value, kept (the source whose value the tables carry).
    """
    return _read_tsv("pharmacogenes", "disagreements.tsv").copy()


def allele_frequencies() -> pd.DataFrame:
    """Frequencies of star alleles among the phased haplotypes of 1000 Genomes.

    Returns
    -------
    pandas.DataFrame
        gene, allele, count, n_haplotypes (all populations; NaN where not counted), frequency (the highest of
        the populations' shares), population (the one that has it), AFR, AMR, EAS, EUR, SAS (the share in each
        super-population; NaN where a publication gives one share alone), source, source_version.
    """
    numeric = ("count", "n_haplotypes", "frequency", *POPULATIONS)
    return _read_tsv("pharmacogenes", "allele_frequencies.tsv", numeric=numeric).copy()


def allele_functions() -> pd.DataFrame:
    """Clinical function of each star allele.

    Returns
    -------
    pandas.DataFrame
        gene, allele (structural ones such as ``*5`` and ``*4x2`` among them), function, activity_value (NaN
        where none), source, source_row, source_version.
    """
    return _read_tsv("pharmacogenes", "allele_functions.tsv", numeric=("activity_value",)).copy()


def phenotype_rules() -> pd.DataFrame:
    """From a pair of functions (or activity values) to a phenotype.

    Returns
    -------
    pandas.DataFrame
        gene, key_1 and key_2 (in sorted order; functions, or activity values written as text; key_2 is empty
        for one copy: a man's X, mitochondrial DNA), activity_score (NaN where none), phenotype, source,
        source_row, source_version.
    """
    return _read_tsv("pharmacogenes", "phenotype_rules.tsv", numeric=("activity_score",)).copy()


def phenotype_scores() -> pd.DataFrame:
    """From an activity score to a phenotype, for genes whose copies may be more than two (CYP2D6).

    Returns
    -------
    pandas.DataFrame
        gene, phenotype, minimum (of the score), below (the score is less than this; NaN for no limit), source,
        source_row, source_version.
    """
    return _read_tsv("pharmacogenes", "phenotype_scores.tsv", numeric=("minimum", "below")).copy()


def gene_drugs() -> pd.DataFrame:
    """Pairs of a gene and a drug of which the sources tell the level of evidence, with or without guidance.

    Returns
    -------
    pandas.DataFrame
        gene, drug, cpic_level (A to D), cpic_status, pharmgkb_level, fda_label, guideline (address), pmid
        (several joined by ``;``), source, source_row, source_version.
    """
    return _read_tsv("pharmacogenes", "gene_drugs.tsv").copy()


def guidance() -> pd.DataFrame:
    """Published dosing guidance as actions.

    Returns
    -------
    pandas.DataFrame
        drug, gene, phenotype, gene_2, phenotype_2 (empty for drugs of one gene; ``None`` is a gene without a
        result), action (see `varimol.curate.guidance.ACTIONS`), recommendation, strength (empty where the
        source has none), population, cpic_level, guideline and pmid (of the pair of gene and drug, see
        `gene_drugs`), source, source_row (1-based; ``155, as 149`` where the source leaves row 155 open and
        all it says for one of the phenotypes is what row 149 says), source_version.
    """
    return _read_tsv("pharmacogenes", "guidance.tsv").copy()


def known_drug_actions() -> pd.DataFrame:
    """Drugs with the genes of their targets, the kind of action, and their source."""
    return _read_tsv("known_drug_actions.tsv").copy()


def variant_drug_evidence() -> pd.DataFrame:
    """Published variant-drug evidence, with levels, directions and sources."""
    return _read_tsv("variant_drug_evidence.tsv").copy()


def site_frequencies() -> pd.DataFrame:
    """Sites with population frequencies on GRCh38, which the simulator draws from.

    Returns
    -------
    pandas.DataFrame
        gene, rsid, contig, position, ref, alt, a frequency of ALT per super-population (AFR, AMR, EAS, EUR,
        SAS), kind, consequence, strand, amino_acid_change.
    """
    return _read_tsv("site_frequencies.tsv", numeric=_POPULATIONS).copy()


def haplotype_frequencies() -> pd.DataFrame:
    """Haplotypes of the simulator's genes with their frequencies."""
    return _read_tsv("haplotype_frequencies.tsv", numeric=_POPULATIONS).copy()


def sources() -> list[dict[str, str]]:
    """Name, version and licence of everything the shipped tables and networks were made from."""
    return [dict(zip(row.index, map(str, row))) for _, row in _read_tsv("sources.tsv").iterrows()]
