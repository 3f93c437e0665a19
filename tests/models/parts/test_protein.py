"""The protein encoder: padding changes nothing, every view is read, long and odd sequences work."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from chem.errors import InputError
from models.kinase import AMINO_ACIDS
from models.parts.batch import ProteinBatch
from models.parts.protein import ProteinEncoder, protein_batches, residue_tokens
from models.protein import PADDING

DIM, COLUMNS, FLAGS, LANGUAGE = 16, 20, 3, 10


def some_batch(lengths: list[int], padding: int = 0, seed: int = 0) -> ProteinBatch:
    """Return random proteins of these lengths with all their views and `padding` more columns."""
    rng = np.random.default_rng(seed)
    sequences = ["".join(rng.choice(list(AMINO_ACIDS + "X"), size)) for size in lengths]
    tokens = torch.nn.functional.pad(torch.from_numpy(residue_tokens(sequences)), (0, padding), value=PADDING)
    n = len(lengths)
    return ProteinBatch(
        tokens,
        torch.from_numpy(rng.integers(0, 22, (n, COLUMNS))),
        torch.from_numpy(rng.dirichlet(np.ones(420), n).astype(np.float32)),
        torch.from_numpy(rng.integers(0, 2, (n, FLAGS)).astype(np.float32)),
        torch.from_numpy(rng.normal(size=(n, LANGUAGE)).astype(np.float32)),
    )


def only(batch: ProteinBatch, row: int, length: int) -> ProteinBatch:
    """Return one protein of a batch, cut to `length` tokens."""
    assert batch.embedding is not None
    rows = slice(row, row + 1)
    return ProteinBatch(
        batch.tokens[rows, :length],
        batch.aligned[rows],
        batch.composition[rows],
        batch.flags[rows],
        batch.embedding[rows],
    )


def new_encoder(seed: int = 0, **views: int | None) -> ProteinEncoder:
    torch.manual_seed(seed)
    every: dict[str, int | None] = {"n_columns": COLUMNS, "n_flags": FLAGS, "embedding_dim": LANGUAGE}
    return ProteinEncoder(DIM, **{**every, **views}).eval()  # type: ignore[arg-type]


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=1e-4)


def test_protein_encoder__shapes() -> None:
    batch = some_batch([30, 17, 1])
    states, mask, vector = new_encoder()(batch)
    assert states.shape == (3, 4, DIM) and vector.shape == (3, DIM)
    assert mask.dtype == torch.bool
    # Place p is centred on residue 8 p.
    assert mask.sum(dim=1).tolist() == [4, 3, 1] and ProteinEncoder.stride == 8
    assert (states[~mask] == 0).all()


@settings(max_examples=25, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 90), min_size=1, max_size=5),
    padding=st.integers(0, 70),
    seed=st.integers(0, 100),
)
def test_protein_encoder__padding_changes_nothing(lengths: list[int], padding: int, seed: int) -> None:
    encoder, batch = new_encoder(), some_batch(lengths, padding, seed)
    states, mask, vector = encoder(batch)
    for row, length in enumerate(lengths):
        alone_states, alone_mask, alone_vector = encoder(only(batch, row, length))
        assert alone_mask.all() and mask[row].sum() == alone_mask.shape[1]
        close(states[row, mask[row]], alone_states[0])
        close(vector[row], alone_vector[0])


def test_protein_encoder__gradients_do_not_depend_on_padding() -> None:
    encoder = new_encoder(n_columns=0, n_flags=None, embedding_dim=0)
    gradients = []
    for padding in (0, 40):
        encoder.zero_grad()
        encoder(some_batch([25, 60], padding))[2].square().sum().backward()
        gradients.append([p.grad.clone() for p in encoder.parameters() if p.grad is not None])
    for left, right in zip(*gradients, strict=True):
        close(left, right)


def test_protein_encoder__padding_stays_nothing_once_trained() -> None:
    """Weight decay and updates do not move the residue that stands for padding."""
    encoder = new_encoder().train()
    optimiser = torch.optim.AdamW(encoder.parameters(), lr=0.05, weight_decay=0.1)
    for step in range(3):
        optimiser.zero_grad()
        encoder(some_batch([20, 33], 5, step))[2].square().sum().backward()
        optimiser.step()
    encoder.eval()
    close(encoder(some_batch([20], 50))[2], encoder(some_batch([20], 0))[2])


def test_protein_encoder__equals_one_protein_written_out() -> None:
    """Plain convolutions of one sequence without padding, PyTorch's attention, sums over places."""
    encoder = new_encoder(n_columns=0, n_flags=None, embedding_dim=0)
    batch = some_batch([50, 21], padding=9)
    states, _, vector = encoder(batch)
    for row, length in enumerate((50, 21)):
        h = encoder.residue.table.weight[batch.tokens[row, :length]].T[None]
        for block, stride in ((encoder.first, 4), (encoder.second, 2)):
            weight, bias = block.convolution.weight, block.convolution.bias
            assert bias is not None
            reach = weight.shape[2] // 2
            padded = torch.nn.functional.pad(h, (reach, reach))
            windows = [padded[:, :, at : at + weight.shape[2]] for at in range(0, h.shape[2], stride)]
            h = torch.stack([torch.einsum("ncw,ocw->no", w, weight) + bias for w in windows], dim=2).relu()
        close(
            states[row, : h.shape[2]], encoder.attention(h.transpose(1, 2), torch.ones(1, h.shape[2]) > 0)[0]
        )
        x = states[row, : h.shape[2]]
        weights = encoder.pooling.score(x).softmax(dim=0).repeat_interleave(DIM // 4, dim=1)
        pooled = torch.cat([(weights * x).sum(dim=0), x.amax(dim=0).clamp(min=0)])
        close(vector[row], encoder.merge(pooled))


def test_protein_encoder__every_view_is_read_and_may_be_absent() -> None:
    batch = some_batch([30])
    assert batch.embedding is not None
    changed = {
        "n_columns": replace(batch, aligned=(batch.aligned + 1) % 20),
        "n_flags": replace(batch, flags=1 - batch.flags),
        "embedding_dim": replace(batch, embedding=-batch.embedding),
    }
    every = new_encoder()
    assert len(every.views) == 3
    for name, other in changed.items():
        assert not torch.allclose(every(batch)[2], every(other)[2])
        absent: dict[str, Any] = {name: None if name == "n_flags" else 0}
        without = new_encoder(**absent)
        assert len(without.views) == 2
        torch.testing.assert_close(without(batch)[2], without(other)[2], atol=0, rtol=0)
    composition = replace(batch, composition=batch.composition.flip(1))
    assert not torch.allclose(every(batch)[2], every(composition)[2])


def test_protein_encoder__absent_embeddings_are_refused_where_they_are_read() -> None:
    batch = replace(some_batch([30]), embedding=None)
    with pytest.raises(InputError, match=r"field embedding.*none were given; expected one vector of 10"):
        new_encoder()(batch)
    assert torch.isfinite(new_encoder(embedding_dim=0)(batch)[2]).all()


def test_protein_encoder__scale_of_embeddings_does_not_matter() -> None:
    encoder, batch = new_encoder(), some_batch([30, 12])
    assert batch.embedding is not None
    large = replace(batch, embedding=batch.embedding * 1000)
    torch.testing.assert_close(encoder(batch)[2], encoder(large)[2], atol=1e-3, rtol=1e-3)


def test_protein_encoder__gradient_reaches_every_parameter() -> None:
    encoder = new_encoder().train()
    encoder(some_batch([60, 80, 33]))[2].square().sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name
        assert (parameter.grad != 0).any(), name


def test_protein_encoder__one_residue_is_seen_far_away() -> None:
    encoder, batch = new_encoder(), some_batch([400])
    tokens = batch.tokens.clone()
    tokens[0, 399] = (tokens[0, 399] + 7) % 20
    before, after = encoder(batch)[0], encoder(replace(batch, tokens=tokens))[0]
    assert not torch.equal(before[0, 0], after[0, 0])


@pytest.mark.parametrize("odd", "XUO*BZJ-")
def test_protein_encoder__odd_residues_are_unknown(odd: str) -> None:
    tokens = torch.from_numpy(residue_tokens(["MKVLA" + odd + "ACD", "MKVLAXACD"]))
    encoder = new_encoder(n_columns=0, n_flags=None, embedding_dim=0)
    vector = encoder(replace(some_batch([9, 9]), tokens=tokens))[2]
    assert tokens[0, 5] == 21 and torch.isfinite(vector).all()
    torch.testing.assert_close(vector[0], vector[1], atol=0, rtol=0)


def test_protein_encoder__without_residues_is_finite() -> None:
    batch = some_batch([0, 30])
    states, mask, vector = new_encoder()(batch)
    assert not mask[0].any() and (states[0] == 0).all() and torch.isfinite(vector).all()
    encoder = new_encoder().train()
    encoder(batch)[2].square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in encoder.parameters())
    assert torch.isfinite(encoder(some_batch([0, 0]))[2]).all()


def test_protein_encoder__reads_the_longest_human_protein() -> None:
    """Titin has about 35,000 residues: 4,375 places, and no square of them is kept."""
    encoder = new_encoder()
    batch = some_batch([35_000])
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        states, _, vector = encoder(batch)
    assert states.shape == (1, 4375, DIM)
    assert sum(kept.values()) < 35_000 * 200 < 4375**2
    vector.square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in encoder.parameters())


def test_protein_encoder__same_seed_same_bits() -> None:
    results = []
    for _ in range(2):
        encoder = new_encoder(seed=7).train()
        vector = encoder(some_batch([60, 200, 33]))[2]
        vector.square().sum().backward()
        results.append([vector, *(p.grad for p in encoder.parameters())])
    assert all(torch.equal(left, right) for left, right in zip(*results, strict=True))


def test_protein_encoder__width_and_heads_must_fit() -> None:
    with pytest.raises(InputError, match="4 heads do not divide a width of 10"):
        ProteinEncoder(20)


def test_residue_tokens__of_nothing() -> None:
    assert residue_tokens([]).shape == (0, 1)
    assert residue_tokens([""]).tolist() == [[PADDING]]


@given(lengths=st.lists(st.integers(0, 5000), max_size=60), max_tokens=st.integers(1, 20_000))
def test_protein_batches__each_protein_once_and_rectangles_bounded(
    lengths: list[int], max_tokens: int
) -> None:
    groups = protein_batches(lengths, max_tokens)
    assert sorted(np.concatenate([*groups, []]).astype(int).tolist()) == list(range(len(lengths)))
    for group in groups:
        assert len(group) == 1 or len(group) * max(lengths[i] for i in group) <= max_tokens
    ends = [(min(lengths[i] for i in group), max(lengths[i] for i in group)) for group in groups]
    assert all(before[1] <= after[0] for before, after in pairwise(ends))
    # No group could have taken the next protein, so there are no more groups than needed.
    for group, after in pairwise(groups):
        assert (len(group) + 1) * lengths[after[0]] > max_tokens


def test_protein_batches__a_limit_below_one_is_refused() -> None:
    with pytest.raises(InputError, match="field max_tokens: is 0"):
        protein_batches([3], 0)
