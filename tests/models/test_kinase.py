"""Kinase domains against UniProt's bounds, and alignments against Biopython's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from Bio.Align import PairwiseAligner, substitution_matrices
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.kinase import (
    AMINO_ACIDS,
    GAP_EXTEND,
    GAP_OPEN,
    MIN_SCORE,
    SEED_DOMAIN,
    UNKNOWN,
    align_local,
    build_profile,
    encode_residues,
    find_domains,
    seed_profile,
)

RESIDUES = st.text(alphabet=AMINO_ACIDS, min_size=1, max_size=60)
BLOSUM62 = substitution_matrices.load("BLOSUM62")
UNIPROT_DOMAINS = {
    "CDK2": (4, 286),
    "EGFR": (712, 979),
    "PKAC-alpha": (44, 298),
    "SRC": (270, 523),
    "BRAF": (457, 717),
}
"""Feature "Domain, protein kinase" of P24941, P00533, P17612, P12931 and P15056, 1-based inclusive."""


def profile_of(sequence: str) -> NDArray[np.float64]:
    """BLOSUM62 rows of a sequence: aligning with them is aligning with the sequence."""
    return np.array([[float(BLOSUM62[a, b]) for b in AMINO_ACIDS] for a in sequence])


@pytest.fixture(scope="module")
def davis_sequences(shared_data: Path) -> pd.Series:
    table = pd.read_csv(shared_data / "affinity" / "davis" / "targets.tsv", sep="\t")
    return table.set_index("target_id")["sequence"]


@pytest.fixture(scope="module")
def davis_profile(davis_sequences: pd.Series) -> NDArray[np.float64]:
    return build_profile(davis_sequences.drop_duplicates().tolist()).astype(float)


@pytest.mark.parametrize("name", UNIPROT_DOMAINS)
def test_find_domains__agrees_with_uniprot(
    davis_sequences: pd.Series, davis_profile: NDArray[np.float64], name: str
) -> None:
    start, end = UNIPROT_DOMAINS[name]
    hits = find_domains(davis_sequences[name], davis_profile)
    assert len(hits) == 1
    # The last helix differs between families, so a local alignment may stop before it, never behind it.
    assert 0 <= hits[0].start + 1 - start <= 6
    assert 0 <= end - hits[0].end <= 16


def test_find_domains__both_domains_of_a_jak(
    davis_sequences: pd.Series, davis_profile: NDArray[np.float64]
) -> None:
    """TYK2 (UniProt P29597): pseudokinase domain 589-875, kinase domain 897-1176."""
    pseudokinase, kinase = find_domains(davis_sequences["TYK2(JH1domain-catalytic)"], davis_profile)
    assert 589 <= pseudokinase.start + 1 < pseudokinase.end <= 875
    assert 897 <= kinase.start + 1 < kinase.end <= 1176
    assert kinase.score > pseudokinase.score


def test_find_domains__puts_the_gatekeeper_in_one_column(
    davis_sequences: pd.Series, davis_profile: NDArray[np.float64]
) -> None:
    """Gatekeepers of the literature: EGFR T790, SRC T341, BRAF T529, CDK2 F80 and PKA M120."""
    gatekeepers = {"EGFR": 790, "SRC": 341, "BRAF": 529, "CDK2": 80, "PKAC-alpha": 121}
    columns = {
        name: np.flatnonzero(find_domains(davis_sequences[name], davis_profile)[0].columns == position - 1)
        for name, position in gatekeepers.items()
    }
    assert {column.tolist()[0] for column in columns.values()} == {77}


def test_find_domains__none_in_shuffled_kinases(
    davis_sequences: pd.Series, davis_profile: NDArray[np.float64]
) -> None:
    rng = np.random.default_rng(0)
    for name in UNIPROT_DOMAINS:
        shuffled = "".join(rng.permutation(list(davis_sequences[name])))
        assert find_domains(shuffled, davis_profile) == []
        assert align_local(encode_residues(shuffled), davis_profile)[0] < 0.7 * MIN_SCORE


@pytest.mark.parametrize("sequence", ["", "M", "X" * 50, "*-?"])
def test_find_domains__none_in_what_is_no_kinase(sequence: str) -> None:
    assert find_domains(sequence, seed_profile()) == []


def test_find_domains__at_most_so_many() -> None:
    sequence = ("G" * 20 + SEED_DOMAIN) * 4
    assert len(find_domains(sequence, seed_profile())) == 3
    hits = find_domains(sequence, seed_profile(), max_domains=4)
    assert [(hit.start, hit.end) for hit in hits] == [(20 + 275 * k, 275 * (k + 1)) for k in range(4)]


@settings(max_examples=60, deadline=None)
@given(RESIDUES, RESIDUES)
def test_align_local__scores_as_biopython(first: str, second: str) -> None:
    aligner = PairwiseAligner(mode="local", substitution_matrix=BLOSUM62)
    aligner.open_gap_score, aligner.extend_gap_score = -GAP_OPEN, -GAP_EXTEND
    score, _ = align_local(encode_residues(first), profile_of(second))
    assert score == aligner.score(first, second)


@settings(max_examples=60, deadline=None)
@given(RESIDUES, RESIDUES)
def test_align_local__columns_have_the_score(first: str, second: str) -> None:
    """The score, counted again from the aligned columns and the gaps between them."""
    score, columns = align_local(encode_residues(first), profile_of(second))
    where = np.flatnonzero(columns >= 0)
    position = columns[where]
    assert (np.diff(position) > 0).all()
    counted = sum(float(BLOSUM62[first[p], second[c]]) for p, c in zip(position, where, strict=True))
    for length in (*np.diff(where) - 1, *np.diff(position) - 1):
        counted -= GAP_OPEN + (length - 1) * GAP_EXTEND if length else 0
    assert counted == score


def test_align_local__long_gap_costs_affine() -> None:
    """Two halves of the seed domain around ten residues: the perfect score less one gap of ten."""
    codes = encode_residues(SEED_DOMAIN[:120] + "G" * 10 + SEED_DOMAIN[120:])
    profile = seed_profile()
    whole = align_local(encode_residues(SEED_DOMAIN), profile)[0]
    assert align_local(codes, profile)[0] == whole - GAP_OPEN - 9 * GAP_EXTEND


@given(st.text(max_size=40))
def test_encode_residues__one_code_per_letter(text: str) -> None:
    codes = encode_residues(text)
    assert len(codes) == len(text)
    for letter, code in zip(text, codes, strict=True):
        known = letter.upper() in AMINO_ACIDS and letter.isascii()
        assert code == (AMINO_ACIDS.index(letter.upper()) if known else UNKNOWN)


def test_build_profile__ignores_order_and_what_is_no_kinase(kinases: dict[str, str]) -> None:
    sequences = list(kinases.values())[:5]
    expected = build_profile(sequences)
    assert expected.dtype == np.float32
    assert expected.shape == (len(SEED_DOMAIN), 20)
    np.testing.assert_array_equal(build_profile([*sequences[::-1], "M" * 300, sequences[0]]), expected)


def test_build_profile__conserved_residues_score_highest(davis_profile: NDArray[np.float64]) -> None:
    """The invariant K of the beta-3 strand, E of helix C, HRD's D and DFG's D and G of the fold."""
    for residue, position in (("K", 72), ("E", 91), ("D", 166), ("D", 184), ("G", 186)):
        column = position + 1 - 44  # PKA's numbers in the literature lack the first methionine
        assert AMINO_ACIDS[int(np.argmax(davis_profile[column]))] == residue
        assert SEED_DOMAIN[column] == residue
