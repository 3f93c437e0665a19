"""The command that searches a compound library: by similarity or by substructure."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from chem.errors import InputError
from varimol.steps import writing_to

if TYPE_CHECKING:
    from chem.library import CompoundLibrary
    from chem.search import LibrarySearch

PathName = str | os.PathLike[str]
Progress = Callable[[float], None]

DEFAULT_TOP = 100
_FILES = {".smi", ".smiles", ".csv", ".tsv", ".txt", ".sdf", ".parquet", ".inchi", ".gz"}

_NUMBERS = {"rank": "int64", "row": "int64", "similarity": "float64"}


def search(
    library: PathName,
    query: PathName | Sequence[str],
    out: PathName,
    *,
    top: int | None = None,
    threshold: float | None = None,
    metric: str = "tanimoto",
    alpha: float | None = None,
    beta: float | None = None,
    fingerprint: str = "morgan",
    substructure: str | None = None,
    chirality: bool = False,
    max_results: int | None = None,
    threads: int = 1,
    progress: Progress | None = None,
) -> int:
    """Search a compound library and write what is found.

    Parameters
    ----------
    library
        Folder that `varimol.library` wrote, which then keeps the index for the next search; or a compound file, which
        is read, standardised and indexed in memory, for this search alone.
    query
        A SMILES (or, with `substructure`, a SMARTS), several of them, or a compound file of queries; a text that is
        the name of a file is a file.
    out
        Table: TSV where the name ends in .tsv, else Parquet. Columns query (as given, or the identifier in the file of
        queries), rank (from 1 within each query), row (of the library), id, smiles (standardised), and similarity
        or, for a substructure, matched_atoms (numbers from 0 in the order of `smiles`, matches parted by semicolons).
    top, threshold
        How many of the most similar, and the least similarity, from 0 to 1. The top 100 unless either is given; all
        that reach the threshold where it alone is given.
    metric, alpha, beta
        'tanimoto', or 'tversky' with the weights of what only the query and only the compound has.
    fingerprint
        Kind of fingerprint that similarity is computed from.
    substructure
        'smarts' or 'smiles': find the compounds that contain the query, read in this way.
    chirality
        Let the stereochemistry of a substructure count.
    max_results
        Stop after so many compounds with a substructure.
    threads
        Threads, and processes that make the index.
    progress
        Called with the share of the queries that is done.

    Returns
    -------
    int
        Rows of the table.

    Raises
    ------
    InputError
        Library or query cannot be read, an option does not fit the others, or the index is damaged.
    """
    from chem.search import LibrarySearch

    _refuse_options(substructure, top, threshold, metric, alpha, beta, chirality, max_results)
    queries = _queries(query)
    searched = LibrarySearch(
        _opened(library, [fingerprint] * (substructure is None), threads),
        fingerprint=fingerprint,
        threads=threads,
    )
    tables: Iterable[pd.DataFrame]
    if substructure is None:
        limit = DEFAULT_TOP if top is None and threshold is None else top
        tables = _similar(searched, queries, limit, threshold or 0.0, metric, alpha, beta, progress)
    else:
        tables = _containing(searched, queries, substructure, chirality, max_results, progress)
    return _write(tables, Path(out), "similarity" if substructure is None else "matched_atoms")


def _refuse_options(
    substructure: str | None,
    top: int | None,
    threshold: float | None,
    metric: str,
    alpha: float | None,
    beta: float | None,
    chirality: bool,
    max_results: int | None,
) -> None:
    """Refuse what would otherwise be passed over in silence, before anything is read."""
    from chem.search_index import check_limits, metric_weights

    of_similarity = {"top": top, "threshold": threshold, "alpha": alpha, "beta": beta}
    of_substructure = {"chirality": chirality or None, "max-results": max_results}
    kind = "similarity" if substructure is None else "substructure"
    stray = of_substructure if substructure is None else of_similarity
    given = [f"--{name}" for name, value in stray.items() if value is not None]
    if given:
        raise InputError(f"{', '.join(given)} in a search by {kind}", hint=f"leave {given[0]} out")
    if substructure is None:
        metric_weights(metric, alpha, beta)
        check_limits(top, threshold or 0.0)


def _opened(library: PathName, fingerprints: Sequence[str], threads: int) -> CompoundLibrary:
    from chem.library import build_library, open_library

    place = Path(library)
    if place.is_dir():
        return open_library(place)
    return build_library(place, fingerprints=fingerprints, threads=threads)


def _queries(query: PathName | Sequence[str]) -> list[tuple[str, str]]:
    """Return the name and the text of each query."""
    if isinstance(query, os.PathLike) or (isinstance(query, str) and _is_file(query)):
        return list(_queries_of_file(Path(query)))
    if isinstance(query, str) and Path(query).suffix.lower() in _FILES:
        raise InputError("no such file", file=query, expected="a file of queries, or a SMILES or SMARTS")
    texts = [query] if isinstance(query, str) else list(query)
    if not texts:
        raise InputError("no query", field="query", expected="a SMILES, a SMARTS or a file of them")
    return [(text, text) for text in texts]


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # longer than a name can be
        return False


def _queries_of_file(file: Path) -> Iterator[tuple[str, str]]:
    from chem.read import read_compounds
    from chem.read_structure import structure_smiles

    for record in read_compounds(file):
        text, reason, _ = structure_smiles(record.input, record.kind)
        if record.reason or reason:
            raise InputError(
                f"the query cannot be read: {record.reason or reason}",
                file=file,
                record=record.row,
                hint="correct or remove it",
            )
        yield record.id, text


def _similar(
    searched: LibrarySearch,
    queries: list[tuple[str, str]],
    k: int | None,
    threshold: float,
    metric: str,
    alpha: float | None,
    beta: float | None,
    progress: Progress | None,
) -> Iterator[pd.DataFrame]:
    for start in range(0, len(queries), 64):
        some = queries[start : start + 64]
        yield searched.similar(
            [text for _, text in some],
            names=[name for name, _ in some],
            k=k,
            threshold=threshold,
            metric=metric,
            alpha=alpha,
            beta=beta,
        )
        if progress is not None:
            progress((start + len(some)) / len(queries))


def _containing(
    searched: LibrarySearch,
    queries: list[tuple[str, str]],
    kind: str,
    chirality: bool,
    max_results: int | None,
    progress: Progress | None,
) -> Iterator[pd.DataFrame]:
    from chem.substructure import parse_query

    for _, text in queries:  # before the first search, which may take long
        parse_query(text, kind)
    for number, (name, text) in enumerate(queries):
        share = None if progress is None else partial(_part_done, progress, number, len(queries))
        yield from searched.containing(
            text, kind=kind, chirality=chirality, max_results=max_results, name=name, progress=share
        )


def _part_done(progress: Progress, number: int, n_queries: int, share: float) -> None:
    progress((number + share) / n_queries)


def _write(tables: Iterable[pd.DataFrame], out: Path, last: str) -> int:
    """Write tables one below the other; the file appears when it is whole."""
    columns = ["query", "rank", "row", "id", "smiles", last]
    empty = pd.DataFrame({name: pd.Series(dtype=_NUMBERS.get(name, "str")) for name in columns})
    n_rows = 0
    with writing_to(out.parent), _named_when_whole(out) as temporary:
        append = _tsv_writer if out.suffix == ".tsv" else _parquet_writer
        with append(temporary, empty) as write:
            for table in tables:
                write(table[columns])
                n_rows += len(table)
    return n_rows


@contextmanager
def _named_when_whole(out: Path) -> Iterator[Path]:
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f"{out.name}.tmp-{os.getpid()}")
    try:
        yield temporary
        os.replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _tsv_writer(path: Path, empty: pd.DataFrame) -> Iterator[Callable[[pd.DataFrame], None]]:
    options: dict[str, Any] = {"sep": "\t", "index": False, "lineterminator": "\n"}
    with path.open("w", encoding="utf-8", newline="") as handle:
        empty.to_csv(handle, **options)
        # Twelve digits tell any two similarities of fingerprints apart.
        yield lambda table: table.to_csv(handle, header=False, float_format="%.12g", **options)


@contextmanager
def _parquet_writer(path: Path, empty: pd.DataFrame) -> Iterator[Callable[[pd.DataFrame], None]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {name: pa.int64() if name in ("rank", "row") else pa.string() for name in empty.columns}
    if "similarity" in types:
        types["similarity"] = pa.float64()
    schema = pa.schema(list(types.items()))
    with pq.ParquetWriter(path, schema) as writer:
        writer.write_table(pa.Table.from_pandas(empty, schema, preserve_index=False))
        yield lambda table: writer.write_table(pa.Table.from_pandas(table, schema, preserve_index=False))
