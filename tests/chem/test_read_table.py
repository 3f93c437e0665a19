"""Tables of compounds: columns by content, missing headers, quotes, ragged rows."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chem import CompoundRecord, InputError, read_compounds
from chem.read_origin import Origin
from chem.read_table import read_table


def read_text(tmp_path: Path, text: str, name: str = "a.csv", **options: str) -> list[CompoundRecord]:
    (tmp_path / name).write_bytes(text.encode())
    return list(read_compounds(tmp_path / name, **options))


def test_column__found_by_content(tmp_path: Path) -> None:
    text = "key,CNS,drawn,formula\n1,NO,c1ccccc1,C6H6\n2,NO,CCO,C2H6O\n3,NO,[Na+].[Cl-],ClNa\n4,NO,C1CC,\n5,,CC(=O)O,"
    records = read_text(tmp_path, text)
    assert [record.input for record in records] == ["c1ccccc1", "CCO", "[Na+].[Cl-]", "C1CC", "CC(=O)O"]
    assert records[0].note == ""


def test_column__two_candidates_are_listed(tmp_path: Path) -> None:
    text = "reactant_smiles,product_smiles,y\nC=CC=C,C1=CCCCC1,1\nC#N,N#CO,2\n"
    with pytest.raises(InputError, match=r"one of reactant_smiles \(column 1\), product_smiles \(column 2\)"):
        read_text(tmp_path, text)
    assert [record.input for record in read_text(tmp_path, text, smiles_column="2")] == ["C1=CCCCC1", "N#CO"]


def test_column__words_that_happen_to_be_smiles_are_no_second_candidate(tmp_path: Path) -> None:
    rows = "".join(f"{'NO' if n % 5 else 'CNS'},C1CC{'C' * n}1,OK\n" for n in range(1, 30))
    assert read_text(tmp_path, "tested,drawn,state\n" + rows)[0].input == "C1CCC1"


def test_column__a_word_in_every_row_is_no_structure(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column that holds SMILES"):
        read_text(tmp_path, "site,n\n" + "NS,1\n" * 20)
    assert len(read_text(tmp_path, "site,n\nCC,1\nCCC,2\nCCCC,3\n")) == 3


@pytest.mark.parametrize("name", ["IsomericSMILES", "isomeric_smiles", "Isomeric SMILES", "isomeric-smiles"])
def test_column__names_in_every_spelling(tmp_path: Path, name: str) -> None:
    (record,) = read_text(tmp_path, f"CanonicalSMILES,{name},CMPD,Compound ID\nCC(N)O,C[C@H](N)O,x,7\n")
    assert (record.input, record.id) == ("C[C@H](N)O", "7")


def test_column__inchi_where_there_is_no_smiles(tmp_path: Path) -> None:
    inchi = "InChI=1S/CH4/h1H4"
    (record,) = read_text(tmp_path, f'id,inchi,inchikey\nx,"{inchi}",VNWKTOKETHGBQD-UHFFFAOYSA-N\n')
    assert (record.input, record.kind, record.id) == (inchi, "inchi", "x")
    (record,) = read_text(tmp_path, f'id\tdrawn\nx\t"{inchi}"\n', "a.tsv")
    assert (record.input, record.kind) == (inchi, "inchi")
    (record,) = read_text(tmp_path, f"inchi,smiles\n{inchi},CC\n")
    assert (record.input, record.kind) == ("CC", "smiles")


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_header__that_is_data_is_a_record(tmp_path: Path, name: str) -> None:
    mark = "," if name == "a.csv" else "\t"
    text = f"e{mark}CCO{mark}1.5\nb{mark}c1ccccc1{mark}2\n"
    records = read_text(tmp_path, text, name)
    assert [(record.input, record.id, record.line) for record in records] == [
        ("CCO", "1", 1),
        ("c1ccccc1", "2", 2),
    ]
    assert "no header" in records[0].note and records[1].note == ""
    records = read_text(tmp_path, text, name, smiles_column="2", id_column="1")
    assert [(record.input, record.id) for record in records] == [("CCO", "e"), ("c1ccccc1", "b")]


def test_header__of_a_table_with_one_row_and_with_one_column(tmp_path: Path) -> None:
    assert [record.input for record in read_text(tmp_path, "ethanol,CCO\n")] == ["CCO"]
    assert [record.input for record in read_text(tmp_path, "CCO\nCC\nxyz\nC1CC1\nCCC\nCN\n")] == [
        "CCO", "CC", "xyz", "C1CC1", "CCC", "CN",
    ]  # fmt: skip


@pytest.mark.parametrize("first", ["C1CC", "C(C)(C)(C)(C)C", "c1cccc1", "[R1]CC("])
def test_header__that_is_broken_data_is_not_lost(tmp_path: Path, first: str) -> None:
    records = read_text(tmp_path, f"{first},1\nCCO,2\nc1ccccc1,3\n")
    assert [record.input for record in records] == [first, "CCO", "c1ccccc1"]


@pytest.mark.parametrize("rows", ["C1CC,2\n", "C1CC,2\nc1ccccc1,3\n", "", ",2\nC(C)(C)(C)(C)C,9\n"])
def test_header__that_is_data_before_broken_data(tmp_path: Path, rows: str) -> None:
    assert len(read_text(tmp_path, f"c1ccccc1O,1\n{rows}")) == 1 + rows.count("\n")


def test_column__of_peptides(tmp_path: Path) -> None:
    peptide = "N[C@@H](C)C(=O)" * 100 + "O"
    assert [record.input for record in read_text(tmp_path, f"n,drawn\n1,{peptide}\n2,{peptide}\n")] == [
        peptide
    ] * 2


@pytest.mark.parametrize(
    "cells", ["C001 C002 C003", "N1 N2 N3", "P53 BCN1 SPC2", "OK NO YES", "12 13 14", "ACDEF CCC GGG"]
)
def test_column__of_codes_and_words_is_none(tmp_path: Path, cells: str) -> None:
    rows = "".join(f"{cell},x\n" for cell in cells.split())
    with pytest.raises(InputError, match="no column that holds SMILES"):
        read_text(tmp_path, f"code,label\n{rows}")


@pytest.mark.parametrize("first", ["drawn (2D)", "Structure1", "as drawn", "mol#", "compound"])
def test_header__that_is_none_of_the_usual(tmp_path: Path, first: str) -> None:
    assert [record.input for record in read_text(tmp_path, f"{first},n\nCC(=O)O,2\nc1ccccc1,3\n")] == [
        "CC(=O)O", "c1ccccc1",
    ]  # fmt: skip


def test_header__txt_of_smiles_alone(tmp_path: Path) -> None:
    records = read_text(tmp_path, "CCO ethyl alcohol\nCC ethane\n", "a.txt")
    assert [(record.input, record.id) for record in records] == [("CCO", "ethyl alcohol"), ("CC", "ethane")]


def test_names__called_twice(tmp_path: Path) -> None:
    text = "smiles,y,y,smiles,id\nCC,1,2,CCC,a\n"
    with pytest.raises(InputError, match=r"2 columns are called 'smiles'; expected one, or its number: 1, 4"):
        read_text(tmp_path, text)
    assert [record.input for record in read_text(tmp_path, text, smiles_column="4")] == ["CCC"]
    assert [record.id for record in read_text(tmp_path, text, smiles_column="4")] == ["a"]
    with pytest.raises(InputError, match="2 columns are called 'id'"):
        read_text(tmp_path, "smiles,id,id\nCC,1,2\n")


@pytest.mark.parametrize("cell", ["", "   ", "\t", '"  "'])
def test_cell__without_a_structure_is_a_record(tmp_path: Path, cell: str) -> None:
    records = read_text(tmp_path, f"id,smiles\na,CCO\nb,{cell}\n,\nc,CC\n")
    assert [(record.id, record.reason) for record in records] == [
        ("a", ""), ("b", "empty SMILES"), ("3", "empty SMILES"), ("c", ""),
    ]  # fmt: skip


def test_line__blank_ones_are_no_records_but_a_blank_cell_is(tmp_path: Path) -> None:
    assert [r.line for r in read_text(tmp_path, "\n\nid,smiles\n\na,CC\n  \n\r\nb,C\n\n")] == [5, 8]
    records = read_text(tmp_path, "smiles\nCC\n\n  \nC\n")
    assert [(record.line, record.reason) for record in records] == [(2, ""), (4, "empty SMILES"), (5, "")]


def test_rows__ragged(tmp_path: Path) -> None:
    text = "smiles,name\nCC,ethane,,\nCCC\nC,2,2-dimethyl\nCO,methanol\n"
    records = read_text(tmp_path, text)
    assert [(r.input, r.name, r.reason) for r in records] == [
        ("CC", "ethane", ""),
        ("CCC", "", "1 fields where the header has 2"),
        ("C", "2", "3 fields where the header has 2"),
        ("CO", "methanol", ""),
    ]


def test_quotes__newlines_inside_keep_the_count_of_lines(tmp_path: Path) -> None:
    text = 'smiles,"the\nname",id\r\nCC,"a\r\nb\n\nc",1\r\nCCC,"say ""hi""",2\r\n'
    records = read_text(tmp_path, text)
    assert [(record.line, record.id) for record in records] == [(3, "1"), (7, "2")]


def test_quotes__one_that_is_never_closed_spoils_no_other_line(tmp_path: Path) -> None:
    rows = [f"m{n},C{'C' * (n % 9)}" for n in range(50_000)]
    rows[10] = '"m10,CC'
    rows[20] = '"m20",CC,"'
    rows[49_990] = 'm49990,"CC'
    records = read_text(tmp_path, "id,smiles\n" + "\n".join(rows) + "\n")
    assert len(records) == 50_000
    assert [(r.row, r.reason) for r in records if r.reason] == [(21, "a quote is opened and not closed")]
    assert (records[10].id, records[49_990].input) == ('"m10', '"CC')


def test_quotes__field_beyond_the_csv_modules_limit(tmp_path: Path) -> None:
    csv.field_size_limit(131_072)
    text = f'smiles,note,id\nCC,"{"x" * 400_000}\n{"y" * 400_000}",a\n"{"C" * 20_000}",z,b\nC,,c\n'
    records = read_text(tmp_path, text)
    assert [(record.id, record.line, bool(record.reason)) for record in records] == [
        ("a", 2, False), ("b", 4, True), ("c", 5, False),
    ]  # fmt: skip
    assert records[1].reason == "a structure of 20,000 characters; the limit is 15,000"
    assert len(records[1].input) < 300


def test_nul__bytes_are_a_reason(tmp_path: Path) -> None:
    """RDKit stops reading at a NUL and would take the beginning for the whole."""
    records = read_text(tmp_path, "smiles,name\nCC\x00,a\nC,b\x00b\n")
    assert [(record.input, record.reason) for record in records] == [
        ("CC\x00", "a NUL byte in the structure"),
        ("C", ""),
    ]


@pytest.mark.parametrize(("name", "mark"), [("a.csv", ";"), ("a.csv", "\t"), ("a.tsv", ","), ("a.txt", ";")])
def test_delimiter__other_than_the_name_says(tmp_path: Path, name: str, mark: str) -> None:
    (record,) = read_text(tmp_path, f"id{mark}smiles\na{mark}CC\n", name)
    assert (record.id, record.input) == ("a", "CC")


CELLS = st.text(st.sampled_from('ab ,\t"\n\r;é'), max_size=6)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=8))
def test_rows__same_as_pandas(rows: list[tuple[str, str, str]]) -> None:
    """What the csv module writes, pandas reads with its own C parser."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("smiles", "id", "name"), *rows])
    lines = list(io.StringIO(text.getvalue(), newline=""))
    records = list(read_table([lines], Origin("a.csv"), ","))
    buffer = io.StringIO(text.getvalue(), newline="")
    frame = pd.read_csv(buffer, dtype=str, keep_default_na=False)
    assert [record.input for record in records] == frame["smiles"].str.strip().tolist()
    assert [record.name for record in records] == frame["name"].str.strip().tolist()
    ids = frame["id"].str.strip().tolist()
    assert [record.id for record in records] == [known or str(row) for row, known in enumerate(ids, start=1)]


@given(st.text(st.sampled_from('CN1,"\n\r \t'), max_size=60))
def test_rows__never_fewer_than_lines_with_anything(text: str) -> None:
    """Whatever the quotes: a line is a record, or stands inside a quoted cell of a whole one."""
    records = list(read_table([list(io.StringIO("smiles,id\n" + text, newline=""))], Origin("a.csv"), ","))
    starts = [record.line for record in records]
    assert starts == sorted(set(starts))
    lines = list(io.StringIO("smiles,id\n" + text, newline=""))
    for record, following in zip(records, [*starts[1:], len(lines) + 1]):
        body = lines[record.line - 1 : following - 1]
        assert not record.reason.endswith("header has 2") or len([b for b in body if b.strip()]) == 1


def test_table__letters_alone_can_be_structures_too(tmp_path: Path) -> None:
    path = tmp_path / "reaction.csv"
    path.write_text("id,amine,aldehyde\n1,CCN,CC=O\n2,CCCN,CCC=O\n3,NCCN,O=CCC=O\n4,CCCCN,CC(C)C=O\n")
    with pytest.raises(InputError, match=r"more than one column.*amine \(column 2\), aldehyde"):
        list(read_compounds(path))
    assert [r.input for r in read_compounds(path, smiles_column="amine")] == ["CCN", "CCCN", "NCCN", "CCCCN"]
