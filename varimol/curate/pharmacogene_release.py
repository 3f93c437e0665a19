"""Make the pharmacogene tables anew from a newer public release of the definitions.

``python -m varimol.curate.pharmacogene_release OUT --release 3.2.0`` fetches that release of PharmCAT, which
restates the allele definitions and phenotypes of CPIC, PharmVar and ClinPGx, and PyPGx's tables; checks
them, runs the curation of the shipped tables on them, writes the tables into OUT with ``changes.tsv`` beside them, and
prints what changed against the tables in use. Nothing else is touched: set the environment variable
``VARIMOL_PHARMACOGENES`` to OUT to use them.

A release whose files are written in another form than this version of varimol reads, or with a recommendation that
``guidance_words.tsv`` has no words for, is refused.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from chem.errors import InputError
from varimol import tables
from varimol.curate.pharmacogene_changes import CHANGE_COLUMNS, summary, table_changes
from varimol.curate.pharmacogene_sources import Row, read_json, write_tsv
from varimol.curate.pharmacogenes import TABLES, curate
from varimol.download import Download, download
from varimol.download_transfer import Patience

FORMAT_VERSION = "2"
BUILD = "GRCh38"
PYPGX_RELEASE = "0.27.0"
MOVED = {
    "src/main/resources/org/pharmgkb/pharmcat/definition/alleles": "pharmcat/definition/alleles",
    "src/main/resources/org/pharmgkb/pharmcat/phenotype": "pharmcat/phenotype",
    "pypgx/api/data": "pypgx_tables",
    "docs": "pypgx_tables",
}
"""Where a release has the files that the curation reads, and where the curation looks for them."""
WANTED = (".json", "-table.csv", "genes.rst")
PYPGX_TABLES = ("allele", "cpic", "diplotype", "equation", "gene", "recommendation", "variant")


def releases(pharmcat: str, pypgx: str) -> tuple[Download, Download]:
    """Describe the two archives to fetch.

    Examples
    --------
    >>> releases("3.2.0", "0.27.0")[0].url.rsplit("/", 1)[-1]
    'v3.2.0.tar.gz'
    """
    return (
        Download(
            name="pharmcat",
            version=pharmcat,
            kind="file",
            file=f"pharmcat-{pharmcat}.tar.gz",
            about="Allele definitions and phenotype tables, with the program that uses them.",
            licence="MPL-2.0 (PharmCAT); CC BY-SA 4.0 (ClinPGx); CC0 (CPIC)",
            page="https://github.com/PharmGKB/PharmCAT/releases",
            citation="Sangkuhl et al., Clin. Pharmacol. Ther. 2020, 107, 203-210, doi:10.1002/cpt.1568",
            url=f"https://github.com/PharmGKB/PharmCAT/archive/refs/tags/v{pharmcat}.tar.gz",
        ),
        Download(
            name="pypgx",
            version=pypgx,
            kind="file",
            file=f"pypgx-{pypgx}.tar.gz",
            about="Positions on both builds, guidance, and the definitions of further genes.",
            licence="MIT (PyPGx); content CC BY-SA 4.0",
            page="https://github.com/sbslee/pypgx/tags",
            citation="Lee et al., PLoS One 2022, 17, e0272129, doi:10.1371/journal.pone.0272129",
            url=f"https://github.com/sbslee/pypgx/archive/refs/tags/{pypgx}.tar.gz",
        ),
    )


def unpack(archive: Path, source: Path) -> int:
    """Take the files that the curation reads out of a release.

    Only plain files at the places of `MOVED` are read, and each is written under its own name alone, so that an
    archive can put nothing elsewhere.

    Parameters
    ----------
    archive
        A ``.tar.gz`` whose one folder is the repository.
    source
        Folder for `curate`.

    Returns
    -------
    int
        Number of files.

    Raises
    ------
    InputError
        The archive cannot be read.
    """
    count = 0
    try:
        with tarfile.open(archive, "r:gz") as files:
            for member, target in _wanted(files):
                place = source / target
                place.parent.mkdir(parents=True, exist_ok=True)
                content = files.extractfile(member)
                if content is not None:
                    with content, place.open("wb") as out:
                        shutil.copyfileobj(content, out)
                    count += 1
    except (tarfile.TarError, OSError, EOFError) as error:
        raise InputError(
            f"the archive cannot be read: {error}", file=archive, expected="a release as .tar.gz",
            hint="delete it and run the command again",
        ) from None  # fmt: skip
    return count


def _wanted(files: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, str]]:
    for member in files:
        path = PurePosixPath(member.name)
        folder = str(PurePosixPath(*path.parts[1:-1])) if len(path.parts) > 2 else ""
        if member.isfile() and folder in MOVED and path.name.endswith(WANTED):
            yield member, f"{MOVED[folder]}/{path.name}"


def check_source(source: Path) -> str:
    """Check that a release is written as this version reads it.

    Parameters
    ----------
    source
        Folder with ``pharmcat`` and ``pypgx_tables``.

    Returns
    -------
    str
        Version that the definitions name.

    Raises
    ------
    InputError
        A file is missing, of another form or build, or is another gene's.
    """
    folder = source / "pharmcat" / "definition" / "alleles"
    phenotypes = source / "pharmcat" / "phenotype"
    needed = [source / "pypgx_tables" / f"{name}-table.csv" for name in PYPGX_TABLES]
    needed += [folder / "exemptions.json", source / "pypgx_tables" / "genes.rst"]
    definitions = sorted(folder.glob("*_translation.json"))
    missing = [path.name for path in needed if not path.exists()]
    missing += [] if definitions else ["allele definitions"]
    missing += [] if any(phenotypes.glob("*.json")) else ["phenotypes"]
    if missing:
        raise InputError(
            f"the release lacks {', '.join(missing)}", file=source, expected=", ".join(MOVED),
            hint="an older release has them elsewhere; choose a newer one",
        )  # fmt: skip
    versions = set()
    for path in definitions:
        data = read_json(path)
        known = {
            "formatVersion": (data.get("formatVersion"), FORMAT_VERSION),
            "genomeBuild": (str(data.get("genomeBuild")).split(".")[0], BUILD),
            "gene": (data.get("gene"), path.name.removesuffix("_translation.json")),
        }
        for field, (found, expected) in known.items():
            if found != expected:
                raise InputError(
                    f"{found!r} is not what this version of varimol reads", file=path.name, field=field,
                    expected=expected, hint="use a newer version of varimol, or an earlier release",
                )  # fmt: skip
        versions.add(str(data.get("version", "")))
    return ", ".join(sorted(versions))


def make_release(
    archives: Sequence[Path], out: Path, before: Path, tell: Callable[[str], None] = print
) -> list[Row]:
    """Write the tables of a release and what changed.

    Parameters
    ----------
    archives
        The two archives of `releases`.
    out
        Folder for the tables. Its files are replaced together, after everything has succeeded.
    before
        Folder of the tables to compare with.
    tell
        Told the version and the changes.

    Returns
    -------
    list of dict
        `varimol.curate.pharmacogene_changes.table_changes`.

    Raises
    ------
    InputError
        The release cannot be read; ``out`` is as it was.
    """
    with tempfile.TemporaryDirectory() as name:
        source, made = Path(name) / "source", Path(name) / "tables"
        for archive in archives:
            unpack(archive, source)
        version = check_source(source)
        try:
            curate(source, made)
        except (ValueError, KeyError, StopIteration) as error:
            raise InputError(
                f"the release cannot be read: {error}", file=archives[0],
                hint="use a newer version of varimol, or an earlier release",
            ) from error  # fmt: skip
        rows = table_changes(before, made)
        write_tsv(made / "changes.tsv", CHANGE_COLUMNS, rows)
        out.mkdir(parents=True, exist_ok=True)
        for path in sorted(made.iterdir()):
            part = out / f".{path.name}.part"
            shutil.copyfile(path, part)
            part.replace(out / path.name)
    tell(f"definitions {version}: {len(rows)} changes")
    if rows:
        tell(summary(rows))
    return rows


def main(arguments: Sequence[str] | None = None, patience: Patience | None = None) -> int:
    """Run the update from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m varimol.curate.pharmacogene_release", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("out", type=Path, help="folder to write the tables to")
    parser.add_argument("--release", required=True, help="release of PharmCAT, like 3.2.0")
    parser.add_argument("--pypgx", default=PYPGX_RELEASE, help="release of PyPGx (default: %(default)s)")
    parser.add_argument("--mirror", help="address that serves the same paths as the provider")
    parser.add_argument("--downloads", type=Path, help="folder of downloads; the user's cache unless given")
    options = parser.parse_args(arguments)
    try:
        archives = [
            download(entry, options.downloads, base_url=options.mirror, patience=patience)
            for entry in releases(options.release, options.pypgx)
        ]
        before = Path(str(tables.data_file("pharmacogenes", f"{TABLES[0]}.tsv"))).parent
        make_release(archives, options.out, before)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{options.out}: set {tables.FOLDER_VARIABLE} to this folder to use these tables")
    return 0


if __name__ == "__main__":
    sys.exit(main())
