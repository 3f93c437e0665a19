"""What a response model is trained on: responses, profiles of the same lines, structures of the compounds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from chem.errors import InputError
from chem.fingerprint import fingerprints
from models.response_table import ResponseTable

Array = NDArray[np.float64]
Blocks = dict[str, NDArray[np.float32]]
KINDS = ("morgan", "atom_pair")
"""Counted fingerprints that unseen compounds are compared by, side by side."""


@dataclass(frozen=True)
class ResponseData:
    """Responses with all that is known of their lines and compounds.

    Attributes
    ----------
    table
        Responses of n lines to m compounds.
    profiles
        float32 (n, columns) by block, of `models.profile_features.BLOCKS`; NaN is missing.
    genes
        Names of the columns of each block.
    smiles
        (m,) standardised SMILES, empty for a compound without a structure that can be read; empty altogether where no
        structures are known.
    tissue
        (n,) what is held out together when tissues are; empty where none is declared.
    teacher
        Blocks of the same lines that lines to be predicted need not have.
    gene_weight
        (columns,) by block, as `models.response.ResponseModel.fit` takes it.

    Raises
    ------
    InputError
        The parts do not have the same lines or compounds, or no line has a profile.
    """

    table: ResponseTable
    profiles: Blocks
    genes: Mapping[str, tuple[str, ...]]
    smiles: tuple[str, ...] = ()
    tissue: tuple[str, ...] = ()
    teacher: Blocks = field(default_factory=dict)
    gene_weight: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n, m = self.table.values.shape
        for name, block in {**self.profiles, **self.teacher}.items():
            if len(block) != n:
                raise InputError(f"{len(block)} profiles", field=name, expected=f"those of the {n} lines")
        for what, given, expected in (("smiles", self.smiles, m), ("tissue", self.tissue, n)):
            if given and len(given) != expected:
                raise InputError(f"{len(given)} of them", field=what, expected=f"{expected}")
        if not self.profiles:
            raise InputError("there is no block of profiles", field="profiles", expected="one or more")

    @property
    def fingerprints(self) -> NDArray[np.uint32] | None:
        """(m, length) counted fingerprints, or None where no structures are known."""
        return compound_counts(self.smiles) if any(self.smiles) else None

    def part(
        self, lines: NDArray[np.bool_] | NDArray[np.int64], compounds: NDArray[np.int64] | None = None
    ) -> ResponseData:
        """Some lines, and some compounds (all unless given)."""
        chosen = np.arange(self.table.values.shape[1]) if compounds is None else compounds
        rows = np.arange(len(self.table.line_ids))[lines]
        return ResponseData(
            self.table.select_lines(rows).select_compounds(chosen),
            {name: block[rows] for name, block in self.profiles.items()},
            self.genes,
            tuple(np.array(self.smiles, object)[chosen]) if self.smiles else (),
            tuple(np.array(self.tissue, object)[rows]) if self.tissue else (),
            {name: block[rows] for name, block in self.teacher.items()},
            self.gene_weight,
        )

    @property
    def digest(self) -> str:
        """Hash of all of it, 16 hexadecimal digits."""
        told = hashlib.sha256(
            repr((self.table.line_ids, self.table.compound_ids, self.smiles, self.tissue)).encode()
        )
        told.update(np.ascontiguousarray(self.table.values).tobytes())
        for group in (self.profiles, self.teacher, self.gene_weight):
            for name in sorted(group):
                told.update(name.encode())
                told.update(np.ascontiguousarray(group[name]).tobytes())
        return told.hexdigest()[:16]


def compound_counts(smiles: Sequence[str]) -> NDArray[np.uint32]:
    """Counted fingerprints of compounds, all `KINDS` side by side; zeros for an empty SMILES.

    Examples
    --------
    >>> compound_counts(["CCO", ""]).sum(axis=1).tolist()
    [9, 0]
    """
    readable = [text for text in smiles if text]
    counts = np.concatenate([fingerprints(readable, kind, counts=True) for kind in KINDS], axis=1)
    every = np.zeros((len(smiles), counts.shape[1]), np.uint32)
    every[[number for number, text in enumerate(smiles) if text]] = counts
    return every
