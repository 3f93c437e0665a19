"""Haplotypes of simulated people: population structure, linkage along a gene, known haplotypes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from genomics.errors import InputError
from genomics.simulate_sites import AMERICAN_MIXTURE, POPULATIONS, SOURCES


def draw_populations(n_samples: int, shares: Mapping[str, float], rng: np.random.Generator) -> np.ndarray:
    """Draw the population of every person, as numbers into `POPULATIONS`."""
    unknown = sorted(set(shares) - set(POPULATIONS))
    if unknown or not np.isclose(sum(shares.values()), 1):
        raise InputError(
            f"population shares {dict(shares)} cannot be used",
            field="shares",
            expected=f"shares of {', '.join(POPULATIONS)} that add up to 1",
        )
    return rng.choice(len(POPULATIONS), n_samples, p=[shares.get(name, 0.0) for name in POPULATIONS])


def draw_ancestry(populations: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw everyone's share of each source population, shape (n_samples, n_sources).

    Americans are mixtures that differ from person to person (Dirichlet); one in five Africans is partly
    European, as in the Americas; the others come from one source.
    """
    ancestry = np.zeros((len(populations), len(SOURCES)))
    for number, population in enumerate(POPULATIONS):
        chosen = np.flatnonzero(populations == number)
        if population == "AMR":
            mean = np.array([AMERICAN_MIXTURE.get(source, 0.0) for source in SOURCES])
            used = np.flatnonzero(mean)
            ancestry[np.ix_(chosen, used)] = rng.dirichlet(mean[used] * 8, len(chosen))
            continue
        ancestry[chosen, SOURCES.index(population)] = 1
        if population == "AFR":
            mixed = chosen[rng.random(len(chosen)) < 0.2]
            european = rng.beta(2, 8, len(mixed))
            ancestry[mixed, SOURCES.index("AFR")] = 1 - european
            ancestry[mixed, SOURCES.index("EUR")] = european
    return ancestry


def draw_background(
    source_frequencies: np.ndarray, ancestry: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draw unlinked alleles, each haplotype from the person's mixture of sources, (n_sites, n_samples, 2)."""
    frequency = (source_frequencies @ ancestry.T).astype(np.float32)
    shape = (*frequency.shape, 2)
    return (rng.random(shape, dtype=np.float32) < frequency[:, :, None]).astype(np.int8)


def draw_linked(
    sites: pd.DataFrame, populations: np.ndarray, rng: np.random.Generator, *, length: float = 120_000.0
) -> np.ndarray:
    """Draw alleles along a gene with given frequencies per population and linkage that fades with distance.

    Each haplotype is a Gaussian process along the gene, correlated as exp(-distance / length); it carries the
    alternative allele where the process lies below that frequency's quantile. Frequencies hold exactly in
    expectation in every population, and r2 between alleles of like frequency decays smoothly.

    Parameters
    ----------
    sites
        Columns position (ascending) and one of frequencies per population.
    populations
        Population of each person, numbers into `POPULATIONS`.
    rng
        Random generator.
    length
        Base pairs over which the correlation falls to 1/e.

    Returns
    -------
    numpy.ndarray
        int8 alleles, shape (n_sites, n_samples, 2).

    References
    ----------
    Montana G. HapSim: a simulation tool for generating haplotype data with pre-specified allele frequencies
    and LD coefficients. Bioinformatics 2005;21:4309-4311.
    """
    from scipy.special import ndtri

    n_samples = len(populations)
    thresholds = ndtri(sites[list(POPULATIONS)].to_numpy(float)).astype(np.float32)
    correlation = np.exp(-np.diff(sites["position"].to_numpy(float)) / length).astype(np.float32)
    alleles = np.empty((len(sites), n_samples, 2), np.int8)
    process = rng.standard_normal((n_samples, 2), dtype=np.float32)
    for row in range(len(sites)):
        if row:
            rho = correlation[row - 1]
            step = rng.standard_normal((n_samples, 2), dtype=np.float32)
            process = rho * process + np.sqrt(1 - rho**2, dtype=np.float32) * step
        alleles[row] = process < thresholds[row, populations][:, None]
    return alleles


def parse_alleles(text: str) -> dict[tuple[int, str], str]:
    """Read the alleles a haplotype carries, by position and REF.

    Examples
    --------
    >>> parse_alleles("94781859:G>A;94842866:A>G")
    {(94781859, 'G'): 'A', (94842866, 'A'): 'G'}
    >>> parse_alleles("")
    {}
    """
    carried = {}
    for part in text.split(";"):
        if not part:
            continue
        position, _, change = part.partition(":")
        ref, arrow, alt = change.partition(">")
        if not (position.isdigit() and arrow and ref and alt):
            raise InputError(
                f"{part!r} does not describe an allele", field="alleles", expected="position:REF>ALT"
            )
        carried[(int(position), ref)] = alt
    return carried


def haplotype_alleles(
    haplotypes: pd.DataFrame, records: Sequence[tuple[int, str, Sequence[str]]]
) -> np.ndarray:
    """Allele number of every haplotype at every record of a gene.

    Parameters
    ----------
    haplotypes
        Column alleles, as `parse_alleles` reads it.
    records
        Position, REF and ALT alleles of each record.

    Returns
    -------
    numpy.ndarray
        int8, shape (n_records, n_haplotypes).

    Raises
    ------
    InputError
        A haplotype carries an allele that no record has.
    """
    table = np.zeros((len(records), len(haplotypes)), np.int8)
    rows = {(position, ref): row for row, (position, ref, _) in enumerate(records)}
    for column, text in enumerate(haplotypes["alleles"].fillna("").astype(str)):
        for (position, ref), alt in parse_alleles(text).items():
            row = rows.get((position, ref))
            if row is None or alt not in records[row][2]:
                raise InputError(
                    f"haplotype {column + 1} carries {position}:{ref}>{alt}, which the sites do not list",
                    field="alleles",
                    expected="a site with that REF and ALT",
                )
            table[row, column] = list(records[row][2]).index(alt) + 1
    return table


def draw_haplotypes(
    haplotypes: pd.DataFrame, populations: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draw which haplotype of a gene everyone carries twice, by population, shape (n_samples, 2)."""
    drawn = np.empty((len(populations), 2), np.int64)
    frequencies = haplotypes[list(POPULATIONS)].to_numpy(float)
    for number in range(len(POPULATIONS)):
        chosen = np.flatnonzero(populations == number)
        shares = frequencies[:, number] / frequencies[:, number].sum()
        drawn[chosen] = rng.choice(len(haplotypes), (len(chosen), 2), p=shares)
    return drawn
