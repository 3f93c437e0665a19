"""Robustness of star alleles to sites that were not measured: mask some, call again, compare. It is not accuracy.

``python -m benchmarks.star_masking STORE PANEL [--repeats 5] [--record] [--priors]`` takes a store of the phased calls of
1000 Genomes at the pharmacogenes (GRCh37) and the table of each sample's ``super_pop``. In every repeat a half of the
people, drawn anew within each super-population, gives the allele frequencies; the others are judged. Sites that the
store does not list carry the reference (whole genomes). The diplotype that the unmasked calls give is the truth, where
its status is ``called``. Then 10, 30 and 50% of the definition's sites become unknown, each site of each person by
itself, also those taken for the reference, and the same kernel calls again with the fitted frequencies. Three ways of
weighing the populations are judged: ``equal``, their ``shares`` of the fitting half, and ``inferred`` for each person
from the calls of the other genes (`genomics.star_ancestry`). `benchmarks.star_masking_figures` says what is counted.

``--priors`` tells instead how probable held-out haplotypes of each fitting half, and of everybody, are by the frequency
that unseen alleles get and by how far populations are drawn together: where the constants of `genomics.star_alleles` come
from. Writes star_priors.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from benchmarks.record import write_results
from benchmarks.star_masking_figures import figures, summary
from benchmarks.star_masking_priors import GeneCalls, choose_smoothing, compare_priors, fit_frequencies
from genomics.cohort import Cohort, open_cohort
from genomics.star_absence import UNSEEN_SITES
from genomics.star_alleles import StarGene, read_definitions
from genomics.star_ancestry import group_ancestry, infer_ancestry, population_evidence
from genomics.star_match import (
    FILL,
    OTHER,
    CallPattern,
    Candidates,
    diplotype_likelihood,
    emissions,
    unordered_pairs,
)
from genomics.star_patterns import Pattern, settle_ploidy
from genomics.star_rows import MINIMUM_POSTERIOR, match_pattern
from genomics.star_sites import index_records, read_site_calls
from varimol import tables

LEVELS = (0.1, 0.3, 0.5)
WEIGHTS = ("equal", "shares", "inferred")
NO_CALL_TRUTH = (-2, -2)


def read_genes(cohort: Cohort, definitions: pd.DataFrame, build: str = "GRCh37") -> Iterator[GeneCalls]:
    """Calls of every gene that the cohort has records of and that variant calls can tell."""
    index = index_records(cohort)
    for gene in read_definitions(definitions):
        if gene.needs_copy_number:
            continue
        calls = read_site_calls(cohort, index, gene, build)
        if not calls.in_file.any():
            continue
        codes = calls.codes.copy()
        _, one_copy = settle_ploidy(codes)
        listed = np.array([site.name in UNSEEN_SITES for site in gene.sites], dtype=bool) | calls.in_file
        for number in np.flatnonzero(~listed & calls.covered):
            site = gene.sites[number]
            base = site.references[build]
            codes[number] = site.bases.index(base) if base in site.bases else OTHER
            codes[number, one_copy, 1] = FILL
        yield GeneCalls(gene, codes, calls.phase_sets, calls.states)


def split_people(populations: np.ndarray, seed: int) -> Bool[np.ndarray, " people"]:
    """Half of every population, for fitting."""
    rng = np.random.default_rng(seed)
    fitting = np.zeros(len(populations), dtype=bool)
    for name in np.unique(populations):
        members = rng.permutation(np.flatnonzero(populations == name))
        fitting[members[: len(members) // 2]] = True
    return fitting


def is_called(found: Candidates) -> bool:
    """Whether `genomics.stars` gives the first diplotype the status ``called``."""
    sure = found.posterior[0] >= MINIMUM_POSTERIOR and not found.hidden.any()
    return bool(found.posterior_no_prior[0] >= MINIMUM_POSTERIOR or sure)


def true_pairs(calls: GeneCalls, shares: Float[np.ndarray, " populations"]) -> Int[np.ndarray, "people 2"]:
    """Diplotype that the unmasked calls give each person; `NO_CALL_TRUTH` where it is not ``called``."""
    patterns, pattern_of = calls.patterns()
    pairs = []
    for pattern in patterns:
        found = match_pattern(calls.gene, pattern.calls, shares)
        pairs.append(tuple(found.pairs[0]) if len(found.pairs) and is_called(found) else NO_CALL_TRUTH)
    return np.array(pairs)[pattern_of]


@dataclass(frozen=True)
class Solved:
    """Candidates of one pattern with what the calls and each population say."""

    pairs: Int[np.ndarray, "diplotypes 2"]
    alike: Float[np.ndarray, " diplotypes"]
    likelihood: Float[np.ndarray, " diplotypes"]
    priors: Float[np.ndarray, "populations diplotypes"]

    def posterior(self, weights: Float[np.ndarray, " populations"]) -> Float[np.ndarray, " diplotypes"]:
        """Posterior of each diplotype under weights of the populations."""
        told: np.ndarray = (weights @ self.priors) * self.likelihood
        return told / told.sum()

    @property
    def no_prior(self) -> float:
        """Posterior of the best diplotype with all alleles alike."""
        return float(self.alike.max() / self.alike.sum())


def solve(gene: StarGene, pattern: CallPattern) -> Solved:
    """What `genomics.star_match.match_diplotypes` weighs, for all populations at once."""
    possible, likelihood = diplotype_likelihood(gene, pattern, emissions(gene))
    pairs, where = unordered_pairs(pattern, possible, likelihood)
    alike = likelihood[where] * np.where((pairs[:, 0] == pairs[:, 1]) | pattern.haploid, 1, 2)
    if gene.optional_shares:
        likelihood = diplotype_likelihood(gene, pattern, emissions(gene, counted=True))[1]
    return Solved(pairs, alike, likelihood[where], population_priors(gene, pairs))


def population_priors(
    gene: StarGene, pairs: Int[np.ndarray, "diplotypes 2"]
) -> Float[np.ndarray, "populations diplotypes"]:
    """Prior weight of each diplotype in each population, as `genomics.star_match.diplotype_prior` mixes them."""
    weights, (one, two) = gene.weights, pairs.T
    second = np.where(two < 0, 1.0, weights[:, two] * np.where(one == two, 1, 2))
    priors: np.ndarray = weights[:, one] * second
    return priors


def log_prior_only(
    gene: StarGene, pair: Int[np.ndarray, " 2"], weights: Float[np.ndarray, "groups populations"]
) -> Float[np.ndarray, " groups"]:
    """Logarithm of what the frequencies alone say of a diplotype."""
    total = gene.weights.sum(axis=1) ** (1 if pair[1] < 0 else 2)
    logs: np.ndarray = np.log(weights @ (population_priors(gene, pair[None])[:, 0] / total))
    return logs


def judge_gene(
    calls: GeneCalls,
    patterns: tuple[list[Pattern], Int[np.ndarray, " people"]],
    truth: Int[np.ndarray, "people 2"],
    ancestry: dict[str, Float[np.ndarray, "people populations"]],
) -> list[dict[str, object]]:
    """One row per person with a true diplotype and way of weighing the populations."""
    gene = calls.gene
    seen = ((calls.codes >= 0) | (calls.codes == OTHER)).any(axis=(0, 2))
    people = np.flatnonzero((truth != NO_CALL_TRUTH).all(axis=1) & seen)
    rows: list[dict[str, object]] = []
    solved: dict[int, Solved] = {}
    for name, weights in ancestry.items():
        groups, group_weights, group_of = group_ancestry(patterns[1][people], weights[people])
        for group, number in enumerate(groups):
            members = people[group_of == group]
            pattern, mixed = patterns[0][number].calls, group_weights[group]
            if gene.method == "lowest_function":
                found = match_pattern(gene, pattern, mixed)
                pairs, posterior = found.pairs, found.posterior
                no_prior = float(found.posterior_no_prior[0])
            else:
                if number not in solved:
                    solved[number] = solve(gene, pattern)
                here = solved[number]
                pairs, posterior, no_prior = here.pairs, here.posterior(mixed), here.no_prior
            best = int(posterior.argmax())
            for pair in np.unique(truth[members], axis=0):
                same = members[(truth[members] == pair).all(axis=1)]
                at = np.flatnonzero((pairs == pair).all(axis=1))
                said = float(posterior[at].sum())
                row: dict[str, object] = {
                    "gene": gene.name, "weights": name, "true": pair_name(gene, pair),
                    "called": pair_name(gene, pairs[best]), "posterior": float(posterior[best]),
                    "right": bool(best in at), "log_score": np.log(max(said, 1e-12)),
                    "log_prior": float(log_prior_only(gene, pair, mixed[None])[0]),
                    "log_uniform": -np.log(len(pairs)), "no_prior": no_prior, "n_candidates": len(pairs),
                }  # fmt: skip
                rows += [{**row, "person": int(person)} for person in same]
    return rows


def pair_name(gene: StarGene, pair: Int[np.ndarray, " 2"]) -> str:
    """Alleles of a diplotype, joined."""
    return "/".join(gene.alleles[allele] for allele in pair if allele >= 0)


def reference_alleles(genes: Sequence[GeneCalls]) -> dict[str, str]:
    """``*1`` where a gene has it, and the allele of the reference sequence elsewhere."""
    of_sequence = tables.pharmacogenes().set_index("gene")["reference_allele"].to_dict()
    return {
        calls.gene.name: "*1" if "*1" in calls.gene.alleles else of_sequence[calls.gene.name]
        for calls in genes
    }


def judge_repeat(
    genes: Sequence[GeneCalls], numbers: Int[np.ndarray, " people"], fitting: np.ndarray, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Fit on one half, judge the other at every level; the second table is of CYP2B6's carriers."""
    train, held = np.flatnonzero(fitting), np.flatnonzero(~fitting)
    training = [calls.take(train) for calls in genes]
    smoothing = choose_smoothing(training, numbers[train], seed)
    shares = np.bincount(numbers[train]) / len(train)
    judged = [
        replace(calls.take(held), gene=fit_frequencies(fitted, numbers[train], smoothing))
        for calls, fitted in zip(genes, training, strict=True)
    ]
    truths = [true_pairs(calls, shares) for calls in judged]
    rows: list[pd.DataFrame] = []
    carriers = [star6(calls, 0.0) for calls in judged if calls.gene.name == "CYP2B6"]
    for level in LEVELS:
        rng = np.random.default_rng([seed, round(100 * level)])
        masked = [calls.mask(level, rng) for calls in judged]
        patterns = [calls.patterns() for calls in masked]
        told = [
            population_evidence(calls.gene, [pattern.calls for pattern in found])[pattern_of]
            for calls, (found, pattern_of) in zip(masked, patterns, strict=True)
        ]
        inferred = infer_ancestry(told, shares)
        for number, calls in enumerate(masked):
            ancestry = {
                "equal": np.full((len(held), len(shares)), 1 / len(shares)),
                "shares": np.tile(shares, (len(held), 1)),
                "inferred": inferred[number],
            }
            judged_rows = judge_gene(calls, patterns[number], truths[number], ancestry)
            rows.append(pd.DataFrame(judged_rows).assign(masked=level))
        carriers += [star6(calls, level) for calls in masked if calls.gene.name == "CYP2B6"]
    return pd.concat(rows).assign(smoothing=smoothing, repeat=seed), pd.DataFrame(carriers).assign(seed=seed)


def star6(calls: GeneCalls, level: float) -> dict[str, object]:
    """Of people who may carry *9 by rs3745274, those who have *6, which has rs2279343 too, among the candidates."""
    gene = calls.gene
    site = next(i for i, site in enumerate(gene.sites) if site.name == "rs3745274")
    patterns, pattern_of = calls.patterns()
    counted = np.bincount(pattern_of)
    row: dict[str, object] = {"masked": level}
    totals = np.zeros(4, dtype=int)
    for pattern, n_people in zip(patterns, counted, strict=True):
        if not (pattern.calls.codes[site] > 0).any():
            continue
        found = match_pattern(gene, pattern.calls)
        names = [pair_name(gene, pair).split("/") for pair in found.pairs]
        stays = any("*6" in pair for pair in names)
        sure_without = bool(names) and is_called(found) and "*6" not in names[0]
        totals += n_people * np.array(
            [1, *(any("*9" in pair for pair in names) & np.array([1, stays, sure_without]))]
        )
    return row | dict(
        zip(("carriers", "star9_among_candidates", "star6_too", "called_without_star6"), totals)
    )


def record_priors(
    genes: Sequence[GeneCalls],
    numbers: Int[np.ndarray, " people"],
    halves: Sequence[np.ndarray],
    record: bool,
) -> None:
    """Print, and write if asked for, what held-out haplotypes say of the constants of the prior."""
    parts = {"everybody": np.ones(len(numbers), dtype=bool)}
    parts |= {f"fitting half {number + 1}": half for number, half in enumerate(halves)}
    told = []
    for name, part in parts.items():
        people = np.flatnonzero(part)
        told.append(compare_priors([calls.take(people) for calls in genes], numbers[people], name))
        best = told[-1].pivot_table(index="unseen", columns="smoothing", values="below_best")
        print(f"{name}: nats below the best\n{best.round(1).to_string()}", flush=True)
    if record:
        print(write_results(pd.concat(told, ignore_index=True), "star_priors"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Mask, call, print and with ``--record`` write the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("panel", type=Path, help="table of sample and super_pop")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--record", action="store_true", help="write the tables to benchmarks/results")
    parser.add_argument("--priors", action="store_true", help="judge the constants of the prior instead")
    options = parser.parse_args(arguments)
    cohort = open_cohort(options.store)
    panel = pd.read_csv(options.panel, sep="\t").set_index("sample")["super_pop"]
    populations = panel.loc[[str(name) for name in cohort.sample_ids]].to_numpy(dtype=str)
    numbers = np.unique(populations, return_inverse=True)[1]
    genes = list(read_genes(cohort, tables.allele_definitions()))
    if options.priors:
        record_priors(
            genes, numbers, [split_people(populations, n) for n in range(options.repeats)], options.record
        )
        return
    found = []
    for seed in range(options.repeats):
        found.append(judge_repeat(genes, numbers, split_people(populations, seed), seed))
        print(f"repeat {seed + 1} of {options.repeats}", flush=True)
    table = figures(pd.concat([calls for calls, _ in found], ignore_index=True), reference_alleles(genes))
    carriers = pd.concat([rows for _, rows in found], ignore_index=True)
    print(summary(table))
    print(carriers.groupby("masked").sum().drop(columns="seed").to_string())
    if options.record:
        print(write_results(table, "star_masking"))
        print(write_results(carriers, "star_masking_cyp2b6"))


if __name__ == "__main__":
    main()
