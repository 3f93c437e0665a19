"""The demo's cohort: the planted story and the carriers that the report must flag."""

from __future__ import annotations

import numpy as np
import pytest

from genomics.simulate import SimulatedCohort
from varimol import tables
from varimol.demo_cohort import PROTECTIVE, TRAIT, demo_cohort, demo_loci, demo_sites


@pytest.fixture(scope="module")
def cohort() -> SimulatedCohort:
    return demo_cohort()


def score(cohort: SimulatedCohort) -> tuple[float, float]:
    """Difference in allele frequency, affected less healthy, and its chi-square within Europeans."""
    labels = np.array(list(cohort.truth["populations"].values()))
    trait = cohort.phenotypes[TRAIT].astype("Float64").to_numpy(float, na_value=np.nan)
    kept = (labels == "EUR") & ~np.isnan(trait)
    dosage = cohort.truth_genotypes[cohort.row_of("19", 10352442)].sum(axis=1)[kept]
    r = np.corrcoef(dosage, trait[kept])[0, 1]
    difference = dosage[trait[kept] == 1].mean() - dosage[trait[kept] == 0].mean()
    return float(difference / 2), float(kept.sum() * r**2)


def test_demo__plants_a_protective_variant(cohort: SimulatedCohort) -> None:
    difference, chi2 = score(cohort)
    assert difference < -0.03
    assert chi2 > 29.7  # p < 5e-8
    assert cohort.truth["planted"]["published_odds_ratio"] == 0.6
    assert 0.45 < cohort.phenotypes[TRAIT].mean() < 0.55


def test_demo__flipped_sign_makes_it_a_risk() -> None:
    difference, chi2 = score(demo_cohort(flipped=True))
    assert difference > 0.03
    assert chi2 > 29.7


def test_demo__unplanted_has_no_effect() -> None:
    cohort = demo_cohort(planted=False)
    assert cohort.truth["planted"] is None
    assert score(cohort)[1] < 10


def test_demo__variant_is_as_in_life(cohort: SimulatedCohort) -> None:
    row = cohort.row_of(PROTECTIVE.contig, PROTECTIVE.position)
    record = cohort.records.iloc[row]
    assert record[["rsid", "ref", "alt", "gene"]].tolist() == ["rs34536443", "G", "C", "TYK2"]
    assert record[["consequence", "amino_acid_change"]].tolist() == ["missense", "1104P>1104A"]
    labels = np.array(list(cohort.truth["populations"].values()))
    alleles = cohort.truth_genotypes[row]
    assert alleles[labels == "EUR"].mean() == pytest.approx(0.04, abs=0.012)
    assert alleles[labels != "EUR"].mean() < 0.03
    assert (labels == "EUR").mean() == pytest.approx(0.78, abs=0.04)


def test_demo__size_and_spread(cohort: SimulatedCohort) -> None:
    records = cohort.records
    assert cohort.sample_ids[[0, -1]].tolist() == ["S0001", "S2000"]
    assert 8_000 < len(records) < 12_000
    autosomes = records[records["contig"] != "X"]
    assert len(set(zip(autosomes["contig"], autosomes["position"] // 1_000_000))) > 2_000
    missing = (cohort.calls.genotypes[:, ~cohort.calls.bad_samples] == -1).any(axis=2).mean()
    assert 0.005 < missing < 0.02
    assert ((cohort.calls.quality < 20) & (cohort.calls.quality > 0)).mean() > 0.003
    assert len(cohort.truth["bad_batch"]) > 50
    assert len(cohort.truth["filtered"]) > 30


@pytest.mark.parametrize(
    ("gene", "allele"),
    [
        ("CYP2C19", "*2"),
        ("CYP2C19", "*17"),
        ("DPYD", "c.1905+1G>A (*2A)"),
        ("DPYD", "c.2846A>T"),
        ("DPYD", "HapB3"),
        ("TPMT", "*3A"),
        ("TPMT", "*3C"),
        ("SLCO1B1", "*5"),
        ("SLCO1B1", "*15"),
    ],
)
def test_demo__has_carriers(cohort: SimulatedCohort, gene: str, allele: str) -> None:
    carriers = cohort.truth["pharmacogene_carriers"][gene]
    found = {sample for name, samples in carriers.items() if allele in name for sample in samples}
    assert 3 <= len(found) < 1_500


def test_demo__star_1_of_cyp2c19_carries_g(cohort: SimulatedCohort) -> None:
    alleles = cohort.truth_genotypes[cohort.row_of("10", 94842866)]
    diplotypes = cohort.truth["diplotypes"]["CYP2C19"]
    for person in np.flatnonzero([pair == "*1/*1" for pair in diplotypes])[:20]:
        assert alleles[person].tolist() == [1, 1]


def test_demo__loci_hold_their_target_sites() -> None:
    sites = demo_sites()
    targets = sites[sites["kind"] == "target"]
    assert len(targets) > 20
    loci = demo_loci(sites).set_index("symbol")
    assert set(loci.index) == set(targets["gene"])
    for site in targets.itertuples(index=False):
        locus = loci.loc[site.gene]
        assert locus["contig"] == site.contig
        assert locus["start"] <= site.position <= locus["end"], site.gene
        assert site.consequence and site.amino_acid_change


def test_demo__target_sites_change_the_shipped_protein() -> None:
    sites = demo_sites()
    proteins = tables.proteins().drop_duplicates("symbol").set_index("symbol")["sequence"]
    coding = sites[(sites["kind"] == "target") & sites["gene"].isin(proteins.index)]
    assert len(coding) >= 2
    for site in coding.itertuples(index=False):
        before, _ = site.amino_acid_change.split(">")
        assert proteins[site.gene][int(before[:-1]) - 1] == before[-1], site.rsid
