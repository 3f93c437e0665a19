"""The disagreements once more, from the sources' files with sets of text and nothing of the curation."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from varimol import tables
from varimol.curate.pharmacogene_disagreements import definition_text

AMBIGUOUS = {"R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC"}
COUNTS = {
    "builds": 55,
    "definition_grch37": 10,
    "definition_grch38": 12,
    "function": 109,
    "name": 10,
    "swap_site_grch37": 162,
    "swap_site_grch38": 90,
}


def _csv(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / "pypgx_tables" / f"{name}-table.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


def _names(text: str) -> set[str]:
    return set() if text == "N/A" else {name.split("-", 1)[1] for name in text.split(",")}


def _other_name(name: str) -> str:
    if name.startswith("rs"):
        return "Reference" if "reference" in name else name.split()[0]
    return "Reference" if name == "ivacaftor non-responsive CFTR sequence" else name


def _alike(first: str, second: str) -> bool:
    """Whether two names tell the same change: the same text, or as many bases more or less near by."""
    (p, r, a), (q, s, b) = first.split("-"), second.split("-")
    if first == second:
        return True
    change = len(a) - len(r)
    return change != 0 and change == len(b) - len(s) and abs(int(p) - int(q)) <= 5


def _agree(allowed: list[set[str]], required: list[set[str]], theirs: set[str]) -> bool:
    known = {name for names in allowed for name in names}
    told = all(any(_alike(name, other) for other in known) for name in theirs)
    return told and all(any(_alike(n, o) for n in names for o in theirs) for names in required)


def _grch37_places() -> dict[tuple[str, int, str], tuple[Any, str]]:
    table = tables.allele_definitions().dropna(subset="position_grch38")
    return {
        (row.gene, int(row.position_grch38), row.ref_grch38): (row.position_grch37, row.ref_grch37)
        for row in table.itertuples()
    }


def _core_variants(folder: Path, build: str) -> dict[tuple[str, str], set[str]]:
    return {
        (row["Gene"], row["StarAllele"]): _names(row[f"{build}Core"])
        for row in _csv(folder, "allele")
        if row["SV"] == "FALSE"
    }


def _defined(folder: Path, build: str) -> Iterator[tuple[str, str, list[set[str]], list[set[str]]]]:
    """Gene, name, and at each site the variants that are allowed, and where one of them is required."""
    files = folder / "pharmcat" / "definition" / "alleles"
    exemptions = json.loads((files / "exemptions.json").read_text())
    places = _grch37_places()
    for path in files.glob("*_translation.json"):
        data = json.loads(path.read_text())
        gene = data["gene"]
        ignored = [(p["position"], p["ref"]) for p in exemptions.get(gene, {}).get("ignoredPositions") or []]
        dropped = set(exemptions.get(gene, {}).get("ignoredAlleles") or []) | set(data["suballelesMap"])
        for allele in data["namedAlleles"] + data["hiddenCoreAlleles"]:
            if allele["name"] in dropped:
                continue
            allowed, required = [], []
            for site, value in zip(data["variants"], allele["alleles"], strict=True):
                place, ref = site["position"], site["ref"]
                if (place, ref) in ignored:
                    continue
                bases = set(AMBIGUOUS.get(value, [value])) if value else {ref}
                if build == "GRCh37":
                    if (gene, place, ref) not in places:
                        continue  # no allele that is kept carries another base there
                    place, ref = places[gene, place, ref]
                names = {f"{place}-{ref}-{base}" for base in bases - {ref}}
                allowed.append(names)
                if ref not in bases:
                    required.append(names)
            yield gene, allele["name"], allowed, required


def _definition_differs(folder: Path, build: str) -> set[tuple[str, str]]:
    """Alleles of PharmCAT's files whose variants PyPGx's core list for the build does not give."""
    core = _core_variants(folder, build)
    found = set()
    for gene, name, allowed, required in _defined(folder, build):
        theirs = core.get((gene, _other_name(name)))
        if theirs is not None and not _agree(allowed, required, theirs):
            found.add((gene, name))
    return found


def test_disagreements__names_are_those_of_equal_sets_of_text(shared_data: Path) -> None:
    folder = shared_data / "pharmacogenes"
    core = _core_variants(folder, "GRCh38")
    found: dict[tuple[str, str], set[str]] = {}
    for gene, name, allowed, required in _defined(folder, "GRCh38"):
        for (owner, other), theirs in core.items():
            if owner == gene and len(theirs) >= len(required) and _agree(allowed, required, theirs):
                found.setdefault((gene, other), set()).add(name)
    # PyPGx's names of the reference and of rsIDs say the same in other words.
    differing = {
        (gene, name, other)
        for (gene, other), names in found.items()
        if not any(other in (name, _other_name(name)) for name in names)
        for name in names
    }
    ours = tables.disagreements().query("field == 'name'")
    assert (ours["allele"] == ours["first_value"]).all()
    assert set(zip(ours["gene"], ours["first_value"], ours["second_value"])) == differing


@pytest.mark.parametrize("build", ["GRCh38", "GRCh37"])
def test_disagreements__definitions_are_those_that_sets_of_text_find(shared_data: Path, build: str) -> None:
    fields = [f"{kind}_{build.lower()}" for kind in ("definition", "swap_site")]
    ours = tables.disagreements()
    ours = ours[ours["field"].isin(fields)]
    assert not ours.duplicated(["gene", "allele"]).any()
    differs = _definition_differs(shared_data / "pharmacogenes", build)
    assert set(zip(ours["gene"], ours["allele"])) == differs


def test_disagreements__functions_are_those_that_the_files_give(shared_data: Path) -> None:
    folder = shared_data / "pharmacogenes"
    theirs = {(row["Gene"], row["StarAllele"]): row for row in _csv(folder, "allele")}
    found = set()
    values = 0
    for path in (folder / "pharmcat" / "phenotype").glob("*.json"):
        data = json.loads(path.read_text())
        for allele in data["namedAlleles"]:
            row = theirs.get((data["gene"], _other_name(allele["name"])))
            if row is None:
                continue
            if row["Function"].lower() != (allele["functionValue"] or "").lower():
                found.add((data["gene"], allele["name"]))
            activity = allele["activityValue"]
            if row["ActivityScore"] != "N/A" and activity not in (None, "n/a"):
                values += 1
                assert float(row["ActivityScore"]) == float(activity)
    ours = tables.disagreements().query("field == 'function'")
    assert set(zip(ours["gene"], ours["allele"])) == found
    assert values > 100


def test_disagreements__number_per_field() -> None:
    assert Counter(tables.disagreements()["field"]) == COUNTS


def test_disagreements__say_what_is_kept() -> None:
    table = tables.disagreements()
    assert (table["kept"] != "").all()
    builds = table[table["field"] == "builds"]
    assert Counter(builds["kept"]) == {
        "either base where the two reference sequences differ": 53,
        "PyPGx tables (CPIC, PharmGKB) GRCh37": 2,
    }
    others = table[table["field"] != "builds"]
    assert (others["kept"] == others["first_source"]).all()


def test_definition_text__marks_what_may_be_absent() -> None:
    required = [{(20, "G", "A"), (20, "G", "T")}, {(10, "C", "T")}]
    assert definition_text(required, {(15, "A", "C")}) == "10-C-T,15-A-C?,20-G-A|20-G-T"
