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
from chem.graph_marks import keep_marks
from chem.parse import explain_smiles

Reading = tuple[Chem.Mol, bool]
"""A molecule, and whether it may carry marks of stereochemistry."""

_MARK = re.compile(r"@+(?:(?:TH|AL|SP|TB|OH)\d+)?|[/\\]")
# Blanks, behind which RDKit reads extensions, and hydrogen atoms in either way of writing.
_SPECIAL = re.compile(r"\s|\[\d*(?:H|#)")


def _parameters(whole: bool) -> Chem.SmilesParserParams:
    parameters = Chem.SmilesParserParams()
    parameters.parseName = False  # type: ignore[assignment]
    parameters.sanitize = parameters.removeHs = whole  # type: ignore[assignment]
    return parameters


_WHOLE = _parameters(True)
_BARE = _parameters(False)


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
    tuple of rdkit.Chem.Mol and bool
        The molecule, sanitised and without hydrogens that can be understood, and whether it may carry marks
        of stereochemistry.

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
        marked = stereo and _MARK.search(text) is not None
        if molecule is not None and marked:
            Chem.AssignStereochemistry(molecule, cleanIt=True)
    else:
        text, marked = text.strip(), stereo
        molecule = Chem.MolFromSmiles(text, _WHOLE)
        if molecule is not None and not stereo:
            Chem.RemoveStereochemistry(molecule)  # of what may stand in an extension
    if molecule is None:
        return None
    return (keep_marks(molecule, text), True) if marked else (molecule, False)


def _without_marks(text: str) -> str:
    if _MARK.search(text) is None:
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
