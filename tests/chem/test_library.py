"""Libraries: as many rows as records, whatever is wrong with them, and whole or not there."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem import rdFingerprintGenerator, rdMolDescriptors

import chem.library_worker
from chem import InputError, encode_graphs, open_library

build_library = partial(chem.build_library, time_limit=None)
"""Without a time limit no worker has to be started; test_library_build is about those."""
TABLE = """id,name,smiles
a,aspirin,CC(=O)Oc1ccccc1C(=O)O
b,broken,C1CC
c,aspirin sodium,[Na+].CC(=O)Oc1ccccc1C(=O)[O-]
d,empty,
e,benzene,c1ccccc1
f,five bonds,C(C)(C)(C)(C)C
g,kekule benzene,C1=CC=CC=C1
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "compounds.csv"
    path.write_text(TABLE)
    return path


def test_build__one_row_per_record(source: Path) -> None:
    table = build_library(source).table
    assert table["row"].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert table["id"].tolist() == list("abcdefg")
    assert table["status"].tolist() == ["ok", "rejected", "ok", "rejected", "ok", "rejected", "ok"]
    assert table["duplicate_of"].tolist() == [pd.NA, pd.NA, 1, pd.NA, pd.NA, pd.NA, 5]
    assert table["graph"].tolist() == [0, pd.NA, 0, pd.NA, 1, pd.NA, 1]
    assert table["removed_fragments"].dropna().tolist() == ["[Na+]"]
    assert table.loc[0, "inchikey"] == table.loc[2, "inchikey"] == "BSYNRYMUTXBXSQ-UHFFFAOYSA-N"
    assert table["input"].isna().tolist() == [False, False, False, True, False, False, False]


def test_build__reasons_name_the_line(source: Path) -> None:
    reasons = build_library(source).rejects.set_index("id")["reason"]
    assert reasons["b"].startswith("line 3: ") and "unclosed ring" in reasons["b"]
    assert reasons["d"] == "line 5: empty SMILES"
    assert reasons["f"].startswith("line 7: ") and "valence" in reasons["f"]


def test_build__graphs_belong_to_usable_rows(source: Path) -> None:
    library = build_library(source)
    assert library.usable["id"].tolist() == ["a", "e"]
    expected = encode_graphs(library.usable["smiles"].tolist())
    np.testing.assert_array_equal(library.graphs.node_features, expected.node_features)


def test_write__round_trip(source: Path, tmp_path: Path) -> None:
    built = build_library(source, tmp_path / "library")
    back = open_library(tmp_path / "library")
    pd.testing.assert_frame_equal(back.table, built.table)
    np.testing.assert_array_equal(back.graphs.edge_index, built.graphs.edge_index)
    assert back.manifest == built.manifest
    assert back.manifest["n_records"] == 7
    assert back.manifest["n_usable"] == 2
    assert back.manifest["source_sha256"] == hashlib.sha256(TABLE.encode()).hexdigest()
    rejects = pd.read_csv(tmp_path / "library" / "rejects.tsv", sep="\t")
    assert rejects["row"].tolist() == [2, 4, 6]
    assert {path.name for path in (tmp_path / "library").iterdir()} == {
        "library.parquet",
        "library.json",
        "rejects.tsv",
        "graphs",
        "fingerprints",
    }


def test_write__same_bytes_twice(source: Path, tmp_path: Path) -> None:
    digests = []
    for name in ("one", "two"):
        build_library(source, tmp_path / name)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        digests.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in files])
    assert digests[0] == digests[1]


def test_write__replaces_a_library_only(source: Path, tmp_path: Path) -> None:
    build_library(source, tmp_path / "library")
    source.write_text("id,smiles\nz,CCO\n")
    build_library(source, tmp_path / "library")
    assert open_library(tmp_path / "library").table["id"].tolist() == ["z"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("keep")
    with pytest.raises(InputError, match="already exists and holds something else"):
        build_library(source, tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "keep"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["compounds.csv", "library", "mine"]


def test_write__disk_full_leaves_nothing(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(chem.library_worker, "save_part", full)
    with pytest.raises(InputError, match=r"library: cannot be written: No space left on device"):
        build_library(source, tmp_path / "library")
    assert [path.name for path in tmp_path.iterdir()] == ["compounds.csv"]


def test_write__no_permission(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    library = build_library(source)
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(InputError, match=r"Permission denied.*choose another output directory"):
        library.write(tmp_path / "library")


def test_strict__first_bad_smiles_raises(source: Path, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"compounds.csv, record 2, field smiles: 'C1CC'.*line 3: .*unclosed ring"
    ):
        build_library(source, tmp_path / "library", strict=True)
    assert not (tmp_path / "library").exists()


def test_build__nothing_parses(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("smiles,smiles_of\nx,CCO\ny,CC\n")
    with pytest.raises(InputError, match=r"none of its 2 records can be used, the first because of line 2"):
        build_library(path)


def test_build__real_file_with_bad_and_duplicate_smiles(shared_data: Path, tmp_path: Path) -> None:
    """BBBP has 11 SMILES that RDKit cannot parse, as MoleculeNet's users know."""
    source = tmp_path / "BBBP.csv"
    expected = pd.read_csv(shared_data / "properties" / "moleculenet" / "BBBP.csv").iloc[:800]
    expected.to_csv(source, index=False)
    library = build_library(source)
    assert len(library.table) == len(expected)
    assert library.table["input"].fillna("").tolist() == expected["smiles"].tolist()
    assert (library.table["status"] == "rejected").sum() == 11
    usable = library.usable
    assert usable["inchikey"].is_unique
    assert len(library.graphs) == len(usable)
    n_atoms = [Chem.MolFromSmiles(smiles).GetNumAtoms() for smiles in usable["smiles"].iloc[:200]]
    assert library.graphs.n_atoms[:200].tolist() == n_atoms


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["CCO", "OCC", "C1CC", "", "c1ccccc1", "CC.Cl", "CC", "\u00e9"]), min_size=1))
def test_build__rows_out_are_records_in(tmp_path: Path, smiles: list[str]) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("id\tsmiles\n" + "".join(f"{n}\t{text}\n" for n, text in enumerate(smiles)))
    if all(text in ("C1CC", "", "\u00e9") for text in smiles):
        with pytest.raises(InputError, match="none of its"):
            build_library(path)
        return
    table = build_library(path).table
    assert table["input"].fillna("").tolist() == smiles
    first: dict[str, int] = {}
    for row in table[table["status"] == "ok"].itertuples():
        origin = first.setdefault(row.inchikey, row.row)
        assert (row.duplicate_of is pd.NA) == (origin == row.row)
        assert row.duplicate_of is pd.NA or row.duplicate_of == origin


def test_progress__counts_records(tmp_path: Path) -> None:
    path = tmp_path / "a.smi"
    path.write_text("CCO\n" * 1200)
    seen: list[int] = []
    build_library(path, progress=seen.append)
    assert seen == [1200]
    path.write_text("CCO\n" * 5000)
    build_library(path, progress=seen.append)
    assert seen == [1200, 2048, 4096, 5000]


@pytest.mark.parametrize("damage", ["missing", "no table", "damaged", "schema"])
def test_open__not_a_library(source: Path, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "library"
    if damage != "missing":
        build_library(source, folder)
    if damage == "no table":
        (folder / "library.parquet").unlink()
    if damage == "damaged":
        (folder / "library.parquet").write_bytes(b"PAR1")
    if damage == "schema":
        path = folder / "library.json"
        path.write_text(path.read_text().replace('"schema_version": 2', '"schema_version": 1'))
    with pytest.raises(InputError, match="library") as caught:
        open_library(folder)
    assert "\n" not in str(caught.value)


def test_open__reads_in_batches(source: Path, tmp_path: Path) -> None:
    held = build_library(source)
    lying = build_library(source, tmp_path / "library")
    for library in (held, lying):
        assert len(library) == 7
        batches = list(library.batches(3))
        assert [len(batch) for batch in batches] == [3, 3, 1]
        pd.testing.assert_frame_equal(pd.concat(batches), held.table)
        some = pd.concat(library.batches(2, columns=["smiles"], usable=True))
        pd.testing.assert_frame_equal(some, held.usable[["smiles"]])
        assert library.rejects["row"].tolist() == [2, 4, 6]
    assert "table" not in lying.__dict__, "batches must not read the whole table"
    assert isinstance(lying.fingerprints["morgan"], np.memmap)


def test_fingerprints__are_rdkits(source: Path) -> None:
    library = build_library(source, fingerprints=("morgan", "maccs"))
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    for number, smiles in enumerate(library.usable["smiles"]):
        molecule = Chem.MolFromSmiles(smiles)
        morgan = np.unpackbits(library.fingerprints["morgan"][number])
        np.testing.assert_array_equal(morgan, generator.GetFingerprintAsNumPy(molecule))
        maccs = np.unpackbits(library.fingerprints["maccs"][number], count=167)
        assert maccs.nonzero()[0].tolist() == list(
            rdMolDescriptors.GetMACCSKeysFingerprint(molecule).GetOnBits()
        )
    assert build_library(source, fingerprints=()).fingerprints == {}


def test_write__what_is_in_memory(source: Path, tmp_path: Path) -> None:
    held = build_library(source)
    held.write(tmp_path / "library")
    back = open_library(tmp_path / "library")
    pd.testing.assert_frame_equal(back.table, held.table)
    np.testing.assert_array_equal(back.graphs.node_features, held.graphs.node_features)
    np.testing.assert_array_equal(back.fingerprints["morgan"], held.fingerprints["morgan"])
    assert back.manifest == held.manifest


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"threads": 0}, "threads: 0 processes"),
        ({"time_limit": 0.0}, "time_limit: 0.0 s"),
        ({"fingerprints": ("crystal",)}, "no fingerprint 'crystal'"),
    ],
)
def test_build__options_out_of_range(source: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        build_library(source, **options)


@pytest.mark.parametrize("file", ["library.parquet", "fingerprints/morgan.npy", "graphs/atom_kind.npy"])
def test_open__damage_is_named(source: Path, tmp_path: Path, file: str) -> None:
    build_library(source, tmp_path / "library")
    path = tmp_path / "library" / file
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match="library"):
        open_library(tmp_path / "library")


def test_build__mol_blocks_are_read_in_the_worker(tmp_path: Path) -> None:
    good = Chem.MolToMolBlock(Chem.MolFromSmiles("C[C@H](N)C(=O)O"))
    bad = good.replace(" C  ", " Qq ", 1)
    path = tmp_path / "a.sdf"
    path.write_text(f"{good}$$$$\n{bad}$$$$\n{good.split('M  END')[0]}")
    library = build_library(path)
    assert library.table["status"].tolist() == ["ok", "rejected", library.table["status"].iloc[2]]
    assert library.table["input"].iloc[0] == "C[C@H](N)C(=O)O"
    assert "Qq" in library.table["reason"].iloc[1]


def test_build__folder_and_notes(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.smi").write_text("CCO ethanol\nC1CC broken\n")
    (folder / "b.csv").write_text("id,smiles\nx,OCC\ny,CC(=O)O[Pt]OC(C)=O\n")
    library = build_library(folder)
    assert library.table["row"].tolist() == [1, 2, 3, 4]
    assert library.table["duplicate_of"].tolist() == [pd.NA, pd.NA, 1, pd.NA]
    assert library.rejects["reason"].iloc[0].startswith("a.smi line 2: ")
    assert len(library.manifest["source_sha256"]) == 64


def test_open__damage_inside_the_table_is_named_when_read(source: Path, tmp_path: Path) -> None:
    build_library(source, tmp_path / "library")
    path = tmp_path / "library" / "library.parquet"
    data = bytearray(path.read_bytes())
    data[4:200] = bytes(196)
    path.write_bytes(data)
    library = open_library(tmp_path / "library")
    with pytest.raises(InputError, match=r"library.parquet: is damaged"):
        _ = library.table
