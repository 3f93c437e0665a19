"""Simulated responses of cell lines to compounds, with effects of markers that are known: for users and tests alike.

`simulate_response` knows no gene and no compound: both come by argument. A response is the compound's mean, plus the
line's mean, plus what the line's tissue does to the compound's class, plus the planted effects of the markers that
the line carries, plus noise. Of the genes without an effect some are mutated in many lines and most in few, and a
marker may be commoner in one tissue, so that a test that leaves tissue aside is misled as it would be by real lines.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from numpy.typing import NDArray

from chem.errors import InputError
from genomics.profiles import GenotypeProfiles
from models.response_table import ResponseTable

Array = NDArray[np.float64]
Carriers = dict[str, Bool[NDArray[np.bool_], "lines genes"]]
BLOCKS = ("mutation", "copy_number")
"""Blocks that a marker may belong to: the gene is mutated, or amplified."""
FOUR_TISSUES: Mapping[str, float] = {"blood": 0.2, "breast": 0.2, "lung": 0.35, "skin": 0.25}
ELSEWHERE = 0.1
"""Share of its frequency that a marker of one tissue has in the others."""


@dataclass(frozen=True)
class PlantedMarker:
    """A marker and what it does to the compounds of one class.

    Attributes
    ----------
    gene
        Its symbol.
    compound_class
        As in the table of compounds.
    effect
        Added to the responses of carriers, ln(umol/l): negative is sensitive, 0 a passenger.
    block
        'mutation', or 'copy_number' for an amplification.
    frequency
        Share of lines that carry it; where `tissue` is given, of the lines of that tissue.
    tissue
        Where it is common; elsewhere its frequency is a tenth.
    """

    gene: str
    compound_class: str
    effect: float
    block: str = "mutation"
    frequency: float = 0.2
    tissue: str | None = None


@dataclass(frozen=True)
class ResponseSpread:
    """Standard deviations of what a response is made of, ln(umol/l).

    Attributes
    ----------
    compound_mean, line_mean
        Of the means; those of GDSC2 have 2.3 and 1.0.
    tissue
        Of a tissue's effect on a class of compounds.
    noise
        Of a single value.
    """

    compound_mean: float = 2.3
    line_mean: float = 0.9
    tissue: float = 0.5
    noise: float = 0.8


@dataclass(frozen=True)
class SimulatedResponse:
    """Simulated responses, the profiles of the lines, and the truth.

    Attributes
    ----------
    table
        Responses as measured.
    profiles
        Of the same lines: blocks mutation, copy_number and expression, covariate tissue.
    compounds
        As given, in the order of their names: drug_name, smiles, compound_class.
    planted
        One row per marker and compound: block, marker, compound, effect, n_carriers.
    expected
        (n_lines, n_compounds) responses without noise and gaps.
    """

    table: ResponseTable
    profiles: GenotypeProfiles
    compounds: pd.DataFrame
    planted: pd.DataFrame
    expected: Float[Array, "n_lines n_compounds"]

    def select_lines(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> SimulatedResponse:
        """Return some lines, with the same compounds and the same truth."""
        table = self.table.select_lines(rows)
        profiles = self.profiles.select(table.line_ids)
        return SimulatedResponse(table, profiles, self.compounds, self.planted, self.expected[rows])

    def write(self, directory: str | os.PathLike[str]) -> dict[str, Path]:
        """Write what ``varimol train response`` reads, and the truth.

        Parameters
        ----------
        directory
            Made if it is not there.

        Returns
        -------
        dict
            Paths of response.tsv (depmap_id, drug_name, ln_ic50), drugs.tsv, mutation.tsv, copy_number.tsv,
            expression.tsv, covariates.tsv (depmap_id, tissue) and planted.tsv, by their names without the suffix.
        """
        folder = Path(directory)
        folder.mkdir(parents=True, exist_ok=True)
        ids = pd.Index(self.profiles.sample_ids, name="depmap_id")
        columns = {"line": "depmap_id", "compound": "drug_name", "value": "ln_ic50"}
        frames = {"response": self.table.long().rename(columns=columns), "drugs": self.compounds}
        for block, values in self.profiles.blocks.items():
            frames[block] = pd.DataFrame(values, ids, self.profiles.genes[block]).reset_index()
        frames["covariates"] = self.profiles.covariates.rename_axis("depmap_id").reset_index()
        frames["planted"] = self.planted
        paths = {name: folder / f"{name}.tsv" for name in frames}
        for name, frame in frames.items():
            frame.to_csv(paths[name], sep="\t", index=False, float_format="%.9g", lineterminator="\n")
        return paths


def simulate_response(
    *,
    seed: int,
    compounds: pd.DataFrame,
    markers: Sequence[PlantedMarker],
    n_lines: int = 300,
    tissues: Mapping[str, float] = FOUR_TISSUES,
    n_background: int = 60,
    spread: ResponseSpread | None = None,
    missing: float = 0.1,
) -> SimulatedResponse:
    """Simulate responses of cell lines to compounds.

    Parameters
    ----------
    seed
        The same seed and arguments give the same responses.
    compounds
        Columns drug_name, smiles and compound_class.
    markers
        The truth to plant; a gene may stand in several, with the same frequency and tissue.
    n_lines, n_background
        Lines; genes without an effect beside the planted ones, called GENE001 and on.
    tissues
        Share of each.
    spread
        Of what responses are made of.
    missing
        Share of the pairs that are not measured.

    Returns
    -------
    SimulatedResponse

    Raises
    ------
    InputError
        The table of compounds lacks a column or names a compound twice; a marker has a class, tissue or block that
        is not there, a frequency beyond 0 to 1, or two frequencies.

    Examples
    --------
    >>> compounds = pd.DataFrame({"drug_name": ["a", "b"], "smiles": ["CCO", "CCN"], "compound_class": ["x", "y"]})
    >>> simulated = simulate_response(seed=0, compounds=compounds, markers=[PlantedMarker("BRAF", "x", -2.0)])
    >>> simulated.table.values.shape, simulated.profiles.blocks["mutation"].shape
    ((300, 2), (300, 61))
    >>> simulated.planted.to_dict("records")
    [{'block': 'mutation', 'marker': 'BRAF', 'compound': 'a', 'effect': -2.0, 'n_carriers': 62}]
    """
    spread = spread or ResponseSpread()
    compounds = _checked_compounds(compounds)
    _check_markers(markers, set(compounds["compound_class"]), tissues)
    genes = _genes(markers, n_background)
    of_lines, of_genes, of_response = map(np.random.default_rng, np.random.SeedSequence(seed).spawn(3))
    tissue = of_lines.choice(np.array(list(tissues), object), n_lines, p=_shares(tissues))
    carriers = _draw_carriers(markers, genes, tissue, of_genes)
    line_ids = tuple(f"LINE{number:04d}" for number in range(1, n_lines + 1))
    profiles = GenotypeProfiles.of(
        line_ids,
        {name: (genes, block) for name, block in _blocks(carriers, tissue, of_genes).items()},
        pd.DataFrame({"tissue": tissue}, index=list(line_ids)),
    )
    kinds = compounds["compound_class"].to_numpy(object)
    effects = _effects(markers, genes, kinds)
    expected = _means(tissue, kinds, spread, of_response)
    for block, effect in effects.items():
        expected = expected + carriers[block] @ effect
    values = np.round(expected + of_response.normal(0, spread.noise, expected.shape), 4)
    values[of_response.random(values.shape) < missing] = np.nan
    table = ResponseTable(values, line_ids, tuple(compounds["drug_name"]), "ln(umol/l)")
    return SimulatedResponse(
        table, profiles, compounds, _truth(markers, genes, compounds, carriers), expected
    )


def _checked_compounds(compounds: pd.DataFrame) -> pd.DataFrame:
    columns = ["drug_name", "smiles", "compound_class"]
    for column in columns:
        if column not in compounds:
            raise InputError("compounds lack a column", field=column, expected=", ".join(columns))
    twice = compounds["drug_name"].duplicated()
    if twice.any():
        name = compounds.loc[twice, "drug_name"].iloc[0]
        raise InputError(f"{name!r} stands twice", field="drug_name", expected="distinct names")
    return compounds[columns].astype(str).sort_values("drug_name").reset_index(drop=True)


def _check_markers(markers: Sequence[PlantedMarker], classes: set[str], tissues: Mapping[str, float]) -> None:
    first: dict[tuple[str, str], PlantedMarker] = {}
    for marker in markers:
        for field, value, known in (
            ("compound_class", marker.compound_class, classes),
            ("block", marker.block, BLOCKS),
            ("tissue", marker.tissue, (None, *tissues)),
        ):
            if value not in known:
                raise InputError(
                    f"marker {marker.gene} has {value!r}",
                    field=field,
                    expected=", ".join(sorted(map(str, known))),
                )
        if not 0 <= marker.frequency <= 1:
            raise InputError(
                f"marker {marker.gene} has {marker.frequency}",
                field="frequency",
                expected="a share from 0 to 1",
            )
        other = first.setdefault((marker.block, marker.gene), marker)
        if (other.frequency, other.tissue) != (marker.frequency, marker.tissue):
            raise InputError(
                f"marker {marker.gene} stands with two frequencies or tissues", field="frequency",
                expected="the same wherever it stands",
            )  # fmt: skip


def _genes(markers: Sequence[PlantedMarker], n_background: int) -> list[str]:
    return sorted({marker.gene for marker in markers} | {f"GENE{n:03d}" for n in range(1, n_background + 1)})


def _shares(tissues: Mapping[str, float]) -> Array:
    shares = np.array(list(tissues.values()), float)
    if not len(shares) or (shares < 0).any() or shares.sum() <= 0:
        raise InputError("tissues have no shares", field="tissues", expected="a share of lines by tissue")
    return shares / shares.sum()


def _draw_carriers(
    markers: Sequence[PlantedMarker], genes: list[str], tissue: NDArray[np.object_], rng: np.random.Generator
) -> Carriers:
    """Who carries what: most genes are mutated in few lines, some lines are mutated in many genes."""
    often = 0.02 + 0.25 * rng.beta(0.5, 3.0, len(genes))
    burdened = rng.lognormal(0, 0.5, len(tissue))
    share = {
        "mutation": np.minimum(burdened[:, None] * often, 0.9),
        "copy_number": np.full((len(tissue), len(genes)), 0.01),
    }
    for marker in markers:
        there = (tissue == marker.tissue) | (marker.tissue is None)
        share[marker.block][:, genes.index(marker.gene)] = marker.frequency * np.where(there, 1, ELSEWHERE)
    return {block: rng.random(share[block].shape) < share[block] for block in BLOCKS}


def _blocks(
    carriers: Carriers, tissue: NDArray[np.object_], rng: np.random.Generator
) -> dict[str, NDArray[np.float32]]:
    """Profiles: copies relative to two, log2(x + 1); expression goes with tissue, copies and mutation of a gene."""
    shape = carriers["mutation"].shape
    aneuploid = rng.lognormal(-1.8, 0.4, (shape[0], 1))
    copies = np.exp(aneuploid * rng.normal(size=shape))
    copies = np.where(carriers["copy_number"], rng.uniform(3, 8, shape), copies)
    _, place = np.unique(tissue, return_inverse=True)
    expression = rng.normal(0, 0.6, (place.max(initial=0) + 1, shape[1]))[place]
    expression = expression + np.log2(copies) + carriers["mutation"] * rng.choice([-1.0, 1.0], shape[1])
    expression = expression + rng.normal(0, 0.6, shape)
    blocks = {"mutation": carriers["mutation"], "copy_number": np.log2(copies + 1), "expression": expression}
    return {name: np.round(block.astype(np.float64), 4).astype(np.float32) for name, block in blocks.items()}


def _means(
    tissue: NDArray[np.object_], kinds: NDArray[np.object_], spread: ResponseSpread, rng: np.random.Generator
) -> Array:
    """Responses without markers and noise; a quarter of the variance between lines is that between tissues."""
    levels, place = np.unique(tissue, return_inverse=True)
    classes, kind = np.unique(kinds, return_inverse=True)
    compound = rng.normal(2.0, spread.compound_mean, len(kinds))
    line = spread.line_mean * (
        0.5 * rng.normal(size=len(levels))[place] + 0.75**0.5 * rng.normal(size=len(tissue))
    )
    of_class = rng.normal(0, spread.tissue, (len(levels), len(classes)))
    return compound + line[:, None] + of_class[place][:, kind]


def _effects(
    markers: Sequence[PlantedMarker], genes: list[str], kinds: NDArray[np.object_]
) -> dict[str, Array]:
    """(genes, compounds) effects by block; those of one gene and class add up."""
    effects = {block: np.zeros((len(genes), len(kinds))) for block in BLOCKS}
    for marker in markers:
        effects[marker.block][genes.index(marker.gene)] += marker.effect * (kinds == marker.compound_class)
    return effects


def _truth(
    markers: Sequence[PlantedMarker], genes: list[str], compounds: pd.DataFrame, carriers: Carriers
) -> pd.DataFrame:
    rows = [
        {
            "block": marker.block, "marker": marker.gene, "compound": compound, "effect": float(marker.effect),
            "n_carriers": int(carriers[marker.block][:, genes.index(marker.gene)].sum()),
        }
        for marker in markers
        for compound in compounds.loc[compounds["compound_class"] == marker.compound_class, "drug_name"]
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["block", "marker", "compound", "effect", "n_carriers"])
