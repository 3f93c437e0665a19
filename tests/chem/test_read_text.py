"""Bytes as lines: encodings, line ends, gzip, and lines without an end."""

from __future__ import annotations

import gzip
import io
import random
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chem import InputError, read_compounds
from chem.text_source import MAX_LINE, ByteSource, CutLine, read_line_blocks


def lines_of(data: bytes, name: str = "a.smi") -> list[str]:
    return [line for block in read_line_blocks(ByteSource(io.BytesIO(data), name)) for line in block]


class Trickle(io.RawIOBase):
    """A pipe that gives a few bytes at a time."""

    def __init__(self, data: bytes, sizes: random.Random) -> None:
        self.data, self.sizes = data, sizes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        taken = self.data[: min(self.sizes.randint(1, 7), len(buffer))]
        self.data = self.data[len(taken) :]
        buffer[: len(taken)] = taken
        return len(taken)


@given(st.text("ab\r\n\x0b\x1cé€", max_size=60), st.integers(0, 99))
def test_lines__same_as_python_whatever_the_pieces(text: str, seed: int) -> None:
    """Python's own universal newlines, on the whole text at once."""
    expected = list(io.StringIO(text, newline=""))
    assert lines_of(text.encode()) == expected
    pipe = io.BufferedReader(Trickle(text.encode(), random.Random(seed)))
    blocks = read_line_blocks(ByteSource(pipe, "pipe"))
    assert [line for block in blocks for line in block] == expected


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_encoding__byte_order_mark_tells(encoding: str) -> None:
    text = "CCO naïve\r\nCC 乙烷 🧪\n"
    assert "".join(lines_of(text.encode(encoding))) == text


@pytest.mark.parametrize("order", ["le", "be"])
def test_encoding__utf16_of_either_order(order: str) -> None:
    text = "\ufeffCCO naïve\n" + "CC é\n" * 200_000
    assert "".join(lines_of(text.encode(f"utf-16-{order}"))) == text[1:]


def test_encoding__a_line_that_is_not_utf8_is_windows_1252() -> None:
    data = "CCO naïve\n".encode() + "CC β €5\n".replace("β ", "").encode("cp1252") + b"C \x81\xe9\n"
    assert lines_of(data) == ["CCO naïve\n", "CC €5\n", "C \x81é\n"]


def test_encoding__records_with_foreign_names_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"smiles,name\nCCO,alcool \xe9thylique\nCC,\xc3\xa9thane\n")
    assert [record.name for record in read_compounds(path)] == ["alcool éthylique", "éthane"]


def test_gzip__several_members_and_padding() -> None:
    data = gzip.compress(b"CCO a\nCC") + gzip.compress(b" b\nC c\n") + b"\x00" * 512
    assert lines_of(data) == ["CCO a\n", "CC b\n", "C c\n"]


def test_gzip__known_by_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.smi").write_bytes(gzip.compress(b"CCO a\n"))
    assert [record.id for record in read_compounds(tmp_path / "a.smi")] == ["a"]


def test_gzip__cut_off_after_the_records_before_it(tmp_path: Path) -> None:
    generator = random.Random(1)
    lines = [f"C{'C' * generator.randint(0, 30)} m{generator.random()}\n" for _ in range(20_000)]
    path = tmp_path / "a.smi.gz"
    whole = gzip.compress("".join(lines).encode())
    path.write_bytes(whole[: len(whole) // 2])
    seen: list[str] = []
    records = (seen.append(record.id) for record in read_compounds(path))
    with pytest.raises(InputError, match=r"cut off or damaged after line \d+") as caught:
        all(known is None for known in records)
    count = int(str(caught.value).split("after line ")[1].split()[0])
    assert 9_000 < count < 11_000
    assert seen == [line.split()[1] for line in lines[:count]]


def test_gzip__damaged_and_garbage_behind(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(b"CCO a\n" * 50_000))
    path = tmp_path / "a.smi.gz"
    path.write_bytes(bytes(whole) + b"garbage")
    with pytest.raises(InputError, match="damaged or not gzip after line 50000"):
        list(read_compounds(path))
    whole[-8] ^= 1
    path.write_bytes(bytes(whole))
    with pytest.raises(InputError, match=r"damaged or not gzip after line 50000.*CRC"):
        list(read_compounds(path))


def test_gzip__empty_inside(tmp_path: Path) -> None:
    path = tmp_path / "a.smi.gz"
    path.write_bytes(gzip.compress(b""))
    with pytest.raises(InputError, match="no compounds in it"):
        list(read_compounds(path))


def test_long_line__cut_and_measured() -> None:
    for ends in ("\n", "\r", "\r\n"):
        data = f"CCO a{ends}{'C' * 3_000_000} b{ends}CC c{ends}".encode()
        first, long, last = lines_of(data)
        assert (first.strip(), last.strip()) == ("CCO a", "CC c")
        assert type(long) is CutLine and long.length == 3_000_002 and len(long) < 10_000


def test_long_line__at_the_limit_is_kept() -> None:
    assert [type(line) for line in lines_of(b"C" * MAX_LINE)] == [str]
    assert [type(line) for line in lines_of(b"C" * (MAX_LINE + 1) + b"\n")] == [CutLine]


class Endless(io.RawIOBase):
    """So many letters C and then one line of three."""

    def __init__(self, count: int) -> None:
        self.left = count

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        size = min(len(buffer), self.left)
        buffer[:size] = b"C" * size
        self.left -= size
        return size


def test_long_line__memory_stays_bounded() -> None:
    stream = io.BufferedReader(Endless(200_000_000))
    tracemalloc.start()
    (line,) = (line for block in read_line_blocks(ByteSource(stream, "pipe")) for line in block)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(line, CutLine) and line.length == 200_000_000
    assert peak < 8_000_000


@pytest.mark.parametrize("kind", ["smi", "csv", "tsv", "inchi", "sdf"])
def test_long_line__becomes_a_rejected_record(tmp_path: Path, kind: str) -> None:
    before, after = {
        "smi": ("CCO a\n", "\nCC c\n"),
        "csv": ("smiles,id\nCCO,a\n", ",b\nCC,c\n"),
        "tsv": ("smiles\tid\nCCO\ta\n", "\tb\nCC\tc\n"),
        "inchi": ("InChI=1S/CH4/h1H4 a\n", "\nInChI=1S/CH4/h1H4 c\n"),
        "sdf": ("", "\n\n\n$$$$\nc\n\n\nM  END\n$$$$\n"),
    }[kind]
    path = tmp_path / f"a.{kind}"
    path.write_text(before + "C" * 10_000_000 + after)
    records = list(read_compounds(path))
    long = records[0 if kind == "sdf" else 1]
    assert records[-1].id == "c"
    assert long.reason and len(long.input) < 300 and len(long.id) <= 1_000
    if kind != "sdf":
        assert "10,000,00" in long.reason and long.input.endswith(" characters]")


PIECES = st.sampled_from(
    [b"CCO", b"smiles", b"id", b",", b"\t", b" ", b"\n", b"\r", b'"', b"$$$$\n", b"M  END\n", b"\n> <id>\n"]
    + [
        b"InChI=1S/CH4/h1H4",
        b"\xff\xfe",
        b"\xfe\xff",
        b"\xef\xbb\xbf",
        b"\x00",
        b"\xe9",
        b"\x1f\x8b",
        b"PAR1",
    ]
    + [b"  1  0  0  0  0  0  0  0  0  0999 V2000\n", b"    0.0    0.0    0.0 C   0\n", b"#", b"|^1:0|"]
)


@given(st.lists(PIECES, max_size=12).map(b"".join), st.booleans())
@settings(max_examples=300)
def test_read__any_bytes_are_records_or_one_line(data: bytes, zipped: bool) -> None:
    """No file makes the reader fail but with one line that names it; row numbers have no gaps."""
    with pytest.MonkeyPatch.context() as patch:
        for kind in (None, "smiles", "csv", "tsv", "txt", "sdf", "inchi", "parquet"):
            stream = io.BytesIO(gzip.compress(data, 0) if zipped else data)
            patch.setattr("sys.stdin", SimpleNamespace(buffer=io.BufferedReader(stream)))  # type: ignore[type-var]
            records, said = [], "standard input"
            try:
                records = list(read_compounds("-", format=kind))
            except InputError as error:
                said = str(error)
            assert said.startswith("standard input") and "\n" not in said
            assert [record.row for record in records] == list(range(1, len(records) + 1))
            assert all(record.input or record.reason for record in records)
            assert all(record.id for record in records)
