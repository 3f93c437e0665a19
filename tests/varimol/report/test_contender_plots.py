import re

import numpy as np
import pandas as pd
import pytest

from chem.errors import InputError
from varimol.report.contender_plots import contenders_svg, pooled_figures
from varimol.report.plot_style import ACCENT


def texts(svg):
    return re.findall(r">([^<>]+)</text>", svg)


@pytest.fixture
def figures():
    models = ["means", "response_model", "elastic_net"]
    table = pd.DataFrame({"setting": ["line"] * 3 + ["both"] * 3, "model": models * 2})
    table["value"] = [0.0, 0.25, 0.2, 0.0, 0.02, np.nan]
    return table.assign(lower=table["value"] - 0.05, upper=table["value"] + 0.05)


def test_contenders__best_of_the_first_panel_first(figures):
    shown = texts(contenders_svg(figures))
    assert [t for t in shown if t in ("means", "response model", "elastic net")] == [
        "response model",
        "elastic net",
        "means",
    ]
    assert {"line", "both", "residual r"} <= set(shown)


def test_contenders__the_chosen_model_has_a_colour_of_its_own(figures):
    assert ACCENT in contenders_svg(figures)
    assert ACCENT not in contenders_svg(figures, chosen="other")


def test_contenders__without_intervals_points_alone(figures):
    assert contenders_svg(figures.assign(lower=np.nan, upper=np.nan)) != contenders_svg(figures)


def test_contenders__nothing_to_draw_and_bad_input(figures):
    assert contenders_svg(figures.assign(value=np.nan)) == ""
    with pytest.raises(InputError, match="no column 'upper'"):
        contenders_svg(figures.drop(columns="upper"))


def test_pooled_figures__of_all_folds_with_bounds_where_known():
    rows = [
        ("line", "a", 0, "residual_r", 0.2),
        ("line", "a", 0, "residual_r_lower", 0.1),
        ("line", "a", 0, "residual_r_upper", 0.3),
        ("line", "a", 1, "residual_r", 0.9),
        ("line", "b", 0, "residual_r", 0.4),
        ("line", "b", 0, "rmse", 1.4),
    ]
    metrics = pd.DataFrame(rows, columns=["setting", "model", "fold", "metric", "value"])
    found = pooled_figures(metrics).set_index("model")
    assert found.loc["a", ["value", "lower", "upper"]].tolist() == [0.2, 0.1, 0.3]
    assert found.loc["b", "value"] == 0.4 and np.isnan(found.loc["b", "lower"])
    assert contenders_svg(found.reset_index()) != ""
    with pytest.raises(InputError, match="no metric 'ndcg10' of all folds"):
        pooled_figures(metrics, "ndcg10")
