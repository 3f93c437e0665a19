"""When a response model speaks: the profile has its genes, and the compound is known or alike enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from chem.fingerprint import morgan_fingerprints, tanimoto
from models.domain_threshold import CONFIDENCE, Threshold, gain_threshold
from models.response_fits import MODEL
from models.response_predictions import HeldOut

Array = NDArray[np.float64]
MIN_KNOWN = 0.5
"""Share of a block's columns that a profile has to have."""
NOT_MEASURED = "no compounds were held out in training"


@dataclass(frozen=True)
class ResponseDomain:
    """What a model may speak of.

    Attributes
    ----------
    similarity
        Tanimoto similarity (Morgan 2, 2,048 bits) to the nearest training compound from which a new compound is
        predicted better than by the means; its value is None where none is.
    gain
        (compounds,) share by which the squared error of held-out lines is below that of the compound's mean and the
        line's, the lower end of it with 95% confidence; 0 or less where the model is not shown to say anything of
        that compound. NaN where fewer than two lines tell.
    """

    similarity: Threshold
    gain: Array

    def to_dict(self) -> dict[str, Any]:
        """As plain numbers for a JSON card."""
        return {
            "similarity": self.similarity.to_dict(),
            "gain": [None if np.isnan(gain) else round(float(gain), 4) for gain in self.gain],
        }

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> ResponseDomain:
        """Read what `to_dict` wrote."""
        gain = [np.nan if gain is None else float(gain) for gain in plain["gain"]]
        return cls(Threshold.from_dict(plain["similarity"]), np.array(gain))


def fit_domain(held_out: HeldOut) -> ResponseDomain:
    """Measure where a model gains over the means."""
    told = held_out.tables["line"]
    gain = clear_gain(held_out.data.table.values, told[MODEL], told["profile_mean"])
    return ResponseDomain(_similarity(held_out), gain)


def clear_gain(values: Array, predictions: Array, means: Array) -> Array:
    """Share of the squared error of means that predictions take away from each compound, at least.

    The lower end of a one-sided 95% interval of the mean over lines (normal approximation). Where there is nothing to
    predict, every second compound gains by chance, but one in twenty clearly so.

    Parameters
    ----------
    values, predictions, means
        (lines, compounds); pairs that lack one of them are left out.

    Returns
    -------
    Array
        (compounds,), NaN with fewer than two lines.

    Examples
    --------
    >>> values = np.array([[0.0, 0.0], [2.0, 2.0], [4.0, 4.0]])
    >>> means, good = np.full((3, 2), 2.0), np.array([[0.1, 3.0], [2.0, 1.0], [3.9, 2.0]])
    >>> clear_gain(values, good, means).round(2).tolist()
    [0.18, -1.69]
    """
    before = (values - means) ** 2
    saved = before - (values - predictions) ** 2
    there = np.isfinite(saved)
    n = np.maximum(there.sum(axis=0), 1)
    mean = np.where(there, saved, 0).sum(axis=0) / n
    spread = np.sqrt((np.where(there, saved - mean, 0) ** 2).sum(axis=0) / np.maximum(n - 1, 1))
    total = np.where(there, before, 0).sum(axis=0) / n
    judged = (there.sum(axis=0) > 1) & (total > 0)
    lower = mean - norm.ppf(CONFIDENCE) * spread / np.sqrt(n)
    return np.asarray(np.divide(lower, total, out=np.full(len(n), np.nan), where=judged))


def _similarity(held_out: HeldOut) -> Threshold:
    setting = next((name for name in ("both", "compound") if name in held_out.settings), None)
    if setting is None:
        return Threshold(None, NOT_MEASURED, 0)
    values, told = held_out.data.table.values, held_out.tables[setting]
    line, compound = np.nonzero(~np.isnan(values) & np.isfinite(told[MODEL]))
    found = gain_threshold(
        nearest_in_training(held_out)[compound], compound, values[line, compound], told[MODEL][line, compound],
        told["means"][line, compound],
    )  # fmt: skip
    few = Threshold(None, "too few compounds were held out to tell", len(np.unique(compound)))
    return few if found is None else found


def nearest_in_training(held_out: HeldOut) -> Array:
    """(compounds,) Tanimoto similarity of each held-out compound to the nearest one that was trained on beside it."""
    fold = held_out.folds["compound"]
    near = compound_similarity(held_out.data.smiles, held_out.data.smiles)
    return np.asarray(np.where(fold[:, None] != fold[None, :], near, 0.0).max(axis=1))


def compound_similarity(smiles: tuple[str, ...], others: tuple[str, ...]) -> Array:
    """(n, m) Tanimoto similarity of Morgan fingerprints, 0 for an empty SMILES."""
    bits = [morgan_fingerprints([text or "C" for text in texts]) for texts in (smiles, others)]
    there = [np.array([bool(text) for text in texts]) for texts in (smiles, others)]
    return np.asarray(tanimoto(*bits) * np.outer(*there), np.float64)
