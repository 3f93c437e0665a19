"""The single steps of a standardisation recipe, each from molecule to molecule."""

from __future__ import annotations

from functools import cache, reduce

from rdkit import Chem
from rdkit.Chem.MolStandardize import rdMolStandardize

from chem.counterions import is_counterion

# Neutral atoms in their ordinary valence; hydrogen atoms, metals, radicals and wildcards are none of them.
_ORDINARY_ATOMS = (
    ("#6", "v4", "+0"),
    ("#7", "v3", "+0"),
    ("#8", "v2", "+0"),
    ("#9", "v1", "+0"),
    ("#17", "v1", "+0"),
    ("#35", "v1", "+0"),
    ("#53", "v1", "+0"),
    ("#15", "v5", "X4", "+0"),
    ("#16", "v2", "+0"),
    ("#16", "v6", "X4", "+0"),
)
LOST_METAL = "the parent is without its"
"""Begins the note on the ligand of a metal."""
_TRANSITION_METALS = (range(21, 31), range(39, 49), range(57, 81), range(89, 113))
_STEREO_BONDS = (
    Chem.BondStereo.STEREOE,
    Chem.BondStereo.STEREOZ,
    Chem.BondStereo.STEREOCIS,
    Chem.BondStereo.STEREOTRANS,
)


def is_ordinary(molecule: Chem.Mol) -> bool:
    """Tell whether `cleanup`, `largest_fragment` and `uncharge` have nothing to change in a molecule.

    So it is for one fragment of neutral C, N, O, S, P and halogens in their ordinary valences:

    - the disconnector looks for a metal, of which there is none;
    - each rule of RDKit's normaliser has either a charged atom among its reactants, or a nitrogen of valence
      five, a phosphorus of valence five with three neighbours, or a sulfur of valence four with three
      neighbours: none of them is ordinary;
    - the reioniser moves protons to an ionised base, and each of its bases is an anion; its corrections of
      charges are for bare atoms of Li, Na, K, Mg, Ca and Cl;
    - the uncharger looks for charged atoms.

    Parameters
    ----------
    molecule
        A sanitised molecule.

    Returns
    -------
    bool
        False may also mean that nothing would be changed: the steps themselves have to find out.

    References
    ----------
    RDKit 2026.3, Code/GraphMol/MolStandardize: TransformCatalog/normalizations.in,
    AcidBaseCatalog/acid_base_pairs.in, Charge.cpp, Metal.cpp.

    Examples
    --------
    >>> is_ordinary(Chem.MolFromSmiles("CS(=O)(=O)Nc1ccccc1Cl"))
    True
    >>> [is_ordinary(Chem.MolFromSmiles(smiles)) for smiles in ("CS(C)=O", "CC(=O)[O-]", "C.O", "[CH3]")]
    [False, False, False, False]
    """
    return not molecule.HasSubstructMatch(_extraordinary_atom()) and len(Chem.GetMolFrags(molecule)) == 1


@cache
def _extraordinary_atom() -> Chem.Mol:
    """Return the query for an atom that is none of `_ORDINARY_ATOMS`."""
    none_of = ";".join(",".join(f"!{term}" for term in terms) for terms in _ORDINARY_ATOMS)
    return Chem.MolFromSmarts(f"[{none_of}]")


def cleanup(molecule: Chem.Mol, *, disconnect_metals: bool = True) -> Chem.Mol:
    """Normalise functional groups and move charges to the strongest acids.

    Parameters
    ----------
    molecule
        The molecule.
    disconnect_metals
        Cut the bonds between metals and organic atoms, with the charges that follow.

    Returns
    -------
    rdkit.Chem.Mol
        Without explicit hydrogens, stereochemistry perceived anew.

    Examples
    --------
    >>> acetate = Chem.MolFromSmiles("CC(=O)O[Pt]OC(C)=O")
    >>> Chem.MolToSmiles(cleanup(acetate, disconnect_metals=False))
    'CC(=O)[O][Pt][O]C(C)=O'
    >>> Chem.MolToSmiles(cleanup(acetate))
    'CC(=O)[O-].CC(=O)[O-].[Pt+2]'
    """
    if disconnect_metals:
        return rdMolStandardize.Cleanup(molecule)
    # The steps of RDKit's Cleanup but one, in its order.
    cleaned = perceive_again(molecule)
    cleaned = rdMolStandardize.Reionize(rdMolStandardize.Normalize(cleaned))
    Chem.AssignStereochemistry(cleaned, cleanIt=True, force=True)
    return cleaned


def perceive_again(molecule: Chem.Mol) -> Chem.Mol:
    """Do what is left of RDKit's cleanup for a molecule in which it finds nothing to clean.

    Parameters
    ----------
    molecule
        The molecule.

    Returns
    -------
    rdkit.Chem.Mol
        Without explicit hydrogens; aromaticity and stereochemistry perceived anew.

    Examples
    --------
    >>> Chem.MolToSmiles(perceive_again(Chem.MolFromSmiles("OCC")))
    'CCO'
    """
    perceived = Chem.RemoveHs(molecule)
    Chem.AssignStereochemistry(perceived, cleanIt=True, force=True)
    return perceived


def largest_fragment(molecule: Chem.Mol) -> tuple[Chem.Mol, str]:
    """Split off everything but the largest organic fragment that is no known counter-ion, if there is one.

    Parameters
    ----------
    molecule
        One or more fragments.

    Returns
    -------
    kept : rdkit.Chem.Mol
        The fragment.
    removed : str
        Canonical SMILES of the others, sorted and joined by dots.

    Examples
    --------
    >>> kept, removed = largest_fragment(Chem.MolFromSmiles("CCN.OC(=O)CC(O)(CC(=O)O)C(=O)O"))
    >>> Chem.MolToSmiles(kept), removed
    ('CCN', 'O=C(O)CC(O)(CC(=O)O)C(=O)O')
    """
    fragments = Chem.GetMolFrags(molecule, asMols=True, sanitizeFrags=True)
    if len(fragments) <= 1:
        return molecule, ""
    uncharger = rdMolStandardize.Uncharger()
    drugs = [fragment for fragment in fragments if not is_counterion(uncharger.uncharge(fragment))]
    candidates = reduce(Chem.CombineMols, drugs) if any(map(_holds_carbon, drugs)) else molecule
    kept = rdMolStandardize.LargestFragmentChooser(preferOrganic=True).choose(candidates)
    texts = sorted(Chem.MolToSmiles(fragment) for fragment in fragments)
    texts.remove(Chem.MolToSmiles(kept))
    return kept, ".".join(texts)


def _holds_carbon(fragment: Chem.Mol) -> bool:
    return any(atom.GetAtomicNum() == 6 for atom in fragment.GetAtoms())


def lost_metals(whole: Chem.Mol, kept: Chem.Mol) -> str:
    """Say so where the fragment that was kept is only the ligand of a d- or f-block metal.

    Sodium or calcium beside a drug is a salt; without its platinum, cisplatin is ammonia. Where every part is smaller
    than the metal, that is kept, and its ligands are lost.

    Parameters
    ----------
    whole, kept
        Before and after `largest_fragment`.

    Returns
    -------
    str
        One phrase; empty where metal and ligands were not parted.

    Examples
    --------
    >>> complex_ = cleanup(Chem.MolFromSmiles("[NH3][Pt]([NH3])(Cl)Cl"))
    >>> lost_metals(complex_, largest_fragment(complex_)[0])
    'the parent is without its Pt'
    """
    if kept.GetNumHeavyAtoms() == 1 < whole.GetNumHeavyAtoms() and _transition_metals(kept):
        return f"{LOST_METAL} ligands"
    metals = _transition_metals(whole) - _transition_metals(kept)
    return f"{LOST_METAL} {', '.join(sorted(metals))}" if metals else ""


def _transition_metals(molecule: Chem.Mol) -> set[str]:
    return {
        atom.GetSymbol()
        for atom in molecule.GetAtoms()
        if any(atom.GetAtomicNum() in block for block in _TRANSITION_METALS)
    }


def uncharge(molecule: Chem.Mol) -> Chem.Mol:
    """Add or remove hydrogens until the molecule is neutral, where it can be.

    Parameters
    ----------
    molecule
        The molecule.

    Returns
    -------
    rdkit.Chem.Mol
        Quaternary nitrogen and its like keep their charge.

    Examples
    --------
    >>> Chem.MolToSmiles(uncharge(Chem.MolFromSmiles("C[NH2+]CC(=O)[O-]")))
    'CNCC(=O)O'
    """
    return rdMolStandardize.Uncharger().uncharge(molecule)


def without_isotopes(molecule: Chem.Mol) -> Chem.Mol:
    """Make every atom the natural mixture; deuterium becomes an ordinary, implicit hydrogen.

    Parameters
    ----------
    molecule
        The molecule.

    Returns
    -------
    rdkit.Chem.Mol
        The molecule itself where no atom is labelled.

    Examples
    --------
    >>> Chem.MolToSmiles(without_isotopes(Chem.MolFromSmiles("[2H]C([2H])([2H])[13CH2]O")))
    'CCO'
    """
    if not any(atom.GetIsotope() for atom in molecule.GetAtoms()):
        return molecule
    plain = Chem.Mol(molecule)
    for atom in plain.GetAtoms():
        atom.SetIsotope(0)
    return perceive_again(plain)


def without_stereo(molecule: Chem.Mol) -> Chem.Mol:
    """Forget stereocentres and double-bond geometry.

    Parameters
    ----------
    molecule
        The molecule.

    Returns
    -------
    rdkit.Chem.Mol
        A copy.

    Examples
    --------
    >>> Chem.MolToSmiles(without_stereo(Chem.MolFromSmiles("C/C=C/[C@H](N)O")))
    'CC=CC(N)O'
    """
    flat = Chem.Mol(molecule)
    Chem.RemoveStereochemistry(flat)
    return flat


def canonical_tautomer(molecule: Chem.Mol) -> tuple[Chem.Mol, str]:
    """Choose RDKit's canonical tautomer, and say what that cost.

    Stereocentres and double bonds that take part in the tautomerism lose their labels.

    Parameters
    ----------
    molecule
        The molecule.

    Returns
    -------
    tautomer : rdkit.Chem.Mol
        The tautomer with the highest score among those enumerated.
    note : str
        Stereo labels lost, and whether the enumeration stopped at its limits; empty where neither happened.

    Examples
    --------
    >>> tautomer, note = canonical_tautomer(Chem.MolFromSmiles("C[C@H](O)C(C)=O"))
    >>> Chem.MolToSmiles(tautomer), note
    ('CC(=O)C(C)O', 'the canonical tautomer lost 1 of 1 stereo labels')
    """
    enumerator = rdMolStandardize.TautomerEnumerator()
    found = enumerator.Enumerate(molecule)
    tautomer = enumerator.PickCanonical(found)
    before, after = _n_stereo_labels(molecule), _n_stereo_labels(tautomer)
    notes = [f"the canonical tautomer lost {before - after} of {before} stereo labels"] * (after < before)
    if found.status != rdMolStandardize.TautomerEnumeratorStatus.Completed:
        notes.append(f"not all tautomers were enumerated ({found.status.name})")
    return tautomer, "; ".join(notes)


def _n_stereo_labels(molecule: Chem.Mol) -> int:
    """Stereocentres and double bonds with a known geometry."""
    atoms = sum(atom.GetChiralTag() != Chem.ChiralType.CHI_UNSPECIFIED for atom in molecule.GetAtoms())
    return atoms + sum(bond.GetStereo() in _STEREO_BONDS for bond in molecule.GetBonds())
