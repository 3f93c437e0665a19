"""A trained response model: predictions with intervals, and a reason wherever it does not speak."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from models.profile_features import FilledBlocks, Profiles
from models.response import ResponseModel
from models.response_attribution import paired_gradients, strongest_markers
from models.response_data import ResponseData, compound_counts
from models.response_domain import MIN_KNOWN, ResponseDomain, compound_similarity
from models.response_intervals import ResponseIntervals
from models.response_settings import ResponseSettings

Array = NDArray[np.float64]
_AT_ONCE = 256
N_DRAWS = 32
"""Training lines whose values stand in for those that a line lacks."""
_PAIRS_AT_ONCE = 128
"""Of which contributions of all columns are in memory."""


@dataclass(frozen=True)
class TrainedResponse:
    """A response model with all that its predictions need.

    Attributes
    ----------
    model
        The fitted model.
    compound_ids, smiles
        Training compounds, and their standardised SMILES (empty for none).
    genes
        Names of the columns of each block.
    unit
        Of the labels.
    intervals, domain
        From held-out lines and compounds.
    card
        What a person should know of it. No names of training lines are kept.
    """

    model: ResponseModel
    compound_ids: tuple[str, ...]
    smiles: tuple[str, ...]
    genes: Mapping[str, tuple[str, ...]]
    unit: str
    intervals: ResponseIntervals
    domain: ResponseDomain
    card: dict[str, Any]

    @classmethod
    def of(
        cls, data: ResponseData, arrays: Mapping[str, NDArray[Any]], settings: ResponseSettings,
        intervals: ResponseIntervals, domain: ResponseDomain, card: dict[str, Any],
    ) -> TrainedResponse:  # fmt: skip
        """Put together what was fitted to all of some data."""
        facts = {
            "kind": "response",
            "unit": data.table.unit,
            "n_lines": len(data.table.line_ids),
            "n_compounds": len(data.table.compound_ids),
            "n_values": data.table.n_values,
        }
        return cls(
            ResponseModel.from_arrays(dict(arrays), settings), data.table.compound_ids,
            data.smiles or ("",) * len(data.table.compound_ids), dict(data.genes), data.table.unit, intervals, domain,
            {**facts, **card},
        )  # fmt: skip

    @cached_property
    def place(self) -> dict[str, int]:
        """Number of each training compound by its SMILES; of several with one structure the first."""
        return {text: number for number, text in reversed(list(enumerate(self.smiles))) if text}

    @cached_property
    def level_columns(self) -> dict[str, list[int]]:
        """Columns of each covariate in the block ``covariates``."""
        columns: dict[str, list[int]] = {}
        for number, name in enumerate(self.genes.get("covariates", ())):
            columns.setdefault(name.partition("=")[0], []).append(number)
        return columns

    def find_compounds(self, names: Sequence[str], smiles: Sequence[str]) -> NDArray[np.int64]:
        """Find training compounds: by structure, and by name where there is no structure to go by.

        Parameters
        ----------
        names
            (n,) names.
        smiles
            (n,) standardised SMILES, empty for none.

        Returns
        -------
        ndarray
            (n,) number of the training compound, -1 for a new one.
        """
        by_name = {name: number for number, name in enumerate(self.compound_ids)}
        found = np.full(len(names), -1, np.int64)
        for row, (name, text) in enumerate(zip(names, smiles, strict=True)):
            named = by_name.get(name, -1)
            if text and named >= 0 and self.smiles[named] == text:
                found[row] = named  # of several compounds with this structure the one that is meant
            elif text:
                unknown = named if named >= 0 and not self.smiles[named] else -1
                found[row] = self.place.get(text, unknown)
            else:
                found[row] = named
        return found

    def predict(
        self,
        profiles: Profiles,
        line: NDArray[np.int64],
        names: Sequence[str],
        smiles: Sequence[str],
        compound: NDArray[np.int64],
        *,
        level: float = 0.9,
    ) -> pd.DataFrame:
        """Predict pairs of lines and compounds.

        Parameters
        ----------
        profiles
            (lines, columns) by block, columns as `genes` names them; NaN is missing.
        line
            (k,) line of each pair; -1 for one without a profile.
        names, smiles
            (n,) compounds, their standardised SMILES empty where there is none.
        compound
            (k,) compound of each pair.
        level
            Coverage of the interval. Where a line lacks values, it is wider by how far predictions differ over values
            of training lines in their place, as a normal error beside that of complete lines.

        Returns
        -------
        pd.DataFrame
            k rows of prediction, lower, upper, sd (NaN where nothing can be said), in_domain, abstain, reason.
        """
        known = self.find_compounds(names, smiles)
        scores = self.scores(profiles, known, smiles)
        prediction = np.where(line >= 0, scores[np.maximum(line, 0), compound], np.nan)
        unseen = self._unseen_level(profiles)
        half, sd = self._spread(known, unseen, level)
        missing = self._missing_sd(profiles, known, smiles, scores)
        half = np.hypot(half, NormalDist().inv_cdf((1 + level) / 2) * missing)
        sd = np.hypot(sd, missing)
        table = pd.DataFrame({"prediction": prediction})
        width = np.where(line >= 0, half[np.maximum(line, 0), compound], np.nan)
        table["lower"], table["upper"] = prediction - width, prediction + width
        table["sd"] = np.where(np.isfinite(prediction), sd[np.maximum(line, 0), compound], np.nan)
        of_line, of_compound = self._line_reasons(profiles), self._compound_reasons(known, names, smiles)
        reasons = np.array(
            [
                _join(of_line[row] if row >= 0 else "the line has no profile", of_compound[column])
                for row, column in zip(line, compound, strict=True)
            ],
            object,
        )
        table["in_domain"] = reasons == ""
        unbounded = np.isinf(width)
        reasons[unbounded] = [_join(text, _UNJUDGED) for text in reasons[unbounded]]
        table["abstain"], table["reason"] = reasons != "", reasons
        return table

    def attributions(
        self,
        profiles: Profiles,
        line: NDArray[np.int64],
        names: Sequence[str],
        smiles: Sequence[str],
        compound: NDArray[np.int64],
        *,
        top: int | None = None,
    ) -> Iterator[pd.DataFrame]:
        """Name the markers that moved predictions, some pairs at a time.

        Integrated gradients of the whole prediction, the mean of the line among it: over all markers they sum
        to the prediction less that of the mean training profile, but for the error of the integral.

        Parameters
        ----------
        profiles, line, names, smiles, compound
            As `predict` takes them; every pair has a line, and a compound that it scores.
        top
            Markers of each pair; all unless given. One that adds exactly nothing, as a missing one, is left
            out.

        Yields
        ------
        pd.DataFrame
            pair (from 0), block, marker, value, contribution (unit of the labels); by pair, then the strongest
            first.
        """
        shares = torch.from_numpy(self._shares(names, smiles))
        baseline = self.model.filler.baseline(1)

        def predict(blocks: FilledBlocks) -> Float[Tensor, "pairs compounds"]:
            moved = self.model.moved(blocks)
            return (
                moved["profile_mean"][:, :1]
                + (moved["network"] + moved["kernel"] + moved["markers"]) @ shares
            )

        for start in range(0, len(line), _PAIRS_AT_ONCE):
            pairs = slice(start, start + _PAIRS_AT_ONCE)
            some = {name: block[line[pairs]] for name, block in profiles.items()}
            blocks = self.model.filler(some)
            found = paired_gradients(predict, blocks, baseline, torch.from_numpy(compound[pairs]))
            values = {name: x.numpy() for name, x in blocks.values.items()}
            table = strongest_markers(found, self.genes, values, top)
            table["pair"] += start
            yield table[table["contribution"] != 0]

    def _shares(self, names: Sequence[str], smiles: Sequence[str]) -> Array:
        """(training compounds, n) what the interaction with each compound is the weighted sum of."""
        known = self.find_compounds(names, smiles)
        own = np.eye(len(self.compound_ids))
        shares = own[:, np.maximum(known, 0)] * (known >= 0)
        new = [n for n, text in enumerate(smiles) if known[n] < 0 and text]
        if new and self.model.compounds is not None:
            counts = compound_counts([smiles[number] for number in new])
            shares[:, new] = self.model.compounds.interaction(counts, own)
        return shares

    def scores(self, profiles: Profiles, known: NDArray[np.int64], smiles: Sequence[str]) -> Array:
        """(lines, n) predictions for the training compounds that `known` numbers, by structure for those with -1.

        NaN for a new compound without a structure, or where the model knows no structures.
        """
        n_lines = len(next(iter(profiles.values())))
        scores = np.full((n_lines, len(known)), np.nan)
        new = [n for n, text in enumerate(smiles) if known[n] < 0 and text]
        counts = compound_counts([smiles[number] for number in new]) if new else None
        for start in range(0, n_lines, _AT_ONCE):
            rows = slice(start, start + _AT_ONCE)
            some = {name: block[rows] for name, block in profiles.items()}
            old = known >= 0
            if old.any():
                scores[rows, old] = self.model.predict(some)[:, known[old]]
            if counts is not None and self.model.compounds is not None:
                scores[rows, new] = self.model.predict_new_compounds(some, counts)
        return scores

    def _spread(
        self, known: NDArray[np.int64], unseen: NDArray[np.bool_], level: float
    ) -> tuple[Array, Array]:
        """(lines, n) half widths of the intervals, and root mean square errors."""
        shape = (len(unseen), len(known))
        half, sd = np.full(shape, np.inf), np.full(shape, np.nan)
        old, column = np.flatnonzero(known >= 0), known[known >= 0]
        for errors, lines in ((self.intervals.line, ~unseen), (self.intervals.tissue, unseen)):
            if errors is not None:
                half[np.ix_(lines, old)] = errors.bound(level)[column]
                sd[np.ix_(lines, old)] = errors.sd[column]
        if self.intervals.compound is not None:
            half[:, known < 0] = self.intervals.compound.bound(level)
            sd[:, known < 0] = self.intervals.compound.sd
        return half, sd

    def _missing_sd(
        self, profiles: Profiles, known: NDArray[np.int64], smiles: Sequence[str], scores: Array
    ) -> Array:
        """(lines, n) standard deviation of predictions over draws of what a line lacks; 0 where it lacks nothing.

        Draws are whole training lines, the same for every line, so that no prediction depends on the others.
        """
        n_lines, training = len(scores), self.model.training
        blocks = {
            name: np.asarray(profiles.get(name, np.full((n_lines, block.shape[1]), np.nan)), np.float32)
            for name, block in training.items()
        }
        rows = np.flatnonzero(np.any([np.isnan(block).any(axis=1) for block in blocks.values()], axis=0))
        missing = np.zeros(scores.shape)
        if not len(rows):
            return missing
        total, squares = np.zeros((2, len(rows), len(known)))
        donors = np.random.default_rng(0).permutation(len(self.model.mean_weights))[:N_DRAWS]
        for donor in donors:
            drawn = {
                name: np.where(np.isnan(block[rows]), training[name][donor], block[rows])
                for name, block in blocks.items()
            }
            moved = self.scores(drawn, known, smiles) - scores[rows]
            total, squares = total + moved, squares + moved**2
        variance = (squares - total**2 / len(donors)) / max(len(donors) - 1, 1)
        missing[rows] = np.sqrt(np.maximum(variance, 0))
        return missing

    def _unseen_level(self, profiles: Profiles) -> NDArray[np.bool_]:
        """(lines,) whether a covariate has a level that was not trained on."""
        n_lines = len(next(iter(profiles.values())))
        block = profiles.get("covariates")
        if block is None or not self.level_columns:
            return np.zeros(n_lines, bool)
        none = [(block[:, columns] == 0).all(axis=1) for columns in self.level_columns.values()]
        return np.asarray(np.stack(none).any(axis=0))

    def _line_reasons(self, profiles: Profiles) -> list[str]:
        n_lines = len(next(iter(profiles.values())))
        reasons = [""] * n_lines
        for name, columns in self.genes.items():
            if name == "covariates":
                continue
            there = np.zeros(n_lines, np.int64)
            if name in profiles:
                there = (~np.isnan(profiles[name])).sum(axis=1)
            for row in np.flatnonzero(there < MIN_KNOWN * len(columns)):
                said = f"{name} is known of {there[row]} of {len(columns)} genes, fewer than {MIN_KNOWN:.0%}"
                reasons[row] = _join(reasons[row], said)
        return reasons

    def _compound_reasons(
        self, known: NDArray[np.int64], names: Sequence[str], smiles: Sequence[str]
    ) -> list[str]:
        similarity = np.zeros(len(known))
        new = [n for n, text in enumerate(smiles) if known[n] < 0 and text]
        if new:
            texts = tuple(smiles[number] for number in new)
            similarity[new] = compound_similarity(texts, self.smiles).max(axis=1)
        reasons = [self._compound_reason(*told) for told in zip(known, smiles, similarity, strict=True)]
        return [
            _join(self._ambiguous(*told), reason)
            for *told, reason in zip(known, names, smiles, reasons, strict=True)
        ]

    def _ambiguous(self, number: int, name: str, smiles: str) -> str:
        """Say so where several training compounds have a structure and the name is that of none."""
        if number < 0 or not smiles or self.compound_ids[number] == name:
            return ""
        alike = [each for each, text in zip(self.compound_ids, self.smiles, strict=True) if text == smiles]
        return f"several training compounds have its structure ({', '.join(alike)})" if len(alike) > 1 else ""

    def _compound_reason(self, number: int, smiles: str, similarity: float) -> str:
        if number >= 0:
            gain = self.domain.gain[number]
            return "" if gain > 0 else "held-out lines were not clearly predicted better than by the means"
        if not smiles:
            return "the compound was not in training and has no structure that can be read"
        limit = self.domain.similarity
        if limit.value is None:
            return f"the compound was not in training, and no similarity is enough: {limit.rule}"
        if similarity < limit.value:
            return f"similarity {similarity:.2f} to the nearest training compound, below {limit.value:.2f} ({limit.rule})"
        return ""


_UNJUDGED = "too few pairs like it were held out in training for an interval"


def _join(*texts: str) -> str:
    return "; ".join(text for text in texts if text)
