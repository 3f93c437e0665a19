"""Known biomarkers, their nulls and the rankings of them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from benchmarks.response_biomarkers import (
    Comparison,
    Known,
    auroc_rows,
    compared,
    dealt,
    known_pairs,
    marker_kind,
)

COLUMNS = [
    "gene",
    "variant",
    "drugs",
    "clinical_significance",
    "evidence_direction",
    "drug_interaction_type",
    "variant_origin",
]


def _evidence(*rows: tuple[object, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS).assign(
        evidence_type="Predictive", evidence_status="accepted", evidence_level="B"
    )


def test_known_pairs__majority_counts_and_ties_and_combinations_do_not() -> None:
    sensitive, resistant = ("Sensitivity/Response", "Supports"), ("Resistance", "Supports")
    evidence = _evidence(
        ("BRAF", "V600E", "Dabrafenib", *sensitive, None, "Somatic"),
        ("BRAF", "V600K", "dabrafenib", *sensitive, None, "Somatic"),
        ("BRAF", "L505H", "Dabrafenib", *resistant, None, "Somatic"),
        ("EGFR", "L858R", "Erlotinib", *sensitive, None, "Somatic"),
        ("EGFR", "T790M", "Erlotinib", *resistant, None, "Somatic"),
        ("BRAF", "V600E", "Erlotinib", *sensitive, "Combination", "Somatic"),
        ("ERBB2", "AMPLIFICATION", "Lapatinib", *sensitive, None, None),
        ("ALK", "EML4-ALK", "Lapatinib", *sensitive, None, "Somatic"),
        ("BRAF", "V600E", "Lapatinib", "Sensitivity/Response", "Does Not Support", None, "Somatic"),
        ("BRAF", "V600E", "Lapatinib", *resistant, None, "Common Germline"),
    )
    known = known_pairs(evidence, {"BRAF", "EGFR", "ERBB2", "ALK"}, {"Dabrafenib", "Erlotinib", "Lapatinib"})
    assert known.sign == {("BRAF mutation", "Dabrafenib"): -1, ("ERBB2 amplification", "Lapatinib"): -1}


@pytest.mark.parametrize(
    ("variant", "kind"),
    [("T790M", "mutation"), ("ITD", "mutation"), ("LOSS-OF-FUNCTION", "mutation"), ("DELETION", "loss"),
     ("BCR-ABL T315I", None), ("ALK FUSIONS", None), ("PROMOTER METHYLATION", None), ("rs1695", None)],
)  # fmt: skip
def test_marker_kind__is_what_a_profile_tells(variant: str, kind: str | None) -> None:
    assert marker_kind(variant) == kind


@given(
    st.sets(st.tuples(st.sampled_from("abcdef"), st.sampled_from("uvwxyz")), min_size=2, max_size=20),
    st.integers(0, 9),
)
def test_dealt__every_marker_and_compound_keeps_its_number_of_pairs(
    pairs: set[tuple[str, str]], seed: int
) -> None:
    known = sorted(pairs)
    counts = dealt(known, set(), 5, seed)
    for side in (0, 1):
        told: Counter[str] = Counter()
        for pair, times in counts.items():
            told[pair[side]] += times
        assert told == pytest.approx(Counter(pair[side] for pair in known))
    assert not set(dealt(known, pairs, 5, seed)) & pairs


def test_auroc__is_that_of_sklearn_with_weights() -> None:
    rng = np.random.default_rng(0)
    score = pd.DataFrame(rng.integers(0, 6, (5, 6)).astype(float), list("abcde"), list("uvwxyz"))
    cells = [(m, c) for m in score.index for c in score.columns]
    known, null = cells[:8], cells[8:]
    weight = rng.random(len(null))
    case = Comparison([(pair, 1) for pair in known], [(pair, 1) for pair in null], weight)
    expected = roc_auc_score(
        [1] * len(known) + [0] * len(null), [score.loc[pair] for pair in known + null],
        sample_weight=np.concatenate([np.ones(len(known)), weight]),
    )  # fmt: skip
    assert case.auroc(case.wins(score)) == pytest.approx(expected)


def test_auroc_rows__planted_pairs_rank_first_and_noise_does_not() -> None:
    rng = np.random.default_rng(3)
    markers, compounds = [f"G{k} mutation" for k in range(12)], [f"c{k}" for k in range(10)]
    sign = {(m, compounds[k % 10]): (-1 if k % 3 else 1) for k, m in enumerate(markers)}
    sign |= {(m, compounds[(k + 4) % 10]): -1 for k, m in enumerate(markers[:6])}
    noise = pd.DataFrame(rng.normal(size=(12, 10)), markers, compounds)
    truth = noise.copy()
    for pair, its in sign.items():
        truth.loc[pair] = 9.0 * its
    states = {m: np.array([True, False]) for m in markers}
    rows = pd.DataFrame(auroc_rows(Known(sign), states, {"response_model": truth, "marker_anova": noise}, 0))
    both = rows[rows["pairs"] == "both"].set_index("ranking")
    assert both.loc["response_model", "auroc"] == 1 and 0.2 < both.loc["marker_anova", "auroc"] < 0.8
    assert both.loc["marker_anova", "ahead_lower"] > 0
    assert both.loc["marker_anova", "lower"] < 0.5 < both.loc["marker_anova", "upper"]


def test_compared__markers_that_no_line_has_are_left_out() -> None:
    known = Known({("A mutation", "x"): -1, ("B mutation", "y"): -1, ("C mutation", "z"): -1})
    case = compared(known, {m: np.array([True]) for m in ("A mutation", "B mutation")}, (-1,), 0)
    assert [pair for pair, _ in case.known] == [("A mutation", "x"), ("B mutation", "y")]
    assert {pair for pair, _ in case.null} == {("A mutation", "y"), ("B mutation", "x")}
