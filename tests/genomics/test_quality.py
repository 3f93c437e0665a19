import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from genomics.errors import InputError
from genomics.quality import (
    QualityPolicy,
    assess_quality,
    genotype_thresholds,
)


def _genotypes(seed=0, n_variants=120, n_samples=80, missing=0.01):
    rng = np.random.default_rng(seed)
    dosage = rng.binomial(2, rng.uniform(0.1, 0.9, (n_variants, 1)), (n_variants, n_samples))
    return np.where(rng.random(dosage.shape) < missing, -1, dosage)


def test_assess_quality__figures(make_cohort):
    dosage = _genotypes(missing=0.03)
    quality = assess_quality(make_cohort(dosage), QualityPolicy(min_sample_call_rate=0.5))
    called = dosage >= 0
    variants = quality.variants
    np.testing.assert_allclose(variants["call_rate"], called.mean(axis=1))
    frequency = np.where(called, dosage, 0).sum(axis=1) / (2 * called.sum(axis=1))
    np.testing.assert_allclose(variants["allele_frequency"], frequency)
    for name, copies in (("n_hom_ref", 0), ("n_het", 1), ("n_hom_alt", 2)):
        assert variants[name].tolist() == (dosage == copies).sum(axis=1).tolist()
    assert quality.samples["n_called"].tolist() == called.sum(axis=0).tolist()
    common = np.minimum(frequency, 1 - frequency) >= 0.05
    het = (dosage[common] == 1).sum(axis=0) / called[common].sum(axis=0)
    np.testing.assert_allclose(quality.samples["heterozygosity"], het)


def test_assess_quality__reasons(make_cohort):
    dosage = _genotypes(missing=0.0)
    dosage[0] = 0
    dosage[1, :20] = -1
    dosage[2] = np.where(np.arange(80) % 2 == 0, 0, 2)
    dosage[3] = 0
    dosage[3, 5] = 1
    dosage[5] = 2
    dosage[6:, 9] = np.where(np.arange(114) % 4 == 0, -1, dosage[6:, 9])
    filters = ["PASS"] * 4 + ["LowQual"] + ["PASS"] * 115
    quality = assess_quality(make_cohort(dosage, filters=filters))
    reason = quality.variants["reason"]
    assert reason[0] == reason[5] == "monomorphic"
    assert reason[1] == "call rate below 0.95"
    assert reason[2] == "Hardy-Weinberg p below 1e-10"
    assert reason[3] == "minor allele frequency below 0.01"
    assert reason[4] == "FILTER is not PASS"
    assert (quality.variants["passed"] == (reason == "")).all()
    assert quality.samples["reason"][9] == "call rate below 0.9"
    assert quality.samples["passed"].sum() == 79
    # The failed sample does not count against the variants.
    assert (quality.variants["call_rate"][6:] == 1.0).all()


def test_assess_quality__low_genotype_quality_is_missing(make_cohort):
    dosage = _genotypes(missing=0.0)
    gq = np.full(dosage.shape, 99)
    gq[0, :10] = 5
    cohort = make_cohort(dosage, gq=gq)
    assert assess_quality(cohort).variants["call_rate"][0] == pytest.approx(70 / 80)
    assert assess_quality(cohort, QualityPolicy(min_gq=None)).variants["call_rate"][0] == 1.0


def test_genotype_thresholds__fields_of_the_cohort(make_cohort):
    dosage = _genotypes()
    with_gq = make_cohort(dosage, gq=np.full(dosage.shape, 50))
    assert genotype_thresholds(with_gq, QualityPolicy(min_dp=8)) == {"min_gq": 20, "min_dp": None}
    without = make_cohort(dosage, name="plain")
    assert genotype_thresholds(without, QualityPolicy()) == {"min_gq": None, "min_dp": None}


def test_assess_quality__hardy_weinberg_in_controls(make_cohort):
    dosage = _genotypes(missing=0.0)
    dosage[0] = np.where(np.arange(80) < 40, 2, np.random.default_rng(1).binomial(2, 0.3, 80))
    controls = np.arange(80) >= 40
    cohort = make_cohort(dosage)
    p = assess_quality(cohort, controls=controls).variants["hwe_p"][0]
    assert assess_quality(cohort).variants["hwe_p"][0] < p
    from genomics.hardy_weinberg import hardy_weinberg_exact

    assert p == pytest.approx(
        float(hardy_weinberg_exact(*((dosage[0, controls] == k).sum() for k in range(3))))
    )


def test_assess_quality__several_populations_lack_heterozygotes(make_cohort):
    rng = np.random.default_rng(4)
    frequency = np.clip(rng.uniform(0.2, 0.8, (150, 1)) + rng.normal(0, 0.15, (150, 2)), 0.05, 0.95)
    dosage = np.hstack([rng.binomial(2, frequency[:, [k]], (150, 100)) for k in (0, 1)])
    dosage[0] = np.repeat([0, 2], 100)
    dosage[1] = 1
    quality = assess_quality(make_cohort(dosage))
    assert quality.inbreeding > 0.01
    assert quality.variants["hwe_p"][0] < 1e-10 and quality.variants["passed"][0]
    assert quality.variants["reason"][1] == "Hardy-Weinberg p below 1e-10"
    strict = assess_quality(make_cohort(dosage, name="again"), QualityPolicy(hwe_max_inbreeding=1))
    assert not strict.variants["passed"][0]


def test_assess_quality__haploid_calls_on_x(make_cohort):
    dosage = np.tile([0, 1, 0, 2, 1, 1], (2, 10))
    haploid = np.tile([True, True, False, False, False, True], (2, 10))
    quality = assess_quality(make_cohort(dosage, contigs=["X", "X"], haploid=haploid))
    row = quality.variants.iloc[0]
    assert row["call_rate"] == 1.0 and row["allele_frequency"] == pytest.approx(50 / 90)
    assert (row["n_hom_ref"], row["n_het"], row["n_hom_alt"]) == (10, 10, 10)
    assert np.isnan(row["hwe_p"])


def test_assess_quality__absent_batch_of_variants_fails_no_sample(make_cohort):
    dosage = _genotypes(missing=0.0)
    dosage[:60] = -1
    quality = assess_quality(make_cohort(dosage))
    assert quality.samples["passed"].all() and not quality.variants["passed"][:60].any()


def test_assess_quality__heterozygosity_outlier(make_cohort):
    dosage = _genotypes(n_variants=400, missing=0.0)
    dosage[:, 3] = 1
    contigs = [str(1 + i // 40) for i in range(400)]
    positions = [1_000_000 * (i % 40) + 500 for i in range(400)]
    quality = assess_quality(make_cohort(dosage, contigs=contigs, positions=positions))
    assert quality.samples["reason"][3].startswith("heterozygosity more than 6")
    assert quality.samples["passed"].sum() == 79
    # The same people over one gene: too little to judge a sample by.
    assert assess_quality(make_cohort(dosage, name="one")).samples["passed"].all()


def test_assess_quality__less_diverse_population_is_no_outlier(make_cohort):
    rng = np.random.default_rng(9)
    frequency = rng.uniform(0.3, 0.7, (2000, 1))
    dosage = rng.binomial(2, frequency, (2000, 120))
    dosage[:, 100:] = rng.binomial(2, np.where(rng.random((2000, 1)) < 0.5, 0.05, 0.95), (2000, 20))
    dosage[:, 0] = 1
    contigs = [str(1 + i // 100) for i in range(2000)]
    positions = [1_000_000 * (i % 100) + 500 for i in range(2000)]
    quality = assess_quality(make_cohort(dosage, contigs=contigs, positions=positions))
    assert np.flatnonzero(~quality.samples["passed"]).tolist() == [0]
    from genomics.quality_verdicts import robust_deviation

    assert np.median(np.abs(robust_deviation(quality.samples["heterozygosity"].to_numpy()))[100:]) > 6


def test_assess_quality__multiallelic_rows(make_cohort):
    dosage = np.array([[0, 1, 2, 1, 0, 0, 1, 1, 2, 0]])
    quality = assess_quality(make_cohort(dosage, alts=["G,T"]))
    assert quality.variants["variant_id"].tolist() == ["1:1000:A:G", "1:1000:A:T"]
    assert quality.variants["reason"].tolist() == ["", "monomorphic"]


def test_assess_quality__controls_of_wrong_length(make_cohort):
    with pytest.raises(ValueError, match="expected \\(80,\\)"):
        assess_quality(make_cohort(_genotypes()), controls=np.ones(3, dtype=bool))


def test_assess_quality__no_sample():
    class Nobody:
        n_samples, n_variants, path = 0, 3, "empty.vcz"

    with pytest.raises(InputError, match="no samples"):
        assess_quality(Nobody())


@pytest.mark.skipif(shutil.which("plink2") is None, reason="plink2 is not on the PATH")
def test_assess_quality__plink2(shared_data, tmp_path):
    from genomics.ingest import ingest

    source, prefix = shared_data / "association/bigsnpr/example-missing", tmp_path / "example"
    for end in (".bed", ".fam"):
        shutil.copy(f"{source}{end}", f"{prefix}{end}")
    sites = pd.read_csv(f"{source}.bim", sep="\t", header=None)  # one position is written 1e+05
    sites.astype({3: int}).to_csv(f"{prefix}.bim", sep="\t", header=False, index=False)
    quality = assess_quality(ingest(prefix, tmp_path / "cohort.vcz"), QualityPolicy(min_sample_call_rate=0))
    out = tmp_path / "plink"
    command = [
        "plink2",
        "--bfile",
        str(prefix),
        "--hardy",
        "--freq",
        "--missing",
        "--threads",
        "1",
        "--out",
        str(out),
    ]
    subprocess.run(command, check=True, capture_output=True)
    hardy, frequency, missing = (pd.read_csv(f"{out}.{end}", sep="\t") for end in ("hardy", "afreq", "vmiss"))
    variants = quality.variants
    np.testing.assert_allclose(variants["allele_frequency"], frequency["ALT_FREQS"], rtol=1e-5)
    np.testing.assert_allclose(1 - variants["call_rate"], missing["F_MISS"], atol=1e-6)
    np.testing.assert_allclose(variants["hwe_p"], hardy["P"], rtol=1e-4)


def test_assess_quality__same_for_any_number_of_threads(make_cohort, monkeypatch):
    monkeypatch.setattr("genomics.quality_counts._BLOCK_RECORDS", 7)
    dosage = _genotypes(missing=0.1)
    cohort = make_cohort(dosage, gq=np.random.default_rng(3).integers(0, 60, dosage.shape))
    policy = QualityPolicy(min_sample_call_rate=0.6)
    one, three = (assess_quality(cohort, policy, threads=threads) for threads in (1, 3))
    assert 0 < one.samples["passed"].sum() < cohort.n_samples
    pd.testing.assert_frame_equal(one.variants, three.variants, check_exact=True)
    pd.testing.assert_frame_equal(one.samples, three.samples, check_exact=True)
    assert one.inbreeding == three.inbreeding or np.isnan([one.inbreeding, three.inbreeding]).all()


def test_assess_quality__filtered_half_and_multiallelic_calls(tmp_path):
    from genomics.ingest import ingest

    header = '##fileformat=VCFv4.2\n##FILTER=<ID=q10,Description="low">\n'
    for tag in ("GT", "FT"):
        header += f'##FORMAT=<ID={tag},Number=1,Type=String,Description="text">\n'
    lines = [
        "#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT A B C D E",
        "1 100 . A G,T . PASS . GT:FT 0/1 1/2 0/.:PASS 2/2:q10 2/2",
    ]
    (tmp_path / "few.vcf").write_text(header + "\n".join(lines).replace(" ", "\t") + "\n")
    cohort = ingest(tmp_path / "few.vcf", tmp_path / "few.vcz")
    rows = assess_quality(cohort, QualityPolicy(min_sample_call_rate=0)).variants
    # D is filtered, and C half called: three of five count.
    assert rows["call_rate"].tolist() == [0.6, 0.6]
    assert rows["allele_frequency"].tolist() == [2 / 6, 3 / 6]
    assert rows[["n_hom_ref", "n_het", "n_hom_alt"]].to_numpy().tolist() == [[1, 2, 0], [1, 1, 1]]
