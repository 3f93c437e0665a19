"""The page of the affinity models' figures, made from the raw results alone."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmarks.affinity_figures import affinity_figures
from benchmarks.measured_model import with_model

CARD = {"name": "shipped", "weights_sha256": "ab" * 32}


def test_affinity_figures__nothing_measured_says_nothing(tmp_path: Path) -> None:
    assert affinity_figures(tmp_path, CARD) == ""


def test_affinity_figures__attributions_of_both_tables_with_their_model(tmp_path: Path) -> None:
    row = {
        "part": "atoms",
        "method": "masking",
        "mean": 0.25,
        "lower": -0.1,
        "upper": 0.6,
        "better": 0.75,
        "n_pairs": 40,
    }
    for name, endpoint, card in (("davis", "pkd", CARD), ("kiba", "kiba_score", {"name": "old"})):
        table = with_model(pd.DataFrame([{"endpoint": endpoint, **row, "commit": "c0ffee1"}]), card)
        table.to_csv(tmp_path / f"attribution_{name}.tsv", sep="\t", index=False)
    text = affinity_figures(tmp_path, CARD)
    assert "| pkd | atoms | masking | 40 | 0.250 [-0.100, 0.600] | 75% |" in text
    assert "Measured on the shipped weights" in text and "commit c0ffee1, an **earlier model**" in text


def test_affinity_figures__mark_where_the_mean_does_as_well(tmp_path: Path) -> None:
    one = {
        "endpoint": "pkd",
        "above": 0.0,
        "to": 0.3,
        "n_drugs": 9,
        "n_pairs": 1234,
        "pearson_r": 0.2,
        "commit": "c",
    }
    rows = [{**one, "mse": 0.7, "variance": 0.5}, {**one, "mse": 0.4, "variance": 0.5}]
    pd.DataFrame(rows).to_csv(tmp_path / "domain.tsv", sep="\t", index=False)
    text = affinity_figures(tmp_path, CARD)
    assert "| 1,234 | **0.700** | 0.500 |" in text and "| 1,234 | 0.400 | 0.500 |" in text


def test_affinity_figures__of_speed(tmp_path: Path) -> None:
    rounds = pd.DataFrame(
        {"pair_by_pair_s": [900.0, 1100.0], "encoded_once_s": [10.0, 11.0], "ratio": [90.0, 100.0]}
    )
    rounds.assign(commit="c0ffee1").to_csv(tmp_path / "affinity_epoch.tsv", sep="\t", index=False)
    text = affinity_figures(tmp_path, CARD)
    assert "95 times (90 to 100 in 2 rounds" in text and "c0ffee1" in text
