"""How each patient stands to each marker: copies of the allele, or why they are not known."""

from __future__ import annotations

import numpy as np
import pandas as pd

COLUMNS = ("sample_id", "marker_id", "marker_text", "state", "call")
NOT_OBSERVED = ("no-call", "filtered", "absent")
"""Kinds of `genomics.marker_calls.KINDS` of which no copies are known."""


def patient_states(
    sample_ids: np.ndarray,
    is_patient: np.ndarray,
    markers: pd.DataFrame,
    dosage: dict[str, np.ndarray],
    calls: dict[str, np.ndarray],
) -> pd.DataFrame:
    """How each patient stands to each marker that calls for an inhibitor.

    Parameters
    ----------
    sample_ids, is_patient
        (n_samples,) identifiers, and whether a therapy is asked for.
    markers
        With ``drug_action`` and ``consequence_variant_id``.
    dosage
        Per variant_id, (n_samples,) copies of the allele, NaN where not observed or of low quality.
    calls
        Per variant_id, (n_samples,) what is known of the call: `genomics.marker_calls.marker_calls`.

    Returns
    -------
    pd.DataFrame
        sample_id, marker_id, marker_text, state: ``eligible`` (no copy), ``carrier`` (one),
        ``homozygous`` (two), ``unknown``; and call, which tells why it is unknown.

    Examples
    --------
    >>> markers = pd.DataFrame([{"marker_id": "1:9:A:G", "consequence_variant_id": "", "effect_allele": "G",
    ...                          "drug_action": "inhibit", "amino_acid_change": "", "beta": -1.0, "se": 0.1, "log10p": 9.0}])
    >>> table = patient_states(np.array(["P1", "P2"]), np.array([True, True]), markers,
    ...                        {"1:9:A:G": np.array([0, np.nan])}, {"1:9:A:G": np.array(["hom-ref", "absent"])})
    >>> table[["state", "call"]].to_numpy().tolist()
    [['eligible', 'hom-ref'], ['unknown', 'absent']]
    """
    parts = []
    for row in markers[markers["drug_action"] == "inhibit"].to_dict("records"):
        variant_id = row["consequence_variant_id"] or row["marker_id"]
        copies = dosage[variant_id][is_patient]
        state = np.select(
            [np.isnan(copies), copies >= 2, copies >= 1], ["unknown", "homozygous", "carrier"], "eligible"
        )
        parts.append(
            pd.DataFrame(
                {"sample_id": sample_ids[is_patient], "marker_id": row["marker_id"],
                 "marker_text": marker_text(row), "state": state, "call": calls[variant_id][is_patient]}
            )
        )  # fmt: skip
    if not parts:
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.concat(parts, ignore_index=True)


def why_unknown(calls: pd.Series) -> pd.Series:
    """Say why copies are not known: the state of the call, or its quality where it was observed.

    Examples
    --------
    >>> why_unknown(pd.Series(["no-call", "filtered", "absent", "hom-ref"])).tolist()
    ['no-call', 'filtered', 'absent', 'low quality']
    """
    return calls.where(calls.isin(NOT_OBSERVED), "low quality")


def marker_text(marker: dict) -> str:
    """A marker in words: variant, effect allele and its effect."""
    size = f"beta {marker['beta']:.2f}, SE {marker['se']:.2f}, -log10 p {marker['log10p']:.1f}"
    change = f", {marker['amino_acid_change']}" if marker["amino_acid_change"] else ""
    return f"{marker['marker_id']} ({marker['effect_allele']}{change}: {size})"
