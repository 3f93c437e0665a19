"""Search of a compound library: the most similar compounds, and those that contain a substructure.

The first search of either kind makes an index beside the library (DIR/index), later ones open it. It records which
library it was made of: one of an earlier library is made again, a damaged one is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chem.errors import InputError
from chem.fingerprint import fingerprints
from chem.fingerprint_kinds import settle
from chem.index_files import StaleIndexError
from chem.library import CompoundLibrary
from chem.search_index import SimilarityIndex, index_fingerprints, open_index
from chem.standardise import StandardisationRecipe, standardise_smiles
from chem.substructure import SubstructureIndex, index_substructures, open_substructures, parse_query

if TYPE_CHECKING:
    import pyarrow as pa

SIMILARITY_COLUMNS = ("query", "rank", "row", "id", "smiles", "similarity")
SUBSTRUCTURE_COLUMNS = ("query", "rank", "row", "id", "smiles", "matched_atoms")

_FOLDER = "index"
_HITS_AT_ONCE = 10_000
_Index = TypeVar("_Index")


class TextColumn(Sequence[str]):
    """Text held by Arrow, read like a list: a tenth of the memory of Python's strings.

    Parameters
    ----------
    values
        The column.

    Examples
    --------
    >>> import pyarrow as pa
    >>> column = TextColumn(pa.chunked_array([["CCO", "CCN"], ["C"]]))
    >>> len(column), column[1], list(column)
    (3, 'CCN', ['CCO', 'CCN', 'C'])
    """

    def __init__(self, values: pa.ChunkedArray) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return [self[place] for place in range(*index.indices(len(self)))]
        return self._values[int(index)].as_py()

    def __iter__(self) -> Iterator[str]:
        for chunk in self._values.iterchunks():
            yield from chunk.to_pylist()


@dataclass(frozen=True, eq=False)
class SearchedCompounds:
    """Rows of a library that a search can find, by position: the usable ones.

    Parameters
    ----------
    row
        int64: rows of the library, from 1.
    id, smiles
        Identifiers and standardised SMILES.
    """

    row: NDArray[np.int64]
    id: Sequence[str]
    smiles: Sequence[str]

    def __len__(self) -> int:
        return len(self.row)

    def at(self, positions: Sequence[int] | NDArray[np.int64]) -> pd.DataFrame:
        """Return row, id and smiles of some positions, in their order."""
        return pd.DataFrame(
            {
                "row": self.row[positions],
                "id": pd.Series([self.id[place] for place in positions], dtype="str"),
                "smiles": pd.Series([self.smiles[place] for place in positions], dtype="str"),
            }
        )


class LibrarySearch:
    r"""Similarity and substructure search over the usable compounds of a library.

    Rejected rows have no structure and are never found, nor are duplicates: the row they repeat is found for them.

    Parameters
    ----------
    library
        As `chem.open_library` or `chem.build_library` returns it. The indices of one that lies on disk are kept in its
        folder; those of one in memory are made in memory.
    fingerprint
        Kind of fingerprint that similarity is computed from, a key of `FINGERPRINT_KINDS`. The library's own are
        taken where it keeps them, else they are made.
    threads
        Processes that make an index, and threads that search.

    Examples
    --------
    >>> import tempfile
    >>> from chem.library import build_library
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "drugs.smi"
    ...     _ = path.write_text("CCO ethanol\nCCCO propanol\nCCN ethylamine\nc1ccccc1O phenol\n")
    ...     search = LibrarySearch(build_library(path))
    >>> search.similar(["OCC"], k=2)[["rank", "row", "id", "similarity"]].round(3).values.tolist()
    [[1, 1, 'ethanol', 1.0], [2, 2, 'propanol', 0.556]]
    >>> pd.concat(search.containing("[OX2H]", max_results=2))[["id", "matched_atoms"]].values.tolist()
    [['ethanol', '2'], ['propanol', '3']]
    """

    def __init__(self, library: CompoundLibrary, *, fingerprint: str = "morgan", threads: int = 1) -> None:
        self.library = library
        self.settings = settle(fingerprint, packed=True)
        self.threads = threads

    @cached_property
    def compounds(self) -> SearchedCompounds:
        """The compounds that can be found."""
        import pyarrow as pa

        batches = [
            pa.Table.from_pandas(batch, preserve_index=False)
            for batch in self.library.batches(columns=["row", "id", "smiles"], usable=True)
        ]
        table = pa.concat_tables(batches)
        return SearchedCompounds(
            table["row"].to_numpy().astype(np.int64), TextColumn(table["id"]), TextColumn(table["smiles"])
        )

    @cached_property
    def similarity_index(self) -> SimilarityIndex:
        """The index of fingerprints, opened, or made where there is none of this library."""
        return self._ready(
            f"similarity-{self.settings.kind}",
            lambda folder, source: open_index(folder, source=source),
            self._index_fingerprints,
        )

    @cached_property
    def substructure_index(self) -> SubstructureIndex:
        """The index for substructures, opened, or made where there is none of this library."""
        return self._ready(
            "substructure",
            lambda folder, source: open_substructures(folder, source=source),
            lambda folder, source: index_substructures(
                self.compounds.smiles, folder, source=source, threads=self.threads
            ),
        )

    def similar(
        self,
        queries: Sequence[str],
        *,
        k: int | None = None,
        threshold: float = 0.0,
        metric: str = "tanimoto",
        alpha: float | None = None,
        beta: float | None = None,
        names: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Find the compounds most similar to each query.

        Parameters
        ----------
        queries
            SMILES; they are standardised as the library was, so that a salt finds its parent.
        k, threshold, metric, alpha, beta
            As `chem.search_index.SimilarityIndex.search` takes them.
        names
            What column `query` says; the SMILES as given otherwise.

        Returns
        -------
        DataFrame
            `SIMILARITY_COLUMNS`: by query in the order given, then by rank from 1; equals stand by row.

        Raises
        ------
        InputError
            A query does not parse, or an argument is out of range.
        """
        if isinstance(queries, str):
            raise InputError("one query was given", field="queries", expected="a list, even of one")
        shown = queries if names is None else names
        rows = fingerprints(
            [self.standardised(text, name) for text, name in zip(queries, shown)], **self._options
        )
        limits = {"k": k, "threshold": threshold, "metric": metric, "alpha": alpha, "beta": beta}
        found = self.similarity_index.search_all(rows, threads=self.threads, **limits)
        tables = [
            _ranked(self.compounds, name, hits.position).assign(similarity=hits.similarity)
            for name, hits in zip(shown, found)
        ]
        return _joined(tables, SIMILARITY_COLUMNS)

    def containing(
        self,
        query: str,
        *,
        kind: str = "smarts",
        chirality: bool = False,
        max_results: int | None = None,
        name: str | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Iterator[pd.DataFrame]:
        """Find the compounds that contain a substructure.

        Parameters
        ----------
        query, kind
            As `chem.substructure.parse_query` takes them: SMARTS unless said to be a SMILES.
        chirality, max_results, progress
            As `chem.substructure.SubstructureIndex.search` takes them.
        name
            What column `query` says; the query itself otherwise.

        Yields
        ------
        DataFrame
            Some thousand hits at a time, by row: `SUBSTRUCTURE_COLUMNS`, where matched_atoms are the atoms' numbers
            from 0 in the order of `smiles`, the first belonging to the query's first atom; matches are parted by
            semicolons.

        Raises
        ------
        InputError
            The query does not parse, or `max_results` is below 1.
        """
        if not isinstance(query, str):
            raise InputError("several queries were given", field="query", expected="one SMARTS or SMILES")
        hits = self.substructure_index.search(
            parse_query(query, kind),
            chirality=chirality,
            max_results=max_results,
            threads=self.threads,
            progress=progress,
        )
        rank, block = 0, []
        for hit in hits:
            block.append(hit)
            if len(block) == _HITS_AT_ONCE:
                yield self._matches(name or query, block, rank)
                rank, block = rank + len(block), []
        if block:
            yield self._matches(name or query, block, rank)

    def standardised(self, smiles: str, name: str | None = None) -> str:
        """Standardise a query as the library's compounds were.

        Raises
        ------
        InputError
            It does not parse or has no atoms.
        """
        recipe = StandardisationRecipe(**self.library.manifest["recipe"])
        outcome = standardise_smiles(smiles, recipe)
        if outcome.reason:
            raise InputError(
                f"the query {smiles!r} cannot be used: {outcome.reason}",
                record=None if name == smiles else name,
                field="query",
                expected="a SMILES with at least one atom",
            )
        return outcome.smiles

    def _matches(self, name: str, hits: Sequence[Any], before: int) -> pd.DataFrame:
        table = _ranked(self.compounds, name, np.array([hit.position for hit in hits]), before)
        atoms = [";".join(",".join(map(str, match)) for match in hit.atoms) for hit in hits]
        return table.assign(matched_atoms=pd.Series(atoms, dtype="str"))[list(SUBSTRUCTURE_COLUMNS)]

    @property
    def _options(self) -> dict[str, Any]:
        return {"kind": self.settings.kind, "packed": True}

    def _index_fingerprints(self, folder: Path | None, source: str) -> SimilarityIndex:
        kept = self.library.fingerprints.get(self.settings.kind)
        if kept is None:
            kept = fingerprints(self.compounds.smiles, threads=self.threads, **self._options)
        return index_fingerprints(kept, folder, settings=self.settings, source=source)

    def _ready(
        self,
        name: str,
        open_one: Callable[[Path, str], _Index],
        make: Callable[[Path | None, str], _Index],
    ) -> _Index:
        if self.library.directory is None:
            return make(None, "")
        source = library_key(self.library.directory)
        folder = self.library.directory / _FOLDER / name
        if folder.exists():
            try:
                return open_one(folder, source)
            except StaleIndexError:
                pass
        return make(folder, source)


def library_key(directory: Path) -> str:
    """Tell a library on disk from any other, and from itself before it was built again.

    Parameters
    ----------
    directory
        The library.

    Returns
    -------
    str
        Sixteen hexadecimal digits over its manifest (source, recipe, versions, counts) and the size of its table.
    """
    digest = hashlib.sha256((directory / "library.json").read_bytes())
    digest.update(str((directory / "library.parquet").stat().st_size).encode())
    return digest.hexdigest()[:16]


def _ranked(
    compounds: SearchedCompounds, name: str, positions: NDArray[np.int64], before: int = 0
) -> pd.DataFrame:
    table = compounds.at(positions)
    table.insert(0, "query", pd.Series([name] * len(table), dtype="str"))
    table.insert(1, "rank", np.arange(before + 1, before + len(table) + 1))
    return table


def _joined(tables: list[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    if not tables:
        return pd.DataFrame({column: [] for column in columns})
    return pd.concat(tables, ignore_index=True)[list(columns)]
