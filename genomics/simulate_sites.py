"""Sites of a simulated cohort: real ones from a table, invented neighbours, an invented background.

Invented sites have identifiers that begin with ``sim`` and carry the flag SIM in a file; their positions are
drawn inside the genes or spread over the autosomes, their bases are made up.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from genomics.contigs import contig_rank

POPULATIONS: tuple[str, ...] = ("AFR", "AMR", "EAS", "EUR", "SAS")

# GRCh38 lengths of the chromosomes, base pairs (Genome Reference Consortium, GCA_000001405).
GRCH38_LENGTHS: Mapping[str, int] = {
    "1": 248956422, "2": 242193529, "3": 198295559, "4": 190214555, "5": 181538259, "6": 170805979,
    "7": 159345973, "8": 145138636, "9": 138394717, "10": 133797422, "11": 135086622, "12": 133275309,
    "13": 114364328, "14": 107043718, "15": 101991189, "16": 90338345, "17": 83257441, "18": 80373285,
    "19": 58617616, "20": 64444167, "21": 46709983, "22": 50818468, "X": 156040895, "Y": 57227415,
    "MT": 16569,
}  # fmt: skip

# Drift of each population from their common ancestors (Wright's FST), of the size seen between continents.
# American populations are made as mixtures; NAM stands for their indigenous part.
DRIFT: Mapping[str, float] = {"AFR": 0.12, "NAM": 0.15, "EAS": 0.12, "EUR": 0.08, "SAS": 0.06}
AMERICAN_MIXTURE: Mapping[str, float] = {"EUR": 0.5, "NAM": 0.4, "AFR": 0.1}
SOURCES: tuple[str, ...] = tuple(DRIFT)

TEXT_COLUMNS = ("rsid", "gene", "kind", "consequence", "strand", "amino_acid_change")
SITE_COLUMNS: tuple[str, ...] = ("contig", "position", "ref", "alt", *TEXT_COLUMNS, *POPULATIONS)


def drifted_frequencies(
    ancestral: np.ndarray, rng: np.random.Generator, drift: Mapping[str, float] = DRIFT
) -> np.ndarray:
    """Draw each population's allele frequencies around the ancestral ones by the Balding-Nichols model.

    Parameters
    ----------
    ancestral
        Allele frequencies of the common ancestors, shape (n_sites,).
    rng
        Random generator.
    drift
        FST of each population.

    Returns
    -------
    numpy.ndarray
        Frequencies, shape (n_sites, n_populations), in the order of `drift`.

    References
    ----------
    Balding DJ, Nichols RA. Genetica 1995;96:3-12.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> drifted_frequencies(np.full(4, 0.5), rng, {"A": 0.1, "B": 0.1}).shape
    (4, 2)
    """
    columns = []
    for fst in drift.values():
        scale = (1 - fst) / fst
        columns.append(rng.beta(ancestral * scale, (1 - ancestral) * scale))
    return np.clip(np.stack(columns, axis=1), 0.001, 0.999)


def by_population(source_frequencies: np.ndarray) -> np.ndarray:
    """Mean frequencies of the five labelled populations from those of the sources, (n_sites, 5)."""
    weights = np.zeros((len(SOURCES), len(POPULATIONS)))
    for column, population in enumerate(POPULATIONS):
        mixture = AMERICAN_MIXTURE if population == "AMR" else {population: 1.0}
        for source, share in mixture.items():
            weights[SOURCES.index(source), column] = share
    return source_frequencies @ weights


def _invented_alleles(n_sites: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    pairs = np.array([("A", "G"), ("G", "A"), ("C", "T"), ("T", "C"), ("A", "C"), ("G", "T")])
    chosen = pairs[rng.integers(0, len(pairs), n_sites)]
    return chosen[:, 0], chosen[:, 1]


def neighbour_sites(
    loci: pd.DataFrame, n_per_locus: int, flank: int, taken: set[tuple[str, int]], rng: np.random.Generator
) -> pd.DataFrame:
    """Invent variants in and around genes.

    Parameters
    ----------
    loci
        Columns symbol, contig, start, end.
    n_per_locus
        Sites for each gene; two in three lie inside it, the others within `flank`.
    flank
        Base pairs on either side.
    taken
        Contigs and positions in use.
    rng
        Random generator.

    Returns
    -------
    pandas.DataFrame
        `SITE_COLUMNS`; kind is ``neighbour``.
    """
    parts = []
    for symbol, contig, start, end in zip(
        loci["symbol"].astype(str),
        loci["contig"].astype(str),
        loci["start"].astype(int),
        loci["end"].astype(int),
    ):
        inside = rng.integers(start, end + 1, n_per_locus)
        around = rng.integers(max(1, start - flank), end + flank + 1, n_per_locus)
        positions = np.where(np.arange(n_per_locus) % 3 == 2, around, inside)
        positions = np.unique(positions)
        positions = np.array([at for at in positions.tolist() if (contig, at) not in taken])
        # Down to rare ones, so that some share the frequency, and with it the haplotypes, of a rare variant.
        ancestral = np.exp(rng.uniform(np.log(0.015), np.log(0.5), len(positions)))
        frequencies = by_population(drifted_frequencies(ancestral, rng))
        ref, alt = _invented_alleles(len(positions), rng)
        sites = pd.DataFrame({"contig": contig, "position": positions, "ref": ref, "alt": alt})
        sites["gene"] = symbol
        parts.append(pd.concat([sites, pd.DataFrame(frequencies, columns=list(POPULATIONS))], axis=1))
    if not parts:
        return pd.DataFrame(columns=list(SITE_COLUMNS))
    table = pd.concat(parts, ignore_index=True).drop_duplicates(["contig", "position"])
    return _with_text(table.assign(kind="neighbour"))


def background_sites(
    n_sites: int, taken: set[tuple[str, int]], rng: np.random.Generator
) -> tuple[pd.DataFrame, np.ndarray]:
    """Invent common variants spread evenly over the autosomes.

    Parameters
    ----------
    n_sites
        About how many.
    taken
        Contigs and positions in use.
    rng
        Random generator.

    Returns
    -------
    table : pandas.DataFrame
        `SITE_COLUMNS`; kind is ``background``.
    source_frequencies : numpy.ndarray
        Frequencies of the source populations, shape (n_sites, n_sources).
    """
    autosomes = {name: length for name, length in GRCH38_LENGTHS.items() if name.isdigit()}
    spacing = sum(autosomes.values()) / max(n_sites, 1)
    contigs, positions = [], []
    for name, length in autosomes.items():
        grid = np.arange(spacing / 2, length, spacing)
        grid = (grid + rng.uniform(-0.45, 0.45, len(grid)) * spacing).astype(np.int64)
        grid = np.array([at for at in np.clip(grid, 1, length).tolist() if (name, at) not in taken])
        contigs += [name] * len(grid)
        positions += grid.tolist()
    sources = drifted_frequencies(rng.uniform(0.08, 0.92, len(positions)), rng)
    ref, alt = _invented_alleles(len(positions), rng)
    table = pd.DataFrame({"contig": contigs, "position": positions, "ref": ref, "alt": alt})
    table[list(POPULATIONS)] = by_population(sources)
    return _with_text(table.assign(kind="background", gene="")), sources


def _with_text(table: pd.DataFrame) -> pd.DataFrame:
    """Fill the columns that describe a variant, and name the nameless ones."""
    missing = [column for column in TEXT_COLUMNS if column not in table]
    return table.assign(**dict.fromkeys(missing, ""))[list(SITE_COLUMNS)]


def order_sites(table: pd.DataFrame) -> pd.DataFrame:
    """Sort sites by contig, position, ref and alt; the index tells where each row stood before."""
    ranks = table["contig"].map({name: contig_rank(name) for name in table["contig"].unique()})
    keyed = table.assign(_rank=ranks.map(lambda rank: rank[0]))
    return keyed.sort_values(["_rank", "position", "ref", "alt"], kind="stable").drop(columns="_rank")
