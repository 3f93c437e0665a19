from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from chem.errors import InputError
from models.response_table import read_response
from models.response_units import LN_UM, looks_like_concentrations, require_one_unit

NAMES = tuple("ABC")


@pytest.fixture
def logarithms() -> NDArray[np.float64]:
    """Return ln IC50 of three compounds, a potent one, a weak one and one between."""
    return np.random.default_rng(0).normal([-4.0, 5.0, 2.0], [1.2, 0.9, 1.5], (60, 3))


def test_require_one_unit__passes_logarithms(logarithms: NDArray[np.float64]) -> None:
    assert require_one_unit(logarithms, NAMES, LN_UM) == []
    assert require_one_unit(np.exp(logarithms), NAMES, "umol/l") == []
    assert "look like logarithms" in require_one_unit(logarithms, NAMES, None, field="response")[0]
    assert "look like concentrations" in require_one_unit(np.exp(logarithms), NAMES, None)[0]


@pytest.mark.parametrize("column", [0, 1, 2])
def test_require_one_unit__finds_one_compound_in_concentrations(
    logarithms: NDArray[np.float64], column: int
) -> None:
    logarithms[:, column] = np.exp(logarithms[:, column])
    with pytest.raises(InputError, match=NAMES[column]):
        require_one_unit(logarithms, NAMES, LN_UM)
    with pytest.raises(InputError, match=f"units are mixed: {NAMES[column]} look"):
        require_one_unit(logarithms, NAMES, None)


def test_require_one_unit__finds_single_rows_in_concentrations(logarithms: NDArray[np.float64]) -> None:
    logarithms[7, 1] = 150.0
    with pytest.raises(
        InputError, match="1 of 180 values, of B, are no logarithms of umol/l: they run to 150"
    ):
        require_one_unit(logarithms, NAMES, LN_UM, file="r.tsv", field="ln_ic50")


def test_require_one_unit__finds_logarithms_of_nanomoles(logarithms: NDArray[np.float64]) -> None:
    shifted = np.clip(logarithms, -9, 6.5) + np.log(1000)
    with pytest.raises(InputError, match=r"B, C: medians above 9\.2, .* of nmol/l"):
        require_one_unit(shifted, NAMES, LN_UM)


@pytest.mark.parametrize("unit", ["umol/l", "nmol/l", "area under the curve"])
def test_require_one_unit__refuses_negative_concentrations(
    logarithms: NDArray[np.float64], unit: str
) -> None:
    with pytest.raises(InputError, match=f"cannot be in {unit}"):
        require_one_unit(logarithms, NAMES, unit)


def test_looks_like_concentrations__tells_all_compounds_of_the_shared_table(shared_data: Path) -> None:
    values = read_response(shared_data / "response" / "gdsc2_ln_ic50.tsv.gz").values
    assert not looks_like_concentrations(values).any()
    assert looks_like_concentrations(np.exp(values)).all()
