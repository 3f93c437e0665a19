"""A response model on disk: model.safetensors and card.json, nothing pickled.

The card says what a person and the loader need; the SHA-256 of the weights stands in it, so that a card and weights that do
not belong together are refused. The weights hold the training lines' profiles, which the kernels compare with, but no names
of lines: a model trained on patients still holds their genotypes.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chem.errors import InputError
from chem.standardise import DEFAULT_RECIPE
from models.response import ResponseModel
from models.response_domain import ResponseDomain
from models.response_intervals import ResponseIntervals
from models.response_network import NetworkSettings
from models.response_settings import ResponseSettings
from models.trained_response import TrainedResponse

WEIGHTS, CARD = "model.safetensors", "card.json"
KIND, FORMAT = "response", 1
_INTERVALS = "intervals."


def save_response(trained: TrainedResponse, directory: str | os.PathLike[str]) -> None:
    """Write a model; the card last, and each file under a temporary name first.

    Parameters
    ----------
    trained
        The model.
    directory
        Folder to write to; made where there is none.
    """
    from safetensors.numpy import save_file

    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    arrays = trained.model.to_arrays()
    arrays |= {_INTERVALS + name: array for name, array in trained.intervals.to_arrays().items()}
    temporary = folder / f"{WEIGHTS}.tmp-{os.getpid()}"
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, temporary)
    temporary.chmod(0o644)  # as other files, not for its owner alone
    card = {
        **trained.card,
        "format": FORMAT,
        "weights_sha256": _sha256(temporary),
        "recipe": DEFAULT_RECIPE.hash,
        "domain": trained.domain.to_dict(),
        "model": asdict(trained.model.settings),
        "compounds": list(map(list, zip(trained.compound_ids, trained.smiles, strict=True))),
        "genes": {name: list(names) for name, names in trained.genes.items()},
    }
    text = folder / f"{CARD}.tmp-{os.getpid()}"
    text.write_text(_card_text(card), encoding="utf-8")
    os.replace(temporary, folder / WEIGHTS)
    os.replace(text, folder / CARD)


def _card_text(card: dict[str, Any]) -> str:
    """JSON with a line per value, and per row of a list of rows."""
    parts = []
    for name, value in card.items():
        if isinstance(value, list) and value and isinstance(value[0], list | dict):
            rows = ",\n  ".join(json.dumps(row, allow_nan=False) for row in value)
            parts.append(f" {json.dumps(name)}: [\n  {rows}\n ]")
        else:
            parts.append(f" {json.dumps(name)}: {json.dumps(value, allow_nan=False)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def load_response(directory: str | os.PathLike[str]) -> TrainedResponse:
    """Open a trained response model.

    Parameters
    ----------
    directory
        Folder with model.safetensors and card.json.

    Returns
    -------
    TrainedResponse
        As it was saved.

    Raises
    ------
    InputError
        A file is missing or damaged, is of another kind, or the two do not belong together.
    """
    folder = Path(directory)
    card = _read_card(folder / CARD)
    arrays = _read_weights(folder / WEIGHTS, card)
    try:
        plain: dict[str, Any] = dict(card["model"])
        network: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in plain.pop("network").items()
        }
        mix = plain.pop("mix")
        settings = ResponseSettings(
            mix=None if mix is None else tuple(mix), network=NetworkSettings(**network), **plain
        )
        intervals = {k.removeprefix(_INTERVALS): a for k, a in arrays.items() if k.startswith(_INTERVALS)}
        of_model = {k: a for k, a in arrays.items() if not k.startswith(_INTERVALS)}
        return TrainedResponse(
            ResponseModel.from_arrays(of_model, settings),
            tuple(name for name, _ in card["compounds"]),
            tuple(text for _, text in card["compounds"]),
            {name: tuple(names) for name, names in card["genes"].items()},
            card["unit"], ResponseIntervals.from_arrays(intervals), ResponseDomain.from_dict(card["domain"]), card,
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"the card does not describe a response model ({type(error).__name__}: {error})", file=folder / CARD,
            expected="a card that `varimol train response` wrote", hint="train again",
        ) from error  # fmt: skip


def _read_card(path: Path) -> dict[str, Any]:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            "the card cannot be read", file=path, expected="card.json of a run", hint="copy the folder again, or train again"
        ) from error  # fmt: skip
    kind, version = (card.get("kind"), card.get("format")) if isinstance(card, dict) else (None, None)
    if (kind, version) != (KIND, FORMAT):
        raise InputError(
            f"a card of kind {kind!r} and format {version!r}", file=path, expected=f"kind {KIND!r}, format {FORMAT}",
            hint="train again with this version",
        )  # fmt: skip
    if card.get("recipe") != DEFAULT_RECIPE.hash:
        raise InputError(
            "molecules were standardised by another recipe", file=path, field="recipe",
            expected=DEFAULT_RECIPE.hash, hint="train again with this version",
        )  # fmt: skip
    return dict(card)


def _read_weights(path: Path, card: dict[str, Any]) -> dict[str, NDArray[Any]]:
    from safetensors.numpy import load_file

    if not path.exists():
        raise InputError("the weights are missing", file=path, expected="model.safetensors of the run")
    if _sha256(path) != card.get("weights_sha256"):
        raise InputError(
            "the weights are not those of the card", file=path, expected="the file that was written with card.json",
            hint="copy the whole folder again, or train again",
        )  # fmt: skip
    return dict(load_file(path))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
