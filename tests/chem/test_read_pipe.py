"""Compounds from pipes and folders, and what they are by their beginning."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import pandas as pd
import pytest
from rdkit import Chem

from chem import InputError, read_compounds
from chem.read_structure import structure_smiles


def sdf_text(**structures: str) -> str:
    blocks = ((name, Chem.MolToMolBlock(Chem.MolFromSmiles(smiles))) for name, smiles in structures.items())
    return "".join(f"{name}{block}$$$$\n" for name, block in blocks)


class Stdin:
    """Standard input that cannot seek."""

    def __init__(self, data: bytes) -> None:
        self.buffer = io.BufferedReader(Pipe(data))


class Pipe(io.RawIOBase):
    def __init__(self, data: bytes) -> None:
        self.data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self.data.readinto(buffer)


def parquet_bytes() -> bytes:
    out = io.BytesIO()
    pd.DataFrame({"id": ["a", "b"], "smiles": ["CCO", "CC"]}).to_parquet(out)
    return out.getvalue()


PIPED = {
    "smiles": b"CCO a\nCC b\n",
    "smiles with a header": b"smiles name\nCCO a\nCC b\n",
    "csv": b"id,smiles\na,CCO\nb,CC\n",
    "tsv": b"\n\nid\tdrawn\na\tCCO\nb\tCC\n",
    "inchi": b"InChI=1S/C2H6O/c1-2-3/h3H,2H2,1H3 a\nInChI=1S/C2H6/c1-2/h1-2H3 b\n",
    "sdf": sdf_text(a="CCO", b="CC").encode(),
    "parquet": parquet_bytes(),
}


@pytest.mark.parametrize(
    ("kind", "zipped"),
    [*((kind, False) for kind in PIPED), *((kind, True) for kind in PIPED if kind != "parquet")],
)
def test_pipe__kind_known_by_its_beginning(kind: str, zipped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    data = gzip.compress(PIPED[kind]) if zipped else PIPED[kind]
    monkeypatch.setattr("sys.stdin", Stdin(data))
    records = list(read_compounds("-"))
    if kind == "tsv":  # a column that is not called so, and none of identifiers
        assert [(record.id, record.line) for record in records] == [("a", 4), ("b", 5)]
    assert [record.id for record in records] == ["a", "b"]
    made = [structure_smiles(record.input, record.kind)[0] for record in records]
    assert made == ["CCO", "CC"]


@pytest.mark.parametrize(
    ("wanted", "kind"), [("smi", "smiles"), ("csv", "csv"), (".SDF", "sdf"), ("pq", "parquet")]
)
def test_pipe__kind_given(wanted: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Stdin(PIPED[kind]))
    assert [record.id for record in read_compounds(Path("-"), format=wanted)] == ["a", "b"]


@pytest.mark.parametrize("first", ["C" * 2_000_000, "N[C@@H](C)C(=O)" * 300 + "O"])
def test_pipe__that_begins_with_a_large_molecule(first: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Stdin(f"{first} a\nCCO b\n".encode()))
    records = list(read_compounds("-"))
    assert [bool(record.reason) for record in records] == [len(first) > 15_000, False]
    assert records[1].id == "b"


def test_pipe__that_is_named(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(gzip.compress(PIPED["csv"]),))
    writer.start()
    assert [record.input for record in read_compounds(pipe)] == ["CCO", "CC"]
    writer.join()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "standard input: the file is empty"),
        (b"these are words\n", "standard input: cannot be told for a compound file.*--format"),
        (b"\x00\x01\x02\x03\x04", "cannot be told"),
        (b"id,label\n1,x\n", "no column that holds SMILES"),
        (b"BZh91AY&SY", "is compressed with bzip2; .*compress it with gzip"),
        (b"PAR1 and no more", "is not Parquet"),
    ],
)
def test_pipe__that_holds_no_compounds(data: bytes, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Stdin(data))
    with pytest.raises(InputError, match=said):
        list(read_compounds("-"))


def test_pipe__gives_records_before_it_ends() -> None:
    """A screen that is fed line by line starts with the first line."""
    code = "import sys; from chem import read_compounds\nfor r in read_compounds('-', format='smi'): print(r.id, flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as program:
        assert program.stdin is not None and program.stdout is not None
        for name in (b"a", b"b"):
            program.stdin.write(b"CCO " + name + b"\n")
            assert program.stdout.readline() == name + b"\n"
        program.stdin.close()
        assert program.wait(60) == 0


def test_format__unknown(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no format 'xlsx'; expected one of smiles, csv, tsv"):
        list(read_compounds(tmp_path / "a.smi", format="xlsx"))


def test_format__given_beats_the_name(tmp_path: Path) -> None:
    path = tmp_path / "a.dat"
    path.write_text("CCO a\n")
    assert [record.id for record in read_compounds(path, format="smiles")] == ["a"]
    with pytest.raises(InputError, match="say what it is with --format"):
        list(read_compounds(path))


def test_folder__files_in_order_of_names(tmp_path: Path) -> None:
    (tmp_path / "b.smi").write_text("CCO x\nCC\n")
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"smiles\nC\n"))
    (tmp_path / "c.sdf").write_text(sdf_text(d="CCN"))
    (tmp_path / "d.parquet").write_bytes(PIPED["parquet"])
    (tmp_path / ".hidden.smi").write_text("CCCC\n")
    (tmp_path / "notes.md").write_text("no compounds\n")
    (tmp_path / "sub.smi").mkdir()
    records = list(read_compounds(tmp_path))
    assert [(record.row, record.id, record.place) for record in records] == [
        (1, "1", "a.csv.gz line 2"),
        (2, "x", "b.smi line 1"),
        (3, "3", "b.smi line 2"),
        (4, "d", "c.sdf line 1"),
        (5, "a", "d.parquet row 5"),
        (6, "b", "d.parquet row 6"),
    ]
    assert [record.file for record in records][:2] == ["a.csv.gz", "b.smi"]


def test_folder__a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.smi").write_text("CCO\n")
    (tmp_path / "b.smi").write_bytes(b"")
    with pytest.raises(InputError, match=r"b\.smi: the file is empty"):
        list(read_compounds(tmp_path))


def test_folder__that_is_a_library(tmp_path: Path) -> None:
    (tmp_path / "library.json").write_text("{}")
    (tmp_path / "library.parquet").write_text("")
    with pytest.raises(InputError, match=r"is a compound library; .*open it with open_library"):
        list(read_compounds(tmp_path))
