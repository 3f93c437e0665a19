import re

import numpy as np
import pandas as pd
import pytest

from chem.errors import InputError
from models.coverage import count_coverage
from models.response_metrics import residual_r
from varimol.report.response_plots import (
    calibration_svg,
    correlations,
    held_out_rows,
    predicted_measured_svg,
    waterfall_svg,
)


def texts(svg):
    return re.findall(r">([^<>]+)</text>", svg)


def held_out(n_lines=40, n_compounds=5):
    """Compound k is predicted with k times the noise; the last has 6 lines alone."""
    rng = np.random.default_rng(0)
    line, compound = (
        x.ravel() for x in np.meshgrid(np.arange(n_lines), np.arange(n_compounds), indexing="ij")
    )
    label = rng.normal(size=line.size) + compound
    table = pd.DataFrame({"depmap_id": line, "drug_name": [f"drug {k}" for k in compound], "label": label})
    table["prediction"] = label + compound * rng.normal(size=line.size)
    table["compound_mean"] = compound + 0.1
    return table[(compound < n_compounds - 1) | (line < 6)].reset_index(drop=True)


def test_correlations__are_those_of_numpy_and_of_the_metric():
    table = held_out()
    found = correlations(table)
    assert found.index.tolist() == ["drug 0", "drug 1", "drug 2", "drug 3"] and (found["n"] == 40).all()
    for name, rows in table[table["drug_name"] != "drug 4"].groupby("drug_name"):
        assert np.isclose(found.loc[name, "r"], np.corrcoef(rows["label"], rows["prediction"])[0, 1])
    wide = {
        c: table.pivot_table(c, "depmap_id", "drug_name").to_numpy()
        for c in ("label", "prediction", "compound_mean")
    }
    means = np.nanmean(wide["compound_mean"], axis=0)
    each = residual_r(wide["label"], wide["prediction"], means).each
    assert np.allclose(found["residual_r"], each[:4])


def test_correlations__a_constant_prediction_says_nothing():
    table = held_out().assign(prediction=3.0).drop(columns="compound_mean")
    assert (correlations(table)["r"] == 0).all() and "residual_r" not in correlations(table)


def test_predicted_measured__best_and_worst_are_among_those_shown():
    table = held_out()
    shown = texts(predicted_measured_svg(table, n_shown=2))
    assert "drug 0" in shown and "drug 3" in shown and "drug 1" not in shown
    worst = correlations(table).loc["drug 3"]
    assert f"r {worst['r']:.2f}, residual {worst['residual_r']:.2f}" in shown
    assert predicted_measured_svg(table) == predicted_measured_svg(
        table.sample(frac=1, random_state=0)[table.columns]
    )


def test_predicted_measured__nothing_to_draw():
    assert predicted_measured_svg(held_out(n_lines=5)) == ""


def test_predicted_measured__bad_input():
    table = held_out()
    with pytest.raises(InputError, match="no column 'prediction'"):
        predicted_measured_svg(table.drop(columns="prediction"))
    with pytest.raises(InputError, match="'drug 0'] stands twice; expected one model's rows"):
        predicted_measured_svg(pd.concat([table, table]))


def patient(n=6):
    prediction = np.linspace(-1, 1, n)
    table = pd.DataFrame({"drug_name": [f"drug {k}" for k in range(n)], "prediction": prediction + 5})
    table["lower"], table["upper"] = table["prediction"] - 1, table["prediction"] + 1
    return table.assign(in_domain=True, abstain=False)


MEANS = {f"drug {k}": 5.0 for k in range(60)}


def test_waterfall__orders_by_what_is_beyond_the_mean():
    table = patient()
    shown = texts(waterfall_svg(table, MEANS, title="patient 1"))
    names = [text for text in shown if text.startswith("drug")]
    assert names == [f"drug {k}" for k in range(6)] and "patient 1" in shown
    potent = MEANS | {"drug 5": 9.0}
    names = [t for t in texts(waterfall_svg(table, potent)) if t.startswith("drug")]
    assert names[0] == "drug 5"


def test_waterfall__leaves_out_the_middle_and_says_so():
    shown = texts(waterfall_svg(patient(50), MEANS, n_shown=10))
    assert "40 between" in shown and "drug 4" in shown and "drug 5" not in shown and "drug 45" in shown


def test_waterfall__abstentions_are_hollow_and_missing_ones_counted():
    table = patient()
    assert "abstains" not in texts(waterfall_svg(table, MEANS))
    table.loc[0, ["in_domain", "abstain"]] = [False, True]
    table.loc[1, ["prediction", "lower", "upper"]] = np.nan
    shown = texts(waterfall_svg(table, {k: m for k, m in MEANS.items() if k != "drug 2"}))
    assert "abstains" in shown and "drug 1" not in shown and "drug 2" not in shown
    assert "2 compounds without a prediction or a mean are not drawn" in shown


def test_waterfall__measured_values_where_known():
    assert "measured" in texts(waterfall_svg(patient().assign(label=4.0), MEANS))
    assert "measured" not in texts(waterfall_svg(patient(), MEANS))


def test_waterfall__nothing_to_draw_and_bad_input():
    assert waterfall_svg(patient(), {}) == "" and waterfall_svg(patient().head(0), MEANS) == ""
    with pytest.raises(InputError, match="'drug 0' stands twice; expected the rows of one patient"):
        waterfall_svg(pd.concat([patient(), patient()]), MEANS)
    with pytest.raises(InputError, match="no column 'lower'"):
        waterfall_svg(patient().drop(columns="lower"), MEANS)


def coverage(levels):
    rng = np.random.default_rng(0)
    label, compound = rng.normal(size=600), np.repeat([f"c{k}" for k in range(6)], 100)
    wide = [np.quantile(np.abs(label), level) for level in levels]
    parts = [
        count_coverage(label, np.full(600, -w), np.full(600, w), {"compound": compound}, level=level)
        for level, w in zip(levels, wide, strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def test_calibration__band_over_several_levels_and_points_at_one():
    assert "80% of 6 compounds" in texts(calibration_svg(coverage([0.5, 0.8, 0.9])))
    one = texts(calibration_svg(coverage([0.9])))
    assert "each of 6 compounds" in one and "all pairs" in one


def test_calibration__nothing_to_draw_and_bad_input():
    table = coverage([0.9])
    assert calibration_svg(table[table["by"] != "all"]) == ""
    assert calibration_svg(table[table["by"] == "all"]) != ""
    with pytest.raises(InputError, match="no column 'level'"):
        calibration_svg(table.drop(columns="level"))


def test_held_out_rows__with_the_means_of_training_lines():
    table = held_out(n_compounds=3).drop(columns="compound_mean")
    table["setting"], table["model"] = "line", "response_model"
    means = table.assign(model="means", prediction=np.where(table["drug_name"] == "drug 1", 1.5, 0.5))
    both = table.assign(setting="both")
    folds = pd.concat([both, means.sample(frac=1, random_state=0), table])
    rows = held_out_rows(folds)
    assert len(rows) == len(table) and rows["prediction"].tolist() == table["prediction"].tolist()
    assert (rows.loc[rows["drug_name"] == "drug 1", "compound_mean"] == 1.5).all()
    assert "compound_mean" not in held_out_rows(folds, setting="both")
    with pytest.raises(
        InputError, match="no row of model 'x' in setting 'line'; expected means, response_model"
    ):
        held_out_rows(folds, "x")
