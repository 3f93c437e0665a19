"""What is said of the plain models of response follows from the raw results."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "response_baselines.tsv"


@pytest.fixture(scope="module")
def results() -> pd.DataFrame:
    return pd.read_csv(RESULTS, sep="\t").set_index(["arm", "model", "features"])


def test_results__are_near_the_known_figures_of_untuned_kernel_ridge(results: pd.DataFrame) -> None:
    fixed = results["residual_r"].xs("kernel_ridge_fixed", level="model").droplevel("features")
    assert fixed["genotype"] == pytest.approx(0.171, abs=0.01)
    assert fixed["genotype_tissue"] == pytest.approx(0.227, abs=0.01)
    assert fixed["expression"] == pytest.approx(0.278, abs=0.01)


def test_results__show_means_as_nothing_and_choice_of_penalty_as_a_gain(results: pd.DataFrame) -> None:
    assert (results["residual_r"].xs("means", level="model") == 0).all()
    ridge = results.xs("standardised", level="features")["residual_r"]
    chosen, fixed = (ridge.xs(name, level="model") for name in ("kernel_ridge", "kernel_ridge_fixed"))
    assert (chosen > fixed).all() and len(chosen) == 5


def test_results__have_intervals_about_every_figure(results: pd.DataFrame) -> None:
    learned = results[results["residual_r"] > 0]
    assert learned["residual_r"].between(learned["lower"], learned["upper"]).all()
    assert learned["ndcg10"].between(learned["ndcg10_lower"], learned["ndcg10_upper"]).all()
    assert (learned["ndcg10"] > 0.6).all() and (learned["lower"] > 0).all()


def test_results__count_over_ten_times_the_tests_of_gdsctools(results: pd.DataFrame) -> None:
    # 173,390 tests in 8.7 CPU-seconds, on another machine.
    assert results["tests_per_cpu_s"].dropna().item() > 10 * 173_390 / 8.7
