"""Tables of molecular properties and their folds, the same for every program that `benchmarks.properties` compares.

A molecule stands once: structures are standardised as everywhere in the package, rows of one InChIKey are joined
(mean of numbers; a yes-or-no label on which they differ is left out), what does not parse is left out. Folds are
by scaffold, five, seed 0.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chem.standardise import standardise_smiles
from models.pair_model import Task
from models.split_records import SplitRecords
from models.splits import SplitSettings, split_folds

DATA = Path(__file__).parents[2] / "shared" / "data" / "properties"
N_FOLDS, SEED = 5, 0


@dataclass(frozen=True)
class Source:
    """Where a table comes from.

    Attributes
    ----------
    file
        Below the folder of properties.
    smiles
        Column of structures.
    labels
        Columns of labels; empty for all but the structures and `without`.
    task
        What the labels are.
    without
        Columns that are no labels.
    """

    file: str
    smiles: str
    labels: tuple[str, ...]
    task: Task
    without: tuple[str, ...] = ()


def _tdc(name: str) -> Source:
    return Source(f"tdc/{name}.tab", "Drug", ("Y",), "classification")


def _biogen(name: str) -> Source:
    return Source(f"biogen/ADME_{name}_train.csv", "smiles", ("activity",), "regression")


def _moleculenet(file: str, labels: tuple[str, ...], task: Task, without: tuple[str, ...] = ()) -> Source:
    return Source(f"moleculenet/{file}.csv", "smiles", labels, task, without)


SOURCES = {
    "esol": _moleculenet("ESOL_delaney-processed", ("measured log solubility in mols per litre",), "regression"),
    "hlm": _biogen("HLM"),
    "bbbp": _moleculenet("BBBP", ("p_np",), "classification"),
    "lipophilicity": _moleculenet("Lipophilicity", ("exp",), "regression"),
    "bace": _moleculenet("bace", ("Class",), "classification"),
    "tox21": _moleculenet("tox21", (), "classification", ("mol_id",)),
    "ames": _tdc("ames"),
    "cyp3a4": _tdc("cyp3a4_veith"),
    "freesolv": _moleculenet("FreeSolv_SAMPL", ("expt",), "regression"),
    "clintox": _moleculenet("clintox", (), "classification"),
    "sider": _moleculenet("sider", (), "classification"),
    "bbb": _tdc("bbb_martins"),
    "bioavailability": _tdc("bioavailability_ma"),
    "hia": _tdc("hia_hou"),
    "pgp": _tdc("pgp_broccatelli"),
    "cyp2d6": _tdc("cyp2d6_veith"),
    "rlm": _biogen("RLM"),
    "mdr1_er": _biogen("MDR1_ER"),
    "solubility": _biogen("Sol"),
    "hppb": _biogen("hPPB"),
    "rppb": _biogen("rPPB"),
}  # fmt: skip
"""By name, in the order in which they are run."""


@dataclass(frozen=True)
class PropertyTable:
    """Distinct molecules of one table.

    Attributes
    ----------
    name
        Of `SOURCES`.
    smiles
        n standardised SMILES.
    labels
        (n, n_labels) float64, NaN where nothing was measured.
    label_names
        Of the columns.
    tasks
        Of the columns.
    fold
        (n,) from 1.
    """

    name: str
    smiles: tuple[str, ...]
    labels: NDArray[np.float64]
    label_names: tuple[str, ...]
    tasks: tuple[Task, ...]
    fold: NDArray[np.int64]


def read_properties(name: str, cache: Path, data: Path = DATA) -> PropertyTable:
    """Read a table; its molecules and folds are kept as a TSV in `cache`, and read from there again."""
    path = cache / f"{name}.tsv"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        _joined(SOURCES[name], data).to_csv(path, sep="\t", index=False)
    table = pd.read_csv(path, sep="\t", quoting=csv.QUOTE_MINIMAL)
    names = tuple(table.columns[2:])
    labels = table[list(names)].to_numpy(float)
    return PropertyTable(
        name,
        tuple(table["smiles"]),
        labels,
        names,
        (SOURCES[name].task,) * len(names),
        table["fold"].to_numpy(),
    )


def _joined(source: Source, data: Path) -> pd.DataFrame:
    """Distinct molecules with their folds: smiles, fold, labels."""
    path = data / source.file
    table = pd.read_csv(path, sep="\t" if path.suffix == ".tab" else ",")
    names = list(source.labels) or [c for c in table if c not in (source.smiles, *source.without)]
    molecules = [standardise_smiles(str(text)) for text in table[source.smiles]]
    key = pd.Series([m.inchikey or m.smiles for m in molecules])
    usable = np.array([bool(m.smiles) for m in molecules])
    labels = table[names].astype(float)
    groups = labels[usable].groupby(key[usable], sort=False)
    values = groups.mean()
    if source.task == "classification":
        values = values.where(values.isin((0.0, 1.0)))
    smiles = pd.Series([m.smiles for m in molecules])[usable].groupby(key[usable], sort=False).first()
    values.insert(0, "smiles", smiles)
    values = values[values[names].notna().any(axis=1)].reset_index(drop=True)
    settings = SplitSettings("scaffold", N_FOLDS, SEED, leakage=False)
    values.insert(1, "fold", split_folds(SplitRecords(smiles=list(values["smiles"])), settings).fold)
    return values
