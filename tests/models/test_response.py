"""The response model: finds what was planted and nothing where nothing is, and is kept without a change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from chem.errors import InputError
from models.response import ResponseModel
from models.response_network import MIN_STEPS, NetworkSettings
from models.response_residuals import Residuals
from models.response_settings import ResponseSettings
from tests.models.planted_response import N_GENES, Planted, planted_response

SMALL = ResponseSettings(
    network=NetworkSettings(n_members=2, hidden=16, rank=8, n_steps=40, learning_rate=1e-2)
)
TRAIN, TEST = slice(0, 90), slice(90, 120)
PARTS = ("network", "kernel", "markers")


@pytest.fixture(scope="module")
def planted() -> Planted:
    return planted_response()


@pytest.fixture(scope="module")
def model(planted: Planted) -> ResponseModel:
    return fitted(planted)


def fitted(planted: Planted, settings: ResponseSettings = SMALL) -> ResponseModel:
    return ResponseModel.fit(
        planted.values[TRAIN], planted.lines(TRAIN), planted.fingerprints, settings=settings, seed=0
    )


def residual_correlation(values: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """Mean over compounds of the correlation beyond the means of lines and compounds."""
    there = ~np.isnan(values)
    pairs = [np.where(there, x, np.nan) for x in (values, predicted)]
    pairs = [x - np.nanmean(x, axis=0) for x in pairs]
    pairs = [x - np.nanmean(x, axis=1, keepdims=True) for x in pairs]
    return float(np.mean([np.corrcoef(*(x[o, j] for x in pairs))[0, 1] for j, o in enumerate(there.T)]))


def test_residuals__add_up_to_the_values(planted: Planted) -> None:
    parts = Residuals.of(planted.values)
    again = parts.compound_mean + parts.profile_mean[:, None] + parts.scale * parts.standard
    assert np.allclose(again, planted.values, equal_nan=True)
    beyond = planted.values - np.nanmean(planted.values, axis=0)
    assert np.allclose(parts.profile_mean, np.nanmean(beyond, axis=1))
    assert np.allclose(np.nanmean(parts.standard, axis=0), 0) and np.allclose(
        np.nanstd(parts.standard, axis=0), 1
    )


def test_predict__finds_what_was_planted(planted: Planted, model: ResponseModel) -> None:
    assert residual_correlation(planted.values[TEST], model.predict(planted.lines(TEST))) > 0.8


def test_parts__each_of_them_finds_it(planted: Planted, model: ResponseModel) -> None:
    parts, values = model.parts(planted.lines(TEST)), planted.values[TEST]
    assert all(residual_correlation(values, parts[name]) > 0.7 for name in PARTS)
    mean = np.nanmean(values - model.compound_mean, axis=1)
    assert np.corrcoef(parts["profile_mean"][:, 0], mean)[0, 1] > 0.3


@pytest.mark.parametrize("shuffled", ["profiles", "labels"])
def test_predict__nothing_where_lines_and_responses_are_mixed_up(planted: Planted, shuffled: str) -> None:
    found = []
    for seed in range(4):
        order = np.random.default_rng(seed).permutation(90)
        values, profiles = planted.values[TRAIN], planted.lines(TRAIN)
        if shuffled == "labels":
            values = values[order]
        else:
            profiles = {name: block[order] for name, block in profiles.items()}
        mixed = ResponseModel.fit(values, profiles, settings=SMALL)
        found.append(residual_correlation(planted.values[TEST], mixed.predict(planted.lines(TEST))))
    assert abs(np.mean(found)) < 0.2


def test_parts__add_up_to_the_prediction(planted: Planted, model: ResponseModel) -> None:
    parts = model.parts(planted.lines(TEST))
    assert tuple(parts) == ("compound_mean", "profile_mean", *PARTS)
    assert np.array_equal(sum(parts.values()), model.predict(planted.lines(TEST)))
    assert all(part.shape == (30, 12) for part in parts.values())


def test_predict__each_line_on_its_own(planted: Planted, model: ResponseModel) -> None:
    """Nothing of the other lines to be predicted is read."""
    together = model.predict(planted.lines(TEST))
    assert np.allclose(together[4:5], model.predict(planted.lines(slice(94, 95))), atol=1e-5)


def test_fit__same_seed_same_bytes(planted: Planted, model: ResponseModel) -> None:
    again = fitted(planted).to_arrays()
    assert all(np.array_equal(array, again[name]) for name, array in model.to_arrays().items())


def test_arrays__through_safetensors_the_same_predictions(
    planted: Planted, model: ResponseModel, tmp_path: Path
) -> None:
    from safetensors.numpy import load_file, save_file

    save_file({k: np.ascontiguousarray(a) for k, a in model.to_arrays().items()}, tmp_path / "m.safetensors")
    again, new = ResponseModel.from_arrays(load_file(tmp_path / "m.safetensors"), SMALL), planted.lines(TEST)
    assert np.array_equal(model.predict(new), again.predict(new))
    assert np.array_equal(
        model.predict_new_compounds(new, planted.fingerprints),
        again.predict_new_compounds(new, planted.fingerprints),
    )


def test_predict__a_profile_of_which_nothing_is_known_is_near_the_means(
    planted: Planted, model: ResponseModel
) -> None:
    nothing = {"mutation": np.full((1, N_GENES), np.nan)}
    parts = model.parts(nothing)
    assert model.missing_share(nothing).tolist() == [1.0]
    known = model.parts(planted.lines(TEST))
    for name in ("kernel", "markers"):
        assert np.abs(parts[name]).mean() < 0.5 * np.abs(known[name]).mean()


def test_fit__lines_without_a_value_change_nothing(planted: Planted, model: ResponseModel) -> None:
    values = np.vstack([planted.values[TRAIN], np.full((30, 12), np.nan)])
    more = ResponseModel.fit(values, planted.profiles, planted.fingerprints, settings=SMALL)
    assert np.array_equal(more.predict(planted.lines(TEST)), model.predict(planted.lines(TEST)))


def test_fit__teacher_helps_where_profiles_say_little(planted: Planted) -> None:
    """Expression tells the planted gene, which too few noisy responses would not."""
    noisy = planted.values + 2.0 * np.random.default_rng(1).normal(size=planted.values.shape)
    only = {"mutation": planted.profiles["mutation"]}
    teacher = {"expression": planted.profiles["mutation"][:, 3:4] + 0.0}
    settings = replace(SMALL, distillation=0.8)
    found = []
    for extra in (None, {k: x[TRAIN] for k, x in teacher.items()}):
        taught = ResponseModel.fit(
            noisy[TRAIN], {k: x[TRAIN] for k, x in only.items()}, teacher=extra, settings=settings
        )
        predicted = taught.predict({k: x[TEST] for k, x in only.items()})
        found.append(residual_correlation(planted.values[TEST], predicted))
    assert found[1] > found[0] + 0.02


def test_predict_new_compounds__of_the_planted_kinds(planted: Planted) -> None:
    seen = np.arange(12) < 8
    model = ResponseModel.fit(
        planted.values[TRAIN][:, seen], planted.lines(TRAIN), planted.fingerprints[seen], settings=SMALL
    )
    predicted = model.predict_new_compounds(planted.lines(TEST), planted.fingerprints[~seen])
    mutated = planted.profiles["mutation"][TEST, 3] > 0
    effect = predicted[mutated].mean(axis=0) - predicted[~mutated].mean(axis=0)
    assert predicted.shape == (30, 4) and (np.sign(effect - effect.mean()) == [-1, 1, -1, 1]).all()


def test_attributions__add_up_and_name_the_planted_gene(planted: Planted, model: ResponseModel) -> None:
    lines = planted.lines(slice(90, 96))
    found = model.attributions(lines, [0, 1], n_steps=32)
    total = sum(x.sum(axis=2) for x in found.values())
    parts, mean = model.parts(lines), model.parts({k: m[None] for k, m in model.filler.means.items()})
    difference = sum(parts[name] - mean[name] for name in PARTS)[:, :2]
    assert np.allclose(total, difference, atol=0.02)
    mutated = lines["mutation"][:, 3] > 0
    assert mutated.any() and (found["mutation"][mutated][:, 0].argmin(axis=1) == 3).all()
    assert (found["mutation"][mutated][:, 1].argmax(axis=1) == 3).all()


def test_attributions__of_the_markers_are_weight_times_distance(
    planted: Planted, model: ResponseModel
) -> None:
    lines = planted.lines(slice(90, 93))
    found = model.attributions(lines, [5], parts=("markers",), n_steps=1)
    weight = 0.2 * model.scale[5] * model.markers.weights[:N_GENES, 5]
    expected = (lines["mutation"] - model.filler.means["mutation"]) * weight
    assert np.allclose(found["mutation"][:, 0], expected, atol=1e-5)
    parts, mean = model.parts(lines), model.parts({k: m[None] for k, m in model.filler.means.items()})
    total = sum(x.sum(axis=2) for x in found.values())[:, 0]
    assert np.allclose(total, (parts["markers"] - mean["markers"])[:, 5], atol=1e-5)


def test_attributions__what_is_missing_says_nothing(planted: Planted, model: ResponseModel) -> None:
    lines = planted.lines(slice(90, 91))
    lines["mutation"] = lines["mutation"].copy()
    lines["mutation"][0, 3] = np.nan
    assert not model.attributions(lines, [0], n_steps=2)["mutation"][:, :, 3].any()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"values": np.ones(5)}, "responses are no table of numbers"),
        (
            {"values": np.full((90, 12), np.nan)},
            "record 1: the compound has too few values; expected 3 or more",
        ),
        (
            {"fingerprints": np.ones((3, 64), np.uint8)},
            "3 fingerprints; expected one for each of the 12 compounds",
        ),
        (
            {"profiles": {"mutation": np.ones((4, 2))}},
            "field mutation: 4 profiles; expected one for each of the 90",
        ),
    ],
)
def test_fit__bad_input(planted: Planted, change: dict[str, object], said: str) -> None:
    given = {"values": planted.values[TRAIN], "profiles": planted.lines(TRAIN), "settings": SMALL}
    with pytest.raises(InputError, match=said):
        ResponseModel.fit(**(given | change))  # type: ignore[arg-type]


def test_predict_new_compounds__without_structures(planted: Planted) -> None:
    model = ResponseModel.fit(planted.values[TRAIN], planted.lines(TRAIN), settings=SMALL)
    with pytest.raises(InputError, match="knows no structures; fit it with fingerprints"):
        model.predict_new_compounds(planted.lines(TEST), planted.fingerprints)


def test_predict__cell_lines_never_seen(shared_data: Path) -> None:
    """One fifth of the real lines, from genotype alone: above 0.171, where kernel ridge was."""
    table = pd.read_csv(shared_data / "response" / "gdsc2_ln_ic50.tsv.gz", sep="\t")
    table = table.pivot_table(index="depmap_id", columns="drug_name", values="ln_ic50")
    profiles = {}
    for name in ("mutation", "copy_number"):
        block = pd.read_csv(shared_data / "response" / f"{name}_580x706.tsv.gz", sep="\t", index_col=0)
        profiles[name] = block.reindex(table.index).to_numpy(np.float32)
    test = np.random.default_rng(0).permutation(len(table)) % 5 == 0
    values = table.to_numpy()
    settings = ResponseSettings(network=NetworkSettings(n_members=1, n_steps=40))
    model = ResponseModel.fit(values[~test], {k: x[~test] for k, x in profiles.items()}, settings=settings)
    predicted = model.predict({k: x[test] for k, x in profiles.items()})
    assert residual_correlation(values[test], predicted) > 0.18


def test_network_settings__too_few_steps_are_refused() -> None:
    with pytest.raises(InputError, match=f"{MIN_STEPS - 1} steps are too few"):
        NetworkSettings(n_steps=MIN_STEPS - 1)
    assert NetworkSettings(n_steps=MIN_STEPS).n_steps == MIN_STEPS
