"""Thresholds of the domain, measured on held-out scaffolds and families."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chem.fingerprint import morgan_fingerprints
from models.affinity import N_BITS
from models.blend import BLEND
from models.domain_similarity import ProteinKeys, nearest_identity, nearest_tanimoto
from models.domain_threshold import Threshold, gain_threshold
from models.kinase import build_profile
from models.means import DrugTargetMeans
from models.pairs import PairData
from models.protein import encode_proteins

MEANS = DrugTargetMeans.name


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
        By measure of `models.domain.MEASURES`; one with too few molecules or proteins is missing.
    """
    found: dict[str, Threshold | None] = {}
    place = {name: row for row, name in enumerate(pairs.drug_ids)}
    where = {name: row for row, name in enumerate(pairs.target_ids)}
    for setting in ("scaffold", "family"):
        # One order of folds, so that the rows of two models stand beside each other.
        rows = out_of_fold[out_of_fold["setting"] == setting].sort_values("fold", kind="stable")
        if not len(rows):
            continue
        blend = rows[rows["model"] == BLEND].reset_index(drop=True)
        means = rows[rows["model"] == MEANS].reset_index(drop=True)
        if setting == "scaffold":
            unit = blend["drug_id"].map(place).to_numpy().astype(np.int64)
            found["molecule"] = _gain(blend, means, unit, _molecule_similarity(pairs, blend, unit))
        else:
            unit = blend["target_id"].map(where).to_numpy().astype(np.int64)
            similarity, kinase = _protein_similarity(pairs, blend, unit)
            for name, part in (("identity", kinase), ("words", ~kinase)):
                if part.any():
                    found[name] = _gain(blend[part], means[part], unit[part], similarity[part])
    return {name: threshold for name, threshold in found.items() if threshold is not None}


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
