"""The additive model: what a drug and a target are worth on average."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from models.pair_model import PairFeatures, PairModel, Task, smoothed_rate, training_labels
from models.pairs import PairData

_Key = TypeVar("_Key")
_RATE_PRIOR = 2.0


class DrugTargetMeans(PairModel):
    """Mean of the drug plus mean of the target minus the grand mean; an unseen one counts as average.

    In classification the three are rates on the logistic scale, those of drug and target smoothed by two rows of the
    grand rate. A form of a protein that training does not hold takes the mean of its sequence.

    Examples
    --------
    >>> from models.protein import Target
    >>> pairs = PairData("pkd", ("a", "b"), ("CC", "CO"), ("", ""), ("X", "Y"), (Target("X", "MA"), Target("Y", "MK")),
    ...                  np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([5.0, 6.0, 7.0]), np.full(3, -1))
    >>> features = PairFeatures(pairs.smiles, pairs.targets)
    >>> model = DrugTargetMeans()
    >>> model.fit(pairs, features)
    >>> model.predict(pairs, features).tolist()
    [5.5, 5.5, 7.0]
    """

    name = "means"

    def fit(self, pairs: PairData, features: PairFeatures) -> None:
        """Average the training labels."""
        label = training_labels(pairs, self.task)
        self.grand = smoothed_rate(label) if self.task == "classification" else float(label.mean())
        keys = (_rows(features.drug_key, pairs.drug), _rows(features.target_key, pairs.target))
        self.drug, self.target = (self._effects(key, label) for key in keys)
        self.sequence = self._effects([key[0] for key in keys[1]], label)

    def predict(self, pairs: PairData, features: PairFeatures) -> NDArray[np.float64]:
        """Add the two effects."""
        drug = np.array([self.drug.get(key, 0.0) for key in features.drug_key])
        target = np.array(
            [self.target.get(key, self.sequence.get(key[0], 0.0)) for key in features.target_key]
        )
        total = to_scale(self.grand, self.task) + drug[pairs.drug] + target[pairs.target]
        return 1 / (1 + np.exp(-total)) if self.task == "classification" else total

    def _effects(self, keys: Sequence[Hashable], label: NDArray[np.float64]) -> dict[Hashable, float]:
        """Mean of each key less the grand mean, on the model's scale."""
        place = {key: row for row, key in enumerate(dict.fromkeys(keys))}
        index = np.array([place[key] for key in keys])
        count = np.bincount(index).astype(float)
        total = np.bincount(index, weights=label)
        prior = _RATE_PRIOR if self.task == "classification" else 0.0
        mean = (total + prior * self.grand) / (count + prior)
        effect = to_scale(mean, self.task) - to_scale(self.grand, self.task)
        return dict(zip(place, effect.tolist(), strict=True))


def to_scale(value: NDArray[np.float64] | float, task: Task) -> NDArray[np.float64]:
    """The scale on which effects add: log odds of a rate strictly between 0 and 1, or the value itself."""
    given = np.asarray(value, float)
    return np.log(given / (1 - given)) if task == "classification" else given


def _rows(keys: Sequence[_Key], index: NDArray[np.int64]) -> list[_Key]:
    return [keys[row] for row in index]
