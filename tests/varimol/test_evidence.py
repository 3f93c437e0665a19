"""Evidence: what a drug would have to do, and what may be said of whom."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from varimol import evidence as ev
from varimol.patient_states import patient_states

MARKER = {
    "marker_id": "1:100:A:G", "effect_allele": "G", "beta": -1.0, "se": 0.1, "log10p": 20.0, "gene": "GENE",
    "consequence": "missense_variant", "amino_acid_change": "P10A", "consequence_variant_id": "1:100:A:G",
}  # fmt: skip
COMPOUNDS = pd.DataFrame({"compound_id": ["C1", "C2"], "name": ["Alpha", "beta"]})


def markers(**changes: object) -> pd.DataFrame:
    return pd.DataFrame([MARKER | changes])


@pytest.mark.parametrize(
    ("consequence", "beta", "trait_type", "desired", "action", "reason"),
    [
        ("missense_variant", -1.0, "binary", "", "inhibit", "assumed, not shown"),
        ("missense_variant", 1.0, "binary", "", "activate", "an inhibitor would do harm"),
        ("stop_gained", -1.0, "binary", "", "inhibit", "truncates the protein"),
        ("frameshift_variant", 1.0, "binary", "", "activate", "truncates the protein"),
        ("splice_donor_variant", -0.1, "binary", "", "inhibit", "truncates the protein"),
        ("inframe_deletion", -0.1, "binary", "", "inhibit", "assumed, not shown"),
        ("", -1.0, "binary", "", "", "no protein-changing variant"),
        ("synonymous_variant", -1.0, "binary", "", "", "no protein-changing variant"),
        ("intron_variant", 2.0, "binary", "", "", "no protein-changing variant"),
        ("missense_variant", -1.0, "quantitative", "", "", "--desired lower or higher"),
        ("missense_variant", -1.0, "quantitative", "lower", "inhibit", "carriers fare better"),
        ("missense_variant", 1.0, "quantitative", "lower", "activate", "carriers fare worse"),
        ("missense_variant", 1.0, "quantitative", "higher", "inhibit", "carriers fare better"),
        ("missense_variant", -1.0, "quantitative", "higher", "activate", "carriers fare worse"),
    ],
)
def test_drug_action__follows_consequence_and_direction(
    consequence: str, beta: float, trait_type: str, desired: str, action: str, reason: str
) -> None:
    decided = ev.decide_drug_actions(markers(consequence=consequence, beta=beta), trait_type, desired)
    assert decided["drug_action"].tolist() == [action]
    assert reason in decided["drug_action_reason"].iloc[0]


def test_drug_action__no_gene() -> None:
    decided = ev.decide_drug_actions(markers(gene=""), "binary")
    assert decided.loc[0, ["drug_action", "drug_action_reason"]].tolist() == [
        "",
        "no gene within reach of the marker",
    ]


def test_drug_action__the_coding_variants_own_effect_decides() -> None:
    """A marker may tag the other allele of the variant that changes the protein."""
    decided = ev.decide_drug_actions(markers(beta=1.0, consequence_effect_beta=-0.8), "binary")
    assert decided["drug_action"].tolist() == ["inhibit"]
    decided = ev.decide_drug_actions(markers(beta=1.0, consequence_effect_beta=np.nan), "binary")
    assert decided["drug_action"].tolist() == ["activate"]


def test_drug_action__no_marker() -> None:
    decided = ev.decide_drug_actions(markers().iloc[:0], "binary")
    assert not len(decided) and {"drug_action", "drug_action_reason"} <= set(decided.columns)


@pytest.fixture
def inhibit() -> pd.DataFrame:
    return ev.decide_drug_actions(markers(), "binary")


@pytest.fixture
def patients(inhibit: pd.DataFrame) -> pd.DataFrame:
    copies = {"1:100:A:G": np.array([0.0, 1.0, 2.0, np.nan, 0.0])}
    calls = {"1:100:A:G": np.array(["hom-ref", "het", "hom-alt", "no-call", "hom-ref"], object)}
    people = np.array(["S0", "S1", "S2", "S3", "healthy"])
    return patient_states(people, np.array([True] * 4 + [False]), inhibit, copies, calls)


def affinity(**changes: object) -> pd.DataFrame:
    row = {
        "gene": "GENE", "accession": "P1", "lower": 5.0, "upper": 8.0, "in_training": False, "abstain": False,
        "reason": "",
    }  # fmt: skip
    scored = COMPOUNDS.assign(prediction=[7.0, 6.0], **row)
    return scored.assign(**changes)


def targets(status: str = "scored", reason: str = "") -> pd.DataFrame:
    return pd.DataFrame([{"gene": "GENE", "status": status, "reason": reason}])


def test_predicted__eligible_patients_get_the_best(patients: pd.DataFrame, inhibit: pd.DataFrame) -> None:
    records = ev.predicted_evidence(patients, inhibit, affinity(), targets(), "net", top=1)
    speaking = records[~records["abstain"]]
    assert speaking["sample_id"].tolist() == ["S0", "S1"]
    assert speaking["compound_id"].tolist() == ["C1", "C1"]
    assert speaking["path"].iloc[0].endswith("-> GENE -> P1 -> Alpha (predicted pKd 7.0 [5.0, 8.0])")
    assert "carries one protective allele" in speaking["reason"].iloc[1]
    assert speaking["reason"].str.contains("not in the network's training data").all()


def test_predicted__an_interval_that_was_never_measured_is_said(
    patients: pd.DataFrame, inhibit: pd.DataFrame
) -> None:
    scored = affinity(lower=[-np.inf, 5.0], upper=np.inf)
    paths = ev.predicted_evidence(patients, inhibit, scored, targets(), "net")["path"]
    assert paths[0].endswith("(predicted pKd 7.0 [no interval])")
    assert paths[1].endswith("(predicted pKd 6.0 [5.0 or more])")


def test_predicted__others_abstain_with_a_reason(patients: pd.DataFrame, inhibit: pd.DataFrame) -> None:
    records = ev.predicted_evidence(patients, inhibit, affinity(), targets(), "net")
    silent = records[records["abstain"]].set_index("sample_id")["reason"]
    assert "two protective alleles" in silent["S2"]
    assert "not observed" in silent["S3"]


def test_predicted__gene_without_sequence_abstains(patients: pd.DataFrame, inhibit: pd.DataFrame) -> None:
    records = ev.predicted_evidence(
        patients, inhibit, affinity().iloc[:0], targets("abstain", "no protein sequence"), "net"
    )
    assert records["abstain"].all() and (records["compound_id"] == "").all()
    assert set(records["sample_id"]) == {"S0", "S1", "S2", "S3"}
    assert records.set_index("sample_id").loc["S0", "reason"] == "GENE: no protein sequence"


def test_predicted__all_compounds_out_of_domain(patients: pd.DataFrame, inhibit: pd.DataFrame) -> None:
    records = ev.predicted_evidence(patients, inhibit, affinity(abstain=True), targets(), "net")
    assert records["abstain"].all()
    assert "out of the network's domain" in records.set_index("sample_id").loc["S0", "reason"]


def test_predicted__activation_is_not_scored(patients: pd.DataFrame) -> None:
    activate = ev.decide_drug_actions(markers(beta=1.0), "binary")
    states = patient_states(np.array(["S0"]), np.array([True]), activate, {}, {})
    assert not len(ev.predicted_evidence(states, activate, affinity(), targets(), "net"))


def recommendations(**changes: object) -> pd.DataFrame:
    row = {
        "sample_id": "S0", "drug": "alpha", "gene": "CYP", "phenotype": "Poor", "recommendation": "Avoid it.",
        "probability": 0.9, "active": True, "source": "Source", "action": "avoid", "diplotype": "*2/*2",
    }  # fmt: skip
    return pd.DataFrame([row | changes])


def test_safety__active_guidance_on_a_compound_of_the_library() -> None:
    record = ev.safety_evidence(recommendations(), COMPOUNDS).iloc[0]
    assert record["compound_id"] == "C1" and record["direction"] == "avoid"
    assert record["path"].startswith("CYP *2/*2 -> CYP Poor -> Source -> alpha")


@pytest.mark.parametrize(
    "changes",
    [{"active": False}, {"action": "standard"}, {"action": "no recommendation"}, {"drug": "gamma"}],
)
def test_safety__nothing_to_change_makes_no_record(changes: dict[str, object]) -> None:
    assert not len(ev.safety_evidence(recommendations(**changes), COMPOUNDS))


@pytest.mark.parametrize(
    ("action", "n_records"),
    [("inhibitor", 2), ("antagonist", 2), ("agonist", 0), ("activator", 0)],
)
def test_known_action__must_be_the_one_asked_for(
    patients: pd.DataFrame, inhibit: pd.DataFrame, action: str, n_records: int
) -> None:
    shipped = {"drug": "Alpha", "source": "DB", "source_version": "1", "licence": "CC0"}
    actions = pd.DataFrame([{"compound_id": "C1", "gene": "GENE", "action": action} | shipped])
    records = ev.known_action_evidence(patients, inhibit, actions, COMPOUNDS)
    assert len(records) == n_records
    if n_records:
        assert set(records["sample_id"]) == {"S0", "S1"}
        assert records["sources"].str.startswith("DB 1 (CC0)").all()


def published(**changes: object) -> pd.DataFrame:
    row = {
        "contig": "1", "position_grch37": 100, "ref": "A", "alt": "G", "gene": "GENE", "variant": "P10A",
        "variant_origin": "Common Germline", "direction": "Supports", "clinical_significance": "Sensitivity/Response",
        "disease": "Flare", "evidence_level": "B", "citation": "PMID:1", "source": "CIViC", "source_version": "1",
        "licence": "CC0", "evidence_id": "EID1", "compound_id": "C1",
    }  # fmt: skip
    return pd.DataFrame([row | changes])


def carriers(dosage: int = 1) -> pd.DataFrame:
    row = {"sample_id": "S0", "variant_id": "1:100:A:G", "contig": "1", "position_grch37": 100, "ref": "A"}
    return pd.DataFrame([row | {"alt": "G", "dosage": dosage}])


def test_variant_drug__of_the_trait_speaks_of_another_disease_abstains() -> None:
    own = ev.variant_drug_records(carriers(), published(), COMPOUNDS, "flare")
    assert own[["lane", "abstain"]].to_numpy().tolist() == [["known_efficacy", False]]
    other = ev.variant_drug_records(carriers(), published(disease="Stomach Cancer"), COMPOUNDS, "flare")
    assert other["abstain"].all() and other["reason"].iloc[0].endswith("not in this trait")


def test_variant_drug__adverse_response_is_safety() -> None:
    adverse = published(clinical_significance="Adverse Response", disease="Cancer")
    records = ev.variant_drug_records(carriers(), adverse, COMPOUNDS, "flare")
    assert records[["lane", "abstain"]].to_numpy().tolist() == [["safety_and_dose", False]]


@pytest.mark.parametrize(
    "changes", [{"variant_origin": "Somatic"}, {"direction": "Does Not Support"}, {"alt": "T"}]
)
def test_variant_drug__what_does_not_apply_makes_no_record(changes: dict[str, object]) -> None:
    assert not len(ev.variant_drug_records(carriers(), published(**changes), COMPOUNDS, "flare"))


def test_number_evidence__order_does_not_depend_on_the_parts(
    patients: pd.DataFrame, inhibit: pd.DataFrame
) -> None:
    parts = [
        ev.safety_evidence(recommendations(), COMPOUNDS),
        ev.predicted_evidence(patients, inhibit, affinity(), targets(), "net"),
    ]
    one, two = ev.number_evidence(parts), ev.number_evidence(parts[::-1])
    pd.testing.assert_frame_equal(one, two)
    assert one.columns.tolist() == ev.COLUMNS
    assert one["evidence_id"].tolist() == [f"E{n:06d}" for n in range(1, len(one) + 1)]


def test_number_evidence__nothing() -> None:
    assert ev.number_evidence([]).columns.tolist() == ev.COLUMNS
