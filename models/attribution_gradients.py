"""Integrated gradients: a prediction's way from an input of which nothing is known, shared out to atoms or residues.

The way is straight. For a molecule it starts at unknown atoms, joined by the molecule's bonds, and none of the counted
environments; the vectors of the embedded atoms and the counts grow together to what they are. The kernel with the
training molecules is smooth in the counts but for kinks, so the landmark networks and the kernel regression have
a gradient along the way as graph networks do, and the sum over the atoms is the prediction less that of the start.
What falls to an environment is shared by its atoms in equal parts.

For a protein the way starts at unknown residues on the profile and in the catalytic window. Whether the protein is the very one of
a training pair, its words and its composition are no sums over residues that could grow: they are kept as they
are, so residues that only they hold get zero, where masking gives a number.

References
----------
Sundararajan, M. et al. (2017) Axiomatic attribution for deep networks, ICML, arXiv:1703.01365.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from chem.count_similarity import CountTable
from models.affinity import KERNEL, EndpointModel
from models.affinity_fit import FittedNetwork
from models.affinity_inputs import MoleculeInputs
from models.attribution import AtomMasks, ResidueMasks
from models.kinase import GAP, UNKNOWN
from models.landmarks import PROTEIN_WEIGHTS
from models.protein import PADDING, Target

N_STEPS = 64
_RESIDUES = 2  # the third comparison of proteins is that of residues
_Floats = NDArray[np.float64]


def atom_gradients(
    model: EndpointModel, smiles: str, target: Target, *, n_steps: int = N_STEPS
) -> NDArray[np.float64]:
    """Integrated gradients of a prediction over the atoms.

    Parameters
    ----------
    model
        Of the endpoint.
    smiles
        Standardised SMILES of one molecule.
    target
        One protein.
    n_steps
        Points on the way; the more, the nearer the sum is to what it should be.

    Returns
    -------
    np.ndarray
        float64 (n_atoms,) in the label's unit, with the sum: prediction less the prediction for the molecule
        with all atoms hidden.

    Raises
    ------
    InputError
        The SMILES does not parse.
    """
    masks = AtomMasks(model, smiles, target)
    share = (np.arange(n_steps) + 0.5) / n_steps
    landmarks = model.inputs.molecules
    kinds = [
        _Growing.of(each.table(np.zeros((1, masks.size), bool)), table)
        for each, table in zip(masks.environments, landmarks.tables, strict=True)
    ]
    similarity = [kind.similarity(share) for kind in kinds]
    mean = np.mean(similarity, axis=0)
    molecule = masks.inputs(np.zeros((n_steps, masks.size), bool))
    atoms = np.zeros(masks.size)
    slope = np.zeros(
        (n_steps, len(landmarks.tables[0]))
    )  # of the prediction in the kernel with each landmark
    members = [member for each in model.networks.values() for member in each]
    shares = model.shares_of(smiles, target)
    for weight, member in zip(shares, members, strict=False):  # then come those of what is no network
        if weight:
            own, part = _molecule_gradients(model, member, masks, molecule, mean**2, share)
            atoms += weight * own
            slope += weight * part
    if model.inputs.kernel is not None:
        weight = shares[model.kinds.index(KERNEL)]
        slope += weight * model.inputs.kernel.slope((mean**2).astype(np.float32), masks.proteins.alike[0])
    for kind, each in zip(kinds, masks.environments, strict=True):
        of_column = kind.gradients(share, slope * 2 * mean / len(kinds))
        of_environment = of_column[np.searchsorted(kind.column, each.column)]
        atoms += (of_environment / each.member.sum(axis=1)) @ each.member
    return atoms


def residue_gradients(
    model: EndpointModel, smiles: str, target: Target, *, n_steps: int = N_STEPS
) -> NDArray[np.float64]:
    """Integrated gradients of a prediction over the residues.

    Parameters
    ----------
    model
        Of the endpoint.
    smiles
        Standardised SMILES of one molecule.
    target
        One protein, its variant applied.
    n_steps
        Points on the way.

    Returns
    -------
    np.ndarray
        float64 (length,) in the label's unit and the order of the sequence, with the sum: prediction less
        the prediction with the residues unknown on the profile and in the catalytic window; zero elsewhere.

    Raises
    ------
    InputError
        The SMILES does not parse.
    """
    masks = ResidueMasks(model, smiles, target)
    share = (np.arange(n_steps) + 0.5) / n_steps
    residues = np.zeros(masks.size)
    members = [member for each in model.networks.values() for member in each]
    shares = model.shares_of(smiles, target)
    for weight, member in zip(shares, members, strict=False):
        if weight:
            residues += weight * _protein_gradients(model, member, masks, share)
    if model.inputs.kernel is not None:
        fit = model.inputs.kernel
        carried, near = fit.carried[1], fit.near(masks.molecule.near)[0]
        kind = _Growing.of(masks.tables[_RESIDUES], model.inputs.proteins[_RESIDUES])
        weight = shares[model.kinds.index(KERNEL)]
        slope = weight * fit.sd * (carried[:, -1] + carried[:, :-1] @ near)
        scale = 2 * PROTEIN_WEIGHTS[_RESIDUES] * kind.similarity(share)
        of_column = np.zeros(len(model.inputs.profile))
        of_column[kind.column // 20] = kind.gradients(share, slope * scale)
        there = masks.column >= 0
        residues[there] += of_column[masks.column[there]]
    return residues


@dataclass(frozen=True)
class _Growing:
    """Counts of one item that grow from 0 to what they are, compared with the counts of others.

    Attributes
    ----------
    column
        (n_columns,) columns of the count table in which the item counts, ascending.
    count
        (n_columns,) its counts there.
    others
        (n_others, n_columns) counts of the others there.
    total
        (n_others,) all their counts.
    """

    column: NDArray[np.int64]
    count: _Floats
    others: _Floats
    total: _Floats

    @classmethod
    def of(cls, item: CountTable, others: CountTable) -> _Growing:
        """Counts of the first row of a table, against the rows of another."""
        column = item.column[: item.start[1]].astype(np.int64)
        row = np.repeat(np.arange(len(others)), np.diff(others.start))
        shared = np.isin(others.column, column)
        dense = np.zeros((len(others), len(column)))
        dense[row[shared], np.searchsorted(column, others.column[shared])] = others.count[shared]
        total = np.bincount(row, others.count, len(others)).astype(np.float64)
        return cls(column, item.count[: item.start[1]].astype(np.float64), dense, total)

    def _parts(self, share: float) -> tuple[_Floats, _Floats]:
        """Sums over the columns of the smaller and of the larger count, with each of the others."""
        smaller = np.minimum(share * self.count, self.others).sum(axis=1)
        larger = share * self.count.sum() + self.total - smaller
        # Two that count nothing, as atoms alone have no pairs, are not alike.
        return smaller, np.where(larger > 0, larger, 1.0)

    def similarity(self, share: _Floats) -> _Floats:
        """(n_steps, n_others) min-max similarity where the counts are `share` of what they are."""
        parts = np.array([self._parts(each) for each in share])
        return np.asarray(parts[:, 0] / parts[:, 1])

    def gradients(self, share: _Floats, slope: _Floats) -> _Floats:
        """(n_columns,) what of a sum over the way falls to one count of each column.

        The slope (n_steps, n_others) is that of the sum in the similarity with each of the others.
        """
        result = np.zeros(len(self.column))
        for each, part in zip(share, slope, strict=True):
            smaller, larger = self._parts(each)
            rises = (each * self.count < self.others).astype(np.float64)
            result += (part * (larger + smaller) / larger**2) @ rises - (part * smaller / larger**2).sum()
        return result / len(share)


class _Moved:
    """Output of a layer, moved on its way from a start.

    Attributes
    ----------
    point
        Where it was put.
    change
        From the start to the output.
    """

    point: Tensor
    change: Tensor

    def __init__(self, start: Tensor, share: Tensor) -> None:
        self.start, self.share = start, share

    def __call__(self, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        """Take the place of the output."""
        self.change = output.detach() - self.start
        self.point = (self.start + self.share * self.change).requires_grad_()
        return self.point


@contextmanager
def _moved(layers: Sequence[tuple[nn.Module, Tensor, Tensor]]) -> Iterator[list[_Moved]]:
    """Move the outputs of layers (layer, start, share) as long as the context lasts."""
    with ExitStack() as stack:
        moved = []
        for layer, start, share in layers:
            moved.append(_Moved(start, share))
            stack.callback(layer.register_forward_hook(moved[-1]).remove)
        yield moved


def _molecule_gradients(
    model: EndpointModel, member: FittedNetwork, masks: AtomMasks, molecule: MoleculeInputs,
    near: _Floats, share: _Floats,
) -> tuple[_Floats, _Floats]:  # fmt: skip
    """What of a network's output falls to each embedded atom; and its slope (n_steps, n_landmarks) in the kernel."""
    network, n_steps = member.network, len(share)
    device = next(network.parameters()).device
    batch = molecule.batch(np.arange(n_steps))[0].to(device)
    kernel = torch.from_numpy(near).float().to(device).requires_grad_()
    inputs = model.inputs
    coordinates = kernel @ torch.from_numpy(inputs.molecules.projection).to(device)
    joint = kernel
    if inputs.kernel is not None and inputs.profile_projection is not None:
        # Its way on to the kernel by structure is not torch's: `slope_through` goes it.
        joint = torch.from_numpy(inputs.kernel.near(near.astype(np.float32))).to(device).requires_grad_()
        profile = joint @ torch.from_numpy(inputs.profile_projection).to(device)
        coordinates = torch.cat([coordinates, profile], dim=1)
    layers = []
    if network.molecule.graph is not None:
        layer = network.molecule.graph.get_submodule("fields.node")
        with torch.no_grad():
            unknown = layer(torch.zeros_like(batch.x[:1]))
        layers.append((layer, unknown, torch.from_numpy(share).float().to(device)[batch.batch, None]))
    with _moved(layers) as moved:
        left = network.molecule(batch, coordinates)
        right = network.protein(masks.proteins.batch(np.zeros(1, np.int64)).to(device))
        value = _value(model, member, left, right)
    points = [kernel, joint, *(each.point for each in moved)]
    slopes = torch.autograd.grad(value.sum(), points, allow_unused=True, materialize_grads=True)
    atoms = np.zeros(masks.size)
    for each, part in zip(moved, slopes[2:], strict=True):
        atoms += _array((part * each.change).sum(dim=1)).reshape(n_steps, -1).mean(axis=0)
    slope = _array(slopes[0])
    if joint is not kernel and inputs.kernel is not None:
        slope = slope + inputs.kernel.slope_through(near.astype(np.float32), _array(slopes[1]))
    return atoms, slope


def _protein_gradients(
    model: EndpointModel, member: FittedNetwork, masks: ResidueMasks, share: _Floats
) -> _Floats:
    """(length,) what of a network's output falls to each residue, embedded on the profile and in the window."""
    network, n_steps = member.network, len(share)
    device = next(network.parameters()).device
    proteins = masks.inputs(np.zeros((n_steps, masks.size), bool))
    batch = proteins.batch(np.arange(n_steps)).to(device)
    steps = torch.from_numpy(share).float().to(device)[:, None, None]
    layers: list[tuple[nn.Module, Tensor, Tensor]] = []
    if network.protein.aligned is not None:
        layers.append((network.protein.aligned.get_submodule("0.residue"), _start(batch.aligned), steps))
    if network.protein.sequence is not None:
        layers.append((network.protein.sequence.get_submodule("residue"), _start(batch.tokens), steps))
    with torch.no_grad():
        layers = [(layer, layer(codes[:1]), steps) for layer, codes, steps in layers]
    with _moved(layers) as moved:
        left = network.molecule(*(part.to(device) for part in masks.molecule.batch(np.zeros(1, np.int64))))
        value = _value(model, member, left, network.protein(batch))
    slopes = torch.autograd.grad(value.sum(), [each.point for each in moved]) if moved else ()
    residues = np.zeros(masks.size)
    for each, slope in zip(moved, slopes, strict=True):
        parts = _array((slope * each.change).sum(dim=2)).mean(axis=0)
        if each is moved[0] and network.protein.aligned is not None:
            there = masks.column >= 0
            residues[there] += parts[masks.column[there]]
        else:
            residues[masks.window] += parts[: len(residues[masks.window])]
    return residues


def _start(codes: Tensor) -> Tensor:
    """Codes of residues made unknown; where there is no residue, nothing changes."""
    return torch.where((codes == GAP) | (codes == PADDING), codes, UNKNOWN)


def _value(model: EndpointModel, member: FittedNetwork, left: Tensor, right: Tensor) -> Tensor:
    """(n_steps,) predictions in the label's unit, of which one of the two sides has one row alone."""
    n_steps = max(len(left), len(right))
    rows = torch.arange(n_steps, device=left.device)
    which = member.endpoints.index(model.name)
    molecule, protein = (rows.clamp(max=len(side) - 1) for side in (left, right))
    output = member.network(left, right, molecule, protein, which)
    return member.network.heads[which].mean(output)[:, 0] * member.scalers[which].sd


def _array(tensor: Tensor) -> _Floats:
    return tensor.detach().double().cpu().numpy()
