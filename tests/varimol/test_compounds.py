"""The commands on compounds as functions: their options reach the library."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import varimol
from varimol.compounds import named_compounds

DRUGS = "id,smiles\nD1,[2H]C([2H])([2H])Oc1ccccc1\nD2,CC(=O)Oc1ccccc1C(=O)O\nD3,COc1ccccc1\nD4,C1CC\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "drugs.csv"
    path.write_text(DRUGS)
    return path


def test_library__recipe_and_fingerprints(source: Path, tmp_path: Path) -> None:
    seen: list[int] = []
    plain = varimol.library(source, tmp_path / "plain", progress=seen.append)
    flat = varimol.library(source, tmp_path / "flat", recipe="flat", fingerprints=("maccs",), threads=2)
    assert seen == [4]
    assert plain.usable["id"].tolist() == ["D1", "D2", "D3"]
    assert flat.usable["id"].tolist() == ["D1", "D2"], "without its isotopes D1 is D3"
    assert list(plain.fingerprints) == ["morgan"]
    assert list(flat.fingerprints) == ["maccs"]
    assert flat.fingerprints["maccs"].dtype == np.uint8


def test_library__unknown_recipe(source: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no recipe is called 'soup'"):
        varimol.library(source, tmp_path / "out", recipe="soup")
    assert not (tmp_path / "out").exists()


def test_named_compounds__the_shipped_name_where_the_file_has_none(source: Path, tmp_path: Path) -> None:
    named = named_compounds(varimol.library(source, tmp_path / "library", time_limit=None))
    assert named["compound_id"].tolist() == ["D1", "D2", "D3"]
    aspirin = named.set_index("compound_id").loc["D2"]
    assert aspirin["name"].lower() == "aspirin"
    assert aspirin["inchikey"] == "BSYNRYMUTXBXSQ-UHFFFAOYSA-N"
