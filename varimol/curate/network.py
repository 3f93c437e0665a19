"""Train the shipped affinity network.

``python -m varimol.curate.network SOURCE OUT [WORKERS]`` reads ``affinity/davis`` and ``affinity/kiba`` under
SOURCE (their training folds alone) and writes a run; its model.safetensors and card.json are what ships in
``varimol/data/networks/kinase-affinity``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from models.experiment_parts import AffinityExperiment
from varimol.compounds import train_affinity

DESCRIPTION = {
    "name": "kinase-affinity",
    "summary": "Affinity of small molecules for human protein kinases: per benchmark a blend of networks and a kernel "
    "regression over pairs, which read a molecule by its similarity to the training molecules and a protein by its "
    "residues on the kinase profile.",
    "data": "DAVIS and KIBA, training folds of DeepDTA; the official test folds were not used",
    "data_sources": [
        "DAVIS: Davis et al. 2011, doi:10.1038/nbt.1990, pKd (-log10 mol/l); 70% of pairs lie at the limit of 5",
        "KIBA: Tang et al. 2014, doi:10.1021/ci400709d, KIBA score (no unit)",
        "folds: DeepDTA, Ozturk et al. 2018, doi:10.1093/bioinformatics/bty593",
    ],
    "data_licence": "published benchmark data, redistributed for research with DeepDTA",
    "splits": "random: the folds of DeepDTA (pairs held out, drugs and proteins seen elsewhere); scaffold: three folds "
    "of whole Murcko scaffolds; family: three folds of whole families of proteins; both over both tables together",
    "command": "python -m varimol.curate.network SOURCE OUT",
    "limits": [
        "Trained on kinase inhibitors and protein kinases alone: other compounds and proteins are out of domain, and the model abstains.",
        "Of DAVIS only 68 compounds: predictions for new scaffolds are weak, as the figures with scaffolds held out show.",
        "Affinity in vitro is not efficacy; selectivity, exposure and toxicity are not modelled.",
        "Intervals of new proteins are those of whole families held out, intervals of new compounds those of whole scaffolds.",
        "Lipid kinases and proteins without a protein kinase domain are read by the words of their sequence and their composition alone.",
    ],
}  # fmt: skip

EPOCHS = {"pkd": 20, "kiba_score": 50}
"""Epochs of a network per label; docs/network.md tells how they were chosen."""
N_FOLDS = 3
"""Folds of scaffolds and of families; pairs have the five of the tables."""


def main(source: str, out: str, workers: str = "2") -> None:
    """Train and write the run."""
    folders = [Path(source) / "affinity" / name for name in ("davis", "kiba")]
    train_affinity(
        [folder / "train.tsv.gz" for folder in folders],
        [folder / "drugs.tsv" for folder in folders],
        [folder / "targets.tsv" for folder in folders],
        ["pkd", "kiba_score"],
        out,
        folds="fold",
        experiment=AffinityExperiment(
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
