"""The trait of simulated people: one planted variant, age, sex and population, by a logistic model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from genomics.errors import InputError
from genomics.simulate_sites import POPULATIONS


@dataclass(frozen=True)
class PlantedEffect:
    """The one variant that changes the trait.

    Parameters
    ----------
    contig, position, ref, alt
        The variant; it must be among the sites. Contig with or without ``chr``.
    odds_ratio
        Per copy of ALT, as simulated.
    published_odds_ratio, citation
        What was measured in people, and where; kept in the truth for reports.
    """

    contig: str
    position: int
    ref: str
    alt: str
    odds_ratio: float
    published_odds_ratio: float | None = None
    citation: str = ""


@dataclass(frozen=True)
class TraitModel:
    """How the binary trait comes about, besides the planted effect.

    Parameters
    ----------
    name
        Column of the phenotype table.
    prevalence
        Share of the cohort with the trait.
    age
        Log odds per ten years; ages are drawn as Normal(50, 13), within 18 to 90.
    female
        Log odds of women against men.
    population
        Log odds of each population against the mean: confounds every variant whose frequency differs.
    missing
        Share of people whose trait is not recorded.
    """

    name: str = "trait"
    prevalence: float = 0.5
    age: float = 0.25
    female: float = 0.7
    population: Mapping[str, float] = field(
        default_factory=lambda: {"AFR": 0.7, "AMR": 0.4, "EAS": -0.6, "EUR": 0.0, "SAS": 0.4}
    )
    missing: float = 0.005


def planted_dosage(records: pd.DataFrame, genotypes: np.ndarray, planted: PlantedEffect) -> np.ndarray:
    """Copies of the planted ALT that everyone truly has."""
    rows = records[
        (records["contig"] == planted.contig.removeprefix("chr"))
        & (records["position"] == planted.position)
        & (records["ref"] == planted.ref)
    ]
    alternatives = rows["alt"].iloc[0].split(",") if len(rows) else []
    if planted.alt not in alternatives:
        raise InputError(
            f"the planted variant {planted.contig}:{planted.position}:{planted.ref}:{planted.alt} is no site",
            field="planted",
            expected="a variant of the table of sites",
            hint="add it there with its frequencies",
        )
    return (genotypes[rows.index[0]] == alternatives.index(planted.alt) + 1).sum(axis=1)


def draw_phenotypes(
    records: pd.DataFrame,
    genotypes: np.ndarray,
    populations: np.ndarray,
    female: np.ndarray,
    planted: PlantedEffect | None,
    trait: TraitModel,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Draw ages and the trait, by a logistic model with the intercept that gives the prevalence."""
    from scipy.optimize import brentq
    from scipy.special import expit

    n_samples = len(populations)
    age = np.clip(np.round(rng.normal(50, 13, n_samples)), 18, 90)
    log_odds = trait.age * (age - 50) / 10 + trait.female * female
    log_odds = log_odds + np.array([trait.population.get(name, 0.0) for name in POPULATIONS])[populations]
    if planted is not None:
        log_odds = log_odds + np.log(planted.odds_ratio) * planted_dosage(records, genotypes, planted)
    intercept = brentq(lambda shift: float(expit(log_odds + shift).mean()) - trait.prevalence, -20, 20)
    affected = (rng.random(n_samples) < expit(log_odds + intercept)).astype(float)
    affected[rng.random(n_samples) < trait.missing] = np.nan
    width = max(4, len(str(n_samples)))
    return pd.DataFrame(
        {
            "sample_id": [f"S{number:0{width}d}" for number in range(1, n_samples + 1)],
            trait.name: pd.array(affected, dtype="Float64").astype("Int64"),
            "age": age.astype(int),
            "sex": np.where(female, 2, 1),
        }
    )
