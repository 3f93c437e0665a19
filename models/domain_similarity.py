"""Similarity of molecules and proteins to the nearest ones of a training set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chem.errors import InputError
from chem.fingerprint import tanimoto
from models.kinase import GAP, UNKNOWN, encode_residues
from models.vectors import Floats

CHANCE = "what 99% of the training proteins have read backwards"
"""What `chance_likeness` is, for the rule of a threshold."""
WORD = 3
"""Residues of a word of a protein."""
N_WORDS = 20**WORD
_BACKWARDS = np.arange(N_WORDS).reshape(20, 20, 20).transpose().ravel()
_AT_ONCE = 256


def protein_words(sequences: Sequence[str]) -> NDArray[np.uint8]:
    """Three-residue words that occur in proteins.

    Parameters
    ----------
    sequences
        n sequences in one-letter code; words with another letter than the twenty are left out.

    Returns
    -------
    NDArray[np.uint8]
        (n, 8000) 0 or 1.

    Examples
    --------
    >>> words = protein_words(["ACDE", "ACDX", "AC"])
    >>> words.sum(axis=1).tolist()
    [2, 1, 0]
    """
    bits = np.zeros((len(sequences), N_WORDS), dtype=np.uint8)
    for row, sequence in enumerate(sequences):
        codes = encode_residues(sequence).astype(np.int64)
        if len(codes) < WORD:
            continue
        windows = np.lib.stride_tricks.sliding_window_view(codes, WORD)
        known = windows[(windows != UNKNOWN).all(axis=1)]
        bits[row, known @ (20 ** np.arange(WORD))] = 1
    return bits


@dataclass(frozen=True)
class ProteinKeys:
    """What proteins are compared by.

    Attributes
    ----------
    words
        (n, 8000) uint8, of `protein_words`.
    aligned
        (n, n_columns) int8 residue codes on the kinase profile, `models.kinase.GAP` where nothing aligns; no
        columns where there is no profile.
    """

    words: NDArray[np.uint8]
    aligned: NDArray[np.int8]

    def __post_init__(self) -> None:
        if self.words.ndim != 2 or self.aligned.ndim != 2 or len(self.words) != len(self.aligned):
            raise InputError(
                f"words and aligned residues have the shapes {self.words.shape} and {self.aligned.shape}",
                expected="one row per protein in both",
            )

    @property
    def has_domain(self) -> NDArray[np.bool_]:
        """(n,) whether a kinase domain is aligned."""
        return np.asarray(((self.aligned != GAP) & (self.aligned != UNKNOWN)).any(axis=1))

    @classmethod
    def of(cls, sequences: Sequence[str], aligned: NDArray[np.int8] | None = None) -> ProteinKeys:
        """Keys of n sequences; `aligned` as in `models.protein.ProteinArrays`."""
        return cls(
            protein_words(sequences), np.zeros((len(sequences), 0), np.int8) if aligned is None else aligned
        )

    def distinct(self) -> ProteinKeys:
        """Each pair of words and aligned residues once."""
        packed = np.hstack([np.packbits(self.words, axis=1), self.aligned.view(np.uint8)])
        first = np.sort(np.unique(packed, axis=0, return_index=True)[1])
        return ProteinKeys(self.words[first], self.aligned[first])


def nearest_tanimoto(queries: NDArray[np.uint8], references: NDArray[np.uint8]) -> Floats:
    """(n,) Tanimoto similarity of each row of bits to the nearest reference; 0 where there is none."""
    if not len(references):
        return np.zeros(len(queries))
    parts = [
        tanimoto(queries[start : start + _AT_ONCE], references).max(axis=1)
        for start in range(0, len(queries), _AT_ONCE)
    ]
    return np.concatenate([np.zeros(0), *parts]).astype(float)


def nearest_other(bits: NDArray[np.uint8]) -> Floats:
    """(n,) Tanimoto similarity of each row of bits to the nearest other row; 0 for a single one."""
    nearest = np.zeros(len(bits))
    for start in range(0, len(bits), _AT_ONCE):
        similarity = tanimoto(bits[start : start + _AT_ONCE], bits)
        rows = np.arange(len(similarity))
        similarity[rows, start + rows] = 0
        nearest[start : start + len(rows)] = similarity.max(axis=1)
    return nearest


def nearest_backwards(queries: NDArray[np.uint8], references: NDArray[np.uint8]) -> Floats:
    """(n,) likeness by words of each protein, read backwards, to the nearest reference.

    It is what a sequence of this length and composition shares by chance.

    Examples
    --------
    >>> words = protein_words(["ACDE", "EDCA"])
    >>> nearest_backwards(words[:1], words[1:]), nearest_backwards(words[:1], words[:1])
    (array([1.]), array([0.]))
    """
    return nearest_tanimoto(queries[:, _BACKWARDS], references)


def chance_likeness(words: NDArray[np.uint8]) -> float:
    """Likeness by words that proteins have which share nothing but their composition.

    Parameters
    ----------
    words
        (n, 8000) of n distinct training proteins.

    Returns
    -------
    float
        The likeness to the nearest of them that all but 1% of them have when they are read backwards: no protein
        is related to those, though each has the residues, repeats and length of a real one; 0 without any.

    References
    ----------
    Reversed sequences as decoys: Elias and Gygi 2007, doi:10.1038/nmeth1019.
    """
    if not len(words):
        return 0.0
    return float(np.quantile(nearest_backwards(words, words), 0.99))


def nearest_identity(
    queries: NDArray[np.int8], references: NDArray[np.int8], *, leave_out: bool = False
) -> Floats:
    """(n,) share of aligned columns that are equal in the nearest reference.

    The columns are those of the query or of the reference, whichever has more, so that a fragment, or a chain with
    unknown residues, is no more like a kinase than what is known of it. With `leave_out` both are the same rows, and a
    row is no reference of its own.
    """
    nearest = np.zeros(len(queries))
    n_known = ((references != GAP) & (references != UNKNOWN)).sum(axis=1)
    for row, codes in enumerate(queries):
        there = (codes != GAP) & (codes != UNKNOWN)
        equal = (references[:, there] == codes[there]).sum(axis=1)
        identity = equal / np.maximum(n_known, max(int(there.sum()), 1))
        if leave_out:
            identity[row] = 0
        nearest[row] = identity.max()
    return nearest
