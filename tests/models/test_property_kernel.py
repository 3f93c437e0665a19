"""The kernel of properties: against kernel ridge regression of scikit-learn, on planted signals, kept and cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics import roc_auc_score

from chem.errors import InputError
from models.pair_model import Task
from models.property_features import DESCRIPTOR_NAMES, MoleculeFeatures
from models.property_kernel import PropertyKernel
from models.property_kernel_fit import KernelOptions
from models.property_protocol import Labels
from models.property_reference import packed

NAN = np.nan
TRAIN, TEST = np.arange(0, 120), np.arange(120, 160)
TASKS: list[Task] = ["regression", "classification", "regression", "regression"]


def made_smiles(n: int) -> list[str]:
    """n distinct molecules of a chain, a ring and two ends, in no order."""
    ends = ["O", "N", "F", "C(=O)O", "Cl", "C#N", "C(N)=O", "S"]
    rings = ["c1ccc({})cc1", "C1CCC({})CC1", "c1ccc({})nc1", "C1CCN({})C1"]
    made = [ring.format("C" * k + end) for k in range(1, 7) for end in ends for ring in rings]
    return [made[row] for row in np.random.default_rng(0).permutation(len(made))[:n]]


MOLECULES = MoleculeFeatures(made_smiles(160))


def planted() -> Labels:
    """Lipophilicity; whether it is high; polar surface, of which a third is missing; the same molecules' weight."""
    column = [DESCRIPTOR_NAMES.index(name) for name in ("MolLogP", "TPSA", "MolWt")]
    log_p, surface, weight = MOLECULES.descriptors[:, column].T
    surface = np.where(np.arange(160) % 3 == 0, NAN, surface)
    return np.column_stack([log_p, log_p > np.median(log_p), surface, weight])


LABELS = planted()


@pytest.fixture(scope="module")
def model() -> PropertyKernel:
    model = PropertyKernel(TASKS)
    model.fit(MOLECULES.select(TRAIN), LABELS[TRAIN])
    return model


def test_predict__finds_what_was_planted(model: PropertyKernel) -> None:
    predicted, values = model.predict(MOLECULES.select(TEST)), LABELS[TEST]
    for column in (0, 2, 3):
        there = ~np.isnan(values[:, column])
        assert np.corrcoef(predicted[there, column], values[there, column])[0, 1] > 0.95
    assert roc_auc_score(values[:, 1], predicted[:, 1]) > 0.95
    assert ((predicted[:, 1] >= 0) & (predicted[:, 1] <= 1)).all()


def test_predict__nothing_where_labels_are_shuffled() -> None:
    values = LABELS[TEST, 0]
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(TRAIN)
        model = PropertyKernel(["regression"])
        model.fit(MOLECULES.select(TRAIN), LABELS[order][:, :1])
        predicted = model.predict(MOLECULES.select(TEST))[:, 0]
        assert ((values - predicted) ** 2).mean() > 0.8 * values.var()


def test_predict__is_kernel_ridge_on_its_kernel(model: PropertyKernel) -> None:
    """With the settings it chose: scikit-learn gets the kernel, not the weights."""
    group = next(group for group in model.groups if 2 in group.columns)
    kept, reference = model.reference.take(group.row), model.reference
    rows = np.arange(len(reference))
    alike = reference.similarity(kept)
    whole = group.mix.kernel(reference, kept, alike).astype(np.float64)
    values = LABELS[TRAIN][group.row, 2]
    ridge = KernelRidge(alpha=group.mix.noise, kernel="precomputed")
    ridge.fit(whole[group.row], (values - values.mean()) / values.std())
    expected = values.mean() + values.std() * ridge.predict(whole)
    assert np.allclose(model.predict(MOLECULES.select(TRAIN[rows]))[:, 2], expected, atol=1e-2)


def test_fit__labels_of_the_same_molecules_share_a_kernel(model: PropertyKernel) -> None:
    assert [group.columns.tolist() for group in model.groups] == [[0, 1, 3], [2]]


def test_fit__missing_labels_contribute_nothing() -> None:
    labels = LABELS[TRAIN][:, [2]]
    there = np.flatnonzero(~np.isnan(labels[:, 0]))
    with_gaps, without = PropertyKernel(["regression"]), PropertyKernel(["regression"])
    with_gaps.fit(MOLECULES.select(TRAIN), labels)
    without.fit(MOLECULES.select(TRAIN[there]), labels[there])
    a, b = (m.predict(MOLECULES.select(TEST)) for m in (with_gaps, without))
    assert np.corrcoef(a[:, 0], b[:, 0])[0, 1] > 0.99  # descriptors alone are scaled over all molecules


def test_fit__a_label_of_other_molecules_changes_little() -> None:
    """Descriptors are rounded over all molecules and scaled over each label's own."""
    both = MoleculeFeatures(
        [*MOLECULES.select(TRAIN).smiles, *("C" * n + "[Si](C)(C)C" for n in range(20, 60))]
    )
    labels = np.full((len(both), 2), NAN)
    labels[:120, 0], labels[120:, 1] = LABELS[TRAIN, 0], np.arange(40)
    joint, alone = PropertyKernel(["regression"] * 2), PropertyKernel(["regression"])
    joint.fit(both, labels)
    alone.fit(MOLECULES.select(TRAIN), labels[:120, :1])
    a, b = (m.predict(MOLECULES.select(TEST))[:, 0] for m in (joint, alone))
    assert np.abs(a - b).mean() < 0.1 * LABELS[TEST, 0].std()


def test_predict__a_molecule_does_not_see_its_neighbours(model: PropertyKernel) -> None:
    whole = model.predict(MOLECULES.select(TEST))
    assert np.allclose(model.predict(MOLECULES.select(TEST[[7]]))[0], whole[7], rtol=1e-4, atol=1e-3)


def test_fit__same_seed_same_bytes() -> None:
    options = KernelOptions(n_sample=60, n_exact=80)
    arrays = []
    for _ in range(2):
        model = PropertyKernel(TASKS, 3, options)
        model.fit(MOLECULES.select(TRAIN), LABELS[TRAIN])
        arrays.append(model.to_arrays())
    assert arrays[0].keys() == arrays[1].keys()
    assert all(arrays[0][name].tobytes() == arrays[1][name].tobytes() for name in arrays[0])


def test_fit__more_molecules_than_are_kept_still_count() -> None:
    few = KernelOptions(n_exact=60)
    fitted = PropertyKernel(["regression"], options=few)
    fitted.fit(MOLECULES.select(TRAIN), LABELS[TRAIN][:, :1])
    alone = PropertyKernel(["regression"])
    alone.fit(MOLECULES.select(TRAIN[fitted.groups[0].row]), LABELS[TRAIN][fitted.groups[0].row, :1])
    assert len(fitted.groups[0].row) == 60
    errors = [
        np.abs(m.predict(MOLECULES.select(TEST))[:, 0] - LABELS[TEST, 0]).mean() for m in (fitted, alone)
    ]
    assert errors[0] < errors[1]


def test_spread__larger_where_training_erred(model: PropertyKernel) -> None:
    labels = LABELS[TRAIN][:, :1].copy()
    aromatic = np.array(["c1" in MOLECULES.smiles[row] for row in TRAIN])
    labels[aromatic] += np.random.default_rng(0).normal(0, 3, size=(aromatic.sum(), 1))
    noisy = PropertyKernel(["regression"])
    noisy.fit(MOLECULES.select(TRAIN), labels)
    spread = noisy.spread(MOLECULES.select(TEST))[:, 0]
    there = np.array(["c1" in MOLECULES.smiles[row] for row in TEST])
    assert spread[there].mean() > 1.2 * spread[~there].mean()
    assert (model.spread(MOLECULES.select(TEST)) >= 0).all()


def test_fit__constant_labels() -> None:
    labels = np.column_stack([np.full(5, 2.5), np.ones(5), np.zeros(5)])
    model = PropertyKernel(["regression", "classification", "classification"])
    model.fit(MOLECULES.select(np.arange(5)), labels)
    assert np.allclose(model.predict(MOLECULES.select([150])), [[2.5, 5.5 / 6, 0.5 / 6]])
    again = PropertyKernel.from_arrays(model.to_arrays(), model.tasks)
    assert np.allclose(again.predict(MOLECULES.select([150])), [[2.5, 5.5 / 6, 0.5 / 6]])
    assert (model.spread(MOLECULES.select([150])) == 0).all()


def test_fit__classes_that_the_molecules_kept_do_not_have() -> None:
    labels = np.zeros((120, 8))
    labels[np.arange(8) * 11 + 3, np.arange(8)] = 1  # one molecule each
    model = PropertyKernel(["classification"] * 8, options=KernelOptions(n_sample=15, n_exact=15))
    model.fit(MOLECULES.select(TRAIN), labels)
    predicted, spread = model.predict(MOLECULES), model.spread(MOLECULES)
    assert len(model.groups) == 1
    assert ((predicted >= 0) & (predicted <= 0.5)).all()
    assert (np.isfinite(spread) & (spread >= 0)).all()


@pytest.mark.parametrize("n", [2, 3])
def test_fit__few_molecules(n: int) -> None:
    model = PropertyKernel(["regression", "classification"])
    model.fit(MOLECULES.select(np.arange(n)), np.column_stack([np.arange(n), np.arange(n) == 0]))
    assert np.isfinite(model.predict(MOLECULES)).all()


def test_arrays__come_back(model: PropertyKernel, tmp_path: Path) -> None:
    save_file(model.to_arrays(), tmp_path / "kernel.safetensors")
    again = PropertyKernel.from_arrays(load_file(tmp_path / "kernel.safetensors"), TASKS)
    others = MOLECULES.select(TEST)
    assert np.array_equal(again.predict(others), model.predict(others))
    assert np.array_equal(again.spread(others), model.spread(others))
    assert again.to_arrays().keys() == model.to_arrays().keys()


def test_to_arrays__take_few_bytes(model: PropertyKernel) -> None:
    sizes = {name: array.nbytes for name, array in model.to_arrays().items()}
    assert sum(size for name, size in sizes.items() if name.startswith("reference")) < 120 * 140


def test_of_labels__predicts_as_the_whole(model: PropertyKernel) -> None:
    others = MOLECULES.select(TEST)
    part = model.of_labels([2, 1])
    assert part.tasks == ("regression", "classification")
    assert np.allclose(part.predict(others), model.predict(others)[:, [2, 1]], rtol=1e-4)
    only = model.of_labels([2])
    assert len(only.reference) == len(only.groups[0].row) == 80
    assert np.allclose(only.predict(others), model.predict(others)[:, [2]], rtol=1e-5)
    with pytest.raises(InputError, match="no label 4"):
        model.of_labels([4])


def test_relevance__names_what_was_planted() -> None:
    model = PropertyKernel(["regression"], options=KernelOptions(n_rounds=2))
    model.fit(MOLECULES.select(TRAIN), LABELS[TRAIN][:, :1])
    relevance = model.relevance()[0]
    assert np.isclose(sum(relevance.values()), 1)
    assert "MolLogP" in list(relevance)[:20]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"group0.weight": None}, "no such array"),
        ({"group0.weight": np.zeros((3, 3), np.float32)}, r"weights of shape \(3, 3\)"),
        ({"group1.row": np.full(80, 500, np.int32)}, "molecule 500"),
        ({"group1.columns": np.array([1], np.int32)}, r"groups of labels \[0, 1, 1, 3\]"),
        ({"reference.codes": packed(np.zeros((120, 3), np.int8))}, "360 codes"),
        ({"group0.relevance": np.ones(3, np.float32)}, "3 relevances"),
    ],
)
def test_from_arrays__refuses(
    model: PropertyKernel, change: dict[str, NDArray[Any] | None], message: str
) -> None:
    arrays = {name: array for name, array in (model.to_arrays() | change).items() if array is not None}
    with pytest.raises(InputError, match=message):
        PropertyKernel.from_arrays(arrays, TASKS)
