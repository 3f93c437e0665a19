"""SMILES to molecules for graphs: what `chem.parse.parse_smiles` gives, without work that a graph has no use for.

Two thirds of what RDKit does for a SMILES without stereochemistry is sanitising it; most of the rest looks for
stereocentres that no mark asks for, and for hydrogens to remove where none are written. Both are left out where the
text shows that nothing can come of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rdkit import Chem, rdBase

from chem.errors import InputError
from chem.graph_marks import keep_marks, suspects
from chem.parse import explain_smiles, parse_smiles

Reading = tuple[Chem.Mol, bool | str]
"""A molecule, and whether it may carry marks of stereochemistry: its SMILES where `sift_marks` has yet to tell."""

_MARK = re.compile(r"@+(?:(?:TH|AL|SP|TB|OH)\d+)?|[/\\]")
# Blanks, behind which RDKit reads extensions, and hydrogen atoms in either way of writing.
_SPECIAL = re.compile(r"\s|\[\d*(?:H|#)")


def _bare() -> Chem.SmilesParserParams:
    parameters = Chem.SmilesParserParams()
    parameters.parseName = parameters.sanitize = parameters.removeHs = False  # type: ignore[assignment]
    return parameters


_BARE = _bare()


def read_smiles(smiles: Sequence[str], start: int, stop: int, stereo: bool) -> Iterator[Reading]:
    """Read the SMILES from start to stop one after the other, in silence.

    Parameters
    ----------
    smiles
        One SMILES per molecule.
    start, stop
        The part to read.
    stereo
        Whether marks of stereochemistry count; else they are as if not written.

    Yields
    ------
    Reading
        The molecule, sanitised and without hydrogens that can be understood, and whether it may carry marks
        of stereochemistry. It is its SMILES where tetrahedral marks are as written, those that mean nothing
        included: `sift_marks` takes these out.

    Raises
    ------
    InputError
        A SMILES does not parse or holds no atom; the message names its index.

    Examples
    --------
    >>> [Chem.MolToSmiles(molecule) for molecule, _ in read_smiles(["C[C@H](O)F", "[H]C"], 0, 2, stereo=False)]
    ['CC(O)F', 'C']
    """
    with rdBase.BlockLogs():
        for index in range(start, stop):
            reading = _read_one(smiles[index], stereo)
            if reading is None or not reading[0].GetNumAtoms():
                break
            yield reading
        else:
            return
    raise _refusal(smiles[index], index)


def _read_one(text: str, stereo: bool) -> Reading | None:
    if not isinstance(text, str):
        return None
    if not stereo:
        text = _without_marks(text)
    if _SPECIAL.search(text) is None:
        molecule = _read_plain(text)
        if molecule is None or not stereo or not _is_marked(text):
            return None if molecule is None else (molecule, False)
        if "/" in text or "\\" in text or suspects(molecule, text):
            return sift_marks(molecule, text), True
        return molecule, text
    text = text.strip()
    molecule = parse_smiles(text)
    if molecule is None:
        return None
    if stereo:
        return keep_marks(molecule, text), True
    Chem.RemoveStereochemistry(molecule)  # of what may stand in an extension
    return molecule, False


def sift_marks(molecule: Chem.Mol, smiles: str) -> Chem.Mol:
    """Take the marks that mean nothing out of a molecule, and give double bonds theirs.

    Parameters
    ----------
    molecule
        As `read_smiles` gives it; it is changed.
    smiles
        What it was read from.

    Returns
    -------
    rdkit.Chem.Mol
        The molecule.

    Examples
    --------
    >>> molecule, smiles = next(read_smiles(["C[C@](C)(F)Cl"], 0, 1, stereo=True))
    >>> Chem.MolToSmiles(sift_marks(molecule, smiles))
    'CC(C)(F)Cl'
    """
    Chem.AssignStereochemistry(molecule, cleanIt=True)
    return keep_marks(molecule, smiles)


def _is_marked(text: str) -> bool:
    return "@" in text or "/" in text or "\\" in text


def _without_marks(text: str) -> str:
    if not _is_marked(text):
        return text
    head, *extension = text.split(maxsplit=1) or [""]
    return " ".join([_MARK.sub("", head), *extension])


def _read_plain(text: str) -> Chem.Mol | None:
    molecule = Chem.MolFromSmiles(text, _BARE)
    if molecule is None or Chem.SanitizeMol(molecule, catchErrors=True) != Chem.SANITIZE_NONE:
        return None
    return molecule


def _refusal(text: object, index: int) -> InputError:
    return InputError(
        f"{text!r} does not parse: {explain_smiles(text)}",
        record=index,
        field="smiles",
        expected="a SMILES with at least one atom",
        hint="remove or correct this item",
    )
