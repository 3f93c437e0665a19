"""What models read of molecules: descriptors, counted environments, bits and graphs, each made when first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chem.count_similarity import CountTable
from chem.fingerprint import fingerprints
from chem.graph import MolecularGraphs
from chem.graph_encode import encode_graphs
from chem.rdkit_descriptor import RDKIT_DESCRIPTOR_NAMES, rdkit_descriptors

N_BITS = 2048
"""Width of the bits; counts are `N_COUNTS` wide."""
N_COUNTS = 4096
DESCRIPTOR_NAMES = RDKIT_DESCRIPTOR_NAMES
"""Columns of `MoleculeFeatures.descriptors`."""


class MoleculeFeatures:
    """Features of molecules, each block made when first asked for, and kept.

    Nothing here is fitted: what depends on training rows belongs to the models. A row depends on its molecule alone.

    Parameters
    ----------
    smiles
        n standardised SMILES, all of which parse.

    Attributes
    ----------
    smiles
        As given, a tuple.

    Examples
    --------
    >>> molecules = MoleculeFeatures(["CCO", "CCN", "c1ccccc1"])
    >>> len(molecules), molecules.bits.shape, len(molecules.counts("atom_pair")), len(molecules.graphs)
    (3, (3, 2048), 3, 3)
    >>> some = molecules.select([2, 0])
    >>> some.smiles, some.descriptors.shape == (2, len(DESCRIPTOR_NAMES))
    (('c1ccccc1', 'CCO'), True)
    """

    def __init__(self, smiles: Sequence[str]) -> None:
        self.smiles = tuple(smiles)
        self._blocks: dict[Any, Any] = {}
        self._whole: MoleculeFeatures | None = None
        self._rows = np.arange(len(self.smiles))

    def __len__(self) -> int:
        return len(self.smiles)

    def select(self, rows: ArrayLike) -> MoleculeFeatures:
        """Some of the molecules, in the order given.

        A block that is asked of them is made for all molecules they were selected from, once, so that folds
        share it.

        Parameters
        ----------
        rows
            Numbers of the molecules, or a boolean mask.
        """
        chosen = np.arange(len(self))[np.asarray(rows, None if len(np.atleast_1d(rows)) else np.int64)]
        part = MoleculeFeatures([self.smiles[row] for row in chosen])
        part._whole, part._rows = self, chosen
        return part

    def with_structure(
        self, graphs: MolecularGraphs, bits: NDArray[np.uint8], counts: Mapping[str, CountTable]
    ) -> MoleculeFeatures:
        """The same molecules with other graphs, bits and counts, as of molecules of which atoms are hidden.

        Parameters
        ----------
        graphs, bits, counts
            A row per molecule; kinds of counts that are not given are those of the molecules themselves.
        """
        other = self.select(np.arange(len(self)))
        other._blocks = {"graphs": graphs, "bits": bits}
        other._blocks |= {("counts", kind): table for kind, table in counts.items()}
        return other

    @property
    def descriptors(self) -> NDArray[np.float64]:
        """(n, len(DESCRIPTOR_NAMES)) RDKit's descriptors as `chem.rdkit_descriptor` has them, NaN where undefined."""
        return cast("NDArray[np.float64]", self._block("descriptors", _descriptors, _rows))

    @property
    def bits(self) -> NDArray[np.uint8]:
        """(n, N_BITS) Morgan fingerprints of radius 2, 0 or 1."""
        return cast("NDArray[np.uint8]", self._block("bits", _bits, _rows))

    def counts(self, kind: str = "morgan") -> CountTable:
        """How often each environment occurs, `N_COUNTS` wide.

        Parameters
        ----------
        kind
            Of the fingerprint: morgan (radius 2), feature_morgan, atom_pair, topological_torsion or another that
            counts.

        Raises
        ------
        InputError
            There is no such kind, or it does not count.
        """

        def count(smiles: tuple[str, ...]) -> CountTable:
            rows = fingerprints(smiles, kind, n_bits=N_COUNTS, counts=True)
            return CountTable.from_dense(rows)

        return cast("CountTable", self._block(("counts", kind), count, CountTable.take))

    @property
    def graphs(self) -> MolecularGraphs:
        """Molecular graphs, which `models.parts.batch.molecule_batch` reads."""
        return cast("MolecularGraphs", self._block("graphs", encode_graphs, MolecularGraphs.take))

    def _block(
        self,
        key: object,
        make: Callable[[tuple[str, ...]], Any],
        take: Callable[[Any, NDArray[np.int64]], Any],
    ) -> Any:
        if key not in self._blocks:
            if self._whole is None:
                self._blocks[key] = make(self.smiles)
            else:
                self._blocks[key] = take(self._whole._block(key, make, take), self._rows)
        return self._blocks[key]


def _descriptors(smiles: tuple[str, ...]) -> NDArray[np.float64]:
    return rdkit_descriptors(smiles).to_numpy()


def _bits(smiles: tuple[str, ...]) -> NDArray[np.uint8]:
    return fingerprints(smiles, n_bits=N_BITS)


def _rows(block: NDArray[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
    return np.asarray(block[rows])
