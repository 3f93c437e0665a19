"""The tables of the sweep: intervals, winners, and plain words where a plain model wins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.sweep_figures import paired_difference, summarise, sweep_figures
from benchmarks.sweep_summary import sweep_summary
from models.contenders import NETWORKS

NETWORK = next(iter(NETWORKS))


def _results(values: dict[str, list[float]], metric: str = "mse") -> pd.DataFrame:
    return pd.DataFrame(
        [
            ("davis", "given", "random", model, str(fold), 0, metric, value, 9, 1.0, "c", "h")
            for model, of_model in values.items()
            for fold, value in enumerate(of_model, start=1)
        ],
        columns=["table", "arm", "split", "model", "fold", "seed", "metric", "value", "n", "seconds", "commit", "host"],
    )  # fmt: skip


def test_summarise__fewer_folds_do_not_win() -> None:
    rows = _results({"kernel_ridge": [0.2, 0.3, 0.4], "means": [0.5, 0.5, 0.6], NETWORK: [0.1]})
    table = summarise(rows, "mse").set_index("model")
    assert table.loc["kernel_ridge", "mean"] == pytest.approx(0.3) and table.loc["kernel_ridge", "wins"]
    assert not table.loc[NETWORK, "wins"] and table.loc[NETWORK, "n_folds"] == 1
    assert np.isnan(table["lower"][NETWORK])
    half = 4.302652729911275 * 0.1 / np.sqrt(3)  # t of two degrees of freedom
    assert table["upper"]["kernel_ridge"] == pytest.approx(0.3 + half)


def test_summarise__seeds_of_a_fold_are_averaged_first() -> None:
    first, second = _results({"means": [0.2, 0.4]}), _results({"means": [0.4, 0.6]})
    table = summarise(pd.concat([first, second.assign(seed=1)]), "mse").iloc[0]
    assert (table["n_folds"], table["n_seeds"]) == (2, 2)
    expected = summarise(_results({"means": [0.3, 0.5]}), "mse").iloc[0]
    assert table[["mean", "lower", "upper"]].tolist() == pytest.approx(
        expected[["mean", "lower", "upper"]].tolist()
    )


def test_paired_difference__over_the_folds_of_both() -> None:
    rows = _results({"means": [0.5, 0.6, 0.7], NETWORK: [0.4, 0.45]})
    mean, lower, upper, n = paired_difference(rows, "mse", NETWORK, "means") or (0, 0, 0, 0)
    assert (mean, n) == (pytest.approx(-0.125), 2) and lower < mean < upper
    assert paired_difference(rows, "mse", NETWORK, "ridge") is None


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ([0.30, 0.32, 0.31], "the plain model is ahead"),
        ([0.10, 0.12, 0.11], ", the network is ahead"),
        ([0.19, 0.22, 0.20], "no difference that the folds can tell"),
        ([0.1], "one fold, so no interval"),
    ],
)
def test_sweep_figures__say_who_wins(tmp_path: Path, network: list[float], said: str) -> None:
    rows = _results({"means": [0.5, 0.6, 0.7], "kernel_ridge": [0.20, 0.21, 0.20], NETWORK: network})
    path = tmp_path / "sweep.tsv"
    rows.to_csv(path, sep="\t", index=False)
    text = sweep_figures(path)
    assert said in text and f"{NETWORK} less kernel_ridge" in text
    assert f"{len(network)}x1" in text and "3x1" in text


def _written(folder: Path, *tables: pd.DataFrame) -> Path:
    path = folder / "sweep.tsv"
    pd.concat(tables).to_csv(path, sep="\t", index=False)
    return path


def test_sweep_figures__tell_the_shares_of_the_blend(tmp_path: Path) -> None:
    shares = _results({"blend": [0.2, 0.4]}, metric=f"share_{NETWORK}")
    text = sweep_figures(_written(tmp_path, _results({"blend": [0.1, 0.1]}), shares))
    assert f"| split | {NETWORK} |" in text and "| davis, given, random | 0.30 |" in text


def test_sweep_summary__fewer_folds_and_more_seeds_are_said(tmp_path: Path) -> None:
    rows = _results({"kernel_ridge": [0.2, 0.3], NETWORK: [0.1], "means": [0.5, 0.6]})
    text = sweep_summary(_written(tmp_path, rows, _results({"means": [0.5, 0.6]}).assign(seed=1)))
    header, _, row = (line for line in text.splitlines() if line.startswith("|"))
    assert [name.strip() for name in header.split("|")][5:7] == ["means", "kernel ridge"]
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    assert cells[:4] == ["davis, given", "pairs held out", "mean squared error", "2"]
    assert cells[4].endswith("2 seeds") and cells[5].startswith("**0.250** [") and cells[6] == "0.100 1 fold"
    assert "No network has run on all folds of davis given, pairs held out." in text


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ([0.5, 0.5], "**A plain model is best** on davis given, pairs held out (kernel ridge)."),
        ([0.1, 0.1], f"A network or the blend is best on davis given, pairs held out ({NETWORK.replace('_', ' ')})."),
    ],
)  # fmt: skip
def test_sweep_summary__says_who_wins(tmp_path: Path, network: list[float], said: str) -> None:
    text = sweep_summary(_written(tmp_path, _results({"kernel_ridge": [0.2, 0.3], NETWORK: network})))
    assert text.endswith(said)


def test_sweep_summary__ranks_order_upwards_and_tables_apart(tmp_path: Path) -> None:
    ranked = _results({"means": [0.5, 0.5], "ridge": [0.8, 0.9]}, metric="auroc").assign(table="dti")
    text = sweep_summary(_written(tmp_path, _results({"means": [0.5, 0.6]}), ranked))
    assert "| dti, given | pairs held out | AUROC | 2 | 0.500" in text and "**0.850**" in text
    assert sweep_summary(tmp_path / "none.tsv") == ""
