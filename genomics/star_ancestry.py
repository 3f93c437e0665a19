"""Infer from which population a patient's star alleles come, to weigh the ones that were not observed.

How often an allele hides at a site that was not observed differs between populations by a factor of ten and
more. What a patient carries at other genes tells which populations are probable. The weight of a population
at one gene is its share before anything was seen, times the probability that it gives to the calls of every
other gene; the gene's own calls enter when its diplotypes are weighed (`genomics.star_match.diplotype_prior`),
so that nothing is counted twice.

References
----------
Pritchard JK, Stephens M, Donnelly P. Inference of population structure using multilocus genotype data.
Genetics 2000;155:945-959 (equation 1, with the allele frequencies known and no admixture).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from genomics.star_alleles import StarGene
from genomics.star_genotypes import is_read_by_site
from genomics.star_match import CallPattern, diplotype_likelihood, emissions

# Weights of populations are rounded to so much, so that patients with like calls share the answer. A population
# that is rounded away may be the one that has the allele: coarser steps are measurably worse, finer ones no better.
STEP = 0.02


def population_evidence(
    gene: StarGene, patterns: Sequence[CallPattern]
) -> Float[np.ndarray, "patterns populations"]:
    """Logarithm of the probability that each population gives to each pattern of calls.

    Parameters
    ----------
    gene
        The definitions, with the alleles' frequencies by population.
    patterns
        The calls.

    Returns
    -------
    numpy.ndarray
        (patterns, populations); 0 for calls that no diplotype explains, and for a gene that is read variant
        by variant; (patterns, 1) zeros for a gene whose alleles nobody counted by population.
    """
    if gene.population_frequencies is None or not gene.is_counted:
        return np.zeros((len(patterns), 1))
    weights = gene.weights / gene.weights.sum(axis=1, keepdims=True)
    told = np.zeros((len(patterns), len(weights)))
    if gene.method == "lowest_function" or is_read_by_site(gene):
        return told
    emission = emissions(gene, counted=True)
    for row, pattern in enumerate(patterns):
        possible, likelihood = diplotype_likelihood(gene, pattern, emission)
        here = weights[:, possible]
        second = np.ones((len(weights), 1)) if pattern.haploid else here
        if len(possible) and likelihood.any():
            told[row] = np.log(((here @ likelihood) * second).sum(axis=1))
    return told


def infer_ancestry(
    evidence: Sequence[Float[np.ndarray, "samples populations"]],
    shares: Float[np.ndarray, " populations"] | None = None,
) -> Float[np.ndarray, "genes samples populations"]:
    """Weights of the populations at each gene, from the calls of all other genes.

    Parameters
    ----------
    evidence
        By gene, `population_evidence` of each sample's pattern.
    shares
        Weights before anything was seen; equal ones if not given.

    Examples
    --------
    A patient whose second gene is a hundred times as probable in the first population:

    >>> import numpy as np
    >>> told = [np.zeros((1, 2)), np.log([[0.5, 0.005]])]
    >>> infer_ancestry(told).round(2).tolist()
    [[[0.99, 0.01]], [[0.5, 0.5]]]
    """
    by_gene = np.stack(np.broadcast_arrays(*evidence))
    logs = by_gene.sum(axis=0) - by_gene
    if shares is not None:
        logs = logs + np.log(np.maximum(shares, np.finfo(float).tiny))
    weights = np.exp(logs - logs.max(axis=2, keepdims=True))
    inferred: np.ndarray = weights / weights.sum(axis=2, keepdims=True)
    return inferred


def group_ancestry(
    pattern_of: Int[np.ndarray, " samples"], ancestry: Float[np.ndarray, "samples populations"]
) -> tuple[Int[np.ndarray, " groups"], Float[np.ndarray, "groups populations"], Int[np.ndarray, " samples"]]:
    """Find the distinct pairs of a pattern of calls and rounded weights of the populations.

    Returns
    -------
    tuple of numpy.ndarray
        Pattern and weights of each group, and the group of each sample.

    Examples
    --------
    >>> import numpy as np
    >>> weights = np.array([[0.98, 0.02], [0.985, 0.015], [0.5, 0.5]])
    >>> group_ancestry(np.array([4, 4, 4]), weights)[2].tolist()
    [1, 1, 0]
    """
    steps = np.rint(ancestry / STEP).astype(np.int64)
    keys = np.column_stack([pattern_of, steps])
    groups, group_of = np.unique(keys, axis=0, return_inverse=True)
    weights = groups[:, 1:] / groups[:, 1:].sum(axis=1, keepdims=True)
    return groups[:, 0], weights, group_of.ravel()
