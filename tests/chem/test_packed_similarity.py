"""Similarity of packed fingerprints against RDKit's bulk functions, exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator

import chem
from chem.errors import InputError
from chem.fingerprint import fingerprints, tanimoto
from chem.packed_similarity import packed_tanimoto, packed_tversky

DRUGS = Path(chem.__file__).parents[1] / "varimol" / "data" / "drugs.tsv"


@pytest.fixture(scope="module")
def drugs() -> list[str]:
    return pd.read_csv(DRUGS, sep="\t")["smiles"].iloc[::16].tolist()


@pytest.fixture(scope="module")
def vectors(drugs: list[str]) -> list[Any]:
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    return [generator.GetFingerprint(Chem.MolFromSmiles(text)) for text in drugs]


def test_tanimoto__same_as_rdkit(drugs: list[str], vectors: list[Any]) -> None:
    packed = fingerprints(drugs, packed=True)
    expected = np.array([DataStructs.BulkTanimotoSimilarity(one, vectors) for one in vectors])
    ours = packed_tanimoto(packed, packed)
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours, expected.astype(np.float32))


@pytest.mark.parametrize(("alpha", "beta"), [(1, 0), (0, 1), (0.5, 0.5), (0.3, 0.7), (0.9, 0.1), (1, 1)])
def test_tversky__same_as_rdkit(alpha: float, beta: float, drugs: list[str], vectors: list[Any]) -> None:
    packed = fingerprints(drugs, packed=True)
    expected = np.array([DataStructs.BulkTverskySimilarity(one, vectors, alpha, beta) for one in vectors])
    np.testing.assert_array_equal(
        packed_tversky(packed, packed, alpha=alpha, beta=beta), expected.astype(np.float32)
    )


bit_rows = arrays(np.uint8, st.tuples(st.integers(0, 5), st.just(75)), elements=st.integers(0, 1))


@given(bit_rows, bit_rows)
def test_tanimoto__same_as_of_unpacked_bits(a: np.ndarray, b: np.ndarray) -> None:
    """75 bits: neither whole bytes nor whole words; rows without bits among them."""
    ours = packed_tanimoto(np.packbits(a, axis=1), np.packbits(b, axis=1))
    assert ours.shape == (len(a), len(b))
    np.testing.assert_allclose(ours, tanimoto(a, b), rtol=1e-6)


@given(bit_rows, bit_rows, st.floats(0, 3), st.floats(0, 3))
def test_tversky__bounded_and_mirrored(a: np.ndarray, b: np.ndarray, alpha: float, beta: float) -> None:
    left, right = np.packbits(a, axis=1), np.packbits(b, axis=1)
    ours = packed_tversky(left, right, alpha=alpha, beta=beta)
    assert ((ours >= 0) & (ours <= 1 + 1e-6)).all()
    np.testing.assert_allclose(ours, packed_tversky(right, left, alpha=beta, beta=alpha).T, rtol=1e-6)


def test_threads__same_result(drugs: list[str]) -> None:
    packed = fingerprints(drugs, packed=True)
    np.testing.assert_array_equal(
        packed_tanimoto(packed[:7], packed, threads=3), packed_tanimoto(packed[:7], packed)
    )


def test_empty__shapes() -> None:
    none, some = np.zeros((0, 256), np.uint8), np.ones((3, 256), np.uint8)
    assert packed_tanimoto(none, some).shape == (0, 3) and packed_tanimoto(some, none).shape == (3, 0)
    assert packed_tanimoto(some, none, threads=2).shape == (3, 0)
    assert packed_tanimoto(np.zeros((1, 8), np.uint8), np.zeros((1, 8), np.uint8)).tolist() == [[0.0]]


def test_arrays__bad_ones_are_named() -> None:
    some = np.ones((3, 256), np.uint8)
    with pytest.raises(InputError, match="fingerprints of 256 and 255 bytes cannot be compared"):
        packed_tanimoto(some, some[:, :255])
    with pytest.raises(InputError, match=r"float32 .* is no packed fingerprint; expected uint8"):
        packed_tanimoto(some.astype(np.float32), some)
    with pytest.raises(InputError, match=r"uint8 \(256,\) is no packed"):
        packed_tanimoto(some, some[0])
    with pytest.raises(InputError, match="weights -1 and 0; expected numbers of 0 or more"):
        packed_tversky(some, some, alpha=-1, beta=0)
    with pytest.raises(InputError, match="0 threads"):
        packed_tanimoto(some, some, threads=0)
