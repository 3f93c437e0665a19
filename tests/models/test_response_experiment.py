"""Response experiments on simulated lines: what is planted is found, what is shuffled is not, nothing leaks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from chem.errors import InputError
from genomics.profile_covariates import covariate_levels, encode_covariates
from models.response_checkpoint import load_response
from models.response_data import ResponseData
from models.response_experiment import (
    ResponseExperiment,
    cross_validate,
    measured_often,
    train_response,
)
from models.response_fits import MODEL
from models.response_network import NetworkSettings
from models.response_settings import ResponseSettings
from models.response_table import ResponseTable
from models.simulate_response import PlantedMarker, simulate_response
from varimol.tables import drugs

QUICK = ResponseSettings(network=NetworkSettings(n_members=2, hidden=16, rank=4, n_steps=20))
PLAN = ResponseExperiment(n_folds=3, baselines=False, workers=0, model=QUICK)


def make_data(n_lines: int = 120, n_compounds: int = 14, seed: int = 0) -> ResponseData:
    chosen = drugs().iloc[:: len(drugs()) // n_compounds].head(n_compounds)
    kinds = np.resize(["x", "y"], n_compounds)
    compounds = pd.DataFrame(
        {"drug_name": chosen["name"], "smiles": chosen["smiles"], "compound_class": kinds}
    )
    markers = [
        PlantedMarker("BRAF", "x", -3.0, frequency=0.4),
        PlantedMarker("KRAS", "y", 3.0, frequency=0.4),
    ]
    made = simulate_response(
        seed=seed, compounds=compounds, markers=markers, n_lines=n_lines, n_background=20
    )
    levels = covariate_levels(made.profiles)
    blocks = {name: made.profiles.blocks[name] for name in ("mutation", "copy_number")}
    names = {name: made.profiles.genes[name] for name in blocks}
    names["covariates"] = tuple(f"{key}={level}" for key, each in levels.items() for level in each)
    tissue = tuple(made.profiles.covariates["tissue"])
    covariates = {"covariates": encode_covariates(made.profiles, levels)[0]}
    smiles = tuple(made.compounds["smiles"])
    return ResponseData(made.table, blocks | covariates, names, smiles, tissue)


@pytest.fixture(scope="module")
def data() -> ResponseData:
    return make_data()


@pytest.fixture(scope="module")
def run(data: ResponseData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    train_response(data, folder, replace(PLAN, baselines=True, description={"name": "simulated"}))
    return folder


def figures(folder: Path) -> pd.DataFrame:
    table = pd.read_csv(folder / "metrics.tsv", sep="\t")
    pooled = table[(table["fold"] == 0) & (table["metric"] == "residual_r")]
    return pooled.set_index(["setting", "model"])["value"]


def test_train_response__finds_what_is_planted_and_prints_every_plain_model(run: Path) -> None:
    r = figures(run)
    models = {MODEL, "means", "profile_mean", "kernel_ridge", "elastic_net", "anova_ridge", "random_forest",
              "network_alone", "kernel_alone", "markers_alone"}  # fmt: skip
    assert set(r["line"].index) == models
    assert set(r["tissue"].index) == models
    assert set(r["both"].index) == {MODEL, "means", "nearest_compound"}
    assert r["line", MODEL] > 0.4
    assert r["line", "means"] == 0
    assert abs(r["line", "profile_mean"]) < 0.1
    assert not (run / ".parts").exists()


def test_train_response__every_measured_pair_is_predicted_once_per_model(
    run: Path, data: ResponseData
) -> None:
    folds = pd.read_csv(run / "folds.tsv", sep="\t")
    n_values = data.table.n_values
    counts = folds[folds["setting"].isin(["line", "tissue", "both"])].groupby(["setting", "model"]).size()
    assert (counts[["line", "tissue"]] == n_values).all()
    # With both held out, a third of the lines meets a third of the compounds.
    assert (counts["both"] < 0.5 * n_values).all()
    assert not folds.duplicated(["setting", "model", "line", "compound"]).any()
    tissue = dict(zip(data.table.line_ids, data.tissue, strict=True))
    for setting, group in (("line", folds["line"]), ("tissue", folds["line"].map(tissue))):
        here = folds["setting"] == setting
        in_folds = pd.DataFrame({"group": group[here], "fold": folds["fold"][here]}).drop_duplicates()
        assert not in_folds["group"].duplicated().any()


def test_train_response__coverage_is_near_what_was_asked(run: Path) -> None:
    coverage = pd.read_csv(run / "coverage.tsv", sep="\t")
    every = coverage[(coverage["by"] == "all") & (coverage["setting"] == "line")].set_index("level")
    assert every["coverage"][0.9] == pytest.approx(0.9, abs=0.03)
    assert every["coverage"][0.5] == pytest.approx(0.5, abs=0.05)
    assert {"line", "tissue", "line -> tissue", "compound", "both"} <= set(coverage["setting"])
    assert (coverage["by"] == "compound").any()


def test_load_response__predicts_what_was_saved(run: Path, data: ResponseData) -> None:
    trained = load_response(run)
    names, smiles = list(trained.compound_ids[:3]), list(trained.smiles[:3])
    line, compound = np.repeat(np.arange(4), 3), np.tile(np.arange(3), 4)
    some = {name: block[:4] for name, block in data.profiles.items()}
    table = trained.predict(some, line, names, smiles, compound)
    assert table["prediction"].to_numpy() == pytest.approx(trained.model.predict(some)[:, :3].ravel())
    assert (table["lower"] < table["prediction"]).all()
    wider = trained.predict(some, line, names, smiles, compound, level=0.95)
    assert (wider["upper"] >= table["upper"]).all()


def test_predict__compounds_are_known_by_structure_and_new_ones_are_scored(
    run: Path, data: ResponseData
) -> None:
    trained = load_response(run)
    some = {name: block[:2] for name, block in data.profiles.items()}
    names = ["another name", "new", trained.compound_ids[1], "no structure", trained.compound_ids[2]]
    smiles = [trained.smiles[0], "CCCCCCCCCC", "", "", "CCCCCCCCCC"]
    found = trained.find_compounds(names, smiles)
    assert found.tolist() == [0, -1, 1, -1, -1]
    table = trained.predict(some, np.zeros(5, np.int64), names, smiles, np.arange(5))
    assert table["prediction"].notna().tolist() == [True, True, True, False, True]
    assert table["prediction"][0] == pytest.approx(trained.model.predict(some)[0, 0])
    assert table["abstain"][[1, 3]].all()
    assert "not in training" in table["reason"][3]
    assert np.isfinite(table["prediction"][1])


def test_predict__says_why_a_line_is_not_spoken_of(run: Path, data: ResponseData) -> None:
    trained = load_response(run)
    some = {name: block[:2].copy() for name, block in data.profiles.items()}
    some["mutation"][0] = np.nan
    names, smiles = list(trained.compound_ids[:1]), list(trained.smiles[:1])
    table = trained.predict(some, np.array([0, -1]), names, smiles, np.array([0, 0]))
    assert "mutation is known of 0 of 22 genes" in table["reason"][0]
    assert np.isfinite(table["prediction"][0])
    assert table["reason"][1] == "the line has no profile"
    assert np.isnan(table["prediction"][1])


def test_predict__a_tissue_that_was_not_trained_on_has_the_intervals_of_held_out_tissues(
    run: Path, data: ResponseData
) -> None:
    trained = load_response(run)
    some = {name: block[:2].copy() for name, block in data.profiles.items()}
    some["covariates"][0] = 0
    names, smiles = list(trained.compound_ids[:1]), list(trained.smiles[:1])
    table = trained.predict(some, np.array([0, 1]), names, smiles, np.array([0, 0]))
    half = (table["upper"] - table["prediction"]).to_numpy()
    assert trained.intervals.tissue is not None
    assert half == pytest.approx(
        [trained.intervals.tissue.bound(0.9)[0], trained.intervals.line.bound(0.9)[0]], rel=1e-5
    )


def test_cross_validate__shuffled_genotypes_say_nothing(data: ResponseData) -> None:
    from models.response_metrics import residual_r

    def told(some: ResponseData) -> float:
        held_out = cross_validate(some, replace(PLAN, settings=("line",)))
        return residual_r(some.table.values, held_out.tables["line"][MODEL], held_out.means["line"]).mean

    shuffled = []
    for number in range(8):
        order = np.random.default_rng(number).permutation(len(data.table.line_ids))
        blocks = {name: block[order] for name, block in data.profiles.items()}
        shuffled.append(told(replace(data, profiles=blocks)))
    assert told(data) > 0.4
    # One shuffle leaves up to 0.2 by chance: the compounds share their lines.
    assert abs(np.mean(shuffled)) < 0.08


def test_cross_validate__held_out_labels_change_nothing_of_their_own_prediction(data: ResponseData) -> None:
    plan = replace(PLAN, settings=("line",))
    before = cross_validate(data, plan)
    fold = before.folds["line"]
    values = data.table.values.copy()
    values[fold == 1] += np.random.default_rng(1).normal(size=values[fold == 1].shape)
    after = cross_validate(replace(data, table=replace(data.table, values=values)), plan)
    first, second = before.tables["line"][MODEL], after.tables["line"][MODEL]
    assert np.array_equal(first[fold == 1], second[fold == 1], equal_nan=True)
    assert not np.array_equal(first[fold == 2], second[fold == 2], equal_nan=True)


def test_cross_validate__workers_change_nothing(data: ResponseData, tmp_path: Path) -> None:
    small = data.part(np.arange(50))
    plan = replace(PLAN, n_folds=2, settings=("both",))
    one = cross_validate(small, plan)
    two = cross_validate(small, replace(plan, workers=2), keep=tmp_path / "parts")
    again = cross_validate(small, plan, keep=tmp_path / "parts")  # reads what is there
    for other in (two, again):
        for setting, models in one.tables.items():
            for name, prediction in models.items():
                assert np.array_equal(prediction, other.tables[setting][name], equal_nan=True)


def test_measured_often__says_what_is_left_out(data: ResponseData) -> None:
    values = data.table.values.copy()
    values[5:, 0] = np.nan
    values[7] = np.nan
    left, notes = measured_often(replace(data, table=replace(data.table, values=values)))
    assert len(left.table.compound_ids) == len(data.table.compound_ids) - 1
    assert len(left.table.line_ids) == len(data.table.line_ids) - 1
    assert data.table.compound_ids[0] in notes[0]
    assert notes[1] == "1 lines without a value are left out"


def test_train_response__refuses_what_cannot_be_judged(data: ResponseData, tmp_path: Path) -> None:
    few = data.part(np.arange(8))
    with pytest.raises(InputError, match="no compound is measured in 10 lines"):
        train_response(few, tmp_path / "run", PLAN)
    with pytest.raises(InputError, match="no setting 'lines'"):
        ResponseExperiment(settings=("lines",))
    with pytest.raises(InputError, match="1 folds"):
        ResponseExperiment(n_folds=1)
    table = ResponseTable(np.ones((12, 1)), tuple("abcdefghijkl"), ("x",), "ln(umol/l)")
    with pytest.raises(InputError, match="no block of profiles"):
        ResponseData(table, {}, {})


def test_load_response__refuses_what_does_not_belong_together(run: Path, tmp_path: Path) -> None:
    for name in ("card.json", "model.safetensors"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    card = json.loads((run / "card.json").read_text())
    (tmp_path / "card.json").write_text(json.dumps(card | {"kind": "affinity"}))
    with pytest.raises(InputError, match="a card of kind 'affinity'"):
        load_response(tmp_path)
    (tmp_path / "card.json").write_text(json.dumps(card | {"weights_sha256": "0"}))
    with pytest.raises(InputError, match="the weights are not those of the card"):
        load_response(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(InputError, match="the weights are missing"):
        load_response(tmp_path)


def test_card__holds_no_names_of_lines(run: Path, data: ResponseData) -> None:
    text = (run / "card.json").read_text()
    weights = (run / "model.safetensors").read_bytes()
    assert not any(name in text or name.encode() in weights for name in data.table.line_ids)


def test_predict__intervals_hold_what_a_missing_marker_would_have_told(run: Path, data: ResponseData) -> None:
    """The marker that matters most is hidden: the interval holds what it would have told, and others stay as they are."""
    trained = load_response(run)
    full = {name: block[:60] for name, block in data.profiles.items()}
    without, there = ({**full, "mutation": full["mutation"].copy()} for _ in range(2))
    effect = np.zeros((full["mutation"].shape[1], len(trained.compound_ids)))
    for column in range(len(effect)):
        for blocks, value in ((without, 0), (there, 1)):
            blocks["mutation"] = full["mutation"].copy()
            blocks["mutation"][:, column] = value
        effect[column] = (trained.model.predict(there) - trained.model.predict(without)).mean(axis=0)
    gene, compound = np.unravel_index(np.abs(effect).argmax(), effect.shape)
    hidden = {**full, "mutation": full["mutation"].copy()}
    hidden["mutation"][:, gene] = np.nan
    asked = np.arange(60), [trained.compound_ids[compound]], [""], np.zeros(60, np.int64)
    known, blind = trained.predict(full, *asked), trained.predict(hidden, *asked)
    assert blind["prediction"].var() < known["prediction"].var()
    width, wider = known["upper"] - known["lower"], blind["upper"] - blind["lower"]
    assert (wider > 1.02 * width).all() and (blind["sd"] > known["sd"]).all()
    assert known["prediction"].between(blind["lower"], blind["upper"]).mean() > 0.9
    alone = trained.predict(
        {name: block[7:8] for name, block in hidden.items()},
        np.zeros(1, np.int64),
        *asked[1:3],
        np.zeros(1, np.int64),
    )
    assert alone["upper"][0] == pytest.approx(blind["upper"][7])


def test_predict__a_structure_of_two_compounds_is_ambiguous(run: Path, data: ResponseData) -> None:
    trained = load_response(run)
    one, two = trained.compound_ids[:2]
    twins = replace(trained, smiles=(trained.smiles[0], trained.smiles[0], *trained.smiles[2:]))
    some = {name: block[:1] for name, block in data.profiles.items()}
    told = twins.predict(
        some, np.zeros(3, np.int64), ["new", one, two], [trained.smiles[0]] * 3, np.arange(3)
    )
    assert (
        told["abstain"][0]
        and f"several training compounds have its structure ({one}, {two})" in told["reason"][0]
    )
    assert not told["reason"][1:].str.contains("several").any()
    assert told["prediction"][1] != told["prediction"][2]
