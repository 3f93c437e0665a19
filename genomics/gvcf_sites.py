"""The sites that are asked of a gVCF, and what another record says of the alleles at such a site."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from genomics.contigs import canonical_contig
from genomics.errors import InputError
from genomics.gvcf_alleles import UNSEEN
from genomics.regions import Region

UNKNOWN_ALLELE = -1
_COLUMNS = {
    "contig": ("contig", "chrom", "chr"),
    "position": ("position", "pos"),
    "ref": ("ref",),
    "alt": ("alt",),
}
_VARIANT_FILES = (".vcf", ".vcf.gz", ".vcf.bgz", ".bcf")
_MOST_REGION_SITES = 1_000_000

Reference = Callable[[str, int, int], str]
"""Contig, first and last position (1-based, closed) to the reference's bases there."""


@dataclass(frozen=True, eq=False)
class ContigSites:
    """Sites of one contig, sorted by position; two at one position stay in the order given.

    Attributes
    ----------
    contig
        As the list names it.
    positions : int64 (n,)
        1-based.
    alleles
        REF and the ALTs of each site; REF is N where it is not known.
    identifiers
    """

    contig: str
    positions: np.ndarray
    alleles: list[tuple[str, ...]]
    identifiers: list[str]

    def __len__(self) -> int:
        return len(self.alleles)


@dataclass(frozen=True)
class SiteList:
    """Sites by canonical contig, in the order in which contigs were first named.

    Examples
    --------
    >>> table = pd.DataFrame({"contig": ["chr1", "chr1"], "position": [9, 5], "ref": ["A", "C"], "alt": ["G", ""]})
    >>> sites = sites_of_table(table)
    >>> len(sites), sites.contigs["1"].positions.tolist(), sites.contigs["1"].alleles
    (2, [5, 9], [('C',), ('A', 'G')])
    """

    contigs: Mapping[str, ContigSites]

    def __len__(self) -> int:
        return sum(len(sites) for sites in self.contigs.values())

    def within(self, regions: Sequence[Region]) -> SiteList:
        """Return the sites that lie in one of some regions; all where none is given."""
        if not regions:
            return self
        kept = {}
        for name, sites in self.contigs.items():
            inside = np.zeros(len(sites), bool)
            for region in regions:
                if canonical_contig(region.contig) == name:
                    inside |= (sites.positions >= region.start) & (sites.positions <= region.end)
            rows = np.flatnonzero(inside).tolist()
            if rows:
                kept[name] = ContigSites(
                    sites.contig,
                    sites.positions[rows],
                    [sites.alleles[row] for row in rows],
                    [sites.identifiers[row] for row in rows],
                )
        return SiteList(kept)


def sites_of_table(table: pd.DataFrame, *, file: str | os.PathLike[str] | None = None) -> SiteList:
    """Make a list of sites of a table.

    Parameters
    ----------
    table
        contig (or chrom), position (or pos; 1-based), ref, alt (several joined by commas, ``.`` or empty for
        none), and maybe id.
    file
        Where the table comes from, for errors.

    Raises
    ------
    InputError
        A column is missing, a position is no number from 1 on, or an allele is no sequence of bases.

    Examples
    --------
    >>> sites_of_table(pd.DataFrame({"chrom": ["1"], "pos": [0], "ref": ["A"], "alt": ["G"]}))
    Traceback (most recent call last):
    ...
    genomics.errors.InputError: record 1, field position: '0' is not a position; expected a number from 1 on
    """
    names = {str(name).lstrip("#").lower(): name for name in table.columns}
    chosen = {}
    for key, spellings in _COLUMNS.items():
        found = next((names[name] for name in spellings if name in names), None)
        if found is None:
            raise InputError(
                "the list of sites lacks a column",
                file=file,
                field=key,
                expected="contig, position, ref, alt",
            )
        chosen[key] = table[found].fillna("").astype(str).tolist()
    ids = table[names["id"]].fillna("").astype(str).tolist() if "id" in names else [""] * len(table)
    rows = []
    for number, (contig, position, ref, alt, identifier) in enumerate(
        zip(*chosen.values(), ids, strict=True), start=1
    ):
        rows.append(
            (contig, *_parse_site(position, ref, alt, number, file), "" if identifier == "." else identifier)
        )
    return _site_list(rows)


def _parse_site(
    position: str, ref: str, alt: str, number: int, file: str | os.PathLike[str] | None
) -> tuple[int, tuple[str, ...]]:
    place = position.removesuffix(".0")
    if not place.isdigit() or not 1 <= int(place) < 2**31:
        raise InputError(
            f"{position!r} is not a position", file=file, record=number, field="position",
            expected="a number from 1 on",
        )  # fmt: skip
    alts = [] if alt in ("", ".") else alt.upper().split(",")
    alleles = (ref.upper() or "N", *(allele for allele in alts if allele not in UNSEEN))
    for allele in alleles:
        if not allele or set(allele) - set("ACGTN*"):
            raise InputError(
                f"{allele!r} is not an allele that a reference block can answer for", file=file, record=number,
                field="ref, alt", expected="bases ACGTN", hint="leave symbolic alleles out of the list",
            )  # fmt: skip
    return int(place), alleles


def _site_list(rows: Sequence[tuple[str, int, tuple[str, ...], str]]) -> SiteList:
    by_contig: dict[str, dict[tuple[int, tuple[str, ...]], tuple[str, str]]] = {}
    for contig, position, alleles, identifier in rows:
        by_contig.setdefault(canonical_contig(contig), {}).setdefault(
            (position, alleles), (contig, identifier)
        )
    return SiteList({name: _contig_sites(found) for name, found in by_contig.items()})


def _contig_sites(found: Mapping[tuple[int, tuple[str, ...]], tuple[str, str]]) -> ContigSites:
    ordered = sorted(found, key=lambda key: key[0])
    return ContigSites(
        contig=next(iter(found.values()))[0],
        positions=np.array([position for position, _ in ordered], np.int64),
        alleles=[alleles for _, alleles in ordered],
        identifiers=[found[key][1] for key in ordered],
    )


def read_sites(path: str | os.PathLike[str]) -> SiteList:
    """Read sites from a VCF or BCF file (its calls are not used), or a tab-separated table.

    Symbolic alleles and breakends of a VCF are left out; a record that has no other ALT has none then.

    Raises
    ------
    InputError
        The file cannot be read, or is no list of sites; see `sites_of_table`.
    """
    from genomics.readers import Selection, open_reader

    path = Path(path)
    if not path.is_file():
        raise InputError(
            "no such list of sites", file=path, expected="a VCF, or a table: contig, position, ref, alt"
        )
    if not path.name.endswith(_VARIANT_FILES):
        try:
            table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
        except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
            text = " ".join(str(error).split())
            raise InputError(f"not a table ({text})", file=path, expected="a header line and rows") from None
        return sites_of_table(table, file=path)
    rows = []
    for block in open_reader(path).blocks(Selection(fields=())):
        for contig, position, alleles, name in zip(
            block.contigs, block.positions.tolist(), block.alleles, block.identifiers, strict=True
        ):
            bases = tuple(allele.upper() for allele in alleles if not set(allele.upper()) - set("ACGTN*"))
            rows.append((contig, position, bases, name))
    return _site_list(rows)


def sites_of_regions(regions: Sequence[Region], reference: Reference | None = None) -> SiteList:
    """Ask for every position of some regions.

    Parameters
    ----------
    regions
        Each with a start and an end.
    reference
        Gives the reference's bases; without it REF is N but at the first position of a block.

    Raises
    ------
    InputError
        A region has no end, or all together are longer than a million positions.

    Examples
    --------
    >>> sites_of_regions([Region("1", 5, 7)], lambda contig, start, end: "ACG").contigs["1"].alleles
    [('A',), ('C',), ('G',)]
    """
    length = sum(region.end - region.start + 1 for region in regions)
    if length > _MOST_REGION_SITES:
        raise InputError(
            f"{length} positions asked for", field="regions", expected=f"at most {_MOST_REGION_SITES}",
            hint="give regions with an end, or a list of sites",
        )  # fmt: skip
    return _site_list([row for region in regions for row in _region_rows(region, reference)])


def _region_rows(
    region: Region, reference: Reference | None
) -> Iterator[tuple[str, int, tuple[str, ...], str]]:
    length = region.end - region.start + 1
    bases = "N" * length if reference is None else reference(region.contig, region.start, region.end).upper()
    for offset in range(length):
        yield region.contig, region.start + offset, (bases[offset : offset + 1] or "N",), ""


# -- what a record says of a site ------------------------------------------------------------------------


def minimal(position: int, ref: str, alt: str) -> tuple[int, str, str]:
    """Trim what REF and ALT share, the end first.

    Examples
    --------
    >>> minimal(10, "ATT", "AT"), minimal(10, "GAC", "GTC")
    ((10, 'AT', 'A'), (11, 'A', 'T'))
    """
    while len(ref) > 1 and len(alt) > 1 and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while len(ref) > 1 and len(alt) > 1 and ref[0] == alt[0]:
        position, ref, alt = position + 1, ref[1:], alt[1:]
    return position, ref, alt


def is_sequence(allele: str) -> bool:
    """Tell whether an allele is written in bases.

    Examples
    --------
    >>> is_sequence("ACG"), is_sequence("<DEL>"), is_sequence("*")
    (True, False, False)
    """
    return allele.isalpha()


def covered_sites(starts: np.ndarray, ends: np.ndarray, sites: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pair records with the sites that they cover.

    Parameters
    ----------
    starts, ends : (n,)
        First and last position of each record.
    sites : (m,)
        Positions, ascending.

    Returns
    -------
    rows, numbers
        Indices of a record and of a site, by record.

    Examples
    --------
    >>> rows, numbers = covered_sites(np.array([5, 8]), np.array([9, 8]), np.array([4, 8, 9]))
    >>> rows.tolist(), numbers.tolist()
    ([0, 0, 1], [1, 2, 1])
    """
    first = np.searchsorted(sites, starts, "left")
    n_sites = np.maximum(np.searchsorted(sites, ends, "right") - first, 0)
    rows = np.repeat(np.arange(len(starts)), n_sites)
    offset = np.arange(len(rows)) - np.repeat(np.cumsum(n_sites) - n_sites, n_sites)
    return rows, first[rows] + offset


def names_site(position: int, alleles: Sequence[str], site: int, site_alleles: Sequence[str]) -> bool:
    """Tell whether a record has every ALT of a site, however either is padded.

    Examples
    --------
    >>> names_site(9, ("CA", "CG", "C"), 10, ("A", "G")), names_site(10, ("A", "C"), 10, ("A", "G"))
    (True, False)
    """
    if len(site_alleles) < 2:
        return position == site and len(alleles) > 1
    has = {minimal(position, alleles[0], alt) for alt in alleles[1:] if is_sequence(alt)}
    return {minimal(site, site_alleles[0], alt) for alt in site_alleles[1:]} <= has


def agrees_with_reference(position: int, ref: str, site: int, site_ref: str) -> bool:
    """Tell whether two records' REF show the same bases where both show any; N agrees with all.

    Examples
    --------
    >>> agrees_with_reference(10, "ACG", 12, "GT"), agrees_with_reference(10, "ACG", 11, "T")
    (True, False)
    """
    mine = ref[site - position : site - position + len(site_ref)].upper()
    return all(a == b or "N" in (a, b) for a, b in zip(mine, site_ref.upper(), strict=False))


def translate_alleles(position: int, alleles: Sequence[str], site: int, site_alleles: list[str]) -> list[int]:
    """Say which allele of a site each allele of an overlapping record is.

    A base that differs becomes a further ALT of the site, a deletion of the site's base the ALT ``*``. What
    cannot be told, such as an insertion at a site that asks for another one, is unknown.

    Parameters
    ----------
    position, alleles
        The record's POS, REF and ALTs.
    site, site_alleles
        The site's position and alleles; alleles are added to the list.

    Returns
    -------
    list of int
        For each allele of the record an index into `site_alleles`, or -1.

    Examples
    --------
    >>> asked = ["C", "T"]
    >>> translate_alleles(10, ("ACG", "A", "AGG", "<*>"), 11, asked), asked
    ([0, 2, 3, -1], ['C', 'T', '*', 'G'])
    """
    is_base = all(len(allele) == 1 for allele in site_alleles)
    return [0] + [
        _translate(position, alleles[0], alt, site, site_alleles, is_base=is_base) for alt in alleles[1:]
    ]


def _translate(
    position: int, ref: str, alt: str, site: int, site_alleles: list[str], *, is_base: bool
) -> int:
    site_ref = site_alleles[0]
    if alt in UNSEEN:
        return UNKNOWN_ALLELE
    if position == site and ref.upper() == site_ref.upper():
        return _index(site_alleles, alt.upper() if is_sequence(alt) else alt)
    if alt == "<DEL>" and position < site:
        return _index(site_alleles, "*")
    if not is_sequence(alt):
        return UNKNOWN_ALLELE
    start, changed, new = minimal(position, ref.upper(), alt.upper())
    if len(changed) != len(new) and changed[0] == new[0]:  # the base before an insertion or deletion stays
        start, changed, new = start + 1, changed[1:], new[1:]
    end = start + len(changed) - 1
    if not is_base:
        return UNKNOWN_ALLELE if start <= site + len(site_ref) and end >= site - 1 else 0
    if not start <= site <= end:
        return 0
    if len(changed) == len(new):
        return _index(site_alleles, new[site - start])
    return _index(site_alleles, "*") if not new else UNKNOWN_ALLELE


def _index(alleles: list[str], allele: str) -> int:
    if allele not in alleles:
        alleles.append(allele)
    return alleles.index(allele)
