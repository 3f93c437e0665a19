"""A structure in the notation of its file (SMILES, InChI, mol block) as SMILES, or why it is none."""

from __future__ import annotations

from rdkit import Chem, rdBase
from rdkit.Chem import rdinchi

from chem.interrupts import python_interrupts
from chem.parse import captured_rdkit_log, first_complaint
from chem.record import CompoundRecord

MAX_STRUCTURE = 15_000
"""Longest SMILES or InChI that is read, in characters; most atoms of a mol block.

RDKit writes SMILES by recursion: from some 17,000 atoms in a chain on it overruns the 8 MB of a stack, and the
process dies without a word.
"""

_SHOWN = 200
_POLYMERS = frozenset(("SRU", "MON", "MER", "COP", "CRO", "MOD", "GRA", "ANY"))


def structure_record(
    row: int, line: int, identifier: str, name: str, text: str, file: str = "", note: str = ""
) -> CompoundRecord:
    """Record of a structure that stands as text in a line or a cell.

    Parameters
    ----------
    row, line, identifier, name, file, note
        As `CompoundRecord` has them; without identifier it is the row number.
    text
        SMILES, or InChI where it begins with "InChI="; blanks around it taken off.

    Returns
    -------
    CompoundRecord
        With a reason where the text is empty, longer than `MAX_STRUCTURE`, holds a NUL byte (at which RDKit
        would stop reading) or letters beyond ASCII.

    Examples
    --------
    >>> structure_record(1, 1, "", "", "InChI=1S/CH4/h1H4").kind
    'inchi'
    >>> structure_record(1, 1, "", "", "C" * 20_000).reason
    'a structure of 20,000 characters; the limit is 15,000'
    """
    kind = "inchi" if text.startswith("InChI=") else "smiles"
    reason = ""
    if not text:
        reason = "empty SMILES"
    elif len(text) > MAX_STRUCTURE:
        reason = f"a structure of {len(text):,} characters; the limit is {MAX_STRUCTURE:,}"
        text = cut_text(text, len(text))
    elif "\x00" in text:
        reason = "a NUL byte in the structure"
    elif not text.isascii():
        letter = next(letter for letter in text if not letter.isascii())
        reason = f"{letter!r} in the structure, which no SMILES or InChI holds"
    return CompoundRecord(row, line, identifier or str(row), name, text, reason, kind, file, note)


def cut_text(text: str, length: int) -> str:
    """Beginning of a text that is too long to show, with a mark that says how long it was.

    Examples
    --------
    >>> cut_text("C" * 1000, 1000)[-25:]
    '... [of 1,000 characters]'
    """
    return f"{text[:_SHOWN]}... [of {length:,} characters]"


def structure_smiles(text: str, kind: str) -> tuple[str, str, str]:
    """SMILES of a structure, which a molecule made of it has.

    Parameters
    ----------
    text
        The structure.
    kind
        'smiles' (comes back as it is), 'inchi' or 'molblock'.

    Returns
    -------
    smiles
        Empty where there is none.
    reason
        Why there is none; empty otherwise.
    note
        What the SMILES does not say: a polymer's repetition, query atoms, relative stereochemistry.

    Examples
    --------
    >>> structure_smiles("InChI=1S/C2H6O/c1-2-3/h3H,2H2,1H3", "inchi")
    ('CCO', '', '')
    >>> structure_smiles("InChI=1S/nonsense", "inchi")[1]
    'RDKit could not read the InChI'
    """
    if kind == "inchi":
        return *_smiles_of_inchi(text), ""
    return _smiles_of_mol_block(text) if kind == "molblock" else (text, "", "")


def _smiles_of_inchi(text: str) -> tuple[str, str]:
    if not text.isascii():
        return "", "letters in it that no InChI has"
    with captured_rdkit_log() as said, python_interrupts():
        try:
            molecule, _, complaint, _ = rdinchi.InchiToMol(text)
            if molecule is None or not molecule.GetNumAtoms():
                said.append(complaint)
                return "", first_complaint(said) or "RDKit could not read the InChI"
            smiles = Chem.MolToSmiles(molecule)
            again = _inchi_of_smiles(smiles)
        except (ValueError, RuntimeError) as error:
            return "", _first_line(error)
    # What does not lead back to the InChI is another compound.
    if text.startswith("InChI=1S/") and again != text:
        return "", f"the molecule that RDKit makes of the InChI has another one: {again or 'none'}"
    return smiles, ""


def _inchi_of_smiles(smiles: str) -> str:
    molecule = Chem.MolFromSmiles(smiles)
    return "" if molecule is None else str(rdinchi.MolToInchi(molecule)[0])


def _smiles_of_mol_block(block: str) -> tuple[str, str, str]:
    # RDKit counts columns in bytes: a complaint that cuts a letter in two is no text for Python. Only names and
    # comments may hold such letters, and they are read elsewhere.
    block = block.encode("ascii", "replace").decode()
    with rdBase.BlockLogs():
        try:
            molecule = Chem.MolFromMolBlock(block)
        except (ValueError, RuntimeError) as error:
            return "", _first_line(error), ""
    if molecule is None:
        return "", _mol_block_complaint(block), ""
    n_atoms = molecule.GetNumAtoms()
    if not n_atoms:
        return "", "no atoms", ""
    if n_atoms > MAX_STRUCTURE:
        return "", f"a structure of {n_atoms:,} atoms; the limit is {MAX_STRUCTURE:,}", ""
    smiles = Chem.MolToSmiles(molecule)
    return smiles, "", _beyond_smiles(molecule, smiles)


def _mol_block_complaint(block: str) -> str:
    with captured_rdkit_log() as said:
        Chem.MolFromMolBlock(block)
    # A violated condition is announced by a frame and a title; what was violated stands below them.
    words = [line for line in said if line.strip("* ") and not line.endswith("ondition Violation")]
    return first_complaint(words) or "RDKit could not read the mol block"


def _beyond_smiles(molecule: Chem.Mol, smiles: str) -> str:
    """What the mol block says and its SMILES does not."""
    notes = []
    # Their lengths are asked for first: to go through one of RDKit's empty vectors takes as long as parsing.
    groups, stereo = Chem.GetMolSubstanceGroups(molecule), molecule.GetStereoGroups()
    types = {group.GetProp("TYPE") for group in groups if group.HasProp("TYPE")} if len(groups) else set()
    if types & _POLYMERS:
        notes.append(f"polymer ({', '.join(sorted(types & _POLYMERS))}): the SMILES is the unit as drawn")
    has_query = molecule.HasQuery()
    if "*" in smiles or (has_query and any(atom.HasQuery() for atom in molecule.GetAtoms())):
        notes.append("R groups or query atoms: the SMILES has * or the atom as drawn")
    if has_query and any(bond.HasQuery() for bond in molecule.GetBonds()):
        notes.append("query bonds: the SMILES has ~ or the bond as drawn")
    absolute = Chem.StereoGroupType.STEREO_ABSOLUTE
    if len(stereo) and any(group.GetGroupType() != absolute for group in stereo):
        notes.append("relative stereochemistry: the SMILES has it as drawn")
    return "; ".join(notes)


def _first_line(error: Exception) -> str:
    said = str(error).strip().splitlines()
    return said[0] if said else type(error).__name__
