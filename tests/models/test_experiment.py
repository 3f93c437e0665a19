"""A whole training run in small: what it writes, and that it can be killed, resumed and repeated."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from chem.errors import InputError
from models import experiment as module
from models.affinity import KERNEL, TREES, AffinityModel, EndpointModel
from models.affinity_network import NetworkShape
from models.attribution import atom_contributions
from models.blend import BLEND, convex_weights
from models.checkpoint import load_affinity
from models.contenders import PLAIN, NetworkRecipe
from models.experiment import fold_metrics, train_affinity
from models.experiment_plan import AffinityExperiment, parts_of
from models.loop import LoopConfig
from models.metrics import CLASSIFICATION_METRICS, REGRESSION_METRICS
from models.pair_model import PairFeatures
from models.pairs import PairData
from models.trees import GradientBoosting

MakePairs = Callable[..., PairData]
Run = tuple[Path, AffinityModel]
RECIPE = NetworkRecipe(
    NetworkShape(dim=12, aligned=4, rank=8, dropout=0.0),
    LoopConfig(n_epochs=3, learning_rate=3e-3, ema=0.9, device="cpu"),
    n_members=2,
)
TINY = AffinityExperiment(
    networks={"landmark_network": RECIPE}, epochs={"pkd": 2}, n_folds=2, baselines=("random",), seed=11,
    description={"name": "tiny", "limits": ["a test"]},
)  # fmt: skip
FILES = ("model.safetensors", "card.json", "folds.tsv", "metrics.tsv", "coverage.tsv", "leakage.tsv")
SETTINGS = {"random", "scaffold", "family"}
FEW = {"landmark_network", "kernel_ridge", "means", BLEND}


@pytest.fixture(scope="module")
def pairs(make_pairs: MakePairs) -> PairData:
    return make_pairs(10, 6)


@pytest.fixture(scope="module")
def run(pairs: PairData, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("experiment") / "run"
    return folder, train_affinity([pairs], folder, TINY)


@pytest.fixture(scope="module")
def folds(run: Run) -> pd.DataFrame:
    return pd.read_csv(run[0] / "folds.tsv", sep="\t")


def test_train_affinity__writes_its_files_and_nothing_else(run: Run) -> None:
    assert sorted(path.name for path in run[0].iterdir()) == sorted(FILES)


def test_train_affinity__one_row_per_model_and_pair(run: Run, folds: pd.DataFrame, pairs: PairData) -> None:
    required = ["setting", "endpoint", "model", "fold", "seed", "drug_id", "target_id", "label", "prediction"]
    assert list(folds.columns)[: len(required)] == required
    assert set(folds["setting"]) == SETTINGS
    assert set(folds["endpoint"]) == {"pkd"} and set(folds["seed"]) == {11}
    names = [(pairs.drug_ids[d], pairs.target_ids[t]) for d, t in zip(pairs.drug, pairs.target, strict=True)]
    expected = pd.Series(pairs.label, index=pd.MultiIndex.from_tuples(names)).sort_index()
    for (setting, _), part in folds.groupby(["setting", "model"]):
        found = part.set_index(["drug_id", "target_id"])["label"].sort_index()
        assert found.index.is_unique and found.index.equals(expected.index), setting
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    for setting, part in folds.groupby("setting"):
        assert set(part["model"]) == (FEW | set(PLAIN) if setting == "random" else FEW)
    assert np.isfinite(folds["prediction"]).all()
    assert (folds["spread"].notna() == (folds["model"] == "landmark_network")).all()


def test_train_affinity__settings_hold_out_what_they_say(folds: pd.DataFrame) -> None:
    for setting, unit in (("scaffold", "drug_id"), ("family", "target_id")):
        part = folds[folds["setting"] == setting]
        assert len(part[[unit, "fold"]].drop_duplicates()) == part[unit].nunique()


def test_train_affinity__tells_what_folds_share(run: Run) -> None:
    leakage = pd.read_csv(run[0] / "leakage.tsv", sep="\t")
    assert set(leakage["setting"]) == SETTINGS
    assert (leakage.loc[leakage["setting"] == "scaffold", "rows_scaffold"] == 0).all()
    assert (leakage.loc[leakage["setting"] == "random", "rows_inchikey"] > 0).any()


def test_train_affinity__metrics_follow_from_the_folds(run: Run, folds: pd.DataFrame) -> None:
    metrics = pd.read_csv(run[0] / "metrics.tsv", sep="\t")
    assert list(metrics.columns) == ["setting", "endpoint", "model", "fold", "seed", "metric", "value"]
    assert set(metrics["metric"]) == set(REGRESSION_METRICS)
    again = fold_metrics(folds, 11)
    np.testing.assert_allclose(metrics["value"], again["value"], rtol=1e-3, atol=1e-4)
    part = folds[(folds["setting"] == "random") & (folds["model"] == BLEND) & (folds["fold"] == 1)]
    rows = metrics[
        (metrics["setting"] == "random") & (metrics["model"] == BLEND) & (metrics["fold"] == 1)
    ].set_index("metric")["value"]
    assert rows["mse"] == pytest.approx(((part["label"] - part["prediction"]) ** 2).mean(), rel=1e-4)


def test_train_affinity__each_setting_has_weights_found_on_its_own_held_out_pairs(
    run: Run, folds: pd.DataFrame
) -> None:
    """On all folds for the model; for the blend of a fold, on the others."""
    found = run[1].models[0].weights
    assert set(found) == SETTINGS
    for setting, weights in found.items():
        part = folds[folds["setting"] == setting]
        keys = ["fold", "drug_id", "target_id"]
        wide = part.pivot_table(index=keys, columns="model", values="prediction").reset_index()
        label = (
            part[part["model"] == BLEND].set_index(keys)["label"].loc[list(map(tuple, wide[keys].to_numpy()))]
        )
        members = wide[list(weights)].to_numpy()
        assert list(weights.values()) == pytest.approx(convex_weights(members, label.to_numpy()), abs=1e-4)
        for fold in (1, 2):
            here = (wide["fold"] == fold).to_numpy()
            expected = members[here] @ convex_weights(members[~here], label.to_numpy()[~here])
            np.testing.assert_allclose(wide[BLEND][here], expected, atol=1e-3)


def test_train_affinity__card_tells_how(run: Run) -> None:
    card = json.loads((run[0] / "card.json").read_text())
    assert card["name"] == "tiny" and card["seed"] == 11 and card["epochs"] == {"pkd": 2}
    assert card["training"]["landmark_network"]["shape"]["dim"] == 12
    assert card["data_summary"] == [{"endpoint": "pkd", "n_pairs": 60, "n_drugs": 10, "n_targets": 6}]
    assert set(card["models"][0]["intervals"]) == SETTINGS
    metrics = pd.read_csv(run[0] / "metrics.tsv", sep="\t").groupby(["setting", "model", "metric"])["value"]
    assert len(card["figures"]) == len(metrics)
    for row in card["figures"]:
        values = metrics.get_group((row["setting"], row["model"], row["metric"]))
        assert len(values) == 2 and row["n_folds"] == values.notna().sum()
        assert (row["mean"] is None) == (row["n_folds"] == 0)
        if row["mean"] is not None:
            assert row["mean"] == pytest.approx(values.mean(), abs=1e-3)


def test_train_affinity__the_model_is_the_one_on_disk(run: Run, pairs: PairData) -> None:
    asked = pairs.select(np.arange(7))
    ours = run[1].predict(asked)
    assert load_affinity(run[0]).predict(asked).equals(ours)
    assert np.isfinite(ours["prediction"]).all()
    assert len(run[1].models[0].networks["landmark_network"]) == 2
    assert run[1].card == json.loads((run[0] / "card.json").read_text())


@pytest.mark.slow
def test_train_affinity__a_killed_run_goes_on_to_the_same_bytes(
    run: Run, pairs: PairData, tmp_path: Path
) -> None:
    """Killed after its first part, with two workers; these end with it, and what they finished is kept."""
    folder, plan = tmp_path / "run", replace(TINY, workers=2)
    process = multiprocessing.get_context("spawn").Process(
        target=train_affinity, args=([pairs], folder, plan)
    )
    process.start()
    while not (finished := [*folder.glob(".parts/*/*.safetensors"), *folder.glob(".parts/*/*.parquet")]):
        assert process.is_alive()
        time.sleep(0.02)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    workers = children.read_text().split() if children.exists() else []
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert not any((folder / name).exists() for name in FILES)
    deadline = time.monotonic() + 60
    while any(_lives(worker) for worker in workers):
        assert time.monotonic() < deadline, "a worker goes on without its parent"
        time.sleep(0.05)
    before = {path: path.stat().st_mtime_ns for path in finished}
    shares: list[float] = []

    def watch(text: str, share: float) -> None:
        assert all(path.stat().st_mtime_ns == written for path, written in before.items())
        shares.append(share)

    train_affinity([pairs], folder, plan, watch)
    assert shares[-1] == 1.0 and len(shares) <= 28 - len(finished)
    for name in FILES:
        assert (folder / name).read_bytes() == (run[0] / name).read_bytes(), name


def _lives(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.slow
def test_train_affinity__two_endpoints_given_folds_and_an_exception_half_way(
    pairs: PairData, tmp_path: Path
) -> None:
    """Folds of the table are those of the run; yes and no have probabilities; a Ctrl-C leaves what is done."""

    class Interrupted(BaseException):
        pass

    def stop(text: str, share: float) -> None:
        if share > 0.4:
            raise Interrupted

    fold = np.where(pairs.drug % 2 == 0, 4, 7)
    given = replace(pairs, fold=fold)
    yes_no = replace(given, name="binds", label=(pairs.label > np.median(pairs.label)).astype(float))
    plan = replace(TINY, networks={}, settings=("random",), baselines=())
    with pytest.raises(Interrupted):
        train_affinity([given, yes_no], tmp_path / "run", plan, stop)
    shares: list[float] = []
    model = train_affinity([given, yes_no], tmp_path / "run", plan, lambda _, share: shares.append(share))
    assert 0 < len(shares) < 10 and shares[-1] == 1.0
    table = pd.read_csv(tmp_path / "run" / "folds.tsv", sep="\t")
    assert set(table["model"]) == {"kernel_ridge", "means", BLEND}
    np.testing.assert_array_equal(
        table["fold"], np.where(table["drug_id"].map(pairs.drug_ids.index) % 2 == 0, 1, 4)
    )
    assert model.endpoints == ("pkd", "binds")
    asked = pairs.select(np.arange(5))
    assert model.predict(asked, endpoint="binds")["prediction"].between(0, 1).all()
    metrics = pd.read_csv(tmp_path / "run" / "metrics.tsv", sep="\t")
    assert set(metrics.loc[metrics["endpoint"] == "binds", "metric"]) == set(CLASSIFICATION_METRICS)
    assert set(model.models[0].intervals) == {"random"}


def test_fold_metrics__a_fold_of_zeros_and_ones_is_no_classification() -> None:
    rows = pd.DataFrame({
        "setting": "random", "endpoint": "pkd", "model": "m", "fold": [1, 1, 2, 2],
        "label": [0.0, 1.0, 5.0, 7.0], "prediction": [0.5, 3.0, 5.0, 6.0],
    })  # fmt: skip
    found = fold_metrics(rows, 0)
    assert set(found["metric"]) == set(REGRESSION_METRICS)
    mse = found[found["metric"] == "mse"]["value"].tolist()
    assert mse == pytest.approx([2.125, 0.5])


def test_digest__another_experiment_uses_no_old_parts(pairs: PairData) -> None:
    settings = {"random": [pairs.drug % 2 + 1]}
    name = module._digest([pairs], settings, TINY)
    assert name == module._digest([pairs], settings, replace(TINY, workers=2, description={}))
    others = [
        module._digest([pairs], settings, replace(TINY, seed=12)),
        module._digest([pairs], settings, replace(TINY, epochs={})),
        module._digest([pairs], settings, replace(TINY, networks={})),
        module._digest([pairs], {"random": [pairs.target % 2 + 1]}, TINY),
        module._digest([replace(pairs, label=pairs.label + 1)], settings, TINY),
        module._digest([replace(pairs, drug_ids=tuple(f"d{k}" for k in range(10)))], settings, TINY),
    ]
    assert len({name, *others}) == 7


def test_parts_of__networks_first_and_folds_in_their_order(pairs: PairData) -> None:
    folds = {"random": [np.arange(len(pairs)) % 12 + 1], "scaffold": [np.ones(len(pairs), np.int64)]}
    work = parts_of([pairs], folds, TINY)
    names = [part.model for part in work]
    assert names.count("landmark_network") == 13 and set(names[:13]) == {"landmark_network"}
    ridge = [part.fold for part in work if part.model == "ridge"]
    assert ridge == list(range(1, 13))
    assert not [part for part in work if part.setting == "scaffold"]  # one fold leaves nothing to train on
    assert len(set(work)) == len(work) == 2 + 12 * 7


def test_affinity_experiment__refuses_what_cannot_be_saved() -> None:
    with pytest.raises(InputError, match="a network is called 'ridge'"):
        AffinityExperiment(networks={"ridge": RECIPE})
    other = replace(RECIPE, shape=replace(RECIPE.shape, rank=4))
    with pytest.raises(InputError, match="expected one rank"):
        AffinityExperiment(networks={"a": RECIPE, "b": other})
    assert AffinityExperiment(networks={}).rank == 512 and TINY.rank == 8


def test_affinity_experiment__epochs_of_an_endpoint_are_fixed() -> None:
    fixed = TINY.recipe("landmark_network", "pkd")
    assert fixed is not None and fixed.loop.stop_after == 2
    assert TINY.recipe("landmark_network", "kiba") == RECIPE
    assert TINY.recipe("ridge", "pkd") is None


@pytest.mark.slow
def test_train_affinity__trees_join_the_blend_of_the_endpoint_that_they_win(
    make_pairs: MakePairs, tmp_path: Path
) -> None:
    """A step in the size of the molecule is for trees; in noise they find too much, and the kernel wins."""
    noise = make_pairs(20, 10, noise=5.0)
    size = np.array([len(smiles) for smiles in noise.smiles])
    steps = replace(noise, name="large", label=(size > np.median(size))[noise.drug].astype(float))
    plan = replace(TINY, networks={}, settings=("random", "scaffold"))
    told: list[str] = []
    model = train_affinity([noise, steps], tmp_path, plan, lambda text, _: told.append(text))
    assert len(set(told)) == len(told)  # each fit once, those of the trees among them
    assert any("1-all-0-gradient_boosting" in text for text in told)
    plain, won = model.models
    assert plain.kinds == (KERNEL,) and won.kinds == (KERNEL, TREES)
    assert [set(weights) for weights in won.weights.values()] == [{KERNEL, TREES}] * 2
    assert won.weights["random"][TREES] > 0.5
    asked = steps.select(np.arange(9))
    alone = won.tree_scores(asked.smiles, asked.targets, asked.drug, asked.target)
    trees = GradientBoosting(plan.seed, task="classification")
    trees.fit(steps, PairFeatures(steps.smiles, steps.targets))
    np.testing.assert_array_equal(alone, trees.predict(asked, PairFeatures(steps.smiles, steps.targets)))
    kernel = won.weights["random"][KERNEL] * _kernel_scores(won, asked)
    blended = kernel + won.weights["random"][TREES] * alone
    np.testing.assert_allclose(model.predict(asked, endpoint="large")["prediction"], blended, atol=1e-6)
    # What the trees add is in no attribution: without a share of the kernel's, nothing is.
    atoms = atom_contributions(won, asked.smiles[asked.drug[0]], asked.targets[asked.target[0]])
    only = replace(won, weights={"random": {TREES: 1.0}})
    np.testing.assert_array_equal(
        atom_contributions(only, asked.smiles[asked.drug[0]], asked.targets[asked.target[0]]), 0 * atoms
    )


def _kernel_scores(model: EndpointModel, pairs: PairData) -> NDArray[np.float64]:
    molecules = model.inputs.encode_molecules(list(pairs.smiles))
    proteins = model.inputs.encode_proteins(pairs.targets)
    return model.scores(molecules, proteins, pairs.drug, pairs.target)[0]
