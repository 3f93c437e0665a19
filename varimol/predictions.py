"""Predictions of the pairs of a table, and what is to be said of single rows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from varimol.target_variants import apply_variants, parse_named_variants, place_by_reference, variant_text

if TYPE_CHECKING:
    from models.affinity import AffinityModel
    from models.pairs import PairData

PathName = str | os.PathLike[str]


def read_input(
    model: AffinityModel, pairs: PathName, drugs: PathName, targets: PathName, variants: Sequence[str] = ()
) -> tuple[PairData, list[str]]:
    """Pairs to predict, with a patient's variants applied, and each target's sequence without any.

    Parameters
    ----------
    model
        Its card says how targets are read.
    pairs, drugs, targets
        As `models.pairs.read_pairs` takes them.
    variants
        As ``TARGET:V600E``.

    Raises
    ------
    InputError
        A table cannot be read, or a variant does not fit.
    """
    from models.pairs import read_chains, read_pairs, read_table

    named = parse_named_variants(variants)
    data = read_pairs(pairs, drugs, targets, read_as=model.card.get("read_as", "true"))
    table = read_table(targets, ("target_id", "sequence"), "targets")
    chains = read_chains(table["sequence"], targets, "sequence")[0].tolist()
    known = {target.form for endpoint in model.models for target in endpoint.inputs.targets}
    placed = place_by_reference(data.targets, known)
    return replace(data, targets=apply_variants(placed, chains, named, targets)), chains


def predict_pairs(
    model: AffinityModel, pairs: PairData, endpoints: Sequence[str], level: float = 0.9
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

    Returns
    -------
    pd.DataFrame
        drug_id, target_id, endpoint, the columns of `models.affinity.AffinityModel.predict`, notes. A compound
        with an element that was not in training is out of the domain.
    """
    keys = pd.DataFrame(
        {
            "drug_id": [pairs.drug_ids[d] for d in pairs.drug],
            "target_id": [pairs.target_ids[t] for t in pairs.target],
        }
    )
    proteins = _protein_notes(pairs)
    parts = []
    for name in endpoints:
        table = pd.concat([keys, model.predict(pairs, endpoint=name, level=level)], axis=1)
        table.insert(2, "endpoint", name)
        foreign, other = _drug_notes(model, name, pairs)
        table["reason"] = _joined(table["reason"], [foreign[d] for d in pairs.drug])
        table["in_domain"] = table["reason"] == ""
        table["abstain"] = ~table["in_domain"]
        table["notes"] = _joined([other[d] for d in pairs.drug], [proteins[t] for t in pairs.target])
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def _joined(first: Iterable[str], second: Iterable[str]) -> list[str]:
    return ["; ".join(text for text in both if text) for both in zip(first, second, strict=True)]


def _drug_notes(model: AffinityModel, endpoint: str, pairs: PairData) -> tuple[list[str], list[str]]:
    """Per drug, elements that the endpoint's training molecules do not have, and other such atom types."""
    from chem.graph_version import SCHEMA_VERSION
    from models.input_notes import atom_types, drug_notes

    seen = atom_types(model.endpoint(endpoint).inputs.smiles)
    said = [note.split("; ") for note in drug_notes(pairs.smiles, seen, schema_version=SCHEMA_VERSION)]
    foreign = ["; ".join(text for text in part if text.startswith("element ")) for part in said]
    return foreign, ["; ".join(text for text in part if not text.startswith("element ")) for part in said]


def _protein_notes(pairs: PairData) -> list[str]:
    """Per target, what a network cannot read of it, and the variant it carries where its numbers were shifted."""
    from models.input_notes import protein_note

    notes = []
    for target in pairs.targets:
        carried = f"{variant_text(target)} applied" if variant_text(target) else ""
        if carried and target.numbering != "as given":
            carried += f", numbering {target.numbering}"
        notes.append("; ".join(text for text in (protein_note(target.sequence), carried) if text))
    return notes
