"""Properties by Gaussian process regression over descriptors and counted environments.

The kernel of two molecules is ``(1 - s) q + s m``: q is a rational quadratic kernel of their descriptors, each weighed
by its relevance for the label, and m the mean min-max similarity of their environments. Relevance is the root of the mean squared
derivative of a first fit by the descriptor. Width, share and noise are those of least leave-one-out error on a sample.
Yes and no are regressed as 1 and 0, and the values then mapped to probabilities by a logistic curve that is fitted to
leave-one-out values. Labels that were measured on the same molecules share settings and factorisation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from chem.errors import InputError
from models.pair_columns import part_of
from models.pair_model import Task
from models.property_features import MoleculeFeatures
from models.property_kernel_fit import KernelOptions, LabelGroup, fit_group
from models.property_protocol import Labels, PropertyModel
from models.property_reference import ReferenceMolecules, Scaling

_AT_ONCE = 256


class PropertyKernel(PropertyModel):
    """Gaussian process regression of properties.

    Parameters
    ----------
    tasks, seed
        As in `PropertyModel`; the seed draws the samples on which settings are chosen.
    options
        Of the fit.

    Examples
    --------
    >>> molecules = MoleculeFeatures(["C" * n + "O" for n in range(1, 12)])
    >>> model = PropertyKernel(["regression"])
    >>> model.fit(molecules, np.arange(11.0)[:, None])
    >>> model.predict(MoleculeFeatures(["CCCCO", "CCCCCCO"])).round(0).ravel().tolist()
    [3.0, 5.0]
    """

    name = "kernel"

    def __init__(self, tasks: Sequence[Task], seed: int = 0, options: KernelOptions | None = None) -> None:
        super().__init__(tasks, seed)
        self.options = options or KernelOptions()

    def _fit(self, molecules: MoleculeFeatures, labels: Labels) -> None:
        self.scaling = Scaling.of(molecules.descriptors)
        self.reference = ReferenceMolecules.of(molecules, self.scaling)
        self.groups = tuple(
            fit_group(self.reference, labels, columns, self.tasks, self.seed, self.options)
            for columns in _same_molecules(labels)
        )

    def predict(self, molecules: MoleculeFeatures) -> Labels:
        """(n, n_labels) predictions."""
        result = np.empty((len(molecules), len(self.tasks)))
        kept = self._kept()
        for place, part, alike in self._blocks(molecules):
            for group, own in zip(self.groups, kept, strict=True):
                kernel = group.mix.kernel(part, own, alike[:, group.row])
                result[place, group.columns] = group.predicted(kernel)
        return result

    def spread(self, molecules: MoleculeFeatures) -> Labels:
        """(n, n_labels) root of the mean squared leave-one-out error of the training molecules most alike."""
        result = np.empty((len(molecules), len(self.tasks)))
        kept = self._kept()
        for place, part, alike in self._blocks(molecules):
            for group, own in zip(self.groups, kept, strict=True):
                kernel = group.mix.kernel(part, own, alike[:, group.row])
                result[place, group.columns] = group.spread(kernel)
        return result

    def relevance(self) -> dict[int, dict[str, float]]:
        """Share of each descriptor in the squared distance of molecules, by label, largest first.

        A label that is constant in training has none.
        """
        shares: dict[int, dict[str, float]] = {}
        for group in self.groups:
            order = np.argsort(-group.mix.relevance, kind="stable")
            share = group.mix.relevance / max(float(group.mix.relevance.sum()), 1e-12)
            named = {self.scaling.names[k]: float(share[k]) for k in order} if len(group.row) else {}
            shares |= {int(column): named for column in group.columns}
        return shares

    def _kept(self) -> list[ReferenceMolecules]:
        """Training molecules of each group by their descriptors alone: similarities are those of all, compared once."""
        return [ReferenceMolecules(self.reference.codes[group.row], ()) for group in self.groups]

    def _blocks(
        self, molecules: MoleculeFeatures
    ) -> Iterator[tuple[slice, ReferenceMolecules, NDArray[np.float32]]]:
        """Some molecules at a time, with their similarity to the training molecules."""
        reference = ReferenceMolecules.of(molecules, self.scaling)
        for start in range(0, len(molecules), _AT_ONCE):
            place = slice(start, min(start + _AT_ONCE, len(molecules)))
            part = reference.take(np.arange(place.start, place.stop))
            yield place, part, part.similarity(self.reference)

    def of_labels(self, labels: Sequence[int]) -> PropertyKernel:
        """Model of some of the labels, with the training molecules of these alone.

        Parameters
        ----------
        labels
            Columns of what `predict` returns, in the order wanted.

        Raises
        ------
        InputError
            There is no such label.
        """
        if outside := [label for label in labels if not 0 <= label < len(self.tasks)]:
            raise InputError(f"no label {outside[0]}", field="labels", expected=f"0 to {len(self.tasks) - 1}")
        new_column = {old: new for new, old in enumerate(labels)}
        groups = [group.of_labels(new_column) for group in self.groups]
        groups = [group for group in groups if len(group.columns)]
        rows = np.unique(np.concatenate([group.row for group in groups]))
        model = PropertyKernel([self.tasks[label] for label in labels], self.seed, self.options)
        model.scaling, model.reference = self.scaling, self.reference.take(rows)
        model.groups = tuple(group.renumbered(rows) for group in groups)
        return model

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Training molecules and groups by name; molecules that no prediction needs are left out."""
        rows = np.unique(np.concatenate([group.row for group in self.groups]))
        parts = {
            "scaling": self.scaling.to_arrays(),
            "reference": self.reference.take(rows).to_arrays(),
            **{f"group{k}": group.renumbered(rows).to_arrays() for k, group in enumerate(self.groups)},
        }
        return {f"{part}.{name}": array for part, arrays in parts.items() for name, array in arrays.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], tasks: Sequence[Task]) -> Self:
        """Read what `to_arrays` wrote; the model predicts as the one that was fitted.

        Raises
        ------
        InputError
            An array is missing, or they do not fit together.
        """
        model = cls(tasks)
        model.scaling = Scaling.from_arrays(part_of(arrays, "scaling"))
        model.reference = ReferenceMolecules.from_arrays(
            part_of(arrays, "reference"), len(model.scaling.names)
        )
        groups, k = [], 0
        while any(name.startswith(f"group{k}.") for name in arrays):
            found = LabelGroup.from_arrays(part_of(arrays, f"group{k}"), f"group{k}")
            found.require_within(len(model.reference), len(model.scaling.names), f"group{k}")
            groups.append(found)
            k += 1
        held = sorted(int(column) for group in groups for column in group.columns)
        if held != list(range(len(tasks))):
            raise InputError(
                f"groups of labels {held}", field="group", expected=f"each of 0 to {len(tasks) - 1} once"
            )
        model.groups = tuple(groups)
        return model


def _same_molecules(labels: Labels) -> list[NDArray[np.int64]]:
    """Columns whose values are there for the same rows, together; constant ones alone."""
    groups: dict[bytes, list[int]] = {}
    for column, values in enumerate(labels.T):
        there = ~np.isnan(values)
        constant = np.ptp(values[there]) == 0
        key = str(column).encode() if constant else np.packbits(there).tobytes()
        groups.setdefault(key, []).append(column)
    return [np.array(columns) for columns in groups.values()]
