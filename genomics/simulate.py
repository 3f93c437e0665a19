"""Simulated cohorts with a known truth: for the demo, for tests, for power analyses, for users.

:func:`simulate_cohort` makes people of five populations from tables of sites and haplotypes with population
frequencies, adds invented variants around genes and over the genome, plants one effect on a trait, and calls
the genotypes with the errors and gaps that real files have. It knows no gene: everything comes by argument.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from genomics.errors import InputError
from genomics.simulate_calls import CallNoise, Calls, call_genotypes
from genomics.simulate_haplotypes import (
    draw_ancestry,
    draw_background,
    draw_haplotypes,
    draw_linked,
    draw_populations,
    haplotype_alleles,
)
from genomics.simulate_sites import (
    POPULATIONS,
    SITE_COLUMNS,
    TEXT_COLUMNS,
    background_sites,
    neighbour_sites,
    order_sites,
)
from genomics.simulate_trait import PlantedEffect, TraitModel, draw_phenotypes, planted_dosage

__all__ = ["CallNoise", "PlantedEffect", "SimulatedCohort", "TraitModel", "simulate_cohort"]

MOSTLY_EUROPEAN: Mapping[str, float] = {"AFR": 0.07, "AMR": 0.06, "EAS": 0.04, "EUR": 0.78, "SAS": 0.05}


@dataclass(frozen=True)
class SimulatedCohort:
    """A simulated cohort in memory.

    Attributes
    ----------
    records : pandas.DataFrame
        One row per record of the file, sorted: contig (without ``chr``), position, ref, alt
        (comma-separated), rsid, gene, kind, consequence, strand, amino_acid_change.
    truth_genotypes : numpy.ndarray
        int8 alleles as they are, (n_records, n_samples, 2); -2 where a man has no second X.
    calls : Calls
        Genotypes as called, with depth and quality.
    phenotypes : pandas.DataFrame
        sample_id, the trait (0, 1, missing), age (years), sex (1 male, 2 female).
    truth : dict
        What was planted: the effect, the carriers, everyone's population and diplotypes, bad variants.
    contig_prefix : str
        Put before contig names in files.
    """

    records: pd.DataFrame
    truth_genotypes: np.ndarray
    calls: Calls
    phenotypes: pd.DataFrame
    truth: dict[str, Any]
    contig_prefix: str = "chr"

    @property
    def sample_ids(self) -> np.ndarray:
        """Identifiers of the people, in file order."""
        return self.phenotypes["sample_id"].to_numpy(str)

    def dosage(self, *, min_quality: int = 0) -> np.ndarray:
        """Alternative alleles per call, float32 (n_records, n_samples), NaN where not called."""
        alleles = self.calls.genotypes
        dosage = (alleles > 0).sum(axis=2).astype(np.float32)
        dosage[(alleles == -1).any(axis=2) | (self.calls.quality < min_quality)] = np.nan
        return dosage

    def row_of(self, contig: str, position: int) -> int:
        """Row of the first record at a position.

        Raises
        ------
        KeyError
            No record lies there.
        """
        at = (self.records["contig"] == contig.removeprefix("chr")) & (self.records["position"] == position)
        if not at.any():
            raise KeyError(f"{contig}:{position}")
        return int(np.flatnonzero(at)[0])

    def write(self, directory: str | os.PathLike[str]) -> None:
        """Write ``cohort.vcf.gz`` (bgzip), ``phenotypes.tsv`` and ``truth.json`` to a folder.

        Parameters
        ----------
        directory
            Made if it is not there. Each file appears under its name only when complete.
        """
        from genomics.simulate_write import write_cohort

        write_cohort(self, directory)


def simulate_cohort(
    *,
    seed: int,
    frequencies: pd.DataFrame,
    haplotypes: pd.DataFrame | None = None,
    loci: pd.DataFrame | None = None,
    planted: PlantedEffect | None = None,
    n_samples: int = 2000,
    n_background: int = 6000,
    n_neighbours: int = 60,
    flank: int = 150_000,
    linkage_length: float = 120_000.0,
    shares: Mapping[str, float] = MOSTLY_EUROPEAN,
    trait: TraitModel | None = None,
    noise: CallNoise | None = None,
    contig_prefix: str = "chr",
) -> SimulatedCohort:
    """Simulate a cohort with population structure, one planted effect and imperfect calls.

    People have the trait by a logistic model of age, sex, population and the planted variant, with the
    intercept that gives the prevalence: a cohort in which the trait is common, as among enrolled patients.

    Parameters
    ----------
    seed
        The same seed and arguments give the same cohort.
    frequencies
        Real sites: contig, position, ref, alt, rsid, gene, and the frequency of ALT in AFR, AMR, EAS, EUR and
        SAS; optionally kind, consequence, strand, amino_acid_change. Several rows of one position and ref
        make one multi-allelic record.
    haplotypes
        For genes whose variants must come in their real combinations: gene, haplotype (a name), alleles
        (``position:REF>ALT`` joined by ``;``) and the five frequencies. Rows of `frequencies` with that gene
        and kind ``definition`` then follow these haplotypes; all of them are written, varying or not.
    loci
        Genes (symbol, contig, start, end) to invent neighbouring variants in.
    planted
        The effect; None plants nothing.
    n_samples, n_background, n_neighbours
        People; invented variants over the autosomes; invented variants per gene of `loci`.
    flank, linkage_length
        Base pairs around a gene; distance over which linkage fades to 1/e.
    shares
        Share of each population.
    trait, noise
        How the trait comes about and how imperfect calls are.
    contig_prefix
        Put before contig names in files.

    Returns
    -------
    SimulatedCohort

    Raises
    ------
    InputError
        A table lacks a column, or the planted variant is not among the sites.

    Examples
    --------
    >>> site = {"contig": "1", "position": 1000, "ref": "A", "alt": "G", "rsid": "rs0", "gene": "GENE"}
    >>> sites = pd.DataFrame([site | dict.fromkeys(["AFR", "AMR", "EAS", "EUR", "SAS"], 0.2)])
    >>> cohort = simulate_cohort(seed=1, frequencies=sites, n_samples=50, n_background=100)
    >>> cohort.phenotypes.columns.tolist()
    ['sample_id', 'trait', 'age', 'sex']
    """
    trait = trait or TraitModel()
    streams = [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(6)]
    people, invention, drawing, phenotype, calling, _ = streams
    sites = check_sites(frequencies)
    populations = draw_populations(n_samples, shares, people)
    ancestry = draw_ancestry(populations, people)
    female = people.random(n_samples) < 0.55

    table, sources = _all_sites(sites, loci, n_neighbours, flank, n_background, invention)
    table = order_sites(table)
    origin = table.index.to_numpy()
    table = table.reset_index(drop=True)
    by_gene = _defined_by_haplotypes(table, haplotypes)
    alleles = np.zeros((len(table), n_samples, 2), np.int8)
    background = np.flatnonzero(table["kind"] == "background")
    alleles[background] = draw_background(
        sources[origin[background] - (len(table) - len(sources))], ancestry, drawing
    )
    linked = ~(table["kind"] == "background").to_numpy() & ~by_gene
    for (_, _), rows in table[linked].groupby(["contig", "gene"], sort=False).groups.items():
        alleles[rows] = draw_linked(table.loc[rows], populations, drawing, length=linkage_length)
    records, genotypes = _join_alternatives(table, alleles)
    diplotypes = _place_haplotypes(records, genotypes, haplotypes, populations, drawing)
    on_x = np.flatnonzero(records["contig"] == "X")
    genotypes[np.ix_(on_x, np.flatnonzero(~female), np.array([1]))] = -2
    for gene in diplotypes.keys() & set(records.loc[on_x, "gene"]):
        diplotypes[gene][~female, 1] = ""

    values = draw_phenotypes(records, genotypes, populations, female, planted, trait, phenotype)
    kinds = records["kind"]
    calls = call_genotypes(
        genotypes,
        noise or CallNoise(),
        calling,
        defined=(kinds == "definition").to_numpy(),
        invented=kinds.isin(["background", "neighbour"]).to_numpy(),
    )
    truth = _truth(seed, records, genotypes, values, populations, planted, trait, diplotypes, calls)
    return SimulatedCohort(records, genotypes, calls, values, truth, contig_prefix)


def check_sites(frequencies: pd.DataFrame) -> pd.DataFrame:
    """Check a table of sites and fill its optional columns.

    Raises
    ------
    InputError
        A column is missing, or a frequency is not between 0 and 1.
    """
    needed = ["contig", "position", "ref", "alt", "rsid", "gene", *POPULATIONS]
    missing = [column for column in needed if column not in frequencies]
    if missing:
        raise InputError(f"sites lack {', '.join(missing)}", field=missing[0], expected=", ".join(needed))
    values = frequencies[list(POPULATIONS)].to_numpy(float)
    wrong = ~((values >= 0) & (values <= 1)).all(axis=1)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"frequencies {values[row].tolist()}", record=row + 1, field="frequency", expected="0 to 1"
        )
    defaults = dict.fromkeys(TEXT_COLUMNS, "") | {"kind": "site"}
    filled = frequencies.assign(**{k: v for k, v in defaults.items() if k not in frequencies})
    filled = filled.assign(contig=[str(contig).removeprefix("chr") for contig in filled["contig"]])
    return filled.fillna(dict.fromkeys(TEXT_COLUMNS, ""))[list(SITE_COLUMNS)]


def _all_sites(
    sites: pd.DataFrame,
    loci: pd.DataFrame | None,
    n_neighbours: int,
    flank: int,
    n_background: int,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, np.ndarray]:
    """Real sites, invented neighbours and background, the background last; its sources' frequencies."""
    taken = set(zip(sites["contig"], sites["position"].astype(int)))
    parts = [sites]
    if loci is not None and n_neighbours:
        parts.append(neighbour_sites(loci, n_neighbours, flank, taken, rng))
        taken |= set(zip(parts[1]["contig"], parts[1]["position"].astype(int)))
    background, sources = background_sites(n_background, taken, rng)
    parts.append(background)
    table = pd.concat(parts, ignore_index=True).astype({"position": int})  # an empty part holds floats
    nameless = (table["rsid"] == "") & table["kind"].isin(["neighbour", "background"])
    table.loc[nameless, "rsid"] = [f"sim{number}" for number in range(1, int(nameless.sum()) + 1)]
    return table, sources


def _defined_by_haplotypes(table: pd.DataFrame, haplotypes: pd.DataFrame | None) -> np.ndarray:
    if haplotypes is None:
        return np.zeros(len(table), bool)
    genes = set(haplotypes["gene"])
    return ((table["kind"] == "definition") & table["gene"].isin(genes)).to_numpy()


def _join_alternatives(table: pd.DataFrame, alleles: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    """Make one record of the rows of one position and REF; allele numbers follow the rows."""
    keys = ["contig", "position", "ref"]
    first = np.flatnonzero(~table.duplicated(keys).to_numpy())
    group = np.cumsum(~table.duplicated(keys).to_numpy()) - 1
    genotypes = alleles[first]
    for row in np.flatnonzero(table.duplicated(keys)):
        number = row - first[group[row]] + 1
        genotypes[group[row]] = np.where(alleles[row] == 1, number, genotypes[group[row]])
    records = table.loc[first, ["contig", "position", "ref", "alt", *TEXT_COLUMNS]].reset_index(drop=True)
    records["alt"] = table.groupby(group)["alt"].agg(",".join).to_numpy()
    return records, genotypes


def _place_haplotypes(
    records: pd.DataFrame,
    genotypes: np.ndarray,
    haplotypes: pd.DataFrame | None,
    populations: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Give everyone two haplotypes of each gene, in place; their names by gene, (n_samples, 2)."""
    names: dict[str, np.ndarray] = {}
    if haplotypes is None:
        return names
    for gene, table in haplotypes.groupby("gene", sort=True):
        rows = np.flatnonzero((records["kind"] == "definition") & (records["gene"] == gene))
        part = records.iloc[rows]
        alternatives = part["alt"].str.split(",").tolist()
        described = list(zip(part["position"].tolist(), part["ref"].tolist(), alternatives))
        numbers = haplotype_alleles(table, described)
        drawn = draw_haplotypes(table, populations, rng)
        genotypes[rows] = numbers[:, drawn]
        names[str(gene)] = table["haplotype"].to_numpy(str)[drawn]
    return names


def _truth(
    seed: int,
    records: pd.DataFrame,
    genotypes: np.ndarray,
    phenotypes: pd.DataFrame,
    populations: np.ndarray,
    planted: PlantedEffect | None,
    trait: TraitModel,
    diplotypes: Mapping[str, np.ndarray],
    calls: Calls,
) -> dict[str, Any]:
    samples = phenotypes["sample_id"].to_numpy(str)
    effect = None
    if planted is not None:
        effect = {key: getattr(planted, key) for key in planted.__dataclass_fields__}
        effect["carriers"] = samples[planted_dosage(records, genotypes, planted) > 0].tolist()
    carriers = {
        gene: {
            name: samples[(names == name).any(axis=1)].tolist() for name in np.unique(names).tolist() if name
        }
        for gene, names in diplotypes.items()
    }
    identifiers = records["rsid"].to_numpy(str)
    return {
        "simulated": "every person, call and trait value in this folder is simulated",
        "seed": seed,
        "build": "GRCh38",
        "trait": trait.name,
        "planted": effect,
        "populations": dict(zip(samples.tolist(), np.array(POPULATIONS)[populations].tolist())),
        "pharmacogene_carriers": carriers,
        "diplotypes": {
            gene: ["/".join(sorted(filter(None, pair))) for pair in names.tolist()]
            for gene, names in diplotypes.items()
        },
        "sites": records.groupby("kind").size().to_dict(),
        "bad_batch": identifiers[calls.bad_variants].tolist(),
        "filtered": identifiers[calls.filtered].tolist(),
        "bad_samples": samples[calls.bad_samples].tolist(),
    }
