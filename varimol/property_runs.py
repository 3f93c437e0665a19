"""Train a network of molecular properties from tables, and predict with one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chem.errors import InputError
from varimol.networks import network_folder, require_kind
from varimol.results import TOP, write_named_parts, write_named_table
from varimol.steps import writing_to

if TYPE_CHECKING:
    from models.property_fits import PropertyExperiment
    from models.trained_properties import TrainedProperties

PathName = str | os.PathLike[str]
SMILES_COLUMNS = ("smiles", "canonical_smiles", "isomeric_smiles", "structure", "drug")
"""Names of the column of structures, in any case, the first that is there."""


def train_property(
    table: PathName | Sequence[PathName],
    smiles_column: str | None,
    labels: Sequence[str],
    out: PathName,
    *,
    tasks: Sequence[str] = (),
    folds: str | None = None,
    experiment: PropertyExperiment | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> TrainedProperties:
    """Train a network of properties and judge it beside plain models on held-out scaffolds and molecules.

    Parameters
    ----------
    table
        Tables with a row per molecule; a molecule may stand in several, with other labels.
    smiles_column
        Column of structures; found by its name where it is None.
    labels
        Columns of labels; empty where nothing was measured.
    out
        Folder for model.safetensors, card.json, folds.tsv, metrics.tsv, coverage.tsv and rejects.tsv.
    tasks
        ``regression`` or ``classification`` for all labels, or for each; labels that are 0 and 1 alone are classes
        unless given.
    folds
        Column of the fold of each molecule; folds are made where it is None.
    experiment
        What to fit and hold out, and the card's facts.
    progress
        Called with what was done and the share of it that is done.

    Returns
    -------
    TrainedProperties
        As saved; its card's ``notes`` tell what was read otherwise than it is written.

    Raises
    ------
    InputError
        A table cannot be read or used; file, record and field are named.
    """
    from models.property_experiment import train_properties
    from models.property_fits import PropertyExperiment
    from models.property_table import read_properties

    paths = [table] if isinstance(table, (str, os.PathLike)) else list(table)
    column = smiles_column or find_smiles_column(paths[0])
    read = read_properties(paths, column, labels, tasks, folds)
    plan = experiment or PropertyExperiment()
    told = {"columns": {"smiles": column, "labels": list(labels)}}
    with writing_to(Path(out)):
        return train_properties(read, out, replace(plan, description={**plan.description, **told}), progress)


def predict_property(
    network: PathName,
    table: PathName,
    out: PathName | None,
    smiles_column: str | None = None,
    *,
    id_column: str | None = None,
    endpoint: str | None = None,
    level: float = 0.9,
    attributions: PathName | None = None,
    top: int | None = TOP,
) -> pd.DataFrame:
    """Predict properties of the molecules of a table.

    Parameters
    ----------
    network
        Folder of a run of `varimol train property`, or a shipped network's name.
    table
        Table with a column of structures.
    out
        TSV or Parquet file; nothing is written where it is None.
    smiles_column
        Column of structures; found by its name where it is None.
    id_column
        Column that names the molecules, to be kept.
    endpoint
        Property to predict; all of the network's unless given.
    level
        Coverage of the interval.
    attributions
        Table to write the atoms that moved each prediction to; none unless given.
    top
        Atoms of each prediction, None for all.

    Returns
    -------
    pandas.DataFrame
        For each row of the table, in its order, a row per endpoint: the identifier and the structure as they stand,
        then endpoint, prediction, lower, upper, sd, in_domain, abstain, reason, nearest_train_tanimoto
        (`models.trained_properties.TrainedProperties.predict`).

    Raises
    ------
    InputError
        The table cannot be read, a column is missing, or the network has no such endpoint.
    """
    from models.property_table import require_columns
    from models.tables import read_table

    model = load_property_network(network)
    read = read_table(table, (), "molecule")
    column = smiles_column or find_smiles_column(table)
    kept = [name for name in (id_column, column) if name]
    for name in kept:
        require_columns(table, [str(each) for each in read.columns], name, "molecule")
    if read.empty:
        raise InputError(
            "molecule table has a header and no lines", file=table, expected="a line per molecule"
        )
    told = model.predict(read[column].str.strip().tolist(), None if endpoint is None else [endpoint], level)
    keys = read[list(dict.fromkeys(kept))].iloc[told["row"].to_numpy()].reset_index(drop=True)
    predicted = pd.concat([keys, told.drop(columns="row")], axis=1)
    if out is not None:
        write_named_table(predicted, out)
    if attributions is not None:
        write_named_parts(_atom_tables(model, keys, told, column, top), attributions)
    return predicted


def _atom_tables(
    model: TrainedProperties, keys: pd.DataFrame, told: pd.DataFrame, column: str, top: int | None
) -> Iterator[pd.DataFrame]:
    """Atoms of one endpoint of one row at a time, the strongest first; none where the model abstains."""
    from chem.standardise import standardise_smiles
    from models.attribution_tables import named_atoms

    yield keys[:0].assign(endpoint="").join(named_atoms("C", "C")).assign(contribution=0.0)[:0]
    for _, rows in told[~told["abstain"]].groupby("row", sort=False):
        key = keys.loc[rows.index[0]].to_dict()
        structure = str(key[column]).strip()
        smiles = standardise_smiles(structure).smiles
        atoms = named_atoms(structure, smiles)
        shares = model.atom_contributions(smiles, rows["endpoint"].tolist())
        for endpoint, share in zip(rows["endpoint"], shares.T, strict=True):
            order = np.argsort(-np.abs(share), kind="stable")[:top]
            named = pd.DataFrame({**key, "endpoint": endpoint}, index=order)
            yield named.join(atoms.iloc[order]).assign(contribution=share[order])


def load_property_network(name: PathName) -> TrainedProperties:
    """Open a network of properties; asking twice for the same one reads it once.

    Raises
    ------
    InputError
        There is none, it is of another kind, or it is damaged.
    """
    folder = require_kind(name, "property")
    return _load(folder, (network_folder(name) / "card.json").stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _load(folder: Path, modified_ns: int) -> TrainedProperties:
    from models.property_checkpoint import load_properties

    return load_properties(folder)


def find_smiles_column(path: PathName) -> str:
    """Column of structures of a table, by its name; ``smiles`` where there is none.

    Raises
    ------
    InputError
        The table cannot be read.
    """
    from models.tables import read_table

    by_case = {
        str(name).lower(): str(name) for name in reversed(list(read_table(path, (), "molecule").columns))
    }
    return next((by_case[name] for name in SMILES_COLUMNS if name in by_case), SMILES_COLUMNS[0])
