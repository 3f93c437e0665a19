"""Targets as a patient has them: changes of residues named on the command line, applied to the sequences of a table."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from chem.errors import InputError
from varimol import tables

if TYPE_CHECKING:
    from models.protein import Target

_FIELD = "--variant"


def parse_named_variants(options: Sequence[str]) -> dict[str, str]:
    """Read ``TARGET:V600E`` options; those of one target belong together.

    Parameters
    ----------
    options
        Target and changes as `models.variant.parse_variant` reads them, several joined by ``+``.

    Returns
    -------
    dict of str to str
        Changes by target, joined by ``+``.

    Raises
    ------
    InputError
        An option has no target or no change.

    Examples
    --------
    >>> parse_named_variants(["EGFR:L858R+T790M", "BRAF:p.Val600Glu", "EGFR:C797S"])
    {'EGFR': 'L858R+T790M+C797S', 'BRAF': 'p.Val600Glu'}
    """
    found: dict[str, list[str]] = {}
    for text in options:
        target, _, changes = text.strip().rpartition(":")
        if not target or not changes:
            raise InputError(
                f"{text!r} names no target and change", field=_FIELD, expected="TARGET:V600E",
                hint="write the target as in the targets table, a colon, and the change",
            )  # fmt: skip
        found.setdefault(target, []).append(changes)
    return {target: "+".join(changes) for target, changes in found.items()}


def wild_type(target: Target, chain: str) -> Target:
    """The same target without its variant: `chain` is the sequence that its table gives."""
    return replace(
        target, sequence=chain, changes=(), unplaced=False, reason="", numbering="",
    )  # fmt: skip


def place_by_reference(targets: Sequence[Target], known: Collection[str]) -> list[Target]:
    """Place what a table names but could not be placed, by way of the gene's shipped protein.

    A sequence may be another isoform, or a fragment, than the one that variants of the gene are numbered on; a
    table with three variants of it shows that by itself (`models.protein.place_variants`), one with a single
    variant does not.

    Parameters
    ----------
    targets
        As read.
    known
        `models.protein.Target.form` of training proteins: what a model knows unplaced stays so.
    """
    from models.protein import place_variants

    lost = [target.unplaced and bool(target.changes) and target.form not in known for target in targets]
    if not any(lost):
        return list(targets)
    proteins = tables.proteins()
    references = dict(zip(proteins["symbol"].astype(str), proteins["sequence"].astype(str), strict=True))
    return [
        place_variants([target], references)[0] if alone else target
        for target, alone in zip(targets, lost, strict=True)
    ]


def apply_variants(
    targets: Sequence[Target],
    chains: Sequence[str],
    named: Mapping[str, str],
    file: str | os.PathLike[str],
) -> tuple[Target, ...]:
    """Targets with the named changes, on top of those that their table names.

    Positions are those of the sequence, or of the shipped protein of that gene where every residue named stands,
    with its neighbours, once in the sequence (`models.variant.reference_shift`).

    Parameters
    ----------
    targets, chains
        n targets as read, and the sequences that their table gives.
    named
        Changes by target (`parse_named_variants`).
    file
        The table, for messages.

    Raises
    ------
    InputError
        A target that is not in the table; a change that is not read, changes nothing, or whose reference residue
        does not stand at its position: the message names target, position and the residue found.
    """
    from models.protein import place_variants
    from models.variant import parse_variant

    ids = [target.target_id for target in targets]
    for target_id in named:
        if target_id not in ids:
            raise InputError(
                f"no target {target_id!r}", file=file, field=_FIELD, expected=f"one of the {len(ids)} targets there",
                hint="write it as in the column target_id",
            )  # fmt: skip
    proteins = tables.proteins() if named else None
    result = list(targets)
    for place, (target, chain) in enumerate(zip(targets, chains, strict=True)):
        if target.target_id not in named or proteins is None:
            continue
        text = named[target.target_id]
        try:
            changes = tuple(dict.fromkeys((*target.changes, *parse_variant(text))))
        except InputError as error:
            raise InputError(
                f"target {target.target_id}: {error.message}", file=file, field=_FIELD,
                expected=error.expected, hint=error.hint,
            ) from None  # fmt: skip
        shipped = proteins.loc[proteins["symbol"] == target.gene, "sequence"]
        references = {target.gene: str(shipped.iloc[0])} if len(shipped) else None
        asked = replace(wild_type(target, chain), changes=changes, unplaced=True)
        placed = place_variants([asked], references)[0]
        if placed.unplaced or placed.sequence == chain:
            raise InputError(
                f"target {target.target_id}: {placed.reason or f'{text} changes nothing'}", file=file,
                record=place + 2, field=_FIELD, expected="the residue that the change names, at its position",
                hint="give the sequence of the isoform that the variant is numbered on",
            )  # fmt: skip
        result[place] = placed
    return tuple(result)


def variant_text(target: Target) -> str:
    """Changes that a target's sequence carries, as ``L858R+T790M``; empty for none.

    Examples
    --------
    >>> from models.protein import parse_target, place_variants
    >>> variant_text(place_variants([parse_target("X(K2R)", "MKL")])[0])
    'K2R'
    """
    return "" if target.unplaced else "+".join(map(str, target.changes))
