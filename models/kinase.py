"""Protein kinase domains found and aligned by a profile, so that residues of different kinases can be compared.

A profile is a matrix of log-odds scores (columns of the domain x 20 amino acids). It starts from one
well-studied kinase domain and is refined on the sequences of the training set; each column is then a place
in the fold (the gatekeeper is always the same column), which is what a network of few hundred proteins
can learn from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
GAP, UNKNOWN = 20, 21
"""Codes of an unaligned column and of a residue outside the twenty."""

SEED_DOMAIN = (
    "FERIKTLGTGSFGRVMLVKHKETGNHYAMKILDKQKVVKLKQIEHTLNEKRILQAVNFPFLVKLEFSFKDNSNLYMVMEYVPGGEMFSHLRRIGRFSEPHARFYAAQIVLTFEYLHSLDL"
    "IYRDLKPENLLIDQQGYIQVTDFGFAKRVKGRTWTLCGTPEYLAPEIILSKGYNKAVDWWALGVLIYEMAAGYPPFFADQPIQIYEKIVSGKVRFPSHFSSDLKDLLRNLLQVDLTKRFGNLKNGVNDIKNHKWF"
)
"""The protein kinase domain of human PRKACA, residues 44-298 (UniProt P17612)."""

GAP_OPEN, GAP_EXTEND = 11.0, 1.0
MIN_SCORE = 100.0
"""Smith-Waterman score (half-bits) from which a hit counts as a domain; shuffled kinases reach about 60."""
# The way back from a cell of an alignment, in bits.
_STOP, _TO_SEQUENCE, _TO_PROFILE, _SEQUENCE_OPENS, _PROFILE_OPENS = 1, 2, 4, 8, 16


@dataclass(frozen=True)
class DomainHit:
    """One domain of one sequence.

    Attributes
    ----------
    start, end
        0-based half-open bounds in the sequence.
    score
        Smith-Waterman score in half-bits.
    columns
        (n_columns,) position in the sequence aligned to each profile column, -1 where none is.
    """

    start: int
    end: int
    score: float
    columns: NDArray[np.int32]


def encode_residues(sequence: str) -> NDArray[np.int8]:
    """Codes of a protein sequence: 0-19 in the order of `AMINO_ACIDS`, `UNKNOWN` for anything else.

    Examples
    --------
    >>> encode_residues("ACX").tolist()
    [0, 1, 21]
    """
    table = np.full(256, UNKNOWN, dtype=np.int8)
    for code, letter in enumerate(AMINO_ACIDS):
        table[ord(letter)] = table[ord(letter.lower())] = code
    return table[np.frombuffer(sequence.encode("latin-1", "replace"), dtype=np.uint8)]


@lru_cache(maxsize=1)
def _blosum62() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """BLOSUM62 in half-bits and the background frequencies it implies, in our residue order."""
    from Bio.Align import substitution_matrices

    blosum = substitution_matrices.load("BLOSUM62")
    scores = np.array([[float(blosum[a, b]) for b in AMINO_ACIDS] for a in AMINO_ACIDS])
    # Robinson & Robinson (1991) background frequencies, as used by BLAST.
    background = {
        "A": 0.0780, "R": 0.0512, "N": 0.0448, "D": 0.0536, "C": 0.0192, "Q": 0.0426, "E": 0.0629,
        "G": 0.0738, "H": 0.0219, "I": 0.0514, "L": 0.0901, "K": 0.0574, "M": 0.0224, "F": 0.0385,
        "P": 0.0520, "S": 0.0712, "T": 0.0584, "W": 0.0133, "Y": 0.0321, "V": 0.0644,
    }  # fmt: skip
    frequencies = np.array([background[a] for a in AMINO_ACIDS])
    return scores, frequencies / frequencies.sum()


def seed_profile() -> NDArray[np.float64]:
    """Profile of the seed domain alone: its BLOSUM62 rows.

    Returns
    -------
    NDArray[np.float64]
        (n_columns, 20) scores in half-bits.
    """
    return _blosum62()[0][encode_residues(SEED_DOMAIN)]


@njit(cache=True)
def _smith_waterman(
    sequence: NDArray[np.int8], profile: NDArray[np.float64], gap_open: float, gap_extend: float
) -> tuple[float, NDArray[np.int32]]:
    """Best local alignment (Gotoh 1982) of a sequence with a profile: score and aligned position per column.

    Scores are kept for one row alone and the way back as one byte per cell: a chain of 35,000 residues takes 9 MB.
    """
    n, m = sequence.shape[0], profile.shape[0]
    best = np.zeros(m + 1)
    in_sequence = np.full(m + 1, -1e9)
    way = np.zeros((n + 1, m + 1), dtype=np.uint8)
    top, top_i, top_j = 0.0, 0, 0
    for i in range(1, n + 1):
        residue = sequence[i - 1]
        diagonal, in_profile = 0.0, -1e9
        for j in range(1, m + 1):
            opened, extended = best[j] - gap_open, in_sequence[j] - gap_extend
            down = max(opened, extended)
            opened_across, extended = best[j - 1] - gap_open, in_profile - gap_extend
            in_profile = max(opened_across, extended)
            match = diagonal + (profile[j - 1, residue] if residue < 20 else -1.0)
            score = max(0.0, match, down, in_profile)
            way[i, j] = (
                _STOP * (score == 0.0)
                + _TO_SEQUENCE * (score == down)
                + _TO_PROFILE * (score == in_profile)
                + _SEQUENCE_OPENS * (down == opened)
                + _PROFILE_OPENS * (in_profile == opened_across)
            )
            in_sequence[j] = down
            diagonal, best[j] = best[j], score
            if score > top:
                top, top_i, top_j = score, i, j
    columns = np.full(m, -1, dtype=np.int32)
    i, j, state = top_i, top_j, 0
    while i > 0 and j > 0:
        cell = way[i, j]
        if state == 0:
            if cell & _STOP:
                break
            if cell & _TO_SEQUENCE:
                state = 1
            elif cell & _TO_PROFILE:
                state = 2
            else:
                columns[j - 1] = i - 1
                i, j = i - 1, j - 1
        elif state == 1:
            if cell & _SEQUENCE_OPENS:
                state = 0
            i -= 1
        else:
            if cell & _PROFILE_OPENS:
                state = 0
            j -= 1
    return top, columns


def align_local(sequence: NDArray[np.int8], profile: NDArray[np.float64]) -> tuple[float, NDArray[np.int32]]:
    """Best local alignment of a sequence with a profile, affine gaps.

    Parameters
    ----------
    sequence
        (length,) residue codes of `encode_residues`.
    profile
        (n_columns, 20) scores in half-bits.

    Returns
    -------
    score, columns
        The score, and for each column the 0-based position aligned to it or -1.

    References
    ----------
    Gotoh, O. (1982) J. Mol. Biol. 162:705; a gap of length k costs ``GAP_OPEN + (k - 1) * GAP_EXTEND``.
    """
    return _smith_waterman(sequence, profile, GAP_OPEN, GAP_EXTEND)


def find_domains(sequence: str, profile: NDArray[np.float64], *, max_domains: int = 3) -> list[DomainHit]:
    """Kinase domains of a protein, in sequence order.

    Parameters
    ----------
    sequence
        Amino acids in one-letter code.
    profile
        (n_columns, 20) scores in half-bits, from `build_profile` or `seed_profile`.
    max_domains
        Domains looked for at most; each one found is masked before the next search.

    Examples
    --------
    >>> hits = find_domains("M" * 30 + SEED_DOMAIN + "G" * 30, seed_profile())
    >>> [(hit.start, hit.end) for hit in hits]
    [(30, 285)]
    """
    codes = encode_residues(sequence).copy()
    hits: list[DomainHit] = []
    while len(hits) < max_domains:
        score, columns = align_local(codes, profile)
        if score < MIN_SCORE:
            break
        aligned = columns[columns >= 0]
        start, end = int(aligned.min()), int(aligned.max()) + 1
        hits.append(DomainHit(start, end, float(score), columns))
        codes[start:end] = UNKNOWN
    return sorted(hits, key=lambda hit: hit.start)


def build_profile(sequences: Sequence[str], *, n_rounds: int = 3) -> NDArray[np.float32]:
    """Refine the seed profile on the sequences that carry the domain.

    Each round aligns every distinct sequence and turns the columns' residue counts, with BLOSUM62
    pseudocounts, into log-odds (half-bits) against the background (Altschul et al. 1997, PSI-BLAST).

    Parameters
    ----------
    sequences
        Protein sequences; those without the domain are left out.
    n_rounds
        Rounds of alignment and re-estimation.

    Returns
    -------
    NDArray[np.float32]
        (n_columns, 20) scores in half-bits.
    """
    blosum, background = _blosum62()
    # Joint frequencies implied by the matrix: q_ab = p_a p_b 2^(s_ab / 2), rows normalised to conditionals.
    conditional = background * np.exp2(blosum / 2)
    conditional /= conditional.sum(axis=1, keepdims=True)
    profile = seed_profile()
    encoded = [encode_residues(sequence) for sequence in sorted(set(sequences))]
    for _ in range(n_rounds):
        counts = np.zeros((len(profile), 20))
        for codes in encoded:
            score, columns = align_local(codes, profile)
            if score < MIN_SCORE:
                continue
            where = np.flatnonzero(columns >= 0)
            residues = codes[columns[where]]
            known = residues < 20
            np.add.at(counts, (where[known], residues[known]), 1.0)
        seen = counts.sum(axis=1, keepdims=True)
        observed = np.divide(counts, seen, out=np.tile(background, (len(profile), 1)), where=seen > 0)
        pseudo = observed @ conditional
        weight = seen / (seen + 10.0)
        frequencies = weight * observed + (1 - weight) * pseudo
        profile = 2 * np.log2(np.maximum(frequencies, 1e-4) / background)
    return profile.astype(np.float32)
