"""Networks: arrays in, calibrated and explained scores out.

Shapes and units
----------------
* A batch of molecules is flat: ``x`` (n_atoms, n_node_fields) integer codes, ``edge_index`` (2, n_edges) atom
  numbers within the batch, ``edge_attr`` (n_edges, n_edge_fields) integer codes, ``batch`` (n_atoms,) the
  molecule of each atom. `chem.graph_schema` says what the fields mean.
* A batch of proteins is rectangular: ``aligned`` (n_proteins, n_columns) residues on the kinase profile,
  ``window`` (n_proteins, length) residues of the catalytic window, ``composition`` (n_proteins, 420),
  ``flags`` (n_proteins, 3). `models.protein` makes them.
* Distinct molecules and proteins are encoded once per step, to (n_molecules, dim) and (n_proteins, dim);
  pairs are two index vectors (n_pairs,) into those.
* Labels keep the unit of their table: pKd is -log10(mol/l), KIBA scores have no unit. Scaling to mean 0 and
  variance 1 happens inside the model and is undone before anything leaves it.

A prediction is never a bare number: it comes with a 90% interval calibrated on held-out folds, the spread of
the ensemble, whether the input resembles the training data, and a reason where the model abstains.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_EXPORTS = {
    "AffinityModel": "models.affinity",
    "GraphLoader": "models.pyg",
    "LeakageReport": "models.leakage",
    "PairData": "models.pairs",
    "Split": "models.splits",
    "SplitRecords": "models.split_records",
    "SplitSettings": "models.splits",
    "TrainingConfig": "models.train",
    "folds_leakage": "models.leakage",
    "leakage_report": "models.leakage",
    "load_affinity": "models.affinity",
    "read_pairs": "models.pairs",
    "records_of_pairs": "models.split_records",
    "split_folds": "models.splits",
    "to_batch": "models.pyg",
    "to_data": "models.pyg",
    "train_affinity": "models.experiment",
}
__all__ = sorted(_EXPORTS)


def __getattr__(name: str) -> Any:
    """Load torch and the networks only when a name is first used."""
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'models' has no attribute {name!r}")
