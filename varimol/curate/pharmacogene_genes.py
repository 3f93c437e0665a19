"""The table of genes: where each lies on both builds, and by what kind of call it is read.

===============  =========================================================================================
method           what is called
===============  =========================================================================================
diplotype        a pair of named alleles
lowest_function  the variants found, of which the two with the lowest function decide (CPIC, DPYD and RYR1)
genotype         each site by itself: genes whose alleles are single variants named by their rsID
outside          nothing from variant calls: no source defines an allele by small variants
===============  =========================================================================================

``copy_number`` is 1 where no call from small variants can be confident: CYP2D6, and every gene that only
PyPGx defines and for which it lists structural alleles. ``structural_variants`` is 1 wherever PyPGx lists
such alleles, of which small variants show nothing, even if the gene is called from small variants.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from varimol.curate.pharmacogene_sources import (
    DEFINITIONS,
    PYPGX,
    Row,
    canonical,
    defined_genes,
    file_version,
    pypgx_table,
    read_csv,
    read_json,
    row_name,
)  # fmt: skip

GENE_COLUMNS = (
    "gene", "contig", "strand", "start_grch38", "end_grch38", "start_grch37", "end_grch37", "method",
    "copy_number", "structural_variants", "ploidy", "reference_allele", "source", "source_row",
    "source_version",
)  # fmt: skip
LOWEST_FUNCTION = ("DPYD", "RYR1")
# Genes whose alleles are reported site by site though they have names or several of them.
GENOTYPE = ("CACNA1S", "F5", "IFNL3", "VKORC1")
NEEDS_COPY_NUMBER = ("CYP2D6",)
# Sites outside any gene, which are reported under a name of their own and have no named alleles.
CLUSTERS = {"rs12777823": "CYP2C cluster"}
PLOIDIES = {"X": "X", "MT": "MT"}


def region(text: str) -> tuple[str, int | str, int | str]:
    """Read ``10:94759680-94858547``; on a contig that is not part of the primary assembly, no positions.

    Examples
    --------
    >>> region("M:410-1840"), region("22_KI270879v1_alt:267307-281486")
    (('MT', 410, 1840), ('22', '', ''))
    """
    contig, span = text.split(":")
    if "_" in contig:
        return canonical(contig.split("_")[0]), "", ""
    start, end = span.split("-")
    return canonical(contig), int(start), int(end)


def named_by_rsid(alleles: Sequence[Mapping[str, str]]) -> bool:
    """Whether every allele but the reference is one variant that is named by its rsID."""
    others = [allele for allele in alleles if allele["StarAllele"] != "Reference"]
    return bool(others) and all(
        allele["StarAllele"].startswith("rs") and "," not in allele["GRCh38Core"] for allele in others
    )


def call_method(gene: str, defined: bool, alleles: Sequence[Mapping[str, str]]) -> str:
    """Say by what kind of call a gene is read.

    Parameters
    ----------
    gene
        Symbol.
    defined
        Whether PharmCAT's definitions cover it.
    alleles
        Its rows of PyPGx's allele table.
    """
    if gene in LOWEST_FUNCTION:
        return "lowest_function"
    if gene in GENOTYPE:
        return "genotype"
    if defined:
        return "diplotype"
    if not any(allele["GRCh38Core"] != "N/A" or allele["GRCh37Core"] != "N/A" for allele in alleles):
        return "outside"
    return "genotype" if named_by_rsid(alleles) else "diplotype"


def reference_alleles(source: Path) -> dict[str, tuple[str, str, str]]:
    """Reference allele of each gene that PharmCAT defines, with where it says so and its version."""
    folder = source / "pharmcat" / "definition" / "alleles"
    found = {}
    for gene in defined_genes(source):
        data = read_json(folder / f"{gene}_translation.json")
        index, allele = next((i, a) for i, a in enumerate(data["namedAlleles"]) if a["reference"])
        found[gene] = (allele["name"], f"{gene}_translation.json namedAlleles[{index}]", data["version"])
    return found


def gene_rows(source: Path) -> list[Row]:
    """Every gene that a source defines or gives guidance for, in order of symbol.

    Parameters
    ----------
    source
        Folder with ``pharmcat`` and ``pypgx_tables``.
    """
    path = pypgx_table(source, "gene")
    alleles: dict[str, list[dict[str, str]]] = {}
    for allele in read_csv(pypgx_table(source, "allele")):
        alleles.setdefault(allele["Gene"], []).append(allele)
    references = reference_alleles(source)
    rows = [
        _defined_row(row, row_name(path, i), references.get(row["Gene"]), alleles[row["Gene"]])
        for i, row in enumerate(read_csv(path))
        if row["Target"] == "TRUE"
    ]
    version = file_version(path)
    for row in rows:
        row["source_version"] = f"{row['source_version']}; {version}" if row["source_version"] else version
    known = {row["gene"] for row in rows}
    rows += [_only_defined_row(source, gene, references[gene]) for gene in sorted(references.keys() - known)]
    rows += _cluster_rows(source)
    return sorted(
        [*rows, *_undefined_rows(source, known | references.keys())], key=lambda row: str(row["gene"])
    )


def _defined_row(
    row: Mapping[str, str],
    name: str,
    reference: tuple[str, str, str] | None,
    alleles: Sequence[Mapping[str, str]],
) -> Row:
    """One gene of PyPGx's gene table; its reference allele from PharmCAT where that defines the gene."""
    gene = row["Gene"]
    # PyPGx writes a man's one X as a structural allele of G6PD.
    structural = any(allele["SV"] == "TRUE" and allele["StarAllele"] != "MALE" for allele in alleles)
    contig, start_38, end_38 = region(row["GRCh38Region"])
    _, start_37, end_37 = region(row["GRCh37Region"])
    return {
        "gene": gene,
        "contig": contig,
        "strand": row["Strand"],
        "start_grch38": start_38,
        "end_grch38": end_38,
        "start_grch37": start_37,
        "end_grch37": end_37,
        "method": call_method(gene, reference is not None, alleles),
        "copy_number": int(gene in NEEDS_COPY_NUMBER or (structural and reference is None)),
        "structural_variants": int(structural),
        "ploidy": PLOIDIES.get(contig, "autosome"),
        "reference_allele": reference[0] if reference else row["RefAllele"],
        "source": f"{DEFINITIONS}; {PYPGX}" if reference else PYPGX,
        "source_row": f"{reference[1]}; {name}" if reference else name,
        "source_version": reference[2] if reference else "",
    }


def _only_defined_row(source: Path, gene: str, reference: tuple[str, str, str]) -> Row:
    """A gene that PyPGx does not know yet: it reaches from its first site to its last, on GRCh38 alone."""
    folder = source / "pharmcat" / "definition" / "alleles"
    data = read_json(folder / f"{gene}_translation.json")
    contig = canonical(data["chromosome"])
    return {
        **dict.fromkeys(GENE_COLUMNS, ""),
        "gene": gene,
        "contig": contig,
        "start_grch38": min(site["position"] for site in data["variants"]),
        "end_grch38": max(site["position"] + len(site["ref"]) - 1 for site in data["variants"]),
        "method": call_method(gene, True, []),
        "copy_number": 0,
        "structural_variants": 0,
        "ploidy": PLOIDIES.get(contig, "autosome"),
        "reference_allele": reference[0],
        "source": DEFINITIONS,
        "source_row": reference[1],
        "source_version": reference[2],
    }


def _cluster_rows(source: Path) -> list[Row]:
    """Sites between genes that the definitions' publisher reports beside a gene's alleles."""
    path = source / "pharmcat" / "definition" / "alleles" / "exemptions.json"
    rows = []
    for gene, exempt in sorted(read_json(path).items()):
        for i, site in enumerate(exempt.get("extraPositions") or []):
            if site["rsid"] not in CLUSTERS:
                continue
            rows.append(
                {
                    **dict.fromkeys(GENE_COLUMNS, ""),
                    "gene": CLUSTERS[site["rsid"]],
                    "contig": canonical(site["chromosome"]),
                    "start_grch38": site["position"],
                    "end_grch38": site["position"] + len(site["ref"]) - 1,
                    "method": "outside",
                    "copy_number": 0,
                    "structural_variants": 0,
                    "ploidy": "autosome",
                    "source": DEFINITIONS,
                    "source_row": f"{path.name} {gene} extraPositions[{i}]",
                    "source_version": file_version(path),
                }
            )
    return rows


def _undefined_rows(source: Path, known: set[str]) -> list[Row]:
    """Genes that the table of gene-drug pairs names and nothing defines: outside calls alone."""
    path = pypgx_table(source, "cpic")
    first: dict[str, int] = {}
    for i, pair in enumerate(read_csv(path)):
        first.setdefault(pair["Gene"], i)
    return [
        {
            **dict.fromkeys(GENE_COLUMNS, ""),
            "gene": gene,
            "method": "outside",
            "copy_number": 0,
            "structural_variants": 0,
            "source": PYPGX,
            "source_row": row_name(path, i),
            "source_version": file_version(path),
        }
        for gene, i in first.items()
        if gene not in known
    ]
