"""The command that searches: its table, its queries, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from rdkit import Chem

from chem.errors import InputError
from chem.library import build_library
from varimol import tables
from varimol.search import search

COLUMNS = ["query", "rank", "row", "id", "smiles"]


@pytest.fixture(scope="module")
def compounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of approved drugs."""
    file = tmp_path_factory.mktemp("compounds") / "drugs.tsv"
    drugs = tables.drugs().iloc[::8].head(200)
    drugs[["compound_id", "smiles"]].to_csv(file, sep="\t", index=False)
    return file


@pytest.fixture(scope="module")
def library(compounds: Path) -> Path:
    """Return their library."""
    folder = compounds.with_name("library")
    build_library(compounds, folder)
    return folder


def test_search__top_100_unless_asked(library: Path, tmp_path: Path) -> None:
    n = search(library, "CCO", tmp_path / "hits.tsv")
    table = pd.read_csv(tmp_path / "hits.tsv", sep="\t")
    assert table.columns.tolist() == [*COLUMNS, "similarity"]
    assert n == len(table) == 100
    assert table["similarity"].is_monotonic_decreasing and set(table["query"]) == {"CCO"}
    assert table["rank"].tolist() == list(range(1, 101))


def test_search__tsv_and_parquet_say_the_same(library: Path, tmp_path: Path) -> None:
    for name in ("hits.tsv", "hits.parquet"):
        search(library, "c1ccccc1C(=O)O", tmp_path / name, top=30)
    parquet = pd.read_parquet(tmp_path / "hits.parquet")
    text = pd.read_csv(tmp_path / "hits.tsv", sep="\t", dtype={"id": str})
    pd.testing.assert_frame_equal(parquet.astype({"id": str}), text, check_dtype=False, rtol=1e-11)


def test_search__file_of_compounds_as_its_library(compounds: Path, library: Path, tmp_path: Path) -> None:
    search(library, "CCN", tmp_path / "a.tsv", top=5, metric="tversky", alpha=0.8, beta=0.2)
    search(compounds, "CCN", tmp_path / "b.tsv", top=5, metric="tversky", alpha=0.8, beta=0.2)
    assert (tmp_path / "a.tsv").read_bytes() == (tmp_path / "b.tsv").read_bytes()
    assert not list(compounds.parent.glob("drugs.tsv?*"))  # a file gets no index beside it


def test_search__threshold_alone_gives_all_that_reach_it(library: Path, tmp_path: Path) -> None:
    query = pd.read_parquet(library / "library.parquet")["smiles"].iloc[5]
    search(library, query, tmp_path / "all.parquet", top=200)
    every = pd.read_parquet(tmp_path / "all.parquet")
    search(library, query, tmp_path / "some.parquet", threshold=0.2)
    some = pd.read_parquet(tmp_path / "some.parquet")
    assert some["similarity"].iloc[0] == 1.0
    assert some["row"].tolist() == every.loc[every["similarity"] >= 0.2, "row"].tolist()


def test_search__queries_from_a_file(library: Path, tmp_path: Path) -> None:
    (tmp_path / "queries.smi").write_text("CCO first\nc1ccccc1 second\n")
    seen: list[float] = []
    n = search(library, tmp_path / "queries.smi", tmp_path / "hits.tsv", top=2, progress=seen.append)
    table = pd.read_csv(tmp_path / "hits.tsv", sep="\t")
    assert n == 4 and seen == [1.0]
    assert table["query"].tolist() == ["first", "first", "second", "second"]
    assert table["rank"].tolist() == [1, 2, 1, 2]
    search(library, str(tmp_path / "queries.smi"), tmp_path / "again.tsv", top=2)
    assert (tmp_path / "again.tsv").read_bytes() == (tmp_path / "hits.tsv").read_bytes()
    search(library, ["CCO", "c1ccccc1"], tmp_path / "listed.tsv", top=2)
    listed = pd.read_csv(tmp_path / "listed.tsv", sep="\t")
    assert listed["row"].tolist() == table["row"].tolist()


def test_search__substructure(library: Path, tmp_path: Path) -> None:
    n = search(library, "C(=O)[OX2H1]", tmp_path / "hits.tsv", substructure="smarts")
    table = pd.read_csv(tmp_path / "hits.tsv", sep="\t", dtype={"matched_atoms": str})
    assert table.columns.tolist() == [*COLUMNS, "matched_atoms"] and n == len(table) > 0
    for smiles, matched in zip(table["smiles"], table["matched_atoms"]):
        molecule = Chem.MolFromSmiles(smiles)
        for match in matched.split(";"):
            carbon, oxo, hydroxyl = (molecule.GetAtomWithIdx(int(atom)) for atom in match.split(","))
            assert (carbon.GetSymbol(), oxo.GetSymbol(), hydroxyl.GetTotalNumHs()) == ("C", "O", 1)
    kekule, benzene = tmp_path / "kekule.tsv", tmp_path / "benzene.tsv"
    search(library, "C1=CC=CC=C1", kekule, substructure="smiles", max_results=5)
    search(library, "c1ccccc1", benzene, substructure="smarts", max_results=5)
    rows = [pd.read_csv(file, sep="\t")["row"].tolist() for file in (kekule, benzene)]
    assert rows[0] == rows[1] and len(rows[0]) == 5


@pytest.mark.parametrize("name", ["none.tsv", "none.parquet"])
def test_search__nothing_found_is_a_table_of_no_rows(library: Path, tmp_path: Path, name: str) -> None:
    assert search(library, "[U]", tmp_path / name, substructure="smarts") == 0
    table = (
        pd.read_csv(tmp_path / name, sep="\t") if name.endswith("tsv") else pd.read_parquet(tmp_path / name)
    )
    assert len(table) == 0 and table.columns.tolist() == [*COLUMNS, "matched_atoms"]


@pytest.mark.parametrize(
    ("query", "options", "words"),
    [
        ("C1CC", {}, "unclosed ring"),
        ("", {}, "field query"),
        ([], {}, "no query"),
        ("CC", {"top": 0}, "field k"),
        ("CC", {"threshold": 1.2}, "field threshold"),
        ("CC", {"metric": "dice"}, "tanimoto or tversky"),
        ("CC", {"alpha": 0.5}, "Tversky"),
        ("CC", {"fingerprint": "none"}, "none"),
        ("CC", {"chirality": True}, "--chirality in a search by similarity"),
        ("CC", {"substructure": "smarts", "top": 3}, "--top in a search by substructure"),
        ("[#6", {"substructure": "smarts"}, "does not parse"),
        ("CC", {"substructure": "inchi"}, "smarts or smiles"),
        ("CC", {"substructure": "smarts", "max_results": 0}, "max_results"),
    ],
)
def test_search__refused_without_a_table(
    library: Path, tmp_path: Path, query: str, options: dict, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        search(library, query, tmp_path / "out" / "hits.tsv", **options)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_search__bad_query_in_a_file_is_named(library: Path, tmp_path: Path) -> None:
    (tmp_path / "queries.smi").write_text("CCO first\nC1CC second\n")
    with pytest.raises(InputError, match=r"second.*unclosed ring"):
        search(library, tmp_path / "queries.smi", tmp_path / "hits.tsv")
    with pytest.raises(InputError, match="not a compound library"):
        search(tmp_path, "CCO", tmp_path / "hits.tsv")


def test_search__missing_file_of_queries(library: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"queries\.smi: no such file"):
        search(library, str(tmp_path / "queries.smi"), tmp_path / "hits.tsv")
