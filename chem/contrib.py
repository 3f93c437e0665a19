"""The folder of contributed methods that comes with RDKit."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from rdkit import RDConfig

from chem.errors import InputError


def contrib_file(relative: str) -> Path:
    """Find a file of RDKit's Contrib folder.

    Parameters
    ----------
    relative
        Path inside the folder.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        This RDKit came without it.

    Examples
    --------
    >>> contrib_file("SA_Score/sascorer.py").name
    'sascorer.py'
    """
    path = Path(RDConfig.RDContribDir) / relative
    if not path.is_file():
        raise InputError(
            "is not part of this RDKit",
            file=path,
            hint="install the wheel or the conda package rdkit, which have Contrib",
        )
    return path


@lru_cache(maxsize=8)
def contrib_module(relative: str) -> ModuleType:
    """Load one of RDKit's contributed modules, which are not on Python's path.

    Parameters
    ----------
    relative
        Path inside the folder, ending in .py.

    Returns
    -------
    module
        The module.

    Raises
    ------
    InputError
        This RDKit came without it.

    Examples
    --------
    >>> contrib_module("SA_Score/sascorer.py").calculateScore.__name__
    'calculateScore'
    """
    path = contrib_file(relative)
    spec = importlib.util.spec_from_file_location(f"rdkit_contrib_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise InputError("cannot be imported", file=path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
