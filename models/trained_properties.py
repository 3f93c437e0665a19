"""A trained model of molecular properties: fitted parts, what was learnt from held-out molecules, and predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chem.errors import InputError
from chem.standardise import standardise_smiles
from models.domain_similarity import tanimoto
from models.input_notes import elements
from models.property_attribution import hide_each_atom
from models.property_calibration import PropertyEndpoint
from models.property_features import MoleculeFeatures
from models.property_kernel import PropertyKernel
from models.property_protocol import Labels, PropertyModel
from models.vectors import require_level

COLUMNS = (
    "row", "endpoint", "prediction", "lower", "upper", "sd", "in_domain", "abstain", "reason",
    "nearest_train_tanimoto",
)  # fmt: skip
_Weighed = tuple[Labels, PropertyModel, list[int]]
_AT_ONCE = 256
_SHOWN = 8
"""Names in an error."""
_IDLE = "its interval holds every probability"
_UNJUDGED = "too few molecules like it were held out in training for an interval"


@dataclass(frozen=True)
class TrainedProperties:
    """Ready to predict.

    Attributes
    ----------
    parts
        Fitted models of all endpoints by name.
    endpoints
        One for each label, in the order of the parts' columns.
    bits
        (n, models.property_features.N_BITS) Morgan bits of the training molecules.
    measured
        (n, n_labels) which labels they have.
    card
        What a person should know.
    """

    parts: dict[str, PropertyModel]
    endpoints: tuple[PropertyEndpoint, ...]
    bits: NDArray[np.uint8]
    measured: NDArray[np.bool_]
    card: dict[str, Any]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the endpoints."""
        return tuple(endpoint.name for endpoint in self.endpoints)

    def columns_of(self, names: Sequence[str] | None = None) -> list[int]:
        """Places of endpoints; of all unless some are named.

        Raises
        ------
        InputError
            There is no such endpoint.
        """
        if names is None:
            return list(range(len(self.endpoints)))
        for name in names:
            if name not in self.names:
                close = get_close_matches(name, self.names, n=1)
                shown = ", ".join(self.names[:_SHOWN]) + (", ..." if len(self.names) > _SHOWN else "")
                raise InputError(
                    f"no endpoint is called {name!r}", field="endpoint",
                    expected=f"one of {len(self.names)}: {shown}",
                    hint=f"did you mean {close[0]!r}?" if close else "the card lists them",
                )  # fmt: skip
        return [self.names.index(name) for name in names]

    def predict(
        self, smiles: Sequence[str], endpoints: Sequence[str] | None = None, level: float = 0.9
    ) -> pd.DataFrame:
        """Predict properties of molecules.

        Parameters
        ----------
        smiles
            n structures as drawn; they are standardised as the training molecules were.
        endpoints
            Names; all unless given.
        level
            Coverage of the interval.

        Returns
        -------
        pandas.DataFrame
            A row for each molecule and endpoint, by molecule: `COLUMNS`. prediction is in the label's unit, or a
            probability; lower and upper hold the measured label with probability `level`; sd is that of the error
            that is expected. A structure that cannot be read has NaN and the reason; for the complex of a metal stands
            what is predicted of its ligand, abstained from.

        Raises
        ------
        InputError
            There is no such endpoint, or the level is not between 0 and 1.
        """
        require_level(level)
        columns = self.columns_of(endpoints)
        outcomes = [standardise_smiles(str(text)) for text in smiles]
        readable = np.array([bool(outcome.smiles) for outcome in outcomes], bool)
        sound = np.array([not outcome.problem for outcome in outcomes], bool)
        parents = [outcome.smiles for outcome, good in zip(outcomes, readable, strict=True) if good]
        # A molecule that stands in many rows is predicted once.
        distinct = {parent: place for place, parent in enumerate(dict.fromkeys(parents))}
        place = np.array([distinct[parent] for parent in parents], np.int64)
        told = np.full((3, len(smiles), len(columns)), np.nan)
        told[:, readable] = np.stack(self._told(MoleculeFeatures(list(distinct)), columns))[:, place]
        present = np.full(len(smiles), frozenset(), object)
        present[readable] = np.array([elements(parent) for parent in distinct], object)[place]
        tables = []
        for number, column in enumerate(columns):
            prediction, spread, similarity = told[:, :, number]
            table = self._table(self.endpoints[column], prediction, spread, similarity, present, level)
            table.loc[~sound, ["in_domain", "abstain"]] = [False, True]
            table["reason"] = np.where(sound, table["reason"], [outcome.problem for outcome in outcomes])
            tables.append(table.assign(row=range(len(smiles)), endpoint=self.endpoints[column].name))
        return pd.concat(tables).sort_values("row", kind="stable", ignore_index=True)[list(COLUMNS)]

    def atom_contributions(self, smiles: str, endpoints: Sequence[str] | None = None) -> Labels:
        """What predictions of a molecule lose when each atom alone is hidden (`models.property_attribution`).

        Parameters
        ----------
        smiles
            Standardised SMILES.
        endpoints
            Names; all unless given.

        Returns
        -------
        NDArray[np.float64]
            (n_atoms, n_endpoints), atoms in the order of the SMILES, in the label's unit or a difference of
            probabilities. They need not sum to anything.
        """
        columns = self.columns_of(endpoints)
        blend = self._blend(hide_each_atom(smiles), self._models(columns))
        return np.asarray(blend[0] - blend[1:])

    def _told(self, molecules: MoleculeFeatures, columns: list[int]) -> tuple[Labels, Labels, Labels]:
        """(n, n_columns) blends, expected errors (NaN without) and similarities to the nearest training molecule."""
        models = self._models(columns)
        blend = self._blend(molecules, models)
        spread = np.full(blend.shape, np.nan)
        if len(molecules) and self.spread_part is not None:
            _, model, kept = models[self.spread_part]
            spread = np.asarray(model.spread(molecules))[:, kept]
        measured = self.measured[:, columns]
        return blend, spread, nearest_measured(molecules.bits, self.bits, measured)

    def _models(self, columns: list[int]) -> dict[str, _Weighed]:
        """Each part's weights, model and columns of some endpoints."""
        models = {}
        for name, part in self.parts.items():
            weight = np.array([self.endpoints[c].weights.get(name, 0.0) for c in columns])
            models[name] = (weight, part, columns)
            if isinstance(part, PropertyKernel) and len(columns) < len(self.endpoints):
                models[name] = (weight, part.of_labels(columns), list(range(len(columns))))
        return models

    def _blend(self, molecules: MoleculeFeatures, models: dict[str, _Weighed]) -> Labels:
        """(n, n_columns) weighted sums of the parts' predictions."""
        n_columns = len(next(iter(models.values()))[0])
        blend = np.zeros((len(molecules), n_columns))
        for weight, model, kept in models.values():
            if len(molecules) and weight.any():
                blend += weight * model.predict(molecules)[:, kept]
        return blend

    @property
    def spread_part(self) -> str | None:
        """The part whose spread scales the intervals."""
        return spread_model(list(self.parts))

    def _table(
        self,
        endpoint: PropertyEndpoint,
        prediction: Labels,
        spread: Labels,
        similarity: Labels,
        present: NDArray[np.object_],
        level: float,
    ) -> pd.DataFrame:
        expected = spread if self.spread_part is not None else None
        lower, upper = endpoint.bounds(prediction, similarity, expected, level)
        table = pd.DataFrame({"prediction": prediction, "lower": lower, "upper": upper})
        table["sd"] = endpoint.error(prediction, expected)
        outside, foreign = _outside(endpoint, similarity), _foreign(endpoint, present)
        table["in_domain"] = (outside == "") & (foreign == "")
        idle = (lower <= 0) & (upper >= 1) & (endpoint.task == "classification")
        unjudged = np.isinf(lower) | np.isinf(upper)
        said = np.column_stack(
            [foreign, outside, np.where(unjudged, _UNJUDGED, ""), np.where(idle, _IDLE, "")]
        )
        table["reason"] = ["; ".join(text for text in row if text) for row in said.tolist()]
        table["abstain"] = table["reason"] != ""
        table["nearest_train_tanimoto"] = similarity
        return table


def _outside(endpoint: PropertyEndpoint, similarity: Labels) -> NDArray[Any]:
    """(n,) why molecules are outside the domain; empty where they are not."""
    limit = endpoint.threshold
    if limit is None:
        return np.full(len(similarity), "", object)
    if limit.value is None:
        text = "at no similarity to the training molecules is the model clearly better than their mean"
        return np.full(len(similarity), text, object)
    return np.array(
        [
            "" if near else f"its nearest training molecule has Tanimoto similarity {value:.2f}, below {limit.value:.2f}, {limit.rule}"
            for near, value in zip(limit.holds(similarity), similarity, strict=True)
        ],
        object,
    )  # fmt: skip


def _foreign(endpoint: PropertyEndpoint, present: NDArray[np.object_]) -> NDArray[np.object_]:
    """(n,) which elements of molecules those of the endpoint do not have; empty where there are none."""
    known = endpoint.elements
    if known is None:
        return np.full(len(present), "", object)
    told = ["; ".join(f"element {name} not in training" for name in sorted(own - known)) for own in present]
    return np.array(told, object)


def spread_model(parts: Sequence[str]) -> str | None:
    """Which of the models says how large errors will be."""
    return next((name for name in ("kernel", "network") if name in parts), None)


def nearest_measured(
    bits: NDArray[np.uint8], references: NDArray[np.uint8], measured: NDArray[np.bool_]
) -> Labels:
    """Similarity to the nearest reference that has a label.

    Parameters
    ----------
    bits
        (n, n_bits) of molecules.
    references
        (m, n_bits).
    measured
        (m, n_labels) which labels the references have.

    Returns
    -------
    NDArray[np.float64]
        (n, n_labels) Tanimoto similarities; 0 where no reference has the label.

    Examples
    --------
    >>> bits = np.array([[1, 1, 0, 0], [1, 1, 1, 1]], np.uint8)
    >>> nearest_measured(bits[:1], bits, np.array([[False, True], [True, True]])).tolist()
    [[0.5, 1.0]]
    """
    patterns, which = np.unique(measured, axis=1, return_inverse=True)
    nearest = np.zeros((len(bits), patterns.shape[1]))
    for start in range(0, len(bits), _AT_ONCE):
        similarity = tanimoto(bits[start : start + _AT_ONCE], references)
        for column, pattern in enumerate(patterns.T):
            nearest[start : start + len(similarity), column] = similarity[:, pattern].max(axis=1, initial=0)
    return nearest[:, which.ravel()]
