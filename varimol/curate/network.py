"""Train the shipped affinity network.

``python -m varimol.curate.network SOURCE OUT [WORKERS]`` reads ``affinity/davis`` and ``affinity/kiba`` under
SOURCE (their training folds alone) and writes a run; its model.safetensors and card.json are what ships in
``varimol/data/networks/kinase-affinity``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from models.experiment import AffinityExperiment
from varimol.compounds import train_affinity

DESCRIPTION = {
    "name": "kinase-affinity",
    "summary": "Affinity of small molecules for human protein kinases: a graph encoder for the molecule, a "
    "sequence encoder for the protein, one output per benchmark.",
    "data": "DAVIS and KIBA, training folds of DeepDTA; the official test folds were not used",
    "data_sources": [
        "DAVIS: Davis et al. 2011, doi:10.1038/nbt.1990, pKd (-log10 mol/l); 70% of pairs lie at the limit of 5",
        "KIBA: Tang et al. 2014, doi:10.1021/ci400709d, KIBA score (no unit)",
        "folds: DeepDTA, Ozturk et al. 2018, doi:10.1093/bioinformatics/bty593",
    ],
    "data_licence": "published benchmark data, redistributed for research with DeepDTA",
    "splits": "seen_drug: the folds of DeepDTA (pairs held out, drugs and proteins seen elsewhere); unseen_drug: "
    "whole Murcko scaffolds held out, over both tables together",
    "command": "python -m varimol.curate.network SOURCE OUT",
    "limits": [
        "Trained on kinase inhibitors and protein kinases alone: other compounds and proteins are out of domain, and the model abstains.",
        "Of DAVIS only 68 compounds: predictions for new scaffolds are weak, as the unseen_drug figures show.",
        "Affinity in vitro is not efficacy; selectivity, exposure and toxicity are not modelled.",
        "Proteins not in training have no calibrated interval of their own.",
        "Lipid kinases and proteins without a protein kinase domain are read through a plain window.",
    ],
}  # fmt: skip


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
        experiment=AffinityExperiment(workers=int(workers), description=DESCRIPTION),
        progress=lambda text, share: print(text, flush=True),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
