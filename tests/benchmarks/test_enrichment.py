"""The enrichment's own arithmetic, and what it leaves out of training."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from benchmarks.enrichment import (
    INHIBITORS,
    auroc,
    bootstrap,
    figures,
    related,
    setting_of,
    with_queries,
)
from benchmarks.readme import ROOT
from models.pairs import PairData
from models.protein import Target
from varimol import tables


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=4, max_size=60))
def test_auroc__equals_scikit_learn(rows):
    score = np.array([s for s, _ in rows], float)
    positive = np.array([p for _, p in rows])
    if positive.all() or not positive.any():
        return
    assert auroc(score, positive) == pytest.approx(roc_auc_score(positive, score))


def test_bootstrap__covers_the_estimate():
    rng = np.random.default_rng(0)
    positive = np.arange(200) < 15
    score = rng.normal(size=200) + positive
    low, high = bootstrap(score, positive)
    assert low < auroc(score, positive) < high


def test_figures__shuffled_labels_give_half():
    rng = np.random.default_rng(0)
    positive = np.arange(400) < 10
    row = figures("x", rng.normal(size=400) + 3 * positive, positive, "all", positive)
    assert row["auroc"] > 0.9
    assert row["auroc_labels_shuffled"] == pytest.approx(0.5, abs=0.03)


def test_related__finds_the_compound_its_salt_form_and_its_analogue():
    drugs = tables.drugs().set_index("name")["smiles"]
    inhibitors = [drugs[name] for name in INHIBITORS]
    found = related([drugs["tofacitinib"], drugs["aspirin"]], inhibitors)
    assert found.tolist() == [True, False]


def test_with_queries__every_new_pair_and_the_training_pairs_as_they_were():
    index, label = np.array([0, 1, 1]), np.array([5.0, 6.0, 7.0])
    targets = (Target("t0", "MK"), Target("t1", "ML"))
    pairs = PairData(
        "pkd", ("a", "b"), ("C", "CC"), ("", ""), ("t0", "t1"), targets, index, 1 - index, label, index
    )
    training, queries = with_queries(pairs, ["CCO", "CCN", "CCC"], ["MV", "MW"])
    named = [
        (training.smiles[d], training.targets[t].sequence) for d, t in zip(training.drug, training.target)
    ]
    assert named == [("C", "ML"), ("CC", "MK"), ("CC", "MK")] and training.label.tolist() == label.tolist()
    asked = [(queries.smiles[d], queries.targets[t].sequence) for d, t in zip(queries.drug, queries.target)]
    assert asked == [(s, t) for s in ("CCO", "CCN", "CCC") for t in ("MV", "MW")]
    assert np.isnan(queries.label).all()


def test_setting_of__is_the_one_whose_weights_the_model_takes():
    index = np.array([0, 1])
    targets = (Target("t0", "MK"), Target("t1", "ML"))
    pairs = PairData(
        "pkd", ("a", "b"), ("CCO", "CCN"), ("", ""), ("t0", "t1"), targets, index, index, index, index
    )
    seen = pairs.select(np.array([True, False]))
    # The second drug and target stand in the tables, but no pair has them.
    assert setting_of(seen, ["OCC", "CCN"], ["MK", "ML"]) == ["random", "family", "scaffold", "scaffold"]


def test_inhibitors__are_all_among_the_shipped_drugs():
    assert set(INHIBITORS) <= set(tables.drugs()["name"])


def test_results__state_losses_too():
    table = pd.read_csv(ROOT / "benchmarks" / "results" / "enrichment.tsv", sep="\t")
    assert {"shipped network", "network without JAK inhibitors", "similarity to JAK ligands"} <= set(
        table["ranking"]
    )
    assert table["network"].str.len().gt(0).all(), "which model the figures are of"
    assert (table["lower"] <= table["auroc"]).all() and (table["auroc"] <= table["upper"]).all()
