"""Networks by name: those that ship with the package, or a folder that `varimol train` wrote."""

from __future__ import annotations

import os
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from chem.errors import InputError
from models.affinity import AffinityModel
from models.checkpoint import load_affinity

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
    folder = network_folder(name)
    return _load(folder, (folder / "card.json").stat().st_mtime_ns)
