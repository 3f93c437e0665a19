"""Networks, kernels and plain models: arrays in, calibrated and explained predictions out.

Shapes and units
----------------
* A batch of molecules is flat (`models.parts.batch.MoleculeBatch`): ``x`` (n_atoms, n_node_fields) integer codes,
  ``edge_index`` (2, n_edges) atom numbers within the batch, ``edge_attr`` (n_edges, n_edge_fields) integer codes,
  ``batch`` (n_atoms,) the molecule of each atom. `chem.graph_schema` says what the fields mean. Beside their graphs
  molecules have ``coordinates`` (n_molecules, rank) of their similarity to the training molecules
  (`models.landmarks`).
* A batch of proteins is rectangular (`models.parts.batch.ProteinBatch`): ``aligned`` (n_proteins, n_columns) residues
  on the kinase profile, ``tokens`` (n_proteins, length) residues of the catalytic window, ``composition``
  (n_proteins, 420), ``flags`` (n_proteins, 3). `models.protein` makes them.
* Distinct molecules and proteins are encoded once per step, to (n_molecules, dim) and (n_proteins, dim);
  pairs are two index vectors (n_pairs,) into those.
* Labels keep the unit of their table: pKd is -log10(mol/l), KIBA scores have no unit, yes and no are 1 and 0 and
  their prediction a probability. Scaling to mean 0 and variance 1 happens inside the model and is undone before
  anything leaves it.

Parts of an affinity model
--------------------------
`fit_inputs` learns from the training tables what molecules and proteins are compared with. On it stand ensembles
of networks (`models.affinity_network`, put together from `models.parts`, trained by `models.loop`) and a kernel
regression over pairs (`models.kernel_ridge`). `train_affinity` predicts held-out pairs, scaffolds and families of
proteins with each of them and with plain models (`models.baselines`); the weights of the blend, the intervals
(`models.intervals`) and the thresholds of the domain (`models.domain`) come from these predictions. What is saved
(`save_affinity`) was then fitted to all pairs.

Parts of a response model
-------------------------
Responses are a matrix (n_lines, n_compounds) with NaN where nothing was measured (`models.response_table`); profiles are blocks
(n_lines, n_columns) by name, NaN for missing (`genomics.GenotypeProfiles`). A response is the compound's mean, the line's mean and an
interaction, which `models.response` predicts as the weighted sum of an ensemble of networks, a kernel regression and a ridge
on markers. `models.response_experiment` holds out lines, tissues and compounds, `models.trained_response` predicts.

Parts of a property model
-------------------------
Labels are a matrix (n_molecules, n_labels) with NaN for missing; `models.property_features.MoleculeFeatures` makes each block of
features once. Every model has `fit`, `predict` and arrays to be kept (`models.property_protocol.PropertyModel`): a Gaussian process,
multi-task networks, boosted trees and plain models. `models.property_experiment` judges and blends them.

A prediction is never a bare number: it comes with a 90% interval calibrated on held-out folds, the spread of
the blend's parts, whether the input resembles the training data, and a reason where the model abstains.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_EXPORTS = {
    "AffinityExperiment": "models.experiment_plan",
    "AffinityModel": "models.affinity",
    "Bilinear": "models.parts.interaction",
    "Blend": "models.blend",
    "CVPlus": "models.cv_plus",
    "ClassificationHead": "models.parts.heads",
    "Conformal": "models.conformal",
    "CrossAttention": "models.parts.interaction",
    "Domain": "models.domain",
    "DrugTargetMeans": "models.means",
    "GradientBoosting": "models.trees",
    "GraphLoader": "models.pyg",
    "History": "models.history",
    "Intervals": "models.intervals",
    "LeakageReport": "models.leakage",
    "LoopConfig": "models.loop_config",
    "MeanVarianceHead": "models.parts.heads",
    "MoleculeBatch": "models.parts.batch",
    "MoleculeEncoder": "models.parts.molecule",
    "MoleculeFeatures": "models.property_features",
    "NearestNeighbour": "models.neighbours",
    "PairData": "models.pairs",
    "PairFeatures": "models.pair_model",
    "PairModel": "models.pair_model",
    "PairwiseKernelRidge": "models.kernel_ridge",
    "PlantedMarker": "models.simulate_response",
    "ProbabilityCalibration": "models.probability",
    "PropertyExperiment": "models.property_fits",
    "PropertyKernel": "models.property_kernel",
    "PropertyModel": "models.property_protocol",
    "PropertyNetwork": "models.property_network",
    "PropertyTable": "models.property_table",
    "ProteinBatch": "models.parts.batch",
    "ProteinEncoder": "models.parts.protein",
    "QuantileHead": "models.parts.heads",
    "RandomForest": "models.trees",
    "RegressionHead": "models.parts.heads",
    "ResponseData": "models.response_data",
    "ResponseExperiment": "models.response_experiment",
    "ResponseModel": "models.response",
    "ResponseSettings": "models.response_settings",
    "ResponseTable": "models.response_table",
    "RidgeRegression": "models.linear",
    "ShiftModel": "models.shift_model",
    "Split": "models.splits",
    "SplitRecords": "models.split_records",
    "SplitSettings": "models.splits",
    "TrainedProperties": "models.trained_properties",
    "TrainedResponse": "models.trained_response",
    "atom_table": "models.attribution_tables",
    "blend_folds": "models.blend",
    "choose_settings": "models.nested",
    "coverage_table": "models.coverage",
    "cross_conformal": "models.intervals",
    "fit_inputs": "models.affinity_inputs",
    "folds_leakage": "models.leakage",
    "initialise": "models.reproducible",
    "leakage_report": "models.leakage",
    "load_affinity": "models.checkpoint",
    "load_properties": "models.property_checkpoint",
    "load_response": "models.response_checkpoint",
    "molecule_batch": "models.parts.batch",
    "molecule_encoder": "models.parts.molecule",
    "mutant_table": "models.variant_shift",
    "ndcg_at": "models.response_metrics",
    "nearest_pairs": "models.evidence_pairs",
    "nested_cross_validation": "models.nested",
    "parse_variant": "models.variant",
    "read_embeddings": "models.parts.language",
    "read_pairs": "models.pairs",
    "read_properties": "models.property_table",
    "read_response": "models.response_table",
    "read_smiles_protein_table": "models.pairs",
    "read_targets": "models.protein",
    "records_of_pairs": "models.split_records",
    "residual_r": "models.response_metrics",
    "residue_table": "models.attribution_tables",
    "save_affinity": "models.checkpoint",
    "search_settings": "models.search",
    "split_folds": "models.splits",
    "to_batch": "models.pyg",
    "to_data": "models.pyg",
    "train_affinity": "models.experiment",
    "train_properties": "models.property_experiment",
    "train_response": "models.response_experiment",
}
__all__ = sorted(_EXPORTS)


def __getattr__(name: str) -> Any:
    """Load torch and the networks only when a name is first used."""
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'models' has no attribute {name!r}")
