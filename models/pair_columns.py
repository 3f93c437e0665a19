"""The columns that linear and tree models read: chosen and standardised on training rows alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from chem.errors import InputError
from chem.rdkit_descriptor import RDKIT_DESCRIPTOR_NAMES
from models.pair_model import PairFeatures
from models.pairs import PairData

_FARTHEST = 5.0


@dataclass(frozen=True)
class Columns:
    """Some columns of a block, standardised.

    Attributes
    ----------
    index
        (n_chosen,) columns of the block.
    mean, sd
        (n_chosen,) over the training rows.
    """

    index: NDArray[np.int64]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]

    def apply(self, block: NDArray[np.generic]) -> NDArray[np.float32]:
        """Standardised columns, (n, n_chosen) float32; NaN becomes the mean, and 5 deviations are the most."""
        with np.errstate(over="ignore"):
            values = (block[:, self.index].astype(np.float64) - self.mean) / self.sd
        return np.clip(np.nan_to_num(values), -_FARTHEST, _FARTHEST).astype(np.float32)


def choose_columns(block: NDArray[np.generic], n_most: int | None = None) -> Columns:
    """Columns of the training rows that say something of their own.

    A column that is constant, that has no value, or that repeats an earlier one is left out; of the others the
    `n_most` of greatest variance are kept.

    Parameters
    ----------
    block
        (n, n_columns), one row per distinct training drug or target; NaN where a value is missing.
    n_most
        Columns to keep at most.

    Examples
    --------
    >>> block = np.array([[1.0, 0, 0, 1, 5], [1, 2, 2, 0, np.nan], [1, 0, 0, 0, 6]])
    >>> choose_columns(block).index.tolist(), choose_columns(block, 1).index.tolist()
    ([1, 3, 4], [1])
    """
    values = block.astype(np.float64)
    known = np.isfinite(values)
    n_known = np.maximum(known.sum(axis=0), 1)
    with np.errstate(over="ignore", invalid="ignore"):  # a column that overflows has no variance to use
        mean = np.where(known, values, 0.0).sum(axis=0) / n_known
        centred = np.where(known, values - mean, 0.0)
        variance = (centred**2).sum(axis=0) / n_known
    # What rounding leaves of a constant is no variance.
    varies = np.isfinite(variance) & (np.sqrt(variance) > 1e-9 * (1 + np.abs(mean)))
    index = np.flatnonzero(varies)
    if len(index):
        index = index[np.sort(np.unique(centred[:, index], axis=1, return_index=True)[1])]
    if n_most is not None and len(index) > n_most:
        index = np.sort(index[np.argsort(-variance[index], kind="stable")[:n_most]])
    return Columns(index, mean[index], np.sqrt(variance[index]))


class PairColumns:
    """Rows of pairs: fingerprint counts and descriptors of the drug, composition and flags of the target.

    Parameters
    ----------
    pairs
        Training pairs; only their drugs and targets are looked at, each once.
    features
        Of their tables.
    n_bits
        Fingerprint columns to keep at most.
    n_composition
        Columns of the composition to keep at most.
    """

    def __init__(
        self,
        pairs: PairData,
        features: PairFeatures,
        *,
        n_bits: int | None = None,
        n_composition: int | None = None,
    ) -> None:
        drugs, targets = np.unique(pairs.drug), np.unique(pairs.target)
        most = {"counts": n_bits, "composition": n_composition}
        self._drug = {
            name: choose_columns(block(features)[drugs], most.get(name)) for name, block in _DRUG.items()
        }
        self._target = {
            name: choose_columns(block(features)[targets], most.get(name)) for name, block in _TARGET.items()
        }

    def drugs(self, features: PairFeatures) -> NDArray[np.float32]:
        """(n_drugs, n_drug_columns) of all drugs of a table."""
        return np.hstack([chosen.apply(_DRUG[name](features)) for name, chosen in self._drug.items()])

    def targets(self, features: PairFeatures) -> NDArray[np.float32]:
        """(n_targets, n_target_columns) of all targets of a table."""
        return np.hstack([chosen.apply(_TARGET[name](features)) for name, chosen in self._target.items()])

    @property
    def widths(self) -> tuple[int, int]:
        """Columns of drugs and of targets."""
        drugs, targets = (sum(len(c.index) for c in part.values()) for part in (self._drug, self._target))
        return drugs, targets

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What was chosen, by block: index, mean and sd; for descriptors their names, as text, for the index."""
        arrays: dict[str, NDArray[Any]] = {}
        for block, chosen in (self._drug | self._target).items():
            arrays |= {f"{block}.mean": chosen.mean, f"{block}.sd": chosen.sd}
            arrays[f"{block}.index"] = chosen.index.astype(np.int32)
        # Another RDKit may have other descriptors, or another order.
        names = "\n".join(RDKIT_DESCRIPTOR_NAMES[place] for place in arrays.pop("descriptors.index"))
        arrays["descriptors.names"] = np.frombuffer(names.encode(), np.uint8).copy()
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Read what `to_arrays` wrote.

        Raises
        ------
        InputError
            An array is missing, they are of different lengths, or RDKit no longer has a descriptor.
        """
        columns = cls.__new__(cls)
        columns._drug, columns._target = (
            {block: _read_columns(arrays, block) for block in part} for part in (_DRUG, _TARGET)
        )
        return columns

    def rows(self, pairs: PairData, features: PairFeatures) -> NDArray[np.float32]:
        """(n_pairs, n_drug_columns + n_target_columns)."""
        return np.hstack([self.drugs(features)[pairs.drug], self.targets(features)[pairs.target]])


def part_of(arrays: Mapping[str, NDArray[Any]], part: str) -> dict[str, NDArray[Any]]:
    """Arrays whose names begin with ``part.``, without that.

    Examples
    --------
    >>> part_of({"a.x": np.zeros(1), "b.x": np.ones(1)}, "b")
    {'x': array([1.])}
    """
    return {name[len(part) + 1 :]: array for name, array in arrays.items() if name.startswith(f"{part}.")}


def _read_columns(arrays: Mapping[str, NDArray[Any]], block: str) -> Columns:
    which = "names" if block == "descriptors" else "index"
    names = [f"{block}.{name}" for name in (which, "mean", "sd")]
    if missing := [name for name in names if name not in arrays]:
        raise InputError("no such array", field=missing[0], expected=", ".join(names))
    index, mean, sd = (arrays[name] for name in names)
    if block == "descriptors":
        index = _descriptor_index(bytes(index).decode("utf-8", "replace"))
    if not len(index) == len(mean) == len(sd):
        raise InputError(f"{len(index)} columns, {len(mean)} means, {len(sd)} deviations", field=block)
    if (index < 0).any() or not (np.isfinite(mean) & (sd > 0)).all():
        raise InputError("no columns with mean and deviation", field=block, expected="what `to_arrays` wrote")
    return Columns(index.astype(np.int64), mean, sd)


def _descriptor_index(text: str) -> NDArray[np.int64]:
    place = {name: at for at, name in enumerate(RDKIT_DESCRIPTOR_NAMES)}
    names = text.splitlines()
    if unknown := [name for name in names if name not in place]:
        raise InputError(
            f"RDKit has no descriptor {unknown[0]}", field="descriptors.names",
            hint="use the version of RDKit that the model was trained with",
        )  # fmt: skip
    return np.array([place[name] for name in names], np.int64)


_Block = Callable[[PairFeatures], NDArray[np.generic]]
# The logarithm keeps a chain of thirty equal carbons from drowning the rest.
_DRUG: dict[str, _Block] = {
    "counts": lambda features: np.log2(1.0 + features.counts),
    "descriptors": lambda features: features.descriptors,
}
_TARGET: dict[str, _Block] = {
    "composition": lambda features: features.composition,
    "flags": lambda features: features.flags,
}
