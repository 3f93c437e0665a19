"""The shared response data as arms: genotype; genotype and tissue; genotype, tissue and expression."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from models.response_data import ResponseData
from models.response_structures import read_structures
from models.response_table import read_response

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data" / "response"
ARMS = {
    "genotype": ("mutation", "copy_number"),
    "genotype_tissue": ("mutation", "copy_number", "covariates"),
    "genotype_tissue_expression": ("mutation", "copy_number", "covariates", "expression"),
}
"""Blocks of profiles by arm."""
COVARIATES = ("type_refined", "tcga_code")
"""Columns of the annotations that say the tissue, one block column per level."""
HELD_OUT_TISSUE = "Site_Primary"


def read_arm(folder: Path, arm: str, *, taught: bool) -> ResponseData:
    """Responses, structures and the blocks of an arm, of the same lines in the same order.

    Parameters
    ----------
    folder
        The shared response data.
    arm
        Of `ARMS`.
    taught
        Whether expression of the training lines teaches.
    """
    table = read_response(folder / "gdsc2_ln_ic50.tsv.gz")
    names = list(table.line_ids)
    about = pd.read_csv(folder / "cell_annotations.tsv", sep="\t").set_index("depMapID").reindex(names)
    levels = pd.concat([pd.get_dummies(about[column].fillna("unknown")) for column in COVARIATES], axis=1)
    frames = {"covariates": levels.set_axis([f"{n}:{c}" for n, c in enumerate(levels.columns)], axis=1)}
    for name in ("mutation", "copy_number", "expression"):
        frames[name] = pd.read_csv(folder / f"{name}_580x706.tsv.gz", sep="\t", index_col=0).reindex(names)
    blocks = {name: frame.to_numpy(np.float32) for name, frame in frames.items()}
    n_drugs = pd.read_csv(ROOT / "varimol" / "data" / "druggable_genes.tsv", sep="\t").set_index("gene")[
        "n_drugs"
    ]
    structures = read_structures(folder / "drugs.tsv", smiles_column="CanonicalSMILES")
    smiles = dict(zip(structures.compound_ids, structures.smiles, strict=True))
    return ResponseData(
        table,
        {name: blocks[name] for name in ARMS[arm]},
        {name: tuple(map(str, frames[name].columns)) for name in ARMS[arm]},
        tuple(smiles[name] for name in table.compound_ids),
        tuple(about[HELD_OUT_TISSUE].fillna("unknown")),
        {"expression": blocks["expression"]} if taught else {},
        {
            name: np.log1p(n_drugs.reindex(frames[name].columns).fillna(0).to_numpy(np.float32))
            for name in ("mutation", "copy_number")
        },
    )
