"""Diffusion of genotype profiles over a graph of genes: a gene says something of its neighbours in a pathway.

Two genes of the same pathway are neighbours. A walker that stands on a gene goes, with probability `share`, to one of
its neighbours, and so on from there, and else stops; the diffused value of a gene is the mean of the values where
walkers from it stop (random walk with restart, or personalised PageRank). A gene without neighbours keeps its value.

A missing value stays missing and lends nothing: walkers that stop there are not counted.

References
----------
Vanunu, O. et al. (2010) Associating genes and protein complexes with disease via network propagation. PLoS Comput.
Biol. 6:e1000641.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float32, Float64

from genomics.errors import InputError
from genomics.gene_names import match_genes, shown
from genomics.profiles import GenotypeProfiles

DIFFUSED = ("mutation", "burden")
"""Blocks that are diffused: copies of a gene are not copies of its neighbours."""
_TOLERANCE = 1e-12


def pathway_links(
    genes: Sequence[str], pathways: Mapping[str, Sequence[str]], aliases: Mapping[str, str] | None = None
) -> Float64[np.ndarray, "genes genes"]:
    """Weigh the links of genes that share pathways.

    Parameters
    ----------
    genes
        Symbols.
    pathways
        Genes of each pathway, by its name.
    aliases
        Present symbol of each former one.

    Returns
    -------
    ndarray
        Symmetric; in each pathway the links of a gene sum to 1, 0 for itself.

    Examples
    --------
    >>> pathway_links(["BRAF", "KRAS", "NF1", "VHL"], {"RTK-RAS": ["KRAS", "BRAF", "NF1"]})[0].tolist()
    [0.0, 0.5, 0.5, 0.0]
    """
    links = np.zeros((len(genes), len(genes)))
    for members in pathways.values():
        where, _ = match_genes(genes, tuple(dict.fromkeys(members)), aliases or {})
        here = where[where >= 0]
        if len(here) > 1:
            links[np.ix_(here, here)] += 1 / (len(here) - 1)
    np.fill_diagonal(links, 0)
    return links


def diffusion(links: Float64[np.ndarray, "genes genes"], share: float) -> Float64[np.ndarray, "genes genes"]:
    """Where walkers from each gene stop.

    Parameters
    ----------
    links
        Weights of links, 0 or more.
    share
        Probability to go on, from 0 (nothing is diffused) to less than 1.

    Returns
    -------
    ndarray
        Rows sum to 1; a gene without links keeps all of its own.

    Raises
    ------
    InputError
        The share is no such probability.

    Examples
    --------
    >>> diffusion(np.array([[0.0, 1.0], [1.0, 0.0]]), 0.5).round(3).tolist()
    [[0.667, 0.333], [0.333, 0.667]]
    """
    if not 0 <= share < 1:
        raise InputError(f"{share:g} is no share", field="share", expected="a number from 0 to less than 1")
    total = links.sum(axis=1, keepdims=True)
    steps = np.divide(links, total, out=np.eye(len(links)), where=total > 0)
    stops = (1 - share) * np.linalg.inv(np.eye(len(links)) - share * steps)
    stops[stops < _TOLERANCE] = 0
    return np.asarray(stops / stops.sum(axis=1, keepdims=True))


def diffuse_profiles(
    profiles: GenotypeProfiles,
    pathways: Mapping[str, Sequence[str]],
    share: float,
    aliases: Mapping[str, str] | None = None,
) -> GenotypeProfiles:
    """Spread mutations and burden over the genes of the same pathways.

    Parameters
    ----------
    profiles
        Their blocks `DIFFUSED` are changed, others are left as they are.
    pathways
        Genes of each pathway, by its name.
    share
        See `diffusion`; 0 changes nothing.
    aliases
        Present symbol of each former one.

    Returns
    -------
    GenotypeProfiles
        With a remark on how many genes have neighbours.

    Raises
    ------
    InputError
        There is no block to diffuse, or no two genes of one share a pathway.

    Examples
    --------
    >>> profiles = GenotypeProfiles.of(["A"], {"mutation": (["BRAF", "KRAS", "VHL"], np.array([[1, 0, np.nan]]))})
    >>> diffuse_profiles(profiles, {"RTK-RAS": ["BRAF", "KRAS"]}, 0.5).blocks["mutation"].round(3)
    array([[0.667, 0.333,   nan]], dtype=float32)
    """
    names = [name for name in DIFFUSED if name in profiles.blocks]
    if not names:
        raise InputError(
            "the profiles have nothing to diffuse", field="share", expected=f"one of {', '.join(DIFFUSED)}"
        )
    blocks, remarks = dict(profiles.blocks), list(profiles.remarks)
    for name in names:
        links = pathway_links(profiles.genes[name], pathways, aliases)
        n_linked = int((links.sum(axis=1) > 0).sum())
        if not n_linked:
            raise InputError(
                "no two genes share a pathway", field=name, expected=f"some of {shown(_members(pathways))}",
                hint="leave diffusion out, or name genes by their symbols",
            )  # fmt: skip
        blocks[name] = _mean_where_known(profiles.blocks[name], diffusion(links, share))
        remarks.append(
            f"{name}: diffused by {share:g} over {n_linked} of {len(links)} genes that share pathways"
        )
    return replace(profiles, blocks=blocks, remarks=tuple(remarks))


def _members(pathways: Mapping[str, Sequence[str]]) -> set[str]:
    return {gene for genes in pathways.values() for gene in genes}


def _mean_where_known(
    block: Float32[np.ndarray, "samples genes"], stops: Float64[np.ndarray, "genes genes"]
) -> Float32[np.ndarray, "samples genes"]:
    """Means over the genes that are known; missing where the gene itself is."""
    known = ~np.isnan(block)
    total = np.where(known, block, 0) @ stops.T
    weight = known @ stops.T
    mean = np.divide(total, weight, out=np.full(block.shape, np.nan), where=weight > 0)
    return np.where(known, mean, np.nan).astype(np.float32)
