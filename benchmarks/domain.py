"""How the error on held-out scaffolds goes with the similarity to the training compounds.

``python -m benchmarks.domain SOURCE RUN [--record]`` takes the blend's out-of-fold predictions of folds in which whole scaffolds
were held out (RUN/folds.tsv of `python -m varimol.curate.network`), and bins them by the Tanimoto similarity of the
compound to its nearest training compound. Where the mean squared error is not below the variance of the labels, the
model knows no more than the mean. The threshold of the domain is estimated from the same predictions
(`models.domain_measured`); this table is for a person to look at. The recorded figures name the commit they were
measured at.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.enrichment import read_training
from benchmarks.measured_model import with_model
from benchmarks.record import write_results
from chem.fingerprint import morgan_fingerprints, tanimoto
from models.affinity import N_BITS
from models.blend import BLEND
from models.pairs import PairData

EDGES = (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 1.0)


def nearest_training(endpoints: list[PairData], folds: list[pd.Series]) -> list[pd.Series]:
    """Similarity of each drug to the nearest drug outside its own fold, over all tables."""
    fingerprints = np.concatenate([morgan_fingerprints(p.smiles, n_bits=N_BITS) for p in endpoints])
    fold = np.concatenate(
        [
            part.reindex(pairs.drug_ids).fillna(-1).to_numpy()
            for part, pairs in zip(folds, endpoints, strict=True)
        ]
    )
    similarity = tanimoto(fingerprints, fingerprints)
    similarity[fold[:, None] == fold[None, :]] = 0.0
    similarity[:, fold < 0] = 0.0
    ends = np.cumsum([len(pairs.drug_ids) for pairs in endpoints])[:-1]
    nearest = np.split(similarity.max(axis=1), ends)
    return [pd.Series(n, index=pairs.drug_ids) for n, pairs in zip(nearest, endpoints, strict=True)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Bin, compare and print; with --record, keep."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args(arguments)
    endpoints = read_training(options.source)
    table = pd.read_csv(options.run / "folds.tsv", sep="\t", dtype={"drug_id": str})
    # Endpoints of other tables, yes or no ones among them, have no place here.
    table = table[(table["model"] == BLEND) & (table["setting"] == "scaffold")]
    parts = [table[table["endpoint"] == pairs.name] for pairs in endpoints]
    folds = [part.groupby("drug_id")["fold"].first() for part in parts]
    rows = []
    for pairs, part, nearest in zip(endpoints, parts, nearest_training(endpoints, folds), strict=True):
        bins = pd.cut(part["drug_id"].map(nearest), EDGES, include_lowest=True)
        for interval, group in part.groupby(bins, observed=True):
            rows.append(
                {
                    "endpoint": pairs.name,
                    "above": max(0.0, interval.left),
                    "to": interval.right,
                    "n_drugs": group["drug_id"].nunique(),
                    "n_pairs": len(group),
                    "mse": float(((group["label"] - group["prediction"]) ** 2).mean()),
                    "variance": float(group["label"].var(ddof=0)),
                    "pearson_r": float(np.corrcoef(group["label"], group["prediction"])[0, 1]),
                }
            )
    result = pd.DataFrame(rows)
    print(result.to_string())
    if options.record:
        card = json.loads((options.run / "card.json").read_text(encoding="utf-8"))
        write_results(with_model(result, card), "domain")


if __name__ == "__main__":
    main()
