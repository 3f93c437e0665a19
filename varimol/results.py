"""Results of the cohort steps as files, and back: what one command writes, the next one opens."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from varimol.steps import replace_path, write_table, writing_to

if TYPE_CHECKING:
    from genomics.quality import Quality
    from genomics.structure import Structure

TOP = 10
"""Markers, or atoms, of each prediction in a table of attributions, unless asked otherwise."""


def write_json(value: Any, path: Path) -> None:
    """Write JSON with numbers as they are and infinities refused."""
    path.write_text(json.dumps(value, indent=1, allow_nan=False, default=_plain) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is not JSON")


def read_json(path: Path) -> Any:
    """Read JSON."""
    return json.loads(path.read_text(encoding="utf-8"))


QUALITY_FILES = [
    "quality_samples.parquet", "quality_samples.tsv", "quality_variants.parquet", "quality_variants.tsv",
    "quality.json",
]  # fmt: skip


def write_quality(quality: Quality, folder: Path) -> None:
    """Write the tables of a quality control and its policy."""
    write_table(quality.samples, folder / "quality_samples")
    write_table(quality.variants, folder / "quality_variants")
    write_json(asdict(quality.policy), folder / "quality.json")


def read_quality(folder: Path) -> Quality:
    """Open what `write_quality` wrote."""
    from genomics.quality import Quality, QualityPolicy

    return Quality(
        pd.read_parquet(folder / "quality_samples.parquet"),
        pd.read_parquet(folder / "quality_variants.parquet"),
        QualityPolicy(**read_json(folder / "quality.json")),
    )


STRUCTURE_FILES = ["structure.parquet", "structure.tsv", "structure.json"]


def write_structure(structure: Structure, folder: Path) -> None:
    """Write principal components and how they came about."""
    write_table(structure.components, folder / "structure")
    facts = {
        "estimable": structure.estimable,
        "reason": structure.reason,
        "n_variants_used": structure.n_variants_used,
        "n_regions": structure.n_regions,
        "explained_variance_ratio": [float(x) for x in structure.explained_variance_ratio],
    }
    write_json(facts, folder / "structure.json")


def read_structure(folder: Path) -> Structure:
    """Open what `write_structure` wrote."""
    from genomics.structure import Structure

    facts = read_json(folder / "structure.json")
    return Structure(
        pd.read_parquet(folder / "structure.parquet"),
        np.array(facts["explained_variance_ratio"], float),
        facts["n_variants_used"],
        facts["n_regions"],
        facts["estimable"],
        facts["reason"],
    )


@contextmanager
def whole_results(out: str | os.PathLike[str]) -> Iterator[Path]:
    """Folder to write into, whose members are renamed into `out` once all of them are there."""
    place = Path(out)
    with writing_to(place):
        place.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".step-", dir=place))
        try:
            yield folder
            for member in sorted(folder.iterdir()):
                replace_path(member, place / member.name)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def write_named_table(table: pd.DataFrame, out: str | os.PathLike[str]) -> None:
    """Write a table as TSV where the name ends in .tsv, else as Parquet; whole or not at all."""
    write_named_parts([table], out)


def write_named_parts(parts: Iterable[pd.DataFrame], out: str | os.PathLike[str]) -> None:
    """Write tables of the same columns, one or more, below each other as `write_named_table` does.

    For TSV one of them is in memory at a time, for Parquet all.
    """
    place = Path(out)
    with writing_to(place.parent):
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = place.with_name(f"{place.name}.tmp-{os.getpid()}")
        try:
            if place.suffix == ".tsv":
                _write_tsv(parts, temporary)
            else:
                pd.concat(parts, ignore_index=True).to_parquet(temporary, index=False)
            os.replace(temporary, place)
        finally:
            temporary.unlink(missing_ok=True)


def _write_tsv(parts: Iterable[pd.DataFrame], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        for number, part in enumerate(parts):
            part.to_csv(stream, sep="\t", index=False, float_format="%.6g", na_rep="", header=number == 0)
