"""Fidelity of attributions: what hiding the top atoms or residues takes off predictions, beyond random ones.

``python -m benchmarks.attribution SOURCE RUN [--table davis] [--pairs 40] [--record]`` reads pairs from SOURCE/affinity/TABLE
and a trained model from RUN, the folder of a finished ``varimol train affinity``. Each pair has a molecule of its own,
so that the interval over pairs holds, and a target drawn at random; only pairs with labels above the
median are taken, as there is nothing to explain in the others. Figures are areas between deletion curves in
the label's unit (`models.attribution_fidelity`).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.measured_model import with_model
from benchmarks.record import write_results
from models.affinity import EndpointModel
from models.attribution import AtomMasks, ResidueMasks
from models.attribution_fidelity import DeletionCurve, Method, contributions, deletion_curve, fidelity
from models.checkpoint import load_affinity
from models.pairs import PairData, read_pairs

LABELS = {"davis": "pkd", "kiba": "kiba_score"}
METHODS: tuple[Method, ...] = ("masking", "gradients")
PARTS = {"atoms": AtomMasks, "residues": ResidueMasks}


def choose_pairs(pairs: PairData, n_pairs: int, seed: int) -> NDArray[np.int64]:
    """Rows of labelled pairs above the median label, drawn at random, one of each molecule."""
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(pairs.label > np.nanmedian(pairs.label)))
    _, first = np.unique(pairs.drug[rows], return_index=True)
    return np.asarray(rows[np.sort(first)][:n_pairs])


def curves_of(
    model: EndpointModel, pairs: PairData, rows: NDArray[np.int64], part: str, method: Method
) -> list[DeletionCurve]:
    """Deletion curves of pairs."""
    curves = []
    for seed, row in enumerate(rows):
        masks = PARTS[part](model, pairs.smiles[pairs.drug[row]], pairs.targets[pairs.target[row]])
        curves.append(deletion_curve(masks, contributions(masks, method), seed=seed))
    return curves


def measure(model: EndpointModel, pairs: PairData, rows: NDArray[np.int64]) -> pd.DataFrame:
    """Fidelity of every method for atoms and residues, one row each."""
    found = []
    for part in PARTS:
        for method in METHODS:
            figure = fidelity(curves_of(model, pairs, rows, part, method))
            found.append({"endpoint": model.name, "part": part, "method": method, **vars(figure)})
            print(pd.DataFrame(found[-1:]).to_string(index=False, header=len(found) == 1), flush=True)
    return pd.DataFrame(found)


def main() -> None:
    """Measure and print; with --record, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--table", default="davis")
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--record", action="store_true")
    arguments = parser.parse_args()
    folder = arguments.source / "affinity" / arguments.table
    whole = load_affinity(arguments.run)
    model = whole.endpoint(LABELS[arguments.table])
    pairs = read_pairs(
        folder / "train.tsv.gz",
        folder / "drugs.tsv",
        folder / "targets.tsv",
        label=model.name,
        read_as="given",
    )
    table = measure(model, pairs, choose_pairs(pairs, arguments.pairs, arguments.seed))
    if arguments.record:
        table = with_model(table.assign(table=arguments.table), whole.card)
        write_results(table, f"attribution_{arguments.table}")


if __name__ == "__main__":
    main()
