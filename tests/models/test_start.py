"""Going on from a trained model: what is joined, what stays as it was, and that it helps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from chem.errors import InputError
from models.affinity import KERNEL, AffinityModel
from models.affinity_inputs import encode_pairs
from models.affinity_network import NetworkShape
from models.checkpoint import load_affinity
from models.contenders import NetworkRecipe, Start, fit_members
from models.evidence_pairs import label_matrix
from models.experiment import train_affinity
from models.experiment_plan import AffinityExperiment
from models.loop import LoopConfig
from models.pairs import PairData
from models.start import extend_inputs, join_pairs, networks_of

MakePairs = Callable[..., PairData]
KINDS = {
    "landmark_network": NetworkShape(dim=12, aligned=4, rank=8, dropout=0.0),
    "profile_network": NetworkShape(landmarks="profile", dim=12, aligned=4, rank=8, dropout=0.0),
}
LOOP = LoopConfig(n_epochs=4, learning_rate=3e-3, ema=0.9, device="cpu")


@pytest.fixture(scope="module")
def pairs(make_pairs: MakePairs) -> PairData:
    return make_pairs(16, 8)


@pytest.fixture(scope="module")
def old(pairs: PairData) -> PairData:
    """Ten molecules on six proteins."""
    return pairs.select((pairs.drug < 10) & (pairs.target < 6))


@pytest.fixture(scope="module")
def new(pairs: PairData) -> PairData:
    """Other molecules and proteins, and five pairs that were there before."""
    rest = np.flatnonzero((pairs.drug >= 10) | (pairs.target >= 6))
    again = np.flatnonzero((pairs.drug < 10) & (pairs.target < 6))[:5]
    chosen = pairs.select(np.sort(np.concatenate([rest, again])))
    return replace(chosen, label=chosen.label + 0.25)


@pytest.fixture(scope="module")
def folder(old: PairData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    plan = AffinityExperiment(
        networks={kind: NetworkRecipe(shape, LOOP) for kind, shape in KINDS.items()}, epochs={"pkd": 2},
        n_folds=2, baselines=(), description={"name": "first"},
    )  # fmt: skip
    place = tmp_path_factory.mktemp("start") / "first"
    train_affinity([old], place, plan)
    return place


@pytest.fixture(scope="module")
def start(folder: Path) -> AffinityModel:
    return load_affinity(folder)


def test_join_pairs__new_labels_win_and_nothing_is_lost(
    start: AffinityModel, old: PairData, new: PairData
) -> None:
    joined = join_pairs(start.models[0], new)
    both = joined.pairs
    names = pd.MultiIndex.from_arrays(
        [[both.smiles[d] for d in both.drug], [both.targets[t].form for t in both.target]]
    )
    assert names.is_unique and len(both) == len(old) + len(new) - 5
    assert joined.new.sum() == len(new) - 5
    found = pd.Series(both.label, index=names)
    for table, shift in ((old, 0.0), (new, 0.0)):
        keys = [
            (table.smiles[d], table.targets[t].form) for d, t in zip(table.drug, table.target, strict=True)
        ]
        expected = pd.Series(table.label + shift, index=pd.MultiIndex.from_tuples(keys))
        if table is old:
            expected = expected[~expected.index.isin(names[-len(new) :])]
        np.testing.assert_allclose(found[expected.index], expected, atol=4e-3)  # half precision
    assert (both.fold[: len(old) - 5] == -1).all()
    np.testing.assert_array_equal(both.label[-len(new) :], new.label)


def test_join_pairs__stereo_makes_no_pair_new(start: AffinityModel, new: PairData) -> None:
    model = start.models[0]
    assert model.labels is not None
    chiral, mirrored, flat = "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "CC(N)C(=O)O"
    labels = model.labels.copy()
    labels[0, :3], labels[0, 3] = 7.0, np.nan
    model = replace(
        model, labels=labels, inputs=replace(model.inputs, smiles=(chiral, *model.inputs.smiles[1:]))
    )
    own = PairData(
        "pkd", ("flat", "mirrored", "same"), (flat, mirrored, chiral), ("",) * 3,
        tuple(t.target_id for t in model.inputs.targets), model.inputs.targets, np.array([0, 1, 2, 0]),
        np.array([0, 1, 2, 3]), np.array([5.0, 6.0, 6.5, 8.0]), np.full(4, -1),
    )  # fmt: skip
    joined = join_pairs(model, own)
    # The last one is of a protein on which that skeleton was not measured.
    assert joined.new[-4:].tolist() == [False, False, False, True] and joined.new.sum() == 1
    assert (joined.n_again, joined.n_beside) == (3, 2)
    assert joined.said.endswith("; of 2 of them it had another stereo, whose label is kept too")
    both = joined.pairs
    labels_of = {
        (both.smiles[d], int(t)): v for d, t, v in zip(both.drug, both.target, both.label, strict=True)
    }
    assert [labels_of[chiral, t] for t in range(3)] == [7.0, 7.0, 6.5]
    assert labels_of[flat, 0] == 5.0 and labels_of[mirrored, 1] == 6.0


def test_join_pairs__what_both_know_stands_once_under_its_new_name(
    start: AffinityModel, new: PairData
) -> None:
    """Of two names for one molecule the second has a row of its own."""
    named = replace(new, drug_ids=tuple(f"my {name}" for name in new.drug_ids))
    twice = replace(
        named, drug_ids=(*named.drug_ids, "again"), smiles=(*named.smiles, named.smiles[0]),
        drug_reasons=(*named.drug_reasons, ""), drug=np.where(np.arange(len(new)) == 3, len(new.smiles), new.drug),
    )  # fmt: skip
    both = join_pairs(start.models[0], twice).pairs
    assert len(both.smiles) == 16 + 1 and len(both.targets) == 8
    n = len(new)
    assert [both.drug_ids[d] for d in both.drug[-n:]] == [twice.drug_ids[d] for d in twice.drug]
    assert [both.smiles[d] for d in both.drug[-n:]] == [twice.smiles[d] for d in twice.drug]
    assert [both.target_ids[t] for t in both.target[-n:]] == [twice.target_ids[t] for t in twice.target]
    assert [both.targets[t].form for t in both.target[-n:]] == [twice.targets[t].form for t in twice.target]


def test_join_pairs__refuses_other_labels(start: AffinityModel, new: PairData) -> None:
    yes_no = replace(new, label=(new.label > 6).astype(float))
    with pytest.raises(InputError, match="field pkd: the labels are yes or no; expected numbers"):
        join_pairs(start.models[0], yes_no)
    with pytest.raises(InputError, match="holds no training labels"):
        join_pairs(replace(start.models[0], labels=None), new)


def test_extend_inputs__coordinates_stay_what_they_were(
    start: AffinityModel, new: PairData, pairs: PairData
) -> None:
    before = start.models[0].inputs
    after = extend_inputs(before, join_pairs(start.models[0], new).pairs)
    assert after.smiles[: len(before.smiles)] == before.smiles and set(pairs.smiles) == set(after.smiles)
    assert after.targets[: len(before.targets)] == before.targets and len(after.targets) == 8
    here = replace(before, kernel=None).encode_molecules(pairs.smiles).coordinates
    np.testing.assert_allclose(after.encode_molecules(pairs.smiles).coordinates, here, atol=1e-6)
    assert before.profile_projection is not None and after.profile_projection is not None
    n = len(before.smiles)
    np.testing.assert_array_equal(after.profile_projection[:n], before.profile_projection)
    assert not after.profile_projection[n:].any()


def test_networks_of__are_those_of_the_checkpoint(start: AffinityModel) -> None:
    recipes = networks_of(start)
    assert {kind: recipe.shape for kind, recipe in recipes.items()} == KINDS


def test_fit_members__start_from_the_weights(start: AffinityModel, new: PairData) -> None:
    """With no step taken they are those of the checkpoint."""
    endpoint = start.models[0]
    joined = join_pairs(endpoint, new)
    members = endpoint.networks["landmark_network"]
    still = NetworkRecipe(
        KINDS["landmark_network"], replace(LOOP, learning_rate=1e-12, stop_after=1, ema=0.0)
    )
    data = encode_pairs(joined.pairs, replace(endpoint.inputs, kernel=None))
    fresh = encode_pairs(joined.pairs, extend_inputs(endpoint.inputs, joined.pairs))
    assert data.molecules.coordinates.shape[1] == 8
    (again,) = fit_members(fresh, still, 0, start=Start(members, joined.new))
    for name, weight in members[0].network.state_dict().items():
        np.testing.assert_allclose(again.network.state_dict()[name], weight, atol=1e-6)


@pytest.mark.slow
def test_train_affinity__goes_on_from_a_model(
    folder: Path, start: AffinityModel, new: PairData, tmp_path: Path
) -> None:
    plan = AffinityExperiment(
        networks={kind: replace(recipe, loop=LOOP) for kind, recipe in networks_of(start).items()},
        settings=("random",), n_folds=2, baselines=("random",), start=str(folder),
    )  # fmt: skip
    model = train_affinity([new], tmp_path / "second", plan)
    (endpoint,) = model.models
    assert model.card["started_from"] == {"name": "first", "weights_sha256": start.card["weights_sha256"]}
    held_out = pd.read_csv(tmp_path / "second" / "folds.tsv", sep="\t")
    blend = held_out[held_out["model"] == "blend"]
    # What the networks had seen is never held out, what is new is, once.
    assert len(blend) == len(new) - 5 and not blend.duplicated(["drug_id", "target_id"]).any()
    assert set(held_out["setting"]) == {"random"}
    leakage = pd.read_csv(tmp_path / "second" / "leakage.tsv", sep="\t")
    assert leakage["fold"].tolist() == [1, 2]
    joined = join_pairs(start.models[0], new).pairs
    assert (leakage["n_train"] + leakage["n_test"] == len(joined)).all()
    np.testing.assert_allclose(
        endpoint.labels, label_matrix(joined, endpoint.inputs), atol=8e-3, equal_nan=True
    )
    # Scaffolds and families cannot be held out from it: their figures are still the first model's.
    assert set(endpoint.intervals) == {"random", "scaffold", "family"}
    for setting in ("scaffold", "family"):
        assert endpoint.weights[setting] == start.models[0].weights[setting]
    first = start.predict(new)["prediction"]
    alone = held_out[held_out["model"] == "start"].set_index(["drug_id", "target_id"])["prediction"]
    names = [(new.drug_ids[d], new.target_ids[t]) for d, t in zip(new.drug, new.target, strict=True)]
    own = [name in alone.index for name in names]
    assert sum(own) == len(alone) == len(new) - 5
    found = alone.loc[[name for name, here in zip(names, own, strict=True) if here]]
    np.testing.assert_allclose(found, first[own], rtol=1e-4)
    said = "pkd: 55 pairs of the model to start from and 68 new ones; 5 that it had were measured again, have the new label"
    assert model.card["notes"][0].startswith(said)
    assert model.card["data_summary"] == [{"endpoint": "pkd", "n_pairs": 128, "n_drugs": 16, "n_targets": 8}]
    assert endpoint.domain.thresholds["molecule"] == start.models[0].domain.thresholds["molecule"]
    table = model.predict(new)
    assert table["in_training"].all() and np.isfinite(table["prediction"]).all()
    assert set(endpoint.kinds) >= {*KINDS, KERNEL}


def test_train_affinity__refuses_a_start_that_has_seen_every_pair(
    folder: Path, start: AffinityModel, old: PairData, tmp_path: Path
) -> None:
    plan = AffinityExperiment(networks=networks_of(start), settings=("random",), start=str(folder))
    with pytest.raises(InputError, match="all 60 pairs are among those that the model to start from"):
        train_affinity([old], tmp_path, plan)


def test_affinity_experiment__a_start_has_seen_scaffolds() -> None:
    with pytest.raises(InputError, match="a model to start from has seen scaffolds and families"):
        AffinityExperiment(start="kinase-affinity")
