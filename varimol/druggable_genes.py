"""How many drugs each gene is known with, for `models.response`, which takes it as an argument."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from varimol.gene_aliases import gene_aliases


@cache
def _counts() -> dict[str, int]:
    from importlib.resources import as_file

    from varimol.tables import data_file

    with as_file(data_file("druggable_genes.tsv")) as path:
        table = pd.read_csv(path, sep="\t", keep_default_na=False)
    present = table["gene"].map(lambda gene: gene_aliases().get(gene, gene))
    return {str(gene): int(n) for gene, n in table.groupby(present)["n_drugs"].max().items()}


def gene_weight(genes: Sequence[str]) -> NDArray[np.float32]:
    """Log1p of the number of drugs that each gene is known with (DGIdb, 2014), 0 for one without.

    Parameters
    ----------
    genes
        Symbols, former ones too.

    Returns
    -------
    ndarray
        float32 (genes,).

    Examples
    --------
    >>> weight = gene_weight(["EGFR", "no gene"])
    >>> bool(weight[0] > 4), float(weight[1])
    (True, 0.0)
    """
    counts, aliases = _counts(), gene_aliases()
    return np.log1p([counts.get(aliases.get(gene, gene), 0) for gene in genes]).astype(np.float32)
