"""What a trained model says of pairs: a blend, an interval for what was held out, and when it abstains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from chem.errors import InputError
from models.affinity import KERNEL, AffinityModel, EndpointModel, training_domain
from models.affinity_fit import score_pairs
from models.pair_model import PairFeatures, Task
from models.pairs import PairData
from models.protein import Target, parse_target, place_variants

MakePairs = Callable[..., PairData]
COLUMNS = [
    "prediction", "lower", "upper", "sd", "in_domain", "abstain", "reason", "nearest_train_tanimoto",
    "nearest_train_protein", "latent_density", "in_training",
]  # fmt: skip


@pytest.fixture(scope="module")
def asked(make_pairs: MakePairs) -> PairData:
    """Pairs in shuffled order, some twice; drug 1 cannot be read; drugs 10, 11 and kinases 6, 7 are new."""
    pairs = make_pairs()
    order = np.random.default_rng(1).permutation(np.tile(np.arange(len(pairs)), 2))[:150]
    smiles = (pairs.smiles[0], "", *pairs.smiles[2:])
    reasons = ("", "unclosed ring", *pairs.drug_reasons[2:])
    return replace(pairs.select(order), smiles=smiles, drug_reasons=reasons)


@pytest.fixture(scope="module")
def table(affinity_model: AffinityModel, asked: PairData) -> pd.DataFrame:
    return affinity_model.predict(asked)


def change(model: AffinityModel, **fields: Any) -> AffinityModel:
    return replace(model, models=(replace(model.models[0], **fields),))


def test_predict__is_the_blend_of_its_members(
    affinity_model: AffinityModel, asked: PairData, table: pd.DataFrame
) -> None:
    """Worked out pair by pair from the networks and the kernel themselves."""
    assert list(table.columns) == COLUMNS and len(table) == len(asked)
    (model,) = affinity_model.models
    readable = np.flatnonzero(asked.drug != 1)
    smiles = [text or "C" for text in asked.smiles]
    molecules, proteins = model.inputs.encode_molecules(smiles), model.inputs.encode_proteins(asked.targets)
    drug, target = asked.drug[readable], asked.target[readable]
    rows = [
        score_pairs(m, "pkd", molecules, proteins, drug, target) for m in model.networks["landmark_network"]
    ]
    assert model.inputs.kernel is not None
    rows.append(model.inputs.kernel.predict(molecules.near, proteins.alike)[drug, target])
    weights = np.array([0.3, 0.3, 0.4])
    np.testing.assert_allclose(model.shares(), weights)
    mean = weights @ np.array(rows)
    np.testing.assert_allclose(table["prediction"].iloc[readable], mean, atol=1e-4)
    spread = np.sqrt(weights @ (np.array(rows) - mean) ** 2)
    np.testing.assert_allclose(table["sd"].iloc[readable], spread, atol=1e-4)


def test_predict__structure_that_cannot_be_read(asked: PairData, table: pd.DataFrame) -> None:
    broken = table[asked.drug == 1]
    assert len(broken)
    missing = ["prediction", "lower", "upper", "sd", "nearest_train_tanimoto"]
    assert broken[missing].isna().all().all()
    assert broken["abstain"].all() and not broken["in_domain"].any() and not broken["in_training"].any()
    assert broken["reason"].str.contains("the structure cannot be read: unclosed ring").all()
    assert table.loc[asked.drug != 1, "prediction"].notna().all()


def test_predict__nothing_readable_and_nothing_asked(affinity_model: AffinityModel, asked: PairData) -> None:
    n = len(asked.smiles)
    broken = affinity_model.predict(replace(asked, smiles=("",) * n, drug_reasons=("no atoms",) * n))
    assert len(broken) == len(asked)
    assert broken["prediction"].isna().all() and broken["abstain"].all()
    none = affinity_model.predict(asked.select(np.zeros(len(asked), bool)))
    assert len(none) == 0 and list(none.columns) == COLUMNS


def test_predict__labels_are_not_looked_at(
    affinity_model: AffinityModel, asked: PairData, table: pd.DataFrame
) -> None:
    assert affinity_model.predict(replace(asked, label=np.full(len(asked), np.nan))).equals(table)


def test_predict__interval_of_what_was_held_out(
    affinity_model: AffinityModel, asked: PairData, table: pd.DataFrame
) -> None:
    """Random for known pairs, scaffold for new molecules, family for new proteins, the wider of two for both."""
    (model,) = affinity_model.models
    new_drug, new_target = asked.drug >= 10, asked.target >= 6
    readable = asked.drug != 1
    bounds = {name: part.interval(table["prediction"].fillna(0)) for name, part in model.intervals.items()}
    for rows, names in (
        (~new_drug & ~new_target, ["random"]),
        (new_drug & ~new_target, ["scaffold"]),
        (~new_drug & new_target, ["family"]),
        (new_drug & new_target, ["scaffold", "family"]),
    ):
        here = rows & readable
        assert here.any()
        lower = np.min([bounds[name][0] for name in names], axis=0)
        upper = np.max([bounds[name][1] for name in names], axis=0)
        np.testing.assert_allclose(table["lower"][here], lower[here])
        np.testing.assert_allclose(table["upper"][here], upper[here])
    np.testing.assert_array_equal(table["in_training"], readable & ~new_drug)


def test_predict__intervals_hold_the_prediction_and_widen(
    affinity_model: AffinityModel, asked: PairData, table: pd.DataFrame
) -> None:
    narrow, ok = affinity_model.predict(asked, level=0.5), asked.drug != 1
    for each in (narrow, table):
        assert (each["lower"][ok] <= each["prediction"][ok]).all()
        assert (each["prediction"][ok] <= each["upper"][ok]).all()
    assert (table["upper"][ok] - table["lower"][ok] > narrow["upper"][ok] - narrow["lower"][ok]).all()
    assert np.isinf(affinity_model.predict(asked, level=0.9999)["upper"][ok]).all()


@pytest.mark.parametrize("setting", ["random", "scaffold", "family"])
def test_predict__a_setting_never_measured_is_infinite(
    affinity_model: AffinityModel, asked: PairData, setting: str
) -> None:
    kept = {name: part for name, part in affinity_model.models[0].intervals.items() if name != setting}
    found = change(affinity_model, intervals=kept).predict(asked)
    new_drug, new_target = asked.drug >= 10, asked.target >= 6
    touched = {"random": ~new_drug & ~new_target, "scaffold": new_drug, "family": new_target}[setting]
    readable = asked.drug != 1
    assert np.isneginf(found["lower"][touched & readable]).all()
    assert np.isposinf(found["upper"][touched & readable]).all()
    assert found["abstain"][touched & readable].all()
    assert found["reason"][touched & readable].str.contains("held out in training for an interval").all()
    assert np.isfinite(found.loc[~touched & readable, ["lower", "upper"]]).all().all()


def test_predict__the_skeleton_tells_a_known_molecule(affinity_model: AffinityModel, asked: PairData) -> None:
    """Abacavir without its stereo marks is no new molecule."""
    from rdkit import Chem

    flat = Chem.MolToSmiles(Chem.MolFromSmiles(asked.smiles[0]), isomericSmiles=False)
    assert flat != asked.smiles[0]
    found = affinity_model.predict(replace(asked, smiles=(flat, *asked.smiles[1:])))
    assert found["in_training"][asked.drug == 0].all()


def test_predict__abstains_outside_its_domain(affinity_model: AffinityModel, asked: PairData) -> None:
    """A sugar is no kinase inhibitor, and a chain without a kinase domain is no kinase."""
    strange = replace(
        asked.select(np.arange(4)), drug_ids=("sucrose", "known"), drug_reasons=("", ""),
        smiles=("OCC1OC(OC2(CO)OC(CO)C(O)C2O)C(O)C(O)C1O", asked.smiles[2]),
        target_ids=("chain", "kinase"), targets=(Target("chain", "MSTNPKPQRK" * 30), asked.targets[0]),
        drug=np.array([0, 0, 1, 1]), target=np.array([0, 1, 0, 1]),
    )  # fmt: skip
    found = affinity_model.predict(strange)
    assert not found["in_domain"].iloc[1] and found["in_domain"].iloc[3]
    assert found["abstain"].equals(~found["in_domain"])
    reasons = found["reason"]
    assert reasons.iloc[3] == ""
    assert "nearest training molecule" in reasons.iloc[1] and "protein" not in reasons.iloc[1]
    assert np.isfinite(found["prediction"]).all()
    assert found["nearest_train_tanimoto"].iloc[2] == 1.0
    assert found["nearest_train_protein"].tolist()[1] == 1.0
    judged = affinity_model.assess_proteins(strange.targets)
    assert judged["similarity"].tolist() == found["nearest_train_protein"].tolist()[:2]
    assert judged["in_domain"].iloc[1]


def test_predict__a_variant_that_does_not_fit_is_told(affinity_model: AffinityModel, asked: PairData) -> None:
    sequence = asked.targets[0].sequence
    wrong = "A" if sequence[99] != "A" else "C"
    unplaced, placed = place_variants(
        [parse_target(f"ABL1({wrong}100W)", sequence), parse_target(f"ABL1({sequence[99]}100W)", sequence)]
    )
    assert unplaced.unplaced and not placed.unplaced
    two = replace(
        asked.select(np.arange(2)), targets=(unplaced, placed), target_ids=("wrong", "right"),
        drug=np.array([2, 2]), target=np.array([0, 1]),
    )  # fmt: skip
    found = affinity_model.predict(two)
    assert found["abstain"].iloc[0] and "does not fit its sequence" in found["reason"].iloc[0]
    assert "does not fit" not in found["reason"].iloc[1]
    assert np.isfinite(found["prediction"]).all()


def test_predict__an_atom_never_seen_and_odd_chains(affinity_model: AffinityModel, asked: PairData) -> None:
    chains = ("XUO*X", "MKVLAAGGWY" * 3500)
    odd = replace(
        asked.select(np.arange(4)), smiles=("C[Xe]C", "[Rf]"), drug_ids=("a", "b"), drug_reasons=("", ""),
        targets=tuple(Target(name, text) for name, text in zip("XL", chains, strict=True)),
        target_ids=("X", "L"), drug=np.array([0, 0, 1, 1]), target=np.array([0, 1, 0, 1]),
    )  # fmt: skip
    found = affinity_model.predict(odd)
    assert np.isfinite(found[["prediction", "lower", "upper", "sd"]]).all().all()
    assert found["abstain"].all()


def test_predict__many_pairs_equal_one_by_one(
    affinity_model: AffinityModel, asked: PairData, table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """100,000 rows at once, molecules in blocks of five, and single rows."""
    monkeypatch.setattr("models.affinity._BLOCK", 5)
    index = np.random.default_rng(2).integers(len(asked), size=100_000)
    many = affinity_model.predict(asked.select(index))
    for column in ("prediction", "lower", "upper", "sd"):
        np.testing.assert_allclose(many[column], table[column].to_numpy()[index], atol=1e-4)
    assert (many["reason"].to_numpy() == table["reason"].to_numpy()[index]).all()
    for row in range(4):
        alone = affinity_model.predict(asked.select(np.array([row])))
        np.testing.assert_allclose(alone["prediction"], table["prediction"].iloc[[row]], atol=1e-4)


def test_score__is_the_table_of_predictions(affinity_model: AffinityModel, make_pairs: MakePairs) -> None:
    pairs = make_pairs()
    scores = affinity_model.score(pairs.smiles, pairs.targets)
    assert scores.shape == (len(pairs.smiles), len(pairs.targets))
    expected = affinity_model.predict(pairs)["prediction"].to_numpy()
    np.testing.assert_allclose(scores[pairs.drug, pairs.target], expected, atol=1e-4)


def test_endpoint__is_the_first_or_the_named(affinity_model: AffinityModel, asked: PairData) -> None:
    assert affinity_model.endpoint() is affinity_model.endpoint("pkd") is affinity_model.models[0]
    assert affinity_model.profile.shape[1] == 20
    with pytest.raises(InputError, match="no endpoint 'ic50'; expected one of pkd"):
        affinity_model.predict(asked, endpoint="ic50")


def test_predict__a_probability_stays_between_0_and_1(affinity_model: AffinityModel, asked: PairData) -> None:
    binds = change(affinity_model, task="classification", networks={}, weights={"random": {KERNEL: 1.0}})
    found = binds.predict(asked)
    ok = asked.drug != 1
    assert found["lower"][ok].between(0, 1).all() and found["upper"][ok].between(0, 1).all()


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_scores__of_the_saved_kernel_are_those_that_were_judged(task: Task, make_pairs: MakePairs) -> None:
    from models.affinity_inputs import encode_pairs, fit_inputs, fit_profiles
    from models.kernel_ridge import PairwiseKernelRidge

    pairs = make_pairs()
    if task == "classification":
        pairs = replace(pairs, label=(pairs.label > 6).astype(float))
    inputs = fit_profiles(fit_inputs([pairs], rank=8), pairs)
    model = EndpointModel(
        pairs.name, task, inputs, {}, {"random": {KERNEL: 1.0}}, {}, training_domain(inputs, {})
    )
    data = encode_pairs(pairs, inputs)
    features = PairFeatures(pairs.smiles, pairs.targets)
    judged = PairwiseKernelRidge(task=task)
    judged.fit(pairs, features)
    ours = model.scores(data.molecules, data.proteins, pairs.drug, pairs.target)[0]
    np.testing.assert_allclose(ours, judged.predict(pairs, features), atol=5e-3)
    if task == "classification":
        assert ours.min() >= 1e-3 and ours.max() <= 1 - 1e-3


def test_predict__weighs_by_what_is_new_of_a_pair(
    affinity_model: AffinityModel, make_pairs: MakePairs
) -> None:
    """Of twelve drugs ten, of eight kinases six were in training; each setting here has a single member."""
    pairs = make_pairs()
    kinds = {
        "random": {"landmark_network": 1.0},
        "scaffold": {KERNEL: 1.0},
        "family": {KERNEL: 0.25, "landmark_network": 0.75},
    }
    found = change(affinity_model, weights=kinds).predict(pairs)["prediction"].to_numpy()
    network = (
        change(affinity_model, weights={"random": {"landmark_network": 1.0}})
        .predict(pairs)["prediction"]
        .to_numpy()
    )
    kernel = change(affinity_model, weights={"random": {KERNEL: 1.0}}).predict(pairs)["prediction"].to_numpy()
    new_drug, new_kinase = pairs.drug >= 10, pairs.target >= 6
    expected = np.where(new_drug, kernel, np.where(new_kinase, 0.25 * kernel + 0.75 * network, network))
    assert np.abs(kernel - network).max() > 0.01
    np.testing.assert_allclose(found, expected, atol=1e-4)
    scores = change(affinity_model, weights=kinds).score(pairs.smiles, pairs.targets)
    np.testing.assert_allclose(scores[pairs.drug, pairs.target], expected, atol=1e-4)


def test_shares__a_setting_that_was_not_judged_has_those_of_pairs(affinity_model: AffinityModel) -> None:
    (model,) = affinity_model.models
    np.testing.assert_array_equal(model.shares("scaffold"), model.shares("random"))
    only = replace(model, weights={"random": {KERNEL: 1.0}, "family": {"landmark_network": 1.0}})
    np.testing.assert_allclose(only.shares("family"), [0.5, 0.5, 0.0])
    np.testing.assert_allclose(only.shares(), [0.0, 0.0, 1.0])
