"""The Gaussian process on shifts, against scikit-learn's and scipy's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

from models.protein import Target, parse_target, place_variants
from models.shift_kernel import (
    AFFINITY_LENGTH,
    COMPONENTS,
    ShiftKernel,
    ShiftRows,
    VariantKey,
    _diagonal,
    censored_mean,
    shift_kernels,
    variant_key,
    variant_name,
)

REGIONS = ("gatekeeper", "activation loop", "hinge")


def planted(seed: int = 0, n_drugs: int = 20, n_genes: int = 4) -> tuple[ShiftRows, NDArray[np.float64]]:
    """Shifts that depend on the kind of drug and the region of the variant, one variant per gene and region."""
    rng = np.random.default_rng(seed)
    kind = np.arange(n_drugs) % 2
    profiles = rng.normal(size=(n_drugs, 30)) + 3 * np.where(kind, 1, -1)[:, None] * rng.normal(size=30)
    variants = tuple(
        VariantKey(f"G{gene}", f"v{region}", frozenset({region}), False)
        for gene in range(n_genes)
        for region in REGIONS
    )
    drug, variant = (a.ravel() for a in np.meshgrid(np.arange(n_drugs), np.arange(len(variants))))
    rows = ShiftRows(
        rng.uniform(6, 9, len(drug)), drug, variant, profiles,
        rng.integers(0, 2, (n_drugs, 64)).astype(np.uint8), variants,
    )  # fmt: skip
    effect = np.array([[-1.0, 0.5, 0.0], [1.0, -0.5, 0.0]])
    shift = effect[kind[drug], variant % 3] + 0.1 * rng.normal(size=len(drug))
    return rows, shift


@pytest.fixture(scope="module")
def fitted() -> tuple[ShiftKernel, ShiftRows, NDArray[np.float64]]:
    """Fit to ten of twelve variants."""
    rows, shift = planted()
    train = rows.variant < 9
    model = ShiftKernel()
    model.fit(rows.select(train), shift[train])
    return model, rows, shift


@pytest.mark.parametrize(
    ("name", "gene", "region"),
    [
        ("EGFR(T790M)", "EGFR", "gatekeeper"),
        ("EGFR(L858R)", "EGFR", "activation loop"),
        ("EGFR(E746A750del)", "EGFR", "beta-3 and helix C"),
        ("EGFR(G719S)", "EGFR", "glycine-rich loop"),
        ("EGFR(R108K)", "EGFR", "upstream"),
        ("KIT(V559D)", "KIT", "upstream"),
        ("BRAF(V600E)", "BRAF", "activation loop"),
    ],
)
def test_variant_key__regions_of_known_mutants(
    kinases: dict[str, str], profile: NDArray[np.float32], name: str, gene: str, region: str
) -> None:
    (mutant,) = place_variants([parse_target(name, kinases[gene])])
    key = variant_key(mutant, Target(gene, kinases[gene]), profile)
    assert (key.gene, key.regions, key.other_form) == (gene, {region}, False)


def test_variant_key__both_changes_and_the_form(
    kinases: dict[str, str], profile: NDArray[np.float32]
) -> None:
    (mutant,) = place_variants([parse_target("EGFR(L858RT790M)p", kinases["EGFR"])])
    key = variant_key(mutant, Target("EGFR", kinases["EGFR"]), profile)
    assert key.regions == {"gatekeeper", "activation loop"}
    assert key.other_form
    (turned,) = place_variants([parse_target("EGFR(T790ML858R)p", kinases["EGFR"])])
    assert variant_key(turned, Target("EGFR", kinases["EGFR"]), profile) == key
    nothing = variant_key(Target("X(K2R)", "MRV"), Target("X", "MKV"), profile)
    assert nothing.regions == {"no kinase domain"}


def test_shift_kernels__are_covariances_with_their_diagonal() -> None:
    rows, _ = planted()
    rows.profiles[3] = 0.0
    rows.bits[4] = 0
    kernels = shift_kernels(rows, rows)
    assert kernels.shape == (len(COMPONENTS), len(rows), len(rows))
    for kernel in kernels:
        np.testing.assert_allclose(kernel, kernel.T, atol=1e-12)
        assert np.linalg.eigvalsh(kernel).min() > -1e-8
    np.testing.assert_allclose(_diagonal(rows), np.diagonal(kernels, axis1=1, axis2=2), atol=1e-12)


def test_shift_kernel__as_scikit_learn_on_one_component() -> None:
    gaussian_process = pytest.importorskip("sklearn.gaussian_process")
    rows, shift = planted()
    model = ShiftKernel(limit=-np.inf)
    model.weights = np.zeros(len(COMPONENTS) + 1)
    model.weights[COMPONENTS.index("affinity")], model.weights[-1] = 0.8, 0.3
    train = rows.drug % 2 == 0
    model.condition(rows.select(train), shift[train])
    kernel = gaussian_process.kernels.ConstantKernel(0.8) * gaussian_process.kernels.RBF(AFFINITY_LENGTH)
    peer = gaussian_process.GaussianProcessRegressor(kernel, alpha=0.3, optimizer=None)
    peer.fit(rows.affinity[train, None], shift[train])
    expected, sd = peer.predict(rows.affinity[~train, None], return_std=True)
    model.limit = -1e6
    mean, spread = model.predict(rows.select(~train))
    np.testing.assert_allclose(mean, expected, atol=1e-6)
    np.testing.assert_allclose(spread, np.sqrt(sd**2 + 0.3), atol=1e-6)


def test_fit_weights__are_at_a_peak_of_the_likelihood(
    fitted: tuple[ShiftKernel, ShiftRows, NDArray[np.float64]],
) -> None:
    model, rows, shift = fitted
    train = rows.variant < 9
    kernels = shift_kernels(rows.select(train), rows.select(train))

    def likelihood(weights: NDArray[np.float64]) -> float:
        covariance = np.tensordot(weights[:-1], kernels, axes=1) + weights[-1] * np.eye(train.sum())
        return float(multivariate_normal(np.zeros(train.sum()), covariance).logpdf(shift[train]))

    best = likelihood(model.weights)
    assert best > likelihood(np.full(len(COMPONENTS) + 1, np.exp(-3.0))) + 50
    for k in range(len(COMPONENTS) + 1):
        for factor in (0.6, 1.6):
            moved = model.weights.copy()
            moved[k] *= factor
            assert likelihood(moved) < best + 0.5


def test_shift_kernel__predicts_variants_it_never_saw(
    fitted: tuple[ShiftKernel, ShiftRows, NDArray[np.float64]],
) -> None:
    model, rows, shift = fitted
    new = rows.variant >= 9
    mean, sd = model.predict(rows.select(new))
    assert np.mean((mean - shift[new]) ** 2) < 0.1 * np.var(shift[new])
    inside = np.abs(mean - shift[new]) < norm.ppf(0.95) * sd
    assert inside.mean() > 0.8


def test_held_out__as_conditioned_without_the_group(
    fitted: tuple[ShiftKernel, ShiftRows, NDArray[np.float64]],
) -> None:
    model, rows, shift = fitted
    rows = replace(rows, affinity=np.where(rows.drug == 3, 5.0, rows.affinity))
    whole, part = ShiftKernel(), ShiftKernel()
    whole.weights = part.weights = model.weights
    whole.condition(rows, shift)
    mean, sd = whole.held_out(rows, rows.variant)
    for variant in (0, 11):
        out = rows.variant == variant
        part.condition(rows.select(~out), shift[~out])
        expected = part.predict(rows.select(out))
        np.testing.assert_allclose(mean[out], expected[0], atol=1e-8)
        np.testing.assert_allclose(sd[out], expected[1], atol=1e-8)


def test_shift_kernel__learns_nothing_from_shuffled_shifts() -> None:
    rows, shift = planted()
    train = rows.variant < 9
    model = ShiftKernel(n_steps=15)
    model.fit(rows.select(train), np.random.default_rng(1).permutation(shift[train]))
    mean, _ = model.predict(rows.select(~train))
    assert abs(np.corrcoef(mean, shift[~train])[0, 1]) < 0.4 or mean.std() < 0.1 * shift.std()


def test_shift_kernel__a_wild_type_at_the_limit_loses_nothing(
    fitted: tuple[ShiftKernel, ShiftRows, NDArray[np.float64]],
) -> None:
    model, rows, _ = fitted
    mean, _ = model.predict(replace(rows, affinity=np.full(len(rows), 5.0)))
    assert (mean > 0).all()


@pytest.mark.parametrize(("mean", "sd", "lowest"), [(0.0, 1.0, -0.5), (-2.0, 0.5, -1.0), (1.0, 2.0, -4.0)])
def test_censored_mean__as_integrated(mean: float, sd: float, lowest: float) -> None:
    above = quad(lambda x: x * norm.pdf(x, mean, sd), lowest, mean + 12 * sd)[0]
    expected = above + lowest * norm.cdf(lowest, mean, sd)
    found = censored_mean(np.array([mean]), np.array([sd]), np.array([lowest]))
    assert found[0] == pytest.approx(expected, abs=1e-7)


def test_variant_name__is_that_of_the_change_and_not_of_its_writing() -> None:
    """Deletions written in one or two changes, in either isoform, in any order."""
    chain = "MRPSGTAGAALLALIKELREATSPKANKEILDEAYVMASVDNPHVCRLLGICLTSTVQLITQLMPFG"
    longer = "MKTAYIAKQ" + chain

    def name(text: str, sequence: str = chain) -> str:
        wild = Target("X", sequence)
        return variant_name(place_variants([parse_target(f"X({text})", sequence)])[0], wild)

    assert name("L18_E20del,A21P") == name("L18_A21delinsP") == name("L27_A30delinsP", longer)
    assert name("L18_E20del") not in (name("L18_E20del,A21P"), name("L18_A21delinsP"))
    assert name("E35K,T22S") == name("T22S,E35K") != name("T22S")
    unchanged = Target("X(T22S)", chain, changes=parse_target("X(T22S)", chain).changes)
    assert variant_name(unchanged, Target("X", chain)) == "T22S"
