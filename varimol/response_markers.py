"""Which markers go with response: behind single predictions, and over all training lines; tables by name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from varimol.results import TOP, write_named_parts, write_named_table

if TYPE_CHECKING:
    from models.response_data import ResponseData
    from models.trained_response import TrainedResponse

PathName = str | os.PathLike[str]
Asked = tuple[
    Mapping[str, NDArray[np.float32]], NDArray[np.int64], Sequence[str], Sequence[str], NDArray[np.int64]
]
"""What `models.trained_response.TrainedResponse.predict` takes: profiles, line, names, smiles, compound."""
COLUMNS = ("block", "marker", "value", "contribution")


def write_attributions(
    trained: TrainedResponse,
    asked: Asked,
    keys: pd.DataFrame,
    abstain: NDArray[np.bool_],
    out: PathName,
    top: int | None = TOP,
) -> None:
    """Write the markers that moved each prediction on which the network does not abstain.

    Parameters
    ----------
    trained
        The network.
    asked
        Pairs as it predicted them.
    keys
        A row per pair, the names of its line and compound.
    abstain
        (pairs,) rows without attributions.
    out
        Table to write, TSV by its name.
    top
        Markers of each pair, None for all.
    """
    write_named_parts(_parts(trained, asked, keys, np.flatnonzero(~abstain), top), out)


def _parts(
    trained: TrainedResponse, asked: Asked, keys: pd.DataFrame, rows: NDArray[np.int64], top: int | None
) -> Iterator[pd.DataFrame]:
    profiles, line, names, smiles, compound = asked
    yield keys[:0].reindex(columns=[*keys.columns, *COLUMNS])
    for found in trained.attributions(profiles, line[rows], names, smiles, compound[rows], top=top):
        of_rows = keys.iloc[rows[found.pop("pair").to_numpy()]].reset_index(drop=True)
        yield pd.concat([of_rows, found.reset_index(drop=True)], axis=1)


def write_anova(data: ResponseData, measured: Mapping[str, NDArray[np.float32]], out: PathName) -> None:
    """Write the analysis of variance of every marker with every compound over all training lines.

    Parameters
    ----------
    data
        What a network is trained on; its first covariate is that of the analysis.
    measured
        Blocks of profiles of the same lines, before any diffusion.
    out
        Table to write, TSV by its name.
    """
    from models.response_anova import response_anova

    profiles = {name: measured[name] for name in data.profiles if name in measured}
    write_named_table(response_anova(data.table, profiles, data.genes, data.tissue), out)
