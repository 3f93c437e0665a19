from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from chem.errors import InputError
from models.marker_anova import COLUMNS, marker_anova
from models.response_table import read_response

Array = NDArray[np.float64]


def made(
    seed: int = 0, n_lines: int = 90, n_markers: int = 5, n_compounds: int = 4
) -> tuple[Array, Array, list[str]]:
    """Return responses and markers with gaps, and tissues of which one has a single line."""
    rng = np.random.default_rng(seed)
    tissue = ["once", *rng.choice(["lung", "skin", "bone", "blood"], n_lines - 1)]
    shift = (
        pd.Series(tissue).map({"once": 5.0, "lung": 0.0, "skin": 2.0, "bone": -1.0, "blood": 0.5}).to_numpy()
    )
    markers = (rng.random((n_lines, n_markers)) < np.where(shift > 1, 0.5, 0.2)[:, None]).astype(float)
    values = 40 + shift[:, None] + rng.normal(size=(n_lines, n_compounds)) - markers[:, :1]
    values[rng.random(values.shape) < 0.2] = np.nan
    markers[rng.random(markers.shape) < 0.1] = np.nan
    return values, markers, tissue


def design(tissue: list[str], rows: NDArray[np.bool_]) -> Array:
    return pd.get_dummies(pd.Series(tissue)[rows]).to_numpy(float)


def test_marker_anova__is_statsmodels_fitted_test_by_test() -> None:
    values, markers, tissue = made()
    tests = marker_anova(values, markers, tissue).set_index(["marker", "compound"])
    assert len(tests) == 20
    for (marker, compound), row in tests.iterrows():
        rows = ~np.isnan(values[:, compound]) & ~np.isnan(markers[:, marker])
        small = design(tissue, rows)
        y, x = values[rows, compound], markers[rows, marker]
        full = sm.OLS(y, np.column_stack([small, x])).fit()
        f, p, _ = full.compare_f_test(sm.OLS(y, small).fit())
        assert row["f_statistic"] == pytest.approx(f, rel=1e-8, abs=1e-12)
        assert row["p_value"] == pytest.approx(p, rel=1e-8)
        assert row["effect"] == pytest.approx(full.params[-1], rel=1e-8)
        assert row["standard_error"] == pytest.approx(full.bse[-1], rel=1e-8)
        assert row["degrees_of_freedom"] == full.df_resid
        assert (row["n_positive"], row["n_negative"]) == ((x == 1).sum(), (x == 0).sum())


def test_marker_anova__without_tissue_is_the_t_test() -> None:
    values, markers, _ = made(1)
    for _, row in marker_anova(values, markers).iterrows():
        y, x = values[:, row["compound"]], markers[:, row["marker"]]
        positive, negative = y[(x == 1) & ~np.isnan(y)], y[(x == 0) & ~np.isnan(y)]
        t, p = stats.ttest_ind(positive, negative)
        assert row["f_statistic"] == pytest.approx(t**2, rel=1e-8, abs=1e-12)
        assert row["p_value"] == pytest.approx(p, rel=1e-8)
        assert row["cohens_d"] == pytest.approx(t * np.sqrt(1 / len(positive) + 1 / len(negative)), rel=1e-8)
        difference = positive.mean() - negative.mean()
        assert row["effect"] == pytest.approx(difference, rel=1e-8)
        assert row["glass_delta_positive"] == pytest.approx(difference / positive.std(ddof=1), rel=1e-8)
        assert row["glass_delta_negative"] == pytest.approx(difference / negative.std(ddof=1), rel=1e-8)


def test_marker_anova__controls_the_false_discovery_rate_over_all_tests() -> None:
    values, markers, tissue = made(2, n_markers=30)
    tests = marker_anova(values, markers, tissue)
    assert tests["p_value"].is_monotonic_increasing and tuple(tests.columns) == COLUMNS
    n = len(tests)
    adjusted = np.minimum.accumulate((tests["p_value"] * n / np.arange(1, n + 1))[::-1])[::-1]
    np.testing.assert_allclose(tests["fdr"], np.minimum(adjusted, 1), rtol=1e-12)


def test_marker_anova__makes_no_test_of_few_lines_or_of_what_tissue_determines() -> None:
    rng = np.random.default_rng(0)
    tissue = ["lung"] * 20 + ["skin"] * 20
    rare, often, lung = np.zeros(40), np.zeros(40), np.zeros(40)
    rare[[0, 25]], often[[0, 1, 25]], lung[:20] = 1, 1, 1
    values = rng.normal(size=(40, 2))
    values[25, 1] = np.nan  # the third line with the marker was not measured there
    markers = np.column_stack([rare, often, lung, np.full(40, np.nan), np.ones(40)])
    tests = marker_anova(values, markers, tissue, marker_ids=["rare", "often", "lung", "unknown", "all"])
    assert tests[["marker", "compound"]].to_numpy().tolist() == [["often", 0]]
    assert len(marker_anova(values, markers[:, :1], tissue)) == 0
    assert len(marker_anova(np.ones((40, 1)), markers[:, 1:2], tissue)) == 0


def test_marker_anova__leaves_a_line_of_unknown_marker_out() -> None:
    values, markers, tissue = made(3)
    unknown = np.isnan(markers[:, 0])
    kept = marker_anova(
        values[~unknown], markers[~unknown, :1], [t for t, u in zip(tissue, unknown, strict=True) if not u]
    )
    pd.testing.assert_frame_equal(marker_anova(values, markers[:, :1], tissue), kept, rtol=1e-9)


@given(st.integers(0, 30), st.floats(-1e3, 1e3))
def test_marker_anova__does_not_see_what_is_added_to_a_tissue(seed: int, size: float) -> None:
    values, markers, tissue = made(seed)
    shift = (
        pd.Series(tissue).map({"once": 1.0, "lung": -1.0, "skin": 0.3, "bone": 0.0, "blood": 2.0}).to_numpy()
    )
    keys, columns = ["marker", "compound"], ["effect", "f_statistic", "p_value"]
    one, other = (
        marker_anova(v, markers, tissue).set_index(keys)[columns].sort_index()
        for v in (values, values + size * shift[:, None])
    )
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


def test_marker_anova__of_shuffled_lines_has_p_values_spread_evenly() -> None:
    values, markers, tissue = made(4, n_lines=200, n_markers=100, n_compounds=1)
    order = np.random.default_rng(0).permutation(200)
    shuffled = marker_anova(values[order], markers, [tissue[i] for i in order])
    assert stats.kstest(shuffled["p_value"], "uniform").pvalue > 0.01


def test_marker_anova__does_not_take_an_unknown_tissue_for_another() -> None:
    values, markers, tissue = made(5)
    some = ["" if t == "bone" else t for t in tissue]
    none = [None if t == "bone" else t for t in tissue]
    for changed in (some, none):
        pd.testing.assert_frame_equal(
            marker_anova(values, markers, changed), marker_anova(values, markers, tissue)
        )


def test_marker_anova__refuses_counts_and_other_lines() -> None:
    values, markers, tissue = made()
    markers[3, 2] = 2
    with pytest.raises(InputError, match="2 of line 3 and marker 2 is neither 0 nor 1"):
        marker_anova(values, markers, tissue)
    with pytest.raises(InputError, match="90 lines have responses, 89 markers and 90 a tissue"):
        marker_anova(values, markers[1:], tissue)


def test_marker_anova__finds_what_is_known_of_the_shared_lines(shared_data: Path) -> None:
    folder = shared_data / "response"
    table = read_response(folder / "gdsc2_ln_ic50.tsv.gz")
    mutation = pd.read_csv(folder / "mutation_580x706.tsv.gz", sep="\t", index_col=0).loc[
        list(table.line_ids)
    ]
    lines = pd.read_csv(folder / "cell_annotations.tsv", sep="\t").set_index("depMapID")
    tests = marker_anova(
        table.values, mutation.to_numpy(float), lines["Site_Primary"].reindex(table.line_ids).tolist(),
        marker_ids=list(mutation.columns), compound_ids=table.compound_ids,
    )  # fmt: skip
    found = tests.set_index(["marker", "compound"])
    # Targets of the three compounds: PI3K alpha, AKT behind the lost PTEN, and BRAF (Iorio et al. 2016 Cell 166:740).
    for pair in (("PIK3CA", "Alpelisib"), ("PTEN", "AZD5363"), ("BRAF", "Dabrafenib")):
        assert found.loc[pair, "effect"] < -0.9 and found.loc[pair, "fdr"] < 0.05
    assert 80_000 < len(tests) < mutation.shape[1] * len(table.compound_ids)
    assert (tests["fdr"] < 0.05).sum() < 100  # most markers say nothing
