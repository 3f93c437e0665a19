"""Targets as a patient has them: changes of residues named on the command line, applied to the sequences of a table."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from chem.errors import InputError
from varimol import tables

if TYPE_CHECKING:
    from models.affinity import AffinityModel
    from models.protein import Target
    from models.variant import Change

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


def gene_names() -> frozenset[str]:
    """Symbols of the shipped proteins: a ``p`` behind one says that the target is phosphorylated."""
    return frozenset(tables.proteins()["symbol"].astype(str))


def constructs_of(model: AffinityModel) -> dict[str, dict[str, str]]:
    """What names leave out, by the model's card; those that end in p mean what they meant in training.

    A single target to predict does not show by itself that its name has a twin without the p.
    """
    trained = {
        target.target_id: {"phosphorylated": "yes" if target.phosphorylated else "no"}
        for endpoint in model.models
        for target in endpoint.inputs.targets
        if target.target_id.endswith("p")
    }
    return trained | dict(model.card.get("constructs") or {})


def wild_type(target: Target, chain: str) -> Target:
    """The same target without its variant: `chain` is the sequence that its table gives."""
    return replace(
        target, sequence=chain, changes=(), unplaced=False, reason="", numbering="",
    )  # fmt: skip


def place_by_reference(
    targets: Sequence[Target], known: Collection[str], genes: Sequence[str] | None = None
) -> list[Target]:
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
    genes
        Symbol or UniProt accession of each target's shipped protein; the name before the bracket unless given.
    """
    from models.protein import place_variants

    lost = [target.unplaced and bool(target.changes) and target.form not in known for target in targets]
    if not any(lost):
        return list(targets)
    references = _references()
    return [
        place_variants([target], _by_own_name(target, _reference_of(gene, references)))[0]
        if alone
        else target
        for target, gene, alone in zip(targets, _genes(targets, genes), lost, strict=True)
    ]


class _Reference(NamedTuple):
    """Shipped protein that variants of a gene are numbered on."""

    name: str
    sequence: str


def _references() -> dict[str, _Reference]:
    """Shipped proteins by symbol and by accession."""
    found: dict[str, _Reference] = {}
    for symbol, accession, isoform, sequence in tables.proteins()[
        ["symbol", "accession", "isoform", "sequence"]
    ].itertuples(index=False, name=None):
        protein = _Reference(f"{symbol} ({accession or isoform})", sequence)
        found[symbol] = protein
        found.setdefault(accession or symbol, protein)
    return found


def _genes(targets: Sequence[Target], genes: Sequence[str] | None) -> list[str]:
    """Name of each target's gene; where its table has none, that before the bracket."""
    given = genes or [""] * len(targets)
    return [gene or target.gene for target, gene in zip(targets, given, strict=True)]


def _reference_of(gene: str, references: Mapping[str, _Reference]) -> _Reference | None:
    """Shipped protein of a gene; a ``p`` behind the symbol says that it is phosphorylated."""
    return references.get(gene) or references.get(gene.removesuffix("p"))


def _by_own_name(target: Target, reference: _Reference | None) -> dict[str, str] | None:
    return {target.gene: reference.sequence} if reference else None


def apply_variants(
    targets: Sequence[Target],
    chains: Sequence[str],
    named: Mapping[str, str],
    file: str | os.PathLike[str],
    genes: Sequence[str] | None = None,
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
    genes
        As in `place_by_reference`.

    Raises
    ------
    InputError
        A target that is not in the table; a change that is not read, changes nothing, or whose reference residue
        does not stand at its position: the message names target and position, and the residue found there in the
        sequence and in the gene's shipped protein.
    """
    if not named:
        return tuple(targets)
    _require_targets(targets, named, file)
    references = _references()
    result = list(targets)
    for place, (target, chain, gene) in enumerate(zip(targets, chains, _genes(targets, genes), strict=True)):
        if target.target_id not in named:
            continue
        try:
            reference = _reference_of(gene, references)
            result[place] = _with_changes(target, chain, named[target.target_id], gene, reference)
        except InputError as error:
            raise InputError(
                f"target {target.target_id}: {error.message}", file=file, record=place + 2, field=_FIELD,
                expected=error.expected, hint=error.hint,
            ) from None  # fmt: skip
    return tuple(result)


def _require_targets(
    targets: Sequence[Target], named: Mapping[str, str], file: str | os.PathLike[str]
) -> None:
    ids = {target.target_id for target in targets}
    for target_id in named:
        if target_id not in ids:
            gene = target_id.split("(")[0].lower()
            like = ", ".join([t.target_id for t in targets if t.gene.lower() == gene][:8])
            raise InputError(
                f"no target {target_id!r}", file=file, field=_FIELD,
                expected=f"one of the {len(ids)} targets there{', such as ' * bool(like)}{like}",
                hint="write it as in the column target_id",
            )  # fmt: skip


def _with_changes(target: Target, chain: str, text: str, gene: str, reference: _Reference | None) -> Target:
    """Target with the changes that `text` names, on top of its own."""
    from models.protein import place_variants
    from models.variant import in_order, parse_variant

    asked = parse_variant(text)
    changes = in_order(dict.fromkeys((*target.changes, *asked)))
    unplaced = replace(wild_type(target, chain), changes=changes, unplaced=True)
    placed = place_variants([unplaced], _by_own_name(target, reference))[0]
    if placed.unplaced:
        raise InputError(
            _where_tried((*asked, *target.changes), chain, gene, reference) or placed.reason,
            expected="the residue that the change names, at its position",
            hint="correct the change, or give the sequence of the isoform that it is numbered on",
        )  # fmt: skip
    if placed.sequence == chain:
        raise InputError(f"{text} changes nothing", expected="another residue than the sequence has")
    return placed


def _where_tried(changes: Sequence[Change], chain: str, gene: str, reference: _Reference | None) -> str:
    """Say of a residue that is not as its change names it what stands there, by each numbering tried.

    Of several it is the first that the reference does not have either. Empty where every residue stands in `chain`,
    so that something else is wrong.
    """
    from models.variant import FLANK

    other = reference.sequence if reference else ""
    wrong = [
        (_residue(other, at) == residue, place, change, at)
        for place, change in enumerate(changes)
        for residue, at in change.sites
        if _residue(chain, at) != residue
    ]
    if not wrong:
        return ""
    only_there, _, change, at = min(wrong, key=lambda site: site[:2])
    told = f"variant {change}: residue {at} is {_residue(chain, at) or 'not'} in the sequence given"
    if reference is None:
        return f"{told}; no protein of {gene!r} is shipped to number it on"
    if other == chain:
        return f"{told}, which is the shipped protein {reference.name}"
    told += f", and {_residue(other, at) or 'not'} in the shipped protein {reference.name}"
    if only_there:
        told += (
            f", whose residues there, with {FLANK} on both sides, do not all stand once in the sequence given"
        )
    return told


def _residue(sequence: str, at: int) -> str:
    """Residue at a 1-based position; empty outside the sequence."""
    return sequence[at - 1 : at] if at > 0 else ""


def variant_text(target: Target) -> str:
    """Changes that a target's sequence carries by position, as ``T790M+L858R``; empty for none.

    Examples
    --------
    >>> from models.protein import parse_target, place_variants
    >>> variant_text(place_variants([parse_target("X(K2R)", "MKL")])[0])
    'K2R'
    """
    from models.variant import in_order

    return "" if target.unplaced else "+".join(map(str, in_order(target.changes)))
