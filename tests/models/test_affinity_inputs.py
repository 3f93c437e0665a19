"""What networks read: fitted to training molecules and proteins alone, one row per input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from rdkit import Chem

from chem.graph_schema import GRAPH_SCHEMA
from models.affinity_inputs import InputEncoder, encode_pairs, fit_inputs
from models.landmarks import molecule_kernel, molecule_tables
from models.pairs import PairData
from models.protein import PADDING, Target

MakePairs = Callable[..., PairData]


@pytest.fixture(scope="module")
def encoder(make_pairs: MakePairs) -> InputEncoder:
    return fit_inputs([make_pairs(8, 6)])


def test_fit_inputs__holds_the_molecules_and_proteins_of_pairs_alone(make_pairs: MakePairs) -> None:
    pairs = make_pairs(8, 6)
    part = pairs.select((pairs.drug < 5) & (pairs.target > 1))
    encoder = fit_inputs([part], rank=3)
    assert encoder.smiles == tuple(sorted(pairs.smiles[:5]))
    assert [t.form for t in encoder.targets] == sorted(t.form for t in pairs.targets[2:])
    assert encoder.molecules.rank == 3
    assert len(encoder.proteins[0]) == 4


def test_fit_inputs__depends_on_no_label_and_no_order(make_pairs: MakePairs, encoder: InputEncoder) -> None:
    pairs = make_pairs(8, 6)
    shuffled = pairs.select(np.random.default_rng(0).permutation(len(pairs)))
    other = fit_inputs([replace(shuffled, label=np.full(len(pairs), np.nan)), pairs])
    assert (other.smiles, other.targets) == (encoder.smiles, encoder.targets)
    np.testing.assert_array_equal(other.profile, encoder.profile)
    np.testing.assert_array_equal(other.molecules.projection, encoder.molecules.projection)


def test_encode_molecules__one_row_per_input_in_order(
    encoder: InputEncoder, drug_smiles: dict[str, str]
) -> None:
    smiles = list(drug_smiles.values())
    order = np.array([5, 2, 2, 9])
    whole, part = encoder.encode_molecules(smiles), encoder.encode_molecules([smiles[k] for k in order])
    np.testing.assert_array_equal(part.near, whole.near[order])
    np.testing.assert_allclose(part.coordinates, whole.coordinates[order], atol=1e-5)
    assert whole.near.shape == (len(smiles), 8)
    np.testing.assert_array_equal(
        whole.near, molecule_kernel(molecule_tables(smiles), molecule_tables(encoder.smiles))
    )
    batch, coordinates = whole.batch(order)
    assert batch.n_molecules == 4
    assert batch.batch.bincount().tolist() == [Chem.MolFromSmiles(smiles[k]).GetNumAtoms() for k in order]
    np.testing.assert_array_equal(coordinates.numpy(), whole.coordinates[order])


def test_batch__takes_stereo_from_half_of_the_graphs_and_nothing_else(encoder: InputEncoder) -> None:
    inputs = encoder.encode_molecules(["C[C@H](N)C(=O)O", "F/C=C/F"] * 200)
    index = np.arange(400)
    plain, flat = inputs.batch(index)[0], inputs.batch(index, np.random.default_rng(0))[0]
    cip, stereo = GRAPH_SCHEMA["node_fields"].index("cip"), GRAPH_SCHEMA["edge_fields"].index("stereo")
    nodes = [k for k in range(plain.x.shape[1]) if k != cip]
    edges = [k for k in range(plain.edge_attr.shape[1]) if k != stereo]
    assert (plain.x[:, nodes] == flat.x[:, nodes]).all()
    assert (plain.edge_attr[:, edges] == flat.edge_attr[:, edges]).all()
    marked = [(plain.x[:, cip] > 1).sum().item(), (flat.x[:, cip] > 1).sum().item()]
    assert marked[0] == 200 and 75 < marked[1] < 125
    double = [(plain.edge_attr[:, stereo] > 1).sum().item(), (flat.edge_attr[:, stereo] > 1).sum().item()]
    assert double[0] == 400 and 150 < double[1] < 250
    unmarked = encoder.encode_molecules(["CC(N)C(=O)O"]).batch(np.array([0]))[0]
    assert flat.x[flat.x[:, cip] <= 1, cip].unique().tolist() == unmarked.x[:, cip].unique().tolist()


def test_encode_molecules__reads_elements_that_training_did_not_hold(encoder: InputEncoder) -> None:
    inputs = encoder.encode_molecules(["[Rf]", "C[Xe]C", "*C"])
    assert np.isfinite(inputs.coordinates).all()
    codes = inputs.batch(np.arange(3))[0].x
    assert (codes >= 0).all()
    assert all((codes[:, k] < n).all() for k, n in enumerate(GRAPH_SCHEMA["node_cardinalities"]))


def test_encode_proteins__reads_any_chain(encoder: InputEncoder, kinases: dict[str, str]) -> None:
    """Unknown letters, nothing at all, and 35,000 residues."""
    chains = [kinases["ABL1"], "XUO*X", "", "MKVLAAGGWY" * 3500]
    inputs = encoder.encode_proteins([Target(f"T{k}", chain) for k, chain in enumerate(chains)])
    batch = inputs.batch(np.array([3, 0, 1, 2]))
    assert np.isfinite(inputs.alike).all() and inputs.alike.shape == (4, 6)
    assert batch.composition.isfinite().all() and batch.flags.shape == (4, 3)
    assert batch.tokens.min() >= 0 and batch.tokens.max() <= PADDING
    assert (batch.tokens[3] == PADDING).all()
    np.testing.assert_allclose(inputs.alike[0].max(), 1.0, rtol=1e-6)
    np.testing.assert_array_equal(batch.aligned[1].numpy(), inputs.arrays.aligned[0])


def test_encode_pairs__selects_rows_over_the_same_inputs(
    make_pairs: MakePairs, encoder: InputEncoder
) -> None:
    data = encode_pairs(make_pairs(10, 7), encoder)
    rows: NDArray[np.bool_] = data.pairs.drug == 9
    part = data.select(rows)
    assert part.molecules is data.molecules and part.proteins is data.proteins
    assert len(part.pairs) == 7
    assert data.molecules.near.shape == (10, 8) and data.proteins.alike.shape == (7, 6)
