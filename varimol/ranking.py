"""The ranking of a patient's candidate therapies: lanes first, and nothing added across them."""

from __future__ import annotations

import pandas as pd

from varimol.evidence import LANES

SEVERITY = {
    name: place
    for place, name in enumerate(
        (
            "avoid",
            "alternative",
            "reduce dose",
            "limit dose",
            "increase dose",
            "monitor",
            "informative",
            "adverse",
        )
    )
}
"""Order of the safety lane by what is to be done."""


def rank_therapies(evidence: pd.DataFrame) -> pd.DataFrame:
    """Candidate therapies of each patient, ranked by lane and within it.

    The order is lexicographic: lanes first, nothing is added across them. The safety lane begins with what to
    avoid. Within the predicted lane the score decides, but a compound that the safety lane says to avoid comes
    behind the others, as does one that the evidence speaks against. Records that abstain come last in their
    lane.

    Parameters
    ----------
    evidence
        `number_evidence`.

    Returns
    -------
    pd.DataFrame
        sample_id, rank, compound_id, compound_name, lane, score, lower, upper, reason, path, evidence_id.
    """
    table = evidence.copy()
    avoided = table[(table["lane"] == LANES[0]) & (table["direction"] == "avoid")]
    keys = set(zip(avoided["sample_id"], avoided["compound_id"], strict=True))
    flagged = pd.Series(
        [key in keys for key in zip(table["sample_id"], table["compound_id"], strict=True)], index=table.index,
        dtype=bool,
    ) & (table["lane"] != LANES[0])  # fmt: skip
    table.loc[flagged, "reason"] = "the safety lane says avoid; " + table.loc[flagged, "reason"]
    table["_lane"] = table["lane"].map({lane: place for place, lane in enumerate(LANES)})
    table["_flag"] = flagged | (table["direction"] == "against")
    table["_severity"] = table["direction"].map(SEVERITY).fillna(len(SEVERITY))
    table.loc[table["_lane"] > 0, "_severity"] = 0
    table = table.sort_values(
        ["sample_id", "_lane", "abstain", "_flag", "_severity", "value", "compound_name", "evidence_id"],
        ascending=[True, True, True, True, True, False, True, True], kind="stable",
    )  # fmt: skip
    table["rank"] = table.groupby("sample_id", sort=False).cumcount() + 1
    columns = [
        "sample_id",
        "rank",
        "compound_id",
        "compound_name",
        "lane",
        "value",
        "lower",
        "upper",
        "reason",
        "path",
        "evidence_id",
    ]
    return table[columns].rename(columns={"value": "score"}).reset_index(drop=True)
