"""Thresholds of the domain from out-of-fold rows, against the same worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem
from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator
from rdkit.Chem.Scaffolds.MurckoScaffold import MurckoScaffoldSmiles
from rdkit.DataStructs import BulkTanimotoSimilarity

from models.affinity import N_BITS
from models.domain_measured import MEANS, measured_thresholds, nearness
from models.domain_similarity import CHANCE, chance_likeness, nearest_other, protein_words
from models.domain_threshold import gain_threshold
from models.pairs import PairData

MakePairs = Callable[..., PairData]


@pytest.fixture(scope="module")
def pairs(make_pairs: MakePairs) -> PairData:
    return make_pairs(20, 12)


def rows_of(pairs: PairData, setting: str, unit: np.ndarray, n_folds: int) -> pd.DataFrame:
    """The blend is right and the means are not, for every unit; folds hold out whole units."""
    table = pd.DataFrame({
        "setting": setting, "endpoint": "pkd", "fold": unit % n_folds + 1,
        "drug_id": [pairs.drug_ids[d] for d in pairs.drug],
        "target_id": [pairs.target_ids[t] for t in pairs.target], "label": pairs.label,
    })  # fmt: skip
    error = np.where(unit % 3 == 0, 1.2, 0.3)
    blend = table.assign(model="blend", prediction=pairs.label + error)
    return pd.concat([blend, table.assign(model=MEANS, prediction=pairs.label + 1.0)], ignore_index=True)


@pytest.mark.parametrize("n_folds", [4, 12])
def test_measured_thresholds__of_molecules_worked_out_by_rdkit(pairs: PairData, n_folds: int) -> None:
    rows = rows_of(pairs, "scaffold", pairs.drug, n_folds)
    make = GetMorganGenerator(radius=2, fpSize=N_BITS)
    bits = [make.GetFingerprint(Chem.MolFromSmiles(text)) for text in pairs.smiles]
    fold = np.arange(len(bits)) % n_folds
    nearest = np.array([
        max(BulkTanimotoSimilarity(bits[k], [b for b, f in zip(bits, fold, strict=True) if f != fold[k]]))
        for k in range(len(bits))
    ])  # fmt: skip
    order = np.argsort(fold[pairs.drug], kind="stable")
    drug, blend, means = (
        pairs.drug[order],
        *(part.iloc[order] for _, part in rows.groupby("model", sort=True)),
    )
    expected = gain_threshold(nearest[drug], drug, blend["label"], blend["prediction"], means["prediction"])
    found = measured_thresholds(pairs, rows)
    assert expected is not None and set(found) == {"molecule"}
    assert found["molecule"].value == pytest.approx(expected.value, rel=1e-6)  # ours is in single precision
    assert (found["molecule"].rule, found["molecule"].n) == (expected.rule, expected.n)
    # Tables of models may list folds in another order, as folds 10 and 2 in the order of their names.
    by_name = rows.assign(name=rows["fold"].astype(str))
    mixed = pd.concat([
        by_name[by_name["model"] == "blend"], by_name[by_name["model"] == MEANS].sort_values("name", kind="stable")
    ])  # fmt: skip
    assert measured_thresholds(pairs, mixed) == found


def test_measured_thresholds__of_kinases_by_identity(pairs: PairData) -> None:
    found = measured_thresholds(pairs, rows_of(pairs, "family", pairs.target, 4))
    assert set(found) == {"identity"}
    assert found["identity"].n == 12


def test_measured_thresholds__too_few_or_no_rows(pairs: PairData, make_pairs: MakePairs) -> None:
    small = make_pairs(6, 4)
    assert measured_thresholds(small, rows_of(small, "scaffold", small.drug, 2)) == {}
    assert measured_thresholds(pairs, rows_of(pairs, "random", pairs.drug, 2)) == {}


def test_nearness__is_one_for_pairs_and_rdkits_for_scaffolds_held_out(pairs: PairData) -> None:
    rows = rows_of(pairs, "random", np.arange(len(pairs)), 5)
    rows = rows[rows["model"] == "blend"].sample(frac=1, random_state=0)
    known = nearness(pairs, rows)
    assert (known.index == rows.index).all()
    assert set(known["near_molecule"]) == {"1.0"} and set(known["near_protein"]) == {"residues 1.0"}
    held_out = rows.assign(fold=[pairs.drug_ids.index(d) % 4 + 1 for d in rows["drug_id"]])
    found = nearness(pairs, held_out).assign(drug=rows["drug_id"]).drop_duplicates("drug").set_index("drug")
    make = GetMorganGenerator(radius=2, fpSize=N_BITS)
    bits = [make.GetFingerprint(Chem.MolFromSmiles(text)) for text in pairs.smiles]
    for k, name in enumerate(pairs.drug_ids):
        nearest = max(BulkTanimotoSimilarity(bits[k], [b for i, b in enumerate(bits) if i % 4 != k % 4]))
        low, high = (float(text) for text in found.loc[name, "near_molecule"].split(" to "))
        assert low <= nearest < high
        expected = MurckoScaffoldSmiles(pairs.smiles[k])
        if expected:  # without a ring there is none, and ours is the molecule
            scaffold = Chem.MolFromSmiles(found.loc[name, "scaffold"])
            assert scaffold.GetNumAtoms() == Chem.MolFromSmiles(expected).GetNumAtoms()


def test_measured_thresholds__words_are_never_enough_by_chance(pairs: PairData) -> None:
    """Kinases read backwards have no kinase domain; a blend that is right everywhere gets no domain everywhere."""
    backwards = tuple(replace(target, sequence=target.sequence[::-1]) for target in pairs.targets)
    strange = replace(pairs, targets=backwards)
    rows = rows_of(strange, "family", strange.target, 4)
    rows.loc[rows["model"] == "blend", "prediction"] = rows["label"]
    found = measured_thresholds(strange, rows)["words"]
    words = protein_words([target.sequence for target in backwards])
    assert found.value == pytest.approx(chance_likeness(words)) and found.rule.endswith(f"raised to {CHANCE}")
    assert found.value > nearest_other(words).min()
