"""Former symbols of genes that ship with varimol, for `genomics`, which takes them as an argument."""

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
def gene_aliases() -> Mapping[str, str]:
    """Present symbol of each former one of a protein-coding gene (HGNC, July 2024).

    Returns
    -------
    mapping
        It cannot be changed.

    Examples
    --------
    >>> aliases = gene_aliases()
    >>> aliases["MLL2"], aliases["SEPT9"], "TP53" in aliases
    ('KMT2D', 'SEPTIN9', False)
    """
    with as_file(data_file("gene_aliases.parquet")) as path:
        table = pd.read_parquet(path, columns=["former", "symbol"])
    return MappingProxyType(dict(zip(table["former"].tolist(), table["symbol"].tolist(), strict=True)))
