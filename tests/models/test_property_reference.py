"""Steps of descriptors against scikit-learn's scaling, environments against dense counts, and what is kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from chem.errors import InputError
from models.property_features import DESCRIPTOR_NAMES, MoleculeFeatures
from models.property_reference import KINDS, N_STEPS, STEP, ReferenceMolecules, Scaling, packed

SMILES = [
    "CCCCO",
    "CC(=O)Oc1ccccc1C(=O)O",
    "C",
    "c1ccc2ccccc2c1",
    "CN1CCC[C@H]1c1cccnc1",
    "C[Si](C)(C)C",
    "[Na]Cl",
]
MOLECULES = MoleculeFeatures(SMILES)
SCALING = Scaling.of(MOLECULES.descriptors)
REFERENCE = ReferenceMolecules.of(MOLECULES, SCALING)


def test_codes__scaled_signed_logarithms() -> None:
    column = [DESCRIPTOR_NAMES.index(name) for name in SCALING.names]
    values = MOLECULES.descriptors[:, column]
    scaled = StandardScaler().fit_transform(np.sign(values) * np.log1p(np.abs(values)))  # passes over NaN
    expected = np.clip(np.nan_to_num(scaled), -N_STEPS * STEP, N_STEPS * STEP)
    assert np.abs(STEP * SCALING.codes(MOLECULES.descriptors) - expected).max() <= STEP / 2 + 1e-4
    assert np.isnan(values).any()  # metals have no partial charges


def test_scaling__leaves_out_what_does_not_differ() -> None:
    table = np.tile(np.arange(float(len(DESCRIPTOR_NAMES))), (3, 1))
    table[1, 5] = 9.0
    table[:, 7] = np.nan
    assert Scaling.of(table).names == (DESCRIPTOR_NAMES[5],)


def test_codes__do_not_overflow() -> None:
    wild = np.full((2, len(DESCRIPTOR_NAMES)), 1e300)
    wild[1] = -1e300
    codes = SCALING.codes(wild)
    assert (codes[0] == N_STEPS).all() and (codes[1] == -N_STEPS).all()


def test_similarity__is_that_of_dense_counts() -> None:
    expected = np.zeros((len(SMILES), len(SMILES)))
    for kind in KINDS:
        table = MOLECULES.counts(kind)
        dense = np.zeros((len(table), table.width))
        row = np.repeat(np.arange(len(table)), np.diff(table.start))
        dense[row, table.column] = table.count
        least = np.minimum(dense[:, None], dense[None]).sum(axis=2)
        most = np.maximum(dense[:, None], dense[None]).sum(axis=2)
        expected += np.divide(least, most, out=np.zeros_like(least), where=most > 0) / len(KINDS)
    assert np.allclose(REFERENCE.similarity(REFERENCE), expected, atol=1e-6)


def test_arrays__come_back() -> None:
    arrays = REFERENCE.to_arrays() | {f"scaling.{k}": v for k, v in SCALING.to_arrays().items()}
    again = ReferenceMolecules.from_arrays(arrays, len(SCALING.names))
    assert np.array_equal(again.codes, REFERENCE.codes)
    assert np.array_equal(again.similarity(REFERENCE), REFERENCE.similarity(REFERENCE))
    scaling = Scaling.from_arrays(SCALING.to_arrays())
    assert scaling.names == SCALING.names
    assert np.array_equal(scaling.codes(MOLECULES.descriptors), REFERENCE.codes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"codes": None}, "no such array"),
        ({"morgan.column": None}, "no such array"),
        ({"feature_morgan.length": packed(np.ones(2, np.uint16))}, "2 molecules with"),
        ({"morgan.count": packed(np.ones(2, np.uint8))}, "environments"),
        ({"morgan.column": np.arange(9, dtype=np.uint8)}, "cannot be read"),
        ({"codes": packed(np.ones(10, np.int8))}, "10 codes"),
    ],
)
def test_from_arrays__refuses(change: dict[str, NDArray[Any] | None], message: str) -> None:
    arrays = {name: array for name, array in (REFERENCE.to_arrays() | change).items() if array is not None}
    with pytest.raises(InputError, match=message):
        ReferenceMolecules.from_arrays(arrays, len(SCALING.names))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"names": np.frombuffer(b"MolWt\nMolWeight", np.uint8)}, "no descriptor 'MolWeight'"),
        ({"mean": np.zeros(1, np.float32)}, "1 means"),
        ({"sd": np.zeros(len(SCALING.names), np.float32)}, "deviation above 0"),
    ],
)
def test_scaling_from_arrays__refuses(change: dict[str, NDArray[Any]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Scaling.from_arrays(SCALING.to_arrays() | change)
