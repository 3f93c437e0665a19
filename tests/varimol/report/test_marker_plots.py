import re

import numpy as np
import pandas as pd
import pytest

from chem.errors import InputError
from models.marker_anova import marker_anova
from varimol.report.marker_plots import RESISTANT, SENSITIVE, contributions_svg, volcano_svg


def texts(svg):
    return re.findall(r">([^<>]+)</text>", svg)


@pytest.fixture(scope="module")
def tests_made():
    rng = np.random.default_rng(0)
    mutated = (rng.random((200, 6)) < 0.3).astype(float)
    response = rng.normal(size=(200, 3))
    response[:, 0] -= 2 * mutated[:, 1]
    response[:, 2] += 2 * mutated[:, 4]
    return marker_anova(response, mutated, marker_ids=list("ABCDEF"), compound_ids=["one", "two", "t$x$"])


def test_volcano__names_what_is_found_and_counts_it(tests_made):
    svg = volcano_svg(tests_made)
    shown = texts(svg)
    assert "B · one" in shown and "E · t$x$" in shown and not [t for t in shown if "two" in t]
    found = tests_made[tests_made["fdr"] <= 0.05]
    sensitive, resistant = (found["effect"] < 0).sum(), (found["effect"] >= 0).sum()
    title = f"{sensitive} sensitive, {resistant} resistant at a false discovery rate of 5%, of 18 tests"
    assert title in shown and svg.startswith("<svg ") and svg == volcano_svg(tests_made)


def test_volcano__nothing_found_is_said_and_has_no_line(tests_made):
    nothing = tests_made.assign(fdr=0.9)
    assert "none at a false discovery rate of 10%, of 18 tests" in texts(volcano_svg(nothing, fdr=0.1))
    assert "stroke-dasharray" in volcano_svg(tests_made)
    assert "stroke-dasharray" not in volcano_svg(nothing)


def test_volcano__names_no_more_than_asked(tests_made):
    assert sum(" · " in text for text in texts(volcano_svg(tests_made, n_named=1))) == 1


def test_volcano__p_of_zero_is_drawn(tests_made):
    svg = volcano_svg(tests_made.assign(p_value=0.0, fdr=0.0))
    assert "nan" not in svg and "inf" not in svg


def test_volcano__a_hundred_thousand_tests_stay_small():
    rng = np.random.default_rng(1)
    n = 100_000
    p = np.sort(rng.uniform(size=n))
    table = pd.DataFrame({"marker": "M", "compound": "C", "effect": rng.normal(size=n), "n_positive": 5})
    assert len(volcano_svg(table.assign(p_value=p, fdr=1.0))) < 300_000


def test_volcano__nothing_to_draw(tests_made):
    assert volcano_svg(tests_made.head(0)) == ""


def test_volcano__bad_input(tests_made):
    with pytest.raises(InputError, match="field tests: the table has no column 'fdr'"):
        volcano_svg(tests_made.drop(columns="fdr"))
    with pytest.raises(InputError, match="field fdr: 5 is no rate"):
        volcano_svg(tests_made, fdr=5)


@pytest.fixture
def contributions():
    return pd.DataFrame(
        {
            "block": ["mutation", "copy_number", "covariates", "mutation", "mutation"],
            "marker": ["BRAF", "MET", "tissue=skin", "APC", "TP53"],
            "value": [1.0, 2.25, 1.0, np.nan, 0.0],
            "contribution": [-1.5, 0.5, -0.25, 0.0, 0.125],
        }
    )


def test_contributions__states_and_the_rest(contributions):
    shown = texts(contributions_svg(contributions, n_shown=3, title="drug in line"))
    assert {"BRAF mutated", "MET copy number 2.2", "tissue=skin: yes", "2 others together"} <= set(shown)
    every = texts(contributions_svg(contributions))
    assert {"APC missing", "TP53 not mutated"} <= set(every) and not [t for t in every if "others" in t]


def test_contributions__colours_say_the_direction(contributions):
    only = contributions[contributions["contribution"] < 0]
    assert SENSITIVE in contributions_svg(only) and RESISTANT not in contributions_svg(only)


def test_contributions__nothing_to_draw(contributions):
    assert contributions_svg(contributions.assign(contribution=0.0)) == ""
    with pytest.raises(InputError, match="no column 'value'"):
        contributions_svg(contributions.drop(columns="value"))
