"""What training and test still share: molecules, skeletons, scaffolds, proteins, and near neighbours.

A score on a test set is worth what the test set is new. For every fold the report counts the InChIKeys,
skeletons (first block of the InChIKey), scaffolds, sequences, families of proteins, (molecule, sequence) pairs,
cell lines and tissues that stand on both sides of the cut, the share of test rows they make up, and how similar the most similar
training molecule is to each test molecule (Tanimoto, Morgan fingerprints of radius 2, 2,048 bits).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.split_groups import combine
from models.split_records import RecordKeys, SplitRecords, identify_records
from models.split_similarity import nearest_similarity, packed_fingerprints

if TYPE_CHECKING:
    from models.splits import Round

SHARED = ("inchikey", "skeleton", "scaffold", "sequence", "family", "pair", "line", "tissue")
"""What is counted on both sides of a cut."""
SIMILARITIES = (0.4, 0.6, 0.85, 1.0)
"""Similarities of nearest neighbours from which the share of test molecules is given."""
MOST_COMPARED = 20_000
"""Test molecules of a fold whose nearest neighbours are searched; of more, this many are drawn."""


@dataclass(frozen=True)
class LeakageReport:
    """What each test fold shares with its training rows.

    Attributes
    ----------
    table
        One row per fold: fold, n_train, n_test, n_left_out (in neither); for each of `SHARED` that the rows
        have, shared_X (distinct ones on both sides) and rows_X (share of test rows that hold one of them);
        n_molecules (distinct ones in the test rows), n_compared (all of them, or `MOST_COMPARED` drawn from more)
        and, over those, nearest_median, nearest_p95 and
        nearest_ge_0.4 to nearest_ge_1.0 (share with a training molecule at least as similar). Molecules that
        share a fingerprint have similarity 1 without being the same.
    """

    table: pd.DataFrame

    def text(self) -> str:
        """The report in a few lines: the worst fold of each figure.

        Examples
        --------
        >>> rows = SplitRecords(smiles=["CCO", "OCC", "CCN", "c1ccccc1"])
        >>> print(folds_leakage(rows, np.array([1, 2, 1, 2])).text().splitlines()[1])
          inchikey: up to 1 shared, 50.0% of a fold's test rows
        """
        table = self.table
        lines = ["leakage, the worst of the folds:"]
        for what in SHARED:
            if f"shared_{what}" in table:
                count, share = table[f"shared_{what}"].max(), table[f"rows_{what}"].max()
                lines.append(
                    f"  {what}: up to {count} shared, {share:.1%} of a fold's test rows" if count
                    else f"  {what}: none shared"
                )  # fmt: skip
        if "nearest_median" in table and table["nearest_median"].notna().any():
            reached = ", ".join(
                f"{table[f'nearest_ge_{at}'].max():.1%} at {at} or more" for at in SIMILARITIES
            )
            lines.append(
                f"  nearest training molecule: median similarity up to {table['nearest_median'].max():.2f}, "
                f"95th percentile {table['nearest_p95'].max():.2f}; {reached}"
            )
            if (table["n_compared"] < table["n_molecules"]).any():
                lines.append(f"  neighbours: of {MOST_COMPARED:,} molecules drawn from each larger fold")
        if table["n_left_out"].any():
            total = table[["n_train", "n_test", "n_left_out"]].sum(axis=1)
            most = (table["n_left_out"] / total).max()
            lines.append(
                f"  left out of both: {table['n_left_out'].min()} to {table['n_left_out'].max()} rows "
                f"(up to {most:.1%})"
            )
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.text()


def leakage_report(keys: RecordKeys, rounds: Sequence[Round], threads: int = 1) -> LeakageReport:
    """Compare training and test rows of each fold.

    Parameters
    ----------
    keys
        What the rows hold, from `models.split_records.identify_records`.
    rounds
        Training and test rows, from `models.splits.Split.rounds` or `models.splits.split_rounds`.
    threads
        Searches for neighbours at once; the result is the same.

    Returns
    -------
    LeakageReport
        One row per fold.

    Examples
    --------
    >>> from models.splits import split_rounds
    >>> keys = identify_records(SplitRecords(smiles=["CCO", "OCC", "CCN"]))
    >>> leakage_report(keys, list(split_rounds(np.array([1, 2, 2])))).table["shared_inchikey"].tolist()
    [1, 1]
    """
    numberings = {what: getattr(keys, what) for what in SHARED if what != "pair"}
    molecule, sequence = keys.inchikey, keys.sequence
    if (molecule >= 0).any() and (sequence >= 0).any():
        numberings["pair"] = np.where((molecule >= 0) & (sequence >= 0), combine(molecule, sequence), -1)
    present = {
        what: numberings[what] for what in SHARED if what in numberings and (numberings[what] >= 0).any()
    }
    bits = packed_fingerprints(keys.structures)
    rows = []
    for cut in rounds:
        row: dict[str, float] = {
            "fold": cut.fold,
            "n_train": int(cut.train.sum()),
            "n_test": int(cut.test.sum()),
            "n_left_out": int((~cut.train & ~cut.test).sum()),
        }
        for what, numbers in present.items():
            row[f"shared_{what}"], row[f"rows_{what}"] = _shared(numbers, cut)
        if len(bits):
            row |= _neighbours(keys.structure, bits, cut, threads)
        rows.append(row)
    return LeakageReport(
        pd.DataFrame(rows, columns=None if rows else ["fold", "n_train", "n_test", "n_left_out"])
    )


def folds_leakage(records: SplitRecords, fold: NDArray[np.int64], kind: str = "random") -> LeakageReport:
    """Report on folds of any origin, a published benchmark's for example.

    Parameters
    ----------
    records
        The rows.
    fold
        (n,) folds from 1; rows below 1 are in neither side.
    kind
        "time" compares each fold with earlier ones alone.

    Returns
    -------
    LeakageReport
        One row per fold.

    Examples
    --------
    >>> rows = SplitRecords(smiles=["CCO", "OCC", "CCN"])
    >>> folds_leakage(rows, np.array([1, 2, 2])).table["nearest_ge_1.0"].tolist()
    [1.0, 0.5]
    """
    from models.splits import split_rounds

    return leakage_report(identify_records(records), list(split_rounds(np.asarray(fold), kind)))


def _shared(numbers: NDArray[np.int64], cut: Round) -> tuple[int, float]:
    """Distinct numbers on both sides, and the share of test rows that hold one of them."""
    seen = np.zeros(numbers.max() + 2, bool)
    seen[numbers[cut.train]] = True
    seen[-1] = False  # where -1, nothing, points to
    hit = seen[numbers[cut.test]]
    return len(np.unique(numbers[cut.test][hit])), float(hit.mean()) if len(hit) else 0.0


def _neighbours(
    structure: NDArray[np.int64], bits: NDArray[np.uint64], cut: Round, threads: int
) -> dict[str, float]:
    """Similarity of each distinct test molecule to its nearest training molecule, in a few figures."""
    test = np.unique(structure[cut.test])
    train = np.unique(structure[cut.train])
    test, train = test[test >= 0], train[train >= 0]
    n_molecules = len(test)
    if n_molecules > MOST_COMPARED:
        test = np.sort(np.random.default_rng(0).choice(test, MOST_COMPARED, replace=False))
    counts = {"n_molecules": n_molecules, "n_compared": len(test)}
    nearest = nearest_similarity(bits[test], bits[train], threads)
    if not len(test) or not len(train):
        names = ("nearest_median", "nearest_p95", *(f"nearest_ge_{at}" for at in SIMILARITIES))
        return {**counts, **dict.fromkeys(names, float("nan"))}
    median, p95 = np.quantile(nearest, [0.5, 0.95])
    shares = {f"nearest_ge_{at}": float((nearest >= at).mean()) for at in SIMILARITIES}
    return {**counts, "nearest_median": float(median), "nearest_p95": float(p95), **shares}
