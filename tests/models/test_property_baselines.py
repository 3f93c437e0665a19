import numpy as np
import pytest
from sklearn.linear_model import Ridge

from chem.errors import InputError
from models.pair_model import Task, smoothed_rate
from models.property_baselines import (
    PROPERTY_BASELINES,
    BoostedTrees,
    NearestMolecule,
    PropertyForest,
    PropertyMeans,
    PropertyRidge,
    _rows,
)
from models.property_features import MoleculeFeatures
from models.property_protocol import PropertyModel

_TASKS: tuple[Task, ...] = ("regression", "classification", "classification")


@pytest.fixture(scope="module")
def molecules() -> MoleculeFeatures:
    ends = ["O", "N", "c1ccccc1", "C(=O)O", "F"]
    return MoleculeFeatures(["C" * (1 + n // 5) + ends[n % 5] for n in range(60)])


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    n = np.arange(60)
    values = np.column_stack([n // 5 - 2.0 * (n % 5), (n % 5 == 2).astype(float), np.ones(60)])
    values[::7, 0] = np.nan
    return values


@pytest.mark.parametrize("make", PROPERTY_BASELINES)
def test_model__is_the_same_when_read_again(
    make: type[PropertyModel], molecules: MoleculeFeatures, labels: np.ndarray
) -> None:
    model = make(_TASKS, seed=3)
    model.fit(molecules, labels)
    told = model.predict(molecules)
    again = make.from_arrays(model.to_arrays(), _TASKS)
    np.testing.assert_array_equal(again.predict(molecules), told)
    assert np.isfinite(told).all() and (told[:, 1:] >= 0).all() and (told[:, 1:] <= 1).all()
    if make is not NearestMolecule:
        np.testing.assert_allclose(told[:, 2], smoothed_rate(np.ones(60)))


@pytest.mark.parametrize("make", [BoostedTrees, PropertyForest, PropertyRidge])
def test_model__learns_what_is_plain(
    make: type[PropertyModel], molecules: MoleculeFeatures, labels: np.ndarray
) -> None:
    model = make(_TASKS)
    model.fit(molecules, labels)
    told = model.predict(molecules)
    there = ~np.isnan(labels[:, 0])
    assert np.corrcoef(told[there, 0], labels[there, 0])[0, 1] > 0.9
    assert told[labels[:, 1] == 1, 1].min() > told[labels[:, 1] == 0, 1].max()


def test_model__a_molecule_does_not_depend_on_those_beside_it(
    molecules: MoleculeFeatures, labels: np.ndarray
) -> None:
    model = BoostedTrees(_TASKS)
    model.fit(molecules, labels)
    np.testing.assert_array_equal(model.predict(molecules.select([7, 3])), model.predict(molecules)[[7, 3]])


def test_ridge__is_that_of_scikit_learn(molecules: MoleculeFeatures) -> None:
    label = np.random.default_rng(0).normal(size=60)
    model = PropertyRidge(["regression"])
    model.fit(molecules, label[:, None])
    rows = np.nan_to_num(_rows(molecules, model.columns).astype(float))
    sd = rows.std(axis=0)
    scaled = ((rows - rows.mean(axis=0)) / np.where(sd > 1e-6, sd, np.inf)).astype(float)
    candidates = [Ridge(alpha).fit(scaled, label).predict(scaled) for alpha in np.geomspace(1, 1e5, 11)]
    told = model.predict(molecules)[:, 0]
    assert min(np.abs(told - candidate).max() for candidate in candidates) < 1e-4


def test_means__are_those_of_what_is_there(molecules: MoleculeFeatures, labels: np.ndarray) -> None:
    model = PropertyMeans(_TASKS)
    model.fit(molecules, labels)
    assert model.predict(molecules)[0, 0] == pytest.approx(np.nanmean(labels[:, 0]))


def test_nearest__is_found_among_those_with_the_label() -> None:
    model = NearestMolecule(["regression", "regression"])
    model.fit(MoleculeFeatures(["CCCCO", "CCCCN"]), np.array([[1.0, np.nan], [2.0, 3.0]]))
    assert model.predict(MoleculeFeatures(["CCCCO"])).tolist() == [[1.0, 3.0]]


def test_means__arrays_of_other_labels_are_refused() -> None:
    with pytest.raises(InputError, match="means of shape"):
        PropertyMeans.from_arrays({"level": np.zeros(2)}, ["regression"])
