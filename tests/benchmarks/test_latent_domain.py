"""Errors by density in a latent space: bins against SciPy's bootstrap, and a fold of a small table fitted for real."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap

from benchmarks.latent_domain import EDGES, error_by_density, figures, held_out_pairs, judged_rows
from benchmarks.record import RESULTS
from models.blend import BLEND
from models.domain_measured import MEANS
from models.domain_threshold import Threshold
from models.pairs import PairData
from models.protein import Target
from varimol import tables

SMILES = (
    "CCO", "CCN", "CCCO", "c1ccccc1", "c1ccccc1C", "c1ccncc1", "C1CCCCC1", "CC(=O)O", "Oc1ccccc1", "CCCCCC",
)  # fmt: skip
KINASES = ("ABL1", "BRAF", "CDK2", "EGFR", "KIT", "SRC")


def held_out(n: int = 300, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    label = rng.normal(6, 1, n)
    return pd.DataFrame({
        "endpoint": "pkd", "setting": "scaffold", "fold": rng.integers(1, 4, n), "drug_id": rng.integers(0, 30, n),
        "target_id": rng.integers(0, 9, n), "label": label, "prediction": label + rng.normal(0, 0.5, n),
        "means": label + rng.normal(0, 1, n), "covered": rng.random(n) < 0.9, "density": rng.random(n) ** 3,
        "inside": rng.random(n) < 0.5,
    })  # fmt: skip


def test_error_by_density__against_scipys_bootstrap() -> None:
    table = held_out()
    found = error_by_density(table, "drug_id").set_index("above")
    assert found["n_pairs"].sum() == len(table) and found.index.tolist() == list(EDGES[:-1])
    part = table[(table["density"] >= 0.05) & (table["density"] < 0.25)]
    own, other = (part["label"] - part["prediction"]) ** 2, (part["label"] - part["means"]) ** 2
    assert found.loc[0.05, "mse"] == pytest.approx(own.mean())
    assert found.loc[0.05, "share"] == pytest.approx(own.mean() / other.mean())
    assert found.loc[0.05, "coverage"] == pytest.approx(part["covered"].mean())
    sums = pd.DataFrame({"own": own, "other": other}).groupby(part["drug_id"]).sum().to_numpy().T
    expected = bootstrap(
        tuple(sums), lambda a, b, axis: a.sum(axis=axis) / b.sum(axis=axis), paired=True, vectorized=True,
        n_resamples=5000, method="percentile", rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    assert (found.loc[0.05, "lower"], found.loc[0.05, "upper"]) == pytest.approx(expected, rel=0.05)


def test_figures__are_of_all_pairs_and_of_those_inside() -> None:
    table = held_out()
    counted = figures(table).groupby("pairs")["n_pairs"].sum()
    assert counted.to_dict() == {"all": len(table), "inside": table["inside"].sum()}


def test_judged_rows__stand_beside_the_means_in_any_order() -> None:
    table = held_out().drop_duplicates(["drug_id", "target_id"])
    blend = table.drop(columns=["means", "covered"]).assign(model=BLEND)
    means = table.assign(model=MEANS, prediction=table["means"])[blend.columns].iloc[::-1]
    found = judged_rows(pd.concat([means, blend]))
    np.testing.assert_array_equal(found["means"], table["means"])
    assert 0.8 < found["covered"].mean() <= 1


def test_held_out_pairs__far_molecules_are_isolated_and_outside() -> None:
    """All pairs of one molecule are held out; only the similarities say whether they are inside."""
    sequence = tables.proteins().set_index("symbol")["sequence"]
    drug, target = (part.ravel() for part in np.indices((len(SMILES), len(KINASES))))
    pairs = PairData(
        "pkd", tuple("abcdefghij"), SMILES, ("",) * len(SMILES), KINASES,
        tuple(Target(name, str(sequence[name])) for name in KINASES), drug, target,
        6 + np.sin(drug) + np.cos(target), np.full(len(drug), -1),
    )  # fmt: skip
    rows = pd.DataFrame({"drug_id": "d", "target_id": list(KINASES)})
    found = held_out_pairs(pairs, rows, {"molecule": Threshold(0.9, "by hand", 3)}, 1)
    assert found["target_id"].tolist() == list(KINASES)
    assert ((found["density"] > 0) & (found["density"] <= 1)).all()
    assert (found["similarity_molecule"] < 0.9).all() and not found["inside"].any()
    assert (found["similarity_protein"] == 1).all()


def test_recorded_figures__hold_every_setting() -> None:
    table = pd.read_csv(RESULTS / "latent_domain.tsv", sep="\t")
    counted = table[table["pairs"] == "all"].groupby(["endpoint", "setting"])["n_pairs"].sum()
    assert len(counted) == 6 and (counted > 5000).all()
    assert (table["lower"] <= table["share"] + 1e-4).all() and (table["share"] <= table["upper"] + 1e-4).all()
