"""Going on with a few pairs of new molecules: what is held out, errors by molecule, and a round trained for real."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap

from benchmarks.fine_tuning import (
    BOTH,
    NETWORK,
    PLAIN,
    Round,
    Trained,
    figures,
    held_out_rounds,
    judge_round,
    part_predictions,
    trained,
)
from benchmarks.record import RESULTS
from models.affinity import KERNEL
from models.affinity_inputs import encode_pairs
from models.contenders import NETWORKS, NetworkRecipe, choose_epochs, fit_and_predict, fit_encoder
from models.pairs import PairData
from models.protein import Target
from varimol import tables

SMILES = (
    "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "CCCO", "c1ccccc1", "c1ccccc1C", "c1ccncc1", "C1CCCCC1", "CC(=O)O",
    "Oc1ccccc1", "CCCCCC",
)  # fmt: skip
KINASES = ("ABL1", "BRAF", "CDK2", "EGFR", "KIT", "SRC")


@pytest.fixture(scope="module")
def pairs() -> PairData:
    """Ten molecules, the first two alike but for their stereochemistry, on six kinases, the first of which stands twice."""
    sequence = tables.proteins().set_index("symbol")["sequence"]
    names = (*KINASES, "ABL1-again")
    drug, target = (part.ravel() for part in np.indices((len(SMILES), len(names))))
    return PairData(
        "pkd", tuple("abcdefghij"), SMILES, ("",) * len(SMILES), names,
        tuple(Target(name, str(sequence[name.split("-")[0]])) for name in names), drug, target,
        6 + np.sin(drug) + np.cos(target), drug % 5 + 1,
    )  # fmt: skip


def keys(pairs: PairData) -> set[tuple[int, int]]:
    return set(zip(pairs.drug.tolist(), pairs.target.tolist(), strict=True))


def test_held_out_rounds__own_pairs_are_few_and_of_new_molecules(pairs: PairData) -> None:
    rounds = list(held_out_rounds(pairs, range(1, 6), 2))
    for task in rounds:
        parts = [keys(part) for part in (task.public, task.own, task.test)]
        assert (
            sum(map(len, parts)) == len(set.union(*parts)) == 60
        )  # the kinase that stands twice counts once
        assert keys(task.together) == parts[0] | parts[1]
        assert not set(task.public.drug) & set(task.test.drug) and set(task.own.drug) == set(task.test.drug)
        assert (np.bincount(task.own.drug)[np.unique(task.own.drug)] == 2).all()
        assert (task.together.fold == -1).all()
        assert len({0, 1} & set(task.test.drug)) != 1  # stereoisomers are held out together
    tested = pd.Series([drug for task in rounds for drug in np.unique(task.test.drug)])
    assert sorted(tested) == list(range(10))


def test_held_out_rounds__are_drawn_by_the_seed(pairs: PairData) -> None:
    def own(seed: int) -> list[set[tuple[int, int]]]:
        return [keys(task.own) for task in held_out_rounds(pairs, (1, 2, 3), 3, seed)]

    assert own(0) == own(0) != own(1)


@pytest.fixture(scope="module")
def task(pairs: PairData) -> Round:
    return next(held_out_rounds(pairs, [1], 3))


@pytest.fixture(scope="module")
def recipe() -> NetworkRecipe:
    """Give a tiny network."""
    kind = NETWORKS[NETWORK]
    shape = replace(kind.shape, dim=8, aligned=4, rank=8)
    return replace(kind, shape=shape, loop=replace(kind.loop, n_epochs=2))


@pytest.fixture(scope="module")
def models(task: Round, recipe: NetworkRecipe) -> dict[str, Trained]:
    return {each.data: each for each in trained(task, recipe)}


def test_trained__the_network_from_scratch_has_the_epochs_of_the_public_one(
    models: dict[str, Trained], task: Round, recipe: NetworkRecipe
) -> None:
    assert list(models) == ["public", "start", "own", "together"]
    encoded = encode_pairs(task.public, fit_encoder(task.public, recipe))
    assert models["public"].epochs == models["together"].epochs == choose_epochs(encoded, recipe, 0)
    assert all(each.seconds > 0 for each in models.values())


def test_trained__what_goes_on_holds_all_labels_and_its_own_coordinates(
    models: dict[str, Trained], task: Round
) -> None:
    labels = {name: np.isfinite(each.model.labels).sum() for name, each in models.items()}
    assert labels["start"] == labels["together"] == len(task.together) == labels["public"] + labels["own"]
    before, after = (models[name].model.inputs for name in ("public", "start"))
    here = [inputs.encode_molecules(task.test.smiles).coordinates for inputs in (before, after)]
    np.testing.assert_allclose(*here, atol=1e-6)


def test_part_predictions__against_contenders(
    models: dict[str, Trained], task: Round, recipe: NetworkRecipe
) -> None:
    said = part_predictions(models["together"].model, task.test)
    assert set(said) == {NETWORK, KERNEL, BOTH}
    expected = fit_and_predict(KERNEL, task.together, task.test)[0]
    np.testing.assert_allclose(said[KERNEL], expected, atol=1e-3)
    same = replace(recipe, loop=replace(recipe.loop, stop_after=models["together"].epochs))
    expected = fit_and_predict(NETWORK, task.together, task.test, recipe=same)[0]
    np.testing.assert_allclose(said[NETWORK], expected, atol=1e-4)
    np.testing.assert_allclose(said[BOTH], (said[NETWORK] + said[KERNEL]) / 2)


def test_judge_round__labels_of_the_test_are_in_the_errors_alone(
    models: dict[str, Trained], task: Round, recipe: NetworkRecipe
) -> None:
    """Trained again with other labels in the test, the models predict what they did."""
    other = replace(task, test=replace(task.test, label=task.test.label[::-1] + 1))
    rows = judge_round(other, recipe)
    told = rows.groupby("data")["model"].unique().map(set).to_dict()
    parts = {NETWORK, KERNEL, BOTH}
    assert told == {"public": parts, "start": parts, "own": parts, "together": parts | set(PLAIN)}
    said = {name: part_predictions(each.model, task.test) for name, each in models.items()}
    for row in rows[rows["model"].isin(parts)].itertuples():
        here = task.test.drug == task.test.drug_ids.index(row.drug_id)
        errors = other.test.label[here] - said[row.data][row.model][here]
        assert row.mse == pytest.approx(np.mean(errors**2)) and row.n_pairs == here.sum()


def test_figures__against_scipys_bootstrap() -> None:
    rng = np.random.default_rng(0)
    count, base = rng.integers(5, 400, 40), rng.gamma(2, 0.3, 40)
    part = pd.DataFrame({"fold": 1, "drug_id": [f"d{k}" for k in range(40)], "n_pairs": count, "cpu_s": 2.0})
    more = rng.normal(0.1, 0.2, 40)
    rows = pd.concat([
        part.assign(data="start", model=BOTH, mse=base), part.assign(data="start", model=NETWORK, mse=base + 1),
        part.assign(data="own", model=BOTH, mse=base + more), part.assign(data="own", model=NETWORK, mse=base + 1),
        part.assign(data="together", model="means", mse=base),
    ])  # fmt: skip
    found = figures(rows).set_index(["data", "model"])
    assert (found["n_molecules"] == 40).all() and (found["n_pairs"] == count.sum()).all()
    own = found.loc[("own", BOTH)]
    assert own["mse"] == pytest.approx(np.average(base + more, weights=count))
    assert (
        own["above"] == pytest.approx(np.average(more, weights=count)) and own["n_worse"] == (more > 0).sum()
    )
    for value, ends in ((base + more, ("lower", "upper")), (more, ("above_lower", "above_upper"))):
        expected = bootstrap(
            (value * count, count), lambda a, b, axis: a.sum(axis=axis) / b.sum(axis=axis), paired=True,
            vectorized=True, n_resamples=10_000, method="percentile", rng=rng,
        ).confidence_interval  # fmt: skip
        assert tuple(own[list(ends)]) == pytest.approx(expected, abs=0.01)
    # Beside the same part gone on; a model that has none stands beside the blend.
    assert found.loc[("own", NETWORK), "above"] == found.loc[("together", "means"), "above"] == 0


def test_recorded_figures__hold_every_model_on_the_same_pairs() -> None:
    rows = pd.read_csv(RESULTS / "fine_tuning.tsv", sep="\t", dtype={"drug_id": str})
    told = rows.groupby(["data", "model"])["n_pairs"].agg(["count", "sum"])
    assert len(told) == 14 and len(told.drop_duplicates()) == 1 and told["sum"].iloc[0] > 2000
    assert not rows.duplicated(["data", "model", "drug_id"]).any() and (rows["n_own"] == 20).all()
    found = figures(rows)
    assert (found["lower"] < found["mse"]).all() and (found["mse"] < found["upper"]).all()
