from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomics import star_rows
from genomics.star_alleles import StarGene, StarSite
from genomics.star_match import UNKNOWN, CallPattern, match_diplotypes, site_content
from genomics.star_patterns import Pattern
from genomics.star_rows import MatchedCalls, pattern_rows

N_ALLELES, N_SITES = 5, 4
# Random definitions: alleles (beside the reference) by the sites whose variant they carry.
VARIANTS = np.random.default_rng(3).random((N_ALLELES, N_SITES)) < 0.4
VARIANTS[0] = False
CODES = st.lists(
    st.lists(st.sampled_from([0, 1, UNKNOWN]), min_size=2, max_size=2), min_size=N_SITES, max_size=N_SITES
)
SHARES = st.lists(st.floats(0.01, 1), min_size=2, max_size=2)


def random_gene() -> StarGene:
    sites = tuple(
        StarSite(f"rs{i}", {"GRCh38": 100 + i, "GRCh37": None}, {"GRCh38": "A", "GRCh37": "A"}, ("A", "G"))
        for i in range(N_SITES)
    )
    shares = np.random.default_rng(4).dirichlet(np.ones(N_ALLELES), size=2)
    return StarGene(
        "GENE", "1", tuple(f"*{i + 1}" for i in range(N_ALLELES)), sites,
        np.stack([~VARIANTS, VARIANTS], axis=2), shares.mean(axis=0), np.ones(N_ALLELES), shares,
    )  # fmt: skip


def pattern_of(codes: list[list[int]]) -> Pattern:
    calls = CallPattern(np.array(codes), np.zeros(N_SITES, dtype=int))
    return Pattern(calls, np.zeros(N_SITES, dtype=np.int8))


@given(CODES, SHARES)
def test_matched_calls__weigh_as_if_matched_anew(codes: list[list[int]], shares: list[float]) -> None:
    gene, calls = random_gene(), pattern_of(codes).calls
    matched = MatchedCalls(gene, calls)
    for ancestry in (np.array(shares) / sum(shares), None, np.array([1.0, 0.0])):
        found, anew = matched.weigh(ancestry), match_diplotypes(gene, calls, ancestry)
        assert found.pairs.tolist() == anew.pairs.tolist()
        assert found.posterior.tolist() == anew.posterior.tolist()
        assert found.hidden.tolist() == anew.hidden.tolist()
        content = site_content(gene, anew.pairs)
        assert matched.differing.tolist() == (content != content[:1]).any(axis=(0, 2)).tolist()


def test_pattern_rows__calls_are_matched_once_for_all_ancestries(monkeypatch: pytest.MonkeyPatch) -> None:
    times = []
    likelihood = star_rows.diplotype_likelihood

    def count(*given: Any) -> Any:
        times.append(1)
        return likelihood(*given)

    monkeypatch.setattr(star_rows, "diplotype_likelihood", count)
    pattern = pattern_of([[0, 1], [UNKNOWN, UNKNOWN], [0, 0], [UNKNOWN, UNKNOWN]])
    matched = MatchedCalls(random_gene(), pattern.calls)
    rows = [pattern_rows(matched, pattern, ancestry=np.array([p, 1 - p]))[0] for p in (0.0, 0.5, 1.0)]
    assert len(times) == 1
    assert len({row[2] for row in rows}) == 3 and len({row[8] for row in rows}) == 1
