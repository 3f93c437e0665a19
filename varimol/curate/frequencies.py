"""Sites and haplotypes with population frequencies on GRCh38: what the demo's cohort is simulated from.

``python -m varimol.curate.frequencies SOURCE PANEL OUT`` where SOURCE is a folder with
``pharmcat/definition/alleles/GENE_translation.json`` (star-allele definitions, GRCh38),
``pypgx_tables/variant-table.csv`` (positions on both builds) and ``1000genomes_grch37/GENE.vcf.gz`` (phased
calls); PANEL is the 1000 Genomes table of sample and super_pop; OUT the folder to write
``site_frequencies.tsv`` and ``haplotype_frequencies.tsv`` to.

A position moves from GRCh37 to GRCh38 by the offset of two flanking anchors of its gene (variants whose
position is known on both builds) that agree on it. At definition sites alleles are compared as bases: a site
whose reference base differs between the builds keeps its meaning.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

POPULATIONS = ["AFR", "AMR", "EAS", "EUR", "SAS"]
IUPAC = {"R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC"}
# No phased calls at hand: a caller must find these sites absent, not hom-ref.
WITHOUT_PANEL = {"RYR1"}
NEIGHBOURS_PER_GENE = 60
SITE_COLUMNS = [
    *("gene", "rsid", "contig", "position", "ref", "alt"),
    *POPULATIONS,
    *("kind", "consequence", "strand", "amino_acid_change"),
]


@dataclass(frozen=True)
class PanelRecord:
    """One record of the phased panel: haplotype alleles as allele numbers, two per person in turn."""

    position: int
    rsid: str
    alleles: tuple[str, ...]
    haplotypes: np.ndarray


def trim(position: int, ref: str, alt: str) -> tuple[int, str, str]:
    """Leave an allele pair without shared ends, so that the same change written twice compares equal.

    Examples
    --------
    >>> trim(100, "CAT", "CATAT")
    (100, 'C', 'CAT')
    >>> trim(100, "AG", "AT")
    (101, 'G', 'T')
    """
    while len(ref) > 1 and len(alt) > 1 and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while len(ref) > 1 and len(alt) > 1 and ref[0] == alt[0]:
        position, ref, alt = position + 1, ref[1:], alt[1:]
    return position, ref, alt


def read_panel_records(path: Path) -> Iterator[PanelRecord]:
    """Read phased records of a gene; a record that is not wholly phased and called is left out."""
    with gzip.open(path, "rt") as lines:
        for line in lines:
            if line.startswith("#"):
                continue
            fields = line.rstrip("\n").split("\t")
            calls = np.array([call.split(":")[0].split("|") for call in fields[9:] if "|" in call])
            if calls.shape != (len(fields) - 9, 2) or (calls == ".").any():
                continue
            yield PanelRecord(
                int(fields[1]), fields[2], (fields[3], *fields[4].split(",")), calls.astype(np.int8).ravel()
            )


def read_anchors(table: Path) -> dict[str, dict[int, int]]:
    """Offsets (GRCh38 less GRCh37) by gene and GRCh37 position, from a table with both builds' positions."""
    anchors: dict[str, dict[int, int]] = defaultdict(dict)
    with table.open() as lines:
        for row in csv.DictReader(lines):
            if row["GRCh37Position"].isdigit() and row["GRCh38Position"].isdigit():
                old = int(row["GRCh37Position"])
                anchors[row["Gene"]][old] = int(row["GRCh38Position"]) - old
    return anchors


def offset_between(anchors: dict[int, int], position: int) -> int | None:
    """Offset for a GRCh37 position: that of its two flanking anchors where they agree, else None.

    Examples
    --------
    >>> offset_between({100: 7, 200: 7, 300: 9}, 150), offset_between({100: 7, 200: 7, 300: 9}, 250)
    (7, None)
    """
    if position in anchors:
        return anchors[position]
    before = [old for old in anchors if old < position]
    after = [old for old in anchors if old > position]
    if not before or not after:
        return None
    left, right = anchors[max(before)], anchors[min(after)]
    return left if left == right else None


def population_frequencies(chosen: np.ndarray, populations: np.ndarray) -> list[float]:
    """Share of the haplotypes of each superpopulation for which `chosen` holds."""
    return [round(float(chosen[populations == name].mean()), 5) for name in POPULATIONS]


def definition_alleles(
    definition: dict[str, Any], records: list[PanelRecord], offset: int, n_haplotypes: int
) -> np.ndarray:
    """Allele number (0 the GRCh38 base) of every panel haplotype at every definition site; -1 another allele.

    A site that the panel does not list did not vary in it: its haplotypes carry the reference allele.
    """
    by_position: dict[int, list[PanelRecord]] = defaultdict(list)
    for record in records:
        for alt in record.alleles[1:]:
            by_position[trim(record.position, record.alleles[0], alt)[0]].append(record)
    table = np.zeros((len(definition["variants"]), n_haplotypes), np.int8)
    for row, site in enumerate(definition["variants"]):
        if len(site["ref"]) == 1 and all(len(alt) == 1 for alt in site["alts"]):
            _fill_substitution(table[row], site, by_position[site["position"] - offset])
        else:
            _fill_other(table[row], site, by_position, offset)
    return table


def _fill_substitution(row: np.ndarray, site: dict[str, Any], records: list[PanelRecord]) -> None:
    numbers = {base: number for number, base in enumerate([site["ref"], *site["alts"]])}
    for record in records:
        if all(len(allele) == 1 for allele in record.alleles):
            row[:] = np.array([numbers.get(base, -1) for base in record.alleles], np.int8)[record.haplotypes]


def _fill_other(
    row: np.ndarray, site: dict[str, Any], by_position: dict[int, list[PanelRecord]], offset: int
) -> None:
    for number, alt in enumerate(site["alts"], 1):
        position, ref, trimmed = trim(site["position"] - offset, site["ref"], alt)
        for record in by_position[position]:
            for index, other in enumerate(record.alleles[1:], 1):
                if trim(record.position, record.alleles[0], other) == (position, ref, trimmed):
                    row[record.haplotypes == index] = number


def exact_name(definition: dict[str, Any], alleles: tuple[int, ...]) -> str:
    """Name of the allele that is defined by exactly these alleles; empty where there is none.

    Positions that a definition leaves open carry the reference.
    """
    matches = []
    sites = [[site["ref"], *site["alts"]] for site in definition["variants"]]
    if min(alleles) < 0:
        return ""
    for allele in definition["namedAlleles"]:
        wanted = [site[0] if base is None else base for site, base in zip(sites, allele["alleles"])]
        pairs = zip((site[number] for site, number in zip(sites, alleles)), wanted)
        if all(have == want or have in IUPAC.get(want, "") for have, want in pairs):
            matches.append((sum(want in IUPAC for want in wanted), allele["name"]))
    return str(min(matches, key=lambda match: match[0])[1]) if matches else ""


def name_haplotype(definition: dict[str, Any], alleles: tuple[int, ...]) -> str:
    """Name a haplotype: the allele it defines or, for genes without star names, its variants' names joined.

    Where alleles are named after variants, those of several sites are taken out first.
    """
    name = exact_name(definition, alleles)
    if name or definition["namedAlleles"][0]["name"].startswith("*") or min(alleles) < 0:
        return name
    left = {(place, number) for place, number in enumerate(alleles) if number}
    parts = []
    for allele, changes in sorted(_changes(definition).items(), key=lambda item: -len(item[1])):
        if changes and changes <= left:
            parts.append(allele)
            left -= changes
    return "" if left else " + ".join(parts)


def _changes(definition: dict[str, Any]) -> dict[str, set[tuple[int, int]]]:
    """Places and allele numbers at which each named allele differs from the reference."""
    sites = [[site["ref"], *site["alts"]] for site in definition["variants"]]
    return {
        allele["name"]: {
            (place, site.index(base))
            for place, (site, base) in enumerate(zip(sites, allele["alleles"]))
            if base in site[1:]
        }
        for allele in definition["namedAlleles"]
    }


def gene_haplotypes(
    definition: dict[str, Any], alleles: np.ndarray, populations: np.ndarray
) -> tuple[pd.DataFrame, float]:
    """Frequencies of the named haplotypes of a gene, and the share of the panel's that they cover."""
    columns = Counter(map(tuple, alleles.T.tolist()))
    keys = np.array(["/".join(map(str, column)) for column in alleles.T.tolist()])
    rows, covered = [], np.zeros(alleles.shape[1], bool)
    for column in columns:
        label = name_haplotype(definition, column)
        if not label:
            continue
        chosen = keys == "/".join(map(str, column))
        covered |= chosen
        carried = ";".join(
            f"{site['position']}:{site['ref']}>{site['alts'][number - 1]}"
            for site, number in zip(definition["variants"], column)
            if number
        )
        rows.append((definition["gene"], label, carried, chosen))
    named = pd.DataFrame(
        [
            (gene, label, carried, *population_frequencies(chosen[covered], populations[covered]))
            for gene, label, carried, chosen in rows
        ],
        columns=["gene", "haplotype", "alleles", *POPULATIONS],
    )
    return named.sort_values(["haplotype", "alleles"]).reset_index(drop=True), float(covered.mean())


def definition_sites(
    definition: dict[str, Any], alleles: np.ndarray, populations: np.ndarray
) -> list[tuple[Any, ...]]:
    """One row per definition site and alternative allele, those that the panel never shows included."""
    contig = definition["chromosome"].removeprefix("chr")
    return [
        (
            *(definition["gene"], site["rsid"] or "", contig, site["position"], site["ref"], alt),
            *population_frequencies(alleles[row] == number, populations),
            *("definition", "", "", ""),
        )
        for row, site in enumerate(definition["variants"])
        for number, alt in enumerate(site["alts"], 1)
    ]


def neighbour_sites(
    gene: str,
    contig: str,
    records: list[PanelRecord],
    anchors: dict[int, int],
    populations: np.ndarray,
    taken: set[int],
) -> list[tuple[Any, ...]]:
    """Common single-base variants of the panel between anchors, thinned evenly along the gene."""
    rows = []
    for record in records:
        offset = offset_between(anchors, record.position)
        plain = len(record.alleles) == 2 and all(allele in "ACGT" for allele in record.alleles)
        if not plain or offset is None or record.position + offset in taken:
            continue
        frequencies = population_frequencies(record.haplotypes == 1, populations)
        if max(min(value, 1 - value) for value in frequencies) >= 0.02:
            site = (gene, record.rsid.split(";")[0], contig, record.position + offset, *record.alleles)
            rows.append((*site, *frequencies, "panel", "", "", ""))
            taken.add(record.position + offset)
    n_kept = min(NEIGHBOURS_PER_GENE, len(rows))
    keep = np.unique(np.linspace(0, max(len(rows) - 1, 0), n_kept).astype(int)).tolist()
    return [rows[index] for index in keep]


def build(source: Path, panel: Path) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, float]]:
    """Make both tables and, per gene, the share of panel haplotypes that carry a defined allele."""
    groups = pd.read_csv(panel, sep="\t", usecols=["sample", "super_pop"]).set_index("sample")["super_pop"]
    anchors = read_anchors(source / "pypgx_tables" / "variant-table.csv")
    sites: list[tuple[Any, ...]] = []
    haplotypes, coverage = [], {}
    for path in sorted((source / "1000genomes_grch37").glob("*.vcf.gz")):
        gene = path.name.removesuffix(".vcf.gz")
        populations = groups.loc[_samples(path)].to_numpy().repeat(2)
        records = list(read_panel_records(path))
        translation = source / "pharmcat" / "definition" / "alleles" / f"{gene}_translation.json"
        taken: set[int] = set()
        if translation.exists():
            definition = json.loads(translation.read_text())
            offsets = set(anchors[gene].values())
            offset = Counter(anchors[gene].values()).most_common(1)[0][0]
            assert len(offsets) == 1 or gene == "CYP2D6", f"{gene}: anchors disagree: {offsets}"
            alleles = definition_alleles(definition, records, offset, len(populations))
            sites += definition_sites(definition, alleles, populations)
            named, coverage[gene] = gene_haplotypes(definition, alleles, populations)
            haplotypes.append(named)
            taken = {site["position"] for site in definition["variants"]}
        contig = _contig(path)
        sites += neighbour_sites(gene, contig, records, anchors[gene], populations, taken)
    table = pd.DataFrame(sites, columns=SITE_COLUMNS)
    targets = pd.read_csv(
        Path(__file__).with_name("drug_target_sites.tsv"), sep="\t", dtype={"contig": str}
    ).assign(kind="target")
    table = pd.concat([table, targets[SITE_COLUMNS]], ignore_index=True)
    order = table["contig"].replace({"X": "23"}).astype(int)
    table = table.assign(order=order).sort_values(["order", "position", "ref"], kind="stable")
    return table[SITE_COLUMNS].reset_index(drop=True), pd.concat(haplotypes, ignore_index=True), coverage


def _samples(path: Path) -> list[str]:
    with gzip.open(path, "rt") as lines:
        return next(line for line in lines if line.startswith("#CHROM")).rstrip("\n").split("\t")[9:]


def _contig(path: Path) -> str:
    with gzip.open(path, "rt") as lines:
        return next(line for line in lines if not line.startswith("#")).split("\t", 1)[0]


def main(arguments: list[str]) -> None:
    """Write both tables: SOURCE folder, PANEL file, OUT folder."""
    source, panel, out = map(Path, arguments)
    sites, haplotypes, coverage = build(source, panel)
    for name, table in (("site_frequencies.tsv", sites), ("haplotype_frequencies.tsv", haplotypes)):
        temporary = out / f"{name}.tmp-{os.getpid()}"
        table.to_csv(temporary, sep="\t", index=False)
        temporary.replace(out / name)
    print(sites.groupby("kind").size().to_dict(), len(haplotypes), "haplotypes")
    print("\n".join(f"{gene}\t{share:.4f}" for gene, share in sorted(coverage.items())))


if __name__ == "__main__":
    main(sys.argv[1:])
