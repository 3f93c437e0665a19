import numpy as np
import pandas as pd
import pytest

from varimol.report.notation import effect, number, p_value


def test_notation__p_value_agrees_with_python():
    for exponent in np.linspace(3, 300, 997):
        mantissa, power = f"{10**-exponent:.1e}".split("e")
        digits = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        assert p_value(exponent) == f"{mantissa} × 10{digits}"


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), "text", pd.NA, True])
def test_notation__no_number_is_a_dash(value):
    assert number(value) == "–" and p_value(value) == "–"
    assert effect(value, 0.1, odds_ratio=True) == "–"
