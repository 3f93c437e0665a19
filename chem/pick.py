"""Diverse molecules out of many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rdkit import DataStructs
from rdkit.SimDivFilters import rdSimDivPickers

from chem.errors import InputError
from chem.fingerprint import fingerprints


def diverse_pick(
    molecules: Sequence[str] | NDArray[np.uint8],
    n: int,
    *,
    seed: int = 0,
    must_include: Sequence[int] = (),
) -> NDArray[np.int64]:
    """Pick molecules that differ from one another: MaxMin.

    Each pick is the molecule whose most similar one among those picked before is the least similar (Tanimoto). The
    first is drawn at random, unless some must be included.

    Parameters
    ----------
    molecules
        SMILES, of which Morgan fingerprints are made, or packed fingerprints, uint8 (n_molecules, n_bytes).
    n
        How many to pick, those that must be included among them.
    seed
        Of the first pick: the same seed gives the same picks.
    must_include
        Molecules that are picked first, such as those already tested, by place.

    Returns
    -------
    np.ndarray
        int64 (n,): places of the picks, in the order they were picked.

    Raises
    ------
    InputError
        There are fewer than `n` molecules, a place does not exist or stands twice, or a SMILES does not parse.

    References
    ----------
    Ashton et al., Quant. Struct.-Act. Relat. 2002, 21, 598-604, doi:10.1002/qsar.200290002; RDKit's lazy
    picker, which computes few of the similarities.

    Examples
    --------
    >>> diverse_pick(["CCO", "CCCO", "CCCCO", "c1ccccc1"], 2, must_include=[0]).tolist()
    [0, 3]
    """
    packed = molecules if isinstance(molecules, np.ndarray) else fingerprints(molecules, packed=True)
    kept = [int(place) for place in must_include]
    _check(packed, n, seed, kept)
    if n == len(kept):
        return np.array(kept, np.int64)
    if not kept:
        kept = [int(np.random.default_rng(seed).integers(len(packed)))]
    picker = rdSimDivPickers.MaxMinPicker()
    picks = picker.LazyBitVectorPick(_bit_vectors(packed), len(packed), n, kept) if n > len(kept) else kept
    return np.array(list(picks), np.int64)


def _check(packed: NDArray[np.uint8], n: int, seed: int, kept: list[int]) -> None:
    if packed.ndim != 2 or packed.dtype != np.uint8:
        raise InputError(
            f"fingerprints {packed.dtype} {packed.shape}",
            expected="packed bits, uint8 (n_molecules, n_bytes)",
        )
    if seed < 0:
        raise InputError(f"seed {seed}", field="seed", expected="0 or more")
    wrong = [place for place in kept if not 0 <= place < len(packed)]
    if wrong or len(set(kept)) < len(kept):
        raise InputError(
            f"molecule {wrong[0]} must be included" if wrong else "a molecule must be included twice",
            field="must_include",
            expected=f"different places from 0 to {len(packed) - 1}",
        )
    if not max(len(kept), 1) <= n <= len(packed):
        raise InputError(
            f"{n} picks of {len(packed)} molecules, {len(kept)} of which must be included",
            field="n",
            expected=f"{max(len(kept), 1)} to {len(packed)}",
        )


def _bit_vectors(packed: NDArray[np.uint8]) -> list[DataStructs.ExplicitBitVect]:
    # RDKit's binary text has a byte's first bit lowest, ours has it highest.
    reversed_bits = np.packbits(
        np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1), axis=1, bitorder="little"
    )[:, 0]
    return [DataStructs.CreateFromBinaryText(reversed_bits[row].tobytes()) for row in packed]
