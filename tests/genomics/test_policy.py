import subprocess
from shutil import which

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from genomics.block import call_states
from genomics.errors import InputError
from genomics.policy import CHOICES, CallPolicy, count_dosage, haploid_calls, parse_policy, policy_of
from genomics.readers import Selection, open_reader

CALLS = npst.arrays(np.int8, (4, 5, 3), elements=st.integers(-2, 3))


def test_call_policy__every_choice_is_named_and_explained():
    policy = CallPolicy()
    assert set(policy.as_json()) == set(CHOICES)
    for name, choices in CHOICES.items():
        assert getattr(policy, name) == next(iter(choices)), "the first choice is the default"
        for value, sentence in choices.items():
            assert sentence.endswith(".") and sentence in CallPolicy(**{name: value}).describe()


def test_call_policy__json_round_trip():
    policy = CallPolicy(half_calls="haploid", filtered="drop")
    assert CallPolicy.from_json(policy.as_json()) == policy
    assert policy_of({"call_policy": {"choices": policy.as_json(), "counts": {}}}) == policy


@pytest.mark.parametrize(
    ("settings_", "said"),
    [
        (["half_calls"], "name=choice"),
        (["halfcalls=error"], "half_calls"),
        (["half_calls=ref"], "no-call or reference or haploid or error"),
        (["missing=reference"], "expected no-call"),
    ],
)
def test_parse_policy__refuses_what_it_does_not_know(settings_, said):
    with pytest.raises(InputError, match=said):
        parse_policy(settings_)


def test_parse_policy__hyphens_as_on_a_command_line():
    assert parse_policy(["half-calls=reference"]).half_calls == "reference"


def _slow_dosage(call, state, allele, policy):
    if state:
        return np.nan
    alleles = [number for number in call if number != -2]
    twice = 2 if policy.haploid == "as-diploid" and len(alleles) == 1 else 1
    return twice * alleles.count(allele)


@settings(max_examples=80, deadline=None)
@given(
    CALLS, st.lists(st.integers(1, 3), min_size=4, max_size=4), st.sampled_from(["as-written", "as-diploid"])
)
def test_count_dosage__as_one_by_one(genotypes, alleles, haploid):
    # fill stands after the alleles, as readers write it
    genotypes = np.take_along_axis(genotypes, np.argsort(genotypes == -2, axis=-1, kind="stable"), axis=-1)
    states = call_states(genotypes, np.zeros((1, 1), bool))
    policy = CallPolicy(haploid=haploid)
    dosage = count_dosage(genotypes, states, np.array(alleles), policy)
    assert dosage.dtype == np.float32
    for (row, sample), copies in np.ndenumerate(dosage):
        expected = _slow_dosage(genotypes[row, sample], states[row, sample], alleles[row], policy)
        assert copies == expected or (np.isnan(copies) and np.isnan(expected))


def test_count_dosage__alleles_beyond_127():
    genotypes = np.array([[[200, 0], [200, 200]]], np.int16)
    assert count_dosage(genotypes, np.zeros((1, 2), np.int8), np.array([200])).tolist() == [[1, 2]]


def test_haploid_calls__no_genotype_is_not_haploid():
    assert haploid_calls(np.array([[[-1, -2], [-2, -2], [0, -1]]])).tolist() == [[True, False, False]]


@pytest.mark.parametrize(
    ("number", "dosage"), [(1, [0, 1, np.nan, np.nan, 1, 1, 0, 2]), (2, [0, 0, np.nan, np.nan, 1, 0, 1, 0])]
)
def test_count_dosage__known_traps(make_vcf, number, dosage):
    """Each trap of the other readers in one record: half calls, haploid, 1/2, 0/2, triploid."""
    calls = "0/0 0/1 0/. ./1 1/2 1 0/2 0/1/1"
    path = make_vcf([f"1 100 . A G,T . . . GT {calls}"], samples=list("ABCDEFGH"))
    block = next(iter(open_reader(path).blocks(Selection())))
    found = count_dosage(block.genotypes, block.states, np.array([number]))
    np.testing.assert_array_equal(found[0], dosage)


def test_count_dosage__as_plink2(make_vcf, tmp_path):
    """PLINK 2 counts a haploid call on an autosome as homozygous: the choice as-diploid."""
    if which("plink2") is None:
        pytest.skip("plink2 is not installed")
    rng = np.random.default_rng(1)
    texts = np.array(["0/0", "0/1", "1/1", "./.", "0", "1"])
    records = [
        f"1 {100 + row} v{row} A G . . . GT " + " ".join(texts[rng.integers(0, 6, 20)]) for row in range(30)
    ]
    path = make_vcf(records, samples=[f"s{number}" for number in range(20)])
    command = ["plink2", "--vcf", path, "--export", "A", "--export-allele", tmp_path / "alleles", "--out"]
    (tmp_path / "alleles").write_text("".join(f"v{row} G\n" for row in range(30)))
    subprocess.run([*command, tmp_path / "plink"], check=True, capture_output=True)
    lines = (tmp_path / "plink.raw").read_text().splitlines()[1:]
    expected = np.array([[float(x) if x != "NA" else np.nan for x in line.split()[6:]] for line in lines]).T
    block = next(iter(open_reader(path).blocks(Selection())))
    policy = CallPolicy(haploid="as-diploid")
    dosage = count_dosage(block.genotypes, block.states, np.ones(30), policy)
    np.testing.assert_array_equal(dosage, expected)
