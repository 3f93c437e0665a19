"""Rates of our message passing beside its originals: D-MPNN and chemprop's, GINE and torch_geometric's.

``python -m benchmarks.message_passing [--shared DIR] [--molecules 640] [--rounds 9] [--chemprop-python PATH]
[--record]`` draws real molecules (`benchmarks.graphs.real_smiles`), lets both programs of a case take turns on the same
batches with equal weights in single precision on one core, and prints and with ``--record`` writes
benchmarks/results/message_passing.tsv.

``rate`` is molecules per CPU second of the median round, ``ratio`` the median over the rounds of the original's CPU
seconds over ours in the same round, ``ratio_low`` and ``ratio_high`` the quarter and three quarters of the rounds;
``difference`` is the largest between their vectors. Cases:

* D-MPNN: 300 wide, depth 3, mean of the atoms, batches of 64, in chemprop's environment and one process
  (`benchmarks.message_passing_chemprop`), which ``make benchmark-peers`` builds.
* GINE layer: one round, 128 wide, batches of 200, bonds given as vectors of each edge to both.
* GINE encoder: codes to one vector per molecule, three rounds; the original embeds every row of codes, and draws its
  dropout with torch. Gradients are measured with dropout, which only training has.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch_geometric.nn import GINEConv

from benchmarks.graphs import ROOT, real_smiles
from benchmarks.record import write_results
from chem.graph import MolecularGraphs
from chem.graph_encode import encode_graphs
from models.parts.batch import MoleculeBatch, molecule_batch
from models.parts.fields import FieldEmbedding
from models.parts.gine import GINE, GINELayer
from models.parts.molecule import MoleculeEncoder, molecule_encoder

DIM, BATCH, CHEMPROP_BATCH = 128, 200, 64
CRITERIA = (("D-MPNN", False, 1.8), ("GINE layer", True, 1.0), ("GINE encoder", True, 1.0))
"""Case, whether with gradients, and the least the ratio should be."""

Program = Callable[[MoleculeBatch], Tensor]


def original_layer(layer: GINELayer) -> GINEConv:
    """torch_geometric's layer with the weights of ours."""
    plain = GINEConv(nn.Sequential(nn.Linear(DIM, DIM), nn.ReLU(), nn.Linear(DIM, DIM)), edge_dim=DIM)
    plain.nn.load_state_dict(layer.body.state_dict())
    plain.lin.load_state_dict(layer.edge.state_dict())
    return plain


class OriginalEncoder(nn.Module):
    """The encoder as it is written with torch_geometric, with the weights of ours."""

    def __init__(self, encoder: MoleculeEncoder) -> None:
        super().__init__()
        assert isinstance(encoder.core, GINE)
        self.fields, self.readout, self.norms = encoder.fields, encoder.readout, encoder.core.norms
        self.layers = nn.ModuleList(original_layer(layer) for layer in encoder.core.layers)  # type: ignore[arg-type]
        self.dropout = nn.Dropout(encoder.core.dropout.dropout)

    def embed(self, fields: FieldEmbedding, codes: Tensor) -> Tensor:
        """Embed every row of codes, some of them read as unknown in training."""
        if self.training:
            codes = codes * (torch.rand(codes.shape) >= fields.dropout)
        return nn.functional.embedding_bag(codes + fields.starts, fields.tables.weight, mode="sum")

    def forward(self, batch: MoleculeBatch) -> Tensor:
        """Return one vector per molecule."""
        h, e = self.embed(self.fields.node, batch.x), self.embed(self.fields.edge, batch.edge_attr)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            h = h + self.dropout(layer(norm(h), batch.edge_index, e))
        return self.readout(h, batch.batch, batch.n_molecules)


def layers(graphs: MolecularGraphs) -> dict[str, Program]:
    """One round of either program, on states and bonds that are drawn once per shape."""
    torch.manual_seed(0)
    ours = GINELayer(DIM, DIM)
    theirs = original_layer(ours)
    vectors = FieldEmbedding(graphs.edge_cardinalities, DIM, dropout=0.0)
    drawn: dict[int, tuple[Tensor, Tensor]] = {}

    def inputs(batch: MoleculeBatch) -> tuple[Tensor, Tensor, Tensor]:
        if id(batch) not in drawn:
            x, e = torch.randn(len(batch.x), DIM), vectors(batch.edge_attr).detach()
            drawn[id(batch)] = x.requires_grad_(), e.requires_grad_()
        return drawn[id(batch)][0], batch.edge_index, drawn[id(batch)][1]

    return {
        "torch_geometric": lambda batch: theirs(*inputs(batch)),
        "varimol": lambda batch: ours(*inputs(batch)),
    }


def encoders(graphs: MolecularGraphs) -> dict[str, Program]:
    """The whole encoder of either program."""
    torch.manual_seed(0)
    ours = molecule_encoder("gine", graphs.node_cardinalities, graphs.edge_cardinalities, DIM)
    theirs = OriginalEncoder(ours)

    def mode(module: nn.Module) -> nn.Module:
        return module.train(torch.is_grad_enabled())

    return {
        "torch_geometric": lambda batch: mode(theirs)(batch),
        "varimol": lambda batch: mode(ours)(batch)[1],
    }


def seconds(run: Program, batch: MoleculeBatch, gradients: bool) -> tuple[float, float]:
    """Wall and CPU seconds of one batch."""
    wall, cpu = time.perf_counter(), time.thread_time()
    with torch.set_grad_enabled(gradients):
        vectors = run(batch)
        if gradients:
            vectors.sum().backward()
    return time.perf_counter() - wall, time.thread_time() - cpu


def take_turns(
    case: str, both: dict[str, Program], batches: Sequence[MoleculeBatch], rounds: int
) -> Iterator[dict[str, object]]:
    """One row per program, round and mode; the first round warms up."""
    with torch.no_grad():
        difference = max(
            float((both["varimol"](batch) - both["torch_geometric"](batch)).abs().max()) for batch in batches
        )
    for number in range(rounds + 1):
        for gradients in (False, True):
            spent = {name: np.zeros(2) for name in both}
            for which, batch in enumerate(batches):
                for name in list(both)[:: 1 if (which + number) % 2 else -1]:
                    spent[name] += seconds(both[name], batch, gradients)
            for name, (wall, cpu) in spent.items():
                if number:
                    yield {
                        "case": case, "program": name, "gradients": gradients, "round": number,
                        "wall_s": wall, "cpu_s": cpu, "difference": difference,
                    }  # fmt: skip


def chemprop_rounds(python: Path, smiles: Sequence[str], rounds: int) -> list[dict[str, object]]:
    """Rows of the D-MPNN, measured in chemprop's environment; none where that is not there."""
    if not python.exists():
        print(f"D-MPNN: left out, {python} is not there (make benchmark-peers builds it)")
        return []
    script = Path(__file__).with_name("message_passing_chemprop.py")
    with tempfile.NamedTemporaryFile("w", suffix=".smi") as file:
        file.write("\n".join(smiles))
        file.flush()
        command = [str(python), "-W", "ignore", str(script), file.name, str(CHEMPROP_BATCH), str(rounds)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        lines = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=True, env=environment
        ).stdout.splitlines()
    return [{"case": "D-MPNN", **json.loads(line)} for line in lines]


def measure(smiles: Sequence[str], chemprop_python: Path, rounds: int) -> pd.DataFrame:
    """All rounds of all cases."""
    rows = chemprop_rounds(chemprop_python, smiles, rounds)
    graphs = encode_graphs(smiles)
    starts = range(0, len(graphs), BATCH)
    batches = [molecule_batch(graphs, range(s, min(s + BATCH, len(graphs)))) for s in starts]
    rows += take_turns("GINE layer", layers(graphs), batches, rounds)
    rows += take_turns("GINE encoder", encoders(graphs), batches, rounds)
    return pd.DataFrame(rows).assign(molecules=len(smiles))


def summarise(rounds: pd.DataFrame) -> pd.DataFrame:
    """One row per case, mode and program: median seconds and rate, and ours beside the original."""
    keys = ["case", "gradients", "program"]
    table = rounds.groupby(keys, sort=False)[["molecules", "wall_s", "cpu_s", "difference"]].median()
    table["rate"] = table["molecules"] / table["cpu_s"]
    for (case, gradients), part in rounds.groupby(["case", "gradients"]):
        each = part.pivot_table(index="round", columns="program", values="cpu_s")
        other = next(name for name in each if name != "varimol")
        ratio = each[other] / each["varimol"]
        for name, share in (("ratio_low", 0.25), ("ratio", 0.5), ("ratio_high", 0.75)):
            table.loc[(case, gradients, "varimol"), name] = ratio.quantile(share)
    return table.reset_index()


def verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """Each criterion with its figure, and whether it holds."""
    ours = table[table["program"] == "varimol"].set_index(["case", "gradients"])
    rows = [
        {"case": case, "gradients": gradients, "least": least, "ratio": ours.loc[(case, gradients), "ratio"]}
        for case, gradients, least in CRITERIA
        if (case, gradients) in ours.index
    ]
    found = pd.DataFrame(rows)
    return found.assign(holds=found["ratio"] >= found["least"])


def main() -> None:
    """Measure, print the figures and what they are worth."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--molecules", type=int, default=640)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--chemprop-python", type=Path, default=ROOT / ".venv/peers/chemprop/bin/python")
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/message_passing.tsv")
    options = parser.parse_args()
    torch.set_num_threads(1)
    smiles = real_smiles(options.shared)
    random.Random(options.seed).shuffle(smiles)
    table = summarise(measure(smiles[: options.molecules], options.chemprop_python, options.rounds))
    table["rounds"], table["seed"], table["torch"] = options.rounds, options.seed, torch.__version__
    table["torch_geometric"], table["python"] = version("torch-geometric"), sys.version.split()[0]
    print(table.drop(columns=["rounds", "seed", "torch", "torch_geometric", "python"]).to_string())
    print(verdicts(table).to_string())
    if options.record:
        print(write_results(table, "message_passing"))


if __name__ == "__main__":
    main()
