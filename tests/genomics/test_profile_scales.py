from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genomics.errors import InputError
from genomics.profile_scales import check_values, copy_number_scale, to_relative_log2

PATH = Path("cn.tsv")
NAMES = (["L1", "L2"], [f"G{i}" for i in range(20)])


def _copies(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).choice([1.0, 2, 2, 2, 2, 3, 8], size=(2, 20))


def test_scale__both_are_told_apart() -> None:
    assert copy_number_scale(_copies()) == "absolute"
    assert copy_number_scale(to_relative_log2(_copies())) == "relative_log2"
    assert copy_number_scale(np.full((1, 2), np.nan)) == "unclear"


@pytest.mark.parametrize(
    ("values", "scale", "hint"),
    [
        (_copies(), "relative_log2", "they look like absolute copies"),
        (to_relative_log2(_copies()), "absolute", r"they look like relative log2\(x \+ 1\)"),
        (np.log2(_copies() / 2), "relative_log2", "values below 0 look like log ratios"),
        (_copies() * 50, "absolute", "convert them to log2"),
    ],
)
def test_check__wrong_scale(values: np.ndarray, scale: str, hint: str) -> None:
    with pytest.raises(InputError, match=rf"cn\.tsv, field copy_number: .*{scale} \(median .*{hint}"):
        check_values("copy_number", values, NAMES, PATH, scale)


def test_check__few_values_pass_unless_negative() -> None:
    amplified = np.array([[2.5, 3.0]])
    assert check_values("copy_number", amplified, NAMES, PATH, "relative_log2") is amplified
    with pytest.raises(InputError, match="log ratios"):
        check_values("copy_number", -amplified, NAMES, PATH, "relative_log2")


def test_check__unknown_scale() -> None:
    with pytest.raises(
        InputError, match="no scale 'log10' of copy numbers; expected relative_log2 or absolute"
    ):
        check_values("copy_number", _copies(), NAMES, PATH, "log10")


def test_check__mutation_and_burden_values() -> None:
    values = np.full((2, 20), np.nan)
    values[1, 2] = 2.0
    assert check_values("burden", values, NAMES, PATH, "relative_log2") is values
    message = r"cn\.tsv, record 2, field G2: 2 of sample L2 is no such value; expected 0, 1 or empty"
    with pytest.raises(InputError, match=message):
        check_values("mutation", values, NAMES, PATH, "relative_log2")
    values[0, 0] = 0.5
    with pytest.raises(InputError, match=r"record 1, field G0: .* a count of alleles"):
        check_values("burden", values, NAMES, PATH, "relative_log2")


def test_scale__shared_tables(shared_data: Path) -> None:
    for name in ("copy_number_580x706", "dualgcn_copy_number_525x697"):
        path = shared_data / "response" / f"{name}.tsv.gz"
        values = np.loadtxt(path, delimiter="\t", skiprows=1, usecols=range(1, 400), max_rows=100)
        assert copy_number_scale(values) == "relative_log2"
