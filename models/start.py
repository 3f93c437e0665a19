"""Going on from a trained model: its measured pairs, its coordinates and its weights, with pairs of one's own.

A checkpoint holds the labels that it was trained on. Joined to new pairs they make the training data of the model that
goes on: the kernel regression is fitted to all of them, and networks start from the weights of the checkpoint. For those
weights to mean anything, the networks go on reading the coordinates that they were trained on; a new molecule has
coordinates like any other, but no part in making them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chem.errors import InputError
from models.affinity import AffinityModel, EndpointModel
from models.affinity_fit import task_of
from models.affinity_inputs import InputEncoder
from models.contenders import NETWORKS, NetworkRecipe
from models.landmarks import Landmarks, molecule_tables, protein_tables
from models.pairs import PairData
from models.protein import encode_proteins


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
    """

    pairs: PairData
    new: NDArray[np.bool_]


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
    return JoinedPairs(joined, np.concatenate([np.zeros(n, bool), ~again]))


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
