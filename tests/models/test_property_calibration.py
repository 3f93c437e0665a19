import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.property_calibration import (
    EDGES,
    HeldOutProperty,
    PropertyEndpoint,
    blend_weights,
    nested_blend,
    property_coverage,
    similarity_edges,
)


def _held_out(n: int, seed: int = 0, *, classes: bool = False) -> HeldOutProperty:
    """Molecules whose error grows as the similarity falls, and two models of which one is twice as bad."""
    rng = np.random.default_rng(seed)
    truth, similarity = rng.normal(size=n), rng.uniform(0.2, 0.9, n)
    error = (1.2 - similarity) * rng.normal(size=n)
    label = truth + 0.3 * rng.normal(size=n)
    good, bad = truth + 0.5 * error, truth + rng.normal(size=n)
    if classes:
        label = (label > 0).astype(float)
        good, bad = 1 / (1 + np.exp(-3 * good)), 1 / (1 + np.exp(-3 * bad))
    fold = rng.integers(1, 6, n)
    means = np.array([label[fold != number].mean() for number in fold])
    spread = 0.5 * (1.2 - similarity)
    return HeldOutProperty(label, fold, {"good": good, "bad": bad}, means, similarity, spread)


def test_weights__are_those_of_a_fine_grid() -> None:
    held_out = _held_out(500)
    weights = blend_weights(held_out.predictions, held_out.label)
    grid = np.linspace(0, 1, 1001)
    good, bad = held_out.predictions["good"], held_out.predictions["bad"]
    errors = [np.mean((w * good + (1 - w) * bad - held_out.label) ** 2) for w in grid]
    assert weights["good"] == pytest.approx(grid[int(np.argmin(errors))], abs=2e-3)


def test_blend__labels_of_a_fold_do_not_touch_its_own_predictions() -> None:
    held_out = _held_out(300)
    changed = held_out.label.copy()
    changed[held_out.fold == 2] += 10
    other = HeldOutProperty(
        changed, held_out.fold, held_out.predictions, held_out.means, held_out.similarity, held_out.spread
    )
    one, two = nested_blend(held_out), nested_blend(other)
    here = held_out.fold == 2
    np.testing.assert_array_equal(one[here], two[here])
    assert not np.array_equal(one[~here], two[~here])


@pytest.mark.parametrize("classes", [False, True])
def test_coverage__is_what_was_asked_for(*, classes: bool) -> None:
    table = property_coverage(_held_out(3000, classes=classes))
    pooled = table[table["by"] == "all"].iloc[0]
    assert 0.87 < pooled["coverage"] < (0.98 if classes else 0.93)
    bins = table[(table["by"] == "similarity") & (table["n"] > 300)]
    assert bins["coverage"].between(0.84, 0.99).all()


def test_endpoint__new_molecules_are_covered_and_near_ones_more_sharply() -> None:
    held_out, new = _held_out(3000), _held_out(2000, seed=1)
    endpoint = PropertyEndpoint.fit("y", "regression", held_out)
    prediction = sum(weight * new.predictions[name] for name, weight in endpoint.weights.items())
    lower, upper = endpoint.bounds(prediction, new.similarity, new.spread, 0.9)
    assert 0.87 < np.mean((lower <= new.label) & (new.label <= upper)) < 0.93
    near = new.similarity > 0.7
    assert np.mean((upper - lower)[near]) < 0.8 * np.mean((upper - lower)[~near])
    sd = endpoint.error(prediction, new.spread)
    assert np.sqrt(np.mean(sd**2)) == pytest.approx(np.std(new.label - prediction), rel=0.1)


def test_endpoint__is_the_same_when_read_again() -> None:
    held_out = _held_out(1000)
    endpoint = PropertyEndpoint.fit("y", "regression", held_out, frozenset({"C", "O"}))
    again = PropertyEndpoint.from_dict(json.loads(json.dumps(endpoint.to_dict())))
    prediction = held_out.predictions["good"]
    for one, two in zip(
        endpoint.bounds(prediction, held_out.similarity, held_out.spread, 0.9),
        again.bounds(prediction, held_out.similarity, held_out.spread, 0.9),
        strict=True,
    ):
        np.testing.assert_allclose(one, two, atol=1e-4)
    assert again.weights == endpoint.weights and again.threshold == endpoint.threshold
    assert again.elements == {"C", "O"}


def test_endpoint__of_few_molecules_has_one_interval_and_no_scale() -> None:
    endpoint = PropertyEndpoint.fit("y", "regression", _held_out(40))
    assert endpoint.edges == () and endpoint.intervals.scale is None
    lower, upper = endpoint.bounds(np.array([0.0, 1.0]), np.array([0.1, 0.9]), None, 0.9)
    assert np.isfinite(lower).all() and upper[0] - lower[0] == pytest.approx(upper[1] - lower[1])
    assert endpoint.error(np.array([0.0, np.nan]), None)[0] == endpoint.sd


def test_endpoint__probabilities_stay_between_0_and_1() -> None:
    held_out = _held_out(800, classes=True)
    endpoint = PropertyEndpoint.fit("y", "classification", held_out)
    lower, upper = endpoint.bounds(held_out.predictions["good"], held_out.similarity, held_out.spread, 0.95)
    assert lower.min() >= 0 and upper.max() <= 1 and (lower <= upper).all()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1), max_size=900))
def test_edges__every_bin_holds_enough(values: list[float]) -> None:
    similarity = np.array(values, float)
    edges = similarity_edges(similarity)
    assert set(edges) <= set(EDGES) and list(edges) == sorted(edges)
    counts = np.bincount(np.searchsorted(edges, similarity, side="right"), minlength=len(edges) + 1)
    assert not edges or counts.min() >= 100


def test_coverage__is_counted_by_scaffold() -> None:
    """Intervals of one scaffold, whose labels are shifted, hold less than those of the others."""
    told = _held_out(3000)
    scaffold = np.array(["c1ccccc1"] * 1500 + ["c1ccncc1"] * 1490 + ["C1CC1"] * 10, object)
    shifted = replace(told, label=told.label + 3 * (scaffold == "c1ccncc1"), scaffold=scaffold)
    table = property_coverage(shifted)
    by_scaffold = table[table["by"] == "scaffold"].set_index("bin")
    assert by_scaffold["n"].to_dict() == {
        "c1ccccc1": 1500, "c1ccncc1": 1490, "each of fewer than 20 molecules": 10,
    }  # fmt: skip
    assert by_scaffold["n"].sum() == 3000
    mean = (by_scaffold["coverage"] * by_scaffold["n"]).sum() / 3000
    assert mean == pytest.approx(table.loc[table["by"] == "all", "coverage"].iloc[0])
