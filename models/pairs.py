"""Tables of (drug, target, label) read, checked and indexed by distinct molecule and protein.

What cannot be read is refused, naming file, line and field. What is read otherwise than it is written (yes/no
words as 1 and 0, a stop codon cut off) is told in `PairData.notes`. What a table means for training is judged by
`models.pair_checks`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from chem.errors import InputError
from chem.standardise import standardise_smiles
from models.input_notes import is_nucleic, residue_notes
from models.pair_checks import label_notes
from models.protein import ReadAs, Target, phosphorylation_notes, read_targets
from models.tables import read_table, require_distinct, require_lines

_YES, _NO = ("yes", "y", "true", "t", "active"), ("no", "n", "false", "f", "inactive")


@dataclass(frozen=True)
class PairData:
    """One endpoint's pairs.

    Attributes
    ----------
    name
        Name of the endpoint, the label's column.
    smiles
        n_drugs drugs as standardised SMILES, in the order of `drug_ids`; empty where one cannot be read.
    drug_reasons
        n_drugs reasons why a drug could not be read, or that its SMILES is but the ligand of a metal; empty for the
        others.
    targets
        n_targets targets, in the order of `target_ids`.
    drug, target
        (n_pairs,) indices into the two.
    label
        (n_pairs,) float64, NaN where only a prediction is asked for.
    fold
        (n_pairs,) fold of each pair, or -1.
    notes
        What was read otherwise than it is written, or looks wrong, one line each.
    """

    name: str
    drug_ids: tuple[str, ...]
    smiles: tuple[str, ...]
    drug_reasons: tuple[str, ...]
    target_ids: tuple[str, ...]
    targets: tuple[Target, ...]
    drug: NDArray[np.int64]
    target: NDArray[np.int64]
    label: NDArray[np.float64]
    fold: NDArray[np.int64]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.label)

    def select(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> PairData:
        """Pairs `rows` over the same drugs and targets."""
        return replace(
            self, drug=self.drug[rows], target=self.target[rows], label=self.label[rows], fold=self.fold[rows]
        )


def require_structures(pairs: PairData, drugs: str | PathLike[str]) -> None:
    """Refuse a drugs table of `read_pairs` for training in which a structure cannot be read at all.

    Raises
    ------
    InputError
        Naming the first such line and what is wrong with it.
    """
    for row, reason in enumerate(pairs.drug_reasons):
        if reason and not pairs.smiles[row]:
            raise InputError(
                reason, file=drugs, record=row + 2, field="smiles", expected="a SMILES that RDKit reads",
                hint="correct or remove that drug and its pairs",
            )  # fmt: skip


def _number(text: pd.Series, path: str | PathLike[str], field: str) -> NDArray[np.float64]:
    values = pd.to_numeric(text.replace({"": "nan", "NA": "nan"}), errors="coerce")
    bad = np.flatnonzero((values.isna() & ~text.str.lower().isin({"", "na", "nan"})) | np.isinf(values))
    if len(bad):
        raise InputError(
            f"{text.iloc[bad[0]]!r} is not a number", file=path, record=int(bad[0]) + 2, field=field,
            expected="a finite number, or empty for missing", hint="correct that line",
        )  # fmt: skip
    return values.to_numpy(dtype=np.float64)


def _fold_number(text: pd.Series, path: str | PathLike[str], field: str) -> NDArray[np.int64]:
    values = _number(text, path, field)
    bad = np.flatnonzero(~(values >= 0) | (values % 1 != 0))
    if len(bad):
        raise InputError(
            f"{text.iloc[bad[0]]!r} is no fold", file=path, record=int(bad[0]) + 2, field=field,
            expected="a whole number from 0 on every line", hint="correct that line",
        )  # fmt: skip
    return values.astype(np.int64)


def _labels(text: pd.Series, path: str | PathLike[str], field: str) -> tuple[NDArray[np.float64], list[str]]:
    """Labels as numbers, yes/no words as 1 and 0, and what is to be said of them."""
    words = text.str.strip().str.lower()
    yes, no = words.isin(_YES), words.isin(_NO)
    values = _number(text.mask(yes, "1").mask(no, "0"), path, field)
    named = np.flatnonzero(yes | no)
    if len(named) and not np.isin(values[~np.isnan(values)], (0, 1)).all():
        raise InputError(
            f"{text.iloc[named[0]]!r} is not a number, as other labels are", file=path,
            record=int(named[0]) + 2, field=field, expected="numbers, or yes and no, but not both",
            hint="correct that line",
        )  # fmt: skip
    notes = (
        [f"label {field!r}: {yes.sum()} yes and {no.sum()} no, in words, read as 1 and 0"]
        if len(named)
        else []
    )
    return values, notes + label_notes(values, field, file=path)


def read_chains(
    text: pd.Series, path: str | PathLike[str], field: str, names: pd.Series | None = None
) -> tuple[pd.Series, list[str]]:
    """Read a column of protein sequences: in capitals, without the stop codon behind the chain.

    Parameters
    ----------
    text
        As written; letters outside the twenty amino acids are kept, and read as unknown residues later.
    path, field
        Of the table and the column, for messages.
    names
        Of the targets, for messages.

    Returns
    -------
    chains, notes
        The sequences under the same index, and what is to be said of them.

    Raises
    ------
    InputError
        A sequence is empty, holds no amino acid, or anything but letters, or is one of nucleotides
        (`models.input_notes.is_nucleic`); a stop codon inside a chain is named with its place.

    Examples
    --------
    >>> chains, notes = read_chains(pd.Series(["mkv*", "MKL"]), "targets.tsv", "sequence")
    >>> chains.tolist(), notes
    (['MKV', 'MKL'], ['a stop codon (*) behind the chain cut off 1 sequence'])
    """
    written = text.str.strip().str.upper()
    chains = written.str.removesuffix("*")
    bad = np.flatnonzero(~chains.str.fullmatch(r"[A-Z]+") | chains.str.fullmatch("[^ACDEFGHIKLMNPQRSTVWY]+"))
    if len(bad):
        chain = str(chains.iloc[bad[0]])
        stopped = "*" in chain
        raise InputError(
            f"a stop codon stands at residue {chain.index('*') + 1} of {len(chain)}" if stopped
            else f"{text.iloc[bad[0]][:30]!r} is no protein sequence",
            file=path, record=int(bad[0]) + 2, field=field, expected="amino acids in one-letter code",
            hint="end the chain before its first stop" if stopped else "correct or remove that target",
        )  # fmt: skip
    nucleic = np.flatnonzero(chains.map(is_nucleic))
    if len(nucleic):
        row = int(nucleic[0])
        whose = "" if names is None else f" of {names.iloc[row]!r}"
        raise InputError(
            f"the sequence{whose} looks like nucleotides", file=path, record=row + 2, field=field,
            expected="amino acids in one-letter code", hint="translate it, or remove that target and its pairs",
        )  # fmt: skip
    n_cut = int((chains != written).sum())
    notes = [f"a stop codon (*) behind the chain cut off {_count(n_cut, 'sequence')}"] if n_cut else []
    return chains, notes + residue_notes(chains.unique().tolist())


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'s' if n != 1 else ''}"


def _index(
    keys: pd.Series, known: pd.Series, path: str | PathLike[str], field: str, table: str
) -> NDArray[np.int64]:
    index = pd.Index(known).get_indexer(keys)
    if (index < 0).any():
        row = int(np.flatnonzero(index < 0)[0])
        raise InputError(
            f"{keys.iloc[row]!r} is not in the {table} table", file=path, record=row + 2, field=field,
            expected=f"one of the {len(known)} identifiers there", hint=f"add it to the {table} table",
        )  # fmt: skip
    return index.astype(np.int64)


def read_pairs(
    pairs: str | PathLike[str],
    drugs: str | PathLike[str],
    targets: str | PathLike[str],
    *,
    label: str | None = None,
    folds: str | None = None,
    read_as: ReadAs = "true",
    constructs: Mapping[str, Mapping[str, str]] | None = None,
    references: Mapping[str, str] | None = None,
    genes: Collection[str] = frozenset(),
) -> PairData:
    """Read pairs with their drugs and targets.

    Parameters
    ----------
    pairs
        Columns ``drug_id``, ``target_id``, the label's and the folds'.
    drugs
        Columns ``drug_id``, ``smiles``; a column ``isomeric_smiles``, where there is one, is read instead.
    targets
        Columns ``target_id``, ``sequence``, optional ``variant``, ``domain``, ``phosphorylated``. A stop codon
        ``*`` behind the chain is cut off; X, U, O and other letters are unknown residues.
    label
        Column of the label, numbers or yes/no words; empty ones are NaN. Without a column, all are.
    folds
        Column of the fold, an integer.
    read_as, constructs, references, genes
        How targets are read (`models.protein.read_targets`): ``"given"`` takes the sequences alone, ``"true"``
        also what names and columns say of variant, domain and phosphorylation.

    Returns
    -------
    PairData
        In the order of the pairs table.

    Raises
    ------
    InputError
        Naming file, line and field; also where labels called pKd look like concentrations
        (`models.pair_checks.label_notes`).
    """
    required = ("drug_id", "target_id", *([label] if label else []), *([folds] if folds else []))
    pair_table = read_table(pairs, required, "pairs")
    drug_table = read_table(drugs, ("drug_id", "smiles"), "drugs")
    target_table = read_table(targets, ("target_id", "sequence"), "targets")
    if len(pair_table):
        require_lines(drug_table, drugs, "drug")
        require_lines(target_table, targets, "target")
    require_distinct(drug_table["drug_id"], drugs)
    require_distinct(target_table["target_id"], targets)
    sequences, target_notes = read_chains(
        target_table["sequence"], targets, "sequence", target_table["target_id"]
    )
    try:
        proteins = read_targets(
            target_table.assign(sequence=sequences), read_as, constructs=constructs, references=references,
            genes=genes,
        )  # fmt: skip
    except InputError as error:
        raise InputError(
            error.message, file=targets, record=error.record, field=error.field, expected=error.expected,
            hint=error.hint,
        ) from error  # fmt: skip
    drug = _index(pair_table["drug_id"], drug_table["drug_id"], pairs, "drug_id", "drugs")
    target = _index(pair_table["target_id"], target_table["target_id"], pairs, "target_id", "targets")
    n = len(pair_table)
    values, notes = _labels(pair_table[label], pairs, label) if label else (np.full(n, np.nan), [])
    fold = _fold_number(pair_table[folds], pairs, folds) if folds else np.full(n, -1)
    standard = [standardise_smiles(s) for s in drug_table.get("isomeric_smiles", drug_table["smiles"])]
    return PairData(
        label or "",
        tuple(drug_table["drug_id"]),
        tuple(molecule.smiles for molecule in standard),
        tuple(molecule.problem for molecule in standard),
        tuple(target_table["target_id"]),
        proteins,
        drug,
        target,
        values,
        fold,
        (*notes, *target_notes, *phosphorylation_notes(proteins)),
    )


def read_smiles_protein_table(
    path: str | PathLike[str] | Sequence[str | PathLike[str]],
    smiles_column: str = "SMILES",
    protein_column: str = "Protein",
    label_column: str | None = "Y",
) -> PairData:
    """Read a table with a SMILES, a protein sequence and a label on every line, and no identifiers.

    Parameters
    ----------
    path
        Table, or several whose lines follow each other: the files of one split.
    smiles_column, protein_column, label_column
        Names of the columns; without a label's, labels are NaN.

    Returns
    -------
    PairData
        In the order of the lines. Distinct SMILES and sequences are numbered as they appear (``drug1``,
        ``protein1``). Of one table the fold is -1, of several it is the number of the table, from 1. A SMILES
        that cannot be read keeps its pairs and has its reason (`models.pair_checks.drop_unreadable`).

    Raises
    ------
    InputError
        Naming file, line and field.
    """
    paths = [path] if isinstance(path, str | PathLike) else list(path)
    if not paths:
        raise InputError("no table was given", expected="one or more")
    parts = [_smiles_protein_part(name, smiles_column, protein_column, label_column) for name in paths]
    sizes = [len(part) for part, _ in parts]
    table = pd.concat([part for part, _ in parts], ignore_index=True)
    drug, smiles = pd.factorize(table["smiles"])
    target, sequences = pd.factorize(table["sequence"])
    standard = [standardise_smiles(text) for text in smiles]
    names = [f"protein{k + 1}" for k in range(len(sequences))]
    return PairData(
        label_column or "",
        tuple(f"drug{k + 1}" for k in range(len(smiles))),
        tuple(molecule.smiles for molecule in standard),
        tuple(molecule.problem for molecule in standard),
        tuple(names),
        tuple(Target(name, sequence) for name, sequence in zip(names, sequences, strict=True)),
        drug.astype(np.int64),
        target.astype(np.int64),
        table["label"].to_numpy(dtype=np.float64),
        np.repeat(np.arange(1, len(paths) + 1) if len(paths) > 1 else np.array([-1]), sizes).astype(np.int64),
        tuple(dict.fromkeys(note for _, notes in parts for note in notes)),
    )


def _smiles_protein_part(
    path: str | PathLike[str], smiles_column: str, protein_column: str, label_column: str | None
) -> tuple[pd.DataFrame, list[str]]:
    """One table's columns smiles, sequence, label, and its notes with the file's name."""
    required = (smiles_column, protein_column, *([label_column] if label_column else []))
    table = read_table(path, required, "pairs")
    sequences, notes = read_chains(table[protein_column], path, protein_column)
    values: NDArray[np.float64] = np.full(len(table), np.nan)
    if label_column:
        values, said = _labels(table[label_column], path, label_column)
        notes = [*said, *notes]
    part = pd.DataFrame({"smiles": table[smiles_column].str.strip(), "sequence": sequences, "label": values})
    return part, [f"{Path(path).name}: {note}" for note in notes]
