"""What the rows of a star-allele call should say of a case whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from genomics.simulate_stars import (
    CarriedCodes,
    Seen,
    StarPatient,
    consistent_diplotypes,
    lowest_function_pair,
)
from genomics.star_alleles import StarGene

# What a call lists: all diplotypes up to this share of the posterior, no fewer and no more than so many.
LISTED_POSTERIOR = 0.9999
MINIMUM_RANK, MAXIMUM_RANK = 5, 20


@dataclass(frozen=True)
class Case:
    """One patient and gene, with what the file lets anybody see."""

    gene: StarGene
    carried: CarriedCodes
    patient: StarPatient
    seen: tuple[Seen, ...]


def judge(case: Case, rows: pd.DataFrame) -> str:
    """Compare the rows of one case with what was to be expected; empty where nothing is wrong."""
    gene = case.gene
    if all(code is None for codes in case.seen for code in codes):
        return "" if rows["status"].tolist() == ["abstain"] else "named without a site seen"
    if gene.method == "lowest_function" and len(case.seen[0]) == 2:
        return _judge_lowest_function(case, rows)
    expected = consistent_diplotypes(case.carried, case.seen, case.patient.phase_sets)
    # All haplotypes alike: two unlike ones make a pair in two ways.
    named = {name_pair(gene, pair): chance * len(set(pair)) for pair, chance in expected.items()}
    listed = dict(zip(rows["diplotype"], rows["posterior_no_prior"], strict=True))
    if not named:
        return "" if _is_told_otherwise(case, rows) else f"nothing fits, yet {sorted(listed)}"
    total = sum(named.values())
    shares = {name: chance / total for name, chance in named.items()}
    if not set(listed) <= set(shares) or any(abs(shares[name] - p) > 1e-6 for name, p in listed.items()):
        return f"listed {listed}, expected {shares}"
    whole = len(rows) == MAXIMUM_RANK or rows["posterior"].sum() >= LISTED_POSTERIOR - 1e-9
    if len(rows) < min(len(shares), MINIMUM_RANK) or not whole:
        return f"only {sorted(listed)} of {sorted(shares)}"
    if len(shares) == 1 and rows["status"].iloc[0] != "called":
        return f"{rows['status'].iloc[0]}, though {sorted(shares)} alone fits"
    return ""


def name_pair(gene: StarGene, pair: Sequence[int]) -> str:
    """Name a diplotype as the calls do, its alleles in the order of the definition."""
    return "/".join(gene.alleles[allele] for allele in pair)


def _is_told_otherwise(case: Case, rows: pd.DataFrame) -> bool:
    """Whether no diplotype is named: a gene read as a genotype may tell its bases."""
    first = rows.iloc[0]
    if case.gene.method != "genotype" or not first["diplotype"]:
        return bool(first["status"] == "abstain" and first["diplotype"] == "")
    seen = {
        site.name: sorted(site.bases[code] for code in codes if code is not None)
        for site, codes in zip(case.gene.sites, case.seen, strict=True)
        if any(codes) and None not in codes
    }
    parts = dict(part.split(" ", 1) for part in first["diplotype"].split(", ") if part != "no variant")
    return {name: sorted(bases.split("/")) for name, bases in parts.items()} == seen


def _judge_lowest_function(case: Case, rows: pd.DataFrame) -> str:
    gene = case.gene
    phase_sets = case.patient.phase_sets
    pair = lowest_function_pair(gene, case.carried, case.seen, phase_sets)
    if pair is None:
        return "" if rows["status"].tolist() == ["abstain"] else "named with a variant of no allele"
    expected, listed = name_pair(gene, pair), rows["diplotype"].tolist()
    if listed[0] != expected:
        return f"first {listed[0]!r}, expected {expected}"
    truth = list(zip(*case.patient.written, strict=True))
    true_pair = lowest_function_pair(gene, case.carried, truth, phase_sets)
    if true_pair is None:
        return ""
    functions = [_functions(gene, name.split("/")) for name in listed]
    true_functions = _functions(gene, [gene.alleles[a] for a in true_pair])
    # Two rare variants at sites not seen may fall into the ten-thousandth that is not listed.
    whole = len(rows) < MAXIMUM_RANK and rows["posterior"].sum() > 1 - 1e-12
    if whole and true_functions not in functions:
        return f"{listed} lack the true {name_pair(gene, true_pair)}"
    settled = all(None not in codes for codes in case.seen)
    return (
        f"{rows['status'].iloc[0]}, though all is seen"
        if settled and rows["status"].iloc[0] != "called"
        else ""
    )


def _functions(gene: StarGene, names: Sequence[str]) -> list[float]:
    return sorted(float(np.nan_to_num(gene.ranks[gene.alleles.index(name)], nan=0.75)) for name in names)
