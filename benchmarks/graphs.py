"""Rates of SMILES to stored graphs, beside other programs, and changes of graphs under rewriting.

``python -m benchmarks.graphs [--shared DIR] [--molecules 20000] [--rewrites 10000] [--repeats 5] [--chemprop-python
PATH] [--record]`` draws real molecules (approved drugs, NCI, and of the shared data KIBA and MoleculeNet where the
folder is there), lets all programs take turns on the same SMILES, and prints and with ``--record`` writes
benchmarks/results/graphs.tsv. Ours end with the graphs in a store on the disk; the others keep nothing.

``rate`` is molecules per CPU second on one core, of the median round; ``over_parsing`` and ``over_pyg`` are medians
over the rounds of the CPU seconds of ``Chem.MolFromSmiles`` and of PyG's ``from_smiles`` over those of the program
in the same round. PyG and chemprop, ten times slower, are given every fifth molecule. Two processes are held
against one by wall seconds, both in pools of warm workers that store their parts. All are warm and compiled; the row
``first call`` states what that hides.

Rewriting (`benchmarks.graph_rewriting`): molecules with marks of stereochemistry are written in five other ways,
and the graphs compared as labelled graphs. ``changed`` counts those that differ. Rewritings that RDKit itself
reads as another molecule (``other_molecule``: its writer is wrong for some rings) do not count.

chemprop lives in an environment of its own, which ``make peers`` builds: ``--chemprop-python`` names its interpreter.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from rdkit import Chem, RDConfig, rdBase

from benchmarks.graph_rewriting import WAYS, GraphText, rewrite
from benchmarks.record import write_results
from chem.graph_encode import encode_graphs
from chem.graph_store import save_graphs

ROOT = Path(__file__).resolve().parents[1]
PARSING, PYG, CHEMPROP = "MolFromSmiles", "PyG from_smiles", "chemprop featuriser"
EVERY = {PYG: 5, CHEMPROP: 5}
"""The slow programs are given each so manieth molecule."""
CRITERIA: tuple[tuple[str, str, float], ...] = (
    ("varimol, no stereo", "over_parsing", 0.9),
    ("varimol", "over_parsing", 0.7),
    ("varimol", "over_pyg", 4.0),
    ("varimol portable", "over_pyg", 1.8),
    ("varimol", "over_chemprop", 4.0),
    ("varimol portable", "over_chemprop", 1.8),
    ("two processes", "over_one", 1.8),
)
"""Program, figure, and the least it should be."""

Run = Callable[[], dict[str, float]]


def real_smiles(shared: Path) -> list[str]:
    """SMILES of all molecules at hand that RDKit reads, in a fixed order, each once."""
    texts = pd.read_csv(ROOT / "varimol/data/drugs.tsv", sep="\t")["smiles"].tolist()
    lines = (Path(RDConfig.RDDataDir) / "NCI" / "first_5K.smi").read_text().splitlines()
    texts += [line.split()[0] for line in lines if line.strip()]
    for path in [shared / "affinity/kiba/drugs.tsv", *sorted(shared.glob("properties/moleculenet/*.csv"))]:
        if path.exists():
            table = pd.read_csv(path, sep="\t" if path.suffix == ".tsv" else ",")
            columns = [name for name in table.columns if "smiles" in name.lower() or name == "mol"]
            texts += table[columns[0]].dropna().astype(str).tolist()
    with rdBase.BlockLogs():
        return [text for text in dict.fromkeys(texts) if _readable(text)]


def _readable(text: str) -> bool:
    molecule = Chem.MolFromSmiles(text)
    return molecule is not None and molecule.GetNumAtoms() > 0


def timed(work: Callable[[], object]) -> dict[str, float]:
    """Wall and CPU seconds of a call in this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}


def store(smiles: Sequence[str], compiled: bool, stereo: bool) -> int:
    """Encode molecules and store their graphs; returns how many."""
    with tempfile.TemporaryDirectory() as folder:
        save_graphs(encode_graphs(smiles, compiled=compiled, stereo=stereo), Path(folder) / "graphs")
    return len(smiles)


def _parse(smiles: Sequence[str]) -> None:
    with rdBase.BlockLogs():
        for text in smiles:
            Chem.MolFromSmiles(text)


def _pyg(smiles: Sequence[str]) -> None:
    from torch_geometric.utils import from_smiles

    with rdBase.BlockLogs():
        for text in smiles:
            from_smiles(text)


_CHEMPROP = """
import json, sys, time
from chemprop.featurizers import SimpleMoleculeMolGraphFeaturizer
from rdkit import Chem, RDLogger
RDLogger.DisableLog("rdApp.*")
featurise = SimpleMoleculeMolGraphFeaturizer()
smiles = open(sys.argv[1]).read().split()
for _ in sys.stdin:
    wall, cpu = time.perf_counter(), time.process_time()
    for text in smiles:
        featurise(Chem.MolFromSmiles(text))
    print(json.dumps({"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}), flush=True)
"""


@contextmanager
def chemprop(python: Path, smiles: Sequence[str]) -> Iterator[Run | None]:
    """Chemprop's featuriser in its own environment, waiting to be asked; None where there is none."""
    if not python.exists():
        print(f"{CHEMPROP}: left out, {python} is not there (make peers builds it)")
        yield None
        return
    with tempfile.NamedTemporaryFile("w", suffix=".smi") as file:
        file.write("\n".join(smiles))
        file.flush()
        command = [str(python), "-c", _CHEMPROP, file.name]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as worker:
            assert worker.stdin is not None and worker.stdout is not None

            def run() -> dict[str, float]:
                worker.stdin.write("run\n")  # type: ignore[union-attr]
                worker.stdin.flush()  # type: ignore[union-attr]
                return dict(json.loads(worker.stdout.readline()))  # type: ignore[union-attr]

            yield run
            worker.stdin.close()


@contextmanager
def pool(n_workers: int, smiles: Sequence[str]) -> Iterator[Run]:
    """Warm worker processes that encode and store parts of the molecules."""
    size = max(1, len(smiles) // 20)
    parts = [list(smiles[start : start + size]) for start in range(0, len(smiles), size)]
    with ProcessPoolExecutor(n_workers, multiprocessing.get_context("spawn")) as workers:
        list(workers.map(store, [parts[0]] * 4 * n_workers, [True] * 4 * n_workers, [True] * 4 * n_workers))

        def run() -> dict[str, float]:
            return timed(lambda: list(workers.map(store, parts, [True] * len(parts), [True] * len(parts))))

        yield run


def measure(smiles: Sequence[str], chemprop_python: Path, repeats: int) -> pd.DataFrame:
    """Let all programs take turns; one row per program and round."""
    some = list(smiles[:: EVERY[CHEMPROP]])
    first = timed(lambda: store(smiles[:1], compiled=True, stereo=True))
    _pyg(smiles[:1])
    rows: list[dict[str, object]] = [{"program": "first call", "molecules": 1, "round": 0, **first}]
    with chemprop(chemprop_python, some) as featurise, pool(1, smiles) as one, pool(2, smiles) as two:
        programs: dict[str, Run | None] = {
            PARSING: lambda: timed(lambda: _parse(smiles)),
            "varimol": lambda: timed(lambda: store(smiles, compiled=True, stereo=True)),
            "varimol, no stereo": lambda: timed(lambda: store(smiles, compiled=True, stereo=False)),
            "varimol portable": lambda: timed(lambda: store(smiles, compiled=False, stereo=True)),
            "varimol portable, no stereo": lambda: timed(lambda: store(smiles, compiled=False, stereo=False)),
            PYG: lambda: timed(lambda: _pyg(smiles[:: EVERY[PYG]])),
            CHEMPROP: featurise,
            "one process": one,
            "two processes": two,
        }
        for number in range(1, repeats + 1):
            for program, run in programs.items():
                if run is None:
                    continue
                figures = run()
                molecules = len(smiles[:: EVERY.get(program, 1)])
                rows.append({"program": program, "molecules": molecules, "round": number, **figures})
                print(
                    f"round {number}: {program} {figures['cpu_s']:.2f} CPU s, {figures['wall_s']:.2f} s",
                    flush=True,
                )
    return pd.DataFrame(rows)


def summarise(rounds: pd.DataFrame) -> pd.DataFrame:
    """One row per program: median seconds, rate, and ratios to the programs of the same round."""
    each = rounds.assign(cpu_s=rounds["cpu_s"] / rounds["molecules"])
    seconds = each.pivot_table(index="round", columns="program", values="cpu_s")
    walls = rounds.pivot_table(index="round", columns="program", values="wall_s")
    table = rounds.groupby("program", sort=False)[["molecules", "wall_s", "cpu_s"]].median()
    in_pool = table.index.isin(["one process", "two processes"])
    table["rate"] = table["molecules"] / table["wall_s"].where(in_pool, table["cpu_s"])
    for name, program in (("parsing", PARSING), ("pyg", PYG), ("chemprop", CHEMPROP)):
        if program in seconds:
            ratios = seconds[[program]].to_numpy() / seconds
            table[f"over_{name}"] = ratios.median().reindex(table.index).mask(in_pool)
    table.loc["two processes", "over_one"] = (walls["one process"] / walls["two processes"]).median()
    return table.reset_index()


def rewriting(smiles: Sequence[str], n_rewrites: int, seed: int) -> pd.DataFrame:
    """Count the graphs that change when their SMILES is rewritten, ours and PyG's."""
    with rdBase.BlockLogs():
        marked = list(dict.fromkeys(map(Chem.CanonSmiles, (s for s in smiles if set("@/\\") & set(s)))))
        marked = [text for text in marked if set("@/\\") & set(text)]
        ways = [WAYS[number % len(WAYS)] for number in range(n_rewrites)]
        before = [marked[number % len(marked)] for number in range(n_rewrites)]
        after = [rewrite(text, way, seed + k) for k, (text, way) in enumerate(zip(before, ways, strict=True))]
        same = [
            Chem.CanonSmiles(a) == Chem.CanonSmiles(b) and a != b for a, b in zip(before, after, strict=True)
        ]
        before, after = (
            [text for text, ok in zip(texts, same, strict=True) if ok] for texts in (before, after)
        )
        changed = {"varimol": _changes(_our_texts, before, after), PYG: _changes(_pyg_texts, before, after)}
    return pd.DataFrame(
        {
            "program": f"{program}, rewritten",
            "molecules": len(before),
            "other_molecule": n_rewrites - len(before),
            "changed": count,
        }
        for program, count in changed.items()
    )


def _changes(
    texts: Callable[[Sequence[str], GraphText], list[str]], before: Sequence[str], after: Sequence[str]
) -> int:
    canonical = GraphText()
    return sum(a != b for a, b in zip(texts(before, canonical), texts(after, canonical), strict=True))


def _our_texts(smiles: Sequence[str], canonical: GraphText) -> list[str]:
    graphs = encode_graphs(smiles, compiled=True)
    parts = (graphs.take([place]) for place in range(len(graphs)))
    return [
        canonical.of(part.node_features, part.edge_index[:, ::2], part.edge_features[::2]) for part in parts
    ]


def _pyg_texts(smiles: Sequence[str], canonical: GraphText) -> list[str]:
    from torch_geometric.utils import from_smiles

    texts = []
    for text in smiles:
        data = from_smiles(text)
        ends, bonds = np.asarray(data.edge_index), np.asarray(data.edge_attr)
        once = ends[0] < ends[1]
        texts.append(canonical.of(np.asarray(data.x), ends[:, once], bonds[once]))
    return texts


def verdicts(table: pd.DataFrame) -> pd.DataFrame:
    """Hold the figures against what is asked for; what was left out has no row."""
    by_program = table.set_index("program")
    rows: list[tuple[str, float, float, bool]] = []
    for program, figure, limit in CRITERIA:
        if figure in by_program and pd.notna(by_program.loc[program, figure]):
            value = float(by_program.loc[program, figure])
            rows.append((f"{program}, {figure}", value, limit, value >= limit))
    if "varimol, rewritten" in by_program.index:
        changed = float(by_program.loc["varimol, rewritten", "changed"])
        rows.append(("graphs changed by rewriting", changed, 0.0, changed == 0))
    return pd.DataFrame(rows, columns=["criterion", "value", "limit", "passed"])


def main() -> None:
    """Measure, print the figures and what they are worth."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--molecules", type=int, default=20_000)
    parser.add_argument("--rewrites", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--chemprop-python", type=Path, default=ROOT / ".venv/peers/chemprop/bin/python")
    parser.add_argument("--record", action="store_true", help="write benchmarks/results/graphs.tsv")
    options = parser.parse_args()
    smiles = real_smiles(options.shared)
    random.Random(options.seed).shuffle(smiles)
    table = summarise(measure(smiles[: options.molecules], options.chemprop_python, options.repeats))
    table = pd.concat([table, rewriting(smiles, options.rewrites, options.seed)], ignore_index=True)
    table["rounds"], table["seed"], table["rdkit"] = options.repeats, options.seed, rdBase.rdkitVersion
    table["torch_geometric"], table["python"] = version("torch-geometric"), sys.version.split()[0]
    print(table.drop(columns=["rounds", "seed", "rdkit", "torch_geometric", "python"]).to_string())
    print(verdicts(table).to_string())
    if options.record:
        print(write_results(table, "graphs"))


if __name__ == "__main__":
    main()
