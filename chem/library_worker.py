"""What one worker does for a library: standardise and encode the records of one part.

Each molecule is parsed once, and every step that RDKit takes with it has a limit of time (`chem.killable`). Molecules
are encoded some hundreds at a time; where that takes too long or fails it is done again one by one, to find the
molecule that is to blame.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from rdkit import Chem

from chem.errors import InputError
from chem.fingerprint import fingerprints
from chem.graph import MolecularGraphs, concatenate_graphs
from chem.graph_encode import encode_molecules
from chem.killable import Death, Task, attend
from chem.library_part import TEXT_COLUMNS, LibraryPart, save_part
from chem.parse import explain_smiles, parse_smiles
from chem.read_structure import structure_smiles
from chem.record import CompoundRecord
from chem.standardise import StandardisationRecipe, StandardisedMolecule, standardise_molecule

if TYPE_CHECKING:
    import pyarrow as pa

_AT_ONCE = 512
_WORTH_COMPILING = 1000
_KNOWN = 65_536


class _Record(NamedTuple):
    row: int
    place: str
    id: str
    name: str
    text: str
    reason: str
    kind: str
    note: str


def record_values(row: int, record: CompoundRecord) -> list[Any]:
    """Take from a record what a task needs of it, as JSON."""
    return list(
        _Record(
            row, record.place, record.id, record.name, record.input, record.reason, record.kind, record.note
        )
    )


def part_task(records: list[list[Any]], options: dict[str, Any]) -> Task:
    """Task for `write_part`; where to write it has still to be added as "path".

    Parameters
    ----------
    records
        As `record_values` makes each.
    options
        recipe, fingerprints and time_limit.
    """
    return {"records": records, "options": options, "lost": {}, "suspect": None, "singly": False}


def records_digest(records: list[list[Any]]) -> str:
    """Sixteen hexadecimal digits over the content of records."""
    return hashlib.blake2b(json.dumps(records).encode(), digest_size=8).hexdigest()


def write_part(task: Task) -> dict[str, Any]:
    """Make one part and write it, whole or not at all.

    Parameters
    ----------
    task
        As `part_task` makes it, with the path.

    Returns
    -------
    dict
        n_records, n_rejected, and first_rejected: row, input and reason of the first rejected record, or None.
    """
    part = make_part(task)
    status = part.table.column("status").to_pylist()
    first = status.index("rejected") if "rejected" in status else None
    summary = {
        "n_records": len(status),
        "n_rejected": status.count("rejected"),
        "first_rejected": None
        if first is None
        else [part.table.column(name)[first].as_py() for name in ("row", "input", "reason")],
    }
    save_part(part, summary, Path(task["path"]))
    return summary


def retry_part(task: Task, death: Death) -> Task:
    """Task to try after one has killed its worker: without the molecule, or molecule by molecule.

    A crash counts when it happens twice: a person or the system may have killed the worker.
    """
    assert death.item is not None
    if death.item >= len(task["records"]):
        return task | {"singly": True}
    if not death.too_long and death.item != task["suspect"]:
        return task | {"suspect": death.item}
    limit = task["options"]["time_limit"]
    reason = f"took longer than {limit:g} s" if death.too_long else f"crashed RDKit ({death.how})"
    return task | {"lost": task["lost"] | {str(death.item): reason}}


def make_part(task: Task) -> LibraryPart:
    """Standardise and encode the records of a task.

    Parameters
    ----------
    task
        As `part_task` makes it.

    Returns
    -------
    LibraryPart
        One row per record.
    """
    records, options = [_Record(*values) for values in task["records"]], task["options"]
    lost = {
        (records[int(item)].text, records[int(item)].kind): reason for item, reason in task["lost"].items()
    }
    encoder = _Encoder(options["fingerprints"], compiled=len(records) >= _WORTH_COMPILING or None)
    _warm_up(options, encoder)
    structures = _standardise(records, options, lost)
    if task["singly"]:
        encoded = list(_encode_singly(structures, encoder, options["time_limit"]))
    else:
        try:
            encoded = list(_encode(structures, encoder, options["time_limit"]))
        except InputError:
            return make_part(task | {"singly": True})
    keys, first = _keys_and_first(structures)
    graph = np.full(len(records), -1, np.int64)
    graph[first] = np.arange(len(first))
    graphs = concatenate_graphs([graphs for graphs, _ in encoded])
    bits = {
        name: np.concatenate([encoder([])[1][name], *(each[name] for _, each in encoded)])
        for name in options["fingerprints"]
    }
    return LibraryPart(_table(records, structures), keys, graph, graphs, bits)


def _warm_up(options: dict[str, Any], encoder: _Encoder) -> None:
    """Load what is loaded at its first use: no molecule shall have that in its time."""
    salt = _standardised("CC(=O)[O-].[Na+]", "smiles", StandardisationRecipe(**options["recipe"]))
    encoder([salt.parent()])


@dataclass
class _Structure:
    """What became of a record's structure."""

    outcome: StandardisedMolecule
    smiles: str = ""
    note: str = ""
    molecule: Chem.Mol | None = None

    @property
    def identity(self) -> str:
        """InChIKey; InChI has none for some organometallics: those are compared by their SMILES."""
        return self.outcome.inchikey or self.outcome.smiles

    def parent(self) -> Chem.Mol:
        """Molecule of the standardised SMILES."""
        molecule = self.molecule or parse_smiles(self.outcome.smiles)
        assert molecule is not None
        return molecule


_Notation = tuple[str, str]
_standardised_before: dict[tuple[_Notation, str], _Structure] = {}


def _standardise(
    records: Sequence[_Record], options: dict[str, Any], lost: dict[_Notation, str]
) -> list[_Structure]:
    """Standardise each structure; one that was met before, here or in an earlier part, is not done again."""
    recipe = StandardisationRecipe(**options["recipe"])
    recipe_hash = recipe.hash
    here = {notation: _Structure(StandardisedMolecule(reason=why)) for notation, why in lost.items()}
    structures = []
    for item, record in enumerate(records):
        if record.reason:
            structures.append(_Structure(StandardisedMolecule(reason=record.reason)))
            continue
        notation = record.text, record.kind
        known = here.get(notation) or _standardised_before.get((notation, recipe_hash))
        if known is None:
            with attend(item, options["time_limit"]):
                known = _standardised(record.text, record.kind, recipe)
            here[notation] = known
        structures.append(known)
    if len(_standardised_before) > _KNOWN:
        _standardised_before.clear()
    for notation, known in here.items():
        if notation not in lost:
            _standardised_before[notation, recipe_hash] = replace(known, molecule=None)
    return structures


def _standardised(text: str, kind: str, recipe: StandardisationRecipe) -> _Structure:
    smiles, reason, note = structure_smiles(text, kind)
    if reason:
        return _Structure(StandardisedMolecule(reason=reason), note=note)
    molecule = parse_smiles(smiles)
    if molecule is None:
        return _Structure(StandardisedMolecule(reason=explain_smiles(smiles)), smiles, note)
    outcome, parent = standardise_molecule(molecule, recipe, smiles=smiles)
    return _Structure(outcome, smiles, note, parent)


def _keys_and_first(structures: Sequence[_Structure]) -> tuple[np.ndarray, np.ndarray]:
    """Hash of each record's identity, and the numbers of the records that are the first of theirs."""
    keys = np.zeros((len(structures), 2), np.uint64)
    first: dict[str, int] = {}
    for item, structure in enumerate(structures):
        if not structure.outcome.reason:
            first.setdefault(structure.identity, item)
            digest = hashlib.blake2b(structure.identity.encode(), digest_size=16).digest()
            keys[item] = np.frombuffer(digest, np.uint64)
    return keys, np.array(list(first.values()), dtype=np.int64)


_Encoded = tuple[MolecularGraphs, dict[str, np.ndarray]]


class _Encoder:
    """Graphs and fingerprints of molecules."""

    def __init__(self, names: Sequence[str], compiled: bool | None) -> None:
        self.names, self.compiled = names, compiled

    def __call__(self, molecules: list[Chem.Mol]) -> _Encoded:
        bits = {name: fingerprints(molecules, name, packed=True) for name in self.names}
        return encode_molecules(molecules, compiled=self.compiled), bits


def _encode(structures: list[_Structure], encoder: _Encoder, limit: float | None) -> Iterator[_Encoded]:
    """Encode the molecules that are new, some hundreds at a time."""
    _, first = _keys_and_first(structures)
    for number, start in enumerate(range(0, len(first), _AT_ONCE)):
        with attend(len(structures) + number, limit):
            yield encoder([structures[item].parent() for item in first[start : start + _AT_ONCE]])


def _encode_singly(
    structures: list[_Structure], encoder: _Encoder, limit: float | None
) -> Iterator[_Encoded]:
    """Encode the molecules that are new one by one; those that cannot be encoded become rejected."""
    done: set[str] = set()
    for item, structure in enumerate(structures):
        if structure.outcome.reason or structure.identity in done:
            continue
        try:
            with attend(item, limit):
                encoded = encoder([structure.parent()])
        except InputError as error:
            structure.outcome = StandardisedMolecule(reason=f"no graph: {error.message}")
        else:
            done.add(structure.identity)
            yield encoded


def _table(records: Sequence[_Record], structures: Sequence[_Structure]) -> pa.Table:
    import pyarrow as pa

    outcomes = [structure.outcome for structure in structures]
    columns: dict[str, list[str | None]] = {
        "id": [record.id for record in records],
        "name": [record.name or None for record in records],
        "input": [
            (structure.smiles if record.kind == "molblock" else record.text) or None
            for record, structure in zip(records, structures)
        ],
        "smiles": [outcome.smiles or None for outcome in outcomes],
        "inchikey": [outcome.inchikey or None for outcome in outcomes],
        "status": ["rejected" if outcome.reason else "ok" for outcome in outcomes],
        "reason": [
            f"{record.place}: {outcome.reason}" if outcome.reason else None
            for record, outcome in zip(records, outcomes)
        ],
        "removed_fragments": [outcome.removed_fragments or None for outcome in outcomes],
        "note": [
            "; ".join(filter(None, (record.note, structure.note, structure.outcome.note))) or None
            for record, structure in zip(records, structures)
        ],
    }
    text = {name: pa.array(columns[name], pa.large_string()) for name in TEXT_COLUMNS}
    return pa.table({"row": pa.array([record.row for record in records], pa.int64()), **text})
