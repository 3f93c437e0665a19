"""Similarity of things that are counted: the shared part of two count vectors over their union."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from chem.errors import InputError

_LARGEST = 65_535


@dataclass(frozen=True)
class CountTable:
    """Rows of counts, of which only those above 0 are kept.

    Attributes
    ----------
    width
        Columns of a row.
    start
        (n_rows + 1,) int64: row k lies at ``start[k]:start[k + 1]`` of the other two.
    column
        (n_values,) uint16, ascending within a row.
    count
        (n_values,) uint16, 1 or more; larger counts are cut at 65,535.

    Examples
    --------
    >>> table = CountTable.from_dense(np.array([[0, 2, 1], [0, 0, 0]]))
    >>> len(table), table.column.tolist(), table.count.tolist()
    (2, [1, 2], [2, 1])
    """

    width: int
    start: NDArray[np.int64]
    column: NDArray[np.uint16]
    count: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.start) - 1

    @classmethod
    def from_dense(cls, counts: NDArray[Any]) -> CountTable:
        """Keep the counts above 0 of an array (n_rows, width).

        Raises
        ------
        InputError
            A row is wider than 65,536 columns, or a count is below 0.
        """
        if counts.ndim != 2 or counts.shape[1] > _LARGEST + 1:
            raise InputError(f"counts of shape {counts.shape}", expected="(n_rows, at most 65,536 columns)")
        if counts.size and counts.min() < 0:
            raise InputError(f"a count is {counts.min()}", expected="counts of 0 or more")
        row, column = np.nonzero(counts)
        start = np.searchsorted(row, np.arange(len(counts) + 1)).astype(np.int64)
        count = np.minimum(counts[row, column].astype(np.int64), _LARGEST).astype(np.uint16)
        return cls(counts.shape[1], start, column.astype(np.uint16), count)

    def take(self, rows: NDArray[np.int64]) -> CountTable:
        """Rows `rows`, in that order."""
        lengths = np.diff(self.start)[rows]
        start = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        place = np.arange(start[-1]) - np.repeat(start[:-1] - self.start[rows], lengths)
        return CountTable(self.width, start, self.column[place], self.count[place])


def min_max_similarity(a: CountTable, b: CountTable) -> NDArray[np.float32]:
    """Sum of the smaller over the sum of the larger counts, for every row of one table with every row of another.

    For counts of 0 and 1 this is the Tanimoto similarity. It is a positive definite kernel.

    Parameters
    ----------
    a, b
        Tables of one width.

    Returns
    -------
    np.ndarray
        float32 (len(a), len(b)), from 0 to 1; 0 where both rows are empty.

    Raises
    ------
    InputError
        The widths differ.

    References
    ----------
    Ralaivola, L. et al. (2005) Neural Networks 18:1093, equation 14.

    Examples
    --------
    >>> table = CountTable.from_dense(np.array([[1, 2, 0], [1, 1, 1]]))
    >>> min_max_similarity(table, table).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    if a.width != b.width:
        raise InputError(f"tables of {a.width} and {b.width} columns", expected="one width")
    return _min_max(a.width, a.start, a.column, a.count, b.start, b.column, b.count)


@njit(cache=True)
def _min_max(width, a_start, a_column, a_count, b_start, b_column, b_count):  # type: ignore[no-untyped-def]
    n_a, n_b = len(a_start) - 1, len(b_start) - 1
    result = np.zeros((n_a, n_b), np.float32)
    row = np.zeros(width, np.int64)
    b_total = np.zeros(n_b, np.int64)
    for j in range(n_b):
        for k in range(b_start[j], b_start[j + 1]):
            b_total[j] += b_count[k]
    for i in range(n_a):
        a_total = 0
        for k in range(a_start[i], a_start[i + 1]):
            row[a_column[k]] = a_count[k]
            a_total += a_count[k]
        for j in range(n_b):
            shared = 0
            for k in range(b_start[j], b_start[j + 1]):
                shared += min(row[b_column[k]], np.int64(b_count[k]))
            union = a_total + b_total[j] - shared
            if union > 0:
                result[i, j] = shared / union
        for k in range(a_start[i], a_start[i + 1]):
            row[a_column[k]] = 0
    return result
