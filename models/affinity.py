"""A trained affinity model: per endpoint a blend of networks, a kernel regression and, where they win, boosted trees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chem.errors import InputError
from chem.fingerprint import morgan_fingerprints
from chem.scaffold import inchikey_first_block
from models.affinity_fit import FittedNetwork, score_pairs
from models.affinity_inputs import InputEncoder, MoleculeInputs, ProteinInputs
from models.affinity_network import Task
from models.domain import Domain
from models.domain_similarity import ProteinKeys
from models.input_notes import elements
from models.intervals import Intervals
from models.kernel_ridge import as_task
from models.latent import LatentSpace
from models.pair_model import PairFeatures
from models.pairs import PairData
from models.protein import ProteinArrays, Target, encode_proteins
from models.trees import GradientBoosting

N_BITS = 1024
"""Bits of the fingerprints that tell the domain."""
KERNEL = "kernel_ridge"
TREES = GradientBoosting.name
SETTINGS = ("random", "scaffold", "family")
"""What was held out when intervals were measured: pairs, whole scaffolds, whole families of proteins."""
_BLOCK = 2048


@dataclass(frozen=True)
class EndpointModel:
    """What predicts one endpoint.

    Attributes
    ----------
    name, task
        Column of the label, and what it is.
    inputs
        What was fitted to the training molecules and proteins, the kernel regression among it.
    networks
        Trained networks by kind; the prediction of a kind is the mean over its members.
    weights
        By setting, of `SETTINGS`, the share of each kind in the blend, with sum 1; a kind that was not judged in a
        setting is not named there.
    intervals
        By setting, of `SETTINGS`; one that was not measured is missing.
    domain
        What the training data held.
    labels
        (n_molecules, n_proteins) float16 training labels in the order of `inputs`, NaN where there is none; or None.
    latent
        Latent space of the first network, whose density of training pairs is that of the domain; or None.
    trees
        Boosted trees, of an endpoint that they predict best; or None.
    """

    name: str
    task: Task
    inputs: InputEncoder
    networks: dict[str, tuple[FittedNetwork, ...]]
    weights: dict[str, dict[str, float]]
    intervals: dict[str, Intervals]
    domain: Domain
    labels: NDArray[np.float16] | None = None
    latent: LatentSpace | None = None
    trees: GradientBoosting | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """(n_members,) kind of each member: those of the networks first, then the kernel regression, then trees."""
        plain = {KERNEL: self.inputs.kernel, TREES: self.trees}
        networks = [kind for kind, members in self.networks.items() for _ in members]
        return (*networks, *(kind for kind, model in plain.items() if model is not None))

    @cached_property
    def known(self) -> tuple[frozenset[str], frozenset[str]]:
        """Skeletons (first block of the InChIKey) of the training molecules, and sequences of its proteins."""
        skeletons = frozenset(inchikey_first_block(text) for text in self.inputs.smiles)
        return skeletons, frozenset(target.sequence for target in self.inputs.targets)

    @cached_property
    def elements(self) -> frozenset[str]:
        """Elements of the training molecules."""
        return frozenset().union(*map(elements, self.inputs.smiles))

    def foreign_elements(self, smiles: str) -> str:
        """Say which elements of a molecule the training molecules do not have; empty where there are none."""
        foreign = sorted(elements(smiles) - self.elements)
        return "; ".join(f"element {name} not in training" for name in foreign)

    def shares(self, setting: str = "random") -> NDArray[np.float64]:
        """(n_members,) weight of each member in a setting, in the order of `kinds`.

        A setting that was not judged has the weights of pairs held out.
        """
        weights = self.weights.get(setting, self.weights["random"])
        kinds = self.kinds
        return np.array([weights.get(kind, 0.0) / kinds.count(kind) for kind in kinds])

    def is_known(
        self, smiles: Sequence[str], targets: Sequence[Target]
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether each molecule's skeleton, and each protein's sequence, was in the training data."""
        skeletons, sequences = self.known
        molecule = [bool(text) and inchikey_first_block(text) in skeletons for text in smiles]
        return np.array(molecule, bool), np.array([t.sequence in sequences for t in targets], bool)

    def pair_shares(self, molecule: NDArray[np.bool_], protein: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(n_members, n_pairs) weight of each member for pairs whose molecule, and protein, `is_known` or not.

        A new molecule takes the weights of held-out scaffolds, else a new protein those of held-out families.
        """
        setting = np.where(molecule, np.where(protein, 0, 2), 1)
        return np.stack([self.shares(name) for name in SETTINGS], axis=1)[:, setting]

    def shares_of(self, smiles: str, target: Target) -> NDArray[np.float64]:
        """(n_members,) weight of each member for one pair."""
        return self.pair_shares(*self.is_known([smiles], [target]))[:, 0]

    @property
    def first_network(self) -> FittedNetwork:
        """First member of the first kind of network, whose latent space is looked at."""
        return next(iter(self.networks.values()))[0]

    def scores(
        self,
        molecules: MoleculeInputs,
        proteins: ProteinInputs,
        drug: NDArray[np.int64],
        target: NDArray[np.int64],
        wanted: NDArray[np.bool_] | None = None,
    ) -> NDArray[np.float64]:
        """(n_members, n_pairs) predictions of every member in the label's unit; of one not `wanted`, 0.

        The rows of trees are 0 too: they read tables of molecules and proteins (`tree_scores`).
        """
        members = [member for each in self.networks.values() for member in each]
        kinds = self.kinds
        rows = np.zeros((len(kinds), len(drug)))
        need = np.ones(len(rows), bool) if wanted is None else wanted
        for number, network in enumerate(members):
            if need[number]:
                rows[number] = score_pairs(network, self.name, molecules, proteins, drug, target)
        if self.inputs.kernel is not None and need[kinds.index(KERNEL)]:
            matrix = self.inputs.kernel.predict(molecules.near, proteins.alike)
            rows[kinds.index(KERNEL)] = as_task(matrix[drug, target], self.task)
        return rows

    def tree_scores(
        self,
        smiles: Sequence[str],
        targets: Sequence[Target],
        drug: NDArray[np.int64],
        target: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """(n_pairs,) predictions of the trees in the label's unit, 0 where the endpoint has none."""
        if self.trees is None or not len(drug):
            return np.zeros(len(drug))
        missing = np.full(len(drug), np.nan), np.full(len(drug), -1)
        ids = tuple(target.target_id for target in targets)
        texts = tuple(smiles)
        pairs = PairData(
            self.name, texts, texts, ("",) * len(texts), ids, tuple(targets), drug, target, *missing
        )
        return self.trees.predict(pairs, PairFeatures(texts, pairs.targets))


@dataclass(frozen=True)
class AffinityModel:
    """Affinity of molecules for proteins, one or more endpoints.

    Attributes
    ----------
    models
        One per endpoint, in the order of training.
    card
        The model card.
    """

    models: tuple[EndpointModel, ...]
    card: dict[str, Any]

    @property
    def endpoints(self) -> tuple[str, ...]:
        """Names of the labels predicted."""
        return tuple(model.name for model in self.models)

    @property
    def profile(self) -> NDArray[np.float32]:
        """(n_columns, 20) kinase profile of the first endpoint."""
        return self.models[0].inputs.profile

    def endpoint(self, name: str | None = None) -> EndpointModel:
        """Model of one endpoint, the first unless named.

        Raises
        ------
        InputError
            No such endpoint.
        """
        if name is None:
            return self.models[0]
        for model in self.models:
            if model.name == name:
                return model
        raise InputError(
            f"no endpoint {name!r}",
            expected=f"one of {', '.join(self.endpoints)}",
            hint="choose one of those",
        )

    def predict(self, pairs: PairData, *, endpoint: str | None = None, level: float = 0.9) -> pd.DataFrame:
        """Predict pairs, one row each in their order.

        Parameters
        ----------
        pairs
            Pairs; labels are not looked at.
        endpoint
            One of `endpoints`, the first unless given.
        level
            Coverage of the interval.

        Returns
        -------
        pd.DataFrame
            prediction, lower, upper, sd (label's unit; NaN where the structure cannot be read), in_domain,
            abstain, reason, nearest_train_tanimoto, nearest_train_protein, latent_density (NaN where there is no
            latent space), in_training.

        Raises
        ------
        InputError
            No such endpoint.
        """
        model = self.endpoint(endpoint)
        drugs, drug = np.unique(pairs.drug, return_inverse=True)
        targets, target = np.unique(pairs.target, return_inverse=True)
        smiles = [pairs.smiles[d] for d in drugs]
        forms = [pairs.targets[t] for t in targets]
        molecule, protein = model.is_known(smiles, forms)
        shares = model.pair_shares(molecule[drug], protein[target])
        latent = None if model.latent is None else np.zeros((len(drug), model.latent.n_directions))
        scores = _score(model, smiles, forms, drug, target, shares, latent)
        prediction = (shares * scores).sum(axis=0)
        sd = np.sqrt((shares * (scores - prediction) ** 2).sum(axis=0))
        lower, upper = _bounds(model, prediction, molecule[drug], protein[target], level)
        table = pd.DataFrame({"prediction": prediction, "lower": lower, "upper": upper, "sd": sd})
        unreadable = [pairs.drug_reasons[d] for d in drugs]
        judged = _assess(model, smiles, forms, drug, target, unreadable, latent)
        reason = judged["reason"].to_numpy(object)
        unplaced = np.array([t.unplaced for t in forms], bool)[target]
        reason[unplaced] = [_join(text, _UNPLACED) for text in reason[unplaced]]
        foreign = np.array([model.foreign_elements(text) for text in smiles], object)[drug]
        reason = np.array([_join(*texts) for texts in zip(reason, foreign, strict=True)], object)
        table["in_domain"] = reason == ""
        unbounded = np.isinf(lower) | np.isinf(upper)
        reason[unbounded] = [_join(text, _UNJUDGED) for text in reason[unbounded]]
        if model.task == "classification":
            idle = (lower <= 0) & (upper >= 1)
            reason[idle] = [_join(text, _IDLE) for text in reason[idle]]
        table["abstain"] = reason != ""
        table["reason"] = reason
        table["nearest_train_tanimoto"] = judged["similarity_molecule"].to_numpy()
        table["nearest_train_protein"] = judged["similarity_protein"].to_numpy()
        table["latent_density"] = np.where(np.isfinite(prediction), judged["density"], np.nan)
        table["in_training"] = molecule[drug]
        return table

    def assess_proteins(self, targets: Sequence[Target], *, endpoint: str | None = None) -> pd.DataFrame:
        """How near proteins are to the training proteins, and whether they are inside the domain.

        Returns
        -------
        pd.DataFrame
            similarity (to the nearest training protein), in_domain, reason; one row per target.
        """
        model = self.endpoint(endpoint)
        zeros = np.zeros(len(targets), np.int64)
        judged = _assess(model, [model.inputs.smiles[0]], targets, zeros, np.arange(len(targets)), [""])
        return judged.rename(columns={"similarity_protein": "similarity"})[
            ["similarity", "in_domain", "reason"]
        ]

    def score(
        self, smiles: Sequence[str], targets: Sequence[Target], *, endpoint: str | None = None
    ) -> NDArray[np.float64]:
        """(n_molecules, n_targets) predictions in the label's unit, for every pair of the two lists."""
        model = self.endpoint(endpoint)
        drug = np.repeat(np.arange(len(smiles)), len(targets))
        target = np.tile(np.arange(len(targets)), len(smiles))
        molecule, protein = model.is_known(smiles, targets)
        shares = model.pair_shares(molecule[drug], protein[target])
        scores = _score(model, smiles, targets, drug, target, shares)
        return (shares * scores).sum(axis=0).reshape(len(smiles), len(targets))


_UNPLACED = "the variant named with the target does not fit its sequence and is not in the prediction"
_IDLE = "its interval holds every probability"
_UNJUDGED = "too few pairs like it were held out in training for an interval"


def _join(*texts: str) -> str:
    return "; ".join(text for text in texts if text)


def _score(
    model: EndpointModel,
    smiles: Sequence[str],
    targets: Sequence[Target],
    drug: NDArray[np.int64],
    target: NDArray[np.int64],
    shares: NDArray[np.float64],
    latent: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """(n_members, n_pairs) predictions, NaN where a molecule could not be read; molecules in blocks.

    A member without weight for any pair of a block is not asked. Latent vectors are written to `latent`, where given.
    """
    scores = np.full(shares.shape, np.nan)
    if not len(drug):
        return scores
    proteins = model.inputs.encode_proteins(targets)
    order = np.argsort(drug, kind="stable")
    first = np.searchsorted(drug[order], np.arange(0, len(smiles) + _BLOCK, _BLOCK))
    for block, start in enumerate(range(0, len(smiles), _BLOCK)):
        rows = order[first[block] : first[block + 1]]
        here = np.array([bool(text) for text in smiles[start : start + _BLOCK]])
        rows = rows[here[drug[rows] - start]]
        if not len(rows):
            continue
        place = np.cumsum(here) - 1
        readable = [text for text in smiles[start : start + _BLOCK] if text]
        molecules = model.inputs.encode_molecules(readable)
        wanted = np.asarray(shares[:, rows].any(axis=1))
        pairs = place[drug[rows] - start], target[rows]
        scores[:, rows] = model.scores(molecules, proteins, *pairs, wanted)
        if model.trees is not None and wanted[-1]:
            scores[-1, rows] = model.tree_scores(readable, targets, *pairs)
        if latent is not None and model.latent is not None:
            latent[rows] = model.latent.vectors(model.first_network, molecules, proteins, *pairs)
    return scores


def _bounds(
    model: EndpointModel, prediction: NDArray[np.float64], molecule: NDArray[np.bool_],
    protein: NDArray[np.bool_], level: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # fmt: skip
    """Interval of each pair, from what was held out when it was measured.

    A new molecule takes the intervals of held-out scaffolds, a new protein those of held-out families, both the
    wider of the two; an interval that was never measured is infinite.
    """
    lower, upper = np.full(len(prediction), np.inf), np.full(len(prediction), -np.inf)
    readable = np.isfinite(prediction)
    wanted = {"random": molecule & protein, "scaffold": ~molecule, "family": ~protein}
    for setting, which in wanted.items():
        rows = np.flatnonzero(which & readable)
        low, high = np.full(len(rows), -np.inf), np.full(len(rows), np.inf)
        if setting in model.intervals and len(rows):
            low, high = model.intervals[setting].interval(prediction[rows], level)
        lower[rows], upper[rows] = np.minimum(lower[rows], low), np.maximum(upper[rows], high)
    # A prediction below the limit of an assay still stands inside its interval.
    lower, upper = np.minimum(lower, prediction), np.maximum(upper, prediction)
    lower[~readable] = upper[~readable] = np.nan
    if model.task == "classification":
        lower, upper = np.clip(lower, 0, 1), np.clip(upper, 0, 1)
    return lower, upper


def _assess(
    model: EndpointModel, smiles: Sequence[str], targets: Sequence[Target], drug: NDArray[np.int64],
    target: NDArray[np.int64], unreadable: Sequence[str], latent: NDArray[np.float64] | None = None,
) -> pd.DataFrame:  # fmt: skip
    there = [text or "C" for text in smiles]  # what stands for an unreadable one is not judged
    arrays = encode_proteins(targets, model.inputs.profile)
    keys = ProteinKeys.of([t.sequence for t in targets], arrays.aligned)
    return model.domain.assess(
        morgan_fingerprints(there, n_bits=N_BITS), keys, drug, target, latent, unreadable
    )


def training_domain(
    inputs: InputEncoder,
    thresholds: dict[str, Any],
    arrays: ProteinArrays | None = None,
    latent: LatentSpace | None = None,
) -> Domain:
    """Domain of the training molecules and proteins that `inputs` holds; `arrays` of those proteins, if at hand."""
    known = arrays or encode_proteins(inputs.targets, inputs.profile)
    keys = ProteinKeys.of([t.sequence for t in inputs.targets], known.aligned)
    density = None if latent is None else latent.density
    return Domain.fit(morgan_fingerprints(inputs.smiles, n_bits=N_BITS), keys, density, thresholds)
