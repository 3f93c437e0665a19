"""What is known of a patient at a marker: reference seen, no call, filtered and absent stay four things."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from genomics.cohort import Cohort
from genomics.markers import lead_markers
from varimol import evidence as ev
from varimol.carriers import marker_dosage, marker_kinds
from varimol.cli import app
from varimol.patient_states import COLUMNS, patient_states

MARKER = {
    "marker_id": "1:130:C:T", "effect_allele": "T", "beta": -1.0, "se": 0.1, "log10p": 20.0, "gene": "GENE",
    "consequence": "missense_variant", "amino_acid_change": "P10A", "consequence_variant_id": "1:130:C:T",
    "drug_action": "inhibit", "drug_action_reason": "",
}  # fmt: skip
PEOPLE = ("reference", "no-call", "filtered", "absent", "unsure")


def states_of(copies: list[float], calls: list[str], **changes: object) -> pd.DataFrame:
    variant_id = str(changes.get("consequence_variant_id") or MARKER["marker_id"])
    people = np.array([f"S{number}" for number in range(len(copies))] + ["healthy"])
    is_patient = people != "healthy"
    return patient_states(
        people, is_patient, pd.DataFrame([MARKER | changes]), {variant_id: np.array([*copies, 0.0])},
        {variant_id: np.array([*calls, "hom-ref"], object)},
    )  # fmt: skip


def test_patient_states__by_copies_and_for_patients_alone() -> None:
    calls = ["hom-ref", "het", "hom-alt", "no-call"]
    states = states_of([0.0, 1.0, 2.0, np.nan], calls)
    assert states.columns.tolist() == list(COLUMNS)
    assert states["sample_id"].tolist() == ["S0", "S1", "S2", "S3"]
    assert states["state"].tolist() == ["eligible", "carrier", "homozygous", "unknown"]
    assert states["call"].tolist() == calls
    assert states["marker_text"].iloc[0] == "1:130:C:T (T, P10A: beta -1.00, SE 0.10, -log10 p 20.0)"


def test_patient_states__the_coding_variant_decides() -> None:
    states = states_of([1.0], ["het"], consequence_variant_id="1:140:G:A")
    assert states[["marker_id", "state", "call"]].to_numpy().tolist() == [["1:130:C:T", "carrier", "het"]]


def test_patient_states__no_marker_asks_for_an_inhibitor() -> None:
    states = states_of([0.0], ["hom-ref"], drug_action="activate")
    assert states.columns.tolist() == list(COLUMNS) and not len(states)


@pytest.fixture(params=["between the records", "a record of its own"])
def cohort(request: pytest.FixtureRequest, make_vcf: Callable[..., Path], tmp_path: Path) -> Cohort:
    """A gVCF whose blocks, each of its own length, are asked for one site from the command line."""
    calls = "0/0:50:PASS:50 ./.:50:PASS:50 0/0:50:lowDP:50 0/0:20:PASS:50 0/0:50:PASS:3"
    records = [f"1 100 . A <*> . . . GT:LEN:FT:GQ {calls}"]
    if request.param == "a record of its own":  # of another person, who is not among these
        records.append("1 130 . C T . . . GT:GQ . . . . .")
    header = ['##FORMAT=<ID=LEN,Number=1,Type=Integer,Description="Length of the block">']
    vcf = make_vcf(records, samples=PEOPLE, header=header)
    (tmp_path / "sites.tsv").write_text("contig\tposition\tref\talt\n1\t130\tC\tT\n")
    options = ["--sites", str(tmp_path / "sites.tsv"), "--out", str(tmp_path / "cohort.vcz")]
    ran = CliRunner().invoke(app, ["ingest", str(vcf), *options])
    assert ran.exit_code == 0, ran.output
    cohort = Cohort(tmp_path / "cohort.vcz")
    assert cohort.states([0]).tolist() == [[0, 1, 2, 3, 0]]
    return cohort


@pytest.fixture
def markers(cohort: Cohort) -> pd.DataFrame:
    association = pd.DataFrame([MARKER]).rename(columns={"marker_id": "variant_id"})
    association = association.assign(contig="1", position=130, other_allele="C", effect_allele_frequency=0.1)
    genes = pd.DataFrame([{"symbol": "GENE", "contig": "1", "start": 100, "end": 200}])
    found = lead_markers(association, cohort, genes)
    annotated = found.assign(**{name: MARKER[name] for name in ("consequence", "consequence_variant_id")})
    return ev.decide_drug_actions(annotated, "binary")


def test_gvcf__marker_counts_tell_the_four_states_apart(markers: pd.DataFrame) -> None:
    counts = ["n_hom_ref", "n_het", "n_hom_alt", "n_other", "n_no_call", "n_filtered", "n_absent"]
    assert markers[counts].to_numpy().tolist() == [[2, 0, 0, 0, 1, 1, 1]]


def test_gvcf__patients_are_told_why_nothing_is_known(cohort: Cohort, markers: pd.DataFrame) -> None:
    states = patient_states(
        cohort.sample_ids, np.ones(len(PEOPLE), bool), markers, marker_dosage(cohort, markers),
        marker_kinds(cohort, markers),
    )  # fmt: skip
    assert dict(zip(states["sample_id"], states["call"], strict=True)) == {
        "reference": "hom-ref", "no-call": "no-call", "filtered": "filtered", "absent": "absent",
        "unsure": "hom-ref",
    }  # fmt: skip
    records = ev.predicted_evidence(states, markers, affinity(), targets(), "net")
    reasons = dict(zip(records["sample_id"], records["reason"], strict=True))
    assert not records.set_index("sample_id").loc["reference", "abstain"]
    assert "supports the target" in reasons.pop("reference")
    said = "GENE: the marker was not observed in this patient"
    assert reasons == {
        "no-call": f"{said} (no-call)", "filtered": f"{said} (filtered)", "absent": f"{said} (absent)",
        "unsure": f"{said} (low quality)",
    }  # fmt: skip
    assert records.loc[records["sample_id"] != "reference", "abstain"].all()


def affinity() -> pd.DataFrame:
    return pd.DataFrame(
        [{"compound_id": "C1", "name": "Alpha", "gene": "GENE", "accession": "P1", "prediction": 7.0,
          "lower": 5.0, "upper": 8.0, "in_training": False, "abstain": False, "reason": ""}]
    )  # fmt: skip


def targets() -> pd.DataFrame:
    return pd.DataFrame([{"gene": "GENE", "status": "scored", "reason": ""}])
