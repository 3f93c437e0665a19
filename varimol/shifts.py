"""What a patient's variants change: the shift of each pair's affinity from the wild type to the variant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chem.errors import InputError
from varimol.target_variants import variant_text, wild_type

if TYPE_CHECKING:
    from models.affinity import AffinityModel, EndpointModel
    from models.pairs import PairData
    from models.shift_model import ShiftModel

SHIFT_COLUMNS = [
    "drug_id", "target_id", "endpoint", "variant", "wild_type_prediction", "variant_prediction", "shift", "lower",
    "upper", "verdict", "in_training", "abstain", "reason",
]  # fmt: skip
NOT_JUDGED = "the shift is the difference of the two predictions, which was never judged"


def shift_table(
    model: AffinityModel,
    pairs: PairData,
    chains: Sequence[str],
    endpoints: Sequence[str],
    *,
    level: float = 0.9,
) -> tuple[pd.DataFrame, list[str]]:
    """Shifts of every pair whose target carries an applied variant.

    Where the endpoint's training labels hold mutants, the drug is a training drug and its affinity for the wild
    type was measured, the shift is that of `models.shift_model.ShiftModel`, with an interval calibrated on variants
    that were left out. Elsewhere it is the difference of the model's two predictions, without an interval.

    Parameters
    ----------
    model
        The affinity model.
    pairs
        Pairs over targets with their variants applied.
    chains
        Per target, the sequence without a variant.
    endpoints
        Labels.
    level
        Coverage of the interval.

    Returns
    -------
    table, notes
        `SHIFT_COLUMNS`, in long form by endpoint in the order of the pairs; and per endpoint a sentence that tells
        how its shifts were made and judged.
    """
    carries = np.array([bool(variant_text(target)) for target in pairs.targets], bool)
    mutant = pairs.select(carries[pairs.target])
    wild = replace(
        mutant, targets=tuple(wild_type(t, chain) for t, chain in zip(pairs.targets, chains, strict=True))
    )
    if not len(mutant):
        return pd.DataFrame(columns=SHIFT_COLUMNS), []
    parts, notes = [], []
    for name in endpoints:
        part, note = _of_endpoint(model, name, wild, mutant, level)
        parts.append(part)
        notes.append(f"{name}: {note}")
    return pd.concat(parts, ignore_index=True)[SHIFT_COLUMNS], notes


def _of_endpoint(
    model: AffinityModel, name: str, wild: PairData, mutant: PairData, level: float
) -> tuple[pd.DataFrame, str]:
    before = model.predict(wild, endpoint=name, level=level)
    after = model.predict(mutant, endpoint=name, level=level)
    smiles = [mutant.smiles[d] for d in mutant.drug]
    try:
        fitted = _fit(model.endpoint(name))
        own = fitted.shift(
            smiles,
            [wild.targets[t] for t in wild.target],
            [mutant.targets[t] for t in mutant.target],
            level=level,
        )
        note = _judged(fitted)
    except InputError as error:
        why = error.message
        own = pd.DataFrame(
            {"shift": np.nan, "lower": np.nan, "upper": np.nan, "in_training": False, "reason": why},
            index=range(len(mutant)),
        )
        note = f"{why}; {NOT_JUDGED}"
    difference = (after["prediction"] - before["prediction"]).to_numpy()
    known, readable = own["reason"].to_numpy() == "", np.isfinite(difference)
    unread = [
        f"the structure cannot be read: {why}" if why else ""
        for why in (mutant.drug_reasons[d] for d in mutant.drug)
    ]
    reason = [
        "" if known_here else said if said else f"{why}; {NOT_JUDGED}"
        for known_here, said, why in zip(known, unread, own["reason"], strict=True)
    ]
    lower = np.where(known, own["lower"], np.where(readable, -np.inf, np.nan))
    upper = np.where(known, own["upper"], np.where(readable, np.inf, np.nan))
    table = pd.DataFrame(
        {
            "drug_id": [mutant.drug_ids[d] for d in mutant.drug],
            "target_id": [mutant.target_ids[t] for t in mutant.target],
            "endpoint": name,
            "variant": [variant_text(mutant.targets[t]) for t in mutant.target],
            "wild_type_prediction": before["prediction"],
            "variant_prediction": after["prediction"],
            "shift": np.where(known, own["shift"], difference),
            "lower": lower,
            "upper": upper,
            "verdict": np.select([upper < 0, lower > 0], ["weaker", "stronger"], "cannot tell"),
            "in_training": own["in_training"],
            "abstain": ~known,
            "reason": reason,
        }
    )
    return table, note


def _fit(model: EndpointModel) -> ShiftModel:
    from models.shift_model import ShiftModel

    if model.task != "regression":
        raise InputError("a yes/no label has no measured shifts")
    return ShiftModel.fit(model.inputs, model.labels)


def _judged(fitted: ShiftModel) -> str:
    n, right = fitted.judged
    return (
        f"with each variant left out, the sign of the shift was right in {right:.0%} of {n} training shifts above 0.5 "
        "in size, of drugs whose affinity for the wild type is measured"
    )
