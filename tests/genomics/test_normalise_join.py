from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomics.block import ABSENT, FILL, FILTERED, NO_CALL, OBSERVED, VariantBlock, call_states, empty_block
from genomics.fields import Field
from genomics.normalise_genotypes import join_genotypes
from genomics.normalise_join import JoinCounts, join_block
from genomics.normalise_split import SplitCounts, split_block
from genomics.readers import Selection, open_reader

MakeVcf = Callable[..., Path]
HEADER = [
    '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="d">',
    '##FORMAT=<ID=PL,Number=G,Type=Integer,Description="d">',
    '##INFO=<ID=AF,Number=A,Type=Float,Description="d">',
    '##INFO=<ID=SOR,Number=1,Type=Float,Description="d">',
]


def _read(path: Path) -> tuple[VariantBlock, dict[str, Field]]:
    reader = open_reader(path)
    (block,) = reader.blocks(Selection(fields=("INFO/*", "FORMAT/*")))
    return block, dict(reader.fields)


def _join(path: Path, how: str = "by-type") -> tuple[VariantBlock, JoinCounts]:
    block, fields = _read(path)
    counts = JoinCounts()
    return join_block(block, fields, counts, how=how), counts


def test_join__puts_values_where_their_alleles_go(make_vcf: MakeVcf) -> None:
    path = make_vcf(
        [
            "1 100 rs1 A C 10 PASS AF=0.1;SOR=1 GT:AD:PL 1|0:1,2:1,2,3 0/0:9,0:0,1,2",
            "1 100 rs2 A G 30 q10 AF=0.2;SOR=2 GT:AD:PL 0|1:1,3:1,4,6 0/1:9,8:0,4,5",
            "1 101 . T G . PASS AF=0.5;SOR=. GT:AD:PL 0/1:1,1:1,2,3 ./.:.:.",
        ],
        header=HEADER,
    )
    block, counts = _join(path)
    assert block.alleles == [("A", "C", "G"), ("T", "G")]
    assert block.identifiers == ["rs1;rs2", ""]
    assert block.filters == [("q10",), ("PASS",)]
    assert block.quality.tolist()[0] == 30
    assert block.genotypes.tolist() == [[[1, 2], [0, 2]], [[0, 1], [-1, -1]]]
    assert block.phased.tolist() == [[True, False], [False, False]]
    assert block.states.tolist() == [[FILTERED, FILTERED], [OBSERVED, NO_CALL]]
    assert block.formats["AD"][0].tolist() == [[1, 2, 3], [9, 0, 8]]
    assert block.formats["PL"][0].tolist() == [[1, 2, 3, 4, -1, 6], [0, 1, 2, 4, -1, 5]]
    assert block.info["AF"][0].tolist() == pytest.approx([0.1, 0.2])
    assert block.info["SOR"][0] == 1
    assert (counts.joined, counts.conflicting_values["INFO/SOR"]) == (2, 1)


def test_join__extends_alleles_to_the_longest_ref(make_vcf: MakeVcf) -> None:
    path = make_vcf(
        ["1 5 . CA C . PASS . GT 0/1 0/0", "1 5 . C CTT . PASS . GT 1/0 0/1", "1 5 . C G . PASS . GT 0/0 1/0"]
    )
    by_type, _ = _join(path)
    assert by_type.alleles == [("CA", "C", "CTTA"), ("C", "G")]
    assert by_type.genotypes.tolist() == [[[2, 1], [0, 2]], [[0, 0], [1, 0]]]
    together, _ = _join(path, "any")
    assert together.alleles == [("CA", "C", "CTTA", "GA")]
    assert together.genotypes.tolist() == [[[2, 1], [3, 2]]]


def test_join__keeps_phase_where_bcftools_once_swapped_it(make_vcf: MakeVcf) -> None:
    path = make_vcf(
        ["1 1 . A C . . . GT 0|0|1|0", "1 1 . A G . . . GT 0|1|0|0", "1 1 . A T . . . GT 1|0|0|0"],
        samples=["S"],
    )
    block, _ = _join(path)
    assert block.genotypes.tolist() == [[[3, 2, 1, 0]]] and block.phased.tolist() == [[True]]


def test_join__does_not_count_a_duplicate_twice(make_vcf: MakeVcf) -> None:
    block, counts = _join(make_vcf(["1 1 . A C . . . GT 0/1 0|1"] * 2))
    assert block.alleles == [("A", "C")] and block.genotypes.tolist() == [[[0, 1], [0, 1]]]
    assert counts.conflicting_calls == 0


@pytest.mark.parametrize(
    ("one", "two", "joined", "n_conflicts"),
    [
        ("0/1", "0/1", [1, 2], 0),
        ("0/1", "1/0", [2, 1], 0),
        ("1/1", "0/1", [-1, -1], 1),
        ("1|0", "1|0", [-1, -1], 1),
        ("1|0", "0|1", [1, 2], 0),
        ("0/1", "./.", [-1, 1], 0),
        ("1/1", "./.", [1, 1], 0),
        ("0/0", "./.", [-1, -1], 0),
        ("./.", "./.", [-1, -1], 0),
        ("1/.", "./1", [1, 2], 0),
        (".", "1", [2, -2], 0),
        ("0/1", "1", [-1, -1], 1),
        ("0/1", ".", [-1, 1], 0),
        ("1", "1", [-1, -2], 1),
        ("0/0", "0/0", [0, 0], 0),
    ],
)
def test_join__of_two_calls(
    make_vcf: MakeVcf, one: str, two: str, joined: list[int], n_conflicts: int
) -> None:
    path = make_vcf([f"1 1 . A C . . . GT {one} 0/0", f"1 1 . A G . . . GT {two} 0/0"])
    block, counts = _join(path)
    assert block.genotypes[0, 0].tolist() == joined
    assert block.states[0, 0] == (NO_CALL if -1 in joined else OBSERVED)
    assert counts.conflicting_calls == n_conflicts
    assert block.genotypes[0, 1].tolist() == [0, 0]


def test_join__leaves_apart_what_it_cannot_write_together(make_vcf: MakeVcf) -> None:
    path = make_vcf(
        ["1 1 . A C . . . GT 0/1 0/0", "1 1 . G T . . . GT 0/1 0/0", "1 1 . A <DEL> . . . GT 0/1 0/0"]
    )
    block, counts = _join(path, "any")
    assert sorted(block.alleles) == [("A", "<DEL>"), ("A", "C"), ("G", "T")]
    assert (counts.joined, counts.refused_refs) == (0, 2)


def test_join__absent_in_all_records_stays_absent(make_vcf: MakeVcf) -> None:
    block, fields = _read(make_vcf(["1 1 . A C . . . GT ./. ./.", "1 1 . A G . . . GT ./. 0/1"]))
    block = replace(block, states=np.array([[ABSENT, ABSENT], [ABSENT, OBSERVED]], np.int8))
    done = join_block(block, fields, JoinCounts())
    assert done.states.tolist() == [[ABSENT, NO_CALL]]


def test_join__hands_on_a_block_with_one_record_a_site(make_vcf: MakeVcf) -> None:
    block, fields = _read(make_vcf(["1 1 . A C,G . . . GT ./. 1/2", "1 2 . A G . . . GT ./. 0/1"]))
    assert join_block(block, fields, JoinCounts()) is block
    assert join_block(empty_block(1), {}, JoinCounts()).n_samples == 1


def _site(calls: list[list[int]], n_alts: int, phased: list[bool]) -> tuple[VariantBlock, dict[str, Field]]:
    genotypes = np.array([calls], np.int8)
    n_samples, ploidy = genotypes.shape[1:]
    counts = np.arange(n_samples * (n_alts + 1), dtype=np.int32).reshape(1, n_samples, n_alts + 1)
    block = replace(
        empty_block(n_samples),
        contigs=["1"],
        positions=np.array([5], np.int32),
        identifiers=["rs5"],
        alleles=[("A", *("AC" + "G" * at for at in range(n_alts)))],
        quality=np.array([3], np.float32),
        filters=[("PASS",)],
        ends=np.array([-1], np.int32),
        genotypes=genotypes,
        phased=np.array([phased]) & (ploidy > 1),
        states=call_states(genotypes, np.array(False)),
        info={"AF": np.linspace(0.1, 0.9, n_alts, dtype=np.float32)[None]},
        formats={"AD": counts},
    )
    fields = [Field("INFO", "AF", "A", "Float"), Field("FORMAT", "AD", "R", "Integer")]
    return block, {field.key: field for field in fields}


@settings(max_examples=150)
@given(ploidy=st.integers(1, 4), n_alts=st.integers(2, 5), data=st.data())
@pytest.mark.parametrize("other_alleles", ["star", "reference", "missing"])
def test_split_and_join__give_the_record_back(
    other_alleles: str, ploidy: int, n_alts: int, data: st.DataObject
) -> None:
    n_samples = 3
    lowest = 0 if other_alleles == "missing" else -1
    call = st.lists(st.integers(lowest, n_alts), min_size=ploidy, max_size=ploidy)
    calls = data.draw(st.lists(call, min_size=n_samples, max_size=n_samples))
    phased = data.draw(st.lists(st.booleans(), min_size=n_samples, max_size=n_samples))
    block, fields = _site(calls, n_alts, phased)
    split = split_block(block, fields, SplitCounts(), other_alleles=other_alleles)
    assert len(split) == n_alts
    counts = JoinCounts()
    joined = join_block(split, fields, counts, how="any")
    star = ("*",) if any("*" in alleles for alleles in split.alleles) else ()
    assert [allele for allele in joined.alleles[0] if allele != "*"] == list(block.alleles[0])
    assert len(joined.alleles[0]) == n_alts + 1 + len(star)
    names = {new: block.alleles[0].index(a) for new, a in enumerate(joined.alleles[0]) if a != "*"}
    back = [[names.get(allele, allele) for allele in row] for row in joined.genotypes[0].tolist()]
    assert back == calls
    assert joined.phased.tolist() == block.phased.tolist()
    assert joined.states.tolist() == block.states.tolist()
    order = sorted(names, key=lambda new: names[new])
    assert joined.formats["AD"][0][:, order].tolist() == block.formats["AD"][0].tolist()
    assert joined.info["AF"][0][[new - 1 for new in order[1:]]].tolist() == block.info["AF"][0].tolist()
    assert counts.conflicting_calls == 0


@given(data=st.data())
def test_join_genotypes__never_invents_or_drops_an_allele(data: st.DataObject) -> None:
    ploidy = data.draw(st.integers(1, 3))
    calls = np.array(
        [
            data.draw(st.lists(st.sampled_from([-1, 0, record + 1]), min_size=ploidy, max_size=ploidy))
            for record in range(data.draw(st.integers(1, 3)))
        ],
        dtype=np.int8,
    )[:, None, :]
    phased = np.array([[data.draw(st.booleans())] for _ in calls])
    joined, _, conflict = join_genotypes(calls, phased)
    given_alleles = sorted(calls[calls > 0].tolist())
    if conflict[0]:
        assert joined[0].tolist() == [-1] * ploidy
    else:
        assert sorted(joined[joined > 0].tolist()) == given_alleles
        n_reference = int((joined == 0).sum())
        assert n_reference == 0 or all(int((call == 0).sum()) >= n_reference for call in calls[:, 0])
        assert not (joined == FILL).any()
