"""Hidden atoms against the molecule itself."""

from __future__ import annotations

import numpy as np
import pytest

from models.property_attribution import hide_each_atom
from models.property_features import MoleculeFeatures
from models.property_reference import KINDS


@pytest.mark.parametrize("smiles", ["CC(=O)Oc1ccccc1C(=O)O", "C[C@H](N)C(=O)Nc1ccc2ncsc2c1[N+](=O)[O-]", "C"])
def test_hide_each_atom__starts_with_the_whole_molecule(smiles: str) -> None:
    hidden, whole = hide_each_atom(smiles), MoleculeFeatures([smiles])
    assert np.array_equal(hidden.bits[:1], whole.bits)
    assert np.array_equal(hidden.descriptors[-1], whole.descriptors[0], equal_nan=True)
    first = hidden.graphs.take(np.array([0]))
    assert np.array_equal(first.node_features, whole.graphs.node_features)
    for kind in KINDS:
        mine, counted = hidden.counts(kind).take(np.array([0])), whole.counts(kind)
        assert np.array_equal(mine.column, counted.column) and np.array_equal(mine.count, counted.count)


def test_hide_each_atom__leaves_nothing_that_holds_it() -> None:
    hidden, rest = hide_each_atom("CCCCCCO"), hide_each_atom("CCCCCC")
    left = hidden.bits[7].astype(bool)
    assert left.sum() < hidden.bits[0].sum()
    assert not (left & ~hidden.bits[0].astype(bool)).any()
    assert len(rest) == 7 and len(hidden) == 8
