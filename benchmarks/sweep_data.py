"""Tables, splits and inputs of the sweep, each made once per process and shared by its cells.

Cold targets are held out by sequence and family (`models.families`), so that no near relative of a test protein is in
training; cold drugs by skeleton, so that no stereoisomer is.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.sweep_plan import Cell, Plan, Table, digest
from chem.errors import InputError
from models.families import SAME_RESIDUES, SAME_WORDS
from models.pair_model import PairFeatures
from models.pairs import PairData, read_pairs
from models.protein import PANEL_CONSTRUCTS, Target, read_targets
from models.splits import NEVER_TESTED, Round, SplitKind, SplitSettings, split_folds, split_rounds
from models.tables import read_table

if TYPE_CHECKING:
    from models.affinity_inputs import InputEncoder
    from models.contenders import NetworkRecipe

PUBLISHED = "published"


@dataclass(frozen=True)
class Setting:
    """A table, how it is read and how it is split, with the folders of data and cache."""

    table: Table
    arm: str
    split: str
    n_folds: int
    seed: int
    data: Path
    cache: Path

    @classmethod
    def of(cls, cell: Cell, plan: Plan, data: Path, cache: Path) -> Setting:
        """Setting of a cell."""
        table = plan.tables[cell.table]
        return cls(table, cell.arm, cell.split, plan.n_folds, plan.split_seed, data, cache)

    @property
    def pairs(self) -> PairData:
        """Its pairs."""
        return read_arm(self.table, self.arm, self.data)[0]

    @property
    def n_dropped(self) -> int:
        """Rows of the table that are not among them."""
        return read_arm(self.table, self.arm, self.data)[1]

    @property
    def rounds(self) -> dict[int, Round]:
        """Training and test rows by fold."""
        return _rounds(self)

    def round(self, fold: int) -> Round:
        """Training and test rows of a fold.

        Raises
        ------
        InputError
            The split has no such fold.
        """
        if fold not in self.rounds:
            raise InputError(
                f"no fold {fold} in the {self.split} split", record=f"{self.table.name} {self.arm}",
                field="fold", expected=", ".join(map(str, self.rounds)),
            )  # fmt: skip
        return self.rounds[fold]

    def features(self) -> PairFeatures:
        """What plain models read."""
        return _features(self.table, self.arm, self.data)

    def encoder(self, fold: int, recipe: NetworkRecipe) -> InputEncoder:
        """What a network of a recipe reads, fitted to the training pairs of a fold."""
        return _encoder(self, fold, recipe)

    def fold_digest(self, fold: int) -> str:
        """Hash of the pairs of a fold: molecules, proteins, labels, and which are trained on and tested."""
        part = self.round(fold)
        rows = part.train.astype(np.int8) + 2 * part.test
        pairs = _arm_digest(self.table, self.arm, self.data)
        return hashlib.sha256(pairs.encode() + rows.tobytes()).hexdigest()[:16]


@lru_cache(maxsize=8)
def read_arm(table: Table, arm: str, data: Path) -> tuple[PairData, int]:
    """Labelled pairs of a table in one arm, and how many rows had to be dropped.

    Rows are dropped where the structure cannot be read, and in the arm ``distinct`` where the input stands twice.

    Raises
    ------
    InputError
        As `models.pairs.read_pairs`.
    """
    folder = data / table.folder
    pairs = _read_rows(folder / arm, table) if table.layout == "rows" else _read_tables(folder, table, arm)
    keep = np.array([not reason for reason in pairs.drug_reasons])[pairs.drug] & ~np.isnan(pairs.label)
    if arm == "distinct":
        keep &= _first_of_each_input(pairs)
    return pairs.select(keep), int((~keep).sum())


def _read_tables(folder: Path, table: Table, arm: str) -> PairData:
    from varimol import tables

    targets = folder / "targets.tsv"
    pairs = read_pairs(
        folder / "train.tsv.gz", folder / "drugs.tsv", targets, label=table.label, folds="fold"
    )
    rows = read_table(targets, ("target_id", "sequence"), "targets")
    if arm != "true":
        return replace(pairs, targets=read_targets(rows, "given"))
    references = {str(row["symbol"]): str(row["sequence"]) for row in tables.proteins().to_dict("records")}
    return replace(pairs, targets=read_targets(rows, constructs=PANEL_CONSTRUCTS, references=references))


def _read_rows(folder: Path, table: Table) -> PairData:
    """Read a folder of published training, validation and test rows; test rows are of fold 1, the others of none."""
    from chem.standardise import standardise_smiles

    parts = []
    for name in ("train", "val", "test"):
        part = read_table(folder / f"{name}.csv", ("SMILES", "Protein", table.label), name)
        parts.append(part.assign(fold=1 if name == "test" else NEVER_TESTED))
    rows = pd.concat(parts, ignore_index=True)
    drug, smiles = pd.factorize(rows["SMILES"])
    target, sequences = pd.factorize(rows["Protein"].str.strip().str.upper())
    label = pd.to_numeric(rows[table.label], errors="coerce").to_numpy(float)
    standard = [standardise_smiles(text) for text in smiles]
    drug_ids = tuple(f"M{number}" for number in range(1, len(smiles) + 1))
    target_ids = tuple(f"P{number}" for number in range(1, len(sequences) + 1))
    return PairData(
        table.label, drug_ids, tuple(s.smiles for s in standard), tuple(s.reason for s in standard), target_ids,
        tuple(Target(name, text) for name, text in zip(target_ids, sequences, strict=True)),
        drug.astype(np.int64), target.astype(np.int64), label, rows["fold"].to_numpy(np.int64),
    )  # fmt: skip


def _first_of_each_input(pairs: PairData) -> NDArray[np.bool_]:
    """(n,) one pair of each (molecule, sequence): that of the shortest target name, then the first."""
    rows = pd.DataFrame(
        {
            "molecule": [pairs.smiles[d] for d in pairs.drug],
            "sequence": [pairs.targets[t].sequence for t in pairs.target],
            "length": [len(pairs.target_ids[t]) for t in pairs.target],
        }
    ).sort_values("length", kind="stable")
    kept = rows.drop_duplicates(["molecule", "sequence"]).index
    return np.isin(np.arange(len(rows)), kept)


@lru_cache(maxsize=4)
def _features(table: Table, arm: str, data: Path) -> PairFeatures:
    pairs = read_arm(table, arm, data)[0]
    return PairFeatures(pairs.smiles, pairs.targets)


@lru_cache(maxsize=2)
def _encoder(setting: Setting, fold: int, recipe: NetworkRecipe) -> InputEncoder:
    from models.contenders import fit_encoder

    return fit_encoder(setting.pairs.select(setting.round(fold).train), recipe)


def pairs_digest(pairs: PairData) -> str:
    """Hash of what pairs hold: molecules, proteins in their forms, labels and folds.

    Drugs and targets count by what is read of them, so that a molecule that is standardised differently is seen.
    """
    targets = [[t.target_id, t.sequence, t.domain, t.phosphorylated, t.unplaced] for t in pairs.targets]
    known = hashlib.sha256(json.dumps([pairs.drug_ids, pairs.smiles, targets]).encode())
    for values in (pairs.drug, pairs.target, pairs.label, pairs.fold):
        known.update(np.ascontiguousarray(values).tobytes())
    return known.hexdigest()[:16]


@lru_cache(maxsize=8)
def _arm_digest(table: Table, arm: str, data: Path) -> str:
    return pairs_digest(read_arm(table, arm, data)[0])


@lru_cache(maxsize=16)
def _rounds(setting: Setting) -> dict[int, Round]:
    pairs = setting.pairs
    if setting.split == PUBLISHED:
        test = pairs.fold == 1
        return {1: Round(1, ~test, test)}
    if setting.split == "random" and setting.table.layout == "tables":
        return {part.fold: part for part in split_rounds(pairs.fold)}
    table = _split_table(setting)
    cold = (table["drug_fold"].to_numpy(np.int64), table["target_fold"].to_numpy(np.int64))
    both = cold if setting.split == "cold_both" else (None, None)
    return {part.fold: part for part in split_rounds(table["fold"].to_numpy(np.int64), setting.split, *both)}


def _split_table(setting: Setting) -> pd.DataFrame:
    """Folds of every pair, kept in the cache: families take a while to find."""
    what = [setting.n_folds, setting.seed, SAME_RESIDUES, SAME_WORDS]
    name = (
        f"{setting.table.name}-{setting.arm}-{setting.split}-{digest([pairs_digest(setting.pairs), *what])}"
    )
    path = setting.cache / "splits" / f"{name}.parquet"
    if not path.exists():
        write_parquet(_make_split(setting), path)
    return pd.read_parquet(path)


def _make_split(setting: Setting) -> pd.DataFrame:
    from models.split_records import records_of_pairs

    pairs = setting.pairs
    kind: SplitKind = setting.split  # type: ignore[assignment]
    settings = SplitSettings(kind, setting.n_folds, setting.seed, same_molecule="skeleton", leakage=False)
    split = split_folds(records_of_pairs(pairs), settings)
    nowhere = np.full(len(pairs), -1, np.int64)
    return pd.DataFrame(
        {
            "fold": split.fold,
            "drug_fold": nowhere if split.drug_fold is None else split.drug_fold,
            "target_fold": nowhere if split.target_fold is None else split.target_fold,
        }
    )


def fold_leakage(setting: Setting) -> pd.DataFrame:
    """What the test rows of each fold share with the training rows (`models.leakage`), kept in the cache."""
    from models.leakage import leakage_report
    from models.split_records import identify_records, records_of_pairs

    folds = digest([setting.fold_digest(fold) for fold in setting.rounds])
    path = setting.cache / "splits" / f"leakage-{folds}.parquet"
    if not path.exists():
        keys = identify_records(records_of_pairs(setting.pairs))
        write_parquet(leakage_report(keys, list(setting.rounds.values())).table, path)
    return pd.read_parquet(path)


def write_parquet(table: pd.DataFrame, path: Path, **options: Any) -> None:
    """Write a table whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    table.to_parquet(part, index=False, **options)
    os.replace(part, path)
