"""Readers of variant files: one protocol, one reader for each format, all yielding the same blocks.

`open_reader` looks at a file and returns its reader. A reader knows the file's samples, contigs, filters
and fields, and yields `genomics.block.VariantBlock` in file order for a `Selection`.
"""

from __future__ import annotations

import os
from pathlib import Path

from genomics.errors import InputError
from genomics.readers.protocol import Reject, Selection, VariantReader

__all__ = ["Reject", "Selection", "VariantReader", "open_reader"]

_FILESET = (".bed", ".bim", ".fam", ".pgen", ".pvar", ".pvar.zst", ".psam")
_PLINK_MAGIC = b"\x6c\x1b"
_BGEN_MAGIC, _BGEN_MAGIC_AT = b"bgen", 16


def open_reader(path: str | os.PathLike[str]) -> VariantReader:
    """Open a variant file with the reader of its format.

    Filesets and .bgen are told by their suffix, other files by their first bytes. A pipe is always VCF or
    BCF, and its first bytes are left to the reader.

    Parameters
    ----------
    path
        A VCF (plain, gzip, bgzip) or BCF file, or a pipe of one, ``-`` for standard input; a PLINK 1 prefix,
        .bed, .bim or .fam; a PLINK 2 prefix, .pgen, .pvar, .pvar.zst or .psam; a .bgen file.

    Returns
    -------
    VariantReader

    Raises
    ------
    InputError
        The file is missing, of no format that can be read, or a prefix that two filesets share.
    """
    from genomics.readers.bgen import BgenReader
    from genomics.readers.pgen import PgenReader, pgen_prefix
    from genomics.readers.plink import PlinkReader, plink_prefix
    from genomics.readers.vcf import VcfReader

    path = Path(path)
    if path.suffix == ".bgen":
        return BgenReader(path)
    if path.is_file() and not path.name.endswith(_FILESET):
        return BgenReader(path) if _is_bgen(path) else VcfReader(path)
    plink_1, plink_2 = plink_prefix(path), pgen_prefix(path)
    if plink_1 is not None and plink_2 is not None:
        raise InputError(
            f"two filesets have this prefix: {path.name}.bed and {path.name}.pgen",
            file=path,
            expected="the prefix of one",
            hint=f"name the file that you mean: {path.name}.bed or {path.name}.pgen",
        )
    if plink_1 is not None:
        return PlinkReader(plink_1)
    return PgenReader(plink_2) if plink_2 is not None else VcfReader(path)


def _is_bgen(path: Path) -> bool:
    with path.open("rb") as stream:
        start = stream.read(_BGEN_MAGIC_AT + len(_BGEN_MAGIC))
    if start.startswith(_PLINK_MAGIC):
        raise InputError(
            "a PLINK file by another name",
            file=path,
            expected=".bed with .bim and .fam, or .pgen with .pvar and .psam",
        )
    return start.endswith(_BGEN_MAGIC)
