"""The shipped affinity model: what its card promises, and predictions that any such model should get right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from models.affinity import AffinityModel
from models.pairs import read_pairs
from varimol.networks import DEFAULT_NETWORK, load_network, network_folder

IMATINIB = "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1"
GEFITINIB = "COc1cc2ncnc(Nc3ccc(F)c(Cl)c3)c2cc1OCCCN1CCOCC1"


@pytest.fixture(scope="module")
def model() -> AffinityModel:
    return load_network(DEFAULT_NETWORK)


def test_shipped_network__is_small() -> None:
    assert sum(file.stat().st_size for file in network_folder(DEFAULT_NETWORK).iterdir()) < 20_000_000


def test_shipped_network__card_tells_data_licence_splits_and_limits(model: AffinityModel) -> None:
    for field in (
        "data_sources",
        "data_licence",
        "splits",
        "limits",
        "command",
        "versions",
        "coverage",
        "blend",
    ):
        assert model.card[field], field
    assert {row["endpoint"] for row in model.card["data_summary"]} == set(model.endpoints)


def test_shipped_network__blend_beats_every_plain_model_on_held_out_pairs(model: AffinityModel) -> None:
    figures = pd.DataFrame(model.card["figures"])
    mse = figures[(figures["metric"] == "mse") & (figures["setting"] == "random")]
    for endpoint in ("pkd", "kiba_score"):
        mean = mse[mse["endpoint"] == endpoint].set_index("model")["mean"]
        assert {"means", "nearest_neighbour", "ridge", "random_forest", "gradient_boosting"} <= set(
            mean.index
        )
        assert mean.idxmin() == "blend"


def test_shipped_network__interaction_beats_the_means_and_is_no_evidence(model: AffinityModel) -> None:
    """Boosted trees win there, so they are in its blend; the limits say what the figures are worth."""
    figures = pd.DataFrame(model.card["figures"])
    brier = figures[(figures["metric"] == "brier") & (figures["endpoint"] == "interaction")]
    mean = brier[brier["setting"] == "random"].set_index("model")["mean"]
    assert mean.idxmin() == "blend" and mean.drop("blend").idxmin() == "gradient_boosting"
    *others, interaction = model.models
    assert interaction.trees is not None and interaction.weights["random"]["gradient_boosting"] > 0.5
    assert all(part.trees is None for part in others)
    assert any("no evidence of binding" in limit for limit in model.card["limits"])


def test_shipped_network__figures_are_those_of_the_bars(model: AffinityModel) -> None:
    """Trained on four of the five folds: below the best published figures for the test, which allow for five."""
    figures = pd.DataFrame(model.card["figures"])
    mse = figures[
        (figures["metric"] == "mse") & (figures["setting"] == "random") & (figures["model"] == "blend")
    ]
    mean = mse.set_index("endpoint")["mean"]
    assert mean["pkd"] < 0.16 and mean["kiba_score"] < 0.13


def test_shipped_network__pooled_intervals_cover_as_they_say(model: AffinityModel) -> None:
    for row in model.card["coverage"]:
        if row["setting"] == "random" or (row["endpoint"] != "interaction" and "->" not in row["setting"]):
            assert row["n"] >= 2000 and 0.88 <= row["coverage"] <= 0.92, row


def test_shipped_network__knows_the_targets_of_two_drugs(
    model: AffinityModel, shared_data: Path, tmp_path: Path
) -> None:
    folder = shared_data / "affinity" / "davis"
    (tmp_path / "pairs.tsv").write_text(
        "drug_id\ttarget_id\n"
        + "".join(f"{d}\t{t}\n" for d in ("imatinib", "gefitinib") for t in ("KIT", "EGFR"))
    )
    (tmp_path / "drugs.tsv").write_text(f"drug_id\tsmiles\nimatinib\t{IMATINIB}\ngefitinib\t{GEFITINIB}\n")
    table = model.predict(
        read_pairs(tmp_path / "pairs.tsv", tmp_path / "drugs.tsv", folder / "targets.tsv"), endpoint="pkd"
    )
    imatinib_kit, imatinib_egfr, gefitinib_kit, gefitinib_egfr = table["prediction"]
    assert imatinib_kit > imatinib_egfr + 1 and gefitinib_egfr > gefitinib_kit + 1
    assert table["in_domain"].all() and np.isfinite(table[["lower", "upper", "sd"]].to_numpy()).all()
