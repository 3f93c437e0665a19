"""Targets, their variants and their arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from chem.errors import InputError
from models.kinase import AMINO_ACIDS, GAP, SEED_DOMAIN, encode_residues, seed_profile
from models.protein import (
    PADDING,
    PANEL_CONSTRUCTS,
    WINDOW,
    Target,
    choose_domain,
    encode_proteins,
    parse_target,
    phosphorylation_notes,
    place_variants,
    read_targets,
)
from varimol import tables

SEQUENCES = st.text(alphabet=AMINO_ACIDS, min_size=5, max_size=80)


@pytest.mark.parametrize(
    ("name", "changes", "domain", "phosphorylated", "unplaced"),
    [
        ("ABL1", (), "", False, False),
        ("ABL1p", (), "", False, False),
        ("ABL1(T315I)", ("T315I",), "", False, True),
        ("ABL1(T315I)p", ("T315I",), "", True, True),
        ("EGFR(L858RT790M)", ("L858R", "T790M"), "", False, True),
        ("KIT(V559D-V654A)", ("V559D", "V654A"), "", False, True),
        ("EGFR(E746A750del)", ("E746_A750del",), "", False, True),
        ("EGFR(L747-T751del,Sins)", ("L747_T751delinsS",), "", False, True),
        ("FLT3(ITD)", (), "", False, True),
        ("RSK1(KinDom.1-N-terminal)", (), "first", False, False),
        ("RSK1(KinDom.2-C-terminal)", (), "last", False, False),
        ("JAK1(JH1domain-catalytic)", (), "last", False, False),
        ("JAK1(JH2domain-pseudokinase)", (), "first", False, False),
        ("GCN2(KinDom2S808G)", ("S808G",), "last", False, True),
        ("PFCDPK1(Pfalciparum)", (), "", False, False),
    ],
)
def test_parse_target__names_of_the_panel(
    name: str,
    changes: tuple[str, ...],
    domain: str,
    phosphorylated: bool,
    unplaced: bool,
) -> None:
    target = parse_target(name, "MKL")
    assert target.target_id == name
    assert target.sequence == "MKL"
    assert tuple(map(str, target.changes)) == changes
    assert target.domain == domain
    assert target.phosphorylated == phosphorylated
    assert target.unplaced == unplaced


def test_parse_target__columns_come_before_the_name() -> None:
    target = parse_target("EGFR(T790M)", "MKL", variant="L858R", domain="last")
    assert tuple(map(str, target.changes)) == ("L858R",)
    assert target.domain == "last"
    assert parse_target("EGFR(T790M)p", "MKL", phosphorylated=False).phosphorylated is False
    assert parse_target("EGFR(T790M)", "MKL", variant="", domain="").changes == ()


def test_place_variants__applies_what_fits() -> None:
    one, two = place_variants([parse_target("X(K2R)", "MKLK"), parse_target("X(K2RL3V)", "MKLK")])
    assert (one.sequence, one.unplaced) == ("MRLK", False)
    assert (two.sequence, two.unplaced) == ("MRVK", False)


def test_place_variants__leaves_what_does_not_fit() -> None:
    for name in ("X(W2R)", "X(K200R)", "X(K0R)"):
        target = parse_target(name, "MKLK")
        (placed,) = place_variants([target])
        assert placed.unplaced and placed.sequence == "MKLK"
        assert placed.reason.startswith(f"variant {name[2:-1]}: residue")


def test_place_variants__one_joint_offset() -> None:
    """Three substitutions numbered from the 11th residue on; two would not be enough."""
    sequence = "MMMMMMMMMM" + "ACDEFGHIKL"
    names = ["X(C2S)", "X(E4Q)", "X(H7R)"]
    placed = place_variants([parse_target(name, sequence) for name in names])
    assert [t.sequence[10:] for t in placed] == ["ASDEFGHIKL", "ACDQFGHIKL", "ACDEFGRIKL"]
    assert not any(t.unplaced for t in placed)
    assert all(t.unplaced for t in place_variants([parse_target(name, sequence) for name in names[:2]]))


def test_place_variants__no_offset_where_two_fit() -> None:
    sequence = "GGGGG" + "ACDEFGHIKL" * 2
    targets = [parse_target(name, sequence) for name in ("X(C2S)", "X(E4Q)", "X(H7R)")]
    assert all(t.unplaced and t.sequence == sequence for t in place_variants(targets))


@given(SEQUENCES, st.data())
def test_place_variants__changes_the_named_residue_alone(sequence: str, data: st.DataObject) -> None:
    position = data.draw(st.integers(1, len(sequence)))
    reference = data.draw(st.sampled_from(AMINO_ACIDS))
    alternate = data.draw(st.sampled_from(AMINO_ACIDS))
    (placed,) = place_variants([parse_target(f"X({reference}{position}{alternate})", sequence)])
    assert len(placed.sequence) == len(sequence)
    changed = [i for i, (a, b) in enumerate(zip(sequence, placed.sequence, strict=True)) if a != b]
    assert placed.unplaced == (sequence[position - 1] != reference)
    expected = [] if placed.unplaced or reference == alternate else [position - 1]
    assert changed == expected


def test_place_variants__mutants_of_davis(shared_data: Path) -> None:
    """All ABL1 mutants of the panel are placed; T315I stands in the gatekeeper's place."""
    table = pd.read_csv(shared_data / "affinity" / "davis" / "targets.tsv", sep="\t")
    chosen = table[table["target_id"].str.startswith("ABL1")]
    placed = {t.target_id: t for t in read_targets(chosen)}
    mutants = {name: t for name, t in placed.items() if t.changes}
    assert len(mutants) >= 12
    assert not any(t.unplaced for t in mutants.values())
    wild, mutant = placed["ABL1"].sequence, placed["ABL1(T315I)"].sequence
    (at,) = [i for i, (a, b) in enumerate(zip(wild, mutant, strict=True)) if a != b]
    assert wild[at - 3 : at + 4] == "YIITEFM"  # ABL residues 312-318
    assert mutant[at] == "I"


def test_parse_target__variant_that_cannot_be_read_is_told() -> None:
    """A variant column is never passed over: a wild type in its place would be a wrong protein."""
    target = parse_target("EGFR", "MKL", variant="exon 19 loss")
    assert target.unplaced and target.sequence == "MKL"
    assert "'exon 19 loss' is not read" in target.reason


def test_place_variants__deletion_of_a_panel(kinases: dict[str, str]) -> None:
    """EGFR del19 takes out ELREA between K745 and T751 (Lynch et al. 2004)."""
    (placed,) = place_variants([parse_target("EGFR(E746A750del)", kinases["EGFR"])])
    assert placed.sequence == kinases["EGFR"].replace("AIKELREATSPK", "AIKTSPK")
    assert len(placed.sequence) == len(kinases["EGFR"]) - 5


def test_place_variants__fragment_numbered_by_its_reference(kinases: dict[str, str]) -> None:
    whole = kinases["EGFR"]
    fragment = parse_target("EGFR(T790M)", whole[700:])
    assert place_variants([fragment])[0].unplaced
    (placed,) = place_variants([fragment], {"EGFR": whole})
    assert placed.sequence == whole[700:789] + "M" + whole[790:]
    assert placed.numbering == "shifted by -700: read off the reference"
    assert place_variants([fragment], {"EGFR": kinases["ABL1"]})[0].unplaced


def test_read_targets__as_given_reads_the_sequence_alone() -> None:
    table = pd.DataFrame(
        {
            "target_id": ["X(K2R)p", "Y(KinDom.1-N-terminal)"],
            "sequence": ["mkl ", "MKV"],
            "variant": ["K2R", ""],
        }
    )
    assert read_targets(table, "given") == (Target("X(K2R)p", "MKL"), Target("Y(KinDom.1-N-terminal)", "MKV"))
    first, second = read_targets(table)
    assert (first.sequence, first.phosphorylated, second.domain) == ("MRL", True, "first")


def test_read_targets__columns_and_constructs() -> None:
    table = pd.DataFrame(
        {"target_id": ["X(K2L3del)", "Y"], "sequence": ["MKLV", "MK"], "phosphorylated": ["no", "yes"]}
    )
    one, two = read_targets(table, constructs={"X(K2L3del)": {"variant": "K2_L3del,V4A"}})
    assert (one.sequence, one.phosphorylated, two.phosphorylated) == ("MA", False, True)
    # What the table says itself comes first.
    asked = {"X(K2L3del)": {"variant": "K2_L3del"}, "Y": {"phosphorylated": "no"}}
    one, two = read_targets(table, constructs=asked)
    assert (one.sequence, two.phosphorylated) == ("MV", True)


@pytest.mark.parametrize(
    ("read_as", "state", "field"), [("truth", "no", None), ("true", "maybe", "phosphorylated")]
)
def test_read_targets__refuses(read_as: str, state: str, field: str | None) -> None:
    table = pd.DataFrame({"target_id": ["X"], "sequence": ["MKL"], "phosphorylated": [state]})
    with pytest.raises(InputError) as caught:
        read_targets(table, read_as)  # type: ignore[arg-type]
    assert caught.value.field == field


def test_read_targets__every_mutant_of_davis(shared_data: Path) -> None:
    """All are made but RET's, whose sequence there ends before the kinase domain, and FLT3's duplication."""
    table = pd.read_csv(shared_data / "affinity" / "davis" / "targets.tsv", sep="\t")
    references = {str(row["symbol"]): str(row["sequence"]) for row in tables.proteins().to_dict("records")}
    targets = read_targets(table, constructs=PANEL_CONSTRUCTS, references=references)
    named = [target for target in targets if target.changes or target.unplaced]
    assert len(named) == 55
    assert {t.target_id for t in named if t.unplaced} == {
        "FLT3(ITD)", "RET(M918T)", "RET(V804L)", "RET(V804M)",
    }  # fmt: skip
    numbering = {t.gene: t.numbering for t in named if not t.unplaced}
    assert numbering["ABL1"].startswith("shifted by +37")
    assert numbering["PIK3CA"].startswith("shifted by +1")
    assert numbering["FGFR3"] == "shifted by -326: read off the reference"
    assert {t.target_id for t in targets if t.phosphorylated and not t.changes} == {"ABL1p"}


def test_choose_domain__first_last_or_best() -> None:
    weak = SEED_DOMAIN[:120] + "G" * 15 + SEED_DOMAIN[135:]
    sequence = "G" * 10 + weak + "G" * 40 + SEED_DOMAIN + "G" * 10
    chosen = {
        domain: choose_domain(Target("X", sequence, domain), seed_profile())
        for domain in ("", "first", "last")
    }
    assert chosen["first"] is not None and chosen["last"] is not None and chosen[""] is not None
    assert chosen["first"].start == 10
    assert chosen["last"].start == chosen[""].start == 10 + len(weak) + 40
    assert choose_domain(Target("X", "M" * 50), seed_profile()) is None


def test_encode_proteins__shapes_and_places(kinases: dict[str, str], profile: NDArray[np.float32]) -> None:
    targets = [Target(name, sequence) for name, sequence in kinases.items()]
    targets.append(Target("short", "MKV", phosphorylated=True, unplaced=True))
    arrays = encode_proteins(targets, profile)
    assert len(arrays) == len(targets)
    assert arrays.aligned.shape == (len(targets), len(profile))
    assert arrays.window.shape == (len(targets), WINDOW)
    assert arrays.composition.shape == (len(targets), 420)
    assert arrays.flags[-1].tolist() == [1, 1, 0]
    assert (arrays.flags[:-1, 2] == 1).all()
    assert (arrays.aligned[-1] == GAP).all()
    assert arrays.window[-1].tolist() == encode_residues("MKV").tolist() + [PADDING] * (WINDOW - 3)
    np.testing.assert_allclose(arrays.composition[:, :20].sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(arrays.composition[:, 20:].sum(axis=1), 20, rtol=1e-5)


def test_encode_proteins__variant_shows_in_its_column(
    kinases: dict[str, str], profile: NDArray[np.float32]
) -> None:
    wild = Target("EGFR", kinases["EGFR"])
    (mutant,) = place_variants([parse_target("EGFR(T790M)", kinases["EGFR"])])
    arrays = encode_proteins([wild, mutant], profile)
    (column,) = np.flatnonzero(arrays.aligned[0] != arrays.aligned[1])
    assert AMINO_ACIDS[arrays.aligned[0, column]] + AMINO_ACIDS[arrays.aligned[1, column]] == "TM"
    assert (arrays.window[0] != arrays.window[1]).sum() == 1


def test_encode_proteins__rows_do_not_depend_on_company(
    kinases: dict[str, str], profile: NDArray[np.float32]
) -> None:
    targets = [Target(name, sequence) for name, sequence in list(kinases.items())[:4]]
    together = encode_proteins(targets, profile)
    order = np.array([2, 0, 3, 1])
    again = encode_proteins([targets[i] for i in order], profile)
    for name in ("aligned", "window", "composition", "flags"):
        np.testing.assert_array_equal(getattr(again, name), getattr(together.take(order), name))


@given(st.text(alphabet=AMINO_ACIDS + "XU", max_size=30))
def test_encode_proteins__any_sequence(sequence: str) -> None:
    arrays = encode_proteins([Target("X", sequence)], seed_profile())
    assert np.isfinite(arrays.composition).all()
    assert arrays.flags[0, 2] == 0
    assert (arrays.window[0, : len(sequence)] == encode_residues(sequence)).all()


def test_read_targets__p_behind_a_known_name() -> None:
    """Of a gene, or of a target with the same sequence; other names merely end in p, and a column comes first."""
    rows = [
        ("ABL1p", "MKL"),
        ("own", "MKV"),
        ("ownp", "mkv"),
        ("clam", "MKW"),
        ("clamp", "MKI"),
        ("TRAPp", "MK"),
    ]
    table = pd.DataFrame(rows, columns=["target_id", "sequence"])
    read = {t.target_id: t for t in read_targets(table, genes={"ABL1", "TRAP", "TRAPp"})}
    assert {name for name, t in read.items() if t.phosphorylated} == {"ABL1p", "ownp"}
    assert read["own"].form != read["ownp"].form and read["ownp"].sequence == "MKV"
    told = phosphorylation_notes(list(read.values()))
    assert told == ["2 of 6 targets are read as phosphorylated: ABL1p, ownp"]
    assert not any(t.phosphorylated for t in read_targets(table, "given", genes={"ABL1"}))
    stated = table.assign(phosphorylated="no")
    assert not any(t.phosphorylated for t in read_targets(stated, genes={"ABL1"}))
    known = {"ownp": {"phosphorylated": "no"}}
    assert [t.target_id for t in read_targets(table, constructs=known) if t.phosphorylated] == []
