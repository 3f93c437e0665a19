from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from genomics.block import VariantBlock, join_blocks
from genomics.readers import Selection, open_reader
from genomics.spool import Spool

HEADER = [
    '##INFO=<ID=AF,Number=A,Type=Float,Description="d">',
    '##INFO=<ID=NAME,Number=R,Type=String,Description="d">',
    '##INFO=<ID=DB,Number=0,Type=Flag,Description="d">',
    '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="d">',
    '##FORMAT=<ID=WORD,Number=1,Type=String,Description="d">',
]


def _assert_same(one: VariantBlock, other: VariantBlock) -> None:
    for item in fields(VariantBlock):
        a, b = getattr(one, item.name), getattr(other, item.name)
        if isinstance(a, dict):
            assert set(a) == set(b)
            for name in a:
                assert a[name].dtype == b[name].dtype
                np.testing.assert_array_equal(a[name], b[name])
        elif isinstance(a, np.ndarray):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
        else:
            assert a == b


def test_spool__gives_back_what_it_took_in_order(tmp_path: Path, make_vcf: Callable[..., Path]) -> None:
    path = make_vcf(
        [
            "chr2 5 rs1 A C,G 7 PASS AF=0.1,0.2;NAME=a,b,é;DB GT:AD:WORD 1|2:1,2,3:x ./.:.:.",
            "chr10 2500000 . A <DEL> . q10 . GT:AD:WORD 0/1:4,5:y 1:.:z",
            "chr10 9 . A . . . . GT 0/0 .",
        ],
        header=HEADER,
    )
    (block,) = open_reader(path).blocks(Selection(fields=("INFO/*", "FORMAT/*")))
    told = [(("g", "missense", "p.A1C"), ("", "", "")), (("", "", ""),), ()]
    block = replace(block, consequences=told, from_block=np.array([[True, False]] * 3))
    folder = tmp_path / "spool"
    folder.mkdir()
    spool = Spool(folder)
    spool.add(block.rows(1, 3))
    spool.add(block.rows(0, 1))
    _assert_same(join_blocks(list(spool.sorted()), 2), block.take([0, 2, 1]))
    assert list(folder.iterdir()) == []
