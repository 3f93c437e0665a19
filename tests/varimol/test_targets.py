"""Genes to proteins: own sequences before the shipped ones, and abstention where there is none."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from chem.errors import InputError
from varimol import tables
from varimol.networks import load_network
from varimol.targets import (
    AFFINITY_COLUMNS,
    choose_targets,
    read_proteins,
    read_target_table,
    score_compounds,
)


@pytest.fixture(scope="module")
def kinase() -> pd.Series:
    """Return the shipped protein of a kinase."""
    return tables.proteins().set_index("symbol").loc["ABL1"]


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    return tmp_path / "own.fasta"


@pytest.mark.parametrize(
    ("header", "symbol", "accession"),
    [
        ("sp|P00519|ABL1_HUMAN Tyrosine kinase OS=Homo sapiens OX=9606 GN=ABL1 PE=1 SV=4", "ABL1", "P00519"),
        ("GENE some words", "GENE", ""),
        ("tr|Q1|NAME", "NAME", "Q1"),
    ],
)
def test_read_proteins__symbol_and_accession(fasta: Path, header: str, symbol: str, accession: str) -> None:
    fasta.write_text(f">{header}\nMKL\nVV*\n")
    table = read_proteins(fasta)
    assert table[["symbol", "accession", "sequence"]].to_numpy().tolist() == [[symbol, accession, "MKLVV"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"no FASTA record"),
        ("words without a record\n", r"no FASTA record"),
        (">A\nMK\n>B\nM1Z7\n", r"record 2, field B: not a protein: letters 17; expected amino acids"),
        (">A\n>B\nMK\n", r"record 1, field A: not a protein: no sequence"),
        (">A\nMK\n>A\nMV\n", r"record 2, field symbol: 'A' stands twice; expected one sequence per gene"),
    ],
)
def test_read_proteins__bad_file(fasta: Path, text: str, message: str) -> None:
    fasta.write_text(text)
    with pytest.raises(InputError, match=rf"own\.fasta.*{message}") as caught:
        read_proteins(fasta)
    assert "\n" not in str(caught.value)


def test_read_proteins__missing_file(fasta: Path) -> None:
    with pytest.raises(InputError, match="not found; check the path"):
        read_proteins(fasta)


def test_choose_targets__shipped_kinase_is_scored(kinase: pd.Series) -> None:
    row = choose_targets(["ABL1"], load_network()).iloc[0]
    assert (row["status"], row["reason"], row["accession"]) == ("scored", "", kinase["accession"])
    assert row["has_domain"] and 1 <= row["domain_start"] < row["domain_end"] <= row["sequence_length"]


def test_choose_targets__gene_without_sequence_abstains() -> None:
    row = choose_targets(["NOSUCHGENE"], load_network()).iloc[0]
    assert row["status"] == "abstain" and row["sequence"] == ""
    assert row["reason"] == "no protein sequence for this gene; give one with --proteins"


def test_choose_targets__own_sequence_comes_first(fasta: Path, kinase: pd.Series) -> None:
    shorter = kinase["sequence"][200:560]
    fasta.write_text(f">ABL1\n{shorter}\n")
    row = choose_targets(["ABL1"], load_network(), fasta).iloc[0]
    assert (row["sequence"], row["source"], row["isoform"]) == (shorter, "own.fasta", "as given")


def test_choose_targets__own_sequence_for_an_unknown_gene(fasta: Path, kinase: pd.Series) -> None:
    fasta.write_text(f">NOSUCHGENE\n{kinase['sequence']}\n")
    row = choose_targets(["NOSUCHGENE"], load_network(), fasta).iloc[0]
    assert row["status"] == "scored"


def test_choose_targets__protein_unlike_the_training_data_abstains(fasta: Path) -> None:
    fasta.write_text(">SILK\n" + "GAGAGSGAGAGS" * 20 + "\n")
    row = choose_targets(["SILK"], load_network(), fasta).iloc[0]
    assert row["status"] == "abstain" and "unlike the network's training proteins" in row["reason"]


def test_choose_targets__no_gene() -> None:
    assert not len(choose_targets([], load_network()))


def test_score_compounds__one_row_per_pair_by_falling_prediction() -> None:
    model = load_network()
    chosen = choose_targets(["ABL1", "NOSUCHGENE"], model)
    compounds = pd.DataFrame(
        {"compound_id": ["a", "b", "c"], "name": ["A", "B", "C"], "smiles": ["CCO", "c1ccncc1", "CCN"]}
    )
    table = score_compounds(compounds, chosen, model)
    assert table.columns.tolist() == AFFINITY_COLUMNS
    assert len(table) == 3 and set(table["gene"]) == {"ABL1"}
    assert table["prediction"].is_monotonic_decreasing
    shuffled = score_compounds(compounds.iloc[::-1].reset_index(drop=True), chosen, model)
    pd.testing.assert_frame_equal(table, shuffled, rtol=1e-5)


def test_score_compounds__nothing_to_score() -> None:
    model = load_network()
    empty = pd.DataFrame(columns=["compound_id", "name", "smiles"])
    assert score_compounds(empty, choose_targets(["ABL1"], model), model).columns.tolist() == AFFINITY_COLUMNS


def test_read_target_table__fasta_and_table_agree(tmp_path: Path, fasta: Path) -> None:
    fasta.write_text(">GENE\nMKLVV\n")
    (tmp_path / "targets.tsv").write_text("target_id\tsequence\nGENE\tMKLVV\n")
    pd.testing.assert_frame_equal(read_target_table(fasta), read_target_table(tmp_path / "targets.tsv"))
