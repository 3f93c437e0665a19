"""Coverage is counted right, warned about where few pairs stand behind it, and shows a shift where there is one."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from chem.errors import InputError
from models.coverage import (
    COLUMNS,
    MIN_PAIRS,
    clopper_pearson,
    count_coverage,
    coverage_summary,
    coverage_table,
    prediction_group,
    reliability_table,
)


@settings(max_examples=50)
@given(st.integers(0, 400), st.integers(0, 400), st.sampled_from([0.9, 0.95, 0.99]))
def test_clopper_pearson__is_scipys_exact_interval(first: int, second: int, level: float) -> None:
    k, n = sorted((first, second))
    lower, upper = clopper_pearson([k], [n], level)
    if n == 0:
        assert (lower[0], upper[0]) == (0.0, 1.0)
        return
    exact = stats.binomtest(k, n).proportion_ci(level, method="exact")
    assert (lower[0], upper[0]) == pytest.approx((exact.low, exact.high), abs=1e-12)


def test_clopper_pearson__published_value() -> None:
    """Newcombe (1998) Stat. Med. 17:857, table I: 81 of 263 and 0 of 20."""
    lower, upper = clopper_pearson([81, 0], [263, 20])
    assert lower.round(4).tolist() == [0.2527, 0.0] and upper.round(4).tolist() == [0.3676, 0.1684]


@settings(max_examples=20)
@given(st.integers(1, 200), st.integers(0, 500))
def test_count_coverage__against_a_loop(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    label, centre, half = rng.normal(size=n), rng.normal(size=n), rng.exponential(size=n)
    half[rng.random(n) < 0.1] = np.inf
    scaffold = rng.choice(["a", "b", "c"], n)
    table = count_coverage(label, centre - half, centre + half, {"scaffold": scaffold}, level=0.8)
    assert table["by"].tolist() == ["all"] + ["scaffold"] * len(set(scaffold))
    for _, row in table.iterrows():
        rows = [i for i in range(n) if row["by"] == "all" or scaffold[i] == row["bin"]]
        finite = [2 * half[i] for i in rows if np.isfinite(half[i])]
        assert row["n"] == len(rows)
        assert row["coverage"] == pytest.approx(np.mean([abs(label[i] - centre[i]) <= half[i] for i in rows]))
        assert row["share_infinite"] == pytest.approx(1 - len(finite) / len(rows))
        assert (
            np.isnan(row["mean_width"]) if not finite else row["mean_width"] == pytest.approx(np.mean(finite))
        )
        assert row["coverage_lower"] <= row["coverage"] <= row["coverage_upper"]


def test_count_coverage__warns_below_2000_pairs() -> None:
    zeros = np.zeros(MIN_PAIRS)
    table = count_coverage(zeros, zeros - 1, zeros + 1, {"bin": ["few"] * 3 + ["many"] * (MIN_PAIRS - 3)})
    assert table["warning"].tolist() == [
        "", "3 pairs, fewer than 2,000: uncertain", "1997 pairs, fewer than 2,000: uncertain",
    ]  # fmt: skip
    assert len(count_coverage([], [], [])) == 0


def out_of_fold(seed: int = 0, n: int = 4000) -> pd.DataFrame:
    """Two settings, errors twice as large in the second, and much larger for one scaffold."""
    rng, parts = np.random.default_rng(seed), []
    for setting, size in (("random", 1.0), ("scaffold", 2.0)):
        prediction, scaffold = rng.normal(6, 1, n), rng.choice(["hard", "easy1", "easy2", "easy3"], n)
        error = rng.normal(size=n) * size * np.where(scaffold == "hard", 2.0, 0.7)
        parts.append(
            pd.DataFrame(
                {"setting": setting, "endpoint": "pkd", "fold": np.arange(n) % 5, "label": prediction + error,
                 "prediction": prediction, "scaffold": scaffold}
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)


def test_coverage_table__covers_in_its_setting_and_shows_the_shift() -> None:
    table = coverage_table(out_of_fold(), {"scaffold": "scaffold"})
    assert tuple(table.columns) == COLUMNS
    pooled = table[table["by"] == "all"].set_index("setting")
    assert pooled.index.tolist() == ["random", "scaffold", "random -> scaffold"]
    assert pooled.loc["random", "n"] == 4000 and (pooled["warning"] == "").all()
    assert pooled.loc["random", "coverage"] == pytest.approx(0.9, abs=0.012)
    assert pooled.loc["scaffold", "coverage"] == pytest.approx(0.9, abs=0.012)
    assert pooled.loc["random -> scaffold", "coverage"] < 0.8
    assert pooled.loc["scaffold", "mean_width"] == pytest.approx(
        2 * pooled.loc["random", "mean_width"], rel=0.1
    )
    hard = table[(table["setting"] == "random") & (table["bin"] == "hard")].iloc[0]
    assert hard["coverage_upper"] < 0.9 and hard["warning"]


def test_coverage_table__shuffled_labels_are_covered_by_wide_intervals_alone() -> None:
    """The method stays valid when the model knows nothing; what it loses is width."""
    table = out_of_fold()
    random = table[table["setting"] == "random"].copy()
    wide = random.assign(label=np.random.default_rng(1).permutation(random["label"]))
    honest, blind = (coverage_table(part).iloc[0] for part in (random, wide))
    assert blind["coverage"] == pytest.approx(0.9, abs=0.015)
    assert blind["mean_width"] > 1.15 * honest["mean_width"]


def test_coverage_summary__states_the_worst_bin_as_plain_numbers() -> None:
    rows = coverage_summary(coverage_table(out_of_fold(), {"scaffold": "scaffold"}))
    plain = json.loads(json.dumps(rows, allow_nan=False))
    random = next(row for row in plain if row["setting"] == "random")
    assert random["n"] == 4000 and random["warning"] == ""
    assert random["by"]["scaffold"]["worst_bin"] == "hard"
    assert random["by"]["scaffold"]["n_below_level"] == 1 and random["by"]["scaffold"]["n_bins"] == 4
    few = coverage_summary(coverage_table(out_of_fold(n=20)))
    assert few[0]["by"]["prediction"]["worst"] is None and "fewer than" in few[0]["warning"]


def test_reliability_table__is_scikit_learns_curve() -> None:
    from sklearn.calibration import calibration_curve

    rng = np.random.default_rng(5)
    probability = rng.beta(0.7, 1.0, 3000)
    label = (rng.random(3000) < probability).astype(float)
    table = reliability_table(label, probability)
    share, mean = calibration_curve(label, probability, n_bins=10)
    np.testing.assert_allclose(table["share"], share)
    np.testing.assert_allclose(table["mean_probability"], mean)
    assert table["n"].sum() == 3000
    assert ((table["share_lower"] <= mean) & (mean <= table["share_upper"])).sum() >= 8


def test_prediction_group__names_are_in_order() -> None:
    names = prediction_group(np.arange(100.0))
    assert names == sorted(names) and len(set(names)) == 5
    assert prediction_group([]) == [] and set(prediction_group([1.0, 1.0])) == {"2 from 1"}


def test_coverage__refuses_what_it_cannot_use() -> None:
    with pytest.raises(InputError, match="lower 1"):
        count_coverage([1.0, 2.0], [0.0], [1.0, 1.0])
    with pytest.raises(InputError, match="record 2, field interval"):
        count_coverage([1.0, 2.0], [0.0, np.nan], [1.0, 1.0])
    with pytest.raises(InputError, match="record 1, field lower"):
        count_coverage([1.0], [2.0], [1.0])
    with pytest.raises(InputError, match="scaffold 1"):
        count_coverage([1.0, 2.0], [0.0, 0.0], [1.0, 1.0], {"scaffold": ["a"]})
    with pytest.raises(InputError, match="has no column 'fold'"):
        coverage_table(out_of_fold().drop(columns="fold"))
    with pytest.raises(InputError, match="one fold alone"):
        coverage_table(out_of_fold().assign(fold=1))
    with pytest.raises(InputError, match="record 1, field label"):
        coverage_table(out_of_fold().assign(label=np.nan))
    with pytest.raises(InputError, match="record 2, field probability"):
        reliability_table([0, 1], [0.5, 1.5])
