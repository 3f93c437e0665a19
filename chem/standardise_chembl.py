"""The ChEMBL structure pipeline as one of the ways to a parent; an optional extra."""

from __future__ import annotations

from collections import Counter
from types import ModuleType

from rdkit import Chem

from chem.errors import InputError


def chembl_standardizer() -> ModuleType:
    """Import ChEMBL's standardizer.

    Returns
    -------
    module
        ``chembl_structure_pipeline.standardizer``.

    Raises
    ------
    InputError
        It is not installed.

    Examples
    --------
    >>> hasattr(chembl_standardizer(), "get_parent_mol")
    True
    """
    try:
        from chembl_structure_pipeline import standardizer
    except ImportError:
        raise InputError(
            "the ChEMBL structure pipeline is not installed",
            field="pipeline",
            hint="install varimol[chembl], or take a recipe of the pipeline 'rdkit'",
        ) from None
    return standardizer


def chembl_parent(molecule: Chem.Mol) -> tuple[Chem.Mol, str, str]:
    """Standardise as ChEMBL does, then take ChEMBL's parent: salts, solvents and isotopes go.

    Parameters
    ----------
    molecule
        The molecule.

    Returns
    -------
    parent : rdkit.Chem.Mol
        Neutral where it can be; of several components that are no salt, all are kept.
    removed : str
        Canonical SMILES of what was taken off, sorted and joined by dots.
    note : str
        Says so where ChEMBL excludes the structure from its standardisation (metals, many borons).

    Raises
    ------
    InputError
        The pipeline is not installed.

    References
    ----------
    Bento et al., J. Cheminform. 2020, 12, 51, doi:10.1186/s13321-020-00456-1.

    Examples
    --------
    >>> parent, removed, note = chembl_parent(Chem.MolFromSmiles("[Na+].CCCSc1ccc(cc1)C(=O)[O-]"))
    >>> Chem.MolToSmiles(parent), removed, note
    ('CCCSc1ccc(C(=O)O)cc1', '[Na+]', '')
    """
    chembl = chembl_standardizer()
    standard = Chem.RemoveHs(chembl.standardize_mol(molecule))
    parent, excluded = chembl.get_parent_mol(standard)
    # Fragments are told apart by their neutral form: the parent's charges went with its counter-ions.
    kept = Counter(_neutral(fragment, chembl) for fragment in Chem.GetMolFrags(parent, asMols=True))
    removed = []
    for fragment in Chem.GetMolFrags(standard, asMols=True):
        name = _neutral(fragment, chembl)
        if kept[name]:
            kept[name] -= 1
        else:
            removed.append(Chem.MolToSmiles(fragment))
    return parent, ".".join(sorted(removed)), "excluded by ChEMBL's rules" if excluded else ""


def _neutral(fragment: Chem.Mol, chembl: ModuleType) -> str:
    return Chem.MolToSmiles(chembl.uncharge_mol(chembl.get_isotope_parent_mol(fragment)))
