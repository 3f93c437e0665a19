"""What `predict` says of single rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

import varimol
from varimol import tables
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
