"""Allele definitions of the genes that PharmCAT's definitions cover, in long form.

GRCh37 positions are those listed for the same rsID; a site that is not listed there takes the distance
between the builds that all listed sites of its gene share (``position_grch37_from`` says which).

``shift`` tells how far to the right an insertion or deletion may be written: the source gives its VCF position,
which stands as far left as it goes, and its HGVS name, which stands as far right as it goes (`right_shift`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from varimol.curate.pharmacogene_sources import (
    DEFINITIONS,
    Row,
    canonical,
    defined_genes,
    file_version,
    pypgx_table,
    read_json,
    row_name,
)

DEFINITION_COLUMNS = (
    "gene", "allele", "contig", "position_grch38", "ref_grch38", "position_grch37", "ref_grch37",
    "position_grch37_from", "alt", "shift", "optional", "rsid", "hgvs", "source", "source_row",
    "source_version",
)  # fmt: skip
IUPAC = {"R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC"}
# Bases of GRCh37's own sequence that differ from GRCh38's at sites of which no list has both: REF of the calls of
# 1000 Genomes phase 3 on GRCh37. A test compares every site of those calls.
GRCH37_BASES = {"rs1058164": "G"}
HGVS = re.compile(r"g\.(?P<start>\d+)(?:_(?P<end>\d+))?(?P<change>.+)")
REPEAT = re.compile(r"([ACGT]+)\[(\d+)\]")


def build_sites(variants: Sequence[Mapping[str, str]]) -> dict[str, Row]:
    """Single-base variants whose position is known on both builds, by rsID, with the index of their row."""
    rows: dict[str, Row] = {}
    for index, variant in enumerate(variants):
        bases = variant["GRCh37Allele"], variant["GRCh38Allele"], variant["Variant"]
        if not variant["rsID"].startswith("rs") or variant["Chromosome"] in ("M", "MT"):
            continue
        if any(len(base) != 1 for base in bases) or "N/A" in (
            variant["GRCh37Position"],
            variant["GRCh38Position"],
        ):
            continue
        rows[variant["rsID"]] = {
            "rsid": variant["rsID"],
            "contig": variant["Chromosome"],
            "position_grch37": int(variant["GRCh37Position"]),
            "position_grch38": int(variant["GRCh38Position"]),
            "ref_grch37": variant["GRCh37Allele"],
            "ref_grch38": variant["GRCh38Allele"],
            "index": index,
        }
    return rows


def rotated(bases: str, steps: int) -> str:
    """Write a repeated stretch ``steps`` bases further right.

    Examples
    --------
    >>> rotated("CTT", 4)
    'TTC'
    """
    steps %= len(bases)
    return bases[steps:] + bases[:steps]


def trimmed(position: int, ref: str, alt: str) -> tuple[int, str, str]:
    """Take off the bases that both sides share, at the end first, one base left at least.

    Examples
    --------
    >>> trimmed(10, "ATGATGA", "ATGA"), trimmed(10, "TAC", "TAG")
    ((10, 'ATGA', 'A'), (12, 'C', 'G'))
    """
    while min(len(ref), len(alt)) > 1 and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while min(len(ref), len(alt)) > 1 and ref[0] == alt[0]:
        position, ref, alt = position + 1, ref[1:], alt[1:]
    return position, ref, alt


def right_shift(position: int, ref: str, alt: str, name: str) -> int:
    """Bases by which an insertion or deletion may be written further right than its VCF position.

    Parameters
    ----------
    position
        1-based VCF position, the base before the change, as far left as it goes.
    ref, alt
        As in VCF, with the base before the change.
    name
        HGVS name of the same change, which stands as far right as it goes: a deletion, duplication or
        insertion, or a repeat (``g.233760235TA[8]``), whose range is counted with ``ref``.

    Returns
    -------
    int
        0 for anything but a pure insertion or deletion.

    Raises
    ------
    ValueError
        If the name tells another change than the VCF alleles.

    Examples
    --------
    >>> right_shift(99758183, "G", "GT", "g.99758188dup")
    5
    >>> right_shift(233760233, "CAT", "C", "g.233760235TA[6]")  # one of seven TA is lost
    13
    >>> right_shift(233760233, "C", "CAT", "g.233760235TA[8]")  # one is won: it may stand after the last
    15
    """
    position, ref, alt = trimmed(position, ref, alt)
    if len(ref) == len(alt) or min(len(ref), len(alt)) > 1 or ref[0] != alt[0]:
        return 0
    deletion = len(ref) > len(alt)
    bases = ref[1:] if deletion else alt[1:]
    last = last_base(name, len(bases) if deletion else -len(bases))
    shift = last - position - (len(bases) if deletion else 0)
    told = re.search(r"(?:del|ins)([ACGT]+)$|\d([ACGT]+)\[", name)
    stated = next((unit for unit in told.groups() if unit), "") if told else ""
    moved = rotated(bases, shift)
    if shift < 0 or (stated and moved != stated * max(1, len(moved) // len(stated))):
        raise ValueError(f"{name} is not {position} {ref}>{alt}")
    return shift


def shown_shift(shift: int, position: int, ref: str, alt: str, known: Mapping[int, str]) -> int:
    """Add to a shift the bases by which the reference is seen to repeat further right.

    A published name does not always stand as far right as it goes (G6PD Amsterdam).

    Parameters
    ----------
    shift
        `right_shift`, or 0.
    position, ref, alt
        As in VCF.
    known
        Bases of the reference sequence by position, as far as the source's sites show them.

    Examples
    --------
    >>> shown_shift(0, 154536021, "CAGA", "C", {154536025: "A"})
    1
    """
    position, ref, alt = trimmed(position, ref, alt)
    if len(ref) == len(alt) or min(len(ref), len(alt)) > 1 or ref[0] != alt[0]:
        return 0
    bases = ref[1:] or alt[1:]
    while known.get(position + len(ref) + shift) == bases[(len(ref) - 1 + shift) % len(bases)]:
        shift += 1
    return shift


def last_base(name: str, deleted: int) -> int:
    """Position of the last base of the stretch in which a change may be written.

    Parameters
    ----------
    name
        HGVS name. For a repeat, that of the changed allele.
    deleted
        Number of bases lost; negative for bases won.
    """
    match = HGVS.fullmatch(name)
    if match is None:
        raise ValueError(f"{name}: no HGVS name of one change")
    start, end = int(match["start"]), int(match["end"] or match["start"])
    repeat = REPEAT.fullmatch(match["change"])
    if repeat:
        # The reference has as many bases as the changed allele and those that it lost.
        return start + len(repeat[1]) * int(repeat[2]) + deleted - 1
    return start if match["change"].startswith("ins") else end


def hgvs_name(site: Mapping[str, Any], alt: str) -> str:
    """Pick from a site's HGVS names that of one alternate; ``''`` where none is."""
    names = [name.strip() for name in site["chromosomeHgvsName"].split(";")]
    ref = site["ref"]
    if len(ref) == len(alt) == 1:
        return next((name for name in names if name.endswith(f"{ref}>{alt}")), "")
    if len(names) == 1:
        return names[0]
    change = len(alt) - len(ref)
    for name in names:
        repeat = REPEAT.search(name)
        if repeat and int(repeat[2]) == reference_repeats(site, repeat[1]) + change // len(repeat[1]):
            return name
    return next((name for name in names if name.endswith("dup")), "")


def reference_repeats(site: Mapping[str, Any], unit: str) -> int:
    """How often the reference repeats ``unit``, from the name that the source gives the reference allele."""
    name = next(name for name, bases in site["cpicToVcfAlleleMap"].items() if bases == site["ref"])
    match = re.fullmatch(rf"{unit}(?:\((\d+)\))?", name)
    if match is None:
        raise ValueError(f"{site['chromosomeHgvsName']}: the reference {name} is no repeat of {unit}")
    return int(match[1] or 1)


def gene_definition(folder: Path, gene: str, exemptions: Mapping[str, Any]) -> dict[str, Any]:
    """Read one gene's definition without the positions and alleles that its publisher leaves out."""
    file = f"{gene}_translation.json"
    data = read_json(folder / file)
    exempt = exemptions.get(gene, {})
    # Two variants may share a position: a site is ignored by position and bases.
    ignored = {(site["position"], site["ref"]) for site in exempt.get("ignoredPositions") or []}
    kept = [i for i, site in enumerate(data["variants"]) if (site["position"], site["ref"]) not in ignored]
    # Sub-alleles that share one name (SLCO1B1*45.001, .002) are read as their core allele.
    suballeles = set(data["suballelesMap"])
    dropped = set(exempt.get("ignoredAlleles") or []) | suballeles
    alleles = [
        (f"namedAlleles[{i}]", a) for i, a in enumerate(data["namedAlleles"]) if a["name"] not in dropped
    ]
    alleles += [(f"hiddenCoreAlleles[{i}]", a) for i, a in enumerate(data["hiddenCoreAlleles"])]
    # Diplotypes are named in the order that the publisher lists alleles in with their functions.
    listed = folder.parent.parent / "phenotype" / f"{gene}.json"
    names = [a["name"] for a in read_json(listed)["namedAlleles"]] if listed.exists() else []
    place_of = {name: place for place, name in enumerate(names)}
    alleles.sort(key=lambda pair: place_of.get(pair[1]["name"], len(names)))
    return {
        "gene": data["gene"],
        "contig": canonical(data["chromosome"]),
        "sequence": data["refSeqChromosomeId"],
        "version": data["version"],
        "file": file,
        "bases": {s["position"] + i: base for s in data["variants"] for i, base in enumerate(s["ref"])},
        "variants": [{**data["variants"][i], "index": i} for i in kept],
        "alleles": [(a["name"], f"{file} {place}", [a["alleles"][i] for i in kept]) for place, a in alleles],
    }


def grch37_site(site: Mapping[str, Any], listed: Mapping[str, Row], offset: int | None) -> Row:
    """Place one site on GRCh37: from the list of both builds, else by the gene's distance."""
    row = listed.get(site["rsid"] or "")
    if row and row["position_grch38"] == site["position"] and row["ref_grch38"] == site["ref"]:
        return {
            "position_grch37": row["position_grch37"],
            "ref_grch37": row["ref_grch37"],
            "position_grch37_from": "listed",
        }
    if offset is None:
        return {"position_grch37": "", "ref_grch37": "", "position_grch37_from": ""}
    return {
        "position_grch37": site["position"] + offset,
        "ref_grch37": GRCH37_BASES.get(site["rsid"] or "", site["ref"]),
        "position_grch37_from": "distance",
    }


def gene_offset(sites: Iterable[Mapping[str, Any]], listed: Mapping[str, Row]) -> int | None:
    """Distance GRCh37 minus GRCh38 that every listed site of a gene shares; None where they differ."""
    distances = {
        row["position_grch37"] - row["position_grch38"]
        for site in sites
        if (row := listed.get(site["rsid"] or "")) and row["position_grch38"] == site["position"]
    }
    return distances.pop() if len(distances) == 1 else None


def carried_bases(value: str | None, ref: str) -> tuple[list[str], bool]:
    """Alternates an allele may carry at a site, and whether the reference base is allowed as well."""
    if value is None or value == ref:
        return [], True
    bases = list(IUPAC[value]) if value in IUPAC else [value]
    if not all(re.fullmatch("[ACGT]+", base) for base in bases):
        raise ValueError(f"{value!r} stands for no bases")
    return [base for base in bases if base != ref], ref in bases


def definition_rows(
    definition: Mapping[str, Any], listed: Mapping[str, Row], variants: Path | None = None
) -> list[Row]:
    """Write one gene's alleles in long form.

    Parameters
    ----------
    definition
        `gene_definition`.
    listed
        `build_sites`.
    variants
        The table that ``listed`` was read from, which the rows placed by it name.
    """
    sites = definition["variants"]
    offset = gene_offset(sites, listed)
    common = {"gene": definition["gene"], "contig": definition["contig"], "source": DEFINITIONS}
    common["source_version"] = definition["version"]
    rows: list[Row] = []
    for name, place, values in definition["alleles"]:
        before = len(rows)
        for site, value in zip(sites, values, strict=True):
            alternates, optional = carried_bases(value, site["ref"])
            placed = grch37_site(site, listed, offset)
            source_row = f"{place} variants[{site['index']}]"
            if placed["position_grch37_from"] == "listed" and variants is not None:
                source_row += f"; {row_name(variants, listed[site['rsid']]['index'])}"
            for base in alternates:
                hgvs = hgvs_name(site, base)
                change = site["position"], site["ref"], base
                shift = right_shift(*change, hgvs) if hgvs else 0
                rows.append(
                    {
                        **common,
                        "allele": name,
                        "position_grch38": site["position"],
                        "ref_grch38": site["ref"],
                        **placed,
                        "alt": base,
                        "shift": shown_shift(shift, *change, definition["bases"]),
                        "optional": int(optional),
                        "rsid": site["rsid"] or "",
                        "hgvs": f"{definition['sequence']}:{hgvs}" if hgvs else "",
                        "source_row": source_row,
                    }
                )
        if len(rows) == before:
            bare = {"allele": name, "shift": 0, "optional": 0, "source_row": place}
            rows.append({**dict.fromkeys(DEFINITION_COLUMNS, ""), **common, **bare})
    return rows


def pharmcat_rows(source: Path, listed: Mapping[str, Row]) -> list[Row]:
    """Definitions of every gene that PharmCAT covers, in order of gene.

    Parameters
    ----------
    source
        Folder with ``pharmcat`` and ``pypgx_tables``.
    listed
        `build_sites`.
    """
    folder = source / "pharmcat" / "definition" / "alleles"
    variants = pypgx_table(source, "variant")
    version = file_version(variants)
    exemptions = read_json(folder / "exemptions.json")
    rows = [
        row
        for gene in defined_genes(source)
        for row in definition_rows(gene_definition(folder, gene, exemptions), listed, variants)
    ]
    for row in rows:
        if row["position_grch37_from"] == "listed":
            row["source_version"] += f"; {version}"
    return rows
