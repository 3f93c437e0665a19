"""Going on from the shipped network: a pair that it was trained on is known, however it is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rdkit import Chem

from chem.errors import InputError
from varimol.compounds import train_affinity
from varimol.networks import DEFAULT_NETWORK, load_network


def test_train_affinity__start_knows_its_pairs_without_stereo_and_by_the_genes_numbering(
    tmp_path: Path,
) -> None:
    """One variant alone does not show how its sequence is numbered, and a registry's SMILES may be flat."""
    model = load_network().endpoint("pkd")
    forms = [target.target_id for target in model.inputs.targets]
    column, chain = forms.index("PIK3CA(H1047L)"), model.inputs.targets[forms.index("PIK3CA")].sequence
    stereo = [k for k, text in enumerate(model.inputs.smiles) if "@" in text]
    chosen = [k for k in stereo if not np.isnan(model.labels[k, column])][:3]
    flat = [Chem.MolFromSmiles(model.inputs.smiles[k]) for k in chosen]
    for molecule in flat:
        Chem.RemoveStereochemistry(molecule)
    names = [f"drug{k}" for k in chosen]
    tables = {
        "pairs": {"drug_id": names, "target_id": "PIK3CA(H1047L)", "pkd": [5.0, 6.25, 7.5]},
        "drugs": {"drug_id": names, "smiles": [Chem.MolToSmiles(molecule) for molecule in flat]},
        "targets": {"target_id": ["PIK3CA(H1047L)"], "sequence": [chain]},
    }
    files = [tmp_path / f"{name}.tsv" for name in tables]
    for file, table in zip(files, tables.values(), strict=True):
        pd.DataFrame(table).to_csv(file, sep="\t", index=False)
    with pytest.raises(InputError, match="all 3 pairs are among those that the model to start from"):
        train_affinity(*files, "pkd", tmp_path / "run", start=DEFAULT_NETWORK)
