"""The enrichment's own arithmetic, and what it leaves out of training."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from benchmarks.enrichment import INHIBITORS, auroc, bootstrap, figures, related
from benchmarks.readme import ROOT
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


def test_inhibitors__are_all_among_the_shipped_drugs():
    assert set(INHIBITORS) <= set(tables.drugs()["name"])


def test_results__state_losses_too():
    table = pd.read_csv(ROOT / "benchmarks" / "results" / "enrichment.tsv", sep="\t")
    assert {"shipped network", "network without JAK inhibitors", "similarity to JAK ligands"} <= set(
        table["ranking"]
    )
    assert (table["lower"] <= table["auroc"]).all() and (table["auroc"] <= table["upper"]).all()
