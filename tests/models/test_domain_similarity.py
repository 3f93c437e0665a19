"""Similarities of proteins and molecules to a training set, against loops over sets and strings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chem.errors import InputError
from models.domain_similarity import (
    ProteinKeys,
    chance_likeness,
    nearest_identity,
    nearest_other,
    nearest_tanimoto,
    protein_words,
)
from models.kinase import AMINO_ACIDS, GAP, UNKNOWN

SEQUENCES = st.lists(st.text(AMINO_ACIDS[:4] + "X*U", max_size=40), min_size=1, max_size=6)


def words(sequence: str) -> set[str]:
    found = {sequence[i : i + 3] for i in range(len(sequence) - 2)}
    return {word for word in found if set(word) <= set(AMINO_ACIDS)}


def jaccard(a: set[str], b: set[str]) -> float:
    return len(a & b) / len(a | b) if a | b else 0.0


@settings(max_examples=25)
@given(SEQUENCES, SEQUENCES)
def test_nearest_tanimoto__of_words_is_jaccard_of_sets(queries: list[str], references: list[str]) -> None:
    found = nearest_tanimoto(protein_words(queries), protein_words(references))
    expected = [max(jaccard(words(q), words(r)) for r in references) for q in queries]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@settings(max_examples=25)
@given(SEQUENCES)
def test_nearest_other__leaves_the_protein_out(sequences: list[str]) -> None:
    found = nearest_other(protein_words(sequences))
    sets = [words(s) for s in sequences]
    for i, own in enumerate(sets):
        others = [jaccard(own, other) for j, other in enumerate(sets) if j != i]
        assert found[i] == pytest.approx(max(others, default=0.0), rel=1e-6)


@given(st.integers(1, 6), st.integers(2, 6), st.integers(0, 500))
def test_nearest_identity__against_a_loop(n: int, m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    queries = rng.choice([0, 1, 2, GAP, UNKNOWN], (n, 12)).astype(np.int8)
    references = rng.choice([0, 1, 2, GAP, UNKNOWN], (m, 12)).astype(np.int8)
    queries[:, 0], references[:, 0] = 1, 1
    found = nearest_identity(queries, references)
    for row in range(n):
        columns = [c for c in range(12) if queries[row, c] < 20]
        best = max(
            sum(references[k, c] == queries[row, c] for c in columns)
            / max(len(columns), sum(references[k] < 20))
            for k in range(m)
        )
        assert found[row] == pytest.approx(best)
    part = np.where(np.arange(12) < 4, references[:1], GAP)
    assert nearest_identity(part, references[:1])[0] == pytest.approx(
        sum(references[0, :4] < 20) / sum(references[0] < 20)
    )
    own = nearest_identity(references, references, leave_out=True)
    assert own[0] == pytest.approx(nearest_identity(references[:1], references[1:])[0])


def test_protein_words__bad_and_giant_proteins() -> None:
    rng = np.random.default_rng(0)
    giant = "".join(rng.choice(list(AMINO_ACIDS), 35_000))
    bits = protein_words([giant, "XXUO*", "", "acd"])
    assert bits[0].sum() == len(words(giant)) > 7_500
    assert bits[1:].sum(axis=1).tolist() == [0, 0, 1]
    assert nearest_tanimoto(bits, bits).tolist() == [1.0, 0.0, 0.0, 1.0]
    assert nearest_tanimoto(bits, bits[:0]).tolist() == [0.0] * 4


def test_protein_keys__distinct_and_malformed() -> None:
    aligned = np.array([[1, 2], [1, 2], [1, GAP], [GAP, GAP]], np.int8)
    keys = ProteinKeys.of(["ACDE", "ACDE", "ACDE", "GGGG"], aligned)
    assert keys.has_domain.tolist() == [True, True, True, False]
    assert keys.distinct().aligned.tolist() == [[1, 2], [1, GAP], [GAP, GAP]]
    assert not ProteinKeys.of(["ACDE"]).has_domain.any()
    with pytest.raises(InputError, match="one row per protein"):
        ProteinKeys.of(["ACDE"], aligned)


def test_chance_likeness__is_that_of_sequences_read_backwards() -> None:
    rng = np.random.default_rng(3)
    sequences = ["".join(rng.choice(list("ACDEFGHIKLMNPQRSTVWY"), size=n)) for n in rng.integers(80, 900, 60)]
    words = protein_words(sequences)
    decoys = nearest_tanimoto(protein_words([text[::-1] for text in sequences]), words)
    assert chance_likeness(words) == pytest.approx(np.quantile(decoys, 0.99)) and decoys.max() < 0.2
    assert chance_likeness(words[:0]) == 0
