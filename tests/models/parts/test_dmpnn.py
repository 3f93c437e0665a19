"""D-MPNN against chemprop: stored numbers everywhere, chemprop itself where its environment is."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from chem import InputError, MolecularGraphs
from models.parts.batch import molecule_batch
from models.parts.dmpnn import DMPNN, equal_rows, reverse_edges
from models.parts.segments import segment_mean, segment_sum
from tests.models.parts import chemprop_dmpnn as formula

ROOT = Path(__file__).resolve().parents[3]
CHEMPROP = ROOT / ".venv/peers/chemprop/bin/python"
STORED = json.loads(Path(__file__).with_name("chemprop_dmpnn.json").read_text("utf-8"))


def ours() -> dict[str, torch.Tensor]:
    """What our core and segments make of the inputs of the formula."""
    core = DMPNN(formula.ATOM_DIM, formula.DIM, formula.BOND_DIM, formula.DEPTH).double().eval()
    core.load_state_dict(formula.weights())
    x, edge_index, e, batch = formula.inputs()
    n_molecules = len(formula.N_ATOMS)
    states = core(x, edge_index, e, batch, n_molecules)
    mean, total = segment_mean(states, batch, n_molecules), segment_sum(states, batch, n_molecules)
    return {"states": states, "mean": mean, "norm": total / formula.SUM_NORM}


def test_dmpnn__equals_stored_numbers_of_chemprop() -> None:
    for name, found in ours().items():
        expected = torch.tensor(STORED[name], dtype=torch.float64)
        assert (expected > 0).sum() > 6  # relu leaves something to compare
        torch.testing.assert_close(found, expected, atol=1e-14, rtol=1e-12)


@pytest.mark.slow
def test_dmpnn__equals_chemprop_itself() -> None:
    if not CHEMPROP.exists():
        pytest.skip("chemprop's environment is not there (make benchmark-peers builds it)")
    result = subprocess.run(
        [str(CHEMPROP), "-W", "ignore", formula.__file__],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    theirs = json.loads(result.stdout)
    for name in ("states", "mean", "norm"):
        torch.testing.assert_close(
            torch.tensor(theirs[name], dtype=torch.float64),
            torch.tensor(STORED[name], dtype=torch.float64),
            atol=1e-14,
            rtol=1e-12,
        )
    # Real molecules in single precision; states are of the order of 1, so this is a few units in the last place.
    assert theirs["float32_difference"] < 5e-7


def test_dmpnn__kinds_equal_edge_rows(float_inputs: Callable[..., Any]) -> None:
    torch.manual_seed(0)
    core = DMPNN(7, 16, 5, n_layers=4).double().eval()
    inputs = float_inputs(7, 5)
    torch.testing.assert_close(core(*inputs.with_kinds()), core(*inputs.with_edge_rows()))


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_dmpnn__equal_edges_together_or_alone(depth: int, graphs: MolecularGraphs) -> None:
    """Where a gradient is asked for, every edge is computed alone; in double precision it is all the same."""
    torch.manual_seed(0)
    batch = molecule_batch(graphs, range(len(graphs)))
    x, e = batch.x.double(), batch.edge_attr.double()
    core = DMPNN(x.shape[1], 16, e.shape[1], depth).double().eval()
    alone = core(x.clone().requires_grad_(), batch.edge_index, e, batch.batch, len(graphs))
    together = core(x, batch.edge_index, e, batch.batch, len(graphs))
    torch.testing.assert_close(together, alone)
    weights = list(core.parameters())[: None if depth > 1 else 1]
    ours, plain = (torch.autograd.grad(out.square().sum(), weights) for out in (together, alone))
    for mine, theirs in zip(ours, plain, strict=True):
        torch.testing.assert_close(mine, theirs)


@given(st.lists(st.tuples(st.integers(-1, 1), st.integers(-1, 1)), max_size=20))
def test_equal_rows__are_equal(rows: list[tuple[int, int]]) -> None:
    table = torch.tensor(rows, dtype=torch.float32).view(-1, 2)
    first, kind = equal_rows(table)
    assert torch.equal(table[first][kind], table)
    assert len(first) == len(set(rows)) and torch.equal(kind[first], torch.arange(len(first)))


def test_equal_rows__projections_that_meet() -> None:
    """Two rows with one projection are told apart by the check; every row is then a kind of its own."""
    weight = torch.arange(1, 3, dtype=torch.float64).sqrt().sin()
    table = torch.stack([torch.zeros(2, dtype=torch.float64), torch.tensor([weight[1], -weight[0]])])
    assert (table @ weight).tolist() == [0, 0]
    first, kind = equal_rows(table)
    assert torch.equal(first, torch.arange(2)) and torch.equal(kind, torch.arange(2))


def test_dmpnn__passes_gradcheck() -> None:
    core = DMPNN(formula.ATOM_DIM, formula.DIM, formula.BOND_DIM, formula.DEPTH).double()
    core.load_state_dict(formula.weights())
    x, edge_index, e, batch = formula.inputs()
    x, e = x.requires_grad_(), e.requires_grad_()
    assert torch.autograd.gradcheck(lambda x, e: core(x, edge_index, e, batch, 3), (x, e))


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=10), st.randoms())
def test_reverse_edges__in_any_order(bonds: list[tuple[int, int]], random: Any) -> None:
    edges = [pair for a, b in bonds if a != b for pair in ((a, b), (b, a))]
    for order in (edges, random.sample(edges, len(edges))):
        edge_index = torch.tensor(order, dtype=torch.long).view(-1, 2).t()
        reverse = reverse_edges(edge_index)
        assert torch.equal(edge_index[:, reverse], edge_index.flip(0))
        assert sorted(reverse.tolist()) == list(range(len(order)))


@pytest.mark.parametrize("edges", [[(0, 1)], [(0, 1), (1, 2)], [(0, 1), (1, 0), (0, 1), (0, 1)]])
def test_reverse_edges__a_bond_that_runs_one_way(edges: list[tuple[int, int]]) -> None:
    with pytest.raises(InputError, match="a bond runs one way"):
        reverse_edges(torch.tensor(edges).t())
