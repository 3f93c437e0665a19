"""What `predict` says of single rows."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import varimol
from varimol import tables
from varimol.networks import load_network
from varimol.predictions import predict_pairs, read_input, rows_text, unused_variants
from varimol.schemas import TABLES

DRUGS = {
    "imatinib": "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1",
    "boronic": "OB(O)c1ccc(CN3CCN(C)CC3)cc1",
    "silane": "C[Si](C)(C)c1ccc(Nc2ncccn2)cc1",
    "selenide": "C[Se]c1ccc(Nc2ncccn2)cc1",
}


@pytest.fixture(scope="module")
def predicted(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Predictions of four drugs for a kinase, the same with unknown residues, and a very long chain."""
    folder = tmp_path_factory.mktemp("notes")
    chain = str(tables.proteins().set_index("symbol").loc["ABL1", "sequence"])
    targets = {"ABL1": chain, "gaps": "XXU" + chain, "titin": chain + "GASP" * 8500}
    (folder / "pairs.tsv").write_text(
        "drug_id\ttarget_id\n" + "".join(f"{d}\t{t}\n" for t in targets for d in DRUGS)
    )
    (folder / "drugs.tsv").write_text("drug_id\tsmiles\n" + "".join(f"{d}\t{s}\n" for d, s in DRUGS.items()))
    (folder / "targets.tsv").write_text(
        "target_id\tsequence\n" + "".join(f"{t}\t{s}\n" for t, s in targets.items())
    )
    files = [folder / f"{name}.tsv" for name in ("pairs", "drugs", "targets")]
    return varimol.predict("kinase-affinity", *files, folder / "p.parquet", endpoint="pkd")


def test_predict__columns_are_those_of_the_schema(predicted: pd.DataFrame) -> None:
    assert predicted.columns.tolist() == TABLES["predictions"].names


def test_predict__abstains_on_elements_that_were_not_in_training(predicted: pd.DataFrame) -> None:
    rows = predicted[predicted["target_id"] == "ABL1"].set_index("drug_id")
    assert np.isfinite(rows["prediction"]).all()
    reasons = rows["reason"].to_dict()
    assert not rows.loc["imatinib", "abstain"] and rows.loc["imatinib", "notes"] == ""
    for drug, element in (("boronic", "B"), ("silane", "Si"), ("selenide", "Se")):
        assert rows.loc[drug, "abstain"] and not rows.loc[drug, "in_domain"]
        assert f"element {element} not in training" in reasons[drug]


def test_predict__notes_what_of_a_protein_is_not_read(predicted: pd.DataFrame) -> None:
    rows = predicted[predicted["drug_id"] == "imatinib"].set_index("target_id")["notes"]
    assert rows["ABL1"] == ""
    assert rows["gaps"].endswith("residues are none of the twenty and read as unknown: X 2, U 1")
    assert "a chain of 35,1" in rows["titin"] and "its kinase domain and its composition" in rows["titin"]


def test_predict_pairs__says_which_variant_a_row_has(tmp_path: Path) -> None:
    """Of the option and of the table; a pair of neither has none, and one that does not fit says why."""
    chain = str(tables.proteins().set_index("symbol").loc["ABL1", "sequence"])
    names = ["ABL1", "ABL1(Q252H)", "ABL1(W253F)", "T1"]
    (tmp_path / "t.tsv").write_text("target_id\tsequence\n" + "".join(f"{t}\t{chain}\n" for t in names))
    (tmp_path / "d.tsv").write_text(f"drug_id\tsmiles\nimatinib\t{DRUGS['imatinib']}\n")
    (tmp_path / "p.tsv").write_text("drug_id\ttarget_id\n" + "".join(f"imatinib\t{t}\n" for t in names[::-1]))
    model = load_network("kinase-affinity")
    files = [tmp_path / f"{name}.tsv" for name in ("p", "d", "t")]
    data, _ = read_input(model, *files, ["ABL1:T315I", "ABL1(Q252H):E255K"])
    table = predict_pairs(model, data, ["pkd"], variants=True)
    assert table.columns.tolist() == [column.name for column in TABLES["predictions"].columns]
    assert table["target_id"].tolist() == names[::-1]
    assert table["variant"].tolist() == ["", "", "Q252H+E255K", "T315I"]
    assert table.loc[1, "notes"] == "variant W253F: residue 253 is Y" and table.loc[1, "abstain"]
    validator = jsonschema.Draft202012Validator(TABLES["predictions"].row_schema())
    for row in table.astype(object).to_dict("records"):
        validator.validate(row)
    without = predict_pairs(model, data, ["pkd"])
    pd.testing.assert_frame_equal(without, table.drop(columns="variant"))


def test_predict_pairs__a_row_without_bounds_abstains_inside_the_domain(tmp_path: Path) -> None:
    """The level asked for may be beyond what was held out; the compound is no less like the training data."""
    chain = str(tables.proteins().set_index("symbol").loc["ABL1", "sequence"])
    (tmp_path / "t.tsv").write_text(f"target_id\tsequence\nABL1\t{chain}\n")
    (tmp_path / "d.tsv").write_text("drug_id\tsmiles\n" + "".join(f"{d}\t{s}\n" for d, s in DRUGS.items()))
    (tmp_path / "p.tsv").write_text("drug_id\ttarget_id\nimatinib\tABL1\nsilane\tABL1\n")
    model = load_network("kinase-affinity")
    data, _ = read_input(model, *(tmp_path / f"{name}.tsv" for name in ("p", "d", "t")))
    table = predict_pairs(model, data, ["pkd"], level=1 - 1e-9)
    assert np.isinf(table["upper"]).all() and table["abstain"].all()
    assert table["in_domain"].tolist() == [True, False]


@given(
    st.lists(
        st.tuples(st.sampled_from(["pkd", "kiba"]), st.sampled_from(["", "near 0.1", "near 0.22", "far; near 3", "far"])),
        max_size=12,
    )
)  # fmt: skip
def test_rows_text__counts_the_rows(rows: list[tuple[str, str]]) -> None:
    table = pd.DataFrame(rows, columns=["endpoint", "reason"])
    table["abstain"] = table["reason"] != ""
    everything, *own = rows_text(table).splitlines()
    assert everything.startswith(f"{len(rows)} row")
    endpoints = table["endpoint"].unique().tolist()
    if len(endpoints) < 2:
        assert own == []
        _holds(everything, table)
        return
    n = int(table["abstain"].sum())
    assert everything.endswith(f"{n} abstain{'s' * (n == 1)}" if n else "none abstains")
    assert [line.partition(": ")[0].strip() for line in own] == endpoints
    for name, line in zip(endpoints, own, strict=True):
        _holds(line, table[table["endpoint"] == name])


def _holds(text: str, table: pd.DataFrame) -> None:
    """Check the numbers of one line."""
    n = int(table["abstain"].sum())
    assert f"{len(table)} row" in text
    near, far = (
        int(table["reason"].str.contains(word).sum()) if len(table) else 0 for word in ("near", "far")
    )
    if n > 1:
        assert f"{n} abstain" in text and f"most often ({max(near, far)} row" in text
        assert near == far or ("near" if near > far else "far") in text


def test_unused_variants__says_which() -> None:
    table = pd.DataFrame({"target_id": ["A", "B"]})
    assert unused_variants(table, ["A:K2R"]) == unused_variants(table, []) == ""
    assert unused_variants(table, ["X:K2R", "A:K2R", "Y:L3del", "X:M4T"]) == (
        "X:K2R+M4T, Y:L3del are in no row: no pair has those targets"
    )


@pytest.mark.parametrize("name", ["gine", "dmpnn"])
def test_graph_encoder__reads_elements_it_never_met(name: str) -> None:
    """Elements without a code, or that no training molecule has, are the unknown one and all alike."""
    from chem.graph_encode import encode_graphs
    from models.input_notes import unseen_as_unknown
    from models.parts.batch import molecule_batch
    from models.parts.molecule import molecule_encoder

    training = encode_graphs([DRUGS["imatinib"], "CCO"])
    encoder = molecule_encoder(
        name, training.node_cardinalities, training.edge_cardinalities, dim=8, n_layers=2
    ).eval()
    asked = encode_graphs(["C[Se]C", "C[Te]C", "OB(O)c1ccccc1", "[Og]", "[U+6]"])
    with torch.no_grad():
        _, raw = encoder(molecule_batch(asked, np.arange(5)))
        _, told = encoder(molecule_batch(unseen_as_unknown(asked, training), np.arange(5)))
    assert torch.isfinite(raw).all() and torch.isfinite(told).all()
    assert not torch.equal(raw[0], raw[1]) and torch.equal(told[0], told[1])
    assert not torch.equal(told[0], told[2])
