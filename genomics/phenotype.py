"""Phenotype tables: one trait and its covariates, aligned with the samples of a cohort."""

from __future__ import annotations

import csv
import gzip
import io
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from genomics.errors import InputError

MISSING = ("", "NA")
MAX_LEVELS = 20
_SAMPLE_COLUMNS = ("sample_id", "IID")


@dataclass(frozen=True)
class Phenotypes:
    """A trait and its covariates in the order of a cohort's samples.

    Attributes
    ----------
    trait
        Column of the table.
    trait_type
        'binary' (values 0 and 1) or 'quantitative'.
    values
        (n_samples,), NaN where the sample has no row or an empty value.
    covariates
        One row per sample, one numeric column per covariate; a categorical covariate has one 0/1 column per
        level but the first, named ``covariate=level``. NaN where missing.
    n_matched
        Rows of the table whose sample is in the cohort.
    n_unmatched
        Rows of the table whose sample is not.
    """

    trait: str
    trait_type: str
    values: NDArray[np.float64]
    covariates: pd.DataFrame
    n_matched: int
    n_unmatched: int


def read_phenotypes(
    path: str | os.PathLike[str],
    trait: str,
    covariates: Sequence[str] = (),
    *,
    sample_ids: Sequence[str] | NDArray[np.str_],
    trait_type: str | None = None,
    one_two: bool = False,
) -> Phenotypes:
    r"""Read one trait, and covariates, from a table with a header, one row per sample.

    Parameters
    ----------
    path
        Text table separated by tabs, commas or blanks (``.gz`` too), or Parquet. Samples are named in column
        ``sample_id`` or ``IID``; ``FID`` is ignored. Empty and ``NA`` are missing.
    trait
        Column of the trait.
    covariates
        Columns of the covariates: numbers, or text with at most 20 levels.
    sample_ids
        The cohort's samples.
    trait_type
        'binary' or 'quantitative'; by default binary where the values are 0 and 1 alone.
    one_two
        A binary trait is coded 1 (control) and 2 (case), as in PLINK.

    Returns
    -------
    Phenotypes
        Aligned to `sample_ids`.

    Raises
    ------
    InputError
        If a column is missing, constant or not a number, a sample has two rows, or no sample is one of
        the cohort's.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> table = pathlib.Path(tempfile.mkdtemp()) / "traits.tsv"
    >>> _ = table.write_text("sample_id\tflare\tage\nA\t1\t50\nB\t0\t41\nC\tNA\t33\n")
    >>> read_phenotypes(table, "flare", ["age"], sample_ids=["B", "A", "D"]).values
    array([ 0.,  1., nan])
    """
    path = Path(path)
    if trait_type not in (None, "binary", "quantitative"):
        raise InputError(f"trait type {trait_type!r} is not known", expected="'binary' or 'quantitative'")
    table = _read_table(path)
    key = _sample_column(table, path)
    for name in (trait, *covariates):
        _require_column(table, name, path, what="trait" if name == trait else "covariate")
    if trait in covariates:
        raise InputError(
            "the trait is among its own covariates", file=path, field=trait, hint="leave it out of them"
        )
    _require_unique(table[key], path, key)
    where = _align(table[key], np.asarray(sample_ids, dtype=object), path, key)
    values, kind = _trait_values(table[trait], trait, path, trait_type, one_two)
    columns = [
        column for name in dict.fromkeys(covariates) for column in _covariate_columns(table[name], name, path)
    ]
    found = where >= 0
    aligned = _take(values, where)
    _require_variation(aligned[found], trait, path, what="trait", scope="the samples of the cohort")
    frame = pd.DataFrame(
        {name: _take(column, where) for name, column in columns}, index=pd.RangeIndex(len(where))
    )
    return Phenotypes(trait, kind, aligned, frame, int(found.sum()), int(len(table) - found.sum()))


def _read_table(path: Path) -> pd.DataFrame:
    """All cells as text without surrounding blanks; row ``i`` is record ``i + 1``, the header not counted."""
    if path.suffix == ".parquet":
        return _text_of(pd.read_parquet(path))
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig")
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise InputError(
            "is not whole", file=path, expected="a complete gzip file", hint="copy it again"
        ) from None
    except UnicodeDecodeError:
        raise InputError("is not a text table", file=path, expected="UTF-8 text or Parquet") from None
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})", file=path, expected="a phenotype table"
        ) from None
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=0) if line.strip()]
    if not lines:
        raise InputError("is empty", file=path, expected="a header line and one row per sample")
    rows = _split(lines)
    header = [name.strip().removeprefix("#") for name in rows[0]]
    repeated = sorted({name for name in header if header.count(name) > 1})
    if repeated:
        raise InputError(
            "two columns have this name", file=path, field=repeated[0], hint="rename one of them"
        )
    for (number, _), row in zip(lines[1:], rows[1:], strict=True):
        if len(row) != len(header):
            raise InputError(
                f"has {len(row)} fields",
                file=path,
                record=number,
                expected=f"{len(header)}, as in the header",
            )
    if len(rows) == 1:
        raise InputError("has a header but no rows", file=path, expected="one row per sample")
    cells = [[cell.strip() for cell in row] for row in rows[1:]]
    return pd.DataFrame(cells, columns=header, dtype=object, index=[number for number, _ in lines[1:]])


def _text_of(frame: pd.DataFrame) -> pd.DataFrame:
    text = {
        str(name): [
            "" if missing else _cell_text(cell) for cell, missing in zip(column, column.isna(), strict=True)
        ]
        for name, column in frame.items()
    }
    return pd.DataFrame(text, dtype=object, index=range(1, len(frame) + 1))


def _cell_text(cell: object) -> str:
    if isinstance(cell, bool | np.bool_):
        return str(int(cell))
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _split(lines: list[tuple[int, str]]) -> list[list[str]]:
    header = lines[0][1]
    for delimiter in ("\t", ","):
        if delimiter in header:
            return list(csv.reader(io.StringIO("\n".join(line for _, line in lines)), delimiter=delimiter))
    return [line.split() for _, line in lines]


def _sample_column(table: pd.DataFrame, path: Path) -> str:
    for name in _SAMPLE_COLUMNS:
        if name in table.columns:
            return name
    raise InputError(
        f"has no column that names the samples (columns: {_listing(table.columns)})",
        file=path,
        field="sample_id",
        expected="a column sample_id or IID",
        hint="rename the column that holds the samples' identifiers",
    )


def _require_column(table: pd.DataFrame, name: str, path: Path, *, what: str) -> None:
    if name not in table.columns:
        others = [c for c in table.columns if c not in (*_SAMPLE_COLUMNS, "FID")]
        raise InputError(
            f"the {what} is not a column of the table",
            file=path,
            field=name,
            expected=f"one of: {_listing(others)}",
            hint=f"name one of these as the {what}",
        )


def _listing(names: Sequence[str] | pd.Index, most: int = 12) -> str:
    shown = [str(name) for name in names]
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more


def _require_unique(ids: pd.Series, path: Path, key: str) -> None:
    empty = ids.isin(MISSING)
    if empty.any():
        raise InputError("no sample is named", file=path, record=int(ids.index[empty][0]), field=key)
    repeated = ids[ids.duplicated()]
    if len(repeated):
        second = int(repeated.index[0])
        first = int(ids.index[ids == repeated.iloc[0]][0])
        raise InputError(
            f"the same sample as in record {first}",
            file=path,
            record=second,
            field=key,
            expected="one row per sample",
            hint="remove or rename one of the two rows",
        )


def _align(ids: pd.Series, sample_ids: NDArray[np.object_], path: Path, key: str) -> NDArray[np.int64]:
    """Row of the table for each sample of the cohort, -1 where it has none."""
    where = pd.Index(ids.astype(str)).get_indexer(pd.Index(sample_ids.astype(str)))
    if (where >= 0).any():
        return np.asarray(where, dtype=np.int64)
    raise InputError(
        f"none of its {len(ids)} rows names one of the cohort's {len(sample_ids)} samples",
        file=path,
        field=key,
        expected=f"identifiers like the cohort's ({_shape(sample_ids)}), found {_shape(ids.to_numpy())}",
        hint=_naming_hint(ids.astype(str).tolist(), sample_ids.astype(str).tolist()),
    )


def _shape(ids: NDArray[np.object_]) -> str:
    """Describe how identifiers are written without showing any: letters as A, digits as 9."""
    patterns = pd.Series(
        ["".join("9" if c.isdigit() else "A" if c.isalpha() else c for c in str(i)) for i in ids]
    )
    return f"written like {patterns.mode().iloc[0]!r}"


def _naming_hint(ids: list[str], sample_ids: list[str]) -> str:
    if {i.lower() for i in ids} & {s.lower() for s in sample_ids}:
        return "they differ in upper and lower case: write them alike"
    if {f"{i}_{i}" for i in ids} & set(sample_ids):
        return "the cohort names samples FID_IID: write the table's identifiers so"
    if {i.lstrip("0") for i in ids} & {s.lstrip("0") for s in sample_ids}:
        return "they differ in leading zeros: write them alike"
    return "rename the samples in one of the two"


def _trait_values(
    column: pd.Series, trait: str, path: Path, trait_type: str | None, one_two: bool
) -> tuple[NDArray[np.float64], str]:
    values = _numbers(column, trait, path)
    distinct = set(np.unique(values[~np.isnan(values)]))
    _require_variation(values, trait, path, what="trait", scope="the table")
    if one_two:
        _require_coding(values, column, trait, path, {1.0, 2.0}, "1 (control), 2 (case), empty or NA")
        return values - 1.0, "binary"
    if trait_type is None and distinct == {1.0, 2.0}:
        raise InputError(
            "the values are 1 and 2",
            file=path,
            field=trait,
            expected="0 and 1 for a binary trait",
            hint="say whether they mean control and case (one_two=True, --one-two) or a quantity",
        )
    kind = trait_type or ("binary" if distinct <= {0.0, 1.0} else "quantitative")
    if kind == "binary":
        _require_coding(values, column, trait, path, {0.0, 1.0}, "0 (control), 1 (case), empty or NA")
    return values, kind


def _numbers(column: pd.Series, name: str, path: Path) -> NDArray[np.float64]:
    missing = column.isin(MISSING)
    values = pd.to_numeric(column.mask(missing), errors="coerce").astype(np.float64)
    bad = ~missing & ~np.isfinite(values)
    if bad.any():
        raise InputError(
            f"{_shorten(column[bad].iloc[0])!r} is not a number",
            file=path,
            record=int(column.index[bad][0]),
            field=name,
            expected="a number, empty or NA",
            hint="correct the value or leave it empty",
        )
    return np.asarray(values, dtype=np.float64)


def _shorten(text: object, most: int = 30) -> str:
    shown = str(text)
    return shown if len(shown) <= most else shown[:most] + "..."


def _require_coding(
    values: NDArray[np.float64], column: pd.Series, trait: str, path: Path, allowed: set[float], expected: str
) -> None:
    bad = ~np.isnan(values) & ~np.isin(values, list(allowed))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        hint = None
        if allowed == {0.0, 1.0} and 2.0 in values[bad]:
            hint = "for a trait coded 1 and 2 say so (one_two=True, --one-two)"
        raise InputError(
            f"{_shorten(column.iloc[row])!r} does not code a binary trait",
            file=path,
            record=int(column.index[row]),
            field=trait,
            expected=expected,
            hint=hint,
        )


def _require_variation(values: NDArray[np.float64], name: str, path: Path, *, what: str, scope: str) -> None:
    observed = values[~np.isnan(values)]
    if len(observed) and observed.min() < observed.max():
        return
    state = "has no value" if not len(observed) else "is constant"
    raise InputError(
        f"the {what} {state} among {scope}",
        file=path,
        field=name,
        expected="at least two different values",
        hint=f"choose another {what}",
    )


def _covariate_columns(column: pd.Series, name: str, path: Path) -> list[tuple[str, NDArray[np.float64]]]:
    present = column[~column.isin(MISSING)]
    if len(present) and pd.to_numeric(present, errors="coerce").isna().all():
        return _levels(column, present, name, path)
    values = _numbers(column, name, path)
    _require_variation(values, name, path, what="covariate", scope="the table")
    return [(name, values)]


def _levels(
    column: pd.Series, present: pd.Series, name: str, path: Path
) -> list[tuple[str, NDArray[np.float64]]]:
    levels = sorted(set(present))
    if not 2 <= len(levels) <= MAX_LEVELS:
        raise InputError(
            f"the covariate is text with {len(levels)} different value(s)",
            file=path,
            field=name,
            expected=f"numbers, or 2 to {MAX_LEVELS} levels",
            hint="recode it or leave it out",
        )
    missing = column.isin(MISSING).to_numpy()
    return [
        (f"{name}={level}", np.where(missing, np.nan, (column == level).to_numpy(dtype=float)))
        for level in levels[1:]
    ]


def _take(values: NDArray[np.float64], where: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.where(where >= 0, values[np.maximum(where, 0)], np.nan)
