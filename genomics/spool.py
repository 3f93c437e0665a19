"""Records on disk, in bins of the genome, to be sorted without holding all of them in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from genomics.block import VariantBlock, join_blocks
from genomics.contigs import contig_rank
from genomics.readers.protocol import BLOCK_RECORDS

_BIN = 1_000_000  # bases
_LISTS = ("contigs", "identifiers", "alleles", "filters", "consequences")
_ARRAYS = ("positions", "quality", "ends", "genotypes", "phased", "states", "from_block")


class Spool:
    """Records in a folder, in any order; given back by contig and position.

    Parameters
    ----------
    folder
        An empty folder. Memory holds the records of one million bases at a time.

    Examples
    --------
    >>> import tempfile
    >>> from genomics.block import empty_block
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     spool = Spool(Path(folder))
    ...     spool.add(empty_block(2))
    ...     list(spool.sorted())
    []
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[tuple[str, int], list[Path]] = {}
        self._n_files = 0

    def add(self, block: VariantBlock) -> None:
        """Put the records of a block into their bins."""
        bins: dict[tuple[str, int], list[int]] = {}
        for row, (contig, position) in enumerate(zip(block.contigs, block.positions.tolist(), strict=True)):
            bins.setdefault((contig, position // _BIN), []).append(row)
        for key, rows in bins.items():
            path = self.folder / f"{self._n_files}.npz"
            _write(path, block.take(rows))
            self._files.setdefault(key, []).append(path)
            self._n_files += 1

    def sorted(self) -> Iterator[VariantBlock]:
        """Yield all records by contig and position, and remove them; those of one place as they came."""
        for key in sorted(self._files, key=lambda key: (contig_rank(key[0]), key[1])):
            parts = [_read(path) for path in self._files[key]]
            for path in self._files.pop(key):
                path.unlink()
            block = join_blocks(parts, parts[0].n_samples)
            block = block.take(np.argsort(block.positions, kind="stable"))
            for start in range(0, len(block), BLOCK_RECORDS):
                yield block.rows(start, min(len(block), start + BLOCK_RECORDS))


def _write(path: Path, block: VariantBlock) -> None:
    texts: dict[str, Any] = {name: getattr(block, name) for name in _LISTS}
    arrays = {name: getattr(block, name) for name in _ARRAYS if getattr(block, name) is not None}
    for category, fields in (("info", block.info), ("formats", block.formats)):
        for name, values in fields.items():
            if values.dtype.kind == "O":
                texts[f"{category}/{name}"] = values.tolist()
            else:
                arrays[f"{category}/{name}"] = values
    encoded = np.frombuffer(json.dumps(texts).encode(), dtype=np.uint8)
    with path.open("wb") as stream:
        np.savez(stream, allow_pickle=False, texts=encoded, **arrays)


def _read(path: Path) -> VariantBlock:
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    texts = json.loads(arrays.pop("texts").tobytes())
    fields: dict[str, dict[str, np.ndarray]] = {"info": {}, "formats": {}}
    for name in [name for name in (*arrays, *texts) if "/" in name]:
        category, bare = name.split("/", 1)
        fields[category][bare] = arrays.pop(name) if name in arrays else _texts(texts.pop(name))
    told = texts.pop("consequences")
    return VariantBlock(
        contigs=texts["contigs"],
        identifiers=texts["identifiers"],
        alleles=[tuple(alleles) for alleles in texts["alleles"]],
        filters=[tuple(names) for names in texts["filters"]],
        consequences=None if told is None else [tuple(map(tuple, record)) for record in told],
        info=fields["info"],
        formats=fields["formats"],
        **arrays,
    )


def _texts(nested: list[Any]) -> np.ndarray:
    """Make an array of text of the same shape as the nested list."""
    shape: list[int] = []
    inner: Any = nested
    while isinstance(inner, list):
        shape.append(len(inner))
        inner = inner[0] if inner else None
    values = np.empty(shape, dtype=object)
    values[...] = nested
    return values
