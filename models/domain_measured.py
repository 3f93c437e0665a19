"""Held-out pairs by how near their molecule and protein are to the training data: bins, and thresholds of the domain."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chem.fingerprint import morgan_fingerprints
from chem.scaffold import murcko_scaffold
from models.affinity import N_BITS
from models.blend import BLEND
from models.domain_similarity import (
    CHANCE,
    ProteinKeys,
    chance_likeness,
    nearest_identity,
    nearest_tanimoto,
    protein_words,
)
from models.domain_threshold import Threshold, gain_threshold
from models.kinase import build_profile
from models.means import DrugTargetMeans
from models.pairs import PairData
from models.protein import encode_proteins

MEANS = DrugTargetMeans.name
SIMILARITY_EDGES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
GROUPS = {
    "scaffold": "scaffold",
    "molecule similarity": "near_molecule",
    "protein similarity": "near_protein",
}
"""What coverage is counted by, and the columns of `nearness` for it."""


def nearness(pairs: PairData, rows: pd.DataFrame) -> pd.DataFrame:
    """Scaffold of held-out pairs, and bins of how near they are to what their fold was trained on.

    Parameters
    ----------
    pairs
        The pairs of one endpoint.
    rows
        Held-out rows of one setting: fold, drug_id, target_id.

    Returns
    -------
    pd.DataFrame
        scaffold (the molecule itself where it has no ring), near_molecule, near_protein (texts), in the order of `rows`.
    """
    drug, target = places(pairs, rows)
    protein, kinase = _protein_similarity(pairs, rows, target)
    kind = np.where(kinase, "residues ", "words ").astype(object)
    return pd.DataFrame(
        {
            "scaffold": np.array([murcko_scaffold(text) for text in pairs.smiles], object)[drug],
            "near_molecule": _similarity_bin(_molecule_similarity(pairs, rows, drug)),
            "near_protein": kind + _similarity_bin(protein),
        },
        index=rows.index,
    )


def places(pairs: PairData, rows: pd.DataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(n,) drug and target of each row, by their place in the tables of `pairs`."""
    place = {name: row for row, name in enumerate(pairs.drug_ids)}
    where = {name: row for row, name in enumerate(pairs.target_ids)}
    drug, target = rows["drug_id"].map(place), rows["target_id"].map(where)
    return drug.to_numpy().astype(np.int64), target.to_numpy().astype(np.int64)


def _similarity_bin(similarity: NDArray[np.float64]) -> NDArray[np.object_]:
    """Name of the bin of each similarity; 1 is a bin of its own."""
    texts = [f"{edge:.1f}" for edge in (0.0, *SIMILARITY_EDGES)]
    names = [f"{low} to {high}" for low, high in pairwise(texts)] + ["1.0"]
    return np.array(names, object)[np.searchsorted(SIMILARITY_EDGES, similarity + 1e-6, side="right")]


def measured_thresholds(pairs: PairData, out_of_fold: pd.DataFrame) -> dict[str, Threshold]:
    """Where the blend stops beating the means: over molecules for held-out scaffolds, over proteins for families.

    Parameters
    ----------
    pairs
        The pairs of one endpoint.
    out_of_fold
        Its rows of folds.tsv, of the blend and the means among other models.

    Returns
    -------
    dict
        By measure of `models.domain.MEASURES`; one with too few molecules or proteins is missing. That of words is
        at least what proteins have by chance: a model that gains everywhere does not know a protein it was never near.
    """
    found: dict[str, Threshold | None] = {}
    for setting in ("scaffold", "family"):
        # One order of folds, so that the rows of two models stand beside each other.
        rows = out_of_fold[out_of_fold["setting"] == setting].sort_values("fold", kind="stable")
        if not len(rows):
            continue
        blend = rows[rows["model"] == BLEND].reset_index(drop=True)
        means = rows[rows["model"] == MEANS].reset_index(drop=True)
        drug, target = places(pairs, blend)
        if setting == "scaffold":
            found["molecule"] = _gain(blend, means, drug, _molecule_similarity(pairs, blend, drug))
        else:
            similarity, kinase = _protein_similarity(pairs, blend, target)
            for name, part in (("identity", kinase), ("words", ~kinase)):
                if part.any():
                    found[name] = _gain(blend[part], means[part], target[part], similarity[part])
    judged = {name: threshold for name, threshold in found.items() if threshold is not None}
    if "words" in judged:
        sequences = sorted({target.sequence for target in pairs.targets})
        judged["words"] = judged["words"].at_least(chance_likeness(protein_words(sequences)), CHANCE)
    return judged


def _gain(
    blend: pd.DataFrame, means: pd.DataFrame, unit: NDArray[np.int64], similarity: NDArray[np.float64]
) -> Threshold | None:
    return gain_threshold(similarity, unit, blend["label"], blend["prediction"], means["prediction"])


def _molecule_similarity(pairs: PairData, rows: pd.DataFrame, drug: NDArray[np.int64]) -> NDArray[np.float64]:
    """Similarity of each held-out pair's molecule to the nearest one that its fold was trained on."""
    bits = morgan_fingerprints(pairs.smiles, n_bits=N_BITS)
    similarity = np.empty(len(rows))
    folds = rows["fold"].to_numpy()
    for fold in np.unique(folds):
        here = folds == fold
        held_out = np.unique(drug[here])
        nearest = nearest_tanimoto(bits[held_out], bits[np.unique(drug[~here])])
        similarity[here] = nearest[np.searchsorted(held_out, drug[here])]
    return similarity


def _protein_similarity(
    pairs: PairData, rows: pd.DataFrame, target: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The same of each pair's protein, and whether it is measured on the kinase profile."""
    profile = build_profile([t.sequence for t in pairs.targets])
    keys = ProteinKeys.of(
        [t.sequence for t in pairs.targets], encode_proteins(pairs.targets, profile).aligned
    )
    similarity = np.empty(len(rows))
    folds = rows["fold"].to_numpy()
    for fold in np.unique(folds):
        here = folds == fold
        held_out, known = np.unique(target[here]), np.unique(target[~here])
        nearest = nearest_tanimoto(keys.words[held_out], keys.words[known])
        kinase = keys.has_domain[held_out]
        references = keys.aligned[known][keys.has_domain[known]]
        if len(references):
            nearest[kinase] = nearest_identity(keys.aligned[held_out][kinase], references)
        similarity[here] = nearest[np.searchsorted(held_out, target[here])]
    return similarity, keys.has_domain[target]
