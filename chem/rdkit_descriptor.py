"""All of RDKit's two-dimensional descriptors, by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np
import pandas as pd
from rdkit import Chem, rdBase
from rdkit.Chem import Descriptors

from chem.errors import InputError
from chem.molecules import Structure, map_blocks, molecule_at

_FUNCTIONS: dict[str, Callable[[Chem.Mol], float]] = dict(Descriptors.descList)
RDKIT_DESCRIPTOR_NAMES: tuple[str, ...] = tuple(_FUNCTIONS)
"""Names of RDKit's descriptors, in RDKit's order."""
_BLOCK = 200
_LARGEST = {"Ipc": 300, "AvgIpc": 300}


def rdkit_descriptors(
    smiles: Iterable[Structure], names: Sequence[str] | None = None, *, threads: int = 1
) -> pd.DataFrame:
    """RDKit's two-dimensional descriptors of molecules.

    A value that RDKit cannot compute is NaN: where its function raises (so the molecule keeps its row), where it
    returns something infinite, and for Ipc and AvgIpc of molecules of more than 300 heavy atoms, on which
    RDKit takes minutes and overflows. Partial charges and BCUT2D are NaN where Gasteiger's charges have no
    parameters: metals and wildcard atoms.

    Parameters
    ----------
    smiles
        One SMILES, or RDKit molecule, per molecule.
    names
        Some of `RDKIT_DESCRIPTOR_NAMES`, in the order wanted; all unless given.
    threads
        Processes; more than one are used for more than 200 molecules.

    Returns
    -------
    pandas.DataFrame
        float64, one row per molecule, one column per name.

    Raises
    ------
    InputError
        A SMILES does not parse (its index is named), or RDKit has no such descriptor.

    References
    ----------
    `rdkit_descriptor_table` gives each one's version and RDKit's description, which names its source.

    Examples
    --------
    >>> rdkit_descriptors(["CCO", "[Na+].[Cl-]"], ["MolWt", "TPSA", "MaxPartialCharge"]).round(2)
       MolWt   TPSA  MaxPartialCharge
    0  46.07  20.23              0.04
    1  58.44   0.00              1.00
    """
    wanted = RDKIT_DESCRIPTOR_NAMES if names is None else tuple(names)
    unknown = [name for name in wanted if name not in _FUNCTIONS]
    if unknown:
        raise InputError(
            f"RDKit {rdBase.rdkitVersion} has no descriptor {unknown[0]!r}",
            field="names",
            expected="names of rdkit_descriptor_table()",
        )
    blocks = list(map_blocks(partial(_table, wanted), smiles, block=_BLOCK, threads=threads))
    return pd.DataFrame(np.concatenate([np.empty((0, len(wanted))), *blocks]), columns=list(wanted))


def rdkit_descriptor_table() -> pd.DataFrame:
    """List RDKit's descriptors with their versions.

    Returns
    -------
    pandas.DataFrame
        name, version (RDKit's number of the definition), description.

    Examples
    --------
    >>> rdkit_descriptor_table().set_index("name").loc["qed", "version"]
    '1.1.0'
    """
    rows = [
        (name, str(getattr(function, "version", "")), _summary(function))
        for name, function in _FUNCTIONS.items()
    ]
    return pd.DataFrame(rows, columns=["name", "version", "description"])


def _summary(function: Callable[[Chem.Mol], float]) -> str:
    return " ".join((function.__doc__ or "").split())


def _table(names: tuple[str, ...], first: int, items: list[Structure]) -> np.ndarray:
    table = np.empty((len(items), len(names)))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # an overflow is NaN here
        for row, item in enumerate(items):
            molecule = molecule_at(first + row, item)
            with rdBase.BlockLogs():
                table[row] = [_value(name, molecule) for name in names]
    table[~np.isfinite(table)] = np.nan
    return table


def _value(name: str, molecule: Chem.Mol) -> float:
    if molecule.GetNumHeavyAtoms() > _LARGEST.get(name, np.inf):
        return np.nan
    try:
        return float(_FUNCTIONS[name](molecule))
    except (
        ArithmeticError,
        IndexError,
        KeyError,
        RuntimeError,
        TypeError,
        ValueError,
        np.linalg.LinAlgError,
    ):
        return np.nan
