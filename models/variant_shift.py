"""What a variant does to affinity: the shift from the wild type to the variant, with an interval of its own.

The shift of a drug is its affinity for the variant minus its affinity for the wild type; above 0 it binds the
variant more strongly. A network's two predictions share most of their errors, and a network of pairs hardly
moves when one residue in hundreds changes. So shifts have a model of their own, `models.shift_kernel`, fitted to
the mutants among the training labels, and intervals from shifts of variants that were left out.

What was judged (``benchmarks/mutants.py``): variants left out of DAVIS, for drugs whose affinity for the wild
type is measured. `models.shift_model` says of other drugs and proteins why it cannot speak.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from chem.fingerprint import morgan_fingerprints
from models.intervals import Intervals
from models.protein import Target
from models.shift_kernel import ShiftRows, variant_key
from models.variant import in_order

SHIFT_BINS = 3
"""Bins of the variant's predicted affinity in which shifts are calibrated."""
LARGE_SHIFT = 0.5
"""Size in log10 units from which a shift's sign counts; repeats of an assay differ by less."""


def wild_types(targets: Sequence[Target], *, same_form: bool = True) -> NDArray[np.int64]:
    """Wild type of each mutant of a table.

    Parameters
    ----------
    targets
        n targets, as `models.protein.read_targets` read them.
    same_form
        The wild type is phosphorylated where the mutant is; else it is the one that carries the gene's name
        alone. Where that one is not in the table, the other form stands in.

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
    named = {target.target_id: k for k, target in enumerate(targets) if not is_mutant(target)}
    result = np.full(len(targets), -1, dtype=np.int64)
    for k, target in enumerate(targets):
        if is_mutant(target):
            forms = [target.gene, f"{target.gene}p"]
            if same_form and target.phosphorylated:
                forms.reverse()
            result[k] = next((named[form] for form in forms if form in named), -1)
    return result


def is_mutant(target: Target) -> bool:
    """Whether a target carries a variant, made or not."""
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
        if not is_mutant(target):
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


def measured_shifts(
    labels: NDArray[np.floating], targets: Sequence[Target], wild: NDArray[np.int64]
) -> pd.DataFrame:
    """Shifts of every mutant and drug that were measured, and those of its wild type.

    Parameters
    ----------
    labels
        (n_drugs, n_targets) affinities, log10 units; NaN where nothing was measured.
    targets
        The targets.
    wild
        (n_targets,) index of each mutant's wild type, or -1 (`wild_types`).

    Returns
    -------
    pd.DataFrame
        drug, mutant, wild (indices), gene, group (``GENE(VARIANT)``, the same for both forms of a mutant),
        affinity (of the wild type), shift; by mutant and drug.

    Examples
    --------
    >>> from models.protein import parse_target
    >>> targets = [parse_target("X", "MK"), parse_target("X(K2R)", "MK")]
    >>> measured_shifts(np.array([[7.0, 6.0]]), targets, np.array([-1, 0]))[["group", "shift"]].values.tolist()
    [['X(K2R)', -1.0]]
    """
    table = np.asarray(labels, float)
    rows = []
    for k in np.flatnonzero(wild >= 0).tolist():
        group = f"{targets[k].gene}({','.join(map(str, in_order(targets[k].changes)))})"
        for drug in np.flatnonzero(~np.isnan(table[:, k]) & ~np.isnan(table[:, wild[k]])):
            affinity = table[drug, wild[k]]
            rows.append((drug, k, wild[k], targets[k].gene, group, affinity, table[drug, k] - affinity))
    return pd.DataFrame(rows, columns=["drug", "mutant", "wild", "gene", "group", "affinity", "shift"])


def shift_rows(
    shifts: pd.DataFrame, labels: NDArray[np.floating], targets: Sequence[Target], smiles: Sequence[str],
    profile: NDArray[np.floating],
) -> ShiftRows:  # fmt: skip
    """Describe measured shifts for `ShiftKernel`: drugs by their affinities for wild types.

    Parameters
    ----------
    shifts
        n rows of `measured_shifts`.
    labels, targets
        As there; the wild types among them are the panel.
    smiles
        n_drugs standardised SMILES.
    profile
        (n_columns, 20) kinase profile.
    """
    table = np.asarray(labels, float)
    mutant = np.array([is_mutant(target) for target in targets], bool)
    panel = table[:, ~mutant & ~np.isnan(table).all(axis=0)]
    names = shifts[["mutant", "wild"]].drop_duplicates()
    number = {int(m): k for k, m in enumerate(names["mutant"])}
    keys = [
        variant_key(targets[int(m)], targets[int(w)], profile)
        for m, w in zip(names["mutant"], names["wild"], strict=True)
    ]
    return ShiftRows(
        shifts["affinity"].to_numpy(float),
        shifts["drug"].to_numpy(np.int64),
        np.array([number[m] for m in shifts["mutant"]], np.int64),
        np.nan_to_num(panel - np.nanmean(panel, axis=0)),
        morgan_fingerprints(list(smiles), n_bits=1024),
        tuple(keys),
    )


def calibrate_shifts(
    shift: ArrayLike, predicted: ArrayLike, wild_type_affinity: ArrayLike, sd: ArrayLike | None = None
) -> Intervals:
    """Calibrate intervals on shifts of variants that were left out.

    What is calibrated is the variant's affinity, given the wild type's: no variant is measured below an assay's
    limit, and a drug that does not bind the wild type cannot bind a variant less.

    Parameters
    ----------
    shift, predicted
        (n,) shifts measured, and predicted without their variant.
    wild_type_affinity
        (n,) measured affinities for the wild type.
    sd
        (n,) standard deviations that the predictor gives, or None.

    Returns
    -------
    Intervals
        For `shift_interval`.
    """
    affinity = np.asarray(wild_type_affinity, float)
    return Intervals.fit(
        affinity + np.asarray(shift, float), affinity + np.asarray(predicted, float), sd, n_bins=SHIFT_BINS
    )


def shift_interval(
    predicted: ArrayLike, wild_type_affinity: ArrayLike, intervals: Intervals, level: float = 0.9,
    sd: ArrayLike | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # fmt: skip
    """Interval that holds the shift of an exchangeable new variant with at least `level` probability.

    Parameters
    ----------
    predicted, wild_type_affinity, sd
        (n,) as for `calibrate_shifts`.
    intervals
        From there.
    level
        Coverage asked for.

    Returns
    -------
    lower, upper
        (n,) bounds; infinite where too few shifts were left out.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> wild, error = rng.uniform(5, 9, 2000), rng.normal(size=2000)
    >>> lower, upper = shift_interval([1.0], [6.0], calibrate_shifts(error, 0 * error, wild))
    >>> bool(lower[0] < 0 < upper[0])
    True
    """
    affinity, point = np.asarray(wild_type_affinity, float), np.asarray(predicted, float)
    lower, upper = intervals.interval(affinity + point, level, sd)
    return np.minimum(lower - affinity, point), np.maximum(upper - affinity, point)
