"""A model of molecular properties on disk: model.safetensors and card.json, nothing pickled.

The card holds what a person and the loader need, and the SHA-256 of the weights: a card and weights that do not belong
together are refused.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chem.errors import InputError
from chem.standardise import DEFAULT_RECIPE
from models.pair_columns import part_of
from models.property_calibration import PropertyEndpoint
from models.property_features import N_BITS
from models.property_kernel import PropertyKernel
from models.property_protocol import PropertyModel
from models.property_reference import packed, require_arrays, unpacked
from models.trained_properties import TrainedProperties

WEIGHTS, CARD = "model.safetensors", "card.json"
KIND, FORMAT = "property", 1


def save_properties(model: TrainedProperties, directory: str | os.PathLike[str]) -> None:
    """Write a model; the card last, and each file under a temporary name first.

    Parameters
    ----------
    model
        The model.
    directory
        Folder to write to; made where there is none.
    """
    from safetensors.numpy import save_file

    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, NDArray[Any]] = {
        "training.bits": packed(np.packbits(model.bits, axis=1)),
        "training.measured": packed(np.packbits(model.measured.T, axis=1)),
    }
    for name, part in model.parts.items():
        arrays |= {f"{name}.{key}": array for key, array in part.to_arrays().items()}
    temporary = folder / f"{WEIGHTS}.tmp-{os.getpid()}"
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, temporary)
    temporary.chmod(0o644)  # as other files, not for its owner alone
    card = {
        **{key: value for key, value in model.card.items() if key != "endpoints"},
        "kind": KIND,
        "format": FORMAT,
        "weights_sha256": hashlib.sha256(temporary.read_bytes()).hexdigest(),
        "recipe": DEFAULT_RECIPE.hash,
        "n_molecules": len(model.bits),
        "parts": list(model.parts),
        "endpoints": [endpoint.to_dict() for endpoint in model.endpoints],
    }
    text = folder / f"{CARD}.tmp-{os.getpid()}"
    text.write_text(_card_text(card), encoding="utf-8")
    os.replace(temporary, folder / WEIGHTS)
    os.replace(text, folder / CARD)


def load_properties(directory: str | os.PathLike[str]) -> TrainedProperties:
    """Open a model.

    Parameters
    ----------
    directory
        Folder with model.safetensors and card.json.

    Raises
    ------
    InputError
        A file is missing or damaged, card and weights do not belong together, or it was trained by another version.
    """
    folder = Path(directory)
    card = _read_card(folder)
    for field, known in (("kind", KIND), ("format", FORMAT), ("recipe", DEFAULT_RECIPE.hash)):
        if card.get(field) != known:
            raise InputError(
                f"trained with {field} {card.get(field)}", file=folder / CARD, field=field, expected=str(known),
                hint="use the version of varimol that trained it, or train again",
            )  # fmt: skip
    arrays = _read_arrays(folder / WEIGHTS, str(card.get("weights_sha256")))
    try:
        endpoints = tuple(PropertyEndpoint.from_dict(plain) for plain in card["endpoints"])
        names, n = [str(name) for name in card["parts"]], int(card["n_molecules"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"the card cannot be used: {error!r}", file=folder / CARD, expected="the file as it was written",
            hint="copy or train it again",
        ) from error  # fmt: skip
    tasks = [endpoint.task for endpoint in endpoints]
    parts: dict[str, PropertyModel] = {
        name: _model_type(name, folder).from_arrays(part_of(arrays, name), tasks) for name in names
    }
    bits, measured = _training(arrays, n, len(tasks))
    return TrainedProperties(parts, endpoints, bits, measured, card)


def _model_type(name: str, folder: Path) -> type[PropertyModel]:
    if name == PropertyKernel.name:
        return PropertyKernel
    if name == "network":  # torch is read where it is needed alone
        from models.property_network import PropertyNetwork

        return PropertyNetwork
    from models.property_baselines import PROPERTY_BASELINES

    known = {model.name: model for model in PROPERTY_BASELINES}
    if name not in known:
        raise InputError(f"no model is called {name!r}", file=folder / CARD, field="parts")
    return known[name]


def _training(
    arrays: Mapping[str, NDArray[Any]], n: int, n_labels: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    names = ("training.bits", "training.measured")
    require_arrays(arrays, names)
    bits, measured = (unpacked(arrays[name], np.uint8, name) for name in names)
    if len(bits) != n * N_BITS // 8 or len(measured) != n_labels * -(-n // 8):
        raise InputError(
            f"{len(bits)} and {len(measured)} bytes of training molecules", field="training.bits",
            expected=f"those of {n} molecules and {n_labels} labels",
        )  # fmt: skip
    rows = np.unpackbits(bits.reshape(n, -1), axis=1)
    return rows, np.unpackbits(measured.reshape(n_labels, -1), axis=1, count=n).T.astype(bool)


def _read_card(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / CARD).read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError) as error:
        raise InputError(
            f"cannot be read: {' '.join(str(error).split())}", file=folder / CARD,
            expected="the file as `varimol train` wrote it", hint="copy or train it again",
        ) from error  # fmt: skip


def _read_arrays(path: Path, digest: str) -> dict[str, NDArray[Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != digest:
            raise InputError(
                "is not the file that the card was written with", file=path, expected=f"SHA-256 {digest}",
                hint="copy the whole folder of the run, or train again",
            )  # fmt: skip
        return dict(load(content))
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"cannot be read: {' '.join(str(error).split())}", file=path,
            expected="the file as `varimol train` wrote it", hint="copy or train it again",
        ) from error  # fmt: skip


def _card_text(card: dict[str, Any]) -> str:
    """JSON with a line per value; endpoints have one each."""
    told = json.dumps({k: v for k, v in card.items() if k != "endpoints"}, indent=1, allow_nan=False)
    endpoints = ",\n  ".join(json.dumps(endpoint, allow_nan=False) for endpoint in card["endpoints"])
    return f'{told[:-2]},\n "endpoints": [\n  {endpoints}\n ]\n}}\n'
