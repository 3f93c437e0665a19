"""Genes of signalling pathways that ship with varimol, for `genomics`, which takes them as an argument."""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file
from types import MappingProxyType
from typing import TYPE_CHECKING

import pandas as pd

from varimol.tables import data_file

if TYPE_CHECKING:
    from collections.abc import Mapping


@cache
def pathways() -> Mapping[str, tuple[str, ...]]:
    """Genes of ten signalling pathways that are often altered in cancer (Sanchez-Vega et al. 2018).

    Returns
    -------
    mapping
        Symbols as the source has them, by pathway; it cannot be changed.

    Examples
    --------
    >>> pathways()["NRF2"]
    ('CUL3', 'KEAP1', 'NFE2L2')
    """
    with as_file(data_file("pathways.tsv")) as path:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    return MappingProxyType(
        {str(name): tuple(part["gene"]) for name, part in table.groupby("pathway", sort=True)}
    )
