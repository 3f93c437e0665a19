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
    lines = [_of_line(predict, blocks, baseline, compounds, n_steps, line) for line in range(n_lines)]
    return {name: np.stack([line[name] for line in lines]) for name in blocks.values}


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
    for block, numbers in contributions.items():
        if len(names.get(block, ())) != len(numbers):
            raise InputError(
                f"{len(names.get(block, ()))} names", field=block, expected=f"one for each of {len(numbers)}"
            )
    rows = [
        pd.DataFrame(
            {"block": block, "marker": list(names[block]), "value": profile[block], "contribution": numbers}
        )
        for block, numbers in contributions.items()
    ]
    table = pd.concat(rows, ignore_index=True)
    order = np.argsort(-table["contribution"].abs().to_numpy(), kind="stable")
    return table.iloc[order].reset_index(drop=True)


def _of_line(
    predict: Predictor,
    blocks: FilledBlocks,
    baseline: Features,
    compounds: Int[Tensor, " n"],
    n_steps: int,
    line: int,
) -> dict[str, NDArray[np.float32]]:
    """Contributions to one line, (n, columns) by block: the line is repeated, a copy for each compound."""
    n = len(compounds)
    present = {k: x[line].expand(n, -1) for k, x in blocks.present.items()}
    way = {k: x[line] - baseline[k][0] for k, x in blocks.values.items()}
    total = {k: torch.zeros(n, len(x), dtype=torch.float64) for k, x in way.items()}
    points, weights = np.polynomial.legendre.leggauss(n_steps)
    for point, weight in zip((points + 1) / 2, weights / 2, strict=True):
        at = {
            k: (baseline[k][0] + float(point) * x).expand(n, -1).clone().requires_grad_()
            for k, x in way.items()
        }
        predicted = predict(FilledBlocks(at, present))[torch.arange(n), compounds].sum()
        slopes = torch.autograd.grad(predicted, list(at.values()), allow_unused=True)
        for name, slope in zip(at, slopes, strict=True):
            if slope is not None:
                total[name] += float(weight) * slope
    return {k: (total[k] * x).numpy().astype(np.float32) for k, x in way.items()}
