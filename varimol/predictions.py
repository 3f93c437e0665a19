"""Predictions of the pairs of a table, and what is to be said of single rows."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from varimol.target_variants import (
    apply_variants,
    constructs_of,
    gene_names,
    parse_named_variants,
    place_by_reference,
    variant_text,
)

if TYPE_CHECKING:
    from models.affinity import AffinityModel
    from models.pairs import PairData

PathName = str | os.PathLike[str]
_NUMBER = re.compile(r"\d+(\.\d+)?")


def read_input(
    model: AffinityModel,
    pairs: PathName,
    drugs: PathName,
    targets: PathName,
    variants: Sequence[str] = (),
    *,
    label: str | None = None,
    folds: str | None = None,
) -> tuple[PairData, list[str]]:
    """Pairs as a model reads them, with a patient's variants applied, and each target's sequence without any.

    Parameters
    ----------
    model
        Its card says how targets are read, and what their names leave out (``constructs``).
    pairs, drugs, targets
        As `models.pairs.read_pairs` takes them; the targets' column ``gene``, where there is one, names the protein
        that variants are numbered on.
    variants
        As ``TARGET:V600E``.
    label, folds
        Columns to go on training from the model with, none to predict.

    Raises
    ------
    InputError
        A table cannot be read, or a variant does not fit.
    """
    from models.pairs import read_chains, read_pairs
    from models.tables import read_table

    named = parse_named_variants(variants)
    data = read_pairs(
        pairs,
        drugs,
        targets,
        label=label,
        folds=folds,
        read_as=model.card.get("read_as", "true"),
        constructs=constructs_of(model),
        genes=gene_names(),
    )
    table = read_table(targets, ("target_id", "sequence"), "targets")
    chains = read_chains(table["sequence"], targets, "sequence", table["target_id"])[0].tolist()
    genes = table["gene"].tolist() if "gene" in table else None
    known = {target.form for endpoint in model.models for target in endpoint.inputs.targets}
    placed = place_by_reference(data.targets, known, genes)
    return replace(data, targets=apply_variants(placed, chains, named, targets, genes)), chains


def pair_keys(pairs: PairData, endpoint: str, *, variants: bool) -> pd.DataFrame:
    """Columns that tell the rows of a table of pairs apart.

    Parameters
    ----------
    pairs
        n pairs over targets with their variants applied.
    endpoint
        Label.
    variants
        Say which changes each target's sequence carries.

    Returns
    -------
    pd.DataFrame
        n rows of drug_id, target_id, endpoint and, with `variants`, variant.
    """
    columns: dict[str, object] = {
        "drug_id": [pairs.drug_ids[d] for d in pairs.drug],
        "target_id": [pairs.target_ids[t] for t in pairs.target],
        "endpoint": endpoint,
    }
    if variants:
        carried = [variant_text(target) for target in pairs.targets]
        columns["variant"] = [carried[t] for t in pairs.target]
    return pd.DataFrame(columns)


def predict_pairs(
    model: AffinityModel,
    pairs: PairData,
    endpoints: Sequence[str],
    level: float = 0.9,
    *,
    variants: bool = False,
) -> pd.DataFrame:
    """Predict pairs, in long form by endpoint and in their order.

    Parameters
    ----------
    model
        The affinity model.
    pairs
        Pairs over targets with their variants applied.
    endpoints
        Labels.
    level
        Coverage of the interval.
    variants
        Add the column ``variant``: the changes that the target's sequence carries, empty for none.

    Returns
    -------
    pd.DataFrame
        `pair_keys`, the columns of `models.affinity.AffinityModel.predict`, notes.
    """
    proteins = _protein_notes(pairs)
    parts = []
    for name in endpoints:
        table = model.predict(pairs, endpoint=name, level=level)
        other = _drug_notes(model, name, pairs)
        told = str(model.card.get("endpoint_notes", {}).get(name, ""))
        notes = _joined([other[d] for d in pairs.drug], [proteins[t] for t in pairs.target])
        table["notes"] = _joined(notes, [told] * len(notes))
        parts.append(pd.concat([pair_keys(pairs, name, variants=variants), table], axis=1))
    return pd.concat(parts, ignore_index=True)


def _joined(first: Iterable[str], second: Iterable[str]) -> list[str]:
    return ["; ".join(text for text in both if text) for both in zip(first, second, strict=True)]


def _drug_notes(model: AffinityModel, endpoint: str, pairs: PairData) -> list[str]:
    """Per drug, charges and hybridisations that the endpoint's training molecules do not have."""
    from chem.graph_version import SCHEMA_VERSION
    from models.input_notes import atom_types, drug_notes

    seen = atom_types(model.endpoint(endpoint).inputs.smiles)
    said = [note.split("; ") for note in drug_notes(pairs.smiles, seen, schema_version=SCHEMA_VERSION)]
    return ["; ".join(text for text in part if not text.startswith("element ")) for part in said]


def _protein_notes(pairs: PairData) -> list[str]:
    """Per target, what a network cannot read, its phosphorylation, and its variant, or why it carries none."""
    from models.input_notes import protein_note

    notes = []
    for target in pairs.targets:
        carried = f"{variant_text(target)} applied" if variant_text(target) else target.reason
        if target.numbering not in ("", "as given"):
            carried += f", numbering {target.numbering}"
        form = "read as phosphorylated" if target.phosphorylated else ""
        notes.append("; ".join(text for text in (protein_note(target.sequence), form, carried) if text))
    return notes


def rows_text(table: pd.DataFrame) -> str:
    """Say how many rows a table has, how many of them abstain, and the commonest reason.

    Parameters
    ----------
    table
        abstain, reason (clauses, parted by semicolons); where it has several of ``endpoint``, each has a line of its
        own with its own reason. Reasons that differ in their numbers alone are counted together, and the first is
        told.

    Examples
    --------
    >>> table = pd.DataFrame({"abstain": [True, False], "reason": ["similarity 0.2, below 0.4", ""]})
    >>> print(rows_text(table))
    2 rows, 1 abstains: similarity 0.2, below 0.4
    >>> print(rows_text(table.assign(endpoint=["pkd", "kiba_score"])))
    2 rows, 1 abstains
      pkd: 1 row, 1 abstains: similarity 0.2, below 0.4
      kiba_score: 1 row, none abstains
    """
    each = list(table.groupby("endpoint", sort=False)) if "endpoint" in table else []
    if len(each) < 2:
        return _abstentions(table) + _reason(table)
    own = [f"  {name}: {_abstentions(part)}{_reason(part)}" for name, part in each]
    return "\n".join([_abstentions(table), *own])


def _abstentions(table: pd.DataFrame) -> str:
    text, n_abstain = _counted(len(table), "row"), int(table["abstain"].sum())
    if not n_abstain:
        return f"{text}, none abstains" if len(table) else text
    return f"{text}, {n_abstain:,} abstain{'s' * (n_abstain == 1)}"


def _reason(table: pd.DataFrame) -> str:
    """Commonest reason to abstain, with what goes before it; empty where no row abstains."""
    reasons = table.loc[table["abstain"], "reason"].tolist()
    if not reasons:
        return ""
    alike = _commonest(reasons)
    often = f", most often ({_counted(len(alike), 'row')}{', for example' * (len(set(alike)) > 1)})"
    return f"{often * (len(reasons) > 1)}: {alike[0]}"


def _commonest(reasons: Sequence[str]) -> list[str]:
    """Clause that most reasons have, as each of them words it: the numbers in it may differ."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for reason in reasons:
        own = {_NUMBER.sub("#", clause): clause for clause in reason.split("; ")}
        for kind, clause in own.items():
            kinds[kind].append(clause)
    return max(kinds.values(), key=len)


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'s' * (n != 1)}"


def unused_variants(table: pd.DataFrame, variants: Sequence[str]) -> str:
    """Say which of a patient's variants no row of a table has, because no pair has their target; empty for none.

    Examples
    --------
    >>> unused_variants(pd.DataFrame({"target_id": ["ABL1"]}), ["ABL1:T315I", "KIT:V559D"])
    'KIT:V559D is in no row: no pair has that target'
    """
    there = set(table["target_id"])
    unused = [
        f"{target}:{text}" for target, text in parse_named_variants(variants).items() if target not in there
    ]
    if not unused:
        return ""
    one = len(unused) == 1
    return f"{', '.join(unused)} {'is' if one else 'are'} in no row: no pair has {'that target' if one else 'those targets'}"
