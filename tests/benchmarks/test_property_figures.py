"""The page of property figures says wins, losses and what is left."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmarks.property_figures import property_figures


def test_property_figures__says_what_is_left(tmp_path: Path) -> None:
    row = {"metric": "rmse", "best": "kernel", "n_shared": 2, "lower": 0.1, "upper": 0.3, "commit": "abc"}
    rows = [
        row | {"table": "esol", "model": "kernel", "n_folds": 5, "value": 0.6, "worse_by": 0.0},
        row | {"table": "esol", "model": "chemprop", "n_folds": 2, "value": 0.7, "worse_by": 0.2},
        {"table": "all", "metric": "mean_rank", "model": "kernel", "n_folds": 1, "value": 1.0},
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "property_differences.tsv", sep="\t", index=False)
    text = property_figures(tmp_path)
    assert "| esol | RMSE | kernel | 0.600 | 2 (5) | best |" in text
    assert "| esol | RMSE | chemprop | 0.700 | 2 (2) | 0.200 [0.100, 0.300] |" in text
    assert "Mean rank over the 1 table that every model has been run on: kernel 1.00." in text
    assert "Not on all folds: network on esol; chemprop on esol; attentive fp on esol." in text
    assert "Left to run: lipophilicity, bbbp, bace, tox21, ames, cyp3a4, hlm, freesolv," in text


def test_property_figures__nothing_without_results(tmp_path: Path) -> None:
    assert property_figures(tmp_path) == ""
