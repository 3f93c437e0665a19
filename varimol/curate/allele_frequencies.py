"""Count star alleles among the phased haplotypes of 1000 Genomes.

``python -m varimol.curate.allele_frequencies SOURCE PANEL OUT`` where SOURCE is a folder with
``1000genomes_grch37/GENE.vcf.gz`` (phased calls), PANEL the table of sample and super_pop, and OUT the folder
that holds ``allele_definitions.tsv`` (`varimol.curate.pharmacogenes`), to which ``allele_frequencies.tsv`` is
written. The panel lists only sites that vary in it: a site that it does not list carries the reference there.
Haplotypes that match no allele count in the denominator alone. ``optional_variants`` tells of an allele that is seen
with and without a variant how many of its haplotypes have it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from genomics.star_absence import UNSEEN_SITES
from genomics.star_alleles import StarGene, read_definitions
from genomics.star_components import haplotype_components
from genomics.star_genotypes import is_read_by_site
from genomics.star_match import OTHER, match_haplotype
from genomics.star_sites import allele_codes, join_records
from varimol.curate.frequencies import PanelRecord, read_panel_records
from varimol.curate.pharmacogene_sources import write_tsv
from varimol.tables import POPULATIONS

SOURCE = "1000 Genomes Project phase 3, phased calls on GRCh37"
VERSION = "v5a.20130502"
COLUMNS = (
    "gene", "allele", "count", "n_haplotypes", "frequency", "population", *POPULATIONS,
    "optional_variants", "source", "source_version",
)  # fmt: skip
# Genes whose alleles this panel would count wrongly: copy number decides CYP2D6's; rs12979860 of IFNL3 lies
# outside the panel's file of that gene.
NOT_COUNTED = frozenset({"CYP2D6", "IFNL3"})
# rs2279343 of CYP2B6 is common but not in the panel (`genomics.star_absence`), so that *6 would count
# as *9 and *4 as *1. The highest published shares stand in; other alleles with that variant stay uncounted.
# Deficient alleles of G6PD are rarer than the panel's files list, or were not called: shares of 142,069 genomes.
# Nor is rs28399504 of CYP2C19 in the panel, the start codon of *4, which others have found in all but Europeans.
PUBLISHED = {
    ("CYP2B6", "*4"): (0.091, "Han Chinese", "PMID 16951995", "2006"),
    ("CYP2B6", "*6"): (0.328, "African American", "doi:10.1093/ntr/ntz105, table 1", "2019"),
    ("G6PD", "Cairo"): (0.004, "Middle Eastern", "doi:10.1016/j.phrs.2021.105904", "2021"),
    ("G6PD", "Mediterranean, Dallas, Panama, Sassari, Cagliari, Birmingham"): (
        0.017,
        "SAS",
        "doi:10.1016/j.phrs.2021.105904",
        "2021",
    ),
    ("G6PD", "Orissa"): (0.002, "SAS", "doi:10.1016/j.phrs.2021.105904", "2021"),
    ("CYP2C19", "*4"): (0.002, "AMR", "doi:10.3390/jpm8010008, table 3", "2018"),
    ("CYP2B6", "*9"): (0.058, "Korean", "doi:10.1016/j.clpt.2003.11.254", "2004"),
}


def haplotype_codes(
    gene: StarGene, records: Sequence[PanelRecord], n_haplotypes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Code of every panel haplotype at every site of a gene, and which sites the panel has a record of.

    Returns
    -------
    tuple of numpy.ndarray
        (sites, haplotypes) int8; (sites,) bool.
    """
    in_panel = np.zeros(len(gene.sites), dtype=bool)
    codes = np.zeros((len(gene.sites), n_haplotypes), dtype=np.int8)
    for number, site in enumerate(gene.sites):
        reference = site.references["GRCh37"]
        codes[number] = site.bases.index(reference) if reference in site.bases else OTHER
        parts = []
        for record in records:
            if abs(record.position - (site.positions["GRCh37"] or 0)) > 100:
                continue
            told = allele_codes(site, "GRCh37", record.position, record.alleles)
            if told is not None:
                parts.append(told[record.haplotypes].reshape(-1, 2))
        if parts:
            codes[number] = join_records(parts).ravel()
            in_panel[number] = True
    return codes, in_panel


def count_alleles(gene: StarGene, codes: np.ndarray) -> np.ndarray:
    """Which allele each haplotype carries.

    Returns
    -------
    numpy.ndarray
        (alleles, haplotypes) bool; more than one allele of a haplotype only in genes that are read variant
        by variant, where an allele's share is that of its variant.
    """
    one_by_one = gene.method == "lowest_function" or is_read_by_site(gene)
    patterns, pattern_of = np.unique(codes, axis=1, return_inverse=True)
    carried = np.zeros((len(gene.alleles), patterns.shape[1]), dtype=bool)
    has_variant = (~gene.allowed[:, :, 0]).any(axis=1)
    for number in range(patterns.shape[1]):
        if one_by_one:
            carried[:, number], _ = haplotype_components(gene, patterns[:, number])
            carried[~has_variant, number] = not carried[has_variant, number].any()
        else:
            carried[:, number] = match_haplotype(gene, patterns[:, number]).all(axis=1)
    return carried[:, pattern_of.ravel()]


def gene_rows(
    gene: StarGene, carried: np.ndarray, in_panel: np.ndarray, populations: np.ndarray
) -> list[dict[str, Any]]:
    """Rows of one gene, its alleles in the definition's order.

    That the panel has no record of an insertion or deletion does not say that nobody carries it: such alleles
    are not counted.
    """
    names = sorted(set(populations))
    shares = np.stack([carried[:, populations == name].mean(axis=1) for name in names], axis=1)
    best = shares.argmax(axis=1)
    unseen = np.array(
        [
            site.name in UNSEEN_SITES or not (site.is_substitution or seen)
            for site, seen in zip(gene.sites, in_panel, strict=True)
        ],
        dtype=bool,
    )
    countable = np.logical_and.reduce(gene.allowed[:, unseen, 0], axis=1)
    rows = []
    for i, allele in enumerate(gene.alleles):
        row: dict[str, Any] = {
            "gene": gene.name,
            "allele": allele,
            "source": SOURCE,
            "source_version": VERSION,
        }
        if (gene.name, allele) in PUBLISHED:
            values = PUBLISHED[gene.name, allele]
            row |= dict(zip(("frequency", "population", "source", "source_version"), values))
        elif countable[i]:
            row |= {"count": int(carried[i].sum()), "n_haplotypes": carried.shape[1]}
            row["frequency"] = round(float(shares[i, best[i]]), 5)
            row["population"] = names[best[i]] if carried[i].any() else ""
            row |= {name: round(float(share), 5) for name, share in zip(names, shares[i], strict=True)}
        rows.append(row)
    return rows


def count_optional(
    gene: StarGene, codes: np.ndarray, carried: np.ndarray, counts: np.ndarray | None = None
) -> dict[tuple[int, int, int], tuple[float, float]]:
    """How many haplotypes of an allele have each variant that it may have or lack.

    Parameters
    ----------
    gene
        The definition.
    codes
        (sites, haplotypes).
    carried
        (alleles, haplotypes), as `count_alleles` returns it.
    counts
        (haplotypes,): how many there are of each; one of each if not given.

    Returns
    -------
    dict
        By allele, site and code: haplotypes with the variant, and of the allele. Alleles without a haplotype
        are left out, and sites that the panel cannot tell.
    """
    found = {}
    for allele, site in np.argwhere(gene.allowed[:, :, 0] & gene.allowed[:, :, 1:].any(axis=2)):
        weights = carried[allele] * (1.0 if counts is None else counts)
        if gene.sites[site].name in UNSEEN_SITES or not weights.any():
            continue
        for code in np.flatnonzero(gene.allowed[allele, site, 1:]) + 1:
            with_it = weights[codes[site] == code].sum()
            found[int(allele), int(site), int(code)] = float(with_it), float(weights.sum())
    return found


def optional_share(count: float, n_haplotypes: float) -> float:
    """Share of haplotypes that have a variant, with half a haplotype more of either kind.

    Examples
    --------
    >>> optional_share(0, 0), optional_share(0, 49)
    (0.5, 0.01)
    """
    return (count + 0.5) / (n_haplotypes + 1)


def _optional_text(gene: StarGene, codes: np.ndarray, carried: np.ndarray, allele: int) -> str:
    """Share of an allele's haplotypes with each of its optional variants: ``rs58973490 A 0.00406``."""
    told = [
        f"{gene.sites[site].name} {gene.sites[site].bases[code]} {optional_share(*counted):.5f}"
        for (of, site, code), counted in count_optional(gene, codes, carried).items()
        if of == allele
    ]
    return ", ".join(told)


def _read(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, na_filter=False)


def curate(source: Path, panel: Path, out: Path) -> None:
    """Count the alleles of every gene that has both a definition and phased calls."""
    genes = _read(out / "genes.tsv")[["gene", "method", "copy_number", "ploidy"]]
    definitions = _read(out / "allele_definitions.tsv").merge(genes, on="gene", how="left")
    for column in ("position_grch37", "position_grch38"):
        definitions[column] = pd.to_numeric(definitions[column].replace("", None)).astype("Int64")
    # Populations in the order of the samples of the panel's files, which all agree on it.
    populations = np.repeat(pd.read_csv(panel, sep="\t")["super_pop"].to_numpy(dtype=str), 2)
    rows = []
    for gene in read_definitions(definitions):
        path = source / "1000genomes_grch37" / f"{gene.name}.vcf.gz"
        if gene.name in NOT_COUNTED or not path.exists():
            continue
        codes, in_panel = haplotype_codes(gene, list(read_panel_records(path)), len(populations))
        carried = count_alleles(gene, codes)
        found = gene_rows(gene, carried, in_panel, populations)
        rows += [
            row | {"optional_variants": _optional_text(gene, codes, carried, allele)}
            for allele, row in enumerate(found)
        ]
    write_tsv(out / "allele_frequencies.tsv", COLUMNS, rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the curation from the command line."""
    parser = argparse.ArgumentParser(prog="python -m varimol.curate.allele_frequencies", description=__doc__)
    parser.add_argument("source", type=Path, help="folder with 1000genomes_grch37")
    parser.add_argument("panel", type=Path, help="table of sample and super_pop")
    parser.add_argument("out", type=Path, help="folder with allele_definitions.tsv")
    options = parser.parse_args(arguments)
    curate(options.source, options.panel, options.out)


if __name__ == "__main__":
    main()
