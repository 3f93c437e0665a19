"""What a split is made of: rows of molecules, proteins, dates and cell lines, and what makes two the same.

A row is a molecule alone, a (molecule, protein) pair or a (molecule, cell line) response. Two rows hold the
same molecule when the standardised parents share the InChIKey, so that salts and tautomers written in two
ways are one; two rows hold the same protein when the sequences are equal, whatever they are called. Proteins
are of one family when their sequences are alike (`models.families`), as mutants of one gene are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rdkit import Chem, rdBase

from chem.errors import InputError
from chem.interrupts import python_interrupts
from chem.parse import explain_smiles, parse_smiles
from chem.scaffold import murcko_scaffold
from chem.standardise import standardise_smiles
from models.pairs import PairData
from models.protein import Target

_SKELETON_LETTERS = 14


@dataclass(frozen=True)
class SplitRecords:
    """Columns of the n rows to split; what a kind of split does not need may be left out.

    Attributes
    ----------
    smiles
        n structures; None or empty where a row has none.
    sequence
        n protein sequences, one-letter code.
    family
        n families of the proteins, by name; where they are left out, splits that hold out proteins find them by
        `models.families`. The sequences themselves, given here, hold out no more than equal sequences.
    date
        n years (2015) or ISO dates ("2015-03-01").
    line, tissue
        n cell lines and tissues, by name.
    standardised
        The SMILES are standardised parents already and are taken as they are.

    Examples
    --------
    >>> len(SplitRecords(smiles=["CCO", "CCN"], line=["A549", "HeLa"]))
    2
    """

    smiles: Sequence[str | None] | None = None
    sequence: Sequence[str | None] | None = None
    date: Sequence[object] | None = None
    line: Sequence[str | None] | None = None
    tissue: Sequence[str | None] | None = None
    standardised: bool = False
    family: Sequence[str | int | None] | None = None

    def __post_init__(self) -> None:
        lengths = {name: len(column) for name, column in self._columns().items()}
        if not lengths or not any(lengths.values()):
            raise InputError("nothing to split", expected="at least one row of molecules or cell lines")
        if len(set(lengths.values())) > 1:
            said = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise InputError(f"columns of different lengths: {said}", expected="one value per row in each")

    def _columns(self) -> dict[str, Sequence[object]]:
        names = ("smiles", "sequence", "date", "line", "tissue", "family")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def __len__(self) -> int:
        return len(next(iter(self._columns().values())))


@dataclass(frozen=True)
class RecordKeys:
    """Numbers that say which rows share what; -1 where a row has nothing there.

    Numbers follow the sorted keys, not the rows' order, so that permuted rows keep their numbers.

    Attributes
    ----------
    structures
        Distinct standardised SMILES, sorted.
    structure, inchikey, skeleton, scaffold, sequence, family, line, tissue
        (n,) int64 numbers; all -1 where the column was not given.
    reason
        n texts, why a row cannot be placed; empty where it can.
    """

    structures: tuple[str, ...]
    structure: NDArray[np.int64]
    inchikey: NDArray[np.int64]
    skeleton: NDArray[np.int64]
    scaffold: NDArray[np.int64]
    sequence: NDArray[np.int64]
    family: NDArray[np.int64]
    line: NDArray[np.int64]
    tissue: NDArray[np.int64]
    reason: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.reason)


def identify_records(records: SplitRecords) -> RecordKeys:
    """Number the molecules, skeletons, scaffolds, sequences, families, lines and tissues of rows.

    Every distinct SMILES is standardised once. A molecule that InChI has no key for is known by its SMILES.

    Parameters
    ----------
    records
        The rows.

    Returns
    -------
    RecordKeys
        One number per row and kind of key.

    Examples
    --------
    >>> keys = identify_records(SplitRecords(smiles=["OC(=O)C", "CC(=O)[O-].[Na+]", "C1CC", None]))
    >>> keys.inchikey.tolist()
    [0, 0, -1, -1]
    >>> keys.reason[2:]
    ("SMILES Parse Error: unclosed ring for input: 'C1CC'", 'no structure')
    """
    n = len(records)
    reasons = [""] * n
    nothing = np.full(n, -1, np.int64)
    structure, inchikey, skeleton, scaffold = nothing, nothing, nothing, nothing
    structures: tuple[str, ...] = ()
    if records.smiles is not None:
        texts = _texts(records.smiles)
        known = {text: _parent(text, records.standardised) for text in sorted(set(texts))}
        reasons = [known[text][1] for text in texts]
        structures = tuple(sorted({parent for parent, reason in known.values() if not reason}))
        structure = _numbers([known[text][0] for text in texts])
        keys = [_inchikey(text) for text in structures]
        inchikey = _spread(_numbers(keys), structure)
        skeleton = _spread(_numbers([_skeleton(key) for key in keys]), structure)
        scaffold = _spread(_numbers([murcko_scaffold(text) for text in structures]), structure)
    named = {
        name: _numbers(_texts(column)) if column is not None else nothing
        for name, column in (
            ("sequence", _upper(records.sequence)), ("family", records.family), ("line", records.line),
            ("tissue", records.tissue),
        )
    }  # fmt: skip
    return RecordKeys(structures, structure, inchikey, skeleton, scaffold, **named, reason=tuple(reasons))


def _upper(column: Sequence[str | None] | None) -> list[str] | None:
    return None if column is None else [text.upper() for text in _texts(column)]


def with_families(records: SplitRecords) -> SplitRecords:
    """Rows with the families of their proteins, found from the sequences where they are not given.

    Parameters
    ----------
    records
        Rows with sequences.

    Returns
    -------
    SplitRecords
        The same rows; a row without a sequence has no family.

    Examples
    --------
    >>> rows = SplitRecords(sequence=["MKVLAAGG" * 9, "WYWYWYHH" * 9, "MKVLAAGG" * 8, None])
    >>> with_families(rows).family
    ['0', '1', '0', '']
    """
    if records.family is not None or records.sequence is None:
        return records
    from models.families import protein_families

    texts = _upper(records.sequence) or []
    distinct = sorted(set(texts) - {""})
    families = protein_families([Target(text, text) for text in distinct]).tolist() if distinct else []
    family = {"": ""} | {text: str(number) for text, number in zip(distinct, families, strict=True)}
    return replace(records, family=[family[text] for text in texts])


def records_of_pairs(pairs: PairData) -> SplitRecords:
    """Rows of a pair table as they are split: its standardised molecules, its sequences and their families.

    The families are those of `models.families.family_folds`, found from the domains that the assays measured.

    Parameters
    ----------
    pairs
        As `models.pairs.read_pairs` gives them.

    Returns
    -------
    SplitRecords
        One row per pair.
    """
    from models.families import protein_families

    return SplitRecords(
        smiles=[pairs.smiles[drug] for drug in pairs.drug],
        sequence=[pairs.targets[target].sequence for target in pairs.target],
        family=protein_families(pairs.targets)[pairs.target].tolist(),
        standardised=True,
    )


def days(dates: Sequence[object]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Read years and ISO dates as days since 1970.

    Parameters
    ----------
    dates
        n years (numbers or text) or ISO dates.

    Returns
    -------
    tuple
        (n,) int64 days, -1 where there is none, and n reasons, empty where there is one.

    Examples
    --------
    >>> days([1970, "1970-01-02", "", "soon"])
    (array([ 0,  1, -1, -1]), ('', '', 'no date', "'soon' is no year and no ISO date"))
    """
    texts = [text[:-2] if text.endswith(".0") else text for text in _texts(dates)]
    first_days = [f"{text}-01-01" if len(text) == 4 and text.isdigit() else text for text in texts]
    found = pd.to_datetime(pd.Series(first_days, dtype="str"), errors="coerce", format="ISO8601", utc=True)
    known = found.notna().to_numpy()
    numbers = np.full(len(texts), -1, np.int64)
    epoch = pd.Timestamp(0, tz="UTC")
    numbers[known] = (found[known] - epoch).dt.days.to_numpy()
    reasons = tuple(
        "" if fine else (f"{text!r} is no year and no ISO date" if text else "no date")
        for text, fine in zip(texts, known, strict=True)
    )
    return numbers, reasons


def _texts(column: Sequence[object]) -> list[str]:
    return [
        "" if value is None or value != value or value is pd.NA else str(value).strip() for value in column
    ]


def _parent(text: str, standardised: bool) -> tuple[str, str]:
    """Standardised SMILES and the reason why there is none."""
    if not text:
        return "", "no structure"
    if not standardised:
        outcome = standardise_smiles(text)
        return outcome.smiles, outcome.reason
    return (text, "") if parse_smiles(text) is not None else ("", explain_smiles(text))


def _inchikey(smiles: str) -> str:
    with rdBase.BlockLogs(), python_interrupts():
        return Chem.MolToInchiKey(parse_smiles(smiles)) or smiles


def _skeleton(key: str) -> str:
    is_key = len(key) == 27 and key[_SKELETON_LETTERS] == "-"
    return key[:_SKELETON_LETTERS] if is_key else key


def _numbers(texts: Sequence[str]) -> NDArray[np.int64]:
    """Number texts in sorted order; -1 for empty ones."""
    codes, names = pd.factorize(np.array(texts, dtype=object), sort=True)
    codes = codes.astype(np.int64)
    return codes - 1 if len(names) and names[0] == "" else codes


def _spread(per_structure: NDArray[np.int64], structure: NDArray[np.int64]) -> NDArray[np.int64]:
    """Values of structures on the rows that have them, -1 on the others."""
    return np.append(per_structure, -1)[structure]
