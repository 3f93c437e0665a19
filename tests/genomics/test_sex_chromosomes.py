import subprocess
from dataclasses import replace
from shutil import which

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from genomics.block import NO_CALL, VariantBlock, call_states
from genomics.errors import InputError
from genomics.readers import Selection, open_reader
from genomics.sex_chromosomes import (
    FEMALE,
    MALE,
    PSEUDO_AUTOSOMAL,
    UNKNOWN,
    expected_ploidy,
    haploid_by_sex,
    in_pseudo_autosomal,
    read_sexes,
    to_haploid,
)

OUTSIDE = 50_000_000


def _block(genotypes, contig="X", position=OUTSIDE):
    genotypes = np.array(genotypes, np.int8)
    n, n_samples, _ = genotypes.shape
    return VariantBlock(
        contigs=[contig] * n,
        positions=np.full(n, position, np.int32),
        identifiers=[""] * n,
        alleles=[("A", "G")] * n,
        quality=np.full(n, np.nan, np.float32),
        filters=[()] * n,
        ends=np.full(n, -1, np.int32),
        genotypes=genotypes,
        phased=np.zeros((n, n_samples), bool),
        states=call_states(genotypes, np.zeros((1, 1), bool)),
    )


@pytest.mark.parametrize("build", ["GRCh37", "GRCh38"])
def test_pseudo_autosomal__same_length_on_x_and_y(build):
    """The two copies were assembled from the same clones: each region is as long on X as on Y."""
    for on_x, on_y in zip(*PSEUDO_AUTOSOMAL[build].values(), strict=True):
        assert on_x[1] - on_x[0] == on_y[1] - on_y[0]


@pytest.mark.parametrize("build", ["GRCh37", "GRCh38"])
def test_expected_ploidy__as_bcftools_call(build):
    """The table that ``bcftools call --ploidy`` prints, but for a base or two at the borders of GRCh38."""
    if which("bcftools") is None:
        pytest.skip("bcftools is not installed")
    command = ["bcftools", "call", "--ploidy", f"{build}?"]
    printed = subprocess.run(command, capture_output=True, text=True, check=False)
    rules = [line.split() for line in (printed.stdout + printed.stderr).splitlines()]
    rules = [rule for rule in rules if len(rule) == 5 and rule[0] in ("X", "Y", "MT") and rule[1].isdigit()]
    assert len(rules) >= 6
    for contig, start, end, sex, ploidy in rules:
        positions = np.array([int(start), (int(start) + int(end)) // 2, int(end) - 2])
        mine = expected_ploidy(contig, positions, {"M": MALE, "F": FEMALE}[sex], build)
        assert mine.tolist() == [int(ploidy)] * 3, (contig, start, sex)
    x = [rule for rule in rules if rule[0] == "X"]
    for _, start, end, _, _ in x:
        assert not in_pseudo_autosomal("X", np.array([int(start), int(end)]), build).any()
    assert in_pseudo_autosomal("X", np.array([int(x[0][2]) + 2, int(x[1][1]) - 2]), build).all()


def test_expected_ploidy__xtr_is_not_pseudo_autosomal():
    transposed = np.array([90_000_000, 92_000_000])
    assert expected_ploidy("X", transposed, MALE, "GRCh38").tolist() == [1, 1]


def test_expected_ploidy__unknown_sex_and_build():
    positions = np.array([OUTSIDE])
    assert expected_ploidy("chrX", positions, UNKNOWN, "GRCh37").tolist() == [-1]
    assert expected_ploidy("chrY", positions, UNKNOWN, "GRCh37").tolist() == [-1]
    assert expected_ploidy("7", positions, UNKNOWN, "GRCh37").tolist() == [2]
    with pytest.raises(InputError, match="--build"):
        expected_ploidy("X", positions, MALE, "unknown")


def test_haploid_by_sex__each_kind_of_call():
    calls = [[[1, 1], [0, 1], [1, -2], [-1, -1], [0, -1], [-2, -2], [1, 1], [0, 1]]]
    sexes = np.array([MALE] * 6 + [FEMALE, UNKNOWN])
    block = _block(calls)
    block.states[0, 5] = 3  # absent
    changed, counts = haploid_by_sex(block, sexes, "GRCh38")
    assert changed.genotypes[0].tolist() == [
        [1, -2], [-1, -2], [1, -2], [-1, -2], [-1, -2], [-2, -2], [1, 1], [0, 1],
    ]  # fmt: skip
    assert changed.states[0].tolist() == [0, 1, 0, 1, 1, 3, 0, 0]
    assert counts == {"men_made_haploid": 3, "men_heterozygous": 1, "women_on_y": 0}


@pytest.mark.parametrize(("contig", "position"), [("X", 1_000_000), ("chr7", OUTSIDE), ("MT", 1000)])
def test_haploid_by_sex__leaves_the_rest_as_written(contig, position):
    block = _block([[[0, 1], [1, 1]]], contig, position)
    changed, counts = haploid_by_sex(block, np.array([MALE, FEMALE]), "GRCh38")
    np.testing.assert_array_equal(changed.genotypes, block.genotypes)
    assert not any(counts.values())
    if contig != "X":
        assert changed is block


def test_haploid_by_sex__women_have_no_y():
    block = _block([[[1, -2], [0, 0], [-2, -2], [1, -2]]], "chrY", 5_000_000)
    block.states[0, 2] = 3
    changed, counts = haploid_by_sex(block, np.array([FEMALE, FEMALE, FEMALE, MALE]), "GRCh38")
    assert changed.genotypes[0].tolist() == [[-1, -2], [-1, -1], [-2, -2], [1, -2]]
    assert changed.states[0].tolist() == [1, 1, 3, 0] and counts["women_on_y"] == 2


def test_haploid_by_sex__keeps_filtered_and_refuses_wrong_numbers():
    block = _block([[[1, 1], [0, 1]]])
    block = replace(block, states=np.full((1, 2), 2, np.int8))
    changed, _ = haploid_by_sex(block, np.array([MALE, MALE]), "GRCh37")
    assert changed.states.tolist() == [[2, 1]]
    with pytest.raises(InputError, match="3 sexes for 2 samples"):
        haploid_by_sex(block, np.array([1, 1, 2]), "GRCh37")


@settings(max_examples=60, deadline=None)
@given(npst.arrays(np.int8, (3, 4, 3), elements=st.integers(-2, 2)))
def test_haploid_by_sex__is_done_once(genotypes):
    """A second time changes nothing, no man keeps a second allele, and no observed call was made up."""
    genotypes = np.take_along_axis(genotypes, np.argsort(genotypes == -2, axis=-1, kind="stable"), axis=-1)
    block, sexes = _block(genotypes), np.array([1, 1, 2, 0])
    once, _ = haploid_by_sex(block, sexes, "GRCh38")
    twice, counts = haploid_by_sex(once, sexes, "GRCh38")
    np.testing.assert_array_equal(once.genotypes, twice.genotypes)
    np.testing.assert_array_equal(once.states, twice.states)
    assert not any(counts.values())
    assert (once.genotypes[:, :2, 1:] == -2).all()
    np.testing.assert_array_equal(once.genotypes[:, 2:], genotypes[:, 2:])
    np.testing.assert_array_equal(once.states == NO_CALL, call_states(once.genotypes, once.states == 2) == 1)


def test_to_haploid__triploid():
    made, _, mixed = to_haploid(np.array([[1, 1, 1], [1, 1, 0], [1, 1, -2]]))
    assert made.tolist() == [[1, -2, -2], [-1, -2, -2], [1, -2, -2]] and mixed.tolist() == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name sex\nA 1\n", "sample_id"),
        ("sample_id age\nA 1\n", "sample_id .or IID. and sex"),
        ("sample_id sex\nA 1\nA 2\n", "record A, field sex: two sexes"),
    ],
)
def test_read_sexes__malformed(tmp_path, text, said):
    (tmp_path / "sexes.tsv").write_text(text)
    with pytest.raises(InputError, match=said):
        read_sexes(tmp_path / "sexes.tsv", ["A"])


def test_read_sexes__psam(tmp_path):
    (tmp_path / "a.psam").write_text("#IID SEX pheno\nA 1 0\nB 2 0\nC NA 0\n")
    assert read_sexes(tmp_path / "a.psam", ["C", "B", "A", "D"]).tolist() == [0, 2, 1, 0]
    with pytest.raises(InputError, match="no such table"):
        read_sexes(tmp_path / "b.psam", ["A"])


@pytest.mark.parametrize(("build", "par2"), [("GRCh37", 155_000_000), ("GRCh38", 155_800_000)])
def test_haploid_by_sex__as_plink2(make_vcf, tmp_path, build, par2):
    """As --split-par and --set-hh-missing, which takes people of unknown sex for men on Y: not compared."""
    if which("plink2") is None:
        pytest.skip("plink2 is not installed")
    rng, samples = np.random.default_rng(5), [f"s{number}" for number in range(12)]
    sexes = np.array([MALE, FEMALE, UNKNOWN] * 4)
    starts = [("chrX", 1_000_000), ("chrX", 50_000_000), ("chrX", par2), ("chrY", 5_000_000)]
    # PLINK takes the telomeres, beyond the outer borders, for pseudo-autosomal
    (_, inner), (outer, _) = PSEUDO_AUTOSOMAL[build]["X"]
    borders = [inner - 1, inner, inner + 1, outer - 1, outer, outer + 1]
    places = sorted(
        {(contig, start + step) for contig, start in starts for step in range(8)}
        | {("chrX", place) for place in borders}
    )
    texts = np.array(["0/0", "0/1", "1/1", "./."])
    path = make_vcf(
        [f"{contig} {position} {contig}{position} A G . . . GT {' '.join(rng.choice(texts, 12))}" for contig, position in places],
        samples=samples,
    )  # fmt: skip
    (tmp_path / "sex.txt").write_text(
        "#IID\tSEX\n" + "".join(f"{name}\t{sex}\n" for name, sex in zip(samples, sexes, strict=True))
    )
    made = [
        "--update-sex",
        tmp_path / "sex.txt",
        "--split-par",
        {"GRCh37": "b37", "GRCh38": "b38"}[build],
        "--set-hh-missing",
    ]
    subprocess.run(
        ["plink2", "--vcf", path, *made, "--make-pgen", "--out", tmp_path / "p"],
        check=True,
        capture_output=True,
    )
    subprocess.run(
        ["plink2", "--pfile", tmp_path / "p", "--export", "vcf", "--out", tmp_path / "q"],
        check=True,
        capture_output=True,
    )
    (before,) = open_reader(path).blocks(Selection())
    (theirs,) = open_reader(tmp_path / "q.vcf").blocks(Selection())
    mine, counts = haploid_by_sex(before, sexes, build)
    order = {name: row for row, name in enumerate(theirs.identifiers)}
    rows = [order[name] for name in mine.identifiers]
    compared = (sexes != UNKNOWN) | (np.array([contig == "chrX" for contig in mine.contigs])[:, None])
    np.testing.assert_array_equal(mine.states[compared], theirs.states[rows][compared])
    seen = compared & (mine.states == 0)
    np.testing.assert_array_equal(mine.genotypes[seen], theirs.genotypes[rows][seen])
    assert all(counts.values())
