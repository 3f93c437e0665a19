"""Fingerprints of molecules as arrays, and the Tanimoto similarity of arrays of 0 and 1."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem

from chem.errors import InputError
from chem.fingerprint_encoders import encoder
from chem.fingerprint_kinds import FingerprintSettings, settle
from chem.molecules import Structure, map_blocks, molecule_at

_ROWS_AT_ONCE = 4096
_BLOCK = 5000


def fingerprints(
    smiles: Iterable[Structure],
    kind: str = "morgan",
    *,
    n_bits: int | None = None,
    radius: int | None = None,
    counts: bool = False,
    chirality: bool = False,
    packed: bool = False,
    threads: int = 1,
) -> NDArray[Any]:
    """Fingerprints of one kind, one row per molecule.

    `FINGERPRINT_KINDS` tells what each kind is, what it takes and where it is defined. The values are those of
    RDKit's generators (`rdFingerprintGenerator`) and of scikit-fingerprints with their default settings.

    Parameters
    ----------
    smiles
        One SMILES, or RDKit molecule, per molecule; any iterable, read once.
    kind
        morgan, feature_morgan, atom_pair, topological_torsion, rdkit, maccs, avalon or another key of
        `FINGERPRINT_KINDS`.
    n_bits
        Length; the kind's own unless given (2048 for most).
    radius
        Bonds from the central atom, for the circular kinds; 2 unless given (3 for secfp).
    counts
        How often each environment occurs instead of whether. For atom_pair and topological_torsion this is
        not the bits' own count: their bits simulate counts, as RDKit's do.
    chirality
        Let enantiomers differ.
    packed
        Eight bits per byte, the first in the highest bit (`numpy.packbits`); the last byte is filled with 0.
    threads
        Processes; more than one are used for more than 5,000 molecules. The result is the same.

    Returns
    -------
    np.ndarray
        uint8 (n_molecules, n_bits) of 0 and 1; packed, uint8 (n_molecules, ceil(n_bits / 8)); with counts,
        uint32 (n_molecules, n_bits); for erg, which is fuzzy, float32 (n_molecules, 315).

    Raises
    ------
    InputError
        A molecule cannot be read or encoded (its index is named), or the kind does not take an option.

    References
    ----------
    Adamczyk and Ludynia, SoftwareX 2024, 28, 101944, doi:10.1016/j.softx.2024.101944 (scikit-fingerprints).

    Examples
    --------
    >>> fingerprints(["CCO", "c1ccccc1O"], packed=True).shape
    (2, 256)
    >>> fingerprints(["CCC"], counts=True).max(axis=1).tolist()
    [2]
    """
    settings = settle(kind, n_bits=n_bits, radius=radius, counts=counts, chirality=chirality, packed=packed)
    blocks = fingerprint_blocks(smiles, settings, threads=threads)
    if isinstance(smiles, Sequence):  # filled in place: a million rows exist once, not twice
        return _filled(np.empty((len(smiles), settings.width), settings.dtype), blocks)
    return np.concatenate([np.empty((0, settings.width), settings.dtype), *blocks])


def fingerprint_blocks(
    smiles: Iterable[Structure], settings: FingerprintSettings, *, threads: int = 1
) -> Iterator[NDArray[Any]]:
    """Fingerprints of a stream of molecules, a few thousand rows at a time.

    Parameters
    ----------
    smiles
        Any iterable of SMILES or RDKit molecules, read as the rows are asked for.
    settings
        As `chem.fingerprint_kinds.settle` returns them.
    threads
        Processes.

    Yields
    ------
    np.ndarray
        Up to 5,000 rows of `settings.width` columns, in order.

    Raises
    ------
    InputError
        A molecule cannot be read or encoded; its index is named.

    Examples
    --------
    >>> [block.shape for block in fingerprint_blocks(("CCO" for _ in range(6000)), settle("morgan"))]
    [(5000, 2048), (1000, 2048)]
    """
    return map_blocks(partial(_encode, settings), smiles, block=_BLOCK, threads=threads)


def molecule_fingerprint(molecule: Chem.Mol, settings: FingerprintSettings) -> NDArray[Any]:
    """Fingerprint of one molecule that is at hand.

    Parameters
    ----------
    molecule
        A sanitised molecule.
    settings
        As `chem.fingerprint_kinds.settle` returns them.

    Returns
    -------
    np.ndarray
        One row of what `fingerprints` returns, shape (settings.width,).

    Raises
    ------
    InputError
        The molecule has no atoms or cannot be encoded.

    Examples
    --------
    >>> molecule_fingerprint(Chem.MolFromSmiles("CCO"), settle("morgan", packed=True)).shape
    (256,)
    """
    return _encode(settings, 0, [molecule])[0]


def _filled(rows: NDArray[Any], blocks: Iterator[NDArray[Any]]) -> NDArray[Any]:
    start = 0
    for block in blocks:
        rows[start : start + len(block)] = block
        start += len(block)
    return rows


def _encode(settings: FingerprintSettings, first: int, items: list[Structure]) -> NDArray[Any]:
    try:  # one molecule at a time: thousands held at once would leave the processor's cache
        return encoder(settings)(molecule_at(first + place, item) for place, item in enumerate(items))
    except InputError:
        raise
    except Exception:  # the libraries raise many types, and none says which molecule it was
        for place, item in enumerate(items):
            _encode_one(settings, first + place, item)
        raise


def _encode_one(settings: FingerprintSettings, index: int, item: Structure) -> None:
    try:
        encoder(settings)([molecule_at(index, item)])
    except Exception as error:
        raise InputError(
            f"no {settings.kind} fingerprint: {error}", record=index, hint="remove this item"
        ) from error


def morgan_fingerprints(smiles: Sequence[str], radius: int = 2, n_bits: int = 2048) -> np.ndarray:
    """Fold the circular environments of each molecule's atoms into bits.

    Chirality is off: two enantiomers share their fingerprint. `fingerprints` has more kinds and options.

    Parameters
    ----------
    smiles
        One SMILES per molecule.
    radius
        Bonds from the central atom; 2 corresponds to ECFP4.
    n_bits
        Length of the folded fingerprint.

    Returns
    -------
    np.ndarray
        uint8 of shape (n_molecules, n_bits), each 0 or 1.

    Raises
    ------
    InputError
        A SMILES does not parse; the message names its index.

    References
    ----------
    Rogers and Hahn, J. Chem. Inf. Model. 2010, 50, 742-754, doi:10.1021/ci100050t.

    Examples
    --------
    >>> bits = morgan_fingerprints(["CCO", "OCC"])
    >>> bits.shape, int(bits[0].sum()), bool((bits[0] == bits[1]).all())
    ((2, 2048), 6, True)
    """
    return fingerprints(smiles, "morgan", radius=radius, n_bits=n_bits)


def tanimoto(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Tanimoto similarity of every row of `a` with every row of `b`.

    Two fingerprints without any bit have similarity 0, as two molecules of which nothing is known.

    Parameters
    ----------
    a, b
        Fingerprints of 0 and 1, shapes (n, n_bits) and (m, n_bits).

    Returns
    -------
    np.ndarray
        float32 of shape (n, m), from 0 to 1.

    Raises
    ------
    InputError
        The fingerprints differ in length.

    Examples
    --------
    >>> tanimoto(np.array([[1, 1, 0]]), np.array([[1, 1, 0], [1, 0, 1], [0, 0, 1]])).round(3).tolist()
    [[1.0, 0.3330000042915344, 0.0]]
    """
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise InputError(
            f"fingerprints of shapes {a.shape} and {b.shape} cannot be compared",
            expected="two arrays (n, n_bits) and (m, n_bits) of the same n_bits",
        )
    columns = np.ascontiguousarray(b.T, dtype=np.float32)
    b_counts = columns.sum(axis=0)
    similarity = np.empty((a.shape[0], b.shape[0]), dtype=np.float32)
    for start in range(0, a.shape[0], _ROWS_AT_ONCE):  # bounds the float copy of a
        rows = a[start : start + _ROWS_AT_ONCE].astype(np.float32)
        shared = rows @ columns
        union = rows.sum(axis=1)[:, None] + b_counts[None, :] - shared
        similarity[start : start + len(rows)] = shared / np.maximum(union, 1.0)
    return similarity
