"""Attributions as tables, in the numbering of the structure and the sequence that were given."""

from __future__ import annotations

import numpy as np
import pandas as pd

from chem.atom_origin import input_atoms
from chem.errors import InputError
from chem.molecules import molecule_at
from chem.standardise import standardise_smiles
from models.affinity import EndpointModel
from models.attribution import AtomMasks, ResidueMasks
from models.attribution_fidelity import Method, contributions
from models.protein import Target


def atom_table(
    model: EndpointModel, structure: str, target: Target, *, method: Method = "masking"
) -> pd.DataFrame:
    """Contribution of each atom of a structure as somebody wrote it.

    Parameters
    ----------
    model
        Of the endpoint.
    structure
        SMILES, salts and explicit hydrogens as they may be; it is standardised here.
    target
        One protein.
    method
        As `models.attribution_fidelity.contributions` takes it.

    Returns
    -------
    pd.DataFrame
        atom (from 0, in the order of the standardised SMILES), input_atom (from 0, in the order of `structure`;
        missing where it cannot be followed through standardisation), symbol, contribution (label's unit).

    Raises
    ------
    InputError
        The structure cannot be standardised, or there is no such method.
    """
    outcome = standardise_smiles(structure)
    if outcome.reason:
        raise InputError(f"{structure!r} cannot be used: {outcome.reason}", field="smiles")
    share = contributions(AtomMasks(model, outcome.smiles, target), method)
    return named_atoms(structure, outcome.smiles).assign(contribution=share)


def named_atoms(structure: str, smiles: str) -> pd.DataFrame:
    """Atoms of a structure as somebody wrote it.

    Parameters
    ----------
    structure
        SMILES as given.
    smiles
        The same, standardised.

    Returns
    -------
    pd.DataFrame
        atom, input_atom and symbol, as `atom_table` has them.

    Examples
    --------
    >>> named_atoms("[Na+].[O-]C(=O)C", "CC(=O)O")["input_atom"].tolist()
    [4, 2, 3, 1]
    """
    symbols = [atom.GetSymbol() for atom in molecule_at(0, smiles).GetAtoms()]
    try:
        origin = pd.array(input_atoms(structure), dtype="Int64")
    except InputError:
        origin = pd.array([pd.NA] * len(symbols), dtype="Int64")
    return pd.DataFrame({"atom": np.arange(len(symbols)), "input_atom": origin, "symbol": symbols})


def residue_table(
    model: EndpointModel, smiles: str, target: Target, *, method: Method = "masking"
) -> pd.DataFrame:
    """Contribution of each residue of a protein.

    Parameters
    ----------
    model
        Of the endpoint.
    smiles
        Standardised SMILES of one molecule.
    target
        One protein, its variant applied.
    method
        As `models.attribution_fidelity.contributions` takes it.

    Returns
    -------
    pd.DataFrame
        position (from 1, in the sequence), residue, column (from 1, of the kinase profile; missing outside the
        domain, where a contribution is that of composition and words alone), contribution (label's unit).

    Raises
    ------
    InputError
        The SMILES does not parse, or there is no such method.
    """
    masks = ResidueMasks(model, smiles, target)
    column = pd.array(masks.column + 1, dtype="Int64")
    column[masks.column < 0] = pd.NA
    return pd.DataFrame(
        {
            "position": np.arange(1, masks.size + 1),
            "residue": list(target.sequence),
            "column": column,
            "contribution": contributions(masks, method),
        }
    )
