"""Train the shipped affinity network.

``python -m varimol.curate.network SOURCE OUT [WORKERS]`` reads ``affinity/davis`` and ``affinity/kiba`` (their training
folds alone) and ``affinity/human_dti/random`` under SOURCE and writes a run; its model.safetensors and card.json are
what ships in ``varimol/data/networks/kinase-affinity``.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from models.experiment import train_affinity
from models.experiment_plan import AffinityExperiment
from models.pair_checks import training_notes
from models.pairs import PairData, read_pairs, read_smiles_protein_table
from models.protein import PANEL_CONSTRUCTS
from varimol import tables as shipped

DESCRIPTION = {
    "name": "kinase-affinity",
    "summary": "Affinity of small molecules for human protein kinases (pKd, KIBA score), and whether a molecule and "
    "a human protein interact at all: per benchmark a blend of networks and a kernel regression over pairs, which read "
    "a molecule by its similarity to the training molecules, in structure and in fitted affinities, and a protein by "
    "its residues on the kinase profile and its words; for yes or no, boosted trees as well.",
    "data": "DAVIS and KIBA, training folds of DeepDTA; the official test folds were not used. human_dti, the three "
    "parts of its random split together",
    "data_sources": [
        "DAVIS: Davis et al. 2011, doi:10.1038/nbt.1990, pKd (-log10 mol/l); 70% of pairs lie at the limit of 5",
        "KIBA: Tang et al. 2014, doi:10.1021/ci400709d, KIBA score (no unit)",
        "folds: DeepDTA, Ozturk et al. 2018, doi:10.1093/bioinformatics/bty593",
        "human_dti: Liu et al. 2015, doi:10.1093/bioinformatics/btv256, interaction yes or no; negatives are assumed",
    ],
    "data_licence": "published benchmark data, redistributed for research with DeepDTA and its successors",
    "read_as": "true",
    "constructs": PANEL_CONSTRUCTS,
    "endpoint_notes": {"interaction": "no evidence of binding: the negatives of its training data are assumed"},
    "splits": "random: the folds of DeepDTA, three of our own for human_dti (pairs held out, drugs and proteins seen "
    "elsewhere); scaffold: three folds of whole Murcko scaffolds; family: three folds of whole families of proteins; "
    "both over all tables together",
    "command": "python -m varimol.curate.network SOURCE OUT",
    "limits": [
        "pKd and KIBA score: trained on kinase inhibitors and protein kinases alone; other compounds and proteins are out of domain, and the model abstains.",
        "Of DAVIS only 68 compounds: predictions for new scaffolds are weak, as the figures with scaffolds held out show.",
        "interaction: the negatives of human_dti are assumed, not measured, and most molecules and proteins have one kind of label only; means over molecules and over proteins alone do nearly as well, or better. It is no evidence of binding.",
        "What it ranks first are its training compounds and their likes: trained without one family's inhibitors, it did not find them among the approved drugs.",
        "Affinity in vitro is not efficacy; selectivity, exposure and toxicity are not modelled.",
        "Intervals of new proteins are those of whole families held out, intervals of new compounds those of whole scaffolds.",
        "Lipid kinases and proteins without a protein kinase domain are read by the words of their sequence and their composition alone.",
    ],
}  # fmt: skip

EPOCHS = {"pkd": 20, "kiba_score": 64, "interaction": 6}
"""Epochs of a network per label; docs/network.md tells how they were chosen."""
N_FOLDS = 3
"""Folds of scaffolds and of families; pairs have the five of the tables, or three too."""


def training_tables(source: str | Path) -> list[PairData]:
    """Read the labelled pairs that the network is trained on, one table per endpoint.

    Parameters
    ----------
    source
        Folder with ``affinity``.
    """
    folder = Path(source) / "affinity"
    proteins = shipped.proteins()
    references = dict(zip(proteins["symbol"].astype(str), proteins["sequence"].astype(str), strict=True))
    tables = [
        read_pairs(
            folder / name / "train.tsv.gz", folder / name / "drugs.tsv", folder / name / "targets.tsv",
            label=label, folds="fold", read_as="true", constructs=PANEL_CONSTRUCTS, references=references,
        )
        for name, label in (("davis", "pkd"), ("kiba", "kiba_score"))
    ]  # fmt: skip
    rows = read_smiles_protein_table(
        [folder / "human_dti" / "random" / f"{part}.csv" for part in ("train", "val", "test")]
    )
    # The three parts are no folds to judge by: the first holds most rows.
    tables.append(replace(rows, name="interaction", fold=np.full(len(rows), -1)))
    return [training_notes(table)[0] for table in tables]


def main(source: str, out: str, workers: str = "2") -> None:
    """Train and write the run."""
    torch.set_num_threads(1)
    train_affinity(
        training_tables(source),
        out,
        AffinityExperiment(
            epochs=EPOCHS,
            n_folds=N_FOLDS,
            baselines=("random",),
            workers=int(workers),
            description=DESCRIPTION,
        ),
        progress=lambda text, share: print(text, flush=True),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
