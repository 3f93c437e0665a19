"""Search of a library: what is found, where the index lies, and what becomes of it when the library changes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

from chem.errors import InputError
from chem.library import CompoundLibrary, build_library, open_library
from chem.search import SIMILARITY_COLUMNS, SUBSTRUCTURE_COLUMNS, LibrarySearch, TextColumn, library_key

SHIPPED = Path(__file__).resolve().parents[2] / "varimol" / "data" / "drugs.tsv"


@pytest.fixture(scope="module")
def drugs() -> pd.DataFrame:
    """Return some hundred approved drugs, with a salt, a duplicate and a record that is none among them."""
    table = pd.read_csv(SHIPPED, sep="\t").dropna(subset=["smiles"]).iloc[::6].head(250)
    table = table[["compound_id", "smiles"]].rename(columns={"compound_id": "id"})
    first = pd.DataFrame(
        [["broken", "C1CC"], ["salt", "[Na+].CC(=O)Oc1ccccc1C(=O)[O-]"], ["again", "OC(=O)c1ccccc1OC(C)=O"]],
        columns=["id", "smiles"],
    )
    return pd.concat([first, table], ignore_index=True)


@pytest.fixture(scope="module")
def built(drugs: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a library of them on disk, not yet searched."""
    folder = tmp_path_factory.mktemp("library")
    drugs.to_csv(folder / "drugs.csv", index=False)
    build_library(folder / "drugs.csv", folder / "library")
    return folder / "library"


@pytest.fixture
def library(built: Path, tmp_path: Path) -> CompoundLibrary:
    """Return a copy of it for one test."""
    shutil.copytree(built, tmp_path / "library")
    return open_library(tmp_path / "library")


def test_similar__equal_to_rdkit_over_the_table(library: CompoundLibrary) -> None:
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    usable = library.usable
    bits = [generator.GetFingerprint(Chem.MolFromSmiles(smiles)) for smiles in usable["smiles"]]
    query = "CN1CCC[C@H]1c1cccnc1"
    similarity = np.array(
        DataStructs.BulkTanimotoSimilarity(generator.GetFingerprint(Chem.MolFromSmiles(query)), bits)
    )
    order = np.lexsort((usable["row"], -similarity))[:20]
    found = LibrarySearch(library).similar([query], k=20)
    assert tuple(found.columns) == SIMILARITY_COLUMNS
    assert found["row"].tolist() == usable["row"].iloc[order].tolist()
    assert found["id"].tolist() == usable["id"].iloc[order].tolist()
    assert found["smiles"].tolist() == usable["smiles"].iloc[order].tolist()
    assert found["similarity"].to_numpy() == pytest.approx(similarity[order])
    assert found["rank"].tolist() == list(range(1, 21)) and set(found["query"]) == {query}


def test_similar__a_member_in_another_form_is_found_first(library: CompoundLibrary) -> None:
    found = LibrarySearch(library).similar(["[K+].[O-]C(=O)c1c(OC(C)=O)cccc1", "CC(=O)Oc1ccccc1C(=O)O"], k=1)
    assert found["id"].tolist() == ["salt", "salt"]  # the later record of the same compound is its duplicate
    assert found["similarity"].tolist() == [1.0, 1.0]


def test_similar__more_asked_for_than_there_are(library: CompoundLibrary) -> None:
    found = LibrarySearch(library).similar(["CCO", "CCN"], k=10_000)
    assert len(found) == 2 * library.manifest["n_usable"]
    assert found.groupby("query", sort=False)["rank"].max().tolist() == [library.manifest["n_usable"]] * 2


def test_similar__other_fingerprints_than_the_library_keeps(library: CompoundLibrary) -> None:
    assert "maccs" not in library.fingerprints
    for _ in range(2):  # made, then opened
        found = LibrarySearch(open_library(str(library.directory)), fingerprint="maccs").similar(
            ["CC(=O)Oc1ccccc1C(=O)O"], k=3
        )
        assert found["similarity"].iloc[0] == 1.0
    assert library.directory is not None
    assert (library.directory / "index" / "similarity-maccs" / "columns.npy").is_file()


def test_containing__equal_to_rdkit_over_the_table(library: CompoundLibrary) -> None:
    query = Chem.MolFromSmarts("[#6]S(=O)(=O)[#7]")
    expected = {
        row: ";".join(",".join(map(str, match)) for match in matches)
        for row, smiles in zip(library.usable["row"], library.usable["smiles"])
        if (matches := Chem.MolFromSmiles(smiles).GetSubstructMatches(query))
    }
    found = pd.concat(LibrarySearch(library).containing("[#6]S(=O)(=O)[#7]"))
    assert tuple(found.columns) == SUBSTRUCTURE_COLUMNS
    assert dict(zip(found["row"], found["matched_atoms"])) == expected
    assert found["row"].is_monotonic_increasing and len(expected) > 5


def test_index__made_once_beside_the_library(library: CompoundLibrary) -> None:
    assert library.directory is not None
    first = LibrarySearch(library)
    before = first.similar(["CCO"], k=5), pd.concat(first.containing("[OX2H]"))
    files = {path: path.stat().st_mtime_ns for path in (library.directory / "index").rglob("*.npy")}
    assert {path.parent.name for path in files} == {"similarity-morgan", "substructure"}
    second = LibrarySearch(open_library(library.directory))
    pd.testing.assert_frame_equal(second.similar(["CCO"], k=5), before[0])
    pd.testing.assert_frame_equal(pd.concat(second.containing("[OX2H]")), before[1])
    assert {path: path.stat().st_mtime_ns for path in files} == files


def test_index__made_again_for_a_changed_library(library: CompoundLibrary) -> None:
    assert library.directory is not None
    list(LibrarySearch(library).containing("N"))
    LibrarySearch(library).similar(["CCO"], k=1)
    before = library_key(library.directory)
    manifest = library.directory / "library.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"source_sha256": "0" * 64}))
    assert library_key(library.directory) != before
    changed = LibrarySearch(open_library(library.directory))
    changed.similar(["CCO"], k=1)
    list(changed.containing("N"))
    for name in ("similarity-morgan", "substructure"):
        described = json.loads((library.directory / "index" / name / "index.json").read_text())
        assert described["source"] == library_key(library.directory)


def test_index__damaged_is_refused(library: CompoundLibrary) -> None:
    assert library.directory is not None
    LibrarySearch(library).similar(["CCO"], k=1)
    columns = library.directory / "index" / "similarity-morgan" / "columns.npy"
    columns.write_bytes(columns.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"columns\.npy.*damaged.*remove the folder"):
        LibrarySearch(open_library(library.directory)).similar(["CCO"], k=1)


def test_library_in_memory__same_hits(library: CompoundLibrary, drugs: pd.DataFrame, tmp_path: Path) -> None:
    drugs.to_csv(tmp_path / "drugs.csv", index=False)
    memory = LibrarySearch(build_library(tmp_path / "drugs.csv"))
    disk = LibrarySearch(library)
    pd.testing.assert_frame_equal(memory.similar(["CCO"], k=9), disk.similar(["CCO"], k=9))
    pd.testing.assert_frame_equal(
        pd.concat(memory.containing("c1ccccc1", kind="smiles")),
        pd.concat(disk.containing("c1ccccc1", kind="smiles")),
    )


def test_similar__query_refused(library: CompoundLibrary) -> None:
    search = LibrarySearch(library)
    with pytest.raises(InputError, match=r"record b, field query: the query 'C1CC' .*unclosed ring"):
        search.similar(["CCO", "C1CC"], names=["a", "b"])
    with pytest.raises(InputError, match="field k"):
        search.similar(["CCO"], k=0)
    assert len(search.similar([])) == 0


def test_text_column__is_a_list_of_texts() -> None:
    column = TextColumn(pa.chunked_array([["a", "b"], [], ["c"]], pa.string()))
    assert list(column) == ["a", "b", "c"] and column[2] == "c" and column[-1] == "c"
    assert column[1:] == ["b", "c"] and len(column) == 3


def test_search__one_text_is_no_list_and_a_list_no_text(library: CompoundLibrary) -> None:
    with pytest.raises(InputError, match="one query was given"):
        LibrarySearch(library).similar("CCO")
    with pytest.raises(InputError, match="several queries were given"):
        list(LibrarySearch(library).containing(["CO"]))  # type: ignore[arg-type]
