"""A patient's variants on the sequences of a table of targets."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from chem.errors import InputError
from models.pairs import read_pairs
from models.protein import Target, parse_target, place_variants, read_targets
from varimol import tables
from varimol.predictions import read_input
from varimol.target_variants import (
    apply_variants,
    constructs_of,
    gene_names,
    parse_named_variants,
    place_by_reference,
    variant_text,
    wild_type,
)
from varimol.targets import read_target_table

CHAIN = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQ"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["X:T3I"], {"X": "T3I"}),
        (["X:T3I", "X:K8R", "Y:p.Lys2Arg"], {"X": "T3I+K8R", "Y": "p.Lys2Arg"}),
        ([" sp:P1:K2R+T3I "], {"sp:P1": "K2R+T3I"}),
        ([], {}),
    ],
)
def test_parse_named_variants__by_target(options: list[str], expected: dict[str, str]) -> None:
    assert parse_named_variants(options) == expected


@pytest.mark.parametrize("option", ["T3I", ":T3I", "X:", ""])
def test_parse_named_variants__refuses(option: str) -> None:
    with pytest.raises(InputError, match="names no target and change"):
        parse_named_variants([option])


def test_apply_variants__on_top_of_what_the_table_names() -> None:
    targets = place_variants([parse_target("X(K2R)", CHAIN), parse_target("Y", CHAIN)])
    both, other = apply_variants(targets, [CHAIN, CHAIN], {"X(K2R)": "T3I"}, "t.tsv")
    assert both.sequence == "MRI" + CHAIN[3:] and variant_text(both) == "K2R+T3I"
    assert other is targets[1] and not other.unplaced
    assert wild_type(both, CHAIN) == Target("X(K2R)", CHAIN)


def test_apply_variants__one_target_whatever_the_order() -> None:
    target = Target("X", CHAIN)
    (one,), (two,) = (
        apply_variants([target], [CHAIN], {"X": text}, "t.tsv") for text in ("T3I+K2R", "K2R+T3I")
    )
    assert one == two and variant_text(one) == "K2R+T3I"
    assert variant_text(place_variants([parse_target("X(T3I,K2R)", CHAIN)])[0]) == "K2R+T3I"


@pytest.mark.parametrize(
    ("named", "match"),
    [
        (
            {"X": "W3I"},
            r"t.tsv, record 2, field --variant: target X: variant W3I: residue 3 is T in the sequence given",
        ),
        ({"X": "T99I"}, "target X: variant T99I: residue 99 is not in the sequence"),
        ({"X": "T3T"}, "target X: T3T changes nothing"),
        ({"X": "T3fs"}, "target X: variant 'T3fs' is not read"),
        ({"Z": "T3I"}, "no target 'Z'; expected one of the 1 targets"),
    ],
)
def test_apply_variants__refuses(named: dict[str, str], match: str) -> None:
    with pytest.raises(InputError, match=match):
        apply_variants([Target("X", CHAIN)], [CHAIN], named, "t.tsv")


def test_apply_variants__says_what_stands_there_by_each_numbering() -> None:
    """ABL1 has K at 315 of isoform 1b, T at 315 of the shipped 1a; the one beside the other tells which was meant."""
    protein = str(tables.proteins().set_index("symbol").loc["ABL1", "sequence"])
    longer = "MGQQPGKVLGDQRRPSLPA" + protein
    broken = longer.replace(protein[310:314], "GGGG")

    def why(target: Target, change: str, genes: list[str] | None = None) -> str:
        with pytest.raises(InputError) as error:
            apply_variants([target], [target.sequence], {target.target_id: change}, "t.tsv", genes)
        return error.value.message

    assert why(Target("ABL1", protein), "K315I").endswith(
        "residue 315 is T in the sequence given, which is the shipped protein ABL1 (P00519)"
    )
    assert why(Target("ABL1", longer), "W315I").endswith(
        f"residue 315 is {longer[314]} in the sequence given, and T in the shipped protein ABL1 (P00519)"
    )
    assert "and T in the shipped protein ABL1 (P00519), whose residues there, with 10 on both sides" in why(
        Target("ABL1", broken), "T315I"
    )
    assert why(Target("T1", CHAIN), "W3I").endswith("no protein of 'T1' is shipped to number it on")
    assert why(Target("ABL1", protein), "T3150I").endswith(
        "residue 3150 is not in the sequence given, which is the shipped protein ABL1 (P00519)"
    )
    assert why(Target("ABL1", protein), "T315I+T315A").startswith(
        "target ABL1: changes of T315A, T315I overlap"
    )


def test_apply_variants__tells_the_wrong_one_of_several() -> None:
    """T315I fits the shipped numbering, W317L none: that is the one to correct."""
    protein = str(tables.proteins().set_index("symbol").loc["ABL1", "sequence"])
    fragment = protein[200:]
    with pytest.raises(
        InputError, match=r"variant W317L: residue 317 is \w in the sequence given, and F in the"
    ):
        apply_variants([Target("ABL1", fragment)], [fragment], {"ABL1": "T315I+W317L"}, "t.tsv")


@pytest.mark.parametrize(
    ("name", "genes"), [("ABL1p", None), ("T1", ["ABL1"]), ("T1", ["P00519"]), ("P00519", [""])]
)
def test_apply_variants__finds_the_shipped_protein(name: str, genes: list[str] | None) -> None:
    """By the column gene, else by the name, as symbol or accession; a p behind it is no part of the symbol."""
    chain = str(tables.proteins().set_index("symbol").loc["ABL1", "sequence"])[200:]
    (placed,) = apply_variants([Target(name, chain)], [chain], {name: "T315I"}, "t.tsv", genes)
    assert placed.sequence[114] == "I"


def test_apply_variants__names_targets_of_the_same_gene() -> None:
    targets = place_variants([parse_target("X(K2R)", CHAIN), parse_target("Y", CHAIN)])
    with pytest.raises(
        InputError, match=r"no target 'x'; expected one of the 2 targets there, such as X\(K2R\);"
    ):
        apply_variants(targets, [CHAIN, CHAIN], {"x": "T3I"}, "t.tsv")


def test_apply_variants__numbers_an_isoform_by_the_shipped_protein() -> None:
    """Position 315 of ABL1 is 334 of its isoform 1b; a fragment is numbered likewise."""
    protein = str(tables.proteins().set_index("symbol").loc["ABL1", "sequence"])
    for chain, shift in (("MGQQPGKVLGDQRRPSLPA" + protein, 19), (protein[200:], -200)):
        (placed,) = apply_variants([Target("ABL1", chain)], [chain], {"ABL1": "T315I"}, "t.tsv")
        assert (chain[314 + shift], placed.sequence[314 + shift]) == ("T", "I")
        assert placed.numbering == f"shifted by {shift:+d}: read off the reference"


def test_place_by_reference__leaves_what_the_model_knows_unplaced() -> None:
    protein = str(tables.proteins().set_index("symbol").loc["ABL1", "sequence"])
    (lost,) = place_variants([parse_target("ABL1(T315I)", protein[200:])])
    assert lost.unplaced
    assert place_by_reference([lost], {lost.form}) == [lost]
    (found,) = place_by_reference([lost], set())
    assert found.sequence[114] == "I" and not found.unplaced
    assert place_by_reference([Target("X", CHAIN)], set()) == [Target("X", CHAIN)]


def test_constructs_of__names_mean_what_they_meant_in_training() -> None:
    trained = [Target("own", CHAIN), Target("ownp", CHAIN, phosphorylated=True), Target("clamp", CHAIN)]
    endpoint = SimpleNamespace(inputs=SimpleNamespace(targets=trained))
    model = SimpleNamespace(models=[endpoint], card={"constructs": {"X": {"domain": "last"}}})
    expected = {
        "ownp": {"phosphorylated": "yes"},
        "clamp": {"phosphorylated": "no"},
        "X": {"domain": "last"},
    }
    assert constructs_of(model) == expected  # type: ignore[arg-type]
    (alone,) = read_targets(pd.DataFrame({"target_id": ["ownp"], "sequence": [CHAIN]}), constructs=expected)
    assert alone.form == trained[1].form


def test_gene_names__are_those_that_a_p_may_stand_behind(tmp_path: Path) -> None:
    """In a table to train on, to predict and to screen alike."""
    (tmp_path / "p.tsv").write_text("drug_id\ttarget_id\nd\tABL1p\n")
    (tmp_path / "d.tsv").write_text("drug_id\tsmiles\nd\tCCO\n")
    (tmp_path / "t.tsv").write_text(f"target_id\tsequence\nABL1\t{CHAIN}\nABL1p\t{CHAIN[3:]}\n")
    files = [tmp_path / f"{name}.tsv" for name in "pdt"]
    model = SimpleNamespace(models=[], card={})
    data, _ = read_input(model, *files)  # type: ignore[arg-type]
    screened = read_target_table(files[2])["target"]
    trained = read_pairs(*files, genes=gene_names())
    for read in (data.targets, screened, trained.targets):
        assert [target.phosphorylated for target in read] == [False, True]
    assert trained.notes == ("1 of 2 targets is read as phosphorylated: ABL1p",)
