"""Evidence: one record per patient, compound and claim, with its path, its uncertainty and its sources.

Claims stay in three lanes that are never added up: what is known about safety and dose, what is known about
efficacy, and what a network predicts. A record that cannot claim anything says so and why.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from varimol.interval_text import interval_text
from varimol.patient_states import why_unknown

LANES = ("safety_and_dose", "known_efficacy", "predicted")
"""In the order of the ranking."""

COLUMNS = [
    "evidence_id", "sample_id", "compound_id", "compound_name", "lane", "claim", "direction", "value", "lower",
    "upper", "unit", "path", "sources", "assumptions", "abstain", "reason",
]  # fmt: skip

PROTEIN_CHANGING = (
    "missense", "stop_gained", "frameshift", "splice_donor", "splice_acceptor", "start_lost", "stop_lost",
    "inframe_deletion", "inframe_insertion",
)  # fmt: skip
STANDARD_ACTIONS = ("standard", "no recommendation", "not indicated", "")
"""Actions of a guidance that change nothing for the patient."""
_CLINICAL_DIRECTION = {
    "Adverse Response": "adverse", "Sensitivity/Response": "supports", "Resistance": "against",
}  # fmt: skip


def empty_evidence() -> pd.DataFrame:
    """No record."""
    text = dict.fromkeys(COLUMNS, "")
    frame = pd.DataFrame([text | {"value": np.nan, "lower": np.nan, "upper": np.nan, "abstain": False}])
    return frame.iloc[:0]


def _records(frame: pd.DataFrame, **constants: Any) -> pd.DataFrame:
    """Fill a frame up to the evidence columns, the identifier aside."""
    frame = frame.assign(**constants)
    for column in COLUMNS[1:]:
        if column not in frame:
            frame[column] = np.nan if column in ("value", "lower", "upper") else ""
    frame["abstain"] = frame["abstain"].replace("", False).astype(bool)
    return frame[COLUMNS[1:]]


def number_evidence(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """All records, numbered in the order of patient, lane, compound and claim.

    Parameters
    ----------
    parts
        Tables made by the functions of this module.

    Returns
    -------
    pd.DataFrame
        `COLUMNS`, ``evidence_id`` from E000001 on.
    """
    filled = [part for part in parts if len(part)]
    if not filled:
        return empty_evidence()
    table = pd.concat(filled, ignore_index=True)
    table["_lane"] = table["lane"].map({lane: place for place, lane in enumerate(LANES)})
    table = table.sort_values(
        ["sample_id", "_lane", "compound_name", "compound_id", "claim", "path"], kind="stable"
    ).drop(columns="_lane")
    table.insert(0, "evidence_id", [f"E{number:06d}" for number in range(1, len(table) + 1)])
    return table.reset_index(drop=True)


def decide_drug_actions(markers: pd.DataFrame, trait_type: str, desired: str = "") -> pd.DataFrame:
    """Say for each marker what a drug on its gene would have to do, or why that cannot be said.

    An allele that changes the protein is taken to reduce its function, which is stated as an assumption. If
    the carriers fare better, an inhibitor does what the allele does; if they fare worse, an inhibitor does
    harm and only an activator could help.

    Parameters
    ----------
    markers
        `genomics.markers.lead_markers`.
    trait_type
        ``"binary"`` (1 is the disease) or ``"quantitative"``.
    desired
        For a quantitative trait, ``"lower"`` or ``"higher"``; empty where it was not said.

    Returns
    -------
    pd.DataFrame
        The markers with ``drug_action`` (``"inhibit"``, ``"activate"`` or empty) and
        ``drug_action_reason``.
    """
    decided = [_drug_action(row, trait_type, desired) for row in markers.to_dict("records")]
    return markers.assign(
        drug_action=[action for action, _ in decided], drug_action_reason=[reason for _, reason in decided]
    )


def _drug_action(marker: dict, trait_type: str, desired: str) -> tuple[str, str]:
    if not marker["gene"]:
        return "", "no gene within reach of the marker"
    effect = str(marker["consequence"])
    if not any(kind in effect for kind in PROTEIN_CHANGING):
        return (
            "",
            "no protein-changing variant is known at the marker, so whether less or more of the gene helps is open",
        )
    if trait_type == "quantitative" and desired not in ("lower", "higher"):
        return (
            "",
            "which direction of a quantitative trait is wanted was not said (--desired lower or higher)",
        )
    beta = marker.get("consequence_effect_beta", np.nan)
    beta = marker["beta"] if pd.isna(beta) else beta
    wanted_sign = 1.0 if desired == "higher" else -1.0
    certain = any(kind in effect for kind in ("stop_gained", "frameshift", "splice_donor", "splice_acceptor"))
    assumption = (
        "the allele truncates the protein and is taken as loss of function" if certain
        else f"the {effect.split('_')[0]} allele is assumed, not shown, to reduce the protein's function"
    )  # fmt: skip
    if beta * wanted_sign > 0:
        return "inhibit", f"carriers fare better; {assumption}: an inhibitor would do what the allele does"
    return (
        "activate",
        f"carriers fare worse; {assumption}: an inhibitor would do harm, activators are not scored",
    )


def safety_evidence(recommendations: pd.DataFrame, compounds: pd.DataFrame) -> pd.DataFrame:
    """Pharmacogenetic guidance that changes what is done, for compounds of the library.

    Parameters
    ----------
    recommendations
        `genomics.metaboliser.recommend`, with the column ``action``.
    compounds
        compound_id and name of the library's usable rows.

    Returns
    -------
    pd.DataFrame
        Records of the lane ``safety_and_dose``.
    """
    if not len(recommendations):
        return empty_evidence()[COLUMNS[1:]]
    chosen = recommendations[
        recommendations["active"].astype(bool) & ~recommendations["action"].isin(STANDARD_ACTIONS)
    ]
    names = compounds.assign(drug=compounds["name"].str.lower()).drop_duplicates("drug")
    joined = chosen.merge(names[["drug", "compound_id", "name"]], on="drug")
    path = joined["gene"] + " " + joined["phenotype"] + " -> " + joined["source"] + " -> " + joined["drug"]
    if "diplotype" in joined:
        path = joined["gene"] + " " + joined["diplotype"] + " -> " + path
    return _records(
        joined.assign(
            compound_name=joined["name"], direction=joined["action"], value=joined["probability"], path=path,
            sources=joined["source"], reason=joined["recommendation"],
        ),
        lane="safety_and_dose", claim="guideline", unit="probability",
        assumptions="the diplotype explains the enzyme's activity; other drugs and illnesses are not considered",
    )  # fmt: skip


def known_action_evidence(
    patients: pd.DataFrame, markers: pd.DataFrame, actions: pd.DataFrame, compounds: pd.DataFrame
) -> pd.DataFrame:
    """Library compounds whose documented action on a supported gene is the one asked for.

    Parameters
    ----------
    patients
        sample_id, marker_id, state: `varimol.patient_states.patient_states`.
    markers
        With ``drug_action``.
    actions
        Shipped table: compound_id, drug, gene, action, source, source_version, licence.
    compounds
        compound_id and name of the library.

    Returns
    -------
    pd.DataFrame
        Records of the lane ``known_efficacy``.
    """
    wanted = markers[markers["drug_action"] == "inhibit"]
    fitting = actions[actions["action"].str.contains("inhibitor|antagonist", na=False)]
    pairs = wanted.merge(fitting, on="gene").merge(compounds, on="compound_id")
    pairs = pairs.drop_duplicates(["marker_id", "compound_id"])
    eligible = patients[patients["state"].isin(["eligible", "carrier"])]
    joined = eligible.merge(pairs, on="marker_id")
    if not len(joined):
        return empty_evidence()[COLUMNS[1:]]
    return _records(
        joined.assign(
            compound_name=joined["name"],
            path=joined["marker_text"] + " -> " + joined["gene"] + " -> " + joined["name"] + " (documented " + joined["action"] + ")",
            sources=joined["source"] + " " + joined["source_version"] + " (" + joined["licence"] + "); association in this cohort",
            assumptions=joined["drug_action_reason"],
            reason=joined["action"] + " of " + joined["gene"] + "; the genetics supports the target, not the compound"
            + joined["state"].map({"carrier": "; carries one protective allele already", "eligible": ""}),
        ),
        lane="known_efficacy", claim="known_action", direction="supports",
    )  # fmt: skip


def variant_drug_records(
    carriers: pd.DataFrame, evidence: pd.DataFrame, compounds: pd.DataFrame, trait: str
) -> pd.DataFrame:
    """Published germline variant-drug evidence for patients who carry the variant.

    Adverse responses belong to safety and dose whatever the disease. Sensitivity and resistance were
    reported for one disease: unless that is the trait, the record abstains.

    Parameters
    ----------
    carriers
        sample_id, variant_id, contig, position_grch37, ref, alt, dosage.
    evidence
        Shipped table of variant-drug evidence (positions on GRCh37).
    compounds
        compound_id and name of the library.
    trait
        Name of the trait, compared with the disease's.

    Returns
    -------
    pd.DataFrame
        Records of the lanes ``safety_and_dose`` and ``known_efficacy``.
    """
    germline = evidence[
        evidence["variant_origin"].str.contains("Germline", na=False) & (evidence["direction"] == "Supports")
    ]
    joined = carriers.merge(germline, on=["contig", "position_grch37", "ref", "alt"])
    joined = joined[(joined["dosage"] >= 2) | ~joined["variant"].str.contains("HOMOZYGOSITY")]
    joined = joined[joined["compound_id"] != ""].merge(compounds, on="compound_id")
    if not len(joined):
        return empty_evidence()[COLUMNS[1:]]
    significance, disease = joined["clinical_significance"], joined["disease"]
    adverse = significance == "Adverse Response"
    elsewhere = ~adverse & (disease.str.lower() != trait.lower())
    said = significance + " reported in " + disease + " (level " + joined["evidence_level"] + ")"
    return _records(
        joined.assign(
            compound_name=joined["name"],
            lane=np.where(adverse, LANES[0], LANES[1]),
            direction=significance.map(_CLINICAL_DIRECTION).fillna(""),
            abstain=elsewhere,
            reason=said.where(~elsewhere, said + ", not in this trait"),
            path=joined["variant_id"] + " -> " + joined["gene"] + " " + joined["variant"] + " -> "
            + joined["citation"] + " -> " + joined["name"],
            sources=joined["source"] + " " + joined["source_version"] + " " + joined["evidence_id"] + ", "
            + joined["citation"] + " (" + joined["licence"] + ")",
        ),
        claim="clinical_evidence",
        assumptions="what was reported in carriers elsewhere holds for this patient",
    )  # fmt: skip


def predicted_evidence(
    patients: pd.DataFrame, markers: pd.DataFrame, affinity: pd.DataFrame, targets: pd.DataFrame,
    network: str, *, top: int = 10,
) -> pd.DataFrame:  # fmt: skip
    """Best-scored compounds on supported targets, for patients the genetics speaks for.

    Parameters
    ----------
    patients
        `varimol.patient_states.patient_states`.
    markers
        With ``drug_action``.
    affinity
        compound_id, name, gene, accession, prediction, lower, upper, in_domain, in_training, abstain.
    targets
        gene, status, reason.
    network
        Name, data and licence of the network, as a source.
    top
        Compounds per gene and patient.

    Returns
    -------
    pd.DataFrame
        Records of the lane ``predicted``; where nothing can be claimed, one record that abstains.
    """
    wanted = markers[markers["drug_action"] == "inhibit"]
    people = patients.merge(wanted[["marker_id", "gene", "drug_action_reason"]], on="marker_id")
    people = people.merge(targets[["gene", "status", "reason"]], on="gene", how="left")
    silent = people["state"].isin(["unknown", "homozygous"]) | (people["status"] != "scored")
    best = affinity[~affinity["abstain"].astype(bool)].sort_values(
        ["gene", "prediction", "compound_id"], ascending=[True, False, True]
    )
    best = best.groupby("gene", sort=True).head(top)
    speaking = people[~silent].drop(columns="reason").merge(best, on="gene")
    nothing = people[~silent & ~people["gene"].isin(set(best["gene"]))]
    return pd.concat(
        [
            _scored(speaking, network),
            _silent(people[silent], network),
            _silent(nothing.assign(reason="every compound is out of the network's domain"), network),
        ],
        ignore_index=True,
    )


def _scored(rows: pd.DataFrame, network: str) -> pd.DataFrame:
    if not len(rows):
        return empty_evidence()[COLUMNS[1:]]
    interval = [interval_text(low, high) for low, high in zip(rows["lower"], rows["upper"], strict=True)]
    score = rows["prediction"].map("{:.1f}".format)
    notes = rows["in_training"].map(
        {True: "in the network's training data", False: "not in the network's training data"}
    )
    carrier = rows["state"].map(
        {"carrier": "; carries one protective allele already, the added benefit is unknown", "eligible": ""}
    )
    return _records(
        rows.assign(
            compound_name=rows["name"], value=rows["prediction"],
            path=rows["marker_text"] + " -> " + rows["gene"] + " -> " + rows["accession"].where(rows["accession"] != "", "sequence of " + rows["gene"])
            + " -> " + rows["name"] + " (predicted pKd " + score + " " + interval + ")",
            sources="association in this cohort; " + network,
            assumptions=rows["drug_action_reason"] + "; affinity is not efficacy, selectivity is not scored",
            reason=notes + carrier + "; the genetics supports the target, not the compound",
        ),
        lane="predicted", claim="predicted_affinity", direction="supports", unit="pKd", abstain=False,
    )  # fmt: skip


def _silent(rows: pd.DataFrame, network: str) -> pd.DataFrame:
    if not len(rows):
        return empty_evidence()[COLUMNS[1:]]
    why = rows["state"].map(
        {"homozygous": "carries two protective alleles already: an inhibitor may add nothing"}
    )
    unknown = "the marker was not observed in this patient (" + why_unknown(rows["call"]) + ")"
    why = why.mask(rows["state"] == "unknown", unknown)
    return _records(
        rows.assign(
            path=rows["marker_text"] + " -> " + rows["gene"],
            reason=rows["gene"] + ": " + rows["reason"].where(why.isna(), why),
        ),
        compound_id="", compound_name="", lane="predicted", claim="predicted_affinity", abstain=True,
        sources="association in this cohort; " + network,
    )  # fmt: skip
