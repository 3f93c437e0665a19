"""A trained model saved, loaded and asked, and the network that ships."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from chem.errors import InputError
from chem.graph_schema import GRAPH_SCHEMA, GRAPH_SCHEMA_V1, schema_hash
from chem.standardise import DEFAULT_RECIPE
from models.affinity import MIN_IDENTITY, MIN_TANIMOTO, AffinityModel, load_affinity, training_domain
from models.calibration import calibrate
from models.fit import EncodedPairs, FittedNetwork, encode_pairs, fit_network, score_pairs
from models.pairs import PairData
from models.protein import Target
from models.train import TrainingConfig
from varimol import tables
from varimol.networks import load_network, network_folder, shipped_networks

MakePairs = Callable[..., PairData]
SHAPE = {"dim": 16, "n_layers": 2, "dropout": 0.0}
SHIPPED = "kinase-affinity"


def network_predictions(
    members: Sequence[FittedNetwork], data: EncodedPairs, pairs: PairData
) -> NDArray[np.float64]:
    scores = [score_pairs(m, data.graphs, data.proteins, pairs.drug, pairs.target)[:, 0] for m in members]
    return np.mean(scores, axis=0)


@pytest.fixture(scope="module")
def model(encoded: EncodedPairs, profile: NDArray[np.float32]) -> AffinityModel:
    """Two networks on halves of the pairs; the first ten drugs are the training data."""
    pairs = encoded.pairs
    known = pairs.drug < 10
    members = tuple(
        fit_network(
            [
                EncodedPairs(
                    pairs.select(known & (pairs.target % 2 == part)), encoded.graphs, encoded.proteins
                )
            ],
            TrainingConfig(n_steps=40, warmup=5, seed=part, bfloat16=False),
            shape=SHAPE,
        )
        for part in (0, 1)
    )
    training = pairs.select(known)
    rng = np.random.default_rng(0)
    spread = rng.normal(6, 1, size=300)
    calibration = {
        "pkd": {
            "seen_drug": calibrate(spread + 0.5 * rng.normal(size=300), spread),
            "unseen_drug": calibrate(spread + 1.5 * rng.normal(size=300), spread),
        }
    }
    domain = training_domain([training], [encoded.proteins])
    return AffinityModel(members, profile, domain, calibration, {"name": "tiny", "shape": SHAPE})


@pytest.fixture(scope="module")
def asked(make_pairs: MakePairs) -> PairData:
    """Pairs in shuffled order, some twice; drug 1 cannot be read, drugs 10 and 11 are new."""
    pairs = make_pairs()
    order = np.random.default_rng(1).permutation(np.tile(np.arange(len(pairs)), 2))[:120]
    smiles = (pairs.smiles[0], "", *pairs.smiles[2:])
    reasons = ("", "unclosed ring", *pairs.drug_reasons[2:])
    return replace(pairs.select(order), smiles=smiles, drug_reasons=reasons)


def test_predict__one_row_per_input_row_in_order(
    model: AffinityModel, asked: PairData, encoded: EncodedPairs
) -> None:
    table = model.predict(asked)
    assert list(table.columns) == [
        "prediction", "lower", "upper", "sd", "in_domain", "abstain", "reason", "nearest_train_tanimoto",
        "in_training",
    ]  # fmt: skip
    assert len(table) == len(asked)
    readable = asked.drug != 1
    expected = network_predictions(model.members, encoded, asked)
    np.testing.assert_allclose(table["prediction"][readable], expected[readable], atol=1e-4)


def test_predict__structure_that_cannot_be_read(model: AffinityModel, asked: PairData) -> None:
    table = model.predict(asked)
    broken = table[asked.drug == 1]
    assert len(broken)
    assert broken[["prediction", "lower", "upper", "sd", "nearest_train_tanimoto"]].isna().all().all()
    assert broken["abstain"].all() and not broken["in_domain"].any()
    assert (broken["reason"] == "the structure cannot be read: unclosed ring").all()
    assert table.loc[asked.drug != 1, "prediction"].notna().all()


def test_predict__nothing_readable_and_nothing_asked(model: AffinityModel, asked: PairData) -> None:
    broken = replace(asked, smiles=("",) * len(asked.smiles), drug_reasons=("no atoms",) * len(asked.smiles))
    table = model.predict(broken)
    assert len(table) == len(asked)
    assert table["prediction"].isna().all() and table["abstain"].all()
    none = model.predict(asked.select(np.zeros(len(asked), bool)))
    assert len(none) == 0 and list(none.columns) == list(table.columns)


def test_predict__labels_are_not_looked_at(model: AffinityModel, asked: PairData) -> None:
    blind = model.predict(replace(asked, label=np.full(len(asked), np.nan)))
    assert blind.equals(model.predict(asked))


def test_predict__new_drugs_have_their_own_wider_interval(model: AffinityModel, asked: PairData) -> None:
    table = model.predict(asked)
    readable = asked.drug != 1
    np.testing.assert_array_equal(table["in_training"], readable & (asked.drug < 10))
    assert np.isfinite(table.loc[readable, ["prediction", "lower", "upper"]]).all().all()
    width = table["upper"] - table["lower"]
    assert width[asked.drug >= 10].min() > width[readable & (asked.drug < 10)].max()


def test_predict__intervals_hold_the_prediction_and_widen(model: AffinityModel, asked: PairData) -> None:
    narrow, wide = model.predict(asked, level=0.5), model.predict(asked)
    ok = asked.drug != 1
    for table in (narrow, wide):
        assert (table["lower"][ok] <= table["prediction"][ok]).all()
        assert (table["prediction"][ok] <= table["upper"][ok]).all()
    assert (wide["lower"][ok] <= narrow["lower"][ok]).all()
    assert (wide["upper"][ok] >= narrow["upper"][ok]).all()
    extreme = model.predict(asked, level=0.9999)
    assert np.isinf(extreme["upper"][ok]).all()


def test_predict__a_setting_never_measured_is_infinitely_wide(model: AffinityModel, asked: PairData) -> None:
    seen_only = replace(model, calibration={"pkd": {"seen_drug": model.calibration["pkd"]["seen_drug"]}})
    table = seen_only.predict(asked)
    assert np.isinf(table["upper"][asked.drug >= 10]).all()
    assert np.isfinite(table["upper"][(asked.drug < 10) & (asked.drug != 1)]).all()


def test_predict__abstains_outside_its_domain(model: AffinityModel, asked: PairData) -> None:
    """A sugar is no kinase inhibitor, and a chain without a kinase domain is no kinase."""
    strange = replace(
        asked.select(np.arange(4)), drug_ids=("sucrose", "known"), drug_reasons=("", ""),
        smiles=("OCC1OC(OC2(CO)OC(CO)C(O)C2O)C(O)C(O)C1O", asked.smiles[2]),
        target_ids=("chain", "kinase"), targets=(Target("chain", "MSTNPKPQRK" * 30), asked.targets[0]),
        drug=np.array([0, 0, 1, 1]), target=np.array([0, 1, 0, 1]),
    )  # fmt: skip
    table = model.predict(strange)
    assert table["abstain"].tolist() == [True, True, True, False]
    assert table["in_domain"].tolist() == [False, False, False, True]
    both, drug_alone, protein_alone, neither = table["reason"]
    assert neither == ""
    assert f"below {MIN_TANIMOTO}" in drug_alone and "protein" not in drug_alone
    assert f"below {MIN_IDENTITY}" in protein_alone and "compound" not in protein_alone
    assert both == f"{drug_alone}; {protein_alone}"
    assert np.isfinite(table["prediction"]).all()
    assert table["nearest_train_tanimoto"].iloc[2] == 1.0


def test_predict__unknown_endpoint(model: AffinityModel, asked: PairData) -> None:
    with pytest.raises(InputError, match="no endpoint 'ic50'; expected one of pkd"):
        model.predict(asked, endpoint="ic50")
    assert model.predict(asked, endpoint="pkd").equals(model.predict(asked))


def test_score__is_the_table_of_predictions(
    model: AffinityModel, make_pairs: MakePairs, encoded: EncodedPairs
) -> None:
    pairs = make_pairs()
    scores = model.score(pairs.smiles, pairs.targets)
    assert scores.shape == (len(pairs.smiles), len(pairs.targets))
    expected = model.predict(pairs)["prediction"].to_numpy()
    np.testing.assert_allclose(scores[pairs.drug, pairs.target], expected, atol=1e-4)


def test_save__loads_to_the_same_predictions(model: AffinityModel, asked: PairData, tmp_path: Path) -> None:
    model.save(tmp_path / "run")
    again = load_affinity(tmp_path / "run")
    ours, theirs = model.predict(asked), again.predict(asked)
    for column in ("prediction", "lower", "upper", "sd"):
        np.testing.assert_allclose(theirs[column], ours[column], atol=1e-2)
    for column in ("in_domain", "abstain", "reason", "in_training", "nearest_train_tanimoto"):
        assert theirs[column].equals(ours[column])
    assert again.endpoints == model.endpoints
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["card.json", "model.safetensors"]
    # What was loaded is saved to the same bytes: halving the precision twice changes nothing.
    again.save(tmp_path / "again")
    for name in ("card.json", "model.safetensors"):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "run" / name).read_bytes()


def test_training_domain__counts_labelled_drugs_alone(
    model: AffinityModel, encoded: EncodedPairs, asked: PairData
) -> None:
    assert len(model.domain.fingerprints) == 10
    assert model.domain.similarity(asked.smiles[2:3]).tolist() == [1.0]
    assert model.domain.in_training(asked.smiles[2:]).tolist() == [True] * 8 + [False] * 2
    np.testing.assert_allclose(model.domain.identity(encoded.proteins), 1.0)


@pytest.fixture(scope="module")
def shipped() -> AffinityModel:
    if SHIPPED not in shipped_networks():
        pytest.fail(f"{SHIPPED} does not ship")
    return load_network(SHIPPED)


def test_shipped_network__is_small_and_of_this_version() -> None:
    folder = network_folder(SHIPPED)
    assert sum(path.stat().st_size for path in folder.iterdir()) < 20 * 2**20
    card = json.loads((folder / "card.json").read_text())
    assert card["graph_schema"] == schema_hash(GRAPH_SCHEMA_V1)
    assert card["recipe"] == DEFAULT_RECIPE.hash


def test_shipped_network__card_tells_data_splits_figures_and_limits(shipped: AffinityModel) -> None:
    card = shipped.card
    for field in ("name", "summary", "data", "data_sources", "data_licence", "splits", "command", "limits"):
        assert card.get(field), field
    assert card["name"] == SHIPPED
    assert isinstance(card["training"]["seed"], int)
    assert {row["endpoint"] for row in card["data_summary"]} == set(shipped.endpoints)
    figures = {(row["setting"], row["endpoint"], row["model"], row["metric"]) for row in card["figures"]}
    for endpoint in shipped.endpoints:
        for setting in ("seen_drug", "unseen_drug"):
            for name in ("network", "means", "nearest_neighbour", "ridge", "random_forest"):
                for metric in ("mse", "pearson_r", "concordance"):
                    assert (setting, endpoint, name, metric) in figures
    for row in card["figures"]:
        assert row["n_folds"] >= 2
        assert row["lower"] <= row["mean"] <= row["upper"]


def test_shipped_network__beats_the_means_on_seen_drugs(shipped: AffinityModel) -> None:
    figures = {
        (row["endpoint"], row["model"]): row["mean"]
        for row in shipped.card["figures"]
        if row["setting"] == "seen_drug" and row["metric"] == "mse"
    }
    for endpoint in shipped.endpoints:
        assert figures[endpoint, "network"] < figures[endpoint, "means"]


def test_shipped_network__knows_its_drugs(shipped: AffinityModel, drug_smiles: dict[str, str]) -> None:
    """Imatinib was in training, metformin resembles nothing there."""
    names = ("imatinib", "metformin")
    assert shipped.domain.in_training([drug_smiles[name] for name in names]).tolist() == [True, False]
    similarity = shipped.domain.similarity([drug_smiles[name] for name in names])
    assert similarity[0] == 1.0 and similarity[1] < MIN_TANIMOTO


def test_shipped_network__ranks_known_selectivity(
    shipped: AffinityModel, drug_smiles: dict[str, str], kinases: dict[str, str]
) -> None:
    """Published: erlotinib and gefitinib for EGFR before ABL1, imatinib for ABL1 before EGFR."""
    drugs, targets = ("erlotinib", "gefitinib", "imatinib"), ("EGFR", "ABL1")
    scores = shipped.score([drug_smiles[d] for d in drugs], [Target(t, kinases[t]) for t in targets])
    assert (scores[:2, 0] > scores[:2, 1]).all()
    assert scores[2, 1] > scores[2, 0]


def test_shipped_network__predicts_what_it_did_before_the_schema_grew(
    shipped: AffinityModel, kinases: dict[str, str]
) -> None:
    """Scores of commit f032e0c, when graphs were of the version of the schema that the network knows."""
    drugs = tables.drugs().drop_duplicates("name").set_index("name")["smiles"]
    smiles = [drugs[name] for name in ("imatinib", "erlotinib", "dasatinib")]
    scores = shipped.score(smiles, [Target(name, kinases[name]) for name in ("ABL1", "EGFR")])
    before = [[8.050193, 4.997954], [6.876187, 9.268243], [10.544030, 6.792377]]
    np.testing.assert_allclose(scores, before, atol=1e-4)


def test_save__records_the_schema_it_was_trained_on(
    model: AffinityModel, make_pairs: MakePairs, profile: NDArray[np.float32], tmp_path: Path
) -> None:
    """A network of the newer schema comes back as one, and asks for graphs of that schema."""
    pairs = make_pairs()
    newer = encode_pairs(pairs, profile, schema_version=2)
    config = TrainingConfig(n_steps=4, warmup=1, seed=0, bfloat16=False)
    member = fit_network([newer], config, shape=SHAPE)
    assert member.schema_version == 2
    replace(model, members=(member,)).save(tmp_path / "run")
    card = json.loads((tmp_path / "run" / "card.json").read_text())
    assert card["graph_schema"] == schema_hash(GRAPH_SCHEMA)
    again = load_affinity(tmp_path / "run")
    assert again.members[0].schema_version == 2
    scores = replace(model, members=(member,)).score(pairs.smiles, pairs.targets)
    np.testing.assert_allclose(again.score(pairs.smiles, pairs.targets), scores, atol=2e-2)
    older = newer.graphs.project(1)
    with pytest.raises(InputError, match="schema 1 do not hold what schema 2 asks for"):
        score_pairs(member, older, newer.proteins, pairs.drug, pairs.target)
    with pytest.raises(InputError, match=r"graph schemas \[1, 2\]; expected one schema"):
        fit_network([newer, replace(newer, graphs=older)], config, shape=SHAPE)
