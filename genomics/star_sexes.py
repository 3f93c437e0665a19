"""What a patient's stated sex says of the copies of a gene on X."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int8

from genomics.sex_chromosomes import FEMALE, MALE
from genomics.star_match import FILL, UNKNOWN
from genomics.star_patterns import settle_ploidy
from genomics.star_remarks import Remark

HETEROZYGOUS_MAN = (
    "stated to be male, but heterozygous on X: the sex or the calls are wrong, or there are two copies of X"
)
ONE_COPY = "one copy of the gene, as stated to be male"
TWO_ASSUMED = "sex not known: two copies of the gene assumed, as calls are written with two"
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
) -> CopiesOnX:
    """Settle how many copies of a gene on X each patient has, by the sex or else by the calls.

    Parameters
    ----------
    codes
        Code of each haplotype; a site that was not observed may have two where there is one.
    heterozygous_men
        Men with a call of two unlike alleles.
    sexes
        1 male, 2 female, 0 unknown; None where nobody's is known.

    Examples
    --------
    >>> calls = np.array([[[1, FILL], [1, FILL], [0, 1]], [[UNKNOWN, UNKNOWN], [0, 0], [0, 0]]], dtype=np.int8)
    >>> found = settle_copies_on_x(calls, np.zeros(3, bool), np.array([1, 2, 0], dtype=np.int8))
    >>> found.codes[:, 0].tolist(), found.codes[:, 1].tolist(), found.one_copy.tolist()
    ([[1, -2], [-1, -2]], [[1, -1], [0, 0]], [True, False, False])
    >>> [(remark.text, remark.samples.tolist()) for remark in found.remarks][-1]
    ('sex not known: two copies of the gene assumed, as calls are written with two', [False, False, True])
    """
    known = np.zeros(codes.shape[1], dtype=np.int8) if sexes is None else sexes
    men, women = known == MALE, known == FEMALE
    one_of_two = (codes == FILL).any(axis=(0, 2)) & women
    settled = np.where((codes == FILL) & women[:, None], UNKNOWN, codes).astype(np.int8)
    one_copy = men | settle_ploidy(settled)[1]
    settled[:, one_copy, 1] = FILL
    remarks = (
        Remark(HETEROZYGOUS_MAN, heterozygous_men, refuses=True),
        Remark(ONE_COPY, men),
        Remark(OTHER_UNKNOWN, one_of_two),
        Remark(TWO_ASSUMED, ~men & ~women & ~one_copy),
    )
    return CopiesOnX(settled, one_copy, remarks)
