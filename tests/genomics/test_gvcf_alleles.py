import subprocess
from itertools import combinations_with_replacement
from shutil import which

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomics.block import VariantBlock, call_states, join_blocks
from genomics.fields import Field
from genomics.gvcf_alleles import UNSEEN, drop_unseen, has_unseen
from genomics.readers import Selection, open_reader

FIELDS = {
    "FORMAT/AD": Field("FORMAT", "AD", "R", "Integer"),
    "FORMAT/PL": Field("FORMAT", "PL", "G", "Integer"),
    "FORMAT/DS": Field("FORMAT", "DS", "A", "Float"),
    "INFO/AC": Field("INFO", "AC", "A", "Integer"),
}


def _block(alleles, calls):
    """One record; each value of a field names the allele or genotype that it belongs to."""
    genotypes = np.array([calls], np.int8)
    n, n_samples = len(alleles), len(calls)
    pairs = sorted(combinations_with_replacement(range(n), 2), key=lambda pair: pair[::-1])
    return VariantBlock(
        contigs=["1"],
        positions=np.array([100], np.int32),
        identifiers=[""],
        alleles=[tuple(alleles)],
        quality=np.array([np.nan], np.float32),
        filters=[()],
        ends=np.array([-1], np.int32),
        genotypes=genotypes,
        phased=np.zeros((1, n_samples), bool),
        states=call_states(genotypes, np.zeros((1, 1), bool)),
        info={"AC": np.arange(1, n, dtype=np.int32)[None]},
        formats={
            "AD": np.tile(np.arange(n, dtype=np.int32), (1, n_samples, 1)),
            "PL": np.tile(np.array([10 * a + b for a, b in pairs], np.int32), (1, n_samples, 1)),
            "DS": np.tile(np.arange(1, n, dtype=np.float32), (1, n_samples, 1)),
        },
        consequences=[tuple(("gene", str(number), "") for number in range(1, n))],
    )


@settings(max_examples=100, deadline=None)
@given(st.permutations(["G", "T", "<NON_REF>"]), st.integers(1, 3), st.data())
def test_drop_unseen__values_follow_their_alleles(alts, n_alts, data):
    """Calls, values and consequences name the same alleles before and after, whatever the order of ALT."""
    alleles = ["A", *alts[:n_alts]]
    calls = data.draw(
        st.lists(st.tuples(*[st.integers(-1, n_alts)] * 2), min_size=2, max_size=2).map(
            lambda calls: [list(c) for c in calls]
        )
    )
    block = _block(alleles, calls)
    cut, n_records, n_calls = drop_unseen(block, FIELDS)
    if not has_unseen(alleles):
        assert cut is block and n_records == n_calls == 0
        return
    kept = [number for number, name in enumerate(alleles) if name not in UNSEEN]
    assert cut.alleles[0] == tuple(alleles[number] for number in kept)
    for before, after, state in zip(calls, cut.genotypes[0].tolist(), cut.states[0], strict=True):
        carries = any(number >= 0 and number not in kept for number in before)
        assert after == ([-1, -1] if carries else [kept.index(n) if n >= 0 else -1 for n in before])
        assert state == (1 if carries or -1 in before else 0)
    expected = [10 * a + b for b in kept for a in kept if a <= b]
    assert cut.formats["PL"][0, 0].tolist() == expected
    assert cut.formats["AD"][0, 1].tolist() == kept
    assert cut.info["AC"][0].tolist() == (kept[1:] or [-1])
    np.testing.assert_array_equal(cut.formats["DS"][0, 0], kept[1:] or [np.nan])
    assert [item[1] for item in cut.consequences[0]] == [str(number) for number in kept[1:]]


def test_drop_unseen__haploid_and_short_values():
    """A haploid call has one PL per allele; a number of values that fits nothing becomes missing."""
    block = _block(["A", "<*>", "G"], [[0, -2], [2, -2], [0, 2], [1, 2]])
    pl = np.full((1, 4, 6), -2, np.int32)
    pl[0, 0, :3], pl[0, 1, :4], pl[0, 2], pl[0, 3, 0] = [0, 50, 90], [1, 2, 3, 4], [0, 1, 2, 3, 4, 5], -1
    block.formats["PL"] = pl
    cut, _, n_calls = drop_unseen(block, FIELDS)
    assert cut.formats["PL"][0].tolist() == [[0, 90, -2], [-1, -2, -2], [0, 3, 5], [-1, -2, -2]]
    assert cut.genotypes[0].tolist() == [[0, -2], [1, -2], [0, 1], [-1, -1]] and n_calls == 1


def test_drop_unseen__leaves_other_records_of_the_block():
    block = join_blocks(
        [_block(["A", "G"], [[0, 1]]), _block(["A", "<*>"], [[0, 0]]), _block(["A", "T", "C"], [[1, 2]])], 1
    )
    cut, n_records, _ = drop_unseen(block, FIELDS)
    assert n_records == 1 and cut.alleles == [("A", "G"), ("A",), ("A", "T", "C")]
    assert cut.formats["PL"][:, 0].tolist() == [
        [0, 1, 11, -2, -2, -2], [0, -2, -2, -2, -2, -2], [0, 1, 11, 2, 12, 22],
    ]  # fmt: skip
    assert cut.genotypes[2].tolist() == [[1, 2]]


@pytest.mark.parametrize("name", ["mpileup.2.vcf", "mpileup.4.vcf", "mpileup.X.vcf"])
def test_drop_unseen__as_bcftools_norm(shared_data, tmp_path, name):
    """bcftools norm -m- splits A > G,<*> in two: the first is the record without <*>."""
    if which("bcftools") is None:
        pytest.skip("bcftools is not installed")
    path = shared_data / "variants" / "bcftools" / "test" / name
    subprocess.run(
        ["bcftools", "norm", "-m-", path, "-o", tmp_path / "split.vcf"], check=True, capture_output=True
    )
    wanted = Selection(fields=("FORMAT/PL", "FORMAT/AD", "FORMAT/DP"))
    reader, split = open_reader(path), open_reader(tmp_path / "split.vcf")
    mine = join_blocks(
        [drop_unseen(block, reader.fields)[0] for block in reader.blocks(wanted)], len(reader.samples)
    )
    theirs = join_blocks(list(split.blocks(wanted)), len(split.samples))
    rows = {
        (position, names): row
        for row, (position, names) in enumerate(zip(theirs.positions.tolist(), theirs.alleles, strict=True))
    }
    n_compared = 0
    for row, (position, names) in enumerate(zip(mine.positions.tolist(), mine.alleles, strict=True)):
        if len(names) != 2 or (position, names) not in rows:
            continue
        n_compared += 1
        for field in ("PL", "AD"):
            if field in mine.formats:
                values = theirs.formats[field][rows[position, names]]
                width = values.shape[-1]
                assert mine.formats[field][row, :, :width].tolist() == values.tolist(), (position, field)
    assert n_compared or all(len(names) == 1 or len(names) > 2 for names in mine.alleles)
