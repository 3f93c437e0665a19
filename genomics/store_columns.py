"""A block of records as the arrays of a VCF Zarr store, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from genomics.block import FILL, MISSING, VariantBlock, join_blocks, widen_ploidy, widen_values
from genomics.fields import Field, fill_value, missing_value
from genomics.store_arrays import SAMPLES, VARIANTS, Make, join_rows, narrow_integers

_CALLS = (VARIANTS, SAMPLES)
CONSEQUENCE_ARRAYS = ("variant_consequence_gene", "variant_consequence", "variant_amino_acid_change")
_EXTENSION = {"varimol": "extension"}


@dataclass(frozen=True, eq=False)
class Column:
    """Values of one array for consecutive records.

    Attributes
    ----------
    dimensions
        Names of its axes.
    parts
        Arrays of consecutive rows.
    missing, fill
        What stands for records without values, and what pads the last axis.
    make
        Joins the parts, in the thread that compresses them.
    attributes
        The array's metadata.
    """

    dimensions: tuple[str, ...]
    parts: Sequence[np.ndarray]
    missing: Any
    fill: Any
    make: Make = join_rows
    attributes: dict[str, Any] = field(default_factory=dict)


class Axes:
    """Lengths of the axes that arrays share; they grow as records need it."""

    def __init__(self, lengths: Mapping[str, int] | None = None) -> None:
        self.lengths = dict(lengths or {})

    def grow(self, axis: str, length: int) -> int:
        """Make an axis at least as long as `length`; ALTs follow alleles and alleles ALTs."""
        self.lengths[axis] = max(1, length, self.lengths.get(axis, 1))
        if axis == "alleles":
            self.lengths["alt_alleles"] = max(1, self.lengths["alleles"] - 1)
        elif axis == "alt_alleles":
            self.grow("alleles", self.lengths[axis] + 1)
        return self.lengths[axis]


def block_columns(
    blocks: Sequence[VariantBlock],
    axes: Axes,
    fields: Mapping[str, Field],
    contigs: Mapping[str, int],
    filters: Mapping[str, str],
) -> dict[str, Column]:
    """Turn blocks, one after the other, into the columns of the store's arrays.

    Parameters
    ----------
    blocks
        Consecutive records.
    axes
        Grown where the blocks need it.
    fields
        Declared fields by array name.
    contigs
        Code of each contig.
    filters
        Names of filters, in the order of their axis.
    """
    sites = join_blocks([block.with_samples(np.zeros(0, np.int64)) for block in blocks], 0)
    axes.grow("alleles", max((len(alleles) for alleles in sites.alleles), default=1))
    axes.grow("ploidy", max((block.genotypes.shape[2] for block in blocks), default=1))
    axes.grow("filters", len(filters))
    carried = _carried(sites, blocks)
    for name, parts in carried.items():  # first all widths, then the arrays that have them
        for values in parts:
            if values.ndim > _n_axes(name):
                axes.grow(_last_axis(name, fields), values.shape[-1])
    columns = _fixed_columns(sites, axes, contigs, filters)
    columns.update(_call_columns(blocks, axes))
    columns.update({name: _field_column(name, parts, axes, fields) for name, parts in carried.items()})
    if sites.consequences is not None:
        for index, name in enumerate(CONSEQUENCE_ARRAYS):
            rows = [tuple(item[index] for item in record) for record in sites.consequences]
            table = _text_table(rows, axes.lengths["alt_alleles"])
            columns[name] = Column((VARIANTS, "alt_alleles"), [table], "", "", attributes=_EXTENSION)
    return columns


def _carried(sites: VariantBlock, blocks: Sequence[VariantBlock]) -> dict[str, list[np.ndarray]]:
    """Return INFO and FORMAT fields by array name; a block without a field has one missing value in each."""
    carried = {f"variant_{name}": [values] for name, values in sites.info.items()}
    for name in dict.fromkeys(name for block in blocks for name in block.formats):
        known = next(block.formats[name] for block in blocks if name in block.formats)
        none = np.full((1,) * known.ndim, missing_value(known.dtype), known.dtype)
        carried[f"call_{name}"] = [
            block.formats[name]
            if name in block.formats
            else np.broadcast_to(none, (*block.states.shape, *none.shape[2:]))
            for block in blocks
        ]
    return carried


def _fixed_columns(
    block: VariantBlock, axes: Axes, contigs: Mapping[str, int], filters: Mapping[str, str]
) -> dict[str, Column]:
    one = (VARIANTS,)
    spans = np.array([len(alleles[0]) for alleles in block.alleles], np.int32)
    has_end = block.ends >= block.positions
    lengths = np.where(has_end, block.ends.astype(np.int64) - block.positions + 1, spans).astype(np.int32)
    identifiers = _text([name or "." for name in block.identifiers])
    without = np.array([not name for name in block.identifiers], np.bool_)
    quality = block.quality.astype(np.float32)
    quality[np.isnan(quality)] = missing_value(quality.dtype)
    alleles = _text_table(block.alleles, axes.lengths["alleles"])
    flags = _filter_flags(block.filters, filters)
    end = {"number": "1", "type": "Integer", "description": "Last position of the record"}
    return {
        "variant_contig": Column(one, [_contig_codes(block.contigs, contigs)], 0, 0),
        "variant_position": Column(one, [block.positions.astype(np.int32, copy=False)], 0, 0),
        "variant_length": Column(one, [lengths], 0, 0),
        "variant_id": Column(one, [identifiers], ".", "."),
        "variant_id_mask": Column(one, [without], True, True),
        "variant_allele": Column((VARIANTS, "alleles"), [alleles], "", ""),
        "variant_quality": Column(one, [quality], missing_value(quality.dtype), fill_value(quality.dtype)),
        "variant_filter": Column((VARIANTS, "filters"), [flags], False, False),
        "variant_END": Column(
            one, [block.ends.astype(np.int32, copy=False)], MISSING, MISSING, attributes=end
        ),
    }


def _call_columns(blocks: Sequence[VariantBlock], axes: Axes) -> dict[str, Column]:
    genotypes = [widen_ploidy(block.genotypes, axes.lengths["ploidy"]) for block in blocks]
    phased, states = [block.phased for block in blocks], [block.states for block in blocks]
    columns = {
        "call_genotype": Column((*_CALLS, "ploidy"), genotypes, FILL, FILL),
        "call_genotype_mask": Column((*_CALLS, "ploidy"), genotypes, True, True, make=_join_missing),
        "call_genotype_phased": Column(_CALLS, phased, False, False),
        "call_state": Column(_CALLS, states, 0, 0, attributes=_EXTENSION),
    }
    if any(block.from_block is not None for block in blocks):
        none = np.zeros((1, 1), np.bool_)
        expanded = [
            np.broadcast_to(none, block.states.shape) if block.from_block is None else block.from_block
            for block in blocks
        ]
        columns["call_from_block"] = Column(_CALLS, expanded, False, False, attributes=_EXTENSION)
    return columns


def _join_missing(genotypes: Sequence[np.ndarray]) -> np.ndarray:
    """Tell which alleles are missing or fill."""
    missing = np.empty((sum(map(len, genotypes)), *genotypes[0].shape[1:]), np.bool_)
    start = 0
    for part in genotypes:
        np.less(part, 0, out=missing[start : start + len(part)])
        start += len(part)
    return missing


def _n_axes(name: str) -> int:
    return 2 if name.startswith("call_") else 1


def _last_axis(name: str, fields: Mapping[str, Field]) -> str:
    number = fields[name].number if name in fields else "."
    prefix, _, tag = name.partition("_")
    own = f"{'FORMAT' if prefix == 'call' else 'INFO'}_{tag}_dim"
    return {"A": "alt_alleles", "R": "alleles", "G": "genotypes"}.get(number, own)


def _field_column(name: str, parts: Sequence[np.ndarray], axes: Axes, fields: Mapping[str, Field]) -> Column:
    dimensions = _CALLS[: _n_axes(name)]
    dtype = np.result_type(*parts)
    missing, fill = missing_value(dtype), fill_value(dtype)
    if max(values.ndim for values in parts) > len(dimensions):
        axis = _last_axis(name, fields)
        dimensions = (*dimensions, axis)
        parts = [widen_values(_with_values_axis(part, len(dimensions)), axes.lengths[axis]) for part in parts]
    declared = fields.get(name)
    words = (
        {}
        if declared is None
        else {"description": declared.description, "number": declared.number, "type": declared.kind}
    )
    return Column(dimensions, parts, missing, fill, _join_narrow, words)


def _with_values_axis(values: np.ndarray, n_axes: int) -> np.ndarray:
    return values if values.ndim == n_axes else values[..., None]


def _join_narrow(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Join numbers, whole ones in the smallest type that holds them."""
    return join_rows([narrow_integers(part) if part.dtype.kind == "i" else part for part in parts])


def _contig_codes(names: Sequence[str], contigs: Mapping[str, int]) -> np.ndarray:
    dtype = np.int16 if len(contigs) < 2**15 else np.int32
    if len(set(names)) == 1:
        return np.full(len(names), contigs[names[0]], dtype)
    return np.array([contigs[name] for name in names], dtype)


def _filter_flags(filters: Sequence[tuple[str, ...]], known: Mapping[str, str]) -> np.ndarray:
    place = {name: index for index, name in enumerate(known)}
    flags = np.zeros((len(filters), len(place)), np.bool_)
    distinct = {names: row for row, names in enumerate(dict.fromkeys(filters))}
    table = np.zeros((len(distinct), len(place)), np.bool_)
    for names, row in distinct.items():
        table[row, [place[name] for name in names]] = True
    return table[[distinct[names] for names in filters]] if distinct else flags


def _text(values: Sequence[str]) -> np.ndarray:
    return np.array(values, dtype=object)


def _text_table(rows: Sequence[Sequence[str]], width: int) -> np.ndarray:
    table = np.full((len(rows), width), "", dtype=object)
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    shared = int(lengths.min(initial=width))
    for column in range(shared):
        table[:, column] = [row[column] for row in rows]
    for index in np.flatnonzero(lengths > shared).tolist():
        table[index, : len(rows[index])] = rows[index]
    return table


def columns_block(
    columns: Mapping[str, np.ndarray], contigs: Sequence[str], filters: Sequence[str]
) -> VariantBlock:
    """Turn the arrays of some records back into a block; the inverse of `block_columns`.

    Parameters
    ----------
    columns
        Values by array name, one row per record.
    contigs, filters
        Names by code.
    """
    kept = columns["variant_id_mask"]
    alleles = [tuple(str(allele) for allele in row if allele) for row in columns["variant_allele"]]
    consequences = None
    if CONSEQUENCE_ARRAYS[0] in columns:
        consequences = [
            tuple((str(g), str(c), str(a)) for g, c, a in zip(*rows, strict=True))[: len(own) - 1]
            for own, *rows in zip(alleles, *(columns[name] for name in CONSEQUENCE_ARRAYS), strict=True)
        ]
    return VariantBlock(
        contigs=[contigs[code] for code in columns["variant_contig"].tolist()],
        positions=columns["variant_position"],
        identifiers=["" if no else str(name) for name, no in zip(columns["variant_id"], kept, strict=True)],
        alleles=alleles,
        quality=columns["variant_quality"],
        filters=[
            tuple(filters[i] for i in np.flatnonzero(row).tolist()) for row in columns["variant_filter"]
        ],
        ends=columns["variant_END"],
        genotypes=columns["call_genotype"],
        phased=columns["call_genotype_phased"],
        states=columns["call_state"],
        info=_fields_of(columns, "variant_"),
        formats=_fields_of(columns, "call_"),
        consequences=consequences,
        from_block=columns.get("call_from_block"),
    )


_OWN = {
    *(
        "variant_" + name
        for name in (["contig", "position", "length", "id", "id_mask", "allele", "quality", "filter", "END"])
    ),
    *("call_" + name for name in ["genotype", "genotype_mask", "genotype_phased", "state", "from_block"]),
    *CONSEQUENCE_ARRAYS,
}


def _fields_of(columns: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {
        name.removeprefix(prefix): values
        for name, values in columns.items()
        if name.startswith(prefix) and name not in _OWN
    }
