"""Tables of (drug, target, label) read, checked and indexed by distinct molecule and protein."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chem.errors import InputError
from chem.standardise import standardise_smiles
from models.protein import Target, parse_target, place_variants


@dataclass(frozen=True)
class PairData:
    """One endpoint's pairs.

    Attributes
    ----------
    name
        Name of the endpoint, the label's column.
    smiles
        n_drugs drugs as standardised SMILES, in the order of `drug_ids`; empty where one cannot be read.
    drug_reasons
        n_drugs reasons why a drug could not be read, empty for the others.
    targets
        n_targets targets, in the order of `target_ids`.
    drug, target
        (n_pairs,) indices into the two.
    label
        (n_pairs,) float64, NaN where only a prediction is asked for.
    fold
        (n_pairs,) fold of each pair, or -1.
    """

    name: str
    drug_ids: tuple[str, ...]
    smiles: tuple[str, ...]
    drug_reasons: tuple[str, ...]
    target_ids: tuple[str, ...]
    targets: tuple[Target, ...]
    drug: NDArray[np.int64]
    target: NDArray[np.int64]
    label: NDArray[np.float64]
    fold: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.label)

    def select(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> PairData:
        """Pairs `rows` over the same drugs and targets."""
        return PairData(
            self.name, self.drug_ids, self.smiles, self.drug_reasons, self.target_ids, self.targets,
            self.drug[rows], self.target[rows], self.label[rows], self.fold[rows],
        )  # fmt: skip


def require_structures(pairs: PairData, drugs: str | PathLike[str]) -> None:
    """Refuse a drugs table for training in which a structure cannot be read.

    Raises
    ------
    InputError
        Naming the first such line and what is wrong with it.
    """
    for row, reason in enumerate(pairs.drug_reasons):
        if reason:
            raise InputError(
                reason, file=drugs, record=row + 2, field="smiles", expected="a SMILES that RDKit reads",
                hint="correct or remove that drug and its pairs",
            )  # fmt: skip


def read_table(path: str | PathLike[str], required: tuple[str, ...], what: str) -> pd.DataFrame:
    """A TSV, CSV or Parquet table with the columns asked for, all values as text."""
    name = Path(path)
    if not name.exists():
        raise InputError(f"{what} table not found", file=name, hint="check the path")
    try:
        if name.suffix == ".parquet":
            table = pd.read_parquet(name).astype(str).fillna("")
        else:
            separator = "," if ".csv" in name.suffixes else "\t"
            table = pd.read_csv(name, sep=separator, dtype=str, keep_default_na=False)
    except (EOFError, OSError, ValueError) as error:  # pandas' and pyarrow's own errors are ValueErrors
        reason = " ".join(str(error).split())
        raise InputError(
            f"{what} table cannot be read: {reason}", file=name, hint="write it again"
        ) from error
    missing = [column for column in required if column not in table.columns]
    if missing:
        raise InputError(
            f"{what} table has no column {missing[0]!r}; its columns are {', '.join(table.columns)}",
            file=name, record="header", field=missing[0], expected=f"columns {', '.join(required)}",
        )  # fmt: skip
    return table


def _number(text: pd.Series, path: str | PathLike[str], field: str) -> NDArray[np.float64]:
    values = pd.to_numeric(text.replace({"": "nan", "NA": "nan"}), errors="coerce")
    bad = np.flatnonzero((values.isna() & ~text.str.lower().isin({"", "na", "nan"})) | np.isinf(values))
    if len(bad):
        raise InputError(
            f"{text.iloc[bad[0]]!r} is not a number", file=path, record=int(bad[0]) + 2, field=field,
            expected="a finite number, or empty for missing", hint="correct that line",
        )  # fmt: skip
    return values.to_numpy(dtype=np.float64)


def _fold_number(text: pd.Series, path: str | PathLike[str], field: str) -> NDArray[np.int64]:
    values = _number(text, path, field)
    bad = np.flatnonzero(~(values >= 0) | (values % 1 != 0))
    if len(bad):
        raise InputError(
            f"{text.iloc[bad[0]]!r} is no fold", file=path, record=int(bad[0]) + 2, field=field,
            expected="a whole number from 0 on every line", hint="correct that line",
        )  # fmt: skip
    return values.astype(np.int64)


def _require_sequences(text: pd.Series, path: str | PathLike[str]) -> None:
    bad = np.flatnonzero(~text.str.strip().str.fullmatch(r"[A-Za-z]+\*?"))
    if len(bad):
        raise InputError(
            f"{text.iloc[bad[0]][:30]!r} is no protein sequence", file=path, record=int(bad[0]) + 2,
            field="sequence", expected="amino acids in one-letter code", hint="correct or remove that target",
        )  # fmt: skip


def _index(
    keys: pd.Series, known: pd.Series, path: str | PathLike[str], field: str, table: str
) -> NDArray[np.int64]:
    index = pd.Index(known).get_indexer(keys)
    if (index < 0).any():
        row = int(np.flatnonzero(index < 0)[0])
        raise InputError(
            f"{keys.iloc[row]!r} is not in the {table} table", file=path, record=row + 2, field=field,
            expected=f"one of the {len(known)} identifiers there", hint=f"add it to the {table} table",
        )  # fmt: skip
    return index.astype(np.int64)


def read_pairs(
    pairs: str | PathLike[str],
    drugs: str | PathLike[str],
    targets: str | PathLike[str],
    *,
    label: str | None = None,
    folds: str | None = None,
) -> PairData:
    """Read pairs with their drugs and targets.

    Parameters
    ----------
    pairs
        Columns ``drug_id``, ``target_id``, the label's and the folds'.
    drugs
        Columns ``drug_id``, ``smiles``; a column ``isomeric_smiles``, where there is one, is read instead.
    targets
        Columns ``target_id``, ``sequence``, optional ``variant``, ``domain``.
    label
        Column of the label; without one, labels are NaN.
    folds
        Column of the fold, an integer.

    Returns
    -------
    PairData
        In the order of the pairs table.

    Raises
    ------
    InputError
        Naming file, line and field.
    """
    required = ("drug_id", "target_id", *([label] if label else []), *([folds] if folds else []))
    pair_table = read_table(pairs, required, "pairs")
    drug_table = read_table(drugs, ("drug_id", "smiles"), "drugs")
    target_table = read_table(targets, ("target_id", "sequence"), "targets")
    for table, field, path in ((drug_table, "drug_id", drugs), (target_table, "target_id", targets)):
        twice = np.flatnonzero(table[field].duplicated())
        if len(twice):
            raise InputError(
                f"{table[field].iloc[twice[0]]!r} stands twice", file=path, record=int(twice[0]) + 2,
                field=field, expected="distinct identifiers", hint="remove one of the two",
            )  # fmt: skip
    _require_sequences(target_table["sequence"], targets)
    parsed = [
        parse_target(
            row["target_id"],
            row["sequence"].strip().upper(),
            variant=row.get("variant"),
            domain=row.get("domain"),
        )
        for row in target_table.to_dict("records")
    ]
    n = len(pair_table)
    structures = drug_table.get("isomeric_smiles", drug_table["smiles"])
    standard = [standardise_smiles(smiles) for smiles in structures]
    return PairData(
        label or "",
        tuple(drug_table["drug_id"]),
        tuple(molecule.smiles for molecule in standard),
        tuple(molecule.reason for molecule in standard),
        tuple(target_table["target_id"]),
        tuple(place_variants(parsed)),
        _index(pair_table["drug_id"], drug_table["drug_id"], pairs, "drug_id", "drugs"),
        _index(pair_table["target_id"], target_table["target_id"], pairs, "target_id", "targets"),
        _number(pair_table[label], pairs, label) if label else np.full(n, np.nan),
        _fold_number(pair_table[folds], pairs, folds) if folds else np.full(n, -1),
    )
