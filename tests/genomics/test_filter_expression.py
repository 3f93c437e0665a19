from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomics.block import VariantBlock, empty_block
from genomics.errors import InputError
from genomics.filter_expression import FilterExpression


def _block(
    n: int = 1,
    alleles: tuple[str, ...] = ("A", "C"),
    quality: float = 30.0,
    info: Mapping[str, np.ndarray] | None = None,
    formats: Mapping[str, np.ndarray] | None = None,
    n_samples: int = 2,
) -> VariantBlock:
    return replace(
        empty_block(n_samples), contigs=["1"] * n, positions=np.arange(1, n + 1), identifiers=[""] * n,
        alleles=[alleles] * n, quality=np.full(n, quality, np.float32), filters=[()] * n,
        genotypes=np.zeros((n, n_samples, 2), np.int8), states=np.zeros((n, n_samples), np.int8),
        info=dict(info or {}), formats=dict(formats or {}),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "fails"),
    [
        ("QUAL / INFO/AO <= 10", True),
        ("QUAL / INFO/AO < 10", False),
        ("INFO/AO > 2 + QUAL / 30", False),
        ("INFO/AO < -(3.5 - 4 * QUAL / 10)", True),
        ("-INFO/AO < -2.5", True),
        ("INFO/AO - 1 - 1 >= 1", True),
    ],
)
def test_expression__groups_as_arithmetic_does(text: str, fails: bool) -> None:
    holds, missing = FilterExpression(text).evaluate(_block(info={"AO": np.array([3], np.int32)}))
    assert (holds.item(), missing.item()) == (fails, False)


@pytest.mark.parametrize(
    "text", ["INFO/AO > 0", "INFO/AO <= 0", "QUAL / INFO/AO < 1e9", "1 < INFO/AO + INFO/XX"]
)
def test_expression__holds_nowhere_where_a_value_is_missing(text: str) -> None:
    holds, missing = FilterExpression(text).evaluate(_block(info={"AO": np.array([-1], np.int32)}))
    assert (holds.any(), missing.all()) == (False, True)


def test_expression__of_missing_qual_and_undeclared_field() -> None:
    for text in ("QUAL < 30", "INFO/QD < 2", "FORMAT/GQ < 20"):
        holds, missing = FilterExpression(text).evaluate(_block(quality=np.nan))
        assert not holds.any() and missing.all()


def test_expression__one_value_per_alt_or_per_call() -> None:
    block = _block(
        alleles=("A", "C", "G"),
        info={"SAF": np.array([[0, 4]], np.int32), "DP": np.array([40], np.int32)},
        formats={"SP": np.array([[10, 61]], np.int32)},
    )
    assert FilterExpression("INFO/SAF <= 0").evaluate(block)[0].tolist() == [[True, False]]
    assert FilterExpression("FORMAT/SP > 40 + INFO/DP / 2").evaluate(block)[0].tolist() == [[False, True]]


def test_expression__number_equals_the_same_number_in_the_file() -> None:
    block = _block(info={"R2": np.array([0.7], np.float32)})
    assert not FilterExpression("INFO/R2 < 0.7").evaluate(block)[0].any()
    assert FilterExpression("INFO/R2 <= 0.7").evaluate(block)[0].all()


@pytest.mark.parametrize(
    "text",
    [
        "", "QUAL", "QUAL < ", "QD < 2", "QUAL < 3 < 4", "QUAL == 3", "abs(QUAL) < 3", "QUAL < '3'", "QUAL < True",
        "INFO/QD < 2 or QUAL < 3", "__import__('os').system('x') < 3", "INFO.__class__.x < 3", "FILTER < 3",
        "QUAL ** 2 < 3", "QUAL < 3; QUAL < 2", "INFO < 3", "FMT/GQ < 3", "QUAL < 1j", "\0",
    ],
)  # fmt: skip
def test_expression__anything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="one comparison"):
        FilterExpression(text)


@given(st.text(max_size=40) | st.text("QUALINFORMAT/<>=+-*. 0123456789()", max_size=30))
def test_expression__any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(InputError):
        FilterExpression(text).evaluate(_block())


def test_expression__of_text_or_of_too_many_values_is_refused() -> None:
    block = _block(info={"T": np.array(["x"], object)}, formats={"AD": np.zeros((1, 2, 3), np.int32)})
    with pytest.raises(InputError, match="text"):
        FilterExpression("INFO/T < 3").evaluate(block)
    with pytest.raises(InputError, match="3 values"):
        FilterExpression("FORMAT/AD < 3").evaluate(block)
