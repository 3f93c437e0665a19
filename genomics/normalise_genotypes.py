"""Genotypes of one site that several records tell, each of them of other alternate alleles."""

from __future__ import annotations

import numpy as np

from genomics.block import FILL, MISSING


def join_genotypes(
    calls: np.ndarray, phased: np.ndarray, star: int = -1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Join the calls of records at one site.

    Where the records agree on which chromosome carries what, alleles keep their places. Otherwise, in
    calls without phase, they are gathered and what is left is the reference or missing. A call that is
    missing whole says nothing of ploidy. ``*`` gives way to the allele that another record has there.

    Parameters
    ----------
    calls : (records, samples, ploidy)
        Allele numbers of the joined record.
    phased : bool (records, samples)
    star
        Number of the allele ``*``, -1 where there is none.

    Returns
    -------
    genotypes : (samples, ploidy)
    phased : bool (samples,)
    conflicts : bool (samples,)
        More alleles than chromosomes, or different ploidies; the call is missing.

    Examples
    --------
    >>> calls = np.array([[[1, 0], [0, 1]], [[0, 2], [0, 2]]])
    >>> genotypes, _, conflicts = join_genotypes(calls, np.array([[True, False], [True, False]]))
    >>> genotypes.tolist(), conflicts.tolist()
    ([[1, 2], [1, 2]], [False, False])
    """
    slots, ploidy, conflict = _aligned_slots(calls)
    is_alt = (slots > 0) & (slots != star)
    highest = np.where(is_alt, slots, 0).max(axis=0)
    lowest = np.where(is_alt, slots, np.iinfo(slots.dtype).max).min(axis=0)
    agreed = ((highest == 0) | (highest == lowest)).all(axis=1)
    has_star = np.equal(slots, star).any(axis=0) & (star > 0)
    unknown = np.where(np.equal(slots, MISSING).any(axis=0), MISSING, 0)
    joined = np.where(highest > 0, highest, np.where(has_star, star, unknown))
    known = (calls >= 0).any(axis=2)
    ordered = (phased | ~known | _is_uniform(calls)).all(axis=0) & (
        phased & (known | ~known.any(axis=0))
    ).any(axis=0)
    for sample in np.flatnonzero(~agreed & ~conflict).tolist():
        alleles = None if ordered[sample] else _gathered(slots[:, sample, : ploidy[sample]], star)
        if alleles is None:
            conflict[sample] = True
        else:
            joined[sample, : ploidy[sample]] = alleles
    joined[conflict] = MISSING
    joined[np.greater_equal(np.arange(joined.shape[1]), ploidy[:, None])] = FILL
    return joined.astype(calls.dtype), ordered & np.asarray(ploidy > 1), conflict


def _aligned_slots(calls: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give each record's call the joined ploidy, all missing where the record does not know the call."""
    ploidies = (calls != FILL).sum(axis=2)
    known = np.greater_equal(calls, 0).any(axis=2)
    told = np.where(known, ploidies, 0)
    ploidy = np.where(known.any(axis=0), told.max(axis=0), ploidies.max(axis=0))
    conflict = np.logical_and(told > 0, np.not_equal(told, ploidy)).any(axis=0)
    return np.where(known[..., None], calls, MISSING), ploidy, conflict


def _is_uniform(calls: np.ndarray) -> np.ndarray:
    """Tell the calls whose alleles are all the same, where places tell nothing."""
    first = calls[..., :1]
    return ((calls == first) | (calls == FILL)).all(axis=-1)


def _gathered(slots: np.ndarray, star: int) -> list[int] | None:
    """Gather the alleles of an unphased call; None where they are more than its chromosomes."""
    copies: dict[int, int] = {}
    for record in slots.tolist():
        for allele in {allele for allele in record if allele > 0 and allele != star}:
            copies[allele] = max(copies.get(allele, 0), record.count(allele))
    alleles = [allele for allele in sorted(copies) for _ in range(copies[allele])]
    left = slots.shape[1] - len(alleles)
    if left < 0:
        return None
    sure = all(MISSING not in record and star not in record for record in slots.tolist())
    return [0 if sure else MISSING] * left + alleles
