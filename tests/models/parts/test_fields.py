"""Fields: each has codes of its own, code 0 is trained, and distinct rows are embedded once."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from chem import InputError
from models.parts.batch import MoleculeBatch
from models.parts.fields import FieldEmbedding

CARDINALITIES = (3, 5, 2)
codes = st.lists(st.tuples(*(st.integers(0, size - 1) for size in CARDINALITIES)), max_size=30)


@given(codes)
def test_field_embedding__is_the_sum_of_its_tables(rows: list[tuple[int, ...]]) -> None:
    field = FieldEmbedding(CARDINALITIES, 4, dropout=0.0)
    table = torch.tensor(rows, dtype=torch.long).view(-1, len(CARDINALITIES))
    tables = field.tables.weight.split(list(CARDINALITIES))
    expected = sum(own[column] for own, column in zip(tables, table.t(), strict=True))
    torch.testing.assert_close(field(table), expected)
    kinds, kind = field.distinct(table)
    assert len(kinds) == len(set(rows))
    torch.testing.assert_close(kinds[kind], expected)


def test_field_embedding__gradient_is_that_of_the_sum(molecules: MoleculeBatch) -> None:
    x = molecules.x
    field = FieldEmbedding([int(size) + 1 for size in x.amax(dim=0)], 4, dropout=0.0).double()
    weight = torch.linspace(-1, 1, 4 * len(x), dtype=torch.float64).view(-1, 4)
    (found,) = torch.autograd.grad((field(x) * weight).sum(), [field.tables.weight])
    plain = field.tables(x + field.starts).sum(dim=1)
    (expected,) = torch.autograd.grad((plain * weight).sum(), [field.tables.weight])
    torch.testing.assert_close(found, expected)


def test_field_embedding__dropout_reads_the_unknown_code_in_training_alone() -> None:
    torch.manual_seed(0)
    field = FieldEmbedding([3], 4, dropout=0.5)
    ones = torch.ones((200, 1), dtype=torch.long)
    field.train()
    unknown = (field(ones) == field.tables.weight[0]).all(dim=1)
    assert 60 < unknown.sum() < 140
    field.eval()
    assert (field(ones) == field.tables.weight[1]).all()


def test_field_embedding__code_of_a_newer_schema() -> None:
    with pytest.raises(InputError, match=r"code 5; expected 3 fields with codes below \[3, 5, 2\]"):
        FieldEmbedding(CARDINALITIES, 4)(torch.tensor([[2, 5, 1]]))


def test_field_embedding__too_many_combinations() -> None:
    with pytest.raises(InputError, match="2 to the power of 63"):
        FieldEmbedding([1000] * 7, 4)
