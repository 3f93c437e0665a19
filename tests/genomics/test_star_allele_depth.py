"""Depths of alleles and what they say of copies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from genomics.ingest import ingest
from genomics.star_allele_depth import depth_log_likelihood, read_allele_depths
from genomics.star_alleles import StarGene, StarSite
from genomics.star_copy_calls import arrangement_name, arrangements, call_with_copies
from genomics.star_sites import index_records


def make_gene() -> StarGene:
    """Two alleles that differ at four sites: far apart, near the first, optional, an insertion."""
    places = [
        (1000, ("A", "C")),
        (1400, ("G", "T")),
        (1450, ("G", "T")),
        (2000, ("C", "G")),
        (3000, ("A", "AT")),
    ]
    sites = tuple(
        StarSite(f"rs{at}", {"GRCh38": at, "GRCh37": at + 7}, {"GRCh38": bases[0], "GRCh37": bases[0]}, bases)
        for at, bases in places
    )
    allowed = np.zeros((2, 5, 2), dtype=bool)
    allowed[0, :, 0] = allowed[1, :, 1] = True
    allowed[1, 3, 0] = True  # *4 is seen with and without the variant at 2000
    return StarGene("CYP2D6", "22", ("*1", "*4"), sites, allowed, np.full(2, np.nan), np.full(2, np.nan))


@given(
    reads=st.lists(st.tuples(st.integers(0, 200), st.integers(1, 200)), min_size=2, max_size=2),
    copy_number=st.integers(2, 6),
)
def test_depth_log_likelihood__agrees_with_the_binomial(
    reads: list[tuple[int, int]], copy_number: int
) -> None:
    gene = make_gene()
    depths = np.zeros((5, 2), dtype=np.int64)
    depths[:2] = reads
    depths[2:] = [[300, 1], [1, 300], [1, 300]]  # near another, optional, and an insertion: not counted
    depths[4] = 0
    log_likelihood = depth_log_likelihood(gene, depths, error=0.01)
    ways = arrangements("*1", "*4", copy_number)
    found = np.array([log_likelihood(way) for way in ways])
    expected = []
    for _, first, _, second in ways:
        share = first / (first + second)
        share = share * 0.99 + (1 - share) * 0.01
        expected.append(sum(binom.logpmf(one, one + other, share) for one, other in reads))
    # Up to the coefficients, which all arrangements share.
    assert found - found[0] == pytest.approx(np.array(expected) - expected[0], abs=1e-6)


def test_depth_log_likelihood__two_thirds_of_the_reads() -> None:
    gene = make_gene()
    depths = np.zeros((5, 2), dtype=np.int64)
    depths[0], depths[1] = (42, 19), (40, 21)
    found = call_with_copies(
        "CYP2D6", [("*1", "*4")], [1.0], [1.0], 3, hybrids_assessed=True,
        log_likelihood=depth_log_likelihood(gene, depths),
    )  # fmt: skip
    assert (found.diplotypes[0], found.status) == ("*1x2/*4", "called")
    none = depth_log_likelihood(gene, np.zeros((5, 2), dtype=np.int64))
    assert {none(way) for way in arrangements("*1", "*4", 3)} == {0.0}


def test_depth_log_likelihood__simulated_reads_find_their_arrangement() -> None:
    rng = np.random.default_rng(0)
    gene = make_gene()
    right = 0
    for way in arrangements("*1", "*4", 4) * 100:
        depths = np.zeros((5, 2), dtype=np.int64)
        share = way[1] / 4 * 0.99 + (1 - way[1] / 4) * 0.01
        depths[:2, 0] = rng.binomial(40, share, 2)
        depths[:2, 1] = 40 - depths[:2, 0]
        log_likelihood = depth_log_likelihood(gene, depths)
        best = max(arrangements("*1", "*4", 4), key=log_likelihood)
        right += arrangement_name(best) == arrangement_name(way)
    assert right > 270  # of 300: the shares 1/4, 1/2, 3/4 are 4.5 standard errors of 80 reads apart


@pytest.mark.parametrize(("build", "move"), [("GRCh38", 0), ("GRCh37", 7)])
def test_read_allele_depths__by_code_of_the_definition(tmp_path: Path, build: str, move: int) -> None:
    header = (
        '##fileformat=VCFv4.2\n##contig=<ID=22>\n##FILTER=<ID=low,Description="l">\n'
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="g">\n'
        '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="d">\n'
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tA\tB\n"
    )
    records = [
        (1000, "A", "G,C", "PASS", "0/2:20,3,10", "0/0:33"),
        (1400, "G", "T", "low", "0/1:5,5", "0/1:5,5"),
        (1450, "G", "T", "PASS", "0/1:.", "1/1:0,9"),
        (3000, "A", "AT", "PASS", "0/1:5,5", "0/1:5,5"),
    ]
    lines = [
        f"22\t{at + move}\t.\t{ref}\t{alt}\t.\t{f}\t.\tGT:AD\t{a}\t{b}" for at, ref, alt, f, a, b in records
    ]
    path = tmp_path / "in.vcf"
    path.write_text(header + "\n".join(lines) + "\n")
    cohort = ingest(path, tmp_path / "in.vcz", build=build, fields=["FORMAT/AD"])
    depths = read_allele_depths(cohort, index_records(cohort), make_gene(), build)
    assert depths[0].tolist() == [[20, 10], [33, 0]]
    assert depths[2].tolist() == [[0, 0], [0, 9]]
    assert not depths[1].any() and not depths[3:].any()
    plain = ingest(path, tmp_path / "plain.vcz", build=build)
    assert not read_allele_depths(plain, index_records(plain), make_gene(), build).any()
