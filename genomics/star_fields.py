"""Which fields of a variant file star alleles are called from."""

from __future__ import annotations

from collections.abc import Sequence

from genomics.fields import DEFAULT_FIELDS
from genomics.shards import PathLike, open_shards

STAR_FIELDS: tuple[str, ...] = (
    *DEFAULT_FIELDS, "FORMAT/GP", "FORMAT/HDS", "FORMAT/CN", "FORMAT/AD", "INFO/SVLEN",
)  # fmt: skip
"""Beside what is kept anyway: probabilities of imputed calls, phase sets, copies, depths of alleles, and the
length of symbolic records without END."""


def declared_star_fields(inputs: Sequence[PathLike] | PathLike) -> list[str]:
    """Select those of `STAR_FIELDS` that a cohort's files declare, for `genomics.ingest`.

    Parameters
    ----------
    inputs
        Files of a cohort, as `genomics.ingest` takes them.

    Raises
    ------
    InputError
        A file cannot be read.
    """
    declared = {key for shard in open_shards(inputs) for key in shard.reader.fields}
    return [key for key in STAR_FIELDS if key in declared]
