"""Networks by name: those that ship with the package, or a folder that `varimol train` wrote."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from chem.errors import InputError
from models.affinity import AffinityModel
from models.checkpoint import load_affinity

if TYPE_CHECKING:
    from models.trained_response import TrainedResponse

DEFAULT_NETWORK = "kinase-affinity"
"""The shipped network that `varimol link` and `varimol screen` use."""


def _shipped() -> Path:
    return Path(str(files("varimol"))) / "data" / "networks"


def shipped_networks() -> list[str]:
    """Names of the networks in the package.

    Examples
    --------
    >>> DEFAULT_NETWORK in shipped_networks()
    True
    """
    return sorted(card.parent.name for card in _shipped().glob("*/card.json"))


def network_folder(name: str | os.PathLike[str]) -> Path:
    """Folder of a shipped network or of a run.

    Parameters
    ----------
    name
        A folder with card.json, or the name of a shipped network.

    Raises
    ------
    InputError
        It is neither.
    """
    if (Path(name) / "card.json").exists():
        return Path(name)
    if str(name) in shipped_networks():
        return _shipped() / str(name)
    if Path(name).is_dir():
        raise InputError(
            "the folder has no card.json", file=name,
            expected="a run's folder, with card.json and model.safetensors",
            hint="copy the whole folder of the run, or train again",
        )  # fmt: skip
    raise InputError(
        f"no network {str(name)!r}",
        expected=f"a folder with card.json or one of {', '.join(shipped_networks())}",
        hint="train one with `varimol train affinity`, or name a shipped one",
    )


AFFINITY = "affinity"
"""Kind of a network whose card names none."""


def network_kind(name: str | os.PathLike[str]) -> str:
    """Whether a network predicts ``affinity``, ``response`` or ``property``, as its card says.

    Examples
    --------
    >>> network_kind(DEFAULT_NETWORK)
    'affinity'
    """
    path = network_folder(name) / "card.json"
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(
            "the card cannot be read",
            file=path,
            expected="JSON",
            hint="copy the folder again, or train again",
        ) from error
    return str(card.get("kind", AFFINITY)) if isinstance(card, dict) else AFFINITY


def require_kind(name: str | os.PathLike[str], kind: str) -> Path:
    """Folder of a network of the kind that is asked for.

    Raises
    ------
    InputError
        It is of another kind.
    """
    found = network_kind(name)
    if found != kind:
        raise InputError(
            f"the network {str(name)!r} predicts {found}", file=network_folder(name) / "card.json",
            expected=f"one that predicts {kind}", hint="name another network",
        )  # fmt: skip
    return network_folder(name)


def load_response_network(name: str | os.PathLike[str]) -> TrainedResponse:
    """Open a response network, a run of `varimol train response`.

    Parameters
    ----------
    name
        Its folder.

    Raises
    ------
    InputError
        There is none, or it is damaged.
    """
    from models.response_checkpoint import load_response

    return load_response(require_kind(name, "response"))


@lru_cache(maxsize=4)
def _load(folder: Path, modified_ns: int) -> AffinityModel:
    return load_affinity(folder)


def load_network(name: str | os.PathLike[str] = DEFAULT_NETWORK) -> AffinityModel:
    """Open a network; asking twice for the same one reads it once.

    Parameters
    ----------
    name
        A folder with card.json, or the name of a shipped network.

    Returns
    -------
    AffinityModel
        Ready to predict.
    """
    folder = require_kind(name, AFFINITY)
    return _load(folder, (folder / "card.json").stat().st_mtime_ns)
