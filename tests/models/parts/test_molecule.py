"""The whole encoder, by each of its names: shapes, invariances, gradients, and bad input."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chem import InputError, MolecularGraphs
from models.parts.batch import MoleculeBatch, molecule_batch
from models.parts.molecule import MOLECULE_ENCODERS, MoleculeEncoder, molecule_encoder
from tests.models.parts.conftest import SMILES

DIM = 16
every_encoder = pytest.mark.parametrize("name", MOLECULE_ENCODERS)


def make(name: str, graphs: MolecularGraphs, dropout: float = 0.1) -> MoleculeEncoder:
    torch.manual_seed(0)
    return molecule_encoder(
        name, graphs.node_cardinalities, graphs.edge_cardinalities, DIM, n_layers=3, dropout=dropout
    )


def relabel(batch: MoleculeBatch, seed: int) -> tuple[MoleculeBatch, torch.Tensor]:
    """Shuffle atoms across the whole batch and edges too; also the old atom of each new one."""
    rng = np.random.default_rng(seed)
    order = torch.from_numpy(rng.permutation(len(batch.x)))
    place = torch.empty_like(order)
    place[order] = torch.arange(len(order))
    edges = torch.from_numpy(rng.permutation(batch.edge_index.shape[1]))
    shuffled = replace(
        batch,
        x=batch.x[order],
        batch=batch.batch[order],
        edge_index=place[batch.edge_index][:, edges],
        edge_attr=batch.edge_attr[edges],
    )
    return shuffled, order


@every_encoder
def test_encoder__shapes(name: str, graphs: MolecularGraphs, molecules: MoleculeBatch) -> None:
    encoder = make(name, graphs).eval()
    states, vectors = encoder(molecules)
    assert states.shape == (len(molecules.x), encoder.core.dim) == (len(molecules.x), DIM)
    assert vectors.shape == (len(graphs), encoder.dim) == (len(graphs), DIM)
    assert states.dtype == vectors.dtype == torch.float32


@every_encoder
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(len(SMILES))))
def test_encoder__order_of_molecules_is_that_of_vectors(
    name: str, graphs: MolecularGraphs, molecules: MoleculeBatch, order: list[int]
) -> None:
    encoder = make(name, graphs).double().eval()
    _, expected = encoder(molecules)
    _, vectors = encoder(molecule_batch(graphs, order))
    torch.testing.assert_close(vectors, expected[order], atol=1e-10, rtol=1e-10)


@every_encoder
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 1000))
def test_encoder__names_of_atoms_do_not_matter(
    name: str, graphs: MolecularGraphs, molecules: MoleculeBatch, seed: int
) -> None:
    encoder = make(name, graphs).double().eval()
    states, vectors = encoder(molecules)
    shuffled, order = relabel(molecules, seed)
    new_states, new_vectors = encoder(shuffled)
    torch.testing.assert_close(new_vectors, vectors, atol=1e-10, rtol=1e-10)
    torch.testing.assert_close(new_states, states[order], atol=1e-10, rtol=1e-10)


@every_encoder
def test_encoder__batch_equals_one_by_one(
    name: str, graphs: MolecularGraphs, molecules: MoleculeBatch
) -> None:
    encoder = make(name, graphs).eval()
    _, together = encoder(molecules)
    alone = torch.cat([encoder(molecule_batch(graphs, [i]))[1] for i in range(len(graphs))])
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=1e-5)


@every_encoder
def test_encoder__tells_molecules_apart(name: str, graphs: MolecularGraphs, molecules: MoleculeBatch) -> None:
    _, vectors = make(name, graphs).eval()(molecules)
    distances = torch.cdist(vectors, vectors) + torch.eye(len(vectors)) * 1e3
    assert distances.min() > 1e-3


@every_encoder
def test_encoder__gradient_reaches_every_parameter(
    name: str, graphs: MolecularGraphs, molecules: MoleculeBatch
) -> None:
    encoder = make(name, graphs).train()
    _, vectors = encoder(molecules)
    vectors.square().sum().backward()
    for parameter_name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert torch.isfinite(parameter.grad).all(), parameter_name
        assert (parameter.grad != 0).any(), parameter_name


@every_encoder
def test_encoder__same_bits_from_the_same_seed(
    name: str, graphs: MolecularGraphs, molecules: MoleculeBatch
) -> None:
    """Two steps of training, dropout and all."""

    def train() -> list[torch.Tensor]:
        encoder = make(name, graphs).train()
        optimiser = torch.optim.AdamW(encoder.parameters())
        for _ in range(2):
            optimiser.zero_grad()
            encoder(molecules)[1].square().mean().backward()
            optimiser.step()
        return list(encoder.parameters())

    assert all(torch.equal(one, other) for one, other in zip(train(), train(), strict=True))


@every_encoder
def test_encoder__in_bfloat16_is_close(name: str, graphs: MolecularGraphs, molecules: MoleculeBatch) -> None:
    encoder = make(name, graphs).eval()
    _, exact = encoder(molecules)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        _, vectors = encoder(molecules)
    vectors.float().sum().backward()
    assert torch.nn.functional.cosine_similarity(vectors.float(), exact).min() > 0.99


@every_encoder
def test_encoder__atoms_and_bonds_never_seen(name: str, graphs: MolecularGraphs) -> None:
    """Everything unknown is a vector like any other: code 0 of each field."""
    batch = molecule_batch(graphs, [2, 3])
    unknown = replace(batch, x=torch.zeros_like(batch.x), edge_attr=torch.zeros_like(batch.edge_attr))
    _, vectors = make(name, graphs).eval()(unknown)
    assert torch.isfinite(vectors).all()


@every_encoder
def test_encoder__no_molecules(name: str, graphs: MolecularGraphs) -> None:
    states, vectors = make(name, graphs).eval()(molecule_batch(graphs, []))
    assert states.shape == vectors.shape == (0, DIM)


def test_encoder__codes_of_a_newer_schema(graphs: MolecularGraphs, molecules: MoleculeBatch) -> None:
    with pytest.raises(InputError, match="11 fields; expected 8 fields"):
        make("gine", graphs.project(1))(molecules)


def test_molecule_encoder__unknown_name() -> None:
    with pytest.raises(InputError, match="'gin' is no molecule encoder; expected gine or"):
        molecule_encoder("gin", [3], [3])


@pytest.mark.parametrize("size", ["dim", "n_layers"])
def test_molecule_encoder__no_size(size: str) -> None:
    with pytest.raises(InputError, match=f"field {size}: 0; expected 1 or more"):
        molecule_encoder("gine", [3], [3], **{size: 0})
