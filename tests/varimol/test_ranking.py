"""The ranking: lexicographic over lanes, and nothing depends on the order of the records."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from varimol.evidence import COLUMNS, LANES, empty_evidence
from varimol.ranking import rank_therapies


def record(number: int, **changes: object) -> dict[str, object]:
    base = dict.fromkeys(COLUMNS, "") | {"value": np.nan, "lower": np.nan, "upper": np.nan, "abstain": False}
    named = {"evidence_id": f"E{number:06d}", "sample_id": "S0", "compound_id": "C1", "compound_name": "c1"}
    return base | named | {"lane": LANES[2], "reason": "because"} | changes


def ranked(*rows: dict[str, object]) -> pd.DataFrame:
    return rank_therapies(pd.DataFrame(rows, columns=COLUMNS))


def test_rank__lanes_come_first_whatever_the_score() -> None:
    table = ranked(
        record(1, lane="predicted", value=99.0),
        record(2, lane="known_efficacy", value=0.1),
        record(3, lane="safety_and_dose", value=0.2),
    )
    assert table["lane"].tolist() == list(LANES)
    assert table["rank"].tolist() == [1, 2, 3]


def test_rank__score_decides_within_the_predicted_lane() -> None:
    table = ranked(*(record(n, compound_id=f"C{n}", value=value) for n, value in enumerate([5.0, 8.0, 6.5])))
    assert table["compound_id"].tolist() == ["C1", "C2", "C0"]


def test_rank__avoided_compound_comes_behind_the_others() -> None:
    table = ranked(
        record(1, lane="safety_and_dose", compound_id="BAD", direction="avoid", value=0.9),
        record(2, compound_id="BAD", value=9.0),
        record(3, compound_id="GOOD", value=5.0),
        record(4, sample_id="S1", compound_id="BAD", value=9.0),
        record(5, sample_id="S1", compound_id="GOOD", value=5.0),
    )
    mine = table[(table["sample_id"] == "S0") & (table["lane"] == "predicted")]
    assert mine["compound_id"].tolist() == ["GOOD", "BAD"]
    assert mine["reason"].tolist() == ["because", "the safety lane says avoid; because"]
    assert table.loc[table["sample_id"] == "S1", "compound_id"].tolist() == ["BAD", "GOOD"]


def test_rank__reduced_dose_is_no_reason_to_demote() -> None:
    table = ranked(
        record(1, lane="safety_and_dose", compound_id="A", direction="reduce dose", value=0.9),
        record(2, compound_id="A", value=9.0),
        record(3, compound_id="B", value=5.0),
    )
    assert table.loc[table["lane"] == "predicted", "compound_id"].tolist() == ["A", "B"]


def test_rank__abstentions_come_last_in_their_lane() -> None:
    table = ranked(
        record(1, compound_id="", abstain=True, value=np.nan),
        record(2, compound_id="C1", value=4.0),
        record(3, lane="known_efficacy", abstain=True),
    )
    assert table["evidence_id"].tolist() == ["E000003", "E000002", "E000001"]


def test_rank__no_evidence() -> None:
    assert not len(rank_therapies(empty_evidence()))


rows = st.lists(
    st.tuples(
        st.sampled_from(["S0", "S1", "S2"]), st.sampled_from(LANES), st.sampled_from(["A", "B", "C"]),
        st.sampled_from(["avoid", "supports", "against", ""]), st.booleans(),
        st.one_of(st.just(float("nan")), st.floats(0, 12)),
    ),
    min_size=1, max_size=15,
)  # fmt: skip


@given(rows, st.randoms(use_true_random=False))
def test_rank__is_whole_and_independent_of_the_order(drawn: list[tuple], random: object) -> None:
    records = [
        record(
            n,
            sample_id=sample,
            lane=lane,
            compound_id=compound,
            compound_name=compound,
            direction=direction,
            abstain=abstain,
            value=value,
        )
        for n, (sample, lane, compound, direction, abstain, value) in enumerate(drawn)
    ]
    table = ranked(*records)
    for _, mine in table.groupby("sample_id"):
        assert mine["rank"].tolist() == list(range(1, len(mine) + 1))
        assert mine["lane"].map(LANES.index).is_monotonic_increasing
    random.shuffle(records)  # type: ignore[attr-defined]
    pd.testing.assert_frame_equal(ranked(*records), table)


def test_rank_therapies__safety_begins_with_what_to_avoid():
    from varimol.ranking import SEVERITY

    actions = ["monitor", "avoid", "reduce dose", "alternative"]
    rows = [
        {
            "sample_id": "S",
            "compound_id": name,
            "compound_name": name,
            "lane": "safety_and_dose",
            "direction": name,
        }
        for name in actions
    ]
    evidence = pd.DataFrame(rows).assign(
        claim="guideline", value=1.0, lower=float("nan"), upper=float("nan"), unit="", path="", sources="",
        assumptions="", abstain=False, reason="", evidence_id=[f"E{k}" for k in range(4)],
    )  # fmt: skip
    ranked = rank_therapies(evidence)["compound_id"].tolist()
    assert ranked == sorted(actions, key=SEVERITY.__getitem__)
