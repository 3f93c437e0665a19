"""When a response model speaks: the profile has its genes, and the compound is known or alike enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chem.fingerprint import morgan_fingerprints, tanimoto
from models.domain_threshold import Threshold, gain_threshold
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
        line's; 0 or less where the model says nothing of that compound. NaN where it was not measured.
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
    values = held_out.data.table.values
    told = held_out.tables["line"]
    ours, means = (np.nansum((values - told[name]) ** 2, axis=0) for name in (MODEL, "profile_mean"))
    gain = np.where(means > 0, 1 - ours / np.where(means > 0, means, 1), np.nan)
    return ResponseDomain(_similarity(held_out), gain)


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
