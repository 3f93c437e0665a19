"""Nearest training pairs against a search by hand, and labels in half precision."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from chem.errors import InputError
from models.evidence_pairs import label_matrix, nearest_pairs
from models.landmarks import molecule_kernel, protein_kernel
from models.protein import Target
from tests.models.planted_signal import planted_inputs, planted_pairs

PAIRS = planted_pairs()
INPUTS = planted_inputs()


def test_label_matrix__holds_each_label_to_half_precision() -> None:
    labels = label_matrix(PAIRS, INPUTS)
    assert labels.dtype == np.float16
    form = [target.form for target in INPUTS.targets]
    for row in (0, 17, len(PAIRS) - 1):
        place = INPUTS.smiles.index(PAIRS.smiles[PAIRS.drug[row]])
        protein = form.index(PAIRS.targets[PAIRS.target[row]].form)
        assert labels[place, protein] == pytest.approx(PAIRS.label[row], abs=0.005)
    assert not np.isnan(labels).any()


def test_label_matrix__is_empty_where_nothing_was_measured_and_the_mean_of_repeats() -> None:
    some = PAIRS.select(np.array([3, 3, 40]))
    some = replace(some, label=np.array([5.0, 7.0, 6.0]))
    labels = label_matrix(some, INPUTS)
    assert sorted(labels[~np.isnan(labels)].tolist()) == [6.0, 6.0]


def test_label_matrix__refuses_pairs_of_other_proteins() -> None:
    other = replace(PAIRS, targets=(Target("new", "MKLV"), *PAIRS.targets[1:]))
    with pytest.raises(InputError, match="not among the training"):
        label_matrix(other, INPUTS)


def test_nearest_pairs__finds_the_pair_itself_first() -> None:
    labels = label_matrix(PAIRS, INPUTS)
    table = nearest_pairs(INPUTS, labels, PAIRS.smiles[7], PAIRS.targets[4], n_pairs=3)
    assert table.loc[0, "smiles"] == PAIRS.smiles[7]
    assert table.loc[0, "target_id"] == "k4"
    assert table.loc[0, "similarity"] == pytest.approx(1.0, abs=1e-6)
    assert table.loc[0, "label"] == pytest.approx(PAIRS.label[7 * 12 + 4], abs=0.005)


def test_nearest_pairs__are_those_of_a_search_by_hand() -> None:
    rng = np.random.default_rng(0)
    some = PAIRS.select(np.sort(rng.choice(len(PAIRS), 200, replace=False)))
    labels = label_matrix(some, INPUTS)
    table = nearest_pairs(INPUTS, labels, PAIRS.smiles[7], PAIRS.targets[4], n_pairs=20)
    molecules, proteins = INPUTS.molecules.tables, INPUTS.proteins
    near = molecule_kernel(molecules, molecules)[INPUTS.smiles.index(PAIRS.smiles[7])]
    place = [target.form for target in INPUTS.targets].index(PAIRS.targets[4].form)
    alike = protein_kernel(proteins, proteins)[place]
    product = [
        (float(near[m] * alike[p]), INPUTS.smiles[m], INPUTS.targets[p].target_id)
        for m in range(len(near))
        for p in range(len(alike))
        if not np.isnan(labels[m, p])
    ]
    expected = sorted((value for value, _, _ in product), reverse=True)[:20]
    assert table["similarity"].tolist() == pytest.approx(expected)
    assert set(zip(table["smiles"], table["target_id"], strict=True)) <= {(s, t) for _, s, t in product}
    assert table["similarity"].is_monotonic_decreasing
    assert (table["similarity_molecule"] * table["similarity_protein"]).tolist() == pytest.approx(expected)


def test_nearest_pairs__are_no_more_than_there_are() -> None:
    labels = label_matrix(PAIRS.select(np.arange(3)), INPUTS)
    assert len(nearest_pairs(INPUTS, labels, "CCO", PAIRS.targets[0], n_pairs=9)) == 3


def test_nearest_pairs__refuses_labels_of_another_model_and_no_pairs() -> None:
    labels = label_matrix(PAIRS, INPUTS)
    with pytest.raises(InputError, match="labels of shape"):
        nearest_pairs(INPUTS, labels[1:], "CCO", PAIRS.targets[0])
    with pytest.raises(InputError, match="0 pairs"):
        nearest_pairs(INPUTS, labels, "CCO", PAIRS.targets[0], n_pairs=0)
    with pytest.raises(InputError, match="does not parse"):
        nearest_pairs(INPUTS, labels, "C1CC", PAIRS.targets[0])
