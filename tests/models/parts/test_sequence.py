"""Layers over residues: against PyTorch's own and against loops over proteins without padding."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from models.kinase import UNKNOWN
from models.parts.sequence import AttentionPooling, ConvolutionBlock, ResidueEmbedding, SelfAttention
from models.protein import PADDING

DIM, HEADS = 16, 4
LENGTHS = [7, 1, 12, 0, 9]


@pytest.fixture
def mask() -> Tensor:
    return torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None]


@pytest.fixture
def h(mask: Tensor) -> Tensor:
    """States of proteins of unequal length, zero behind their ends."""
    torch.manual_seed(0)
    return torch.randn(len(LENGTHS), max(LENGTHS), DIM) * mask[..., None]


def test_residue_embedding__padding_is_zero_and_stays_so() -> None:
    torch.manual_seed(0)
    embedding = ResidueEmbedding(DIM, unknown=0.5).train()
    codes = torch.tensor([[3, PADDING], [UNKNOWN, 4]])
    optimiser = torch.optim.AdamW(embedding.parameters(), lr=0.1)
    for _ in range(3):
        out = embedding(codes)
        assert out.shape == (2, 2, DIM) and (out[0, 1] == 0).all() and (out[1, 0] != 0).any()
        optimiser.zero_grad()
        (out - 1).square().sum().backward()
        optimiser.step()


def test_residue_embedding__some_residues_are_unknown_in_training_alone() -> None:
    torch.manual_seed(0)
    embedding = ResidueEmbedding(DIM, unknown=0.2)
    codes = torch.full((20, 100), 5)
    hidden = (embedding.train()(codes) == embedding.table.weight[UNKNOWN]).all(-1)
    assert 0.15 < hidden.float().mean() < 0.25
    assert (embedding.eval()(codes) == embedding.table.weight[5]).all()


@pytest.mark.parametrize(("kernel", "stride"), [(9, 4), (5, 2), (3, 1), (5, 7)])
def test_convolution_block__equals_each_protein_alone(
    kernel: int, stride: int, h: Tensor, mask: Tensor
) -> None:
    block = ConvolutionBlock(DIM, 6, kernel, stride)
    out, left = block(h.transpose(1, 2), mask)
    assert out.shape == (len(LENGTHS), 6, -(-max(LENGTHS) // stride)) and left.shape == (
        out.shape[0],
        out.shape[2],
    )
    for row, length in enumerate(LENGTHS):
        places = -(-length // stride)
        assert left[row].tolist() == [p < places for p in range(out.shape[2])]
        assert (out[row, :, places:] == 0).all()
        if length:
            alone = torch.relu(block.convolution(h[row : row + 1, :length].transpose(1, 2)))[0]
            torch.testing.assert_close(out[row, :, :places], alone, atol=1e-6, rtol=1e-5)


def test_self_attention__equals_torch_attention(h: Tensor, mask: Tensor) -> None:
    torch.manual_seed(1)
    layer = SelfAttention(DIM, DIM, HEADS, dropout=0.3).eval()
    plain = nn.MultiheadAttention(DIM, HEADS, batch_first=True)
    with torch.no_grad():
        plain.in_proj_weight.copy_(layer.query_key_value.weight)
        plain.in_proj_bias.copy_(layer.query_key_value.bias)
    plain.out_proj.load_state_dict(layer.result.state_dict())
    normal = layer.norm(h)
    found, _ = plain(normal, normal, normal, key_padding_mask=~mask)
    some = torch.tensor(LENGTHS) > 0  # the other form gives NaN for a protein without residues
    out = layer(h, mask)
    torch.testing.assert_close(out[some], ((h + found) * mask[..., None])[some], atol=1e-5, rtol=1e-5)
    assert (out[~some] == 0).all()


def test_self_attention__equals_a_loop_over_proteins_and_heads(h: Tensor, mask: Tensor) -> None:
    torch.manual_seed(1)
    inner = 8
    layer = SelfAttention(DIM, inner, HEADS, dropout=0.3).eval()
    out = layer(h, mask)
    width = inner // HEADS
    for row, length in enumerate(LENGTHS):
        x = h[row, :length]
        query, key, value = layer.query_key_value(layer.norm(x)).chunk(3, dim=1)
        heads = []
        for head in range(HEADS):
            part = slice(head * width, (head + 1) * width)
            scores = query[:, part] @ key[:, part].T / width**0.5
            heads.append(scores.softmax(dim=1) @ value[:, part])
        expected = x + layer.result(torch.cat(heads, dim=1))
        torch.testing.assert_close(out[row, :length], expected, atol=1e-5, rtol=1e-5)
        assert (out[row, length:] == 0).all()


def test_self_attention__bfloat16_is_near_float32(h: Tensor, mask: Tensor) -> None:
    torch.manual_seed(1)
    layer = SelfAttention(DIM, 8, HEADS, dropout=0.0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = layer(h, mask)
    torch.testing.assert_close(out.float(), layer(h, mask), atol=0.03, rtol=0.03)
    out.float().square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in layer.parameters())


def test_self_attention__gradients_are_finite_without_residues(h: Tensor, mask: Tensor) -> None:
    layer = SelfAttention(DIM, 8, HEADS, dropout=0.0)
    layer(h, mask).square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in layer.parameters())


def test_self_attention__keeps_no_square_of_the_length() -> None:
    length = 3000
    layer = SelfAttention(DIM, 8, HEADS, dropout=0.1)
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes() // 4
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        layer(torch.randn(1, length, DIM), torch.ones(1, length, dtype=torch.bool))
    assert sum(kept.values()) < 20 * length * DIM < length**2


def test_attention_pooling__equals_a_loop_over_proteins(h: Tensor, mask: Tensor) -> None:
    torch.manual_seed(1)
    pooling = AttentionPooling(DIM, HEADS)
    out = pooling(h, mask)
    assert out.shape == (len(LENGTHS), 2 * DIM)
    width = DIM // HEADS
    for row, length in enumerate(LENGTHS):
        x = h[row, :length]
        if not length:
            assert (out[row] == 0).all()
            continue
        weights = pooling.score(x).softmax(dim=0)
        mean = torch.cat([weights[:, k] @ x[:, k * width : (k + 1) * width] for k in range(HEADS)])
        expected = torch.cat([mean, x.amax(dim=0).clamp(min=0)])
        torch.testing.assert_close(out[row], expected, atol=1e-6, rtol=1e-5)


def test_attention_pooling__weights_sum_to_one_over_residues(h: Tensor, mask: Tensor) -> None:
    weights = AttentionPooling(DIM, HEADS).weights(h, mask)
    assert weights.shape == (*mask.shape, HEADS)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(len(LENGTHS), HEADS))
    some = mask.any(dim=1)
    assert (weights[some][~mask[some]] == 0).all()
