"""Variants read, and made on sequences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chem.errors import InputError
from models.kinase import AMINO_ACIDS
from models.variant import (
    FLANK,
    Change,
    apply_changes,
    numbering_shift,
    parse_variant,
    reference_shift,
)

SEQUENCES = st.text(alphabet=AMINO_ACIDS, min_size=12, max_size=60)
EGFR_EXON_19 = "VAIKELREATSPKANKEILDEAYVMASVDNPHVCRLLG"
"""Residues 742-778 of EGFR (UniProt P00533)."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("T315I", ["T315I"]),
        ("p.Thr315Ile", ["T315I"]),
        ("p.(Thr315Ile)", ["T315I"]),
        ("E255K,T315I", ["E255K", "T315I"]),
        ("E255K/T315I; Y253F", ["E255K", "T315I", "Y253F"]),
        ("p.[Glu255Lys;Thr315Ile]", ["E255K", "T315I"]),
        ("L858RT790M", ["L858R", "T790M"]),
        ("V559D-V654A", ["V559D", "V654A"]),
        ("E746A750del", ["E746_A750del"]),
        ("p.Glu746_Ala750del", ["E746_A750del"]),
        ("E746_A750delELREA", ["E746_A750del"]),
        ("S752-I759del", ["S752_I759del"]),
        ("L747S752del,P753S", ["L747_S752del", "P753S"]),
        ("L747-E749del, A750P", ["L747_E749del", "A750P"]),
        ("L747-T751del,Sins", ["L747_T751delinsS"]),
        ("L747_T751del,insS", ["L747_T751delinsS"]),
        ("p.Leu747_Thr751delinsSerPro", ["L747_T751delinsSP"]),
        ("V560del", ["V560del"]),
        ("V560delinsDE", ["V560delinsDE"]),
        ("A763_Y764insFQEA", ["A763_Y764insFQEA"]),
        ("p.Ala767_Val769dup", ["A767_V769dup"]),
        ("D770dup", ["D770dup"]),
    ],
)
def test_parse_variant__as_people_write_them(text: str, expected: list[str]) -> None:
    changes = parse_variant(text)
    assert [str(change) for change in changes] == expected
    assert parse_variant(",".join(expected)) == changes


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ITD", "internal tandem duplication"),
        ("p.Arg175Ter", "keeps the frame"),
        ("R175*", "keeps the frame"),
        ("p.Gly12Valfs*4", "keeps the frame"),
        ("R175X", "keeps the frame"),
        ("E746A750", "is no change"),
        ("T315", "is no change"),
        ("T315=", "is no change"),
        ("315I", "is no change"),
        ("T315I and more", "is no change"),
        ("c.944C>T", "is no change"),
        ("t315i", "is no change"),
        ("B12A", "is no change"),
        ("Sins", "without the residues beside it"),
        ("1151Tins", "is no change"),
        ("A763_Y765insF", "two neighbours"),
        ("A763_Y764ins", "nothing is inserted"),
        ("V560delins", "nothing is inserted"),
        ("A750E746del", "do not rise"),
    ],
)
def test_parse_variant__refuses(text: str, why: str) -> None:
    with pytest.raises(InputError, match=why) as caught:
        parse_variant(text)
    assert caught.value.field == "variant"
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("E746_A750del", "VAIKTSPKANK"),
        ("L747_T751delinsS", "VAIKESSPKANK"),
        ("L747_S752del,P753S", "VAIKESKANK"),
        ("L747_E749del,A750P", "VAIKEPTSPKANK"),
        ("S752_I759del", "VAIKELREATLDEA"),
        ("I744_K745insKIPVAI", "VAIKIPVAIKELREA"),
        ("K745dup", "VAIKKELREA"),
        ("K745_E746dup", "VAIKEKELREA"),
    ],
)
def test_apply_changes__exon_19_of_egfr(text: str, expected: str) -> None:
    """The constructs of the literature, on their own numbering."""
    made = apply_changes(EGFR_EXON_19, parse_variant(text), shift=-741)
    assert made.startswith(expected)
    assert made.endswith("DNPHVCRLLG")


@given(SEQUENCES, st.data())
def test_apply_changes__as_edits_of_a_list_of_residues(sequence: str, data: st.DataObject) -> None:
    """Every residue carries what stands in its place; edits of single places cannot disturb the others."""
    cells = list(sequence)
    order = data.draw(st.permutations(range(0, len(sequence) - 1, 3)))
    changes = []
    for at in order[: data.draw(st.integers(1, 4))]:
        residue, following = sequence[at], sequence[at + 1]
        new = data.draw(st.text(alphabet=AMINO_ACIDS, min_size=1, max_size=3))
        match data.draw(st.sampled_from(["substitution", "deletion", "delins", "insertion", "duplication"])):
            case "substitution":
                changes.append(Change("substitution", at + 1, at + 1, residue, residue, new[0]))
                cells[at] = new[0]
            case "deletion":
                changes.append(Change("deletion", at + 1, at + 2, residue, following))
                cells[at] = cells[at + 1] = ""
            case "delins":
                changes.append(Change("deletion", at + 1, at + 1, residue, residue, new))
                cells[at] = new
            case "insertion":
                changes.append(Change("insertion", at + 1, at + 2, residue, following, new))
                cells[at] = residue + new
            case _:
                changes.append(Change("duplication", at + 1, at + 2, residue, following))
                cells[at + 1] = following + residue + following
    assert apply_changes(sequence, changes) == "".join(cells)
    assert apply_changes("GG" + sequence, changes, shift=2) == "GG" + "".join(cells)
    assert parse_variant(",".join(map(str, changes))) == tuple(changes)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("W2R", "residue 2 is K; expected W"),
        ("K200R", "residue 200 is not in the sequence"),
        ("K0R", "residue 0 is not in the sequence"),
        ("K2_L4del", "residue 4 is V"),
        ("K2R,K2L", "overlap"),
        ("K2_L3del,L3V", "overlap"),
        ("K2_L3insA,K2_L3insG", "overlap"),
    ],
)
def test_apply_changes__refuses(text: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        apply_changes("MKLV", parse_variant(text))


def test_apply_changes__names_both_numbers_where_shifted() -> None:
    with pytest.raises(InputError, match=r"residue 2 \(4 of the sequence given\) is K; expected W"):
        apply_changes("GGMKLV", parse_variant("W2R"), shift=2)


@given(SEQUENCES, st.data())
def test_numbering_shift__finds_the_only_one(sequence: str, data: st.DataObject) -> None:
    shift = data.draw(st.integers(0, 8))
    places = data.draw(st.sets(st.integers(0, len(sequence) - 1), min_size=3, max_size=8))
    sites = [(sequence[at], at + 1) for at in places]
    given_sequence = "X" * shift + sequence
    fitting = [
        s
        for s in range(-len(sequence) - 8, len(sequence) + 9)
        if all(
            0 <= p - 1 + s < len(given_sequence) and given_sequence[p - 1 + s] == residue
            for residue, p in sites
        )
    ]
    found = numbering_shift(given_sequence, sites)
    assert found == (0 if 0 in fitting else fitting[0] if len(fitting) == 1 else None)
    assert numbering_shift(given_sequence, sites[:2]) in (0, None)


def test_reference_shift__needs_every_site_once() -> None:
    reference = EGFR_EXON_19
    assert reference_shift(reference[4:], reference, [("A", 25)]) is None  # 25 is M
    assert reference_shift(reference[4:], reference, [("M", 25)]) == -4
    assert reference_shift("MK" + reference, reference, [("M", 25), ("K", 16)]) == 2
    assert reference_shift(reference * 2, reference, [("M", 25)]) is None
    assert reference_shift(reference[:20] + "G" + reference[20:], reference, [("M", 25), ("V", 1)]) is None
    assert reference_shift(reference, reference, [("T", FLANK)]) is None
    cut = reference[:13] + reference[16:]
    assert reference_shift(cut, reference, [("M", 25)]) is None
