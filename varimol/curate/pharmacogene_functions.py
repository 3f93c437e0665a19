"""Functions of alleles, and the rules from a pair of functions to a phenotype.

PharmCAT's phenotype tables stand where they cover a gene; PyPGx's tables give the functions of all other genes,
and the phenotypes of those for which they list any: by diplotype, read as rules between pairs of functions, or by
activity score (CYP2D6). Of CYP2D6 the structural alleles that PyPGx's documentation names (``*4x2``,
``*36+*10``) are carried too: their activity is the sum over their copies.

An allele that PyPGx names otherwise than the definitions has a row under either name: the calls give the name
of the definition, another program's calls may give the other. `varimol.curate.pharmacogene_names` tells which
are the same.

A rule's ``key_2`` is empty for one copy: a man's X, or mitochondrial DNA.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from varimol.curate.pharmacogene_core_variants import NO_ALLELE
from varimol.curate.pharmacogene_definitions import build_sites, pharmcat_rows
from varimol.curate.pharmacogene_names import Renamed, renamed_alleles
from varimol.curate.pharmacogene_sources import (
    PHENOTYPES,
    PYPGX,
    Row,
    file_version,
    pypgx_table,
    read_csv,
    read_json,
    row_name,
)  # fmt: skip

FUNCTION_COLUMNS = (
    "gene", "allele", "function", "activity_value", "source", "source_row", "source_version",
)  # fmt: skip
RULE_COLUMNS = (
    "gene", "key_1", "key_2", "activity_score", "phenotype", "source", "source_row", "source_version",
)  # fmt: skip
SCORE_COLUMNS = (
    "gene", "phenotype", "minimum", "below", "source", "source_row", "source_version",
)  # fmt: skip
BAND = re.compile(r"(?P<minimum>[\d.]+) <= score(?: < (?P<below>[\d.]+))?")
# PyPGx names IFNL3's alleles and functions otherwise than the release that the functions are from.
IFNL3 = {"Reference": "Favorable response allele", "rs12979860": "Unfavorable response allele"}
Rules = dict[tuple[str, str], tuple[str, str, str]]
"""From a pair of keys to activity score, phenotype and the row of the source that says so."""


def number(value: str | None) -> str:
    """Write an activity value or score plainly (``0.50`` as ``0.5``), ``''`` where there is none.

    Examples
    --------
    >>> number("0.50"), number("2.0"), number(None), number("n/a")
    ('0.5', '2.0', '', '')
    """
    return "" if value in (None, "n/a", "N/A") else str(float(str(value)))


def add_rule(rules: Rules, keys: list[str], score: str, phenotype: str, place: str) -> None:
    """Add one diplotype's phenotype to the rules of its gene.

    Raises
    ------
    ValueError
        If the same keys have another phenotype already.
    """
    # An empty second key stands last.
    pair = (min(keys), max(keys)) if len(keys) == 2 else (keys[0], "")
    known = rules.setdefault(pair, (score, phenotype, place))
    if known[:2] != (score, phenotype):
        raise ValueError(f"{place}: the functions {pair} have two phenotypes, see {known[2]}")


def rule_rows(origin: Mapping[str, str], rules: Rules) -> list[Row]:
    """Write a gene's rules in order of key."""
    return [
        {
            **origin,
            "key_1": first,
            "key_2": second,
            "activity_score": score,
            "phenotype": phenotype,
            "source_row": place,
        }
        for (first, second), (score, phenotype, place) in sorted(rules.items())
    ]


def pharmcat_phenotypes(source: Path) -> tuple[list[Row], list[Row]]:
    """Functions and rules of every gene that PharmCAT's phenotype tables cover.

    Parameters
    ----------
    source
        Folder with ``pharmcat``.

    Raises
    ------
    ValueError
        If two diplotypes of the same functions have different phenotypes.
    """
    functions: list[Row] = []
    rows: list[Row] = []
    for path in sorted((source / "pharmcat" / "phenotype").glob("*.json")):
        data = read_json(path)
        origin = {"gene": data["gene"], "source": PHENOTYPES, "source_version": data["version"]}
        scored = bool(data["activityValues"])
        key = {}
        for i, allele in enumerate(data["namedAlleles"]):
            value = number(allele["activityValue"])
            key[allele["name"]] = value if scored else allele["functionValue"]
            functions.append(
                {
                    **origin,
                    "allele": allele["name"],
                    "function": allele["functionValue"],
                    "activity_value": value,
                    "source_row": f"{path.name} namedAlleles[{i}]",
                }
            )
        rules: Rules = {}
        for i, row in enumerate(data["diplotypes"]):
            keys = [key[name] for name, count in row["diplotypekey"].items() for _ in range(count)]
            place = f"{path.name} diplotypes[{i}]"
            add_rule(rules, keys, number(row["activityScore"]), row["phenotype"], place)
        rows += rule_rows(origin, rules)
    return functions, rows


def told_function(allele: Mapping[str, str], hemizygous: str | None) -> str:
    """Name an allele's function; where it is unknown but a hemizygous phenotype is given, by that.

    G6PD's Cairo has no class of its own, yet its carriers are listed as deficient.
    """
    if allele["Function"] == "Unknown Function" and hemizygous and "Indeterminate" not in hemizygous:
        return f"{hemizygous}, class unknown"
    return allele["Function"]


def pypgx_functions(source: Path, covered: set[str]) -> list[Row]:
    """Functions of every gene but those in ``covered``, structural alleles included.

    Parameters
    ----------
    source
        Folder with ``pypgx_tables``.
    covered
        Genes whose functions another source gives.
    """
    path = pypgx_table(source, "allele")
    diplotypes = read_csv(pypgx_table(source, "diplotype"))
    alone = {(d["Gene"], d["Diplotype"].removesuffix("/MALE")): d["Phenotype"] for d in diplotypes}
    rows = [
        {
            "gene": allele["Gene"],
            "allele": allele["StarAllele"],
            "function": told_function(allele, alone.get((allele["Gene"], allele["StarAllele"]))),
            "activity_value": number(allele["ActivityScore"]),
            "source": PYPGX,
            "source_row": row_name(path, i),
            "source_version": file_version(path),
        }
        for i, allele in enumerate(read_csv(path))
        if allele["Gene"] not in covered and allele["StarAllele"] not in NO_ALLELE
    ]
    scored = {row["Gene"] for row in read_csv(pypgx_table(source, "equation"))} - covered
    for gene in sorted(scored):
        rows += structural_functions(source, gene, [row for row in rows if row["gene"] == gene])
    return rows


def named_structures(source: Path, gene: str) -> dict[str, int]:
    """Structural alleles of several copies that PyPGx's documentation of a gene names, with their lines."""
    lines = (source / "pypgx_tables" / "genes.rst").read_text(encoding="utf-8").splitlines()
    start = lines.index(f"SV summary for {gene}")
    end = lines.index(f"Phenotype summary for {gene}", start)
    found: dict[str, int] = {}
    for number_of_line in range(start, end):
        match = re.fullmatch(r"\s*\* - (\\\*.+)", lines[number_of_line])
        for name in match[1].replace("\\", "").split(", ") if match else []:
            if re.search(r"x\d|\+", name):
                found.setdefault(name, number_of_line + 1)
    return found


def structural_functions(source: Path, gene: str, single: list[Row]) -> list[Row]:
    """Activity of structural alleles of several copies: the sum over the copies."""
    values = {row["allele"]: row for row in single}
    path = source / "pypgx_tables" / "genes.rst"
    rows = []
    for name, line in sorted(named_structures(source, gene).items()):
        parts = [re.fullmatch(r"(\*\d+)(?:x(\d+))?", part) for part in name.split("+")]
        if any(part is None or not values[part[1]]["activity_value"] for part in parts):
            continue
        known = [(values[part[1]], int(part[2] or 1)) for part in parts if part]
        rows.append(
            {
                "gene": gene,
                "allele": name,
                "function": "",
                "activity_value": str(sum(float(row["activity_value"]) * copies for row, copies in known)),
                "source": PYPGX,
                "source_row": "; ".join([f"genes.rst line {line}", *(row["source_row"] for row, _ in known)]),
                "source_version": f"{file_version(path)}; {single[0]['source_version']}",
            }
        )
    return rows


def score_bands(source: Path, covered: set[str]) -> list[Row]:
    """Bands of activity score and their phenotypes, for genes that no rules of another source cover."""
    path = pypgx_table(source, "equation")
    rows = []
    for i, row in enumerate(read_csv(path)):
        if row["Gene"] in covered:
            continue
        match = BAND.fullmatch(row["Equation"])
        if match is None:
            raise ValueError(f"{row_name(path, i)}: {row['Equation']!r} is no band of scores")
        rows.append(
            {
                "gene": row["Gene"],
                "phenotype": row["Phenotype"],
                "minimum": number(match["minimum"]),
                "below": number(match["below"]),
                "source": PYPGX,
                "source_row": row_name(path, i),
                "source_version": file_version(path),
            }
        )
    return rows


def band_rules(functions: list[Row], bands: list[Row]) -> list[Row]:
    """Rules between every two activity values of a gene's alleles, from the bands of its score."""
    rows: list[Row] = []
    for gene in sorted({band["gene"] for band in bands}):
        values = {row["activity_value"] for row in functions if row["gene"] == gene} - {""}
        rules: Rules = {}
        for first, second in itertools.combinations_with_replacement(sorted(values), 2):
            score = float(first) + float(second)
            band = next(
                band
                for band in bands
                if band["gene"] == gene and float(band["minimum"]) <= score < float(band["below"] or "inf")
            )
            add_rule(rules, [first, second], str(score), band["phenotype"], band["source_row"])
        origin = {"gene": gene, "source": PYPGX, "source_version": bands[0]["source_version"]}
        rows += rule_rows(origin, rules)
    return rows


def renamed_functions(functions: Sequence[Row], renamed: Iterable[Renamed]) -> list[Row]:
    """Functions of alleles that have none by their own name, from the other name of the same variants.

    Parameters
    ----------
    functions
        Rows of the function table by PyPGx's names.
    renamed
        Pairs of names, from `varimol.curate.pharmacogene_names.renamed_alleles`.
    """
    known = {(row["gene"], row["allele"]): row for row in functions}
    return [
        {**known[gene, theirs], "allele": ours}
        for gene, theirs, ours in renamed
        if (gene, theirs) in known and (gene, ours) not in known
    ]


def pypgx_rules(source: Path, functions: list[Row], covered: set[str]) -> list[Row]:
    """Rules of the genes of which PyPGx lists the phenotype of each diplotype.

    Parameters
    ----------
    source
        Folder with ``pypgx_tables``.
    functions
        Rows of the function table.
    covered
        Genes that have rules already.
    """
    path = pypgx_table(source, "diplotype")
    function = {(row["gene"], row["allele"]): row["function"] for row in functions}
    function |= {("IFNL3", name): value for name, value in IFNL3.items()}
    rules: dict[str, Rules] = defaultdict(dict)
    for i, row in enumerate(read_csv(path)):
        gene, names = row["Gene"], row["Diplotype"].split("/")
        keys = [function.get((gene, name)) for name in names if name not in NO_ALLELE]
        known = [key for key in keys if key is not None]
        if gene not in covered and len(known) == len(keys):
            add_rule(rules[gene], known, "", row["Phenotype"], row_name(path, i))
    return [
        row
        for gene in sorted(rules)
        for row in rule_rows(
            {"gene": gene, "source": PYPGX, "source_version": file_version(path)}, rules[gene]
        )
    ]


def function_tables(source: Path) -> dict[str, list[Row]]:
    """Functions, rules and score bands of every gene, each in order of gene.

    Parameters
    ----------
    source
        Folder with ``pharmcat`` and ``pypgx_tables``.
    """
    functions, rules = pharmcat_phenotypes(source)
    told = pypgx_functions(source, {row["gene"] for row in functions})
    definitions = pharmcat_rows(source, build_sites(read_csv(pypgx_table(source, "variant"))))
    functions += told + renamed_functions(told, renamed_alleles(source, definitions))
    covered = {row["gene"] for row in rules}
    bands = score_bands(source, covered)
    rules += band_rules(functions, bands)
    rules += pypgx_rules(source, functions, {row["gene"] for row in rules})
    return {
        "functions": sorted(functions, key=lambda row: row["gene"]),
        "rules": sorted(rules, key=lambda row: row["gene"]),
        "bands": bands,
    }
