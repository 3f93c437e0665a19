"""Similar drugs on similar targets: the similarity search that every affinity model must beat."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chem.fingerprint import tanimoto
from models.kinase import UNKNOWN, encode_residues
from models.pair_model import PairFeatures, PairModel, smoothed_rate, training_labels
from models.pairs import PairData

Matrix = NDArray[np.float64]
_DRUG_POWERS, _TARGET_POWERS = (4.0, 8.0, 12.0, 16.0), (2.0, 4.0, 8.0, 12.0)
_PRIORS = (0.0003, 0.001, 0.003, 0.01, 0.1)
_EFFECT_PRIOR = 0.01
_BLOCK = 1000
_MOST_TUNED = 2000


class NearestNeighbour(PairModel):
    """Labels of similar drugs on similar targets, weighted by powers of the two similarities.

    Labels are first freed of the means of their drug and target; what remains is averaged over all training
    pairs with the weight Tanimoto^a x (3-mer cosine)^b, pulled to 0 by a prior of a fixed weight, and the means
    are added again. A drug or target without training labels takes the means of those similar to it. The powers
    and the prior are those with the smallest leave-one-out error over the training pairs.

    In classification the labels are 0 and 1, and predictions are kept within (0, 1).

    References
    ----------
    Keiser, M. J. et al. (2007) Nat. Biotechnol. 25:197 (targets by their ligands' similarity).
    Leslie, C. et al. (2002) Pac. Symp. Biocomput. 564 (spectrum kernel of sequences).
    """

    name = "nearest_neighbour"

    def fit(self, pairs: PairData, features: PairFeatures) -> None:
        """Keep the training labels as a sparse table of drugs by targets."""
        from scipy.sparse import csr_array

        label = training_labels(pairs, self.task)
        self.drugs, drug, drug_rows = _numbered(features.drug_key, pairs.drug)
        self.targets, target, target_rows = _numbered(features.target_key, pairs.target)
        self.bits = features.bits[drug_rows]
        self.kmers = _kmer_vectors([features.targets[row].sequence for row in target_rows])
        self.n_labels, self.grand = len(label), float(label.mean())
        self.drug_effect = _effects(drug, label - self.grand)
        self.target_effect = _effects(target, label - self.grand)
        residual = label - self.grand - self.drug_effect[0][drug] - self.target_effect[0][target]
        shape = (len(self.drugs), len(self.targets))
        self.residual = csr_array((residual, (drug, target)), shape)
        self.count = csr_array((np.ones(len(label)), (drug, target)), shape)
        with self.threads():
            self.powers = self._tune(drug, target, residual)

    def predict(self, pairs: PairData, features: PairFeatures) -> NDArray[np.float64]:
        """Means of drug and target, and what similar pairs have beyond theirs."""
        targets, at_target = np.unique(pairs.target, return_inverse=True)
        sequences = [features.targets[row].sequence for row in targets]
        likeness = np.clip((_kmer_vectors(sequences) @ self.kmers.T).toarray(), 0.0, 1.0) ** self.powers[1]
        places = [self.targets.get(features.target_key[row], -1) for row in targets]
        target_effect = _known_or_similar(places, likeness, *self.target_effect)
        result = np.empty(len(pairs))
        with self.threads():
            for drugs, rows in _drug_blocks(pairs.drug):
                similarity = tanimoto(features.bits[drugs], self.bits).astype(np.float64) ** self.powers[0]
                places = [self.drugs.get(features.drug_key[row], -1) for row in drugs]
                drug_effect = _known_or_similar(places, similarity, *self.drug_effect)
                at = np.searchsorted(drugs, pairs.drug[rows]), at_target[rows]
                beyond = self._smooth(similarity, likeness)[at]
                result[rows] = self.grand + drug_effect[at[0]] + target_effect[at[1]] + beyond
        if self.task == "classification":
            margin = 1 - smoothed_rate(np.ones(self.n_labels))
            return np.clip(result, margin, 1 - margin)
        return result

    def _smooth(self, drug: Matrix, target: Matrix) -> Matrix:
        """Weighted mean of the residuals for every drug and target asked for."""
        total, weight = ((table.T @ drug.T).T @ target.T for table in (self.residual, self.count))
        return total / (weight + self.powers[2])

    def _tune(
        self, drug: NDArray[np.int64], target: NDArray[np.int64], residual: NDArray[np.float64]
    ) -> tuple[float, float, float]:
        """Powers and prior of the smallest leave-one-out error; a pair's own weight is 1, and is taken off."""
        drugs = np.unique(drug)
        if len(drugs) > _MOST_TUNED:
            drugs = np.sort(np.random.default_rng(self.seed).choice(drugs, _MOST_TUNED, replace=False))
        rows = np.flatnonzero(np.isin(drug, drugs))
        at = np.searchsorted(drugs, drug[rows]), target[rows]
        own, count = (table[drugs].toarray()[at] for table in (self.residual, self.count))
        similarity = tanimoto(self.bits[drugs], self.bits).astype(np.float64)
        likeness = np.clip((self.kmers @ self.kmers.T).toarray(), 0.0, 1.0)
        errors = {}
        for a in _DRUG_POWERS:
            half = [(table.T @ (similarity**a).T).T for table in (self.residual, self.count)]
            for b in _TARGET_POWERS:
                total, weight = ((part @ (likeness**b).T)[at] for part in half)
                for prior in _PRIORS:
                    others = (total - own) / (np.maximum(weight - count, 0.0) + prior)
                    errors[a, b, prior] = float(np.mean((residual[rows] - others) ** 2))
        return min(errors, key=lambda powers: (errors[powers], powers))


def _numbered(
    keys: Sequence[Hashable], index: NDArray[np.int64]
) -> tuple[dict[Hashable, int], NDArray[np.int64], list[int]]:
    """Number of each distinct key that `index` uses, the number of every row, and a table row per number."""
    first: dict[Hashable, int] = {}
    for row in np.unique(index).tolist():
        first.setdefault(keys[row], row)
    number = {key: place for place, key in enumerate(first)}
    of_row = np.array([number.get(key, -1) for key in keys])
    return number, of_row[index], list(first.values())


def _effects(index: NDArray[np.int64], label: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Mean and number of labels of each drug or target."""
    count = np.bincount(index).astype(float)
    return np.bincount(index, weights=label) / count, count


def _known_or_similar(
    places: Sequence[int], weight: Matrix, effect: NDArray[np.float64], count: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Effect of each row: its own where it was trained on, else the mean of similar ones, 0 without any."""
    place = np.asarray(places, np.int64)
    similar = weight * count
    return np.where(place >= 0, effect[place], similar @ effect / (similar.sum(axis=1) + _EFFECT_PRIOR))


def _drug_blocks(drug: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Distinct drugs, a thousand at a time, and the rows that ask for them."""
    distinct = np.unique(drug)
    for start in range(0, len(distinct), _BLOCK):
        part = distinct[start : start + _BLOCK]
        yield part, np.flatnonzero((drug >= part[0]) & (drug <= part[-1]))


def _kmer_vectors(sequences: list[str]) -> Any:
    """Counts of the 8,000 runs of three amino acids, each row of length 1, (n_sequences, 8000) sparse."""
    from scipy.sparse import csr_array

    vectors = np.zeros((len(sequences), 8000))
    for row, sequence in enumerate(sequences):
        codes = encode_residues(sequence)
        known = codes[codes != UNKNOWN].astype(np.int64)
        kmers = known[:-2] * 400 + known[1:-1] * 20 + known[2:]
        count = np.bincount(kmers, minlength=8000)
        vectors[row] = count / max(float(np.linalg.norm(count)), 1.0)
    return csr_array(vectors)
