"""The shipped network of ADMET properties: what its card promises, and predictions that any such model should get right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.trained_properties import TrainedProperties
from varimol.networks import network_folder
from varimol.property_runs import load_property_network, predict_property

ASPIRIN, CAFFEINE, BAD = "CC(=O)Oc1ccccc1C(=O)O", "Cn1c(=O)c2c(ncn2C)n(C)c1=O", "C1CC"


@pytest.fixture(scope="module")
def model() -> TrainedProperties:
    return load_property_network("admet")


@pytest.fixture(scope="module")
def told(model: TrainedProperties) -> pd.DataFrame:
    return model.predict([ASPIRIN, CAFFEINE, BAD])


def test_admet__is_small() -> None:
    assert sum(file.stat().st_size for file in network_folder("admet").iterdir()) < 13_000_000


def test_admet__card_tells_data_licence_splits_and_limits(model: TrainedProperties) -> None:
    for field in (
        "data_sources",
        "data_licence",
        "splits",
        "limits",
        "command",
        "versions",
        "coverage",
        "figures",
    ):
        assert model.card[field], field
    assert len(model.endpoints) == 59 and set(model.card["endpoint_notes"]) == set(model.names)


def test_admet__a_row_for_each_molecule_and_endpoint(told: pd.DataFrame) -> None:
    assert told.groupby("row").size().tolist() == [59, 59, 59]
    bad = told[told["row"] == 2]
    assert bad["prediction"].isna().all() and bad["abstain"].all()
    assert bad["reason"].str.contains("unclosed ring").all()
    good = told[told["row"] < 2]
    assert np.isfinite(good["prediction"]).all() and (good["sd"] >= 0).all()
    assert ((good["lower"] <= good["prediction"]) & (good["prediction"] <= good["upper"])).all()


def test_admet__what_is_known_of_aspirin_and_caffeine(told: pd.DataFrame) -> None:
    value = told.set_index(["row", "endpoint"])["prediction"]
    assert -3.0 < value[0, "solubility_esol"] < -0.8  # measured -1.72 (ESOL)
    assert -1.7 < value[1, "solubility_esol"] < 0.3  # measured -0.88
    assert value[1, "bbb_martins"] > 0.7 and value[1, "intestinal_absorption"] > 0.7
    assert value[0, "ames_mutagenicity"] < 0.4 and value[1, "cyp3a4_inhibitor"] < 0.3
    assert value[1, "lipophilicity"] < 1.5  # log P is -0.07


def test_admet__beats_the_means_on_held_out_scaffolds(model: TrainedProperties) -> None:
    figures = {(row["endpoint"], row["model"]): row for row in model.card["figures"]}
    for name in ("solubility_esol", "lipophilicity", "clearance_hlm"):
        assert figures[name, "blend"]["rmse"] < 0.9 * figures[name, "means"]["rmse"]
    for name in ("ames_mutagenicity", "cyp3a4_inhibitor", "bbb_martins", "pgp_inhibitor"):
        assert figures[name, "blend"]["auroc"] > 0.8
    assert all(0.8 < row["coverage"] <= 1 for row in model.card["coverage"])


def test_admet__by_name_from_a_table(tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text(f"name,smiles\naspirin,{ASPIRIN}\nbad,{BAD}\n")
    predicted = predict_property("admet", path, None, id_column="name", endpoint="solubility_esol")
    assert predicted["name"].tolist() == ["aspirin", "bad"] and predicted["prediction"].isna().tolist() == [
        False,
        True,
    ]
