"""Write the calls of a cohort back as text: one row per call, or VCF."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from genomics.cohort import Cohort
from genomics.errors import InputError
from genomics.export_bgzip import BgzipWriter
from genomics.export_tsv import COLUMNS, write_tsv
from genomics.export_vcf import write_vcf
from genomics.genotype_text import genotype_text
from genomics.store_files import disk_error

__all__ = ["COLUMNS", "export_calls", "genotype_text"]


def export_calls(
    cohort: Cohort,
    out: str | os.PathLike[str],
    *,
    regions: Sequence[str] | None = None,
    keep: Sequence[str] | None = None,
    remove: Collection[str] = (),
    extract: Collection[str] | None = None,
    exclude: Collection[str] = (),
    threads: int | None = None,
) -> Path:
    """Write the calls of a cohort, all of them or a selection.

    Parameters
    ----------
    cohort
        The cohort.
    out
        ``NAME.tsv`` (``.tsv.gz``): one row per record and sample with chrom, pos, ref, alt
        (comma-separated), filter, sample, gt as in VCF, state; one row per record, with an empty sample, gt and
        state, where the cohort has no samples. ``NAME.vcf`` or ``NAME.vcf.gz``: GT and every INFO and FORMAT
        field that the store has. What ends in .gz is bgzip, for tabix and bcftools to index.
    regions
        Records that overlap one of these, ``19:10300000-10400000``.
    keep, remove
        Samples to write, in this order; samples to leave out.
    extract, exclude
        Variants to write; variants to leave out. Named by ID or contig:position:ref:alt.
    threads
        That compress; by default all cores, at most 4.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    InputError
        The name ends otherwise, the selection names what is not there, or the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from genomics import ingest
    >>> folder = Path(tempfile.mkdtemp())
    >>> text = '''##fileformat=VCFv4.2
    ... ##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
    ... #CHROM POS ID REF ALT QUAL FILTER INFO FORMAT A B
    ... 1 100 rs1 A G . PASS . GT 0/1 ./.
    ... '''
    >>> _ = (folder / "two.vcf").write_text(text.replace(" ", chr(9)))
    >>> cohort = ingest(folder / "two.vcf", folder / "two.vcz")
    >>> print(export_calls(cohort, folder / "b.tsv", keep=["B"]).read_text().replace(chr(9), " "), end="")
    chrom pos ref alt filter sample gt state
    1 100 A G PASS B ./. no-call
    """
    out = Path(out)
    writer = {".tsv": write_tsv, ".vcf": write_vcf}.get(Path(out.name.removesuffix(".gz")).suffix)
    if writer is None:
        raise InputError("a name that does not tell the format", file=out, expected=".tsv, .vcf or .vcf.gz")
    chosen = cohort.select(regions=regions, samples=keep, remove=remove, extract=extract, exclude=exclude)
    temporary = out.with_name(f"{out.name}.tmp-{os.getpid()}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with _open(temporary, out.suffix == ".gz", threads) as stream:
            writer(chosen, stream)
        temporary.replace(out)
    except OSError as error:
        described = disk_error(error, out, what="the exported file")
        if described is None:
            raise
        raise described from error
    finally:
        temporary.unlink(missing_ok=True)
    return out


def _open(path: Path, compressed: bool, threads: int | None) -> AbstractContextManager[Any]:
    return BgzipWriter(path, threads=threads) if compressed else path.open("wb")
