"""What it means that a whole genome's file has no record at a site of a gene."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from genomics.star_alleles import StarGene
from genomics.star_genotypes import is_read_by_site, variant_frequencies
from genomics.star_match import OTHER, emissions

UNSEEN_SITES = frozenset({"rs2279343"})
"""Common variants that whole-genome call sets often leave out: rs2279343 (CYP2B6) lies where the pseudogene CYP2B7 has
the same sequence. Their absence from a file is never a sign of the reference."""
RARE_REFERENCE = 0.15
"""Share of the haplotypes that carry a site's reference base in every population, below which its absence from a file
is no sign of it: no more than one person in 44 has that base twice."""


def assumable_sites(gene: StarGene, build: str) -> Bool[np.ndarray, " sites"]:
    r"""Sites at which no record of a whole genome's file may stand for the reference.

    Almost everybody differs from a reference base that is rare (factor V Leiden on GRCh37, CYP2C19\*38 on GRCh38):
    where such a site has no record it was rather not called.

    Examples
    --------
    >>> from genomics.star_alleles import StarSite
    >>> site = StarSite("rs6025", {}, {"GRCh38": "C", "GRCh37": "T"}, ("C", "T"))
    >>> allowed = np.array([[[1, 0]], [[0, 1]]], dtype=bool)
    >>> shares = np.array([0.99, 0.01])
    >>> gene = StarGene("F5", "1", ("Reference", "Leiden"), (site,), allowed, shares, shares * np.nan)
    >>> assumable_sites(gene, "GRCh37").tolist(), assumable_sites(gene, "GRCh38").tolist()
    ([False], [True])
    """
    named = np.array([site.name not in UNSEEN_SITES for site in gene.sites], dtype=bool)
    if not gene.is_counted:
        return named
    shares = _code_shares(gene).max(axis=0)
    references = [reference_code(gene, site, build) for site in range(len(gene.sites))]
    common = [code == OTHER or shares[site, code] >= RARE_REFERENCE for site, code in enumerate(references)]
    return named & np.array(common, dtype=bool)


def reference_code(gene: StarGene, site: int, build: str) -> int:
    """Code of the build's reference base at a site; `genomics.star_match.OTHER` where no allele has it."""
    here = gene.sites[site]
    base = here.references[build]
    return here.bases.index(base) if base in here.bases else OTHER


def _code_shares(gene: StarGene) -> Float[np.ndarray, "populations sites codes"]:
    if is_read_by_site(gene):
        return variant_frequencies(gene)
    weights = gene.weights / gene.weights.sum(axis=1, keepdims=True)
    shares: np.ndarray = np.einsum("pa,asc->psc", weights, emissions(gene))
    return shares
