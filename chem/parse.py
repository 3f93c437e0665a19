"""SMILES text to RDKit molecules, with RDKit's complaint kept instead of printed."""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rdkit import Chem, rdBase

_STAMP = re.compile(r"^\[\d\d:\d\d:\d\d\]\s*")
_capturing = threading.RLock()


class _Collector(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.extend(record.getMessage().splitlines())


@contextmanager
def captured_rdkit_log() -> Iterator[list[str]]:
    """Collect what RDKit says inside the block instead of letting it reach the terminal.

    RDKit's log is one per process, so only one thread captures at a time.

    Yields
    ------
    list of str
        The lines, complete when the block ends.

    Examples
    --------
    >>> with captured_rdkit_log() as lines:
    ...     molecule = Chem.MolFromSmiles("c1cc")
    >>> molecule is None, len(lines) > 0
    (True, True)
    """
    collector = _Collector()
    logger = logging.getLogger("rdkit")
    with _capturing:
        before = logger.handlers, logger.propagate, logger.level
        logger.handlers, logger.propagate = [collector], False
        logger.setLevel(logging.DEBUG)
        rdBase.LogToPythonLogger()
        try:
            yield collector.lines
        finally:
            logger.handlers, logger.propagate = before[0], before[1]
            logger.setLevel(before[2])
            _restore_log()


def _restore_log() -> None:
    """Send RDKit's messages where RDKit itself does: it cannot be asked, and differs inside Jupyter."""
    if "ipykernel" in sys.modules:
        rdBase.LogToPythonStderr()
    else:
        rdBase.LogToCppStreams()


def parse_smiles(smiles: str) -> Chem.Mol | None:
    """Read a SMILES in silence; None where it does not parse or holds no atom.

    Explicit hydrogens become implicit ones, as RDKit does it. A name behind the SMILES is not
    accepted: text after a blank is another field, and the reader of the file has to split it off.

    Parameters
    ----------
    smiles
        The SMILES.

    Returns
    -------
    rdkit.Chem.Mol or None
        The sanitised molecule.

    Examples
    --------
    >>> parse_smiles("[H]OCC").GetNumAtoms()
    3
    >>> parse_smiles("c1ccccc") is None, parse_smiles("") is None
    (True, True)
    """
    if not isinstance(smiles, str) or not smiles.strip():
        return None
    text = smiles.strip()
    if _foreign_letter(text):
        return None
    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(text, _STRICT)
        if molecule is None or not molecule.GetNumAtoms():
            return None
        if "[H]" in text and ("/" in text or "\\" in text):
            return _with_geometry_as_written(molecule, text)
    return molecule


def _foreign_letter(text: str) -> str:
    """First letter that RDKit cannot be given: it stops at a NUL, and cuts others in two in its messages."""
    if text.isascii() and "\x00" not in text:
        return ""
    return next(letter for letter in text if letter == "\x00" or not letter.isascii())


def _with_geometry_as_written(molecule: Chem.Mol, text: str) -> Chem.Mol:
    r"""Mend double bonds whose geometry RDKit turned round when it removed hydrogens that carried the marks.

    RDKit 2026.3 reads ``[H]/C1=C(\[H])CCCCCCCC1`` as E, though it is Z: a mark that moves from a hydrogen to a
    bond that closes a ring keeps its direction, where it has to be turned. With the hydrogens still there the
    geometry is right.
    """
    whole = Chem.MolFromSmiles(text, _WITH_HYDROGENS)
    right = Chem.RemoveHs(whole)
    read, written = ([bond.GetStereo() for bond in each.GetBonds()] for each in (molecule, right))
    if read == written:
        return molecule
    for bond in right.GetBonds():
        bond.SetBondDir(Chem.BondDir.NONE)
        # RDKit's stereo atoms are those of the higher rank.
        bond.SetStereo(_SIDES.get(bond.GetStereo(), bond.GetStereo()))
    Chem.SetDoubleBondNeighborDirections(right)
    Chem.AssignStereochemistry(right, cleanIt=True, force=True)
    return right


def explain_smiles(smiles: object) -> str:
    """Say why a SMILES does not parse, in RDKit's own words where it has any.

    Parameters
    ----------
    smiles
        The text that `parse_smiles` refused.

    Returns
    -------
    str
        One line; empty when the SMILES does parse.

    Examples
    --------
    >>> explain_smiles("")
    'empty SMILES'
    >>> "valence" in explain_smiles("C(C)(C)(C)(C)C")
    True
    >>> explain_smiles("CCO"), explain_smiles("CCé")
    ('', "the letter 'é', which no SMILES holds")
    """
    if not isinstance(smiles, str) or not smiles.strip():
        return "empty SMILES"
    foreign = _foreign_letter(smiles.strip())
    if foreign:
        return f"the letter {foreign!r}, which no SMILES holds"
    with captured_rdkit_log() as lines:
        molecule = Chem.MolFromSmiles(smiles.strip(), _STRICT)
    if molecule is not None:
        return "" if molecule.GetNumAtoms() else "no atoms"
    return first_complaint(lines) or "RDKit could not read it"


def first_complaint(lines: list[str]) -> str:
    """First line of RDKit's log that says something, without the time; empty where none does.

    Parameters
    ----------
    lines
        As `captured_rdkit_log` collects them.

    Returns
    -------
    str
        The complaint.

    Examples
    --------
    >>> first_complaint(["[12:00:00] SMILES Parse Error: unclosed ring", "~~~~^"])
    'SMILES Parse Error: unclosed ring'
    """
    said = (_STAMP.sub("", line).strip() for line in lines)
    return next((line for line in said if line and line.strip("~-^* ")), "")


def _strict_parameters(*, hydrogens: bool = False) -> Chem.SmilesParserParams:
    parameters = Chem.SmilesParserParams()
    parameters.parseName = False  # type: ignore[assignment]
    parameters.removeHs = not hydrogens  # type: ignore[assignment]
    return parameters


_STRICT = _strict_parameters()
_WITH_HYDROGENS = _strict_parameters(hydrogens=True)
_SIDES = {
    Chem.BondStereo.STEREOE: Chem.BondStereo.STEREOTRANS,
    Chem.BondStereo.STEREOZ: Chem.BondStereo.STEREOCIS,
}
