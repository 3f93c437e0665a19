"""Targets, their variants and their arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.kinase import AMINO_ACIDS, GAP, SEED_DOMAIN, encode_residues, seed_profile
from models.protein import (
    PADDING,
    WINDOW,
    Target,
    choose_domain,
    encode_proteins,
    parse_target,
    place_variants,
)

SEQUENCES = st.text(alphabet=AMINO_ACIDS, min_size=5, max_size=80)


@pytest.mark.parametrize(
    ("name", "substitutions", "domain", "phosphorylated", "unplaced"),
    [
        ("ABL1", (), "", False, False),
        ("ABL1p", (), "", False, False),
        ("ABL1(T315I)", (("T", 315, "I"),), "", False, True),
        ("ABL1(T315I)p", (("T", 315, "I"),), "", True, True),
        ("EGFR(L858RT790M)", (("L", 858, "R"), ("T", 790, "M")), "", False, True),
        ("KIT(V559D-V654A)", (("V", 559, "D"), ("V", 654, "A")), "", False, True),
        ("FLT3(ITD)", (), "", False, True),
        ("RSK1(KinDom.1-N-terminal)", (), "first", False, False),
        ("RSK1(KinDom.2-C-terminal)", (), "last", False, False),
        ("JAK1(JH1domain-catalytic)", (), "last", False, False),
        ("JAK1(JH2domain-pseudokinase)", (), "first", False, False),
        ("GCN2(KinDom2S808G)", (("S", 808, "G"),), "last", False, True),
        ("PFCDPK1(Pfalciparum)", (), "", False, False),
    ],
)
def test_parse_target__names_of_the_panel(
    name: str,
    substitutions: tuple[tuple[str, int, str], ...],
    domain: str,
    phosphorylated: bool,
    unplaced: bool,
) -> None:
    target = parse_target(name, "MKL")
    assert target.target_id == name
    assert target.sequence == "MKL"
    assert target.substitutions == substitutions
    assert target.domain == domain
    assert target.phosphorylated == phosphorylated
    assert target.unplaced == unplaced


def test_parse_target__columns_come_before_the_name() -> None:
    target = parse_target("EGFR(T790M)", "MKL", variant="L858R", domain="last")
    assert target.substitutions == (("L", 858, "R"),)
    assert target.domain == "last"
    assert parse_target("EGFR(T790M)", "MKL", variant="", domain="").substitutions == ()


def test_place_variants__applies_what_fits() -> None:
    one, two = place_variants([parse_target("X(K2R)", "MKLK"), parse_target("X(K2RL3V)", "MKLK")])
    assert (one.sequence, one.unplaced) == ("MRLK", False)
    assert (two.sequence, two.unplaced) == ("MRVK", False)


def test_place_variants__leaves_what_does_not_fit() -> None:
    for name in ("X(W2R)", "X(K200R)", "X(K0R)"):
        target = parse_target(name, "MKLK")
        assert place_variants([target]) == [target]


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
    placed = {
        t.target_id: t
        for t in place_variants([parse_target(row.target_id, row.sequence) for row in chosen.itertuples()])
    }
    mutants = {name: t for name, t in placed.items() if t.substitutions}
    assert len(mutants) >= 12
    assert not any(t.unplaced for t in mutants.values())
    wild, mutant = placed["ABL1"].sequence, placed["ABL1(T315I)"].sequence
    (at,) = [i for i, (a, b) in enumerate(zip(wild, mutant, strict=True)) if a != b]
    assert wild[at - 3 : at + 4] == "YIITEFM"  # ABL residues 312-318
    assert mutant[at] == "I"


@pytest.mark.xfail(
    reason="a deletion is read as a substitution of its first residue by its last one's letter"
)
def test_parse_target__deletion_is_no_substitution() -> None:
    target = parse_target("EGFR(E746A750del)", "MKL")
    assert target.substitutions == ()
    assert target.unplaced


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
