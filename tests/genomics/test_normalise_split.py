from __future__ import annotations

from collections.abc import Callable
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomics.block import ABSENT, FILTERED, NO_CALL, OBSERVED, VariantBlock, empty_block
from genomics.errors import InputError
from genomics.fields import Field
from genomics.normalise_split import SplitCounts, split_block
from genomics.normalise_values import genotype_index, genotypes_in_order, sources
from genomics.readers import Selection, open_reader

MakeVcf = Callable[..., Path]
HEADER = [
    '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="d">',
    '##FORMAT=<ID=PL,Number=G,Type=Integer,Description="d">',
    '##FORMAT=<ID=GL,Number=G,Type=Float,Description="d">',
    '##FORMAT=<ID=AU,Number=.,Type=Integer,Description="d">',
    '##FORMAT=<ID=LAA,Number=.,Type=Integer,Description="d">',
    '##FORMAT=<ID=LAD,Number=.,Type=Integer,Description="d">',
    '##INFO=<ID=AC,Number=A,Type=Integer,Description="d">',
    '##INFO=<ID=AF,Number=A,Type=Float,Description="d">',
    '##INFO=<ID=AN,Number=1,Type=Integer,Description="d">',
    '##INFO=<ID=DB,Number=0,Type=Flag,Description="d">',
    '##INFO=<ID=TXT,Number=R,Type=String,Description="d">',
]


def _read(path: Path) -> tuple[VariantBlock, dict[str, Field]]:
    reader = open_reader(path)
    blocks = list(reader.blocks(Selection(fields=("INFO/*", "FORMAT/*"))))
    assert len(blocks) == 1
    return blocks[0], dict(reader.fields)


def _split(path: Path, **options: str) -> tuple[VariantBlock, SplitCounts]:
    block, fields = _read(path)
    counts = SplitCounts()
    return split_block(block, fields, counts, **options), counts


def _ints(values: np.ndarray) -> list[Any]:
    return [[item for item in row if item != -2] for row in values.tolist()]


def test_split__gives_each_alt_its_values(make_vcf: MakeVcf) -> None:
    path = make_vcf(
        [
            "1 100 rs1 A C,G 50 q10 AC=2,3;AF=0.2,0.3;AN=10;DB;TXT=r,c,g GT:AD:PL:GL "
            "1|2:1,2,3:1,2,3,4,5,6:-1,-2,-3,-4,-5,-6 2:7,8,9:10,20,30:-1,-2,-3",
            "1 200 . T C . PASS AC=1;AF=0.1;AN=2;TXT=r,c GT:AD:PL:GL 0/1:4,5:7,8,9:-7,-8,-9 .:.:.:.",
        ],
        header=HEADER,
    )
    block, counts = _split(path, other_alleles="reference")
    assert block.alleles == [("A", "C"), ("A", "G"), ("T", "C")]
    assert block.positions.tolist() == [100, 100, 200]
    assert block.identifiers == ["rs1", "rs1", ""]
    assert block.genotypes.tolist() == [[[1, 0], [0, -2]], [[0, 1], [1, -2]], [[0, 1], [-1, -2]]]
    assert block.phased.tolist() == [[True, False], [True, False], [False, False]]
    assert block.states.tolist() == [[FILTERED] * 2, [FILTERED] * 2, [OBSERVED, NO_CALL]]
    assert _ints(block.info["AC"]) == [[2], [3], [1]]
    assert block.info["AF"][:, 0].tolist() == pytest.approx([0.2, 0.3, 0.1])
    assert block.info["AN"].tolist() == [10, 10, 2]
    assert block.info["DB"].tolist() == [True, True, False]
    assert block.info["TXT"][:2, :2].tolist() == [["r", "c"], ["r", "g"]]
    assert _ints(block.formats["AD"][:, 0]) == [[1, 2], [1, 3], [4, 5]]
    assert _ints(block.formats["AD"][:, 1]) == [[7, 8], [7, 9], [-1]]
    assert _ints(block.formats["PL"][:, 0]) == [[1, 2, 3], [1, 4, 6], [7, 8, 9]]
    assert _ints(block.formats["PL"][:, 1]) == [[10, 20], [10, 30], [-1]]
    assert block.formats["GL"][1, 0, :3].tolist() == [-1, -4, -6]
    assert block.formats["GL"][1, 1, :2].tolist() == [-1, -3]
    assert (counts.split, counts.calls_with_other_allele) == (1, 3)


def test_split__default_claims_no_reference(make_vcf: MakeVcf) -> None:
    path = make_vcf(
        ["1 100 . A C,G . PASS . GT:AD:PL 1/2:1,2,3:1,2,3,4,5,6 0/2:4,5,6:0,1,2,3,4,5"], header=HEADER
    )
    block, _ = _split(path)
    assert block.alleles == [("A", "C", "*"), ("A", "G", "*")]
    assert block.genotypes.tolist() == [[[1, 2], [0, 2]], [[2, 1], [0, 1]]]
    assert block.states.tolist() == [[OBSERVED] * 2] * 2
    assert _ints(block.formats["AD"][:, 0]) == [[1, 2, -1], [1, 3, -1]]
    assert _ints(block.formats["PL"][:, 0]) == [[1, 2, 3, -1, -1, -1], [1, 4, 6, -1, -1, -1]]


def test_split__default_adds_no_star_that_no_call_needs(make_vcf: MakeVcf) -> None:
    path = make_vcf(["1 100 . A C,G . PASS . GT 0/1 0/0"], header=HEADER)
    block, counts = _split(path)
    assert block.alleles == [("A", "C"), ("A", "G", "*")]
    assert block.genotypes.tolist() == [[[0, 1], [0, 0]], [[0, 2], [0, 0]]]
    assert counts.calls_with_other_allele == 1


def test_split__default_gives_a_spanning_deletion_no_record(make_vcf: MakeVcf) -> None:
    path = make_vcf(
        [
            "1 100 . A C,* . PASS . GT:AD 1/2:1,2,3 0/0:1,0,0",
            "1 200 . A C,*,G . PASS . GT:AD 1/2:1,2,3,4 3|0:1,0,0,9",
        ],
        header=HEADER,
    )
    block, counts = _split(path)
    assert block.alleles == [("A", "C", "*"), ("A", "C", "*"), ("A", "G", "*")]
    assert block.genotypes.tolist() == [[[1, 2], [0, 0]], [[1, 2], [2, 0]], [[2, 2], [1, 0]]]
    assert _ints(block.formats["AD"][:, 0]) == [[1, 2, 3], [1, 2, 3], [1, 4, 3]]
    assert counts.split == 1


def test_split__missing_makes_no_calls(make_vcf: MakeVcf) -> None:
    path = make_vcf(["1 100 . A C,G . q10 . GT 1|2 0/1"])
    block, fields = _read(path)
    absent = np.array([[FILTERED, ABSENT]], np.int8)
    block = VariantBlock(**{**vars(block), "states": absent})
    done = split_block(block, fields, SplitCounts(), other_alleles="missing")
    assert done.genotypes.tolist() == [[[1, -1], [0, 1]], [[-1, 1], [0, -1]]]
    assert done.states.tolist() == [[NO_CALL, ABSENT], [NO_CALL, ABSENT]]
    assert done.phased.tolist() == [[True, False]] * 2


def test_split__hands_on_a_block_without_multi_allelics(make_vcf: MakeVcf) -> None:
    block, fields = _read(make_vcf(["1 100 . A C . PASS . GT 0/1 ./.", "1 101 . A . . PASS . GT 0/0 ./."]))
    assert split_block(block, fields, SplitCounts()) is block
    star, fields = _read(make_vcf(["1 100 . A C,* . PASS . GT 0/1 ./."]))
    assert split_block(star, fields, SplitCounts()) is star
    empty = empty_block(2)
    assert split_block(empty, {}, SplitCounts()) is empty


def test_split__keeps_consequences_and_reference_blocks(make_vcf: MakeVcf) -> None:
    block, fields = _read(make_vcf(["1 100 . A C,G . PASS . GT 1/2 0/0"]))
    told = [(("one", "", ""), ("two", "missense", "p.A1C"))]
    from_block = np.array([[False, True]])
    block = VariantBlock(**{**vars(block), "consequences": told, "from_block": from_block})
    done = split_block(block, fields, SplitCounts(), other_alleles="reference")
    assert done.consequences == [(told[0][0],), (told[0][1],)]
    assert done.from_block is not None and done.from_block.tolist() == [[False, True]] * 2
    starred = split_block(block, fields, SplitCounts())
    assert starred.consequences == [(told[0][0], ("", "", "")), (told[0][1], ("", "", ""))]


@pytest.mark.parametrize(("name", "values"), [("AD", "1,2"), ("AD", "1,2,3,4"), ("PL", "1,2,3,4")])
def test_split__refuses_a_wrong_number_of_values(make_vcf: MakeVcf, name: str, values: str) -> None:
    path = make_vcf([f"1 100 . A C,G . PASS . GT:{name} 0/1:{values} 0/0:{values}"], header=HEADER)
    with pytest.raises(InputError, match=f"record 1:100, field FORMAT/{name}"):
        _split(path)
    block, counts = _split(path, wrong_counts="missing")
    assert _ints(block.formats[name][:, 0]) == [[-1], [-1]]
    assert counts.values_missing == {f"FORMAT/{name}": 4}


def test_split__takes_a_call_with_fewer_values_than_others_as_missing(make_vcf: MakeVcf) -> None:
    path = make_vcf(["1 100 . A C,G . PASS . GT:AD 0/1:1,2,3 0/0:1"], header=HEADER)
    block, counts = _split(path)
    assert _ints(block.formats["AD"][:, 1]) == [[-1], [-1]]
    assert counts.values_missing == {"FORMAT/AD": 2}


def test_split__splits_ad_of_old_callers_that_declare_no_number(make_vcf: MakeVcf) -> None:
    header = ['##FORMAT=<ID=AD,Number=.,Type=Integer,Description="d">']
    path = make_vcf(
        ["1 100 . A C,G . PASS . GT:AD 1/2:1,2,3 0/0:4,0,0", "1 101 . A C,G . PASS . GT:AD 1/2:1,2 0/0:."],
        header=header,
    )
    block, counts = _split(path, other_alleles="reference")
    assert _ints(block.formats["AD"][:, 0]) == [[1, 2], [1, 3], [-1], [-1]]
    assert counts.values_missing == {"FORMAT/AD": 2}


def test_split__leaves_values_of_unknown_number_and_drops_local_alleles(make_vcf: MakeVcf) -> None:
    path = make_vcf(["1 100 . A C,G . PASS . GT:AU:LAA:LAD 1/2:7,8,9:1,2:3,4,5 0/0:.:.:."], header=HEADER)
    block, counts = _split(path)
    assert _ints(block.formats["AU"][:, 0]) == [[7, 8, 9], [7, 8, 9]]
    assert _ints(block.formats["LAD"][:, 0]) == [[-1], [-1]]
    assert counts.values_dropped == {"FORMAT/LAA": 2, "FORMAT/LAD": 2}


@given(n_alleles=st.integers(1, 6), ploidy=st.integers(1, 5))
def test_genotype_order__is_that_of_the_specification(n_alleles: int, ploidy: int) -> None:
    # The specification orders genotypes by their largest allele first, then the next.
    expected = sorted(
        combinations_with_replacement(range(n_alleles), ploidy), key=lambda alleles: alleles[::-1]
    )
    order = genotypes_in_order(n_alleles, ploidy)
    assert list(order) == expected
    assert [genotype_index(alleles) for alleles in order] == list(range(len(order)))


@given(n_alleles=st.integers(2, 6), ploidy=st.integers(1, 5), data=st.data())
def test_sources__of_genotypes_name_the_same_alleles(
    n_alleles: int, ploidy: int, data: st.DataObject
) -> None:
    alt = data.draw(st.integers(1, n_alleles - 1))
    old = genotypes_in_order(n_alleles, ploidy)
    for new, place in zip(
        genotypes_in_order(2, ploidy), sources("G", (0, alt), ploidy).tolist(), strict=True
    ):
        assert sorted(alt if allele else 0 for allele in new) == list(old[place])


@given(ploidy=st.integers(1, 4), n_alts=st.integers(2, 5), data=st.data())
def test_split__follows_every_allele_at_any_ploidy(ploidy: int, n_alts: int, data: st.DataObject) -> None:
    n_samples = 3
    calls = data.draw(
        st.lists(st.lists(st.integers(-1, n_alts), min_size=ploidy, max_size=ploidy), min_size=3, max_size=3)
    )
    names = genotypes_in_order(n_alts + 1, ploidy)
    likelihoods = np.tile(np.arange(len(names), dtype=np.int32), (1, n_samples, 1))
    block = VariantBlock(
        **{
            **vars(empty_block(n_samples).take([])),
            **{"contigs": ["1"], "positions": np.array([5], np.int32), "identifiers": [""]},
            "alleles": [("A", *("AC" + "G" * at for at in range(n_alts)))],
            **{"quality": np.array([1], np.float32), "filters": [()], "ends": np.array([-1], np.int32)},
            "genotypes": np.array([calls], np.int8),
            "phased": np.zeros((1, n_samples), bool),
            "states": np.zeros((1, n_samples), np.int8),
            "formats": {"PL": likelihoods},
        }
    )
    fields = {"FORMAT/PL": Field("FORMAT", "PL", "G", "Integer")}
    done = split_block(block, fields, SplitCounts(), other_alleles="reference")
    assert len(done) == n_alts
    for alt in range(1, n_alts + 1):
        expected = [[1 if a == alt else min(a, 0) for a in call] for call in calls]
        assert done.genotypes[alt - 1].tolist() == expected
        kept = [at for at, alleles in enumerate(names) if set(alleles) <= {0, alt}]
        assert done.formats["PL"][alt - 1, 0].tolist() == kept
