import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from genomics.associate import associate
from genomics.block import call_states
from genomics.ingest import ingest
from genomics.marker_calls import COUNT_COLUMNS, KINDS, classify_calls, count_marker_calls, marker_calls
from genomics.markers import lead_markers
from genomics.phenotype import Phenotypes
from genomics.quality import QualityPolicy, assess_quality

LENIENT = QualityPolicy(
    min_sample_call_rate=0, min_variant_call_rate=0, min_hwe_p=0, min_minor_allele_frequency=0
)


def _slow(call, state, allele):
    """One call at a time, as the words of KINDS say."""
    if state:
        return ("", "no-call", "filtered", "absent")[state]
    alleles = [number for number in call if number >= 0]
    if set(alleles) == {0}:
        return "hom-ref"
    if set(alleles) == {allele}:
        return "hom-alt"
    return "het" if allele in alleles else "other"


@settings(max_examples=60, deadline=None)
@given(
    npst.arrays(np.int8, (3, 4, 3), elements=st.integers(-2, 3)),
    npst.arrays(bool, (3, 4)),
    npst.arrays(bool, (3, 4)),
    st.lists(st.integers(1, 3), min_size=3, max_size=3),
)
def test_classify_calls__as_one_by_one(genotypes, filtered, absent, alleles):
    genotypes[absent] = -2
    states = np.where(absent, np.int8(3), call_states(genotypes, filtered))
    kinds = classify_calls(genotypes, states, np.array(alleles))
    for (row, sample), kind in np.ndenumerate(kinds):
        assert KINDS[kind] == _slow(genotypes[row, sample], states[row, sample], alleles[row])


@pytest.fixture
def cohort(make_vcf, tmp_path):
    """Every kind at one multi-allelic site, and a record that failed its filter."""
    samples = [f"s{number}" for number in range(8)]
    calls = "0/0 0/1 1/1 0/2 1/2 ./. 0/. 1"
    records = [f"1 100 . A G,T . PASS . GT {calls}", f"1 200 . A G . q10 . GT {' '.join(['0/1'] * 7)} ./."]
    return ingest(make_vcf(records, samples=samples), tmp_path / "kinds.vcz")


def test_marker_calls__each_kind(cohort):
    calls = marker_calls(cohort, ["1:100:A:T", "1:100:A:G", "1:200:A:G"])
    assert list(calls) == ["1:100:A:T", "1:100:A:G", "1:200:A:G"]
    assert calls["1:100:A:G"].tolist() == [
        "hom-ref", "het", "hom-alt", "other", "het", "no-call", "no-call", "hom-alt",
    ]  # fmt: skip
    assert calls["1:100:A:T"].tolist() == [
        "hom-ref", "other", "other", "het", "het", "no-call", "no-call", "other",
    ]  # fmt: skip
    assert calls["1:200:A:G"].tolist() == ["filtered"] * 7 + ["no-call"]


def test_count_marker_calls__add_up_to_the_samples(cohort):
    counts = count_marker_calls(cohort, ["1:200:A:G", "1:100:A:G"])
    assert counts["variant_id"].tolist() == ["1:200:A:G", "1:100:A:G"]
    assert counts[list(COUNT_COLUMNS)].sum(axis=1).tolist() == [8, 8]
    assert counts["n_filtered"].tolist() == [7, 0] and counts["n_no_call"].tolist() == [1, 2]
    assert count_marker_calls(cohort, []).empty
    with pytest.raises(KeyError):
        marker_calls(cohort, ["1:100:A:C"])


def test_lead_markers__counts_four_states(make_cohort):
    rng = np.random.default_rng(0)
    dosage = rng.binomial(2, 0.3, (1, 300))
    trait = 1.5 * dosage[0] + rng.normal(size=300)
    dosage[0, :7] = -1
    cohort = make_cohort(dosage)
    phenotypes = Phenotypes("trait", "quantitative", trait, pd.DataFrame(index=range(300)), 300, 0)
    association = associate(cohort, assess_quality(cohort, LENIENT), phenotypes)
    genes = pd.DataFrame({"symbol": ["K"], "contig": ["1"], "start": [1], "end": [5000]})
    row = lead_markers(association, cohort, genes).iloc[0]
    assert row["n_no_call"] == 7 and row["n_filtered"] == row["n_absent"] == row["n_other"] == 0
    assert row["n_het"] == (dosage[0] == 1).sum() and row["n_hom_alt"] == (dosage[0] == 2).sum()
    assert sum(row[name] for name in COUNT_COLUMNS) == 300
