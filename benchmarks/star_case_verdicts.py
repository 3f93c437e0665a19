"""What the rows of a star-allele call should say of a case whose truth is known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

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
    if gene.method == "genotype" and len(gene.sites) > 1:
        return _judge_by_site(case, rows)
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
    """Whether no diplotype is named."""
    first = rows.iloc[0]
    return bool(first["status"] == "abstain" and first["diplotype"] == "")


def _judge_by_site(case: Case, rows: pd.DataFrame) -> str:
    """Every genotype of the sites that were not seen, all alike; named by a pair of alleles or by bases."""
    choices = [_site_genotypes(case, site) for site in range(len(case.gene.sites))]
    total = math.prod(len(choice) for choice in choices)
    told = [_named_genotypes(case, str(name)) for name in rows["diplotype"]]
    if len({tuple(sorted(one.items())) for one in told}) < len(told):
        return f"genotypes listed twice: {rows['diplotype'].tolist()}"
    for one in told:
        for site, choice in enumerate(choices):
            if one.get(site, (0,) * len(case.seen[site])) not in choice:
                return f"listed {one}, where site {site} may have {sorted(choice)}"
    if (abs(rows["posterior_no_prior"] * total - 1) > 1e-6).any():
        return f"listed {rows['posterior_no_prior'].tolist()}, expected 1 of {total}"
    if len(rows) < min(total, MINIMUM_RANK):
        return f"only {len(rows)} of {total}"
    if (rows["status"].iloc[0] == "called") != (total == 1):
        return f"{rows['status'].iloc[0]}, though {total} genotypes are left"
    return ""


def _site_genotypes(case: Case, site: int) -> set[tuple[int, ...]]:
    """Genotypes that a site may have, lower code first."""
    every = range(len(case.gene.sites[site].bases))
    copies = (every if code is None else (code,) for code in case.seen[site])
    return {tuple(sorted(codes)) for codes in product(*copies)}


def _named_genotypes(case: Case, name: str) -> dict[int, tuple[int, ...]]:
    """Sites with a variant and their codes, from what a call is named by."""
    gene, n_copies = case.gene, len(case.seen[0])
    found: dict[int, list[int]] = {}
    if set(name.split("/")) <= set(gene.alleles):
        for allele in name.split("/"):
            for site in case.carried.variants[gene.alleles.index(allele)]:
                found.setdefault(site, []).extend(case.carried.may[gene.alleles.index(allele)][site])
        return {site: tuple(sorted([0] * (n_copies - len(codes)) + codes)) for site, codes in found.items()}
    names = [site.name for site in gene.sites]
    for part in name.split(", ") if name != "no variant" else ():
        site_name, bases = part.split(" ", 1)
        site = names.index(site_name)
        found[site] = sorted(gene.sites[site].bases.index(base) for base in bases.split("/"))
    return {site: tuple(codes) for site, codes in found.items()}


def _judge_lowest_function(case: Case, rows: pd.DataFrame) -> str:
    gene = case.gene
    phase_sets = case.patient.phase_sets
    pair = lowest_function_pair(gene, case.carried, case.seen, phase_sets)
    if pair is None:
        # Its known variants count, but a variant left over lets nothing be called normal.
        functions = _functions(gene, rows["diplotype"].iloc[0].split("/"))
        sure = rows["status"].iloc[0] == "called" and min(functions) == 1
        return "called normal with a variant of no allele" if sure else ""
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
