"""What single drugs and proteins hold that a network does not know: it predicts them, and this says so."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chem.graph import MolecularGraphs
from chem.graph_encode import encode_graphs
from chem.graph_schema import GRAPH_SCHEMA
from chem.graph_version import schema_of_version
from models.kinase import AMINO_ACIDS

LONG_CHAIN = 5_000
"""Residues from which a chain is so much longer than any training protein that it is said."""
_ATOM_TYPE = ("element", "formal_charge", "hybridisation")
_ATOM = re.compile(r"\[\d*([A-Za-z][a-z]?)[^]]*\]|(Br|Cl|[BCNOPSFI]|[bcnops])")


def unknown_residues(sequence: str) -> str:
    """Say which letters of a sequence are outside the twenty amino acids: read as unknown residues.

    Examples
    --------
    >>> unknown_residues("MKXXU"), unknown_residues("MKL")
    ('3 of 5 residues are none of the twenty and read as unknown: X 2, U 1', '')
    """
    others = Counter(letter for letter in sequence.upper() if letter not in AMINO_ACIDS)
    if not others:
        return ""
    kinds = ", ".join(f"{letter} {n}" for letter, n in others.most_common())
    return f"{others.total()} of {len(sequence)} residues are none of the twenty and read as unknown: {kinds}"


def protein_note(sequence: str) -> str:
    """Say of one sequence what a network cannot read, or would read in part; empty where there is nothing.

    Examples
    --------
    >>> protein_note("MKXXU")
    '3 of 5 residues are none of the twenty and read as unknown: X 2, U 1'
    >>> protein_note("MKL" * 10_000)
    'a chain of 30,000 residues is read by its kinase domain and its composition alone'
    >>> protein_note("ACGT" * 20)
    'the sequence looks like nucleotides; a protein is expected'
    """
    said = [unknown_residues(sequence)]
    if len(sequence) > LONG_CHAIN:
        said.append(
            f"a chain of {len(sequence):,} residues is read by its kinase domain and its composition alone"
        )
    if is_nucleic(sequence):
        said.append("the sequence looks like nucleotides; a protein is expected")
    return "; ".join(text for text in said if text)


def is_nucleic(sequence: str) -> bool:
    """Whether a sequence of more than 30 letters holds those of nucleotides alone.

    Examples
    --------
    >>> is_nucleic("ACGT" * 20), is_nucleic("GAT")
    (True, False)
    """
    return len(sequence) > 30 and set(sequence.upper()) <= set("ACGTUN")


def residue_notes(sequences: Sequence[str]) -> list[str]:
    """Count the sequences with letters outside the twenty amino acids."""
    notes = []
    others = {sequence: Counter(sequence.upper()) for sequence in sequences if unknown_residues(sequence)}
    if others:
        counts = sum(others.values(), Counter())
        kinds = ", ".join(f"{letter} {n}" for letter, n in counts.most_common() if letter not in AMINO_ACIDS)
        notes.append(
            f"{len(others)} of {len(sequences)} sequences have residues that are none of the twenty amino acids, "
            f"read as unknown: {kinds}"
        )
    return notes


def elements(smiles: str) -> frozenset[str]:
    """Elements that a SMILES writes; hydrogens only where they stand as atoms of their own.

    Examples
    --------
    >>> sorted(elements("C[Si](C)(C)c1cc[nH]c1Cl")), sorted(elements("[13CH3][se]"))
    (['C', 'Cl', 'N', 'Si'], ['C', 'Se'])
    """
    return frozenset((inside or plain).capitalize() for inside, plain in _ATOM.findall(smiles))


def atom_types(smiles: Sequence[str]) -> dict[str, list[Any]]:
    """Elements, formal charges and hybridisations that occur in molecules, to be kept on a network's card.

    Parameters
    ----------
    smiles
        Standardised SMILES; empty ones are passed over.

    Returns
    -------
    dict of str to list
        Values by field of `chem.graph_schema`, in the order of its vocabulary; ``"unlisted"`` for what it does
        not list. Can be written as JSON.

    Examples
    --------
    >>> atom_types(["CCO", "C[NH3+]"])["formal_charge"]
    [0, 1]
    """
    graphs = encode_graphs([text for text in smiles if text])
    fields = GRAPH_SCHEMA["node_fields"]
    return {
        name: [_value(name, code) for code in np.unique(graphs.node_features[:, fields.index(name)])]
        for name in _ATOM_TYPE
    }


def _value(field: str, code: int) -> Any:
    return GRAPH_SCHEMA["node_vocabulary"][field][code - 1] if code else "unlisted"


def drug_notes(
    smiles: Sequence[str], seen: Mapping[str, Sequence[Any]], *, schema_version: int = 1
) -> tuple[str, ...]:
    """Say of each drug which of its atom types a network never met.

    Such a drug is predicted all the same: a value that the network's schema has no code for is read as unknown.

    Parameters
    ----------
    smiles
        n_drugs standardised SMILES; empty where a drug could not be read.
    seen
        `atom_types` of the training molecules.
    schema_version
        Version of the graph schema that the network reads.

    Returns
    -------
    tuple of str
        n_drugs notes, empty where there is nothing to say.

    Examples
    --------
    >>> drug_notes(["CCO", "C[Se]C"], atom_types(["CCO"]))
    ('', 'element Se not in training')
    """
    own = schema_of_version(schema_version)["node_vocabulary"]
    readable = list(dict.fromkeys(text for text in smiles if text))
    graphs = encode_graphs(readable)
    found: list[list[str]] = [[] for _ in readable]
    molecule = np.repeat(np.arange(len(graphs)), graphs.n_atoms)
    for name in _ATOM_TYPE:
        codes = graphs.node_features[:, GRAPH_SCHEMA["node_fields"].index(name)]
        for code in np.unique(codes):
            value = _value(name, code)
            coded = value in own[name]
            if coded and value in seen.get(name, ()):
                continue
            why = "not in training" if coded else "has no code of its own, read as unknown"
            for row in np.unique(molecule[codes == code]):
                found[row].append(f"{name.replace('_', ' ')} {value} {why}")
    texts = dict(zip(readable, map("; ".join, found), strict=True))
    return tuple(texts.get(text, "") for text in smiles)


def unseen_as_unknown(graphs: MolecularGraphs, training: MolecularGraphs) -> MolecularGraphs:
    """Read what the training molecules do not hold as unknown.

    The schema has a code for every element, so a network has a vector for each; those of elements that it never
    met are as they were drawn at random. Code 0, unknown, was trained: now and then it stood for any atom.

    Parameters
    ----------
    graphs
        Molecules to predict.
    training
        The training molecules, under the same schema.

    Returns
    -------
    MolecularGraphs
        The same, with 0 for each code of an atom or a bond that its field never has in `training`.

    Examples
    --------
    >>> known, asked = encode_graphs(["CCO"]), encode_graphs(["C[Se]C"])
    >>> element = GRAPH_SCHEMA["node_fields"].index("element")
    >>> read = unseen_as_unknown(asked, known).node_features[:, element]
    >>> read.tolist() == [known.node_features[0, element], 0, known.node_features[0, element]]
    True
    """
    return replace(
        graphs,
        node_features=_known_codes(graphs.node_features, training.node_features),
        edge_features=_known_codes(graphs.edge_features, training.edge_features),
    )


def _known_codes(codes: NDArray[np.integer], training: NDArray[np.integer]) -> NDArray[Any]:
    result = codes.copy()
    for field in range(codes.shape[1]):
        result[~np.isin(codes[:, field], np.unique(training[:, field])), field] = 0
    return result
