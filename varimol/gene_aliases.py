"""Former symbols of genes that ship with varimol, for `genomics`, which takes them as an argument."""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file
from types import MappingProxyType
from typing import TYPE_CHECKING

import pandas as pd

from genomics.gene_names import shown
from varimol.tables import BUILDS, data_file, genes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


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


@cache
def gene_symbols() -> frozenset[str]:
    """Present symbols of the protein-coding genes that varimol knows, by place or by a former symbol.

    Examples
    --------
    >>> "KMT2D" in gene_symbols(), "MLL2" in gene_symbols()
    (True, False)
    """
    aliases = gene_aliases()
    placed = {aliases.get(name, name) for build in BUILDS for name in genes(build)["symbol"]}
    return frozenset(placed | set(aliases.values()))


def unknown_genes(genes: Mapping[str, Sequence[str]]) -> list[str]:
    """Say which columns of blocks go by no symbol of a gene: only profiles that name them so can be read with them.

    Parameters
    ----------
    genes
        Names of the columns of each block.

    Examples
    --------
    >>> unknown_genes({"mutation": ["KMT2D", "HER2"], "copy_number": ["TP53"]})
    ['mutation: 1 of 2 columns are no known symbol of a gene and are kept as named (HER2)']
    """
    unknown = {name: set(columns) - gene_symbols() for name, columns in genes.items()}
    return [
        f"{name}: {len(some)} of {len(genes[name])} columns are no known symbol of a gene and are kept as named ({shown(some)})"
        for name, some in unknown.items()
        if some
    ]
