"""Public libraries from the network, on an explicit command and never otherwise.

`varimol/data/downloads.toml` lists what there is, with version, address, licence and citation. A download is
written under a temporary name, can be resumed, is checked, and then takes its final name; a receipt beside it
(NAME.receipt.json) says where it came from, what it hashed to and how it was checked:

- against a checksum in the table, or
- against the provider's own list of checksums, fetched in the same run, or
- where the provider publishes none, against nothing the first time: the hash is written down and a later
  download is compared with it. That notices a change; it cannot notice a file that was wrong from the start.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from chem.errors import InputError
from varimol.download_transfer import Patience, Progress, fetch_file, fetch_text, only_one

_ALGORITHMS = {32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}
_HEX_AND_NAME = re.compile(r"^([0-9a-fA-F]{32,128})[ \t]+\*?(?:\./)?(\S+)$")
_BSD = re.compile(r"^\w+ ?\((?:\./)?(.+)\) ?= ?([0-9a-fA-F]{32,128})$")
_READ_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Download:
    """One entry of the table of downloads.

    Attributes
    ----------
    name, version, about, licence, page, citation
        What it is, in words.
    kind
        "file", "chembl-molecules" (pages of a web service, written as one table) or "account" (nothing is
        fetched: the provider asks for an account).
    file
        Name in the folder of downloads.
    url
        Address; empty for "account".
    checksums
        Address of the provider's list of checksums, where there is one.
    sha256, bytes
        Where known beforehand.
    smiles_column, id_column
        Where the file's own names are not among the usual ones.
    """

    name: str
    version: str
    kind: str
    file: str
    about: str
    licence: str
    page: str
    citation: str
    url: str = ""
    checksums: str = ""
    sha256: str = ""
    bytes: int | None = None
    smiles_column: str | None = None
    id_column: str | None = None


@cache
def downloads() -> dict[str, Download]:
    """Everything that `download` knows, by name.

    Examples
    --------
    >>> downloads()["chembl"].licence
    'CC BY-SA 3.0; name ChEMBL and the release where you use it'
    """
    text = files("varimol").joinpath("data", "downloads.toml").read_text(encoding="utf-8")
    return {entry["name"]: Download(**entry) for entry in tomllib.loads(text)["download"]}


def download_folder() -> Path:
    """Where downloads go unless told: the user's cache folder.

    Examples
    --------
    >>> download_folder().name
    'varimol'
    """
    cache_home = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache_home) if cache_home else Path.home() / ".cache") / "varimol"


def describe_download(entry: Download) -> str:
    """What a download is and on which terms, as shown before the first byte is fetched.

    Parameters
    ----------
    entry
        Of the table.

    Returns
    -------
    str
        Four lines.

    Examples
    --------
    >>> print(describe_download(downloads()["zinc-250k"]).splitlines()[1])
    licence: Apache-2.0 (the repository); the molecules are ZINC's, free to use
    """
    size = f", {entry.bytes / 1e6:,.0f} MB" if entry.bytes else ""
    return (
        f"{entry.name}: {entry.about} {entry.version}{size}\nlicence: {entry.licence}\ncite: {entry.citation}\n"
        f"from: {entry.url or entry.page}"
    )


def download(
    name: str | Download,
    folder: str | os.PathLike[str] | None = None,
    *,
    base_url: str | None = None,
    again: bool = False,
    progress: Progress | None = None,
    tell: Callable[[str], None] = print,
    patience: Patience | None = None,
) -> Path:
    """Fetch a library, check it and put it into a folder.

    What is there already and matches its receipt is not fetched again.

    Parameters
    ----------
    name
        Of the table, or an entry of your own.
    folder
        Where it goes; the user's cache folder unless given.
    base_url
        A mirror: an address that serves the same paths as the provider's host.
    again
        Fetch it even if it is there.
    progress
        Told the bytes there are and will be.
    tell
        Told the terms before anything is fetched, and how the file was checked.
    patience
        When to give up.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        Unknown name, no network, the server refuses, the disk is full, or the checksum is wrong. Nothing
        stands under the final name then but what stood there before.
    """
    entry = name if isinstance(name, Download) else find_download(name)
    tell(describe_download(entry))
    if entry.kind == "account":
        raise InputError(
            f"{entry.name} is given to registered users alone", file=entry.page,
            hint="get the file there with your account, and give it to `varimol library` by its path",
        )  # fmt: skip
    place = Path(download_folder() if folder is None else folder)
    final = place / entry.file
    known = read_receipt(final)
    if not again and final.exists() and known and known.get("sha256") == hash_of(final, "sha256"):
        tell(f"{final} is there already and unchanged")
        return final
    _make_folder(place)
    wait = patience or Patience()
    with only_one(place / f".{entry.file}.lock", entry.name):
        partial = place / f".{entry.file}.part"
        facts: dict[str, Any] = {}
        if entry.kind == "chembl-molecules":
            from varimol.download_chembl import fetch_molecules

            facts["release"] = fetch_molecules(_at_mirror(entry.url, base_url), partial, wait, progress)
            checked = "not checked: the provider's service publishes no checksum of its answers"
        else:
            fetch_file(_at_mirror(entry.url, base_url), partial, wait, progress)
            checked = _check(entry, partial, base_url, known, wait)
        digest = hash_of(partial, "sha256")
        receipt = {
            "name": entry.name, "version": entry.version, **facts, "url": _at_mirror(entry.url, base_url),
            "bytes": partial.stat().st_size, "sha256": digest, "checked": checked, "licence": entry.licence,
            "citation": entry.citation, "retrieved": datetime.now(UTC).isoformat(timespec="seconds"),
        }  # fmt: skip
        _put(partial, final, receipt)
    tell(f"{final}: {receipt['bytes']:,} bytes, SHA-256 {digest}; {checked}")
    return final


def find_download(name: str) -> Download:
    """Entry of the table.

    Raises
    ------
    InputError
        There is none of this name; the message lists them.

    Examples
    --------
    >>> find_download("chembl").file
    'chembl_37_chemreps.txt.gz'
    """
    if name not in downloads():
        raise InputError(
            f"no download is called {name!r}", expected=f"one of {', '.join(sorted(downloads()))}"
        )
    return downloads()[name]


def read_receipt(final: Path) -> dict[str, Any]:
    """Receipt of a downloaded file; empty where there is none.

    Parameters
    ----------
    final
        The file.

    Returns
    -------
    dict
        name, version, url, bytes, sha256, checked, licence, citation, retrieved.
    """
    try:
        return dict(json.loads(_receipt_file(final).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def hash_of(path: Path, algorithm: str) -> str:
    """Hash of a file, in hexadecimal digits.

    Parameters
    ----------
    path
        The file.
    algorithm
        As `hashlib` calls it.

    Returns
    -------
    str
        The digest.
    """
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as handle:
        while block := handle.read(_READ_AT_ONCE):
            digest.update(block)
    return digest.hexdigest()


def listed_checksum(text: str, file: str) -> str:
    r"""Checksum of a file in a provider's list, in the form of sha256sum or of BSD.

    Parameters
    ----------
    text
        The list; lines of another form are passed over.
    file
        The file's name.

    Returns
    -------
    str
        Hexadecimal digits; empty where the file is not listed.

    Examples
    --------
    >>> listed_checksum("# sums\n" + "0f" * 32 + "  ./a.gz\n", "a.gz") == "0f" * 32
    True
    """
    for line in text.splitlines():
        if (found := _HEX_AND_NAME.match(line.strip())) and found[2] == file:
            return found[1].lower()
        if (found := _BSD.match(line.strip())) and found[1] == file:
            return found[2].lower()
    return ""


def _check(
    entry: Download, partial: Path, base_url: str | None, known: dict[str, Any], patience: Patience
) -> str:
    """Compare what arrived with the best checksum there is; how it was checked."""
    if entry.bytes is not None and partial.stat().st_size != entry.bytes:
        _refuse(entry, partial, f"{partial.stat().st_size:,} bytes arrived", f"{entry.bytes:,}", base_url)
    if entry.sha256:
        _compare(entry, partial, entry.sha256, base_url)
        return "equal to the SHA-256 that varimol knows"
    unlisted = "the provider publishes no checksum"
    if entry.checksums:
        address = _at_mirror(entry.checksums, base_url)
        try:
            listed = listed_checksum(fetch_text(address, patience), entry.file)
        except FileNotFoundError:
            listed = ""
        if listed:
            _compare(entry, partial, listed, base_url)
            return f"equal to the provider's {_algorithm(listed).upper()} in {address}"
        unlisted = f"no checksum of it in {address}"
    if known.get("sha256"):
        if hash_of(partial, "sha256") != known["sha256"]:
            _refuse(
                entry, partial, f"it has changed since {known.get('retrieved', 'the last download')}",
                f"SHA-256 {known['sha256']}", base_url,
                "if the provider has a new version, delete the receipt and download again",
            )  # fmt: skip
        return f"equal to the download of {known.get('retrieved')} ({unlisted})"
    return f"not checked: {unlisted}; its SHA-256 is written down, and later downloads are compared with it"


def _compare(entry: Download, partial: Path, wanted: str, base_url: str | None) -> None:
    found = hash_of(partial, _algorithm(wanted))
    if found != wanted.lower():
        _refuse(entry, partial, f"{_algorithm(wanted).upper()} {found}", wanted.lower(), base_url)


def _algorithm(digest: str) -> str:
    if len(digest) not in _ALGORITHMS:
        raise InputError(f"{digest!r} is no checksum", expected="MD5, SHA-1 or SHA-2 in hexadecimal digits")
    return _ALGORITHMS[len(digest)]


def _refuse(
    entry: Download, partial: Path, found: str, wanted: str, base_url: str | None,
    hint: str = "nothing of it is kept; download it again, from another mirror if it comes back",
) -> None:  # fmt: skip
    _remove(partial)
    raise InputError(
        f"{entry.name} is not what it should be: {found}", file=_at_mirror(entry.url, base_url), expected=wanted,
        hint=hint,
    )  # fmt: skip


def _remove(partial: Path) -> None:
    partial.unlink(missing_ok=True)
    partial.with_name(f"{partial.name}.json").unlink(missing_ok=True)


def _at_mirror(url: str, base_url: str | None) -> str:
    if base_url is None:
        return url
    parts = urlsplit(url)
    return base_url.rstrip("/") + parts.path + (f"?{parts.query}" if parts.query else "")


def _make_folder(place: Path) -> None:
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot be made: {error.strerror}", file=place, hint="choose another folder"
        ) from None


def _receipt_file(final: Path) -> Path:
    return final.with_name(f"{final.name}.receipt.json")


def _put(partial: Path, final: Path, receipt: dict[str, Any]) -> None:
    """Give the file its name. The old receipt goes first, so that a receipt never speaks of another file."""
    text = json.dumps(receipt, indent=1, sort_keys=True) + "\n"
    building = final.with_name(f".{final.name}.receipt.tmp")
    try:
        building.write_text(text, encoding="utf-8")
        with partial.open("rb+") as handle:
            os.fsync(handle.fileno())
        _receipt_file(final).unlink(missing_ok=True)
        os.replace(partial, final)
        os.replace(building, _receipt_file(final))
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", file=final) from None
    _remove(partial)
