"""Calls of star alleles against cases made from the definitions: every allele, both builds, every way of writing.

``python -m benchmarks.star_cases [--patients 13] [--genes CYP2C19,TPMT] [--record]`` draws patients of
known diplotypes for every gene, writes them as VCF (`genomics.simulate_star_records`), ingests and calls them.
The expected answer comes from trying every pair of alleles by itself (`genomics.simulate_stars`). A case fails

- where the diplotypes listed, or their posteriors without frequencies, are not those expected (all of them up
  to 20 rows and a ten-thousandth of the posterior);
- where one diplotype alone explains the calls and it is not called;
- where none does, or nothing was seen, and a diplotype is named;
- in genes read variant by variant, where the first diplotype is not the one of CPIC's rule, or the true
  functions are not among those listed;
- in genes read by several single bases, where a genotype is listed that the calls rule out, or not each with the
  same probability.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.record import write_results
from benchmarks.star_case_verdicts import Case, judge
from genomics.contigs import contig_rank
from genomics.ingest import ingest
from genomics.simulate_star_records import StarWriting, WrittenGene, vcf_text, write_gene
from genomics.simulate_stars import (
    CarriedCodes,
    Seen,
    StarPatient,
    carried_codes,
    draw_haplotype,
    merge_haplotypes,
    simulate_patient,
)
from genomics.star_alleles import StarGene, read_definitions
from genomics.star_fields import declared_star_fields
from genomics.star_find import COVERED_MARGIN
from genomics.stars import call_diplotypes

# Common, and left out by many whole-genome call sets, or of a reference base that few people have twice: absence
# says nothing.
NEVER_ASSUMED = {
    "GRCh37": frozenset({"rs2279343", "rs6025"}),
    "GRCh38": frozenset({"rs2279343", "rs3758581"}),
}
# Alleles of at least this share in a population are paired with each other, all with all.
COMMON = 0.02
MAXIMUM_COMMON = 12
# Genes whose sites lie this near to each other's do not share a file, nor does a site serve two genes.
APART = 200


@dataclass(frozen=True)
class Condition:
    """One way of making cases.

    Attributes
    ----------
    phasing, unseen
        As for `genomics.simulate_stars.simulate_patient`.
    dropped, filtered
        Share of the sites that a file leaves out, and whose records fail the filter.
    writing
        How the file is written.
    assay
        As declared to the caller.
    odd
        Share of the haplotypes with a variant more, or less, than their allele has.
    groups
        Files that the patients are divided over, each with sites of its own left out.
    """

    name: str
    phasing: str = "unphased"
    unseen: float = 0.0
    dropped: float = 0.0
    filtered: float = 0.0
    writing: StarWriting = field(default_factory=StarWriting)
    assay: str = "unknown"
    odd: float = 0.0
    groups: int = 1


CONDITIONS = (
    Condition("phased", "phased"),
    Condition("unphased"),
    Condition("phase sets", "sets"),
    Condition("GRCh37, phased", "phased", writing=StarWriting(build="GRCh37", contig_prefix="")),
    Condition("GRCh37, unphased", writing=StarWriting(build="GRCh37", contig_prefix="")),
    Condition("calls missing", unseen=0.1),
    Condition("calls missing, phased", "phased", unseen=0.1),
    Condition("calls missing, phase sets", "sets", unseen=0.1),
    Condition("sites absent", dropped=0.1, groups=8),
    Condition("sites absent, phased, GRCh37", "phased", dropped=0.3, groups=8, writing=StarWriting("GRCh37")),
    Condition("sites filtered", "sets", filtered=0.1, groups=8),
    Condition("shifted right", "sets", writing=StarWriting(shifted=True)),
    Condition("shifted right, split, GRCh37", writing=StarWriting("GRCh37", shifted=True, split=True)),
    Condition("shifted right, padded", writing=StarWriting(shifted=True, padding=5)),
    Condition(
        "spanning deletions, shifted right", "sets", writing=StarWriting(spanning=True, shifted=True)
    ),
    Condition("padded", "sets", writing=StarWriting(padding=3)),
    Condition("padded, split", writing=StarWriting(padding=3, split=True, carried=True)),
    Condition("split", writing=StarWriting(split=True)),
    Condition("split, calls missing", "sets", unseen=0.1, writing=StarWriting(split=True)),
    Condition("carried alternates", "sets", writing=StarWriting(carried=True)),
    Condition("spanning deletions", "phased", writing=StarWriting(spanning=True)),
    Condition("variants only", "sets", writing=StarWriting(variants_only=True, carried=True), groups=10),
    Condition(
        "variants only, declared wgs", writing=StarWriting(variants_only=True, carried=True), groups=10,
        assay="wgs",
    ),
    Condition(
        "variants only, declared wgs, GRCh37", "phased", groups=10, assay="wgs",
        writing=StarWriting("GRCh37", variants_only=True, carried=True),
    ),
    Condition("undocumented, phased", "phased", odd=0.3),
    Condition("undocumented, unphased", odd=0.3),
    Condition("undocumented, calls missing", "sets", odd=0.3, unseen=0.1),
)  # fmt: skip


@dataclass(frozen=True)
class Panel:
    """Genes that one file can hold, in its order, with their definitions taken apart."""

    genes: tuple[StarGene, ...]
    carried: tuple[CarriedCodes, ...]


def make_panels(definitions: pd.DataFrame) -> list[Panel]:
    """Divide the genes over files so that none shares a site with another."""
    genes = [gene for gene in read_definitions(definitions) if gene.sites and not gene.needs_copy_number]
    genes.sort(key=lambda gene: (contig_rank(gene.contig), _span(gene)))
    panels: list[list[StarGene]] = []
    for gene in genes:
        for panel in panels:
            last = panel[-1]
            if last.contig != gene.contig or _span(last)[1] + APART < _span(gene)[0]:
                panel.append(gene)
                break
        else:
            panels.append([gene])
    return [Panel(tuple(panel), tuple(map(carried_codes, panel))) for panel in panels]


def _span(gene: StarGene) -> tuple[int, int]:
    places = [site.positions["GRCh38"] or 0 for site in gene.sites]
    return min(places), max(places)


def allele_pairs(gene: StarGene, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Pairs of alleles: every allele with any other, common ones all with all, every one with the first."""
    n = len(gene.alleles)
    share = gene.weights.max(axis=0)
    common = [a for a in np.argsort(-share)[:MAXIMUM_COMMON].tolist() if share[a] >= COMMON]
    pairs = list(combinations_with_replacement(common, 2))
    each = [(a, int(b)) for a, b in zip(range(n), rng.permutation(n), strict=True)]
    first = [(a, 0) for a in range(n)]
    return [each[i] for i in rng.permutation(n)] + pairs + [first[i] for i in rng.permutation(n)]


def draw_patients(
    gene: StarGene, condition: Condition, n_patients: int, first: int, rng: np.random.Generator
) -> list[StarPatient]:
    """Patients of one gene; men have one copy of X, and everybody one of MT."""
    pairs = allele_pairs(gene, np.random.default_rng(0))
    patients = []
    for number in range(n_patients):
        alleles = pairs[(first + number) % len(pairs)]
        if gene.method == "lowest_function":
            extra = rng.integers(0, len(gene.alleles), (2, int(rng.integers(0, 3)))).tolist()
            haplotypes = [merge_haplotypes(gene, [a, *more], rng) for a, more in zip(alleles, extra)]
        else:
            haplotypes = [draw_haplotype(gene, a, rng) for a in alleles]
        haplotypes = [_odd_haplotype(gene, h, rng) if rng.random() < condition.odd else h for h in haplotypes]
        one_copy = gene.ploidy == "MT" or (gene.ploidy == "X" and number % 3 == 0)
        patients.append(
            simulate_patient(
                f"p{number}",
                haplotypes[: 1 if one_copy else 2],
                rng,
                phasing=condition.phasing,
                unseen=condition.unseen,
            )
        )
    return patients


def _odd_haplotype(gene: StarGene, haplotype: tuple[int, ...], rng: np.random.Generator) -> tuple[int, ...]:
    """Change one site of a haplotype to any code."""
    site = int(rng.integers(len(haplotype)))
    code = int(rng.integers(len(gene.sites[site].bases)))
    return (*haplotype[:site], code, *haplotype[site + 1 :])


def run_condition(
    panel: Panel,
    definitions: pd.DataFrame,
    condition: Condition,
    n_patients: int,
    folder: Path,
    *,
    seed: int = 0,
    first: int = 0,
) -> Iterator[tuple[Case, pd.DataFrame, str]]:
    """Make the cases of a condition, call them, and tell of each what is wrong, if anything is.

    The first of the patients has the pair of alleles of this number, the others those that follow.
    """
    rng = np.random.default_rng(seed)
    everybody = [draw_patients(gene, condition, n_patients, first, rng) for gene in panel.genes]
    for group in range(condition.groups):
        chosen = [patients[group :: condition.groups] for patients in everybody]
        if not chosen[0]:
            continue
        written = [
            write_gene(
                gene,
                patients,
                condition.writing,
                dropped=_draw_sites(gene, condition.dropped, rng),
                filtered=_draw_sites(gene, condition.filtered, rng),
            )
            for gene, patients in zip(panel.genes, chosen, strict=True)
        ]
        found = call_file(panel, definitions, condition, chosen[0], written, folder)
        for gene, carried, patients, records in zip(panel.genes, panel.carried, chosen, written, strict=True):
            rows = dict(iter(found[found["gene"] == gene.name].groupby("sample_id")))
            assumed = _assumed_sites(gene, condition, records)
            for patient in patients:
                case = Case(gene, carried, patient, _seen(gene, patient, records, assumed, condition))
                yield case, rows[patient.name], judge(case, rows[patient.name])


def _draw_sites(gene: StarGene, share: float, rng: np.random.Generator) -> frozenset[int]:
    return frozenset(np.flatnonzero(rng.random(len(gene.sites)) < share).tolist()) if share else frozenset()


def call_file(
    panel: Panel,
    definitions: pd.DataFrame,
    condition: Condition,
    patients: Sequence[StarPatient],
    written: Sequence[WrittenGene],
    folder: Path,
) -> pd.DataFrame:
    """Write one file, ingest it and call its genes."""
    contigs = [condition.writing.contig_prefix + gene.contig for gene in panel.genes]
    path, store = folder / "cases.vcf", folder / "cases.vcz"
    path.write_text(vcf_text(written, [patient.name for patient in patients], contigs))
    cohort = ingest(path, store, build=condition.writing.build, fields=declared_star_fields(path))
    of_panel = definitions[definitions["gene"].isin([gene.name for gene in panel.genes])]
    return call_diplotypes(cohort, of_panel, assay=condition.assay)


def _assumed_sites(gene: StarGene, condition: Condition, written: WrittenGene) -> frozenset[int]:
    """Sites that a whole genome without a record there shows to be the reference."""
    if condition.assay != "wgs":
        return frozenset()
    records = [int(line.split("\t")[1]) for line in written.lines]
    assumed = set()
    for number in written.absent:
        at = gene.sites[number].positions[condition.writing.build]
        if at is None or gene.sites[number].name in NEVER_ASSUMED[condition.writing.build]:
            continue
        before = any(0 <= at - record <= COVERED_MARGIN for record in records)
        after = any(0 <= record - at <= COVERED_MARGIN for record in records)
        if before and after:
            assumed.add(number)
    return frozenset(assumed)


def _seen(
    gene: StarGene,
    patient: StarPatient,
    written: WrittenGene,
    assumed: frozenset[int],
    condition: Condition,
) -> tuple[Seen, ...]:
    hidden = written.absent | written.filtered
    seen = [patient.seen(site, hidden) for site in range(len(gene.sites))]
    for number in assumed:
        site = gene.sites[number]
        code = site.bases.index(site.references[condition.writing.build])
        seen[number] = (code,) * len(patient.haplotypes)
    return tuple(seen)


def measure(
    definitions: pd.DataFrame, conditions: Sequence[Condition], n_patients: int, seed: int = 0
) -> pd.DataFrame:
    """Run every condition over every gene, one row per case."""
    tables = []
    panels = make_panels(definitions)
    with tempfile.TemporaryDirectory() as folder:
        for turn, condition in enumerate(conditions):
            found = [
                (case.gene.name, condition.name, case.patient.name, rows["status"].iloc[0], wrong)
                for panel in panels
                for case, rows, wrong in run_condition(
                    panel,
                    definitions,
                    condition,
                    n_patients,
                    Path(folder),
                    seed=seed + turn,
                    first=turn * n_patients,
                )
            ]
            tables.append(pd.DataFrame(found, columns=["gene", "condition", "patient", "status", "wrong"]))
            print(summarise(tables[-1], "condition").to_string(header=turn == 0, index=False), flush=True)
            for row in tables[-1][tables[-1]["wrong"] != ""].groupby("gene").head(1).itertuples():
                print(f"  {row.gene} {row.patient}: {row.wrong}", flush=True)
    return pd.concat(tables, ignore_index=True)


def summarise(cases: pd.DataFrame, by: str) -> pd.DataFrame:
    """Count cases, failures and statuses."""
    grouped = cases.groupby(by, sort=False)
    counted = {"cases": grouped.size(), "failures": grouped["wrong"].agg(lambda w: int((w != "").sum()))}
    for status in ("called", "ambiguous", "abstain"):
        counted[status] = grouped["status"].agg(lambda s, status=status: int((s == status).sum()))
    return pd.DataFrame(counted).reset_index(names="of").assign(by=by)


def main() -> None:
    """Measure and print; with --record, keep."""
    from varimol import tables

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=13)
    parser.add_argument("--genes", default="")
    parser.add_argument("--condition", default="")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", action="store_true")
    arguments = parser.parse_args()
    definitions = tables.allele_definitions()
    if arguments.genes:
        definitions = definitions[definitions["gene"].isin(arguments.genes.split(","))]
    chosen = [c for c in CONDITIONS if arguments.condition in c.name]
    cases = measure(definitions, chosen, arguments.patients, arguments.seed)
    table = pd.concat([summarise(cases, "condition"), summarise(cases, "gene")])
    print(table.to_string(index=False))
    if arguments.record:
        write_results(table, "star_cases")


if __name__ == "__main__":
    main()
