"""Tables as users write them: what cannot be read is named, and nothing is read otherwise than it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from chem.errors import InputError
from models.tables import read_table


def test_read_table__not_a_table(tmp_path: Path) -> None:
    cut, binary, fake = b"\x1f\x8b\x08\x00\x00", b"\xff\xfe\x00\x81", b"PAR1"
    for name, content in (("cut.tsv.gz", cut), ("binary.tsv", binary), ("fake.parquet", fake)):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(InputError, match=name):
            read_table(path, ("drug_id",), "drugs")


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_read_table__empty_file(tmp_path: Path, content: str) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text(content)
    with pytest.raises(InputError, match="pairs table is empty") as raised:
        read_table(path, ("drug_id", "target_id"), "pairs")
    assert raised.value.file == str(path)
    assert "drug_id, target_id" in (raised.value.expected or "") and raised.value.hint


@pytest.mark.parametrize(("name", "separator"), [("t.tsv", "\t"), ("t.csv", ",")])
def test_read_table__column_that_stands_twice(tmp_path: Path, name: str, separator: str) -> None:
    path = tmp_path / name
    path.write_text("\n".join(separator.join(row) for row in (("drug_id", "pkd", "pkd"), ("d", "5", "6"))))
    with pytest.raises(InputError, match="two columns 'pkd'") as raised:
        read_table(path, ("drug_id",), "pairs")
    assert (raised.value.file, raised.value.record, raised.value.field) == (str(path), "header", "pkd")


def test_read_table__values_are_text_as_written(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('\ufeffdrug_id,note,\n007,"a,b",\nNA,,1e3\n', encoding="utf-8")
    table = read_table(path, ("drug_id",), "drugs")
    assert table.columns.tolist() == ["drug_id", "note", ""] and table.index.tolist() == [0, 1]
    assert table.to_numpy().tolist() == [["007", "a,b", ""], ["NA", "", "1e3"]]


def test_read_table__line_longer_than_the_header(tmp_path: Path) -> None:
    """Such lines would be read with every value one column to the left."""
    path = tmp_path / "t.tsv"
    path.write_text("drug_id\tsmiles\n1\td\tCC\n")
    with pytest.raises(InputError, match="Expected 2 fields in line 2, saw 3"):
        read_table(path, ("drug_id",), "drugs")
