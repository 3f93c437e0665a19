"""Probabilities of what each haplotype carries at a site, from the genotype probabilities of imputed calls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int8

from genomics.star_match import FILL

# Files round probabilities to two or three digits.
_TOLERANCE = 0.05


def allele_probabilities(
    genotypes: np.ndarray,
    phased: Bool[np.ndarray, " samples"],
    n_alleles: int,
    *,
    genotype_probabilities: np.ndarray | None = None,
    haplotype_dosages: np.ndarray | None = None,
) -> Float[np.ndarray, "samples alleles alleles"]:
    """Tell the probability of each ordered pair of alleles at one record.

    Parameters
    ----------
    genotypes
        (samples, 2) allele numbers, -1 missing, -2 fill.
    phased
        Whether the call is phased: the probability of a heterozygous call then stays with its order.
    n_alleles
        REF and ALTs.
    genotype_probabilities
        (samples, genotypes) FORMAT GP, in the order of the VCF specification: 0/0, 0/1, 1/1, 0/2, ...;
        one value for each allele where a call is haploid.
    haplotype_dosages
        (samples, 2) FORMAT HDS of a record with one ALT: the probability that each haplotype carries it.
        Where it is there it is used, since it is phased.

    Returns
    -------
    numpy.ndarray
        float32; NaN for samples without probabilities. The probabilities of a haploid call are on the
        diagonal, and so are those of two equal alleles.

    References
    ----------
    The Variant Call Format Specification, VCFv4.3, section 1.6.2 (GP, order of genotypes).
    """
    pairs = np.full((len(genotypes), n_alleles, n_alleles), np.nan, dtype=np.float32)
    if genotype_probabilities is not None:
        _from_genotypes(pairs, genotypes, phased, genotype_probabilities)
    if haplotype_dosages is not None and n_alleles == 2:
        _from_haplotypes(pairs, haplotype_dosages)
    return pairs


def have_probabilities(
    genotypes: np.ndarray,
    n_alleles: int,
    *,
    genotype_probabilities: np.ndarray | None = None,
    haplotype_dosages: np.ndarray | None = None,
) -> Bool[np.ndarray, " samples"]:
    """Tell which calls of one record have probabilities that `allele_probabilities` takes.

    Genotype probabilities are one for each genotype, none below 0, and sum to 1; haplotype dosages lie from 0
    to 1, and the record has one ALT. The parameters are those of `allele_probabilities`.
    """
    found = np.zeros(len(genotypes), dtype=bool)
    if genotype_probabilities is not None:
        for rows, count in _genotype_counts(genotypes, n_alleles):
            found |= rows & _are_probabilities(genotype_probabilities, count)
    if haplotype_dosages is not None and n_alleles == 2:
        for rows in _haplotype_rows(haplotype_dosages):
            found |= rows
    return found


def _genotype_counts(genotypes: np.ndarray, n_alleles: int) -> list[tuple[Bool[np.ndarray, " samples"], int]]:
    """Calls of two copies and of one, and how many genotypes each may have."""
    haploid = genotypes[:, 1] == FILL
    return [(~haploid, n_alleles * (n_alleles + 1) // 2), (haploid, n_alleles)]


def _from_genotypes(
    pairs: np.ndarray, genotypes: np.ndarray, phased: np.ndarray, probabilities: np.ndarray
) -> None:
    n_alleles = pairs.shape[1]
    for rows, count in _genotype_counts(genotypes, n_alleles):
        rows = rows & _are_probabilities(probabilities, count)
        values = probabilities[rows, :count]
        here = np.zeros((len(values), n_alleles, n_alleles), dtype=np.float32)
        for k in range(values.shape[1]):
            low, high = (k, k) if count == n_alleles else _genotype(k)
            here[:, low, high] += values[:, k] / 2
            here[:, high, low] += values[:, k] / 2
        pairs[rows] = here / here.sum(axis=(1, 2), keepdims=True)
    ordered = np.flatnonzero(phased & (genotypes[:, 0] != genotypes[:, 1]) & (genotypes >= 0).all(axis=1))
    first, second = genotypes[ordered, 0], genotypes[ordered, 1]
    pairs[ordered, first, second] *= 2
    pairs[ordered, second, first] *= 0


def _are_probabilities(values: np.ndarray, count: int) -> Bool[np.ndarray, " samples"]:
    """Whether the values are ``count`` and sum to 1; older files have GP as phred scores, which do not."""
    if values.shape[1] < count:
        return np.zeros(len(values), dtype=bool)
    used = values[:, :count]
    complete = np.isfinite(used).all(axis=1) & ~np.isfinite(values[:, count:]).any(axis=1)
    total = np.where(complete[:, None], used, 0).sum(axis=1)
    return (
        complete & (np.abs(total - 1) <= _TOLERANCE) & (np.where(complete[:, None], used, 0) >= 0).all(axis=1)
    )


def _genotype(number: int) -> tuple[int, int]:
    """Alleles of a genotype, the lower first.

    Examples
    --------
    >>> [_genotype(k) for k in range(6)]
    [(0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2)]
    """
    high = 0
    while (high + 1) * (high + 2) // 2 <= number:
        high += 1
    return number - high * (high + 1) // 2, high


def _from_haplotypes(pairs: np.ndarray, dosages: np.ndarray) -> None:
    first = dosages[:, 0]
    second = dosages[:, 1] if dosages.shape[1] > 1 else np.full(len(dosages), np.nan)
    a, b = np.stack([1 - first, first], axis=1), np.stack([1 - second, second], axis=1)
    both, single = _haplotype_rows(dosages)
    pairs[both] = (a[:, :, None] * b[:, None, :])[both]
    pairs[single] = (a[:, :, None] * np.eye(2))[single]


def _haplotype_rows(dosages: np.ndarray) -> tuple[Bool[np.ndarray, " samples"], Bool[np.ndarray, " samples"]]:
    """Calls with the dosages of two haplotypes, and with that of one."""
    first, *rest = dosages.T
    second = rest[0] if rest else np.full(len(dosages), np.nan)
    inside = (first >= 0) & (first <= 1)
    return inside & (second >= 0) & (second <= 1), inside & ~np.isfinite(second)


def of_one_copy(
    pairs: Float[np.ndarray, "samples alleles alleles"], samples: Bool[np.ndarray, " samples"]
) -> Float[np.ndarray, "samples alleles alleles"]:
    """Keep the probabilities of two equal alleles, which are those of the one copy that some samples have.

    Where most of the probability is that of unlike alleles, nothing is left.

    Examples
    --------
    >>> pairs = np.array([[[0.2, 0.1], [0.1, 0.6]], [[0.1, 0.3], [0.3, 0.3]]])
    >>> of_one_copy(pairs, np.array([True, True])).round(2).tolist()
    [[[0.25, 0.0], [0.0, 0.75]], [[nan, nan], [nan, nan]]]
    """
    if not samples.any():
        return pairs
    alike = pairs[samples] * np.eye(pairs.shape[1], dtype=pairs.dtype)
    total = alike.sum(axis=(1, 2), keepdims=True)
    kept = pairs.copy()
    kept[samples] = np.divide(alike, total, out=np.full_like(alike, np.nan), where=total >= 0.5)
    return kept


def code_probabilities(
    pairs: Float[np.ndarray, "samples alleles alleles"], told: Int8[np.ndarray, " alleles"], n_codes: int
) -> Float[np.ndarray, "samples codes codes"]:
    """Add up the probabilities of alleles that carry the same code; bases that no allele knows are left out.

    Parameters
    ----------
    pairs
        From `allele_probabilities`.
    told
        Code of each allele of the record.
    n_codes
        Codes of the site.
    """
    onto = np.zeros((len(told), n_codes), dtype=np.float32)
    known = told >= 0
    onto[np.flatnonzero(known), told[known]] = 1
    return np.einsum("sij,ik,jl->skl", pairs, onto, onto, optimize=True).astype(np.float32)


def join_probabilities(
    parts: Sequence[Float[np.ndarray, "samples codes codes"]], told: Sequence[Int8[np.ndarray, " alleles"]]
) -> Float[np.ndarray, "samples codes codes"]:
    """Join the probabilities of records that split one site's alternates.

    A record that does not know a code sees its haplotype as REF; each pair of codes has the product of what
    all records say of it.

    Parameters
    ----------
    parts
        Probabilities by record.
    told
        By record, the code of each allele.
    """
    if len(parts) == 1:
        return parts[0]
    joined = np.ones_like(parts[0])
    for part, codes in zip(parts, told):
        seen = np.array([code if code in codes else max(codes[0], 0) for code in range(part.shape[1])])
        joined *= part[:, seen[:, None], seen[None, :]]
    total = joined.sum(axis=(1, 2), keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > 0, joined / total, np.nan).astype(np.float32)
