"""Diplotypes called elsewhere."""

from __future__ import annotations

import pandas as pd
import pytest

from genomics.errors import InputError
from varimol import tables
from varimol.outside_calls import apply_outside_calls, gene_names, read_outside_calls


def own_calls() -> pd.DataFrame:
    common = {"posterior_no_prior": 1.0, "sites_missing": "", "assumptions": "", "reason": ""}
    return pd.DataFrame(
        [
            {"sample_id": s, "gene": g, "rank": 1, "diplotype": "", "posterior": 0.0, "status": "abstain"}
            | common
            for s in ("B", "A")
            for g in ("CYP2D6", "TPMT")
        ]
    )


def test_apply_outside_calls__replaces_only_what_is_given(tmp_path):
    (tmp_path / "calls.tsv").write_text("sample_id\tgene\tdiplotype\nA\tCYP2D6\t*4/*4\n", encoding="utf-8")
    ours = own_calls()
    joined = apply_outside_calls(ours, read_outside_calls(tmp_path / "calls.tsv", ["B", "A"]))
    assert len(joined) == len(ours)
    assert list(joined.columns) == [*ours.columns, "phenotype", "activity_score"]
    assert joined["sample_id"].tolist() == ["B", "B", "A", "A"]
    changed = joined[(joined["sample_id"] == "A") & (joined["gene"] == "CYP2D6")].iloc[0]
    assert (changed["diplotype"], changed["status"], changed["posterior"]) == ("*4/*4", "called", 1.0)
    assert (joined.drop(changed.name)["status"] == "abstain").all()


def test_apply_outside_calls__reach_the_phenotype(tmp_path):
    from genomics.metaboliser import assign_phenotypes

    (tmp_path / "calls.tsv").write_text("sample_id\tgene\tdiplotype\nA\tTPMT\t*3A/*3A\n", encoding="utf-8")
    joined = apply_outside_calls(own_calls(), read_outside_calls(tmp_path / "calls.tsv", ["A", "B"]))
    told = assign_phenotypes(joined, tables.allele_functions(), tables.phenotype_rules())
    row = told[(told["sample_id"] == "A") & (told["gene"] == "TPMT")].iloc[0]
    assert row["phenotype"] == "Poor Metabolizer"


@pytest.mark.parametrize(
    ("text", "field", "record"),
    [
        ("sample_id\tgene\nA\tCYP2D6\n", "diplotype", "header"),
        ("sample_id\tgene\tdiplotype\nZ\tCYP2D6\t*1/*4\n", "sample_id", "2"),
        ("sample_id\tgene\tdiplotype\nA\tCYP2D6\t*1\n", "diplotype", "2"),
        ("sample_id\tgene\tdiplotype\nA\tCYP2D\t*1/*1\n", "gene", "2"),
        ("sample_id\tgene\tdiplotype\nA\tTPMT\t*1/*1\nA\tTPMT\t*1/*3A\n", "gene", "3"),
    ],
)
def test_read_outside_calls__names_record_and_field(tmp_path, text, field, record):
    (tmp_path / "calls.tsv").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=f"record {record}, field {field}") as refusal:
        read_outside_calls(tmp_path / "calls.tsv", ["A", "B"])
    assert "calls.tsv" in str(refusal.value)
    assert isinstance(refusal.value, InputError)


def test_apply_outside_calls__disagreement_with_the_rules_is_told(tmp_path):
    (tmp_path / "B.outside.tsv").write_text("TPMT\t*3A/*1\tpoor metaboliser\nHLA-B\t*57:01/*08:01\n")
    joined = apply_outside_calls(own_calls(), read_outside_calls(tmp_path, ["B", "A"]))
    rows = joined[joined["sample_id"] == "B"].set_index("gene")
    assert rows.index.tolist() == ["CYP2D6", "HLA-B", "TPMT"]
    assert (rows.loc["TPMT", "diplotype"], rows.loc["TPMT", "phenotype"]) == ("*1/*3A", "Poor Metabolizer")
    assert "the rules give Intermediate Metabolizer for these alleles" in rows.loc["TPMT", "assumptions"]
    assert rows.loc["HLA-B", "status"] == "called"


def test_gene_names__are_those_of_the_shipped_tables():
    names = gene_names()
    assert names["G6PD"].one_copy and names["MT-RNR1"].one_copy and not names["CYP2D6"].one_copy
    assert "HLA-B" in names and "*17" in names["CYP2C19"].alleles
    assert "Poor Metabolizer" in names["CYP2D6"].phenotypes
