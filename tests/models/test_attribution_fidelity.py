"""Deletion curves: what is hidden, what areas mean, and that attributions beat random choice only where they should."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from chem.errors import InputError
from models.attribution import AtomMasks, Masks, ResidueMasks
from models.attribution_fidelity import DeletionCurve, contributions, deletion_curve, fidelity
from tests.models.planted_signal import KINDS, planted_model, planted_pairs

PAIRS = planted_pairs()
NITRO_DRUGS = tuple(text for text in PAIRS.smiles if "[N+]" in text)
STRONG = PAIRS.targets[1::2]


class AdditiveMasks(Masks):
    """A prediction that is a sum of known parts, whose curves can be written down."""

    def __init__(self, parts: NDArray[np.float64]) -> None:
        self.parts, self.size = parts, len(parts)

    @property
    def candidates(self) -> NDArray[np.int64]:
        return np.arange(self.size)

    def _predict(self, hidden: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.asarray((~hidden) @ self.parts)


def test_contributions__of_a_sum_are_its_parts() -> None:
    parts = np.random.default_rng(0).normal(size=30)
    assert AdditiveMasks(parts).contributions() == pytest.approx(parts)


def test_deletion_curve__of_a_sum_is_what_is_left_of_it() -> None:
    parts = np.random.default_rng(1).normal(size=40)
    curve = deletion_curve(AdditiveMasks(parts), parts, shares=(0.1, 0.5, 1.0), n_random=200)
    ordered = np.sort(parts)[::-1]
    assert curve.hidden.tolist() == [4, 20, 40]
    assert curve.whole == pytest.approx(parts.sum())
    assert curve.attributed == pytest.approx([ordered[4:].sum(), ordered[20:].sum(), 0.0])
    expected = parts.sum() * (1 - curve.hidden / 40)
    assert curve.random.mean(axis=0) == pytest.approx(expected, abs=1.5)
    assert curve.random[:, -1] == pytest.approx(0.0)


def test_fidelity__of_random_contributions_is_none() -> None:
    rng = np.random.default_rng(2)
    areas, true = [], []
    for seed in range(200):
        masks = AdditiveMasks(rng.normal(size=30))
        areas.append(deletion_curve(masks, rng.normal(size=30), n_random=10, seed=seed))
        true.append(deletion_curve(masks, masks.parts, n_random=10, seed=seed))
    random, right = fidelity(areas), fidelity(true)
    assert random.lower < 0 < random.upper
    assert right.lower > 1
    assert right.better == 1
    assert right.n_pairs == 200


def test_deletion_curve__hides_candidates_alone() -> None:
    masks = ResidueMasks(planted_model(KINDS[-1]), NITRO_DRUGS[0], STRONG[0])
    aligned = set(masks.candidates.tolist())
    seen: list[NDArray[np.bool_]] = []
    predict = masks.predict
    masks.predict = lambda hidden: (seen.append(hidden), predict(hidden))[1]  # type: ignore[method-assign]
    deletion_curve(masks, np.arange(float(masks.size)), n_random=2)
    assert set(np.flatnonzero(seen[0].any(axis=0)).tolist()) <= aligned


@pytest.mark.parametrize("method", ["masking", "gradients"])
def test_fidelity__of_atoms_beats_random_choice(method: str) -> None:
    model = planted_model("blend")
    masks = [AtomMasks(model, s, STRONG[i % 6]) for i, s in enumerate(NITRO_DRUGS[::2])]
    found = fidelity([deletion_curve(m, contributions(m, method)) for m in masks])  # type: ignore[arg-type]
    assert found.lower > 0


def test_fidelity__of_atoms_is_lost_with_labels_that_were_shuffled() -> None:
    """What a model of shuffled labels says matters, hidden from the model of the true labels."""
    true, shuffled = (planted_model(KINDS[-1], shuffled=each) for each in (False, True))
    areas = []
    for model in (true, shuffled):
        curves = []
        for i, smiles in enumerate(NITRO_DRUGS):
            contribution = contributions(AtomMasks(model, smiles, STRONG[i % 6]), "gradients")
            curves.append(deletion_curve(AtomMasks(true, smiles, STRONG[i % 6]), contribution))
        areas.append(fidelity(curves))
    assert areas[0].lower > areas[1].upper


def test_fidelity__of_residues_beats_random_choice() -> None:
    masks = [ResidueMasks(planted_model("landmark_network"), NITRO_DRUGS[0], target) for target in STRONG[:3]]
    found = fidelity([deletion_curve(m, m.contributions(), n_random=4) for m in masks])
    assert found.lower > 0.3


def test_deletion_curve__is_repeatable() -> None:
    masks = AdditiveMasks(np.arange(10.0))
    first, second = (deletion_curve(masks, np.arange(10.0), seed=4) for _ in range(2))
    assert np.array_equal(first.random, second.random)


@pytest.mark.parametrize("shares", [(), (0.0,), (1.2,), (float("nan"),)])
def test_deletion_curve__refuses_shares_that_are_none(shares: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="shares"):
        deletion_curve(AdditiveMasks(np.ones(3)), np.ones(3), shares=shares)


def test_deletion_curve__refuses_contributions_of_something_else() -> None:
    with pytest.raises(InputError, match="4 contributions"):
        deletion_curve(AdditiveMasks(np.ones(3)), np.ones(4))


def test_fidelity__refuses_no_curve() -> None:
    with pytest.raises(InputError, match="no deletion curve"):
        fidelity([])


def test_area__is_what_random_choice_leaves_beyond() -> None:
    curve = DeletionCurve(np.array([1, 2]), 8.0, np.array([5.0, 4.0]), np.array([[7.0, 6.0], [8.0, 6.0]]))
    assert curve.area == pytest.approx((2.5 + 2.0) / 2)
