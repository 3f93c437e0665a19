"""Where the sources disagree about the same allele: its defining variants, its function, its activity value.

==================  ======================================================================================
field               what is compared
==================  ======================================================================================
definition_grch38   PharmCAT's variants with PyPGx's core variants on GRCh38
definition_grch37   the same definition placed on GRCh37 with PyPGx's core variants there
swap_site_grch38    as above, where the two differ only at sites of which the builds' reference bases differ:
swap_site_grch37    PyPGx mostly lists nothing there, on either build
builds              PyPGx's own lists for the two builds, for genes that only PyPGx defines
name                what the two call the allele of the same variants on GRCh38
function            clinical function, capitals ignored
activity_value      as a number
==================  ======================================================================================

A definition is written as ``position-ref-alt`` joined by commas; ``?`` marks a variant that the allele is seen
with and without, ``|`` alternatives. An insertion or deletion that the two write at different places of
the same repeat is the same variant. Alleles that only one source knows are no disagreement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from varimol.curate.pharmacogene_core_variants import (
    BUILDS,
    CoreVariants,
    agreed_bases,
    read_core_variants,
    sequence_bases,
    split_names,
)
from varimol.curate.pharmacogene_genes import reference_alleles
from varimol.curate.pharmacogene_names import DefinedAlleles, Variant, renamed_alleles, same_allele
from varimol.curate.pharmacogene_sources import (
    DEFINITIONS,
    PHENOTYPES,
    PYPGX,
    Row,
    defined_genes,
    pypgx_table,
    read_csv,
    read_json,
)

DISAGREEMENT_COLUMNS = (
    "gene", "allele", "field", "first_source", "first_value", "second_source", "second_value", "kept",
)  # fmt: skip


def definition_disagreements(source: Path, definitions: Sequence[Row]) -> list[Row]:
    """Alleles of PharmCAT's genes whose variants PyPGx lists otherwise, on either build.

    Parameters
    ----------
    source
        Folder with ``pharmcat`` and ``pypgx_tables``.
    definitions
        Rows of the definition table.
    """
    core = read_core_variants(source)
    rows: list[Row] = []
    for gene, (reference, *_) in reference_alleles(source).items():
        if gene not in core:
            continue
        table = [row for row in definitions if row["gene"] == gene]
        for build in BUILDS:
            rows += _gene_disagreements(core[gene], table, reference, build)
    return rows


def _gene_disagreements(gene: CoreVariants, table: Sequence[Row], reference: str, build: str) -> list[Row]:
    field = build.lower()
    defined = DefinedAlleles(table, build)
    theirs = {row["StarAllele"]: row for _, row in gene.alleles if row["SV"] != "TRUE"}
    rows: list[Row] = []
    for name, (required, optional) in defined.variants.items():
        other = same_allele(name, reference, theirs)
        if other is None:
            continue
        listed = defined.listed(theirs[other])
        if not defined.is_like(name, listed):
            swapped = _swapped(defined.places.values(), field)
            differing = listed.symmetric_difference(set().union(*required)) - (listed & optional)
            kind = "swap_site" if all(v[0] in swapped for v in differing) else "definition"
            rows.append(
                {
                    "gene": gene.gene,
                    "allele": name,
                    "field": f"{kind}_{field}",
                    "first_source": DEFINITIONS,
                    "first_value": definition_text(required, optional),
                    "second_source": PYPGX,
                    "second_value": definition_text([{variant} for variant in listed], set()),
                    "kept": DEFINITIONS,
                }
            )
    return rows


def name_disagreements(source: Path, definitions: Sequence[Row]) -> list[Row]:
    """Alleles that the two sources define by the same variants and name differently.

    Parameters
    ----------
    source
        Folder with ``pharmcat`` and ``pypgx_tables``.
    definitions
        Rows of the definition table.
    """
    return [
        {
            "gene": gene,
            "allele": ours,
            "field": "name",
            "first_source": DEFINITIONS,
            "first_value": ours,
            "second_source": PYPGX,
            "second_value": theirs,
            "kept": DEFINITIONS,
        }
        for gene, theirs, ours in renamed_alleles(source, definitions)
    ]


def _swapped(sites: Iterable[Row], field: str) -> set[int]:
    """Positions of the sites of which the builds' reference bases differ."""
    return {int(row[f"position_{field}"]) for row in sites if row["ref_grch38"] != row["ref_grch37"]}


def definition_text(required: Iterable[set[Variant]], optional: set[Variant]) -> str:
    """Write an allele's variants in order of position."""
    parts = [("|".join("-".join(map(str, v)) for v in sorted(group)), min(group)) for group in required]
    parts += [("-".join(map(str, variant)) + "?", variant) for variant in optional]
    return ",".join(text for text, _ in sorted(parts, key=lambda part: part[1]))


def build_disagreements(source: Path) -> list[Row]:
    """Alleles that only PyPGx defines and that its lists for the two builds give different bases."""
    covered = set(defined_genes(source))
    return [
        {
            "gene": name,
            "allele": allele["StarAllele"],
            "field": "builds",
            "first_source": f"{PYPGX} GRCh38",
            "first_value": ",".join(split_names(allele["GRCh38Core"])),
            "second_source": f"{PYPGX} GRCh37",
            "second_value": ",".join(split_names(allele["GRCh37Core"])),
            "kept": kept,
        }
        for name, gene in sorted(read_core_variants(source).items())
        if name not in covered
        for _, allele in gene.alleles
        if allele["SV"] != "TRUE" and (kept := kept_list(gene, allele))
    ]


def kept_list(gene: CoreVariants, allele: Mapping[str, str]) -> str:
    """Say which build's list stands where the two differ; ``''`` where they say the same."""
    by_build = [sequence_bases(gene, allele, build) for build in BUILDS]
    agreed = agreed_bases(gene, allele)
    differing = {site: base for site, base in agreed.items() if by_build[0][site] != by_build[1][site]}
    if not differing:
        return ""
    if all(base is None for base in differing.values()):
        return "either base where the two reference sequences differ"
    first = all(base == by_build[0][site] for site, base in differing.items())
    return f"{PYPGX} {BUILDS[0] if first else BUILDS[1]}"


def function_disagreements(source: Path) -> list[Row]:
    """Alleles whose function or activity value PharmCAT's phenotype tables and PyPGx give differently."""
    theirs = {(row["Gene"], row["StarAllele"]): row for row in read_csv(pypgx_table(source, "allele"))}
    references = reference_alleles(source)
    rows: list[Row] = []
    for path in sorted((source / "pharmcat" / "phenotype").glob("*.json")):
        data = read_json(path)
        gene = data["gene"]
        known = [name for owner, name in theirs if owner == gene]
        for allele in data["namedAlleles"]:
            reference = references[gene][0] if gene in references else ""
            other = same_allele(allele["name"], reference, known)
            if other is None:
                continue
            row = theirs[gene, other]
            pairs = {
                "function": (allele["functionValue"] or "", row["Function"]),
                "activity_value": (_number(allele["activityValue"]), _number(row["ActivityScore"])),
            }
            rows += [
                {
                    "gene": gene,
                    "allele": allele["name"],
                    "field": field,
                    "first_source": PHENOTYPES,
                    "first_value": first,
                    "second_source": PYPGX,
                    "second_value": second,
                    "kept": PHENOTYPES,
                }
                for field, (first, second) in pairs.items()
                if first.lower() != second.lower()
            ]
    return rows


def _number(value: str | None) -> str:
    return "" if value in (None, "n/a", "N/A") else f"{float(str(value)):g}"


def disagreement_rows(source: Path, definitions: Sequence[Row]) -> list[Row]:
    """Every disagreement, in order of gene.

    Parameters
    ----------
    source
        Folder with ``pharmcat`` and ``pypgx_tables``.
    definitions
        Rows of the definition table.
    """
    rows = definition_disagreements(source, definitions) + name_disagreements(source, definitions)
    rows += build_disagreements(source) + function_disagreements(source)
    return sorted(rows, key=lambda row: (row["gene"], row["field"]))
