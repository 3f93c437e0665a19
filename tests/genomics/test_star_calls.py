from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from genomics.ingest import ingest
from genomics.star_calls import phase_sets, read_calls, two_copies
from genomics.star_match import FILL


def test_phase_sets__names_are_numbered_apart_from_sets_without_one() -> None:
    phased = np.array([[True, True, True, False], [True, True, True, True]])
    sets = np.array([["7_A_G", "7_A_G", ".", "7_A_G"], ["7_A_G", "9_C_T", "", "."]], dtype=object)
    found = phase_sets(phased, sets)
    assert found[0, 0] == found[0, 1] == found[1, 0] and found[1, 1] not in (0, 1, found[0, 0])
    assert found[0, 2:].tolist() == [1, 0] and found[1, 2:].tolist() == [1, 1]


def test_two_copies__one_dot_says_nothing_of_the_number_of_copies() -> None:
    calls, copies = two_copies(np.array([[[-1, FILL], [1, FILL], [FILL, FILL]]], dtype=np.int8))
    assert calls.tolist() == [[[-1, -1], [1, FILL], [-1, -1]]] and copies.tolist() == [[0, 0, 0]]
    haploid, _ = two_copies(np.array([[[0], [1], [-1]]], dtype=np.int8))
    assert haploid.tolist() == [[[0, FILL], [1, FILL], [-1, -1]]]


def test_two_copies__more_are_counted_where_they_say_anything() -> None:
    calls = np.array(
        [[[0, 0, 1, FILL], [-1, 1, -1, -1], [-1, -1, -1, FILL], [0, 1, FILL, FILL]]], dtype=np.int8
    )
    two, copies = two_copies(calls)
    assert two.tolist() == [[[-1, -1]] * 3 + [[0, 1]]] and copies.tolist() == [[3, 4, 0, 0]]


def test_read_calls__low_quality_is_filtered_and_no_call_stays_one(
    make_vcf: Callable[..., Path], tmp_path: Path
) -> None:
    records = ["1 5 . A G . PASS . GT:GQ 0/1:19 0/1:20 ./.:0 ./1:3", "1 9 . A G . PASS . GT 0/1 0/1 0/1 0/1"]
    cohort = ingest(make_vcf(records, samples=list("ABCD")), tmp_path / "c.vcz", build="GRCh38")
    rows = np.arange(2)
    # A record without any quality is not held to it.
    assert read_calls(cohort, rows, min_gq=20).states.tolist() == [[2, 0, 1, 2], [0, 0, 0, 0]]
    assert read_calls(cohort, rows).states.tolist() == [[0, 0, 1, 1], [0, 0, 0, 0]]


def test_read_calls__a_call_without_a_read_is_none(make_vcf: Callable[..., Path], tmp_path: Path) -> None:
    header = [
        '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Depth by allele">',
        '##FORMAT=<ID=GP,Number=G,Type=Float,Description="Genotype probabilities">',
    ]
    records = [
        "1 5 . A G . PASS . GT:DP:GQ 0/0:0:0 0/0:1:30 0/1:.:30 0/1:0:30",
        "1 9 . A G . PASS . GT:AD:DP 0/0:0,0:. 0/0:0,3:. 0/0:.:. 0/0:0,0:4",
        "1 12 . A G . PASS . GT:DP:GP 0/0:0:0.9,0.1,0 0/0:0:. 0/0:7:. 0/0:.:.",
        "1 15 . A G . q10 . GT:DP 0/0:0 0/0:9 0/0:. 0/0:0",
    ]
    path = make_vcf(records, samples=list("ABCD"), header=header)
    cohort = ingest(path, tmp_path / "c.vcz", build="GRCh38", fields=["FORMAT/*"])
    calls = read_calls(cohort, np.arange(4), min_gq=20)
    assert calls.states.tolist() == [[1, 0, 0, 1], [1, 0, 0, 0], [0, 1, 0, 0], [2, 2, 2, 2]]
    assert calls.genotypes[0].tolist() == [[-1, -1], [0, 0], [0, 1], [-1, -1]]
    # Imputed calls need no reads.
    assert calls.genotypes[2].tolist() == [[0, 0], [-1, -1], [0, 0], [0, 0]]


def test_read_calls__quality_stands_aside_for_good_probabilities_alone(
    make_vcf: Callable[..., Path], tmp_path: Path
) -> None:
    header = [
        '##FORMAT=<ID=GP,Number=G,Type=Float,Description="Genotype probabilities">',
        '##FORMAT=<ID=HDS,Number=2,Type=Float,Description="Haploid dosages">',
    ]
    records = [
        "1 5 . A G . PASS . GT:GQ:GP 0/1:3:0.1,0.8,0.1 0/1:3:0.6,0.6,0.6 0/1:3:0.4,0.6 0/1:3:-1,1,1",
        "1 9 . A G . PASS . GT:GQ:HDS 0/1:3:0.1,0.9 0/1:3:0.1,1.9 1:3:0.9 0/1:3:.,.",
        "1 12 . A G,T . PASS . GT:GQ:GP 0/1:3:0,1,0 0/1:3:0,1,0,0,0,0 1:3:0,1,0 0/1:3:.",
    ]
    path = make_vcf(records, samples=list("ABCD"), header=header)
    cohort = ingest(path, tmp_path / "c.vcz", build="GRCh38", fields=["FORMAT/*"])
    states = read_calls(cohort, np.arange(3), min_gq=20).states
    assert states.tolist() == [[0, 2, 2, 2], [0, 2, 0, 2], [2, 0, 0, 2]]
