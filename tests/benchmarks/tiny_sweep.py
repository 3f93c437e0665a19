"""A sweep of two small tables, for its tests: what it declares, its data and its tasks."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.sweep_cells import Task
from benchmarks.sweep_plan import Plan, select_cells
from models.contenders import NETWORKS

NETWORK = next(iter(NETWORKS))
SMILES = ("CCO", "CCN", "CCC", "c1ccccc1", "c1ccccc1C", "c1ccncc1", "C1CCCCC1", "CC(=O)O", "C[C@H](N)C(=O)O",
          "C[C@@H](N)C(=O)O", "Oc1ccccc1", "CCCCCC")  # fmt: skip
PLAN = """
n_folds = 3
[tables.tiny]
folder = "affinity/tiny"
layout = "tables"
label = "pkd"
task = "regression"
[tables.rows]
folder = "affinity/rows"
layout = "rows"
label = "Y"
task = "classification"
[[runs]]
table = "tiny"
arms = ["given"]
splits = ["random"]
models = ["means", "nearest_neighbour", "NETWORK"]
[[runs]]
table = "tiny"
arms = ["given"]
splits = ["cold_drug", "cold_target", "cold_both", "scaffold"]
models = ["means"]
folds = [1]
[[runs]]
table = "tiny"
arms = ["true", "distinct"]
splits = ["random"]
models = ["means"]
folds = [1]
[[runs]]
table = "rows"
arms = ["random"]
splits = ["published"]
models = ["means"]
folds = [1]
[[recipes]]
model = "NETWORK"
change = { n_members = 1, shape = { dim = 16, rank = 8 }, loop = { n_epochs = EPOCHS, stop_after = EPOCHS } }
""".replace("NETWORK", NETWORK)


def write_plan(folder: Path, epochs: int = 2, text: str = PLAN) -> Path:
    path = folder / "plan.toml"
    path.write_text(text.replace("EPOCHS", str(epochs)), "utf-8")
    return path


def write_tables(folder: Path) -> Path:
    """Two small tables: kinase-like names with a mutant and a phosphorylated form, and rows of yes and no."""
    tiny, rng = folder / "affinity" / "tiny", np.random.default_rng(3)
    tiny.mkdir(parents=True)
    chains = ["".join(rng.choice(list("ACDEFGHIKLMNPQRSTVWY"), 80)) for _ in range(7)]
    chains[1] = chains[0][:70] + chains[1][:10]  # of one family with the first
    mutant = f"X({chains[0][4]}5{'A' if chains[0][4] != 'A' else 'C'})"
    names = [*"XYZVWUT", mutant, f"{mutant}p"]
    targets = pd.DataFrame({"target_id": names, "sequence": [*chains, chains[0], chains[0]]})
    drugs = pd.DataFrame({"drug_id": [f"d{k}" for k in range(len(SMILES))], "smiles": SMILES})
    pairs = drugs[["drug_id"]].merge(targets[["target_id"]], how="cross").iloc[:-3]
    pairs["pkd"] = rng.normal(6.5, 1, len(pairs)).round(2)
    pairs["fold"] = rng.permutation(np.arange(len(pairs)) % 3 + 1)
    targets.to_csv(tiny / "targets.tsv", sep="\t", index=False)
    drugs.to_csv(tiny / "drugs.tsv", sep="\t", index=False)
    (tiny / "train.tsv.gz").write_bytes(gzip.compress(pairs.to_csv(sep="\t", index=False).encode()))
    rows = folder / "affinity" / "rows" / "random"
    rows.mkdir(parents=True)
    table = pd.DataFrame(
        {"SMILES": [*SMILES, "C1CC"] * 2, "Protein": np.repeat(chains[:2], 13), "Y": [0, 1] * 13}
    )
    for name, part in {"train": table[:14], "val": table[14:18], "test": table[18:]}.items():
        part.to_csv(rows / f"{name}.csv", index=False)
    return folder


def tasks_of(plan: Plan, data: Path, cache: Path, **wanted: Any) -> list[Task]:
    cells = select_cells(plan.cells, {name: [str(value)] for name, value in wanted.items()})
    return [Task.of(cell, plan, data, cache) for cell in cells]
