"""Lists of structures in blocks, in order, over processes or not."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem

from chem.errors import InputError
from chem.molecules import map_blocks, molecule_at
from chem.rdkit_descriptor import _table

weights = partial(_table, ("MolWt",))


def count_atoms(first: int, items: list[object]) -> list[tuple[int, int]]:
    return [
        (first + place, molecule_at(first + place, item).GetNumAtoms()) for place, item in enumerate(items)
    ]


@given(st.integers(0, 30), st.integers(1, 12))
def test_blocks__every_item_once_in_order(n: int, block: int) -> None:
    blocks = list(map_blocks(count_atoms, ("C" * (i + 1) for i in range(n)), block=block))
    assert [row for rows in blocks for row in rows] == [(i, i + 1) for i in range(n)]
    assert [len(rows) for rows in blocks] == [block] * (n // block) + [n % block] * bool(n % block)


def test_blocks__same_over_processes() -> None:
    smiles = ["C" * (i % 7 + 1) for i in range(50)]
    alone = np.concatenate(list(map_blocks(weights, smiles, block=6)))
    together = list(map_blocks(weights, smiles, block=6, threads=2))
    assert [len(rows) for rows in together] == [6] * 8 + [2]
    np.testing.assert_array_equal(np.concatenate(together), alone)


def test_blocks__read_few_ahead() -> None:
    """A stream without end can be read: no more is taken than is needed."""
    taken = []

    def endless():  # type: ignore[no-untyped-def]
        while True:
            taken.append(1)
            yield "CCO"

    blocks = map_blocks(count_atoms, endless(), block=10)
    assert len(next(blocks)) == 10 and len(taken) <= 20


def test_blocks__errors_of_processes_keep_their_record() -> None:
    smiles = ["C"] * 30
    smiles[27] = "C1CC"
    with pytest.raises(InputError, match="record 27, field smiles: 'C1CC' does not parse") as raised:
        list(map_blocks(weights, smiles, block=5, threads=2))
    assert raised.value.record == 27 and raised.value.field == "smiles"


def test_molecule__parsed_ones_pass() -> None:
    molecule = Chem.MolFromSmiles("CCO")
    assert molecule_at(0, molecule) is molecule
    with pytest.raises(InputError, match="record 4: the molecule has no atoms"):
        molecule_at(4, Chem.Mol())


@pytest.mark.parametrize("bad", [None, 3, float("nan"), "", "  ", "CCO name", "C1CC"])
def test_molecule__bad_input(bad: object) -> None:
    with pytest.raises(InputError, match=r"record 2, field smiles: .* does not parse"):
        molecule_at(2, bad)  # type: ignore[arg-type]


def test_molecule__a_long_text_gives_a_short_error() -> None:
    with pytest.raises(InputError, match=r"\(100003 letters\) does not parse") as raised:
        molecule_at(0, "C" * 100_000 + "(")
    assert len(str(raised.value)) < 1000


def test_blocks__one_molecule_is_not_a_list() -> None:
    with pytest.raises(InputError, match="one molecule was given; expected a list of SMILES"):
        map_blocks(count_atoms, "CCO", block=2)
    with pytest.raises(InputError, match="0 threads"):
        map_blocks(count_atoms, ["CCO"], block=2, threads=0)
