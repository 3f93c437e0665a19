import subprocess
from shutil import which

import numpy as np
import pytest

from genomics.block import join_blocks
from genomics.errors import InputError
from genomics.normalise_split import SplitCounts, split_block
from genomics.policy import CallPolicy
from genomics.policy_apply import ApplyPolicy
from genomics.readers import Selection, open_reader

AD = '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Depths">'
END = '##INFO=<ID=END,Number=1,Type=Integer,Description="End">'


@pytest.fixture
def read(make_vcf):
    """Return a function that reads records as one block."""

    def read_records(records, samples=("A", "B"), header=(), fields=None):
        reader = open_reader(make_vcf(records, samples=samples, header=header))
        return next(iter(reader.blocks(Selection(fields=fields)))), reader.fields

    return read_records


def _apply(block, fields=None, **choices):
    step = ApplyPolicy(CallPolicy(**choices), fields=fields)
    return join_blocks(list(step.apply(iter([block]))), block.n_samples), step.attributes()["counts"]


def _calls(block):
    return [[tuple(a for a in call if a != -2) for call in row] for row in block.genotypes.tolist()]


def test_apply__default_hands_plain_blocks_on(read):
    block, _ = read(["1 100 . A G . PASS . GT 0/1 ./.", "1 200 . A G . q10 . GT 0|1 0/."])
    step = ApplyPolicy()
    assert next(step.apply(iter([block]))) is block
    attributes = step.attributes()
    assert attributes["choices"] == CallPolicy().as_json()
    counts = {name: count for name, count in attributes["counts"].items() if count}
    assert counts == {"half_calls": 1, "filtered_calls": 1, "filtered_records": 1}


@pytest.mark.parametrize(
    ("choice", "calls", "states"),
    [
        ("no-call", [(0, -1), (-1, 1), (0, 1), (-1, -1)], [1, 1, 0, 1]),
        ("reference", [(0, 0), (0, 1), (0, 1), (-1, -1)], [0, 0, 0, 1]),
        ("haploid", [(0,), (1,), (0, 1), (-1, -1)], [0, 0, 0, 1]),
    ],
)
def test_apply__half_calls(read, choice, calls, states):
    block, _ = read(["1 100 . A G . . . GT 0/. .|1 0|1 ./."], samples="ABCD")
    changed, counts = _apply(block, half_calls=choice)
    assert _calls(changed)[0] == calls and changed.states[0].tolist() == states
    assert counts["half_calls"] == 2
    assert _calls(block)[0][0] == (0, -1), "the block given is not changed"
    if choice == "haploid":
        assert changed.phased[0].tolist() == [False, False, True, False]


def test_apply__half_calls_stay_filtered(read):
    records = ["1 100 . A G . q10 . GT:FT 0/.:PASS 0/1:PASS", "1 200 . A G . PASS . GT:FT ./1:low 0/.:."]
    block, _ = read(records, fields=("FORMAT/FT",))
    assert _apply(block, half_calls="reference")[0].states.tolist() == [[2, 2], [2, 0]]
    kept, _ = _apply(block, half_calls="reference", filtered="keep")
    assert kept.states.tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("policy", ["half_calls", "over_ploidy"])
def test_apply__error_names_record_and_choices(read, policy):
    block, _ = read(
        ["1 100 . A G . . . GT 0/1 0/0", "1 200 . A G . . . GT 0/1 0/.", "1 300 . A G . . . GT 0/1/1 0"]
    )
    where = {"half_calls": "1:200", "over_ploidy": "1:300"}[policy]
    with pytest.raises(
        InputError, match=rf"record {where}, field GT: .* sample number .*choose {policy}=.*no-call"
    ):
        _apply(block, **{policy: "error"})


def test_apply__half_calls_as_plink2(make_vcf, tmp_path):
    if which("plink2") is None:
        pytest.skip("plink2 is not installed")
    rng = np.random.default_rng(2)
    texts = np.array(["0/0", "0/1", "1/1", "./.", "0/.", "./1", "1/.", "./0"])
    records = [f"1 {100 + n} v{n} A G . . . GT " + " ".join(rng.choice(texts, 12)) for n in range(40)]
    path = make_vcf(records, samples=[f"s{number}" for number in range(12)])
    block = next(iter(open_reader(path).blocks(Selection())))
    for choice, plink in (("no-call", "missing"), ("reference", "reference"), ("haploid", "haploid")):
        command = [
            "plink2",
            "--vcf",
            path,
            "--vcf-half-call",
            plink,
            "--export",
            "vcf",
            "--out",
            tmp_path / "p",
        ]
        subprocess.run(command, check=True, capture_output=True)
        theirs = next(iter(open_reader(tmp_path / "p.vcf").blocks(Selection())))
        mine, _ = _apply(block, half_calls=choice)
        np.testing.assert_array_equal(mine.states, theirs.states)
        seen = mine.states == 0
        # PLINK writes the haploid call of an autosome as homozygous
        second = np.where(mine.genotypes[..., 1] == -2, mine.genotypes[..., 0], mine.genotypes[..., 1])
        ours = np.sort(np.stack([mine.genotypes[..., 0], second], axis=-1), axis=-1)
        np.testing.assert_array_equal(ours[seen], np.sort(theirs.genotypes, axis=-1)[seen])


def test_apply__over_ploidy(read):
    block, _ = read(["1 100 . A G . . . GT 0/1/1 0/1", "1 200 . A G . . . GT 1 0/0/0"])
    kept, counts = _apply(block)
    assert kept is not None and _calls(kept)[0][0] == (0, 1, 1)
    assert counts["over_ploidy_calls"] == 2 and counts["haploid_calls"] == 1
    cut, _ = _apply(block, over_ploidy="no-call")
    assert _calls(cut) == [[(-1, -1, -1), (0, 1)], [(1,), (-1, -1, -1)]]
    assert cut.states.tolist() == [[1, 0], [0, 1]]


def test_apply__filtered(read):
    records = ["1 100 . A G . q10 . GT:FT 0/1:. ./.:.", "1 200 . A G . PASS . GT:FT 0/1:low 0/0:PASS"]
    block, _ = read(records)
    assert _apply(block)[0].states.tolist() == [[2, 1], [2, 0]]
    assert _apply(block, filtered="keep")[0].states.tolist() == [[0, 1], [0, 0]]
    dropped, counts = _apply(block, filtered="drop")
    assert dropped.positions.tolist() == [200] and dropped.states.tolist() == [[2, 0]]
    assert counts["records_left_out"] == counts["filtered_records"] == 1


def test_apply__drops_whole_blocks(read):
    block, _ = read(["1 100 . A G . q10 . GT 0/1 ./."])
    assert list(ApplyPolicy(CallPolicy(filtered="drop")).apply(iter([block]))) == []


def test_apply__spanning_deletion(read):
    block, _ = read(["1 100 . AT A,* . . . GT 0/1 1/2", "1 200 . A G . . . GT 0/1 0/0"])
    kept, counts = _apply(block)
    assert _calls(kept)[0][1] == (1, 2) and kept.states.tolist() == [[0, 0], [0, 0]]
    assert (counts["spanning_deletion_records"], counts["spanning_deletion_calls"]) == (1, 1)
    cut, _ = _apply(block, spanning_deletion="no-call")
    assert _calls(cut)[0] == [(0, 1), (-1, -1)] and cut.states.tolist() == [[0, 1], [0, 0]]
    assert cut.alleles == block.alleles


def test_apply__symbolic(read):
    records = [
        "1 100 . A <DEL> . . END=200 GT 0/1 0/0", "1 300 . G G]17:5] . . . GT 0/1 0/0",
        "1 400 . A <NON_REF> . . END=500 GT 0/0 0/0", "1 600 . A G,* . . . GT 0/1 0/0", "1 700 . A . . . . GT 0/0 0/0",
    ]  # fmt: skip
    block, fields = read(records)
    kept, counts = _apply(block, fields)
    assert len(kept) == 5 and counts["symbolic_records"] == 2
    dropped, _ = _apply(block, fields, symbolic="drop-record")
    assert dropped.positions.tolist() == [400, 600, 700]


def test_apply__non_ref(read):
    records = [
        "1 100 . A G,<NON_REF> . . . GT:AD 0/1:5,4,1 1/2:0,3,4",
        "1 200 . A <*> . . END=250 GT:AD 0/0:9,0 ./.:.",
    ]
    block, fields = read(records, header=[AD, END], fields=("FORMAT/AD",))
    cut, counts = _apply(block, fields, non_ref="drop-allele")
    assert cut.alleles == [("A", "G"), ("A",)] and _calls(cut) == [[(0, 1), (-1, -1)], [(0, 0), (-1, -1)]]
    assert cut.formats["AD"].tolist() == [[[5, 4], [0, 3]], [[9, -2], [-1, -2]]]
    assert cut.ends.tolist() == [-1, 250]
    assert (counts["non_ref_records"], counts["non_ref_calls"]) == (2, 1)
    kept, counts = _apply(block, fields)
    assert kept.alleles == block.alleles and counts["non_ref_records"] == 2


def test_apply_policy__by_sex_needs_sexes_and_build(read):
    with pytest.raises(InputError, match="needs the samples' sexes"):
        ApplyPolicy(CallPolicy(sex_chromosomes="by-sex"))
    block, _ = read(["X 50000000 . A G . . . GT 0/1 0/0"])
    step = ApplyPolicy(CallPolicy(sex_chromosomes="by-sex"), sexes=[1, 2])
    with pytest.raises(InputError, match="GRCh37 or GRCh38"):
        next(step.apply(iter([block])))


def test_apply_policy__by_sex(read):
    records = [
        "X 50000000 . A G . . . GT 1|1 0/1",
        "X 50000001 . A G . . . GT 0/1 0/1",
        "Y 5000000 . A G . . . GT 1 0/0",
    ]
    block, _ = read(records)
    step = ApplyPolicy(CallPolicy(sex_chromosomes="by-sex"), sexes=[1, 2], build="GRCh38")
    changed = next(step.apply(iter([block])))
    assert _calls(changed) == [[(1,), (0, 1)], [(-1,), (0, 1)], [(1,), (-1, -1)]]
    counts = step.attributes()["counts"]
    assert (counts["men_made_haploid"], counts["men_heterozygous"], counts["women_on_y"]) == (1, 1, 1)


def test_apply__in_two_parts_as_in_one(read):
    """Calls before normalisation and filters after hard filters: together what one step does."""
    records = [
        "1 100 . A G,<*> . q10 . GT 0/. 0/2",
        "1 200 . A <DEL> . PASS . GT 0/1 0/0",
        "1 300 . A G . . . GT 0/1 0",
    ]
    block, fields = read(records)
    policy = CallPolicy(
        half_calls="reference", symbolic="drop-record", filtered="keep", non_ref="drop-allele"
    )
    calls, filters = (ApplyPolicy(policy, fields=fields, parts=[part]) for part in ("calls", "filters"))
    (apart,) = filters.apply(calls.apply(iter([block])))
    together, _ = _apply(block, fields, **policy.as_json())
    for name in ("genotypes", "states", "positions"):
        np.testing.assert_array_equal(getattr(apart, name), getattr(together, name))
    assert (calls.name, filters.name) == ("call_policy", "filter_policy")
    assert calls.attributes()["counts"]["records_left_out"] == 1
    assert filters.attributes()["counts"] == {
        "filtered_calls": 1,
        "filtered_records": 1,
        "records_left_out": 0,
    }


def test_apply__calls_before_splitting(read):
    """Split first, <NON_REF> would be a record of its own, and a call of two ALTs look like a deletion."""
    block, fields = read(["1 100 . A G,T,<NON_REF> . . . GT 0/1 1/2"])
    step = ApplyPolicy(
        CallPolicy(spanning_deletion="no-call", non_ref="drop-allele"), fields=fields, parts=["calls"]
    )
    split = split_block(next(step.apply(iter([block]))), fields, SplitCounts())
    assert [names[1] for names in split.alleles] == ["G", "T"]
    assert split.states.tolist() == [[0, 0], [0, 0]]
