"""Pairs from two sets: against forms written out pair by pair, with PyTorch's own attention."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from chem.errors import InputError
from chem.graph import MolecularGraphs
from models.parts.batch import MoleculeBatch, ProteinBatch
from models.parts.heads import RegressionHead
from models.parts.interaction import Bilinear, CrossAttention, PairStates
from models.parts.molecule import molecule_encoder
from models.parts.protein import ProteinEncoder, residue_tokens

INNER, DIM = 16, 12
N_ATOMS = [5, 1, 0, 9, 3]
N_PLACES = [4, 0, 7, 1]
PAIRS = [(0, 0), (3, 2), (3, 3), (1, 2), (4, 0), (0, 2), (2, 2), (2, 1), (1, 1), (3, 2)]


@pytest.fixture
def vectors() -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(len(N_ATOMS), 6), torch.randn(len(N_PLACES), 10)


@pytest.fixture
def pairs() -> tuple[Tensor, Tensor]:
    molecule, protein = torch.tensor(PAIRS).unbind(1)
    return molecule, protein


@pytest.fixture
def states() -> PairStates:
    """States of molecules and proteins of unequal size, with rubbish where the mask is false."""
    torch.manual_seed(2)
    mask = torch.arange(max(N_PLACES)) < torch.tensor(N_PLACES)[:, None]
    return PairStates(
        torch.randn(sum(N_ATOMS), INNER),
        torch.repeat_interleave(torch.arange(len(N_ATOMS)), torch.tensor(N_ATOMS)),
        torch.randn(len(N_PLACES), max(N_PLACES), INNER).masked_fill(~mask[..., None], 1e4),
        mask,
    )


def cross_attention(block: int = 3) -> CrossAttention:
    torch.manual_seed(3)
    return CrossAttention(
        6, 10, atom_dim=INNER, place_dim=INNER, dim=DIM, rank=8, inner=INNER, n_heads=4, block=block
    )


def test_bilinear__equals_the_form_written_out(
    vectors: tuple[Tensor, Tensor], pairs: tuple[Tensor, Tensor]
) -> None:
    torch.manual_seed(0)
    meet = Bilinear(6, 10, DIM, rank=4)
    found = meet(*vectors, *pairs)
    assert found.shape == (len(PAIRS), DIM) and meet.dim == DIM
    u, v, w = meet.molecule_factor.weight, meet.protein_factor.weight, meet.product.weight
    full = nn.Bilinear(6, 10, DIM, bias=False)
    full.weight.data = torch.einsum("or,ri,rj->oij", w, u, v)
    for row, (i, j) in enumerate(PAIRS):
        x, y = vectors[0][i], vectors[1][j]
        # The factors' biases make terms that are linear in one side alone.
        a, b = meet.molecule_factor.bias, meet.protein_factor.bias
        linear = w @ (a * (v @ y) + b * (u @ x) + a * b)
        expected = meet.molecule(x) + meet.protein(y) + full(x, y) + linear
        torch.testing.assert_close(found[row], expected, atol=1e-5, rtol=1e-5)


def torch_attention(reader: nn.Sequential, read: nn.Sequential) -> nn.MultiheadAttention:
    """PyTorch's attention with the queries of one side and the keys and values of the other."""
    attention = nn.MultiheadAttention(INNER, 4, batch_first=True)
    own, other = reader[1], read[1]
    assert isinstance(own, nn.Linear) and isinstance(other, nn.Linear)
    with torch.no_grad():
        attention.in_proj_weight.copy_(torch.cat([own.weight[:INNER], other.weight[INNER : 3 * INNER]]))
        attention.in_proj_bias.copy_(torch.cat([own.bias[:INNER], other.bias[INNER : 3 * INNER]]))
        attention.out_proj.weight.copy_(torch.eye(INNER))
        attention.out_proj.bias.zero_()
    return attention


def read_alone(reader: nn.Sequential, read: nn.Sequential, h: Tensor, other: Tensor) -> Tensor:
    """One direction for one pair without padding."""
    if not len(h):
        return torch.zeros(INNER)
    own = reader(h)[:, 3 * INNER :]
    if not len(other):
        return torch.relu(own).mean(0)
    query, key = reader[0](h)[None], read[0](other)[None]
    found, _ = torch_attention(reader, read)(query, key, key)
    return torch.relu(own + found[0]).mean(0)


def test_cross_attention__equals_torch_attention_pair_by_pair(
    vectors: tuple[Tensor, Tensor], pairs: tuple[Tensor, Tensor], states: PairStates
) -> None:
    meet = cross_attention()
    found = meet(*vectors, *pairs, states)
    assert found.shape == (len(PAIRS), DIM)
    terms = meet.vectors(*vectors, *pairs)
    for row, (i, j) in enumerate(PAIRS):
        atoms = states.atoms[states.batch == i]
        places = states.places[j, states.mask[j]]
        both = torch.cat(
            [
                read_alone(meet.atom, meet.place, atoms, places),
                read_alone(meet.place, meet.atom, places, atoms),
            ]
        )
        torch.testing.assert_close(found[row], terms[row] + meet.result(both), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("block", [1, 4, 1000])
def test_cross_attention__blocks_change_nothing(
    block: int, vectors: tuple[Tensor, Tensor], pairs: tuple[Tensor, Tensor], states: PairStates
) -> None:
    one, other = cross_attention(3), cross_attention(block)
    results = [meet(*vectors, *pairs, states) for meet in (one, other)]
    torch.testing.assert_close(*results, atol=1e-5, rtol=1e-5)
    for meet, result in zip((one, other), results, strict=True):
        (result**2).sum().backward()
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in meet.parameters())
    for left, right in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(left.grad, right.grad, atol=1e-4, rtol=1e-4)


def test_cross_attention__recomputing_gives_the_same_result_and_gradient(
    vectors: tuple[Tensor, Tensor],
    pairs: tuple[Tensor, Tensor],
    states: PairStates,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meet = cross_attention()
    with torch.no_grad():
        plain = meet(*vectors, *pairs, states)
    result = meet(*vectors, *pairs, states)
    torch.testing.assert_close(result, plain, atol=1e-6, rtol=1e-6)
    gradients = torch.autograd.grad((result**2).sum(), list(meet.parameters()))
    monkeypatch.setattr("models.parts.interaction.checkpoint", lambda f, *args, **_: f(*args))
    direct = torch.autograd.grad((meet(*vectors, *pairs, states) ** 2).sum(), list(meet.parameters()))
    for left, right in zip(gradients, direct, strict=True):
        torch.testing.assert_close(left, right, atol=1e-6, rtol=1e-6)


def test_cross_attention__keeps_no_more_than_a_block() -> None:
    """What is kept for the gradient of many pairs is far less than the positions of those pairs."""
    n_pairs, n_atoms, n_places = 600, 20, 30
    meet = cross_attention(block=8)
    states = PairStates(
        torch.randn(4 * n_atoms, INNER),
        torch.arange(4).repeat_interleave(n_atoms),
        torch.randn(5, n_places, INNER),
        torch.ones(5, n_places, dtype=torch.bool),
    )
    molecule, protein = torch.randint(0, 4, (n_pairs,)), torch.randint(0, 5, (n_pairs,))
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes() // 4
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        meet(torch.randn(4, 6), torch.randn(5, 10), molecule, protein, states)
    assert sum(kept.values()) < n_pairs * (n_atoms + n_places) * INNER / 4


def test_cross_attention__no_pairs(vectors: tuple[Tensor, Tensor], states: PairStates) -> None:
    nothing = torch.zeros(0, dtype=torch.long)
    assert cross_attention()(*vectors, nothing, nothing, states).shape == (0, DIM)


def test_cross_attention__what_the_mask_hides_is_not_read(
    vectors: tuple[Tensor, Tensor], pairs: tuple[Tensor, Tensor], states: PairStates
) -> None:
    meet = cross_attention()
    other = PairStates(
        states.atoms, states.batch, states.places.masked_fill(~states.mask[..., None], -3.0), states.mask
    )
    torch.testing.assert_close(
        meet(*vectors, *pairs, states), meet(*vectors, *pairs, other), atol=1e-6, rtol=1e-6
    )


@pytest.mark.parametrize("kind", ["bilinear", "cross"])
def test_parts__compose_to_a_network_that_learns(
    kind: str, graphs: MolecularGraphs, molecules: MoleculeBatch
) -> None:
    """Two encoders, an interaction and a head, in as many lines, fit labels of real molecules."""
    torch.manual_seed(0)
    fields = graphs.node_cardinalities, graphs.edge_cardinalities
    molecule_part = molecule_encoder("gine", *fields, dim=16, n_layers=2, dropout=0.0)
    protein_part = ProteinEncoder(16, dropout=0.0, unknown=0.0)
    head = RegressionHead(24, hidden=16, dropout=0.0)
    meet = Bilinear(16, 16, 24) if kind == "bilinear" else CrossAttention(
        16, 16, atom_dim=16, place_dim=16, dim=24, inner=16, block=16
    )  # fmt: skip
    network = nn.ModuleList([molecule_part, protein_part, meet, head])
    tokens = torch.from_numpy(residue_tokens(["MKVLAACDEF" * 4, "WYGHIKLMNPQRST", "ACDX" * 15]))
    nothing = torch.zeros(3, 0)
    proteins = ProteinBatch(tokens, nothing.long(), nothing, nothing)
    molecule = torch.arange(molecules.n_molecules).repeat_interleave(3)
    protein = torch.arange(3).repeat(molecules.n_molecules)
    label, mask = torch.randn(len(molecule), 1), torch.rand(len(molecule), 1) < 0.8

    def loss() -> Tensor:
        atoms, left = molecule_part(molecules)
        places, there, right = protein_part(proteins)
        states = [PairStates(atoms, molecules.batch, places, there)] if kind == "cross" else []
        return head.loss(head(meet(left, right, molecule, protein, *states)), label, mask)

    optimiser = torch.optim.AdamW(network.parameters(), lr=0.02)
    first = loss().item()
    for _ in range(20):
        optimiser.zero_grad()
        loss().backward()
        optimiser.step()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())
    assert loss().item() < 0.7 * first


def test_cross_attention__heads_must_divide() -> None:
    with pytest.raises(InputError, match="3 heads do not divide a width of 16"):
        CrossAttention(6, 10, atom_dim=8, place_dim=8, inner=16, n_heads=3)
