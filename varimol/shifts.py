"""What a patient's variants change: the shift of each pair's affinity from the wild type to the variant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from chem.errors import InputError
from models.domain import structure_reason
from models.variant_shift import LARGE_SHIFT
from varimol.predictions import pair_keys, rows_text
from varimol.schemas import TABLES
from varimol.target_variants import parse_named_variants, variant_text, wild_type

if TYPE_CHECKING:
    from models.affinity import AffinityModel, EndpointModel
    from models.pairs import PairData
    from models.shift_model import ShiftModel

UNBOUNDED = "too few shifts like it were left out in training for an interval of this level"
AT_LIMIT = (
    "the wild type was measured at the assay's limit, {limit:g}, and the variant is predicted no more than {within:g} "
    "above it, so a gain cannot be told"
)
_TARGETS_TOLD = 5


def shift_table(
    model: AffinityModel,
    pairs: PairData,
    chains: Sequence[str],
    endpoints: Sequence[str],
    *,
    level: float = 0.9,
    variants: Sequence[str] = (),
) -> tuple[pd.DataFrame, list[str]]:
    """Shifts of every pair whose target carries an applied variant.

    Where the endpoint's training labels hold mutants, the drug is a training drug and its affinity for the wild
    type was measured, the shift is that of `models.shift_model.ShiftModel`, with an interval calibrated on variants
    that were left out. Elsewhere the row abstains, and shift and bounds are missing: the difference of the model's
    two predictions, which stand beside, was never judged as a shift. Where the wild type was measured at the assay's
    limit, the model of shifts learned from no such row, so a gain is told only where the variant's own prediction lies
    more than `LARGE_SHIFT` above the limit; else the lower bound is 0 and the reason says so.

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
    variants
        The patient's own, as ``TARGET:V600E``: where no pair has a target with a variant, their targets are named
        rather than all that carry one.

    Returns
    -------
    table, notes
        The columns of the schema ``shifts``, in long form by endpoint in the order of the pairs; and a sentence on
        the rows, then one per endpoint that tells how its shifts were judged, or why there are none.
    """
    carries = np.array([bool(variant_text(target)) for target in pairs.targets], bool)
    mutant = pairs.select(carries[pairs.target])
    if not len(mutant):
        return pd.DataFrame(columns=TABLES["shifts"].names), [_why_empty(pairs, variants)]
    wild = replace(
        mutant, targets=tuple(wild_type(t, chain) for t, chain in zip(pairs.targets, chains, strict=True))
    )
    parts, notes = [], []
    for name in endpoints:
        part, note = _of_endpoint(model, name, wild, mutant, level)
        parts.append(part)
        notes.append(f"{name}: {note}")
    table = pd.concat(parts, ignore_index=True)[TABLES["shifts"].names]
    return table, [rows_text(table), *notes]


def _why_empty(pairs: PairData, variants: Sequence[str]) -> str:
    """Say why no pair has a target with a variant."""
    if not len(pairs):
        return "no rows: there are no pairs"
    if variants:  # each was applied to its target, so it is pairs that lack
        return _in_no_pair(list(parse_named_variants(variants)))
    asked = {pairs.targets[t] for t in pairs.target}
    for lost in (target for target in pairs.targets if target in asked and target.unplaced):
        return f"no rows: {lost.target_id} names a variant that is not in its sequence: {lost.reason}"
    others = [target.target_id for target in pairs.targets if variant_text(target)]
    if not others:
        return "no rows: no target carries a variant; name one with --variant TARGET:V600E"
    return _in_no_pair(others)


def _in_no_pair(names: Sequence[str]) -> str:
    more = f" and {len(names) - _TARGETS_TOLD} more" * (len(names) > _TARGETS_TOLD)
    return (
        f"no rows: the targets that carry a variant are in no pair: {', '.join(names[:_TARGETS_TOLD])}{more}"
    )


def _of_endpoint(
    model: AffinityModel, name: str, wild: PairData, mutant: PairData, level: float
) -> tuple[pd.DataFrame, str]:
    own, limit, note = _own_shifts(model.endpoint(name), wild, mutant, level)
    reason = own["reason"].to_numpy(object)
    reason[np.isinf(own["lower"]) | np.isinf(own["upper"])] = UNBOUNDED
    for row, why in enumerate(mutant.drug_reasons[d] for d in mutant.drug):
        reason[row] = structure_reason(why) if why else reason[row]
    abstain = reason != ""
    shift, lower, upper = np.where(abstain, np.nan, own[["shift", "lower", "upper"]].to_numpy(float).T)
    before, after = (model.predict(p, endpoint=name, level=level)["prediction"] for p in (wild, mutant))
    untold = own["at_limit"].to_numpy(bool) & ~abstain & (after.to_numpy() <= limit + LARGE_SHIFT)
    reason[untold] = AT_LIMIT.format(limit=limit, within=LARGE_SHIFT)
    lower = np.where(untold, np.minimum(lower, 0), lower)
    table = pair_keys(mutant, name, variants=True).assign(
        wild_type_prediction=before,
        variant_prediction=after,
        shift=shift,
        lower=lower,
        upper=upper,
        verdict=np.select([upper < 0, lower > 0], ["weaker", "stronger"], "cannot tell"),
        in_training=own["in_training"],
        abstain=abstain,
        reason=reason,
    )
    return table, note


def _own_shifts(
    model: EndpointModel, wild: PairData, mutant: PairData, level: float
) -> tuple[pd.DataFrame, float, str]:
    """What the endpoint's model of shifts says of each pair, the assay's limit, and how it was judged.

    Or why there is no such model.
    """
    try:
        fitted = _fit(model)
    except InputError as error:
        nothing = {
            "shift": np.nan,
            "lower": np.nan,
            "upper": np.nan,
            "at_limit": False,
            "in_training": False,
            "reason": error.message,
        }
        return pd.DataFrame(nothing, index=range(len(mutant))), -np.inf, f"no shifts: {error.message}"
    own = fitted.shift(
        [mutant.smiles[d] for d in mutant.drug],
        [wild.targets[t] for t in wild.target],
        [mutant.targets[t] for t in mutant.target],
        level=level,
    )
    return own, fitted.kernel.limit, _judged(fitted)


def _fit(model: EndpointModel) -> ShiftModel:
    from models.shift_model import ShiftModel

    if model.task != "regression":
        raise InputError("a yes/no label has no measured shifts")
    return ShiftModel.fit(model.inputs, model.labels)


def _judged(fitted: ShiftModel) -> str:
    """Say how often the sign was right, and over what that is counted: losses and gains are not found alike."""
    large = fitted.judged
    gain, at_limit = large["shift"] > 0, large["at_limit"]
    n_small = len(fitted.shifts) - len(large)
    text = (
        f"with each variant left out, the sign of the shift was right in {_share(large)} training shifts above "
        f"{LARGE_SHIFT} in size, of drugs whose affinity for the wild type is measured: in {_share(large[~gain])} "
        f"losses and {_share(large[gain])} gains; the {n_small:,} smaller shifts are not counted"
    )
    if not at_limit.any():
        return text
    return (
        f"{text}; {at_limit.sum()} of the gains are from a wild type at the assay's limit, {fitted.kernel.limit:g}, "
        "where no other sign can be said"
    )


def _share(rows: pd.DataFrame) -> str:
    return f"{rows['right'].mean():.0%} of {len(rows)}" if len(rows) else "0 of 0"
