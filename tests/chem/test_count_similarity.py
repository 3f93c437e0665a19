"""Min-max similarity of counts against RDKit and the plain formula, and that it is a kernel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem.rdFingerprintGenerator import GetAtomPairGenerator, GetMorganGenerator
from rdkit.DataStructs import IntSparseIntVect, TanimotoSimilarity

from chem.count_similarity import CountTable, min_max_similarity
from chem.errors import InputError

SMILES = (
    "CCO",
    "CCN",
    "c1ccccc1O",
    "CC(=O)Oc1ccccc1C(=O)O",
    "C",
    "CN1C=NC2=C1C(=O)N(C)C(=O)N2C",
    "[Na+].[Cl-]",
)
COUNTS = arrays(np.int64, st.tuples(st.integers(1, 8), st.just(6)), elements=st.integers(0, 9))


def dense(table: CountTable) -> NDArray[np.int64]:
    rows = np.zeros((len(table), table.width), np.int64)
    for k in range(len(table)):
        part = slice(table.start[k], table.start[k + 1])
        rows[k, table.column[part]] = table.count[part]
    return rows


@given(COUNTS)
def test_from_dense__keeps_every_count(counts: NDArray[np.int64]) -> None:
    np.testing.assert_array_equal(dense(CountTable.from_dense(counts)), counts)


@given(COUNTS, st.data())
def test_take__is_the_rows_in_that_order(counts: NDArray[np.int64], data: st.DataObject) -> None:
    rows = data.draw(arrays(np.int64, st.integers(0, 10), elements=st.integers(0, len(counts) - 1)))
    np.testing.assert_array_equal(dense(CountTable.from_dense(counts).take(rows)), counts[rows])


def test_from_dense__cuts_counts_beyond_16_bits() -> None:
    assert CountTable.from_dense(np.array([[70_000, 65_535]])).count.tolist() == [65_535, 65_535]
    assert CountTable.from_dense(np.array([[200, 3]], dtype=np.uint8)).count.tolist() == [200, 3]


@pytest.mark.parametrize("counts", [np.zeros(3, int), np.zeros((1, 65_537), np.uint8), np.array([[1, -2]])])
def test_from_dense__refuses_what_is_no_table_of_counts(counts: NDArray[np.int64]) -> None:
    with pytest.raises(InputError, match="expected"):
        CountTable.from_dense(counts)


def test_min_max_similarity__refuses_other_widths() -> None:
    with pytest.raises(InputError, match="tables of 2 and 3 columns"):
        min_max_similarity(
            CountTable.from_dense(np.ones((1, 2), int)), CountTable.from_dense(np.ones((1, 3), int))
        )


@given(COUNTS, COUNTS)
def test_min_max_similarity__is_the_formula(a: NDArray[np.int64], b: NDArray[np.int64]) -> None:
    least = np.minimum(a[:, None], b[None]).sum(axis=2)
    most = np.maximum(a[:, None], b[None]).sum(axis=2)
    found = min_max_similarity(CountTable.from_dense(a), CountTable.from_dense(b))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, least / np.maximum(most, 1), rtol=1e-6)


@given(COUNTS)
def test_min_max_similarity__is_a_positive_semidefinite_kernel(counts: NDArray[np.int64]) -> None:
    table = CountTable.from_dense(counts)
    kernel = min_max_similarity(table, table)
    np.testing.assert_array_equal(kernel, kernel.T)
    np.testing.assert_array_equal(np.diag(kernel), counts.any(axis=1))
    assert np.linalg.eigvalsh(kernel.astype(float)).min() > -1e-6


def test_min_max_similarity__is_rdkits_tanimoto_of_random_counts() -> None:
    rng = np.random.default_rng(0)
    counts = rng.poisson(0.7, size=(30, 200))
    vectors = []
    for row in counts:
        vector = IntSparseIntVect(200)
        for column in np.flatnonzero(row):
            vector[int(column)] = int(row[column])
        vectors.append(vector)
    expected = [[TanimotoSimilarity(a, b) for b in vectors] for a in vectors]
    table = CountTable.from_dense(counts)
    np.testing.assert_allclose(min_max_similarity(table, table), expected, rtol=1e-6)


@pytest.mark.parametrize(
    "generator", [GetMorganGenerator(radius=2, fpSize=4096), GetAtomPairGenerator(fpSize=4096)]
)
def test_min_max_similarity__is_rdkits_tanimoto_of_fingerprints(generator: object) -> None:
    molecules = [Chem.MolFromSmiles(text) for text in SMILES]
    vectors = [generator.GetCountFingerprint(m) for m in molecules]  # type: ignore[attr-defined]
    rows = np.zeros((len(vectors), 4096), np.int64)
    for row, vector in zip(rows, vectors, strict=True):
        for column, count in vector.GetNonzeroElements().items():
            row[column] = count
    there = rows.any(axis=1)  # of two empty vectors RDKit says 1, a kernel may say 0
    expected = np.array([[TanimotoSimilarity(a, b) for b in vectors] for a in vectors])
    table = CountTable.from_dense(rows)
    found = min_max_similarity(table, table)
    np.testing.assert_allclose(found[np.ix_(there, there)], expected[np.ix_(there, there)], rtol=1e-6)
    assert (found[~there] == 0).all()


def test_min_max_similarity__without_rows() -> None:
    nothing, one = (CountTable.from_dense(np.ones((n, 4), int)) for n in (0, 1))
    assert min_max_similarity(nothing, one).shape == (0, 1)
    assert min_max_similarity(one, nothing).shape == (1, 0)
