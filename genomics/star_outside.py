"""Calls of other programs for genes that variant calls cannot settle, read and put in the place of our own.

Two forms are read. PharmCAT's has no header: gene, diplotype, phenotype, activity score, each of the last
three may be empty, and ``#`` starts a comment; such a file belongs to one sample, the only one of the cohort
or the one that the file's name begins with (``SAMPLE.outside.tsv``). Ours has a header that names the columns,
``sample_id`` among them. A folder of either is read file by file.

PharmCAT takes several calls for one gene. Here a sample has one call per gene: a repetition counts once, a
contradiction is refused. Results of single HLA alleles (``*57:01 positive``) add up.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from genomics.errors import InputError
from genomics.star_outside_fields import (
    FieldError,
    GeneNames,
    OutsideCall,
    hla_results,
    is_hla,
    join_results,
    parse_call,
)

OUTSIDE_COLUMNS = [
    "sample_id", "gene", "diplotype", "phenotype", "activity_score", "line", "file", "note",
]  # fmt: skip
GIVEN = "called by another program, taken as given"
_VALUES = ("diplotype", "phenotype", "activity_score")
_PHARMCAT = ("gene", *_VALUES)
_NOT_GIVEN: dict[str, str | float] = {"phenotype": "", "activity_score": np.nan}
_SAMPLE_COLUMNS = ("sample_id", "sample", "sampleid", "iid")
_SUFFIXES = (".tsv", ".txt", ".csv", ".parquet")
_SAMPLE_IN_NAME = re.compile(r"(.+)\.outside\d*")


@dataclass(frozen=True)
class _Line:
    """One line's fields by column."""

    file: Path
    number: int
    fields: Mapping[str, str]

    def error(self, message: str, field: str, expected: str, hint: str = "") -> InputError:
        return InputError(
            message, file=self.file, record=self.number, field=field, expected=expected, hint=hint or None
        )


def read_outside_calls(
    path: str | os.PathLike[str], sample_ids: Sequence[str], genes: Mapping[str, GeneNames]
) -> pd.DataFrame:
    """Read calls made elsewhere.

    Parameters
    ----------
    path
        File or folder: ``.tsv`` or ``.txt``, ``.csv``, ``.parquet`` (the last with named columns).
    sample_ids
        Samples of the cohort.
    genes
        Genes that may be called, with what is known of their names.

    Returns
    -------
    pandas.DataFrame
        One row per sample (in the cohort's order) and gene: sample_id, gene, diplotype (alleles in the
        definition's order, empty where not given), phenotype (empty unless given), activity_score (NaN unless
        given), line (1-based), file, note (what was not read as written; alleles unknown to us).

    Raises
    ------
    InputError
        Naming file, line and field: the file cannot be read or holds no calls; a gene is not known; a line has
        neither alleles nor phenotype nor score, or too many alleles; a sample is not in the cohort or not
        named; two lines contradict each other.
    """
    source = Path(path)
    known = {gene.casefold(): gene for gene in genes}
    calls: dict[tuple[str, str], tuple[OutsideCall, _Line]] = {}
    for line in _lines(source):
        sample = _sample(line, sample_ids)
        gene = known.get(line.fields["gene"].casefold())
        if gene is None:
            with_spaces = line.fields["gene"].split()[0].casefold() in known
            raise line.error(
                f"{line.fields['gene']!r} is no gene that we know", "gene", "the symbol of a pharmacogene",
                "separate fields by tabs" if with_spaces else "correct it or remove the line",
            )  # fmt: skip
        try:
            diplotype, phenotype, score = (line.fields.get(name, "") for name in _VALUES)
            call = parse_call(gene, diplotype, phenotype, score, genes[gene])
            if call is None:
                continue
            before = calls.get((sample, gene))
            if before is not None:
                call = _join(gene, before[0], call)
            _check_hla(gene, call)
        except FieldError as error:
            raise line.error(error.message, error.field, error.expected, error.hint) from None
        calls[sample, gene] = (call, line if before is None else before[1])
    place = {sample: i for i, sample in enumerate(sample_ids)}
    rows = [
        (
            sample,
            gene,
            c.diplotype,
            c.phenotype,
            c.activity_score,
            line.number,
            line.file.name,
            _told(c.notes),
        )
        for (sample, gene), (c, line) in sorted(
            calls.items(), key=lambda item: (place[item[0][0]], item[0][1])
        )
    ]
    table = pd.DataFrame(rows, columns=OUTSIDE_COLUMNS)
    return table.astype({"activity_score": float, "line": int})


def _told(notes: Sequence[str]) -> str:
    return "; ".join(sorted(set(notes)))


def _lines(source: Path) -> Iterator[_Line]:
    if not source.is_dir():
        yield from _file_lines(source)
        return
    files = sorted(p for p in source.iterdir() if p.suffix in _SUFFIXES and not p.name.startswith("."))
    if not files:
        raise InputError(
            "this folder holds no outside calls",
            file=source,
            expected=f"files ending in {', '.join(_SUFFIXES)}",
        )
    for file in files:
        yield from _file_lines(file)


def _file_lines(file: Path) -> Iterator[_Line]:
    rows = _parquet_rows(file) if file.suffix == ".parquet" else _text_rows(file)
    if not rows:
        raise InputError("this file holds no outside calls", file=file, expected="gene, diplotype and so on")
    first = [_column(name) for name in rows[0][1]]
    if "gene" not in first and "sample_id" not in first:
        columns: Sequence[str] = _PHARMCAT
    else:
        columns = first
        rows = rows[1:]
        _check_header(file, columns)
    for number, values in rows:
        trimmed = [value.strip() for value in values]
        while len(trimmed) > len(columns) and not trimmed[-1]:
            trimmed.pop()
        line = _Line(file, number, dict(zip(columns, trimmed)))
        if len(trimmed) > len(columns):
            raise line.error(f"there are {len(trimmed)} fields", columns[-1], f"at most {len(columns)}")
        if not line.fields.get("gene"):
            raise line.error("there is no gene", "gene", "the symbol of a pharmacogene")
        yield line


def _column(name: str) -> str:
    plain = "_".join(name.casefold().split())
    return "sample_id" if plain in _SAMPLE_COLUMNS else plain


def _check_header(file: Path, columns: Sequence[str]) -> None:
    missing = [name for name in ("gene",) if name not in columns]
    if not set(_VALUES) & set(columns):
        missing.append("diplotype")
    twice = [name for name in columns if name and columns.count(name) > 1]
    if missing or twice:
        message = f"there is no column {missing[0]!r}" if missing else f"the column {twice[0]!r} stands twice"
        raise InputError(
            message, file=file, record="header", field=(missing or twice)[0],
            expected="sample_id, gene and one or more of diplotype, phenotype, activity_score",
        )  # fmt: skip


def _text_rows(file: Path) -> list[tuple[int, list[str]]]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            f"outside calls cannot be read: {reason}", file=file, hint="check the path"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError("this is not text in UTF-8", file=file, hint="save it as plain text") from error
    kept = [
        (number, line)
        for number, line in enumerate(text.split("\n"), start=1)
        if line.strip() and not line.startswith("#")
    ]
    # Spreadsheets put names with commas, of which G6PD has many, between quotation marks.
    separator = "," if file.suffix == ".csv" else "\t"
    rows = []
    for number, line in kept:
        try:
            rows.append((number, next(csv.reader([line.rstrip("\r")], delimiter=separator))))
        except csv.Error as error:
            raise InputError(f"this line cannot be read: {error}", file=file, record=number) from error
    return rows


def _parquet_rows(file: Path) -> list[tuple[int, list[str]]]:
    try:
        table = pd.read_parquet(file)
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        reason = " ".join(str(error).split())
        raise InputError(f"outside calls cannot be read: {reason}", file=file) from error
    columns = [str(name) for name in table.columns]
    filled = table.astype(object).where(table.notna(), "")
    values = ([str(value) for value in row] for row in filled.itertuples(index=False, name=None))
    # Records count from 1; the header has no line of its own.
    return [(0, columns), *enumerate(values, start=1)]


def _sample(line: _Line, sample_ids: Sequence[str]) -> str:
    if "sample_id" in line.fields:
        sample, field, hint = line.fields["sample_id"], "sample_id", "remove that line or correct the name"
    else:
        named = _SAMPLE_IN_NAME.fullmatch(line.file.stem)
        sample, field, hint = named.group(1) if named else "", "file name", "rename the file"
        if not named and len(sample_ids) == 1:
            return sample_ids[0]
    if not sample and field == "file name":
        raise line.error(
            f"the sample of this file is not named, and the cohort has {len(sample_ids)}", field,
            "a file named SAMPLE.outside.tsv, or a column sample_id",
        )  # fmt: skip
    if sample not in set(sample_ids):
        raise line.error(
            f"sample {sample!r} is not in the cohort", field, f"one of its {len(sample_ids)} samples", hint
        )
    return sample


def _join(gene: str, one: OutsideCall, other: OutsideCall) -> OutsideCall:
    """Join two lines of one sample and gene, which agree or tell of different HLA alleles."""
    notes = (*one.notes, *other.notes)
    if _same(one, other):
        return OutsideCall(one.diplotype, one.phenotype, one.activity_score, notes)
    if not is_hla(gene) or (one.diplotype and other.diplotype and one.diplotype != other.diplotype):
        raise FieldError(
            "gene", "the same sample and gene stand twice, with different calls",
            "one call per sample and gene", "keep one",
        )  # fmt: skip
    results = [*hla_results(one.phenotype).items(), *hla_results(other.phenotype).items()]
    score = other.activity_score if np.isnan(one.activity_score) else one.activity_score
    return OutsideCall(one.diplotype or other.diplotype, join_results(gene, results), score, notes)


def _same(one: OutsideCall, other: OutsideCall) -> bool:
    scores = [one.activity_score, other.activity_score]
    same_score = scores[0] == scores[1] or bool(np.isnan(scores).all())
    return (one.diplotype, one.phenotype) == (other.diplotype, other.phenotype) and same_score


def _check_hla(gene: str, call: OutsideCall) -> None:
    """Refuse a result that contradicts the alleles of the same call."""
    if not is_hla(gene) or not call.diplotype:
        return
    alleles = call.diplotype.split("/")
    for allele, result in hla_results(call.phenotype).items():
        carried = any(one == allele or one.startswith(f"{allele}:") for one in alleles)
        if carried != (result == "positive"):
            raise FieldError(
                "phenotype",
                f"{allele} {result} contradicts the alleles {call.diplotype}",
                "results that agree",
            )


def outside_diplotypes(outside: pd.DataFrame) -> pd.DataFrame:
    """Turn outside calls into rows of a table of diplotypes, without what was given beside the alleles.

    Returns
    -------
    pandas.DataFrame
        In the order of `outside`: the columns of `genomics.stars.call_diplotypes`; posterior 1, status
        ``called``, and ``assumptions`` that say where the call is from.
    """
    rows = outside[["sample_id", "gene", "diplotype"]].assign(
        rank=1, posterior=1.0, posterior_no_prior=1.0, status="called", sites_missing="", reason=""
    )
    return rows.assign(assumptions=[f"{GIVEN}; {note}" if note else GIVEN for note in outside["note"]])


def apply_outside_calls(
    diplotypes: pd.DataFrame, outside: pd.DataFrame, expected: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Put outside calls in the place of our own for the same sample and gene.

    Parameters
    ----------
    diplotypes
        `genomics.stars.call_diplotypes`.
    outside
        `read_outside_calls`.
    expected
        The phenotype and activity_score that the rules give for `outside_diplotypes`, row by row; a
        difference from what was given is told in ``assumptions``.

    Returns
    -------
    pandas.DataFrame
        The diplotypes' columns with ``phenotype`` and ``activity_score`` added: what was given from outside,
        which stands, and empty or NaN elsewhere. Genes that were not called here get rows.
    """
    replaced = set(zip(outside["sample_id"], outside["gene"], strict=True))
    keys = zip(diplotypes["sample_id"], diplotypes["gene"], strict=True)
    ours = diplotypes[np.array([key not in replaced for key in keys], dtype=bool)]
    for name, nothing in _NOT_GIVEN.items():
        if name not in ours:
            ours = ours.assign(**{name: pd.Series(nothing, index=ours.index)})
    theirs = outside_diplotypes(outside)
    if expected is not None:
        theirs["assumptions"] += _disagreements(outside, expected)
    theirs = theirs.assign(**{name: outside[name] for name in _NOT_GIVEN})
    parts = [part for part in (ours, theirs.reindex(columns=ours.columns)) if len(part)]
    joined = pd.concat(parts, ignore_index=True) if parts else ours
    samples = pd.unique(pd.concat([diplotypes["sample_id"], outside["sample_id"]], ignore_index=True))
    order = joined["sample_id"].map({sample: place for place, sample in enumerate(samples)})
    joined = joined.assign(_order=order).sort_values(["_order", "gene", "rank"], kind="stable")
    return joined.drop(columns="_order").reset_index(drop=True)


def _disagreements(outside: pd.DataFrame, expected: pd.DataFrame) -> list[str]:
    """Tell for each outside call where the rules say otherwise; empty where they do not."""
    told = []
    given = zip(outside["phenotype"], outside["activity_score"], strict=True)
    rules = zip(expected["phenotype"], expected["activity_score"], strict=True)
    for (phenotype, score), (rule, rule_score) in zip(given, rules, strict=True):
        words = ""
        if phenotype and rule not in ("", "Indeterminate", phenotype):
            words += f"; the phenotype given stands, the rules give {rule} for these alleles"
        if score == score and rule_score == rule_score and score != rule_score:
            words += f"; the activity score given stands, the rules give {rule_score:g} for these alleles"
        told.append(words)
    return told
