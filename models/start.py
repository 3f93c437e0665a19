"""Going on from a trained model: its measured pairs, its coordinates and its weights, with pairs of one's own.

A checkpoint holds the labels that it was trained on. Joined to new pairs they make the training data of the model that
goes on: the kernel regression is fitted to all of them, and networks start from the weights of the checkpoint. For those
weights to mean anything, the networks go on reading the coordinates that they were trained on; a new molecule has
coordinates like any other, but no part in making them. (Those of fitted affinities follow the regression, which knows
the new labels, so that they move a little.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chem.errors import InputError
from models.affinity import AffinityModel, EndpointModel
from models.affinity_fit import task_of
from models.affinity_inputs import InputEncoder
from models.checkpoint import load_affinity, read_card
from models.contenders import NETWORKS, NetworkRecipe
from models.landmarks import Landmarks, molecule_tables, protein_tables
from models.pairs import PairData
from models.protein import encode_proteins

START = "start"
"""Name of the model that a run started from, as it was, among those judged."""


@dataclass(frozen=True)
class JoinedPairs:
    """Pairs that a model was trained on, and new ones behind them.

    Attributes
    ----------
    pairs
        Over joint tables: those of the model, then the new ones.
    new
        (n_pairs,) whether a pair is new to the model. A pair of its training data that is measured again is not: its
        networks have seen it. It has the label of the new table.
    n_again
        Such pairs.
    """

    pairs: PairData
    new: NDArray[np.bool_]
    n_again: int

    @property
    def said(self) -> str:
        """What was joined, in words."""
        text = f"{(~self.new).sum() - self.n_again:,} pairs of the model to start from and {self.new.sum():,} new ones"
        again = (
            f"; {self.n_again:,} that it had were measured again, have the new label and are never held out"
        )
        return text + (again if self.n_again else "")


def join_pairs(model: EndpointModel, pairs: PairData) -> JoinedPairs:
    """Put new pairs behind those that a model was trained on.

    Parameters
    ----------
    model
        The endpoint's model.
    pairs
        New labelled pairs.

    Raises
    ------
    InputError
        The model holds no labels, or labels of another kind (yes or no, and numbers).
    """
    if model.labels is None:
        raise InputError("holds no training labels", record=model.name, hint="train it again")
    if task_of(pairs.label) != model.task:
        kinds = {"classification": "yes or no", "regression": "numbers"}
        raise InputError(
            f"the labels are {kinds[task_of(pairs.label)]}", field=pairs.name,
            expected=f"{kinds[model.task]}, as those of the model to start from",
        )  # fmt: skip
    inputs, known = model.inputs, ~np.isnan(model.labels)
    place = {text: row for row, text in enumerate(inputs.smiles)}
    form = {target.form: column for column, target in enumerate(inputs.targets)}
    row = np.array([place.get(text, -1) for text in pairs.smiles], np.int64)[pairs.drug]
    column = np.array([form.get(target.form, -1) for target in pairs.targets], np.int64)[pairs.target]
    both = (row >= 0) & (column >= 0)
    again = both.copy()
    again[both] = known[row[both], column[both]]
    left = known.copy()
    left[row[again], column[again]] = False
    drug, target = np.nonzero(left)
    n = len(drug)
    joined = PairData(
        pairs.name,
        (*inputs.smiles, *pairs.drug_ids),
        (*inputs.smiles, *pairs.smiles),
        (*("" for _ in inputs.smiles), *pairs.drug_reasons),
        (*(target.target_id for target in inputs.targets), *pairs.target_ids),
        (*inputs.targets, *pairs.targets),
        np.concatenate([drug, pairs.drug + len(inputs.smiles)]),
        np.concatenate([target, pairs.target + len(inputs.targets)]),
        np.concatenate([model.labels[left].astype(np.float64), pairs.label]),
        np.concatenate([np.full(n, -1), pairs.fold]),
        pairs.notes,
    )
    return JoinedPairs(joined, np.concatenate([np.zeros(n, bool), ~again]), int(again.sum()))


def extend_inputs(start: InputEncoder, training: PairData) -> InputEncoder:
    """Inputs of training pairs, with the coordinates and the kinase profile of a model to start from.

    Parameters
    ----------
    start
        Inputs of that model.
    training
        Training pairs, those of the model among them (`join_pairs`).

    Returns
    -------
    InputEncoder
        Without a kernel regression (`models.affinity_inputs.fit_regression`).
    """
    smiles = dict.fromkeys(start.smiles) | dict.fromkeys(
        sorted({training.smiles[d] for d in np.unique(training.drug)})
    )
    new = {training.targets[t].form: training.targets[t] for t in np.unique(training.target)}
    forms = {target.form: target for target in start.targets}
    targets = (*start.targets, *(new[form] for form in sorted(set(new) - set(forms))))
    n_new = len(smiles) - len(start.smiles)
    landmarks = Landmarks(molecule_tables(tuple(smiles)), _padded(start.molecules.projection, n_new))
    proteins = protein_tables(targets, encode_proteins(targets, start.profile))
    profiles = None if start.profile_projection is None else _padded(start.profile_projection, n_new)
    return InputEncoder(
        start.profile, landmarks, proteins, tuple(smiles), targets, profile_projection=profiles
    )


def _padded(projection: NDArray[np.float32], n_new: int) -> NDArray[np.float32]:
    return np.vstack([projection, np.zeros((n_new, projection.shape[1]), np.float32)])


def networks_of(model: AffinityModel) -> dict[str, NetworkRecipe]:
    """Recipes of the kinds of networks that a model is made of, to go on from them."""
    recipes: dict[str, NetworkRecipe] = {}
    for part in model.models:
        for kind, members in part.networks.items():
            loop = NETWORKS[kind].loop if kind in NETWORKS else NETWORKS["landmark_network"].loop
            recipes[kind] = NetworkRecipe(members[0].network.shape, loop, len(members))
    return recipes


def start_alone(
    start: str, endpoints: Sequence[PairData], folds: Sequence[NDArray[np.int64]], seed: int
) -> pd.DataFrame:
    """What a model to start from says of held-out pairs, as it was: rows of folds.tsv.

    Parameters
    ----------
    start
        Its folder.
    endpoints, folds
        Pairs, and the fold of each from 1; what is in none is not asked.
    seed
        Written beside each row.
    """
    model = load_affinity(start)
    tables = []
    for pairs, fold in zip(endpoints, folds, strict=True):
        own = pairs.select(fold > 0)
        tables.append(
            pd.DataFrame(
                {
                    "setting": "random", "endpoint": pairs.name, "model": START, "fold": fold[fold > 0], "seed": seed,
                    "drug_id": [pairs.drug_ids[d] for d in own.drug],
                    "target_id": [pairs.target_ids[t] for t in own.target], "label": own.label,
                    "prediction": model.predict(own, endpoint=pairs.name)["prediction"], "spread": np.nan,
                }
            )
        )  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def start_facts(start: str) -> dict[str, str]:
    """Name of a model to start from and the digest of its weights."""
    card = read_card(start)
    return {name: str(card.get(name, "")) for name in ("name", "weights_sha256")}


def counts(pairs: PairData, *, joined: bool) -> dict[str, int]:
    """Drugs and targets that have pairs; of joined tables, which name the same one twice, distinct ones."""
    drugs, targets = np.unique(pairs.drug), np.unique(pairs.target)
    if not joined:
        return {"n_drugs": len(drugs), "n_targets": len(targets)}
    return {
        "n_drugs": len({pairs.smiles[d] for d in drugs}),
        "n_targets": len({pairs.targets[t].form for t in targets}),
    }
