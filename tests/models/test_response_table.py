from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chem.errors import InputError
from models.response_table import ResponseTable, match_lines, read_response

Rows = Sequence[tuple[str, str, str]]
HEADER = ("drug_name", "depmap_id", "ln_ic50")


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def make(
        rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER, name: str = "response.tsv"
    ) -> Path:
        path = tmp_path / name
        lines = ["\t".join(header), *("\t".join(row) for row in rows)]
        path.write_text("\n".join(lines) + "\n")
        return path

    return make


ROWS: Rows = (("B", "L1", "-1.5"), ("A", "L2", "2.0"), ("A", "L1", "0.5"))


def test_read_response__gives_a_matrix_in_the_order_of_names(write: Callable[..., Path]) -> None:
    table = read_response(write(ROWS))
    assert (table.line_ids, table.compound_ids, table.unit) == (("L1", "L2"), ("A", "B"), "ln(umol/l)")
    np.testing.assert_array_equal(table.values, [[0.5, -1.5], [2.0, np.nan]])
    assert table.notes == () and table.n_values == 3


def test_read_response__does_not_depend_on_the_order_of_rows(write: Callable[..., Path]) -> None:
    one, other = read_response(write(ROWS)), read_response(write(ROWS[::-1], name="other.tsv"))
    np.testing.assert_array_equal(one.values, other.values)
    assert one.line_ids == other.line_ids


def test_read_response__joins_equal_duplicates_and_says_so(write: Callable[..., Path]) -> None:
    table = read_response(write([*ROWS, ("A", "L2", "2.00"), ("A", "L3", "NA")]))
    assert table.notes == (
        "1 of 5 rows of response.tsv have no ln_ic50 and are left out",
        "1 rows of response.tsv repeat a line, compound and value and are joined",
    )
    assert table.line_ids == ("L1", "L2")


def test_read_response__names_both_rows_of_different_duplicates(write: Callable[..., Path]) -> None:
    with pytest.raises(
        InputError, match=r"records 3 and 6 give line 'L2' and compound 'A'.* 2 and 2\.5 \(1 such"
    ) as e:
        read_response(write([*ROWS, ("A", "L3", ""), ("A", "L2", "2.5")]))
    assert (e.value.record, e.value.field) == (6, "ln_ic50")


@pytest.mark.parametrize(
    ("rows", "record", "message"),
    [
        ([("A", "L1", "1"), ("A", "L2", ">10")], 3, "'>10' is not a number"),
        ([("A", "L1", "1"), ("A", "L2", "0.5 uM")], 3, "'0.5 uM' is not a number"),
        ([("A", "L1", "inf")], 2, "'inf' is not a number"),
        ([("A", "", "1")], 2, "'' is no name"),
        ([("NA", "L1", "1")], 2, "'NA' is no name"),
        ([("A", "L1", "")], None, "no row has a value"),
        ([("ACH-000001", "Erlotinib", "1"), ("ACH-000002", "Erlotinib", "2")], 2, "the table is transposed"),
    ],
)
def test_read_response__refuses_what_it_cannot_use(
    write: Callable[..., Path], rows: Rows, record: int | None, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_response(write(rows))
    assert caught.value.record == record and "response.tsv" in str(caught.value)


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        (("depmap_id", "A", "B"), [("ACH-000001", "1", "2"), ("ACH-000002", "", "3")],
         r"wide: a row per line and a column per compound \(2 x 2\).*table.melt\('depmap_id', var_name='drug_name'"),
        (("drug_name", "ACH-000001", "ACH-000002"), [("A", "1", "2"), ("B", "NA", "3")],
         r"wide, and transposed: a row per compound and a column per line.*var_name='depmap_id'"),
        (("x", "ACH-000001", "ACH-000002"), [("A", "1", "2")], "wide, and transposed"),
        (("drug_name", "A", "B"), [("depmap_id", "L1", "L2"), ("ln_ic50", "1", "2")], "lies on its side"),
        (("drug", "line", "ln_ic50"), [("A", "L1", "2")], "has no column 'drug_name'; its columns are drug, line"),
    ],
)  # fmt: skip
def test_read_response__tells_tables_of_another_layout(
    write: Callable[..., Path], header: Sequence[str], rows: Rows, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_response(write(rows, header))


def test_response_table__refuses_a_transposed_matrix_and_repeated_names() -> None:
    with pytest.raises(InputError, match="a row per line and a column per compound"):
        ResponseTable(np.zeros((3, 2)), ("a", "b"), ("x", "y", "z"), "ln(umol/l)")
    with pytest.raises(InputError, match="'a' stands twice"):
        ResponseTable(np.zeros((2, 1)), ("a", "a"), ("x",), "ln(umol/l)")


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=20, unique=True),
    st.randoms(),
)
def test_long__is_what_the_matrix_was_made_of(pairs: list[tuple[int, int]], random: object) -> None:
    values = np.full((5, 4), np.nan)
    for number, (line, compound) in enumerate(pairs):
        values[line, compound] = number
    table = ResponseTable(values, tuple("abcde"), tuple("wxyz"), "ln(umol/l)")
    back = table.long().pivot_table(index="line", columns="compound", values="value")
    back = back.reindex(index=list("abcde"), columns=list("wxyz"))
    np.testing.assert_array_equal(back.to_numpy(), values)


def test_match_lines__takes_the_profile_of_each_line_and_names_the_others() -> None:
    values = np.array([[1.0, 2.0], [3.0, np.nan], [5.0, 6.0]])
    table = ResponseTable(values, ("a", "b", "c"), ("x", "y"), "ln(umol/l)")
    match = match_lines(table, ["c", "z", "a"])
    assert match.rows.tolist() == [2, 0] and match.left_out == ("b",)
    np.testing.assert_array_equal(match.table.values, values[[0, 2]])
    assert match.notes == ("1 of 3 lines have no profile and are left out, with 1 values: b",)
    assert match_lines(table, ["b", "c", "a"]).notes == ()


def test_match_lines__refuses_tables_of_other_names() -> None:
    table = ResponseTable(np.zeros((1, 2)), ("a",), ("x", "y"), "ln(umol/l)")
    with pytest.raises(
        InputError, match="none of the 1 lines has a profile; lines are named like a, profiles like q"
    ):
        match_lines(table, ["q"])
    with pytest.raises(InputError, match=r"2 compounds are named like profiles: .* transpose"):
        match_lines(table, ["y", "x"])
    with pytest.raises(InputError, match="stands twice"):
        match_lines(table, ["a", "a"])


def test_read_response__reads_the_shared_table(shared_data: Path) -> None:
    folder = shared_data / "response"
    table = read_response(folder / "gdsc2_ln_ic50.tsv.gz")
    assert table.values.shape == (450, 133) and table.n_values == 45134 and not table.notes
    plain = pd.read_csv(folder / "gdsc2_ln_ic50.tsv.gz", sep="\t")
    row = plain.iloc[12345]
    place = table.line_ids.index(row["depmap_id"]), table.compound_ids.index(row["drug_name"])
    assert table.values[place] == pytest.approx(row["ln_ic50"], abs=0)
    with pytest.raises(InputError, match="wide: a row per line"):
        read_response(folder / "copy_number_580x706.tsv.gz")


def test_read_response__names_that_differ_in_case_are_told(tmp_path: Path) -> None:
    path = tmp_path / "r.tsv"
    path.write_text("drug_name\tdepmap_id\tln_ic50\nAlpelisib\tL1\t1\nALPELISIB \tL2\t2\nB\tl1\t3\n")
    assert read_response(path).notes == (
        "lines that differ only in case are taken as different: L1, l1",
        "compounds that differ only in case are taken as different: ALPELISIB, Alpelisib",
    )


def test_read_response__on_its_side_with_lines_that_repeat(tmp_path: Path) -> None:
    path = tmp_path / "r.tsv"
    path.write_text("depmap_id\tL1\tL1\tL2\ndrug_name\tA\tB\tA\nln_ic50\t1\t2\t3\n")
    with pytest.raises(InputError, match="lies on its side"):
        read_response(path)
