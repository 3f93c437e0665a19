import allel
import numpy as np
import pandas as pd
import pytest

from genomics.quality import QualityPolicy, assess_quality
from genomics.structure import (
    exact_components,
    iterated_components,
    patterson_scale,
    principal_components,
    prune_linked,
)


def _populations(rng, n_variants, sizes, drift=0.1):
    """Genotypes of populations that drifted apart (Balding and Nichols 1995)."""
    ancestral = rng.uniform(0.2, 0.8, n_variants)
    scale = (1 - drift) / drift
    frequency = [rng.beta(ancestral * scale, (1 - ancestral) * scale) for _ in sizes]
    return np.hstack(
        [rng.binomial(2, f[:, None], (n_variants, size)) for f, size in zip(frequency, sizes, strict=True)]
    )


def _spread_out(n_variants, per_megabase=1):
    """Contigs and positions that cover many 1-Mb regions of the autosomes."""
    region = np.arange(n_variants) // per_megabase
    contigs = [str(1 + r // 40) for r in region]
    positions = [int(1_000_000 * (r % 40) + 10_000 * (i % per_megabase) + 500) for i, r in enumerate(region)]
    return contigs, positions


def test_exact_components__scikit_allel():
    dosage = _populations(np.random.default_rng(0), 400, [30, 20, 25])
    dosage = dosage[(dosage.min(axis=1) < dosage.max(axis=1))]
    coordinates, model = allel.pca(dosage, n_components=4, scaler="patterson")
    scaled = patterson_scale(dosage.astype(np.float32))
    vectors, ratio = exact_components(iter([scaled[:150], scaled[150:]]), 4)
    expected = coordinates / np.linalg.norm(coordinates, axis=0)
    np.testing.assert_allclose(np.abs((vectors * expected).sum(axis=0)), 1.0, atol=1e-5)
    np.testing.assert_allclose(ratio, model.explained_variance_ratio_, rtol=1e-4)


def test_iterated_components__exact():
    scaled = patterson_scale(_populations(np.random.default_rng(1), 500, [40, 40, 40]).astype(np.float32))
    exact, ratio = exact_components(iter([scaled]), 2)
    vectors, estimated = iterated_components(
        lambda: iter([scaled[:200], scaled[200:]]), 2, n_samples=120, seed=3
    )
    np.testing.assert_allclose(vectors, exact, atol=1e-4)
    np.testing.assert_allclose(estimated, ratio, rtol=1e-4)


def test_patterson_scale__missing_is_the_mean():
    rng = np.random.default_rng(2)
    dosage = rng.binomial(2, 0.3, (5, 40)).astype(np.float32)
    dosage[:, ::7] = np.nan
    scaled = patterson_scale(dosage)
    assert (scaled[:, ::7] == 0).all()
    np.testing.assert_allclose(scaled.sum(axis=1), 0.0, atol=1e-4)


def _blocks(dosage, rows, size):
    scaled = patterson_scale(dosage.astype(np.float32))
    return ((rows.iloc[i : i + size], scaled[i : i + size]) for i in range(0, len(rows), size))


def _naive_pruning(dosage, rows, window, max_r2):
    kept = []
    for i in range(len(rows)):
        if dosage[i].min() == dosage[i].max():
            continue
        near = [
            j
            for j in kept
            if rows["contig"][j] == rows["contig"][i] and rows["position"][i] - rows["position"][j] <= window
        ]
        if all(np.corrcoef(dosage[i], dosage[j])[0, 1] ** 2 <= max_r2 for j in near):
            kept.append(i)
    return kept


@pytest.mark.parametrize("size", [1, 7, 64, 500])
def test_prune_linked__one_by_one(size):
    rng = np.random.default_rng(4)
    dosage = np.repeat(rng.binomial(2, 0.4, (40, 60)), 3, axis=0)
    noise = rng.random(dosage.shape) < 0.2
    dosage = np.where(noise, rng.binomial(2, 0.4, dosage.shape), dosage)
    dosage[5], dosage[60] = 0, 2
    rows = pd.DataFrame({"contig": ["1"] * 70 + ["2"] * 50, "position": np.arange(120) * 100})
    kept = prune_linked(_blocks(dosage, rows, size), window=2000, max_r2=0.15)
    assert kept == _naive_pruning(dosage, rows, 2000, 0.15)


def test_principal_components__planted_populations(make_cohort):
    rng = np.random.default_rng(5)
    dosage = _populations(rng, 420, [25, 20, 15])
    dosage[rng.random(dosage.shape) < 0.02] = -1
    contigs, positions = _spread_out(420)
    cohort = make_cohort(dosage, contigs=contigs, positions=positions)
    quality = assess_quality(cohort)
    structure = principal_components(cohort, quality, n_components=3)
    assert structure.estimable and structure.reason == ""
    assert structure.n_regions >= 300 and list(structure.components) == ["sample_id", "pc1", "pc2", "pc3"]
    plane = structure.components[["pc1", "pc2"]].to_numpy()
    population = np.repeat([0, 1, 2], [25, 20, 15])
    centers = np.stack([plane[population == k].mean(axis=0) for k in range(3)])
    nearest = np.linalg.norm(plane[:, None] - centers, axis=2).argmin(axis=1)
    assert (nearest == population).all()
    again = principal_components(cohort, quality, n_components=3)
    pd.testing.assert_frame_equal(structure.components, again.components, check_exact=True)


def test_principal_components__missing_calls_are_no_component(make_cohort):
    # scikit-allel takes -1 for a value, so that a batch with missing calls becomes a component.
    rng = np.random.default_rng(6)
    dosage = rng.binomial(2, rng.uniform(0.2, 0.8, (420, 1)), (420, 60))
    dosage[:, :30] = np.where(rng.random((420, 30)) < 0.08, -1, dosage[:, :30])
    contigs, positions = _spread_out(420)
    cohort = make_cohort(dosage, contigs=contigs, positions=positions)
    quality = assess_quality(cohort, QualityPolicy(min_variant_call_rate=0, min_sample_call_rate=0))
    structure = principal_components(cohort, quality, n_components=1)
    batch = np.arange(60) < 30
    assert abs(np.corrcoef(structure.components["pc1"], batch)[0, 1]) < 0.5


def test_principal_components__few_regions_not_estimable(make_cohort):
    dosage = np.random.default_rng(7).binomial(2, 0.4, (600, 30))
    contigs, positions = _spread_out(600, per_megabase=30)
    cohort = make_cohort(dosage, contigs=contigs, positions=positions)
    structure = principal_components(cohort, assess_quality(cohort))
    assert not structure.estimable and structure.components.empty and structure.n_regions <= 20
    assert "300" in structure.reason


def test_principal_components__failed_samples_left_out(make_cohort):
    dosage = np.random.default_rng(8).binomial(2, 0.4, (400, 40))
    dosage[::3, 7] = -1
    contigs, positions = _spread_out(400)
    cohort = make_cohort(dosage, contigs=contigs, positions=positions)
    structure = principal_components(cohort, assess_quality(cohort), n_components=2)
    assert "s7" not in set(structure.components["sample_id"]) and len(structure.components) == 39
