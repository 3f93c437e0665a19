"""A whole training run in small: what it writes, and that it can be killed, resumed and repeated."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from chem.errors import InputError
from models import experiment as module
from models.affinity import AffinityModel, load_affinity
from models.experiment import AffinityExperiment, fold_metrics, read_card, train_affinity
from models.metrics import REGRESSION_METRICS
from models.pairs import PairData
from models.train import TrainingConfig

MakePairs = Callable[..., PairData]
TINY = AffinityExperiment(
    TrainingConfig(n_steps=20, warmup=5, seed=11),
    shape={"dim": 16, "n_layers": 1, "dropout": 0.0},
    n_folds=2,
    description={"name": "tiny", "limits": ["a test"]},
)
FILES = ("model.safetensors", "card.json", "folds.tsv", "metrics.tsv", "leakage.tsv")
MODELS = {"network", "means", "nearest_neighbour", "ridge", "random_forest"}


@pytest.fixture(scope="module")
def pairs(make_pairs: MakePairs) -> PairData:
    return make_pairs(10, 6)


@pytest.fixture(scope="module")
def run(pairs: PairData, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, AffinityModel]:
    folder = tmp_path_factory.mktemp("experiment") / "run"
    return folder, train_affinity([pairs], folder, TINY)


def test_train_affinity__tells_what_folds_share(run: tuple[Path, AffinityModel]) -> None:
    leakage = pd.read_csv(run[0] / "leakage.tsv", sep="\t")
    unseen = leakage[leakage["setting"] == "unseen_drug"]
    assert set(leakage["setting"]) == {"seen_drug", "unseen_drug"}
    assert (unseen["rows_scaffold"] == 0).all()
    assert (leakage.loc[leakage["setting"] == "seen_drug", "rows_inchikey"] > 0).any()


def test_train_affinity__writes_its_files_and_nothing_else(run: tuple[Path, AffinityModel]) -> None:
    assert sorted(path.name for path in run[0].iterdir()) == sorted(FILES)


def test_train_affinity__every_pair_is_held_out_once(
    run: tuple[Path, AffinityModel], pairs: PairData
) -> None:
    table = pd.read_csv(run[0] / "folds.tsv", sep="\t")
    assert set(table["setting"]) == {"seen_drug", "unseen_drug"}
    assert set(table["model"]) == MODELS
    assert set(table["endpoint"]) == {"pkd"}
    expected = pd.Series(
        pairs.label,
        index=pd.MultiIndex.from_tuples(
            [(pairs.drug_ids[d], pairs.target_ids[t]) for d, t in zip(pairs.drug, pairs.target, strict=True)]
        ),
    ).sort_index()
    for _, part in table.groupby(["setting", "model"]):
        found = part.set_index(["drug_id", "target_id"])["label"].sort_index()
        assert found.index.is_unique
        assert found.index.equals(expected.index)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert np.isfinite(table["prediction"]).all()


def test_train_affinity__a_drug_of_the_unseen_setting_has_one_fold(run: tuple[Path, AffinityModel]) -> None:
    table = pd.read_csv(run[0] / "folds.tsv", sep="\t")
    unseen = table[table["setting"] == "unseen_drug"]
    assert len(unseen[["drug_id", "fold"]].drop_duplicates()) == unseen["drug_id"].nunique()


def test_train_affinity__metrics_follow_from_the_folds(run: tuple[Path, AffinityModel]) -> None:
    metrics = pd.read_csv(run[0] / "metrics.tsv", sep="\t")
    assert list(metrics.columns) == ["setting", "endpoint", "model", "fold", "seed", "metric", "value"]
    assert set(metrics["metric"]) == set(REGRESSION_METRICS)
    assert set(metrics["model"]) == MODELS
    assert set(metrics["seed"]) == {11}
    folds = pd.read_csv(run[0] / "folds.tsv", sep="\t")
    again = fold_metrics(folds, 11)
    np.testing.assert_allclose(metrics["value"], again["value"], rtol=1e-3, atol=1e-4)
    part = folds[(folds["setting"] == "seen_drug") & (folds["model"] == "ridge") & (folds["fold"] == 1)]
    row = metrics[
        (metrics["setting"] == "seen_drug") & (metrics["model"] == "ridge") & (metrics["fold"] == 1)
    ].set_index("metric")["value"]
    assert row["mse"] == pytest.approx(((part["label"] - part["prediction"]) ** 2).mean(), rel=1e-4)


def test_train_affinity__card_tells_how(run: tuple[Path, AffinityModel], pairs: PairData) -> None:
    card = read_card(run[0])
    assert card["name"] == "tiny"
    assert card["training"]["seed"] == 11
    assert card["training"]["n_steps"] == 20
    assert card["data_summary"] == [{"endpoint": "pkd", "n_pairs": 60, "n_drugs": 10, "n_targets": 6}]
    assert {row["model"] for row in card["figures"]} == MODELS
    assert set(card["calibration"]["pkd"]) == {"seen_drug", "unseen_drug"}
    metrics = pd.read_csv(run[0] / "metrics.tsv", sep="\t")
    for row in card["figures"]:
        values = metrics[
            (metrics["setting"] == row["setting"])
            & (metrics["model"] == row["model"])
            & (metrics["metric"] == row["metric"])
        ]["value"]
        assert row["mean"] == pytest.approx(values.mean(), abs=1e-3)
        assert row["n_folds"] == len(values) == 2


@pytest.mark.slow
def test_train_affinity__keeps_given_folds_and_no_baselines_when_told(
    pairs: PairData, tmp_path: Path
) -> None:
    """Folds of the table are the folds of the run; ten processes are not needed for two networks."""
    given = replace(pairs, fold=np.where(pairs.drug % 2 == 0, 4, 7))
    plan = replace(TINY, unseen_drug=False, baselines=False, training=replace(TINY.training, n_steps=3))
    model = train_affinity([given], tmp_path / "run", plan)
    table = pd.read_csv(tmp_path / "run" / "folds.tsv", sep="\t")
    assert set(table["model"]) == {"network"}
    drug = table["drug_id"].map(pairs.drug_ids.index)
    np.testing.assert_array_equal(table["fold"], np.where(drug % 2 == 0, 4, 7))
    assert len(model.members) == 2
    assert set(model.calibration["pkd"]) == {"seen_drug"}


@pytest.mark.slow
def test_train_affinity__resumes_to_the_same_bytes(
    run: tuple[Path, AffinityModel], pairs: PairData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted after the first fold, as by a kill; the second run trains the others alone."""

    class Killed(BaseException):
        pass

    def stop(text: str, share: float) -> None:
        raise Killed

    folder = tmp_path / "run"
    with pytest.raises(Killed):
        train_affinity([pairs], folder, TINY, stop)
    (parts,) = (folder / ".parts").iterdir()
    assert not any((folder / name).exists() for name in FILES)
    finished = sorted(parts.glob("*.parquet"))
    for path in finished[1:]:
        path.unlink()
    before = finished[0].stat().st_mtime_ns
    shares: list[float] = []

    def watch(text: str, share: float) -> None:
        assert finished[0].stat().st_mtime_ns == before
        shares.append(share)

    train_affinity([pairs], folder, TINY, watch)
    assert shares == [0.5, 0.75, 1.0]
    for name in FILES:
        assert (folder / name).read_bytes() == (run[0] / name).read_bytes(), name


def test_train_affinity__another_experiment_uses_no_old_parts(pairs: PairData) -> None:
    settings = {"seen_drug": [pairs.drug % 2 + 1]}
    name = module._digest([pairs], settings, TINY)
    assert name == module._digest([pairs], settings, replace(TINY, workers=2))
    others = [
        module._digest([pairs], settings, replace(TINY, training=replace(TINY.training, seed=12))),
        module._digest([pairs], {"seen_drug": [pairs.target % 2 + 1]}, TINY),
        module._digest([replace(pairs, label=pairs.label + 1)], settings, TINY),
    ]
    assert len({name, *others}) == 4


@pytest.mark.slow
def test_train_affinity__workers_do_not_change_a_byte(
    run: tuple[Path, AffinityModel], pairs: PairData, tmp_path: Path
) -> None:
    train_affinity([pairs], tmp_path / "run", replace(TINY, workers=2))
    for name in FILES:
        assert (tmp_path / "run" / name).read_bytes() == (run[0] / name).read_bytes(), name


@pytest.mark.parametrize("field", ["graph_schema", "recipe"])
def test_load_affinity__refuses_another_version(
    run: tuple[Path, AffinityModel], tmp_path: Path, field: str
) -> None:
    shutil.copytree(run[0], tmp_path / "run")
    card = json.loads((tmp_path / "run" / "card.json").read_text())
    card[field] = "0123456789abcdef"
    (tmp_path / "run" / "card.json").write_text(json.dumps(card))
    with pytest.raises(InputError, match=f"field {field}: trained with") as raised:
        load_affinity(tmp_path / "run")
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["model.safetensors", "card.json"])
@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_load_affinity__refuses_a_damaged_run(
    run: tuple[Path, AffinityModel], tmp_path: Path, name: str, damage: str
) -> None:
    shutil.copytree(run[0], tmp_path / "run")
    path = tmp_path / "run" / name
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match=name.replace(".", r"\.")) as raised:
        load_affinity(tmp_path / "run")
    assert len(str(raised.value).splitlines()) == 1
