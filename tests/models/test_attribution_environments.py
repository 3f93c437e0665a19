"""Environments against the counts they are taken out of, and against circles drawn by distances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem

from chem.errors import InputError
from models.attribution_environments import masked_tables, molecule_environments
from models.landmarks import MOLECULE_COUNTS, molecule_tables

SMILES = (
    "C",
    "CCO",
    "C[C@H](N)C(=O)Nc1ccc2ncsc2c1[N+](=O)[O-]",
    "C1CC1C(F)(F)F",
    "O=c1[nH]cnc2sc3c(c12)CCCC3",
    "CC(C)(C)c1cnc(CSc2cnc(NC(=O)C3CCNCC3)s2)o1",
)


@pytest.mark.parametrize("smiles", SMILES)
def test_masked_tables__with_nothing_hidden_are_the_counts(smiles: str) -> None:
    environments = molecule_environments(smiles)
    n_atoms = environments[0].member.shape[1]
    for mine, counts in zip(
        masked_tables(environments, np.zeros((1, n_atoms), bool)), molecule_tables([smiles]), strict=True
    ):
        assert mine.width == counts.width
        assert np.array_equal(mine.column, counts.column)
        assert np.array_equal(mine.count, counts.count)


@pytest.mark.parametrize("smiles", SMILES)
def test_molecule_environments__hold_the_atoms_of_circles_pairs_and_paths(smiles: str) -> None:
    distance = Chem.GetDistanceMatrix(Chem.MolFromSmiles(smiles))
    for (kind, radius, _), found in zip(MOLECULE_COUNTS, molecule_environments(smiles), strict=True):
        if radius is not None:
            circles = {tuple(row <= r) for row in distance for r in range(radius + 1)}
            assert {tuple(member) for member in found.member} <= circles
        else:
            size = 2 if kind == "atom_pair" else 4
            assert set(found.member.sum(axis=1)) <= {size, size - 1}  # a ring of three closes a torsion
    pairs = molecule_environments(smiles)[4].member
    assert len(pairs) == len(distance) * (len(distance) - 1) // 2  # no molecule here is 30 bonds long


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(SMILES), st.data())
def test_masked_tables__lose_more_the_more_is_hidden(smiles: str, data: st.DataObject) -> None:
    environments = molecule_environments(smiles)
    n_atoms = environments[0].member.shape[1]
    few = np.array(data.draw(st.lists(st.booleans(), min_size=n_atoms, max_size=n_atoms)))
    more = few | np.array(data.draw(st.lists(st.booleans(), min_size=n_atoms, max_size=n_atoms)))
    for kind, table in zip(environments, masked_tables(environments, np.stack([few, more])), strict=True):
        left = [int(table.count[table.start[row] : table.start[row + 1]].sum()) for row in (0, 1)]
        assert left[0] >= left[1]
        assert left[0] == sum(not (member & few).any() for member in kind.member)


def test_masked_tables__with_all_hidden_are_empty() -> None:
    tables = masked_tables(molecule_environments("CCO"), np.ones((1, 3), bool))
    assert [len(table.column) for table in tables] == [0] * len(MOLECULE_COUNTS)


def test_molecule_environments__refuses_what_does_not_parse() -> None:
    with pytest.raises(InputError, match="does not parse"):
        molecule_environments("C1CC")
