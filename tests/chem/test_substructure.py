"""Substructure search: every molecule that RDKit matches one by one, with the same atoms."""

from __future__ import annotations

from pathlib import Path

import pytest
from rdkit import Chem, RDConfig, rdBase

from chem.errors import InputError
from chem.index_files import StaleIndexError
from chem.substructure import SubstructureIndex, index_substructures, open_substructures, parse_query

QUERIES = [
    "c1ccccc1", "[OX2H]", "C(=O)[OX2H1]", "[#6]~[#7]", "[N+](=O)[O-]", "[r5]N", "[R2]", "[x3]", "[D3]", "[^2]",
    "[#6^2]-&!@[#7]", "[nH]", "[$(c1ccccc1N)]", "*@*!@*", "[#1]", "[!#6;!#1]", "C-,:N", "[#6;A;R]", "[R]-[R]",
    "C[C@H](N)C(=O)O", "C/C=C/C", "C/C=C\\C", "[2H]", "CC.CC", "[Na+]", "[!$([#6+0]);!$(C(F)(F)F)]", "[#6^3]",
    "C1CC2CCC1C2", "[Pt]", "*",
]  # fmt: skip


@pytest.fixture(scope="module")
def smiles() -> list[str]:
    """Return canonical SMILES of NCI molecules, with some that carry stereochemistry and isotopes."""
    file = Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi"
    with rdBase.BlockLogs():
        read = [Chem.MolFromSmiles(line.split()[0]) for line in file.read_text().splitlines()[:1500]]
    added = [
        "C/C=C/C",
        "C/C=C\\C",
        "CC=CC",
        "C[C@H](N)C(=O)O",
        "C[C@@H](N)C(=O)O",
        "CC(N)C(=O)O",
        "[2H]C",
        "[H][H]",
    ]
    return [Chem.MolToSmiles(molecule) for molecule in read if molecule is not None] + added


@pytest.fixture(scope="module")
def index(smiles: list[str]) -> SubstructureIndex:
    """Return their index."""
    return index_substructures(smiles)


@pytest.mark.parametrize("chirality", [False, True])
def test_search__equal_to_matching_each(index: SubstructureIndex, smiles: list[str], chirality: bool) -> None:
    molecules = [Chem.MolFromSmiles(text) for text in smiles]
    for text in QUERIES:
        query = Chem.MolFromSmarts(text)
        expected = {
            place: molecule.GetSubstructMatches(query, useChirality=chirality)
            for place, molecule in enumerate(molecules)
            if molecule.HasSubstructMatch(query, useChirality=chirality)
        }
        hits = list(index.search(parse_query(text), chirality=chirality))
        assert {hit.position: hit.atoms for hit in hits} == expected, text
        assert [hit.position for hit in hits] == sorted(expected)


def test_search__stereochemistry_counts_where_asked(index: SubstructureIndex, smiles: list[str]) -> None:
    def found(text: str, chirality: bool) -> set[str]:
        return {smiles[hit.position] for hit in index.search(parse_query(text), chirality=chirality)}

    assert {"C/C=C/C", "C/C=C\\C", "CC=CC"} <= found("C/C=C/C", False)
    assert "C/C=C/C" in found("C/C=C/C", True) and "C/C=C\\C" not in found("C/C=C/C", True)
    assert "C[C@H](N)C(=O)O" in found("C[C@H](N)C(=O)O", True)
    assert "C[C@@H](N)C(=O)O" not in found("C[C@H](N)C(=O)O", True)


def test_query__smiles_and_smarts_differ(index: SubstructureIndex) -> None:
    kekule = "C1=CC=CC=C1"
    as_smiles = [hit.position for hit in index.search(parse_query(kekule, "smiles"))]
    assert as_smiles == [hit.position for hit in index.search(parse_query("c1ccccc1"))]
    assert len(as_smiles) > len(list(index.search(parse_query(kekule))))


def test_search__streams_and_stops(index: SubstructureIndex) -> None:
    query = parse_query("c1ccccc1")
    whole = list(index.search(query, threads=2))
    assert list(index.search(query, max_results=7)) == whole[:7]
    assert [hit.position for hit in index.search(query, atoms=False)] == [hit.position for hit in whole]
    assert all(hit.atoms == () for hit in index.search(query, atoms=False, max_results=3))
    seen: list[float] = []
    list(index.search(query, progress=seen.append))
    assert seen[-1] == 1.0
    assert len(index.candidates(query)) < len(index)


def test_index_on_disk__same_as_in_memory(
    tmp_path: Path, index: SubstructureIndex, smiles: list[str]
) -> None:
    made = index_substructures(smiles, tmp_path / "index", source="a")
    assert (made.columns == index.columns).all()
    names = {path.name for path in (tmp_path / "index").iterdir()}
    assert names == {"checksums.npy", "columns.npy", "index.json", "molecules.bin", "offsets.npy"}
    query = parse_query("[N+](=O)[O-]")
    again = open_substructures(tmp_path / "index", source="a")
    assert list(again.search(query)) == list(index.search(query))


@pytest.mark.parametrize(
    "name", ["checksums.npy", "columns.npy", "offsets.npy", "molecules.bin", "index.json"]
)
@pytest.mark.parametrize("left", [0, 0.9, None])
def test_open__damaged(tmp_path: Path, smiles: list[str], name: str, left: float | None) -> None:
    index_substructures(smiles[:50], tmp_path / "index")
    file = tmp_path / "index" / name
    content = file.read_bytes()
    file.unlink()
    if left is not None:
        file.write_bytes(content[: int(left * len(content))])
    with pytest.raises(InputError, match="index"):
        open_substructures(tmp_path / "index")


@pytest.mark.parametrize("seed", range(5))
def test_search__a_changed_byte_is_noticed(tmp_path: Path, smiles: list[str], seed: int) -> None:
    """RDKit itself reads some changed bytes as another molecule."""
    index_substructures(smiles[:50], tmp_path / "index")
    file = tmp_path / "index" / "molecules.bin"
    content = bytearray(file.read_bytes())
    content[seed * len(content) // 5 + 40] ^= 1
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"molecules\.bin.*damaged: a checksum"):
        list(open_substructures(tmp_path / "index").search(parse_query("*")))


def test_open__stale_or_absent(tmp_path: Path) -> None:
    index_substructures(["CCO", "CC"], tmp_path / "index", source="a")
    with pytest.raises(StaleIndexError, match="field source"):
        open_substructures(tmp_path / "index", source="b")
    with pytest.raises(InputError, match="no search index"):
        open_substructures(tmp_path / "none")


def test_index__of_nothing(tmp_path: Path) -> None:
    for empty in (index_substructures([]), index_substructures([], tmp_path / "index")):
        assert list(empty.search(parse_query("C"))) == []


def test_index__refuses_what_does_not_parse() -> None:
    with pytest.raises(InputError, match="record 1"):
        index_substructures(["CCO", "C1CC"])


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("c1cc", "smarts", "unclosed ring"),
        ("[#6", "smarts", "does not parse"),
        ("", "smarts", "empty SMARTS"),
        ("[$(CC", "smarts", "does not parse"),
        ("C(C)(C)(C)(C)C", "smiles", "valence"),
        ("", "smiles", "empty SMILES"),
        ("C", "inchi", "smarts or smiles"),
    ],
)
def test_query__refused_with_reason(
    text: str, kind: str, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match=words):
        parse_query(text, kind)
    assert capfd.readouterr().err == ""


def test_search__no_results_asked_for(index: SubstructureIndex) -> None:
    with pytest.raises(InputError, match="max_results"):
        index.search(parse_query("C"), max_results=0)
