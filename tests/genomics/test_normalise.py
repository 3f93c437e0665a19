from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomics.block import VariantBlock, join_blocks
from genomics.errors import InputError
from genomics.normalise import Normalise, NormaliseOptions
from genomics.normalise_align import left_align, trim
from genomics.normalise_order import keep_positions_whole, restore_order
from genomics.readers import Selection, open_reader
from genomics.reference import Reference

MakeVcf = Callable[..., Path]
Variant = tuple[int, tuple[str, ...]]


def _block(variants: Sequence[Variant], contig: str | Sequence[str] = "1", ploidy: int = 2) -> VariantBlock:
    """Make records of one sample that carries the first ALT once."""
    n = len(variants)
    contigs = [contig] * n if isinstance(contig, str) else list(contig)
    genotypes = np.zeros((n, 1, ploidy), np.int8)
    genotypes[:, 0, -1] = [len(alleles) > 1 for _, alleles in variants]
    return VariantBlock(
        contigs=contigs,
        positions=np.array([position for position, _ in variants], np.int32),
        identifiers=[""] * n,
        alleles=[alleles for _, alleles in variants],
        quality=np.full(n, np.nan, np.float32),
        filters=[()] * n,
        ends=np.full(n, -1, np.int32),
        genotypes=genotypes,
        phased=np.zeros((n, 1), bool),
        states=np.zeros((n, 1), np.int8),
    )


def _sites(blocks: Sequence[VariantBlock]) -> list[tuple[str, int, tuple[str, ...]]]:
    return [site for b in blocks for site in zip(b.contigs, b.positions.tolist(), b.alleles, strict=True)]


@pytest.fixture
def make_reference(tmp_path: Path) -> Iterator[Callable[..., Reference]]:
    opened: list[Reference] = []

    def make(**contigs: str) -> Reference:
        path = tmp_path / f"reference{len(opened)}.fa"
        path.write_text("".join(f">{name.lstrip('_')}\n{bases}\n" for name, bases in contigs.items()))
        opened.append(Reference(path))
        return opened[-1]

    yield make
    for reference in opened:
        reference.close()


def _normalise(
    blocks: Sequence[VariantBlock], reference: Reference | None, **options: object
) -> tuple[list[VariantBlock], Normalise]:
    step = Normalise(NormaliseOptions(**options), {}, reference)  # type: ignore[arg-type]
    return list(step.apply(iter(blocks))), step


def _teller(told: list[tuple[str, str, str]]) -> Callable[[str, str, str], None]:
    return lambda record, field, reason: told.append((record, field, reason))


# -- alleles -----------------------------------------------------------------------------------------


def _haplotype(reference: str, position: int, ref: str, alt: str) -> str:
    assert reference[position - 1 : position - 1 + len(ref)] == ref
    return reference[: position - 1] + alt + reference[position - 1 + len(ref) :]


def _leftmost(reference: str, haplotype: str) -> Variant:
    """Find the shortest and then leftmost way to write a haplotype, by trying all."""
    ways = []
    for start in range(len(reference)):
        if reference[:start] != haplotype[:start]:
            break
        for end in range(start + 1, len(reference) + 1):
            alt_end = len(haplotype) - (len(reference) - end)
            if alt_end > start and reference[end:] == haplotype[alt_end:]:
                ways.append((end - start, start + 1, (reference[start:end], haplotype[start:alt_end])))
    length = min(way[0] for way in ways)
    return next((start, alleles) for size, start, alleles in ways if size == length)


_bases = st.text("AC", min_size=1, max_size=5)


@settings(max_examples=300)
@given(
    reference=st.text("AC", min_size=4, max_size=24),
    alts=st.lists(_bases, min_size=1, max_size=3),
    data=st.data(),
)
def test_left_align__keeps_every_haplotype(reference: str, alts: list[str], data: st.DataObject) -> None:
    start = data.draw(st.integers(1, len(reference)))
    ref = reference[start - 1 : start - 1 + data.draw(st.integers(1, 5))]
    alts = [alt for alt in alts if alt != ref]
    if not alts:
        return
    moved, position = left_align((ref, *alts), start, lambda a, b: reference[a - 1 : b])
    trimmed, place = trim((ref, *alts), start)
    for old, new, short in zip(alts, moved[1:], trimmed[1:], strict=True):
        expected = _haplotype(reference, start, ref, old)
        assert _haplotype(reference, position, moved[0], new) == expected
        assert _haplotype(reference, place, trimmed[0], short) == expected
    if len(alts) == 1:
        assert (position, moved) == _leftmost(reference, _haplotype(reference, start, ref, alts[0]))


def test_left_align__crosses_more_than_one_window() -> None:
    reference = "G" + "CA" * 20_000 + "G"
    moved, position = left_align(("CA", "C"), 30_000, lambda a, b: reference[a - 1 : b])
    # one A of a long repeat cannot move: only a whole CA can
    assert (moved, position) == (("CA", "C"), 30_000)
    moved, position = left_align(("ACA", "A"), 30_001, lambda a, b: reference[a - 1 : b])
    assert (moved, position) == (("GCA", "G"), 1)


# -- the transform -----------------------------------------------------------------------------------


def test_normalise__hands_on_blocks_without_anything_to_change(
    make_reference: Callable[..., Reference],
) -> None:
    reference = make_reference(chr1="ACGT" * 2000)
    first = _block([(1, ("A", "C")), (6, ("CGT", "C")), (9, ("A", "<DEL>"))])
    second = _block([(4001, ("A", "*")), (4005, ("A", "G[2:3["))])
    blocks, step = _normalise([first, second], reference)
    assert blocks[0] is first and blocks[1] is second
    assert step.attributes()["realigned"] == 0 and step.attributes()["records_written"] == 5


def test_normalise__moves_records_and_restores_order(make_reference: Callable[..., Reference]) -> None:
    reference = make_reference(_1="GTTCACACACAGGGACGTACGT")
    block = _block([(4, ("C", "G")), (6, ("C", "T"))])
    moving = _block([(8, ("CAC", "C")), (12, ("GG", "G")), (13, ("G", "T"))])
    ends = np.array([10, -1, 13], np.int32)
    blocks, step = _normalise([block, replace(moving, ends=ends)], reference)
    joined = join_blocks(blocks, 1)
    assert _sites([joined]) == [
        ("1", 3, ("TCA", "T")),
        ("1", 4, ("C", "G")),
        ("1", 6, ("C", "T")),
        ("1", 11, ("AG", "A")),
        ("1", 13, ("G", "T")),
    ]
    assert joined.ends.tolist() == [5, -1, -1, -1, 13]
    assert step.attributes()["realigned"] == 2


def test_normalise__writes_a_deletion_of_unknown_bases_leftmost(
    make_reference: Callable[..., Reference],
) -> None:
    # alleles stay the same while the position moves
    blocks, _ = _normalise([_block([(17, ("NN", "N"))])], make_reference(_1="N" * 30))
    assert _sites(blocks) == [("1", 1, ("NN", "N"))]


def test_normalise__takes_lower_case_and_ambiguous_bases_of_the_reference(
    make_reference: Callable[..., Reference],
) -> None:
    reference = make_reference(_1="ggcacacrcc")
    block = _block([(3, ("c", "t")), (6, ("ac", "a")), (8, ("N", "A")), (9, ("CC", "C"))])
    blocks, step = _normalise([block], reference)
    assert _sites(blocks) == [
        ("1", 3, ("c", "t")),
        ("1", 6, ("ac", "a")),
        ("1", 8, ("N", "A")),
        ("1", 8, ("NC", "N")),
    ]
    assert step.attributes()["problems"] == {}


@pytest.mark.parametrize(
    ("variant", "reason"),
    [
        ((2, ("T", "A")), "ref_mismatch"),
        ((2, ("CGA", "C")), "ref_mismatch"),
        ((16, ("TA", "T")), "ref_mismatch"),
        ((900, ("A", "C")), "ref_mismatch"),
        ((2, ("R", "C")), "ref_not_acgtn"),
        ((2, ("C", "Y")), "alt_not_acgtn"),
        ((2, ("CG", "cg")), "alt_equals_ref"),
    ],
)
def test_check_ref__error_warn_exclude_and_keep(
    make_reference: Callable[..., Reference], variant: Variant, reason: str
) -> None:
    reference = make_reference(_1="ACGT" * 4)
    block = _block([(1, ("A", "C")), variant])
    with pytest.raises(
        InputError, match=f"record 1:{variant[0]}, field {'ALT' if 'alt' in reason else 'REF'}"
    ):
        _normalise([block], reference)
    for check_ref, n_left, n_told in (("warn", 2, 1), ("exclude", 1, 1), ("keep", 2, 0)):
        told: list[tuple[str, str, str]] = []
        step = Normalise(NormaliseOptions(check_ref=check_ref), {}, reference, _teller(told))
        assert len(join_blocks(list(step.apply(iter([block]))), 1)) == n_left
        assert [item[0] for item in told] == [f"1:{variant[0]}"] * n_told
        attributes = step.attributes()
        assert attributes["problems"] == {reason: 1} and attributes["excluded"] == 2 - n_left
        assert attributes["examples"] == {reason: [f"1:{variant[0]}"]}
        json.dumps(attributes)


def test_normalise__refuses_a_contig_that_the_reference_lacks(
    make_reference: Callable[..., Reference],
) -> None:
    with pytest.raises(InputError, match="no contig '7'"):
        _normalise([_block([(1, ("A", "C"))], contig="7")], make_reference(_1="ACGT"))


def test_normalise__trims_without_a_reference() -> None:
    blocks, _ = _normalise([_block([(10, ("CTCC", "CCC")), (20, ("GATG", "GACT"))])], None, align="trim")
    assert _sites(blocks) == [("1", 10, ("CT", "C")), ("1", 22, ("TG", "CT"))]
    with pytest.raises(InputError, match="needs the reference"):
        _normalise([], None, align="left")


def test_normalise__does_not_move_beyond_the_window(make_reference: Callable[..., Reference]) -> None:
    reference = make_reference(_1="G" + "A" * 300 + "C" * 10)
    block = _block([(298, ("AAAA", "AAA"))])
    for window, site in ((1000, (1, ("GA", "G"))), (100, (298, ("AA", "A")))):
        blocks, step = _normalise([block], reference, window=window)
        assert _sites(blocks) == [("1", *site)]
        assert step.attributes()["problems"] == ({} if window == 1000 else {"beyond_window": 1})


def test_normalise__star_of_a_split_record_does_not_keep_it_from_moving(
    make_reference: Callable[..., Reference],
) -> None:
    reference = make_reference(_1="GTTCACACACAGGG")
    block = _block([(8, ("CAC", "C", "T"))])
    block = replace(block, genotypes=np.array([[[1, 2]]], np.int8))
    blocks, _ = _normalise([block], reference, split=True)
    assert _sites(blocks) == [("1", 3, ("TCA", "T", "*")), ("1", 8, ("CAC", "T", "*"))]
    as_bcftools, _ = _normalise([block], reference, split=True, other_alleles="reference")
    assert _sites(as_bcftools) == [("1", 3, ("TCA", "T")), ("1", 8, ("CAC", "T"))]


@pytest.mark.parametrize(("which", "n_left"), [("keep", 5), ("exact", 4), ("any", 2)])
def test_duplicates__of_one_position_in_several_blocks(which: str, n_left: int) -> None:
    block = _block(
        [(5, ("A", "C", "G")), (5, ("A", "g", "C")), (5, ("A", "T")), (5, ("AT", "T")), (6, ("A", "C"))]
    )
    parts = [block.rows(at, at + 1) for at in range(5)]
    for blocks in ([block], parts):
        done, step = _normalise(blocks, None, align="none", duplicates=which)
        assert len(join_blocks(done, 1)) == n_left
        assert step.attributes()["duplicates_dropped"] == 5 - n_left


@pytest.mark.parametrize(
    "wrong",
    [
        {"align": "right"},
        {"check_ref": "x"},
        {"window": -1},
        {"split": True, "join": "any"},
        {"other_alleles": ""},
    ],
)
def test_options__refuse_what_they_do_not_know(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        NormaliseOptions(**wrong)  # type: ignore[arg-type]


# -- order -------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(data=st.data())
def test_restore_order__loses_nothing_and_sorts_stably(data: st.DataObject) -> None:
    window = data.draw(st.integers(0, 20))
    steps = data.draw(st.lists(st.integers(0, 12), max_size=40))
    before = 50 + np.cumsum(steps, dtype=np.int64)
    shift = data.draw(st.lists(st.integers(-4, window), min_size=len(steps), max_size=len(steps)))
    after = before - np.array(shift, dtype=np.int64)
    contigs = ["1" if at < data.draw(st.integers(0, 40)) else "2" for at in range(len(steps))]
    contigs.sort()
    block = _block([(int(p), ("A", "C")) for p in after], contigs)
    block = replace(block, identifiers=[str(at) for at in range(len(steps))])
    cuts = sorted({0, len(steps), *data.draw(st.lists(st.integers(0, len(steps)), max_size=6))})
    parts = [(block.rows(a, b), before[a:b]) for a, b in pairwise(cuts)]
    done = join_blocks(list(restore_order(parts, window)), 1)
    order = sorted(range(len(steps)), key=lambda at: (contigs[at], after[at], at))
    assert [int(name) for name in done.identifiers] == order


def test_restore_order__holds_back_no_more_than_the_window() -> None:
    read = 0

    def blocks() -> Iterator[tuple[VariantBlock, np.ndarray]]:
        nonlocal read
        for start in range(1, 100_001, 1000):
            read += 1
            block = _block([(position, ("A", "C")) for position in range(start, start + 1000, 100)])
            # the last record of each block moved before the last one of the block before
            positions = block.positions.copy()
            positions[0] -= 150
            yield replace(block, positions=positions), block.positions

    written = 0
    for block in restore_order(blocks(), 500):
        written += len(block)
        assert read * 10 - written <= 30
    assert written == 1000


def test_keep_positions_whole__over_many_blocks() -> None:
    block = _block([(1, ("A", "C"))] * 3 + [(2, ("A", "C"))] * 4 + [(3, ("A", "C"))])
    parts = [block.rows(at, min(8, at + 2)) for at in range(0, 8, 2)]
    assert [b.positions.tolist() for b in keep_positions_whole(parts)] == [[1, 1, 1], [2, 2, 2, 2, 3]]
    assert join_blocks(list(keep_positions_whole(parts)), 1).positions.tolist() == block.positions.tolist()


def test_normalise__gives_the_same_records_whatever_the_blocks(
    make_reference: Callable[..., Reference], make_vcf: MakeVcf
) -> None:
    rng = np.random.default_rng(2)
    bases = "".join(rng.choice(list("AC"), 400))
    records, position = [], 1
    while position < 380:
        ref = bases[position - 1 : position - 1 + int(rng.integers(1, 4))]
        alts = sorted({"".join(rng.choice(list("AC"), int(rng.integers(1, 4)))) for _ in range(3)} - {ref})
        records.append(f"1 {position} . {ref} {','.join(alts)} . PASS . GT:DP 0/{len(alts)}:3 ./.:.")
        position += int(rng.integers(0, 4))
    reader = open_reader(make_vcf(records))
    reference = make_reference(_1=bases)
    for options in (
        {"split": True, "duplicates": "exact"},
        {"join": "by-type"},
        {"join": "any", "window": 20, "align": "trim"},
        {"split": True, "other_alleles": "missing"},
    ):
        results = []
        for block_records in (1, 3, 1000):
            step = Normalise(NormaliseOptions(**options), reader.fields, reference)  # type: ignore[arg-type]
            blocks = step.apply(reader.blocks(Selection(block_records=block_records)))
            done = join_blocks(list(blocks), 2)
            counts = {k: v for k, v in step.attributes().items() if k != "settings"}
            results.append((_sites([done]), done.genotypes.tolist(), done.formats["DP"].tolist(), counts))
        assert results[0] == results[1] == results[2]
        assert (np.diff(join_blocks(list(step.apply(reader.blocks(Selection()))), 2).positions) >= 0).all()
