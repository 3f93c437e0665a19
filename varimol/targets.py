"""From the genes that genetics supports to protein sequences, and from those to scored compounds."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from chem.errors import InputError
from models.affinity import AffinityModel
from models.input_notes import is_nucleic
from models.kinase import find_domains
from models.pairs import PairData, read_chains
from models.protein import ReadAs, Target, read_targets
from models.tables import read_table, require_distinct
from varimol import tables
from varimol.target_variants import gene_names, place_by_reference


def read_proteins(fasta: str | os.PathLike[str]) -> pd.DataFrame:
    """Protein sequences of a FASTA file, keyed by gene symbol.

    The symbol is UniProt's ``GN=`` field where the header has one, else the first word.

    Parameters
    ----------
    fasta
        The file, plain text.

    Returns
    -------
    pd.DataFrame
        symbol, accession, isoform, sequence, source.

    Raises
    ------
    InputError
        The file is missing or empty, a record has no sequence, a letter is no amino acid, a sequence looks
        like nucleotides, or a symbol stands twice.
    """
    from Bio import SeqIO

    place = Path(fasta)
    if not place.exists():
        raise InputError("proteins file not found", file=place, hint="check the path")
    rows = []
    with place.open(encoding="utf-8") as stream:
        for number, record in enumerate(SeqIO.parse(stream, "fasta-pearson"), start=1):
            sequence = str(record.seq).upper().rstrip("*")
            wrong = sorted(set(sequence) - set("ACDEFGHIKLMNPQRSTVWYXUBZO"))
            if not sequence or wrong:
                raise InputError(
                    f"not a protein: {('letters ' + ''.join(wrong)) if wrong else 'no sequence'}", file=place,
                    record=number, field=record.id, expected="amino acids in one-letter code",
                    hint="correct that record",
                )  # fmt: skip
            if is_nucleic(sequence):
                raise InputError(
                    "the sequence looks like nucleotides", file=place, record=number, field=record.id,
                    expected="amino acids in one-letter code", hint="translate it, or remove that record",
                )  # fmt: skip
            words = record.description.split()
            named = [word[3:] for word in words if word.startswith("GN=")]
            parts = record.id.split("|")
            accession = parts[1] if len(parts) == 3 else ""
            rows.append((named[0] if named else parts[-1], accession, "as given", sequence, place.name))
    if not rows:
        raise InputError(
            "no FASTA record", file=place, expected="records that begin with >", hint="check the file"
        )
    table = pd.DataFrame(rows, columns=["symbol", "accession", "isoform", "sequence", "source"])
    twice = table[table["symbol"].duplicated()]
    if len(twice):
        raise InputError(
            f"{twice['symbol'].iloc[0]!r} stands twice", file=place, record=int(twice.index[0]) + 1, field="symbol",
            expected="one sequence per gene", hint="keep the isoform you mean",
        )  # fmt: skip
    return table


def choose_targets(
    genes: list[str], model: AffinityModel, proteins: str | os.PathLike[str] | None = None
) -> pd.DataFrame:
    """Protein of each gene, or why it abstains.

    Parameters
    ----------
    genes
        Symbols, each once.
    model
        The network, which knows which proteins are like its training data.
    proteins
        FASTA file whose sequences come before the shipped ones.

    Returns
    -------
    pd.DataFrame
        gene, accession, isoform, sequence, sequence_length, has_domain, domain_start, domain_end,
        nearest_train_protein, status (``scored`` or ``abstain``), reason, source.
    """
    shipped = tables.proteins()[["symbol", "accession", "isoform", "sequence", "source"]]
    known = shipped if proteins is None else pd.concat([read_proteins(proteins), shipped])
    known = known.drop_duplicates("symbol").set_index("symbol")
    there = [gene for gene in genes if gene in known.index]
    judged = model.assess_proteins([Target(gene, str(known.loc[gene, "sequence"])) for gene in there])
    judged.index = pd.Index(there)
    rows = []
    for gene in genes:
        row: dict[str, object] = {
            "gene": gene, "accession": "", "isoform": "", "sequence": "", "sequence_length": 0, "has_domain": False,
            "domain_start": 0, "domain_end": 0, "nearest_train_protein": np.nan, "status": "abstain",
            "reason": "no protein sequence for this gene; give one with --proteins", "source": "",
        }  # fmt: skip
        if gene in judged.index:
            protein, near = known.loc[gene], judged.loc[gene]
            sequence = str(protein["sequence"])
            hits = find_domains(sequence, model.profile.astype(float))
            best = max(hits, key=lambda hit: hit.score) if hits else None
            row |= {
                "accession": protein["accession"], "isoform": protein["isoform"], "sequence": sequence,
                "sequence_length": len(sequence), "has_domain": best is not None,
                "domain_start": best.start + 1 if best else 0, "domain_end": best.end if best else 0,
                "nearest_train_protein": near["similarity"], "source": protein["source"],
                "status": "scored" if near["in_domain"] else "abstain",
                "reason": "" if near["in_domain"]
                else f"the protein is unlike the network's training proteins: {near['reason']}",
            }  # fmt: skip
        rows.append(row)
    columns = [
        "gene", "accession", "isoform", "sequence", "sequence_length", "has_domain", "domain_start", "domain_end",
        "nearest_train_protein", "status", "reason", "source",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


AFFINITY_COLUMNS = [
    "compound_id", "name", "smiles", "gene", "accession", "prediction", "lower", "upper", "sd", "in_domain",
    "abstain", "reason", "nearest_train_tanimoto", "nearest_train_protein", "latent_density", "in_training",
]  # fmt: skip


def score_compounds(
    compounds: pd.DataFrame, targets: pd.DataFrame, model: AffinityModel, *, endpoint: str | None = None
) -> pd.DataFrame:
    """Predicted affinity of every compound for every target that is scored.

    Parameters
    ----------
    compounds
        compound_id, name, smiles (standardised), and optionally problem: why no prediction of a compound is to be
        believed, empty for none.
    targets
        gene, accession, sequence, status.
    model
        The network.
    endpoint
        Label to predict, the network's first unless given.

    Returns
    -------
    pd.DataFrame
        `AFFINITY_COLUMNS`, by gene and falling prediction; 90% intervals, in the label's unit.
    """
    scored = targets[targets["status"] == "scored"].reset_index(drop=True)
    n_compounds, n_targets = len(compounds), len(scored)
    if not n_compounds or not n_targets:
        return pd.DataFrame(columns=AFFINITY_COLUMNS)
    problems = tuple(compounds["problem"]) if "problem" in compounds else ("",) * n_compounds
    pairs = PairData(
        "", tuple(compounds["compound_id"]), tuple(compounds["smiles"]), problems,
        tuple(scored["gene"]), _as_targets(scored),
        np.tile(np.arange(n_compounds), n_targets), np.repeat(np.arange(n_targets), n_compounds),
        np.full(n_compounds * n_targets, np.nan), np.full(n_compounds * n_targets, -1),
    )  # fmt: skip
    table = model.predict(pairs, endpoint=endpoint)
    left = compounds[["compound_id", "name", "smiles"]].iloc[pairs.drug].reset_index(drop=True)
    right = scored[["gene", "accession"]].iloc[pairs.target].reset_index(drop=True)
    table = pd.concat([left, right, table], axis=1)[AFFINITY_COLUMNS]
    return table.sort_values(
        ["gene", "prediction", "compound_id"], ascending=[True, False, True], kind="stable"
    ).reset_index(drop=True)


def _as_targets(scored: pd.DataFrame) -> tuple[Target, ...]:
    """Targets with the variants that were placed when they were read; a gene's own protein has none."""
    if "target" in scored:
        return tuple(scored["target"])
    return tuple(Target(gene, text) for gene, text in zip(scored["gene"], scored["sequence"], strict=True))


def read_target_table(
    path: str | os.PathLike[str],
    read_as: ReadAs = "true",
    known: Collection[str] = frozenset(),
    constructs: Mapping[str, Mapping[str, str]] | None = None,
) -> pd.DataFrame:
    """Targets to screen, from a FASTA file or a table with target_id and sequence.

    Parameters
    ----------
    path
        ``.fasta``, ``.fa``, ``.faa``, or a TSV, CSV or Parquet table.
    read_as, constructs
        As in `models.protein.read_targets`; the sequences of a FASTA file are read with them too.
    known
        `models.protein.Target.form` of the proteins that the model was trained on.

    Returns
    -------
    pd.DataFrame
        gene (the identifier), accession, sequence, target (with variants named in the identifier or in a
        column ``variant`` applied, as for `varimol predict`), status.
    """
    if Path(path).suffix in (".fasta", ".fa", ".faa"):
        table = read_proteins(path).rename(columns={"symbol": "target_id"})
    else:
        table = read_table(path, ("target_id", "sequence"), "targets")
        require_distinct(table["target_id"], path)
        if "accession" not in table:
            table["accession"] = ""
    chains, _ = read_chains(table["sequence"], path, "sequence", table["target_id"])
    read = read_targets(table.assign(sequence=chains), read_as, constructs=constructs, genes=gene_names())
    targets = place_by_reference(read, known)
    table = table.assign(status="scored", target=pd.Series(targets, index=table.index, dtype=object))
    return table.rename(columns={"target_id": "gene"})[["gene", "accession", "sequence", "target", "status"]]
