"""A model on disk: close to what was saved, and refused where anything does not belong together."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors import safe_open

from chem.errors import InputError
from chem.graph_schema import GRAPH_SCHEMA, schema_hash
from chem.standardise import DEFAULT_RECIPE
from models.affinity import AffinityModel
from models.checkpoint import CARD, WEIGHTS, _packed, _unpacked, load_affinity, read_card, save_affinity
from models.pairs import PairData

MakePairs = Callable[..., PairData]


@pytest.fixture(scope="module")
def saved(affinity_model: AffinityModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint") / "run"
    save_affinity(affinity_model, folder)
    return folder


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "copy"))


def refused(folder: Path, name: str) -> str:
    """Message of the one line with which a folder is refused, which names the file."""
    with pytest.raises(InputError) as raised:
        load_affinity(folder)
    assert raised.value.file is not None and name in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1
    return str(raised.value)


def edit_card(folder: Path, **fields: Any) -> None:
    card = json.loads((folder / CARD).read_text()) | fields
    (folder / CARD).write_text(json.dumps(card))


def test_load_affinity__predicts_nearly_what_was_saved(
    affinity_model: AffinityModel, saved: Path, make_pairs: MakePairs
) -> None:
    """8-bit matrices move predictions by at most 0.02 of the labels' standard deviation here."""
    pairs = make_pairs()
    loaded = load_affinity(saved)
    ours, theirs = affinity_model.predict(pairs), loaded.predict(pairs)
    for column in ("prediction", "lower", "upper"):
        np.testing.assert_allclose(theirs[column], ours[column], atol=0.02 * pairs.label.std())
    for column in ("in_domain", "reason", "in_training", "nearest_train_tanimoto", "nearest_train_protein"):
        assert theirs[column].equals(ours[column])
    kernel = [model.models[0].scores for model in (affinity_model, loaded)]
    assert len(kernel) == 2 and loaded.endpoints == ("pkd",)
    assert loaded.models[0].weights["random"] == {"landmark_network": 0.6, "kernel_ridge": 0.4}


def test_save_affinity__writes_two_plain_files(saved: Path) -> None:
    assert sorted(path.name for path in saved.iterdir()) == [CARD, WEIGHTS]
    card = json.loads((saved / CARD).read_text())
    assert card["name"] == "tiny"
    assert card["recipe"] == DEFAULT_RECIPE.hash and card["graph_schema"] == schema_hash(GRAPH_SCHEMA)
    assert card["models"][0]["networks"]["landmark_network"]["scalers"][0][1] > 0
    with safe_open(saved / WEIGHTS, "pt") as file:
        names = list(file.keys())
        kinds = {str(file.get_tensor(name).dtype) for name in names}
    assert kinds <= {
        "torch.float16",
        "torch.float32",
        "torch.int8",
        "torch.int16",
        "torch.uint8",
        "torch.int32",
        "torch.int64",
    }
    assert any(name.endswith(".scale") for name in names)
    header = int.from_bytes((saved / WEIGHTS).read_bytes()[:8], "little")
    assert (saved / WEIGHTS).read_bytes()[8:9] == b"{" and header < (saved / WEIGHTS).stat().st_size


def test_save_affinity__what_was_loaded_is_saved_to_the_same_weights(saved: Path, tmp_path: Path) -> None:
    """Rounding twice changes nothing, and the card describes the same files."""
    save_affinity(load_affinity(saved), tmp_path / "again")
    again = load_affinity(tmp_path / "again")
    (one_card,), (other_card,) = again.card["models"], read_card(saved)["models"]
    del one_card["intervals"], other_card["intervals"]  # rounded up by a millionth each time
    assert one_card == other_card
    first, second = (folder / WEIGHTS for folder in (saved, tmp_path / "again"))
    with safe_open(first, "pt") as one, safe_open(second, "pt") as other:
        for name in one.keys():  # noqa: SIM118
            a, b = one.get_tensor(name), other.get_tensor(name)
            assert a.dtype == b.dtype
            torch.testing.assert_close(a.float(), b.float(), atol=1e-6, rtol=1e-3)


def test_packed__keeps_a_matrix_to_half_a_step_of_its_rows() -> None:
    weight = (
        torch.randn(80, 64, generator=torch.Generator().manual_seed(0)) * torch.logspace(-4, 2, 80)[:, None]
    )
    packed = _packed("w", weight)
    assert packed["w"].dtype == torch.int8
    error = (_unpacked(packed)["w"] - weight).abs().amax(dim=1)
    assert (error <= weight.abs().amax(dim=1) / 127 * 0.501).all()
    small = _packed("b", torch.ones(5))
    assert small["b"].dtype == torch.float16 and list(small) == ["b"]
    assert _unpacked(_packed("z", torch.zeros(80, 64)))["z"].abs().max() == 0


@pytest.mark.parametrize("name", [WEIGHTS, CARD])
def test_load_affinity__refuses_a_missing_file(copy: Path, name: str) -> None:
    (copy / name).unlink()
    assert f"there is no {name}" in refused(copy, "copy")


def test_load_affinity__refuses_a_folder_that_is_none(tmp_path: Path) -> None:
    refused(tmp_path / "nowhere", "nowhere")
    with pytest.raises(InputError, match=CARD):
        read_card(tmp_path / "nowhere")


@pytest.mark.parametrize("name", [WEIGHTS, CARD])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_load_affinity__refuses_a_file_cut_short(copy: Path, name: str, share: float) -> None:
    data = (copy / name).read_bytes()
    (copy / name).write_bytes(data[: int(share * len(data))])
    refused(copy, name)


@pytest.mark.parametrize("place", [3, 200, -5])
def test_load_affinity__refuses_weights_with_a_flipped_byte(copy: Path, place: int) -> None:
    data = bytearray((copy / WEIGHTS).read_bytes())
    data[place] ^= 0xFF
    (copy / WEIGHTS).write_bytes(data)
    assert "is not the file that the card describes" in refused(copy, WEIGHTS)


def test_load_affinity__refuses_weights_cut_short_that_the_card_is_made_to_describe(copy: Path) -> None:
    import hashlib

    data = (copy / WEIGHTS).read_bytes()[:-100]
    (copy / WEIGHTS).write_bytes(data)
    edit_card(copy, weights_sha256=hashlib.sha256(data).hexdigest())
    assert "cannot be read" in refused(copy, WEIGHTS)


def test_load_affinity__refuses_the_card_of_another_model(
    affinity_model: AffinityModel, copy: Path, tmp_path: Path
) -> None:
    (model,) = affinity_model.models
    profile: NDArray[np.float32] = model.inputs.profile + 1
    other = replace(model, inputs=replace(model.inputs, profile=profile))
    save_affinity(replace(affinity_model, models=(other,)), tmp_path / "other")
    shutil.copy(tmp_path / "other" / CARD, copy / CARD)
    assert "belongs to another card" in refused(copy, WEIGHTS)


@pytest.mark.parametrize("field", ["graph_schema", "recipe", "format"])
@pytest.mark.parametrize("value", ["0123456789abcdef", None])
def test_load_affinity__refuses_another_version(copy: Path, field: str, value: str | None) -> None:
    edit_card(copy, **{field: value})
    assert f"field {field}: trained with {field} {value}" in refused(copy, CARD)


@pytest.mark.parametrize("damage", ["models", "networks", "shape", "targets", "list"])
def test_load_affinity__refuses_a_card_that_does_not_describe_its_weights(copy: Path, damage: str) -> None:
    card = json.loads((copy / CARD).read_text())
    (plain,) = card["models"]
    if damage == "models":
        del card["models"]
    elif damage == "networks":
        plain["networks"]["graph_network"] = plain["networks"]["landmark_network"]
    elif damage == "shape":
        plain["networks"]["landmark_network"]["shape"]["dim"] = 32
    elif damage == "targets":
        plain["targets"].pop()
    (copy / CARD).write_text(json.dumps([1, 2] if damage == "list" else card))
    refused(copy, CARD)
