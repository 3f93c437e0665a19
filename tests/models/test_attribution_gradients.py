"""Integrated gradients: what they sum to, for every kind of member, and the kernel's slopes against differences."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.affinity import EndpointModel
from models.affinity_fit import FittedNetwork, LabelScaler, network_sizes
from models.affinity_inputs import ProteinInputs
from models.affinity_network import AffinityNetwork, NetworkShape
from models.attribution import AtomMasks, ResidueMasks
from models.attribution_gradients import atom_gradients, residue_gradients
from models.kinase import GAP, UNKNOWN
from models.landmarks import min_max_similarity, molecule_kernel, protein_kernel, protein_tables
from models.protein import PADDING
from tests.models.planted_signal import (
    KINDS,
    SIGNAL,
    planted_data,
    planted_inputs,
    planted_model,
    planted_pairs,
)

PAIRS = planted_pairs()
DRUG, TARGET = PAIRS.smiles[5], PAIRS.targets[1]
GRAPHS = ("gine", "attentive_fp", "gps", "dmpnn")


def untrained(graph: str, **options: bool) -> EndpointModel:
    """A model of one network as it was initialised: its gradients are as good as any."""
    torch.manual_seed(0)
    shape = NetworkShape(graph=graph, dim=16, graph_dim=8, n_layers=2, aligned=8, dropout=0.0, **options)
    network = AffinityNetwork(shape, network_sizes(planted_data(False)), ("regression",)).eval()
    member = FittedNetwork(network, ("pkd",), ("regression",), (LabelScaler(5.0, 2.0),))
    return replace(
        planted_model(KINDS[-1]),
        inputs=planted_inputs(),
        networks={"network": (member,)},
        weights={"random": {"network": 1.0}},
    )


MODELS = [lambda graph=graph: untrained(graph, landmarks="") for graph in GRAPHS]
MODELS += [lambda: untrained("gine"), lambda: untrained(""), lambda: planted_model(KINDS[-1])]
NAMES = (*GRAPHS, "gine and landmarks", "landmarks", "kernel")


@pytest.mark.parametrize("make", MODELS, ids=NAMES)
@pytest.mark.parametrize("smiles", [DRUG, "C", "CCOC(=O)c1ccsc1"])
def test_atom_gradients__sum_to_the_change_from_all_atoms_hidden(make, smiles: str) -> None:  # type: ignore[no-untyped-def]
    model = make()
    masks = AtomMasks(model, smiles, TARGET)
    known, hidden = masks.predict(np.array([[False] * masks.size, [True] * masks.size]))
    found = atom_gradients(model, smiles, TARGET, n_steps=256)
    assert found.shape == (masks.size,)
    assert found.sum() == pytest.approx(known - hidden, abs=0.02 * max(1, abs(found).sum()))


def unknown_residues(masks: ResidueMasks) -> ProteinInputs:
    """The protein with its residues unknown on profile and window, all else as it is."""
    arrays = masks.arrays
    aligned = np.where(arrays.aligned == GAP, GAP, UNKNOWN).astype(np.int8)
    window = np.where(arrays.window == PADDING, PADDING, UNKNOWN).astype(np.int8)
    arrays = replace(arrays, aligned=aligned, window=window)
    residues = protein_tables([masks.target], arrays)[2]
    tables = (*masks.tables[:2], residues, masks.tables[3])
    return ProteinInputs(arrays, protein_kernel(tables, masks.model.inputs.proteins))


@pytest.mark.parametrize(
    "make",
    [lambda: untrained("", sequence=True), lambda: untrained(""), lambda: planted_model(KINDS[-1])],
    ids=["sequence", "aligned", "kernel"],
)
def test_residue_gradients__sum_to_the_change_from_unknown_residues(make) -> None:  # type: ignore[no-untyped-def]
    model = make()
    masks = ResidueMasks(model, DRUG, TARGET)
    zero = np.zeros(1, np.int64)
    known, hidden = (
        (model.shares() @ model.scores(masks.molecule, proteins, zero, zero))[0]
        for proteins in (masks.inputs(np.zeros((1, masks.size), bool)), unknown_residues(masks))
    )
    found = residue_gradients(model, DRUG, TARGET, n_steps=256)
    assert found.sum() == pytest.approx(known - hidden, abs=0.01 * max(1, abs(found).sum()))


def test_residue_gradients__are_zero_where_only_composition_and_words_are_read() -> None:
    masks = ResidueMasks(planted_model(KINDS[-1]), DRUG, TARGET)
    found = residue_gradients(masks.model, DRUG, TARGET)
    assert (found[masks.column < 0] == 0).all()
    assert found[SIGNAL] > 0


def test_atom_gradients__of_a_kernel_agree_with_small_steps_of_the_counts() -> None:
    """The slopes on the way, against differences of similarities that a dense formula gives."""
    from models.attribution_gradients import _Growing

    a, b = np.array([3.0, 1.0, 2.0]), np.array([[1.0, 4.0, 0.0, 2.0], [2.0, 0.0, 5.0, 0.0]])
    growing = _Growing(np.arange(3), a, b[:, :3], b.sum(axis=1))

    def similarity(counts: np.ndarray) -> np.ndarray:
        mine = np.append(counts, 0.0)
        return np.minimum(mine, b).sum(axis=1) / np.maximum(mine, b).sum(axis=1)

    share, slope, step = 0.45, np.array([0.7, -0.2]), 1e-6
    assert growing.similarity(np.array([share]))[0] == pytest.approx(similarity(share * a))
    found = growing.gradients(np.array([share]), slope[None])
    for column in range(3):
        moved = share * a + step * (np.arange(3) == column)
        assert found[column] == pytest.approx(
            slope @ (similarity(moved) - similarity(share * a)) / step, abs=1e-4
        )


def test_growing__ends_at_the_similarity_of_the_tables() -> None:
    from models.attribution_gradients import _Growing

    tables = planted_model(KINDS[-1]).inputs.molecules.tables
    for table in tables:
        growing = _Growing.of(table.take(np.array([4])), table)
        expected = min_max_similarity(table.take(np.array([4])), table)[0]
        assert growing.similarity(np.array([1.0]))[0] == pytest.approx(expected, abs=1e-6)
    assert molecule_kernel(tables, tables)[4, 4] == pytest.approx(1.0)


def test_atom_gradients__leave_no_hook_behind() -> None:
    model = untrained("gine")
    before = atom_gradients(model, DRUG, TARGET)
    masks = AtomMasks(model, DRUG, TARGET)
    assert masks.predict(np.zeros((1, masks.size), bool))[0] == pytest.approx(
        masks.predict(np.zeros((2, masks.size), bool))[1]
    )
    assert not any(module._forward_hooks for module in model.networks["network"][0].network.modules())
    assert np.array_equal(before, atom_gradients(model, DRUG, TARGET))
