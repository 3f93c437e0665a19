"""Simulated cohorts: their frequencies, structure, effect, calls and files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomics.errors import InputError
from genomics.simulate import CallNoise, PlantedEffect, SimulatedCohort, TraitModel, simulate_cohort
from genomics.simulate_calls import call_genotypes
from genomics.simulate_haplotypes import draw_linked, draw_populations, haplotype_alleles, parse_alleles
from genomics.simulate_sites import (
    DRIFT,
    POPULATIONS,
    background_sites,
    drifted_frequencies,
    neighbour_sites,
)

FREQUENCIES = {"AFR": 0.1, "AMR": 0.2, "EAS": 0.3, "EUR": 0.4, "SAS": 0.5}
SITES = pd.DataFrame(
    [
        {
            "contig": "1",
            "position": 5_000_000,
            "ref": "A",
            "alt": "G",
            "rsid": "rs1",
            "gene": "ONE",
            "kind": "t",
        },
        {"contig": "2", "position": 1_000, "ref": "C", "alt": "T", "rsid": "rs2", "gene": "STAR"},
        {"contig": "2", "position": 1_000, "ref": "C", "alt": "CA", "rsid": "rs2", "gene": "STAR"},
        {"contig": "2", "position": 2_000, "ref": "G", "alt": "A", "rsid": "rs3", "gene": "STAR"},
        {"contig": "X", "position": 3_000, "ref": "G", "alt": "A", "rsid": "rs4", "gene": "SEX", "kind": "t"},
    ]
).fillna({"kind": "definition"})
SITES = SITES.assign(**FREQUENCIES, consequence="", strand="", amino_acid_change="")
SITES.loc[0, ["consequence", "strand", "amino_acid_change"]] = ["missense", "+", "7A>7V"]
HAPLOTYPES = pd.DataFrame(
    [
        {"gene": "STAR", "haplotype": "*1", "alleles": ""} | dict.fromkeys(POPULATIONS, 0.5),
        {"gene": "STAR", "haplotype": "*2", "alleles": "1000:C>T;2000:G>A"} | dict.fromkeys(POPULATIONS, 0.3),
        {"gene": "STAR", "haplotype": "*3", "alleles": "1000:C>CA"} | dict.fromkeys(POPULATIONS, 0.2),
    ]
)
LOCI = pd.DataFrame({"symbol": ["ONE"], "contig": ["1"], "start": [4_990_000], "end": [5_030_000]})
PLANTED = PlantedEffect("chr1", 5_000_000, "A", "G", 0.4)


def small(**changes: object) -> SimulatedCohort:
    options = {
        "seed": 3,
        "frequencies": SITES,
        "haplotypes": HAPLOTYPES,
        "loci": LOCI,
        "planted": PLANTED,
        "n_samples": 300,
        "n_background": 200,
        "n_neighbours": 20,
    }
    return simulate_cohort(**{**options, **changes})  # type: ignore[arg-type]


def test_write__same_seed_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        small(seed=seed).write(tmp_path / name)
    names = ["cohort.vcf.gz", "phenotypes.tsv", "truth.json"]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == names
    for name in names:
        first, again, other = ((tmp_path / folder / name).read_bytes() for folder in "abc")
        assert first == again
        assert first != other


def test_write__cyvcf2_reads_what_was_simulated(tmp_path: Path) -> None:
    from cyvcf2 import VCF

    cohort = small()
    cohort.write(tmp_path)
    reader = VCF(str(tmp_path / "cohort.vcf.gz"))
    assert reader.samples == cohort.sample_ids.tolist()
    n_records = 0
    for row, record in enumerate(reader):
        expected = cohort.records.iloc[row]
        assert (
            "chr" + expected["contig"],
            expected["position"],
            expected["ref"],
        ) == (record.CHROM, record.POS, record.REF)
        assert ",".join(record.ALT) == expected["alt"]
        assert (record.FILTER is None) != cohort.calls.filtered[row]
        calls = record.genotype.array()[:, :-1]
        wanted = np.sort(cohort.calls.genotypes[row], axis=1)
        if calls.shape[1] == 2:
            haploid = (wanted == -2).any(axis=1)
            assert np.array_equal(np.sort(calls, axis=1), wanted)
            assert not haploid.any() or expected["contig"] == "X"
        assert np.array_equal(record.format("DP")[:, 0], cohort.calls.depth[row])
        assert np.array_equal(record.format("GQ")[:, 0], cohort.calls.quality[row])
        n_records += 1
    assert n_records == len(cohort.records)


def test_write__annotates_known_and_marks_invented_variants(tmp_path: Path) -> None:
    from cyvcf2 import VCF

    small().write(tmp_path)
    # A record's INFO dies with the record.
    notes = {
        record.ID: (record.INFO.get("BCSQ"), record.INFO.get("SIM"))
        for record in VCF(str(tmp_path / "cohort.vcf.gz"))
    }
    assert notes["rs1"] == ("missense|ONE||protein_coding|+|7A>7V|5000000A>G", None)
    assert all(notes[name] == (None, True) for name in notes if name.startswith("sim"))
    assert notes["rs3"] == (None, None)


def test_write__leaves_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(json, "dumps", full)
    with pytest.raises(OSError, match="No space"):
        small().write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_haplotypes__everyone_carries_two_named_ones() -> None:
    cohort = small()
    rows = np.flatnonzero((cohort.records["gene"] == "STAR").to_numpy())
    assert cohort.records["alt"].iloc[rows].tolist() == ["CA,T", "A"]
    carried = {"*1": (0, 0), "*2": (2, 1), "*3": (1, 0)}
    for person, diplotype in enumerate(cohort.truth["diplotypes"]["STAR"]):
        alleles = cohort.truth_genotypes[rows, person].T.tolist()
        assert sorted(map(tuple, alleles)) == sorted(carried[name] for name in diplotype.split("/"))
    carriers = cohort.truth["pharmacogene_carriers"]["STAR"]["*2"]
    assert carriers == [
        sample
        for sample, pair in zip(cohort.sample_ids.tolist(), cohort.truth["diplotypes"]["STAR"])
        if "*2" in pair
    ]


def test_sex_chromosome__men_have_one_allele() -> None:
    cohort = small()
    male = (cohort.phenotypes["sex"] == 1).to_numpy()
    row = cohort.row_of("chrX", 3_000)
    assert 0 < male.sum() < len(male)
    assert ((cohort.truth_genotypes[row, :, 1] == -2) == male).all()
    assert (cohort.calls.genotypes[row, male, 1] == -2).all()
    assert (cohort.truth_genotypes[cohort.row_of("1", 5_000_000), :, 1] >= 0).all()


def test_frequencies__follow_the_table_in_each_population() -> None:
    shares = dict.fromkeys(POPULATIONS, 0.2)
    cohort = small(n_samples=5000, n_background=22, n_neighbours=0, shares=shares)
    labels = np.array(list(cohort.truth["populations"].values()))
    alleles = cohort.truth_genotypes[cohort.row_of("1", 5_000_000)]
    for population, wanted in FREQUENCIES.items():
        seen = alleles[labels == population]
        assert seen.mean() == pytest.approx(wanted, abs=4 * np.sqrt(wanted * (1 - wanted) / seen.size))


@settings(max_examples=25, deadline=None)
@given(frequency=st.floats(0.02, 0.98), seed=st.integers(0, 10_000))
def test_linked__keeps_frequencies_and_linkage_fades(frequency: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    positions = [1, 2_000, 40_000, 2_000_000]
    sites = pd.DataFrame({"position": positions} | dict.fromkeys(POPULATIONS, frequency))
    populations = draw_populations(3000, dict.fromkeys(POPULATIONS, 0.2), rng)
    alleles = draw_linked(sites, populations, rng, length=50_000).reshape(4, -1)
    error = np.sqrt(frequency * (1 - frequency) / alleles.shape[1])
    assert np.allclose(alleles.mean(axis=1), frequency, atol=5.5 * error)
    r2 = [np.corrcoef(alleles[0], alleles[row])[0, 1] ** 2 for row in (1, 2, 3)]
    assert r2[0] > r2[1] > r2[2] - 0.01
    assert r2[2] < 0.01


def test_drift__is_the_fst_that_scikit_allel_measures() -> None:
    import allel

    rng = np.random.default_rng(0)
    frequencies = drifted_frequencies(rng.uniform(0.1, 0.9, 6000), rng)
    draws = rng.binomial(400, frequencies[:, :, None], (*frequencies.shape, 1))[:, :, 0]
    names = list(DRIFT)
    for first, second in (("AFR", "EUR"), ("EAS", "EUR")):
        counts = [
            np.stack([400 - draws[:, names.index(name)], draws[:, names.index(name)]], 1)
            for name in (first, second)
        ]
        numerator, denominator = allel.hudson_fst(*counts)
        expected = (DRIFT[first] + DRIFT[second]) / 2
        assert numerator.sum() / denominator.sum() == pytest.approx(expected, abs=0.01)


def test_effect__statsmodels_recovers_the_odds_ratio() -> None:
    import statsmodels.api as sm

    def estimate(planted: PlantedEffect | None) -> tuple[float, float]:
        cohort = small(planted=planted, n_samples=8000, n_background=22, n_neighbours=0)
        table = cohort.phenotypes
        labels = pd.Series(cohort.truth["populations"]).to_numpy()
        design = np.column_stack(
            [
                np.ones(len(table)),
                cohort.truth_genotypes[cohort.row_of("1", 5_000_000)].sum(axis=1),
                table["age"],
                table["sex"],
                *(labels == name for name in POPULATIONS[:-1]),
            ]
        ).astype(float)
        kept = table["trait"].notna().to_numpy()
        fit = sm.Logit(table.loc[kept, "trait"].to_numpy(float), design[kept]).fit(disp=0)
        return float(fit.params[1]), float(fit.bse[1])

    for odds_ratio in (0.4, 2.5):
        beta, error = estimate(PlantedEffect("1", 5_000_000, "A", "G", odds_ratio))
        assert abs(beta - np.log(odds_ratio)) < 3.5 * error
        assert abs(beta) > 8 * error
    beta, error = estimate(None)
    assert abs(beta) < 3.5 * error


def test_structure__confounds_and_population_explains_it() -> None:
    trait = TraitModel(population={"AFR": 1.5, "EAS": -1.5})
    shares = {"AFR": 0.3, "EUR": 0.4, "EAS": 0.3}
    cohort = small(trait=trait, shares=shares, planted=None, n_samples=1500, n_background=1500)
    background = (cohort.records["kind"] == "background").to_numpy()
    dosage = cohort.truth_genotypes[background].sum(axis=2).astype(float)
    values = cohort.phenotypes["trait"].astype("Float64").to_numpy(float, na_value=np.nan)
    kept = ~np.isnan(values)
    labels = np.array(list(cohort.truth["populations"].values()))[kept]

    def inflation(design: np.ndarray) -> float:
        hat = design @ np.linalg.pinv(design)
        y = values[kept] - hat @ values[kept]
        x = dosage[:, kept] - dosage[:, kept] @ hat
        r2 = (x @ y) ** 2 / ((x**2).sum(axis=1) * (y @ y))
        return float(np.median(r2 * kept.sum()) / 0.4549)

    plain = np.ones((kept.sum(), 1))
    known = np.column_stack([plain, labels == "AFR", labels == "EAS"]).astype(float)
    assert inflation(plain) > 3
    assert inflation(known) == pytest.approx(1, abs=0.2)


def test_calls__are_as_imperfect_as_asked() -> None:
    rng = np.random.default_rng(1)
    truth = rng.binomial(1, 0.3, (600, 500, 2)).astype(np.int8)
    everything = np.ones(600, bool)
    noise = CallNoise(missing=0.01, low_quality=0.02, error=0.001, bad_variants=0, bad_samples=0)
    calls = call_genotypes(truth, noise, rng, defined=~everything, invented=everything)
    normal = ~calls.bad_samples
    genotypes, quality = calls.genotypes[:, normal], calls.quality[:, normal]
    missing = (genotypes == -1).any(axis=2)
    assert missing.mean() == pytest.approx(0.01, abs=0.003)
    assert ((genotypes == -1).all(axis=2) == missing).all()
    assert (quality[missing] == 0).all()
    low = (quality < 20) & ~missing
    assert low.mean() == pytest.approx(0.02, abs=0.002)
    wrong = (np.sort(genotypes, 2) != np.sort(truth[:, normal], 2)).any(axis=2) & ~missing
    carrier = (truth[:, normal] > 0).any(axis=2)
    good = ~low & ~missing
    assert wrong[low & carrier].mean() == pytest.approx(0.15, abs=0.025)
    assert wrong[good & carrier].mean() == pytest.approx(0.001, abs=0.0004)
    assert wrong[low & ~carrier].mean() < 0.02
    assert wrong[good & ~carrier].mean() < 0.0001


def test_calls__bad_batch_fails_call_rate_or_hardy_weinberg() -> None:
    from genomics.hardy_weinberg import hardy_weinberg_exact

    cohort = small(n_samples=1000, noise=CallNoise(bad_variants=0.5), n_background=300)
    bad = np.flatnonzero(cohort.calls.bad_variants & (cohort.records["contig"] != "X").to_numpy())
    good = [~cohort.calls.bad_samples]
    dosage = cohort.dosage()[bad][:, good[0]]
    call_rate = 1 - np.isnan(dosage).mean(axis=1)
    counts = [(dosage == copies).sum(axis=1) for copies in (0, 1, 2)]
    p = hardy_weinberg_exact(*counts)
    common = counts[0] > 200
    assert len(bad) > 100
    assert ((call_rate < 0.95) | (p < 1e-6))[common].mean() > 0.9


def test_background__covers_the_autosomes() -> None:
    table, sources = background_sites(6000, {("1", 207_000)}, np.random.default_rng(0))
    regions = set(zip(table["contig"], table["position"] // 1_000_000))
    assert len(regions) > 2000
    assert table["contig"].nunique() == 22
    assert sources.shape == (len(table), len(DRIFT))
    assert not table.duplicated(["contig", "position"]).any()


def test_neighbours__avoid_positions_in_use() -> None:
    loci = pd.DataFrame({"symbol": ["A"], "contig": ["1"], "start": [1000], "end": [1100]})
    taken = {("1", position) for position in range(900, 1200, 2)}
    table = neighbour_sites(loci, 200, 100, taken, np.random.default_rng(0))
    assert len(table) > 30
    assert not set(zip(table["contig"], table["position"])) & taken


def test_simulate__refuses_a_table_without_frequencies() -> None:
    with pytest.raises(InputError, match="field EUR: sites lack EUR"):
        small(frequencies=SITES.drop(columns="EUR"))


def test_simulate__refuses_a_frequency_above_one() -> None:
    with pytest.raises(InputError, match="record 2, field frequency"):
        small(frequencies=SITES.assign(EUR=[0.1, 1.2, 0.1, 0.1, 0.1]))


def test_simulate__refuses_a_planted_variant_that_is_no_site() -> None:
    with pytest.raises(InputError, match="1:5000000:A:T is no site"):
        small(planted=PlantedEffect("1", 5_000_000, "A", "T", 0.5))


def test_simulate__refuses_shares_that_do_not_add_up() -> None:
    with pytest.raises(InputError, match="add up to 1"):
        small(shares={"EUR": 0.5})


def test_haplotype_alleles__refuses_an_allele_without_site() -> None:
    with pytest.raises(InputError, match="1000:C>G, which the sites do not list"):
        haplotype_alleles(pd.DataFrame({"alleles": ["1000:C>G"]}), [(1000, "C", ["T"])])
    with pytest.raises(InputError, match="position:REF>ALT"):
        parse_alleles("1000C>G")


def test_row_of__tells_a_missing_position() -> None:
    with pytest.raises(KeyError, match="chr1:17"):
        small().row_of("chr1", 17)
