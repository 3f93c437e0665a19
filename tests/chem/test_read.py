"""Compound files of every kind, and every way they can be broken."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem, RDConfig, rdBase

from chem import InputError, read_compounds
from chem.parse import parse_smiles
from chem.read_structure import MAX_STRUCTURE

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


def test_smiles_file__extensions_belong_to_the_structure(tmp_path: Path) -> None:
    path = write(tmp_path / "a.smi", "[CH2]C |^1:0| ethyl radical\nCC |open\nC[C@H](N)O |&1:1|\n")
    records = list(read_compounds(path))
    assert [(record.input, record.name) for record in records] == [
        ("[CH2]C |^1:0|", "ethyl radical"),
        ("CC", "|open"),
        ("C[C@H](N)O |&1:1|", ""),
    ]


def test_smiles_file__what_is_unusual_comes_through_unharmed(tmp_path: Path) -> None:
    peptide = Chem.MolToSmiles(Chem.MolFromSequence("ACDEFGHIKLMNPQRSTVWY" * 7))
    unusual = [
        peptide,
        ".".join(f"{'C' * n}O" for n in range(1, 51)),
        "[2H]C([2H])([2H])[13CH3]",
        "C[CH2]",
        "[CH2]C[O]",
        "Cl[Pt](Cl)([NH3])[NH3]",
        "CC[Mg]Br",
        "C[Fe]",
        "*CCO*",
        "[R1]CC",
        "C(C)(C)(C)(C)C",
        "C1CC",
        "InChI=1S/CH4/h1H4",
        "C" * MAX_STRUCTURE,
    ]
    path = write(tmp_path / "a.smi", "".join(f"{text} m{n}\n" for n, text in enumerate(unusual)))
    records = list(read_compounds(path))
    assert [record.input for record in records] == unusual
    assert not any(record.reason for record in records)
    assert [record.kind for record in records].index("inchi") == 12


def test_smiles_file__same_as_rdkit_supplier() -> None:
    source = Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi"
    if not source.exists():
        pytest.skip("this RDKit has no NCI example file")
    with rdBase.BlockLogs():
        supplier = Chem.SmilesMolSupplier(
            str(source), titleLine=False, nameColumn=1, delimiter="\t ", sanitize=False
        )
        names = [molecule.GetProp("_Name") for molecule in supplier if molecule]
    records = {record.id: record.input for record in read_compounds(source)}
    assert set(names) <= set(records)
    assert [Chem.MolToSmiles(m) for m in (parse_smiles(records[name]) for name in names[:300]) if m] == [
        Chem.MolToSmiles(m)
        for m in (parse_smiles(text.split()[0]) for text in source.read_text().splitlines()[:300])
        if m
    ]


def test_parquet__columns_by_content_and_odd_types(tmp_path: Path) -> None:
    table = pa.table(
        {
            "number": pa.array([1, None, 3]),
            "drawn": pa.array(["CCO", "", None]).dictionary_encode(),
            "bytes": pa.array([b"\xff", b"x", None]),
            "vector": pa.array([[1.0], None, [2.0, 3.0]]),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    records = list(read_compounds(tmp_path / "a.parquet", id_column="number"))
    assert [(record.id, record.input, record.reason) for record in records] == [
        ("1", "CCO", ""),
        ("2", "", "empty SMILES"),
        ("3", "", "empty SMILES"),
    ]
    renamed = table.rename_columns(["id", "smiles", "id", "x"])
    pq.write_table(renamed, tmp_path / "b.parquet")
    with pytest.raises(InputError, match="2 columns are called 'id'"):
        list(read_compounds(tmp_path / "b.parquet"))


def test_parquet__cut_off(tmp_path: Path) -> None:
    pd.DataFrame({"smiles": ["CCO"] * 9}).to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-20])
    with pytest.raises(InputError, match=r"a\.parquet: is not Parquet"):
        list(read_compounds(tmp_path / "a.parquet"))


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12).map(str.strip)
STRUCTURES = st.sampled_from([*SMILES, "C1CC", "*", "[Na+].[Cl-]", "InChI=1S/CH4/h1H4", "F/C=C/F"])


@given(st.lists(st.tuples(STRUCTURES, TEXT, TEXT), min_size=1, max_size=6), st.sampled_from(["\n", "\r\n"]))
def test_read__any_records_come_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]], end: str
) -> None:
    """Rows, identifiers and structures, whatever kind of file holds them."""
    folder = tmp_path_factory.mktemp("any")
    frame = pd.DataFrame(rows, columns=["smiles", "id", "name"])
    frame.to_csv(folder / "a.csv", index=False, lineterminator=end)
    frame.to_csv(folder / "a.tsv.gz", index=False, sep="\t", lineterminator=end)
    frame.to_parquet(folder / "a.parquet")
    expected = [(n, label or str(n), name, text) for n, (text, label, name) in enumerate(rows, start=1)]
    for file in ("a.csv", "a.tsv.gz", "a.parquet"):
        records = list(read_compounds(folder / file))
        assert [(record.row, record.id, record.name, record.input) for record in records] == expected, file
    lines = [f"{text} {label}" for text, label, _ in rows if not label.startswith("|")]
    write(folder / "a.smi", end.join(["smiles", *lines]))
    if lines:
        kept = [row for row in rows if not row[1].startswith("|")]
        smiles = [(record.row, record.id, record.input) for record in read_compounds(folder / "a.smi")]
        assert smiles == [(n, label or str(n), text) for n, (text, label, _) in enumerate(kept, start=1)]


def test_smiles_file__that_is_a_vendors_table(tmp_path: Path) -> None:
    path = write(tmp_path / "a.cxsmiles", "smiles\tCatalog ID\tType\nCC |^1:0|\tZ1\tM\nCCC\tZ2\tS\n")
    assert [(record.input, record.id) for record in read_compounds(path)] == [
        ("CC |^1:0|", "Z1"),
        ("CCC", "Z2"),
    ]


def test_smiles_file__letters_that_no_smiles_has(tmp_path: Path) -> None:
    """A minus sign from a word processor, an invisible blank, a name in the wrong place."""
    texts = ["[O\u2212]C", "CC\u200bO", "éthanol", "CC[中C"]
    records = list(read_compounds(write(tmp_path / "a.smi", "".join(f"{text} x\n" for text in texts))))
    assert [record.input for record in records] == texts
    assert ["which no SMILES or InChI holds" in record.reason for record in records] == [True] * 4
    assert "\\u2212" in ascii(records[0].reason)
