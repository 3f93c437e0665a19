"""Read genotype profiles from wide tables: one row per cell line or patient, one column per gene."""

from __future__ import annotations

import csv
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float32, Float64

from genomics.errors import InputError
from genomics.gene_names import current_names, looks_transposed, shown
from genomics.profile_scales import check_values, to_relative_log2
from genomics.profiles import GenotypeProfiles, no_known_gene, require_block_name
from genomics.readers.text_table import table_lines

PathLike = str | os.PathLike[str]
MISSING = frozenset({"", "NA", "NaN", "nan"})


def read_profile_tables(
    tables: Mapping[str, PathLike],
    id_column: str = "depmap_id",
    covariates: PathLike | None = None,
    covariate_columns: Sequence[str] = (),
    *,
    covariate_id_column: str | None = None,
    aliases: Mapping[str, str] | None = None,
    known_genes: Collection[str] = (),
    copy_number_scale: str = "relative_log2",
) -> GenotypeProfiles:
    r"""Read one table per block, and the samples' covariates.

    Parameters
    ----------
    tables
        Table of each block: ``mutation`` (0, 1), ``copy_number``, ``burden`` (whole copies), ``expression``.
        Text separated by tabs or commas (``.gz`` too) or Parquet. Empty, NA and NaN are missing. A sample
        that only some of the tables have is missing in the others.
    id_column
        Column that names the samples; every other column is a gene.
    covariates
        Table of the samples' covariates; rows of other samples are passed over.
    covariate_columns
        Its columns to take, such as the tissue, read as text.
    covariate_id_column
        Its column that names the samples: by default `id_column`, or the one that differs from it only in
        case and underscores (``depMapID`` for ``depmap_id``).
    aliases
        Present symbol of each former one. A column under a former symbol is renamed, and said.
    known_genes
        Symbols of genes; where given, a table must have some of them.
    copy_number_scale
        Of the table, declared: 'relative_log2' is log2(x + 1) with x relative to two copies, and is kept;
        'absolute' counts copies, and is converted. The values are checked to look like it.

    Returns
    -------
    GenotypeProfiles
        `remarks` tells of renamed genes, missing values and samples without a row.

    Raises
    ------
    InputError
        A table is transposed, shares no sample with the others, names a sample or gene twice, holds a value that its block cannot, has no
        known gene, or is on another scale than declared. File, record (rows are counted from 1, without the
        header) and column are named.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "mutation.tsv"
    >>> _ = path.write_text("depmap_id\tTP53\tMLL2\nACH-2\t1\t0\nACH-1\t\t1\n")
    >>> profiles = read_profile_tables({"mutation": path}, aliases={"MLL2": "KMT2D"})
    >>> profiles.sample_ids, profiles.genes["mutation"]
    (('ACH-1', 'ACH-2'), ('KMT2D', 'TP53'))
    >>> profiles.remarks
    ('mutation: renamed MLL2 to KMT2D', 'mutation: 1 of 4 values is missing')
    """
    if not tables:
        raise InputError("no table is given", field="tables", expected="one block or more")
    remarks: list[str] = []
    symbols = {*known_genes, *(aliases or {}), *(aliases or {}).values()}
    read: dict[str, _Table] = {}
    for block, path in tables.items():
        require_block_name(block)
        table = _read_block(Path(path), id_column, symbols)
        read[block] = _as_profile(table, block, aliases or {}, known_genes, copy_number_scale, remarks)
    _require_shared_samples(read, id_column)
    samples = sorted(set(chain.from_iterable(table.ids for table in read.values())))
    blocks = {}
    for block, table in read.items():
        _say_absent(block, samples, table.ids, remarks)
        blocks[block] = (table.genes, _rows_for(samples, table))
    frame = None
    if covariates is not None:
        keys = (id_column, covariate_id_column)
        frame = _read_covariates(Path(covariates), samples, covariate_columns, keys, remarks)
    elif covariate_columns:
        raise InputError("no table of covariates is given", field=covariate_columns[0], expected="a table")
    return GenotypeProfiles.of(samples, blocks, frame, remarks)


@dataclass(frozen=True)
class _Table:
    """A block of one file: rows by sample, columns by gene, in the file's order."""

    path: Path
    ids: list[str]
    genes: Sequence[str]
    values: Float64[np.ndarray, "rows genes"]


def read_cells(path: Path) -> tuple[list[str], list[list[str]]]:
    r"""Read a table as text.

    Parameters
    ----------
    path
        Text separated by tabs, or by commas where the header has no tab (``.gz`` too), or Parquet.

    Returns
    -------
    header : list of str
    rows : list of list of str
        As many cells as the header has; missing cells of Parquet are empty.

    Raises
    ------
    InputError
        The file cannot be read, is empty, has two columns of one name, or a row is of another length.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "t.csv"
    >>> _ = path.write_text("id,TP53\nA,1\n")
    >>> read_cells(path)
    (['id', 'TP53'], [['A', '1']])
    """
    if path.suffix == ".parquet":
        return _parquet_cells(path)
    lines = list(table_lines(path))
    if not lines:
        raise InputError("is empty", file=path, expected="a header and one row per sample")
    delimiter = "\t" if "\t" in lines[0] else ","
    rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter)]
    header = [rows[0][0].removeprefix("\ufeff"), *rows[0][1:]]
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != len(header):
            raise InputError(f"has {len(row)} fields", file=path, record=number, expected=f"{len(header)}")
    _require_once(header, path)
    return header, rows[1:]


def _parquet_cells(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        frame = pd.read_parquet(path)
    except FileNotFoundError:
        raise InputError("no such file", file=path, hint="check the path") from None
    except (OSError, ValueError) as error:
        raise InputError("cannot be read", file=path, expected="a Parquet table") from error
    if frame.index.name is not None:
        frame = frame.reset_index()
    columns = []
    for _, column in frame.items():
        missing = column.isna()
        text = column.astype("int8" if column.dtype == bool else object).astype(str)
        columns.append(text.where(~missing, "").tolist())
    header = [str(name) for name in frame]
    _require_once(header, path)
    return header, [list(row) for row in zip(*columns, strict=True)]


def _require_once(header: Sequence[str], path: Path) -> None:
    seen: set[str] = set()
    for name in header:
        if name in seen:
            raise InputError(
                "two columns have this name",
                file=path,
                field=name,
                expected="each gene once",
                hint="remove one of the two",
            )
        seen.add(name)


def _require_shared_samples(read: Mapping[str, _Table], id_column: str) -> None:
    first, *others = read.values()
    for table in others:
        if not set(first.ids).intersection(table.ids):
            raise InputError(
                f"no sample of the table ({shown(table.ids[:3])}) is one of {first.path.name}",
                file=table.path,
                field=id_column,
                expected=f"names such as {shown(first.ids[:3])}",
                hint="name samples alike in all tables; a table with genes in its rows is transposed",
            )


def _read_block(path: Path, id_column: str, known: Collection[str]) -> _Table:
    header, rows = read_cells(path)
    place = header.index(id_column) if id_column in header else 0
    genes = [name for column, name in enumerate(header) if column != place]
    ids = [row[place] for row in rows]
    if looks_transposed(ids, genes, known):
        raise InputError(
            f"the table is transposed: its rows are genes ({shown(ids[:3])}) and its columns are not",
            file=path,
            record=1,
            field=header[place],
            expected=f"one row per sample, one column per gene, and a column {id_column}",
            hint="transpose it",
        )
    if id_column not in header:
        raise InputError(
            f"has no column that names the samples (columns: {', '.join(header[:3])}, ...)",
            file=path,
            field=id_column,
            expected=f"a column {id_column}",
            hint="name the column that holds them",
        )
    if not genes or not rows:
        what = "gene" if rows else "row"
        raise InputError(f"has no {what}", file=path, expected="one row per sample, one column per gene")
    require_ids(ids, path, id_column)
    values = [row[:place] + row[place + 1 :] for row in rows]
    return _Table(path, ids, genes, _numbers(values, genes, path))


def require_ids(ids: Sequence[str], path: Path, column: str) -> None:
    """Check that each row names a sample, and each another one.

    Raises
    ------
    InputError
        One does not; the record is named.
    """
    first: dict[str, int] = {}
    for number, name in enumerate(ids, start=1):
        if name in MISSING:
            raise InputError("no sample is named", file=path, record=number, field=column)
        if name in first:
            raise InputError(
                f"the same sample ({name}) as in record {first[name]}",
                file=path,
                record=number,
                field=column,
                expected="one row per sample",
                hint="remove one of the two",
            )
        first[name] = number


def _numbers(rows: list[list[str]], genes: Sequence[str], path: Path) -> Float64[np.ndarray, "rows genes"]:
    values = np.empty((len(rows), len(genes)))
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            values[number, column] = np.nan if cell in MISSING else _number(cell)
            if np.isinf(values[number, column]):
                raise InputError(
                    f"{cell[:30]!r} is not a number",
                    file=path,
                    record=number + 1,
                    field=genes[column],
                    expected="a number, empty or NA",
                    hint=f"is {genes[column]} a gene? leave other columns out",
                )
    return values


def _number(cell: str) -> float:
    """Read a number; infinite where the text is none."""
    try:
        return np.inf if "_" in cell else float(cell)
    except ValueError:
        return np.inf


def _as_profile(
    table: _Table,
    block: str,
    aliases: Mapping[str, str],
    known_genes: Collection[str],
    scale: str,
    remarks: list[str],
) -> _Table:
    genes, renamed = current_names(table.genes, aliases, file=str(table.path))
    for former, present in sorted(renamed.items()):
        remarks.append(f"{block}: renamed {former} to {present}")
    if known_genes:
        known, _ = current_names(sorted(known_genes), aliases, file="known genes")
        unknown = set(genes).difference(known)
        if len(unknown) == len(genes):
            raise no_known_gene(block, genes, known, str(table.path))
        if unknown:
            remarks.append(f"{block}: {len(unknown)} of {len(genes)} genes not known ({shown(unknown)})")
    values = check_values(block, table.values, (table.ids, table.genes), table.path, scale)
    if block == "copy_number" and scale == "absolute":
        values = to_relative_log2(values)
        remarks.append("copy_number: absolute copies, converted to log2(copies / 2 + 1)")
    n_missing = int(np.isnan(values).sum())
    if n_missing:
        verb = "is" if n_missing == 1 else "are"
        remarks.append(f"{block}: {n_missing} of {values.size} values {verb} missing")
    return _Table(table.path, table.ids, genes, values)


def _say_absent(block: str, samples: Sequence[str], ids: Sequence[str], remarks: list[str]) -> None:
    absent = set(samples).difference(ids)
    if absent:
        remarks.append(f"{block}: no row for {len(absent)} of {len(samples)} samples, missing there")


def _rows_for(samples: Sequence[str], table: _Table) -> Float32[np.ndarray, "samples genes"]:
    place = {name: row for row, name in enumerate(table.ids)}
    rows = np.array([place.get(name, -1) for name in samples], dtype=np.int64)
    values = table.values[np.maximum(rows, 0)].astype(np.float32)
    values[rows < 0] = np.nan
    return values


def _read_covariates(
    path: Path,
    samples: Sequence[str],
    columns: Sequence[str],
    keys: tuple[str, str | None],
    remarks: list[str],
) -> pd.DataFrame:
    header, rows = read_cells(path)
    key = _covariate_key(header, path, *keys)
    for name in columns:
        if name not in header:
            raise InputError(
                "the covariate is not a column of the table",
                file=path,
                field=name,
                expected=f"one of: {', '.join(header)}",
            )
    ids = [row[header.index(key)] for row in rows]
    require_ids(ids, path, key)
    frame = pd.DataFrame(
        {name: [row[header.index(name)] for row in rows] for name in columns}, index=ids, dtype="str"
    )
    frame = frame.mask(frame.isin(MISSING)).reindex(list(samples))
    absent = set(samples).difference(ids)
    if len(absent) == len(samples):
        raise InputError(
            "none of its rows is one of the samples",
            file=path,
            field=key,
            expected=f"names such as {samples[0]}",
        )
    for name in columns:
        n_missing = int(frame[name].isna().sum())
        if n_missing:
            remarks.append(f"covariate {name}: missing for {n_missing} of {len(samples)} samples")
    return frame


def _covariate_key(header: Sequence[str], path: Path, id_column: str, given: str | None) -> str:
    wanted = given or id_column
    if wanted in header:
        return wanted
    plain = wanted.replace("_", "").casefold()
    alike = [name for name in header if name.replace("_", "").casefold() == plain]
    if given is None and len(alike) == 1:
        return alike[0]
    raise InputError(
        "has no column that names the samples",
        file=path,
        field=wanted,
        expected=f"one of: {', '.join(header)}",
        hint="name the column that holds them",
    )
