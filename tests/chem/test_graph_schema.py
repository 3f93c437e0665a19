"""The schema: what is appended, what stays, and that its hash tells versions apart."""

from __future__ import annotations

import json

import numpy as np
import pytest
from rdkit import Chem

from chem.graph_schema import (
    EDGE_VOCABULARY,
    EDGE_VOCABULARY_V1,
    ELEMENTS,
    GRAPH_SCHEMA,
    GRAPH_SCHEMA_V1,
    NODE_VOCABULARY,
    NODE_VOCABULARY_V1,
    RING_SIZES,
    codes_of_version_1,
    schema_hash,
)


def test_schema_hash__is_what_the_shipped_network_records() -> None:
    from importlib.resources import files

    card = json.loads((files("varimol") / "data/networks/kinase-affinity/card.json").read_text())
    assert schema_hash() == card["graph_schema"]


def test_version_1__has_the_hash_that_its_stores_record() -> None:
    assert GRAPH_SCHEMA_V1["version"] == 1
    assert schema_hash(GRAPH_SCHEMA_V1) == "7a2992c848f5a114"


@pytest.mark.parametrize(
    ("before", "today"),
    [(NODE_VOCABULARY_V1, NODE_VOCABULARY), (EDGE_VOCABULARY_V1, EDGE_VOCABULARY)],
    ids=["nodes", "edges"],
)
def test_version_1__is_a_prefix(before: dict[str, tuple], today: dict[str, tuple]) -> None:
    assert list(today)[: len(before)] == list(before)
    for name, values in before.items():
        assert today[name][: len(values)] == values
        assert len(set(today[name])) == len(today[name])


def test_schema_hash__follows_the_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    before = schema_hash()
    assert before != schema_hash(GRAPH_SCHEMA_V1)
    monkeypatch.setitem(GRAPH_SCHEMA, "version", 99)
    assert schema_hash() != before


def test_schema__survives_json() -> None:
    again = json.loads(json.dumps(GRAPH_SCHEMA))
    assert schema_hash(again) == schema_hash()
    assert again["node_cardinalities"] == [len(values) + 1 for values in NODE_VOCABULARY.values()]


def test_vocabularies__hold_all_that_rdkit_has() -> None:
    table = Chem.GetPeriodicTable()
    assert sorted(table.GetAtomicNumber(symbol) for symbol in ELEMENTS) == list(range(119))
    assert set(EDGE_VOCABULARY["bond_type"]) == set(Chem.BondType.names)
    assert set(NODE_VOCABULARY["hybridisation"]) == set(Chem.HybridizationType.names)


def test_ring_sizes__in_the_order_of_their_bits() -> None:
    for mask, subset in enumerate(NODE_VOCABULARY["ring_sizes"]):
        assert mask == sum(1 << RING_SIZES.index(size) for size in subset)
    assert len(NODE_VOCABULARY["ring_sizes"]) == 128


@pytest.mark.parametrize("fields", ["node", "edge"])
def test_codes_of_version_1__old_codes_stay_new_ones_are_unknown(fields: str) -> None:
    tables = codes_of_version_1(fields)
    assert list(tables) == GRAPH_SCHEMA_V1[f"{fields}_fields"]
    today = GRAPH_SCHEMA[f"{fields}_vocabulary"]
    for (name, table), cardinality in zip(
        tables.items(), GRAPH_SCHEMA_V1[f"{fields}_cardinalities"], strict=True
    ):
        np.testing.assert_array_equal(table[:cardinality], np.arange(cardinality))
        assert len(table) == len(today[name]) + 1
        for value, code in list(zip(today[name], table[1:].tolist(), strict=True))[cardinality - 1 :]:
            assert code == (1 if value in ("unlabelled", "any") else 0)
