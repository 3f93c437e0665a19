"""Features and checks that every plain model shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chem.errors import InputError
from chem.fingerprint import morgan_fingerprints
from chem.rdkit_descriptor import rdkit_descriptors
from models.means import DrugTargetMeans
from models.pair_model import PairFeatures, sequence_composition, training_labels
from models.pairs import PairData
from models.protein import Target, encode_proteins

MakePairs = Callable[..., PairData]


@pytest.fixture(scope="module")
def pairs(make_pairs: MakePairs) -> PairData:
    return make_pairs(noise=0.0)


@pytest.fixture(scope="module")
def features(pairs: PairData) -> PairFeatures:
    return PairFeatures(pairs.smiles, pairs.targets)


def test_pair_features__blocks_are_those_of_chem(pairs: PairData, features: PairFeatures) -> None:
    np.testing.assert_array_equal(features.bits, morgan_fingerprints(pairs.smiles, n_bits=1024))
    np.testing.assert_array_equal(features.counts > 0, features.bits > 0)
    np.testing.assert_array_equal(features.descriptors, rdkit_descriptors(pairs.smiles).to_numpy())


def test_pair_features__composition_is_the_networks(
    pairs: PairData, features: PairFeatures, profile: np.ndarray
) -> None:
    proteins = encode_proteins(pairs.targets, profile)
    np.testing.assert_array_equal(features.composition, proteins.composition)


def test_pair_features__a_drug_that_cannot_be_read_has_no_bits() -> None:
    features = PairFeatures(["CCO", "", "CCO"], [])
    assert features.bits[1].sum() == 0 and np.isnan(features.descriptors[1]).all()
    np.testing.assert_array_equal(features.counts[0], features.counts[2])
    assert features.composition.shape == (0, 420) and features.flags.shape == (0, 4)


def test_pair_features__blocks_are_made_when_asked_for() -> None:
    features = PairFeatures(["CCO"], [Target("A", "MKV")])
    assert "descriptors" not in vars(features)
    assert features.descriptors is features.descriptors


def test_pair_features__keys_tell_forms_apart_and_sequences_together() -> None:
    wild = Target("A", "MKV")
    forms = [
        wild,
        replace(wild, target_id="B"),
        replace(wild, phosphorylated=True),
        replace(wild, unplaced=True),
    ]
    features = PairFeatures([], forms)
    assert len(set(features.target_key)) == 3
    assert features.sequence_number.tolist() == [0, 0, 0, 0]
    np.testing.assert_array_equal(features.flags[:, :2], [[0, 0], [0, 0], [1, 0], [0, 1]])


@given(st.text("ACDEFGHIKLMNPQRSTVWYXUO*", min_size=1, max_size=80))
def test_sequence_composition__counted_letter_by_letter(sequence: str) -> None:
    known = [letter for letter in sequence if letter in "ACDEFGHIKLMNPQRSTVWY"]
    row = sequence_composition(sequence)
    for place, letter in enumerate("ACDEFGHIKLMNPQRSTVWY"):
        assert row[place] == pytest.approx(known.count(letter) / max(len(known), 1), abs=1e-6)
    assert row[20:].sum() == pytest.approx(20.0 if len(known) > 1 else 0.0, abs=1e-4)


@pytest.mark.parametrize(
    ("labels", "task", "message"),
    [
        ([5.0, np.nan], "regression", "is nan; expected a finite number"),
        ([5.0, np.inf], "regression", "is inf"),
        ([1.0, 0.5], "classification", "is 0.5; expected 0 or 1"),
        ([], "regression", "no pair to fit to"),
    ],
)
def test_training_labels__refused(pairs: PairData, labels: list[float], task: str, message: str) -> None:
    some = replace(pairs.select(np.arange(len(labels))), label=np.array(labels))
    with pytest.raises(InputError, match=message):
        training_labels(some, task)  # type: ignore[arg-type]


def test_training_labels__the_error_names_the_pair(pairs: PairData) -> None:
    label = pairs.label.copy()
    label[3] = np.nan
    with pytest.raises(InputError, match=f"record 4, field pkd: .*{pairs.target_ids[pairs.target[3]]}"):
        training_labels(replace(pairs, label=label), "regression")


def test_pair_model__refuses_an_unknown_task() -> None:
    with pytest.raises(InputError, match="ranking"):
        DrugTargetMeans(0, task="ranking")  # type: ignore[arg-type]
