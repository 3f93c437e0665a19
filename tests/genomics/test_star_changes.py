from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from genomics.star_changes import Change, find_changes

bases = st.text("AC", min_size=0, max_size=4)


def apply(sequence: str, change: Change, at: int | None = None) -> str:
    """Change a sequence that begins at position 1, written at another of its places if given."""
    start = change.position - 1
    assert sequence[start:].startswith(change.deleted)
    changed = sequence[:start] + change.inserted + sequence[start + len(change.deleted) :]
    return changed


@given(st.text("AC", min_size=12, max_size=20), st.data())
def test_is_same__means_the_same_sequence(sequence: str, data: st.DataObject) -> None:
    """Two insertions or deletions of a sequence of two letters: alike exactly where the outcome is."""
    changes = []
    for _ in range(2):
        start = data.draw(st.integers(0, len(sequence) - 4))
        cut = sequence[start : start + data.draw(st.integers(0, 3))]
        new = "" if cut else data.draw(st.text("AC", min_size=1, max_size=3))
        found = find_changes(1, sequence, sequence[:start] + new + sequence[start + len(cut) :])
        assert len(found) == 1
        changes.append(found[0])
    one, two = changes
    outcome = apply(sequence, one) == apply(sequence, two)
    assert one.is_same(two) == two.is_same(one) == outcome
    # The same change as a file writes it that shows nothing of the repeat around it.
    for distance in range(one.shift + 1):
        size = len(one.deleted or one.inserted)
        unit = (one.deleted or one.inserted) * 2
        turned = unit[distance % size : distance % size + size]
        bare = Change(one.position + distance, turned if one.deleted else "", "" if one.deleted else turned)
        assert one.is_same(bare) and bare.is_same(one)
        assert apply(sequence, bare) == apply(sequence, one)
    beyond = one.position + one.shift + 1
    assert not one.is_same(Change(beyond, one.deleted, one.inserted))


@given(st.text("ACGT", min_size=1, max_size=8), st.text("ACGT", min_size=1, max_size=8))
def test_find_changes__made_in_turn_give_the_other_allele(ref: str, alt: str) -> None:
    sequence = ref
    for change in reversed(find_changes(1, ref, alt)):
        sequence = apply(sequence, change)
    assert sequence == alt


def test_find_changes__known_change_beside_a_substitution() -> None:
    insertion = Change(101, "", "AT", shift=15)
    found = find_changes(100, "CATG", "CATATC", [insertion])
    assert any(change.is_same(insertion) for change in found) and len(found) == 2
    # Without knowing it, the last base may as well have changed before the insertion.
    assert find_changes(100, "CATG", "CATATC") == (Change(103, "G", "ATC"),)


def test_touches__deletion_and_what_stands_in_it() -> None:
    deletion = Change(10, "AAA", "", shift=2)
    assert deletion.touches(Change(14, "G", "C")) and not deletion.touches(Change(15, "G", "C"))
    assert deletion.touches(Change(11, "", "T")) and not deletion.touches(Change(10, "", "T"))
