"""Models of labels that hang on a nitro group and on one residue, so that it is known what an attribution should find."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from rdkit import Chem

from models.affinity import KERNEL, EndpointModel, training_domain
from models.affinity_inputs import EncodedPairs, InputEncoder, encode_pairs, fit_inputs, fit_profiles
from models.affinity_network import NetworkShape
from models.contenders import NetworkRecipe, fit_members
from models.kinase import AMINO_ACIDS, SEED_DOMAIN
from models.loop import LoopConfig
from models.pairs import PairData
from models.protein import Target

NITRO = "[N+](=O)[O-]"
GROUPS = (NITRO, "C", "OC", "Cl", "N", "C(=O)O", "C#N", "F")
CORES = ("c1cc({})ccc1{}", "C1CC({})CCC1{}")
TAIL = "MSGSPETWQH"
SIGNAL = len(TAIL) + 76
"""Place in the sequence, from 0, of the residue that the label hangs on: leucine (high) or threonine."""
SHAPES = {
    "landmark_network": NetworkShape(dim=16, aligned=8, dropout=0.0),
    "graph_network": NetworkShape(
        graph="gine", landmarks="", dim=16, graph_dim=16, n_layers=2, aligned=8, dropout=0.0
    ),
}
KINDS = (*SHAPES, KERNEL)


def planted_pairs(*, shuffled: bool = False) -> PairData:
    """Every pair of some fifty molecules and twelve kinases."""
    rng = np.random.default_rng(3)
    made = {
        Chem.CanonSmiles(core.format(a, b))
        for core in CORES
        for i, a in enumerate(GROUPS)
        for b in GROUPS[i + 1 :]
    }
    smiles = tuple(sorted(made))
    targets = tuple(_kinase(number, rng) for number in range(12))
    drug = np.repeat(np.arange(len(smiles)), len(targets))
    target = np.tile(np.arange(len(targets)), len(smiles))
    label = 5 + 2 * np.array(["[N+]" in text for text in smiles])[drug] + 2.0 * (target % 2)
    label += rng.normal(scale=0.1, size=len(label))
    if shuffled:
        label = rng.permutation(label)
    ids = tuple(f"k{number}" for number in range(len(targets)))
    return PairData(
        "pkd", smiles, smiles, ("",) * len(smiles), ids, targets, drug, target, label, np.full(len(drug), -1)
    )


def _kinase(number: int, rng: np.random.Generator) -> Target:
    """The seed domain between two tails, twenty residues of it replaced by others; uneven numbers have the signal."""
    residues = list(TAIL + SEED_DOMAIN + TAIL[::-1])
    for place in rng.choice(np.arange(len(TAIL), len(residues) - len(TAIL)), 20, replace=False):
        residues[place] = AMINO_ACIDS[rng.integers(20)]
    residues[SIGNAL] = "L" if number % 2 else "T"
    return Target(f"k{number}", "".join(residues))


@lru_cache(maxsize=2)
def planted_data(shuffled: bool) -> EncodedPairs:
    """The pairs with their inputs, whose encoder is `planted_inputs`."""
    return encode_pairs(planted_pairs(shuffled=shuffled), planted_inputs())


@lru_cache(maxsize=1)
def planted_inputs() -> InputEncoder:
    return fit_inputs([planted_pairs()])


@lru_cache(maxsize=8)
def planted_model(kind: str, *, shuffled: bool = False) -> EndpointModel:
    """A model with one member, of `KINDS`, or the blend of all in equal parts (``"blend"``)."""
    if kind == "blend":
        parts = [planted_model(each) for each in KINDS]  # the last has the inputs with the regression
        networks = {name: members for part in parts for name, members in part.networks.items()}
        return replace(parts[-1], networks=networks, weights={"random": dict.fromkeys(KINDS, 1 / len(KINDS))})
    inputs, data = planted_inputs(), planted_data(shuffled)
    if kind == KERNEL:
        inputs = fit_profiles(inputs, data.pairs)
    known = EndpointModel(
        "pkd", "regression", inputs, {}, {"random": {kind: 1.0}}, {}, training_domain(inputs, {})
    )
    if kind == KERNEL:
        return known
    loop = LoopConfig(n_epochs=5, stop_after=5, learning_rate=1e-2, ema=0.9, device="cpu")
    return replace(known, networks={kind: fit_members(data, NetworkRecipe(SHAPES[kind], loop), 0)})
