"""Numbers for the kinds of atoms and bonds that a collection of graphs holds.

A library of millions of molecules has billions of codes but few kinds of atoms: 1.9 million drug-like
molecules have a few thousand distinct rows. A store keeps each row once, and a number per atom.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from chem.errors import InputError

_AT_ONCE = 1 << 14  # rows: sorting those that are new takes longer than looking up those that are known


class KindTable:
    """Distinct rows of codes in the order in which they were first met.

    Parameters
    ----------
    cardinalities
        Number of codes of each field.

    Examples
    --------
    >>> table = KindTable((3, 4))
    >>> table.number(np.array([[2, 3], [0, 1], [2, 3]])).tolist()
    [0, 1, 0]
    >>> table.number(np.array([[1, 1], [0, 1]])).tolist(), table.rows.tolist()
    ([2, 1], [[2, 3], [0, 1], [1, 1]])
    """

    def __init__(self, cardinalities: Sequence[int]) -> None:
        if math.prod(cardinalities) >= 2**63:
            raise ValueError("the codes of a row do not fit into one number of 64 bits")
        self.cardinalities = np.array(cardinalities, dtype=np.int64)
        self._weights = np.append(np.cumprod(self.cardinalities[::-1])[-2::-1], 1)
        self._parts = [np.zeros((0, len(cardinalities)), np.int16)]
        self._keys = np.zeros(0, np.int64)  # sorted
        self._numbers = np.zeros(0, np.int64)  # of those keys

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def rows(self) -> np.ndarray:
        """int16 (n_kinds, n_fields) codes of every kind."""
        return np.concatenate(self._parts)

    def number(self, codes: np.ndarray) -> np.ndarray:
        """Kind of every row, new kinds numbered on.

        Parameters
        ----------
        codes
            (n, n_fields).

        Returns
        -------
        numpy.ndarray
            int64 (n,).

        Raises
        ------
        InputError
            A code lies outside its field.
        """
        self._refuse_outside(codes)
        starts = range(0, max(len(codes), 1), _AT_ONCE)
        return np.concatenate([self._number(codes[start : start + _AT_ONCE]) for start in starts])

    def _number(self, codes: np.ndarray) -> np.ndarray:
        keys = codes.astype(np.int64) @ self._weights
        place = np.searchsorted(self._keys, keys)
        known = self._keys.take(place, mode="clip") == keys if len(self) else np.zeros(len(keys), bool)
        if not known.all():
            self._add(keys[~known], codes[~known])
            place = np.searchsorted(self._keys, keys)
        return self._numbers[place]

    def _refuse_outside(self, codes: np.ndarray) -> None:
        shape = (len(codes), len(self.cardinalities))
        if codes.shape != shape:
            raise InputError(f"codes of the shape {codes.shape}", expected=f"{shape}")
        greatest = [int(column.max()) for column in codes.T] if len(codes) else []  # quicker than by axis
        if len(codes) and (codes.min() < 0 or (greatest >= self.cardinalities).any()):
            raise InputError(
                f"codes from {codes.min(axis=0).tolist()} to {codes.max(axis=0).tolist()}",
                expected=f"codes from 0 and below {self.cardinalities.tolist()}",
                hint="encode the molecules with this version",
            )

    def _add(self, keys: np.ndarray, codes: np.ndarray) -> None:
        distinct, first = np.unique(keys, return_index=True)
        order = np.argsort(first)  # so that the numbers do not depend on how a collection is cut up
        numbers = np.empty(len(distinct), np.int64)
        numbers[order] = np.arange(len(self), len(self) + len(distinct))
        self._parts.append(codes[first[order]].astype(np.int16))
        keys, numbers = np.append(self._keys, distinct), np.append(self._numbers, numbers)
        sort = np.argsort(keys)
        self._keys, self._numbers = keys[sort], numbers[sort]
