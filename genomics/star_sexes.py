"""What a patient's stated sex, or else the calls, say of the copies of a gene on X."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int8

from genomics.sex_chromosomes import FEMALE, MALE
from genomics.star_match import FILL, UNKNOWN
from genomics.star_remarks import Remark
from genomics.star_rows import name_sites

HETEROZYGOUS_MAN = (
    "stated to be male, but heterozygous on X: the sex or the calls are wrong, or there are two copies of X"
)
ONE_COPY = "one copy of the gene, as stated to be male"
TWO_ASSUMED = "sex not known: two copies of the gene assumed, as calls are written with two"
ONE_BY_CALLS = "sex not known: one copy of the gene, as some calls on X are of one"
OTHER_UNKNOWN = "stated to be female: calls of one copy leave the other unknown"


@dataclass(frozen=True)
class CopiesOnX:
    """A gene's codes with as many copies as each patient has of X.

    Attributes
    ----------
    codes
        Code of each haplotype, `FILL` for a copy that is not there.
    one_copy
        Who has one copy.
    remarks
        What was taken for granted of whom, and whose calls cannot be those of the sex.
    """

    codes: Int8[np.ndarray, "sites samples 2"]
    one_copy: Bool[np.ndarray, " samples"]
    remarks: tuple[Remark, ...]


def settle_copies_on_x(
    codes: Int8[np.ndarray, "sites samples 2"],
    heterozygous_men: Bool[np.ndarray, " samples"],
    sexes: Int8[np.ndarray, " samples"] | None,
    names: Sequence[str],
) -> CopiesOnX:
    """Settle how many copies of a gene on X each patient has, by the sex or else by the calls.

    Parameters
    ----------
    codes
        Code of each haplotype; a site that was not observed may have two where there is one.
    heterozygous_men
        Men with a call of two unlike alleles.
    sexes
        1 male, 2 female, 0 unknown; None where nobody's is known. One of unknown sex with a call of one copy has
        one copy, unless another call is of two unlike alleles, which contradicts it.
    names
        The sites' names.

    Examples
    --------
    >>> calls = np.array([[[1, FILL], [1, FILL], [0, 1]], [[UNKNOWN, UNKNOWN], [0, 0], [0, 0]]], dtype=np.int8)
    >>> found = settle_copies_on_x(calls, np.zeros(3, bool), np.array([1, 2, 0], dtype=np.int8), ["rs1", "rs2"])
    >>> found.codes[:, 0].tolist(), found.codes[:, 1].tolist(), found.one_copy.tolist()
    ([[1, -2], [-1, -2]], [[1, -1], [0, 0]], [True, False, False])
    >>> [(remark.text, remark.samples.tolist()) for remark in found.remarks][-1]
    ('sex not known: two copies of the gene assumed, as calls are written with two', [False, False, True])
    """
    known = np.zeros(codes.shape[1], dtype=np.int8) if sexes is None else sexes
    men, women = known == MALE, known == FEMALE
    one_of_two = (codes == FILL).any(axis=(0, 2)) & women
    one_written = codes[:, :, 1] == FILL
    unlike = (codes[:, :, 0] != codes[:, :, 1]) & (codes != UNKNOWN).all(axis=2) & ~one_written
    by_calls = one_written.any(axis=0) & ~men & ~women
    contradicting = by_calls & unlike.any(axis=0)
    by_calls &= ~contradicting
    one_copy = men | by_calls
    settled = np.where((codes == FILL) & ~one_copy[:, None], UNKNOWN, codes).astype(np.int8)
    half = one_copy & (codes[:, :, 0] == UNKNOWN) & ~one_written
    settled[:, :, 0] = np.where(half, codes[:, :, 1], settled[:, :, 0])
    settled[:, one_copy, 1] = FILL
    two_written = ((codes != UNKNOWN).all(axis=2) & ~one_written).any(axis=0)
    remarks = (
        Remark(HETEROZYGOUS_MAN, heterozygous_men, refuses=True),
        *_contradictions(one_written, unlike, contradicting, names),
        Remark(ONE_COPY, men),
        Remark(OTHER_UNKNOWN, one_of_two),
        Remark(ONE_BY_CALLS, by_calls & two_written),
        Remark(TWO_ASSUMED, ~men & ~women & ~one_copy & ~contradicting),
    )
    return CopiesOnX(settled, one_copy, remarks)


def _contradictions(
    one_written: Bool[np.ndarray, "sites samples"],
    unlike: Bool[np.ndarray, "sites samples"],
    contradicting: Bool[np.ndarray, " samples"],
    names: Sequence[str],
) -> list[Remark]:
    """Say to each of unknown sex where the calls are of one copy, and where of two unlike alleles."""
    said: dict[str, Bool[np.ndarray, " samples"]] = {}
    for sample in np.flatnonzero(contradicting).tolist():
        one, two = (
            name_sites([names[i] for i in np.flatnonzero(at[:, sample]).tolist()], len(names))
            for at in (one_written, unlike)
        )
        text = f"sex not known: one copy is called at {one}, but two unlike alleles at {two}"
        said.setdefault(text, np.zeros(len(contradicting), dtype=bool))[sample] = True
    return [Remark(text, samples, refuses=True) for text, samples in said.items()]
