"""Contributions by masking: what is hidden, and that a planted nitro group and residue are found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rdkit import Chem

from chem.errors import InputError
from models.attribution import AtomMasks, ResidueMasks, atom_contributions, residue_contributions
from models.attribution_fidelity import contributions
from models.attribution_tables import atom_table, residue_table
from models.kinase import GAP, UNKNOWN
from models.metrics import mean_interval
from models.protein import Target, encode_proteins
from tests.models.planted_signal import KINDS, SIGNAL, TAIL, planted_model, planted_pairs

NITRO = Chem.MolFromSmarts("[N+](=O)[O-]")
PAIRS = planted_pairs()
NITRO_DRUGS = tuple(text for text in PAIRS.smiles if "[N+]" in text)
STRONG = PAIRS.targets[1]
"""A kinase with the residue that raises the label."""
TARGETS = (STRONG, Target("none", "MKLV" * 100), Target("odd", STRONG.sequence.replace("W", "X")))


def nitro_share(masks: AtomMasks, contribution: np.ndarray) -> float:
    """Share of the nitro group's atoms among the three atoms that contribute most."""
    (atoms,) = Chem.MolFromSmiles(masks.smiles).GetSubstructMatches(NITRO)
    return len(set(atoms) & set(np.argsort(-contribution)[:3].tolist())) / 3


def found_nitro(kind: str, method: str, *, shuffled: bool = False) -> tuple[float, float, float]:
    """Mean share found, less the share that random choice would find, with its interval over pairs."""
    model = planted_model(kind, shuffled=shuffled)
    masks = [AtomMasks(model, smiles, PAIRS.targets[i % 12]) for i, smiles in enumerate(NITRO_DRUGS)]
    return mean_interval([nitro_share(each, contributions(each, method)) - 3 / each.size for each in masks])  # type: ignore[arg-type]


def test_atom_masks__with_nothing_hidden_are_the_inputs() -> None:
    model = planted_model("graph_network")
    masks = AtomMasks(model, NITRO_DRUGS[0], STRONG)
    mine, plain = (
        masks.inputs(np.zeros((1, masks.size), bool)),
        model.inputs.encode_molecules([NITRO_DRUGS[0]]),
    )
    assert np.array_equal(mine.near, plain.near)
    assert np.array_equal(mine.coordinates, plain.coordinates)
    assert np.array_equal(mine.graphs.node_features, plain.graphs.node_features)


def test_atom_masks__hide_that_atom_alone() -> None:
    masks = AtomMasks(planted_model("graph_network"), "CCO", STRONG)
    features = masks.inputs(np.eye(3, dtype=bool)).graphs.node_features.reshape(3, 3, -1)
    known = masks.molecule.graphs.node_features
    for variant in range(3):
        assert (features[variant, variant] == 0).all()
        others = np.arange(3) != variant
        assert np.array_equal(features[variant, others], known[others])


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.target_id)
def test_residue_masks__with_nothing_hidden_are_the_inputs(target: Target) -> None:
    model = planted_model(KINDS[-1])
    masks = ResidueMasks(model, "CCO", target)
    mine, plain = masks.inputs(np.zeros((1, masks.size), bool)), model.inputs.encode_proteins([target])
    for name in ("aligned", "window", "composition", "flags"):
        assert np.array_equal(getattr(mine.arrays, name), getattr(plain.arrays, name))
    assert np.array_equal(mine.alike, plain.alike)


def test_residue_masks__hide_a_residue_wherever_it_is_read() -> None:
    model = planted_model(KINDS[-1])
    masks = ResidueMasks(model, "CCO", STRONG)
    hidden = np.zeros((2, masks.size), bool)
    hidden[1, SIGNAL] = True
    arrays = masks.inputs(hidden).arrays
    (column,) = np.flatnonzero(arrays.aligned[0] != arrays.aligned[1])
    assert column == masks.column[SIGNAL]
    assert arrays.aligned[1, column] == UNKNOWN
    (place,) = np.flatnonzero(arrays.window[0] != arrays.window[1])
    assert place == SIGNAL - masks.window.start
    written = STRONG.sequence[:SIGNAL] + "X" + STRONG.sequence[SIGNAL + 1 :]
    plain = encode_proteins([replace(STRONG, sequence=written)], model.inputs.profile)
    assert np.array_equal(arrays.composition[1], plain.composition[0])
    assert np.array_equal(arrays.window[1], plain.window[0])


def test_residue_masks__number_residues_by_the_sequence() -> None:
    masks = ResidueMasks(planted_model(KINDS[-1]), "CCO", STRONG)
    arrays = masks.arrays
    there = masks.column >= 0
    assert not there[: len(TAIL)].any()  # the tail is no part of the domain
    codes = arrays.aligned[0, masks.column[there]]
    letters = np.array(list("ACDEFGHIKLMNPQRSTVWY"))
    assert "".join(letters[codes]) == "".join(np.array(list(STRONG.sequence))[there])
    assert there.sum() == (arrays.aligned[0] != GAP).sum()


def test_contributions__of_the_blend_are_those_of_its_members_by_share() -> None:
    blend, parts = planted_model("blend"), [planted_model(kind) for kind in KINDS]
    for attribute in (atom_contributions, residue_contributions):
        whole = attribute(blend, NITRO_DRUGS[3], STRONG)
        mean = np.mean([attribute(part, NITRO_DRUGS[3], STRONG) for part in parts], axis=0)
        assert np.allclose(whole, mean, atol=1e-4)


@pytest.mark.parametrize(
    ("kind", "method"),
    [("landmark_network", "masking"), ("kernel_ridge", "masking"), *((kind, "gradients") for kind in KINDS)],
)
def test_contributions__find_the_nitro_group(kind: str, method: str) -> None:
    assert found_nitro(kind, method)[1] > 0


@pytest.mark.parametrize("method", ["masking", "gradients"])
def test_contributions__do_not_find_it_in_shuffled_labels(method: str) -> None:
    mean, lower, _ = found_nitro("kernel_ridge", method, shuffled=True)
    assert lower < 0
    assert mean < found_nitro("kernel_ridge", method)[0]


@pytest.mark.parametrize("method", ["masking", "gradients"])
@pytest.mark.parametrize("kind", ["landmark_network", KINDS[-1]])
def test_residue_contributions__find_the_residue(kind: str, method: str) -> None:
    masks = ResidueMasks(planted_model(kind), NITRO_DRUGS[0], STRONG)
    contribution = contributions(masks, method)
    assert (contribution > contribution[SIGNAL]).sum() <= 2  # of some 275


def test_residue_contributions__do_not_find_it_in_shuffled_labels() -> None:
    ranks = []
    for target in PAIRS.targets[1::2]:
        found = residue_contributions(planted_model(KINDS[-1], shuffled=True), NITRO_DRUGS[0], target)
        ranks.append(int((found > found[SIGNAL]).sum()))
    assert np.median(ranks) > 2


def test_residue_contributions__are_small_outside_the_domain() -> None:
    masks = ResidueMasks(planted_model("landmark_network"), NITRO_DRUGS[0], STRONG)
    size = np.abs(masks.contributions())
    assert size[masks.column >= 0].mean() > 3 * size[masks.column < 0].mean()


def test_atom_contributions__of_a_single_atom_is_the_change_to_nothing_known() -> None:
    masks = AtomMasks(planted_model("blend"), "C", STRONG)
    both = masks.predict(np.array([[False], [True]]))
    assert masks.contributions() == pytest.approx([both[0] - both[1]])


def test_predict__does_not_depend_on_the_blocks() -> None:
    masks = AtomMasks(planted_model(KINDS[-1]), NITRO_DRUGS[0], STRONG)
    hidden = np.random.default_rng(0).random((600, masks.size)) < 0.3
    rows = np.array([0, 255, 256, 599])
    assert masks.predict(hidden)[rows] == pytest.approx(masks.predict(hidden[rows]))
    assert masks.predict(hidden[:0]).shape == (0,)


def test_atom_table__numbers_atoms_as_the_input_does() -> None:
    table = atom_table(planted_model(KINDS[-1]), "[Na+].[O-]C(=O)c1ccc(C)cc1", STRONG)
    written = Chem.MolFromSmiles("[Na+].[O-]C(=O)c1ccc(C)cc1")
    symbols = [written.GetAtomWithIdx(int(atom)).GetSymbol() for atom in table["input_atom"]]
    assert table["symbol"].tolist() == symbols
    assert sorted(table["input_atom"]) == list(range(1, 11))
    assert table["atom"].tolist() == list(range(10))


def test_atom_table__refuses_what_is_no_structure() -> None:
    with pytest.raises(InputError, match="cannot be used"):
        atom_table(planted_model(KINDS[-1]), "c1cc", STRONG)


def test_residue_table__counts_from_one() -> None:
    table = residue_table(planted_model(KINDS[-1]), "CCO", STRONG)
    assert table["position"].tolist() == list(range(1, len(STRONG.sequence) + 1))
    assert "".join(table["residue"]) == STRONG.sequence
    assert table.loc[SIGNAL, "residue"] == "L"
    assert table["column"].isna()[: len(TAIL)].all()
    assert table["column"].min() >= 1


def test_contributions__refuses_an_unknown_method() -> None:
    masks = AtomMasks(planted_model(KINDS[-1]), "CCO", STRONG)
    with pytest.raises(InputError, match="no method"):
        contributions(masks, "shap")  # type: ignore[arg-type]
