"""Genes to proteins: own sequences before the shipped ones, and abstention where there is none."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from chem.errors import InputError
from chem.library import build_library
from varimol import tables
from varimol.compounds import named_compounds
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


def test_read_proteins__nucleotides(fasta: Path) -> None:
    fasta.write_text(">A\nMKL\n>GENE\n" + "ATGGCN" * 6 + "\n")
    with pytest.raises(InputError, match="record 2, field GENE: the sequence looks like nucleotides"):
        read_proteins(fasta)


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


def test_read_target_table__target_that_stands_twice(tmp_path: Path) -> None:
    path = tmp_path / "t.tsv"
    path.write_text("target_id\tsequence\nA\tMKL\nA\tMKV\n")
    with pytest.raises(InputError, match=r"t\.tsv, record 3, field target_id: 'A' stands twice"):
        read_target_table(path)


def test_read_target_table__fasta_and_table_agree(tmp_path: Path, fasta: Path) -> None:
    fasta.write_text(">GENE\nMKLVV\n")
    (tmp_path / "targets.tsv").write_text("target_id\tsequence\nGENE\tMKLVV\n")
    pd.testing.assert_frame_equal(read_target_table(fasta), read_target_table(tmp_path / "targets.tsv"))


def test_read_target_table__applies_the_variant_in_the_name(tmp_path):
    sequence = "M" * 10 + "K" + "A" * 10
    table = tmp_path / "targets.tsv"
    table.write_text(f"target_id\tsequence\nX\t{sequence}\nX(K11R)\t{sequence}\n", encoding="utf-8")
    wild, mutant = read_target_table(table, constructs={"X": {"phosphorylated": "yes"}})["target"]
    assert wild.phosphorylated and not mutant.phosphorylated
    assert wild.sequence[10] == "K"
    assert mutant.sequence[10] == "R"


def test_score_compounds__a_variant_changes_the_score_as_in_predict(tmp_path):
    import varimol

    proteins = tables.proteins().set_index("symbol")
    sequence = str(proteins.loc["KIT", "sequence"])
    variant = f"KIT({sequence[815]}816V)"
    targets = tmp_path / "targets.tsv"
    targets.write_text(f"target_id\tsequence\nKIT\t{sequence}\n{variant}\t{sequence}\n", encoding="utf-8")
    drug = tables.drugs().set_index("name").loc["imatinib", "smiles"]
    (tmp_path / "drugs.tsv").write_text(f"drug_id\tsmiles\nd\t{drug}\n", encoding="utf-8")
    (tmp_path / "pairs.tsv").write_text(f"drug_id\ttarget_id\nd\tKIT\nd\t{variant}\n", encoding="utf-8")
    predicted = varimol.predict(
        "kinase-affinity", tmp_path / "pairs.tsv", tmp_path / "drugs.tsv", targets, tmp_path / "p.tsv",
        endpoint="pkd",
    )  # fmt: skip
    (tmp_path / "c.smi").write_text(f"{drug} d\n", encoding="utf-8")
    hits = varimol.screen(tmp_path / "c.smi", targets, tmp_path / "hits").set_index("target_id")
    expected = predicted.set_index("target_id")["prediction"]
    assert hits.loc["KIT", "prediction"] != hits.loc[variant, "prediction"]
    for name in ("KIT", variant):
        assert hits.loc[name, "prediction"] == pytest.approx(expected[name], abs=1e-5)


def test_predict__a_variant_that_does_not_fit_abstains(tmp_path):
    import varimol

    sequence = str(tables.proteins().set_index("symbol").loc["KIT", "sequence"])
    wrong = "W" if sequence[815] != "W" else "A"
    (tmp_path / "t.tsv").write_text(f"target_id\tsequence\nKIT({wrong}816V)\t{sequence}\n", encoding="utf-8")
    (tmp_path / "d.tsv").write_text("drug_id\tsmiles\nd\tCCO\n", encoding="utf-8")
    (tmp_path / "p.tsv").write_text(f"drug_id\ttarget_id\nd\tKIT({wrong}816V)\n", encoding="utf-8")
    table = varimol.predict(
        "kinase-affinity", tmp_path / "p.tsv", tmp_path / "d.tsv", tmp_path / "t.tsv", tmp_path / "out.tsv",
        endpoint="pkd",
    )  # fmt: skip
    assert bool(table["abstain"].iloc[0])
    assert "does not fit its sequence" in table["reason"].iloc[0]


def test_score_compounds__abstains_from_the_ligand_of_a_metal(tmp_path):
    source = tmp_path / "drugs.csv"
    source.write_text(
        "id,smiles\ncarboplatin,[NH3][Pt]1([NH3])OC(=O)C2(CCC2)C(=O)O1\nsalt,CC(=O)[O-].[Na+]\n"
    )
    opened = build_library(source, tmp_path / "library", fingerprints=())
    compounds = named_compounds(opened)
    assert dict(zip(compounds["compound_id"], compounds["problem"], strict=True)) == {
        "carboplatin": "the parent is without its Pt", "salt": "",
    }  # fmt: skip
    model = load_network()
    scored = score_compounds(compounds, choose_targets(["ABL1"], model), model).set_index("compound_id")
    assert scored["prediction"].notna().all()
    assert scored["abstain"].all()
    assert (
        "without its Pt" in scored.loc["carboplatin", "reason"] and "Pt" not in scored.loc["salt", "reason"]
    )
