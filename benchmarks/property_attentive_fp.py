"""AttentiveFP of torch_geometric in our training loop, with its usual features and sizes.

Atoms have 39 features and bonds 10, those of the paper and of torch_geometric's example; 200 channels, two layers, two
time steps, dropout 0.2. A tenth of the training rows, drawn at random, decide which epoch is kept.

References
----------
Xiong et al. (2020) Pushing the boundaries of molecular representation for drug discovery with the graph attention
mechanism, J. Med. Chem., doi:10.1021/acs.jmedchem.9b00959.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from rdkit import Chem
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch_geometric.data import Batch, Data
from torch_geometric.nn.models import AttentiveFP

from benchmarks.property_chemprop import validation_rows
from benchmarks.property_tables import PropertyTable
from models.loop import LoopConfig, Step, initialise, train
from models.parts.heads import masked_mean

SYMBOLS = ["B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "As", "Se", "Br", "Te", "I", "At", "other"]
HYBRIDISATIONS = ["SP", "SP2", "SP3", "SP3D", "SP3D2", "other"]
STEREO = ["STEREONONE", "STEREOANY", "STEREOZ", "STEREOE"]
BONDS = ["SINGLE", "DOUBLE", "TRIPLE", "AROMATIC"]
BATCH = 64
CONFIG = LoopConfig(n_epochs=50, learning_rate=10**-2.5, weight_decay=1e-5, validate_every=2, device="cpu")


def _one_hot(value: object, levels: list) -> list[float]:  # type: ignore[type-arg]
    place = levels.index(value) if value in levels else len(levels) - 1
    return [float(k == place) for k in range(len(levels))]


def _atom(atom: Chem.Atom) -> list[float]:
    chirality = str(atom.GetProp("_CIPCode")) if atom.HasProp("_CIPCode") else ""
    return [
        *_one_hot(atom.GetSymbol(), SYMBOLS), *_one_hot(atom.GetDegree(), list(range(6))),
        float(atom.GetFormalCharge()), float(atom.GetNumRadicalElectrons()),
        *_one_hot(str(atom.GetHybridization()), HYBRIDISATIONS), float(atom.GetIsAromatic()),
        *_one_hot(atom.GetTotalNumHs(), list(range(5))),
        float(atom.HasProp("_ChiralityPossible")), float(chirality == "R"), float(chirality == "S"),
    ]  # fmt: skip


def _bond(bond: Chem.Bond) -> list[float]:
    kind = [float(str(bond.GetBondType()) == name) for name in BONDS]
    stereo = [float(str(bond.GetStereo()) == name) for name in STEREO]
    return [*kind, float(bond.GetIsConjugated()), float(bond.IsInRing()), *stereo]


def featurise(smiles: str) -> Data:
    """Molecule as torch_geometric's example has it."""
    molecule = Chem.MolFromSmiles(smiles)
    ends, bonds = [], []
    for bond in molecule.GetBonds():
        i, j = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
        ends += [(i, j), (j, i)]
        bonds += [_bond(bond)] * 2
    return Data(
        x=torch.tensor([_atom(atom) for atom in molecule.GetAtoms()]),
        edge_index=torch.tensor(ends, dtype=torch.int64).reshape(-1, 2).T.contiguous(),
        edge_attr=torch.tensor(bonds).reshape(-1, 10),
    )


def _outputs(network: nn.Module, graphs: list[Data], rows: NDArray[np.int64]) -> Tensor:
    batch = Batch.from_data_list([graphs[row] for row in rows])
    out: Tensor = network(batch.x, batch.edge_index, batch.edge_attr, batch.batch)
    return out


def attentive_fp(table: PropertyTable, training: NDArray[np.bool_], seed: int) -> NDArray[np.float64]:
    """Train on `training` and predict the other rows: (n_test, n_labels)."""
    graphs = [featurise(text) for text in table.smiles]
    regression = table.tasks[0] == "regression"
    n_labels = len(table.tasks)
    mean = np.nanmean(table.labels[training], axis=0) if regression else np.zeros(n_labels)
    sd = np.nanstd(table.labels[training], axis=0) if regression else np.ones(n_labels)
    label = torch.from_numpy((table.labels - mean) / sd).float()
    there = ~torch.isnan(label)
    label = label.nan_to_num()
    validation = validation_rows(training, seed)
    rows = np.setdiff1d(np.flatnonzero(training), validation)

    def loss(network: nn.Module, some: NDArray[np.int64]) -> Tensor:
        out = _outputs(network, graphs, some)
        if regression:
            return masked_mean((out - label[some]) ** 2, there[some])
        return masked_mean(binary_cross_entropy_with_logits(out, label[some], reduction="none"), there[some])

    def epoch(_: int, rng: np.random.Generator) -> Iterator[Step]:
        for some in np.array_split(rng.permutation(rows), max(1, round(len(rows) / BATCH))):
            yield lambda network, some=some: loss(network, some)

    network = initialise(
        lambda: AttentiveFP(39, 200, n_labels, edge_dim=10, num_layers=2, num_timesteps=2, dropout=0.2), seed
    )
    train(network, epoch, CONFIG, validate=lambda average: float(loss(average, validation)))
    with torch.no_grad():
        test = np.flatnonzero(~training)
        blocks = np.array_split(test, max(1, len(test) // 256))
        out = torch.cat([_outputs(network, graphs, block) for block in blocks])
    return np.asarray((out if regression else out.sigmoid()).double().numpy() * sd + mean)
