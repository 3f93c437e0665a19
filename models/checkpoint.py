"""An affinity model on disk: model.safetensors and card.json, nothing pickled.

The card says what a person and the loader need: recipe of standardisation, schema of the graphs, versions, data and
licence, splits, figures, and the SHA-256 of the weights, so that a card and weights that do not belong together are
refused. Landmarks are kept as SMILES and sequences, and their fingerprints are made again on opening.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from chem.errors import InputError
from chem.graph_schema import schema_hash
from chem.graph_version import SCHEMA_VERSION, schema_of_version
from chem.standardise import DEFAULT_RECIPE
from models.affinity import AffinityModel, EndpointModel, training_domain
from models.affinity_fit import FittedNetwork, LabelScaler
from models.affinity_inputs import InputEncoder
from models.affinity_network import AffinityNetwork, InputSizes, NetworkShape
from models.domain_threshold import Threshold
from models.intervals import Intervals
from models.kernel_fit import KernelFit, stored_pairs
from models.landmarks import Landmarks, molecule_tables, protein_kernel, protein_tables
from models.latent import LatentSpace
from models.protein import Target, encode_proteins
from models.trees import GradientBoosting

WEIGHTS, CARD = "model.safetensors", "card.json"
FORMAT = 4
_SCALE = ".scale"
_MIN_PACKED = 4096


def save_affinity(model: AffinityModel, directory: str | os.PathLike[str]) -> None:
    """Write a model; the card last, and each file under a temporary name first.

    Matrices of networks are kept in 8 bits with a scale per row, the rest in half precision; a test holds by how
    little that changes predictions.

    Parameters
    ----------
    model
        The model.
    directory
        Folder to write to; made where there is none.
    """
    from safetensors.torch import save_file

    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Tensor] = {}
    for number, endpoint in enumerate(model.models):
        tensors |= {f"{number}.{name}": tensor for name, tensor in _tensors(endpoint).items()}
    temporary = folder / f"{WEIGHTS}.tmp-{os.getpid()}"
    save_file(tensors, temporary)
    temporary.chmod(0o644)  # as other files, not for its owner alone
    digest = _sha256(temporary)
    card = {
        **model.card,
        "format": FORMAT,
        "weights_sha256": digest,
        "recipe": DEFAULT_RECIPE.hash,
        "graph_schema": schema_hash(schema_of_version(SCHEMA_VERSION)),
        "endpoints": list(model.endpoints),
        "models": [_plain(endpoint) for endpoint in model.models],
    }
    text = folder / f"{CARD}.tmp-{os.getpid()}"
    text.write_text(_card_text(card), encoding="utf-8")
    os.replace(temporary, folder / WEIGHTS)
    os.replace(text, folder / CARD)


def _card_text(card: dict[str, Any]) -> str:
    """JSON with a line per value; ``models``, which the loader alone reads, has one per endpoint."""
    told = json.dumps({k: v for k, v in card.items() if k != "models"}, indent=1, allow_nan=False)
    models = ",\n  ".join(json.dumps(model, allow_nan=False) for model in card["models"])
    return f'{told[:-2]},\n "models": [\n  {models}\n ]\n}}\n'


def _tensors(model: EndpointModel) -> dict[str, Tensor]:
    inputs = model.inputs
    tensors = {
        "profile": torch.from_numpy(np.ascontiguousarray(inputs.profile)),
        **_packed("projection", torch.from_numpy(inputs.molecules.projection)),
        "smiles": _text_tensor(inputs.smiles),
        "sequences": _text_tensor([target.sequence for target in inputs.targets]),
    }
    for kind, members in model.networks.items():
        for number, member in enumerate(members):
            for name, weight in member.network.state_dict().items():
                tensors |= _packed(f"{kind}.{number}.{name}", weight)
    if inputs.profile_projection is not None:
        tensors |= _packed("profile_projection", torch.from_numpy(inputs.profile_projection))
    if inputs.kernel is not None:
        there = inputs.kernel.first.weight != 0 if model.labels is None else ~np.isnan(model.labels)
        arrays = inputs.kernel.to_arrays(there)
        if model.labels is not None:
            arrays["label"] = model.labels[there]
        profiles = arrays.pop("profiles", None)
        if profiles is not None:
            tensors |= _packed("kernel.profiles", torch.from_numpy(profiles).float())
        tensors |= {f"kernel.{name}": torch.from_numpy(array) for name, array in arrays.items()}
    if model.trees is not None:
        tensors |= {
            f"trees.{name}": torch.from_numpy(array) for name, array in model.trees.to_arrays().items()
        }
    if model.latent is not None:
        arrays = model.latent.to_arrays()
        tensors |= {f"latent.{name}": torch.from_numpy(array) for name, array in arrays.items()}
    return tensors


def _plain(model: EndpointModel) -> dict[str, Any]:
    return {
        "endpoint": model.name,
        "task": model.task,
        "weights": {
            setting: {name: round(float(share), 6) for name, share in weights.items()}
            for setting, weights in model.weights.items()
        },
        "networks": {
            kind: {
                "shape": asdict(members[0].network.shape),
                "sizes": asdict(members[0].network.sizes),
                "scalers": [_plain_scaler(m.scalers[0]) for m in members],
            }
            for kind, members in model.networks.items()
        },
        "targets": [[t.target_id, t.domain, t.phosphorylated, t.unplaced] for t in model.inputs.targets],
        "intervals": {setting: part.to_dict() for setting, part in model.intervals.items()},
        "domain": {name: threshold.to_dict() for name, threshold in model.domain.thresholds.items()},
    }


def load_affinity(directory: str | os.PathLike[str]) -> AffinityModel:
    """Open a trained affinity model.

    Parameters
    ----------
    directory
        Folder with model.safetensors and card.json.

    Returns
    -------
    AffinityModel
        Ready to predict.

    Raises
    ------
    InputError
        A file is missing, cut off or not what the other one describes, or the model was trained on another graph
        schema or recipe.
    """
    folder = Path(directory)
    for name in (WEIGHTS, CARD):
        if not (folder / name).exists():
            raise InputError(
                f"there is no {name}", file=folder, expected="a folder that `varimol train` wrote",
                hint="name a finished run or a shipped network",
            )  # fmt: skip
    card = read_card(folder)
    _require(card, "format", (FORMAT,), folder)
    _require(card, "graph_schema", (schema_hash(schema_of_version(SCHEMA_VERSION)),), folder)
    _require(card, "recipe", (DEFAULT_RECIPE.hash,), folder)
    if _sha256(folder / WEIGHTS) != card.get("weights_sha256"):
        raise InputError(
            "is not the file that the card describes: it was cut off, changed, or belongs to another card",
            file=folder / WEIGHTS, expected=f"SHA-256 {str(card.get('weights_sha256'))[:16]}...",
            hint="copy both files again, or train again",
        )  # fmt: skip
    tensors = _read_tensors(folder / WEIGHTS)
    try:
        models = [_endpoint(plain, _below(tensors, f"{k}.")) for k, plain in enumerate(card["models"])]
    except (
        KeyError,
        TypeError,
        ValueError,
        RuntimeError,
        zlib.error,
    ) as error:  # torch's own on shapes is a RuntimeError
        raise InputError(
            f"does not describe its weights: {' '.join(str(error).split())[:200]}", file=folder / CARD,
            expected="the file as `varimol train` wrote it", hint="copy or train it again",
        ) from error  # fmt: skip
    return AffinityModel(tuple(models), card)


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Tensors whose name begins with a prefix, by the rest of it."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def read_card(directory: str | os.PathLike[str]) -> dict[str, Any]:
    """Card of a trained model.

    Raises
    ------
    InputError
        It is missing, or no JSON object.
    """
    path = Path(directory) / CARD
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError) as error:
        raise InputError(
            f"cannot be read: {' '.join(str(error).split())}", file=path,
            expected="the file as `varimol train` wrote it", hint="copy or train it again",
        ) from error  # fmt: skip


def _require(card: dict[str, Any], field: str, known: Sequence[Any], folder: Path) -> None:
    if card.get(field) not in known:
        raise InputError(
            f"trained with {field} {card.get(field)}", file=folder / CARD, field=field,
            expected=" or ".join(str(value) for value in known),
            hint="use the version of varimol that trained it, or train again",
        )  # fmt: skip


def _read_tensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except SafetensorError as error:
        raise InputError(
            f"cannot be read: {' '.join(str(error).split())}", file=path,
            expected="the file as `varimol train` wrote it", hint="copy or train it again",
        ) from error  # fmt: skip


def _endpoint(plain: dict[str, Any], tensors: dict[str, Tensor]) -> EndpointModel:
    smiles = _texts(tensors["smiles"])
    targets = tuple(
        Target(name, sequence, domain, phosphorylated=phosphorylated, unplaced=unplaced)
        for (name, domain, phosphorylated, unplaced), sequence in zip(
            plain["targets"], _texts(tensors["sequences"]), strict=True
        )
    )
    profile = tensors["profile"].numpy()
    arrays = encode_proteins(targets, profile)
    proteins = protein_tables(targets, arrays)
    projections = _unpacked({k: v for k, v in tensors.items() if "projection" in k})
    landmarks = Landmarks(molecule_tables(smiles), projections["projection"].numpy())
    of_kernel = _below(tensors, "kernel.")
    profiles = {name: of_kernel.pop(name) for name in list(of_kernel) if name.startswith("profiles")}
    kept = {name: tensor.numpy() for name, tensor in (of_kernel | _unpacked(profiles)).items()}
    kernel = labels = None
    if kept:
        kernel = KernelFit.from_arrays(kept, protein_kernel(proteins, proteins), len(smiles))
    joint = projections.get("profile_projection")
    inputs = InputEncoder(
        profile, landmarks, proteins, smiles, targets, kernel, None if joint is None else joint.numpy()
    )
    networks = {
        kind: tuple(
            _member(kind, number, scaler, part, plain, tensors)
            for number, scaler in enumerate(part["scalers"])
        )
        for kind, part in plain["networks"].items()
    }
    thresholds = {
        name: Threshold.from_dict(part) for name, part in plain["domain"].items() if name != "density"
    }
    of_latent = {name: tensor.numpy() for name, tensor in _below(tensors, "latent.").items()}
    latent = LatentSpace.from_arrays(of_latent) if of_latent else None
    if "label" in kept:
        labels = np.full((len(smiles), len(targets)), np.nan, np.float16)
        labels[stored_pairs(kept, *labels.shape)] = kept["label"]
    of_trees = {name: tensor.numpy() for name, tensor in _below(tensors, "trees.").items()}
    trees = GradientBoosting.from_arrays(of_trees, task=plain["task"]) if of_trees else None
    return EndpointModel(
        plain["endpoint"], plain["task"], inputs, networks, plain["weights"],
        {setting: Intervals.from_dict(part) for setting, part in plain["intervals"].items()},
        training_domain(inputs, thresholds, arrays, latent), labels, latent, trees,
    )  # fmt: skip


def _plain_scaler(scaler: LabelScaler) -> list[float | None]:
    """Mean, standard deviation and limit; JSON has no infinity, so no limit is null."""
    return [scaler.mean, scaler.sd, scaler.limit if np.isfinite(scaler.limit) else None]


def _member(
    kind: str, number: int, scaler: list[float | None], part: dict[str, Any], plain: dict[str, Any],
    tensors: dict[str, Tensor],
) -> FittedNetwork:  # fmt: skip
    sizes: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in part["sizes"].items()}
    network = AffinityNetwork(NetworkShape(**part["shape"]), InputSizes(**sizes), (plain["task"],))
    network.load_state_dict(_unpacked(_below(tensors, f"{kind}.{number}.")))
    network.eval()
    mean, sd, limit = scaler
    known = LabelScaler(mean or 0.0, sd or 1.0, -np.inf if limit is None else limit)
    return FittedNetwork(network, (plain["endpoint"],), (plain["task"],), (known,))


def _packed(name: str, weight: Tensor) -> dict[str, Tensor]:
    """A matrix in 8 bits with one scale per row, anything smaller in half precision."""
    if weight.ndim != 2 or weight.numel() < _MIN_PACKED:
        return {name: weight.half().contiguous()}
    scale = (weight.abs().amax(dim=1, keepdim=True) / 127).clamp(min=1e-8)
    return {name: torch.round(weight / scale).to(torch.int8), name + _SCALE: scale}


def _unpacked(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights by name, in single precision."""
    return {
        name: weight.float() * tensors[name + _SCALE] if name + _SCALE in tensors else weight.float()
        for name, weight in tensors.items()
        if not name.endswith(_SCALE)
    }


def _text_tensor(texts: Sequence[str]) -> Tensor:
    packed = zlib.compress("\n".join(texts).encode(), 9)
    return torch.from_numpy(np.frombuffer(packed, np.uint8).copy())


def _texts(tensor: Tensor) -> tuple[str, ...]:
    return tuple(zlib.decompress(tensor.numpy().tobytes()).decode().split("\n"))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
