"""Repeated molecules, found without holding the molecules."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import chem.library_duplicates
from chem.library_duplicates import find_repeats


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keys=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 1)), max_size=80),
    part=st.integers(1, 20),
    bucket=st.sampled_from([1, 4, 1 << 20]),
)
def test_repeats__as_a_dictionary_finds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: list[tuple[int, int]], part: int, bucket: int
) -> None:
    monkeypatch.setattr(chem.library_duplicates, "_BUCKET", bucket)
    array = np.array(keys, np.uint64).reshape(-1, 2)
    parts = (array[at : at + part] for at in range(0, len(keys), part))
    found = find_repeats(parts, len(keys), tmp_path / "keys")
    first: dict[tuple[int, int], int] = {}
    for place, key in enumerate(keys):
        if key != (0, 0):
            first.setdefault(key, place)
    repeats = [place for place, key in enumerate(keys) if key != (0, 0) and first[key] != place]
    assert found.n_records == len(keys)
    assert found.n_usable == len(first)
    assert found.repeats.tolist() == repeats
    assert found.originals.tolist() == [first[keys[place]] for place in repeats]
    assert found.rejected.tolist() == [place for place, key in enumerate(keys) if key == (0, 0)]
    expected = [first.get(key, place) for place, key in enumerate(keys)]
    middle = len(keys) // 2
    both = [*found.original_of(0, middle), *found.original_of(middle, len(keys))]
    assert both == expected
    assert found.graph_number(np.array(list(first.values()), np.int64)).tolist() == list(range(len(first)))
    assert not (tmp_path / "keys").exists()
