"""Libraries by name: what is there without a download, and what is said where something is missing."""

from __future__ import annotations

import gzip
import importlib.metadata
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from rdkit import Chem

from chem.errors import InputError
from chem.read import read_compounds
from varimol.download import downloads
from varimol.named_libraries import (
    MOSES_MOLECULES,
    is_library_name,
    library_names,
    library_source,
    moses_molecules,
)

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def molsets() -> importlib.metadata.Distribution:
    """Return the package molsets, or skip."""
    try:
        return importlib.metadata.distribution("molsets")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("molsets is not installed: pip install --no-deps molsets")


def test_library_source__drugs_that_ship() -> None:
    source = library_source("drugs")
    records = list(
        read_compounds(source.path, smiles_column=source.smiles_column, id_column=source.id_column)
    )
    assert len(records) == 1637 and records[0].id == "CHEMBL1380" and records[0].name == "abacavir"
    assert "1,637" in library_names()["drugs"] and "CC BY-SA" in source.licence


def test_library_source__nci_of_rdkit() -> None:
    path = library_source("nci").path
    records = list(read_compounds(path))
    assert len(records) == len(path.read_text().splitlines()) == 4999
    assert (records[0].id, records[0].input) == ("1", "CC1=CC(=O)C=CC1=O")


def test_library_source__moses_whole(molsets: importlib.metadata.Distribution, tmp_path: Path) -> None:
    source = library_source("moses", tmp_path)
    table = pd.read_csv(source.path)
    assert len(table) == MOSES_MOLECULES == 1_936_962
    assert table["id"].is_unique and table.columns.tolist() == ["id", "smiles", "split"]
    assert table["split"].value_counts().to_dict() == {
        "train": 1_584_663,
        "test": 176_074,
        "test_scaffolds": 176_225,
    }
    # Another way to the same molecules: each file by pandas.
    for split, part in table.groupby("split", sort=False):
        file = next(f for f in molsets.files or [] if str(f).endswith(f"data/{split}.csv.gz"))
        assert part["smiles"].tolist() == pd.read_csv(Path(str(file.locate())))["SMILES"].tolist()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["moses.csv.gz"]
    first = next(iter(read_compounds(source.path)))
    assert (first.id, first.input) == ("train-1", table["smiles"].iloc[0])
    assert Chem.MolFromSmiles(first.input) is not None


def test_library_source__moses_is_written_once_and_always_the_same(
    molsets: importlib.metadata.Distribution, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = tmp_path / "site" / "molsets-0.3.1.dist-info"
    data = tmp_path / "site" / "moses" / "dataset" / "data"
    _small_molsets(few, data)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    one, two = (library_source("moses", tmp_path / name).path for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert gzip.decompress(one.read_bytes()) == (
        b"id,smiles,split\ntrain-1,CCO,train\ntest-1,CCN,test\ntest_scaffolds-1,CCC,test_scaffolds\n"
    )
    before = one.stat().st_mtime_ns
    assert library_source("moses", tmp_path / "one").path.stat().st_mtime_ns == before


def _small_molsets(info: Path, data: Path) -> None:
    """A package molsets of three molecules, as pip would lay it out."""
    info.mkdir(parents=True)
    data.mkdir(parents=True)
    for split, smiles in (("train", "CCO"), ("test", "CCN"), ("test_scaffolds", "CCC")):
        (data / f"{split}.csv.gz").write_bytes(gzip.compress(f"SMILES\n{smiles}\n".encode()))
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: molsets\nVersion: 0.3.1\n")
    lines = [f"moses/dataset/data/{split}.csv.gz,," for split in ("train", "test", "test_scaffolds")]
    (info / "RECORD").write_text("\n".join(lines) + "\n")


def test_moses__damaged_file_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info, data = tmp_path / "molsets-0.3.1.dist-info", tmp_path / "moses" / "dataset" / "data"
    _small_molsets(info, data)
    record = (info / "RECORD").read_text().replace("train.csv.gz,,", f"train.csv.gz,sha256={'A' * 43},12")
    (info / "RECORD").write_text(record)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InputError, match="is not the file that its package lists") as caught:
        library_source("moses", tmp_path / "out")
    assert "pip install --no-deps molsets" in str(caught.value)
    assert not list((tmp_path / "out").iterdir())
    (info / "RECORD").write_text("moses/dataset/data/test.csv.gz,,\n")
    with pytest.raises(InputError, match=r"without train\.csv\.gz"):
        next(moses_molecules())


def test_moses__clear_hint_where_molsets_is_absent(tmp_path: Path) -> None:
    """A Python without its site-packages (-S): this repository alone."""
    script = (
        "from varimol.named_libraries import library_source\n"
        "from chem.errors import InputError\n"
        f"try: library_source('moses', {str(tmp_path)!r})\n"
        "except InputError as error: print(error)"
    )
    result = subprocess.run(
        [sys.executable, "-S", "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=True
    )
    assert result.stdout.strip() == (
        "MOSES is read from the package molsets, which is not installed; run: pip install --no-deps molsets "
        "(its dependencies are not needed)"
    )


def test_moses__is_not_imported(molsets: importlib.metadata.Distribution) -> None:
    """Importing moses would ask for packages that nobody needs here."""
    script = (
        "import sys; from varimol.named_libraries import moses_molecules; print(next(moses_molecules())[0]);"
        "print([name for name in ('moses', 'torch', 'rdkit', 'pandas') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=REPOSITORY, check=True
    )
    assert result.stdout.splitlines() == ["train-1", "[]"]


def test_library_source__downloaded_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="chembl is not there yet; run: varimol download chembl"):
        library_source("chembl", tmp_path)
    file = tmp_path / downloads()["chembl"].file
    file.write_bytes(
        gzip.compress(
            b"chembl_id\tcanonical_smiles\tstandard_inchi\tstandard_inchi_key\nCHEMBL1\tCCO\tInChI=1S/x\tK\n"
        )
    )
    source = library_source("chembl", tmp_path)
    assert source.path == file and source.origin.startswith("ChEMBL 37")
    assert [(record.id, record.input) for record in read_compounds(source.path)] == [("CHEMBL1", "CCO")]


def test_library_source__unknown_name() -> None:
    with pytest.raises(
        InputError, match=r"no library is called 'chembel'.*expected a file, or one of chembl"
    ):
        library_source("chembel")


def test_is_library_name__files_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_library_name("drugs") and not is_library_name("drugs.csv") and not is_library_name(tmp_path)
    shutil.copyfile(library_source("nci").path, tmp_path / "drugs")
    assert not is_library_name("drugs")
    assert "enamine-real" not in library_names()
