"""Names of chromosomes: one spelling to compare by, and the order to sort by."""

from __future__ import annotations

import re
from collections.abc import Iterable

AUTOSOMES: tuple[str, ...] = tuple(str(number) for number in range(1, 23))
CHROMOSOMES: tuple[str, ...] = (*AUTOSOMES, "X", "Y", "MT")

_PREFIX = re.compile(r"^(?:chr|chrom)(?=.)", re.IGNORECASE)
_PLINK_NUMBERS = {"23": "X", "24": "Y", "25": "X", "26": "MT", "XY": "X", "PAR1": "X", "PAR2": "X"}


def canonical_contig(name: str) -> str:
    """Name a contig the way tables are compared: without ``chr``, mitochondrion as ``MT``.

    Names that are not those of a human chromosome keep their spelling apart from a leading ``chr``.

    Examples
    --------
    >>> canonical_contig("chr1"), canonical_contig("chrM"), canonical_contig("x")
    ('1', 'MT', 'X')
    >>> canonical_contig("NC_000001.11")
    'NC_000001.11'
    """
    bare = _PREFIX.sub("", str(name))
    upper = bare.upper()
    if upper in ("M", "MT"):
        return "MT"
    return upper if upper in CHROMOSOMES else bare


def canonical_plink_contig(name: str) -> str:
    """Name a PLINK chromosome code: 23 is X, 24 Y, 25 the pseudo-autosomal part of X, 26 MT.

    Examples
    --------
    >>> canonical_plink_contig("23"), canonical_plink_contig("7")
    ('X', '7')
    """
    return _PLINK_NUMBERS.get(str(name), canonical_contig(name))


def is_chromosome(name: str) -> bool:
    """Tell whether a contig is one of the human chromosomes 1-22, X, Y or MT, with or without ``chr``.

    Examples
    --------
    >>> is_chromosome("chrX"), is_chromosome("NC_000001.11")
    (True, False)
    """
    return canonical_contig(name) in CHROMOSOMES


def contig_rank(name: str) -> tuple[int, str]:
    """Sort key for contigs: 1 to 22, X, Y, MT, then all others by name.

    Examples
    --------
    >>> sorted(["chr10", "chrM", "chr2", "HLA", "chrX"], key=contig_rank)
    ['chr2', 'chr10', 'chrX', 'chrM', 'HLA']
    """
    canonical = canonical_contig(name)
    if canonical in CHROMOSOMES:
        return (CHROMOSOMES.index(canonical), "")
    return (len(CHROMOSOMES), canonical)


def contig_naming(names: Iterable[str]) -> str:
    """Describe how chromosomes are named: 'chr', 'plain', 'mixed', or 'unknown' where there is none.

    Contigs that are not chromosomes (decoys, unplaced scaffolds) do not count.

    Examples
    --------
    >>> contig_naming(["chr1", "chrUn_KI270302v1"]), contig_naming(["1", "chr2"])
    ('chr', 'mixed')
    >>> contig_naming(["NC_000001.11"])
    'unknown'
    """
    styles = {"chr" if _PREFIX.match(name) else "plain" for name in names if is_chromosome(name)}
    if len(styles) == 2:
        return "mixed"
    return styles.pop() if styles else "unknown"
