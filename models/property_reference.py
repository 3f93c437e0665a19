"""Training molecules as a kernel keeps them: descriptors in whole steps, counted environments, a few hundred bytes each.

A descriptor x becomes ``sign(x) ln(1 + |x|)``, is scaled to mean 0 and variance 1 over the training molecules, and
rounded to one of 255 steps. Kernels are fitted to the rounded values, so nothing changes when they are kept. A
descriptor that a molecule does not have is 0, the mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from chem.count_similarity import CountTable, min_max_similarity
from chem.errors import InputError
from models.property_features import DESCRIPTOR_NAMES, N_COUNTS, MoleculeFeatures

KINDS = ("morgan", "feature_morgan", "topological_torsion")
"""Fingerprints whose counts are compared."""
STEP = 1 / 16
"""Of a descriptor, in standard deviations."""
N_STEPS = 127
"""Most steps from the mean, either way."""
_MOST = 255
"""Largest count kept."""


@dataclass(frozen=True)
class Scaling:
    """Descriptors to whole steps.

    Attributes
    ----------
    names
        Descriptors that differ between training molecules.
    mean, sd
        (n_columns,) float32 of their signed logarithms.

    Examples
    --------
    >>> molecules = MoleculeFeatures(["CCO", "c1ccccc1O", "CCCCN"])
    >>> scaling = Scaling.of(molecules.descriptors)
    >>> codes = scaling.codes(molecules.descriptors)
    >>> codes.shape == (3, len(scaling.names)), codes.dtype.name, abs(STEP * codes.mean()) < 0.05
    (True, 'int8', np.True_)
    """

    names: tuple[str, ...]
    mean: NDArray[np.float32]
    sd: NDArray[np.float32]

    @classmethod
    def of(cls, descriptors: NDArray[np.float64]) -> Scaling:
        """Take mean and deviation from training molecules; NaN is passed over."""
        values = _signed_log(descriptors)
        there = np.isfinite(values)
        count = np.maximum(there.sum(axis=0), 1)
        mean = np.where(there, values, 0).sum(axis=0) / count
        sd = np.sqrt((np.where(there, values - mean, 0) ** 2).sum(axis=0) / count)
        column = np.flatnonzero(sd > 1e-6 * np.maximum(np.abs(mean), 1))
        names = tuple(DESCRIPTOR_NAMES[place] for place in column)
        return cls(names, mean[column].astype(np.float32), sd[column].astype(np.float32))

    def codes(self, descriptors: NDArray[np.float64]) -> NDArray[np.int8]:
        """(n, n_columns) steps."""
        column = [DESCRIPTOR_NAMES.index(name) for name in self.names]
        scaled = (_signed_log(descriptors[:, column]) - self.mean) / self.sd
        steps = np.clip(np.nan_to_num(scaled / STEP, nan=0.0), -N_STEPS, N_STEPS)
        return np.rint(steps).astype(np.int8)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Names (as text), means and deviations."""
        text = np.frombuffer("\n".join(self.names).encode(), np.uint8)
        return {"names": text, "mean": self.mean, "sd": self.sd}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Scaling:
        """Read what `to_arrays` wrote.

        Raises
        ------
        InputError
            An array is missing, they do not fit together, or this RDKit has no such descriptor.
        """
        require_arrays(arrays, ["names", "mean", "sd"])
        names = tuple(bytes(arrays["names"]).decode("utf-8", "replace").split())
        mean, sd = arrays["mean"], arrays["sd"]
        if unknown := [name for name in names if name not in DESCRIPTOR_NAMES]:
            raise InputError(
                f"RDKit has no descriptor {unknown[0]!r}", field="names",
                hint="install the RDKit that the card names, or train again",
            )  # fmt: skip
        if not (len(names) == len(mean) == len(sd) and np.isfinite(mean).all() and (sd > 0).all()):
            raise InputError(
                f"{len(names)} descriptors, {len(mean)} means and {len(sd)} deviations", field="names",
                expected="a mean and a deviation above 0 for each",
            )  # fmt: skip
        return cls(names, mean, sd)


def _signed_log(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sign(values) * np.log1p(np.abs(values)))


@dataclass(frozen=True)
class ReferenceMolecules:
    """Molecules that others are compared with.

    Attributes
    ----------
    codes
        (n, n_columns) int8 steps of the descriptors.
    tables
        Counted environments, one table for each of `KINDS`.

    Examples
    --------
    >>> molecules = MoleculeFeatures(["CCCCO", "c1ccccc1O", "CCCCN"])
    >>> reference = ReferenceMolecules.of(molecules, Scaling.of(molecules.descriptors))
    >>> similarity = reference.similarity(reference)
    >>> len(reference), similarity.shape, bool(similarity[0, 2] > similarity[0, 1])
    (3, (3, 3), True)
    """

    codes: NDArray[np.int8]
    tables: tuple[CountTable, ...]

    @classmethod
    def of(cls, molecules: MoleculeFeatures, scaling: Scaling) -> ReferenceMolecules:
        """Take over molecules."""
        tables = tuple(_cut(molecules.counts(kind)) for kind in KINDS)
        return cls(scaling.codes(molecules.descriptors), tables)

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: NDArray[np.int64]) -> ReferenceMolecules:
        """Molecules `rows`, in that order."""
        return ReferenceMolecules(self.codes[rows], tuple(table.take(rows) for table in self.tables))

    def similarity(self, other: ReferenceMolecules) -> NDArray[np.float32]:
        """(n, n_other) mean over the fingerprints of the min-max similarity; a molecule without torsions shares none."""
        total = min_max_similarity(self.tables[0], other.tables[0])
        for a, b in zip(self.tables[1:], other.tables[1:], strict=True):
            total += min_max_similarity(a, b)
        total /= np.float32(len(self.tables))
        return total

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Codes and tables by name, compressed to bytes (LZMA): some 150 for a molecule."""
        arrays: dict[str, NDArray[Any]] = {"codes": packed(self.codes)}
        for kind, table in zip(KINDS, self.tables, strict=True):
            arrays[f"{kind}.length"] = packed(np.diff(table.start).astype(np.uint16))
            arrays[f"{kind}.column"] = packed(table.column)
            arrays[f"{kind}.count"] = packed(table.count.astype(np.uint8))
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], n_columns: int) -> Self:
        """Read what `to_arrays` wrote of molecules with so many descriptors.

        Raises
        ------
        InputError
            An array is missing, or they do not fit together.
        """
        lengths = f"{KINDS[0]}.length"
        require_arrays(arrays, ["codes", lengths])
        n = len(unpacked(arrays[lengths], np.uint16, lengths))
        codes = unpacked(arrays["codes"], np.int8, "codes")
        if len(codes) != n * n_columns:
            raise InputError(
                f"{len(codes)} codes", field="codes", expected=f"{n_columns} for each of {n} molecules"
            )
        return cls(codes.reshape(n, n_columns), tuple(_table(arrays, kind, n) for kind in KINDS))


def _cut(table: CountTable) -> CountTable:
    return CountTable(table.width, table.start, table.column, np.minimum(table.count, _MOST))


def _table(arrays: Mapping[str, NDArray[Any]], kind: str, n: int) -> CountTable:
    names = [f"{kind}.{part}" for part in ("length", "column", "count")]
    require_arrays(arrays, names)
    types = (np.uint16, np.uint16, np.uint8)
    length, column, count = (
        unpacked(arrays[name], dtype, name) for name, dtype in zip(names, types, strict=True)
    )
    start = np.concatenate([[0], np.cumsum(length.astype(np.int64))])
    fits = len(length) == n and start[-1] == len(column) == len(count)
    if not fits or (len(column) and column.max() >= N_COUNTS):
        raise InputError(
            f"{len(length)} molecules with {len(column)} environments", field=kind,
            expected=f"{n} molecules with {start[-1]} environments below {N_COUNTS}",
        )  # fmt: skip
    return CountTable(N_COUNTS, start, column.astype(np.uint16), count.astype(np.uint16))


def packed(array: NDArray[Any]) -> NDArray[np.uint8]:
    """Bytes of an array, compressed.

    Examples
    --------
    >>> len(packed(np.zeros(100_000, np.uint16))) < 200
    True
    """
    import lzma

    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return np.frombuffer(lzma.compress(little.tobytes(), preset=6), np.uint8)


def unpacked(array: NDArray[np.uint8], dtype: Any, name: str) -> NDArray[Any]:
    """Read what `packed` made, flat.

    Raises
    ------
    InputError
        It is something else.

    Examples
    --------
    >>> unpacked(packed(np.array([[1, 2], [3, 4]], np.uint16)), np.uint16, "x").tolist()
    [1, 2, 3, 4]
    """
    import lzma

    try:
        plain = lzma.decompress(np.ascontiguousarray(array).tobytes())
        return np.frombuffer(plain, np.dtype(dtype).newbyteorder("<")).astype(dtype)
    except (lzma.LZMAError, ValueError) as error:
        raise InputError(
            f"bytes that cannot be read: {error}", field=name, hint="make the file again with `to_arrays`"
        ) from error


def require_arrays(arrays: Mapping[str, NDArray[Any]], names: Sequence[str]) -> None:
    """Refuse arrays of which one is missing."""
    if missing := [name for name in names if name not in arrays]:
        raise InputError("no such array", field=missing[0], expected=", ".join(names))
