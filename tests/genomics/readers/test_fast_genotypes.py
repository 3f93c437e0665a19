"""Reading genotypes many bytes at a time, against a regular expression for each call."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomics.readers.byte_masks import N_BYTES
from genomics.readers.fast_genotypes import decode_calls, gather_calls

N_ALTS = 2
_ALLELE = r"[0-2.]"
_NUMBERS = r"(?:[0-9]{1,9}|\.)(?:,(?:[0-9]{1,9}|\.))*"


def _read(
    line: bytes, n_columns: int, n_keys: int, before: bytes, behind: bytes
) -> list[tuple[int, ...]] | None:
    text = np.frombuffer(before + line + behind, np.uint8)
    calls = np.zeros(n_columns, np.uint32)
    after = gather_calls(text, len(before), n_columns, n_keys, calls)
    if after < 0:
        return None
    assert after == len(before) + len(line)
    genotypes, phased = np.zeros((n_columns, 2), np.int8), np.zeros(n_columns, np.bool_)
    states = np.zeros(n_columns, np.int8)
    pairs = genotypes.view(np.uint16)[:, 0]
    if not decode_calls(calls.view(np.uint8), 0, n_columns, N_ALTS, np.uint8(2), pairs, phased, states):
        return None
    return [
        (*map(int, alleles), int(p), int(s)) for alleles, p, s in zip(genotypes, phased, states, strict=True)
    ]


def _expected(line: bytes, n_columns: int, n_keys: int) -> list[tuple[int, ...]] | None:
    cells = line.removesuffix(b"\n").decode("latin-1").split("\t")
    wanted = re.compile(f"({_ALLELE})([|/])({_ALLELE})(?::{_NUMBERS}){{0,{n_keys - 1}}}", re.ASCII)
    found = [wanted.fullmatch(cell) for cell in cells]
    if len(cells) != n_columns or not all(found):
        return None
    calls = []
    for match in found:
        assert match is not None
        alleles = [-1 if text == "." else int(text) for text in match.group(1, 3)]
        calls.append((*alleles, int(match[2] == "|"), 1 if -1 in alleles else 2))
    return calls


_number = st.one_of(st.just("."), st.integers(0, 10**10).map(str), st.just("000000012"))
_cell = st.builds(
    lambda gt, rest: ":".join([gt, *rest]),
    st.sampled_from(["0|0", "0/1", "./.", "1|2", ".|0", "2/.", "0|3", "10|1", "1", ""]),
    st.lists(st.lists(_number, min_size=1, max_size=3).map(",".join), max_size=4),
)
_usual = st.builds(
    lambda gt, dp, gq: f"{gt}:{dp}:{gq}",
    st.sampled_from(["0|0", "0/1", "./."]), st.integers(0, 200), st.integers(0, 99),
)  # fmt: skip


@given(
    cells=st.one_of(st.lists(_usual, min_size=1, max_size=40), st.lists(_cell, min_size=1, max_size=12)),
    n_keys=st.integers(1, 4),
    more_columns=st.sampled_from([0, 0, 0, -1, 1]),
    before=st.binary(max_size=70),
    data=st.data(),
)
def test_gather_calls__as_a_regular_expression_has_it(  # type: ignore[no-untyped-def]
    cells, n_keys, more_columns, before, data
):
    line = bytearray("\t".join(cells).encode() + b"\n")
    if data.draw(st.booleans()) and len(line) > 1:  # another byte somewhere
        at = data.draw(st.integers(0, len(line) - 2))
        line[at] = data.draw(st.sampled_from(b"0.:,|/\tx-\r \x80\xff\x00"))
    n_columns = max(1, len(cells) + more_columns)
    found = _read(bytes(line), n_columns, n_keys, before, b"1\t2\n" * N_BYTES)
    assert found == _expected(bytes(line), n_columns, n_keys)


@pytest.mark.parametrize("n_before", range(N_BYTES + 1))
@pytest.mark.parametrize(
    "cell", ["0|1:123456789", "0|1:1234567890", "0|1:.", "0|1:5,.:6", "0|1:5,:6", "0|1:.5"]
)
def test_gather_calls__wherever_the_64_bytes_end(cell: str, n_before: int) -> None:
    first = f"0|0:{'1' * max(1, n_before % 9)}" + ",1" * n_before
    line = f"{first}\t{cell}\t./.\n".encode()
    assert _read(line, 3, 3, b"", b"x" * N_BYTES) == _expected(line, 3, 3)


def test_gather_calls__near_the_end_of_the_text_is_left_to_others() -> None:
    assert _read(b"0|1:3\t0|0:4\n", 2, 2, b"", b"") is None
