"""Going on from a trained model: its measured pairs, its coordinates and its weights, with pairs of one's own.

A checkpoint holds the labels that it was trained on. Joined to new pairs they make the training data of the model that
goes on: the kernel regression is fitted to all of them, and networks start from the weights of the checkpoint. For those
weights to mean anything, the networks go on reading the coordinates that they were trained on; a new molecule has
coordinates like any other, but no part in making them. (Those of fitted affinities follow the regression, which knows
the new labels, so that they move a little.)
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chem.errors import InputError
from chem.scaffold import inchikey_first_block
from models.affinity import AffinityModel, EndpointModel
from models.affinity_fit import task_of
from models.affinity_inputs import InputEncoder
from models.checkpoint import load_affinity, read_card
from models.contenders import NETWORKS, NetworkRecipe
from models.landmarks import Landmarks, molecule_tables, protein_tables
from models.pairs import PairData
from models.protein import encode_proteins

T = TypeVar("T")
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
        networks have seen it. That is one of a protein and a skeleton (first block of the InChIKey) measured there:
        registries write a compound with and without stereo.
    n_again
        Such pairs of the new table. Their label takes the place of the model's where the molecule is the same.
    n_beside
        Those of them whose molecule the model has with another stereo alone; its label is kept too.
    """

    pairs: PairData
    new: NDArray[np.bool_]
    n_again: int
    n_beside: int = 0

    @property
    def said(self) -> str:
        """What was joined, in words."""
        text = f"{(~self.new).sum() - self.n_again:,} pairs of the model to start from and {self.new.sum():,} new ones"
        again = (
            f"; {self.n_again:,} that it had were measured again, have the new label and are never held out"
        )
        beside = f"; of {self.n_beside:,} of them it had another stereo, whose label is kept too"
        return text + (again if self.n_again else "") + (beside if self.n_beside else "")


def join_pairs(model: EndpointModel, pairs: PairData) -> JoinedPairs:
    """Put new pairs behind those that a model was trained on.

    A molecule or protein of both stands once in the joint tables, under its new name.

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
    forms = [target.form for target in inputs.targets]
    own = [target.form for target in pairs.targets]
    drug, target = _places(inputs.smiles, pairs.smiles), _places(forms, own)
    row = _found(inputs.smiles, pairs.smiles)[pairs.drug]
    column = _found(forms, own)[pairs.target]
    again = (column >= 0) & _by_skeleton(inputs.smiles, pairs.smiles, known)[pairs.drug, column]
    same = (row >= 0) & (column >= 0) & known[row, column]
    left = known.copy()
    left[row[same], column[same]] = False
    left_drug, left_target = np.nonzero(left)
    n = len(left_drug)
    joined = PairData(
        pairs.name,
        _merged(inputs.smiles, pairs.drug_ids, drug),
        _merged(inputs.smiles, pairs.smiles, drug),
        _merged([""] * len(inputs.smiles), pairs.drug_reasons, drug),
        _merged([each.target_id for each in inputs.targets], pairs.target_ids, target),
        _merged(inputs.targets, pairs.targets, target),
        np.concatenate([left_drug, drug[pairs.drug]]),
        np.concatenate([left_target, target[pairs.target]]),
        np.concatenate([model.labels[left].astype(np.float64), pairs.label]),
        np.concatenate([np.full(n, -1), pairs.fold]),
        pairs.notes,
    )
    new = np.concatenate([np.zeros(n, bool), ~again])
    return JoinedPairs(joined, new, int(again.sum()), int((again & ~same).sum()))


def _found(known: Sequence[str], own: Sequence[str]) -> NDArray[np.int64]:
    """Where texts stand among known ones, -1 for others."""
    place = {text: number for number, text in enumerate(known)}
    return np.array([place.get(text, -1) for text in own], np.int64)


def _places(known: Sequence[str], own: Sequence[str]) -> NDArray[np.int64]:
    """Rows of one's own in a joint table behind `known`: the first of what is known there has its row.

    Another one of the same text gets a row of its own, so that it keeps its name.
    """
    free = {text: number for number, text in enumerate(known)}
    behind = itertools.count(len(known))
    return np.array([free.pop(text) if text in free else next(behind) for text in own], np.int64)


def _merged(known: Sequence[T], own: Sequence[T], place: NDArray[np.int64]) -> tuple[T, ...]:
    """Joint column of a table: the known values, and one's own at their places."""
    joint = dict(enumerate(known)) | dict(zip(place.tolist(), own, strict=True))
    return tuple(joint.values())


def _by_skeleton(smiles: Sequence[str], own: Sequence[str], known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n_own, n_targets) whether a molecule's skeleton was measured, from (n_molecules, n_targets) what was."""
    blocks = [(inchikey_first_block(text) if text else "") or text for text in (*smiles, *own)]
    number, names = pd.factorize(np.array(blocks, dtype=object))
    measured = np.zeros((len(names), known.shape[1]), bool)
    np.logical_or.at(measured, number[: len(smiles)], known)
    return measured[number[len(smiles) :]]


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
    """Drugs and targets that have pairs; of joined tables, which may name the same one twice, distinct ones."""
    drugs, targets = np.unique(pairs.drug), np.unique(pairs.target)
    if not joined:
        return {"n_drugs": len(drugs), "n_targets": len(targets)}
    return {
        "n_drugs": len({pairs.smiles[d] for d in drugs}),
        "n_targets": len({pairs.targets[t].form for t in targets}),
    }
