import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from genomics.associate import COLUMNS, associate, deflate, genomic_control, select_samples
from genomics.errors import InputError
from genomics.phenotype import Phenotypes, read_phenotypes
from genomics.quality import QualityPolicy, assess_quality
from genomics.structure import Structure

needs_plink = pytest.mark.skipif(shutil.which("plink2") is None, reason="plink2 is not on the PATH")


def _phenotypes(values, trait_type, **covariates):
    table = pd.DataFrame(covariates, index=range(len(values)))
    return Phenotypes("trait", trait_type, np.asarray(values, dtype=float), table, len(values), 0)


def _genotypes(seed=0, n_variants=40, n_samples=150, missing=0.02):
    rng = np.random.default_rng(seed)
    dosage = rng.binomial(2, rng.uniform(0.1, 0.9, (n_variants, 1)), (n_variants, n_samples))
    return np.where(rng.random(dosage.shape) < missing, -1, dosage), rng


@pytest.fixture(scope="module")
def lenient():
    return QualityPolicy(
        min_sample_call_rate=0, min_variant_call_rate=0, min_hwe_p=0, min_minor_allele_frequency=0
    )


def test_associate__linear_statsmodels(make_cohort, lenient):
    dosage, rng = _genotypes()
    age = rng.normal(50, 10, 150)
    trait = 0.03 * age + 0.5 * np.maximum(dosage[3], 0) + rng.normal(size=150)
    trait[4] = np.nan
    cohort = make_cohort(dosage)
    table = associate(cohort, assess_quality(cohort, lenient), _phenotypes(trait, "quantitative", age=age))
    assert (
        list(table) == list(COLUMNS)
        and table["variant_id"].tolist() == cohort.variants["variant_id"].tolist()
    )
    assert set(table["test"]) == {"linear"} and set(table["missing_policy"]) == {"drop"}
    for i in range(len(dosage)):
        seen = (dosage[i] >= 0) & ~np.isnan(trait)
        expected = sm.OLS(trait[seen], np.column_stack([np.ones(150), age, dosage[i]])[seen]).fit()
        row = table.iloc[i]
        assert row["n"] == seen.sum()
        assert row["beta"] == pytest.approx(expected.params[-1], rel=1e-7)
        assert row["se"] == pytest.approx(expected.bse[-1], rel=1e-7)
        assert row["log10p"] == pytest.approx(-np.log10(expected.pvalues[-1]), rel=1e-7)
        assert row["effect_allele_frequency"] == pytest.approx(dosage[i, seen].mean() / 2)


def test_associate__effect_allele_is_alt(make_cohort, lenient):
    dosage, rng = _genotypes(1, n_variants=1, missing=0)
    trait = dosage[0] * 2.0 + rng.normal(size=150)
    cohort = make_cohort(dosage, refs=["C"], alts=["T"])
    row = associate(cohort, assess_quality(cohort, lenient), _phenotypes(trait, "quantitative")).iloc[0]
    assert (row["effect_allele"], row["other_allele"]) == ("T", "C") and row["beta"] == pytest.approx(
        2, abs=0.5
    )


def test_associate__mean_imputed(make_cohort, lenient):
    dosage, rng = _genotypes(2)
    trait = rng.normal(size=150)
    cohort = make_cohort(dosage)
    phenotypes = _phenotypes(trait, "quantitative")
    table = associate(cohort, assess_quality(cohort, lenient), phenotypes, missing_policy="mean")
    assert (table["n"] == 150).all() and set(table["missing_policy"]) == {"mean"}
    filled = np.where(dosage[7] < 0, dosage[7][dosage[7] >= 0].mean(), dosage[7])
    expected = stats.linregress(filled, trait)
    assert table["beta"][7] == pytest.approx(expected.slope)
    assert table["log10p"][7] == pytest.approx(-np.log10(expected.pvalue))


def test_associate__monomorphic_and_collinear_rows_kept(make_cohort, lenient):
    dosage, rng = _genotypes(3, n_variants=4, missing=0)
    dosage[0, 10:] = 0
    dosage[0, :10] = 1
    trait = rng.normal(size=150)
    trait[:10] = np.nan
    cohort = make_cohort(dosage)
    quality = assess_quality(cohort, lenient)
    for kind in ("quantitative", "binary"):
        values = trait if kind == "quantitative" else np.where(np.isnan(trait), np.nan, trait > 0)
        table = associate(cohort, quality, _phenotypes(values, kind, copy=dosage[1].astype(float)))
        assert len(table) == 4
        assert table[["beta", "se", "log10p"]].isna().all(axis=1).tolist() == [True, True, False, False]


def test_associate__structure_joins_covariates(make_cohort, lenient):
    dosage, rng = _genotypes(4, missing=0)
    pcs = rng.normal(size=(150, 2))
    trait = 3 * pcs[:, 0] + rng.normal(size=150)
    cohort = make_cohort(dosage)
    quality = assess_quality(cohort, lenient)
    # In another order than the cohort's, and without one sample.
    order = rng.permutation(150)[1:]
    components = pd.DataFrame(pcs, columns=["pc1", "pc2"]).assign(sample_id=cohort.sample_ids).iloc[order]
    structure = Structure(components, np.array([0.5, 0.1]), 400, 400, True, "")
    table = associate(cohort, quality, _phenotypes(trait, "quantitative"), structure)
    keep = np.isin(np.arange(150), order)
    expected = sm.OLS(trait[keep], np.column_stack([np.ones(150), pcs, dosage[0]])[keep]).fit()
    assert table["beta"][0] == pytest.approx(expected.params[-1]) and table["n"][0] == 149
    assert table.attrs["covariates"] == ["pc1", "pc2"]


def test_associate__redundant_covariate_is_named(make_cohort, lenient):
    dosage, rng = _genotypes(5, n_variants=3, missing=0)
    age = rng.normal(50, 5, 150)
    cohort = make_cohort(dosage)
    phenotypes = _phenotypes(rng.normal(size=150), "quantitative", age=age, months=12 * age)
    table = associate(cohort, assess_quality(cohort, lenient), phenotypes)
    assert table.attrs["covariates"] == ["age"] and table.attrs["dropped_covariates"] == ["months"]


def test_associate__haploid_men_on_x(make_cohort, lenient):
    rng = np.random.default_rng(6)
    men = np.arange(200) < 100
    dosage = np.where(men, rng.binomial(1, 0.4, 200), rng.binomial(2, 0.4, 200))[None]
    cohort = make_cohort(dosage, contigs=["X"], haploid=men[None])
    trait = dosage[0] + rng.normal(size=200)
    row = associate(cohort, assess_quality(cohort, lenient), _phenotypes(trait, "quantitative")).iloc[0]
    assert row["n"] == 200 and row["effect_allele_frequency"] == pytest.approx(dosage.sum() / 300)
    assert row["beta"] == pytest.approx(stats.linregress(dosage[0], trait).slope)


def test_associate__too_few_samples(make_cohort, lenient):
    dosage, rng = _genotypes(7, n_variants=2, n_samples=12, missing=0)
    cohort = make_cohort(dosage)
    covariates = {f"c{i}": rng.normal(size=12) for i in range(11)}
    with pytest.raises(InputError, match="12 samples passed"):
        associate(
            cohort,
            assess_quality(cohort, lenient),
            _phenotypes(rng.normal(size=12), "quantitative", **covariates),
        )


def test_associate__trait_constant_after_quality_control(make_cohort):
    dosage, _ = _genotypes(8, missing=0)
    dosage[::2, :5] = -1
    cohort = make_cohort(dosage)
    trait = (np.arange(150) < 5).astype(float)
    with pytest.raises(InputError, match="constant among the 145"):
        associate(cohort, assess_quality(cohort), _phenotypes(trait, "binary"))


def test_associate__unknown_missing_policy(make_cohort, lenient):
    dosage, rng = _genotypes(9, n_variants=2)
    cohort = make_cohort(dosage)
    with pytest.raises(InputError, match="drop or mean"):
        associate(
            cohort,
            assess_quality(cohort, lenient),
            _phenotypes(rng.normal(size=150), "quantitative"),
            missing_policy="x",
        )


def test_associate__shuffled_trait_is_uniform(make_cohort):
    dosage, rng = _genotypes(10, n_variants=600, n_samples=300, missing=0.01)
    # A trait that follows its first variants strongly, then shuffled.
    liability = np.maximum(dosage[:20], 0).sum(axis=0) + rng.normal(size=300)
    shuffled = rng.permutation(liability > np.median(liability)).astype(float)
    cohort = make_cohort(dosage)
    quality = assess_quality(cohort)
    real = associate(cohort, quality, _phenotypes(liability > np.median(liability), "binary"))
    null = associate(cohort, quality, _phenotypes(shuffled, "binary"))
    assert stats.kstest(10 ** -null["log10p"], "uniform").pvalue > 0.01
    assert 0.75 < genomic_control(null["log10p"]) < 1.3
    assert real["log10p"][:20].median() > 3 * null["log10p"][:20].median()


def test_genomic_control__inflated():
    statistic = stats.chi2.ppf((np.arange(5000) + 0.5) / 5000, 1)
    assert genomic_control(-stats.chi2.logsf(1.3 * statistic, 1) / np.log(10)) == pytest.approx(1.3, abs=0.01)
    assert np.isnan(genomic_control(np.array([np.nan])))


def test_deflate__statistics_divided():
    statistic = 1.5 * stats.chi2.ppf((np.arange(2000) + 0.5) / 2000, 1)
    log10p = -stats.chi2.logsf(statistic, 1) / np.log(10)
    expected = -stats.chi2.logsf(statistic / genomic_control(log10p), 1) / np.log(10)
    np.testing.assert_allclose(deflate(log10p), expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(deflate(deflate(log10p) * 0.9), deflate(log10p) * 0.9)
    assert np.isnan(deflate(np.append(log10p, np.nan))[-1])


def test_select_samples__only_complete_ones(make_cohort, lenient):
    dosage, rng = _genotypes(12, n_variants=2)
    trait, age = rng.normal(size=150), rng.normal(size=150)
    trait[3] = age[5] = np.nan
    samples = select_samples(
        assess_quality(make_cohort(dosage), lenient), _phenotypes(trait, "quantitative", age=age), None
    )
    assert np.flatnonzero(~samples.used).tolist() == [3, 5] and samples.covariates == ("age",)


@pytest.fixture
def regenie(shared_data, tmp_path):
    """Return the regenie example without the people that its published run removes."""
    from genomics.ingest import ingest

    folder = shared_data / "association/regenie"
    cohort = ingest(folder / "example.bed", tmp_path / "cohort.vcz")
    removed = set((folder / "fid_iid_to_remove.txt").read_text().split())
    return folder, cohort, removed


def _regenie_traits(folder, cohort, removed, trait_type):
    """Read the example's traits; sample names may carry the family in front."""
    ids = [str(i).rsplit("_", 1)[-1] for i in cohort.sample_ids]
    table = pd.read_csv(folder / "phenotype_bin.txt", sep=" ").merge(
        pd.read_csv(folder / "covariates.txt", sep=" ")
    )
    table = table.set_index(table["IID"].astype(str)).reindex(ids)
    values = table["Y1"] if trait_type == "binary" else table["V3"] + 0.3 * table["Y2"]
    values = values.where(~pd.Index(ids).isin(list(removed)))
    return _phenotypes(
        values.to_numpy(), trait_type, V1=table["V1"].to_numpy(), V2=table["V2"].to_numpy()
    ), table


def test_associate__regenie(regenie, lenient):
    folder, cohort, removed = regenie
    phenotypes, table = _regenie_traits(folder, cohort, removed, "binary")
    phenotypes.covariates["V3"] = table["V3"].to_numpy()
    result = associate(cohort, assess_quality(cohort, lenient), phenotypes)
    expected = pd.read_csv(folder / "example.test_bin_out_firth_Y1.regenie", sep=" ")
    # The file's ALLELE1 is bim column 5, which ingestion may take for the reference.
    sign = np.where(result["effect_allele"].astype(str) == expected["ALLELE1"].astype(str), 1, -1)
    frequency = np.where(sign > 0, result["effect_allele_frequency"], 1 - result["effect_allele_frequency"])
    np.testing.assert_allclose(frequency, expected["A1FREQ"], atol=1e-6)
    assert (result["n"] == 494).all()
    # Regenie reports a score test, or Firth's with the covariates' effects held at those of the null model.
    assert np.corrcoef(sign * result["beta"], expected["BETA"])[0, 1] > 0.999
    assert np.abs(result["log10p"] - expected["LOG10P"]).max() < 0.1
    assert result["log10p"].idxmax() == expected["LOG10P"].idxmax()


@needs_plink
@pytest.mark.parametrize("trait_type", ["binary", "quantitative"])
def test_associate__plink2(regenie, lenient, tmp_path, trait_type):
    folder, cohort, removed = regenie
    phenotypes, table = _regenie_traits(folder, cohort, removed, trait_type)
    result = associate(cohort, assess_quality(cohort, lenient), phenotypes)
    traits, covariates, out = tmp_path / "traits.txt", tmp_path / "covariates.txt", tmp_path / "plink"
    names = table[["FID", "IID"]]
    names.assign(T=phenotypes.values + (trait_type == "binary")).to_csv(
        traits, sep=" ", index=False, na_rep="NA"
    )
    names.join(table[["V1", "V2"]]).to_csv(covariates, sep=" ", index=False)
    for modifier in ("no-firth", "firth") if trait_type == "binary" else ("",):
        command = [
            "plink2",
            "--bfile",
            str(folder / "example"),
            "--pheno",
            str(traits),
            "--covar",
            str(covariates),
        ]
        command += ["--glm", "hide-covar", *([modifier] if modifier else []), "--covar-variance-standardize"]
        subprocess.run([*command, "--threads", "1", "--out", str(out)], check=True, capture_output=True)
        found = next(tmp_path.glob("plink.T.glm.*"))
        expected = pd.read_csv(found, sep="\t")
        found.unlink()
        sign = np.where(result["effect_allele"].astype(str) == expected["A1"].astype(str), 1, -1)
        rows = (
            result["test"] == {"no-firth": "logistic", "firth": "firth", "": "linear"}[modifier]
        ).to_numpy()
        beta = np.log(expected["OR"]) if "OR" in expected else expected["BETA"]
        se = expected[next(c for c in expected if c in ("SE", "LOG(OR)_SE"))]
        assert rows.sum() > 40
        np.testing.assert_allclose((sign * result["beta"])[rows], beta[rows], rtol=2e-3, atol=2e-4)
        np.testing.assert_allclose(result["se"][rows], se[rows], rtol=2e-3)
        if modifier != "firth":  # PLINK 2 gives Wald's p for Firth's estimate, we the likelihood ratio's
            np.testing.assert_allclose(
                result["log10p"][rows], -np.log10(expected["P"][rows]), rtol=5e-3, atol=1e-4
            )


def test_associate__phenotype_table(make_cohort, tmp_path):
    dosage, rng = _genotypes(13, n_variants=60, missing=0)
    cohort = make_cohort(dosage)
    flare = (rng.random(150) < 0.1 + 0.35 * dosage[5]).astype(int)
    path = tmp_path / "traits.tsv"
    rows = [
        f"{name}\t{value}\t{'FM'[i % 2]}"
        for i, (name, value) in enumerate(zip(cohort.sample_ids, flare, strict=True))
    ]
    path.write_text("\n".join(["sample_id\tflare\tsex", *rows]))
    phenotypes = read_phenotypes(path, "flare", ["sex"], sample_ids=cohort.sample_ids)
    done = []
    table = associate(cohort, assess_quality(cohort), phenotypes, progress=done.append)
    assert table.loc[table["log10p"].idxmax(), "position"] == 1050 and done[-1] == 1.0
    assert table.attrs["covariates"] == ["sex=M"]


def test_associate__no_variant_passed(make_cohort):
    dosage, rng = _genotypes(17, n_variants=3, missing=0)
    cohort = make_cohort(np.zeros_like(dosage))
    table = associate(cohort, assess_quality(cohort), _phenotypes(rng.normal(size=150), "quantitative"))
    assert table.empty and list(table) == list(COLUMNS) and table["beta"].dtype == float
