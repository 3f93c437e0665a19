"""Readers of variant files: one protocol, one reader for each format, all yielding the same blocks.

`open_reader` looks at a file and returns its reader. A reader knows the file's samples, contigs, filters
and fields, and yields `genomics.block.VariantBlock` in file order for a `Selection`.
"""

from __future__ import annotations

import os
from pathlib import Path

from genomics.readers.protocol import Reject, Selection, VariantReader

__all__ = ["Reject", "Selection", "VariantReader", "open_reader"]


def open_reader(path: str | os.PathLike[str]) -> VariantReader:
    """Open a variant file with the reader of its format.

    Parameters
    ----------
    path
        A VCF (plain, gzip, bgzip) or BCF file, or a PLINK 1 prefix or .bed.

    Returns
    -------
    VariantReader

    Raises
    ------
    InputError
        The file is missing, or of no format that can be read.
    """
    from genomics.readers.plink import PlinkReader, plink_prefix
    from genomics.readers.vcf import VcfReader

    prefix = plink_prefix(path)
    return VcfReader(Path(path)) if prefix is None else PlinkReader(prefix)
