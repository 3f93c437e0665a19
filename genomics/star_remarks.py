"""What is said of some patients' calls of a gene: it belongs to those alone whose calls they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, Int8

from genomics.star_alleles import StarGene
from genomics.star_rows import ROW_COLUMNS, Row, abstain, name_sites

TOO_MANY = "copies are called at {sites}: the gene cannot be read as two haplotypes"
HETEROPLASMIC = "called with and without the variant, as where part of the mitochondria have it, taken as not called: {sites}"
CONTRADICTING = "records that contradict each other, taken as not called: {sites}"
UNUSABLE = (
    "genotype probabilities that do not sum to 1 or are not one for each genotype, genotype taken: {sites}"
)


@dataclass(frozen=True)
class Remark:
    """Words on the calls of some patients.

    Attributes
    ----------
    text
        What was assumed in reading the calls, or why they cannot be called.
    samples
        (samples,): whose calls they are.
    refuses
        The calls contradict the copies of the gene: it is not called.
    """

    text: str
    samples: Bool[np.ndarray, " samples"]
    refuses: bool = False


@dataclass(frozen=True)
class Said:
    """All that is said of one patient's calls of a gene.

    Attributes
    ----------
    assumed
        What was assumed in reading them.
    refusal
        Why the gene is not called; empty where it may be.
    """

    assumed: tuple[str, ...] = ()
    refusal: str = ""


def remarks_on_calls(
    gene: StarGene,
    *,
    n_copies: Int8[np.ndarray, "sites samples"],
    mixed: Bool[np.ndarray, "sites samples"],
    contradicting: Bool[np.ndarray, "sites samples"],
    unusable: Bool[np.ndarray, "sites samples"],
) -> tuple[Remark, ...]:
    """Say of a gene's calls which are not taken as they are written.

    Parameters
    ----------
    gene
        The definition.
    n_copies
        Copies of calls of more than two, 0 elsewhere.
    mixed
        Calls of two unlike alleles where there is one copy. Of X the sex decides (`genomics.star_sexes`).
    contradicting
        Calls of which records contradict each other.
    unusable
        Calls whose probabilities are none, so that the genotype counts.
    """
    names = [site.name for site in gene.sites]
    remarks = [
        remark
        for number in np.unique(n_copies[n_copies > 0]).tolist()
        for remark in remark_on_sites(f"{number} {TOO_MANY}", n_copies == number, names, refuses=True)
    ]
    if gene.contig == "MT":
        changes = [
            f"m.{site.positions['GRCh38']}{site.bases[0]}>{','.join(site.bases[1:])}" for site in gene.sites
        ]
        remarks += remark_on_sites(HETEROPLASMIC, mixed, changes)
    remarks += remark_on_sites(CONTRADICTING, contradicting, names)
    return (*remarks, *remark_on_sites(UNUSABLE, unusable, names))


def remark_on_sites(
    text: str, at: Bool[np.ndarray, "sites samples"], names: Sequence[str], *, refuses: bool = False
) -> list[Remark]:
    """Say the same of sites, to each patient with the names of their own.

    Parameters
    ----------
    text
        The words, with ``{sites}`` where the names stand.
    at
        Of which sites and patients they hold.
    names
        The sites' names.
    refuses
        The gene is not called.

    Examples
    --------
    >>> at = np.array([[True, False, True], [True, False, False]])
    >>> [(r.text, r.samples.tolist()) for r in remark_on_sites("odd at {sites}", at, ["rs1", "rs2"])]
    [('odd at rs1', [False, False, True]), ('odd at rs1,rs2', [True, False, False])]
    """
    if not at.any():
        return []
    distinct, of_sample = np.unique(at, axis=1, return_inverse=True)
    return [
        Remark(
            text.format(sites=name_sites([names[i] for i in np.flatnonzero(which).tolist()], len(names))),
            of_sample.ravel() == number,
            refuses,
        )
        for number, which in enumerate(distinct.T)
        if which.any()
    ]


def group_remarks(
    remarks: Sequence[Remark], n_samples: int
) -> tuple[list[Said], Int[np.ndarray, " samples"]]:
    """Find the distinct sums of what is said, and which each patient has.

    Examples
    --------
    >>> odd, two = np.array([True, False, True]), np.array([True, False, False])
    >>> said, of_sample = group_remarks([Remark("odd", odd), Remark("two of one", two, refuses=True)], 3)
    >>> [said[number] for number in of_sample]  # doctest: +NORMALIZE_WHITESPACE
    [Said(assumed=('odd',), refusal='two of one'), Said(assumed=(), refusal=''),
     Said(assumed=('odd',), refusal='')]
    """
    if not remarks:
        return [Said()], np.zeros(n_samples, dtype=int)
    distinct, of_sample = np.unique(np.stack([r.samples for r in remarks]), axis=1, return_inverse=True)
    said = []
    for which in distinct.T:
        own = [remark for remark, holds in zip(remarks, which, strict=True) if holds]
        refusals = [remark.text for remark in own if remark.refuses]
        said.append(Said(tuple(r.text for r in own if not r.refuses), "; ".join(refusals)))
    return said, of_sample.ravel()


def withhold(rows: Sequence[Row], refusal: str) -> list[Row]:
    """Give the rows of a gene, or, where there is a refusal, one that abstains and tells the same sites."""
    if not refusal:
        return list(rows)
    first = dict(zip(ROW_COLUMNS, map(str, rows[0]), strict=True))
    sites = first["sites_missing"], first["sites_no_call"], first["sites_filtered"]
    return abstain(refusal, sites, first["assumptions"])
