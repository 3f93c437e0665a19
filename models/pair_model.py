"""What every plain model of (molecule, protein) pairs shares: its interface, and the features it may read.

A `PairModel` is fitted to the training pairs of one endpoint and predicts others. It reads `PairFeatures`, which
hold one row per distinct drug and per distinct target and make each block when it is first asked for. The tables
of drugs and targets need not be the same in fitting and predicting: what is known of a drug goes by its SMILES,
what is known of a target by its sequence and form.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from chem.errors import InputError
from chem.fingerprint import fingerprints
from chem.rdkit_descriptor import rdkit_descriptors
from models.kinase import UNKNOWN, encode_residues
from models.pairs import PairData
from models.protein import Target

Task = Literal["regression", "classification"]
TASKS: tuple[str, ...] = get_args(Task)
N_COMPOSITION = 420
FLAG_NAMES = ("phosphorylated", "unplaced", "first_domain", "last_domain")


class PairFeatures:
    """Features of the distinct drugs and targets of a table, each block made when first asked for.

    Nothing here is fitted: values that depend on training rows (means, choices of columns) belong to the models.
    A drug that could not be read has no bits and descriptors that are NaN.

    Parameters
    ----------
    smiles
        n_drugs standardised SMILES; empty where a drug could not be read.
    targets
        n_targets targets.
    n_bits
        Width of the fingerprints.

    Examples
    --------
    >>> from models.protein import Target
    >>> features = PairFeatures(["CCO", "CCO", "c1ccccc1"], [Target("A", "MKV"), Target("B", "MKV")])
    >>> features.bits.shape, features.composition.shape
    ((3, 1024), (2, 420))
    >>> features.drug_key == ("CCO", "CCO", "c1ccccc1"), features.sequence_number.tolist()
    (True, [0, 0])
    """

    def __init__(self, smiles: Sequence[str], targets: Sequence[Target], *, n_bits: int = 1024) -> None:
        self.smiles, self.targets, self.n_bits = tuple(smiles), tuple(targets), n_bits

    @cached_property
    def bits(self) -> NDArray[np.uint8]:
        """(n_drugs, n_bits) Morgan fingerprints of radius 2, 0 or 1."""
        return self._per_molecule(lambda distinct: fingerprints(distinct, n_bits=self.n_bits), 0)

    @cached_property
    def counts(self) -> NDArray[np.uint32]:
        """(n_drugs, n_bits) how often each Morgan environment occurs."""
        return self._per_molecule(lambda distinct: fingerprints(distinct, n_bits=self.n_bits, counts=True), 0)

    @cached_property
    def descriptors(self) -> NDArray[np.float64]:
        """(n_drugs, n_descriptors) RDKit's, in the order of `chem.rdkit_descriptor`, NaN where undefined."""
        return self._per_molecule(lambda distinct: rdkit_descriptors(distinct).to_numpy(), np.nan)

    @cached_property
    def composition(self) -> NDArray[np.float32]:
        """(n_targets, 420) `sequence_composition`."""
        table = {sequence: sequence_composition(sequence) for sequence in self._sequences}
        rows = [table[target.sequence] for target in self.targets]
        return np.array(rows, dtype=np.float32).reshape(-1, N_COMPOSITION)

    @cached_property
    def flags(self) -> NDArray[np.float32]:
        """(n_targets, 4) 0 or 1, in the order of `FLAG_NAMES`."""
        rows = [(t.phosphorylated, t.unplaced, t.domain == "first", t.domain == "last") for t in self.targets]
        return np.array(rows, dtype=np.float32).reshape(-1, len(FLAG_NAMES))

    @property
    def drug_key(self) -> tuple[str, ...]:
        """n_drugs keys, equal for the same molecule."""
        return self.smiles

    @cached_property
    def target_key(self) -> tuple[tuple[str, ...], ...]:
        """n_targets keys, equal for the same protein in the same form.

        A variant that is named but not in the sequence keeps its name in the key.
        """
        return tuple(
            (t.sequence, t.domain, "p" if t.phosphorylated else "", t.target_id if t.unplaced else "")
            for t in self.targets
        )

    @cached_property
    def sequence_number(self) -> NDArray[np.int64]:
        """(n_targets,) number of the distinct sequence, in order of first appearance."""
        number = {sequence: place for place, sequence in enumerate(self._sequences)}
        return np.array([number[target.sequence] for target in self.targets], dtype=np.int64)

    @property
    def _sequences(self) -> dict[str, None]:
        return dict.fromkeys(target.sequence for target in self.targets)

    def _per_molecule(self, encode: Callable[[list[str]], NDArray[Any]], missing: float) -> NDArray[Any]:
        """Encode each distinct molecule once, and lay the rows out per drug."""
        distinct = list(dict.fromkeys(smiles for smiles in self.smiles if smiles))
        encoded = encode(distinct)
        rows = np.vstack([encoded, np.full((1, encoded.shape[1]), missing, encoded.dtype)])
        place = {smiles: row for row, smiles in enumerate(distinct)}
        return rows[[place.get(smiles, len(distinct)) for smiles in self.smiles]]


def sequence_composition(sequence: str) -> NDArray[np.float32]:
    """Fractions of the 20 amino acids and, times 20, of their 400 ordered neighbours, shape (420,).

    Residues outside the twenty are passed over; a sequence without any of the twenty is all zeros.

    Examples
    --------
    >>> sequence_composition("AAC")[[0, 1]].round(3).tolist()
    [0.6669999957084656, 0.3330000042915344]
    """
    codes = encode_residues(sequence)
    known = codes[codes != UNKNOWN].astype(np.int64)
    single = np.bincount(known, minlength=20) / max(len(known), 1)
    neighbours = np.bincount(known[:-1] * 20 + known[1:], minlength=400) / max(len(known) - 1, 1)
    return np.concatenate([single, neighbours * 20]).astype(np.float32)


class PairModel(ABC):
    """A model of one endpoint.

    Predictions are finite for every pair, also of drugs and targets that training did not hold.

    Parameters
    ----------
    seed
        Seed of what is random in it; the same seed and rows give the same model.
    task
        ``"regression"``: predictions are in the label's unit. ``"classification"``: labels are 0 and 1 and
        predictions are probabilities of 1.
    n_threads
        Threads to compute with; the predictions do not depend on it beyond rounding.

    Raises
    ------
    InputError
        There is no such task.
    """

    name: str

    def __init__(self, seed: int = 0, *, task: Task = "regression", n_threads: int = 1) -> None:
        if task not in TASKS:
            raise InputError(
                f"no task is called {task!r}", field="task", expected=f"one of {', '.join(TASKS)}"
            )
        self.seed, self.task, self.n_threads = seed, task, n_threads

    @abstractmethod
    def fit(self, pairs: PairData, features: PairFeatures) -> None:
        """Fit to labelled pairs.

        Raises
        ------
        InputError
            There is no pair, a label is missing, or in classification neither 0 nor 1.
        """

    @abstractmethod
    def predict(self, pairs: PairData, features: PairFeatures) -> NDArray[np.float64]:
        """(n_pairs,) predictions."""

    def threads(self) -> AbstractContextManager[Any]:
        """Keep numpy's and scikit-learn's loops within to `n_threads`."""
        from threadpoolctl import threadpool_limits

        return threadpool_limits(self.n_threads)


def training_labels(pairs: PairData, task: Task) -> NDArray[np.float64]:
    """Labels of pairs, if a model of `task` can be fitted to them.

    Returns
    -------
    np.ndarray
        float64 (n_pairs,), finite; 0 and 1 in classification.

    Raises
    ------
    InputError
        There is no pair, a label is missing, or in classification neither 0 nor 1.
    """
    label = np.asarray(pairs.label, float)
    if len(label) == 0:
        raise InputError("no pair to fit to", field=pairs.name, expected="labelled pairs")
    bad = ~np.isfinite(label)
    expected = "a finite number"
    if task == "classification" and not bad.any():
        bad, expected = ~np.isin(label, (0.0, 1.0)), "0 or 1"
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        pair = f"{pairs.drug_ids[pairs.drug[row]]} - {pairs.target_ids[pairs.target[row]]}"
        raise InputError(
            f"the label of {pair} is {label[row]:g}", record=row + 1, field=pairs.name, expected=expected,
            hint="leave out the pairs without a usable label",
        )  # fmt: skip
    return label


def smoothed_rate(label: NDArray[np.float64]) -> float:
    """Share of ones with half a row of each class added (Jeffreys), so that it is never 0 or 1.

    Examples
    --------
    >>> smoothed_rate(np.array([1.0, 1.0, 1.0]))
    0.875
    """
    return float((label.sum() + 0.5) / (len(label) + 1))
