"""An ensemble of small networks from features of a line to its responses to all compounds.

Each member reads principal components of every feature, drops some, and maps them to a vector of the line: a linear map
beside a hidden layer of ReLU units. The response to a compound is the product of that vector and the compound's, which
starts at the leading eigenvectors of the correlation of the training responses. Members differ in their starting weights
and dropout, and are trained side by side in one batched product, all lines in every step, for a fixed number of steps on a
one-cycle learning rate (Smith and Topin 2018, arXiv:1708.07120): no line is spent on early stopping.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn

from chem.errors import InputError
from models.profile_features import Features
from models.reproducible import reproducible

Array = NDArray[np.float64]
SIZE = {"mutation": 0.5, "burden": 0.5, "copy_number": 0.7, "amplification": 0.4, "known_copy_number": 0.4,
        "aneuploidy": 0.3, "covariates": 1.0, "expression": 1.5}  # fmt: skip
"""Root mean square length of each feature's scores: how much of the input it is."""
BESIDE_EXPRESSION = 0.6
"""Of which the others have this much where there is expression."""

MIN_STEPS = 10
"""Of the optimiser: its rate rises in a fifth of them."""


@dataclass(frozen=True)
class NetworkSettings:
    """Size and training of the ensemble.

    Attributes
    ----------
    n_members
        Networks.
    hidden, rank
        Units of the hidden layer; length of the vectors of lines and compounds.
    n_directions
        Principal components of a feature at most.
    n_steps
        Of the optimiser, each over all lines.
    learning_rate, weight_decay
        Of AdamW, the rate at its peak.
    input_dropout, hidden_dropout
        Shares set to 0 in training.
    """

    n_members: int = 10
    hidden: int = 256
    rank: int = 32
    n_directions: int = 200
    n_steps: int = 90
    learning_rate: float = 3e-3
    weight_decay: float = 1e-3
    input_dropout: float = 0.2
    hidden_dropout: float = 0.5

    def __post_init__(self) -> None:
        if self.n_steps < MIN_STEPS:
            raise InputError(
                f"{self.n_steps} steps are too few for a rate that rises and falls", field="n_steps",
                expected=f"{MIN_STEPS} or more",
            )  # fmt: skip


@dataclass(frozen=True)
class Projection:
    """Principal components of one feature.

    Attributes
    ----------
    mean
        (columns,) float32 of the training lines.
    directions
        (columns, n) float32, scaled so that the scores have the length of `SIZE`.
    """

    mean: NDArray[np.float32]
    directions: NDArray[np.float32]

    @classmethod
    def fit(cls, x: Array, size: float, n_directions: int) -> Projection:
        """Find the components of (lines, columns), at most `n_directions`, and no more than there are."""
        mean = x.mean(axis=0)
        _, values, axes = np.linalg.svd(x - mean, full_matrices=False)
        n = max(int((values[:n_directions] > 1e-6 * values[0]).sum()), 1)
        length = np.sqrt((values[:n] ** 2).sum() / len(x)) or 1.0
        return cls(mean.astype(np.float32), (axes[:n].T * (size / length)).astype(np.float32))

    def __call__(self, x: Float[Tensor, "lines columns"]) -> Float[Tensor, "lines n"]:
        """Scores in float32."""
        return (x - torch.from_numpy(self.mean)).float() @ torch.from_numpy(self.directions)


class ResponseEnsemble(nn.Module):
    """Networks side by side.

    Shapes
    ------
    scores (lines, n) -> (members, lines, compounds)

    Parameters
    ----------
    n_inputs
        Length n of the scores.
    compounds
        (rank, compounds) vectors that the compounds start from.
    settings
        Sizes and dropout.
    generator
        Draws the starting weights.
    """

    def __init__(
        self,
        n_inputs: int,
        compounds: Float[Tensor, "rank compounds"],
        settings: NetworkSettings,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        n, hidden, rank = settings.n_members, settings.hidden, len(compounds)
        self.settings = settings

        def drawn(*shape: int, sd: float) -> nn.Parameter:
            return nn.Parameter(sd * torch.randn(*shape, generator=generator))

        self.into = drawn(n, n_inputs, hidden, sd=1.0)
        self.straight = drawn(n, n_inputs, rank, sd=0.01)
        self.bias = nn.Parameter(2 * torch.rand(n, 1, hidden, generator=generator) - 1)
        self.out = drawn(n, hidden, rank, sd=0.1 / hidden**0.5)
        self.compounds = nn.Parameter(compounds.repeat(n, 1, 1))
        self.offset = nn.Parameter(torch.zeros(n, 1, compounds.shape[1]))

    def forward(
        self, scores: Float[Tensor, "lines n"], dropout: torch.Generator | None = None
    ) -> Float[Tensor, "members lines compounds"]:
        """Responses; with a generator of dropout as in training."""
        x = scores.expand(len(self.into), -1, -1)
        if dropout is not None:
            x = drop(x, self.settings.input_dropout, dropout)
        hidden = torch.relu(torch.baddbmm(self.bias, x, self.into))
        if dropout is not None:
            hidden = drop(hidden, self.settings.hidden_dropout, dropout)
        lines = torch.baddbmm(torch.bmm(x, self.straight), hidden, self.out)
        return torch.baddbmm(self.offset, lines, self.compounds)


def drop(x: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Set a share of the numbers to 0 and scale the others up, as chance from `generator` says.

    Examples
    --------
    >>> sorted(set(drop(torch.ones(100), 0.5, torch.Generator().manual_seed(0)).tolist()))
    [0.0, 2.0]
    """
    kept = torch.rand(x.shape, generator=generator) >= share
    return x * kept / (1 - share)


@dataclass(frozen=True)
class ResponseNetwork:
    """A trained ensemble.

    Attributes
    ----------
    projections
        By feature.
    ensemble
        The networks.
    """

    projections: dict[str, Projection]
    ensemble: ResponseEnsemble

    @classmethod
    def fit(
        cls, features: Features, response: Array, correlation: Array, settings: NetworkSettings, seed: int
    ) -> ResponseNetwork:
        """Train on the lines and compounds of a table.

        Parameters
        ----------
        features
            (lines, columns) by name.
        response
            (lines, compounds) of mean 0 and variance 1 per compound, NaN where nothing was measured.
        correlation
            (compounds, compounds) of the responses, where the compounds' vectors start.
        settings
            How.
        seed
            Of starting weights and dropout.
        """
        sizes = {name: SIZE[name] for name in SIZE if name in features}
        if "expression" in sizes:
            sizes = {k: size if k == "expression" else BESIDE_EXPRESSION * size for k, size in sizes.items()}
        projections = {
            name: Projection.fit(features[name].numpy(), size, settings.n_directions)
            for name, size in sizes.items()
        }
        generator = torch.Generator().manual_seed(seed)
        scores = _scores(projections, features)
        ensemble = ResponseEnsemble(scores.shape[1], _start(correlation, settings.rank), settings, generator)
        with reproducible(torch.device("cpu")):
            _train(ensemble, scores, response, generator)
        return cls(projections, ensemble.requires_grad_(False).eval())

    def predict(self, features: Features) -> Float[Tensor, "lines compounds"]:
        """Mean of the members, float64."""
        return self.ensemble(_scores(self.projections, features)).mean(dim=0).double()

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays to keep on disk."""
        arrays = {f"weight.{name}": w.numpy() for name, w in self.ensemble.state_dict().items()}
        for name, projection in self.projections.items():
            arrays |= {f"mean.{name}": projection.mean, f"directions.{name}": projection.directions}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]], settings: NetworkSettings) -> ResponseNetwork:
        """Read what `to_arrays` wrote."""
        names = [k.removeprefix("mean.") for k in arrays if k.startswith("mean.")]
        projections = {
            k: Projection(arrays[f"mean.{k}"], arrays[f"directions.{k}"]) for k in SIZE if k in names
        }
        start = torch.from_numpy(arrays["weight.compounds"][0])
        ensemble = ResponseEnsemble(arrays["weight.into"].shape[1], start, settings)
        weights = {k: torch.from_numpy(a) for k, a in arrays.items()}
        ensemble.load_state_dict({k: weights[f"weight.{k}"] for k in ensemble.state_dict()})
        return cls(projections, ensemble.requires_grad_(False).eval())


def _scores(projections: dict[str, Projection], features: Features) -> Float[Tensor, "lines n"]:
    return torch.cat([projection(features[name]) for name, projection in projections.items()], dim=1)


def _start(correlation: Array, rank: int) -> Float[Tensor, "rank compounds"]:
    """Leading eigenvectors of the correlation, as long as their share of its variance."""
    values, vectors = np.linalg.eigh(correlation)
    scaled = vectors * np.sqrt(np.maximum(values, 0) / len(values))
    return torch.from_numpy(np.ascontiguousarray(scaled[:, ::-1].T[:rank], np.float32))


def _train(ensemble: ResponseEnsemble, scores: Tensor, response: Array, dropout: torch.Generator) -> None:
    settings = ensemble.settings
    measured = torch.from_numpy(~np.isnan(response)).float()
    target = torch.from_numpy(np.nan_to_num(response).astype(np.float32))
    groups: list[dict[str, Any]] = [
        {"params": [ensemble.into, ensemble.straight, ensemble.out]},
        {"params": [ensemble.compounds, ensemble.bias, ensemble.offset], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.learning_rate, total_steps=settings.n_steps, pct_start=0.2
    )
    for _ in range(settings.n_steps):
        # Summed over members, so that each is trained as if alone.
        loss = ((ensemble(scores, dropout) - target) ** 2 * measured).sum() / measured.sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
