"""Contributions of single columns of a profile to its predictions, by integrated gradients.

References
----------
Sundararajan, M. et al. (2017) Axiomatic attribution for deep networks, ICML 34.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from chem.errors import InputError
from models.profile_features import Features, FilledBlocks

Predictor = Callable[[FilledBlocks], Float[Tensor, "lines compounds"]]


def integrated_gradients(
    predict: Predictor,
    blocks: FilledBlocks,
    baseline: Features,
    compounds: Int[Tensor, " n"],
    n_steps: int = 8,
) -> dict[str, NDArray[np.float32]]:
    """Integrate the gradient of predictions from a baseline to each line, in Gauss-Legendre points.

    Parameters
    ----------
    predict
        From filled blocks to (lines, compounds), differentiable, each line on its own.
    blocks
        Of the lines to explain.
    baseline
        (1, columns) by block.
    compounds
        Numbers of those to explain.
    n_steps
        Points.

    Returns
    -------
    dict
        (lines, n, columns) by block; for each line and compound they sum to the difference of the predictions.

    Examples
    --------
    >>> x = {"mutation": torch.tensor([[1.0, 2.0]], dtype=torch.float64)}
    >>> blocks = FilledBlocks(x, {"mutation": torch.ones(1, 2)})
    >>> square = lambda blocks: (blocks.values["mutation"] ** 2).sum(dim=1, keepdim=True)
    >>> start = {"mutation": torch.zeros(1, 2, dtype=torch.float64)}
    >>> integrated_gradients(square, blocks, start, torch.tensor([0]))["mutation"].round(4).tolist()
    [[[1.0, 4.0]]]
    """
    n_lines = len(next(iter(blocks.values.values())))
    n = len(compounds)
    lines = [
        paired_gradients(predict, blocks.take(torch.full((n,), line)), baseline, compounds, n_steps)
        for line in range(n_lines)
    ]
    return {name: np.stack([line[name] for line in lines]) for name in blocks.values}


def paired_gradients(
    predict: Predictor,
    blocks: FilledBlocks,
    baseline: Features,
    compounds: Int[Tensor, " pairs"],
    n_steps: int = 8,
) -> dict[str, NDArray[np.float32]]:
    """Integrate as `integrated_gradients` does, for pairs of a line and a compound.

    Parameters
    ----------
    predict, baseline, n_steps
        As there.
    blocks
        Of the line of each pair.
    compounds
        (pairs,) number of the compound of each.

    Returns
    -------
    dict
        (pairs, columns) by block.
    """
    way = {k: x - baseline[k] for k, x in blocks.values.items()}
    total = {k: torch.zeros_like(x) for k, x in way.items()}
    points, weights = np.polynomial.legendre.leggauss(n_steps)
    for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
        at = {k: (baseline[k] + float(point) * x).requires_grad_() for k, x in way.items()}
        predicted = predict(FilledBlocks(at, blocks.present))[torch.arange(len(compounds)), compounds].sum()
        slopes = torch.autograd.grad(predicted, list(at.values()), allow_unused=True)
        for name, slope in zip(at, slopes, strict=True):
            if slope is not None:
                total[name] += float(weight) * slope
    return {k: (total[k] * x).numpy().astype(np.float32) for k, x in way.items()}


def strongest_markers(
    contributions: Mapping[str, NDArray[np.floating]],
    names: Mapping[str, Sequence[str]],
    profile: Mapping[str, NDArray[np.floating]],
    top: int | None = None,
) -> pd.DataFrame:
    """Name the markers that contribute to each of some predictions, the strongest first.

    Parameters
    ----------
    contributions
        (pairs, columns) by block.
    names
        (columns,) by block: genes, or levels of a covariate.
    profile
        (pairs, columns) by block: the values of each pair's line, NaN where missing.
    top
        Markers of each pair; all unless given.

    Returns
    -------
    pd.DataFrame
        pair (from 0), block, marker, value, contribution.

    Raises
    ------
    InputError
        A block has no names, or another number of them.

    Examples
    --------
    >>> table = strongest_markers({"mutation": np.array([[0.1, -2], [3, 0]])}, {"mutation": ("TP53", "BRAF")},
    ...                           {"mutation": np.array([[0, 1], [1, 0]])}, top=1)
    >>> table["pair"].tolist(), table["marker"].tolist()
    ([0, 1], ['BRAF', 'TP53'])
    """
    for block, numbers in contributions.items():
        n = numbers.shape[1]
        if len(names.get(block, ())) != n:
            raise InputError(
                f"{len(names.get(block, ()))} names", field=block, expected=f"one for each of {n}"
            )
    every = np.concatenate(list(contributions.values()), axis=1)
    values = np.concatenate([profile[block] for block in contributions], axis=1)
    blocks = np.repeat(np.array(list(contributions), object), [x.shape[1] for x in contributions.values()])
    markers = np.array([name for block in contributions for name in names[block]], object)
    order = np.argsort(-np.abs(every), axis=1, kind="stable")[:, :top]
    column, pair = order.ravel(), np.repeat(np.arange(len(every)), order.shape[1])
    return pd.DataFrame(
        {"pair": pair, "block": blocks[column], "marker": markers[column], "value": values[pair, column],
         "contribution": every[pair, column]}
    )  # fmt: skip


def marker_table(
    contributions: Mapping[str, NDArray[np.floating]],
    names: Mapping[str, Sequence[str]],
    profile: Mapping[str, NDArray[np.floating]],
) -> pd.DataFrame:
    """Name the markers that contribute to one prediction, the strongest first.

    Parameters
    ----------
    contributions
        (columns,) by block, of one line and compound.
    names
        (columns,) by block: genes, or levels of a covariate.
    profile
        (columns,) by block: the line's values, NaN where missing.

    Returns
    -------
    pd.DataFrame
        block, marker, value, contribution.

    Raises
    ------
    InputError
        A block has no names, or another number of them.

    Examples
    --------
    >>> marker_table({"mutation": np.array([0.1, -2.0])}, {"mutation": ("TP53", "BRAF")},
    ...              {"mutation": np.array([0.0, 1.0])})["marker"].tolist()
    ['BRAF', 'TP53']
    """
    one = {block: np.asarray(numbers)[None] for block, numbers in contributions.items()}
    values = {block: np.asarray(numbers)[None] for block, numbers in profile.items()}
    return strongest_markers(one, names, values).drop(columns="pair")
