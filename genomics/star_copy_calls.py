"""Diplotypes of a gene whose copies vary, from the candidates at two copies and the number of copies.

Variant calls tell which alleles are there, the number of copies how many; which of two alleles stands twice
they do not tell, unless the depths of the alleles do. Hybrids with a neighbouring gene may show in neither.
So a call here is `ambiguous` at most as long as nobody says that hybrids were looked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from genomics.star_names import AlleleCopies, haplotype_name, natural_order

NEEDS_COPY_NUMBER = "needs copy number: deletions, duplications and hybrids do not show in variant calls"
MINIMUM_POSTERIOR = 0.95
_NAMED = 3


@dataclass(frozen=True)
class StructuralAlleles:
    """Alleles of a gene that are no sequence of variants.

    Attributes
    ----------
    deletion
        The chromosome without the gene.
    hybrids
        Alleles made of this gene and its neighbour.
    """

    deletion: str
    hybrids: tuple[str, ...]


# PyPGx allele-table.csv, the alleles of CYP2D6 with SV = TRUE; tutorials and genes.rst name *5 the whole deletion.
STRUCTURAL = {"CYP2D6": StructuralAlleles("*5", ("*13", "*36", "*61", "*63", "*68"))}

Arrangement = tuple[str, int, str, int]
"""One chromosome's allele and its copies, then the other's."""


@dataclass(frozen=True)
class CopyCall:
    """Diplotypes, the most probable first, with what a row of a table of diplotypes says of them.

    Attributes
    ----------
    diplotypes
        Names such as ``*1x2/*4``; empty where the call abstains.
    posterior, posterior_no_prior
        As many, each summing to 1.
    status
        ``called``, ``ambiguous`` or ``abstain``.
    assumptions, reason
        What was taken for granted, and why it abstains.
    """

    diplotypes: tuple[str, ...]
    posterior: Float[np.ndarray, " diplotypes"]
    posterior_no_prior: Float[np.ndarray, " diplotypes"]
    status: str
    assumptions: str = ""
    reason: str = ""


def call_with_copies(
    gene: str,
    pairs: Sequence[tuple[str, ...]],
    posterior: Sequence[float] | np.ndarray,
    posterior_no_prior: Sequence[float] | np.ndarray,
    copy_number: float,
    *,
    observed: bool = True,
    hybrid_suspected: bool = False,
    hybrids_assessed: bool = False,
    log_likelihood: Callable[[Arrangement], float] | None = None,
) -> CopyCall:
    """Call a gene whose copies vary.

    Parameters
    ----------
    gene
        The gene.
    pairs
        All diplotypes that explain the variant calls at two copies, or single alleles where the calls are
        haploid; empty where none does.
    posterior, posterior_no_prior
        Their probabilities with and without the alleles' frequencies.
    copy_number
        Copies of the gene in the patient; NaN where they are not known.
    observed
        Some site of the gene was observed.
    hybrid_suspected
        A record of the file covers part of the gene, or has a breakend in it.
    hybrids_assessed
        Hybrids were looked for by other means and not found.
    log_likelihood
        Log-likelihood of the depths of the alleles' reads, see `genomics.star_allele_depth`; it chooses between
        arrangements of one pair. Without it they are equally probable.

    Returns
    -------
    CopyCall
        Abstains without a copy number, where a hybrid is suspected, and where the calls contradict the
        number. Every diplotype has as many copies as the number says.

    Raises
    ------
    ValueError
        The copy number is negative or not whole.

    Examples
    --------
    >>> call = call_with_copies("CYP2D6", [("*1", "*4")], [1.0], [1.0], 3)
    >>> call.diplotypes, call.posterior.tolist(), call.status
    (('*1/*4x2', '*1x2/*4'), [0.5, 0.5], 'ambiguous')
    """
    if math.isnan(copy_number):
        return _abstain(NEEDS_COPY_NUMBER, _candidates_alone(pairs, posterior))
    if copy_number < 0 or not float(copy_number).is_integer():
        raise ValueError(f"copy number {copy_number}: expected a whole number of 0 or more")
    if hybrid_suspected:
        return _abstain("hybrid suspected: a record covers part of the gene, or breaks within it")
    if not pairs and observed:
        return _abstain("undocumented combination of variants: no known diplotype has it")
    prior = _normal(np.asarray(posterior, dtype=float))
    no_prior = _normal(np.asarray(posterior_no_prior, dtype=float))
    if copy_number < 2:
        return _call_deleted(
            gene, pairs, prior, no_prior, int(copy_number), observed=observed, assessed=hybrids_assessed
        )
    if not observed:
        return _abstain("no site of the gene was observed")
    if any(len(pair) == 1 for pair in pairs):
        return _abstain(f"{copy_number:g} copies of the gene, but calls of one copy: one of the two is wrong")
    names, share, share_no_prior = _arrange(pairs, prior, no_prior, int(copy_number), log_likelihood)
    words = [] if copy_number == 2 else ["each chromosome taken to carry the gene, in copies of one allele"]
    if copy_number > 2 and log_likelihood is None and any(one != two for one, two in pairs):
        words.append("either allele may be the one with more copies")
    return _ranked(gene, names, share, share_no_prior, words, assessed=hybrids_assessed)


def _call_deleted(
    gene: str,
    pairs: Sequence[tuple[str, ...]],
    prior: np.ndarray,
    no_prior: np.ndarray,
    copy_number: int,
    *,
    observed: bool,
    assessed: bool,
) -> CopyCall:
    """Call a patient without the gene on one chromosome or both."""
    if gene not in STRUCTURAL:
        return _abstain(f"{copy_number} copies of the gene, and no allele is known that lacks it")
    deletion = STRUCTURAL[gene].deletion
    single = [i for i, pair in enumerate(pairs) if len(set(pair)) == 1]
    if observed and not single:
        copies = "one copy" if copy_number == 1 else "no copy"
        return _abstain(f"{copies} of the gene, but heterozygous calls in it: one of the two is wrong")
    if copy_number == 0:
        one = np.ones(1)
        return CopyCall((f"{deletion}/{deletion}",), one, one, "called")
    if not observed:
        return _abstain("no site of the gene was observed")
    # Two copies of an allele are as probable as the square of what one is.
    powers = np.array([1 / len(pairs[i]) for i in single])
    shares = [_normal(weights[single] ** powers) for weights in (prior, no_prior)]
    names = ["/".join(sorted((pairs[i][0], deletion), key=natural_order)) for i in single]
    return _ranked(gene, names, shares[0], shares[1], [], assessed=assessed)


def _arrange(
    pairs: Sequence[tuple[str, ...]],
    prior: np.ndarray,
    no_prior: np.ndarray,
    copy_number: int,
    log_likelihood: Callable[[Arrangement], float] | None,
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Share each pair's probability among the ways to reach the number of copies."""
    names: list[str] = []
    shares: list[tuple[float, float]] = []
    for pair, weight, weight_no_prior in zip(pairs, prior, no_prior, strict=True):
        ways = arrangements(pair[0], pair[1], copy_number)
        fit = (
            np.zeros(len(ways)) if log_likelihood is None else np.array([log_likelihood(way) for way in ways])
        )
        for way, part in zip(ways, _normal(np.exp(fit - fit.max()))):
            names.append(arrangement_name(way))
            shares.append((weight * part, weight_no_prior * part))
    both = np.array(shares)
    return names, both[:, 0], both[:, 1]


def arrangements(one: str, two: str, copy_number: int) -> list[Arrangement]:
    """List how two chromosomes that carry one allele each reach a number of copies, each at least one.

    Examples
    --------
    >>> arrangements("*1", "*4", 3)
    [('*1', 1, '*4', 2), ('*1', 2, '*4', 1)]
    >>> arrangements("*1", "*1", 4)
    [('*1', 1, '*1', 3), ('*1', 2, '*1', 2)]
    """
    ways = [(one, n, two, copy_number - n) for n in range(1, copy_number)]
    return [way for way in ways if one != two or way[1] <= way[3]]


def arrangement_name(way: Arrangement) -> str:
    """Write an arrangement as a diplotype.

    Examples
    --------
    >>> arrangement_name(("*1", 2, "*4", 1))
    '*1x2/*4'
    """
    return "/".join(haplotype_name([AlleleCopies(name, n, n)]) for name, n in (way[:2], way[2:]))


def _normal(weights: np.ndarray) -> np.ndarray:
    return weights / weights.sum() if len(weights) else weights


def _ranked(
    gene: str,
    names: Sequence[str],
    share: np.ndarray,
    share_no_prior: np.ndarray,
    words: list[str],
    *,
    assessed: bool,
) -> CopyCall:
    """Order diplotypes by probability, then by name."""
    order = sorted(range(len(names)), key=lambda i: (-share[i], names[i]))
    sure = bool(share[order[0]] >= MINIMUM_POSTERIOR and share_no_prior[order[0]] >= MINIMUM_POSTERIOR)
    if not assessed:
        hybrids = STRUCTURAL[gene].hybrids if gene in STRUCTURAL else ()
        named = f" (such as {', '.join(hybrids)})" if hybrids else ""
        words = [*words, f"hybrids{named} were not looked for"]
    return CopyCall(
        diplotypes=tuple(names[i] for i in order),
        posterior=share[order],
        posterior_no_prior=share_no_prior[order],
        status="called" if sure and assessed else "ambiguous",
        assumptions="; ".join(words),
    )


def _candidates_alone(pairs: Sequence[tuple[str, ...]], posterior: Sequence[float] | np.ndarray) -> str:
    """Tell what variant calls alone would allow, without a probability that they cannot have."""
    if not len(pairs):
        return ""
    order = sorted(range(len(pairs)), key=lambda i: -posterior[i])
    shown = ", ".join("/".join(pairs[i]) for i in order[:_NAMED])
    more = f" and {len(pairs) - _NAMED} more" if len(pairs) > _NAMED else ""
    return f"the variant calls alone would allow {shown}{more}"


def _abstain(reason: str, assumptions: str = "") -> CopyCall:
    return CopyCall((), np.empty(0), np.empty(0), "abstain", assumptions, reason)
