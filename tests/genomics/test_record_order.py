from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomics.block import VariantBlock, empty_block
from genomics.errors import InputError
from genomics.record_order import RecordOrder

Loci = Sequence[tuple[str, int]]


def _block(loci: Loci) -> VariantBlock:
    return replace(
        empty_block(0), contigs=[c for c, _ in loci], positions=np.array([p for _, p in loci], np.int32)
    )


def _order(*files: Loci) -> RecordOrder:
    order = RecordOrder()
    for number, loci in enumerate(files):
        order.check(_block(loci), Path(f"{number}.vcf"))
    return order


@given(st.lists(st.tuples(st.sampled_from("123"), st.integers(0, 9)), max_size=12), st.integers(1, 5))
def test_record_order__sorted_is_what_a_plain_check_says(loci: list[tuple[str, int]], size: int) -> None:
    order = RecordOrder()
    for start in range(0, len(loci), size):
        order.check(_block(loci[start : start + size]), Path("a.vcf"))
    ranks = {contig: rank for rank, contig in enumerate(dict.fromkeys(contig for contig, _ in loci))}
    plain = [(ranks[contig], position) for contig, position in loci]
    assert order.attributes() == {"sorted": plain == sorted(plain)}
    assert set(order.contigs) == set(ranks)


def test_record_order__shards_that_follow_each_other() -> None:
    assert _order([("1", 5), ("1", 9)], [("1", 9), ("2", 1)], [("X", 3)]).is_sorted
    assert not _order([("1", 9), ("1", 5)], [("2", 1)]).is_sorted


@pytest.mark.parametrize(
    ("files", "part"),
    [
        (([("1", 5), ("1", 9)], [("1", 8)]), r"1\.vcf, record 1:8, .*overlaps 0\.vcf, which goes on to 1:9"),
        (([("1", 5), ("2", 9)], [("1", 8)]), r"1\.vcf, record 1, field CHROM: the shard overlaps 0\.vcf"),
        (([("1", 9), ("1", 5)], [("1", 7)]), r"1\.vcf, record 1:7, .*goes on to 1:9"),
        (([("1", 5)], [("chr2", 8)]), r"1\.vcf, record chr2, .*two ways to name contigs: 0\.vcf 1 and"),
    ],
)
def test_record_order__shards_that_overlap_or_differ(files: tuple[Loci, ...], part: str) -> None:
    with pytest.raises(InputError, match=part):
        _order(*files)


def test_record_order__two_namings_in_one_file_are_stated() -> None:
    order = _order([("1", 5), ("chr2", 9), ("scaffold_7", 1)])
    assert order.attributes() == {"sorted": True, "contig_naming": "mixed: 1, chr2"}
