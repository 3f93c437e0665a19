"""Names of alleles with several copies."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomics.star_names import (
    AlleleCopies,
    diplotype_activity,
    haplotype_name,
    natural_order,
    parse_haplotype,
)

VALUES = {"*1": 1.0, "*4": 0.0, "*10": 0.25, "*36": 0.0, "*41": 0.5, "*22": math.nan}
UNITS = st.builds(
    lambda name, copies: AlleleCopies(name, copies, copies),
    st.sampled_from(sorted(VALUES)),
    st.integers(min_value=1, max_value=5),
)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("*1", "*1"),
        ("*1x2", "*1x2"),
        ("*1X2", "*1x2"),
        ("*1×2", "*1x2"),
        ("*1 x 2", "*1x2"),
        ("*2xN", "*2xN"),
        ("*1≥3", "*1≥3"),
        ("*1x>=3", "*1≥3"),
        ("*10+*36", "*36+*10"),
        ("[*36 + *10]", "*36+*10"),
        ("*10+*36x2", "*36x2+*10"),
        ("*1+*1", "*1x2"),
        ("c.1905+1G>A (*2A)", "c.1905+1G>A (*2A)"),
        ("Mexico   City", "Mexico City"),
        ("*1x", "*1x"),
        ("*1x0", "*1x0"),
    ],
)
def test_parse_haplotype__one_name_however_it_is_written(text: str, written: str) -> None:
    assert haplotype_name(parse_haplotype(text)) == written


def test_parse_haplotype__name_of_the_definitions_stands_for_itself() -> None:
    assert len(parse_haplotype("*80+*28")) == 2
    assert haplotype_name(parse_haplotype("*80+*28", known={"*80+*28"})) == "*80+*28"
    assert len(parse_haplotype("*80+*28", known={"*80+*28"})) == 1


@given(st.lists(UNITS, min_size=1, max_size=4))
def test_parse_haplotype__order_changes_nothing_and_copies_are_kept(units: list[AlleleCopies]) -> None:
    one, other = (parse_haplotype(haplotype_name(order)) for order in (units, units[::-1]))
    assert one == other == parse_haplotype(haplotype_name(one))
    assert sum(unit.least for unit in one) == sum(unit.least for unit in units)


# The examples of pypgx.predict_score in PyPGx 0.27 (its docstring), with the values of its allele table.
PYPGX = [
    ("*1", 1.0), ("*1x2", 2.0), ("*1x4", 4.0), ("*4", 0.0), ("*4x2", 0.0), ("*22", math.nan),
    ("*22x2", math.nan), ("*36+*10", 0.25), ("*1x2+*4x2+*10", 2.25),
]  # fmt: skip


@pytest.mark.parametrize(("haplotype", "score"), PYPGX)
def test_diplotype_activity__agrees_with_pypgx(haplotype: str, score: float) -> None:
    low, high = diplotype_activity(haplotype, VALUES)
    assert low == pytest.approx(score, nan_ok=True) and high == pytest.approx(score, nan_ok=True)
    if not math.isnan(score):
        assert diplotype_activity(f"{haplotype}/*41", VALUES) == (score + 0.5, score + 0.5)


def test_diplotype_activity__open_number_of_copies_gives_bounds() -> None:
    assert diplotype_activity("*1≥3/*41", VALUES) == (3.5, math.inf)
    assert diplotype_activity("*4xN/*41", VALUES) == (0.5, 0.5)
    assert all(map(math.isnan, diplotype_activity("*1xN/*22", VALUES)))
    assert all(map(math.isnan, diplotype_activity("*1/*unheard", VALUES)))


@given(st.lists(UNITS, min_size=2, max_size=2))
def test_diplotype_activity__is_value_times_copies_in_either_order(units: list[AlleleCopies]) -> None:
    low, high = diplotype_activity("/".join(map(str, units)), VALUES)
    expected = sum(VALUES[unit.name] * unit.least for unit in units)
    assert low == high == pytest.approx(expected) or (math.isnan(low) and math.isnan(expected))
    back = diplotype_activity("/".join(map(str, units[::-1])), VALUES)
    assert back == (low, high) or (math.isnan(back[0]) and math.isnan(low))


def test_natural_order__numbers_before_names() -> None:
    assert sorted(["*36+*10", "*4", "*1x2", "*1"], key=natural_order) == ["*1", "*1x2", "*4", "*36+*10"]
