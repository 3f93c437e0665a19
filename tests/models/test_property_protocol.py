"""What every model of properties refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from chem.errors import InputError
from models.pair_model import Task
from models.property_features import MoleculeFeatures
from models.property_protocol import Labels, PropertyModel

NAN = np.nan


class Means(PropertyModel):
    """The mean of each label."""

    name = "means"

    def _fit(self, molecules: MoleculeFeatures, labels: Labels) -> None:
        self.means = np.nanmean(labels, axis=0)

    def predict(self, molecules: MoleculeFeatures) -> Labels:
        return np.tile(self.means, (len(molecules), 1))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        return {"means": self.means}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], tasks: Sequence[Task]) -> Means:
        model = cls(tasks)
        model.means = arrays["means"]
        return model


MOLECULES = MoleculeFeatures(["CCO", "CCN"])
TASKS: list[Task] = ["regression", "classification"]


def test_fit__missing_labels_contribute_nothing() -> None:
    model = Means(TASKS)
    model.fit(MOLECULES, np.array([[2.5, 1], [NAN, 0]]))
    assert model.predict(MOLECULES.select([0])).tolist() == [[2.5, 0.5]]
    assert model.spread(MOLECULES) is None
    again = Means.from_arrays(model.to_arrays(), TASKS)
    assert np.array_equal(again.predict(MOLECULES), model.predict(MOLECULES))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([[1.0, 1.0]], r"labels of shape \(1, 2\)"),
        ([[1.0, NAN], [2.0, NAN]], "label 1 has no value"),
        ([[1.0, 1.0], [np.inf, 0.0]], "label 0 of molecule 1 is inf"),
        ([[1.0, 1.0], [1.0, 2.0]], "label 1 of molecule 1 is 2"),
    ],
)
def test_fit__refuses(labels: list[list[float]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Means(TASKS).fit(MOLECULES, np.array(labels))


@pytest.mark.parametrize(("tasks", "message"), [([], "no label"), (["rank"], "no task is called 'rank'")])
def test_init__refuses(tasks: list[Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Means(tasks)
