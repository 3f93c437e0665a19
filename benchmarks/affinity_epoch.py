"""An epoch over a table of pairs, in two forms of the same network.

``python -m benchmarks.affinity_epoch SOURCE [--rounds 3] [--record]`` trains a graph and sequence network on
SOURCE/affinity/davis: once pair by pair, as GraphDTA's scripts do (each of 512 pairs of a batch brings its own graph and
its own sequence), once with every distinct molecule and protein of a step encoded once. Same widths, same optimiser,
one thread; the forms take turns, and their losses on the same pairs are compared first. The second form takes fewer
steps of the optimiser per epoch, each with all pairs of some molecules.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.record import write_results
from models.affinity_fit import network_sizes
from models.affinity_inputs import EncodedPairs, encode_pairs, fit_inputs
from models.affinity_network import AffinityNetwork, NetworkShape
from models.loop import initialise
from models.pairs import read_pairs

SHAPE = NetworkShape(graph="gine", landmarks="", aligned=0, sequence=True, dim=128, dropout=0.0)
BATCH = 512
SLICE = 4
"""Batches of the pair-by-pair form that are timed; the epoch is scaled up from them, as it takes minutes."""


def pair_by_pair(network: AffinityNetwork, data: EncodedPairs, rows: NDArray[np.int64]) -> Tensor:
    """Loss of pairs, each with a graph and a sequence of its own."""
    pairs = data.pairs
    molecules, coordinates = data.molecules.batch(pairs.drug[rows])
    each = torch.arange(len(rows))
    left = network.molecule(molecules, coordinates)
    right = network.protein(data.proteins.batch(pairs.target[rows]))
    return _loss(network(left, right, each, each, 0), pairs.label[rows])


def encoded_once(network: AffinityNetwork, data: EncodedPairs, rows: NDArray[np.int64]) -> Tensor:
    """Loss of the same pairs, each distinct molecule and protein encoded once."""
    pairs = data.pairs
    drugs, drug = np.unique(pairs.drug[rows], return_inverse=True)
    targets, target = np.unique(pairs.target[rows], return_inverse=True)
    molecules, coordinates = data.molecules.batch(drugs)
    left = network.molecule(molecules, coordinates)
    right = network.protein(data.proteins.batch(targets))
    return _loss(network(left, right, torch.from_numpy(drug), torch.from_numpy(target), 0), pairs.label[rows])


def _loss(output: Tensor, label: NDArray[np.float64]) -> Tensor:
    return torch.nn.functional.mse_loss(output[:, 0], torch.from_numpy(label).float())


def molecule_steps(
    data: EncodedPairs, rng: np.random.Generator, size: int = 17
) -> Iterator[NDArray[np.int64]]:
    """Rows of the steps of an epoch as training takes them: some molecules with all their pairs."""
    drugs = rng.permutation(np.unique(data.pairs.drug))
    for start in range(0, len(drugs), size):
        yield np.flatnonzero(np.isin(data.pairs.drug, drugs[start : start + size]))


def _seconds(
    network: AffinityNetwork, steps: list[NDArray[np.int64]], data: EncodedPairs, form: str
) -> float:
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4)
    loss = pair_by_pair if form == "pair by pair" else encoded_once
    start = time.process_time()
    for rows in steps:
        optimiser.zero_grad(set_to_none=True)
        loss(network, data, rows).backward()
        optimiser.step()
    return time.process_time() - start


def measure(source: Path, rounds: int) -> pd.DataFrame:
    """CPU seconds of an epoch in both forms, by round."""
    folder = source / "affinity" / "davis"
    pairs = read_pairs(
        folder / "train.tsv.gz", folder / "drugs.tsv", folder / "targets.tsv", label="pkd", folds="fold"
    )
    data = encode_pairs(pairs, fit_inputs([pairs]))
    network = initialise(lambda: AffinityNetwork(SHAPE, network_sizes(data), ("regression",)), 0)
    assert isinstance(network, AffinityNetwork)
    rng = np.random.default_rng(0)
    rows = rng.choice(len(pairs), 64, replace=False)
    network.eval()
    with torch.no_grad():
        difference = abs(float(pair_by_pair(network, data, rows) - encoded_once(network, data, rows)))
    if difference > 1e-4:
        raise AssertionError(f"the two forms differ by {difference}")
    network.train()
    n_batches = -(-len(pairs) // BATCH)
    found = []
    for number in range(rounds):
        shuffled = rng.permutation(len(pairs))
        some = [shuffled[k * BATCH : (k + 1) * BATCH] for k in range(SLICE)]
        slow = _seconds(network, some, data, "pair by pair") * n_batches / SLICE
        fast = _seconds(network, list(molecule_steps(data, rng)), data, "encoded once")
        found.append(
            {"round": number + 1, "pair_by_pair_s": slow, "encoded_once_s": fast, "ratio": slow / fast}
        )
    return pd.DataFrame(found)


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = measure(options.source, options.rounds)
    print(table.to_string(index=False))
    if options.record:
        write_results(table, "affinity_epoch")


if __name__ == "__main__":
    main()
