"""A compound library: every record of a file, standardised, with the graphs of those that can be used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import rdkit

from chem.atomic import new_directory
from chem.errors import InputError
from chem.graph import MolecularGraphs
from chem.graph_encode import encode_graphs
from chem.graph_schema import schema_hash
from chem.graph_store import load_graphs, save_graphs
from chem.read import read_compounds
from chem.record import CompoundRecord
from chem.standardise import DEFAULT_RECIPE, StandardisationRecipe, standardise_smiles

SCHEMA_VERSION = 1
COLUMNS = (
    "row",
    "id",
    "name",
    "input",
    "smiles",
    "inchikey",
    "status",
    "reason",
    "duplicate_of",
    "removed_fragments",
    "graph",
)
_ADDED = ("duplicate_of", "graph")
_TEXT = ("id", "name", "input", "smiles", "inchikey", "status", "reason", "removed_fragments")
_TABLE, _REJECTS, _MANIFEST, _GRAPHS = "library.parquet", "rejects.tsv", "library.json", "graphs"
_PROGRESS_EVERY = 500
_ROWS_AT_ONCE = 20_000


@dataclass(frozen=True)
class CompoundLibrary:
    r"""Every record of a compound file, in its order, and the graphs of the usable ones.

    Parameters
    ----------
    table
        One row per record: row (from 1), id, name, input, smiles and inchikey (of the standardised parent),
        status ('ok' or 'rejected'), reason, duplicate_of (row of the first record with the same InChIKey),
        removed_fragments, graph (number in `graphs`; a duplicate has its first record's). What is missing
        is null.
    graphs
        One graph per usable row, in order.
    manifest
        Recipe, versions, hash of the source file and counts.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "drugs.csv"
    ...     _ = path.write_text("id,smiles\na,[Na+].CC(=O)[O-]\nb,C1CC\nc,CC(=O)O\n")
    ...     library = build_library(path)
    >>> library.table["status"].tolist(), library.table["duplicate_of"].tolist()
    (['ok', 'rejected', 'ok'], [<NA>, <NA>, 1])
    >>> library.usable["smiles"].tolist(), len(library.graphs)
    (['CC(=O)O'], 1)
    """

    table: pd.DataFrame
    graphs: MolecularGraphs
    manifest: dict[str, Any]

    @property
    def usable(self) -> pd.DataFrame:
        """Rows with status 'ok' that repeat no earlier one; row k belongs to graph k."""
        keep = (self.table["status"] == "ok") & self.table["duplicate_of"].isna()
        return self.table[keep].reset_index(drop=True)

    @property
    def rejects(self) -> pd.DataFrame:
        """The rejected rows: row, id, input, reason."""
        rejected = self.table[self.table["status"] == "rejected"]
        return rejected[["row", "id", "input", "reason"]].reset_index(drop=True)

    def write(self, directory: str | Path) -> None:
        """Write library.parquet, rejects.tsv, library.json and graphs/.

        Parameters
        ----------
        directory
            New, empty, or an earlier library, which is replaced once the new one is whole.

        Raises
        ------
        InputError
            The place holds something else or cannot be written to.
        """
        with new_directory(directory, replaces=_MANIFEST) as building:
            self.table.to_parquet(building / _TABLE, index=False)
            self.rejects.to_csv(building / _REJECTS, sep="\t", index=False, lineterminator="\n")
            save_graphs(self.graphs, building / _GRAPHS)
            text = json.dumps(self.manifest, indent=1, sort_keys=True) + "\n"
            (building / _MANIFEST).write_text(text, encoding="utf-8")


def build_library(
    source: str | Path,
    out_dir: str | Path | None = None,
    *,
    smiles_column: str | None = None,
    id_column: str | None = None,
    strict: bool = False,
    recipe: StandardisationRecipe = DEFAULT_RECIPE,
    progress: Callable[[int], None] | None = None,
) -> CompoundLibrary:
    """Read a compound file, standardise every record and encode the molecules' graphs.

    Parameters
    ----------
    source
        Any file that `chem.read_compounds` reads.
    out_dir
        Where to write the library, if anywhere.
    smiles_column, id_column
        Columns of a table; found by their usual names where not given.
    strict
        Raise at the first record that cannot be used, instead of keeping it as rejected.
    recipe
        How structures are standardised.
    progress
        Called with the number of records read so far.

    Returns
    -------
    CompoundLibrary
        As many rows as the file has records, in their order.

    Raises
    ------
    InputError
        The file cannot be read, holds no compound or none that can be used, or, if `strict`, holds one that
        cannot.
    """
    file = Path(source)
    records = read_compounds(file, smiles_column=smiles_column, id_column=id_column)
    table = _standardised_table(records, recipe, file if strict else None, progress)
    _refuse_unusable(table, file)
    table = _mark_duplicates(table)
    first = table["graph"].notna() & table["duplicate_of"].isna()
    graphs = encode_graphs(table.loc[first, "smiles"].tolist())
    library = CompoundLibrary(table, graphs, _manifest(table, file, recipe))
    if out_dir is not None:
        library.write(out_dir)
    return library


def open_library(directory: str | Path) -> CompoundLibrary:
    """Open a library that `build_library` wrote; its graphs are mapped, not read.

    Parameters
    ----------
    directory
        The library's directory.

    Returns
    -------
    CompoundLibrary
        The library.

    Raises
    ------
    InputError
        Not a library, or written with another schema.
    """
    folder = Path(directory)
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        table = pd.read_parquet(folder / _TABLE)
    except FileNotFoundError:
        raise InputError(
            "is not a compound library", file=folder, expected=f"a directory with {_MANIFEST} and {_TABLE}"
        ) from None
    except (ValueError, OSError) as error:
        raise InputError(f"is damaged ({error})", file=folder, hint="build the library again") from None
    if manifest.get("schema_version") != SCHEMA_VERSION:
        raise InputError(
            f"library of schema version {manifest.get('schema_version')}",
            file=folder,
            expected=f"version {SCHEMA_VERSION}",
            hint="build the library again",
        )
    return CompoundLibrary(table, load_graphs(folder / _GRAPHS), manifest)


def _standardised_table(
    records: Iterable[CompoundRecord],
    recipe: StandardisationRecipe,
    strict_file: Path | None,
    progress: Callable[[int], None] | None,
) -> pd.DataFrame:
    parts: list[pd.DataFrame] = []
    rows: list[dict[str, Any]] = []
    for count, record in enumerate(records, start=1):
        row = _standardised_row(record, recipe)
        if strict_file is not None and row["reason"] is not None:
            raise InputError(
                f"{record.input!r} cannot be used: {row['reason']}",
                file=strict_file,
                record=record.row,
                field="smiles",
                expected="a structure that RDKit reads",
                hint="correct or remove the record",
            )
        rows.append(row)
        if len(rows) == _ROWS_AT_ONCE:
            parts.append(_text_frame(rows))
            rows = []
        if progress is not None and count % _PROGRESS_EVERY == 0:
            progress(count)
    return pd.concat([*parts, _text_frame(rows)], ignore_index=True)


def _text_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Records as columns; text is held by Arrow, in a tenth of what the dictionaries take."""
    columns = [column for column in COLUMNS if column not in _ADDED]
    frame = pd.DataFrame(rows, columns=columns)
    return frame.astype({"row": "int64", **dict.fromkeys(_TEXT, "str")})


def _standardised_row(record: CompoundRecord, recipe: StandardisationRecipe) -> dict[str, Any]:
    if record.reason:
        outcome, reason = None, record.reason
    else:
        outcome = standardise_smiles(record.input, recipe)
        reason = outcome.reason
    return {
        "row": record.row,
        "id": record.id,
        "name": record.name or None,
        "input": record.input or None,
        "smiles": (outcome.smiles or None) if outcome else None,
        "inchikey": (outcome.inchikey or None) if outcome else None,
        "status": "rejected" if reason else "ok",
        "reason": f"{record.place}: {reason}" if reason else None,
        "removed_fragments": (outcome.removed_fragments or None) if outcome else None,
    }


def _refuse_unusable(table: pd.DataFrame, file: Path) -> None:
    if (table["status"] == "ok").any():
        return
    raise InputError(
        f"none of its {len(table)} records can be used, the first because of {table['reason'].iloc[0]}",
        file=file,
        expected="at least one structure that RDKit reads",
        hint="check the column that holds the SMILES",
    )


def _mark_duplicates(table: pd.DataFrame) -> pd.DataFrame:
    """Fill duplicate_of and graph: the first row of each InChIKey has the graph, the others point at it."""
    usable = table["status"] == "ok"
    # InChI has no key for some organometallics: those are compared by their SMILES.
    key = table["inchikey"].fillna(table["smiles"])[usable]
    first_row = table["row"][usable].groupby(key).transform("min")
    repeats = first_row != table["row"][usable]
    numbers = pd.Series(np.arange((~repeats).sum()), index=table["row"][usable][~repeats])
    marked = table.assign(
        duplicate_of=first_row.where(repeats).astype("Int64"),
        graph=first_row.map(numbers).astype("Int64"),
    )
    return marked[list(COLUMNS)]


def _manifest(table: pd.DataFrame, file: Path, recipe: StandardisationRecipe) -> dict[str, Any]:
    with file.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
    return {
        "schema_version": SCHEMA_VERSION,
        "source": file.name,
        "source_sha256": digest,
        "recipe": asdict(recipe),
        "recipe_hash": recipe.hash,
        "graph_schema_hash": schema_hash(),
        "rdkit_version": rdkit.__version__,
        "n_records": len(table),
        "n_rejected": int((table["status"] == "rejected").sum()),
        "n_duplicates": int(table["duplicate_of"].notna().sum()),
        "n_usable": int(((table["status"] == "ok") & table["duplicate_of"].isna()).sum()),
    }
