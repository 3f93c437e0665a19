"""X, Y and the mitochondrion: where they are haploid in whom, and calls made so."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from genomics.block import ABSENT, FILL, MISSING, NO_CALL, VariantBlock
from genomics.contigs import canonical_contig
from genomics.errors import InputError

UNKNOWN, MALE, FEMALE = 0, 1, 2
"""Sexes as PLINK writes them."""

PSEUDO_AUTOSOMAL: dict[str, dict[str, tuple[tuple[int, int], tuple[int, int]]]] = {
    "GRCh37": {
        "X": ((60_001, 2_699_520), (154_931_044, 155_260_560)),
        "Y": ((10_001, 2_649_520), (59_034_050, 59_363_566)),
    },
    "GRCh38": {
        "X": ((10_001, 2_781_479), (155_701_383, 156_030_895)),
        "Y": ((10_001, 2_781_479), (56_887_903, 57_217_415)),
    },
}
"""PAR1 and PAR2 by build and contig, 1-based, closed, as the Genome Reference Consortium gives them with the
assemblies GCA_000001405.1 and GCA_000001405.15. The X-transposed region is no part of them: there X and Y have
diverged, and a man is haploid on both."""

_WORDS = {"1": MALE, "m": MALE, "male": MALE, "2": FEMALE, "f": FEMALE, "female": FEMALE}


def in_pseudo_autosomal(contig: str, positions: np.ndarray, build: str) -> np.ndarray:
    """Tell which positions of a contig lie in PAR1 or PAR2.

    Parameters
    ----------
    contig
        By any name.
    positions : int (n,)
        1-based.
    build
        ``GRCh37`` or ``GRCh38``.

    Returns
    -------
    bool (n,)

    Raises
    ------
    InputError
        The build is unknown.

    Examples
    --------
    >>> in_pseudo_autosomal("chrX", np.array([10_000, 10_001, 2_781_479, 2_781_480]), "GRCh38").tolist()
    [False, True, True, False]
    """
    if build not in PSEUDO_AUTOSOMAL:
        raise InputError(
            f"the pseudo-autosomal regions of build {build!r} are not known", field="build",
            expected="GRCh37 or GRCh38", hint="give --build if you know it",
        )  # fmt: skip
    positions = np.asarray(positions)
    inside = np.zeros(positions.shape, bool)
    for start, end in PSEUDO_AUTOSOMAL[build].get(canonical_contig(contig), ()):
        inside |= (positions >= start) & (positions <= end)
    return inside


def expected_ploidy(contig: str, positions: np.ndarray, sex: int, build: str) -> np.ndarray:
    """Say how many alleles a person has at positions of a contig.

    Parameters
    ----------
    contig
        By any name.
    positions : int (n,)
        1-based.
    sex
        1 male, 2 female, 0 unknown.
    build
        ``GRCh37`` or ``GRCh38``.

    Returns
    -------
    int8 (n,)
        2 on autosomes, 1 on MT; on X 2 for women, and for men 2 in the pseudo-autosomal regions and 1
        outside; on Y 0 for women and 1 for men, whose second copy of those regions is that of X, to which
        reads of both are mapped. -1 where it depends on a sex that is unknown.

    Examples
    --------
    >>> positions = np.array([100_000, 50_000_000])
    >>> [expected_ploidy("X", positions, sex, "GRCh37").tolist() for sex in (MALE, FEMALE, UNKNOWN)]
    [[2, 1], [2, 2], [2, -1]]
    >>> expected_ploidy("chrY", positions, FEMALE, "GRCh38").tolist()
    [0, 0]
    """
    name, positions = canonical_contig(contig), np.asarray(positions)
    if name == "X":
        outside = {MALE: 1, FEMALE: 2}.get(sex, -1)
        return np.where(in_pseudo_autosomal(name, positions, build), 2, outside).astype(np.int8)
    ploidy = {"MT": 1, "Y": {MALE: 1, FEMALE: 0}.get(sex, -1)}.get(name, 2)
    return np.full(positions.shape, ploidy, np.int8)


def parse_sex(text: object) -> int:
    """Read a sex: 1, M, male; 2, F, female; anything else is unknown.

    Examples
    --------
    >>> parse_sex("male"), parse_sex("2"), parse_sex("NA"), parse_sex(1.0)
    (1, 2, 0, 1)
    """
    return _WORDS.get(str(text).strip().lower().removesuffix(".0"), UNKNOWN)


def read_sexes(path: str | os.PathLike[str], samples: Sequence[str]) -> np.ndarray:
    r"""Read the samples' sexes from a table with columns sample_id (or IID) and sex.

    Parameters
    ----------
    path
        Tab- or blank-separated; a ``.psam`` file is one.
    samples
        Names in the order wanted.

    Returns
    -------
    int8 (n_samples,)
        1 male, 2 female, 0 unknown or not in the table.

    Raises
    ------
    InputError
        The file is missing, or lacks a column, or states two sexes for one sample.

    Examples
    --------
    >>> import tempfile
    >>> table = Path(tempfile.mkdtemp()) / "sexes.tsv"
    >>> _ = table.write_text("sample_id sex\nA 1\nB female\n")
    >>> read_sexes(table, ["B", "A", "C"]).tolist()
    [2, 1, 0]
    """
    path = Path(path)
    if not path.is_file():
        raise InputError("no such table of sexes", file=path)
    try:
        table = pd.read_csv(path, sep=r"\s+", dtype=str, keep_default_na=False)
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        text = " ".join(str(error).split())
        raise InputError(f"not a table ({text})", file=path, expected="a header line and rows") from None
    names = {name.lstrip("#").lower(): name for name in table.columns}
    key = next((names[name] for name in ("sample_id", "iid") if name in names), None)
    if key is None or "sex" not in names:
        raise InputError(
            "a column is missing", file=path, field="header", expected="sample_id (or IID) and sex",
            hint="name the columns in the first line, with tabs or spaces between them",
        )  # fmt: skip
    table = pd.DataFrame({"sample": table[key], "sex": table[names["sex"]].map(parse_sex)}).drop_duplicates()
    if table["sample"].duplicated().any():
        twice = table.loc[table["sample"].duplicated(), "sample"].iloc[0]
        raise InputError(
            "two sexes for one sample", file=path, record=str(twice), field="sex", expected="one line for each sample"
        )  # fmt: skip
    stated = dict(zip(table["sample"], table["sex"], strict=True))
    return np.array([stated.get(name, UNKNOWN) for name in samples], np.int8)


def haploid_by_sex(
    block: VariantBlock, sexes: np.ndarray, build: str | None
) -> tuple[VariantBlock, dict[str, int]]:
    """Give men's calls on X and Y outside the pseudo-autosomal regions one allele, and women none on Y.

    A man's homozygous diploid call becomes haploid, his heterozygous one a haploid no-call; a woman's call
    on Y becomes a no-call. People of unknown sex, and calls on MT, stay as they are written.

    Parameters
    ----------
    block
        Records of any contigs.
    sexes : (n_samples,)
        1 male, 2 female, 0 unknown.
    build
        ``GRCh37`` or ``GRCh38``; None is refused once a record lies on X or Y.

    Returns
    -------
    block : VariantBlock
        The same object where no record lies on X or Y.
    counts : dict
        ``men_made_haploid``, ``men_heterozygous``, ``women_on_y``: calls changed.

    Raises
    ------
    InputError
        The build is unknown, or there are not as many sexes as samples.

    Examples
    --------
    >>> from genomics.block import empty_block
    >>> block = replace(
    ...     empty_block(2), contigs=["X"], positions=np.array([50_000_000]), alleles=[("A", "G")],
    ...     genotypes=np.array([[[1, 1], [0, 1]]], np.int8), states=np.zeros((1, 2), np.int8),
    ...     phased=np.zeros((1, 2), bool))
    >>> changed, _ = haploid_by_sex(block, np.array([1, 1]), "GRCh38")
    >>> changed.genotypes.tolist(), changed.states.tolist()
    ([[[1, -2], [-1, -2]]], [[0, 1]])
    """
    counts = {"men_made_haploid": 0, "men_heterozygous": 0, "women_on_y": 0}
    rows_of = _sex_rows(block)
    if not rows_of:
        return block, counts
    if len(sexes) != block.n_samples:
        raise InputError(
            f"{len(sexes)} sexes for {block.n_samples} samples", field="sexes", expected="one for each sample"
        )
    genotypes, states, phased = block.genotypes.copy(), block.states.copy(), block.phased.copy()
    for contig, rows in rows_of.items():
        outside = rows[~in_pseudo_autosomal(contig, block.positions[rows], str(build))]
        men = np.ix_(outside, np.flatnonzero(sexes == MALE))
        calls = genotypes[men]
        made, diploid, mixed = to_haploid(calls)
        heterozygous = mixed & ~(calls == MISSING).any(axis=-1)
        counts["men_made_haploid"] += int((diploid & ~heterozygous).sum())
        counts["men_heterozygous"] += int(heterozygous.sum())
        genotypes[men] = made
        states[men] = np.where(mixed, NO_CALL, states[men])
        phased[men] &= ~diploid
        if contig == "Y":
            women = np.ix_(rows, np.flatnonzero(sexes == FEMALE))
            calls = genotypes[women]
            counts["women_on_y"] += int((calls >= 0).any(axis=-1).sum())
            genotypes[women] = np.where(calls >= 0, MISSING, calls)
            states[women] = np.where(states[women] == ABSENT, ABSENT, NO_CALL)
    return replace(block, genotypes=genotypes, states=states, phased=phased), counts


def _sex_rows(block: VariantBlock) -> dict[str, np.ndarray]:
    """Rows on X and on Y."""
    rows: dict[str, list[int]] = {}
    name_of = {contig: canonical_contig(contig) for contig in set(block.contigs)}
    if {"X", "Y"}.isdisjoint(name_of.values()):
        return {}
    for row, contig in enumerate(block.contigs):
        if name_of[contig] in ("X", "Y"):
            rows.setdefault(name_of[contig], []).append(row)
    return {contig: np.array(found) for contig, found in rows.items()}


def to_haploid(calls: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut calls to one allele; also tell which had more, and which of those had unlike ones.

    Parameters
    ----------
    calls : (..., ploidy)

    Returns
    -------
    haploid : (..., ploidy)
        Unlike alleles become missing.
    diploid, mixed : bool (...)

    Examples
    --------
    >>> [values.tolist() for values in to_haploid(np.array([[1, 1], [0, 1], [1, -2]]))]
    [[[1, -2], [-1, -2], [1, -2]], [True, True, False], [False, True, False]]
    """
    diploid = (calls != FILL).sum(axis=-1) > 1
    alleles = np.where(calls == FILL, calls[..., :1], calls)
    mixed = diploid & (alleles != alleles[..., :1]).any(axis=-1)
    haploid = np.full_like(calls, FILL)
    haploid[..., 0] = np.where(mixed, MISSING, calls[..., 0])
    return np.where(diploid[..., None], haploid, calls), diploid, mixed
