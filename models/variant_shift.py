"""What a variant does to affinity: the shift from the wild type to the variant, with an interval of its own.

The shift of a drug is its affinity for the variant minus its affinity for the wild type; above 0 it binds the
variant more strongly. A network's two predictions share most of their errors, so the interval is not that of
either: it comes from shifts that were held out, and it widens until it holds 0 where the network cannot tell.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from chem.errors import InputError
from models.calibration import Calibration, calibrate
from models.protein import Target
from models.variant import apply_changes, parse_variant, reference_shift

PredictAffinity = Callable[[Sequence[str], Sequence[Target]], NDArray[np.float64]]
"""Affinities of n molecules (SMILES) for m proteins, shape (n, m)."""
SHIFT_BINS = 3
"""Bins of the wild type's affinity in which shifts are calibrated."""


def wild_types(targets: Sequence[Target], *, same_form: bool = True) -> NDArray[np.int64]:
    """Wild type of each mutant of a table.

    Parameters
    ----------
    targets
        n targets, as `models.protein.read_targets` read them.
    same_form
        The wild type is phosphorylated where the mutant is; else it is the one that carries the gene's name
        alone.

    Returns
    -------
    NDArray[np.int64]
        (n,) index of the target of the same gene without a variant; -1 for wild types, and for mutants whose
        wild type is not in the table.

    Examples
    --------
    >>> from models.protein import parse_target
    >>> wild_types([parse_target("ABL1", "MK"), parse_target("ABL1(K2R)", "MK")]).tolist()
    [-1, 0]
    """
    named = {target.target_id: k for k, target in enumerate(targets) if not _is_mutant(target)}
    result = np.full(len(targets), -1, dtype=np.int64)
    for k, target in enumerate(targets):
        if _is_mutant(target):
            own = f"{target.gene}p" if same_form and target.phosphorylated else target.gene
            result[k] = named.get(own, -1)
    return result


def _is_mutant(target: Target) -> bool:
    return bool(target.changes) or target.unplaced


def mutant_table(targets: Sequence[Target]) -> pd.DataFrame:
    """Tell for every mutant of a table whether its sequence could be made, and how.

    Parameters
    ----------
    targets
        As `models.protein.read_targets` read them.

    Returns
    -------
    pd.DataFrame
        One row per mutant: target_id, gene, variant, phosphorylated, wild_type (empty where it is not in the
        table), made, numbering, reason, length, duplicate_of (an earlier target with the same sequence, form
        and domain).

    Examples
    --------
    >>> from models.protein import parse_target, place_variants
    >>> mutant_table(place_variants([parse_target("X(K2R)", "MKL")]))[["variant", "made"]].values.tolist()
    [['K2R', True]]
    """
    first: dict[tuple[str, bool, str], str] = {}
    wild = wild_types(targets)
    rows = []
    for k, target in enumerate(targets):
        twin = first.setdefault((target.sequence, target.phosphorylated, target.domain), target.target_id)
        if not _is_mutant(target):
            continue
        named = ",".join(map(str, target.changes))
        rows.append(
            {
                "target_id": target.target_id, "gene": target.gene,
                "variant": named or target.target_id.partition("(")[2].partition(")")[0],
                "phosphorylated": target.phosphorylated,
                "wild_type": targets[wild[k]].target_id if wild[k] >= 0 else "",
                "made": not target.unplaced, "numbering": target.numbering, "reason": target.reason,
                "length": len(target.sequence), "duplicate_of": "" if twin == target.target_id else twin,
            }
        )  # fmt: skip
    columns = [
        "target_id", "gene", "variant", "phosphorylated", "wild_type", "made", "numbering", "reason", "length",
        "duplicate_of",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def held_out_shifts(predictions: pd.DataFrame, targets: Sequence[Target]) -> pd.DataFrame:
    """Shifts of every mutant and drug, measured and predicted, from held-out predictions.

    Where whole mutants were held out the shifts are those of a variant never seen, which is what a patient's
    is; from random folds they flatter.

    Parameters
    ----------
    predictions
        drug_id, target_id, label, prediction: each pair once, predicted by a model that did not see it.
    targets
        As `models.protein.read_targets` read them; mutants that were not made are left out.

    Returns
    -------
    pd.DataFrame
        drug_id, target_id, wild_type, wild_type_affinity (predicted), shift, predicted.

    Raises
    ------
    InputError
        Where a pair stands twice.
    """
    twice = predictions.duplicated(["drug_id", "target_id"])
    if twice.any():
        row = predictions[twice].iloc[0]
        raise InputError(
            f"drug {row['drug_id']} and target {row['target_id']} stand twice",
            expected="one held-out prediction per pair", hint="take one seed, or average them",
        )  # fmt: skip
    wild = wild_types(targets)
    partner = {
        target.target_id: targets[k].target_id
        for target, k in zip(targets, wild, strict=True)
        if k >= 0 and not target.unplaced
    }
    mutants = predictions[predictions["target_id"].isin(list(partner))].copy()
    mutants["wild_type"] = mutants["target_id"].map(partner)
    reference = predictions.rename(columns={"target_id": "wild_type"})
    both = mutants.merge(reference, on=["drug_id", "wild_type"], suffixes=("", "_wild"))
    return pd.DataFrame(
        {
            "drug_id": both["drug_id"],
            "target_id": both["target_id"],
            "wild_type": both["wild_type"],
            "wild_type_affinity": both["prediction_wild"],
            "shift": both["label"] - both["label_wild"],
            "predicted": both["prediction"] - both["prediction_wild"],
        }
    )


def calibrate_shifts(
    shift: ArrayLike, predicted: ArrayLike, wild_type_affinity: ArrayLike, *, n_bins: int = SHIFT_BINS
) -> Calibration:
    """Collect the errors of held-out shifts, in bins of the wild type's predicted affinity.

    A drug that does not bind the wild type cannot bind a variant less, so errors grow with that affinity.

    Parameters
    ----------
    shift, predicted
        (n,) shifts measured and predicted, from `held_out_shifts`.
    wild_type_affinity
        (n,) predicted affinities for the wild type.
    n_bins
        Bins at most.

    Returns
    -------
    Calibration
        For `shift_interval`.
    """
    level = np.asarray(wild_type_affinity, float)
    return calibrate(level + np.asarray(shift, float) - np.asarray(predicted, float), level, n_bins=n_bins)


def shift_interval(
    predicted: ArrayLike, wild_type_affinity: ArrayLike, calibration: Calibration, level: float = 0.9
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Interval that holds the shift of an exchangeable new variant with at least `level` probability.

    Parameters
    ----------
    predicted
        (n,) predicted shifts.
    wild_type_affinity
        (n,) predicted affinities for the wild type.
    calibration
        From `calibrate_shifts`.
    level
        Coverage asked for.

    Returns
    -------
    lower, upper
        (n,) bounds; infinite where too few shifts were held out.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> wild, error = rng.uniform(5, 9, 2000), rng.normal(size=2000)
    >>> lower, upper = shift_interval([1.0], [6.0], calibrate_shifts(error, 0 * error, wild))
    >>> bool(lower[0] < 0 < upper[0])
    True
    """
    affinity = np.asarray(wild_type_affinity, float)
    lower, upper = calibration.interval(affinity, level)
    return np.asarray(predicted, float) + lower - affinity, np.asarray(predicted, float) + upper - affinity


def variant_shift(
    predict: PredictAffinity,
    smiles: Sequence[str],
    sequence: str,
    variant: str,
    calibration: Calibration,
    *,
    level: float = 0.9,
    name: str = "protein",
    domain: str = "",
    phosphorylated: bool = False,
    reference: str | None = None,
) -> pd.DataFrame:
    """Shift of each molecule's affinity from a protein to its variant.

    Parameters
    ----------
    predict
        Affinities of molecules for proteins, n x m.
    smiles
        n molecules.
    sequence
        The wild type's amino acids.
    variant
        As `models.variant.parse_variant` reads it, for example ``T315I``.
    calibration
        From `calibrate_shifts`, of the same predictor.
    level
        Coverage of the interval.
    name, domain, phosphorylated
        See `models.protein.Target`.
    reference
        Protein that the variant is numbered on, where `sequence` is a fragment or another isoform of it.

    Returns
    -------
    pd.DataFrame
        One row per molecule: smiles, variant, wild_type and mutant (affinities), shift, lower, upper, verdict
        (``weaker``, ``stronger``, or ``cannot tell`` where the interval holds 0).

    Raises
    ------
    InputError
        For a variant that is not read, names no change, or does not fit the sequence.

    Examples
    --------
    >>> def predict(smiles, targets):
    ...     return np.array([[8.0 - 2 * target.sequence.count("I") for target in targets]] * len(smiles))
    >>> rng = np.random.default_rng(0)
    >>> errors = calibrate_shifts(rng.normal(0, 0.3, 500), np.zeros(500), rng.uniform(5, 9, 500))
    >>> table = variant_shift(predict, ["CCO"], "MTK", "T2I", errors)
    >>> table[["shift", "verdict"]].values.tolist()
    [[-2.0, 'weaker']]
    """
    changes = parse_variant(variant)
    if not changes:
        raise InputError("no variant is named", field="variant", expected="a change such as T315I")
    chain = sequence.strip().upper()
    sites = [site for change in changes for site in change.sites]
    shift = 0 if reference is None else reference_shift(chain, reference.strip().upper(), sites)
    if shift is None:
        raise InputError(
            f"variant {variant}: its residues are not found in the sequence by way of the reference", field="variant",
            expected="the reference's residues, with ten on both sides once in the sequence",
            hint="give the sequence of the isoform that the variant is numbered on",
        )  # fmt: skip
    wild = Target(name, chain, domain, phosphorylated=phosphorylated)
    mutant = Target(
        f"{name}({variant})", apply_changes(chain, changes, shift=shift), domain, changes, phosphorylated
    )
    affinity = np.asarray(predict(smiles, [wild, mutant]), float)
    if affinity.shape != (len(smiles), 2):
        raise InputError(
            f"predict gave an array of shape {affinity.shape}", field="predict",
            expected=f"one affinity per molecule and protein, {(len(smiles), 2)}",
        )  # fmt: skip
    moved = affinity[:, 1] - affinity[:, 0]
    lower, upper = shift_interval(moved, affinity[:, 0], calibration, level)
    return pd.DataFrame(
        {
            "smiles": list(smiles), "variant": variant, "wild_type": affinity[:, 0], "mutant": affinity[:, 1],
            "shift": moved, "lower": lower, "upper": upper,
            "verdict": np.select([upper < 0, lower > 0], ["weaker", "stronger"], "cannot tell"),
        }
    )  # fmt: skip
