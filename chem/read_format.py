"""What kind of compound file something is: by its name, or by how it begins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from chem.columns import names_structures
from chem.errors import InputError
from chem.parse import parse_smiles
from chem.read_structure import MAX_STRUCTURE
from chem.text_source import CutLine

_EXTENSIONS = {
    "smiles": ("smi", "smiles", "ism", "cxsmiles"),
    "csv": ("csv",),
    "tsv": ("tsv", "tab"),
    "txt": ("txt",),
    "sdf": ("sdf", "sd", "mol"),
    "inchi": ("inchi", "ich"),
    "parquet": ("parquet", "pq"),
}
_KINDS = {extension: kind for kind, extensions in _EXTENSIONS.items() for extension in extensions}

DELIMITERS = {"csv": ",\t;", "tsv": "\t,;", "txt": "\t,;"}
"""What may stand between the cells of each kind of table, the likeliest first."""

EXPECTED = (
    "a file ending in " + ", ".join(f".{extension}" for extension in _KINDS) + " (each but .parquet also .gz)"
)

_FOREIGN = {
    b"PK\x03\x04": ("a zip archive or a spreadsheet", "unpack it, or save the table as CSV"),
    b"\xd0\xcf\x11\xe0": ("an old spreadsheet or document", "save the table as CSV"),
    b"BZh": ("compressed with bzip2", "decompress it, or compress it with gzip"),
    b"\xfd7zX": ("compressed with xz", "decompress it, or compress it with gzip"),
    b"\x28\xb5\x2f\xfd": ("compressed with zstd", "decompress it, or compress it with gzip"),
}
_COUNTS = re.compile(r"V[23]000\s*$")


def kind_of_format(wanted: str) -> str:
    """Kind of file that a format's name or extension means.

    Parameters
    ----------
    wanted
        'smiles', 'csv', 'tsv', 'txt', 'sdf', 'inchi' or 'parquet', or a file extension of these.

    Returns
    -------
    str
        One of the seven.

    Raises
    ------
    InputError
        None of them.

    Examples
    --------
    >>> kind_of_format("smi"), kind_of_format(".SDF")
    ('smiles', 'sdf')
    """
    plain = wanted.lower().lstrip(".")
    if plain in _EXTENSIONS or plain in _KINDS:
        return plain if plain in _EXTENSIONS else _KINDS[plain]
    raise InputError(f"no format {wanted!r}", expected=f"one of {', '.join(_EXTENSIONS)}")


def kind_of_name(path: Path) -> str | None:
    """Kind of file that a name promises; None where its extension is no compound file's.

    Examples
    --------
    >>> kind_of_name(Path("a.smi.gz")), kind_of_name(Path("a.docx"))
    ('smiles', None)
    """
    suffixes = [suffix.lower().lstrip(".") for suffix in path.suffixes[-2:]]
    gzipped = bool(suffixes) and suffixes[-1] == "gz"
    if gzipped:
        suffixes.pop()
    kind = _KINDS.get(suffixes[-1]) if suffixes else None
    return None if gzipped and kind == "parquet" else kind


def kind_of_text(lines: Sequence[str]) -> str | None:
    """Kind of file that the first lines look like; None where they look like none.

    Examples
    --------
    >>> kind_of_text(["CCO ethanol"]), kind_of_text(["id,smiles"]), kind_of_text(["InChI=1S/CH4/h1H4"])
    ('smiles', 'txt', 'inchi')
    """
    if any(_COUNTS.search(line) or line.startswith(("M  END", "$$$$")) for line in lines[:200]):
        return "sdf"
    whole = [line for line in lines if type(line) is not CutLine]
    if lines and not whole:
        return "smiles"  # nothing else has lines of a million letters
    first = next((line for line in whole if line.strip() and not line.startswith("#")), "").strip()
    token = first.split()[0] if first else ""
    if token.startswith("InChI="):
        return "inchi"
    cells = next((first.split(mark) for mark in DELIMITERS["txt"] if mark in first), [first])
    if len(cells) > 1 and names_structures(cells):
        return "txt"
    if "smiles" in token.lower() or (len(token) <= MAX_STRUCTURE and parse_smiles(token) is not None):
        return "smiles"
    if token.lower() == "inchi":
        return "inchi"
    return "txt" if len(cells) > 1 else None


def is_wide_table(first: str) -> bool:
    r"""Whether the first line of a SMILES file names columns: vendors' libraries are tables by that name.

    Examples
    --------
    >>> is_wide_table("smiles\tid\tprice\n"), is_wide_table("SMILES name of it")
    (True, False)
    """
    cells = first.split("\t")
    return len(cells) > 2 and names_structures(cells)


def refuse_foreign(head: bytes, name: str) -> None:
    """Raise where the first bytes are those of an archive or a spreadsheet.

    Parameters
    ----------
    head
        The first four bytes.
    name
        The file, for the message.

    Raises
    ------
    InputError
        They are; the message says what to do.
    """
    for magic, (what, hint) in _FOREIGN.items():
        if head.startswith(magic):
            raise InputError(f"is {what}", file=name, expected=EXPECTED, hint=hint)
