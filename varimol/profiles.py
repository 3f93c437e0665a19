"""Genotype profiles of a cohort's patients, as the tables that `varimol train response` and `predict` read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from varimol.cohorts import ingest, is_store
from varimol.results import whole_results, write_json

if TYPE_CHECKING:
    from genomics.cohort import Cohort
    from genomics.profiles import GenotypeProfiles

PathName = str | os.PathLike[str]
Progress = Callable[[float], None]
COUNT_ALL = 1.0


def profiles(
    source: PathName,
    out: PathName,
    *,
    genes: PathName | None = None,
    assessed: PathName | None = None,
    pairs: PathName | None = None,
    germline: bool = False,
    frequencies: PathName | None = None,
    max_frequency: float = 0.01,
    min_gq: float | None = None,
    build: str = "auto",
    id_column: str = "sample_id",
    progress: Progress | None = None,
) -> GenotypeProfiles:
    """Make genotype profiles of the patients of a germline cohort, or of tumours with their normals.

    Parameters
    ----------
    source
        Variant file or store, its variants annotated with their consequences (INFO/ANN, CSQ or BCSQ).
    out
        Folder for mutation, burden and copy_number, as TSV and Parquet: a row per patient, a column per gene, empty
        where nothing is known; and for profiles.json with what was counted. A block that is known of no gene is
        not written, and neither is one that an earlier run left there.
    genes
        File with a symbol per line: the genes to keep. By default all that are annotated.
    assessed
        File with a symbol per line: genes that the assay reads in full, so that no record means no variant.
    pairs
        Table with columns tumour and normal; by default as the header of the calls says.
    germline
        Read every sample as germline, whatever the header says.
    frequencies
        Table with columns variant_id (contig:position:ref:alt) and frequency of a population; by default
        frequencies are those of the cohort.
    max_frequency
        An allele of this frequency or more does not count; 1 counts all.
    min_gq
        A call of lower genotype quality counts as missing.
    build
        ``auto``, ``GRCh37`` or ``GRCh38``.
    id_column
        Name of the column of patients.
    progress
        Called with the share done.

    Returns
    -------
    GenotypeProfiles
        As written.

    Raises
    ------
    InputError
        See `genomics.profiles_from_cohort`; or a list or table cannot be read.
    """
    from genomics.cohort import open_cohort
    from genomics.profile_cohort import profiles_from_cohort
    from genomics.star_fields import declared_star_fields
    from varimol.gene_aliases import gene_aliases

    # What is wrong with the user's tables shows before the long step.
    wanted = None if genes is None else _symbols(genes)
    read_in_full = () if assessed is None else _symbols(assessed)
    paired = _pairs(pairs, germline=germline)
    known = None if frequencies is None else _frequencies(frequencies)
    with whole_results(out) as folder:
        store = folder / "cohort.vcz"
        if not is_store(source):
            ingest(source, store, fields=declared_star_fields(source), build=build, progress=progress)
        cohort = open_cohort(source if is_store(source) else store)
        with _told_of(source, store):
            made = profiles_from_cohort(
                cohort, wanted, max_frequency=None if max_frequency >= COUNT_ALL else max_frequency,
                frequencies=known, pairs=paired, assessed=read_in_full, regions=_regions(cohort),
                aliases=gene_aliases(), min_gq=min_gq,
            )  # fmt: skip
        made = replace(made, remarks=(*made.remarks, *_said_of(read_in_full)))
        if not is_store(source):
            shutil.rmtree(store)
        written = _write(made, folder, id_column)
        write_json({"blocks": written, "remarks": list(made.remarks)}, folder / "profiles.json")
    _remove_left_over(Path(out), made.blocks, written)
    return made


@contextmanager
def _told_of(source: PathName, store: Path) -> Iterator[None]:
    """Name the file that the user gave, not the store that was made of it for the time being."""
    from genomics.errors import InputError

    try:
        yield
    except InputError as error:
        file = source if error.file == os.fspath(store) else error.file
        raise InputError(
            error.message, file=file, record=error.record, field=error.field, expected=error.expected,
            hint=error.hint,
        ) from error  # fmt: skip


def _said_of(assessed: Sequence[str]) -> list[str]:
    """Genes said to be read in full that are renamed, or that go by no symbol."""
    from genomics.gene_names import current_names, shown
    from varimol.gene_aliases import gene_aliases, unknown_genes

    names, renamed = current_names(sorted(set(assessed)), gene_aliases(), file="assessed")
    said = (
        [f"assessed: renamed {shown([f'{old} to {new}' for old, new in renamed.items()])}"] if renamed else []
    )
    return said + unknown_genes({"assessed": names})


def _symbols(path: PathName) -> list[str]:
    """Symbols of a file, one per line."""
    from genomics.errors import InputError

    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            "the list of genes cannot be read", file=path, expected="one symbol per line"
        ) from error
    symbols = [line.strip() for line in text.splitlines() if line.strip()]
    for number, symbol in enumerate(symbols, 1):
        if len(symbol.split()) > 1 or "," in symbol:
            raise InputError(
                f"{symbol!r} is no symbol", file=path, record=number, expected="one symbol per line"
            )
    if not symbols:
        raise InputError("the list of genes is empty", file=path, expected="one symbol per line")
    return symbols


def _pairs(path: PathName | None, *, germline: bool) -> dict[str, str] | None:
    from genomics.errors import InputError
    from models.tables import read_table

    if path is None:
        return {} if germline else None
    if germline:
        raise InputError("--germline and --pairs together", field="--pairs", expected="one of the two")
    table = read_table(path, ("tumour", "normal"), "pairs")
    twice = table["tumour"][table["tumour"].duplicated()]
    if len(twice):
        raise InputError(
            f"the tumour {twice.iloc[0]!r} has two normals", file=path, record=int(twice.index[0]) + 2,
            field="tumour", expected="each tumour once",
        )  # fmt: skip
    return dict(zip(table["tumour"], table["normal"], strict=True))


def _frequencies(path: PathName) -> dict[str, float]:
    from genomics.errors import InputError
    from models.tables import read_table

    table = read_table(path, ("variant_id", "frequency"), "frequencies")
    numbers = pd.to_numeric(table["frequency"], errors="coerce")
    wrong = table.index[~((numbers >= 0) & (numbers <= 1))]
    if len(wrong):
        raise InputError(
            f"{table['frequency'][wrong[0]]!r} is no frequency", file=path, record=int(wrong[0]) + 2,
            field="frequency", expected="a number from 0 to 1",
        )  # fmt: skip
    return dict(zip(table["variant_id"], numbers.tolist(), strict=True))


def _regions(cohort: Cohort) -> pd.DataFrame | None:
    """Where genes lie on the cohort's build, for copy numbers; None of another build."""
    from varimol.tables import BUILDS, genes

    return genes(cohort.build).rename(columns={"symbol": "gene"}) if cohort.build in BUILDS else None


def _write(made: GenotypeProfiles, folder: Path, id_column: str) -> list[str]:
    """Write the blocks of which something is known."""
    written = []
    for name, block in made.blocks.items():
        table = pd.DataFrame(block, columns=list(made.genes[name]))
        table = table.dropna(axis=1, how="all")
        if table.empty:
            continue
        table.insert(0, id_column, list(made.sample_ids))
        table.to_csv(folder / f"{name}.tsv", sep="\t", index=False, float_format="%.6g", na_rep="")
        table.to_parquet(folder / f"{name}.parquet", index=False)
        written.append(name)
    return written


def _remove_left_over(out: Path, blocks: Collection[str], written: Collection[str]) -> None:
    for name in blocks:
        if name not in written:
            for suffix in ("tsv", "parquet"):
                (out / f"{name}.{suffix}").unlink(missing_ok=True)
