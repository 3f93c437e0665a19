"""The versions of the graph schema, and the way from a newer one back to an older one."""

from __future__ import annotations

from typing import Any

import numpy as np

from chem.errors import InputError
from chem.graph_schema import GRAPH_SCHEMA, GRAPH_SCHEMA_V1, codes_of_version_1

_SCHEMAS: dict[int, dict[str, Any]] = {1: GRAPH_SCHEMA_V1, GRAPH_SCHEMA["version"]: GRAPH_SCHEMA}
SCHEMA_VERSION: int = GRAPH_SCHEMA["version"]
"""The schema of graphs that are encoded today."""


def schema_of_version(version: int) -> dict[str, Any]:
    """Look up the graph schema of a version.

    Parameters
    ----------
    version
        1 or a later one.

    Returns
    -------
    dict
        As `chem.graph_schema.GRAPH_SCHEMA`.

    Raises
    ------
    InputError
        No such version.

    Examples
    --------
    >>> schema_of_version(1)["node_fields"][-1]
    'cip'
    """
    if version not in _SCHEMAS:
        raise InputError(
            f"there is no graph schema {version}",
            field="schema_version",
            expected=f"one of {', '.join(map(str, sorted(_SCHEMAS)))}",
            hint="use the version of varimol that wrote it",
        )
    return _SCHEMAS[version]


def refuse_newer(version: int, own: int) -> None:
    """Raise unless graphs of schema `own` can be translated into schema `version`.

    Raises
    ------
    InputError
        There is no such version, or these graphs are older than it.
    """
    schema_of_version(version)
    if version > own:
        raise InputError(
            f"graphs of schema {own} do not hold what schema {version} asks for",
            field="schema_version",
            expected=f"schema {own} or older",
            hint="encode the molecules again",
        )


def older_codes(codes: np.ndarray, fields: str) -> np.ndarray:
    """Codes of version 1 for today's codes.

    Parameters
    ----------
    codes
        (n, n_fields) codes of today's schema.
    fields
        "node" or "edge".

    Returns
    -------
    numpy.ndarray
        int16 (n, fields of version 1).

    Examples
    --------
    >>> older_codes(np.array([[1, 1, 1, 5]]), "edge").tolist()
    [[1, 1, 1, 1]]
    """
    tables = codes_of_version_1(fields).values()
    return np.stack([table[codes[:, column]] for column, table in enumerate(tables)], axis=1)
