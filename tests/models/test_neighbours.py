"""Similarity search against a loop over pairs, and on twins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics.pairwise import cosine_similarity

from chem.fingerprint import tanimoto
from models import neighbours
from models.neighbours import NearestNeighbour
from models.pair_model import PairFeatures
from models.pairs import PairData

MakePairs = Callable[..., PairData]


@pytest.fixture(scope="module")
def pairs(make_pairs: MakePairs) -> PairData:
    return make_pairs(noise=0.0)


@pytest.fixture(scope="module")
def features(pairs: PairData) -> PairFeatures:
    return PairFeatures(pairs.smiles, pairs.targets)


def test_kmer_vectors__cosine_equals_sklearn(pairs: PairData) -> None:
    sequences = [target.sequence for target in pairs.targets]
    vectors = neighbours._kmer_vectors(sequences)
    counts = CountVectorizer(analyzer="char", ngram_range=(3, 3), lowercase=False).fit_transform(sequences)
    np.testing.assert_allclose((vectors @ vectors.T).toarray(), cosine_similarity(counts), atol=1e-12)


@given(st.lists(st.text("ACDX", max_size=6), max_size=4))
def test_kmer_vectors__of_any_sequence(sequences: list[str]) -> None:
    norms = np.sqrt((neighbours._kmer_vectors([*sequences, "ACD"]).toarray() ** 2).sum(axis=1))
    assert norms[-1] == 1.0
    assert np.all(np.isclose(norms, 0) | np.isclose(norms, 1))


def test_nearest_neighbour__equals_a_loop(pairs: PairData, features: PairFeatures) -> None:
    """Training holds neither drug 1 nor target 2; pairs of both, of one and of neither are predicted."""
    seen = (pairs.drug != 1) & (pairs.target != 2)
    train = replace(pairs.select(seen), label=np.random.default_rng(0).normal(6, 1, int(seen.sum())))
    model = NearestNeighbour()
    model.fit(train, features)
    a, b, prior = model.powers
    drugs = tanimoto(features.bits, features.bits).astype(float) ** a
    vectors = neighbours._kmer_vectors([target.sequence for target in pairs.targets])
    targets = (vectors @ vectors.T).toarray() ** b
    grand = train.label.mean()

    def effect(row: int, index: np.ndarray, similarity: np.ndarray) -> float:
        if row in index:
            return float(train.label[index == row].mean() - grand)
        weight = {other: similarity[row, other] * (index == other).sum() for other in set(index.tolist())}
        total = sum(w * (train.label[index == other].mean() - grand) for other, w in weight.items())
        return float(total / (sum(weight.values()) + 0.01))

    def effects(drug: int, target: int) -> float:
        return effect(drug, train.drug, drugs) + effect(target, train.target, targets)

    residual = [
        y - grand - effects(d, t) for d, t, y in zip(train.drug, train.target, train.label, strict=True)
    ]
    expected = []
    for drug, target in zip(pairs.drug, pairs.target, strict=True):
        weight = drugs[drug, train.drug] * targets[target, train.target]
        expected.append(grand + effects(drug, target) + weight @ residual / (weight.sum() + prior))
    np.testing.assert_allclose(model.predict(pairs, features), expected, rtol=1e-6)


def test_nearest_neighbour__powers_are_the_best_when_each_pair_is_left_out(
    pairs: PairData, features: PairFeatures
) -> None:
    """The leave-one-out figure by removing each residual in turn."""
    label = np.random.default_rng(1).normal(6, 1, len(pairs))
    model = NearestNeighbour()
    model.fit(replace(pairs, label=label), features)
    drugs = tanimoto(model.bits, model.bits).astype(float)
    targets = np.clip((model.kmers @ model.kmers.T).toarray(), 0, 1)
    residual = model.residual.toarray()[pairs.drug, pairs.target]

    def error(a: float, b: float, prior: float) -> float:
        weight = drugs[np.ix_(pairs.drug, pairs.drug)] ** a * targets[np.ix_(pairs.target, pairs.target)] ** b
        np.fill_diagonal(weight, 0)
        return float(np.mean((residual - weight @ residual / (weight.sum(axis=1) + prior)) ** 2))

    grid = [
        (a, b, prior)
        for a in neighbours._DRUG_POWERS
        for b in neighbours._TARGET_POWERS
        for prior in neighbours._PRIORS
    ]
    assert model.powers == min(grid, key=lambda powers: error(*powers))


def test_nearest_neighbour__takes_the_labels_of_the_twin(pairs: PairData) -> None:
    """A held-out drug with another one's fingerprint, of a table of unlike drugs, gets that one's labels."""
    features = PairFeatures(pairs.smiles, pairs.targets)
    bits = np.zeros((len(pairs.smiles), 64), np.uint8)
    for drug in range(len(bits)):
        bits[drug, 4 * drug : 4 * drug + 4] = 1
    bits[1] = bits[0]
    features.bits = bits
    noise = np.random.default_rng(0).normal(size=len(pairs))
    labelled = replace(pairs, label=pairs.label + noise)
    model = NearestNeighbour()
    model.fit(labelled.select(pairs.drug != 1), features)
    model.powers = (12.0, 12.0, 0.0003)
    predicted = model.predict(pairs.select(pairs.drug == 1), features)
    np.testing.assert_allclose(predicted, labelled.label[pairs.drug == 0], atol=0.2)


def test_nearest_neighbour__many_drugs_are_tuned_on_some(
    pairs: PairData, features: PairFeatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "_MOST_TUNED", 4)
    monkeypatch.setattr(neighbours, "_BLOCK", 5)
    model = NearestNeighbour()
    model.fit(pairs, features)
    np.testing.assert_allclose(model.predict(pairs, features), pairs.label, atol=0.3)
