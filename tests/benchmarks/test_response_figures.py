"""What is said of responses follows from the raw results, wins and losses alike."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmarks.response_figures import (
    BASELINES,
    MODEL,
    biomarker_verdict,
    left_to_run,
    response_figures,
    verdict,
)

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results"


def _less(**intervals: tuple[float, float]) -> pd.DataFrame:
    rows = [
        {"arm": "genotype", "setting": "line", "seed": 0, "model": MODEL, "metric": "residual_r", "other": other,
         "difference": sum(bounds) / 2, "lower": bounds[0], "upper": bounds[1]}
        for other, bounds in intervals.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_verdict__names_the_least_gain() -> None:
    less = _less(means=(0.1, 0.3), kernel_ridge=(0.02, 0.04), elastic_net=(0.05, 0.1), anova_ridge=(0.1, 0.2),
                 random_forest=(0.03, 0.09))  # fmt: skip
    told = verdict(less, "genotype", "residual_r")
    assert "every plain model" in told and "kernel ridge: +0.030 [+0.020, +0.040]" in told


def test_verdict__says_losses_and_what_is_open() -> None:
    told = verdict(
        _less(means=(0.1, 0.3), kernel_ridge=(-0.2, -0.1), elastic_net=(-0.1, 0.1)), "genotype", "residual_r"
    )
    assert "every" not in told and "**below** that of kernel ridge" in told
    assert "not shown to differ from that of elastic net" in told


def test_verdict__judges_each_setting_by_its_own_models() -> None:
    less = _less(means=(0.1, 0.3), nearest_compound=(-0.04, -0.01)).assign(setting="compound")
    told = verdict(less, "genotype", "residual_r", ("means", "nearest_compound"), "compound")
    assert "above that of means" in told and "**below** that of nearest compound" in told
    assert verdict(less, "genotype", "residual_r", ("means", "nearest_compound")) == ""


def test_verdict__nothing_measured_is_nothing_said() -> None:
    assert verdict(_less(means=(0.1, 0.3)), "genotype_tissue", "residual_r") == ""


def test_biomarker_verdict__claims_no_more_than_the_intervals() -> None:
    row = {
        "pairs": "resistance",
        "auroc": 0.6,
        "lower": 0.45,
        "upper": 0.7,
        "ahead": 0.0,
        "ahead_lower": 0.0,
        "ahead_upper": 0.0,
    }
    table = pd.DataFrame(
        [row | {"ranking": MODEL}, row | {"ranking": "marker_anova", "ahead_lower": -0.2, "ahead_upper": 0.1}]
    )
    told = biomarker_verdict(table)
    assert (
        "not shown to be above chance" in told and "not shown to differ from the analysis of variance" in told
    )


def test_left_to_run__is_what_has_no_row() -> None:
    done = pd.DataFrame(
        [("genotype", "line", 0, model) for model in (MODEL, *BASELINES[:-1])],
        columns=["arm", "setting", "seed", "model"],
    )
    left = list(left_to_run(done))
    assert any(
        line.startswith("lines, genotype (mutation and copy number), seed 0: random forest") for line in left
    )
    assert any("seed 2" in line for line in left)


def test_response_figures__without_results_say_nothing(tmp_path: Path) -> None:
    assert response_figures(tmp_path) == ""


@pytest.mark.skipif(
    not (RESULTS / "response_sweep.tsv").exists(), reason="the sweep of responses has not been recorded"
)
def test_response_figures__state_every_arm_that_was_measured() -> None:
    text = response_figures(RESULTS)
    sweep = pd.read_csv(RESULTS / "response_sweep.tsv", sep="\t")
    some = sweep[(sweep["seed"] == 0) & (sweep["setting"] == "line") & (sweep["model"] == MODEL)]
    assert len(some) > 0
    for row in some.to_dict("records"):
        assert f"{row['residual_r']:.3f} [{row['lower']:.3f}, {row['upper']:.3f}]" in text
    assert (sweep.loc[(sweep["model"] == "means") & (sweep["setting"] == "line"), "residual_r"] == 0).all()
