"""Similarity search: every hit that a comparison with all molecules finds, in the same order, and FPSim2's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem, RDConfig, rdBase

from chem.errors import InputError
from chem.fingerprint import fingerprints
from chem.fingerprint_kinds import settle
from chem.index_files import StaleIndexError
from chem.search_index import SimilarityIndex, index_fingerprints, open_index


@pytest.fixture(scope="module")
def molecules() -> list[str]:
    """Return canonical SMILES of RDKit's sample of the NCI collection."""
    file = Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi"
    with rdBase.BlockLogs():
        read = [Chem.MolFromSmiles(line.split()[0]) for line in file.read_text().splitlines()]
    return [Chem.MolToSmiles(molecule) for molecule in read if molecule is not None]


@pytest.fixture(scope="module")
def packed(molecules: list[str]) -> np.ndarray:
    """Return their packed Morgan fingerprints."""
    return fingerprints(molecules, packed=True)


@pytest.fixture(scope="module")
def index(packed: np.ndarray) -> SimilarityIndex:
    """Return their index."""
    return index_fingerprints(packed)


def compare_all(packed: np.ndarray, query: np.ndarray, alpha: float = 1.0, beta: float = 1.0) -> np.ndarray:
    """Tversky's index of a query with every molecule, from sets of bits."""
    bits, wanted = np.unpackbits(packed, axis=1).astype(bool), np.unpackbits(query).astype(bool)
    shared = (bits & wanted).sum(axis=1)
    weight = shared + alpha * (wanted & ~bits).sum(axis=1) + beta * (bits & ~wanted).sum(axis=1)
    return np.divide(shared, weight, out=np.zeros(len(packed)), where=weight > 0)


def best(similarity: np.ndarray, k: int | None, threshold: float) -> np.ndarray:
    """Positions by falling similarity, equals by position."""
    ranked = np.lexsort((np.arange(len(similarity)), -similarity))
    return ranked[similarity[ranked] >= threshold][:k]


@pytest.mark.parametrize(
    ("k", "threshold"), [(1, 0.0), (100, 0.0), (100, 0.5), (None, 0.4), (None, 1.0), (100_000, 0.0)]
)
@pytest.mark.parametrize("weights", [None, (0.7, 0.2), (1.0, 0.0), (0.0, 1.0)])
def test_search__equal_to_comparing_all(
    index: SimilarityIndex,
    packed: np.ndarray,
    k: int | None,
    threshold: float,
    weights: tuple[float, float] | None,
) -> None:
    options = {} if weights is None else dict(zip(("metric", "alpha", "beta"), ("tversky", *weights)))
    for place in (0, 777, 4321):
        similarity = compare_all(packed, packed[place], *(weights or (1.0, 1.0)))
        hits = index.search(packed[place], k=k, threshold=threshold, **options)
        expected = best(similarity, k, threshold)
        assert hits.position.tolist() == expected.tolist()
        assert hits.similarity.tolist() == similarity[expected].tolist()


@given(
    st.integers(1, 300), st.integers(1, 70), st.integers(0, 2**32 - 1), st.integers(1, 20), st.floats(0, 1)
)
def test_search__any_fingerprints(n: int, n_bits: int, seed: int, k: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    bits = (rng.random((n, n_bits)) < rng.random((n, 1))).astype(np.uint8)  # from none set to all
    rows = np.packbits(bits, axis=1)
    found = index_fingerprints(rows, settings=settle("morgan", n_bits=n_bits, packed=True))
    query = rows[rng.integers(n)]
    similarity = compare_all(rows, query)
    for limit in (k, None):
        hits = found.search(query, k=limit, threshold=threshold)
        assert hits.position.tolist() == best(similarity, limit, threshold).tolist()


@pytest.fixture(scope="module")
def fpsim2(molecules: list[str], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., object]:
    """Return FPSim2's engine over the same molecules."""
    pytest.importorskip("FPSim2", reason="FPSim2 is not installed (the extra 'search')")
    from FPSim2 import FPSim2Engine
    from FPSim2.io import create_db_file

    file = str(tmp_path_factory.mktemp("fpsim2") / "fingerprints.h5")
    source = [[smiles, place] for place, smiles in enumerate(molecules)]
    create_db_file(source, file, "smiles", "Morgan", {"radius": 2, "fpSize": 2048})
    return FPSim2Engine(file)


def test_search__equal_to_fpsim2(
    index: SimilarityIndex, molecules: list[str], packed: np.ndarray, fpsim2: object
) -> None:
    """Which of several equal molecules are the last of the top k is FPSim2's own choice, their similarity is not."""
    for place in range(0, len(molecules), 500):
        top = fpsim2.top_k(molecules[place], k=100, threshold=0.0)  # type: ignore[attr-defined]
        hits = index.search(packed[place], k=100)
        assert hits.similarity == pytest.approx(top["coeff"], abs=1e-6)
        above = fpsim2.similarity(molecules[place], threshold=0.35)  # type: ignore[attr-defined]
        hits = index.search(packed[place], threshold=0.35)
        assert dict(zip(hits.position.tolist(), hits.similarity)) == pytest.approx(
            dict(zip(above["mol_id"].tolist(), above["coeff"])), abs=1e-6
        )


def test_search__tversky_equal_to_fpsim2(
    index: SimilarityIndex, molecules: list[str], packed: np.ndarray, fpsim2: object
) -> None:
    for place in range(3, len(molecules), 700):
        above = fpsim2.tversky(molecules[place], threshold=0.6, a=0.9, b=0.1)  # type: ignore[attr-defined]
        hits = index.search(packed[place], threshold=0.6, metric="tversky", alpha=0.9, beta=0.1)
        assert dict(zip(hits.position.tolist(), hits.similarity)) == pytest.approx(
            dict(zip(above["mol_id"].tolist(), above["coeff"])), abs=1e-6
        )


def test_search__a_member_first_and_equals_by_position() -> None:
    rows = fingerprints(["CCN", "C[C@H](N)C(=O)O", "CCO", "C[C@@H](N)C(=O)O"], packed=True)
    hits = index_fingerprints(rows).search(rows[3])
    assert hits.position.tolist()[:2] == [1, 3]  # enantiomers share a fingerprint
    assert hits.similarity.tolist()[:2] == [1.0, 1.0]


def test_search__same_by_threads(index: SimilarityIndex, packed: np.ndarray) -> None:
    one = list(index.search_all(packed[:200], k=5))
    two = list(index.search_all(packed[:200], k=5, threads=2))
    assert [hits.position.tolist() for hits in one] == [hits.position.tolist() for hits in two]


def test_search__no_molecules_or_no_bits(tmp_path: Path) -> None:
    none = np.empty((0, 256), np.uint8)
    for empty in (index_fingerprints(none), index_fingerprints(none, tmp_path / "index")):
        assert len(empty.search(np.ones(256, np.uint8), k=3)) == 0
    blank = index_fingerprints(np.zeros((2, 256), np.uint8))
    assert blank.search(np.zeros(256, np.uint8)).similarity.tolist() == [0.0, 0.0]
    assert len(blank.search(np.zeros(256, np.uint8), threshold=0.1)) == 0


def test_index_on_disk__same_as_in_memory(tmp_path: Path, packed: np.ndarray, index: SimilarityIndex) -> None:
    made = index_fingerprints(packed, tmp_path / "index", source="a")
    again = open_index(tmp_path / "index", source="a")
    for found in (made, again):
        assert isinstance(found.columns, np.memmap)
        assert (found.columns == index.columns).all()
        assert (
            found.search(packed[9], k=50).position.tolist() == index.search(packed[9], k=50).position.tolist()
        )
    assert sorted(path.name for path in (tmp_path / "index").iterdir()) == [
        "columns.npy",
        "index.json",
        "order.npy",
        "starts.npy",
    ]


def test_index_on_disk__other_kinds(tmp_path: Path, molecules: list[str]) -> None:
    rows = fingerprints(molecules[:500], "maccs", packed=True)
    index = index_fingerprints(rows, tmp_path / "index", settings=settle("maccs", packed=True))
    assert index.settings.kind == "maccs"
    expected = best(compare_all(rows, rows[7]), 10, 0.0)
    assert index.search(rows[7], k=10).position.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("field", "value"), [("source", "b"), ("format_version", 0), ("rdkit_version", "2019.03.1")]
)
def test_open__stale(tmp_path: Path, packed: np.ndarray, field: str, value: object) -> None:
    index_fingerprints(packed[:10], tmp_path / "index", source="a")
    file = tmp_path / "index" / "index.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {field: value}))
    with pytest.raises(StaleIndexError, match=field):
        open_index(tmp_path / "index", source="a")


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _other(file: Path) -> None:
    np.save(file, np.arange(3))


@pytest.mark.parametrize("damage", [_cut, _empty, _other, Path.unlink])
@pytest.mark.parametrize("name", ["columns.npy", "order.npy", "starts.npy", "index.json"])
def test_open__damaged(tmp_path: Path, packed: np.ndarray, damage: Callable[[Path], None], name: str) -> None:
    index_fingerprints(packed[:100], tmp_path / "index")
    file = tmp_path / "index" / name
    damage(file.with_suffix(".npy") if damage is _other and name == "index.json" else file)
    if damage is _other and name == "index.json":
        file.with_suffix(".npy").replace(file)
    with pytest.raises(InputError, match=r"index"):
        open_index(tmp_path / "index")


def test_open__parts_of_another_index(tmp_path: Path, packed: np.ndarray) -> None:
    index_fingerprints(packed[:100], tmp_path / "index")
    np.save(tmp_path / "index" / "order.npy", np.arange(100) + 5)
    with pytest.raises(InputError, match="do not fit"):
        open_index(tmp_path / "index")


def test_open__nothing_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no search index here"):
        open_index(tmp_path / "index")


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"k": 0}, "k"),
        ({"threshold": 1.5}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"metric": "cosine"}, "metric"),
        ({"metric": "tanimoto", "alpha": 1.0}, "metric"),
        ({"metric": "tversky"}, "alpha, beta"),
        ({"metric": "tversky", "alpha": 0.0, "beta": 0.0}, "alpha, beta"),
        ({"metric": "tversky", "alpha": -1.0, "beta": 1.0}, "alpha, beta"),
    ],
)
def test_search__refused_options(
    index: SimilarityIndex, packed: np.ndarray, options: dict, field: str
) -> None:
    with pytest.raises(InputError, match=f"field {field}:"):
        index.search(packed[0], **options)


def test_search__query_of_another_length(index: SimilarityIndex) -> None:
    with pytest.raises(InputError, match="field query"):
        index.search(np.zeros(128, np.uint8))
    with pytest.raises(InputError, match="packed bits"):
        index_fingerprints(np.zeros((3, 256), np.uint8), settings=settle("maccs", packed=True))
