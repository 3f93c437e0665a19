"""Blocks of features against the functions of `chem`, and the same for a molecule wherever it stands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chem.errors import InputError
from chem.fingerprint import fingerprints
from chem.graph_encode import encode_graphs
from chem.rdkit_descriptor import rdkit_descriptors
from models.property_features import MoleculeFeatures

SMILES = ["CCO", "CCN", "c1ccccc1O", "CC(=O)Oc1ccccc1C(=O)O", "C", "[Na]Cl"]


@pytest.fixture(scope="module")
def molecules() -> MoleculeFeatures:
    return MoleculeFeatures(SMILES)


def test_blocks__are_those_of_chem(molecules: MoleculeFeatures) -> None:
    assert np.array_equal(molecules.descriptors, rdkit_descriptors(SMILES).to_numpy(), equal_nan=True)
    assert np.array_equal(molecules.bits, fingerprints(SMILES))
    assert np.array_equal(molecules.graphs.node_features, encode_graphs(SMILES).node_features)
    table = molecules.counts("atom_pair")
    dense = fingerprints(SMILES, "atom_pair", n_bits=table.width, counts=True)
    for row, expected in enumerate(dense):
        places = slice(table.start[row], table.start[row + 1])
        assert np.array_equal(table.column[places], np.flatnonzero(expected))
        assert np.array_equal(table.count[places], expected[expected > 0])


@settings(max_examples=20)
@given(rows=st.lists(st.integers(-6, 5), max_size=8))
def test_select__rows_do_not_depend_on_their_neighbours(molecules: MoleculeFeatures, rows: list[int]) -> None:
    part = molecules.select(rows)
    alone = MoleculeFeatures([SMILES[row] for row in rows])
    assert part.smiles == alone.smiles and len(part) == len(rows)
    assert np.array_equal(part.descriptors, alone.descriptors, equal_nan=True)
    assert np.array_equal(part.counts().column, alone.counts().column)
    assert np.array_equal(part.graphs.edge_index, alone.graphs.edge_index)


def test_select__takes_a_mask_and_a_part_of_a_part(molecules: MoleculeFeatures) -> None:
    part = molecules.select(np.arange(6) % 2 == 0).select([1])
    assert part.smiles == (SMILES[2],)
    assert np.array_equal(part.bits, molecules.bits[[2]])


def test_select__shares_what_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(
        "models.property_features.rdkit_descriptors", lambda s: calls.append(s) or rdkit_descriptors(s)
    )
    whole = MoleculeFeatures(SMILES)
    for rows in ([0, 1], [2, 3]):
        assert len(whole.select(rows).descriptors) == 2
    assert calls == [tuple(SMILES)]


def test_counts__unknown_kind(molecules: MoleculeFeatures) -> None:
    with pytest.raises(InputError, match="no fingerprint 'morgen'"):
        molecules.counts("morgen")


def test_descriptors__names_the_molecule_that_does_not_parse() -> None:
    with pytest.raises(InputError, match="does not parse"):
        _ = MoleculeFeatures(["CCO", "C1CC"]).descriptors
