"""The demo's cohort: the simulator bound to the tables that ship, and the story that is planted in it.

The story is true to life but for its size: the missense variant P1104A of TYK2 (rs34536443) lowers the
kinase's function and protects against autoimmune disease. Published odds ratios per allele lie near 0.6; here
it is enlarged to 0.2 on purpose, so that 2,000 people suffice to find it.
"""

from __future__ import annotations

import pandas as pd

from genomics.simulate import PlantedEffect, SimulatedCohort, TraitModel, simulate_cohort
from genomics.simulate_sites import POPULATIONS
from varimol import tables

TRAIT = "autoimmune"
PROTECTIVE = PlantedEffect(
    contig="chr19",
    position=10352442,
    ref="G",
    alt="C",
    odds_ratio=0.2,
    published_odds_ratio=0.6,
    citation="Dendrou CA et al. Sci Transl Med 2016;8:363ra149, doi:10.1126/scitranslmed.aag1974; 0.66 per "
    "allele in rheumatoid arthritis: Diogo D et al. PLoS ONE 2015, doi:10.1371/journal.pone.0122271",
)


def demo_sites() -> pd.DataFrame:
    """Real sites and population frequencies, as `simulate_cohort` takes them."""
    return tables.site_frequencies()


def demo_haplotypes() -> pd.DataFrame:
    """Haplotypes of pharmacogenes and their population frequencies."""
    table = tables.haplotype_frequencies()
    return table.astype(dict.fromkeys(POPULATIONS, float))


def demo_loci(sites: pd.DataFrame) -> pd.DataFrame:
    """Spans on GRCh38 of the drug-target genes among the sites: symbol, contig, start, end."""
    genes = tables.genes("GRCh38")
    wanted = sites.loc[sites["kind"] == "target", "gene"].unique()
    return genes.loc[genes["symbol"].isin(wanted), ["symbol", "contig", "start", "end"]]


def demo_cohort(
    seed: int = 20, *, planted: bool = True, flipped: bool = False, n_samples: int = 2000
) -> SimulatedCohort:
    """Simulate the demo's cohort.

    Parameters
    ----------
    seed
        Of the simulation.
    planted
        False leaves the trait without a genetic cause.
    flipped
        The protective allele becomes a risk of the same size: every claim of protection must vanish.
    n_samples
        People.

    Returns
    -------
    SimulatedCohort

    Examples
    --------
    >>> cohort = demo_cohort(seed=1, n_samples=20)
    >>> cohort.truth["planted"]["odds_ratio"]
    0.2
    """
    effect = PROTECTIVE
    if flipped:
        effect = PlantedEffect(
            **{**PROTECTIVE.__dict__, "odds_ratio": 1 / PROTECTIVE.odds_ratio, "published_odds_ratio": None}
        )
    sites = demo_sites()
    return simulate_cohort(
        seed=seed,
        frequencies=sites,
        haplotypes=demo_haplotypes(),
        loci=demo_loci(sites),
        planted=effect if planted else None,
        n_samples=n_samples,
        trait=TraitModel(name=TRAIT),
    )
