"""Masked star-allele sites: the protocol on made-up genes, what is counted by hand, and the recorded figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmarks.record import RESULTS
from benchmarks.star_masking import (
    LEVELS,
    NO_CALL_TRUTH,
    is_called,
    judge_repeat,
    log_prior_only,
    solve,
    split_people,
    star6,
    true_pairs,
)
from benchmarks.star_masking_figures import calibration_error, chance_error, figures
from benchmarks.star_masking_priors import (
    GeneCalls,
    choose_smoothing,
    compare_priors,
    fit_frequencies,
    fit_optional,
    held_out_likelihood,
)
from genomics.star_alleles import SMOOTHING, UNCOUNTED_FREQUENCY, UNSEEN_FREQUENCY, StarGene, StarSite
from genomics.star_match import FILL, UNKNOWN, CallPattern, emissions, match_diplotypes

CARRIED = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 1, 1]])
"""Codes of four alleles at three sites."""
SHARES = np.array([[0.6, 0.25, 0.1, 0.05], [0.3, 0.0, 0.3, 0.4]])
N_PEOPLE = 1200


def made_gene(name: str) -> StarGene:
    sites = tuple(
        StarSite(f"rs{j}", {"GRCh38": j, "GRCh37": j}, {"GRCh38": "A", "GRCh37": "A"}, ("A", "C"))
        for j in range(1, 4)
    )
    allowed = np.stack([code == CARRIED for code in (0, 1)], axis=2)
    counted = SHARES.max(axis=0)
    return StarGene(name, "1", ("*1", "*2", "*3", "*4"), sites, allowed, counted, np.full(4, np.nan), SHARES)


def made_calls(name: str, numbers: np.ndarray, seed: int) -> tuple[GeneCalls, np.ndarray]:
    """Phased calls of people of two populations, and the alleles that they carry."""
    rng = np.random.default_rng(seed)
    alleles = np.stack([rng.choice(4, 2, p=SHARES[k]) for k in numbers])
    codes = CARRIED[alleles].transpose(2, 0, 1).astype(np.int8)
    none = np.zeros(codes.shape[:2], dtype=np.int8)
    return GeneCalls(made_gene(name), codes, none + np.int32(1), none), alleles


@pytest.fixture(scope="module")
def numbers() -> np.ndarray:
    return np.repeat([0, 1], N_PEOPLE // 2)


def test_calibration_error__by_hand() -> None:
    said = np.repeat([0.2, 0.9, 0.6], [200, 200, 250])
    right = np.concatenate([np.arange(200) < 60, np.arange(200) < 160, np.arange(250) < 150]).astype(float)
    found, n_bins = calibration_error(said, right)
    order = np.argsort(said, kind="stable")
    expected = [
        abs(said[part].mean() - right[part].mean()) * len(part) / 650 for part in np.array_split(order, 3)
    ]
    assert n_bins == 3 and found == pytest.approx(sum(expected))
    assert calibration_error(said[:150], right[:150])[1] == 1


def test_chance_error__is_what_right_probabilities_show() -> None:
    rng = np.random.default_rng(4)
    said = rng.beta(4, 1, 3000)
    shown = [calibration_error(said, (rng.random(3000) < said).astype(float))[0] for _ in range(200)]
    assert chance_error(said) == pytest.approx(np.mean(shown), rel=0.05)


def test_mask__hides_a_share_and_keeps_single_copies(numbers: np.ndarray) -> None:
    calls, _ = made_calls("GENE", numbers, 1)
    calls.codes[:, :10, 1] = FILL
    masked = calls.mask(0.3, np.random.default_rng(0))
    hidden = masked.states == 3
    assert 0.25 < hidden.mean() < 0.35
    assert (masked.codes[hidden][:, 0] == UNKNOWN).all() and (masked.codes[:, :10, 1] == FILL).all()
    np.testing.assert_array_equal(masked.codes[~hidden], calls.codes[~hidden])


def test_fit_frequencies__are_the_counts(numbers: np.ndarray) -> None:
    calls, alleles = made_calls("GENE", numbers, 2)
    found = fit_frequencies(calls, numbers, 0.0).population_frequencies
    counted = [np.bincount(alleles[numbers == k].ravel(), minlength=4) / N_PEOPLE for k in (0, 1)]
    np.testing.assert_allclose(found, counted, atol=1e-9)
    pooled = fit_frequencies(calls, numbers, 1.0).population_frequencies
    assert pooled is not None
    np.testing.assert_allclose(pooled[0], np.mean(counted, axis=0), atol=1e-5)


def test_choose_smoothing__draws_together_what_is_alike(numbers: np.ndarray) -> None:
    apart, _ = made_calls("GENE", numbers, 3)
    alike = replace(apart, codes=apart.codes[:, np.random.default_rng(0).permutation(N_PEOPLE)])
    few = np.arange(0, N_PEOPLE, 20)
    assert choose_smoothing([alike.take(few)], numbers[few], 0) > choose_smoothing([apart], numbers, 0)


def test_fit_frequencies__leaves_out_what_was_never_counted(numbers: np.ndarray) -> None:
    calls, _ = made_calls("GENE", numbers, 2)
    untold = np.where(np.arange(4) == 3, np.nan, SHARES)
    gene = replace(calls.gene, population_frequencies=untold, frequencies=untold.max(axis=0))
    found = fit_frequencies(replace(calls, gene=gene), numbers, 0.0)
    assert np.isnan(found.frequencies[3]) and (found.weights[:, 3] == UNCOUNTED_FREQUENCY).all()
    assert (found.frequencies[:3] > 0).all()


def test_fit_optional__counts_variants_of_an_allele(numbers: np.ndarray) -> None:
    """The third allele may have the third site's variant or not, which takes the place of the fourth."""
    calls, alleles = made_calls("GENE", numbers, 8)
    allowed = calls.gene.allowed.copy()
    allowed[2, 2] = True
    gene = replace(calls.gene, alleles=("*1", "*2", "*3"), allowed=allowed[:3])
    found = fit_optional(replace(calls, gene=gene), numbers)
    n_plain, n_more = (alleles == 2).sum(), (alleles == 3).sum()
    share = (n_more + 0.5) / (n_plain + n_more + 1)
    assert list(found.optional_shares) == [(2, 2)]
    np.testing.assert_allclose(found.optional_shares[2, 2], [1 - share, share])
    np.testing.assert_allclose(emissions(found, counted=True)[2, 2], [1 - share, share])


def test_held_out_likelihood__is_the_sum_over_haplotypes(numbers: np.ndarray) -> None:
    """Each haplotype by the shares of its population in the other four fifths, which the three sites tell."""
    calls, alleles = made_calls("GENE", numbers, 6)
    folds = np.random.default_rng(7).integers(0, 5, len(numbers))
    expected = 0.0
    for fold in range(5):
        for k in (0, 1):
            train = alleles[(folds != fold) & (numbers == k)].ravel()
            weights = np.maximum(np.bincount(train, minlength=4) / len(train), 1e-3)
            held = alleles[(folds == fold) & (numbers == k)].ravel()
            expected += np.log(weights / weights.sum())[held].sum()
    assert held_out_likelihood([calls], numbers, 7, [1e-3])[0, 0] == pytest.approx(expected)
    table = compare_priors([calls], numbers, "all", 7)
    assert table["below_best"].min() == 0 and table["n_people"].eq(N_PEOPLE).all()


@pytest.mark.parametrize("weights", [np.array([0.5, 0.5]), np.array([0.9, 0.1])])
@pytest.mark.parametrize("share", [None, 0.1])
def test_solve__is_what_the_kernel_says(
    numbers: np.ndarray, weights: np.ndarray, share: float | None
) -> None:
    calls, _ = made_calls("GENE", numbers, 4)
    if share is not None:
        allowed = calls.gene.allowed.copy()
        allowed[2, 2] = True
        counted = {(2, 2): np.array([1 - share, share])}
        calls = replace(calls, gene=replace(calls.gene, allowed=allowed, optional_shares=counted))
    for pattern in calls.mask(0.4, np.random.default_rng(1)).patterns()[0]:
        expected = match_diplotypes(calls.gene, pattern.calls, weights)
        found = solve(calls.gene, pattern.calls)
        said = dict(zip(map(tuple, found.pairs), found.posterior(weights), strict=True))
        assert said == pytest.approx(dict(zip(map(tuple, expected.pairs), expected.posterior, strict=True)))
        assert found.no_prior == pytest.approx(expected.posterior_no_prior.max())


def test_log_prior_only__sums_to_one() -> None:
    pairs = np.array([(a, b) for a in range(4) for b in range(a, 4)])
    weights = np.array([[0.3, 0.7]])
    total = sum(np.exp(log_prior_only(made_gene("GENE"), pair, weights)[0]) for pair in pairs)
    assert total == pytest.approx(1.0)


def test_true_pairs__are_what_was_carried_and_nothing_where_unsure(numbers: np.ndarray) -> None:
    calls, alleles = made_calls("GENE", numbers, 5)
    np.testing.assert_array_equal(true_pairs(calls, np.array([0.5, 0.5])), np.sort(alleles, axis=1))
    gone = replace(calls, codes=np.where(np.arange(3)[:, None, None] == 2, UNKNOWN, calls.codes))
    found = true_pairs(gone, np.array([0.5, 0.5]))
    assert (found[(alleles == 2).any(axis=1)] == NO_CALL_TRUTH).all()
    plain = (alleles == 0).all(axis=1)
    assert (found[plain] == 0).all()


def test_is_called__not_where_a_known_allele_may_hide() -> None:
    gene = made_gene("GENE")
    known = CallPattern(np.array([[0, 0], [1, 1], [0, 0]]), np.zeros(3, dtype=int))
    hidden = CallPattern(np.array([[0, 0], [1, 1], [UNKNOWN, UNKNOWN]]), np.zeros(3, dtype=int))
    assert is_called(match_diplotypes(gene, known)) and not is_called(match_diplotypes(gene, hidden))
    rare = replace(gene, population_frequencies=np.array([[0.5, 0.25, 0.249, 0.001]]))
    assert match_diplotypes(rare, hidden).posterior[0] > 0.95 and not is_called(
        match_diplotypes(rare, hidden)
    )


def test_split_people__halves_every_population() -> None:
    populations = np.array(["AFR"] * 11 + ["EUR"] * 20)
    fitting = split_people(populations, 3)
    assert fitting[:11].sum() == 5 and fitting[11:].sum() == 10
    assert (split_people(populations, 4) != fitting).any()


def test_judge_repeat__is_calibrated_where_the_model_is_right(numbers: np.ndarray) -> None:
    genes = [made_calls(name, numbers, seed)[0] for seed, name in enumerate(["A", "B", "C"])]
    calls, _ = judge_repeat(genes, numbers, split_people(numbers, 0), 0)
    table = figures(calls, dict.fromkeys("ABC", "*1"))
    whole = table[(table["by"] == "all") & (table["n_calls"] >= 200)]
    assert set(whole["masked"]) == set(LEVELS) and whole["log_score_met"].all()
    assert whole["ece"].mean() < 0.03
    scores = whole.groupby("weights")["log_score"].mean()
    assert scores["inferred"] > scores["equal"]
    parts = table[table["by"] == "true"].groupby(["gene", "masked", "weights"])["n_calls"].sum()
    np.testing.assert_array_equal(
        parts, table[table["by"] == "all"].groupby(["gene", "masked", "weights"])["n_calls"].sum()
    )


def test_figures__count_sure_and_wrong_calls() -> None:
    calls = pd.DataFrame({
        "gene": "A", "masked": 0.1, "weights": "equal", "repeat": 0, "person": range(4), "smoothing": 10.0,
        "true": ["*1/*1", "*1/*1", "*1/*2", "*2"], "called": ["*1/*1", "*1/*1", "*1/*1", "*2"],
        "posterior": [0.99, 0.9, 0.97, 1.0], "right": [True, True, False, True],
        "log_score": np.log([0.99, 0.9, 0.02, 1.0]), "log_prior": np.log(0.5), "log_uniform": np.log(0.25),
        "no_prior": [0.96, 0.5, 0.5, 1.0], "n_candidates": [2, 3, 3, 1],
    })  # fmt: skip
    table = figures(calls, {"A": "*1"}).set_index(["by", "class"])
    whole = table.loc[("all", "all")]
    assert (whole["n_sure"], whole["n_sure_wrong"], whole["n_flat"], whole["n_one_candidate"]) == (3, 1, 2, 1)
    assert whole["sure_wrong_expected"] == pytest.approx((0.01 + 0.03 + 0.0) / 3)
    assert whole["flat_sure"] == 1 and not whole["sure_wrong_met"] and not whole["enough_calls"]
    assert (
        table.loc[("true", "reference"), "n_calls"] == 2
        and table.loc[("called", "reference"), "n_calls"] == 3
    )


def test_recorded_figures__say_what_they_measure_and_which_bars_are_met() -> None:
    table = pd.read_csv(RESULTS / "star_masking.tsv", sep="\t")
    assert (table["measures"] == "robustness to masked sites, not accuracy").all()
    judged = table[(table["by"] == "all") & table["enough_calls"]]
    assert judged["gene"].nunique() == 19 and set(judged["masked"]) == set(LEVELS)
    inferred = judged[judged["weights"] == "inferred"].groupby("masked")
    assert inferred["ece_met"].sum().tolist() == [19, 19, 18]
    assert inferred["log_score_met"].all().all()
    assert (
        inferred["sure_wrong_met"].sum().tolist() == [19, 15, 9] and inferred["sure_wrong"].max().max() < 0.03
    )
    # What is said to be sure is wrong no more often than it says.
    expected = (judged["sure_wrong_expected"] * judged["n_sure"]).where(judged["weights"] == "inferred")
    by_level = judged.assign(expected=expected).dropna(subset="expected").groupby("masked")
    wrong = by_level["n_sure_wrong"].sum() / by_level["n_sure"].sum()
    assert (wrong < 0.01).all() and (by_level["n_sure_wrong"].sum() < by_level["expected"].sum()).all()
    assert inferred["determined_met"].all()[0.1]
    scores = judged.groupby("weights")["log_score"].mean()
    assert scores["inferred"] > scores["shares"] and scores["inferred"] > scores["equal"] + 0.02


def test_recorded_priors__are_those_of_the_code() -> None:
    """The constants are among the most probable on every fitting half, and near them on everybody."""
    table = pd.read_csv(RESULTS / "star_priors.tsv", sep="\t")
    ours = table[np.isclose(table["unseen"], UNSEEN_FREQUENCY) & np.isclose(table["smoothing"], SMOOTHING)]
    assert len(ours) == table["of"].nunique() >= 5
    halves = ours["of"].str.startswith("fitting half")
    assert (ours.loc[halves, "below_best"] < 5).all() and (ours["below_best"] < 15).all()
    assert (table.loc[table["unseen"] >= 1e-4, "below_best"] > 80).all()


def test_recorded_cyp2b6__star6_stays_among_the_candidates() -> None:
    table = pd.read_csv(RESULTS / "star_masking_cyp2b6.tsv", sep="\t")
    assert (table["star9_among_candidates"] > 100).all()
    assert (table["star6_too"] == table["star9_among_candidates"]).all()
    assert (table["called_without_star6"] == 0).all()


def test_star6__counts_people_who_may_carry_star9() -> None:
    rsids = ("rs3745274", "rs2279343")
    sites = tuple(
        StarSite(name, {"GRCh38": j, "GRCh37": j}, {"GRCh38": "A", "GRCh37": "A"}, ("A", "C"))
        for j, name in enumerate(rsids)
    )
    carried = np.array([[0, 0], [1, 0], [1, 1]])
    gene = StarGene(
        "CYP2B6", "19", ("*1", "*9", "*6"), sites, np.stack([carried == 0, carried == 1], axis=2),
        np.array([0.6, 0.0, 0.4]), np.full(3, np.nan),
    )  # fmt: skip
    codes = np.array([[[0, 1], [0, 0], [1, 1]], [[-1, -1], [-1, -1], [0, 0]]], dtype=np.int8)
    none = np.zeros((2, 3), dtype=np.int32)
    row = star6(GeneCalls(gene, codes, none, none.astype(np.int8)), 0.0)
    assert (row["carriers"], row["star9_among_candidates"], row["star6_too"]) == (2, 2, 1)
