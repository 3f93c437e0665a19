"""Maps: like lies beside like, the same bytes each time, and a figure that tells what it shows."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from chem import InputError, morgan_fingerprints
from chem.space_map import chemical_space, plot_chemical_space

DRUGS = Path(__file__).resolve().parents[2] / "varimol" / "data" / "drugs.tsv"


@pytest.fixture(scope="module")
def smiles() -> list[str]:
    return pd.read_csv(DRUGS, sep="\t")["smiles"].tolist()[::12]


@pytest.fixture(scope="module")
def bits(smiles: list[str]) -> np.ndarray:
    return morgan_fingerprints(smiles)


def test_pca__same_as_a_singular_value_decomposition(bits: np.ndarray) -> None:
    """Up to the sign of an axis, which means nothing."""
    centred = bits - bits.mean(axis=0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    expected = left[:, :2] * values[:2]
    found = chemical_space(bits, method="pca")
    for axis in range(2):
        sign = np.sign(found[0, axis] * expected[0, axis])
        np.testing.assert_allclose(found[:, axis], sign * expected[:, axis], atol=1e-3)


def test_tsne__keeps_neighbours_better_than_two_components(bits: np.ndarray) -> None:
    """Trustworthiness (Venna & Kaski 2001) as scikit-learn computes it, and far above a shuffled map."""
    layout = chemical_space(bits)
    score = trustworthiness(bits, layout, n_neighbors=5)
    assert score > trustworthiness(bits, PCA(2).fit_transform(bits), n_neighbors=5) + 0.05
    shuffled = np.random.default_rng(0).permutation(layout)
    assert score > trustworthiness(bits, shuffled, n_neighbors=5) + 0.2


def test_map__same_seed_same_map(smiles: list[str], bits: np.ndarray) -> None:
    first = chemical_space(bits, seed=3)
    assert first.dtype == np.float64 and first.shape == (len(bits), 2)
    np.testing.assert_array_equal(first, chemical_space(smiles, seed=3))


def test_map__small_sets() -> None:
    few = ["CCO", "CCCO", "c1ccccc1", "Cc1ccccc1"]
    for method in ("pca", "tsne"):
        layout = chemical_space(few, method=method)  # type: ignore[arg-type]
        assert layout.shape == (4, 2) and np.isfinite(layout).all()


@pytest.mark.parametrize(
    ("molecules", "settings", "said"),
    [
        (["CCO", "CCN"], {}, "2 molecules make no map; expected four at least"),
        (["CCO"] * 5, {}, "all molecules have the same fingerprint"),
        (["CCO", "C1CC", "CC", "CN"], {}, "C1CC|index 1|record 1"),
        (np.full((4, 8), np.nan), {}, "expected .n_molecules, n_bits., finite"),
        (np.eye(6), {"method": "umap"}, "field method: 'umap' is no method; expected 'tsne' or 'pca'"),
        (np.eye(6), {"perplexity": 6.0}, "field perplexity: .* expected from 1 to less than 6"),
    ],
)
def test_map__bad_input(molecules: object, settings: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        chemical_space(molecules, **settings)  # type: ignore[arg-type]


def drawn(figure: object) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})  # type: ignore[attr-defined]
    return out.getvalue()


POINTS = np.random.default_rng(1).normal(size=(40, 2))


def test_figure__numbers_have_a_scale_and_missing_ones_are_told() -> None:
    values = [None, float("nan"), *range(38)]
    figure = plot_chemical_space(POINTS, values, label="weight / Da")
    map_axes, scale = figure.axes
    assert scale.get_ylabel() == "weight / Da"
    assert map_axes.get_legend().get_texts()[0].get_text() == "missing (2)"
    assert drawn(figure) == drawn(plot_chemical_space(POINTS, values, label="weight / Da"))


def test_figure__kinds_have_marks_counts_and_other() -> None:
    kinds = ["kinase"] * 20 + ["GPCR"] * 10 + [f"rare {number}" for number in range(9)] + [None]
    figure = plot_chemical_space(POINTS, kinds, label="target")
    legend = figure.axes[0].get_legend()
    told = [text.get_text() for text in legend.get_texts()]
    assert told[:3] == ["missing (1)", "kinase (20)", "GPCR (10)"]
    assert told[-1] == "other (5)"
    assert sum(int(text.split("(")[1][:-1]) for text in told) == 40, "every molecule is in the legend"
    assert legend.get_title().get_text() == "target"


def test_figure__highlights_are_named() -> None:
    names = [f"drug {number}" for number in range(40)]
    figure = plot_chemical_space(POINTS, highlight=[3, 7], names=names, axes_name="PC")
    assert [text.get_text() for text in figure.axes[0].texts] == ["drug 3", "drug 7"]
    assert figure.axes[0].get_xlabel() == "PC 1"


def test_figure__truth_values_are_kinds() -> None:
    figure = plot_chemical_space(POINTS, [True] * 30 + [False] * 10)
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == [
        "True (30)",
        "False (10)",
    ]


def test_figure__bad_input() -> None:
    with pytest.raises(InputError, match="coordinates of shape"):
        plot_chemical_space(np.zeros((4, 3)))
    with pytest.raises(InputError, match="field colour: 3 values for 40 molecules"):
        plot_chemical_space(POINTS, [1, 2, 3])
