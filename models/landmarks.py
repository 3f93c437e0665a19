"""How alike molecules are, and how alike proteins: kernels, and the coordinates of molecules that follow.

A molecule is compared with another by how many environments they share (several kinds of fingerprints, counted);
a protein by the residues on the same columns of the kinase profile, by short words of its sequence and by
whether it is the very same. Every comparison is a min-max kernel, so sums and products of them are kernels too.
`Landmarks` turns the kernel with the training molecules into coordinates (kernel principal components), which a
network reads beside the graph, and which mean the same for a molecule that training did not hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chem.count_similarity import CountTable, min_max_similarity
from chem.errors import InputError
from chem.fingerprint import fingerprints
from chem.parse import parse_smiles
from models.kinase import GAP, UNKNOWN, encode_residues
from models.protein import ProteinArrays, Target

Tables = tuple[CountTable, ...]

MOLECULE_COUNTS: tuple[tuple[str, int | None, bool], ...] = (
    ("morgan", 1, False),
    ("morgan", 2, True),
    ("morgan", 3, True),
    ("feature_morgan", 2, False),
    ("atom_pair", None, False),
    ("topological_torsion", None, False),
)
"""Kind, radius and chirality of the fingerprints whose counts are compared."""
N_BITS = 4096
WORD = 3
"""Residues of a word of a sequence."""
PROTEIN_WEIGHTS = (0.05, 0.15, 0.7, 0.1)
"""Of the comparisons of proteins: same target, same sequence, same residues on the profile, same words."""


def molecule_tables(smiles: Sequence[str]) -> Tables:
    """Counted environments of molecules, one table per kind of `MOLECULE_COUNTS`.

    Parameters
    ----------
    smiles
        n standardised SMILES; an empty one, which stands for a structure that cannot be read, has no
        environments and is like nothing.

    Raises
    ------
    InputError
        A SMILES does not parse.

    Examples
    --------
    >>> [len(table) for table in molecule_tables(["CCO", "CC"])]
    [2, 2, 2, 2, 2, 2]
    """
    there = np.array([bool(text) for text in smiles], bool)
    # Read once for all kinds; what does not parse stays a text, which the first of them refuses by its number.
    readable = [parse_smiles(text) or text for text in smiles if text]
    tables = []
    for kind, radius, chirality in MOLECULE_COUNTS:
        rows = np.zeros((len(smiles), N_BITS), np.uint32)
        rows[there] = fingerprints(
            readable, kind, radius=radius, n_bits=N_BITS, counts=True, chirality=chirality
        )
        tables.append(CountTable.from_dense(rows))
    return tuple(tables)


def molecule_kernel(a: Tables, b: Tables) -> NDArray[np.float32]:
    """(n_a, n_b) square of the mean min-max similarity over the kinds of fingerprints."""
    parts = [min_max_similarity(x, y) for x, y in zip(a, b, strict=True)]
    return np.asarray(np.square(np.mean(parts, axis=0)), np.float32)


def protein_tables(targets: Sequence[Target], proteins: ProteinArrays) -> Tables:
    """What proteins are compared by: themselves, their sequence, the residues on the profile, their words.

    Parameters
    ----------
    targets
        n targets.
    proteins
        Their arrays.

    Returns
    -------
    tuple
        Four tables, as `PROTEIN_WEIGHTS` names them.
    """
    return (
        _named([target.form for target in targets]),
        _named([target.sequence for target in targets]),
        _residues(proteins.aligned),
        _words([target.sequence for target in targets]),
    )


def protein_kernel(a: Tables, b: Tables) -> NDArray[np.float32]:
    """(n_a, n_b) weighted mean of the four comparisons; that of residues is squared, as near kinases matter."""
    same, sequence, residues, words = (min_max_similarity(x, y) for x, y in zip(a, b, strict=True))
    # Digits may agree by chance; the whole name is the same where all do.
    parts = (np.floor(same), np.floor(sequence), residues**2, words)
    weighted = [w * part for w, part in zip(PROTEIN_WEIGHTS, parts, strict=True)]
    return np.asarray(np.sum(weighted, axis=0), np.float32)


def _named(texts: Sequence[str]) -> CountTable:
    """Digests of texts as sets of three digits of 16 bits: equal texts have similarity 1, others less."""
    from hashlib import blake2b

    digests = [blake2b(text.encode(), digest_size=6).digest() for text in texts]
    columns = np.array([np.frombuffer(d, np.uint16) for d in digests], np.uint16).reshape(-1, 3)
    start = np.arange(0, 3 * len(texts) + 1, 3, dtype=np.int64)
    order = np.sort(columns, axis=1)
    return CountTable(1 << 16, start, order.ravel(), np.ones(order.size, np.uint16))


def _residues(aligned: NDArray[np.int8]) -> CountTable:
    there = (aligned != GAP) & (aligned != UNKNOWN)
    row, column = np.nonzero(there)
    start = np.searchsorted(row, np.arange(len(aligned) + 1)).astype(np.int64)
    place = (column * 20 + aligned[row, column]).astype(np.uint16)
    return CountTable(aligned.shape[1] * 20, start, place, np.ones(len(place), np.uint16))


def _words(sequences: Sequence[str]) -> CountTable:
    rows = np.zeros((len(sequences), 20**WORD), np.uint16)
    for row, sequence in enumerate(sequences):
        codes = encode_residues(sequence).astype(np.int64)
        windows = (
            np.lib.stride_tricks.sliding_window_view(codes, WORD) if len(codes) >= WORD else codes[:0, None]
        )
        known = windows[(windows < 20).all(axis=1)]
        np.add.at(rows[row], known @ (20 ** np.arange(known.shape[1])), 1)
    return CountTable.from_dense(rows)


@dataclass(frozen=True)
class Landmarks:
    """Training molecules, and how similarity to them becomes coordinates.

    Attributes
    ----------
    tables
        Of the n_landmarks training items.
    projection
        (n_landmarks, rank) float32: kernel with the landmarks to coordinates.
    """

    tables: Tables
    projection: NDArray[np.float32]

    @property
    def rank(self) -> int:
        """Coordinates of an item."""
        return int(self.projection.shape[1])

    def similarity(self, tables: Tables) -> NDArray[np.float32]:
        """(n, n_landmarks) float32 kernel of items with the landmarks."""
        return molecule_kernel(tables, self.tables)

    def coordinates(self, tables: Tables) -> NDArray[np.float32]:
        """(n, rank) float32 coordinates of items."""
        return self.similarity(tables) @ self.projection


def fit_landmarks(tables: Tables, rank: int) -> Landmarks:
    """Kernel principal components of training molecules, largest first.

    The components keep their sizes relative to each other (what many items share weighs more) and together
    have a mean square of 1 over the training items.

    Parameters
    ----------
    tables
        Of n training items; equal items may repeat.
    rank
        Components kept at most.

    Raises
    ------
    InputError
        There is no item.

    References
    ----------
    Schoelkopf, B. et al. (1998) Neural Computation 10:1299, not centred.

    Examples
    --------
    >>> landmarks = fit_landmarks(molecule_tables(["CCO", "CCN", "c1ccccc1"]), rank=2)
    >>> landmarks.coordinates(molecule_tables(["CCO", "CCCO"])).shape
    (2, 2)
    """
    if not tables or not len(tables[0]):
        raise InputError("no training item to compare with", expected="one or more")
    return Landmarks(tables, principal_components(molecule_kernel(tables, tables), rank))


def principal_components(kernel: NDArray[np.float32], rank: int) -> NDArray[np.float32]:
    """(n, rank) projection of the kernel with n training items on its principal components, as `fit_landmarks` says.

    Parameters
    ----------
    kernel
        (n, n) of the training items with each other.
    rank
        Components kept at most.
    """
    matrix = kernel.astype(np.float64)
    value, vector = np.linalg.eigh(matrix)
    keep = np.flatnonzero(value > 1e-6 * value[-1])[::-1][:rank]
    # The sign of an eigenvector is arbitrary; fixed, so that two machines agree.
    vector = vector[:, keep] * np.sign(vector[np.abs(vector[:, keep]).argmax(axis=0), keep])
    projection = vector / np.sqrt(value[keep])
    scale = np.sqrt(np.mean((matrix @ projection) ** 2))
    return np.ascontiguousarray(projection / scale, np.float32)
