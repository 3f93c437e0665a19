"""chemprop's D-MPNN and ours in one process: `benchmarks.message_passing` runs it in chemprop's environment.

``python message_passing_chemprop.py SMILES_FILE BATCH ROUNDS``, with the repository as PYTHONPATH, prints one line of
JSON per round: the wall and CPU seconds of either program, forward alone and with the gradients, and the largest
difference of their vectors. Batches are made by chemprop beforehand and counted for neither; it brings the numbers of the reverse
edges, ours finds them inside the time.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from chemprop.data import BatchMolGraph
from chemprop.featurizers import SimpleMoleculeMolGraphFeaturizer
from chemprop.nn import BondMessagePassing, MeanAggregation
from rdkit import Chem, RDLogger
from torch import Tensor

from models.parts.dmpnn import DMPNN
from models.parts.segments import segment_mean

DIM, DEPTH = 300, 3
"""chemprop's own."""


def batches(smiles: list[str], size: int) -> list[BatchMolGraph]:
    """Make chemprop's batches of molecules."""
    featurise = SimpleMoleculeMolGraphFeaturizer()
    graphs = [featurise(Chem.MolFromSmiles(text)) for text in smiles]
    return [BatchMolGraph(graphs[start : start + size]) for start in range(0, len(graphs), size)]


def programs(first: BatchMolGraph) -> dict[str, Callable[[Any], Tensor]]:
    """Both networks with equal weights, each from a batch to the mean of its atoms' states."""
    torch.manual_seed(0)
    theirs = BondMessagePassing(d_h=DIM, depth=DEPTH).eval()
    ours = DMPNN(first.V.shape[1], DIM, first.E.shape[1], n_layers=DEPTH).eval()
    ours.load_state_dict(theirs.state_dict())
    mean = MeanAggregation()

    def run_ours(batch: BatchMolGraph) -> Tensor:
        states = ours(batch.V, batch.edge_index, batch.E, batch.batch, len(batch))
        return segment_mean(states, batch.batch, len(batch))

    return {"chemprop": lambda batch: mean(theirs(batch), batch.batch), "varimol": run_ours}


def seconds(run: Callable[[Any], Tensor], batch: BatchMolGraph, gradients: bool) -> tuple[float, float]:
    """Wall and CPU seconds of one batch."""
    wall, cpu = time.perf_counter(), time.thread_time()
    with torch.set_grad_enabled(gradients):
        vectors = run(batch)
        if gradients:
            vectors.sum().backward()
    return time.perf_counter() - wall, time.thread_time() - cpu


def main() -> None:
    RDLogger.DisableLog("rdApp.*")
    torch.set_num_threads(1)
    smiles = Path(sys.argv[1]).read_text("utf-8").split()
    parts = batches(smiles, int(sys.argv[2]))
    both = programs(parts[0])
    for number in range(int(sys.argv[3]) + 1):
        spent = {(name, mode): [0.0, 0.0] for name in both for mode in (False, True)}
        for which, batch in enumerate(parts):
            order = list(both) if (which + number) % 2 else list(both)[::-1]
            for name in order:
                for mode in (False, True):
                    wall, cpu = seconds(both[name], batch, mode)
                    spent[name, mode][0] += wall
                    spent[name, mode][1] += cpu
        with torch.no_grad():
            difference = max(float((both["varimol"](b) - both["chemprop"](b)).abs().max()) for b in parts[:5])
        if number:  # the first round warms up
            for (name, mode), (wall, cpu) in spent.items():
                figures = {"program": name, "gradients": mode, "round": number, "wall_s": wall, "cpu_s": cpu}
                print(json.dumps({**figures, "difference": difference}), flush=True)


if __name__ == "__main__":
    main()
