"""The network of properties: it learns, ignores what is missing, comes back from arrays and shares out to atoms."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from chem.errors import InputError
from models.attribution_environments import counted_environments
from models.pair_model import Task
from models.property_features import MoleculeFeatures
from models.property_module import PropertyShape
from models.property_network import DescriptorScale, PropertyNetwork

NAN = np.nan
SMALL = PropertyShape(dim=16, n_layers=2, hidden=32, dropout=0.1, input_dropout=0.0, n_members=2)
CHAINS = tuple("C" * n + "O" * (k > 0) + "C" * k for n in range(1, 9) for k in range(5))
MOLECULES = MoleculeFeatures(CHAINS)
N_CARBON = np.array([text.count("C") for text in CHAINS], float)
HAS_OXYGEN = np.array(["O" in text for text in CHAINS], float)
TASKS: list[Task] = ["regression", "classification"]
LABELS = np.column_stack([100 + 10 * N_CARBON, HAS_OXYGEN])


@pytest.fixture(scope="module")
def fitted() -> PropertyNetwork:
    labels = LABELS.copy()
    labels[::3, 0] = labels[1::3, 1] = NAN
    model = PropertyNetwork(TASKS, shape=SMALL)
    model.fit(MOLECULES, labels)
    return model


def test_predict__labels_that_were_missing_are_found(fitted: PropertyNetwork) -> None:
    number, chance = fitted.predict(MOLECULES).T
    assert np.corrcoef(number[::3], LABELS[::3, 0])[0, 1] > 0.95
    assert np.abs(number - LABELS[:, 0]).mean() < 0.25 * LABELS[:, 0].std()
    assert chance[1::3][HAS_OXYGEN[1::3] == 1].min() > chance[1::3][HAS_OXYGEN[1::3] == 0].max()
    assert ((chance > 0) & (chance < 1)).all()


def test_predict__a_molecule_does_not_depend_on_those_beside_it(fitted: PropertyNetwork) -> None:
    alone = fitted.predict(MoleculeFeatures(CHAINS[7:8]))
    assert np.allclose(alone, fitted.predict(MOLECULES)[7:8], rtol=1e-5)
    assert fitted.predict(MoleculeFeatures([])).shape == (0, 2)


def test_fit__the_same_seed_gives_the_same_bytes_and_another_does_not() -> None:
    shape = PropertyShape(dim=8, n_layers=1, hidden=16, n_members=1, epochs=(3, 3))
    predictions = []
    for seed in (5, 5, 6):
        model = PropertyNetwork(TASKS, seed, shape)
        torch.rand(3)
        model.fit(MOLECULES, LABELS)
        predictions.append(model.predict(MOLECULES))
    assert np.array_equal(predictions[0], predictions[1])
    assert not np.array_equal(predictions[0], predictions[2])


def test_fit__the_unit_of_a_label_is_that_of_its_predictions() -> None:
    shape = PropertyShape(dim=8, n_layers=1, hidden=16, n_members=1, epochs=(3, 3))
    predictions = []
    for scale, shift in ((1.0, 0.0), (4.0, 32.0)):
        model = PropertyNetwork(["regression"], shape=shape)
        model.fit(MOLECULES, LABELS[:, :1] * scale + shift)
        predictions.append(model.predict(MOLECULES))
    assert np.allclose(4 * predictions[0] + 32, predictions[1], rtol=1e-3)


def test_fit__shuffled_labels_are_not_learned() -> None:
    rng = np.random.default_rng(0)
    held = np.zeros(len(CHAINS), bool)
    held[::2] = True
    model = PropertyNetwork(["regression"], shape=SMALL)
    model.fit(MOLECULES.select(~held), rng.permutation(LABELS[~held, :1]))
    assert np.corrcoef(model.predict(MOLECULES.select(held))[:, 0], LABELS[held, 0])[0, 1] < 0.7


def test_fit__one_class_alone_is_predicted_at_its_smoothed_rate() -> None:
    labels = np.column_stack([LABELS[:, 0], np.ones(len(CHAINS))])
    model = PropertyNetwork(TASKS, shape=PropertyShape(dim=8, n_layers=1, hidden=8, n_members=1))
    model.fit(MOLECULES, labels)
    assert model.predict(MOLECULES)[:, 1] == pytest.approx((len(CHAINS) + 0.5) / (len(CHAINS) + 1))


def test_fit__a_constant_number_is_predicted() -> None:
    model = PropertyNetwork(["regression"], shape=SMALL)
    model.fit(MOLECULES, np.full((len(CHAINS), 1), 3.0))
    assert model.predict(MOLECULES) == pytest.approx(3.0, abs=0.3)


def test_from_arrays__predicts_as_the_fitted_network(fitted: PropertyNetwork) -> None:
    arrays = fitted.to_arrays()
    again = PropertyNetwork.from_arrays(arrays, TASKS)
    assert np.array_equal(again.predict(MOLECULES), fitted.predict(MOLECULES))
    assert np.array_equal(again.spread(MOLECULES), fitted.spread(MOLECULES))
    assert all(a.dtype == np.float16 for name, a in arrays.items() if name.startswith("member."))


def test_from_arrays__other_arrays_are_refused(fitted: PropertyNetwork) -> None:
    arrays = fitted.to_arrays()
    for broken in (
        {},
        {k: a for k, a in arrays.items() if "body" not in k},
        arrays | {"shape": arrays["rate"]},
    ):
        with pytest.raises(InputError, match="not the arrays of a property network"):
            PropertyNetwork.from_arrays(broken, TASKS)
    with pytest.raises(InputError, match="not the arrays of a property network"):
        PropertyNetwork.from_arrays(arrays, TASKS[:1])


def test_spread__is_that_of_the_members(fitted: PropertyNetwork) -> None:
    spread = fitted.spread(MOLECULES)
    assert spread.shape == (len(CHAINS), 2)
    assert (spread > 0).all()
    assert spread[:, 1].max() <= 0.5


def test_atom_contributions__the_oxygen_makes_an_ether() -> None:
    shape = PropertyShape(
        dim=16, n_layers=2, hidden=32, dropout=0.1, input_dropout=0.5, n_members=2, epochs=(60, 80)
    )
    model = PropertyNetwork(["classification"], shape=shape)
    model.fit(MOLECULES, LABELS[:, 1:])
    shares = model.atom_contributions("CCCCOCC")[:, 0]
    assert shares.shape == (7,)
    assert shares.argmax() == 4


def test_atom_contributions__start_at_the_prediction(fitted: PropertyNetwork) -> None:
    """With no atom hidden, the masked counts are those that the network is trained on."""
    environments = counted_environments("CCOCCC")
    table = environments.table(np.zeros((1, 6), bool))
    counted = MoleculeFeatures(["CCOCCC"]).counts("morgan")
    assert np.array_equal(table.column, counted.column)
    assert np.array_equal(table.count, counted.count)


def test_descriptor_scale__keeps_order_and_bounds() -> None:
    values = np.array([[-1e6, 1.0], [0.0, NAN], [5.0, 2.0], [1e12, 3.0]])
    scaled = DescriptorScale.fit(values)(values)
    assert np.isfinite(scaled).all()
    assert np.abs(scaled).max() <= 5
    assert all(low < high for low, high in pairwise(scaled[:, 0]))


def test_shape__descriptors_alone_are_enough() -> None:
    model = PropertyNetwork(["regression"], shape=PropertyShape(graph="", n_counts=0, hidden=16, n_members=1))
    model.fit(MOLECULES, LABELS[:, :1])
    assert np.corrcoef(model.predict(MOLECULES)[:, 0], LABELS[:, 0])[0, 1] > 0.9
