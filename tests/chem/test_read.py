"""Compound files of every kind, and every way they can be broken."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest
from rdkit import Chem

from chem import InputError, read_compounds

SMILES = ["CCO", "c1ccccc1", "C[C@H](N)C(=O)O"]


def write(path: Path, text: str) -> Path:
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode(), mtime=0))
    else:
        path.write_text(text, encoding="utf-8")
    return path


def sdf_text(smiles: list[str]) -> str:
    blocks = []
    for number, text in enumerate(smiles, start=1):
        molecule = Chem.MolFromSmiles(text)
        molecule.SetProp("_Name", f"m{number}")
        blocks.append(f"{Chem.MolToMolBlock(molecule)}>  <chembl_id>\nCHEMBL{number}\n\n$$$$\n")
    return "".join(blocks)


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_smiles_file__records_in_order(tmp_path: Path, ending: str) -> None:
    text = "SMILES Name\nCCO ethyl alcohol\n\n# a comment\nc1ccccc1\tbenzene\nC[C@H](N)C(=O)O\n"
    records = list(read_compounds(write(tmp_path / f"a.smi{ending}", text)))
    assert [record.input for record in records] == SMILES
    assert [record.id for record in records] == ["ethyl alcohol", "benzene", "3"]
    assert [(record.row, record.line) for record in records] == [(1, 2), (2, 5), (3, 6)]


@pytest.mark.parametrize(
    ("name", "delimiter"),
    [("a.csv", ","), ("a.csv.gz", ","), ("a.tsv", "\t"), ("a.tsv.gz", "\t"), ("a.txt", "\t"), ("a.txt", ",")],
)
def test_table__columns_found_by_name(tmp_path: Path, name: str, delimiter: str) -> None:
    lines = [["Drug_ID", "Canonical SMILES", "y", "Name"]]
    lines += [[f"d{number}", smiles, "1", f"n{number}"] for number, smiles in enumerate(SMILES)]
    path = write(tmp_path / name, "".join(delimiter.join(line) + "\n" for line in lines))
    records = list(read_compounds(path))
    assert [record.input for record in records] == SMILES
    assert [(record.id, record.name) for record in records] == [("d0", "n0"), ("d1", "n1"), ("d2", "n2")]
    assert [record.line for record in records] == [2, 3, 4]


def test_table__quotes_byte_order_mark_and_short_rows(tmp_path: Path) -> None:
    text = '\ufeffsmiles,name\r\nCCO,"ethanol, dry"\r\nCC\r\n"C\nC",two lines\r\nCCC,propane\r\n'
    records = list(read_compounds(write(tmp_path / "a.csv", text)))
    assert [record.name for record in records] == ["ethanol, dry", "", "two lines", "propane"]
    assert [record.line for record in records] == [2, 3, 4, 6]
    assert records[1].reason == "1 fields where the header has 2"


def test_table__columns_given(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "smiles,Drug,key\nC,CCO,x\n")
    (record,) = read_compounds(path, smiles_column="Drug", id_column="key")
    assert (record.input, record.id) == ("CCO", "x")


@pytest.mark.parametrize("option", ["smiles_column", "id_column"])
def test_table__no_such_column_lists_them(tmp_path: Path, option: str) -> None:
    path = write(tmp_path / "a.csv", "smiles,label\nC,1\n")
    with pytest.raises(InputError, match=r"a.csv, record 1: no column 'nope'; expected one of smiles, label"):
        list(read_compounds(path, **{option: "nope"}))


def test_table__no_smiles_column_says_how_to_go_on(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "Drug_ID\tDrug\tY\nd\taspirin\t1\n")
    with pytest.raises(InputError, match=r"the columns are Drug_ID, Drug, Y; name the column with"):
        list(read_compounds(path))


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_sdf__structures_and_properties(tmp_path: Path, ending: str) -> None:
    records = list(read_compounds(write(tmp_path / f"a.sdf{ending}", sdf_text(SMILES))))
    assert [Chem.CanonSmiles(record.input) for record in records] == [Chem.CanonSmiles(s) for s in SMILES]
    assert [record.id for record in records] == ["CHEMBL1", "CHEMBL2", "CHEMBL3"]
    assert [record.name for record in records] == ["m1", "m2", "m3"]
    named = read_compounds(tmp_path / f"a.sdf{ending}", id_column="no such property")
    assert [record.id for record in named] == ["1", "2", "3"]


def test_sdf__broken_records_keep_their_place(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    blocks = sdf_text([*SMILES, "CC"]).split("$$$$\n")[:-1]
    blocks[0] = blocks[0].split("M  END")[0]
    blocks[2] = blocks[2].replace(" C ", " Qq", 1)
    blocks[3] = blocks[3].replace("V2000", "V9999")
    path = write(tmp_path / "a.sdf", "$$$$\n".join(blocks))
    records = list(read_compounds(path))
    assert [bool(record.reason) for record in records] == [True, False, True, True]
    assert "M  END" in records[0].reason
    assert [record.row for record in records] == [1, 2, 3, 4]
    assert capfd.readouterr() == ("", "")


def test_sdf__same_as_rdkit_supplier(tmp_path: Path) -> None:
    """RDKit's example file of 200 NCI structures, read by its own supplier."""
    from rdkit.Chem import RDConfig

    source = Path(RDConfig.RDDataDir) / "NCI" / "first_200.props.sdf"
    if not source.exists():
        pytest.skip("this RDKit has no NCI example file")
    theirs = [Chem.MolToSmiles(molecule) for molecule in Chem.SDMolSupplier(str(source))]
    assert [record.input for record in read_compounds(source)] == theirs


def test_parquet__same_as_table(tmp_path: Path) -> None:
    frame = pd.DataFrame({"compound_id": [7, 8, 9], "smiles": ["CCO", None, "CC"], "name": ["a", "b", None]})
    frame.to_parquet(tmp_path / "a.parquet")
    records = list(read_compounds(tmp_path / "a.parquet"))
    assert [(r.row, r.id, r.name, r.input) for r in records] == [
        (1, "7", "a", "CCO"),
        (2, "8", "b", ""),
        (3, "9", "", "CC"),
    ]
    with pytest.raises(InputError, match="expected one of compound_id, smiles, name"):
        list(read_compounds(tmp_path / "a.parquet", smiles_column="x"))


def test_read__streams(tmp_path: Path) -> None:
    """The first record comes before the damage at the end is seen."""
    data = gzip.compress("".join(f"C{'C' * (n % 30)} m{n}\n" for n in range(40_000)).encode(), mtime=0)
    path = tmp_path / "big.smi.gz"
    path.write_bytes(data[: len(data) // 2])
    stream = read_compounds(path)
    assert next(stream).id == "m0"
    with pytest.raises(InputError, match=r"big.smi.gz: the gzip stream is cut off"):
        list(stream)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.smi", b"", "the file is empty"),
        ("a.csv", b"smiles,id\n", "no compounds in it"),
        ("a.smi", b"\n# nothing\n", "no compounds in it"),
        ("a.smi.gz", b"CCO ethanol\n", "is not gzip"),
        ("a.xlsx", b"PK", "not a kind of compound file"),
        ("a", b"CCO", "not a kind of compound file"),
        ("a.parquet", b"smiles\nCCO\n", "is not Parquet"),
        ("a.xlsx.csv", b"PK\x03\x04sheet", "is a zip archive or a spreadsheet; .*save the table as CSV"),
    ],
)
def test_read__unusable_file_is_one_line(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=said) as caught:
        list(read_compounds(path))
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_read__missing_file_and_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        list(read_compounds(tmp_path / "none.smi"))
    (tmp_path / "dir.smi").mkdir()
    with pytest.raises(InputError, match="is a directory without compound files"):
        list(read_compounds(tmp_path / "dir.smi"))


@pytest.mark.parametrize("name", ["a.smi", "a.sdf"])
def test_read__column_of_a_file_without_columns(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, "CCO\n")
    with pytest.raises(InputError, match="leave out --smiles-column"):
        list(read_compounds(path, smiles_column="smiles"))
