"""Graphs at rest and on the way into a network: size, loading, batches, and the way back to molecules.

``python -m benchmarks.graph_batches [--shared DIR] [--molecules 20000] [--repeats 5] [--record]`` takes the same real
molecules as ``benchmarks.graphs`` and prints and with ``--record`` writes benchmarks/results/graph_batches.tsv, a row
per figure:

- ``bytes over pickled``: our store over ``pickle`` of a list of PyG ``Data`` of the same molecules, once with PyG's own
  features (``from_smiles``) and once with the same codes as ours;
- ``load seconds``: ``load_graphs`` with its arrays read (mmap=False), opened only (mmap=True), and unpickling;
- ``batches``: an epoch of shuffled batches as PyG ``Batch`` objects with the same tensors, from the mapped store
  (`models.pyg.GraphLoader`), and by PyG's ``DataLoader`` over the list of ``Data``, at 64 and 256 molecules, on one
  thread; both take turns, ``ratio`` is the median over the rounds of their wall seconds, theirs over ours; the row
  ``arrays`` is `batch_arrays` alone;
- ``round trip``: graph to molecule to canonical isomeric SMILES: molecules, changed ones (by SMILES, or by the CIP
  label of any atom or bond), and those whose graph leaves something open, which are told, not changed.
"""

from __future__ import annotations

import argparse
import pickle
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rdkit import Chem
from rdkit.Chem import rdCIPLabeler

from benchmarks.graphs import real_smiles
from benchmarks.record import write_results
from chem.graph import MolecularGraphs
from chem.graph_encode import encode_graphs
from chem.graph_molecule import rebuild_molecules
from chem.graph_store import load_graphs, save_graphs

ROOT = Path(__file__).resolve().parents[1]
BATCH_SIZES = (64, 256)
MAX_SHARE, MIN_RATIO = 0.1, 5.0
_LABEL = "_CIPCode"

Row = dict[str, Any]


def seconds(work: Callable[[], object]) -> float:
    """Wall seconds of a call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare_sizes(smiles: list[str], graphs: MolecularGraphs, folder: Path) -> Iterator[Row]:
    """Write the store and the pickles; sizes and loading times."""
    from torch_geometric.utils import from_smiles

    from models.pyg import to_data

    store = folder / "graphs"
    save_graphs(graphs, store)
    size = sum(path.stat().st_size for path in store.iterdir())
    lists = {
        "PyG from_smiles": [from_smiles(text) for text in smiles],
        "PyG Data, our codes": [to_data(graphs, index) for index in range(len(graphs))],
    }
    for name, data in lists.items():
        path = folder / f"{name}.pickle"
        with path.open("wb") as handle:
            pickle.dump(data, handle)
        share = size / path.stat().st_size
        yield {
            "figure": "bytes over pickled",
            "of": name,
            "value": share,
            "ours": size,
            "theirs": path.stat().st_size,
            "limit": MAX_SHARE,
            "passed": share <= MAX_SHARE,
        }
        theirs = seconds(lambda path=path: pickle.loads(path.read_bytes()))  # noqa: S301 - written above
        for mmap in (False, True):
            ours = seconds(lambda mmap=mmap: load_graphs(store, mmap=mmap))
            yield {
                "figure": "load seconds",
                "of": f"{name} / {'mapped' if mmap else 'read'}",
                "value": ours,
                "ours": ours,
                "theirs": theirs,
            }


def race(graphs: MolecularGraphs, folder: Path, repeats: int) -> Iterator[Row]:
    """Epochs of shuffled batches, ours and PyG's in turn."""
    import torch
    from torch_geometric.loader import DataLoader

    from models.pyg import GraphLoader, to_data

    torch.set_num_threads(1)
    stored = load_graphs(folder / "graphs")
    data = [to_data(graphs, index) for index in range(len(graphs))]
    for size in BATCH_SIZES:
        loaders = {
            "ours": GraphLoader(stored, batch_size=size, shuffle=True, seed=1),
            "theirs": DataLoader(data, batch_size=size, shuffle=True),
        }
        walls: dict[str, list[float]] = {name: [] for name in (*loaders, "arrays")}
        for _ in range(repeats + 1):  # the first round warms up
            for name, loader in loaders.items():
                walls[name].append(seconds(lambda loader=loader: _exhaust(loader)))
            walls["arrays"].append(seconds(lambda size=size: _cut(stored, size)))
        walls = {name: values[1:] for name, values in walls.items()}
        ratio = statistics.median(b / a for a, b in zip(walls["ours"], walls["theirs"], strict=True))
        n_batches = -(-len(graphs) // size)
        rates = {name: n_batches / statistics.median(values) for name, values in walls.items()}
        yield {
            "figure": "batches per second",
            "of": f"PyG DataLoader, {size}",
            "value": ratio,
            "ours": rates["ours"],
            "theirs": rates["theirs"],
            "limit": MIN_RATIO,
            "passed": ratio >= MIN_RATIO,
            "rounds": repeats,
        }
        yield {
            "figure": "batches per second",
            "of": f"arrays, {size}",
            "ours": rates["arrays"],
            "rounds": repeats,
        }


def _exhaust(loader: Any) -> None:
    for _ in loader:
        pass


def _cut(graphs: MolecularGraphs, size: int) -> None:
    order = np.random.default_rng(0).permutation(len(graphs))
    for start in range(0, len(order), size):
        graphs.batch_arrays(order[start : start + size])


def round_trip(smiles: list[str], graphs: MolecularGraphs) -> Iterator[Row]:
    """Molecules that come back changed from their graph, and those whose graph leaves something open."""
    changed = marked = unresolved = 0
    start = time.perf_counter()
    rebuilt = list(rebuild_molecules(graphs))
    wall = time.perf_counter() - start
    for text, back in zip(smiles, rebuilt, strict=True):
        original = Chem.MolFromSmiles(text)
        marked += any(mark in text for mark in "@/\\")
        if back.reason:
            unresolved += 1
            print(f"left open: {text}: {back.reason}", flush=True)
        elif back.smiles != Chem.MolToSmiles(original) or labels(back.molecule) != labels(original):
            changed += 1
            print(f"changed: {text} to {back.smiles}", flush=True)
    for name, value in (
        ("molecules", len(smiles)),
        ("with marks of stereochemistry", marked),
        ("changed", changed),
        ("left open", unresolved),
        ("molecules per second", len(smiles) / wall),
    ):
        row: Row = {"figure": "round trip", "of": name, "value": value}
        yield row | ({"limit": 0, "passed": changed == 0} if name == "changed" else {})


def labels(molecule: Chem.Mol | None) -> list[str]:
    """CIP labels of all atoms and bonds, straight from RDKit; none where it gives up."""
    assert molecule is not None
    parts = [*molecule.GetAtoms(), *molecule.GetBonds()]
    for part in parts:
        part.ClearProp(_LABEL)
    try:
        rdCIPLabeler.AssignCIPLabels(molecule, maxRecursiveIterations=1_250_000)
    except RuntimeError:
        return []
    return [part.GetProp(_LABEL) if part.HasProp(_LABEL) else "" for part in parts]


def stereo_smiles(shared: Path) -> list[str]:
    """KIBA's isomeric SMILES, which its plain column leaves flat."""
    path = shared / "affinity/kiba/drugs.tsv"
    return pd.read_csv(path, sep="\t")["isomeric_smiles"].dropna().tolist() if path.exists() else []


def measure_all(shared: Path, n_molecules: int, repeats: int) -> pd.DataFrame:
    """Run the whole benchmark and return its table."""
    smiles = real_smiles(shared)
    chosen = smiles[:n_molecules]
    graphs = encode_graphs(chosen)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        rows += compare_sizes(chosen, graphs, Path(scratch))
        rows += race(graphs, Path(scratch), repeats)
    stereo = [text for text in stereo_smiles(shared) if Chem.MolFromSmiles(text) is not None]
    every = list(dict.fromkeys([*chosen, *stereo]))
    rows += round_trip(every, encode_graphs(every))
    atoms = graphs.n_atoms.mean()
    return pd.DataFrame(rows).assign(n_molecules=len(chosen), mean_atoms=atoms)


def main() -> None:
    """Measure and print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared/data")
    parser.add_argument("--molecules", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/graph_batches.tsv")
    options = parser.parse_args()
    table = measure_all(options.shared, options.molecules, options.repeats)
    print(table.drop(columns=["n_molecules", "mean_atoms"]).to_string())
    print(f"{table['n_molecules'][0]} molecules of {table['mean_atoms'][0]:.1f} atoms")
    if options.record:
        print(write_results(table, "graph_batches"))


if __name__ == "__main__":
    main()
